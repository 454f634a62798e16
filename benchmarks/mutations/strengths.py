"""Mutations of augmentations with a strength: on pixels, their laws, their maps, what is read off latents."""

from __future__ import annotations

from benchmarks.mutations.mutation import Mutation

__all__ = ["MUTATIONS"]

TESTS = "tests/test_strengths.py"

MUTATIONS = [
    Mutation("a rotation turns the other way", "return cos * x + sin * y, cos * y - sin * x",
             "return cos * x - sin * y, cos * y + sin * x", TESTS),
    Mutation("strengths of a batch are those of the first", "return np.broadcast_to(t, (n_images,))",
             "return np.full(n_images, t if t.ndim == 0 else t[0])", TESTS),
    Mutation("one strength is drawn for all images", "size=(len(which), len(self.names))",
             "size=(1, len(self.names))", TESTS),
    Mutation("views without a family have strengths", "self.has[which] * rng.uniform(", "1.0 * rng.uniform(", TESTS),
    Mutation("nothing is turned round", "return -1 if few.apart(", "return 0 if few.apart(", TESTS),
    Mutation("a mirror leaves planes as they are", "turns[:, np.arange(n), table[mirror]] = signs",
             "turns[:, np.arange(n), table[mirror]] = 1", TESTS),
    Mutation("a plane turns by half", "turned = turning * np.exp(1j * strengths * self.frequencies)",
             "turned = turning * np.exp(0.5j * strengths * self.frequencies)", TESTS),
    Mutation("frequencies of a circle are not made whole",
             "    if period is not None:\n        frequencies = np.round(",
             "    if period is None:\n        frequencies = np.round(", TESTS),
    Mutation("joint training forgets where it came from", "flows(_each(flows.undo(z, s), L), t)",
             "flows(_each(z, L), t)", TESTS),
    Mutation("joint training goes on the wrong way", "z = self._carry(z, -t, run)", "z = self._carry(z, t, run)",
             TESTS),
    Mutation("families that share planes turn them one way", "* rng.choice([-1, 1], size=len(found))", "* 1", TESTS),
    Mutation("of families that share planes the first acts", "for j in run), strict=True)",
             "for j in run[:1]), strict=True)", TESTS),
    Mutation("a half turn leaves its planes", "round_[1::2]] = np.pi", "round_[1::2]] = 0", TESTS),
    Mutation("a part of a circle is taken for all of it", "for _ in range(ROUNDS if self._missing else 0):",
             "for _ in range(0):", TESTS),
    Mutation("views are taken from the first", "self._parts_of[number]", "self._parts_of[0]", TESTS),
    Mutation("families after the first do not commute", "A = commuting_part(A, B)", "A = A", TESTS),
    Mutation("a share of a time is a whole one", "np.exp(powers * values)", "np.exp(np.sign(powers) * values)", TESTS),
    Mutation("estimates are not refined", "for _ in range(6):", "for _ in range(1):", TESTS),
    Mutation("draws differ from call to call",
             "rng = check_random_state(draw_seed(self.random_state))\n        return {",
             "rng = check_random_state(None)\n        return {", TESTS),
    Mutation("what is not allowed for a label is drawn",
             "power = np.where(after >= 0, power, 0.0)", "power = 1.0 * power",
             TESTS),
    Mutation("relative phases are of whole turns of one plane", "** p * np.conj(units[:, k] ** q)",
             "* np.conj(units[:, k])", TESTS),
]  # fmt: skip

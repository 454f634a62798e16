"""Mutations of augmentations with a strength: on pixels, their laws, their maps, what is read off latents."""

from __future__ import annotations

from benchmarks.mutations.mutation import Mutation

__all__ = ["MUTATIONS"]

TESTS = "tests/test_strengths.py"
POSES = "tests/test_representations.py"

MUTATIONS = [
    Mutation("a rotation turns the other way", "return cos * x + sin * y, cos * y - sin * x",
             "return cos * x - sin * y, cos * y + sin * x", TESTS),
    Mutation("strengths of a batch are those of the first", "return np.broadcast_to(t, (n_images,))",
             "return np.full(n_images, t if t.ndim == 0 else t[0])", TESTS),
    Mutation("one strength is drawn for all images", "rng.random((len(which), len(self.names)))",
             "rng.random((1, len(self.names)))", TESTS),
    Mutation("views without a family have strengths", "return self.has[which] * (", "return 1.0 * (", TESTS),
    Mutation("the ends of a circle come more often", "np.where(self.are_circles, places,",
             "np.where(~self.are_circles, places,", TESTS),
    Mutation("the ends of a line come no more often", "np.sin(np.pi / 2 * places) ** 2)", "places)", TESTS),
    Mutation("planes turn by the frequencies that tell least", "for j in range(n)), reverse=True",
             "for j in range(n)), reverse=False", TESTS),
    Mutation("a circle is looked at as a line", "if is_circle:", "if not is_circle:", POSES),
    Mutation("nothing turns where little does", "found if any(found) else", "found if True else", TESTS),
    Mutation("the pose that is farthest is taken", "torch.softmax(p @", "torch.softmax(-p @", POSES),
    Mutation("a pose is taken where parts lose less", "return lost[1] < lost[0]", "return True", POSES),
    Mutation("contents are read as the first pose has them", "encode, shift = [*encode, axes @ E]",
             "encode, shift = [*encode, encode[1] if len(encode) > 1 else axes @ E]", POSES),
    Mutation("a pose does not hold the elements apart", "while alike.sum() > 1:", "while alike.sum() > len(alike):",
             POSES),
    Mutation("a posed network is built anew without its poses", "            if poses is not None:\n",
             "            if poses is None:\n", POSES),
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

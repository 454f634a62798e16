"""Closed forms in latent space, what models do with latents, networks and refinement."""

from __future__ import annotations

from benchmarks.mutations.mutation import Mutation

__all__ = ["MUTATIONS"]

MAPS = "tests/test_maps.py tests/test_conjugated_maps.py"
MOMENTS = "tests/test_moments.py"
STEPS = "tests/test_steps.py"
VERBS = "tests/test_verbs.py tests/test_generation.py tests/test_augmenter.py"
SCORES = "tests/test_verbs.py tests/test_vae.py tests/test_metrics.py"
CONDITIONAL = "tests/test_verbs.py tests/test_generation.py tests/test_conditional.py"
NETWORKS = "tests/test_networks.py tests/test_convolutions.py tests/test_vae.py"
REFINE = "tests/test_refine.py tests/test_generation.py"
CALLBACKS = "tests/test_callbacks.py tests/test_sklearn.py"

ORBITS = "tests/test_orbits.py"

MUTATIONS = (
    Mutation(
        "an orbit is carried on, where it is trained on",
        "self._back = torch.linalg.inv(self.latent_maps()[list(map(latent_maps.number, self.orbit))])",
        "self._back = self.latent_maps()[list(map(latent_maps.number, self.orbit))]",
        ORBITS,
    ),
    Mutation("an orbit is carried on", "self._back = np.linalg.inv(self._maps)", "self._back = self._maps", ORBITS),
    Mutation(
        "an orbit is its first image",
        "np.mean([encode(x) @ back for x, back in each], axis=0)",
        "np.mean([encode(x) @ back for x, back in each][:1], axis=0)",
        ORBITS,
    ),
    Mutation(
        "derivatives of an orbit are not carried back",
        "torch.cat([x for x, _ in parts], 1), torch.cat(carried, 2)",
        "torch.cat([x for x, _ in parts], 1), torch.cat([J for _, J in parts], 2)",
        ORBITS,
    ),
    Mutation(
        "ends of a line are not carried back, where they are trained on", "if self._ends.any():", "if False:", ORBITS
    ),
    Mutation("all ends are trained on alike", "(means * self._counts.to(means)).mean(1)", "means.mean(1)", ORBITS),
    Mutation("no image is encoded alone", "ndtr(chance) < ALONE", "ndtr(chance) < 0", ORBITS),
    Mutation("all ends count alike", "self._counts[:, None, None] * self._back", "self._back", ORBITS),
    Mutation("draws stay where images are encoded at ends", "or self._ends.any())", ")", ORBITS),
    Mutation(
        "the nearer of two strengths is drawn",
        "np.abs(other - s) > np.abs(t - s)",
        "np.abs(other - s) < np.abs(t - s)",
        ORBITS,
    ),
    Mutation("lines that do not add up are encoded at their ends", "self.additivity <= ADDS_UP", "True", ORBITS),
    Mutation("what shows less counts more", ") ** BY_SHOWN", ") ** -BY_SHOWN", ORBITS),
    Mutation("images of streams have orbits", "len(data) < MANY and not goes_on", "len(data) < MANY", ORBITS),
    Mutation(
        "other views are mixed in",
        "alike = source * len(self.views.compositions) + target",
        "alike = 0 * source",
        ORBITS,
    ),
    Mutation("the network of the paper mixes", 'self.network == "paper")', 'self.network == "")', ORBITS),
    Mutation(
        "directions a thirtieth as long as the longest count as collapsed",
        "SINGULAR = 1e-12",
        "SINGULAR = 1e-3",
        f"{MAPS} {MOMENTS}",
    ),
    Mutation(
        "a free map is fitted backwards",
        "return free_map(Z.T @ Z, Z.T @ Z_aug)",
        "return free_map(Z_aug.T @ Z_aug, Z_aug.T @ Z)",
        MAPS,
    ),
    Mutation(
        "an orthogonal map is fitted backwards",
        "return orthogonal_map(Z.T @ Z_aug)",
        "return orthogonal_map(Z_aug.T @ Z)",
        MAPS,
    ),
    Mutation("an orthogonal map is transposed", "return polar(M)[0]", "return polar(M)[0].T", MAPS),
    Mutation(
        "angles are moved down to a root of unity",
        "np.round(np.angle(np.diag(T)) * order",
        "np.floor(np.angle(np.diag(T)) * order",
        MAPS,
    ),
    Mutation(
        "the orbit of a map turns the wrong way",
        "orbit.append(A.T @ orbit[-1] @ A)",
        "orbit.append(A @ orbit[-1] @ A.T)",
        MAPS,
    ),
    Mutation("the orbit of a map is two images long", "for _ in range(order - 1):", "for _ in range(1):", MAPS),
    Mutation(
        "a map of an order is brought back by the wrong root",
        "return inverse_root @ ((Q * np.exp(1j * angles)) @ Q.conj().T).real @ root",
        "return root @ ((Q * np.exp(1j * angles)) @ Q.conj().T).real @ inverse_root",
        MAPS,
    ),
    Mutation(
        "moments of a group are those of the other side",
        "between(h, cayley_table[h, g])",
        "between(h, cayley_table[g, h])",
        MAPS,
    ),
    Mutation(
        "the metric of a group is that of the originals",
        "np.mean([between(h, h) for h in elements], axis=0)",
        "between(0, 0)",
        MAPS,
    ),
    Mutation(
        "group maps are brought back by the wrong root",
        "return inverse_root @ nearest_representation(L, cayley_table) @ root",
        "return root @ nearest_representation(L, cayley_table) @ inverse_root",
        MAPS,
    ),
    Mutation("averaging over a group stops at a hundredth", "< 1e-13 * len(L[0])", "< 1e-2 * len(L[0])", MAPS),
    Mutation(
        "averaging takes transposes for inverses",
        "np.linalg.solve(representation, L @ representation).mean(axis=0)",
        "(np.swapaxes(representation, 1, 2) @ L @ representation).mean(axis=0)",
        MAPS,
    ),
    Mutation(
        "averaging leaves a map as it is",
        "np.linalg.solve(representation, L @ representation)",
        "np.linalg.solve(representation, representation @ L)",
        MAPS,
    ),
    Mutation(
        "a product of maps acts from right to left",
        "for name, power in steps:\n        carried",
        "for name, power in reversed(list(steps)):\n        carried",
        VERBS,
    ),
    Mutation("a chain of maps acts from right to left", "reduce(apply, chain,", "reduce(apply, chain[::-1],", MAPS),
    Mutation("undoing solves for the transposed map", "np.linalg.solve(L.T, Z.T).T", "np.linalg.solve(L, Z.T).T", MAPS),
    Mutation(
        "undoing a singular map solves for the transposed one",
        "np.linalg.lstsq(L.T, Z.T, rcond=None)[0].T",
        "np.linalg.lstsq(L, Z.T, rcond=None)[0].T",
        MAPS,
    ),
    Mutation(
        "a negative power is inverted twice",
        "np.linalg.matrix_power(L, abs(power))",
        "np.linalg.matrix_power(L, power)",
        MAPS,
    ),
    Mutation("a condition number is in another norm", "float(np.linalg.cond(L))", "float(np.linalg.cond(L, 1))", MAPS),
    Mutation(
        "a nonlinear map is as good as orthogonal",
        "if isinstance(L, np.ndarray) else math.inf",
        "if isinstance(L, np.ndarray) else 1.0",
        f"{MAPS} tests/test_conditional.py",
    ),
    Mutation(
        "a moment between two views is that of the other way",
        "self.gram[row : row + d, column : column + d]",
        "self.gram[column : column + d, row : row + d]",
        MOMENTS,
    ),
    Mutation("moments are means", "gram = Z.T @ Z", "gram = Z.T @ Z / len(Z)", MOMENTS),
    Mutation("moments add without their counts", "self.n_images + other.n_images", "self.n_images", MOMENTS),
    Mutation(
        "shares of processes overlap",
        "in range(start, len(self) if rows is None else len(rows), batch_size * step)",
        "in range(start, len(self) if rows is None else len(rows), batch_size)",
        MOMENTS,
    ),
    Mutation("latents that are no numbers add up", "if not np.isfinite(gram.diagonal()).all():", "if False:", MOMENTS),
    # Verbs.
    Mutation(
        "undoing starts with the first",
        "for name, power in powers(composition)][::-1]",
        "for name, power in powers(composition)]",
        VERBS,
    ),
    Mutation(
        "an inverse applies once more",
        "reduced([(name, times(power, -1)) for",
        "reduced([(name, power) for",
        VERBS,
    ),
    Mutation(
        "what is to be undone is applied",
        "Z @ forward if power >= 0 else apply_inverse(Z, forward)",
        "Z @ forward",
        VERBS,
    ),
    Mutation(
        "carrying undoes the first first",
        "reduced(inverse(views[0]) + views[1])",
        "reduced(inverse(views[0][::-1]) + views[1])",
        VERBS,
    ),
    Mutation(
        "carrying undoes what both views share",
        "if word and word[-1][0] == name:",
        "if word and word[-1][0] == name and power * word[-1][1] > 0:",
        CONDITIONAL,
    ),
    Mutation(
        "carrying reads and writes the views of its steps alone",
        ".push(X, out, views)",
        ".push(X, out)",
        CONDITIONAL,
    ),
    Mutation(
        "a transform takes images of its undone steps in their order",
        "return inverse(undone), steps",
        "return inverse(undone[::-1]), steps",
        CONDITIONAL,
    ),
    Mutation(
        "a pushed covariance is that of the transposed map",
        '"ji,nj,jk->nik", L, variance, L',
        '"ij,nj,kj->nik", L, variance, L',
        VERBS,
    ),
    Mutation(
        "transform applies all augmentations from right to left",
        "self.aug_names_ if self.apply is None else self.apply",
        "self.aug_names_[::-1] if self.apply is None else self.apply",
        VERBS,
    ),
    Mutation("a score counts what is undone", 'if row.task != "undo"', "if row.task", SCORES),
    Mutation(
        "a score is that of the worst row",
        "-float(np.mean([row.error for row in rows if",
        "-float(np.max([row.error for row in rows if",
        SCORES,
    ),
    Mutation(
        "scores of a VAE have no weights",
        "self.reconstruction_weight * error + self._kl_weight * kl",
        "error + kl",
        SCORES,
    ),
    Mutation(
        "scores of a VAE take the mean over coordinates",
        "divergence(z, log_variance).sum(1)",
        "divergence(z, log_variance).mean(1)",
        SCORES,
    ),
    Mutation(
        "a VAE samples uniformly",
        "rng.standard_normal((n_samples, coder.latent_dim))",
        "rng.random_sample((n_samples, coder.latent_dim))",
        f"{SCORES} {VERBS}",
    ),
    Mutation(
        "samples of a view are those of the original",
        "return transform.transform_latent(Z)\n\n\ndef _draw_box",
        "return Z\n\n\ndef _draw_box",
        VERBS,
    ),
    Mutation(
        "samples of the prior are half as wide",
        "rng.standard_normal((n, model.latent_dim_))",
        "0.5 * rng.standard_normal((n, model.latent_dim_))",
        VERBS,
    ),
    Mutation(
        "a box is that of the originals",
        "low, high = boxes[view]",
        "low, high = boxes[()]",
        VERBS,
    ),
    Mutation(
        "a box begins at the mean",
        "np.stack([Z.min(axis=0), Z.max(axis=0)])",
        "np.stack([Z.mean(axis=0), Z.max(axis=0)])",
        VERBS,
    ),
    Mutation(
        "samples are decoded as originals",
        "self.decoder_of(transform.views_[1]).decode(Z",
        "self.decoder_of(transform.views_[0]).decode(Z",
        CONDITIONAL,
    ),
    Mutation("an interpolation is slow at first", "Z_a + t * (Z_b - Z_a)", "Z_a + t**2 * (Z_b - Z_a)", VERBS),
    Mutation(
        "an interpolation stops before its end",
        "np.linspace(0, 1, n_steps)]",
        "np.linspace(0, 1, n_steps, endpoint=False)]",
        VERBS,
    ),
    Mutation(
        "a recursion applies once only",
        "transform.transform_latent(latents[-1])",
        "transform.transform_latent(latents[0])",
        VERBS,
    ),
    Mutation(
        "a recursion does not go through images",
        "latents.append(self.encoder_of(view).encode(images[-1]))",
        "latents.append(transform.transform_latent(latents[-1]))",
        VERBS,
    ),
    Mutation(
        "the seed of an autoencoder is overruled",
        'if copy.get_params().get("random_state", seed) is None:',
        'if "random_state" in copy.get_params():',
        "tests/test_determinism.py",
    ),
    # Steps with powers.
    Mutation(
        "neighbours of one name are the last of them",
        "power = _sum(name, word.pop()[1], power)",
        "word.pop()",
        f"{STEPS} {VERBS}",
    ),
    Mutation(
        "a step of power zero stays", "        if power:\n            word", "        if True:\n            word", STEPS
    ),
    Mutation(
        "a step acts once, whatever its power", "for _ in range(power))", "for _ in range(1))", f"{STEPS} {MOMENTS}"
    ),
    Mutation(
        "powers are not said", "return name if power == 1 else f", "return name if power else f", f"{STEPS} {VERBS}"
    ),
    Mutation(
        "True is a power",
        'numbers.dtype.kind in "iuf" and numbers.ndim <= 1',
        'numbers.dtype.kind in "biuf" and numbers.ndim <= 1',
        STEPS,
    ),
    Mutation(
        "a power of a transform of one step forgets the step's own",
        "(name, times(once, power))",
        "(name, power)",
        STEPS,
    ),
    Mutation(
        "a negative power of a transform is a positive one", "(steps if power >= 0 else inverse(steps))", "steps", STEPS
    ),
    # Networks and refinement.
    Mutation("the gradient of a bias is a mean", "y.sum((0, 2, 3))", "y.mean((0, 2, 3))", NETWORKS),
    Mutation("phases are turned along one axis only", ".flip(2, 4)", ".flip(2)", NETWORKS),
    Mutation("going up adds no bias", "return self.move(x) + bias[:, None, None]", "return self.move(x)", NETWORKS),
    Mutation(
        "a layer of many channels goes up to a pixel less",
        "extra = [fine - (2 * coarse - 1) for",
        "extra = [max(0, fine - 2 * coarse) for",
        NETWORKS,
    ),
    Mutation("first weights are wider than torch's", "a=math.sqrt(5)", "a=0.0", NETWORKS),
    Mutation(
        "a step that makes an image worse is taken",
        "better = _squared(left) < _squared(residual[open_])",
        "better = _squared(left) >= 0",
        REFINE,
    ),
    Mutation(
        "damping grows where a step was good",
        "torch.where(better, EASE, STIFFEN)",
        "torch.where(better, STIFFEN, EASE)",
        REFINE,
    ),
    Mutation("derivatives stop at an activation", "return y.detach(), J * slope", "return y.detach(), J", REFINE),
    Mutation(
        "one step of refining is all",
        "for _ in range(n_steps):\n        open_",
        "for _ in range(1):\n        open_",
        REFINE,
    ),
    Mutation(
        "refining steps away",
        'gradient = torch.einsum("ibp,bp->bi", J, residual.flatten(1))',
        'gradient = -torch.einsum("ibp,bp->bi", J, residual.flatten(1))',
        REFINE,
    ),
    # Fits that fail or stop.
    Mutation("a fit that fails leaves what it had set", "estimator.__dict__.clear()", "pass", CALLBACKS),
    Mutation(
        "no callback stops training",
        "stop = self.around.watch.end_pass(self.log)",
        "stop = self.around.watch.end_pass(self.log) and False",
        CALLBACKS,
    ),
    Mutation(
        "Ctrl-C in a search is taken for the end of a fit",
        "if around.watch.is_awaited or not log.loss_curve",
        "if not log.loss_curve",
        CALLBACKS,
    ),
    Mutation(
        "a callback is shown the network that goes on learning",
        "_fitted_attributes(copy.deepcopy(network), log",
        "_fitted_attributes(network, log",
        CALLBACKS,
    ),
    Mutation(
        "a verdict looks at partners that some images have not",
        "few.mix(numbers, few.settle(numbers, which))",
        "few.mix(numbers, which)",
        "tests/test_verdict.py",
    ),
    Mutation(
        "a declared group needs every element to be given, also where maps are trained",
        "is_whole or (np.count_nonzero(e) == 1 and",
        "True or (np.count_nonzero(e) == 1 and",
        "tests/test_pairs.py",
    ),
    Mutation(
        "parts are taken that the elements seen do not tell apart",
        "if together == sum(np.linalg",
        "if together <= sum(np.linalg",
        "tests/test_representations.py",
    ),
)

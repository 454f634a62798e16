"""Closed forms in latent space, what models do with latents, networks and refinement."""

from __future__ import annotations

from benchmarks.mutations.mutation import Mutation

__all__ = ["MUTATIONS"]

MAPS = "tests/test_maps.py"
MOMENTS = "tests/test_moments.py"
VERBS = "tests/test_generation.py tests/test_augmenter.py"
SCORES = "tests/test_vae.py tests/test_metrics.py"
CONDITIONAL = "tests/test_generation.py tests/test_conditional.py"
NETWORKS = "tests/test_convolutions.py tests/test_vae.py"
REFINE = "tests/test_generation.py"
CALLBACKS = "tests/test_callbacks.py tests/test_sklearn.py"

MUTATIONS = (
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
        "return inverse_root @ _nearest_representation(L, cayley_table) @ root",
        "return root @ _nearest_representation(L, cayley_table) @ inverse_root",
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
    Mutation("a product of maps acts from right to left", "L = L @ factor", "L = factor @ L", MAPS),
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
        "np.linalg.matrix_power(L, abs(exponent))",
        "np.linalg.matrix_power(L, exponent)",
        MAPS,
    ),
    Mutation("a condition number is in another norm", "float(np.linalg.cond(L))", "float(np.linalg.cond(L, 1))", MAPS),
    Mutation(
        "a nonlinear map is as good as orthogonal",
        "return math.inf if callable(L)",
        "return 1.0 if callable(L)",
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
    Mutation("shares of processes overlap", "range(start, stop, BATCH * step)", "range(start, stop, BATCH)", MOMENTS),
    Mutation("latents that are no numbers add up", "if not np.isfinite(gram.diagonal()).all():", "if False:", MOMENTS),
    # Verbs.
    Mutation(
        "undoing starts with the first", "for name, sign in reversed(self.steps)", "for name, sign in self.steps", VERBS
    ),
    Mutation(
        "an inverse applies once more",
        "tuple((name, -sign) for name, sign in",
        "tuple((name, sign) for name, sign in",
        VERBS,
    ),
    Mutation(
        "what is to be undone is applied",
        "if sign > 0 else maps.apply_inverse(carried, L)",
        "if sign > 0 else maps.apply(carried, L)",
        VERBS,
    ),
    Mutation(
        "carrying undoes the first first", "for name in reversed(begin[shared:])", "for name in begin[shared:]", VERBS
    ),
    Mutation(
        "carrying undoes what both views share",
        "shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(begin, end, strict=False)))",
        "shared = 0 if begin != end else len(end)",
        CONDITIONAL,
    ),
    Mutation(
        "carrying reads and writes the views of its steps alone",
        "._push(X, out, views=(begin, end))",
        "._push(X, out)",
        CONDITIONAL,
    ),
    Mutation(
        "a transform takes images of its undone steps in their order",
        "source.insert(0, name)",
        "source.append(name)",
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
        "self.reconstruction_weight * error + self.kl_weight * divergence",
        "error + divergence",
        SCORES,
    ),
    Mutation(
        "scores of a VAE take the mean over coordinates",
        "(z.square() + log_variance.exp() - 1 - log_variance).sum(1)",
        "(z.square() + log_variance.exp() - 1 - log_variance).mean(1)",
        SCORES,
    ),
    Mutation(
        "a VAE samples uniformly",
        "rng.standard_normal((n_samples, self.latent_dim))",
        "rng.random_sample((n_samples, self.latent_dim))",
        f"{SCORES} {VERBS}",
    ),
    Mutation(
        "samples of a view are those of the original",
        "transform.transform_latent(rng.standard_normal((n, model._latent_dim)))",
        "rng.standard_normal((n, model._latent_dim))",
        VERBS,
    ),
    Mutation(
        "samples of the prior are half as wide",
        "rng.standard_normal((n, model._latent_dim))",
        "0.5 * rng.standard_normal((n, model._latent_dim))",
        VERBS,
    ),
    Mutation(
        "a box is that of the originals",
        "low, high = model.latent_boxes_[view]",
        "low, high = model.latent_boxes_[()]",
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
        "self._writer(transform.views_[1]).decode(Z",
        "self._writer(transform.views_[0]).decode(Z",
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
        "latents.append(self._reader(view).encode(images[-1]))",
        "latents.append(transform.transform_latent(latents[-1]))",
        VERBS,
    ),
    Mutation(
        "the seed of an autoencoder is overruled",
        'if copy.get_params().get("random_state", seed) is None:',
        'if "random_state" in copy.get_params():',
        VERBS,
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
    Mutation("a fit that fails leaves what it had set", "vars(estimator).clear()", "pass", CALLBACKS),
    Mutation(
        "no callback stops training",
        "stop = self.settings.watch.end_pass(self.log)",
        "stop = self.settings.watch.end_pass(self.log) and False",
        CALLBACKS,
    ),
    Mutation(
        "Ctrl-C in a search is taken for the end of a fit",
        "if settings.watch.is_awaited or not log.loss_curve",
        "if not log.loss_curve",
        CALLBACKS,
    ),
    Mutation(
        "a callback is shown the network that goes on learning",
        "_fitted_attributes(copy.deepcopy(network), log",
        "_fitted_attributes(network, log",
        CALLBACKS,
    ),
)

"""Where joint and conditional training, heads and their maps lead, and which constraints there are."""

from __future__ import annotations

from benchmarks.mutations.mutation import Mutation

__all__ = ["MUTATIONS"]

JOINT = "tests/test_direction.py tests/test_augmenter.py"
CONDITIONAL = "tests/test_direction.py tests/test_conditional.py"
HEADS = "tests/test_direction.py tests/test_transfer.py"
CONSTRAINTS = "tests/test_networks.py tests/test_constraints.py tests/test_augmenter.py tests/test_vae.py"
STAGED = "tests/test_constraints.py tests/test_augmenter.py tests/test_moments.py tests/test_streams.py"

MUTATIONS = (
    Mutation(
        "what no image shows is given without a word",
        "warn_of_unseen(data, self.algebra_.elements)",
        "pass",
        "tests/test_pairs.py",
    ),
    Mutation(
        "a crossing by fixed maps goes from the target to the source",
        "return self._table[source, target]",
        "return self._table[target, source]",
        JOINT,
    ),
    Mutation(
        "a table of crossings inverts the target's map",
        "torch.linalg.inv(L).unsqueeze(1) @ L",
        "L.unsqueeze(1) @ torch.linalg.inv(L)",
        JOINT,
    ),
    Mutation(
        "a crossing by learned maps goes from the target to the source",
        "torch.linalg.inv(L)[source] @ L[target]",
        "torch.linalg.inv(L)[target] @ L[source]",
        JOINT,
    ),
    Mutation(
        "a crossing by learned maps undoes its source last",
        "torch.linalg.inv(L)[source] @ L[target]",
        "L[target] @ torch.linalg.inv(L)[source]",
        JOINT,
    ),
    Mutation(
        "a crossing by learned maps applies its source",
        "torch.linalg.inv(L)[source] @ L[target]",
        "L[source] @ L[target]",
        JOINT,
    ),
    Mutation(
        "training carries latents by the transposed crossing",
        "(z.unsqueeze(1) @ L).squeeze(1)",
        "(L @ z.unsqueeze(2)).squeeze(2)",
        JOINT,
    ),
    Mutation(
        "learned maps are not trained",
        "latent_maps.to(terms.device), n_hubs",
        "latent_maps.to(terms.device).requires_grad_(False), n_hubs",
        JOINT,
    ),
    Mutation("most draws stay in their view", "SAME_VIEW, SAME_MOVED = 0.2", "SAME_VIEW, SAME_MOVED = 0.8", JOINT),
    Mutation("no draw stays in its view", "SAME_VIEW, SAME_MOVED = 0.2", "SAME_VIEW, SAME_MOVED = 0.0", JOINT),
    Mutation(
        "crossings only lead away from hubs",
        "from_hub = rng.random(n) < share, rng.random(n) < 0.5",
        "from_hub = rng.random(n) < share, rng.random(n) < 1.0",
        JOINT,
    ),
    Mutation(
        "any view may be a hub",
        "pick(self.n_hubs, size=n)",
        "pick(len(self.views.compositions), size=n)",
        JOINT,
    ),
    Mutation("the only hub is the original", "pick(self.n_hubs, size=n)", "pick(1, size=n)", JOINT),
    Mutation(
        "both ends of a crossing are hubs, or neither",
        "np.where(~same & from_hub, hub, view)",
        "np.where(~same & ~from_hub, hub, view)",
        JOINT,
    ),
    Mutation(
        "joint training wants the image that it was given",
        "images, targets = self.tensor(x.reshape(-1, *y.shape[1:])), self.tensor(y)",
        "images, targets = self.tensor(x.reshape(-1, *y.shape[1:])), self.tensor(x[:, 0] if self.orbit else x)",
        JOINT,
    ),
    Mutation(
        "joint training encodes the target and wants the source",
        "return self.views.mix_pairs(rows, *drawn)\n        source, target, s, t = drawn",
        "return self.views.mix_pairs(rows, *drawn)[::-1]\n        source, target, s, t = drawn",
        JOINT,
    ),
    Mutation(
        "every view counts as one with an exact map",
        "return latent_maps, sum(map(algebra.in_group, compositions)) if _by_group(geometries) else 1",
        "return latent_maps, len(compositions)",
        JOINT,
    ),
    Mutation(
        "only the declared views of a group are trained on",
        "data = data if wanted is None else data.of([*filter(data.is_known, wanted), *data.given_strengths])",
        "data = data.of(data.compositions)",
        JOINT,
    ),
    Mutation(
        "joint maps are left in float32", "copy.deepcopy(self).cpu().double()", "copy.deepcopy(self).cpu()", JOINT
    ),
    Mutation(
        "maps of views multiply from the right",
        "view(names[:-1]) @ L[names[-1]]",
        "L[names[-1]] @ view(names[:-1])",
        JOINT,
    ),
    Mutation(
        "the first stage sees originals only",
        "which = rng.integers(len(self.views.compositions), size=n)",
        "which = rng.integers(1, size=n)",
        f"{JOINT} {HEADS}",
    ),
    # Conditional models.
    Mutation(
        "an invariant model decodes each view to itself",
        "return rng.integers(n_views, size=n), rng.integers(n_views, size=n)",
        "return _own_view(rng, n, n_views)",
        CONDITIONAL,
    ),
    Mutation(
        "a traditional model decodes each view to any other",
        "view = rng.integers(n_views, size=n)\n    return view, view",
        "view = rng.integers(n_views, size=n)\n    return view, rng.permutation(view)",
        CONDITIONAL,
    ),
    Mutation(
        "conditions of source and target are swapped",
        "conditions = torch.from_numpy(source), torch.from_numpy(target)",
        "conditions = torch.from_numpy(target), torch.from_numpy(source)",
        CONDITIONAL,
    ),
    Mutation(
        "a conditional model wants the image that it was given",
        "self.bound(posterior, self.tensor(y), noise",
        "self.bound(posterior, self.tensor(x), noise",
        CONDITIONAL,
    ),
    Mutation(
        "decoding is told the source's condition",
        "condition=conditions[1:])",
        "condition=conditions[:1])",
        CONDITIONAL,
    ),
    Mutation(
        "encoding is told the target's condition",
        "self.encode(self.tensor(x), conditions[0])",
        "self.encode(self.tensor(x), conditions[1])",
        CONDITIONAL,
    ),
    Mutation(
        "a condition is taken from the encoder's features",
        "self.encoder.posterior.bias.add_(features)",
        "self.encoder.posterior.bias.sub_(features)",
        CONDITIONAL,
    ),
    Mutation(
        "a decoder under a condition is one under none",
        "first.bias.add_(latents)",
        "first.bias.add_(0.0)",
        CONDITIONAL,
    ),
    Mutation(
        "every view has the autoencoder of the original",
        "self.autoencoders_[trained or ()]",
        "self.autoencoders_[()]",
        CONDITIONAL,
    ),
    # Heads.
    Mutation(
        "a head learns from latents that are not carried",
        "self.carry(self.latents[rows], *drawn)",
        "self.carry(self.latents[rows], *(0 * which for which in drawn))",
        HEADS,
    ),
    Mutation(
        "a head's latents are carried from right to left",
        "[latent_maps[name] for name in repeated(c)]",
        "[latent_maps[name] for name in reversed(repeated(c))]",
        HEADS,
    ),
    Mutation(
        "the reconstruction weight is nothing to a head",
        "error = self.error(z, y)",
        "error = self.loss(self.loss.output(self.network, z), y)",
        HEADS,
    ),
    Mutation(
        "a head's encoder learns log-variances",
        "squared_error(self.encode(y)[0], z)",
        "squared_error(self.encode(y)[1], z)",
        HEADS,
    ),
    Mutation("a head's encoder is not trained", "return error + reading, error", "return error, error", HEADS),
    Mutation(
        "augmentations are paired backwards",
        "return dict(zip(sources, targets, strict=True))",
        "return dict(zip(sources, reversed(targets), strict=True))",
        HEADS,
    ),
    Mutation(
        "a pairing keeps the order in which it was written",
        "return {source: pairing[source] for source in sources}",
        "return dict(pairing)",
        HEADS,
    ),
    Mutation(
        "a head takes floats on the range of its own images",
        "value_range=self.augmenter_.format_.value_range",
        "value_range=self.format_.value_range",
        HEADS,
    ),
    Mutation(
        "augmented images are read by the augmenter's encoder",
        "return self.decoder_of(view) if view else self.augmenter_.encoder_of(view)",
        "return self.augmenter_.encoder_of(view)",
        HEADS,
    ),
    # Constraints on maps.
    Mutation(
        "a learned map of an order is turned into other coordinates on one side only",
        "return Q.T @ self.L @ Q",
        "return Q @ self.L @ Q",
        CONSTRAINTS,
    ),
    Mutation("a learned map of an order is the identity", "powers[1 % order]", "powers[0]", CONSTRAINTS),
    Mutation(
        "a learned map is averaged by applying the group twice",
        "(self.rho.mT @ self.learned() @ self.rho)",
        "(self.rho @ self.learned() @ self.rho)",
        CONSTRAINTS,
    ),
    Mutation(
        "a learned map is not averaged over the group",
        "(self.rho.mT @ self.learned() @ self.rho).mean(dim=0)",
        "self.learned()",
        CONSTRAINTS,
    ),
    Mutation(
        "a learned orthogonal map is an exponential of a symmetric matrix",
        "torch.matrix_exp(self.weight - self.weight.T)",
        "torch.matrix_exp(self.weight + self.weight.T)",
        CONSTRAINTS,
    ),
    Mutation(
        "a learned orthogonal map stays the identity",
        "torch.matrix_exp(self.weight - self.weight.T)",
        "torch.matrix_exp(self.weight - self.weight)",
        CONSTRAINTS,
    ),
    Mutation(
        "auto does not find what commutes with a group of two",
        "return len(algebra.commutant(name)) > 1",
        "return len(algebra.commutant(name)) > 2",
        CONSTRAINTS,
    ),
    Mutation(
        "a map learned beside a group commutes with all of it",
        "start.rho[start.algebra.commutant(name)]",
        "start.rho",
        CONSTRAINTS,
    ),
    Mutation(
        "a map fitted beside a group commutes with all of it",
        "pairs.rho[pairs.algebra.commutant(name)]",
        "pairs.rho",
        CONSTRAINTS,
    ),
    Mutation(
        "auto never finds what commutes with a group",
        "return len(algebra.commutant(name)) > 1",
        "return False",
        CONSTRAINTS,
    ),
    Mutation(
        "auto leaves an augmentation of finite order outside the group free",
        "next(key for key, g in order if g.admits(algebra, name))",
        'next(key for key, g in order if g.admits(algebra, name) and key != "finite_order")',
        CONSTRAINTS,
    ),
    Mutation(
        'geometry="group" is let through everywhere',
        "return name in algebra.generators",
        "return name in algebra.orders",
        CONSTRAINTS,
    ),
    Mutation(
        "gradient descent fits the transposed map",
        "return z @ self.matrix()",
        "return z @ self.matrix().T",
        CONSTRAINTS,
    ),
    Mutation(
        "gradient descent stops after a pass", "max_iter=60, batch_size=64", "max_iter=1, batch_size=64", CONSTRAINTS
    ),
    Mutation(
        "gradient descent fits the inverse map",
        "MapFitting(latent_map, self.rows[()], self.rows[(name,)])",
        "MapFitting(latent_map, self.rows[(name,)], self.rows[()])",
        f"{CONSTRAINTS} {CONDITIONAL}",
    ),
    Mutation(
        "closed forms fit the moment of the inverse map",
        "self.moments.between((), (name,))",
        "self.moments.between((name,), ())",
        STAGED,
    ),
    Mutation(
        "the nonlinear part of a map is linear while it is trained",
        "self.last(self.first(z).tanh())",
        "self.last(self.first(z))",
        "tests/test_networks.py",
    ),
    Mutation(
        "a nonlinear map forgets its last bias",
        "np.tanh(Z @ self.W_1 + self.b_1) @ self.W_2 + self.b_2",
        "np.tanh(Z @ self.W_1 + self.b_1) @ self.W_2",
        "tests/test_networks.py",
    ),
    Mutation(
        "a stream of frozen latents forgets its parts",
        "moments = moments if before is None else before + moments",
        "moments = moments",
        STAGED,
    ),
    Mutation(
        "a stream forgets what was learned of the maps",
        "load_weights(latent_maps, before)",
        "dict(before)",
        "tests/test_streams.py",
    ),
    Mutation(
        "processes do not add up their moments",
        "gram=processes.sum(moments.gram)",
        "gram=moments.gram",
        "tests/test_distributed.py tests/test_moments.py",
    ),
)

"""A user's script, as strict type checkers see it: `make lint` checks it and never runs it.

An error that ought to be reported stands beside the comment that expects it; one that is not reported is an error.
"""

import numpy as np
from typing_extensions import assert_type

from latentaug import VAE, ConditionalVAE, LatentAugmenter, LatentResampler, LatentTransform, TransferHead
from latentaug.augs import flip_lr
from latentaug.latent import Algebra
from latentaug.metrics import ErrorTable, error_table

X = np.zeros((8, 4, 4))
augmenter = LatentAugmenter([flip_lr, "flip_ud"], VAE(latent_dim=4), random_state=0).fit(X)
assert_type(augmenter, LatentAugmenter)
assert_type(augmenter.transform(X), np.ndarray)
assert_type(augmenter.inverse_transform(X), np.ndarray)
assert_type(augmenter.compose("flip_lr", ("flip_ud", -1)), LatentTransform)
assert_type(augmenter["flip_lr"] ** -1, LatentTransform)
assert_type(augmenter["flip_lr"].matrix_, np.ndarray)
assert_type(augmenter.encode(X), np.ndarray)
assert_type(augmenter.sample(3, apply="flip_lr"), np.ndarray)
assert_type(augmenter.score(X), float)
assert_type(augmenter.algebra_, Algebra)
assert_type(augmenter.aug_names_, list[str])
assert_type(error_table(augmenter, X), ErrorTable)
assert_type(error_table(augmenter, X).worst_gap(), float)
assert_type(VAE().fit(X).loss_curve_, list[float])
assert_type(ConditionalVAE(["flip_lr"]).fit(X), ConditionalVAE)
assert_type(TransferHead(augmenter, ["shear_x", "canny"]).fit(X), TransferHead)
assert_type(LatentResampler(augmenter, 2).fit(X, [0] * 8), LatentResampler)

LatentAugmenter(augz=["flip_lr"])  # type: ignore[call-arg]
augmenter.transfrom(X)  # type: ignore[attr-defined]
VAE(latent_dim="sixteen")  # type: ignore[arg-type]
augmenter.fit(X, veiws={})  # type: ignore[call-arg]

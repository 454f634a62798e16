"""
Your own augmentations
======================

An augmentation is any deterministic function of a stack of images that keeps their shape, dtype and value range. Here
are three: a function of one's own, a `functools.partial`, and a transform of torchvision.
"""

from functools import partial

import numpy as np
from torchvision.transforms.v2 import functional

from latentaug import VAE, LatentAugmenter
from latentaug.augs import from_torchvision
from latentaug.datasets import load_digits_sample
from latentaug.displays import CatalogueDisplay, ReconstructionDisplay

X, _ = load_digits_sample()
X_train, X_test = X[:4000], X[-500:]

# %%
# A function takes the whole stack, ``(n, H, W)`` or ``(n, H, W, C)``, and is named by its ``__name__``.


def negative(X):
    """Black for white."""
    return (255 if X.dtype.kind in "ui" else 1) - X


# %%
# Where the name is no good, a pair says it: ``(name, function)``. Adapters bring in transforms of other libraries;
# whatever is random in them has to be fixed first, since an augmentation that gives two results for the same image is
# refused.

shift = ("shift", partial(np.roll, shift=7, axis=2))
tilt = from_torchvision(partial(functional.rotate, angle=30), name="tilt")
augs = [negative, shift, tilt]

CatalogueDisplay.from_augs(X_test, augs, n_images=8)

# %%
# `fit` finds out what each of them is. Taken twice, the negative is the identity, and four shifts by a quarter of the
# width are, so both have exact maps; the tilt loses the corners of the image, and its map is learned.

augmenter = LatentAugmenter(augs, VAE(kl_weight=0.5, batch_size=32, max_iter=8, random_state=0), random_state=0).fit(
    X_train
)
for name in augmenter.aug_names_:
    print(f"{name:10} order {augmenter.algebra_.orders[name]!s:5} map: {augmenter.geometries_[name]}")

# %%
# Each of them in latent space, under what it does to pixels.

ReconstructionDisplay.from_estimator(augmenter, X_test, [("negative",), ("shift",), ("tilt",)])

# %%
# Undone: the rows "original" are what should come out.

ReconstructionDisplay.from_estimator(augmenter, X_test, [("shift",), ("tilt",), ("negative", "tilt")], task="undo")

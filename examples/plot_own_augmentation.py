"""
Your own augmentations
======================

An augmentation is any deterministic function of a stack of images that keeps their shape, dtype and value range. Here
are three: a function of one's own, a `functools.partial`, and a transform of torchvision.
"""

from functools import partial

import numpy as np
from scipy.ndimage import gaussian_filter
from torchvision.transforms.v2 import functional

from latentaug import VAE, LatentAugmenter
from latentaug.augs import from_torchvision
from latentaug.datasets import load_digits_sample
from latentaug.displays import CatalogueDisplay, ReconstructionDisplay

X, _ = load_digits_sample()
X_train, X_test = X[:4000], X[-500:]

# %%
# A function takes the whole stack, ``(n, H, W)`` or ``(n, H, W, C)``, and is named by its ``__name__``.


def swap_halves(X):
    """The lower half of every image above its upper half."""
    middle = X.shape[1] // 2
    return np.concatenate([X[:, middle:], X[:, :middle]], axis=1)


# %%
# Where the name is no good, a pair says it: ``(name, function)``. Adapters bring in transforms of other libraries;
# whatever is random in them has to be fixed first, since an augmentation that gives two results for the same image is
# refused.

soften = ("soften", partial(gaussian_filter, sigma=(0, 1.2, 1.2)))
tilt = from_torchvision(partial(functional.rotate, angle=30), name="tilt")
augs = [swap_halves, soften, tilt]

CatalogueDisplay.from_augs(X_test, augs, n_images=8)

# %%
# `fit` finds out what each of them is. Two swaps are the identity, so that the swap has an exact map; softening and the
# tilt lose some of the image, and their maps are learned. That of softening is made to commute with the swap, as it
# does on the images but for the seam.

augmenter = LatentAugmenter(
    augs, VAE(latent_dim=32, kl_weight=0.5, batch_size=32, max_iter=8, random_state=0), random_state=0
).fit(X_train)
for name in augmenter.aug_names_:
    print(f"{name:12} order {augmenter.algebra_.orders[name]!s:5} map: {augmenter.geometries_[name]}")

# %%
# Each of them in latent space, under what it does to pixels.

ReconstructionDisplay.from_estimator(augmenter, X_test, [("swap_halves",), ("soften",), ("tilt",)])

# %%
# Undone: the rows "original" are what should come out. No function of pixels brings back what the tilt moved out of the
# image; the model has seen enough digits to guess.

ReconstructionDisplay.from_estimator(augmenter, X_test, [("soften",), ("tilt",), ("swap_halves", "tilt")], task="undo")

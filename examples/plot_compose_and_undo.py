"""
Compose and undo: the symmetries of a square
============================================

A quarter turn and a flip do not commute, and together they make the eight symmetries of a square. `fit` reads that off
the images, and gives every symmetry a permutation of the latent coordinates.
"""

import numpy as np

from latentaug import VAE, LatentAugmenter
from latentaug.augs import flip_lr, rotate_cw
from latentaug.datasets import load_digits_sample
from latentaug.displays import AlgebraDisplay, CatalogueDisplay, ReconstructionDisplay

# sphinx_gallery_thumbnail_number = 2

X, _ = load_digits_sample()
X_train, X_test = X[:4000], X[-500:]

# %%
# What the two do to pixels, and in which order it matters.


def rotate_then_flip(X):
    return flip_lr(rotate_cw(X))


def flip_then_rotate(X):
    return rotate_cw(flip_lr(X))


CatalogueDisplay.from_augs(X_test, [rotate_cw, flip_lr, rotate_then_flip, flip_then_rotate], n_images=8)

# %%
# The group that `fit` finds is the one of textbooks: the table says which element it is to do the row first and then
# the column.

augmenter = LatentAugmenter(
    [rotate_cw, flip_lr], VAE(latent_dim=32, kl_weight=0.5, batch_size=32, max_iter=8, random_state=0), random_state=0
).fit(X_train)
AlgebraDisplay.from_estimator(augmenter)

# %%
# Both orders, and a half turn, in latent space. A composition has no map of its own: its matrix is the product of the
# matrices.

compositions = [("rotate_cw", "flip_lr"), ("flip_lr", "rotate_cw"), ("rotate_cw", 2)]
ReconstructionDisplay.from_estimator(augmenter, X_test, compositions)

# %%
# The same three undone.

ReconstructionDisplay.from_estimator(augmenter, X_test, compositions, task="undo")

# %%
# A composition is a transformer of its own: it nests, it has powers, negative ones too, and a matrix. Four quarter
# turns and two flips are the identity, to the last bit.

turn, flip = augmenter["rotate_cw"], augmenter["flip_lr"]
identity = np.eye(32)
print("four turns:          ", np.array_equal((turn**4).matrix_, identity))
print("two flips:           ", np.array_equal((flip**2).matrix_, identity))
print("flip, turn, flip:    ", np.array_equal(augmenter.compose(flip, turn, flip).matrix_, (turn**-1).matrix_))
print("turn and flip commute:", np.array_equal(turn.matrix_ @ flip.matrix_, flip.matrix_ @ turn.matrix_))

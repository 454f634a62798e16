"""
Any strength: rotate and mirror
===============================

A rotation by any angle has a latent matrix for every angle, in closed form: planes of the latent space turn with it, by
whole frequencies. A mirror turns the rotation round, in latent space as on paper.
"""

import numpy as np

from latentaug import VAE, LatentAugmenter
from latentaug.augs import flip_lr, rotate
from latentaug.datasets import load_digits_sample
from latentaug.displays import EstimateDisplay, OrbitDisplay, ReconstructionDisplay

# sphinx_gallery_thumbnail_number = 1

X, _ = load_digits_sample()
X_train, X_test = X[:4000], X[-500:]

augmenter = LatentAugmenter(
    [rotate, flip_lr], VAE(latent_dim=16, batch_size=32, max_iter=10, random_state=0), random_state=0
).fit(X_train)
print(augmenter.algebra_)

# %%
# A strip of angles, none of which was singled out, beside what pixels make of them.

ReconstructionDisplay.from_estimator(augmenter, X_test, [(("rotate", t),) for t in (-150.5, -75.25, 33.3, 101.0)])

# %%
# Undone, where the pixels have been read between pixels and blurred.

ReconstructionDisplay.from_estimator(
    augmenter, X_test, [(("rotate", 33.3),), ("flip_lr", ("rotate", 33.3))], task="undo"
)

# %%
# What holds of the matrices holds in float64, whatever was learned.

R, F = augmenter.latent_maps_["rotate"].matrix, augmenter.latent_maps_["flip_lr"]
print("R(33.3) R(-12) = R(21.3):", np.abs(R(33.3) @ R(-12.0) - R(21.3)).max() < 1e-12)
print("F R(33.3) F = R(-33.3):  ", np.abs(F @ R(33.3) @ F - R(-33.3)).max() < 1e-6)

# %%
# One digit turned all the way: the latent map goes along a curve, and the encoder finds the pixels of every angle near.

OrbitDisplay.from_estimator(augmenter, X_test[3:], "rotate")

# %%
# The other way round: the angle between a digit and its turned copy, read off their latents.

EstimateDisplay.from_estimator(augmenter, X_test[:200], "rotate")

# %%
# And every digit brought to one pose: where it lies nearest to one trained on.

angles = np.random.default_rng(0).uniform(-180, 180, 8)
turned = rotate(X_test[:8], angles)
upright, found = augmenter.canonical(turned, return_strengths=True)
print("turned by", angles.round().astype(int), "and back by", found["rotate"].round().astype(int))

"""
The method in pictures
======================

What a latent map is, what the staged and the joint method make of it, and what the laws of the augmentations have to do
with it. The page :doc:`/method` explains the pictures.
"""

import matplotlib.pyplot as plt
import numpy as np

from latentaug import VAE, LatentAugmenter
from latentaug.augs import flip_lr, flip_ud
from latentaug.augs.steps import say
from latentaug.datasets import load_digits_sample
from latentaug.displays import AlgebraDisplay, ReconstructionDisplay
from latentaug.metrics import error_table

# sphinx_gallery_thumbnail_number = 2

X, _ = load_digits_sample()
X_train, X_test = X[:3000], X[-500:]
augs = [flip_lr, flip_ud]

vae = VAE(kl_weight=0.5, batch_size=32, max_iter=7, random_state=0)
joint = LatentAugmenter(augs, vae, random_state=0).fit(X_train)
staged = LatentAugmenter(augs, vae, method="staged", geometry="free", random_state=0).fit(X_train)

# %%
# The way of an image: encoded to a row of numbers, which a matrix carries over, and which is decoded.

digit = X_test[[4]]
z = joint.encode(digit)
L = joint.latent_maps_["flip_lr"]


def show_image(axis, image, title):
    axis.imshow(image, cmap="gray_r", vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
    axis.set(xticks=[], yticks=[], title=title)


def show_latents(axis, z, title):
    limit = np.abs(z).max()
    axis.imshow(z.T, cmap="RdBu", vmin=-limit, vmax=limit)
    axis.set(xticks=[], yticks=[], title=title)


def show_matrix(axis, L, title):
    axis.imshow(L, cmap="RdBu", vmin=-1, vmax=1)
    axis.set(xticks=[], yticks=[], title=title)


figure, axes = plt.subplots(1, 5, figsize=(9, 2.6), width_ratios=[2, 0.4, 2, 0.4, 2], layout="constrained")
show_image(axes[0], digit[0], "image $x$")
show_latents(axes[1], z, r"$\phi(x)$")
show_matrix(axes[2], L, "latent map $L$")
show_latents(axes[3], z @ L, r"$\phi(x)\,L$")
show_image(axes[4], joint["flip_lr"].transform(digit)[0], r"image $\theta(\phi(x)\,L)$")

# %%
# The maps that the two methods arrive at. Least squares on a trained autoencoder finds any matrix; the joint method
# sets permutations before training, and the autoencoder learns to obey them. Beside each pair, a flip taken twice: the
# identity, or nearly.

figure, axes = plt.subplots(2, 3, figsize=(7.5, 5.2), layout="constrained")
for line, (name, model) in zip(axes, {"staged, free": staged, "joint": joint}.items(), strict=True):
    for axis, step in zip(line, ["flip_lr", "flip_ud", ("flip_lr", 2)], strict=True):
        show_matrix(axis, model[step].matrix_, say([step]))
    line[0].set_ylabel(name)

# %%
# Where those permutations come from: the table of the group that the flips generate, which is read off the images. Each
# column of it is a permutation of the elements.

AlgebraDisplay.from_estimator(joint)

# %%
# What comes out, side by side.

ReconstructionDisplay.from_estimator({"staged, free": staged, "joint": joint}, X_test, [("flip_lr", "flip_ud")])

# %%
# The error of each use above the *floor*, the error of the model's own reconstruction of the images wanted. A gap of
# zero means that augmenting in latent space costs nothing beyond what the autoencoder costs anyway.

tables = {"staged, free": error_table(staged, X_test), "joint": error_table(joint, X_test)}
figure, axis = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
rows = [row for row in tables["joint"] if row.task != "reconstruct"]
names = [f"{'undo ' if row.task == 'undo' else ''}{say(row.composition)}" for row in rows]
for k, (label, table) in enumerate(tables.items()):
    gaps = [row.error - row.floor for row in table if row.task != "reconstruct"]
    axis.barh(np.arange(len(gaps)) + 0.38 * k, gaps, height=0.36, label=label)
axis.set_yticks(np.arange(len(names)) + 0.19, names)
axis.invert_yaxis()
axis.set_xlabel("squared error above the floor, summed over pixels")
axis.spines[["top", "right"]].set_visible(False)
axis.legend(frameon=False)

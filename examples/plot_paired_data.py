"""
Paired data: a change without a function
========================================

Sometimes nobody can write the augmentation down: a face before and after twenty years, a slide under two stains, a
letter by two hands. Pairs of images do in its place. Here the pairs are digits written with a thin pen and with a
marker, and the marker is only given as images.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from latentaug import VAE, LatentAugmenter
from latentaug.augs.steps import say
from latentaug.datasets import load_digits_sample
from latentaug.displays import CatalogueDisplay

X, _ = load_digits_sample()


def write_with_a_marker(X):
    """Thick strokes whose ink fades from the left to the right; known to whoever made the images, not to us."""
    ink = gaussian_filter(X / 255.0, (0, 1.2, 1.2)) * np.linspace(3, 0.6, X.shape[2])
    return (255 * np.clip(ink, 0, 1)).astype(np.uint8)


X_marker = write_with_a_marker(X)
X_train, X_test, marker_train, marker_test = X[:4000], X[-500:], X_marker[:4000], X_marker[-500:]

# %%
# `views` holds the images of a composition, image by image beside `X`. A name in `augs` that is no function of the
# catalogue is one that is known by its images only. It goes together with functions: a flip, here.

vae = VAE(kl_weight=0.5, batch_size=32, max_iter=8, random_state=0)
augmenter = LatentAugmenter(["marker", "flip_lr"], vae, random_state=0)
augmenter.fit(X_train, views={("marker",): marker_train})
print("trained on:", list(map(say, augmenter.compositions_)))

# %%
# New digits that nobody has written with a marker, as the model thinks that they would look. The rows are the thin
# digits, the true marker, and the model's.

marker = augmenter["marker"]
CatalogueDisplay(
    {"thin": X_test[:8], "marker, true": marker_test[:8], "marker, latent": marker.transform(X_test[:8])}
).plot()

# %%
# And back, from images of the marker to the thin pen, which no blurring function undoes.

rows = {"marker": marker_test[:8], "thin, true": X_test[:8], "thin, latent": marker.inverse_transform(marker_test[:8])}
CatalogueDisplay(rows).plot()

# %%
# Composed with a flip, although a flipped original has never met a marker: the model knows the order marker, then
# flip from training, and the other order from its matrices.

both = {
    "flip_lr then marker": augmenter.compose("flip_lr", "marker").transform(X_test[:8]),
    "marker then flip_lr": augmenter.compose("marker", "flip_lr").transform(X_test[:8]),
}
CatalogueDisplay({"thin": X_test[:8], **both}).plot()

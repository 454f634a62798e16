"""
Letters by a network of one's own
=================================

Characters of a font, 32 by 32 pixels, and two mirrors of them: by the default network, and by a small residual network
with batch norm, trained jointly with the maps. Each says what it is worth beside principal
components: the small one, in so few passes, does worse than they do, and warns.
"""

# sphinx_gallery_thumbnail_number = -1

import matplotlib.pyplot as plt
from torch import nn

from latentaug import VAE, LatentAugmenter, Network
from latentaug.augs import flip_lr, flip_ud
from latentaug.datasets import load_glyphs
from latentaug.metrics import error_table

X = load_glyphs(size=32).images
X, X_test = X[:1200], X[-200:]

# %%
# The default network chooses its size by that of the images, and how long it trains by their number.

default = LatentAugmenter([flip_lr, flip_ud], VAE(16, max_iter=15), random_state=0).fit(X)
print(default.verdict_)

# %%
# A network of one's own is a class of modules with an encoder and a decoder, made of the shape of the images and the
# latent dimension.


class Residual(nn.Module):
    """A convolution beside the identity."""

    def __init__(self, channels):
        super().__init__()
        self.inner = nn.Sequential(nn.BatchNorm2d(channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x):
        return x + self.inner(x)


class ResidualAutoencoder(nn.Module):
    """Twice half the size, and up again; the encoder gives latents alone, so that there is no divergence."""

    def __init__(self, image_shape, latent_dim, width=16):
        super().__init__()
        height, columns, channels = image_shape
        small = (2 * width, height // 4, columns // 4)
        features = small[0] * small[1] * small[2]
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1), Residual(width),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), Residual(2 * width),
            nn.Flatten(), nn.Linear(features, latent_dim),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, features), nn.Unflatten(1, small), Residual(2 * width),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1), Residual(width),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1), nn.Sigmoid(),
        )  # fmt: skip


# At the default rate, chosen for the default network, this one dies, and the warning says so: half of it is enough.
vae = VAE(16, network=Network(ResidualAutoencoder, width=16), learning_rate_init=2e-3, max_iter=20)
own = LatentAugmenter([flip_lr, flip_ud], vae, random_state=0).fit(X)
print(own.verdict_)
print(error_table(own, X_test))

# %%
# Test characters, and what either makes of them, mirrored both ways.

rows = {
    "image": X_test[:10],
    "default": default.compose("flip_lr", "flip_ud").transform(X_test[:10]),
    "own": own.compose("flip_lr", "flip_ud").transform(X_test[:10]),
    "mirrored": X_test[:10, ::-1, ::-1],
}
figure, axes = plt.subplots(len(rows), 10, figsize=(8, 3.4), layout="constrained")
for line, (label, images) in zip(axes, rows.items(), strict=True):
    for axis, image in zip(line, images, strict=True):
        axis.imshow(image, cmap="gray")
        axis.set(xticks=[], yticks=[])
    line[0].set_ylabel(label)
plt.show()

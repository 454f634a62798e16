"""
A hundred flips, each through an image
======================================

The map of a flip is exact, yet flipping again and again through images drifts: an encoder does not encode its own
decoder's images consistently. `refine_steps` mends that, on a model that is already fitted.
"""

from latentaug import VAE, LatentAugmenter
from latentaug.augs import flip_lr, flip_ud
from latentaug.datasets import load_digits_sample
from latentaug.displays import CatalogueDisplay, RecursionDisplay, TrajectoryDisplay
from latentaug.metrics import default_classifier, recursion_curve

# sphinx_gallery_thumbnail_number = 3

X, y = load_digits_sample()
X_train, X_test, y_train, y_test = X[:4500], X[-40:], y[:4500], y[-40:]

augmenter = LatentAugmenter(
    [flip_lr, flip_ud], VAE(kl_weight=0.5, batch_size=32, max_iter=8, random_state=0), random_state=0
).fit(X_train)

# %%
# Eight digits after 0, 2, 10, 40 and 100 flips. An even number of them should give the digit back.

steps = (2, 10, 40, 100)


def follow(digits):
    flipped = augmenter.recurse(digits, "flip_lr", max(steps))
    return {"original": digits, **{f"{k} flips": flipped[:, k - 1] for k in steps}}


CatalogueDisplay(follow(X_test[:8])).plot()

# %%
# Refined encoding takes a few Gauss-Newton steps from the encoder's guess to the latents whose decoded image is
# nearest. It is a parameter of the autoencoder and needs no new training. Now most digits outlive a hundred flips.

augmenter.autoencoder_.set_params(refine_steps=4)
CatalogueDisplay(follow(X_test[:8])).plot()

# %%
# The error, and the share of digits that a classifier still reads as what they were.

judge = default_classifier(X_train, y_train)
curves = {}
for label, refine_steps in {"encoder alone": 0, "4 refine steps": 4}.items():
    augmenter.autoencoder_.set_params(refine_steps=refine_steps)
    curves[label] = recursion_curve(augmenter, X_test, "flip_lr", [2, 4, 10, 20], y=y_test, classifier=judge)

RecursionDisplay(curves, raw_survival=curves["encoder alone"].raw_survival, name="flip_lr").plot(log_x=True)

# %%
# The paths of two digits in latent space, with refined encoding: to the place of the flipped digit and back.

TrajectoryDisplay.from_estimator(augmenter, X_test[:2], "flip_lr", 6)

"""
Generating: samples, their flips, and the way from one digit to another
=======================================================================

A fitted augmenter also makes digits that were never there. Since the maps of a finite group are permutations, a flipped
draw is again a draw from the same prior.
"""

from latentaug import VAE, LatentAugmenter
from latentaug.augs import flip_lr, flip_ud
from latentaug.datasets import load_digits_sample
from latentaug.displays import CatalogueDisplay, InterpolationDisplay, SampleDisplay

X, y = load_digits_sample()
X_train, X_test, y_test = X[:4500], X[-500:], y[-500:]

augmenter = LatentAugmenter(
    [flip_lr, flip_ud], VAE(latent_dim=8, batch_size=32, max_iter=10, random_state=0), random_state=0
).fit(X_train)

# %%
# Draws from the prior. The model has seen digits in all four positions, and draws them in all four, besides shapes that
# are no digit: between the digits the prior has room for them. Few latent coordinates leave it less of that.

SampleDisplay.from_estimator(augmenter, 32, random_state=0)

# %%
# The same draws, flipped in latent space: with one `random_state`, `sample` begins with the same latents.

rows = {
    "drawn": augmenter.sample(8, random_state=1),
    "flip_lr": augmenter.sample(8, apply="flip_lr", random_state=1),
    "flip_lr then flip_ud": augmenter.sample(8, apply=["flip_lr", "flip_ud"], random_state=1),
}
CatalogueDisplay(rows).plot()

# %%
# Straight lines between the latents of real digits, which stand at both ends.

first = [list(y_test).index(k) for k in (0, 3, 4, 1)]
last = [list(y_test).index(k) for k in (6, 8, 9, 7)]
InterpolationDisplay.from_estimator(augmenter, X_test[first], X_test[last])

# %%
# A line from a digit to its own flip: nothing turns, one shape fades into the other.

InterpolationDisplay.from_estimator(augmenter, X_test[first], flip_lr(X_test[first]))

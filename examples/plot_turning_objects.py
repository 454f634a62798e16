"""
Turning objects: seen once, and turned all the way
==================================================

Coloured bodies on a turntable, each drawn from twelve sides: arrays, and no function that turns a picture. A latent map
of the twelfth of a turn is shown one side of bodies that it has never seen, and makes the others.
"""

import numpy as np

from latentaug import VAE, LatentAugmenter
from latentaug.datasets import load_turning_objects
from latentaug.displays import CatalogueDisplay

objects = load_turning_objects(1000, angles=12, size=48).images  # (objects, sides, 48, 48, 3)
unseen, learn = objects[:200], objects[200:]

# %%
# The pictures of each side are given under the number of turns. That twelve of them are none is declared, so the maps
# are those of a cyclic group before anything is trained. The warning is right: 48 coordinates that hold a body from all
# sides draw its first side less sharply than 48 principal components of first sides do.

views = {(("turn", k),): learn[:, k] for k in range(1, 12)}
augmenter = LatentAugmenter(orders={"turn": 12}, autoencoder=VAE(latent_dim=48, max_iter=100), random_state=0)
augmenter.fit(learn[:, 0], views=views)
print(augmenter.verdict_)

# %%
# Three bodies that were not seen: drawn from all sides, and turned by the model from the first side alone.

rows = {}
for body in (3, 5, 12):
    side = unseen[body : body + 1, 0]
    rows[f"body {body}, drawn"] = unseen[body]
    turned = [augmenter.carry(side, (), (("turn", k),) if k else ()) for k in range(12)]
    rows[f"body {body}, the model"] = np.concatenate(turned)
CatalogueDisplay(rows).plot()

# %%
# Squared errors, summed over pixels, of turns and of turns undone, beside showing the side that was given.


def error(made, true):
    return np.square(made - true / 255).sum(axis=(1, 2, 3)).mean()


for k in (1, 3, 6):
    turn, first, other = (("turn", k),), unseen[:, 0], unseen[:, k]
    made, back = augmenter.carry(first, (), turn), augmenter.carry(other, turn, ())
    print(f"{30 * k} degrees: {error(made, other):.0f}, undone {error(back, first):.0f}, ", end="")
    print(f"nothing done {error(first / 255, other):.0f}")

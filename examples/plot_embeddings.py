"""
Embeddings: undoing a change without a decoder
==============================================

A classifier was trained on the features of a frozen encoder. Now images come in that are blurred, turned, or dark, and
nobody has labelled such images. Pairs are enough: features of *any* images, and of the same images changed.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LogisticRegression

from latentaug import LatentMaps
from latentaug.datasets import load_digits_sample

X, y = load_digits_sample()
X = X / 255.0

CHANGES = {
    "turned": lambda X: np.rot90(X, axes=(2, 1)),
    "mirrored": lambda X: X[:, :, ::-1],
    "blurred": lambda X: gaussian_filter(X, (0, 2, 2)),
    "darker": lambda X: X / 3,
}

# %%
# The encoder stands for any that you have; here it is a layer of random features. It has no decoder, and no gradient is
# asked of it.

encoder = RBFSampler(gamma=0.01, n_components=300, random_state=0).fit(X[:10].reshape(10, -1))


def encode(images):
    return encoder.transform(images.reshape(len(images), -1))


# %%
# Images of three kinds: labelled upright ones, pairs without labels, and those that come in.

labelled, paired, shown = slice(0, 1500), slice(1500, 3500), slice(3500, 4500)
Z = encode(X)
Z_changed = {name: encode(change(X)) for name, change in CHANGES.items()}

maps = LatentMaps().fit(Z[paired], views={(name,): rows[paired] for name, rows in Z_changed.items()})
print(maps.pair_table_)

# %%
# The table is of pairs that were held out. A change that loses something is best undone by a regression of its own.

print(maps.undone_by_)

# %%
# What undoing is worth to the classifier, beside doing nothing and beside one that is trained anew on labelled changed
# images.

upright = LogisticRegression(max_iter=500).fit(Z[labelled], y[labelled])
bars = {"raw": [], "undone": [], "trained anew": []}
for name, rows in Z_changed.items():
    anew = LogisticRegression(max_iter=500).fit(rows[labelled], y[labelled])
    bars["raw"].append(upright.score(rows[shown], y[shown]))
    bars["undone"].append(upright.score(maps[name].inverse_transform(rows[shown]), y[shown]))
    bars["trained anew"].append(anew.score(rows[shown], y[shown]))

fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
places = np.arange(len(CHANGES))
for k, (label, scores) in enumerate(bars.items()):
    ax.bar(places + 0.27 * (k - 1), scores, width=0.25, label=label)
ax.axhline(upright.score(Z[shown], y[shown]), color="k", linestyle=":", label="upright")
ax.set_xticks(places, CHANGES)
ax.set_ylabel("accuracy")
ax.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.2), frameon=False)
plt.show()

# %%
# Maps compose: images that were blurred and then mirrored, which no pair was, are undone in one go.

both = encode(CHANGES["mirrored"](CHANGES["blurred"](X[shown])))
undone = maps.compose("blurred", "mirrored").inverse_transform(both)
print(f"raw {upright.score(both, y[shown]):.3f}, undone {upright.score(undone, y[shown]):.3f}")

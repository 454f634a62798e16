"""
Choosing a geometry
===================

The geometry of a map is the law that it is made to obey: none, that it keeps lengths, that some power of it is the
identity, or that all maps together obey the table of a finite group. The stricter the law, the less there is to fit,
and the better composing and undoing behave, as long as the law is true of the images.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

from latentaug import VAE, LatentAugmenter
from latentaug.augs import flip_lr, flip_ud
from latentaug.metrics import commutator_defect, error_table, order_defect

X = load_digits().images / 16
X_train, X_test = X[:1400], X[1400:]
flips = [flip_lr, flip_ud]

# %%
# The staged method fits the autoencoder first and the maps afterwards, so one autoencoder serves every geometry. It
# need not be a network: principal components have `transform` and `inverse_transform` too. Each is trained on the four
# views, and then frozen.

vae = VAE(hidden_channels=(8, 16), kl_weight=0.02, batch_size=32, max_iter=25)
autoencoders = {"PCA": PCA(16), "VAE": vae}
frozen = {}
for name, autoencoder in autoencoders.items():
    trained = LatentAugmenter(flips, autoencoder, method="staged", geometry="free", random_state=0).fit(X_train)
    frozen[name] = FrozenEstimator(trained.autoencoder_)

# %%
# An augmenter for each geometry on each of the two, fitted in closed form; and one trained jointly, whose maps stood
# before its network did. Staged group maps need latents that move as the group does. Those of a network that was not
# trained for it may not, and `fit` warns of it, so that one is left out here.

models = {}
for name, geometries in {"PCA": ["free", "orthogonal", "group"], "VAE": ["free", "orthogonal", "finite_order"]}.items():
    for geometry in geometries:
        model = LatentAugmenter(flips, frozen[name], method="staged", geometry=geometry, random_state=0)
        models[name, geometry] = model.fit(X_train)
models["VAE", "joint, group"] = LatentAugmenter(flips, vae, random_state=0).fit(X_train)

# %%
# Two flips should be the identity, and the two should commute. The defects say how far the matrices are from that, zero
# being exact up to rounding; the condition number says how much undoing can magnify an error.

print(f"{'':18}{'flip_lr twice':>15}{'flip_ud twice':>15}{'commutator':>12}{'condition':>11}")
for (name, geometry), model in models.items():
    lr, ud = (model.latent_maps_[flip] for flip in ("flip_lr", "flip_ud"))
    defects = f"{order_defect(lr, 2):15.0e}{order_defect(ud, 2):15.0e}{commutator_defect(lr, ud):12.0e}"
    print(f"{name:4}{geometry:14}{defects}{max(model.condition_numbers_.values()):11.1f}")

# %%
# What that means for images. The dashed line is the floor, what the autoencoder makes of the images wanted with no map
# at all. On principal components every law holds by itself, and there is nothing to choose; on a network, a free map
# applies well and undoes badly, and the laws mend that.

TASKS = {"apply": "applied", "undo": "undone"}
tables = {key: error_table(model, X_test) for key, model in models.items()}


def mean_error(table, task):
    return np.mean([row.error for row in table if row.task == task])


figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, width_ratios=[3, 4], layout="constrained")
for axis, name in zip(axes, autoencoders, strict=True):
    geometries = [geometry for autoencoder, geometry in models if autoencoder == name]
    x = np.arange(len(geometries))
    for offset, (task, label) in zip((-0.2, 0.2), TASKS.items(), strict=True):
        axis.bar(x + offset, [mean_error(tables[name, g], task) for g in geometries], width=0.38, label=label)
    floors = [mean_error(tables[name, g], "reconstruct") for g in geometries]
    axis.hlines(floors, x - 0.42, x + 0.42, colors="k", linestyles="dashed", linewidth=1, label="floor")
    axis.set_xticks(x, geometries)
    axis.set_title(name)
    axis.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("squared error, summed over pixels")
axes[1].legend(frameon=False)

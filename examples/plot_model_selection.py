"""
Pipelines and grid search
=========================

Every model is a scikit-learn estimator. This page uses an augmenter as a step of a pipeline, its latents as features of
a classifier, and searches over the size of the latent space and the geometry of the maps.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ShuffleSplit, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

from latentaug import VAE, LatentAugmenter

digits = load_digits()
X, y = digits.images / 16, digits.target
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=400, stratify=y, random_state=0)

# %%
# Small images have small errors, so the divergence of the VAE has to weigh less, or it wins and every image is grey.

vae = VAE(hidden_channels=(8, 16), kl_weight=0.01, batch_size=32, max_iter=20, random_state=0)
augmenter = LatentAugmenter(["flip_lr", "flip_ud"], vae, random_state=0)

# %%
# `score` is minus the mean error of everything that the augmenter can apply, so that a search over its parameters, and
# over those of its autoencoder, needs no scorer. One split keeps this page short.

split = ShuffleSplit(1, test_size=0.3, random_state=0)
grid = {"autoencoder__latent_dim": [4, 16], "geometry": ["free", "group"]}
search = GridSearchCV(augmenter, grid, cv=split).fit(X_train)

# %%
# The autoencoder itself can be searched over, for the staged method: principal components of several numbers.

choice = {"autoencoder": [PCA(d) for d in (2, 4, 8, 16, 32)]}
linear = GridSearchCV(LatentAugmenter(["flip_lr", "flip_ud"], method="staged"), choice, cv=split).fit(X_train)

figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
dims = [pca.n_components for pca in choice["autoencoder"]]
axis.plot(dims, linear.cv_results_["mean_test_score"], "o-", color="0.5", label="PCA, staged")
for geometry, marker in {"free": "s", "group": "D"}.items():
    shown = search.cv_results_["param_geometry"] == geometry
    scores = search.cv_results_["mean_test_score"][shown]
    axis.plot(grid["autoencoder__latent_dim"], scores, marker, markersize=8, label=f"VAE, joint, {geometry}")
axis.set_xscale("log", base=2)
axis.set_xticks(dims, dims)
axis.set(xlabel="latent coordinates", ylabel="score: minus the mean error")
axis.spines[["top", "right"]].set_visible(False)
axis.legend(frameon=False)

# %%
# Principal components are hard to beat on images as small and as few as these. Look at that baseline before a network
# is made larger.

# %%
# The best augmenter is refitted, and is an augmenter like any other.

best = search.best_estimator_
print(search.best_params_)

# %%
# Its autoencoder, frozen, makes features of images; the classifier behind it is cross-validated as ever.

features = make_pipeline(FrozenEstimator(best.autoencoder_), LogisticRegression(max_iter=1000))
print("latents:         ", cross_val_score(features, X_train, y_train, cv=3).round(3))

# %%
# A composition is a step as well. This pipeline reads upside-down digits: it undoes the flip before it classifies.

upright = make_pipeline(best["flip_ud"].inverse(), *features).fit(X_train[:, ::-1], y_train)
print("upside down:     ", round(upright.score(X_test[:, ::-1], y_test), 3))
print("without the undo:", round(features.fit(X_train, y_train).score(X_test[:, ::-1], y_test), 3))

"""
Pipelines and grid search
=========================

Every model is a scikit-learn estimator. This page uses an augmenter as a step of a pipeline, its latents as features of
a classifier, and searches over the size of the latent space and the geometry of the maps.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

from latentaug import VAE, LatentAugmenter

digits = load_digits()
X, y = digits.images / 16, digits.target
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=400, stratify=y, random_state=0)

# %%
# Small images have small errors, so the divergence of the VAE has to weigh less, or it wins and every image is grey.

vae = VAE(latent_dim=8, hidden_channels=(8, 16), kl_weight=0.01, batch_size=32, max_iter=15, random_state=0)
augmenter = LatentAugmenter(["flip_lr", "flip_ud"], vae, random_state=0)

# %%
# `score` is minus the mean error of everything that the augmenter can apply, so that a search over its parameters, and
# over those of its autoencoder, needs no scorer.

grid = {"autoencoder__latent_dim": [4, 8, 16], "geometry": ["free", "group"]}
search = GridSearchCV(augmenter, grid, cv=2).fit(X_train)
scores = search.cv_results_["mean_test_score"].reshape(3, 2)

figure, axis = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
picture = axis.imshow(scores, cmap="viridis", aspect="auto")
for i, j in np.ndindex(scores.shape):
    colour = "k" if scores[i, j] > scores.mean() else "w"
    axis.text(j, i, f"{scores[i, j]:.2f}", ha="center", va="center", color=colour)
axis.set_xticks(range(2), grid["geometry"])
axis.set_yticks(range(3), grid["autoencoder__latent_dim"])
axis.set(xlabel="geometry", ylabel="latent_dim", title="score: higher is better")
figure.colorbar(picture, label="minus squared error")

# %%
# The best one is refitted, and is an augmenter like any other.

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

# %%
# The autoencoder need not be ours; `autoencoder` itself can be searched over.

choice = {"autoencoder": [PCA(4), PCA(8), PCA(16)]}
linear = GridSearchCV(LatentAugmenter(["flip_lr"], method="staged"), choice, cv=2).fit(X_train)
print("best PCA:        ", linear.best_params_["autoencoder"])

"""
Copies for a training set
=========================

A classifier that has few digits to learn from is given augmented copies of them. An augmentation may change what a
digit means, so each copy gets the label that it now shows.
"""

import matplotlib.pyplot as plt
import numpy as np
from imblearn.pipeline import make_pipeline
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler
from sklearn.svm import SVC

from latentaug import VAE, LatentAugmenter, LatentResampler
from latentaug.augs import flip_ud, shear_x
from latentaug.augs.steps import say
from latentaug.datasets import load_digits_sample

X, y = load_digits_sample()
X_unlabelled, X_few, y_few = X[:2500], X[-300:], y[-300:]


def half_turn(X):
    """Turn every image upside down."""
    return X[:, ::-1, ::-1]


# %%
# The augmenter needs images and no labels, so it learns from all there are.

vae = VAE(max_iter=12, random_state=0)
augmenter = LatentAugmenter([half_turn, flip_ud, shear_x], vae, random_state=0).fit(X_unlabelled)

# %%
# `allowed` says for which labels each augmentation may be used, and what becomes of them: a shear keeps every digit, a
# mirror image few, and a 6 upside down is a 9. Labels are followed step by step where augmentations are composed.

allowed = {
    "shear_x": range(10),
    "flip_ud": [0, 1, 3, 8],
    "half_turn": {0: 0, 1: 1, 6: 9, 8: 8, 9: 6},
}
resampler = LatentResampler(FrozenEstimator(augmenter), n_augments=3, allowed=allowed, random_state=0)
X_more, y_more = resampler.fit_resample(X_few, y_few)
print(f"{len(X_few)} digits and {len(X_more) - len(X_few)} copies")

# %%
# A digit a column: as it came, and the copies made of it. The first line of a title is the label that it gets.

shown = [list(y_few).index(k) for k in range(10)]
figure, axes = plt.subplots(4, 10, figsize=(10, 5), layout="constrained")
for column, row in zip(axes.T, shown, strict=True):
    family = np.flatnonzero(resampler.sample_indices_ == row)
    for axis in column:
        axis.axis("off")
    for axis, member in zip(column, family, strict=False):
        axis.imshow(X_more[member], cmap="gray_r", vmin=0, vmax=255)
        steps = say(resampler.applied_[member]).replace(" then ", "\n")
        axis.set_title(f"{y_more[member]}\n{steps}", fontsize=7)
figure.suptitle("Copies made in latent space, with their labels")

# %%
# In imbalanced-learn's pipeline the copies are made of the training folds only. Whether they are worth having is a
# question to put to cross-validation; :doc:`/resampling` puts it to MNIST, and compares with copies made of pixels.

flatten = FunctionTransformer(lambda X: X.reshape(len(X), -1))
learner = [flatten, MinMaxScaler(), PCA(40), SVC()]
for title, pipeline in {"without": make_pipeline(*learner), "with": make_pipeline(resampler, *learner)}.items():
    scores = cross_val_score(pipeline, X_few, y_few, cv=5)
    print(f"{title} copies: {scores.mean():.3f} of the digits recognised, {scores.std():.3f} standard deviation")

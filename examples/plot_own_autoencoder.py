"""
Bring your own autoencoder
==========================

The staged method takes any transformer with an `inverse_transform`. Principal components are the honest baseline; a
torch network of your own needs one small class. Neither is trained for augmentations: it sees images, and the maps are
fitted afterwards.
"""

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from torch import nn

from latentaug import VAE, LatentAugmenter
from latentaug.datasets import load_digits_sample
from latentaug.displays import ReconstructionDisplay
from latentaug.metrics import error_table, scorecard

X, y = load_digits_sample()
X_train, X_test = X[:4000], X[-500:]

# %%
# The class holds the network, `transform` encodes and `inverse_transform` decodes. It is given flat rows, float32 in
# [0, 1], of every view.


class DenseAutoencoder(TransformerMixin, BaseEstimator):
    """Two dense layers each side; a plain autoencoder, with no prior."""

    def __init__(self, latent_dim=16, max_iter=10):
        self.latent_dim = latent_dim
        self.max_iter = max_iter

    def fit(self, X, y=None):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            n = X.shape[1]
            self.encoder_ = nn.Sequential(nn.Linear(n, 128), nn.GELU(), nn.Linear(128, self.latent_dim))
            self.decoder_ = nn.Sequential(nn.Linear(self.latent_dim, 128), nn.GELU(), nn.Linear(128, n))
            self._train(torch.as_tensor(np.array(X, dtype=np.float32)))
        return self

    def _train(self, images):
        weights = [*self.encoder_.parameters(), *self.decoder_.parameters()]
        optimizer = torch.optim.Adam(weights, lr=2e-3)
        for _ in range(self.max_iter):
            for batch in images[torch.randperm(len(images))].split(64):
                loss = (self.decoder_(self.encoder_(batch)) - batch).square().sum() / len(batch)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def transform(self, X):
        return self._run(self.encoder_, X)

    def inverse_transform(self, Z):
        return self._run(self.decoder_, Z).clip(0, 1)

    @staticmethod
    def _run(network, rows):
        with torch.no_grad():
            return network(torch.as_tensor(np.array(rows, dtype=np.float32))).numpy()


# %%
# Three augmenters of two flips. For the flips' group the maps of any autoencoder can be made exact; how well they fit
# its latents is another question.

vae = VAE(kl_weight=0.5, batch_size=32, max_iter=6, random_state=0)
flips = ["flip_lr", "flip_ud"]
models = {
    "PCA": LatentAugmenter(flips, PCA(16), method="staged", random_state=0).fit(X_train),
    "dense network": LatentAugmenter(flips, DenseAutoencoder(), method="staged", random_state=0).fit(X_train),
    "VAE, joint": LatentAugmenter(
        flips, VAE(kl_weight=0.5, batch_size=32, max_iter=6, random_state=0), random_state=0
    ).fit(X_train),
}
for label, model in models.items():
    print(f"{label}\n{error_table(model, X_test)}\n")

# %%
# PCA has no gap at all: a set of images that holds every flip has a covariance that flips leave alone, and so do its
# principal components. Its floor, what it makes of the images themselves, is what a network has to beat.

ReconstructionDisplay.from_estimator(models, X_test, [("flip_lr", "flip_ud")])

# %%
# The scorecard puts models beside each other, and beside doing nothing.

print(scorecard(models, X_test[:200]))

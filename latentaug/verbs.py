"""What every model with latent maps can do with images and latents, once it is fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from latentaug._validation import (
    ImageFormat,
    check_images,
    check_latents,
    check_names,
    check_number,
    draw_seed,
    unknown_name,
)
from latentaug.codec import Codec
from latentaug.latent_transform import LatentTransform
from latentaug.metrics import error_table

__all__ = ["LatentVerbs"]


class LatentVerbs(TransformerMixin, BaseEstimator):
    """Abstract model with latent maps: `fit` sets the attributes below, and `_codec` gives its autoencoder."""

    apply: Any
    format_: ImageFormat
    latent_maps_: dict[str, np.ndarray]
    aug_names_: list[str]
    compositions_: list[tuple[str, ...]]

    def _codec(self) -> Codec:
        raise NotImplementedError(f"{type(self).__name__} says what its autoencoder is.")

    def transform(self, X):
        """Augmented images: the composition named by `apply`.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Integers 0..255, or floats on the range of the training data.

        Returns
        -------
        ndarray of the shape of `X`
            As float32; in [0, 1], or on the range of the training data.
        """
        return self._applied().transform(X)

    def inverse_transform(self, X):
        """Images with the composition named by `apply` undone.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Augmented images, scaled as in `transform`.

        Returns
        -------
        ndarray of the shape of `X`
            As in `transform`.
        """
        return self._applied().inverse_transform(X)

    def compose(self, *steps):
        """A transformer that applies augmentations one after another, sharing this model.

        Parameters
        ----------
        *steps : str or LatentTransform
            Names, or transforms of this model; the leftmost acts first. None at all is plain reconstruction.

        Returns
        -------
        LatentTransform
            Fitted.

        Raises
        ------
        ValueError
            On a name that the model was not fitted on.
        """
        check_is_fitted(self)
        parts = (step.steps if isinstance(step, LatentTransform) else ((step, 1),) for step in steps)
        return LatentTransform(self, tuple((self._check_name(name), sign) for part in parts for name, sign in part))

    def __getitem__(self, name):
        return self.compose(name)

    def encode(self, X):
        """Encode images.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `transform`.

        Returns
        -------
        ndarray of shape (n_images, d)
            Latent rows, in the dtype that the autoencoder gives.
        """
        check_is_fitted(self)
        return self._codec().encode(check_images(self, X, reset=False))

    def decode(self, Z):
        """Decode latent rows.

        Parameters
        ----------
        Z : array-like of shape (n_images, d)
            Latent rows.

        Returns
        -------
        ndarray of shape (n_images, H, W[, C]) or (n_images, n_features)
            Images in the layout of the training data, as float32.
        """
        check_is_fitted(self)
        return self._codec().decode(check_latents(Z, self._latent_dim), self.format_.flat)

    def reconstruct(self, X):
        """Encode and decode images, with no augmentation.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `transform`.

        Returns
        -------
        ndarray of the shape of `X`
            As in `transform`.
        """
        return self.compose().transform(X)

    def transform_latent(self, Z, *names):
        """Apply augmentations to latent rows; no image is encoded or decoded.

        Parameters
        ----------
        Z : array-like of shape (n_images, d)
            Latent rows.
        *names : str
            The augmentations, the leftmost first.

        Returns
        -------
        ndarray of shape (n_images, d)
            Latent rows, in the dtype of `Z`.
        """
        transform = self.compose(*names)
        return transform.transform_latent(check_latents(Z, self._latent_dim))

    def inverse_transform_latent(self, Z, *names):
        """Undo augmentations on latent rows, by solving and never by an inverse matrix.

        Parameters
        ----------
        Z : array-like of shape (n_images, d)
            Latent rows of augmented images.
        *names : str
            The augmentations in the order in which they were applied; the rightmost is undone first.

        Returns
        -------
        ndarray of shape (n_images, d)
            Latent rows, in the dtype of `Z`.
        """
        transform = self.compose(*names).inverse()
        return transform.transform_latent(check_latents(Z, self._latent_dim))

    def sample(self, n_samples=1, apply=(), random_state=None):
        """Decode draws from the prior N(0, I), augmented.

        Parameters
        ----------
        n_samples : int, default=1
            Number of images.
        apply : str or list of str, default=()
            The composition applied to the draws, the leftmost first.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.

        Returns
        -------
        ndarray of shape (n_samples, H, W[, C]) or (n_samples, n_features)
            Images in the layout of the training data, as float32.
        """
        check_number("n_samples", n_samples, low=1, integer=True)
        transform = self.compose(*check_names("apply", apply))
        rng = check_random_state(draw_seed(random_state))
        Z = rng.standard_normal((n_samples, self._latent_dim))
        return self._codec().decode(transform.transform_latent(Z), self.format_.flat)

    def interpolate(self, A, B, n_steps=8):
        """Images on the straight latent lines from those of `A` to those of `B`.

        Parameters
        ----------
        A, B : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            As many images in both.
        n_steps : int, default=8
            Images on a line, both ends included.

        Returns
        -------
        ndarray of shape (n_images, n_steps, H, W[, C]) or (n_images, n_steps, n_features)
            Images in the layout of the training data, as float32.
        """
        check_number("n_steps", n_steps, low=2, integer=True)
        Z_a, Z_b = self.encode(A), self.encode(B)
        if len(Z_a) != len(Z_b):
            raise ValueError(f"A and B must hold as many images. Got {len(Z_a)} and {len(Z_b)}.")
        return np.stack([self.decode(Z_a + t * (Z_b - Z_a)) for t in np.linspace(0, 1, n_steps)], axis=1)

    def recurse(self, X, name, n_steps):
        """Apply one augmentation again and again, each time through images, as Fig. 5 of the paper.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `transform`.
        name : str
            The augmentation.
        n_steps : int
            How often it is applied.

        Returns
        -------
        ndarray of shape (n_images, n_steps, H, W[, C]) or (n_images, n_steps, n_features)
            Images after 1, 2, ... applications, as float32.
        """
        check_number("n_steps", n_steps, low=1, integer=True)
        transform, steps = self.compose(name), [X]
        for _ in range(n_steps):
            steps.append(transform.transform(steps[-1]))
        return np.stack(steps[1:], axis=1)

    def score(self, X, y=None):
        """Minus the mean squared error of reconstruction and of what is applied; higher is better.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `transform`.
        y : None
            Ignored.

        Returns
        -------
        float
            Summed over pixels, averaged over images and over the rows of `error_table` that undo nothing.
        """
        rows = error_table(self, X)
        return -float(np.mean([row.error for row in rows if row.task != "undo"]))

    @property
    def _latent_dim(self):
        return len(next(iter(self.latent_maps_.values())))

    def _check_name(self, name):
        if not isinstance(name, str) or name not in self.latent_maps_:
            raise unknown_name("augmentation", name, self.aug_names_, "Fitted on")
        return name

    def _applied(self):
        check_is_fitted(self)
        return self.compose(*check_names("apply", self.aug_names_ if self.apply is None else self.apply))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

"""An autoencoder, a `VAE` or any transformer of flat rows, seen as two functions: images to latents and back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from latentaug._validation import ImageFormat
from latentaug.views import Views

__all__ = ["Codec", "fitted_model", "start_autoencoder"]

BATCH = 1024  # images that the autoencoder is given at once


def start_autoencoder(autoencoder: Any, seed: int) -> Any:
    """An unfitted copy of an autoencoder, or of a model with one, with a seed where it has none."""
    copy = clone(autoencoder)
    if copy.get_params().get("random_state", seed) is None:
        copy.set_params(random_state=seed)
    return copy


def fitted_model(model: Any, X: Any, seed: int, task: Callable[[Any], AbstractContextManager]) -> Any:
    """A model itself where it is fitted, taken out of its `FrozenEstimator`; else a clone of it, fitted as a task."""
    try:
        check_is_fitted(model)
    except NotFittedError:
        if isinstance(model, FrozenEstimator):
            raise
        fresh = start_autoencoder(model, seed)
        with task(fresh):
            return fresh.fit(X)
    return getattr(model, "estimator", model)


class Codec:
    """Encode and decode images by an autoencoder that takes flat rows.

    Parameters
    ----------
    autoencoder : transformer with `inverse_transform`
        Sees integers as float32 in [0, 1], and floats as they are.
    format_ : ImageFormat
        Of the images.
    """

    def __init__(self, autoencoder: Any, format_: ImageFormat) -> None:
        self.autoencoder = autoencoder
        self.format_ = format_

    def fit(self, views: Views) -> None:
        """Fit the autoencoder on every view: lazily where it can, else on all of them at once."""
        if isinstance(self.autoencoder, FrozenEstimator):
            return
        if hasattr(self.autoencoder, "fit_views"):
            self.autoencoder.fit_views(views)
            return
        every = (self._rows(views.take(slice(None), composition)) for composition in views.compositions)
        self.autoencoder.fit(np.concatenate(list(every)))

    def _rows(self, images: np.ndarray) -> np.ndarray:
        rows = self.format_.layout(images, flat=True)
        return self.format_.to_unit(rows) if rows.dtype.kind in "uib" else rows

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Latent rows (n, d) of a stack of images."""
        batches = (self._rows(images[rows]) for rows in gen_batches(len(images), BATCH))
        return np.concatenate([np.asarray(self.autoencoder.transform(batch)) for batch in batches])

    def latent_distribution(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance (n, d) of the posteriors of images; ValueError where the autoencoder has none."""
        if not hasattr(self.autoencoder, "latent_distribution"):
            raise ValueError(
                "latent_distribution needs an autoencoder with posteriors. Allowed: a VAE. "
                f"Got {type(self.autoencoder).__name__}."
            )
        batches = (self._rows(images[rows]) for rows in gen_batches(len(images), BATCH))
        means, variances = zip(*map(self.autoencoder.latent_distribution, batches), strict=True)
        return np.concatenate(means), np.concatenate(variances)

    def decode(self, Z: np.ndarray, flat: bool) -> np.ndarray:
        """Images of latent rows, float32 within the value range, as flat rows or as a stack."""
        images = np.empty((len(Z), self.format_.n_pixels), dtype=np.float32)
        for rows in gen_batches(len(Z), BATCH):
            images[rows] = np.reshape(self.autoencoder.inverse_transform(Z[rows]), (-1, self.format_.n_pixels))
        return self.format_.layout(np.clip(images, *self.format_.value_range, out=images), flat)

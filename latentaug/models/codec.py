"""An autoencoder, a `VAE` or any transformer of flat rows, seen as two functions: images to latents and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from latentaug._rows import batches, batches_of, release
from latentaug.augs.views import Composition, Views
from latentaug.images import ImageFormat, in_dtype
from latentaug.latent.maps import Moments
from latentaug.learn.coding import ImageCoder, coder_of

__all__ = ["Codec", "RowCodec", "accumulate", "fitted_model", "start_autoencoder"]


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
    """Encode and decode images by an autoencoder that takes flat rows; a `VAE` is spared checks and conversions.

    Parameters
    ----------
    autoencoder : transformer with `inverse_transform`
        Sees integers as float32 on the range of the training data, [0, 1] or its own, and floats as they are.
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
        if hasattr(self.autoencoder, "learn"):
            self.autoencoder.learn(views)
            return
        rows = {c: found for c in views.compositions if (found := views.rows_with([c])) is not None}
        every = (self._rows(views.take(rows.get(c, slice(None)), c)) for c in views.compositions)
        self.autoencoder.fit(np.concatenate(list(every)))

    def _rows(self, images: np.ndarray) -> np.ndarray:
        rows = self.format_.layout(images, flat=True)
        return self.format_.to_output(rows) if rows.dtype.kind in "uib" else rows

    @property
    def _coder(self) -> ImageCoder | None:
        """That of the autoencoder, if it is a `VAE` of images as large as these; else None."""
        fits = getattr(self.autoencoder, "n_features_in_", None) == self.format_.n_pixels
        return coder_of(self.autoencoder) if fits else None

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Latent rows (n, d) of a stack of images, which were checked."""
        if (coder := self._coder) is not None:
            return coder.encode(images)
        transform = self.autoencoder.transform
        return np.concatenate([np.asarray(transform(self._rows(batch))) for _, batch in batches_of(images)])

    def latent_distribution(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance (n, d) of the posteriors of images; ValueError where the autoencoder has none."""
        if not hasattr(self.autoencoder, "latent_distribution"):
            raise ValueError(
                "latent_distribution needs an autoencoder with posteriors. Allowed: a VAE. "
                f"Got {type(self.autoencoder).__name__}."
            )
        posteriors = (self.autoencoder.latent_distribution(self._rows(batch)) for _, batch in batches_of(images))
        means, variances = zip(*posteriors, strict=True)
        return np.concatenate(means), np.concatenate(variances)

    def decode(self, Z: np.ndarray, flat: bool) -> np.ndarray:
        """Images of latent rows, float32 within the value range, as flat rows or as a stack."""
        images = np.empty((len(Z), *self.format_.image_shape), dtype=np.float32)
        return self.write(lambda rows: Z[rows], self.format_.layout(images, flat))

    def dtype_of(self, images: np.ndarray) -> np.dtype:
        """The dtype that images are given out in."""
        return np.dtype(np.float32)

    def write(self, latents: Callable[[slice], np.ndarray], out: np.ndarray) -> np.ndarray:
        """Images within the value range, written into an array of flat rows or a stack, in its dtype, batch by batch.

        Parameters
        ----------
        latents : callable
            From the rows of a batch to its latents, (B, d).
        out : ndarray
            Returned; where it is memory-mapped, what was written is released.
        """
        for rows in batches(len(out), self.format_.n_pixels):
            part, Z = out[rows], latents(rows)
            if not np.isfinite(Z).all():
                raise ValueError("Latents must be finite numbers. Of some images they are not: a model has diverged.")
            if out.dtype.kind == "f":
                self._decode(Z, part)
            else:
                images = np.empty(part.shape, dtype=np.float32)
                part[:] = in_dtype(self._decode(Z, images), out.dtype, self.format_)
            release(part)
        return out

    def _decode(self, Z: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Images of a batch of latents within the value range, written into an array of floats."""
        if (coder := self._coder) is not None:
            coder.write(Z, out)
            return out
        images = np.asarray(self.autoencoder.inverse_transform(Z)).reshape(out.shape)
        return np.clip(images, *self.format_.value_range, out=out)


class RowCodec:
    """Rows that are latents already."""

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """The rows."""
        return rows

    def dtype_of(self, rows: np.ndarray) -> np.dtype:
        """That of the rows."""
        return rows.dtype

    def write(self, latents: Callable[[slice], np.ndarray], out: np.ndarray) -> np.ndarray:
        """Rows, written into an array of floats, batch by batch; as `Codec.write`."""
        if out.dtype.kind != "f":
            raise TypeError(f"out must be of float32 or float64. Got {out.dtype}.")
        for rows in batches(len(out), out.shape[1]):
            out[rows] = latents(rows)
            release(out[rows])
        return out


BATCH = 1024  # images of which the latents of all views are held at once


def accumulate(
    codec: Codec, views: Views, compositions: Sequence[Composition], kept: Sequence[Composition] = (), start: int = 0,
    step: int = 1,
) -> tuple[Moments, dict[Composition, np.ndarray]]:  # fmt: skip
    """Encode some compositions of the images once, batch by batch, and add up the moments.

    Of the images from one on, by a step; moments of several such parts add up to those of all. Beside them the latents
    (n, d) of the views that are kept, float32, row by row the same images.

    Raises
    ------
    ValueError
        On latents that are no finite numbers.
    """
    held: dict[Composition, list[np.ndarray]] = {composition: [] for composition in kept}

    def see(latents: dict[Composition, np.ndarray]) -> Moments:
        moments = Moments.of(latents)
        for composition, parts in held.items():
            parts.append(latents[composition].astype(np.float32))
        return moments

    moments = reduce(add, map(see, _encode(codec, views, compositions, start, step)))
    return moments, {composition: np.concatenate(parts) for composition, parts in held.items()}


def _encode(
    codec: Codec, views: Views, compositions: Sequence[Composition], start: int, step: int
) -> Iterator[dict[Composition, np.ndarray]]:
    """Latents of some images that have all views under each, batch by batch."""
    for batch in views.batches_of(compositions, BATCH, start, step):
        yield {c: codec.encode(images) for c, images in zip(compositions, batch, strict=True)}

"""What an image is: its layout, scale and range; checks of images, and of arrays that images are written into."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import _check_feature_names, validate_data

from latentaug._checks import as_numbers, check_kind, shown
from latentaug._rows import is_mapped, slices

__all__ = ["ImageFormat", "check_images", "check_out", "check_stack", "in_dtype", "is_flat", "squared_error"]


@dataclass(frozen=True)
class ImageFormat:
    """What a fitted estimator remembers of its images.

    Parameters
    ----------
    image_shape : tuple
        ``(H, W)`` or ``(H, W, C)``, channels last.
    flat : bool
        Whether the training data came as flat rows; images that come from no array, such as
        samples, go out in the same layout.
    value_range : tuple of float
        The range that floats are taken on: (0, 1), or that of the training data.
    """

    image_shape: tuple[int, ...]
    flat: bool = False
    value_range: tuple[float, float] = (0.0, 1.0)

    @property
    def n_pixels(self) -> int:
        """Pixels times channels of an image."""
        return math.prod(self.image_shape)

    def layout(self, images: np.ndarray, flat: bool | None = None) -> np.ndarray:
        """Lay images out as flat rows (n, n_features) or as a stack (n, H, W[, C])."""
        flat = self.flat if flat is None else flat
        return images.reshape((len(images), self.n_pixels) if flat else (len(images), *self.image_shape))

    def to_unit(self, images: np.ndarray) -> np.ndarray:
        """Scale images of any dtype to float32 in [0, 1]: the dtype tells the scale."""
        if images.dtype.kind in "ui":
            return np.divide(images, 255, dtype=np.float32, order="C")  # one order in memory, the same bits
        low, high = self.value_range
        if images.dtype.kind == "b" or (low, high) == (0.0, 1.0):
            return images.astype(np.float32, order="C")
        return ((images - low) / ((high - low) or 1.0)).astype(np.float32, order="C")

    def from_unit(self, images: np.ndarray) -> np.ndarray:
        """Bring float32 images in [0, 1] back to the range of the training data."""
        low, high = self.value_range
        return images if (low, high) == (0.0, 1.0) else images * np.float32(high - low) + np.float32(low)

    def to_output(self, images: np.ndarray) -> np.ndarray:
        """Scale images as an estimator gives them out: integers on [0, 1], floats as they are."""
        return self.from_unit(self.to_unit(images))


def _value_range(images: np.ndarray) -> tuple[float, float]:
    """Range that the dtype implies: (0, 1), or the range of floats that leave it."""
    if images.dtype.kind not in "buif":
        raise TypeError(f"Images must be numbers. Got an array of {images.dtype}.")
    if images.dtype.itemsize == 1 and images.dtype.kind in "bu":
        return (0.0, 1.0)
    ends = [(part.min(), part.max()) for part in slices(images)]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    if images.dtype.kind in "ui" and (low < 0 or high > 255):
        allowed = "as floats they are taken on the range of the training data"
        raise ValueError(f"Integer images must lie in 0..255. Got {low}..{high}; {allowed}.")
    inside = images.dtype.kind in "ui" or (low >= 0 and high <= 1)
    return (0.0, 1.0) if inside else (float(low), float(high))


def _check_stack(estimator: Any, X: Any, reset: bool) -> np.ndarray:
    """Check images (n, H, W) or (n, H, W, C); nothing is copied."""
    X = as_numbers("X", X, allow_nd=True, estimator=estimator, ensure_all_finite=not is_mapped(X))
    if X.size == 0:
        raise ValueError(f"Images need at least one pixel. Got an array of shape {X.shape}.")
    if reset:
        _check_feature_names(estimator, X, reset=True)  # a stack has no columns: this forgets those of the last fit
        estimator.n_features_in_ = math.prod(X.shape[1:])
    elif X.shape[1:] != estimator.format_.image_shape:
        shape = estimator.format_.image_shape
        raise ValueError(f"{type(estimator).__name__} was fitted on images of shape {shape}. Got {X.shape[1:]}.")
    return X


def _row_shape(image_shape: Any, n_features: int) -> tuple[int, ...]:
    """Image shape of flat rows: as given, or one row of pixels."""
    shape = (1, n_features) if image_shape is None else tuple(image_shape)
    if math.prod(shape) != n_features:
        raise ValueError(f"image_shape {shape} has {math.prod(shape)} pixels. Got rows of {n_features}.")
    return shape


def _check_image_shape(image_shape: Any) -> None:
    """Refuse what is neither None nor (H, W) or (H, W, C)."""
    shape = image_shape if isinstance(image_shape, (tuple, list)) else ()
    whole = all(isinstance(s, (int, np.integer)) and s > 0 for s in shape)
    if image_shape is not None and (len(shape) not in (2, 3) or not whole):
        raise ValueError(f"image_shape must be (H, W) or (H, W, C). Got {shown(image_shape)}.")


def is_flat(X: Any) -> bool:
    """Whether images come as flat rows (a table, a sparse matrix or nonsense included) and not as a stack."""
    with suppress(ValueError):  # of ragged lists
        X = np.asarray(X) if isinstance(X, (list, tuple)) else X
    return getattr(X, "ndim", 2) not in (3, 4)


def check_images(estimator: Any, X: Any, *, reset: bool, image_shape: Any = None) -> np.ndarray:
    """Check `X` and give it back as an image stack (n, H, W[, C]) in its own dtype, without a copy.

    Parameters
    ----------
    estimator : estimator
        Gets `n_features_in_` and `format_` where `reset`; is compared with them otherwise.
    X : array-like of shape (n, H, W), (n, H, W, C) or (n, n_features)
        Images. Integers are 0..255, floats in [0, 1] or, fitted outside, on their own range.
    reset : bool
        True in `fit`.
    image_shape : tuple, optional
        Shape of a flat row; one row of pixels without it.

    """
    _check_image_shape(image_shape)
    flat = is_flat(X)
    finite = {"ensure_all_finite": not is_mapped(X)}
    X = validate_data(estimator, X, reset=reset, **finite) if flat else _check_stack(estimator, X, reset)
    if is_mapped(X):
        for part in slices(X):
            as_numbers("X", part, allow_nd=True, estimator=estimator)
    if reset:
        shape = _row_shape(image_shape, X.shape[1]) if flat else X.shape[1:]
        estimator.format_ = ImageFormat(shape, flat, _value_range(X))
        estimator.image_shape_ = shape
    elif X.dtype.kind != "f":  # floats have a range of their own in training only
        _value_range(X)
    return estimator.format_.layout(X, flat=False)


def check_stack(images: Any) -> None:
    """Refuse what is no image stack (n, H, W) or (n, H, W, C): finite numbers, integers in 0..255."""
    check_kind("Images", images, np.ndarray, "a numpy array (n, H, W) or (n, H, W, C)")
    if images.ndim not in (3, 4) or not images.size:
        raise ValueError(f"Images must be an array (n, H, W) or (n, H, W, C). Got one of shape {images.shape}.")
    if images.dtype.kind == "f":
        assert_all_finite(images, input_name="Images")
    else:
        _value_range(images)


def check_out(out: Any, images: np.ndarray, shape: tuple[int, ...]) -> None:
    """Refuse an array that images of a shape cannot be written into, or one that overlaps those that came."""
    check_kind("out", out, np.ndarray, "a numpy array")
    wide = out.dtype.itemsize in (4, 8) if out.dtype.kind == "f" else out.dtype.kind in "ui"
    if not wide or out.dtype == np.int8:
        raise TypeError(f"out must be of float32, float64 or an integer dtype that holds 0..255. Got {out.dtype}.")
    if out.shape != shape:
        raise ValueError(f"out must have the shape of X, {shape}. Got {out.shape}.")
    if not out.flags.writeable:
        raise ValueError("out must be an array that can be written to. Got a read-only one.")
    if np.may_share_memory(out, images):
        raise ValueError("out must be another array than X, which is never written to. Got one that overlaps it.")


def in_dtype(images: np.ndarray, dtype: np.dtype, format_: ImageFormat) -> np.ndarray:
    """Decoded images in a dtype: integers on 0..255, rounded; floats on the range that they have."""
    if dtype.kind not in "uib":
        return images.astype(dtype)
    white, top = (1, 1) if dtype.kind == "b" else (255, min(255, np.iinfo(dtype).max))
    return np.clip(np.rint(format_.to_unit(images) * white), 0, top).astype(dtype)


def squared_error(X: ArrayLike, X_hat: ArrayLike) -> np.ndarray:
    """Squared error of each image, summed over its pixels: (n_images,), float64.

    Parameters
    ----------
    X, X_hat : ndarray of shape (n_images, ...)
    """
    options = {"ensure_2d": False, "allow_nd": True, "ensure_min_samples": 0, "ensure_all_finite": False}
    X, X_hat = as_numbers("X", X, **options), as_numbers("X_hat", X_hat, **options)
    if X.shape != X_hat.shape:
        raise ValueError(f"X and X_hat must have one shape. Got {X.shape} and {X_hat.shape}.")
    difference = np.subtract(X, X_hat, dtype=np.float64).reshape(len(X), -1)
    errors = np.einsum("np,np->n", difference, difference)
    if not np.isfinite(errors).all():
        raise ValueError("X and X_hat must be finite. Got NaN, infinity or pixels too large to square.")
    return errors

"""What an image is: its layout, scale and range; checks of images, and of arrays that images are written into."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import _check_feature_names, validate_data

from latentaug._checks import LARGEST, as_numbers, check_kind, one_line, refuse_masked, shown
from latentaug._rows import is_mapped, slices, take
from latentaug._sources import are_pictures, check_pictures, gathered

__all__ = [
    "ImageFormat",
    "check_images",
    "check_out",
    "check_stack",
    "in_dtype",
    "is_flat",
    "spread",
    "squared_error",
    "telling",
]

ALLOWED = "an array of images (n, H, W) or (n, H, W, C), or of rows (n, n_features)"
MOST_CHANNELS = 4  # of images whose channels seem to come first
KINDS = {"b": "truths", "u": "integers", "i": "integers", "f": "floats"}  # of dtypes
FEW_IMAGES = 256
FAR_OUT = (8.0, 12.0)  # times the usual distance from the median: warned about, refused
DARK_INTEGERS, DARK_FLOATS = 64, 0.1
SLACK = {True: 0.05, False: 0.25}  # beyond the range that floats are taken on: one that is natural, one that was seen
DARKER, APART = 1 / 8, 0.25  # shares of what nearly every image rises to, and of the range


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
    kind : {"integers", "floats", "truths", ""}
        What the training data were; "" where nobody knows, in files of version 0.1.0.
    seen : tuple of float, optional
        Of the training data, on [0, 1]: the least pixel, what nearly every image falls to, what nearly every image
        rises to, the greatest pixel.
    """

    image_shape: tuple[int, ...]
    flat: bool = False
    value_range: tuple[float, float] = (0.0, 1.0)
    kind: str = ""
    seen: tuple[float, float, float, float] | None = None

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

    def units_of(self, dtype: np.dtype, value: float) -> float:
        """A pixel of some dtype on [0, 1], as `to_unit` scales it."""
        low, high = self.value_range if dtype.kind == "f" else (0, 255 if dtype.kind in "ui" else 1)
        return float((value - low) / ((high - low) or 1.0))

    def from_units(self, value: float) -> float:
        """A pixel on [0, 1] as one of the training data."""
        low, high = (0, 255) if self.kind == "integers" else self.value_range
        return low + value * (high - low)

    def from_unit(self, images: np.ndarray) -> np.ndarray:
        """Bring float32 images in [0, 1] back to the range of the training data."""
        low, high = self.value_range
        return images if (low, high) == (0.0, 1.0) else images * np.float32(high - low) + np.float32(low)

    def say(self) -> str:
        """The scale of the training data, in words."""
        low, high = self.value_range
        return "integers 0..255" if self.kind == "integers" else f"{self.kind or 'floats'} on {low:g}..{high:g}"

    def to_output(self, images: np.ndarray) -> np.ndarray:
        """Scale images as an estimator gives them out: integers on [0, 1], floats as they are."""
        return self.from_unit(self.to_unit(images))


def _ends(images: np.ndarray) -> tuple[float, float]:
    """Least and greatest pixel."""
    ends = [(part.min(), part.max()) for part in slices(images)]
    return float(min(low for low, _ in ends)), float(max(high for _, high in ends))


def _check_numbers(images: np.ndarray, low: float, high: float) -> None:
    """Refuse what are no numbers, integers beyond 0..255, and floats that float32 does not hold."""
    if images.dtype.kind in "ui" and (low < 0 or high > 255):
        allowed = "as floats they are taken on the range of the training data"
        raise ValueError(f"Integer images must lie in 0..255. Got {low:g}..{high:g}; {allowed}.")
    if max(high, -low) > LARGEST:
        raise ValueError(f"Pixels must lie within {LARGEST:g} of 0, as float32. Got {low:g}..{high:g}.")


def _kind_check(images: np.ndarray) -> None:
    if images.dtype.kind not in "buif":
        raise TypeError(f"Images must be numbers. Got an array of {images.dtype}.")


def _value_range(images: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """Range that the dtype implies: (0, 1), or the range of floats that leave it."""
    inside = images.dtype.kind in "bui" or (low >= 0 and high <= 1)
    return (0.0, 1.0) if inside else (low, high)


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=2)


def _checkspread(images: np.ndarray, low: float, high: float) -> None:
    """Refuse floats of which a few lie so far out that the others, on the range of all, are squeezed to nothing."""
    few = np.sort(take(images, spread(len(images), FEW_IMAGES)), axis=None)
    middle = float(few[len(few) // 2])
    apart = np.sort(np.abs(few[few != few[len(few) // 2]] - middle))
    usual = float(apart[int(0.95 * len(apart))]) if len(apart) else 0.0
    ratio = max(high - middle, middle - low) / usual if usual else 0.0
    if ratio < FAR_OUT[0]:
        return
    message = (
        f"X reaches from {low:g} to {high:g}, but nearly all its pixels lie within {usual:g} of {middle:g}, and would "
        f"be squeezed to nothing. Clip it: np.clip(X, {middle - 2 * usual:g}, {middle + 2 * usual:g}); where "
        "StandardScaler made it so, leave that out."
    )
    if ratio >= FAR_OUT[1]:
        raise ValueError(message)
    _warn(message)


def _warn_of_dark(images: np.ndarray, high: float) -> None:
    """Warn of images that are nearly black on the scale that their dtype tells."""
    if images.dtype.kind in "ui" and 0 < high < DARK_INTEGERS:
        cure = "X.astype(bool), or X * 255" if high == 1 else f"X / {high:g}"
        _warn(f"X holds integers up to {high:g}, taken on 0..255: nearly black. Scale them: {cure}.")
    if images.dtype.kind == "f" and 0 < high < DARK_FLOATS:
        _warn(f"X holds floats up to {high:g}, taken on 0..1: nearly black. Scale them: X / {high:g}.")


def spread(n: int, most: int) -> np.ndarray:
    """Rows spread evenly over the data."""
    return np.unique(np.linspace(0, max(n - 1, 0), min(most, n)).astype(int))


def telling(images: np.ndarray, n: int) -> np.ndarray:
    """Rows of n images that tell augmentations apart, not blank ones: spread evenly, or looked for among all."""
    rows = spread(len(images), n)
    if 2 * np.count_nonzero(_content(take(images, rows)) == 2) >= len(rows):
        return rows
    size = max(1, 2**24 // max(1, images[:1].nbytes))
    content = np.concatenate([_content(take(images, slice(k, k + size))) for k in range(0, len(images), size)])
    ranked = np.concatenate(
        [kind[spread(len(kind), n)] for k in (2, 1, 0) if len(kind := np.flatnonzero(content == k))]
    )
    return np.sort(ranked[:n])


def _content(images: np.ndarray) -> np.ndarray:
    """What each image tells: 0 where it is blank, 1 where a mirror leaves it as it is, 2 where none does."""
    mirrors = [images[:, :, ::-1], images[:, ::-1], images[:, ::-1, ::-1]]
    mirrors += [images.swapaxes(1, 2)] if images.shape[1] == images.shape[2] else []
    trivial = {0: images.shape[2] == 1, 1: images.shape[1] == 1}
    seen = [(images != m).any(axis=_pixels(images)) for k, m in enumerate(mirrors) if not trivial.get(k, False)]
    drawn = (images != images[:, :1, :1]).any(axis=_pixels(images))
    return drawn.astype(int) + (drawn & np.all(seen, axis=0))


def _learned_format(images: np.ndarray, shape: tuple[int, ...], flat: bool) -> ImageFormat:
    """What is remembered of training data; what nobody can have meant is refused, or warned about."""
    _kind_check(images)
    each = [(part.min(axis=axes), part.max(axis=axes)) for part, axes in ((p, _pixels(p)) for p in slices(images))]
    lows, highs = (np.concatenate(ends).astype(np.float64) for ends in zip(*each, strict=True))
    low, high = float(lows.min()), float(highs.max())
    _check_numbers(images, low, high)
    format_ = ImageFormat(shape, flat, _value_range(images, low, high), KINDS[images.dtype.kind])
    if format_.value_range == (0.0, 1.0):
        _warn_of_dark(images, high)
    else:
        _checkspread(images, low, high)
    drawn = highs > lows if (highs > lows).any() else np.ones(len(lows), dtype=bool)
    ends = (low, np.quantile(lows[drawn], 0.95), np.quantile(highs[drawn], 0.05), high)
    least, fallen, risen, most = (format_.units_of(images.dtype, end) for end in ends)
    return replace(format_, seen=(least, fallen, risen, most))


def _pixels(images: np.ndarray) -> tuple[int, ...]:
    return tuple(range(1, images.ndim))


def _check_scale(images: np.ndarray, format_: ImageFormat) -> None:
    """Refuse, or warn about, images on another scale than the training data."""
    low, high = _ends(images)
    _check_numbers(images, low, high)
    kind = KINDS[images.dtype.kind]
    a, b = (format_.units_of(images.dtype, value) for value in (low, high))
    beyond = max(-a, b - 1)
    if beyond > SLACK[format_.value_range == (0.0, 1.0)]:
        message = f"X is on another scale than the training data, {format_.say()}. Got {kind} {low:g}..{high:g}"
        bytes_ = format_.value_range == (0.0, 1.0) and low >= 0 and 128 <= high <= 255
        message += "; divide them by 255, or give them as integers." if bytes_ else "; scale them as in fit."
        if beyond > 1:
            raise ValueError(message)
        _warn(message)
    elif format_.seen is not None and a < b:
        _, fallen, risen, _ = format_.seen
        plain = format_.value_range != (0.0, 1.0) and images.dtype.kind == "f" and low >= 0 and high <= 1
        if b < risen * DARKER or (plain and (a > fallen + APART or b < risen - APART)):
            ends = "..".join(f"{format_.from_units(value):g}" for value in (fallen, risen))
            _warn(
                f"X may be on another scale than the training data, {format_.say()}, of which nearly every image spans "
                f"{ends}. Got {kind} {low:g}..{high:g}; scale them as in fit."
            )


def as_images(X: Any, image_shape: tuple[int, ...] | None = None) -> Any:
    """Refuse what is no array of images, one image of a known shape included; tensors and datasets become arrays."""
    X = gathered(X)
    if hasattr(X, "detach"):
        with one_line(f"X must be {ALLOWED}"):
            X = X.detach().cpu().numpy()
    known = any(hasattr(X, protocol) for protocol in ("__array__", "__dataframe__", "toarray"))
    if isinstance(X, (str, bytes, os.PathLike, type)) or not (known or isinstance(X, Sequence)):
        what = shown(X) if X is None or isinstance(X, (str, bytes, os.PathLike, Number)) else f"a {type(X).__name__}"
        raise TypeError(f"X must be {ALLOWED}. Got {what}.")
    if isinstance(X, (list, tuple)):
        X = _as_stack(X)
    refuse_masked("X", X)
    dtype, shape = getattr(X, "dtype", None), getattr(X, "shape", None)
    if getattr(dtype, "kind", "") == "c":
        raise ValueError(f"Complex data not supported: X must be real numbers. Got {dtype}.")
    if shape is not None and len(shape) not in (2, 3, 4):
        raise ValueError(f"X must be {ALLOWED}. Got {len(shape)} axes. Reshape your data: {_cure(len(shape))}.")
    if image_shape is not None and shape == image_shape and (len(shape) == 3 or shape[0] > 1):
        raise ValueError(f"X is one image, of shape {shape}. Allowed: images, such as X[None].")
    return X


def _cure(n_axes: int) -> str:
    """How many axes become those of images."""
    return "frames as images, X.reshape(-1, *X.shape[2:])" if n_axes > 4 else "X.reshape(1, -1) is one row"


def _as_stack(X: Sequence[Any]) -> Any:
    """A list as an array of images; paths and images of many shapes are refused."""
    if any(isinstance(item, (str, bytes, os.PathLike)) for item in X):
        raise TypeError(f"X must be {ALLOWED}. Got a list of paths or strings: read the pictures first.")
    for item in X:
        refuse_masked("X", item)
    if are_pictures(X):
        check_pictures(X)
    shapes = {np.shape(item) for item in X if hasattr(item, "shape")}
    if len(shapes) > 1:
        raise ValueError(f"X must hold images of one shape. Got {', '.join(map(str, sorted(shapes)[:3]))}.")
    with one_line("X must hold images of one shape"):
        return np.asarray([item.detach().cpu().numpy() if hasattr(item, "detach") else item for item in X])


def _is_whole(X: Any) -> bool:
    """Whether numbers that come as objects or in columns are integers: all, or, in a frame, all but some floats."""
    if hasattr(X, "dtypes") and hasattr(X, "columns"):
        kinds = [getattr(dtype, "kind", "") for dtype in X.dtypes]
        return any(kind in "ui" for kind in kinds if kind) and all(kind and kind in "uif" for kind in kinds)
    objects = getattr(getattr(X, "dtype", None), "kind", "") == "O"
    return objects and all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in np.ravel(X))


def _check_layout(shape: tuple[int, ...]) -> None:
    """Refuse image shapes (C, H, W); warn of what may be one."""
    if len(shape) != 3:
        return
    channels, height, width = shape
    if channels <= MOST_CHANNELS < min(height, width):
        raise ValueError(
            f"Images must be (n, H, W, C), channels last. Got shape (n, {channels}, {height}, {width}), which looks "
            "like channels first. Turn them: np.moveaxis(X, 1, -1); X[:, 0] where there is one channel."
        )
    if channels != height == width > MOST_CHANNELS:
        cure = "if channels come first: np.moveaxis(X, 1, -1)"
        _warn(f"Images of shape {shape} are taken as H, W, C: {width} channels; {cure}.")


def _check_stack(estimator: Any, X: Any, reset: bool) -> np.ndarray:
    """Check images (n, H, W) or (n, H, W, C); nothing is copied."""
    X = as_numbers("X", X, allow_nd=True, estimator=estimator, ensure_all_finite=not is_mapped(X))
    if X.size == 0:
        raise ValueError(f"Images need at least one pixel. Got an array of shape {X.shape}.")
    if reset:
        _check_layout(X.shape[1:])
        _check_feature_names(estimator, X, reset=True)  # a stack has no columns: this forgets those of the last fit
        estimator.n_features_in_ = math.prod(X.shape[1:])
    elif X.shape[1:] != estimator.format_.image_shape:
        shape = estimator.format_.image_shape
        turned = len(shape) == 3 and X.shape[1:] == (shape[2], *shape[:2])
        cure = " Channels come last: np.moveaxis(X, 1, -1)." if turned else ""
        raise ValueError(f"{type(estimator).__name__} was fitted on images of shape {shape}. Got {X.shape[1:]}.{cure}")
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
    _check_layout(tuple(shape))


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
    X = as_images(X, None if reset else getattr(getattr(estimator, "format_", None), "image_shape", None))
    flat, whole = is_flat(X), _is_whole(X)
    finite = {"ensure_all_finite": not is_mapped(X)}
    X = validate_data(estimator, X, reset=reset, **finite) if flat else _check_stack(estimator, X, reset)
    if whole and X.dtype.kind == "f" and np.array_equal(X, np.rint(X)):
        X = X.astype(np.int64)
    if is_mapped(X):
        for part in slices(X):
            as_numbers("X", part, allow_nd=True, estimator=estimator)
    if reset:
        if not flat and image_shape is not None and math.prod(image_shape) != math.prod(X.shape[1:]):
            raise ValueError(f"image_shape {tuple(image_shape)} is not that of X. Got images of shape {X.shape[1:]}.")
        shape = _row_shape(image_shape, X.shape[1]) if flat else X.shape[1:]
        estimator.format_ = _learned_format(X, shape, flat)
        estimator.image_shape_ = shape
    else:
        _kind_check(X)
        _check_scale(X, estimator.format_)
    return estimator.format_.layout(X, flat=False)


def check_stack(images: Any) -> None:
    """Refuse what is no image stack (n, H, W) or (n, H, W, C): finite numbers, integers in 0..255."""
    check_kind("Images", images, np.ndarray, "a numpy array (n, H, W) or (n, H, W, C)")
    if images.ndim not in (3, 4) or not images.size:
        raise ValueError(f"Images must be an array (n, H, W) or (n, H, W, C). Got one of shape {images.shape}.")
    if images.dtype.kind == "f":
        assert_all_finite(images, input_name="Images")
    else:
        _kind_check(images)
        _check_numbers(images, *_ends(images))


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

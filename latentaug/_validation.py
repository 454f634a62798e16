"""Checks of images, names, numbers and paths; `_contract` has those of augmentations, `_matrices` those of maps."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_feature_names, check_array, check_is_fitted, validate_data

from latentaug._mapped import is_mapped, slices

__all__ = [
    "ImageFormat",
    "as_array",
    "as_numbers",
    "check_choice",
    "check_classifier",
    "check_compositions",
    "check_flag",
    "check_images",
    "check_kind",
    "check_latents",
    "check_model",
    "check_names",
    "check_number",
    "check_path",
    "check_verbosity",
    "draw_seed",
    "is_flat",
    "shown",
    "unknown_name",
]


def shown(value: object) -> str:
    """A value in an error: on one line, and not a long one."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def unknown_name(kind: str, name: object, allowed: Iterable[object], label: str = "Allowed"):
    """Return the ValueError for a name that is not one of those allowed."""
    return ValueError(f"Unknown {kind} {shown(name)}. {label}: {', '.join(map(str, allowed))}.")


def check_choice(parameter: str, value: object, allowed: Iterable[object]) -> None:
    """Refuse a parameter whose value stands in no table."""
    if not isinstance(value, str) or value not in allowed:
        raise unknown_name(parameter, value, allowed)


def check_number(
    parameter: str, value: Any, *, low: float, above: bool = False, below: float = math.inf, integer: bool = False
) -> None:
    """Refuse a parameter that is no number, or one outside ``[low, below)``, or ``(low, below)`` where `above`."""
    kind = (int, np.integer) if integer else (int, float, np.integer, np.floating)
    wanted = f"{'an integer' if integer else 'a number'} {'above' if above else 'of at least'} {low}"
    wanted += f" and below {below}" if below < math.inf else ""
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"{parameter} must be {wanted}. Got {shown(value)}.")
    if not low <= value < below or (above and value == low):
        raise ValueError(f"{parameter} must be {wanted}. Got {value!r}.")


def check_kind(parameter: str, value: Any, kind: Any, wanted: str) -> None:
    """Refuse a parameter that is no instance of a type, or of one of several."""
    if not isinstance(value, kind):
        raise TypeError(f"{parameter} must be {wanted}. Got {shown(value)}.")


def check_flag(parameter: str, value: Any) -> None:
    """Refuse a parameter that is neither True nor False."""
    check_kind(parameter, value, (bool, np.bool_), "True or False")


def check_verbosity(value: Any) -> None:
    """Refuse a `verbose` that is neither True nor False nor an integer from 0."""
    if not isinstance(value, (bool, np.bool_)):
        check_number("verbose", value, low=0, integer=True)


def as_array(name: str, values: Any) -> np.ndarray:
    """Values as an array, of any kind; ValueError where they are ragged."""
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must be an array. Got {shown(values)}.") from None


def as_numbers(name: str, values: Any, **options: Any) -> np.ndarray:
    """An array, checked by scikit-learn's `check_array` with its options, which takes dates for numbers."""
    if getattr(getattr(values, "dtype", None), "kind", "f") in "mMV":
        raise TypeError(f"{name} must be numbers. Got an array of {values.dtype}.")
    return check_array(values, input_name=name, **options)


def check_path(path: Any) -> Path:
    """Check the path of a file, and give it as a `Path`."""
    check_kind("path", path, (str, os.PathLike), "a path")
    if "\0" in str(path) or not Path(path).name:
        raise ValueError(f"path must name a file. Got {shown(path)}.")
    return Path(path)


def check_classifier(classifier: Any) -> None:
    """Refuse what has no method `predict`, and a class."""
    if isinstance(classifier, type) or not hasattr(classifier, "predict"):
        raise TypeError(f"classifier must be a classifier. Got {shown(classifier)}.")


def check_model(model: Any) -> None:
    """Refuse a model without latent maps, and one that is not fitted."""
    if isinstance(model, type) or not hasattr(model, "carry"):
        raise TypeError(f"model must have latent maps, as a LatentAugmenter has. Got {shown(model)}.")
    check_is_fitted(model)


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
        raise ValueError(
            f"Integer images must lie in 0..255. Got {low}..{high}; as floats they are "
            "taken on the range of the training data."
        )
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
        raise ValueError(
            f"{type(estimator).__name__} was fitted on images of shape "
            f"{estimator.format_.image_shape}. Got {X.shape[1:]}."
        )
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
    if isinstance(X, (list, tuple)):
        try:
            X = np.asarray(X)
        except ValueError:  # ragged
            return True
    return getattr(X, "ndim", 2) not in (3, 4)


def check_names(parameter: str, names: Any) -> list[str]:
    """Check a name or a list of names, and give the list."""
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, (list, tuple)) or not all(isinstance(name, str) for name in listed):
        raise TypeError(f"{parameter} must be a name or a list of names. Got {shown(names)}.")
    return list(listed)


def check_compositions(compositions: Any) -> list[tuple[str, ...]]:
    """Check a list of compositions, each a name or a list of names, and give them as tuples."""
    if isinstance(compositions, (str, bytes, Mapping)) or not isinstance(compositions, Iterable):
        raise TypeError(f"Compositions must be a list of tuples of names. Got {shown(compositions)}.")
    return [tuple(check_names("A composition", composition)) for composition in compositions]


def check_images(estimator: Any, X: Any, *, reset: bool, image_shape: Any = None) -> np.ndarray:
    """Check `X` and give it back as an image stack in its own dtype, without a copy.

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

    Returns
    -------
    ndarray of shape (n, H, W) or (n, H, W, C)
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


def draw_seed(random_state: Any) -> int:
    """One seed of `random_state`; fresh entropy if None, so that numpy's global generator is left alone."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    return int(check_random_state(random_state).randint(2**31 - 1))


def check_latents(Z: Any, latent_dim: int) -> np.ndarray:
    """Check latent row vectors (n, d): finite numbers, as many columns as the latent space has."""
    Z = as_numbers("Z", Z, dtype=[np.float64, np.float32])
    if Z.shape[1] != latent_dim:
        raise ValueError(f"Z must have {latent_dim} columns, one a latent dimension. Got {Z.shape[1]}.")
    return Z

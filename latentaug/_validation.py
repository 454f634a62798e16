"""Every check of a user's input, and the wording of every error it can raise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_feature_names, check_array, validate_data

__all__ = [
    "ImageFormat",
    "check_aug_output",
    "check_choice",
    "check_images",
    "check_latents",
    "check_names",
    "check_number",
    "check_paired",
    "check_pairing",
    "draw_seed",
    "is_flat",
    "unknown_name",
]


def unknown_name(kind: str, name: object, allowed: Iterable[object], label: str = "Allowed"):
    """Return the ValueError for a name that is not one of those allowed."""
    return ValueError(f"Unknown {kind} {name!r}. {label}: {', '.join(map(str, allowed))}.")


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
        raise TypeError(f"{parameter} must be {wanted}. Got {value!r}.")
    if not low <= value < below or (above and value == low):
        raise ValueError(f"{parameter} must be {wanted}. Got {value!r}.")


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
    low, high = images.min(), images.max()
    if images.dtype.kind in "ui" and (low < 0 or high > 255):
        raise ValueError(
            f"Integer images must lie in 0..255. Got {low}..{high}; as floats they are "
            "taken on the range of the training data."
        )
    inside = images.dtype.kind in "uib" or (low >= 0 and high <= 1)
    return (0.0, 1.0) if inside else (float(low), float(high))


def _check_stack(estimator: Any, X: Any, reset: bool) -> np.ndarray:
    """Check images (n, H, W) or (n, H, W, C); nothing is copied."""
    X = check_array(X, dtype="numeric", allow_nd=True, estimator=estimator, input_name="X")
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
    if image_shape is None:
        return (1, n_features)
    shape = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else ()
    if len(shape) not in (2, 3) or not all(isinstance(s, (int, np.integer)) and s > 0 for s in shape):
        raise ValueError(f"image_shape must be (H, W) or (H, W, C). Got {image_shape!r}.")
    if math.prod(shape) != n_features:
        raise ValueError(f"image_shape {shape} has {math.prod(shape)} pixels. Got rows of {n_features}.")
    return shape


def is_flat(X: Any) -> bool:
    """Whether images come as flat rows (a table, a sparse matrix or nonsense included) and not as a stack."""
    return (np.ndim(X) if isinstance(X, (list, tuple)) else getattr(X, "ndim", 2)) not in (3, 4)


def check_names(parameter: str, names: Any) -> list[str]:
    """Check a name or a list of names, and give the list."""
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, (list, tuple)) or not all(isinstance(name, str) for name in listed):
        raise TypeError(f"{parameter} must be a name or a list of names. Got {names!r}.")
    return list(listed)


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
    flat = is_flat(X)
    X = validate_data(estimator, X, reset=reset) if flat else _check_stack(estimator, X, reset)
    if reset:
        shape = _row_shape(image_shape, X.shape[1]) if flat else X.shape[1:]
        estimator.format_ = ImageFormat(shape, flat, _value_range(X))
        estimator.image_shape_ = shape
    else:
        _value_range(X)
    return estimator.format_.layout(X, flat=False)


def check_paired(views: Any, images: np.ndarray, format_: ImageFormat) -> dict[tuple[str, ...], np.ndarray]:
    """Check views given as arrays: as many images as `images`, of the same shape, dtype kind and range."""
    if not isinstance(views, Mapping):
        raise TypeError(f"views must be a dict of composition to images. Got {type(views).__name__}.")
    paired = {}
    for key, given in views.items():
        composition = (key,) if isinstance(key, str) else key
        if not isinstance(composition, tuple) or not all(isinstance(name, str) for name in composition):
            raise TypeError(f"A key of views must be a tuple of names, such as ('flip_lr',). Got {key!r}.")
        array = np.asarray(given)
        if array.shape == (len(images), math.prod(format_.image_shape)):
            array = format_.layout(array, flat=False)
        fault = _output_fault(images, array, format_)
        if fault is not None:
            raise ValueError(f"View {composition!r} {fault}.")
        if composition:
            paired[composition] = array
    return paired


def check_pairing(pairing: Any, sources: list[str], targets: list[str]) -> dict[str, str]:
    """Check a bijection from source names to target names, by position if None; in the order of the sources."""
    if len(sources) != len(targets):
        raise ValueError(
            f"augs must be as many as the augmenter's {len(sources)} ({', '.join(sources)}). "
            f"Got {len(targets)}: {', '.join(targets)}."
        )
    if pairing is None:
        return dict(zip(sources, targets, strict=True))
    if not isinstance(pairing, Mapping):
        raise TypeError(f"pairing must be a dict of source name to target name, or None. Got {pairing!r}.")
    if set(pairing) != set(sources) or set(pairing.values()) != set(targets):
        raise ValueError(
            f"pairing must take each of {', '.join(sources)} to its own one of {', '.join(targets)}. Got {pairing!r}."
        )
    return {source: pairing[source] for source in sources}


def draw_seed(random_state: Any) -> int:
    """One seed of `random_state`; fresh entropy if None, so that numpy's global generator is left alone."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    return int(check_random_state(random_state).randint(2**31 - 1))


def check_latents(Z: Any, latent_dim: int) -> np.ndarray:
    """Check latent row vectors (n, d): finite numbers, as many columns as the latent space has."""
    Z = check_array(Z, dtype=[np.float64, np.float32], input_name="Z")
    if Z.shape[1] != latent_dim:
        raise ValueError(f"Z must have {latent_dim} columns, one a latent dimension. Got {Z.shape[1]}.")
    return Z


def _output_fault(images: np.ndarray, augmented: Any, format_: ImageFormat) -> str | None:
    """What is wrong with the output of an augmentation, or None."""
    if not isinstance(augmented, np.ndarray):
        return f"returned a {type(augmented).__name__}; allowed: a numpy array"
    if augmented.shape != images.shape:
        return (
            f"changed the shape of the images from {images.shape} to {augmented.shape}; "
            "allowed: an augmentation keeps the shape"
        )
    if augmented.dtype.kind != images.dtype.kind:
        return (
            f"returned {augmented.dtype} for {images.dtype} images; allowed: the dtype of its "
            "input, since it tells the scale"
        )
    if augmented.dtype.kind == "f" and not np.isfinite(augmented).all():
        return "returned NaN or infinity; allowed: finite pixels"
    low, high = (0.0, 255.0) if images.dtype.kind in "ui" else format_.value_range
    slack = 1e-4 * (high - low)
    if augmented.min() < low - slack or augmented.max() > high + slack:
        return (
            f"left the value range {low:g}..{high:g} with {augmented.min():g}.."
            f"{augmented.max():g}; allowed: pixels stay in the range of the data"
        )
    return None


def check_aug_output(name: str, aug: Callable, images: np.ndarray, format_: ImageFormat) -> None:
    """Try an augmentation twice on a few images and refuse it, by its name, where it breaks the contract.

    Raises
    ------
    ValueError
        Where it fails, changes shape or kind of dtype, is not deterministic, returns NaN, or
        leaves the value range.
    """
    try:
        first, second = aug(images.copy()), aug(images.copy())
    except Exception as error:
        reason = str(error).strip().replace("\n", " ") or type(error).__name__
        raise ValueError(f"Augmentation {name!r} failed on images {images.shape} {images.dtype}: {reason}") from error
    fault = _output_fault(images, first, format_)
    if fault is None and not np.array_equal(first, second):
        fault = "gave two results for the same images; allowed: a deterministic function (fix its random parameters)"
    if fault is not None:
        raise ValueError(f"Augmentation {name!r} {fault}.")

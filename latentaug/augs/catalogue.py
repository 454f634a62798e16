"""Image space: the catalogue of augmentations, pure functions on a batch of images.

An augmentation takes a stack (n, H, W) or (n, H, W, C) and returns one of the same shape, dtype
and value range (integers 0..255, floats in [0, 1]). Any such callable will do in place of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import numpy as np
from scipy.ndimage import correlate1d

from latentaug._checks import check_name, shown
from latentaug.augs.families import OneParameter, like, of_places, of_unit, to_float
from latentaug.images import check_stack

__all__ = [
    "CATALOGUE", "FAMILIES", "Aug", "brightness", "canny", "contrast", "edge_detect", "flip_lr", "flip_ud", "gamma",
    "hue", "mini_image", "name_augs", "rotate", "rotate_ccw", "rotate_cw", "scale", "shear", "shear_x", "shear_y",
    "shift_x", "shift_y",
]  # fmt: skip

Aug = Callable[[np.ndarray], np.ndarray]
SLACK = 1e-3  # of rounding


def _of_stacks(aug: Aug) -> Aug:
    """An augmentation that refuses what is no image stack."""

    @wraps(aug)
    def checked(X: np.ndarray) -> np.ndarray:
        check_stack(X)
        return aug(X)

    checked.__module__ = "latentaug.augs"  # where files and pickles look for it
    return checked


def _of_scaled_stacks(aug: Aug) -> Aug:
    """An augmentation that knows white and black: it refuses floats outside [0, 1], and views scale others for it."""

    @wraps(aug)
    def scaled(X: np.ndarray) -> np.ndarray:
        if X.dtype.kind == "f" and (X.min() < -SLACK or X.max() > 1 + SLACK):
            came = f"{X.min():g}..{X.max():g}"
            raise ValueError(f"{aug.__name__} takes integers 0..255 or floats in [0, 1]. Got floats {came}.")
        return aug(X)

    checked: Any = _of_stacks(scaled)
    checked.on_unit = True
    return checked


@_of_stacks
def flip_lr(X: np.ndarray) -> np.ndarray:
    """Mirror every image left to right; its own inverse.

    Examples
    --------
    >>> import numpy as np
    >>> flip_lr(np.array([[[1, 2, 3]]], dtype=np.uint8))
    array([[[3, 2, 1]]], dtype=uint8)
    """
    return X[:, :, ::-1]


@_of_stacks
def flip_ud(X: np.ndarray) -> np.ndarray:
    """Mirror every image top to bottom; its own inverse."""
    return X[:, ::-1]


@_of_stacks
def rotate_cw(X: np.ndarray) -> np.ndarray:
    """Turn every (square) image a quarter clockwise; of order four."""
    return np.rot90(X, -1, axes=(1, 2))


@_of_stacks
def rotate_ccw(X: np.ndarray) -> np.ndarray:
    """Turn every (square) image a quarter counter-clockwise; the inverse of `rotate_cw`."""
    return np.rot90(X, axes=(1, 2))


@_of_scaled_stacks
def shear_x(X: np.ndarray) -> np.ndarray:
    """Shear every image sideways about its centre row, 0.3 pixels a row; what leaves it is lost."""
    height, width = X.shape[1:3]
    shift = 0.3 * (np.arange(height) - (height - 1) / 2)
    source = np.arange(width) - shift[:, None]  # (H, W), columns to read
    left = np.floor(source).astype(int)
    padded = np.pad(to_float(X), ((0, 0), (0, 0), (1, 1)) + ((0, 0),) * (X.ndim - 3))
    row = np.arange(height)[:, None]
    weight = (source - left).astype(np.float32).reshape(height, width, *(1,) * (X.ndim - 3))

    def column(c: np.ndarray) -> np.ndarray:
        return padded[:, row, np.clip(c + 1, 0, width + 1)]

    return like(column(left) * (1 - weight) + column(left + 1) * weight, X)


@_of_stacks
def mini_image(X: np.ndarray) -> np.ndarray:
    """Nest a half-size copy of every image in its middle, over what was there."""
    cv2 = _import_cv2()
    height, width = X.shape[1:3]
    small = (max(width // 2, 1), max(height // 2, 1))
    top, left = (height - small[1]) // 2, (width - small[0]) // 2
    shrunk = np.stack([cv2.resize(image, small, interpolation=cv2.INTER_AREA) for image in to_float(X, order="C")])
    nested = X.copy()
    nested[:, top : top + small[1], left : left + small[0]] = like(shrunk.reshape(*shrunk.shape[:3], *X.shape[3:]), X)
    return nested


@_of_scaled_stacks
def edge_detect(X: np.ndarray) -> np.ndarray:
    """Draw the strength of the edges of every image: the Sobel gradient, a quarter of it, cut at white."""
    white = 255 if X.dtype.kind in "ui" else 1
    pixels = to_float(X) / white
    across, along = (
        correlate1d(correlate1d(pixels, [1, 2, 1], axis=a), [-1, 0, 1], axis=b) for a, b in ((1, 2), (2, 1))
    )
    strength = np.minimum(np.hypot(across, along) / 4, 1)
    return like(strength * white, X)


@_of_scaled_stacks
def canny(X: np.ndarray) -> np.ndarray:
    """Draw the edges that Canny's detector finds (thresholds 100 and 200 of 255), channel by channel."""
    cv2 = _import_cv2()
    scale = 1 if X.dtype.kind in "ui" else 255
    pixels = np.clip(np.rint(to_float(X) * scale), 0, 255).astype(np.uint8)
    planes = np.moveaxis(pixels.reshape(*X.shape[:3], -1), -1, 1)  # (n, C, H, W)
    found = [cv2.Canny(np.ascontiguousarray(plane), 100, 200) for plane in planes.reshape(-1, *X.shape[1:3])]
    edges = np.moveaxis(np.reshape(found, planes.shape), 1, -1).reshape(X.shape)
    return like(edges / np.float32(scale), X)


CATALOGUE: dict[str, Aug] = {
    aug.__name__: aug for aug in (flip_lr, flip_ud, rotate_cw, rotate_ccw, shear_x, mini_image, edge_detect, canny)
}


@of_places
def _rotate(x: np.ndarray, y: np.ndarray, t: np.ndarray) -> tuple[Any, Any]:
    cos, sin = np.cos(np.deg2rad(t)), np.sin(np.deg2rad(t))
    return cos * x + sin * y, cos * y - sin * x


@of_places
def _shift_x(x: np.ndarray, y: np.ndarray, t: np.ndarray) -> tuple[Any, Any]:
    return x - t, y


@of_places
def _shift_y(x: np.ndarray, y: np.ndarray, t: np.ndarray) -> tuple[Any, Any]:
    return x, y - t


@of_places
def _shear(x: np.ndarray, y: np.ndarray, t: np.ndarray) -> tuple[Any, Any]:
    return x - t * y, y


@of_places
def _shear_y(x: np.ndarray, y: np.ndarray, t: np.ndarray) -> tuple[Any, Any]:
    return x, y - t * x


@of_places
def _scale(x: np.ndarray, y: np.ndarray, t: np.ndarray) -> tuple[Any, Any]:
    return x * np.exp(-t), y * np.exp(-t)


@of_unit
def _brightness(X: np.ndarray, t: np.ndarray) -> np.ndarray:
    return X * np.exp(t)


@of_unit
def _contrast(X: np.ndarray, t: np.ndarray) -> np.ndarray:
    return (X - 0.5) * np.exp(t) + 0.5


@of_unit
def _gamma(X: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.clip(X, 0, 1) ** np.exp(t)


@of_unit
def _hue(X: np.ndarray, t: np.ndarray) -> np.ndarray:
    if X.shape[3:] != (3,):
        raise ValueError(f"hue takes images of three colours, (n, H, W, 3). Got {X.shape}.")
    value, chroma = X.max(-1, keepdims=True), np.ptp(X, axis=-1, keepdims=True)
    turned = (X - np.roll(X, -1, -1)) / np.where(chroma, chroma, 1)  # r - g, g - b, b - r
    first = X.argmax(-1)[..., None]
    sixths = 2 * first + np.take_along_axis(turned, (first + 1) % 3, -1) + 6 * t
    k = (np.array([5, 3, 1], dtype=X.dtype) + sixths) % 6
    return value - chroma * np.clip(np.minimum(k, 4 - k), 0, 1)


rotate = OneParameter(_rotate, -180, 180, 360, "degrees clockwise", "rotate")
shift_x = OneParameter(_shift_x, -4, 4, None, "pixels to the right", "shift_x")
shift_y = OneParameter(_shift_y, -4, 4, None, "pixels down", "shift_y")
shear = OneParameter(_shear, -0.5, 0.5, None, "pixels to the right a row", "shear")
shear_y = OneParameter(_shear_y, -0.5, 0.5, None, "pixels down a column", "shear_y")
scale = OneParameter(_scale, -0.4, 0.4, None, "logarithm of the factor", "scale")
brightness = OneParameter(_brightness, -0.7, 0.7, None, "logarithm of the factor", "brightness")
contrast = OneParameter(_contrast, -0.7, 0.7, None, "logarithm of the factor", "contrast")
gamma = OneParameter(_gamma, -1, 1, None, "logarithm of the exponent", "gamma")
hue = OneParameter(_hue, -0.5, 0.5, 1, "turns of the colour wheel", "hue")

FAMILIES: dict[str, OneParameter] = {
    family.__name__: family
    for family in (rotate, shift_x, shift_y, shear, shear_y, scale, brightness, contrast, gamma, hue)
}


def _import_cv2() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f"mini_image and canny need OpenCV, which does not import ({error}). Install opencv-python, "
            "or opencv-python-headless on a machine without a screen."
        ) from error
    return cv2


def name_augs(augs: Iterable[Any]) -> dict[str, Any]:
    """Name the augmentations that a user gives.

    Parameters
    ----------
    augs : iterable of callable, (str, callable) or str
        A callable, or a `OneParameter`, is named by its ``__name__``; equal names are numbered. A string is a name in
        the catalogue, or of an augmentation known by paired images only.

    Raises
    ------
    TypeError, ValueError
        Where an entry is none of these, or a name is taken, empty or holds ``__``.
    """
    if isinstance(augs, (str, bytes)) or callable(augs) or not isinstance(augs, Iterable):
        raise TypeError(f"augs must be a list of callables, (name, callable) pairs or names. Got {shown(augs)}.")
    named: dict[str, Any] = {}
    for name, function in [_name_and_function(aug) for aug in augs]:
        check_name(name)
        unique, number = name, 2
        while unique in named:
            unique, number = f"{name}-{number}", number + 1
        named[unique] = function
    return named


def _name_and_function(aug: Any) -> tuple[str, Any]:
    match aug:
        case str():
            return aug, CATALOGUE.get(aug) or FAMILIES.get(aug)
        case (str() as name, function) if callable(function):
            return name, function
        case _ if callable(aug):
            name = getattr(aug, "__name__", None) or type(aug).__name__
            return name.strip("<>"), aug
    raise TypeError(f"An augmentation must be a callable, a (name, callable) pair or a name. Got {shown(aug)}.")

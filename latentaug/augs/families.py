"""Image space: augmentations with a strength, ``f(X, t)``, one number an image, of which none is zero: ``f(X, 0) = X``.

Strengths of a family should add up, ``f(f(X, s), t) = f(X, s + t)``, as far as pixels let them: so factors are given by
their logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from latentaug._checks import as_numbers, check_kind, check_name, shown
from latentaug.images import check_stack

__all__ = [
    "AtStrength", "OneParameter", "check_strengths", "like", "of_places", "of_unit", "to_float",
]  # fmt: skip

Family = Callable[[np.ndarray, np.ndarray], np.ndarray]


def check_strengths(name: str, strengths: Any, n_images: int) -> np.ndarray:
    """Check one finite number, or one an image, and give one an image, float64."""
    t = as_numbers(f"The strength of {name}", strengths, dtype=np.float64, ensure_2d=False, ensure_min_samples=0)
    if t.ndim > 1 or t.shape not in ((), (n_images,)):
        raise ValueError(f"The strength of {name} must be a number, or one an image: ({n_images},). Got {t.shape}.")
    return np.broadcast_to(t, (n_images,))


@dataclass(frozen=True, eq=False, repr=False)
class OneParameter:
    """An augmentation with a strength: ``family(X, t)`` of images X and one number t, or one an image.

    Parameters
    ----------
    function : callable or None
        From images (n, H, W) or (n, H, W, C) and strengths (n,), float64, to images of the same shape and dtype; at
        strength 0 they are left as they are. None where the family is known by paired images only.
    low, high : float
        The strengths that are trained on; 0 lies between them.
    period : float, default=None
        The strength that is the identity again, as 360 of an angle; None on a line.
    unit : str, default=""
        Of the strength, in words.
    name : str, default=None
        That of the function if None.
    grows : bool, default=False
        Whether latents may grow with the strength, which gives up that the prior is kept.

    Examples
    --------
    >>> import numpy as np
    >>> from latentaug.augs import OneParameter, rotate
    >>> X = np.arange(4.0).reshape(1, 2, 2) / 4
    >>> rotate(X, 90).round(6).tolist()
    [[[0.5, 0.0], [0.75, 0.25]]]
    >>> def fade(X, t):
    ...     return X * np.exp(-t)[:, None, None]
    >>> OneParameter(fade, 0, 1, unit="e-folds")
    OneParameter(fade, 0..1 e-folds)
    """

    function: Family | None
    low: float
    high: float
    period: float | None = None
    unit: str = ""
    name: str | None = None
    grows: bool = False

    def __post_init__(self) -> None:
        if self.function is not None:
            check_kind("function", self.function, Callable, "a callable or None")
        check_kind("unit", self.unit, str, "a string")
        check_kind("name", self.name, (str, type(None)), "a string or None")
        check_kind("grows", self.grows, bool, "True or False")
        for parameter in ("low", "high", *(("period",) if self.period is not None else ())):
            value = getattr(self, parameter)
            if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
                raise TypeError(f"{parameter} must be a finite number. Got {shown(value)}.")
        if not self.low <= 0 <= self.high or self.low == self.high:
            raise ValueError(f"low and high must have 0 between them. Got {self.low!r} and {self.high!r}.")
        if self.period is not None and self.period <= 0:
            raise ValueError(f"period must be above 0. Got {self.period!r}.")
        check_name(self.__name__)

    @property
    def __name__(self) -> str:
        return self.name or getattr(self.function, "__name__", type(self.function).__name__).strip("<>")

    @property
    def on_unit(self) -> bool:
        """Whether the function takes floats in [0, 1] only."""
        return bool(getattr(self.function, "on_unit", False))

    @property
    def reach(self) -> float:
        """The greatest strength trained on, either way."""
        return max(self.high, -self.low)

    def __call__(self, X: np.ndarray, t: ArrayLike) -> np.ndarray:
        """Images at a strength, or each at its own."""
        check_stack(X)
        if self.function is None:
            raise ValueError(f"{self.__name__} has no function: it is known by paired images only.")
        return self.function(X, check_strengths(self.__name__, t, len(X)))

    def at(self, t: float | np.ndarray) -> AtStrength:
        """The augmentation of one strength, or of one an image."""
        return AtStrength(self, t)

    def within(self, low: float, high: float) -> OneParameter:
        """The same family, trained on other strengths."""
        return replace(self, low=low, high=high)

    def __repr__(self) -> str:
        around = f", period {self.period:g}" if self.period is not None else ""
        return f"OneParameter({self.__name__}, {self.low:g}..{self.high:g} {self.unit}".rstrip() + f"{around})"


@dataclass(frozen=True, eq=False)
class AtStrength:
    """A family at one strength, or at one an image: an augmentation without a parameter."""

    family: OneParameter
    t: Any

    @property
    def __name__(self) -> str:
        return f"{self.family.__name__}({self.t:g})" if np.ndim(self.t) == 0 else self.family.__name__

    @property
    def on_unit(self) -> bool:
        """As of its family."""
        return self.family.on_unit

    def __call__(self, X: np.ndarray) -> np.ndarray:
        return self.family(X, self.t)


def to_float(X: np.ndarray, order: Any = "K") -> np.ndarray:
    """Pixels to compute with: float64 as it is, all else float32."""
    return X.astype(np.float64 if X.dtype == np.float64 else np.float32, order=order)


def like(images: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Bring computed pixels back to the dtype of `X`."""
    return (np.rint(images) if X.dtype.kind in "ui" else images).astype(X.dtype)


def of_unit(function: Family) -> Family:
    """A family that computes with floats in [0, 1], of stacks of integers 0..255 or floats in [0, 1]."""

    @wraps(function)
    def scaled(X: np.ndarray, t: np.ndarray) -> np.ndarray:
        white = np.float32(255 if X.dtype.kind in "ui" else 1)
        pixels = to_float(X) / white
        strengths = t.reshape(-1, *(1,) * (X.ndim - 1)).astype(pixels.dtype)
        return like(np.clip(function(pixels, strengths), 0, 1) * white, X)

    scaled.on_unit = True  # type: ignore[attr-defined]  # of a function
    return scaled


def _read(X: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Images read between pixels, each at its own places (n, H, W): bilinear, black outside."""
    n, height, width = X.shape[:3]
    padded = np.pad(X, ((0, 0), (1, 1), (1, 1)) + ((0, 0),) * (X.ndim - 3)).reshape(-1, *X.shape[3:])
    top, left = np.floor(rows), np.floor(columns)
    colour = (1,) * (X.ndim - 3)
    down, right = ((place - whole).astype(X.dtype).reshape(*place.shape, *colour)
                   for place, whole in ((rows, top), (columns, left)))  # fmt: skip
    start = (np.arange(n) * (height + 2) * (width + 2))[:, None, None]
    ys = [np.clip(top + k, 0, height + 1).astype(np.int64) * (width + 2) + start for k in (1, 2)]
    xs = [np.clip(left + k, 0, width + 1).astype(np.int64) for k in (1, 2)]
    above, below = (padded[y + xs[0]] * (1 - right) + padded[y + xs[1]] * right for y in ys)
    return above * (1 - down) + below * down


def _warp(X: np.ndarray, matrix: Callable[[np.ndarray, np.ndarray], tuple[Any, Any]]) -> np.ndarray:
    """Images, each pixel read where a map of places about the centre, right and down, sends it."""
    height, width = X.shape[1:3]
    y, x = (np.arange(k) - (k - 1) / 2 for k in (height, width))
    columns, rows = matrix(x[None, None, :], y[None, :, None])
    shape = (len(X), height, width)
    rows, columns = (np.broadcast_to(p + (k - 1) / 2, shape) for p, k in ((rows, height), (columns, width)))
    return _read(X, rows, columns)


def of_places(places: Callable[..., tuple[Any, Any]]) -> Family:
    """A family that moves pixels: from places x and y about the centre, and a strength, to where each is read."""

    @wraps(places)
    def moved(X: np.ndarray, t: np.ndarray) -> np.ndarray:
        return like(_warp(to_float(X), lambda x, y: places(x, y, t[:, None, None])), X)

    moved.on_unit = True  # type: ignore[attr-defined]  # of a function; black is 0
    return moved

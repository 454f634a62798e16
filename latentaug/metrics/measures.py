"""Pure functions of arrays: an error and its units, its interval, and how far latents and maps are from their laws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from latentaug._checks import RandomState, as_numbers, check_choice, check_number, check_pair, check_square, draw_seed
from latentaug.latent.maps import condition_number, is_linear
from latentaug.models.errors import ratio

__all__ = [
    "UNITS", "Unit", "commutator_defect", "confidence_interval", "defects", "equivariance_error", "in_unit",
    "order_defect", "orthogonality_defect",
]  # fmt: skip

Error = TypeVar("Error", float, np.floating, np.ndarray)


class Unit(NamedTuple):
    """How to print a squared error: its heading, its factor by the pixels of an image, so many decimals."""

    heading: str
    factor: Callable[[int], float]
    decimals: int


UNITS = {
    "image": Unit("per image", lambda n_pixels: 1.0, 2),
    "pixel": Unit("per pixel", lambda n_pixels: 1 / n_pixels, 4),
    "paper": Unit("pixel x1e4", lambda n_pixels: 1e4 / n_pixels, 1),
}


def in_unit(error: Error, unit: str, n_pixels: int) -> Error:
    """Bring an error to another unit.

    Parameters
    ----------
    error : float or ndarray
        Squared, summed over the pixels of an image in [0, 1].
    unit : {"image", "pixel", "paper"}
        Summed per image; mean over the pixels; that times 1e4, the only consistent reading of the tables of
        arXiv 2303.03462.
    n_pixels : int
        Pixels times channels of an image.

    Examples
    --------
    >>> in_unit(7.84, "paper", 784)
    100.0
    """
    check_choice("unit", unit, UNITS)
    check_number("n_pixels", n_pixels, low=1, integer=True)
    if isinstance(error, (list, tuple)) or np.asarray(error).dtype.kind not in "iuf":
        came = getattr(error, "dtype", type(error).__name__)
        raise TypeError(f"error must be a number or an array of numbers. Got {came}.")
    return error * UNITS[unit].factor(n_pixels)


def confidence_interval(
    values: ArrayLike, level: float = 0.95, n_resamples: int = 1000, random_state: RandomState = 0
) -> np.ndarray:
    """Percentile bootstrap of a mean: how far it would move had other images been drawn.

    Parameters
    ----------
    values : array-like of shape (n,) or (n, k)
        One value an image, such as its squared error; k kinds of value are resampled together.
    level : float, default=0.95
        Share of the resampled means that lie inside.
    n_resamples : int, default=1000
        Samples of n, drawn with replacement.
    random_state : int, RandomState instance or None, default=0
        Seed of the draws; no global generator is touched.

    Returns
    -------
    ndarray of shape (2,) or (2, k)
        Lower and upper end, in the unit of `values`.

    Examples
    --------
    >>> low, high = confidence_interval(range(100))
    >>> bool(low < 49.5 < high)
    True
    """
    check_number("level", level, low=0, above=True, below=1)
    check_number("n_resamples", n_resamples, low=1, integer=True)
    values = as_numbers("values", values, dtype=np.float64, ensure_2d=False, allow_nd=True, ensure_min_samples=0)
    n = len(values) if values.ndim in (1, 2) else 0
    if n == 0:
        raise ValueError(f"values must have shape (n,) or (n, k) with n of at least 1. Got {values.shape}.")
    rng = np.random.default_rng(draw_seed(random_state))
    # Not scipy.stats.bootstrap: it draws others, which changes what is printed, is slower, and refuses a single image.
    # How often each value is drawn, times the values, is the sum of the drawn ones, of all columns at once.
    counts = (np.bincount(rng.integers(n, size=n, dtype=np.int32), minlength=n) for _ in range(n_resamples))
    means = np.stack([drawn @ values / n for drawn in counts])
    return np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)


def equivariance_error(Z_aug: ArrayLike, Z_carried: ArrayLike) -> float:
    """Latent equivariance error, one minus R^2: ``E|phi(gx) - phi(x) L|^2 / E|phi(gx) - E phi(gx)|^2``.

    Parameters
    ----------
    Z_aug, Z_carried : array-like of shape (n, d)
        Latents of augmented images, ``phi(gx)``, and of the originals, carried over by the map, ``phi(x) L``.

    Returns
    -------
    float
        Without unit: 0 where the map does what the augmentation does, 1 where it is no better than the mean; it cannot
        be made smaller by shrinking the latents.

    Examples
    --------
    >>> Z = [[0.0, 1.0], [2.0, 3.0]]
    >>> equivariance_error(Z, Z), equivariance_error(Z, [[1.0, 2.0], [1.0, 2.0]])
    (0.0, 1.0)
    """
    Z_aug, Z_carried = check_pair(Z_aug, Z_carried, ("Z_aug", "Z_carried"))
    return ratio(np.square(Z_aug - Z_carried).sum(), np.square(Z_aug - Z_aug.mean(axis=0)).sum())


def commutator_defect(A: ArrayLike, B: ArrayLike) -> float:
    """How far two maps are from commuting: ``|A B - B A| / (|A| |B|)`` in the Frobenius norm.

    Without unit; to be read beside that of the images: augmentations that do not commute want maps that do not.

    Parameters
    ----------
    A, B : array-like of shape (d, d)

    Examples
    --------
    >>> commutator_defect([[1, 0], [0, 1]], [[0, 1], [1, 0]])
    0.0
    """
    A, B = check_square("A", A), check_square("B", B)
    if A.shape != B.shape:
        raise ValueError(f"A and B must have one shape. Got {A.shape} and {B.shape}.")
    return ratio(np.linalg.norm(A @ B - B @ A), np.linalg.norm(A) * np.linalg.norm(B))


def order_defect(L: ArrayLike, order: int) -> float:
    """How far the n-th power of a map is from the identity: ``|L^n - I| / sqrt(d)`` in the Frobenius norm.

    Without unit; 0 for an exact map.

    Parameters
    ----------
    L : array-like of shape (d, d)
    order : int
        n, the order of the augmentation on images: 2 for a flip, 4 for a quarter turn.

    Examples
    --------
    >>> swap = [[0, 1], [1, 0]]
    >>> order_defect(swap, 2), round(order_defect(swap, 3), 3)
    (0.0, 1.414)
    """
    check_number("order", order, low=1, integer=True)
    return _distance_to_identity(np.linalg.matrix_power(check_square("L", L), order))


def orthogonality_defect(L: ArrayLike) -> float:
    """How far a map is from keeping lengths, hence the prior N(0, I): ``|L^T L - I| / sqrt(d)`` in the Frobenius norm.

    Without unit; 0 for a rotation or a permutation.

    Parameters
    ----------
    L : array-like of shape (d, d)

    Examples
    --------
    >>> orthogonality_defect([[0, 1], [1, 0]]), orthogonality_defect([[2]])
    (0.0, 3.0)
    """
    L = check_square("L", L)
    return _distance_to_identity(L.T @ L)


def _distance_to_identity(M: np.ndarray) -> float:
    return float(np.linalg.norm(M - np.eye(len(M))) / np.sqrt(len(M)))


def defects(latent_maps: Mapping[str, Any], orders: Mapping[str, int | None]) -> dict[str, list[float]]:
    """Defects of the maps that are matrices, by their kind; an identity, as of a conditional VAE, is no map."""
    at_strengths = {name: getattr(L, "sample", L) for name, L in latent_maps.items() if is_linear(L)}
    maps = {name: L for name, L in at_strengths.items() if not np.array_equal(L, np.eye(len(L)))}
    return {
        "commutator": [commutator_defect(A, B) for A, B in combinations(maps.values(), 2)],
        "order_defect": [order_defect(L, order) for name, L in maps.items() if (order := orders[name])],
        "orthogonality_defect": list(map(orthogonality_defect, maps.values())),
        "condition_number": list(map(condition_number, maps.values())),
    }

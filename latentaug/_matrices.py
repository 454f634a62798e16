"""Checks of matrices: latents beside others, latent maps, Cayley tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentaug._validation import as_numbers, shown

__all__ = ["check_cayley_table", "check_orbit", "check_pair", "check_square"]


def check_pair(Z: Any, Z_aug: Any, names: tuple[str, str] = ("Z", "Z_aug")) -> tuple[np.ndarray, np.ndarray]:
    """Check latents (n, d) of images and of their augmented ones, as float64."""
    first, second = (as_numbers(name, rows, dtype=np.float64) for name, rows in zip(names, (Z, Z_aug), strict=True))
    if first.shape != second.shape:
        raise ValueError(f"{names[0]} and {names[1]} must have one shape. Got {first.shape} and {second.shape}.")
    return first, second


def check_square(name: str, L: Any) -> np.ndarray:
    """Check a latent map (d, d), as float64."""
    L = as_numbers(name, L, dtype=np.float64, ensure_2d=False, allow_nd=True, ensure_min_samples=0)
    if L.ndim != 2 or L.shape[0] != L.shape[1] or not L.size:
        raise ValueError(f"{name} must be a matrix of shape (d, d). Got {L.shape}.")
    return L


def check_cayley_table(table: Any) -> np.ndarray:
    """Check the table (N, N) of a group: the numbers from 0 to N - 1, each once in every row and column."""
    found = as_numbers("cayley_table", table, ensure_2d=False, allow_nd=True, ensure_min_samples=0)
    numbers = np.arange(len(found) if found.ndim == 2 else 0)
    if not len(numbers) or not all(np.array_equal(row, numbers) for row in (*np.sort(found), *np.sort(found.T))):
        raise ValueError(
            f"cayley_table must hold each of the numbers 0..N-1 once in every row and column. Got {shown(table)}."
        )
    return found.astype(int, copy=False)


def check_orbit(Z_orbit: Any, cayley_table: Any) -> tuple[np.ndarray, np.ndarray]:
    """Check latents (N, n, d) of images under each of the N elements of a group, and its table."""
    table = check_cayley_table(cayley_table)
    Z = as_numbers("Z_orbit", Z_orbit, dtype=np.float64, ensure_2d=False, allow_nd=True)
    if Z.ndim != 3 or len(Z) != len(table) or not Z.size:
        raise ValueError(f"Z_orbit must have shape (N, n, d), with N of {len(table)}. Got {Z.shape}.")
    return Z, table

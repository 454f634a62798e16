"""Pairs as they are: what stands beside some images, or their latents, under a composition, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from latentaug._checks import as_array, shown
from latentaug._rows import is_mapped, release, slices, take

__all__ = ["Partners", "as_partners", "join"]

NEAR = 8  # times as many rows are read of a memory map where those that are wanted lie close together


@dataclass(frozen=True, eq=False)
class Partners:
    """What stands beside some images under one composition, pair by pair.

    Attributes
    ----------
    values : ndarray of shape (m, ...)
    rows : ndarray of shape (n_pairs,) or None
        Of each pair, the row of the image; None where every image has its partner, in order.
    places : ndarray of shape (n_pairs,) or None
        Of each pair, the place of its partner in `values`; None where all are taken, in order.
    """

    values: np.ndarray
    rows: np.ndarray | None = None
    places: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values if self.rows is None else self.rows)


Picked = tuple[np.ndarray, np.ndarray | None]  # an array, and which of its rows; None: all


def pick(picked: Picked, part: np.ndarray) -> np.ndarray:
    """Some of the rows picked of an array, by their numbers."""
    array, rows = picked
    rows = part if rows is None else rows[part]
    if not is_mapped(array) or not len(rows):
        return array[rows]
    low, high = rows.min(), rows.max() + 1
    if high - low > NEAR * len(rows):
        return take(array, rows)
    near = array[low:high][rows - low]
    release(array[low:high])
    return near


def join(parts: Sequence[Partners]) -> tuple[list[Picked], np.ndarray | None]:
    """The rows of all parts that stand beside the same images, and the rows of those; None: all, in order.

    Where two or more have images missing, an image counts once; where one has, as often as it has partners.
    """
    partial = [part.rows for part in parts if part.rows is not None]
    if not partial:
        return [(part.values, None) for part in parts], None
    if len(partial) == 1:
        return [(part.values, partial[0] if part.rows is None else part.places) for part in parts], partial[0]
    rows: np.ndarray = reduce(np.intersect1d, partial)
    return [(part.values, _places(part, rows)) for part in parts], rows


def _places(part: Partners, rows: np.ndarray) -> np.ndarray:
    """Where the first partner of each of some images stands."""
    if part.rows is None:
        return rows
    known, first = np.unique(part.rows, return_index=True)
    places = first[np.searchsorted(known, rows)]
    return places if part.places is None else part.places[places]


def as_partners(label: str, given: Any, n_images: int) -> Partners:
    """What a user gives beside images, with what is missing left out.

    An array of as many rows as there are images, of which those that are NaN, or masked, are missing; a list, with None
    for what is missing; or ``(rows, values)``, where `rows` are the numbers of the images beside which `values` stand,
    or true for each image that has one.
    """
    if isinstance(given, tuple) and len(given) == 2 and np.ndim(given[0]) == 1 and np.ndim(given[1]) > 1:
        return _numbered(label, *given, n_images)
    missing = None
    if isinstance(given, (list, tuple)) and any(item is None for item in given):
        missing = np.array([item is None for item in given])
        given = [item for item in given if item is not None]
        if not given:
            raise ValueError(f"{label} holds no partner at all. Leave it out.")
        return _counted(label, Partners(as_array(label, given), np.flatnonzero(~missing)), len(missing), n_images)
    if isinstance(given, np.ma.MaskedArray):
        missing = _all_or_none(label, np.ma.getmaskarray(given), "masked")
        given = given.data
    array = as_array(label, given)
    if array.ndim and array.dtype.kind == "f":
        nan = np.concatenate([_all_or_none(label, np.isnan(part), "NaN") for part in slices(array)])
        missing = nan if missing is None else missing | nan
    if missing is None or not missing.any():
        return _counted(label, Partners(array), len(array) if array.ndim else 0, n_images)
    rows = np.flatnonzero(~missing)
    return _counted(label, Partners(array, rows, rows), len(array), n_images)


def _all_or_none(label: str, gone: np.ndarray, word: str) -> np.ndarray:
    """Which rows are missing; refuse those that are so in part."""
    flat = gone.reshape(len(gone), -1) if gone.size else gone.reshape(len(gone), 0)
    some, every = flat.any(axis=1), flat.all(axis=1) & flat.any(axis=1)
    if (some & ~every).any():
        row = int(np.argmax(some & ~every))
        raise ValueError(f"{label}: a partner is missing as a whole, or not at all. Row {row} is {word} in part.")
    return np.asarray(every)


def _counted(label: str, partners: Partners, n: int, n_images: int) -> Partners:
    if n != n_images:
        raise ValueError(f"{label} must hold as many rows as X, {n_images}, or say which it has. Got {n}.")
    if not len(partners):
        raise ValueError(f"{label} holds no partner at all. Leave it out.")
    return partners


def _numbered(label: str, rows: Any, values: Any, n_images: int) -> Partners:
    """Partners with the numbers of their images, or with a truth for each image."""
    rows, values = as_array(label, rows), as_array(label, values)
    if rows.dtype.kind == "b" and len(rows) == n_images:
        present = np.flatnonzero(rows)
        places = present if len(values) == n_images else None
        rows = present
    else:
        places = None
    integers = rows.dtype.kind in "iu" and (not len(rows) or (rows.min() >= 0 and rows.max() < n_images))
    if not integers or len(rows) != len(values if places is None else places):
        wanted = f"the numbers of images, 0..{n_images - 1}, one a partner, or a truth for each of them"
        raise ValueError(f"{label}: rows must be {wanted}. Got {shown(rows)} for {len(values)}.")
    return _counted(label, Partners(values, rows.astype(np.intp), places), n_images, n_images)

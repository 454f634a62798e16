"""Large arrays row by row: batches by their size, what memory they take, and memory maps whose pages are given back.

Pages of a file that were read or written count as memory of the process until they are given back.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

__all__ = ["batches", "batches_of", "is_held", "is_mapped", "keep_freed_memory", "release", "slices", "take"]

BATCH_PIXELS = 256 * 28 * 28  # of images encoded or decoded at once: what fits the caches of a processor
SLICE_BYTES = 2**24
AROUND = 2**22  # more than a system maps around a page that is touched, which may be two megabytes
FAR_ROWS = 32  # rows far from each other that are taken at once: each may touch as much
LARGEST_LEARNED = 2**25 - 2**13  # bytes of the largest block, less what surrounds it, that glibc learns from
GOLDEN = (5**0.5 - 1) / 2
SHARED = ("r", "r+", "w+")  # modes whose pages are those of the file; "c" has some of its own, which would be lost


def batches(n_images: int, n_pixels: int) -> Iterator[slice]:
    """Rows of images in batches by size, `n_pixels` being pixels times channels of an image."""
    return _parts(n_images, max(1, BATCH_PIXELS // n_pixels))


def _parts(n_rows: int, size: int) -> Iterator[slice]:
    """Rows in parts of a size; scikit-learn's `gen_batches`, which costs a hundredth of an encoded batch, unchecked."""
    return (slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size))


def _find_map(array: Any) -> mmap.mmap | None:
    """The shared map of a file that an array is a view of."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap):
            return array.base if array.mode in SHARED else None
        array = array.base
    return None


@cache
def keep_freed_memory() -> None:
    """Have the process keep the memory that a batch frees for the next one.

    At first glibc gives it back to the system, which then hands out pages anew, slowly, batch after batch. A large
    block that is freed, though never touched, tells it what is usual here, for good: it keeps up to twice as much.
    Other systems' allocators do not heed it.
    """
    np.empty(LARGEST_LEARNED, dtype=np.uint8)


def is_mapped(array: Any) -> bool:
    """Whether an array is a view of a memory-mapped file, whose pages `release` gives back."""
    return _find_map(array) is not None


def release(array: np.ndarray) -> None:
    """Give back the memory of what was read or written of a memory-mapped array; it stays in the file.

    Nothing is lost and nothing waits for the disk: pages written go to the file by and by. Arrays in memory, and maps
    opened with ``mode="c"``, whose changes are in memory only, are left alone, and so is all where the system cannot.

    Parameters
    ----------
    array : ndarray
        Or a view, such as some rows, of which only its own part of the file is given back.
    """
    found = _find_map(array)
    if found is None or not array.size or not hasattr(found, "madvise"):
        return
    ends = [(n - 1) * stride for n, stride in zip(array.shape, array.strides, strict=True)]
    first = _address(array) - _address(np.frombuffer(found, np.uint8))
    start = first + sum(end for end in ends if end < 0) - AROUND
    stop = first + sum(end for end in ends if end > 0) + array.itemsize + AROUND
    start = max(0, start - start % mmap.PAGESIZE)
    found.madvise(mmap.MADV_DONTNEED, start, min(stop, len(found)) - start)


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def batches_of(images: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows and images of each batch; its pages are released after use."""
    for rows in batches(len(images), math.prod(images.shape[1:])):
        yield rows, images[rows]
        release(images[rows])


def slices(array: np.ndarray) -> Iterator[np.ndarray]:
    """An array as it is; if it is memory-mapped its rows, some megabytes at once, each released after use."""
    if not is_mapped(array) or not len(array):
        yield array
        return
    for rows in _parts(len(array), max(1, SLICE_BYTES // max(1, array[0].nbytes))):
        yield array[rows]
        release(array[rows])


def take(array: np.ndarray, rows: Any) -> np.ndarray:
    """Rows of an array, a view by a slice and a copy by indices; what a copy read of a memory map is released."""
    if isinstance(rows, slice) or not is_mapped(array):
        return array[rows]
    taken, order = np.empty((len(rows), *array.shape[1:]), dtype=array.dtype), np.argsort(rows)  # neighbours together
    for start in range(0, len(rows), FAR_ROWS):
        part = order[start : start + FAR_ROWS]
        taken[part] = array[rows[part]]
        release(array)
    return taken


def is_held(rows: np.ndarray, share: float) -> np.ndarray:
    """Whether the pairs of some images are held out: a share of them, spread evenly and without a period."""
    return (rows * GOLDEN) % 1 < share

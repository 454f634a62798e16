"""Datasets, loaders and pictures that give no images, or others than an estimator of 8x8 images was fitted on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmarks.fuzzing.kinds import draw_words, pick


class Listed(Dataset):
    """A data set of what a list holds."""

    def __init__(self, items: Any) -> None:
        self.items = list(items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, k: int) -> Any:
        return self.items[k]


class Failing(Listed):
    """One that cannot be read beyond its first item."""

    def __getitem__(self, k: int) -> Any:
        return self.items[0] if k == 0 else self.items[len(self.items)]


def _picture(rng: np.random.Generator, modes: str) -> Image.Image:
    return Image.new(pick(rng, modes.split()), tuple(int(n) for n in rng.integers(1, 9, 2)))


NO_IMAGES: dict[str, Callable[[np.random.Generator], list]] = {
    "numbers": lambda rng: [1, 2, 3],
    "words": lambda rng: [draw_words(rng)],
    "dicts": lambda rng: [{"image": rng.random((8, 8))}],
    "None": lambda rng: [None],
    "nothing": lambda rng: [],
    "empty tuples": lambda rng: [(), ()],
    "labels first": lambda rng: [(3, rng.random((8, 8)))],
    "videos": lambda rng: [rng.random((2, 3, 8, 8))],
    "two shapes": lambda rng: [rng.random((8, 8)), rng.random((8, 7))],
    "two dtypes": lambda rng: [rng.random((8, 8)), np.zeros((8, 8), np.uint8)],
    "strings": lambda rng: [np.full((8, 8), "a")],
    "NaN": lambda rng: [np.full((8, 8), np.nan)],
    "integers above 255": lambda rng: [np.full((8, 8), 256 + int(rng.integers(999)))],
    "pictures of other modes": lambda rng: [_picture(rng, "P RGBA CMYK I F LA")],
    "pictures of two modes": lambda rng: [Image.new("L", (8, 8)), Image.new("RGB", (8, 8))],
}
SOURCES: dict[str, Callable[[np.random.Generator, Any], Any]] = {
    f"a Dataset of {name}": (lambda rng, X, make=make: Listed(make(rng))) for name, make in NO_IMAGES.items()
} | {
    "a loader without batches": lambda rng, X: DataLoader(Listed(X), batch_size=None),
    "a loader of dicts": lambda rng, X: DataLoader(Listed([{"a": x} for x in X])),
    "a loader of pictures": lambda rng, X: DataLoader(Listed([_picture(rng, "L RGB")])),
    "a Dataset that fails": lambda rng, X: Failing(X),
    "a loader that fails": lambda rng, X: DataLoader(Failing(X), batch_size=4),
    "pictures of two sizes": lambda rng, X: [Image.new("L", (8, 8)), Image.new("L", (8, int(rng.integers(1, 8))))],
    "pictures of other modes": lambda rng, X: [_picture(rng, "P RGBA CMYK I F LA")],
    "pictures and arrays": lambda rng, X: [Image.new("L", (8, 8)), np.zeros((8, 8))],
    "a picture": lambda rng, X: Image.new("L", (8, 8)),
}
# Wrong where what is made of an image has to be found again.
SHUFFLED: dict[str, Callable[[np.random.Generator, Any], Any]] = {
    "a loader that shuffles": lambda rng, X: DataLoader(Listed(X), batch_size=int(rng.integers(1, 9)), shuffle=True),
    "a loader that leaves out": lambda rng, X: DataLoader(Listed(X), batch_size=5, drop_last=True),
}

"""Augmentations that break their contract: functions, and transforms of other libraries."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import torch

from benchmarks.fuzzing.kinds import named, one_of, pick
from latentaug.augs import flip_lr, from_albumentations, from_kornia, from_torchvision


def _fail(X):
    raise RuntimeError("it broke\nin two lines")


_calls, _own = count(), np.random.default_rng(0)

# Functions that are no augmentations, and transforms of other libraries that are none.
BROKEN: dict[str, Callable] = {
    "fails": _fail,
    "fails without words": lambda X: 1 // 0,
    "wants more": lambda X, y: X,
    "wants none": lambda: 3,
    "is taken for a dict": lambda X: X["image"],
    "stops": lambda X: next(iter([])),
    "runs out of memory": lambda X: np.empty(2**60),
    "gives nothing": lambda X: None,
    "gives a list": lambda X: X.tolist(),
    "gives a number": lambda X: 1.0,
    "cuts": lambda X: X[:, 1:],
    "repeats": lambda X: np.concatenate([X, X]),
    "flattens": lambda X: X.reshape(len(X), -1),
    "is an average": lambda X: X.mean(axis=0),
    "acts on the batch": np.flipud,
    "acts on every axis": np.flip,
    "is relative to the batch": lambda X: X / X.max(),
    "is random half of the time": lambda X: X if _own.random() < 0.5 else X[:, ::-1],
    "moves numpy's generator": lambda X: X if np.random.random() < 2 else -X,  # noqa: NPY002
    "gives NaN of some": lambda X: np.where(X.mean(axis=(1, 2), keepdims=True) > X.mean(axis=(1, 2)).mean(), np.nan, X),
    "does nothing": lambda X: X,
    "torch, that is random now and then": from_torchvision(lambda T: T.flip(-1) if torch.rand(1) < 0.1 else T),
    "is random": lambda X: np.random.default_rng().permuted(X, axis=0),
    "remembers": lambda X: X * (1 - next(_calls) % 2),
    "gives NaN": lambda X: X * np.nan,
    "gives infinity": lambda X: X + np.inf,
    "gives integers": lambda X: np.zeros(X.shape, dtype=np.uint8),
    "gives complex": lambda X: X + 0j,
    "gives strings": lambda X: X.astype(str),
    "gives objects": lambda X: X.astype(object),
    "gives a masked shape": lambda X: np.ma.masked_array(X)[:1],
    "is too bright": lambda X: X * 3 + 1,
    "is negative": lambda X: -1 - X,
    "fails on many": lambda X: X if len(X) <= 8 else _fail(X),
    "cuts many": lambda X: X if len(X) <= 8 else X[:, 1:],
    "torch, that fails": from_torchvision(lambda T: T @ T.new_zeros(3, 7)),
    "torch, that cuts": from_torchvision(lambda T: T[:, :, 1:]),
    "torch, that is no tensor": from_torchvision(lambda T: T.numpy()[:1]),
    "torch, that is nothing": from_torchvision(lambda T: None),
    "torch, that is random": from_torchvision(lambda T: T[:, :, torch.randperm(8)] * next(_calls)),
    "torch, that gives NaN": from_torchvision(lambda T: T * float("nan")),
    "kornia, that fails": from_kornia(lambda T: T.nonsense()),
    "kornia, that is too bright": from_kornia(lambda T: T + 5),
    "albumentations, that fails": from_albumentations(lambda image: {"image": image[None, 99]}),
    "albumentations, without image": from_albumentations(lambda image: {"img": image}),
    "albumentations, that cuts": from_albumentations(lambda image: {"image": image[1:]}),
    "albumentations, that is ragged": from_albumentations(lambda image: {"image": image[: 1 + next(_calls) % 7]}),
    "albumentations, that gives NaN": from_albumentations(lambda image: {"image": image * np.nan}),
}
BROKEN_AUGS = named(
    {name: (lambda rng, right, aug=aug: [("flip", flip_lr), ("x", aug)]) for name, aug in BROKEN.items()}
)
NO_AUGS = one_of([], (), "flip_lr", b"flip_lr", flip_lr, 3, {}, object(), [1], [None], ["nonsense"], [("", flip_lr)],
                 [("a__b", flip_lr)], [("x", 3)], [("x", flip_lr, 1)], [[]], [("flip_lr",)], [b"flip_lr"], [np.nan],
                 ["flip_lr", ""], [(3, flip_lr)], np.zeros((3, 3)))  # fmt: skip


def not_none_augs(rng: np.random.Generator, right: Any) -> tuple[str, Any]:
    """What is no list of augmentations, or one of which one is broken."""
    return pick(rng, [NO_AUGS, BROKEN_AUGS])(rng, right)


def any_augs(rng: np.random.Generator, right: Any) -> tuple[str, Any]:
    """The same, or none where there are no views either."""
    return not_none_augs(rng, right) if rng.random() < 0.95 else ("None", None)

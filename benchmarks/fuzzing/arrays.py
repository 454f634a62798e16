"""Ways to spoil an array: from a generator and a right array to a wrong one, or to no array at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from benchmarks.fuzzing.kinds import draw_words, named, pick
from benchmarks.fuzzing.sources import SHUFFLED, SOURCES


def _put(value: Any):
    """Put a value into a random place, as floats."""

    def spoil(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
        X = np.array(X, dtype=np.float64)
        X.flat[rng.integers(X.size)] = value
        return X

    return spoil


def _whole(low: int, high: int):
    """Integers, one of which lies in [low, high)."""

    def spoil(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
        X = rng.integers(0, 256, X.shape)
        X.flat[rng.integers(X.size)] = rng.integers(low, high)
        return X

    return spoil


def _shaped(*shape: int):
    return lambda rng, X: rng.random(shape)


# Wrong as any array of numbers with a first axis of samples.
ARRAYS: dict[str, Callable[[np.random.Generator, np.ndarray], Any]] = {
    "NaN": _put(np.nan),
    "infinity": _put(np.inf),
    "minus infinity": _put(-np.inf),
    "strings": lambda rng, X: np.full(np.shape(X), draw_words(rng)),
    "bytes": lambda rng, X: np.full(np.shape(X), b"x"),
    "objects": lambda rng, X: np.full(np.shape(X), object()),
    "dicts": lambda rng, X: np.full(np.shape(X), {}),
    "Nones": lambda rng, X: np.full(np.shape(X), None),
    "a string among numbers": lambda rng, X: [draw_words(rng), *np.ravel(X).tolist()],
    "complex": lambda rng, X: np.asarray(X) + 1j,
    "datetime64": lambda rng, X: np.zeros(np.shape(X), dtype="datetime64[s]"),
    "timedelta64": lambda rng, X: np.ones(np.shape(X), dtype="timedelta64[D]"),
    "records": lambda rng, X: np.zeros(np.shape(X), dtype=[("a", float), ("b", int)]),
    "no axis": lambda rng, X: np.array(rng.random()),
    "five axes": lambda rng, X: rng.random((2, 3, 3, 2, 2)),
    "six axes": lambda rng, X: rng.random((2, 2, 2, 2, 2, 2)),
    "no samples": lambda rng, X: np.asarray(X)[:0],
    "an empty list": lambda rng, X: [],
    "a list of empty lists": lambda rng, X: [[] for _ in range(3)],
    "a ragged list": lambda rng, X: [[0.1] * int(n) for n in (*rng.integers(1, 9, 3), 9, 10)],
    "a list of strings": lambda rng, X: [[draw_words(rng)] * 4] * 3,
    "a list of None": lambda rng, X: [None, None],
    "None": lambda rng, X: None,
    "a number": lambda rng, X: float(rng.random()),
    "a string": lambda rng, X: draw_words(rng),
    "bytes alone": lambda rng, X: b"abc",
    "a dict": lambda rng, X: {"X": X},
    "a set": lambda rng, X: {1, 2},
    "a generator": lambda rng, X: (x for x in X),
    "a function": lambda rng, X: np.asarray,
    "a class": lambda rng, X: np.ndarray,
    "an object": lambda rng, X: object(),
    "a sparse matrix": lambda rng, X: scipy.sparse.random(6, 64, 0.5, format=pick(rng, ["csr", "csc", "coo"])),
    "a sparse array": lambda rng, X: scipy.sparse.csr_array(np.eye(6)),
}
ROWS = ARRAYS | {"one axis": lambda rng, X: rng.random(int(rng.integers(1, 70)))}
IMAGE_FAULTS = ROWS | {
    "no height": _shaped(4, 0, 8),
    "no width": _shaped(4, 8, 0),
    "no channels": _shaped(4, 8, 8, 0),
    "no columns": _shaped(4, 0),
    "integers above 255": _whole(256, 10_000),
    "negative integers": _whole(-1000, 0),
}
# Wrong where floats in [0, 1] are known: on another scale, or as another layout.
ASKEW: dict[str, Callable[[np.random.Generator, np.ndarray], Any]] = {
    "bytes as floats": lambda rng, X: 255 * np.asarray(X),
    "on 0..16": lambda rng, X: 16 * np.asarray(X),
    "about zero": lambda rng, X: 2 * np.asarray(X) - 1,
    "scaled twice": lambda rng, X: np.asarray(X) / 255,
    "masks": lambda rng, X: (np.asarray(X) > 0.5).astype(int),
    "labels": lambda rng, X: (np.asarray(X) * 16).astype(int),
    "masked": lambda rng, X: np.ma.masked_array(X, np.asarray(X) > 0.5),
    "huge": lambda rng, X: np.asarray(X) * 10.0 ** rng.integers(31, 300),
    "one image": lambda rng, X: np.asarray(X)[0],
}
MISSHAPEN = {
    "too high": lambda rng, X: rng.random((3, 8 + int(rng.integers(1, 5)), 8)),
    "too narrow": lambda rng, X: rng.random((3, 8, int(rng.integers(1, 8)))),
    "turned": _shaped(3, 16, 4),
    "coloured": lambda rng, X: rng.random((3, 8, 8, int(rng.integers(1, 5)))),
    "wrong number of columns": lambda rng, X: rng.random((3, pick(rng, [1, 16, 63, 65, 128]))),
    "rows as images": _shaped(3, 1, 64),
}
# Wrong in a fit: nearly black, squeezed by a pixel, or turned.
FIT_FAULTS: dict[str, Callable[[np.random.Generator, np.ndarray], Any]] = {
    name: ASKEW[name] for name in ("scaled twice", "masks", "labels", "masked", "huge")
} | {
    "an outlier": _put(1e6),
    "channels first": lambda rng, X: rng.random((24, int(rng.integers(1, 5)), 8, 8)),
    "paths": lambda rng, X: ["a.png"] * len(X),
}
FIT_IMAGES = named(IMAGE_FAULTS | FIT_FAULTS | SOURCES)
HEAD_IMAGES = named(IMAGE_FAULTS | MISSHAPEN | ASKEW | SOURCES)
IMAGES = named(IMAGE_FAULTS | MISSHAPEN | ASKEW | SOURCES | SHUFFLED)
LATENTS = named(
    ROWS
    | {
        "huge": lambda rng, Z: Z * 10.0 ** rng.integers(33, 300),
        "three axes": _shaped(3, 4, 4),
        "no columns": _shaped(3, 0),
        "wrong number of columns": lambda rng, Z: rng.random((3, pick(rng, [1, 2, 3, 5, 64]))),
    }
)
FIT_LATENTS = named(ROWS | {"huge": lambda rng, Z: Z * 10.0 ** rng.integers(33, 300), "three axes": _shaped(3, 4, 4)})
VIEWS_OF_ROWS = named(
    {
        f"one is {name}": (lambda rng, views, fault=fault: views | {("flip_lr",): fault(rng, views["flip_lr",])})
        for name, fault in ROWS.items()
    }
    | {
        "too few rows": lambda rng, views: {key: Z[:-1] for key, Z in views.items()},
        "too many columns": lambda rng, views: {key: np.hstack([Z, Z]) for key, Z in views.items()},
        "numbers of rows beyond": lambda rng, views: {key: ([0, 99], Z[:2]) for key, Z in views.items()},
        "numbers of too few": lambda rng, views: {key: ([0, 1], Z) for key, Z in views.items()},
        "fractions of rows": lambda rng, views: {key: ([0.5, 1.5], Z[:2]) for key, Z in views.items()},
        "half a row masked": lambda rng, views: {
            key: np.ma.masked_array(Z, np.arange(Z.size).reshape(Z.shape) == 1) for key, Z in views.items()
        },
        "all missing": lambda rng, views: {key: np.full(Z.shape, np.nan) for key, Z in views.items()},
        "huge": lambda rng, views: {key: Z * 1e200 for key, Z in views.items()},
        "a key that is a number": lambda rng, views: {3: views["flip_lr",]},
        "a key that is None": lambda rng, views: {None: views["flip_lr",]},
        "the original": lambda rng, views: {(): views["flip_lr",]},
        "undone": lambda rng, views: {(("flip_lr", -1),): views["flip_lr",]},
        "a list": lambda rng, views: list(views.values()),
        "an array": lambda rng, views: views["flip_lr",],
        "a string": lambda rng, views: "flip_lr",
        "zero": lambda rng, views: 0,
    }
)
ROWS_OUT = named(
    {name: spoil for name, spoil in ARRAYS.items() if name not in ("None", "NaN", "infinity", "minus infinity")}
    | {
        "another shape": lambda rng, Z: rng.random((len(Z), Z.shape[1] + 1)),
        "integers": lambda rng, Z: np.zeros(Z.shape, dtype=int),
        "read-only": lambda rng, Z: np.broadcast_to(rng.random(Z.shape[1]), Z.shape),
    }
)
# Of latents beside others, (n, d): what `maps` and `metrics` take.
PAIRED_LATENTS = named(
    ROWS
    | {
        "three axes": _shaped(3, 4, 4),
        "too few rows": lambda rng, Z: Z[: -int(rng.integers(1, 4))],
        "too many columns": lambda rng, Z: np.hstack([Z, Z]),
    }
)
# What 24 images of 8x8 cannot be written into.
OUT = named(
    {name: spoil for name, spoil in ARRAYS.items() if name not in ("None", "NaN", "infinity", "minus infinity")}
    | {
        "another shape": lambda rng, _: rng.random((24, 8, 8 + int(rng.integers(1, 9)))),
        "too few": lambda rng, _: rng.random((int(rng.integers(1, 24)), 8, 8)),
        "flat rows": _shaped(24, 64),
        "another dtype": lambda rng, _: np.zeros(
            (24, 8, 8), pick(rng, [bool, "int8", "float16", complex, object, "U3"])
        ),
        "read-only": lambda rng, _: np.broadcast_to(rng.random((8, 8)), (24, 8, 8)),
    }
)
# A stack that a function of images is called with, which must be an array.
STACK = named(
    {name: fault for name, fault in IMAGE_FAULTS.items() if name != "five axes"}
    | {"a list": lambda rng, X: X.tolist(), "rows": _shaped(3, 64), "five axes": ARRAYS["five axes"]}
)
MATRIX = named(
    {name: fault for name, fault in ROWS.items() if name != "a sparse array"}
    | {
        "not square": lambda rng, L: rng.random((3, int(rng.integers(4, 9)))),
        "three axes": _shaped(2, 3, 3),
        "nothing": _shaped(0, 0),
    }
)
PARTNER = named({"of another size": lambda rng, L: np.eye(len(L) + int(rng.integers(1, 4)))})
CAYLEY_TABLE = named(
    {
        name: ARRAYS[name]
        for name in ("strings", "NaN", "None", "a number", "a ragged list", "an empty list", "an object", "no axis")
    }
    | {
        "not square": lambda rng, T: [[0, 1]],
        "a number too large": lambda rng, T: [[0, 1], [1, int(rng.integers(2, 99))]],
        "a negative number": lambda rng, T: [[0, 1], [1, -int(rng.integers(1, 99))]],
        "one element twice in a row": lambda rng, T: [[0, 1], [1, 1]],
        "fractions": lambda rng, T: [[0, 1], [1, 0.5]],
        "three axes": lambda rng, T: np.zeros((2, 2, 2), dtype=int),
    }
)
ORBIT = named(
    ARRAYS
    | {
        "two axes": lambda rng, Z: Z[0],
        "too many elements": lambda rng, Z: np.concatenate([Z, Z]),
        "too few elements": lambda rng, Z: Z[:1],
    }
)
LABELS = named(
    {
        "too few": lambda rng, y: y[: -int(rng.integers(1, 9))],
        "too many": lambda rng, y: np.tile(y, 2),
        "two columns": lambda rng, y: np.stack([y, y], axis=1),
        "a number": lambda rng, y: 3,
        "a string": lambda rng, y: draw_words(rng),
        "an empty list": lambda rng, y: [],
        "a ragged list": lambda rng, y: [[1], [1, 2]] * (len(y) // 2),
        "an object": lambda rng, y: object(),
        "a dict": lambda rng, y: {1: 2},
    }
)
_LABELS = {
    "too few": lambda rng, y: list(range(int(rng.integers(23)))),
    "too many": lambda rng, y: [1] * 99,
    "an empty list": lambda rng, y: [],
    "a ragged list": lambda rng, y: [[1], [1, 2]] * 12,
    "a dict": lambda rng, y: {1: 2},
    "lists": lambda rng, y: np.array([[k] for k in range(23)] + [[[1]]], dtype=object),
}
FIT_LABELS = named(
    _LABELS
    | {
        "a number": lambda rng, y: 3,
        "an object": lambda rng, y: object(),
        "of two kinds": lambda rng, y: [1, "a", None] * 8,
    }
)
LABELS_GIVEN = named(_LABELS | {"two columns": lambda rng, y: np.ones((24, 2))})
CLASSES = named(
    {
        "too few": lambda rng, y: y[: -int(rng.integers(1, 9))],
        "two columns": lambda rng, y: np.stack([y, y], axis=1),
        "None": lambda rng, y: None,
        "fractions": lambda rng, y: rng.random(len(y)),
        "NaN": lambda rng, y: np.where(np.arange(len(y)) == 2, np.nan, y),
        "a number": lambda rng, y: 3,
        "a string": lambda rng, y: draw_words(rng),
        "an object": lambda rng, y: object(),
        "a dict": lambda rng, y: {1: 2},
        "a ragged list": lambda rng, y: [[1], [1, 2]] * (len(y) // 2),
    }
)
# Of images beside others, of the same shape.
PAIRED_IMAGES = named(
    {
        name: fault
        for name, fault in ARRAYS.items()
        if name not in ("five axes", "six axes", "no samples", "an empty list")
    }
    | MISSHAPEN
    | {"one less": lambda rng, X: X[1:], "one": lambda rng, X: X[:1], "one axis": ROWS["one axis"]}
)
NOT_NONE_IMAGES = named({name: fault for name, fault in (IMAGE_FAULTS | MISSHAPEN).items() if name != "None"})
SETS = named(IMAGE_FAULTS)  # of images, of any shape
VALUES_OF_IMAGES = named(ARRAYS)  # one value an image

PAIRED_VIEWS = named(
    {
        f"one is {name}": (lambda rng, views, fault=fault: {key: fault(rng, X) for key, X in views.items()})
        for name, fault in (IMAGE_FAULTS | MISSHAPEN).items()
    }
    | {
        "too few images": lambda rng, views: {key: X[:-1] for key, X in views.items()},
        "of another range": lambda rng, views: {key: X + 7 for key, X in views.items()},
        "a key that is a number": lambda rng, views: {3: views["flip_lr",]},
        "a key of a number": lambda rng, views: {(3,): views["flip_lr",]},
        "a key that is None": lambda rng, views: {None: views["flip_lr",]},
        "a frozenset for a key": lambda rng, views: {frozenset(["flip_lr"]): views["flip_lr",]},
        "unknown": lambda rng, views: {("nonsense",): views["flip_lr",]},
        "a list": lambda rng, views: list(views.values()),
        "an array": lambda rng, views: views["flip_lr",],
        "a string": lambda rng, views: "flip_lr",
        "a number": lambda rng, views: 3,
        "zero": lambda rng, views: 0,
        "an empty list": lambda rng, views: [],
    }
)

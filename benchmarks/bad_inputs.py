"""Values that are wrong by construction: one table of ways to spoil an array, one of wrong values for each kind of
parameter, one of augmentations that break their contract.

A *kind* draws a wrong value: a function of a generator and of a right value, to a few words and the wrong value.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsClassifier

from latentaug import VAE
from latentaug.augs import flip_lr, from_albumentations, from_kornia, from_torchvision

Kind = Callable[[np.random.Generator, Any], tuple[str, Any]]


def pick(rng: np.random.Generator, items: Iterable) -> Any:
    """One of some items."""
    items = list(items)
    return items[rng.integers(len(items))]


def in_words(value: Any) -> str:
    """A value on one short line."""
    return " ".join(reprlib.repr(value).split())


def one_of(*values: Any) -> Kind:
    """One of some values; of a function, what it makes of the generator."""

    def draw(rng: np.random.Generator, right: Any) -> tuple[str, Any]:
        value = pick(rng, values)
        value = value(rng) if isinstance(value, Drawn) else value
        return in_words(value), value

    return draw


def named(faults: dict[str, Callable[[np.random.Generator, Any], Any]]) -> Kind:
    """A right value, spoiled in one of some ways."""

    def draw(rng: np.random.Generator, right: Any) -> tuple[str, Any]:
        name = pick(rng, faults)
        return name, faults[name](rng, right)

    return draw


class Drawn:
    """A value drawn anew each time."""

    def __init__(self, draw: Callable[[np.random.Generator], Any]) -> None:
        self.draw = draw

    def __call__(self, rng: np.random.Generator) -> Any:
        return self.draw(rng)


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


def _words(rng: np.random.Generator, n: int = 1) -> str:
    """A name that nothing has."""
    return "?" + "".join(rng.choice(list("abcdefg _-^é"), 6 * n))


# Wrong as any array of numbers with a first axis of samples.
ARRAYS: dict[str, Callable[[np.random.Generator, np.ndarray], Any]] = {
    "NaN": _put(np.nan),
    "infinity": _put(np.inf),
    "minus infinity": _put(-np.inf),
    "strings": lambda rng, X: np.full(np.shape(X), _words(rng)),
    "bytes": lambda rng, X: np.full(np.shape(X), b"x"),
    "objects": lambda rng, X: np.full(np.shape(X), object()),
    "dicts": lambda rng, X: np.full(np.shape(X), {}),
    "Nones": lambda rng, X: np.full(np.shape(X), None),
    "a string among numbers": lambda rng, X: [_words(rng), *np.ravel(X).tolist()],
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
    "a list of strings": lambda rng, X: [[_words(rng)] * 4] * 3,
    "a list of None": lambda rng, X: [None, None],
    "None": lambda rng, X: None,
    "a number": lambda rng, X: float(rng.random()),
    "a string": lambda rng, X: _words(rng),
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
MISSHAPEN = {
    "too high": lambda rng, X: rng.random((3, 8 + int(rng.integers(1, 5)), 8)),
    "too narrow": lambda rng, X: rng.random((3, 8, int(rng.integers(1, 8)))),
    "turned": _shaped(3, 16, 4),
    "coloured": lambda rng, X: rng.random((3, 8, 8, int(rng.integers(1, 5)))),
    "wrong number of columns": lambda rng, X: rng.random((3, pick(rng, [1, 16, 63, 65, 128]))),
    "rows as images": _shaped(3, 1, 64),
}
FIT_IMAGES = named(IMAGE_FAULTS)
IMAGES = named(IMAGE_FAULTS | MISSHAPEN)
LATENTS = named(
    ROWS
    | {
        "three axes": _shaped(3, 4, 4),
        "no columns": _shaped(3, 0),
        "wrong number of columns": lambda rng, Z: rng.random((3, pick(rng, [1, 2, 3, 5, 64]))),
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
        "a string": lambda rng, y: _words(rng),
        "an empty list": lambda rng, y: [],
        "a ragged list": lambda rng, y: [[1], [1, 2]] * (len(y) // 2),
        "an object": lambda rng, y: object(),
        "a dict": lambda rng, y: {1: 2},
    }
)
CLASSES = named(
    {
        "too few": lambda rng, y: y[: -int(rng.integers(1, 9))],
        "two columns": lambda rng, y: np.stack([y, y], axis=1),
        "None": lambda rng, y: None,
        "fractions": lambda rng, y: rng.random(len(y)),
        "NaN": lambda rng, y: np.where(np.arange(len(y)) == 2, np.nan, y),
        "a number": lambda rng, y: 3,
        "a string": lambda rng, y: _words(rng),
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
VALUES_OF_IMAGES = named(ARRAYS)  # one value an image

NO_NUMBERS = (
    "3", "", b"3", None, True, np.True_, [1], (1,), {}, {1}, object(), 1j, int, np.array([1, 2]), np.zeros((40, 40)),
    np.datetime64("2020-01-01"), Drawn(_words),
)  # fmt: skip
NEITHER = (np.nan, np.inf, -np.inf, np.float32(np.nan))
NEGATIVE = (Drawn(lambda rng: -int(rng.integers(1, 10**6))), Drawn(lambda rng: -float(rng.exponential())), np.int64(-2))
BELOW_ONE = (0, np.int8(0), *NEGATIVE)
FRACTION = (1.5, 2.0, np.float64(3), Drawn(lambda rng: float(rng.uniform(1, 9))))
NO_NAMES = (None, 1, 1.5, b"adam", [], {}, object(), str, np.nan, np.array(["a", "b"]), True)
UNKNOWN = ("", "ADAM", "flip", " flip_lr", Drawn(_words), "nonsense\nin two lines")

COUNT = one_of(*NO_NUMBERS, *NEITHER, *BELOW_ONE, *FRACTION)
COUNT_OF_TWO = one_of(*NO_NUMBERS, *NEITHER, *BELOW_ONE, *FRACTION, 1)
COUNT_FROM_ZERO = one_of(*NO_NUMBERS, *NEITHER, *NEGATIVE, *FRACTION)
POSITIVE = one_of(*NO_NUMBERS, *NEITHER, *BELOW_ONE)
POSITIVE_OR_NONE = one_of(*(value for value in NO_NUMBERS if value is not None), *NEITHER, *BELOW_ONE)
WEIGHT = one_of(*NO_NUMBERS, *NEITHER, *NEGATIVE)
SHARE = one_of(*NO_NUMBERS, *NEITHER, *NEGATIVE, 1, 1.0, Drawn(lambda rng: 1 + float(rng.exponential())))
INNER_SHARE = one_of(*NO_NUMBERS, *NEITHER, *BELOW_ONE, 1, 1.5)
CHOICE = one_of(*NO_NAMES, *UNKNOWN, ["adam"], ("auto",))
NAME = one_of(*NO_NAMES, *UNKNOWN, ["flip_lr"], ("flip_lr", "flip_ud"))
NAMES = one_of(1, b"flip_lr", 0, False, {}, object(), [1], [None], [["flip_lr"]], ["flip_lr", 3], {"flip_lr"}, 1.5,
               *UNKNOWN, ["nonsense"], ("flip_lr", "nonsense"), np.zeros((50, 50)))  # fmt: skip
STEPS = one_of((1,), (None,), (["flip_lr"],), (("flip_lr", 1),), (b"flip_lr",), ({},), (np.zeros((50, 50)),), ("",),
               ("flip_lr", "nonsense"), ("flip_lr", object()), ("nonsense",))  # fmt: skip
SIGNED_STEPS = one_of(3, None, "flip_lr", ("flip_lr",), (("nonsense", 1),), (("flip_lr", 2),), (("flip_lr", "x"),),
                      (3,), ((1, 1),), {}, (("flip_lr", 1, 1),), (("flip_lr", 0),), object())  # fmt: skip
COMPOSITIONS = one_of(1, 0, object(), "flip_lr", b"x", {"a": 1}, [1], [None], [("flip_lr", 2)], [("nonsense",)],
                      ["nonsense"], [[["flip_lr"]]], [object()], np.zeros((3, 3)), True, 1.5, [{}])  # fmt: skip
NUMBERS_OF_STEPS = one_of(0, 3, "24", [], {}, object(), [0], [-2], [1], [3], [2.0], ["2"], [None], [2, 3], [True],
                          np.nan, [np.nan], np.zeros((2, 2)), [[2]], b"ab")  # fmt: skip
FLAG = one_of("yes", "False", None, 2, 1.5, [], {}, object(), np.nan, np.array([True, False]), b"")
VERBOSITY = one_of("yes", None, 1.5, [], {}, object(), np.nan, np.array([1, 2]), b"", -1)
SEED = one_of("abc", -1, 1.5, 2**40, object(), {}, (), b"", np.nan, [1, 2], np.random.default_rng(0))
CHANNELS = one_of((), [], None, 3, "ab", b"ab", {}, {4, 8}, (0,), (-4, 8), (4, 8.0), ("4",), (4, None), (True,),
                  np.array([4, 8]), object(), 1.5, ((4, 8),))  # fmt: skip
IMAGE_SHAPE = one_of((), [], 8, 64, "88", b"88", (8,), (64,), (8, 8, 1, 1), (7, 7), (8, 9), (0, 64), (-8, -8), object(),
                     (8.0, 8.0), (8, None), ("8", "8"), {}, {8}, np.array([8, 8]), 0, False, 1.5, np.nan)  # fmt: skip
DEVICE = one_of("nonsense", "", "cuda:99", "mps:7", "meta", "cpu:x", None, 1.5, object(), [], {}, b"cpu", -1, "vulkan",
                "cpu cpu\ncpu")  # fmt: skip
FUNCTION = one_of(3, None, "flip_lr", object(), [], {})
TRANSFORM = one_of(3, None, "flip_lr", object(), [], {}, 1.5, np.zeros((30, 30)))
TITLE = one_of(3, b"x", [], {}, object(), 1.5, "", "a__b", ("a",))
AXES = one_of(3, "ax", [], {}, object(), 1.5, np.zeros((30, 30)))
COLOURS = one_of("nonsense", 3, [], {}, object(), 1.5, b"gray", "", np.zeros((30, 30)))
PATH = one_of(3, 1.5, [], {}, object(), b"\xff\x00", ("a",), "\0", "a\0b", np.zeros(3))


def _fail(X):
    raise RuntimeError("it broke\nin two lines")


_calls = count()

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
    "torch, that is random": from_torchvision(lambda T: T[:, :, __import__("torch").randperm(8)] * next(_calls)),
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


PAIRINGS = one_of(3, "flip_lr", [], (), {}, object(), {"flip_lr": "shear_x"}, {1: 2, 3: 4}, 0, False,
                  {"nonsense": "shear_x", "flip_ud": "edge_detect"}, {"flip_lr": "shear_x", "flip_ud": "shear_x"},
                  {"flip_lr": "nonsense", "flip_ud": "edge_detect"}, {"flip_lr": ["shear_x"], "flip_ud": {}},
                  [("flip_lr", "shear_x")])  # fmt: skip
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
AUTOENCODERS = one_of(3, 0, "", "PCA", PCA, object(), [], {}, KMeans(), KNeighborsClassifier(), VAE, flip_lr,
                      FrozenEstimator(PCA(4)), FrozenEstimator(KMeans()))  # fmt: skip
NO_VAE = one_of(3, 0, "", "PCA", PCA, object(), [], {}, KMeans(), VAE, flip_lr, PCA(4))
MODELS = one_of(3, None, "model", object(), [], {}, PCA, PCA(4), KMeans(), VAE, VAE(), flip_lr, np.zeros((30, 30)),
                FrozenEstimator(KMeans()))  # fmt: skip
CLASSIFIERS = one_of(
    3, "knn", object(), [], {}, PCA(4), KNeighborsClassifier, KNeighborsClassifier(), flip_lr, KMeans()
)

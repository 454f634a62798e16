"""Wrong values of parameters, one kind of them for each kind of parameter."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsClassifier

from benchmarks.fuzzing.kinds import Drawn, draw_words, one_of
from latentaug import VAE
from latentaug.augs import flip_lr

NO_NUMBERS = (
    "3", "", b"3", None, True, np.True_, [1], (1,), {}, {1}, object(), 1j, int, np.array([1, 2]), np.zeros((40, 40)),
    np.datetime64("2020-01-01"), Drawn(draw_words),
)  # fmt: skip
NEITHER = (np.nan, np.inf, -np.inf, np.float32(np.nan))
NEGATIVE = (Drawn(lambda rng: -int(rng.integers(1, 10**6))), Drawn(lambda rng: -float(rng.exponential())), np.int64(-2))
BELOW_ONE = (0, np.int8(0), *NEGATIVE)
FRACTION = (1.5, 2.0, np.float64(3), Drawn(lambda rng: float(rng.uniform(1, 9))))
NO_NAMES = (None, 1, 1.5, b"adam", [], {}, object(), str, np.nan, np.array(["a", "b"]), True)
UNKNOWN = ("", "ADAM", "flip", " flip_lr", Drawn(draw_words), "nonsense\nin two lines")

COUNT = one_of(*NO_NUMBERS, *NEITHER, *BELOW_ONE, *FRACTION)
DEVICES = one_of(*NO_NUMBERS, *NEITHER, *BELOW_ONE, *FRACTION, "cpu", [0, 1], (1, 2.0), (1, 1, 1), ("auto", 1))
COUNT_OF_TWO = one_of(*NO_NUMBERS, *NEITHER, *BELOW_ONE, *FRACTION, 1)
COUNT_OR_NONE = one_of(*(value for value in NO_NUMBERS if value is not None), *NEITHER, *BELOW_ONE, *FRACTION)
COUNT_FROM_ZERO = one_of(*NO_NUMBERS, *NEITHER, *NEGATIVE, *FRACTION)
POSITIVE = one_of(*NO_NUMBERS, *NEITHER, *BELOW_ONE)
POSITIVE_OR_NONE = one_of(*(value for value in NO_NUMBERS if value is not None), *NEITHER, *BELOW_ONE)
WEIGHT = one_of(*NO_NUMBERS, *NEITHER, *NEGATIVE)
SHARE = one_of(*NO_NUMBERS, *NEITHER, *NEGATIVE, 1, 1.0, Drawn(lambda rng: 1 + float(rng.exponential())))
INNER_SHARE = one_of(*NO_NUMBERS, *NEITHER, *BELOW_ONE, 1, 1.5)
CHOICE = one_of(*NO_NAMES, *UNKNOWN, ["adam"], ("auto",))
CHOICE_OR_NONE = one_of(*(value for value in NO_NAMES if value is not None), *UNKNOWN)
COMPOSITION = one_of(3, None, object(), [1], (1,), b"x", {}, np.zeros(3))
COLUMN_NAMES = one_of(["a"], 3, "abc", object(), np.zeros((2, 2)), ["x"] * 63, {}, [[]])
ERRORS = one_of("x", None, [1.0, 2.0], {}, object(), np.array(["a"]), 1j, b"x", True)
NAME = one_of(*NO_NAMES, *UNKNOWN, ["flip_lr"], ("flip_lr", "flip_ud"))
NAMES = one_of(1, b"flip_lr", 0, False, {}, object(), [1], [None], [["flip_lr"]], ["flip_lr", np.nan], {"flip_lr"},
               1.5, *UNKNOWN, ["nonsense"], ("flip_lr", "nonsense"), np.zeros((50, 50)))  # fmt: skip
STEPS = one_of((1,), (None,), (["flip_lr"],), (("flip_lr", np.inf),), (b"flip_lr",), ({},), (np.zeros((50, 50)),),
               ("",), ("flip_lr", "nonsense"), ("flip_lr", object()), ("nonsense",))  # fmt: skip
POWERS = one_of(3, None, (("nonsense", 1),), (("flip_lr", "x"),), (("flip_lr", np.inf),), ("flip_lr", True), (3,),
                ((1, 1),), {}, (("flip_lr", 1, 1),), (("flip_lr", None),), ["flip_lr", ("flip_lr", np.nan)],
                object())  # fmt: skip
COMPOSITIONS = one_of(1, 0, object(), "flip_lr", b"x", {"a": 1}, [1], [None], [("flip_lr", np.inf)], [("nonsense",)],
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
NO_CLASSIFIERS = one_of(3, None, "knn", object(), [], {}, PCA(4), KNeighborsClassifier, flip_lr, np.zeros((9, 9)))
FUNCTIONS = one_of(3, "flip_lr", [], {"x": flip_lr}, {"x": 3}, {3: flip_lr}, {"flip_lr": "flip_lr"}, object())
ALLOWED = one_of(3, 0, False, "flip_lr", [], ["flip_lr"], object(), {"nonsense": [0]}, {3: [0]}, {None: [0]},
                 *({"flip_lr": kept} for kept in (3, "0", b"0", None, [99], {0: 99}, {99: 0}, [[0]], [None], [object()],
                                                  {0: [0]}, ["0"], [np.nan], [0.5])))  # fmt: skip
STRATEGIES = one_of(3, 0.5, "some", b"auto", [], object(), {"nonsense": 3}, {0: 1}, {0: -1}, {0: "9"}, {0: None},
                    {0: 9.5}, {0: True}, {None: 9}, [0, 1], np.zeros(3), True, lambda y: 3,
                    lambda y: {99: 9})  # fmt: skip
ORDERS = one_of(3, "flip_lr", ["flip_lr"], object(), {"nonsense": 2}, {3: 2}, {None: 2}, {"flip_lr": 0},
                {"flip_lr": None}, {"flip_lr": 2.0}, {"flip_lr": "2"}, {"flip_lr": True}, {"flip_lr": [2]},
                {"flip_lr": -2})  # fmt: skip
UNSEEN = one_of("nonsense", [1], {}, object(), 99, 0.5, np.nan, b"x", (1,), np.zeros(3))
COMMUTING = one_of(3, "flip_lr", "ab", object(), {"flip_lr": "flip_ud"}, ["flip_lr"], [("flip_lr",)], [3], [None],
                   [("flip_lr", "nonsense")], [("flip_lr", 3)], [("flip_lr", "flip_ud", "flip_lr")], [[["flip_lr"], 1]],
                   b"ab", 0, False)  # fmt: skip
PAIRINGS = one_of(3, "flip_lr", [], (), {}, object(), {"flip_lr": "flip_lr"}, {1: 2, 3: 4}, 0, False,
                  {"nonsense": "flip_lr", "flip_ud": "edge_detect"}, {"flip_lr": "flip_lr", "flip_ud": "flip_lr"},
                  {"flip_lr": "nonsense", "flip_ud": "edge_detect"}, {"flip_lr": ["flip_lr"], "flip_ud": {}},
                  [("flip_lr", "flip_lr")])  # fmt: skip
AUTOENCODERS = one_of(3, 0, "", "PCA", PCA, object(), [], {}, KMeans(), KNeighborsClassifier(), VAE, flip_lr,
                      FrozenEstimator(PCA(4)), FrozenEstimator(KMeans()))  # fmt: skip
NO_VAE = one_of(3, 0, "", "PCA", PCA, object(), [], {}, KMeans(), VAE, flip_lr, PCA(4))
MODELS = one_of(3, None, "model", object(), [], {}, PCA, PCA(4), KMeans(), VAE, VAE(), flip_lr, np.zeros((30, 30)),
                FrozenEstimator(KMeans()))  # fmt: skip
CLASSIFIERS = one_of(
    3, "knn", object(), [], {}, PCA(4), KNeighborsClassifier, KNeighborsClassifier(), flip_lr, KMeans()
)
SIZE = one_of(*NO_NUMBERS, *NEITHER, *BELOW_ONE, *FRACTION, (8,), (8, 0), (8, 8, 8), (8, 1.5), ("8", 8), (True, 8))
NUMBER_OF_OBJECTS = one_of(*NO_NUMBERS, *NEITHER, *BELOW_ONE, *FRACTION, 1001)
SMALL_SEED = one_of("abc", -1, 1.5, object(), {}, (), b"", None, np.nan, [1, 2], np.random.default_rng(0))
ATTRIBUTES = one_of(
    None,
    1,
    b"beard",
    {},
    object(),
    {"smile": 1},
    "smile",
    ["hat"],
    [1],
    [None],
    ["smile", "smile"],
    ("beard", object()),
)
ANGLES = one_of(None, 0, -3, True, 1.5, "all", b"x", [], {}, object(), [np.nan], [np.inf], ["x"], [[0, 90]], [None],
                np.zeros((2, 2)), ())  # fmt: skip
COLOUR = one_of(3, None, [], {}, object(), 1.5, b"white", "", "nonsense", "#12", (0, 0), np.zeros(3))
FUNCTION_OR_NONE = one_of(3, "flip_lr", object(), [], {})
NO_FLOATS = one_of(*NO_NUMBERS, *NEITHER)
NO_TEXT = one_of(3, None, b"x", [], {}, object(), 1.5)
NAMES_OR_NONE = one_of(1, "flip_lr", [], ["nonsense"], [3], [None], {}, {"flip_lr"}, object(), [["flip_lr"]])
DISTRIBUTIONS = one_of(3, None, "flip_lr", [("flip_lr", 0.5)], object(), {"nonsense": 0.5}, {3: 0.5},
                       *({"flip_lr": wrong} for wrong in ("x", 2, -1, None, (1, 2, 3), (2, 1), object(), [], {}, b"x",
                                                          np.nan, (np.nan, 1), ("a", "b"), True)))  # fmt: skip

"""Every public entry point, with a right value and a kind of wrong values for each of its parameters.

Parameters are read off the signatures, methods off the classes and the rest off `docs/api.rst`, so that a new one
without a row here is found.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

import latentaug
from benchmarks import bad_inputs as bad
from benchmarks.bad_inputs import Kind, pick
from latentaug import VAE, ConditionalVAE, LatentAugmenter, LatentTransform, TransferHead, augs, displays, metrics
from latentaug._validation import ImageFormat
from latentaug.stages import train_autoencoder
from latentaug.views import Views

API = Path(latentaug.__file__).parent.parent / "docs" / "api.rst"
Draw = Callable[[np.random.Generator], tuple[str, Callable[[], Any]]]

X, Y = load_digits().images[:24] / 16, load_digits().target[:24]
FORMAT = ImageFormat((8, 8))
QUICK = {"latent_dim": 4, "hidden_channels": (4, 8), "max_iter": 1, "device": "cpu", "random_state": 0}
PAIR, TARGETS = ["flip_lr", "flip_ud"], ["shear_x", "edge_detect"]
Z = np.random.default_rng(0).random((24, 4))
EMPTY = inspect.Parameter.empty
NEED_NO_FIT = {"fit", "fit_transform", "fit_views", "fit_resample", "set_output", "suggest_allowed"}
MADE: dict[Any, Any] = {}  # models, fitted when they are first asked for


class Entry(NamedTuple):
    """What draws wrong calls of an entry point, and the exceptions that may end them."""

    draw: Draw
    allowed: tuple[type[Exception], ...] = (ValueError, TypeError)


class Parameter(NamedTuple):
    """The kind of a parameter's wrong values, none where all are right; and a right one, if it needs one."""

    kind: Kind | None
    right: Any = EMPTY


class Of:
    """A right value that is made when it is first asked for."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self.find = find


IGNORED = Parameter(None)
MODEL = Parameter(bad.MODELS, Of(lambda: make("LatentAugmenter")))
ROWS = Parameter(bad.PAIRED_LATENTS, Z)
MAP = Parameter(bad.MATRIX, np.eye(4))

# By "function.parameter" where the parameter's name alone does not tell.
PARAMETERS: dict[str, Parameter] = {
    "X": Parameter(bad.IMAGES, X),
    "A": Parameter(bad.IMAGES, X),
    "B": Parameter(bad.IMAGES, X),
    "Z": Parameter(bad.LATENTS, Z),
    "y": IGNORED,
    "fit.X": Parameter(bad.FIT_IMAGES, X),
    "fit_transform.X": Parameter(bad.FIT_IMAGES, X),
    "fit_transform.fit_params": IGNORED,
    "fit.views": Parameter(bad.PAIRED_VIEWS, {("flip_lr",): X[:, :, ::-1]}),
    "fit_views.views": Parameter(bad.TRANSFORM, Of(lambda: Views(X, {}, FORMAT))),
    "fit_views.stage": Parameter(bad.FUNCTION, train_autoencoder),
    "TransferHead.fit.X": Parameter(bad.IMAGES, X),
    "TransferHead.fit_transform.X": Parameter(bad.IMAGES, X),
    "LatentTransform.fit.X": IGNORED,
    "LatentTransform.fit_transform.X": Parameter(bad.IMAGES, X),
    "LatentTransform.augmenter": MODEL,
    "LatentTransform.steps": Parameter(bad.SIGNED_STEPS, (("flip_lr", 1),)),
    # The estimators' own.
    "latent_dim": Parameter(bad.COUNT),
    "hidden_channels": Parameter(bad.CHANNELS),
    "kl_weight": Parameter(bad.WEIGHT),
    "kl_warmup": Parameter(bad.WEIGHT),
    "reconstruction_weight": Parameter(bad.WEIGHT),
    "optimizer": Parameter(bad.CHOICE),
    "learning_rate": Parameter(bad.CHOICE),
    "learning_rate_init": Parameter(bad.POSITIVE),
    "beta_1": Parameter(bad.SHARE),
    "beta_2": Parameter(bad.SHARE),
    "epsilon": Parameter(bad.POSITIVE_OR_NONE),
    "max_iter": Parameter(bad.COUNT),
    "batch_size": Parameter(bad.COUNT),
    "image_shape": Parameter(bad.IMAGE_SHAPE),
    "device": Parameter(bad.DEVICE),
    "precision": Parameter(bad.CHOICE),
    "refine_steps": Parameter(bad.COUNT_FROM_ZERO),
    "early_stopping": Parameter(bad.FLAG),
    "validation_fraction": Parameter(bad.SHARE),
    "n_iter_no_change": Parameter(bad.COUNT),
    "tol": Parameter(bad.WEIGHT),
    "warm_start": Parameter(bad.FLAG),
    "random_state": Parameter(bad.SEED, 0),
    "verbose": Parameter(bad.VERBOSITY),
    "augs": Parameter(bad.any_augs),
    "autoencoder": Parameter(bad.NO_VAE),
    "LatentAugmenter.autoencoder": Parameter(bad.AUTOENCODERS),
    "method": Parameter(bad.CHOICE),
    "geometry": Parameter(bad.CHOICE),
    "solver": Parameter(bad.CHOICE),
    "apply": Parameter(bad.NAMES),
    "conditioning": Parameter(bad.CHOICE),
    "augmenter": Parameter(bad.MODELS),
    "pairing": Parameter(bad.PAIRINGS),
    "undo": Parameter(bad.FLAG),
    # Verbs.
    "steps": Parameter(bad.STEPS, ("flip_lr",)),
    "names": Parameter(bad.STEPS, ("flip_lr",)),
    "name": Parameter(bad.NAME, "flip_lr"),
    "composition": Parameter(bad.one_of(3, None, object(), [1], (1,), b"x", {}, np.zeros(3)), ("flip_lr",)),
    "reads.view": Parameter(bad.one_of(3, None, object(), [1], (1,), b"x", {}, np.zeros(3)), ()),
    "view": Parameter(bad.NAMES, ()),
    "source": Parameter(bad.NAMES, ()),
    "target": Parameter(bad.NAMES, ()),
    "sample.source": Parameter(bad.CHOICE),
    "n_samples": Parameter(bad.COUNT, 2),
    "n_steps": Parameter(bad.COUNT, 2),
    "interpolate.n_steps": Parameter(bad.COUNT_OF_TWO, 2),
    "return_latents": Parameter(bad.FLAG),
    "get_feature_names_out.input_features": Parameter(
        bad.one_of(["a"], 3, "abc", object(), np.zeros((2, 2)), ["x"] * 63, {}, [[]])
    ),
    "VAE.get_feature_names_out.input_features": IGNORED,
    "set_output.transform": IGNORED,  # scikit-learn looks at it where images come out
    # Augmentations.
    "stack": Parameter(bad.STACK, X),
    "transform": Parameter(bad.TRANSFORM, Of(lambda: np.negative)),
    "title": Parameter(bad.TITLE),
    "from_torchvision.name": Parameter(bad.TITLE),
    "from_kornia.name": Parameter(bad.TITLE),
    "from_albumentations.name": Parameter(bad.TITLE),
    # Laws, maps, errors.
    "find_algebra.views": Parameter(bad.TRANSFORM, Of(lambda: Views(X, augs.name_augs(PAIR), FORMAT))),
    "n_images": Parameter(bad.COUNT, 4),
    "max_group": Parameter(bad.COUNT, 8),
    "cayley_table": Parameter(bad.CAYLEY_TABLE, [[0, 1], [1, 0]]),
    "regular_representation.latent_dim": Parameter(bad.one_of(*bad.NO_NUMBERS, *bad.FRACTION, *bad.BELOW_ONE, 1), 4),
    "Z_aug": ROWS,
    "Z_carried": ROWS,
    "fit_free_map.Z": ROWS,
    "fit_orthogonal_map.Z": ROWS,
    "fit_finite_order_map.Z": ROWS,
    "Z_orbit": Parameter(bad.ORBIT, np.stack([Z, Z])),
    "order": Parameter(bad.COUNT, 2),
    "L": MAP,
    "commutator_defect.A": Parameter(bad.MATRIX, np.eye(4)),
    "commutator_defect.B": Parameter(lambda rng, L: pick(rng, [bad.MATRIX, bad.PARTNER])(rng, L), np.eye(4)),
    "squared_error.X": Parameter(bad.PAIRED_IMAGES, X),
    "squared_error.X_hat": Parameter(bad.PAIRED_IMAGES, X),
    "in_unit.error": Parameter(bad.one_of("x", None, [1.0, 2.0], {}, object(), np.array(["a"]), 1j, b"x", True), 1.0),
    "unit": Parameter(bad.CHOICE, "paper"),
    "n_pixels": Parameter(bad.COUNT, 64),
    "values": Parameter(bad.VALUES_OF_IMAGES, Y),
    "level": Parameter(bad.INNER_SHARE),
    "n_resamples": Parameter(bad.COUNT, 9),
    # Metrics and displays of models.
    "model": MODEL,
    "models": MODEL,
    "LossDisplay.from_estimator.model": Parameter(bad.MODELS, Of(lambda: make("VAE"))),
    "compositions": Parameter(bad.COMPOSITIONS),
    "carry_matrix.views": Parameter(bad.COMPOSITIONS),
    "TransferMatrixDisplay.from_estimator.views": Parameter(bad.COMPOSITIONS),
    "recursion_curve.steps": Parameter(bad.NUMBERS_OF_STEPS, [2, 4]),
    "RecursionDisplay.from_estimator.steps": Parameter(bad.NUMBERS_OF_STEPS, [2, 4]),
    "classifier": Parameter(bad.CLASSIFIERS, Of(lambda: make("classifier"))),
    "recursion_curve.y": Parameter(bad.LABELS, Y),
    "scorecard.y": Parameter(bad.LABELS, Y),
    "RecursionDisplay.from_estimator.y": Parameter(bad.LABELS, Y),
    "ProjectionDisplay.from_estimator.y": Parameter(bad.LABELS, Y),
    "scorecard.X_train": Parameter(bad.NOT_NONE_IMAGES, X),
    "default_classifier.X_train": Parameter(bad.FIT_IMAGES, X),
    "y_train": Parameter(bad.CLASSES, Y),
    "task": Parameter(bad.CHOICE),
    "worst_gap.task": Parameter(bad.one_of(*(v for v in bad.UNKNOWN), 3, object(), [], {})),
    "SampleDisplay.from_estimator.source": Parameter(bad.CHOICE),
    "TransferMatrixDisplay.from_estimator.values": Parameter(bad.CHOICE),
    "space": Parameter(bad.CHOICE),
    "projection": Parameter(bad.CHOICE),
    "n_columns": Parameter(bad.COUNT),
    "InterpolationDisplay.from_estimator.n_steps": Parameter(bad.COUNT_OF_TWO, 2),
    "from_augs.X": Parameter(bad.FIT_IMAGES, X),
    "from_augs.augs": Parameter(bad.not_none_augs, PAIR),
    "TrajectoryDisplay.from_estimator.X": Parameter(bad.IMAGES, X[:2]),
    "ax": Parameter(bad.AXES),
    "figure": Parameter(bad.AXES),
    "cmap": Parameter(bad.COLOURS),
    "log_x": Parameter(bad.FLAG),
    # The laws found.
    "a": Parameter(bad.NAME, "flip_lr"),
    "b": Parameter(bad.NAME, "flip_ud"),
    "Algebra.element.composition": Parameter(bad.STEPS, ("flip_lr",)),
    "subgroup.names": Parameter(bad.STEPS, ("flip_lr",)),
    "in_group.composition": Parameter(bad.one_of(3, None, object(), [1]), ("flip_lr",)),
    "normal.composition": Parameter(bad.one_of(3, None, object(), [1]), ("flip_lr",)),
    "max_views": Parameter(bad.COUNT),
    # Data.
    "split": Parameter(bad.CHOICE),
    "data_home": Parameter(bad.PATH),
    "download": Parameter(bad.FLAG, False),
}

# Estimators that fit in no time, by parameters other than their own, on images in rows.
ESTIMATORS: dict[str, Callable[..., Any]] = {
    "VAE": partial(VAE, **QUICK, image_shape=(8, 8)),
    "LatentAugmenter": partial(LatentAugmenter, augs=PAIR, autoencoder=PCA(4), method="staged", image_shape=(8, 8)),
    "ConditionalVAE": partial(ConditionalVAE, augs=PAIR, autoencoder=VAE(**QUICK), image_shape=(8, 8)),
    "TransferHead": lambda **given: TransferHead(
        **{"augmenter": make("LatentAugmenter"), "augs": TARGETS, "autoencoder": VAE(**QUICK)} | given
    ),
}
MAKERS: dict[str, Callable[[], Any]] = {
    "LatentTransform": lambda: make("LatentAugmenter").compose("flip_lr"),
    "Algebra": lambda: make("LatentAugmenter").algebra_,
    "Scorecard": lambda: metrics.scorecard(make("LatentAugmenter"), X),
    "ErrorTable": lambda: metrics.error_table(make("LatentAugmenter"), X),
    "classifier": lambda: metrics.default_classifier(X, Y),
}
# What is wrong only together.
TOGETHER: dict[str, Callable[[], Any]] = {
    "a solver without free maps": lambda: LatentAugmenter(PAIR, solver="adabelief").fit(X),
    "joint training of PCA": lambda: LatentAugmenter(PAIR, PCA(4)).fit(X),
    "joint training of what has no inverse": lambda: LatentAugmenter(PAIR, geometry="nonlinear").fit(X),
    "a group that is none": lambda: LatentAugmenter(["shear_x"], PCA(4), method="staged", geometry="group").fit(X),
    "no finite order": lambda: LatentAugmenter(["shear_x"], PCA(4), method="staged", geometry="finite_order").fit(X),
    "a group too large": lambda: LatentAugmenter(PAIR, VAE(**QUICK | {"latent_dim": 2}), geometry="group").fit(X),
    "more components than pixels": lambda: LatentAugmenter(PAIR, PCA(65), method="staged").fit(X),
    "one target for two": lambda: TransferHead(make("LatentAugmenter"), ["shear_x"]).fit(X),
    "three targets for two": lambda: TransferHead(make("LatentAugmenter"), [*PAIR, "shear_x"]).fit(X),
    "nothing left to train on": lambda: VAE(**QUICK, early_stopping=True, validation_fraction=0.99).fit(X[:3]),
    "a view not trained on": lambda: make("ConditionalVAE").sample(2, apply=["flip_lr"] * 3 + ["nonsense"]),
    "a box of a view not trained on": lambda: make("LatentAugmenter").sample(2, apply=["flip_lr"] * 2, source="box"),
    "lines between unlike numbers": lambda: make("LatentAugmenter").interpolate(X, X[:3]),
    "a posterior of PCA": lambda: make("LatentAugmenter").latent_distribution(X),
    "labels without a classifier": lambda: metrics.recursion_curve(make("LatentAugmenter"), X, "flip_lr", y=Y),
    "too many paths": lambda: displays.TrajectoryDisplay.from_estimator(make("LatentAugmenter"), X, "flip_lr"),
    "a loss of PCA": lambda: displays.LossDisplay.from_estimator(make("LatentAugmenter")),
    "no models": lambda: metrics.scorecard({}, X),
    "no models to draw": lambda: displays.ReconstructionDisplay.from_estimator({}, X),
    "no curves to draw": lambda: displays.RecursionDisplay.from_estimator({}, X, "flip_lr"),
    "the card's own label": lambda: metrics.scorecard({"do nothing": make("LatentAugmenter")}, X),
    "refining after fit": lambda: clone_of("VAE").set_params(refine_steps=-1).transform(X),
    "applying after fit": lambda: clone_of("LatentAugmenter").set_params(apply="nonsense").transform(X),
    "applying a number after fit": lambda: clone_of("LatentAugmenter").set_params(apply=3).transform(X),
    "an unknown parameter": lambda: make("VAE").set_params(nonsense=1),
    "an unfitted frozen augmenter": lambda: TransferHead(FrozenEstimator(ESTIMATORS["LatentAugmenter"]()), PAIR).fit(X),
}


def make(name: str) -> Any:
    """A fitted model, or something of one."""
    if name not in MADE:
        MADE[name] = MAKERS[name]() if name in MAKERS else ESTIMATORS[name]().fit(X)
    return MADE[name]


def clone_of(name: str) -> Any:
    """A copy of a fitted model, to be spoiled."""
    return copy.deepcopy(make(name))


def on_rows(name: str) -> Any:
    """A model fitted on rows, which alone have names."""
    if name == "LatentTransform":
        return on_rows("LatentAugmenter").compose("flip_lr")
    if ("rows", name) not in MADE:
        MADE["rows", name] = ESTIMATORS[name]().fit(X.reshape(len(X), -1))
    return MADE["rows", name]


def find_parameter(owner: str, parameter: str) -> Parameter:
    """The row of a parameter: of "Class.method.parameter", "method.parameter" or "parameter"."""
    parts = [*owner.split("."), parameter]
    for start in range(len(parts)):
        if ".".join(parts[start:]) in PARAMETERS:
            return PARAMETERS[".".join(parts[start:])]
    raise LookupError(f"benchmarks/entry_points.py has no row for the parameter {'.'.join(parts)}.")


def rows_of(owner: str, function: Callable) -> tuple[dict[str, Kind], dict[str, Any]]:
    """The kinds of wrong values, and the right values, of the parameters of a function."""
    kinds, right = {}, {}
    for name, given in inspect.signature(function).parameters.items():
        row = find_parameter(owner, name)
        value = given.default if row.right is EMPTY else row.right
        if value is not EMPTY:
            right[name] = value.find() if isinstance(value, Of) else value
        if row.kind is not None:
            kinds[name] = row.kind
    return kinds, right


def call(function: Callable, arguments: dict[str, Any]) -> Any:
    """Call a function by the names of its parameters, of one of any number too."""
    positional: list[Any] = []
    keywords = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in arguments and parameter.kind is parameter.VAR_POSITIONAL:
            positional += arguments[name]
        elif name in arguments and parameter.kind is parameter.KEYWORD_ONLY:
            keywords[name] = arguments[name]
        elif name in arguments:
            positional.append(arguments[name])
    return function(*positional, **keywords)


def calls_of(owner: str, function: Callable) -> Draw:
    """Calls of a function with one wrong argument, the others being right."""
    kinds, right = rows_of(owner, function)

    def draw(rng: np.random.Generator) -> tuple[str, Callable[[], Any]]:
        name = pick(rng, kinds)
        words, value = kinds[name](rng, right.get(name))
        return f"{name}: {words}", lambda: call(function, right | {name: value})

    return draw


def fits_of(name: str) -> Draw:
    """Estimators with one wrong parameter, fitted."""
    kinds, _ = rows_of(name, getattr(latentaug, name))

    def draw(rng: np.random.Generator) -> tuple[str, Callable[[], Any]]:
        parameter = pick(rng, kinds)
        words, value = kinds[parameter](rng, None)
        return f"{parameter}={words}", lambda: ESTIMATORS[name](**{parameter: value}).fit(X.reshape(len(X), -1))

    return draw


def methods_of(cls: type) -> list[str]:
    """Public methods of a class; not those that scikit-learn gives every estimator."""
    common = re.compile(r"set_\w+_request|set_callbacks|get_metadata_routing|" + "|".join(dir(BaseEstimator)))
    public = (name for name in dir(cls) if not name.startswith("_") or name == "__getitem__")
    return [name for name in public if callable(getattr(cls, name)) and not common.fullmatch(name)]


def unfitted_calls(name: str) -> Draw:
    """Every method of an estimator that is not fitted, all arguments being right."""
    methods = [m for m in methods_of(getattr(latentaug, name)) if m not in NEED_NO_FIT]

    def draw(rng: np.random.Generator) -> tuple[str, Callable[[], Any]]:
        method = getattr(ESTIMATORS[name](), pick(rng, methods))
        return f"{method.__name__} before fit", lambda: call(method, rows_of(f"{name}.{method.__name__}", method)[1])

    return draw


def calls_together(rng: np.random.Generator) -> tuple[str, Callable[[], Any]]:
    """One of `TOGETHER`."""
    words = pick(rng, TOGETHER)
    return words, TOGETHER[words]


def documented() -> Iterator[tuple[str, Any]]:
    """Every public name in the reference, and what it stands for."""
    for module, name in re.findall(r"^    (latentaug[\w.]*)\.(\w+)$", API.read_text(), re.MULTILINE):
        yield name, getattr(import_module(module), name)


def aug_entries(name: str, found: Callable) -> Iterator[tuple[str, Entry]]:
    """An augmentation of the catalogue, or an adapter and what it makes."""
    if name in augs.CATALOGUE:
        yield name, Entry(calls_of(name, lambda stack: found(stack)))
    else:
        yield name, Entry(calls_of(name, found))
        same = (lambda image: {"image": image}) if name == "from_albumentations" else abs
        yield f"{name}()", Entry(calls_of(name, lambda stack: found(same)(stack)))


def transform_of(augmenter: Any, steps: Any) -> Any:
    """A LatentTransform, and what it gives."""
    return LatentTransform(augmenter, steps).transform(X)


def method_entries(name: str, cls: type) -> Iterator[tuple[str, Entry]]:
    """The methods of a class that can be given something wrong."""
    starts = [method for method in methods_of(cls) if method.startswith("from_")]  # of a display
    for method in starts or methods_of(cls):
        owner = f"{name}.{method}"
        find = on_rows if method in ("get_feature_names_out", "set_output") else make
        bound = getattr(cls if starts else find(name), method)
        if rows_of(owner, bound)[0]:
            yield owner, Entry(calls_of(owner, bound))


def entry_points() -> Iterator[tuple[str, Entry]]:
    """Every entry point with its name."""
    for name, found in documented():
        if name in ESTIMATORS:
            yield name, Entry(fits_of(name))
            yield f"{name} unfitted", Entry(unfitted_calls(name), (NotFittedError,))
        if name in augs.CATALOGUE or name.startswith("from_"):
            yield from aug_entries(name, found)
        elif isinstance(found, type):
            yield from method_entries(name, found)
        elif rows_of(name, found)[0]:
            yield name, Entry(calls_of(name, found), (ValueError, TypeError, OSError))
    yield "LatentTransform", Entry(calls_of("LatentTransform", transform_of))
    yield "together", Entry(calls_together)

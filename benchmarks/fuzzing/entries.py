"""Every public entry point, and what calls it wrongly.

Parameters are read off the signatures, methods off the classes and the rest off the package and `docs/api.rst`, so that
what is new and has no row in `benchmarks.fuzzing.parameters` is found.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

import latentaug
from benchmarks.fuzzing.kinds import pick
from benchmarks.fuzzing.models import ESTIMATORS, HOLDERS, MAKERS, QUICK, TOGETHER, X, Y, make, on_rows
from benchmarks.fuzzing.parameters import rows_of
from latentaug import VAE, LatentTransform, augs

API = Path(latentaug.__file__).parent.parent / "docs" / "api.rst"
Draw = Callable[[np.random.Generator], tuple[str, Callable[[], Any]]]

PLAIN = (ValueError, TypeError)
# What is given in checked, by latentaug itself or by a class that extends it.
TRUSTED = {
    "reduced", "inverse", "say", "Moments", "Geometry", "declare_views", "Objective", "ImageObjective", "Terms",
    "ImageFormat", "ErrorRow", "ScoreRow", "FamilyLaws", "Flow", "Estimate", "Mixture", "PairRow", "AffineMap",
    "PairedViews", "Verdict", "Normal", "Overlap", "Views",
}  # fmt: skip
FILES = (*PLAIN, OSError)
NEED_NO_FIT = {
    "fit",
    "fit_transform",
    "fit_views",
    "learn",
    "fit_resample",
    "partial_fit",
    "set_output",
    "suggest_allowed",
    "save",
}


class Entry(NamedTuple):
    """What draws wrong calls of an entry point, the exceptions that may end them, and a right call if there is one."""

    draw: Draw
    allowed: tuple[type[Exception], ...] = PLAIN
    right: Callable[[], Any] | None = None


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


def calls_of(owner: str, function: Callable, allowed: tuple[type[Exception], ...] = PLAIN) -> Entry:
    """Calls of a function with one wrong argument, the others being right."""
    kinds, right = rows_of(owner, function)

    def draw(rng: np.random.Generator) -> tuple[str, Callable[[], Any]]:
        name = pick(rng, kinds)
        words, value = kinds[name](rng, right.get(name))
        return f"{name}: {words}", lambda: call(function, right | {name: value})

    return Entry(draw, allowed, lambda: call(function, right))


def fits_of(name: str, make_estimator: Callable[..., Any], unasked: Iterable[str] = ()) -> Entry:
    """Fits of an estimator with one wrong parameter."""
    kinds, _ = rows_of(name, getattr(latentaug, name))
    asked = [parameter for parameter in kinds if parameter not in unasked]

    def draw(rng: np.random.Generator) -> tuple[str, Callable[[], Any]]:
        parameter = pick(rng, asked)
        words, value = kinds[parameter](rng, None)
        return f"{parameter}={words}", lambda: make_estimator(**{parameter: value}).fit(X.reshape(len(X), -1), Y)

    return Entry(draw, right=lambda: make_estimator().fit(X.reshape(len(X), -1), Y))


def fits_of_holder(name: str) -> Entry:
    """Fits of a model with a VAE that has one wrong parameter."""
    hold, unasked = HOLDERS[name]
    return fits_of("VAE", lambda **given: hold(VAE(**QUICK | given)), unasked)


def methods_of(cls: type) -> list[str]:
    """Public methods of a class; not those that scikit-learn gives every estimator, nor those that others here call."""
    common = re.compile(
        r"set_\w+_request|set_callbacks|get_metadata_routing|\w+coder_of|made|checked|pairs_of|"
        + "|".join(dir(BaseEstimator))
    )
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
    """Every public name of the package and of the reference, but of warnings and `TRUSTED`, and what it stands for."""
    names = [("latentaug", name) for name in latentaug.__all__ if name != "__version__"]
    names += re.findall(r"^    (latentaug[\w.]*)\.(\w+)$", API.read_text(), re.MULTILINE)
    for module, name in dict.fromkeys(names):
        found = getattr(import_module(module), name)
        if name not in TRUSTED and not (isinstance(found, type) and issubclass(found, Warning)):
            yield name, found


def aug_entries(name: str, found: Callable) -> Iterator[tuple[str, Entry]]:
    """An augmentation of the catalogue, or an adapter and what it makes."""
    if name in augs.CATALOGUE:
        yield name, calls_of(name, lambda stack: found(stack))
    else:
        yield name, calls_of(name, found)
        same = (lambda image: {"image": image}) if name == "from_albumentations" else abs
        yield f"{name}()", calls_of(name, lambda stack: found(same)(stack))


def transform_of(augmenter: Any, steps: Any) -> Any:
    """A LatentTransform, and what it gives."""
    return LatentTransform(augmenter, steps).transform(X)


def method_entries(name: str, cls: type) -> Iterator[tuple[str, Entry]]:
    """The methods of a class that can be given something wrong."""
    starts = [method for method in methods_of(cls) if method.startswith("from_")]  # of a display
    for method in starts or methods_of(cls):
        owner = f"{name}.{method}"
        find = on_rows if method in ("get_feature_names_out", "set_output") else make
        bound = getattr(cls if starts else find(owner if owner in MAKERS else name), method)
        if rows_of(owner, bound)[0]:
            yield owner, calls_of(owner, bound, FILES if method in ("export", "save") else PLAIN)


def entry_points() -> Iterator[tuple[str, Entry]]:
    """Every entry point with its name."""
    for name, found in documented():
        if name in ESTIMATORS:
            yield name, fits_of(name, ESTIMATORS[name])
        if name in ESTIMATORS and name != "LatentResampler":  # which does nothing before fit
            yield f"{name} unfitted", Entry(unfitted_calls(name), (NotFittedError,))
        if name in augs.CATALOGUE or name.startswith("from_"):
            yield from aug_entries(name, found)
        elif isinstance(found, type):
            yield from method_entries(name, found)
        elif rows_of(name, found)[0]:
            yield name, calls_of(name, found, FILES)
    for name in HOLDERS:
        yield f"VAE in {name}", fits_of_holder(name)
    yield "LatentTransform", calls_of("LatentTransform", transform_of)
    yield "together", Entry(calls_together)

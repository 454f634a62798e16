"""Every refusal in one voice: what is wrong, what is allowed, what came; of names, numbers, paths and matrices."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

__all__ = [
    "LARGEST", "RandomState", "as_array", "as_numbers", "at_home", "check_cayley_table", "check_choice",
    "check_classifier", "check_flag", "check_kind", "check_latents", "check_model", "check_name", "check_number",
    "check_orbit", "check_pair", "check_path", "check_square", "check_verbosity", "draw_seed", "is_auto", "one_line",
    "refuse_dates", "refuse_masked", "shown", "unknown_name",
]  # fmt: skip


LARGEST = 1e30  # what float32 holds, also where a network adds it up

RandomState = int | np.random.RandomState | None  # what a parameter random_state may be


def shown(value: object) -> str:
    """A value in an error: on one line, and not a long one."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def unknown_name(kind: str, name: object, allowed: Iterable[object], label: str = "Allowed"):
    """Return the ValueError for a name that is not one of those allowed."""
    return ValueError(f"Unknown {kind} {shown(name)}. {label}: {', '.join(map(str, allowed))}.")


def check_choice(parameter: str, value: object, allowed: Iterable[object]) -> None:
    """Refuse a parameter whose value stands in no table."""
    if not isinstance(value, str) or value not in allowed:
        raise unknown_name(parameter, value, allowed)


def check_name(name: str) -> None:
    """Refuse the name of an augmentation that no parameter could be set by."""
    if not name or "__" in name:
        raise ValueError(f"The name of an augmentation must not be empty or hold '__'. Got {shown(name)}.")


def is_auto(value: Any) -> bool:
    """Whether a parameter is left to be chosen."""
    return isinstance(value, str) and value == "auto"


def check_number(
    parameter: str, value: Any, *, low: float, above: bool = False, below: float = math.inf, integer: bool = False
) -> None:
    """Refuse a parameter that is no number, or one outside ``[low, below)``, or ``(low, below)`` where `above`."""
    kind = (int, np.integer) if integer else (int, float, np.integer, np.floating)
    wanted = f"{'an integer' if integer else 'a number'} {'above' if above else 'of at least'} {low}"
    wanted += f" and below {below}" if below < math.inf else ""
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"{parameter} must be {wanted}. Got {shown(value)}.")
    if not low <= value < below or (above and value == low):
        raise ValueError(f"{parameter} must be {wanted}. Got {value!r}.")


def check_kind(parameter: str, value: Any, kind: Any, wanted: str) -> None:
    """Refuse a parameter that is no instance of a type, or of one of several."""
    if not isinstance(value, kind):
        raise TypeError(f"{parameter} must be {wanted}. Got {shown(value)}.")


def check_flag(parameter: str, value: Any) -> None:
    """Refuse a parameter that is neither True nor False."""
    check_kind(parameter, value, (bool, np.bool_), "True or False")


def check_verbosity(value: Any) -> None:
    """Refuse a `verbose` that is neither True nor False nor an integer from 0."""
    if not isinstance(value, (bool, np.bool_)):
        check_number("verbose", value, low=0, integer=True)


def as_array(name: str, values: Any) -> np.ndarray:
    """Values as an array, of any kind; ValueError where they are ragged."""
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must be an array. Got {shown(values)}.") from None


def refuse_masked(name: str, values: Any) -> None:
    """Refuse an array with a mask, which says that values are missing."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values, which mean missing. Fill them, .filled(0), or leave them out.")


def refuse_dates(name: str, values: Any) -> None:
    """Refuse arrays of dates and of records, which scikit-learn takes for numbers."""
    if getattr(getattr(values, "dtype", None), "kind", "f") in "mMV":
        raise TypeError(f"{name} must be numbers. Got an array of {values.dtype}.")


def as_numbers(name: str, values: Any, **options: Any) -> np.ndarray:
    """An array, checked by scikit-learn's `check_array` with its options."""
    refuse_masked(name, values)
    refuse_dates(name, values)
    return check_array(values, input_name=name, **options)


def at_home(path: str | os.PathLike) -> Path:
    """A path, its ~ the home folder where there is one."""
    with suppress(RuntimeError):
        return Path(path).expanduser()
    return Path(path)


def check_path(path: Any) -> Path:
    """Check the path of a file, and give it as a `Path`."""
    check_kind("path", path, (str, os.PathLike), "a path")
    if "\0" in str(path) or not Path(path).name:
        raise ValueError(f"path must name a file. Got {shown(path)}.")
    return at_home(path)


def check_classifier(classifier: Any) -> None:
    """Refuse what has no method `predict`, and a class."""
    if isinstance(classifier, type) or not hasattr(classifier, "predict"):
        raise TypeError(f"classifier must be a classifier. Got {shown(classifier)}.")


def check_model(model: Any, verb: str = "carry") -> None:
    """Refuse a model without latent maps, or without a verb, and one that is not fitted."""
    if isinstance(model, type) or not hasattr(model, verb):
        raise TypeError(f"model must have latent maps, as a LatentAugmenter has. Got {shown(model)}.")
    check_is_fitted(model)


def draw_seed(random_state: Any) -> int:
    """One seed of `random_state`; fresh entropy if None, so that numpy's global generator is left alone."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    try:
        return int(check_random_state(random_state).randint(2**31 - 1))
    except ValueError:
        wanted = "an integer from 0 to 4294967295, a RandomState or None"
        raise ValueError(f"random_state must be {wanted}. Got {shown(random_state)}.") from None


def check_latents(Z: Any, latent_dim: int) -> np.ndarray:
    """Check latent row vectors (n, d): finite numbers, as many columns as the latent space has."""
    Z = as_numbers("Z", Z, dtype=[np.float64, np.float32])
    if np.abs(Z).max() > LARGEST:
        raise ValueError(f"Z must lie within {LARGEST:g} of 0, as float32. Got {Z.min():g}..{Z.max():g}.")
    if Z.shape[1] != latent_dim:
        raise ValueError(f"Z must have {latent_dim} columns, one a latent dimension. Got {Z.shape[1]}.")
    return Z


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


@contextmanager
def one_line(problem: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into one ValueError of one line; warnings made errors stay what they are."""
    try:
        yield
    except Warning:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__
        raise ValueError(f"{problem}: {reason}.") from None

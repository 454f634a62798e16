"""Kinds of wrong values. A *kind* draws one: from a generator and a right value to a few words and the wrong value."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

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


def draw_words(rng: np.random.Generator, n: int = 1) -> str:
    """A name that nothing has."""
    return "?" + "".join(rng.choice(list("abcdefg _-^é"), 6 * n))

"""What is done to images, in words: compositions, tuples of steps, the leftmost acting first.

A step is an augmentation with its power: how often it acts, undone where negative. Power one is written as the name
alone: ``("flip_lr", ("rotate_cw", 3))``. A composition is reduced, as a word of a free group is: powers of neighbours
under one name add up, and a step whose powers add up to zero is gone. So the same is always written alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from numbers import Number
from typing import Any

import numpy as np

from latentaug._checks import shown

__all__ = [
    "Composition", "Step", "as_composition", "as_compositions", "inverse", "powers", "reduced", "repeated", "say",
]  # fmt: skip

Step = str | tuple[str, int]
Composition = tuple[Step, ...]


def powers(steps: Iterable[Step]) -> Iterator[tuple[str, int]]:
    """Name and power of each step."""
    return ((step, 1) if isinstance(step, str) else step for step in steps)


def reduced(steps: Iterable[Step]) -> Composition:
    """Steps as a composition, in its one spelling.

    Examples
    --------
    >>> reduced(["flip_lr", "rotate_cw", ("rotate_cw", 2), "flip_ud", ("flip_ud", -1)])
    ('flip_lr', ('rotate_cw', 3))
    """
    word: list[tuple[str, int]] = []
    for name, power in powers(steps):
        if word and word[-1][0] == name:
            power += word.pop()[1]
        if power:
            word.append((name, power))
    return tuple(name if power == 1 else (name, power) for name, power in word)


def inverse(composition: Iterable[Step]) -> Composition:
    """What undoes a composition: its steps turned round, the last first."""
    return reduced([(name, -power) for name, power in powers(composition)][::-1])


def repeated(composition: Iterable[Step]) -> tuple[str, ...]:
    """The names of a composition that undoes nothing, each as often as it acts."""
    return tuple(name for name, power in powers(composition) for _ in range(power))


def say(composition: Iterable[Step]) -> str:
    """A composition in words: ``flip_lr then rotate_cw^3``."""
    return " then ".join(name if power == 1 else f"{name}^{power}" for name, power in powers(composition)) or "original"


def as_composition(parameter: str, given: Any) -> Composition:
    """Check a step, or a list of steps, and give the composition.

    Raises
    ------
    TypeError, ValueError
        On what is neither, and on a power that is no integer.
    """
    steps = [given] if isinstance(given, str) or _is_pair(given) else given
    if not isinstance(steps, (list, tuple)) or not all(isinstance(step, str) or _is_pair(step) for step in steps):
        raise TypeError(
            f"{parameter} must be a name or a list of names, with their powers or without. Got {shown(given)}."
        )
    for name, power in powers(steps):
        if isinstance(power, (bool, np.bool_)) or not isinstance(power, (int, np.integer)):
            raise ValueError(f"The power of {name} must be an integer. Got {shown(power)}.")
    return reduced((name, int(power)) for name, power in powers(steps))


def _is_pair(given: Any) -> bool:
    """Whether something is a name with a number beside it."""
    pair = isinstance(given, (list, tuple)) and len(given) == 2
    return pair and isinstance(given[0], str) and isinstance(given[1], (Number, np.bool_))


def as_compositions(given: Any) -> list[Composition]:
    """Check a list of compositions, and give it."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(f"Compositions must be a list of tuples of names. Got {shown(given)}.")
    return [as_composition("A composition", composition) for composition in given]

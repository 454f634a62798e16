"""What is done to images, in words: compositions, tuples of steps, the leftmost acting first.

A step is an augmentation with its power: how often it acts, undone where negative; of one with a strength, and of a
learned map, any real number, or a tuple of them, one an image. Power one is written as the name alone:
``("flip_lr", ("rotate_cw", 3), ("rotate", 12.5))``. A composition is reduced, as a word of a free group is: powers of
neighbours under one name add up, and a step whose powers add up to zero is gone. So the same is always written alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from numbers import Number
from typing import Any

import numpy as np

from latentaug._checks import shown

__all__ = [
    "Composition", "Power", "Step", "as_composition", "as_compositions", "counts", "inverse", "powers", "reduced",
    "repeated", "say", "times", "undoes",
]  # fmt: skip

Power = int | float | tuple[float, ...]
Step = str | tuple[str, Any]  # the power is a Power; an array of them, or a list, is taken for a tuple
Composition = tuple[Step, ...]


def powers(steps: Iterable[Step]) -> Iterator[tuple[str, Any]]:
    """Name and power of each step."""
    return ((step, 1) if isinstance(step, str) else step for step in steps)


def times(power: Power, factor: float) -> Power:
    """A power so many times, number by number."""
    return tuple(factor * p for p in power) if isinstance(power, tuple) else _plain(factor * power)


def _plain(power: float) -> int | float:
    """A number in its one spelling: an integer where it is one."""
    return int(power) if power == int(power) else float(power)


def _sum(name: str, a: Power, b: Power) -> Power:
    if not isinstance(a, tuple) and not isinstance(b, tuple):
        return _plain(a + b)
    lengths = {len(power) for power in (a, b) if isinstance(power, tuple)}
    if len(lengths) > 1:
        counts = " and ".join(map(str, sorted(lengths)))
        raise ValueError(f"The powers of {name} must be one number, or as many as there are images. Got {counts}.")
    return tuple(float(p) for p in np.add(a, b))


def reduced(steps: Iterable[Step]) -> Composition:
    """Steps as a composition, in its one spelling.

    Examples
    --------
    >>> reduced(["flip_lr", "rotate_cw", ("rotate_cw", 2), "flip_ud", ("flip_ud", -1)])
    ('flip_lr', ('rotate_cw', 3))
    """
    word: list[tuple[str, Power]] = []
    for name, power in powers(steps):
        if word and word[-1][0] == name:
            power = _sum(name, word.pop()[1], power)
        if power:
            word.append((name, power))
    return tuple(name if power == 1 else (name, power) for name, power in word)


def inverse(composition: Iterable[Step]) -> Composition:
    """What undoes a composition: its steps turned round, the last first."""
    return reduced([(name, times(power, -1)) for name, power in powers(composition)][::-1])


def counts(power: Power) -> bool:
    """Whether a power says how often something acts: an integer from 0."""
    return isinstance(power, int) and power >= 0


def undoes(power: Power) -> bool:
    """Whether a power is a number below 0."""
    return not isinstance(power, tuple) and power < 0


def repeated(composition: Iterable[Step]) -> tuple[str, ...]:
    """The names of a composition that undoes nothing, each as often as it acts."""
    return tuple(name for name, power in powers(composition) for _ in range(power))


def say(composition: Iterable[Step]) -> str:
    """A composition in words: ``flip_lr then rotate_cw^3``."""
    return " then ".join(map(_say, powers(composition))) or "original"


def _say(step: tuple[str, Power]) -> str:
    name, power = step
    if isinstance(power, tuple):
        return f"{name}^({len(power)} strengths)"
    return name if power == 1 else f"{name}^{power if isinstance(power, int) else format(power, '.6g')}"


def as_composition(parameter: str, given: Any) -> Composition:
    """Check a step, or a list of steps, and give the composition.

    Raises
    ------
    TypeError, ValueError
        On what is neither, and on a power that is no finite number, nor a row of them.
    """
    steps = [given] if isinstance(given, str) or _is_pair(given) else given
    if not isinstance(steps, (list, tuple)) or not all(isinstance(step, str) or _is_pair(step) for step in steps):
        raise TypeError(
            f"{parameter} must be a name or a list of names, with their powers or without. Got {shown(given)}."
        )
    return reduced((name, _power(name, power)) for name, power in powers(steps))


def _power(name: str, given: Any) -> Power:
    """Check the power of a step: a finite number, or one an image."""
    try:
        numbers = np.asarray(given)
    except ValueError:
        numbers = np.asarray(None)
    fits = numbers.dtype.kind in "iuf" and numbers.ndim <= 1 and numbers.size and np.isfinite(numbers).all()
    if not fits:
        raise ValueError(f"The power of {name} must be a finite number, or one an image. Got {shown(given)}.")
    return tuple(map(float, numbers)) if numbers.ndim else _plain(numbers.item())


def _is_pair(given: Any) -> bool:
    """Whether something is a name with a number, or numbers, beside it."""
    pair = isinstance(given, (list, tuple)) and len(given) == 2
    return pair and isinstance(given[0], str) and _is_number(given[1])


def _is_number(given: Any) -> bool:
    if isinstance(given, (list, tuple)):
        return bool(given) and all(isinstance(number, Number) for number in given)
    return isinstance(given, (Number, np.bool_, np.ndarray))


def as_compositions(given: Any) -> list[Composition]:
    """Check a list of compositions, and give it."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(f"Compositions must be a list of tuples of names. Got {shown(given)}.")
    return [as_composition("A composition", composition) for composition in given]

"""The laws of augmentations with a strength, read off the images: what adds up, commutes, is turned round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from latentaug.augs.families import OneParameter
from latentaug.augs.steps import Composition
from latentaug.augs.views import Views

__all__ = ["FamilyLaws", "Frame", "find_family_laws", "frame_of", "sample_step"]

TOLERANCE = 0.05  # of the variance of the images, as of a commutator
RETURNED = 0.01
ADDS_UP, ASTRAY = 0.004, 0.1  # of the variance, by which strengths along a line fail to add up
SHARE = 0.6  # of the strengths trained on, at which laws are looked at


def sample_step(family: Any, name: str, share: float = SHARE) -> tuple[str, float]:
    """A step of a family, or whatever has `low` and `high`, at a share of its greatest strength."""
    return name, float(share * (family.high or family.low))


@dataclass(frozen=True, eq=False)
class FamilyLaws:
    """The laws that an augmentation with a strength satisfies.

    Attributes
    ----------
    low, high : float
        The strengths trained on.
    period : float or None
        Given, or found on the images.
    unit : str
    grows, is_drawn : bool
        Whether latents may grow with it; whether it has a function, so that any strength can be trained on.
    additivity : float
        ``E||f(f(X, s), t) - f(X, s + t)||^2`` over the variance of ``f(X, s + t)``; NaN without a function.
    signs : dict of str to int
        Of each generator g of the finite group: 1 where g leaves the family as it is, ``g(f(X, t)) = f(g(X), t)``; -1
        where it turns it round, ``f(g(X), -t)``; 0 where neither holds.
    members : list of float or None
        The strength at which it is each element of the finite group; None where it never is.
    given : list of float
        Without a function, the strengths of the images given.
    shown : list of float
        How much images vary at `low` and at `high`, over how much the originals do; 1 without a function.
    """

    low: float
    high: float
    period: float | None
    unit: str
    grows: bool
    is_drawn: bool
    additivity: float
    signs: dict[str, int]
    members: list[float | None]
    given: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=lambda: [1.0, 1.0])

    @property
    def adds_up(self) -> bool:
        """Whether strengths along a line add up as those of a group do, so that an image is as good at any of them."""
        return self.period is None and self.additivity <= ADDS_UP

    @property
    def is_astray(self) -> bool:
        """Whether strengths along a line fail to add up: an image made at one does not say what it came from."""
        return self.period is None and self.additivity > ASTRAY

    def __str__(self) -> str:
        kind = f"a circle of {self.period:g}" if self.period is not None else "a line"
        said = [f"{kind}, {self.low:g} to {self.high:g} {self.unit}".rstrip()]
        said += [f"additive up to {self.additivity:.1%} of the variance"] if self.is_drawn else ["of given strengths"]
        for sign, verb in ((1, "commutes with"), (-1, "is turned round by"), (0, "has no law with")):
            names = [name for name, s in self.signs.items() if s == sign]
            said += [f"{verb} {', '.join(names)}"] if names else []
        return "; ".join(said)


def find_family_laws(
    few: Views, name: str, generators: Mapping[str, int], elements: Sequence[Composition], table: np.ndarray
) -> FamilyLaws:
    """The laws of a family on a few images, beside a finite group."""
    family = few.families[name]
    if family.function is None:
        given = family.low, family.high, family.period, family.unit, family.grows, False, float("nan")
        strengths = [c[0][1] for c in few.paired if len(c) == 1 and c[0][0] == name and not isinstance(c[0][1], tuple)]
        members = [0.0, *[None] * (len(elements) - 1)]
        return FamilyLaws(*given, dict.fromkeys(generators, 0), members, list(map(float, strengths)))
    period = _find_period(few, name) if family.period is None else family.period
    signs = {g: _sign(few, name, g) for g in generators}
    members = [_member(few, name, period, element, table, k) for k, element in enumerate(elements)]
    additivity = max(few.apart(((name, s + t),), ((name, s), (name, t))) for s, t in _pairs(family))
    shown = [_variance(few, ((name, end),) if end else ()) for end in (family.low, family.high)]
    shown = [found / (_variance(few, ()) or 1.0) for found in shown]
    return FamilyLaws(
        family.low, family.high, period, family.unit, family.grows, True, additivity, signs, members, shown=shown
    )  # fmt: skip


def _variance(few: Views, composition: Composition) -> float:
    """How much the images of a composition vary, summed over pixels."""
    return float(few.take(slice(None), composition).var(axis=0, dtype=np.float64).sum())


def _pairs(family: OneParameter) -> Iterator[tuple[float, float]]:
    for s, t in ((0.5, 0.4), (0.3, 0.6), (0.9, -0.5)):
        end = family.high or family.low
        if family.low <= t * end <= family.high:
            yield s * end, t * end


def _sign(few: Views, name: str, generator: str) -> int:
    step, back = (sample_step(few.families[name], name, share) for share in (SHARE, -SHARE))
    if few.apart((step, generator), (generator, step)) <= TOLERANCE:
        return 1
    return -1 if few.apart((step, generator), (generator, back)) <= TOLERANCE else 0


def _member(
    few: Views, name: str, period: float | None, element: Composition, table: np.ndarray, number: int
) -> float | None:
    """The strength at which a family is an element of the group, if it is."""
    if number == 0:
        return 0.0
    if period is None:
        return None
    order, at = 1, number
    while at:
        at, order = int(table[at, number]), order + 1
    strengths = [period * (k / order if 2 * k <= order else k / order - 1) for k in range(1, order)]
    return next((t for t in strengths if few.apart(((name, t),), element) <= TOLERANCE), None)


def _find_period(few: Views, name: str) -> float | None:
    """The least strength within the range, twice it at most, at which images come back after they had left."""
    family = few.families[name]

    def apart(t: float) -> float:
        return few.apart((), ((name, float(t)),) if t else ())

    ends = np.linspace(0, family.high - family.low, 65)[1:]
    far = np.array([apart(t) for t in ends])
    for k in range(1, len(ends)):
        if far[:k].max() > 0.1 and far[k] <= far[k - 1] and (k + 1 == len(ends) or far[k] <= far[k + 1]):
            low, high = ends[k - 1], ends[min(k + 1, len(ends) - 1)]
            found = minimize_scalar(apart, bounds=(low, high), method="bounded", options={"xatol": 1e-7 * high})
            best = min((found.fun, found.x), (far[k], ends[k]))
            plain = float(f"{best[1]:.3g}")
            if best[0] <= RETURNED:
                return plain if apart(plain) <= best[0] + 1e-6 else float(best[1])
    return None


@dataclass(frozen=True, eq=False)
class Frame:
    """Families that are exact together with the finite group: they commute, and every element knows each.

    Attributes
    ----------
    families : list of str
    table : ndarray of shape (N, N)
        Cayley table of K, the elements that are of no family.
    elements : list of int
        Their numbers in the group.
    signs : ndarray of shape (n_families, N)
        What each element of K does to each family, 1 or -1.
    places : list of (int, ndarray of shape (n_families,))
        Of each element of the whole group: the one of K, by its number there, and the strengths that come after it.
    """

    families: list[str]
    table: np.ndarray
    elements: list[int]
    signs: np.ndarray
    places: list[tuple[int, np.ndarray]]


def frame_of(
    families: Mapping[str, FamilyLaws], table: np.ndarray, elements: Sequence[Composition],
    commute: Callable[[str, str], bool],
) -> Frame:  # fmt: skip
    """The families that are exact together, the first declared first, and how the finite group stands beside them."""
    chosen: list[str] = []
    for name, laws in families.items():
        if all(laws.signs.values()) and all(commute(name, other) for other in chosen):
            chosen.append(name)
    while True:
        frame = _frame(chosen, families, table, elements)
        if frame is not None:
            return frame
        chosen.pop()


def _frame(
    chosen: list[str], families: Mapping[str, FamilyLaws], table: np.ndarray, elements: Sequence[Composition]
) -> Frame | None:
    strengths: dict[int, np.ndarray] = {0: np.zeros(len(chosen))}
    for j, name in enumerate(chosen):
        for number, t in enumerate(families[name].members):
            if number and t is not None:
                strengths.setdefault(number, np.eye(len(chosen))[j] * t)
    K = next((found for found in _subgroups(table, len(table) // len(strengths)) if not found & strengths.keys() - {0}),
             None)  # fmt: skip
    if K is None:
        return None
    numbers = sorted(K)
    places = [next(((numbers.index(k), strengths[n]) for k in numbers for n in strengths if table[k, n] == g), None)
              for g in range(len(table))]  # fmt: skip
    whole = [place for place in places if place is not None]
    if len(whole) < len(places):
        return None
    inside = np.array([[numbers.index(int(table[a, b])) for b in numbers] for a in numbers])
    signs = [[_sign_of(families[name], elements[k]) for k in numbers] for name in chosen]
    return Frame(chosen, inside, numbers, np.array(signs, dtype=int).reshape(len(chosen), len(numbers)), whole)


def _sign_of(laws: FamilyLaws, element: Composition) -> int:
    """What an element does to a family: the product of what its generators do."""
    steps = ((step, 1) if isinstance(step, str) else step for step in element)
    return int(np.prod([laws.signs[name] ** abs(int(power)) for name, power in steps], initial=1))


def _subgroups(table: np.ndarray, size: int) -> Iterator[set[int]]:
    """The subgroups of some size that one, two or three elements generate, the whole group first."""
    n = len(table)
    if size == n:
        yield set(range(n))
    for count in (0, 1, 2, 3):
        for generators in combinations(range(1, n), count):
            found = [0]
            for number in found:
                found.extend({int(table[number, g]) for g in generators} - set(found))
            if len(found) == size:
                yield set(found)

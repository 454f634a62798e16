"""The laws that augmentations satisfy, read off the images: orders, commuting pairs, the finite group they generate."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, filterfalse, groupby, product
from typing import Any

import numpy as np

from latentaug._checks import check_flag, check_kind, check_number, unknown_name
from latentaug.augs.pairs import Declared
from latentaug.augs.steps import Composition, Step, as_composition, counts, powers, reduced, repeated, say
from latentaug.augs.views import Views, declared_compositions
from latentaug.latent.families import FamilyLaws, Frame, find_family_laws, frame_of, sample_step
from latentaug.latent.representations import cyclic_table

__all__ = ["MAX_GROUP", "Algebra", "declared_algebra", "find_algebra"]

MAX_GROUP = 24
# Canny breaks ties by direction, which makes 0.01 against a flip; pairs that do not commute make 0.3 and more.
COMMUTATOR_TOLERANCE = 0.05
SAMPLE = 0.6  # share of the greatest strength at which families stand in the views told of


@dataclass(frozen=True, eq=False)
class Algebra:
    """The laws that a list of augmentations satisfies.

    Attributes
    ----------
    orders : dict of str to int or None
        Smallest n for which n applications are the identity to the pixel; None without one.
    commutators : dict of (str, str) to float
        ``E||b(a(x)) - a(b(x))||^2`` over the variance of ``b(a(x))``, for every pair of which both
        are known functions; 0 where they commute to the pixel.
    generators : dict of str to int
        The augmentations that together generate a finite group, with the number of their element.
    elements : list of tuple of str
        A shortest composition of each element, ``()`` first.
    cayley_table : ndarray of shape (n_elements, n_elements)
        Number of the element "i, then j".
    families : dict of str to FamilyLaws
        The laws of the augmentations with a strength.
    """

    orders: dict[str, int | None]
    commutators: dict[tuple[str, str], float]
    generators: dict[str, int]
    elements: list[Composition]
    cayley_table: np.ndarray
    families: dict[str, FamilyLaws] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{name}: {'no finite order' if n is None else f'order {n}'}" for name, n in self.orders.items()
                 if name not in self.families]  # fmt: skip
        lines += [f"{name}: {laws}" for name, laws in self.families.items()]
        lines += [f"{a} and {b}: {'commute' if self.commute(a, b) else 'do not commute'}" for a, b in self.commutators]
        elements = ", ".join(map(say, self.elements))
        return "\n".join([*lines, f"finite group of {len(self.elements)}: {elements}"])

    def __getstate__(self):
        return {**vars(self), "commutators": list(self.commutators.items())}  # JSON, as of skops, has no tuple keys

    def __setstate__(self, state):
        vars(self).update({"families": {}, **state, "commutators": dict(state["commutators"])})

    @property
    def frame(self) -> Frame:
        """The families that are exact together with the finite group, and how that stands beside them."""
        return frame_of(self.families, self.cayley_table, self.elements, self.commute)

    def commute(self, a: str, b: str) -> bool:
        """Whether two augmentations commute on the images, up to a twentieth of their variance."""
        _check_known((a, b), self.orders)
        defect = self.commutators.get((a, b), self.commutators.get((b, a), np.inf))
        return a == b or defect <= COMMUTATOR_TOLERANCE

    def finite_order(self, name: str) -> int:
        """Order of an augmentation that has one."""
        _check_known((name,), self.orders)
        order = self.orders[name]
        if order is None:
            raise ValueError(f"{name} has no finite order on these images.")
        return order

    def step(self, name: str) -> Step:
        """A step of an augmentation to measure it by: itself, or a family at a share of its greatest strength."""
        _check_known((name,), self.orders)
        return sample_step(self.families[name], name) if name in self.families else name

    def element(self, composition: Composition) -> int:
        """Number of the group element that a composition of generators is."""
        composition = as_composition("composition", composition)
        _check_known((name for name, _ in powers(composition)), self.generators)
        for name, power in powers(composition):
            if not counts(abs(power) if isinstance(power, int) else power):
                raise ValueError(f"Elements of a finite group are whole powers. Got {say([(name, power)])}.")
        number = 0
        for name in repeated((name, power % self.finite_order(name)) for name, power in powers(composition)):
            number = int(self.cayley_table[number, self.generators[name]])
        return number

    def subgroup(self, names: Iterable[str]) -> list[int]:
        """Numbers of the elements that some of the generators make."""
        names = list(names)
        _check_known(names, self.generators)
        steps = [self.generators[name] for name in names]
        found = [0]
        for number in found:
            products = (int(self.cayley_table[number, step]) for step in steps)
            found.extend(dict.fromkeys(p for p in products if p not in found))
        return found

    def commutant(self, name: str) -> list[int]:
        """Numbers of the elements generated by the generators that commute with an augmentation."""
        _check_known((name,), self.orders)
        return self.subgroup(g for g in self.generators if self.commute(name, g))

    def compositions(self, max_views: int = 4 * MAX_GROUP) -> list[Composition]:
        """The views to train on: those declared, and every group element before every choice of the others.

        Compositions that differ only by a law of the group are listed once; those of the group alone come first.
        """
        check_number("max_views", max_views, low=1, integer=True)
        names = [name for name in self.orders if name not in self.families]
        others = declared_compositions([name for name in names if name not in self.generators])
        orbit = [reduced(element + rest) for rest in others for element in self.elements]
        distinct: dict[tuple, Composition] = {}
        for composition in [*declared_compositions(names), *orbit]:
            distinct.setdefault(self.normal(composition), composition)
        bases = sorted(distinct.values(), key=lambda c: not self.in_group(c))
        views = [reduced(base + steps) for steps in self._sample_strengths() for base in bases]
        return sorted(views, key=lambda c: not self.is_exact(c))[:max_views]

    def _sample_strengths(self) -> list[Composition]:
        """No strength, then every choice of the families at one strength either way."""
        found: list[Composition] = [()]
        for names in declared_compositions(list(self.families))[1:]:
            for share in (-SAMPLE, SAMPLE):
                steps = tuple(sample_step(self.families[name], name, share) for name, _ in powers(names))
                inside = ((max(min(t, self.families[n].high), self.families[n].low), n) for n, t in steps)
                found.append(reduced((n, t) for t, n in inside))
        return list(dict.fromkeys(found))

    def is_exact(self, composition: Composition) -> bool:
        """Whether a composition is made of generators and families only."""
        names = (name for name, _ in powers(as_composition("composition", composition)))
        return all(name in self.generators or name in self.families for name in names)

    def in_group(self, composition: Composition) -> bool:
        """Whether a composition is made of generators only."""
        return all(map(self._is_generated, as_composition("composition", composition)))

    def _is_generated(self, step: Step) -> bool:
        return next(powers([step]))[0] in self.generators

    def normal(self, composition: Composition) -> tuple:
        """The composition up to the laws of the group and of what commutes with all of it."""
        composition = as_composition("composition", composition)
        inside = tuple(filter(self._is_generated, composition))
        others = tuple(filterfalse(self._is_generated, composition))
        if all(self.commute(name, g) for name, _ in powers(others) for g in self.generators):
            return self.element(inside), *others
        runs = groupby(composition, key=self._is_generated)
        normal = [(self.element(tuple(run)),) if inside else tuple(run) for inside, run in runs]
        return tuple(part for part in normal if part != (0,))


def _check_known(names: Iterable[Any], known: Iterable[str]) -> None:
    """Refuse a name that is not one of those known."""
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise unknown_name("augmentation", name, known)


def _same(A: np.ndarray, B: np.ndarray) -> bool:
    """Equal to the pixel; floats up to rounding."""
    return np.array_equal(A, B) if A.dtype.kind in "uib" else np.allclose(A, B, rtol=1e-5, atol=_rounding(A))


def _rounding(A: np.ndarray) -> float:
    return 1e-6 * max(1.0, float(np.abs(A).max(initial=0)))


def _changed(views: Views, step: Step, n: int = 8, size: int = 1024) -> np.ndarray:
    """The first rows that an augmentation changes, of all."""
    found: list[int] = []
    for start in range(0, len(views), size):
        rows = slice(start, start + size)
        changed = views.take(rows, (step,)) != views.take(rows)
        found += (start + np.flatnonzero(changed.reshape(len(changed), -1).any(axis=1))).tolist()
        views.release()
        if len(found) >= n:
            break
    return np.array(found[:n], dtype=int)


def _joined(first: Views, second: Views) -> Views:
    """The views of the images of both."""
    paired = {c: np.concatenate([images, second.paired[c]]) for c, images in first.paired.items()}
    laws: dict[str, Any] = {"compositions": first.compositions, "declared": first.declared}
    return Views(paired[()], first.augs, first.format_, paired=paired, **laws)


def _look(views: Views, n_images: int) -> Views:
    """A few images to look at the laws on; a warning where an augmentation leaves all of them as they are."""
    few, more = views.telling(n_images), []
    steps = {n: sample_step(few.families[n], n) if n in few.families else n for n in few.augs}
    for name in (name for name, step in steps.items() if find_order(few, step, 1) == 1):
        more.append(_changed(views, steps[name]))
        if not len(more[-1]):
            cure = "; rows are images of one row unless image_shape says more" if views.images.shape[1] == 1 else ""
            warnings.warn(f"{name} leaves all images looked at unchanged{cure}.", UserWarning, stacklevel=3)
    return _joined(few, views.rows(np.unique(np.concatenate(more)))) if any(map(len, more)) else few


def declared_algebra(
    names: Sequence[str], declared: Declared, given: Iterable[Composition], is_whole: bool = True
) -> Algebra:
    """The laws that a user declares, of augmentations that no function is known of.

    Parameters
    ----------
    names : sequence of str
        The augmentations.
    declared : Declared
        The laws.
    given : iterable of tuple of str
        The compositions that are known by data.
    is_whole : bool, default=True
        Whether a group is represented only where all of its elements are known; else where each augmentation is, as
        often as its order asks, or once less.

    Examples
    --------
    >>> declared_algebra(["flip"], Declared({"flip": 2}), [("flip",)]).elements
    [(), ('flip',)]
    """
    given, orders, group = [(), *given], declared.orders, list[str]()
    commutators = {(a, b): 0.0 for a, b in combinations(names, 2) if frozenset((a, b)) in declared.commute}
    known = Algebra({name: orders.get(name) for name in names}, commutators, {}, [()], cyclic_table(1))
    for name in (name for name in names if name in orders):
        fits = all(known.commute(name, other) for other in group)
        group += [name] if fits and _elements([*group, name], orders, given, is_whole) else []
    elements = _elements(group, orders, given, is_whole)
    numbers = np.array(list(product(*(range(orders[name]) for name in group))), dtype=int).reshape(len(elements), -1)
    sizes = [orders[name] for name in group]
    steps = np.array([math.prod(sizes[k + 1 :]) for k in range(len(sizes))], dtype=int)
    generators = {name: int(step) * (orders[name] > 1) for name, step in zip(group, steps, strict=True)}
    table = ((numbers[:, None] + numbers) % np.array(sizes, dtype=int)) @ steps
    return Algebra(known.orders, commutators, generators, elements, table)


def _elements(
    group: Sequence[str], orders: Mapping[str, int], given: Iterable[Composition], is_whole: bool
) -> list[Composition]:
    """A composition for each element of a product of cyclic groups, as it is given; none where too few are given."""
    if math.prod(orders[name] for name in group) > MAX_GROUP:
        return []
    spelled: dict[tuple[int, ...], Composition] = {}
    for composition in given:
        names = repeated(composition)
        if set(names) <= set(group):
            spelled.setdefault(tuple(names.count(name) % orders[name] for name in group), composition)
    elements = list(product(*(range(orders[name]) for name in group)))
    needed = [e for e in elements if is_whole or (np.count_nonzero(e) == 1 and _is_early(e, group, orders))]
    if not all(element in spelled for element in needed):
        return []
    return [spelled.get(e, reduced(zip(group, e, strict=True))) for e in elements]


def _is_early(element: Sequence[int], group: Sequence[str], orders: Mapping[str, int]) -> bool:
    """Whether a power of one augmentation is no last one, which undoes the first; unless it is that."""
    return all(power < max(2, orders[name] - 1) for power, name in zip(element, group, strict=True))


def find_order(views: Views, name: Step, max_order: int = MAX_GROUP) -> int | None:
    """Smallest n up to `max_order` for which an augmentation applied n times is the identity; or None."""
    for n in range(1, max_order + 1):
        if not views.is_known((name,) * n):
            return None
        if _same(views.take(slice(None), (name,) * n), views.images):
            return n
    return None


def commutator(views: Views, a: Step, b: Step) -> float:
    """Image-space commutator of two augmentations over the variance of one order."""
    return views.apart((a, b), (b, a))


def _generate(views: Views, names: Sequence[str], max_group: int) -> tuple[list[Composition], np.ndarray] | None:
    """Close augmentations under composition, telling elements apart by their images, up to `max_group` and one more.

    The second result holds the number of "element i, then augmentation k" at (i, k). None where the images of one are
    neither given nor made.
    """
    elements: list[Composition] = [()]
    orbit, steps = [views.images], []
    for element in elements:
        if len(elements) > max_group:
            break
        numbers = []
        for name in names:
            if not views.is_known((*element, name)):
                return None
            moved = views.take(slice(None), (*element, name))
            number = next((i for i, seen in enumerate(orbit) if _same(seen, moved)), len(elements))
            if number == len(elements):
                elements.append(reduced((*element, name)))
                orbit.append(moved)
            numbers.append(number)
        steps.append(numbers)
    return elements, np.array(steps)


def _group(
    views: Views, names: Sequence[str], max_group: int
) -> tuple[dict[str, int], list[Composition], np.ndarray] | None:
    """Generators, elements and Cayley table of the group that some augmentations generate; None past `max_group`."""
    generated = _generate(views, names, max_group)
    if generated is None or len(generated[0]) > max_group:
        return None
    elements, steps = generated
    columns = []
    for composition in elements:
        number = np.arange(len(elements))
        for name in repeated(composition):
            number = steps[number, names.index(name)]
        columns.append(number)
    return dict(zip(names, steps[0].tolist(), strict=True)), elements, np.stack(columns, axis=1)


def find_algebra(views: Views, n_images: int = 64, max_group: int = MAX_GROUP, is_whole: bool = True) -> Algebra:
    """Find the laws that hold on a sample of the images.

    Parameters
    ----------
    views : Views
        Their augmentations are tried in declared order; one joins the group if the group stays finite.
    n_images : int
        Images looked at, spread evenly over the data; where those are blank, others that are not.
    max_group : int
        Most elements of a group.
    is_whole : bool, default=True
        As in `declared_algebra`.
    """
    check_kind("views", views, Views, "a Views")
    check_number("n_images", n_images, low=1, integer=True)
    check_number("max_group", max_group, low=1, integer=True)
    check_flag("is_whole", is_whole)
    if all(aug is None for aug in views.augs.values()) and views.declared != Declared():
        return declared_algebra(list(views.augs), views.declared, map(reduced, views.paired), is_whole)
    whole = views.complete()
    if not len(whole):
        return _found_apart(views, n_images, max_group)
    few = _look(whole, n_images)
    steps = {n: sample_step(few.families[n], n) if n in few.families else n for n in few.augs}
    orders = {name: None if name in few.families else find_order(few, name, max_group) for name in few.augs}
    commutators = {
        (a, b): commutator(few, steps[a], steps[b])
        for a, b in combinations(few.augs, 2)
        if few.is_known((steps[a], steps[b])) and few.is_known((steps[b], steps[a]))
    }
    commutators = _declared_commutators(views) | commutators
    group: tuple[dict[str, int], list[Composition], np.ndarray] = ({}, [()], cyclic_table(1))
    for name in (n for n, order in orders.items() if order is not None):
        group = _group(few, [*group[0], name], max_group) or group
    return Algebra(orders, commutators, *group, {name: find_family_laws(few, name, *group) for name in few.families})


def _declared_commutators(views: Views) -> dict[tuple[str, str], float]:
    """The pairs of augmentations that a user declares to commute."""
    return {pair: 0.0 for pair in combinations(views.augs, 2) if frozenset(pair) in views.declared.commute}


def _found_apart(views: Views, n_images: int, max_group: int) -> Algebra:
    """The laws of the functions, and those declared of the others, where no image has a partner in all views."""
    given = {name for name, family in views.families.items() if family.function is None}
    functions = {name: aug for name, aug in views.augs.items() if aug is not None and name not in given}
    found = find_algebra(Views(views.images, functions, views.format_), n_images, max_group)
    orders = {name: found.orders.get(name, views.declared.orders.get(name)) for name in views.augs}
    group = found.generators, found.elements, found.cayley_table
    families = {name: found.families.get(name) or find_family_laws(views, name, *group) for name in views.families}
    commutators = _declared_commutators(views) | found.commutators
    return replace(found, orders=orders, commutators=commutators, families=families)

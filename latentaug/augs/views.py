"""Image space: the views of a data set, made lazily, batch by batch.

A *view* is the images of one composition, ``()`` the original.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from latentaug._checks import check_kind, shown, unknown_name
from latentaug._rows import release, take
from latentaug._sources import gathered
from latentaug.augs.catalogue import CATALOGUE, name_augs
from latentaug.augs.contract import act, check_aug, check_family, check_pixels, check_shape, run_aug
from latentaug.augs.families import OneParameter
from latentaug.augs.pairs import Declared, Partners, as_declared, as_partners, warn_of_scale, warn_of_shuffled
from latentaug.augs.steps import Composition, as_composition, counts, powers, reduced, say
from latentaug.images import ImageFormat, check_images, spread, telling

__all__ = [
    "CACHE_BYTES", "Views", "check_paired", "declare_views", "declared_compositions", "views_of",
]  # fmt: skip

LAWLESS = Declared()
Names = tuple[Any, ...]  # of a composition, each as often as it acts; a family once, with its strength

PAIRS = 256

CACHE_BYTES = 2**27  # memory for images that augmentations compute and not only slice, kept as they are made


def declared_compositions(names: Sequence[str], max_views: int = 24) -> list[Composition]:
    """Every composition of the augmentations in declared order: original, each, pairs, ...

    Where that makes more than `max_views`, the original, each, every pair and all together.

    Examples
    --------
    >>> declared_compositions(["flip_lr", "flip_ud"])
    [(), ('flip_lr',), ('flip_ud',), ('flip_lr', 'flip_ud')]
    """
    sizes = range(len(names) + 1) if 2 ** len(names) <= max_views else (0, 1, 2, len(names))
    return [composition for size in sizes for composition in combinations(names, size)]


def declare_views(
    images: np.ndarray, augs: Iterable[Any] | None, format_: ImageFormat, paired: Mapping[Any, Any],
    orders: Mapping[str, int] | None = None, commute: Iterable[tuple[str, str]] | None = None,
) -> Views:  # fmt: skip
    """Make the views that a user declares, by augmentations, by paired arrays or by both, and try every augmentation.

    `augs` are as in `name_augs`, or None for the names in `paired`, a mapping of composition to images. A TypeError or
    ValueError, in one line, names the augmentation or view that breaks the contract.
    """
    keys = {as_composition("A key of views", key): key for key in (paired if isinstance(paired, Mapping) else ())}
    given = dict.fromkeys(name for composition in keys for name, _ in powers(composition))
    named = name_augs(given if augs is None else augs)
    families = [name for name, aug in named.items() if isinstance(aug, OneParameter)]
    arrays = check_paired(paired, images, format_, families)
    if not named:
        raise ValueError("There is nothing to learn. Allowed: a list of augmentations as augs, or paired views.")
    _check_names(given, named)
    declared = as_declared(orders, commute, named)
    for name in (name for name in families if name in declared.orders):
        raise ValueError(f"{name} has a strength, and so no order. Allowed: the period of its OneParameter.")
    views = Views(images, named, format_, paired=arrays, declared=declared)
    views.check()
    return views


def _check_names(given: Iterable[str], named: Mapping[str, Any]) -> None:
    for name in given:
        if name not in named:
            raise unknown_name("augmentation", name, named, "Named in augs")


def views_of(
    estimator: Any, X: Any, image_shape: Any, paired: Mapping[Any, Any] | None = None, reset: bool = True
) -> Views:
    """The views that the parameters `augs` and `apply` of an estimator declare on images, all checked."""
    images = check_images(estimator, X, reset=reset, image_shape=image_shape)
    laws = (getattr(estimator, name, None) for name in ("orders", "commute"))
    views = declare_views(images, estimator.augs, estimator.format_, {} if paired is None else paired, *laws)
    applied = as_composition("apply", () if estimator.apply is None else estimator.apply)
    _check_names((name for name, _ in powers(applied)), views.augs)
    return views


class _Cache:
    """Images of one view, kept as they are made, as many as fit into some bytes."""

    def __init__(self, images: np.ndarray, n_bytes: int) -> None:
        self.places = np.full(len(images), -1, dtype=np.int32)
        capacity = max(0, n_bytes - self.places.nbytes) // images[:1].nbytes
        self.images = np.empty((min(len(images), capacity), *images.shape[1:]), dtype=images.dtype)
        self.n_kept = 0

    def take(self, rows: np.ndarray, make: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Images of some rows: those kept, and the others as `make` gives them."""
        places = self.places[rows]
        kept, missing = np.flatnonzero(places >= 0), np.flatnonzero(places < 0)
        if not len(kept):
            return self._keep(rows, make(rows))
        found = np.empty((len(rows), *self.images.shape[1:]), dtype=self.images.dtype)
        found[kept] = self.images[places[kept]]
        if len(missing):
            found[missing] = self._keep(rows[missing], make(rows[missing]))
        return found

    def _keep(self, rows: np.ndarray, images: np.ndarray) -> np.ndarray:
        n = min(len(rows), len(self.images) - self.n_kept)
        places = slice(self.n_kept, self.n_kept + n)
        self.images[places] = images[:n]
        self.places[rows[:n]] = np.arange(places.start, places.stop)
        self.n_kept += n
        return images


class _Part(NamedTuple):
    """A view given as an array, where its images stand in it, and what acts after it."""

    given: Names
    images: np.ndarray
    places: np.ndarray | None
    rest: Names


class Views:
    """The views of a data set: compositions of augmentations over its images, and paired arrays.

    Parameters
    ----------
    images : ndarray of shape (n, H, W) or (n, H, W, C)
        Never written to, never copied whole.
    augs : mapping of str to callable, or to None where only pairs of images are known
    format_ : ImageFormat
        Of the images.
    paired : mapping of tuple to ndarray or Partners, optional
        Views given as arrays, image by image beside `images`, or beside some of them.
    compositions : sequence of tuple, optional
        The views; those declared by the augmentations' order if None.
    declared : Declared
        By whose laws a view that is given is another, too.
    """

    def __init__(
        self,
        images: np.ndarray,
        augs: Mapping[str, Any],
        format_: ImageFormat,
        *,
        paired: Mapping[Any, Any] | None = None,
        compositions: Sequence[Composition] | None = None,
        declared: Declared = LAWLESS,
    ) -> None:
        self.images = images
        self.augs = augs
        self.format_ = format_
        self.image_bytes = math.prod(images.shape[1:]) * images.itemsize  # of one in memory
        self.families = {name: aug for name, aug in augs.items() if isinstance(aug, OneParameter)}
        self.declared = declared
        parts = {declared.normal(self._letters(c)): given for c, given in (paired or {}).items()} | {(): images}
        self._parts = {names: p if isinstance(p, Partners) else Partners(p) for names, p in parts.items()}
        self.paired = {names: part.values for names, part in self._parts.items()}
        places = {names: part.place_of(len(images)) for names, part in self._parts.items()}
        self.places = {names: place for names, place in places.items() if place is not None}
        asked = declared_compositions(list(augs)) if compositions is None else compositions
        self.compositions = [c for c in asked if self.is_known(c)]
        self._names = list(map(self._letters, self.compositions))

    def __len__(self) -> int:
        return len(self.images)

    def of(self, compositions: Sequence[Composition]) -> Views:
        """The same images under other compositions."""
        return self._with(self.images, self._parts, compositions)

    def _with(self, images: np.ndarray, parts: Mapping[Names, Any], compositions: Sequence[Composition]) -> Views:
        return Views(images, self.augs, self.format_, paired=parts, compositions=compositions, declared=self.declared)

    def _letters(self, composition: Composition) -> Names:
        """Names, each as often as it acts, and families, each once, with its strength."""
        letters: list[Any] = []
        for name, power in powers(composition):
            letters += [(name, power)] if name in self.families else [name] * power
        return tuple(letters)

    def _start(self, names: Names) -> int:
        """Length of the longest beginning of a composition that is given as an array."""
        return next(k for k in range(len(names), -1, -1) if self.declared.normal(names[:k]) in self.paired)

    def _given(self, names: Names) -> Names:
        """The view, given as an array, that a composition is made of."""
        return self.declared.normal(names[: self._start(names)])

    def rows_with(self, compositions: Iterable[Composition]) -> np.ndarray | None:
        """The rows that have images under all of some compositions; None: all."""
        given = [self.places.get(self._given(self._letters(composition))) for composition in compositions]
        partial = [places >= 0 for places in given if places is not None]
        return np.flatnonzero(np.all(partial, axis=0)) if partial else None

    def settle(self, rows: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Compositions by their numbers, one a row; where a row has no image of one, the next that it has one of."""
        if not self.places:
            return which
        settled, n = which.copy(), len(self._names)
        for _ in range(n):
            for k in np.unique(settled):
                if (places := self.places.get(self._given(self._names[k]))) is not None:
                    lost = (settled == k) & (places[rows] < 0)
                    settled[lost] = -1 - (k + 1) % n
            if not (settled < 0).any():
                break
            settled = np.where(settled < 0, -1 - settled, settled)
        return settled

    def is_known(self, composition: Composition) -> bool:
        """Whether the images of a composition are given or can be made: there are functions, which nothing undoes."""
        if not all(name in self.families or counts(power) for name, power in powers(composition)):
            return False
        names = self._letters(composition)
        return all(map(self._has_function, names[self._start(names) :]))

    def _has_function(self, letter: Any) -> bool:
        aug = self.augs[letter if isinstance(letter, str) else letter[0]]
        return aug is not None and getattr(aug, "function", aug) is not None

    def take(self, rows: Any, composition: Composition = ()) -> np.ndarray:
        """Images of some rows (indices or a slice) under one composition, in the dtype of the data."""
        names = self._letters(composition)
        return self._take_part(rows, self._part(names))

    def _part(self, names: Names) -> _Part:
        """What images under a composition are taken from."""
        given = self._given(names)
        return _Part(given, self.paired[given], self.places.get(given), names[self._start(names) :])

    def _take_part(self, rows: Any, part: _Part) -> np.ndarray:
        places = rows
        if part.places is not None:
            places = part.places[rows]
            if len(places) and places.min() < 0:
                raise ValueError(f"View {part.given!r} has no partner of some images.")
        return self._apply(take(part.images, places), part.rest, rows)

    def act(self, images: np.ndarray, composition: Composition) -> np.ndarray:
        """What the functions of a composition without strengths make of any images, in their dtype."""
        return self._apply(images, self._letters(composition), None)

    def _apply(self, images: np.ndarray, names: Names, rows: Any) -> np.ndarray:
        for letter in names:
            name, aug = self._function(letter, rows)
            images = run_aug(name, aug, images, self.format_).astype(self.images.dtype, copy=False)
        return images

    def _function(self, letter: Any, rows: Any) -> tuple[str, Callable]:
        """What a letter is called, and does to some rows."""
        if isinstance(letter, str):
            return letter, self.augs[letter]
        name, t = letter
        return say([letter]), self.families[name].at(np.asarray(t)[rows] if isinstance(t, tuple) else t)

    @cached_property
    def _computing(self) -> set[str]:
        """The augmentations that compute pixels; the others only slice, which costs nothing."""
        few = self.sample(8).images
        functions = ((name, aug) for name, aug in self.augs.items() if aug is not None and name not in self.families)
        return {
            name
            for name, aug in functions
            if not np.may_share_memory(act(aug, images := few.copy(), self.format_), images)
        }

    def _computes(self, letter: Any) -> bool:
        return not isinstance(letter, str) or letter in self._computing

    def _computed(self, names: Names) -> Names:
        """The longest beginning of a composition that ends in a computing augmentation, or none of it."""
        start = self._start(names)
        ends = (k for k in range(start + 1, len(names) + 1) if self._computes(names[k - 1]))
        return names[: max(ends, default=0)]

    @cached_property
    def _caches(self) -> dict[Names, _Cache]:
        computed = set(map(self._computed, self._names)) - {()}
        return {beginning: _Cache(self.images, CACHE_BYTES // len(computed)) for beginning in computed}

    @cached_property
    def _parts_of(self) -> list[tuple[Names, _Part, Names]]:
        """Of each composition what is computed once, what it is taken from, and what acts later: keys may be long."""
        computed = list(map(self._computed, self._names))
        return [(c, self._part(c or names), names[len(c) :]) for c, names in zip(computed, self._names, strict=True)]

    def _take_once(self, rows: np.ndarray, number: int) -> np.ndarray:
        """Images of some rows under the composition of some number, computed once where memory allows."""
        computed, part, later = self._parts_of[number]
        if not computed:
            return self._take_part(rows, part)
        images = self._caches[computed].take(rows, lambda missing: self._take_part(missing, part))
        return self._apply(images, later, rows)

    def mix(self, rows: np.ndarray, which: np.ndarray) -> tuple[np.ndarray]:
        """Images of some rows, row ``rows[i]`` under the composition number ``which[i]``, in the dtype of the data."""
        mixed = np.empty((len(rows), *self.images.shape[1:]), dtype=self.images.dtype)
        for k in np.unique(which):
            chosen = np.flatnonzero(which == k)
            mixed[chosen] = self._take_once(rows[chosen], k)
        return (mixed,)

    def mix_pairs(self, rows: np.ndarray, source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Images of some rows under two compositions each, as `mix` gives them; made once where they are the same."""
        (x,) = self.mix(rows, source)
        y, differ = x.copy(), np.flatnonzero(source != target)
        (y[differ],) = self.mix(rows[differ], target[differ])
        return x, y

    @property
    def given_strengths(self) -> list[Composition]:
        """The paired views of families without a function."""
        known = {name for name, family in self.families.items() if family.function is None}
        return [c for c in self.paired if any(not isinstance(step, str) and step[0] in known for step in c)]

    def batches(self, composition: Composition, batch_size: int = 1024) -> Iterator[np.ndarray]:
        """Images of all rows that have one under a composition, batch by batch."""
        for (images,) in self.batches_of([composition], batch_size):
            yield images

    def batches_of(
        self, compositions: Sequence[Composition], batch_size: int = 1024, start: int = 0, step: int = 1
    ) -> Iterator[list[np.ndarray]]:
        """Images under each of some compositions, of the rows that have all, from one on, by a step, batch by batch."""
        rows = self.rows_with(compositions)
        for first in range(start, len(self) if rows is None else len(rows), batch_size * step):
            part = slice(first, first + batch_size * step, step)
            yield [self.take(part if rows is None else rows[part], composition) for composition in compositions]
            self.release()

    def _check_paired_family(self, name: str) -> None:
        """Refuse a family without a function of which no images are given."""
        if not any(len(letters) == 1 and letters[0][0] == name for letters in self.paired if letters):
            raise ValueError(
                f"{name} has no function. Without one it needs views={{({name!r}, strengths): images}} in this call."
            )

    def apart(self, first: Composition, second: Composition) -> float:
        """How far the images of two compositions are apart, squared, over the variance of those of the first."""
        A, B = (self.take(slice(None), c).astype(np.float64) for c in (first, second))
        difference, variance = ((A - B) ** 2).sum(), ((A - A.mean(axis=0)) ** 2).sum()
        if not variance:  # a single image, or the same one again and again
            return np.inf if difference else 0.0
        return float(difference / variance)

    def release(self) -> None:
        """Give back the memory of what was read of memory-mapped images."""
        for images in self.paired.values():
            release(images)

    def sample(self, n_images: int) -> Views:
        """The views of a few images, spread evenly over the data."""
        return self.rows(spread(len(self), n_images))

    def telling(self, n_images: int) -> Views:
        """The views of a few images that tell augmentations apart, where there are such: not blank ones."""
        return self.rows(telling(self.images, n_images))

    def rows(self, rows: np.ndarray) -> Views:
        """The views of some rows."""
        parts = {names: part.of(rows) for names, part in self._parts.items()}
        return self._with(parts[()].values, parts, self.compositions)

    def complete(self, most: int = 4096) -> Views:
        """The views of the rows that have all, so many at most; themselves where nothing is missing."""
        rows = self.rows_with([reduced(names) for names in self.paired])
        return self if rows is None else self.rows(rows[spread(len(rows), most)])

    def check(self, n_images: int = 8) -> None:
        """Try every augmentation on a few images; ValueError, by name, where one breaks the contract."""
        few = self.telling(n_images)
        for name, aug in self.augs.items():
            if isinstance(aug, OneParameter) and aug.function is not None:
                check_family(name, aug, few.images, self.format_)
            elif aug is not None and name not in self.families:
                check_aug(name, aug, few.images, self.format_)
            elif name in self.families:
                self._check_paired_family(name)
            elif not self.is_known((name,)):
                without = f"Without a function it needs views={{{(name,)!r}: images}} in this call, or to be one of"
                raise unknown_name("augmentation", name, CATALOGUE, without)


def _check_key(key: Any, composition: Composition, families: Container[str], n_images: int) -> None:
    """Refuse a paired view that undoes something, or of a share of what has no strength, or of other images' ones."""
    for name, power in powers(composition):
        if not (counts(power) or name in families):
            raise ValueError(f"A key of views must name what was applied, and undo nothing. Got {shown(key)}.")
        if isinstance(power, tuple) and len(power) != n_images:
            allowed = f"one number, or one an image of X: {n_images}"
            raise ValueError(f"The strengths of {name} in views must be {allowed}. Got {len(power)}.")


def check_paired(
    views: Any, images: np.ndarray, format_: ImageFormat, families: Container[str] = ()
) -> dict[Composition, Partners]:
    """Check views given as arrays: of the same shape, dtype kind and range as the images that they stand beside.

    Those of `families`, by name, have strengths.
    """
    check_kind("views", views, Mapping, "a dict of composition to images")
    paired = {}
    for key, given in views.items():
        composition = as_composition("A key of views", key)
        _check_key(key, composition, families, len(images))
        many = any(isinstance(power, tuple) for _, power in powers(composition))
        label = f"View {say(composition) if many else composition!r}"
        part = as_partners(label, gathered(given, name=label), len(images))
        if part.values.shape[1:] == (math.prod(format_.image_shape),):
            part = replace(part, values=format_.layout(part.values, flat=False))
        check_shape(label, part.values, images)
        known = part.known()
        check_pixels(label, known, images, format_)
        warn_of_scale(label, known, images)
        if composition:
            warn_of_shuffled(label, *part.few(images, PAIRS))
            if part.rows is not None and len(np.unique(part.rows)) < len(part):
                raise ValueError(f"{label} has several partners of one image. Allowed: one each; give the image again.")
            paired[composition] = part
    return paired

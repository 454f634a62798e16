"""Image space: the views of a data set, made lazily, batch by batch.

A *view* is the images of one composition, ``()`` the original.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from latentaug._checks import as_array, check_kind, refuse_masked, unknown_name
from latentaug._rows import release, take
from latentaug._sources import gathered
from latentaug.augs.catalogue import CATALOGUE, name_augs
from latentaug.augs.contract import act, check_aug, check_family, check_pixels, check_shape, run_aug
from latentaug.augs.families import OneParameter
from latentaug.augs.steps import Composition, as_composition, counts, powers, say
from latentaug.images import ImageFormat, check_images, spread, telling

__all__ = [
    "CACHE_BYTES", "Views", "check_paired", "declare_views", "declared_compositions", "views_of",
]  # fmt: skip

Names = tuple[Any, ...]  # of a composition, each as often as it acts; a family once, with its strength

PAIRS = 256
MOST_PIXELS = 4096

CACHE_BYTES = 2**27  # memory for images that augmentations compute and not only slice, kept as they are made


def warn_of_scale(label: str, array: np.ndarray, images: np.ndarray) -> None:
    """Warn of a view that takes a small part of the range that the images take: a mask of 0 and 1 beside bytes, say."""
    (low, high), (least, most) = ((float(a.min()), float(a.max())) for a in (array, images))
    if 0 < high - low < (most - least) / 8:
        held = f"{low:g}..{high:g} beside images of {least:g}..{most:g}"
        warnings.warn(f"{label} holds {held}; scale it alike where it is on another scale.", UserWarning, stacklevel=2)


def warn_of_shuffled(label: str, array: np.ndarray, images: np.ndarray) -> None:
    """Warn of a view whose images fit those beside them no better than any others.

    Images that are alike have views that are alike: where distances between images and distances between their views do
    not correlate more than they do in another order, nothing can be learned of the pairs (Mantel's test).
    """
    rows = spread(len(images), PAIRS)
    if len(rows) < 16:
        return
    D, E = (_distances(a[rows]) for a in (images, array))
    if not (D.any() and E.any()):
        return
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(rows)) for _ in range(40)]
    shuffled = np.array([np.vdot(D, E[np.ix_(order, order)]) for order in orders])
    if np.vdot(D, E) <= shuffled.mean() + 3 * shuffled.std():
        message = (
            f"{label}: its images fit those beside them in X no better than in any other order; are they shuffled?"
        )
        warnings.warn(message, UserWarning, stacklevel=2)


def _distances(images: np.ndarray) -> np.ndarray:
    """Distances between images, about their mean, 0 from each to itself: (n, n)."""
    pixels = images.reshape(len(images), -1).astype(np.float64)
    pixels = pixels[:, :: max(1, pixels.shape[1] // MOST_PIXELS)]
    squares = (pixels**2).sum(1)
    D = np.sqrt(np.maximum(squares[:, None] + squares - 2 * pixels @ pixels.T, 0))
    off = ~np.eye(len(D), dtype=bool)
    return np.where(off, D - D[off].mean(), 0) if np.ptp(D[off]) > 1e-9 * D.max() else np.zeros_like(D)


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
    images: np.ndarray, augs: Iterable[Any] | None, format_: ImageFormat, paired: Mapping[Any, Any]
) -> Views:
    """Make the views that a user declares, by augmentations, by paired arrays or by both, and try every augmentation.

    `augs` are as in `name_augs`, or None for the names in `paired`, a mapping of composition to images. A TypeError or
    ValueError, in one line, names the augmentation or view that breaks the contract.
    """
    keys = {as_composition("A key of views", key): key for key in (paired if isinstance(paired, Mapping) else ())}
    given = dict.fromkeys(name for composition in keys for name, _ in powers(composition))
    named = name_augs(given if augs is None else augs)
    _check_counted(keys, named)
    arrays = check_paired(paired, images, format_)
    if not named:
        raise ValueError("There is nothing to learn. Allowed: a list of augmentations as augs, or paired views.")
    _check_names(given, named)
    views = Views(images, named, format_, paired=arrays)
    views.check()
    return views


def _check_names(given: Iterable[str], named: Mapping[str, Any]) -> None:
    for name in given:
        if name not in named:
            raise unknown_name("augmentation", name, named, "Named in augs")


def _check_counted(keys: Mapping[Composition, Any], named: Mapping[str, Any]) -> None:
    """Refuse paired views that undo something, or of a share of an augmentation that has no strength."""
    for composition, key in keys.items():
        if not all(counts(power) or isinstance(named.get(name), OneParameter) for name, power in powers(composition)):
            raise ValueError(f"A key of views must name what was applied, and undo nothing. Got {key!r}.")


def views_of(
    estimator: Any, X: Any, image_shape: Any, paired: Mapping[Any, Any] | None = None, reset: bool = True
) -> Views:
    """The views that the parameters `augs` and `apply` of an estimator declare on images, all checked."""
    images = check_images(estimator, X, reset=reset, image_shape=image_shape)
    views = declare_views(images, estimator.augs, estimator.format_, {} if paired is None else paired)
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


class Views:
    """The views of a data set: compositions of augmentations over its images, and paired arrays.

    Parameters
    ----------
    images : ndarray of shape (n, H, W) or (n, H, W, C)
        Never written to, never copied whole.
    augs : mapping of str to callable, or to None where only pairs of images are known
    format_ : ImageFormat
        Of the images.
    paired : mapping of tuple to ndarray, optional
        Views given as arrays, image by image beside `images`.
    compositions : sequence of tuple, optional
        The views; those declared by the augmentations' order if None.
    """

    def __init__(
        self,
        images: np.ndarray,
        augs: Mapping[str, Any],
        format_: ImageFormat,
        *,
        paired: Mapping[Any, np.ndarray] | None = None,
        compositions: Sequence[Composition] | None = None,
    ) -> None:
        self.images = images
        self.augs = augs
        self.format_ = format_
        self.image_bytes = math.prod(images.shape[1:]) * images.itemsize  # of one in memory
        self.families = {name: aug for name, aug in augs.items() if isinstance(aug, OneParameter)}
        self.paired = {(): images} | {self._letters(c): array for c, array in (paired or {}).items()}
        declared = declared_compositions(list(augs)) if compositions is None else compositions
        self.compositions = [c for c in declared if self.is_known(c)]
        self._names = list(map(self._letters, self.compositions))

    def __len__(self) -> int:
        return len(self.images)

    def of(self, compositions: Sequence[Composition]) -> Views:
        """The same images under other compositions."""
        return Views(self.images, self.augs, self.format_, paired=self.paired, compositions=compositions)

    def _letters(self, composition: Composition) -> Names:
        """Names, each as often as it acts, and families, each once, with its strength."""
        letters: list[Any] = []
        for name, power in powers(composition):
            letters += [(name, power)] if name in self.families else [name] * power
        return tuple(letters)

    def _start(self, names: Names) -> int:
        """Length of the longest beginning of a composition that is given as an array."""
        return next(k for k in range(len(names), -1, -1) if names[:k] in self.paired)

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
        start = self._start(names)
        return self._apply(take(self.paired[names[:start]], rows), names[start:], rows)

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

    def _take_once(self, rows: np.ndarray, names: Names) -> np.ndarray:
        """Images of some rows under one composition, as `take` gives them, computed once where memory allows."""
        computed = self._computed(names)
        if not computed:
            return self.take(rows, names)
        images = self._caches[computed].take(rows, lambda missing: self.take(missing, computed))
        return self._apply(images, names[len(computed) :], rows)

    def mix(self, rows: np.ndarray, which: np.ndarray) -> tuple[np.ndarray]:
        """Images of some rows, row ``rows[i]`` under the composition number ``which[i]``, in the dtype of the data."""
        mixed = np.empty((len(rows), *self.images.shape[1:]), dtype=self.images.dtype)
        for k in np.unique(which):
            chosen = np.flatnonzero(which == k)
            mixed[chosen] = self._take_once(rows[chosen], self._names[k])
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
        """Images of all rows under one composition, batch by batch."""
        for start in range(0, len(self), batch_size):
            yield self.take(slice(start, start + batch_size), composition)
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
        paired = {c: take(images, rows) for c, images in self.paired.items()}
        return Views(paired[()], self.augs, self.format_, paired=paired, compositions=self.compositions)

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


def check_paired(views: Any, images: np.ndarray, format_: ImageFormat) -> dict[Composition, np.ndarray]:
    """Check views given as arrays: as many images as `images`, of the same shape, dtype kind and range."""
    check_kind("views", views, Mapping, "a dict of composition to images")
    paired = {}
    for key, given in views.items():
        composition = as_composition("A key of views", key)
        label = f"View {composition!r}"
        for item in given if isinstance(given, (list, tuple)) else [given]:
            refuse_masked(label, item)
        array = as_array(label, gathered(given, name=label))
        if array.shape == (len(images), math.prod(format_.image_shape)):
            array = format_.layout(array, flat=False)
        check_shape(label, array, images)
        check_pixels(label, array, images, format_)
        warn_of_scale(label, array, images)
        if composition:
            warn_of_shuffled(label, array, images)
            paired[composition] = array
    return paired

"""Image space: the views of a data set, made lazily, batch by batch; what augmentations and views must keep.

A *view* is the images of one composition, ``()`` the original.
"""

from __future__ import annotations

import math
import pickle
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from latentaug._checks import check_kind, unknown_name
from latentaug._rows import release, take
from latentaug.augs.catalogue import CATALOGUE, name_augs
from latentaug.augs.pairs import Declared, Partners, as_declared, as_partners, warn_of_scale, warn_of_shuffled
from latentaug.augs.steps import Composition, as_composition, powers, reduced, repeated
from latentaug.images import ImageFormat, check_images, spread, telling

__all__ = [
    "CACHE_BYTES", "Views", "act", "check_aug", "check_paired", "declare_views", "declared_compositions", "run_aug",
    "views_of",
]  # fmt: skip

LAWLESS = Declared()
Names = tuple[str, ...]  # of a composition, each as often as it acts

PAIRS = 256
TRIES = 24  # of one batch: a function that changes it half of the time passes once in ten million fits
TRIES_OF_MOVERS = 64
# Of torch's generator: the first number it gives is nearly 0, nearly 1, and whatever.
SEEDS = (18881, 10642, *range(TRIES_OF_MOVERS - 2))

_numpy: Any = np.random  # whose global generator is looked at, and never drawn from
DETERMINISTIC = "a deterministic function (fix its random parameters)"
CACHE_BYTES = 2**27  # memory for images that augmentations compute and not only slice, kept as they are made


def act(aug: Callable, images: np.ndarray, format_: ImageFormat) -> Any:
    """What an augmentation gives for some images; one that takes floats in [0, 1] only is given those."""
    if images.dtype.kind != "f" or format_.value_range == (0.0, 1.0) or not getattr(aug, "on_unit", False):
        return aug(images)
    low, high = format_.value_range
    augmented = aug(np.clip((images - low) / ((high - low) or 1.0), 0, 1).astype(images.dtype, copy=False))
    scaled = isinstance(augmented, np.ndarray) and augmented.dtype.kind == "f"
    return (augmented * (high - low) + low).astype(augmented.dtype, copy=False) if scaled else augmented


def run_aug(name: str, aug: Callable, images: np.ndarray, format_: ImageFormat) -> np.ndarray:
    """What an augmentation gives for a copy of some images; ValueError, by its name, where it breaks the contract.

    What torch's global generator gives it, which was tried to change nothing, is given back.
    """
    torch = sys.modules.get("torch")
    state = None if torch is None else torch.get_rng_state()
    try:
        return _run(name, aug, images, format_)
    finally:
        if torch is not None:
            torch.set_rng_state(state)


def _run(name: str, aug: Callable, images: np.ndarray, format_: ImageFormat) -> np.ndarray:
    try:
        augmented = act(aug, images.copy(), format_)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"Augmentation {name!r} failed on images {images.shape} {images.dtype}: {reason}") from error
    check_shape(f"Augmentation {name!r}", augmented, images)
    check_pixels(f"Augmentation {name!r}", augmented, images, format_)
    return augmented


def check_aug(name: str, aug: Callable, images: np.ndarray, format_: ImageFormat) -> None:
    """Try an augmentation on a few images; ValueError, by its name, where it draws, or acts on the batch."""

    def run(images: np.ndarray) -> np.ndarray:
        return _run(name, aug, images, format_)

    with _generators_kept():
        first = run(images)  # torch may be imported by it
        before = _generators()
        run(images)
        moved = [owner for owner, state in _generators().items() if state != before.get(owner, state)]
        if set(moved) - {"torch"}:
            owners = " and ".join(moved)
            raise ValueError(f"Augmentation {name!r} moves the global generator of {owners}; allowed: {DETERMINISTIC}.")
        for seed in SEEDS if moved else range(TRIES):
            if moved:
                sys.modules["torch"].default_generator.manual_seed(seed)
            if not np.array_equal(first, run(images)):
                raise ValueError(
                    f"Augmentation {name!r} gave two results for the same images; allowed: {DETERMINISTIC}."
                )
        _check_by_image(name, run, images)


def _check_by_image(name: str, run: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> None:
    """Refuse an augmentation that makes something else of an image alone, or of the images in another order."""
    batched = f"Augmentation {name!r} acts on the batch, not image by image"
    try:
        alike = _is_by_image(run, images)
    except ValueError as error:
        raise ValueError(f"{batched}: of one image alone, {error}") from error
    with suppress(ValueError):  # of noise, which is no image, but where what neighbours leave is seen
        alike = alike and _is_by_image(run, _shuffled_pixels(images))
    if not alike:
        raise ValueError(f"{batched}: an image alone, or in another order, becomes something else.")


def _is_by_image(run: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> bool:
    whole, turned = run(images), run(images[::-1])[::-1]
    alone = np.concatenate([run(images[k : k + 1]) for k in range(len(images))])
    return _alike(whole, alone) and _alike(whole, turned)


def _shuffled_pixels(images: np.ndarray) -> np.ndarray:
    """Images of the same pixels in another order, each; eight at least."""
    rows = np.resize(images, (max(8, len(images)), *images.shape[1:])).reshape(max(8, len(images)), -1)
    return np.random.default_rng(0).permuted(rows, axis=1).reshape(-1, *images.shape[1:])


def _alike(A: np.ndarray, B: np.ndarray) -> bool:
    """Equal up to what a batch of another size rounds otherwise."""
    if A.dtype.kind == "f":
        return np.allclose(A, B, rtol=1e-4, atol=1e-5 * float(np.abs(A).max(initial=0)))
    differ = A != B
    few = differ.mean() <= 0.01 and A.max(initial=0) > 15
    return not differ.any() or bool(few and np.abs(A.astype(int) - B.astype(int)).max() <= 1)


def _generators() -> dict[str, Any]:
    """The state of the global generators that there are."""
    states = {"numpy": pickle.dumps(_numpy.get_state(legacy=False)), "random": random.getstate()}
    torch = sys.modules.get("torch")
    return states if torch is None else states | {"torch": torch.get_rng_state().numpy().tobytes()}


@contextmanager
def _generators_kept() -> Iterator[None]:
    """Leave the global generators as they are."""
    known = _numpy.get_state(legacy=False), random.getstate()
    drawn = sys.modules["torch"].get_rng_state() if "torch" in sys.modules else None
    try:
        yield
    finally:
        _numpy.set_state(known[0])
        random.setstate(known[1])
        if drawn is not None:
            sys.modules["torch"].set_rng_state(drawn)


def check_shape(label: str, augmented: Any, images: np.ndarray) -> None:
    """Refuse augmented images that are no array of the shape of the images."""
    if not isinstance(augmented, np.ndarray):
        raise ValueError(f"{label} returned a {type(augmented).__name__}; allowed: a numpy array.")
    if augmented.shape[1:] != images.shape[1:] or (len(augmented) != len(images) and not label.startswith("View")):
        change = f"from {images.shape} to {augmented.shape}; allowed: an augmentation keeps the shape"
        raise ValueError(f"{label} changed the shape of the images {change}.")


def check_pixels(label: str, augmented: np.ndarray, images: np.ndarray, format_: ImageFormat) -> None:
    """Refuse augmented images of another kind of dtype or with pixels outside the range, also that of the images."""
    if augmented.dtype.kind != images.dtype.kind:
        came, allowed = f"{augmented.dtype} for {images.dtype} images", "its input's dtype, which tells the scale"
        raise ValueError(f"{label} returned {came}; allowed: {allowed}.")
    if augmented.dtype.itemsize == 1:
        return
    least, most = augmented.min(), augmented.max()  # NaN where there is one
    low, high = (0.0, 255.0) if images.dtype.kind in "ui" else format_.value_range
    slack = 1e-4 * (high - low)
    if low - slack <= least and most <= high + slack:
        return
    if not (np.isfinite(least) and np.isfinite(most)):
        raise ValueError(f"{label} returned NaN or infinity; allowed: finite pixels.")
    if least < min(low, images.min()) - slack or most > max(high, images.max()) + slack:
        left = f"left the value range {low:g}..{high:g} with {least:g}..{most:g}"
        raise ValueError(f"{label} {left}; allowed: pixels stay in the range of the data.")


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
    arrays = check_paired(paired, images, format_)
    given = dict.fromkeys(name for composition in arrays for name, _ in powers(composition))
    named = name_augs(given if augs is None else augs)
    if not named:
        raise ValueError("There is nothing to learn. Allowed: a list of augmentations as augs, or paired views.")
    _check_names(given, named)
    views = Views(images, named, format_, paired=arrays, declared=as_declared(orders, commute, named))
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
        self.declared = declared
        parts = {declared.normal(repeated(c)): given for c, given in (paired or {}).items()} | {(): images}
        self._parts = {names: p if isinstance(p, Partners) else Partners(p) for names, p in parts.items()}
        self.paired = {names: part.values for names, part in self._parts.items()}
        places = {names: part.place_of(len(images)) for names, part in self._parts.items()}
        self.places = {names: place for names, place in places.items() if place is not None}
        asked = declared_compositions(list(augs)) if compositions is None else compositions
        self.compositions = [c for c in asked if self.is_known(c)]
        self._names = list(map(repeated, self.compositions))

    def __len__(self) -> int:
        return len(self.images)

    def of(self, compositions: Sequence[Composition]) -> Views:
        """The same images under other compositions."""
        return self._with(self.images, self._parts, compositions)

    def _with(self, images: np.ndarray, parts: Mapping[Names, Any], compositions: Sequence[Composition]) -> Views:
        return Views(images, self.augs, self.format_, paired=parts, compositions=compositions, declared=self.declared)

    def _start(self, names: Names) -> int:
        """Length of the longest beginning of a composition that is given as an array."""
        return next(k for k in range(len(names), -1, -1) if self.declared.normal(names[:k]) in self.paired)

    def _given(self, names: Names) -> Names:
        """The view, given as an array, that a composition is made of."""
        return self.declared.normal(names[: self._start(names)])

    def rows_with(self, compositions: Iterable[Composition]) -> np.ndarray | None:
        """The rows that have images under all of some compositions; None: all."""
        given = [self.places.get(self._given(repeated(composition))) for composition in compositions]
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
        """Whether the images of a composition are given or can be made: it undoes nothing, and there are functions."""
        names = repeated(composition)
        made = all(self.augs[name] is not None for name in names[self._start(names) :])
        return made and all(power > 0 for _, power in powers(composition))

    def take(self, rows: Any, composition: Composition = ()) -> np.ndarray:
        """Images of some rows (indices or a slice) under one composition, in the dtype of the data."""
        names = repeated(composition)
        given, rest = self._given(names), names[self._start(names) :]
        if given in self.places:
            rows = self.places[given][rows]
            if len(rows) and rows.min() < 0:
                raise ValueError(f"View {given!r} has no partner of some images.")
        return self._apply(take(self.paired[given], rows), rest)

    def _apply(self, images: np.ndarray, names: Names) -> np.ndarray:
        for name in names:
            images = run_aug(name, self.augs[name], images, self.format_).astype(self.images.dtype, copy=False)
        return images

    @cached_property
    def _computing(self) -> set[str]:
        """The augmentations that compute pixels; the others only slice, which costs nothing."""
        few = self.sample(8).images
        functions = ((name, aug) for name, aug in self.augs.items() if aug is not None)
        return {
            name
            for name, aug in functions
            if not np.may_share_memory(act(aug, images := few.copy(), self.format_), images)
        }

    def _computed(self, names: Names) -> Names:
        """The longest beginning of a composition that ends in a computing augmentation, or none of it."""
        start = self._start(names)
        ends = (k for k in range(start + 1, len(names) + 1) if names[k - 1] in self._computing)
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
        return self._apply(images, names[len(computed) :])

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
            if aug is not None:
                check_aug(name, aug, few.images, self.format_)
            elif not self.is_known((name,)):
                without = f"Without a function it needs views={{{(name,)!r}: images}} in this call, or to be one of"
                raise unknown_name("augmentation", name, CATALOGUE, without)


def _only_slices(aug: Callable, images: np.ndarray, format_: ImageFormat) -> bool:
    return np.may_share_memory(act(aug, images, format_), images)


def check_paired(views: Any, images: np.ndarray, format_: ImageFormat) -> dict[Composition, Partners]:
    """Check views given as arrays: of the same shape, dtype kind and range as the images that they stand beside."""
    check_kind("views", views, Mapping, "a dict of composition to images")
    paired = {}
    for key, given in views.items():
        composition = as_composition("A key of views", key)
        if any(power < 0 for _, power in powers(composition)):
            raise ValueError(f"A key of views must name what was applied, and undo nothing. Got {key!r}.")
        label = f"View {composition!r}"
        part = as_partners(label, given, len(images))
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

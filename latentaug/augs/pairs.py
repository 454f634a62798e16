"""Pairs as they are: what stands beside some images, or their latents, under a composition, and what is missing."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from latentaug._checks import as_array, check_kind, check_number, shown, unknown_name
from latentaug._rows import is_mapped, release, slices, take
from latentaug.images import spread

__all__ = [
    "Declared",
    "PairedViews",
    "Partners",
    "as_declared",
    "as_partners",
    "join",
    "pick",
    "warn_of_scale",
    "warn_of_shuffled",
]

MOST_PIXELS = 4096

NEAR = 8  # times as many rows are read of a memory map where those that are wanted lie close together


@dataclass(frozen=True, eq=False)
class Partners:
    """What stands beside some images under one composition, pair by pair.

    Attributes
    ----------
    values : ndarray of shape (m, ...)
    rows : ndarray of shape (n_pairs,) or None
        Of each pair, the row of the image; None where every image has its partner, in order.
    places : ndarray of shape (n_pairs,) or None
        Of each pair, the place of its partner in `values`; None where all are taken, in order.
    """

    values: np.ndarray
    rows: np.ndarray | None = None
    places: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values if self.rows is None else self.rows)

    def known(self) -> np.ndarray:
        """The partners, pair by pair."""
        return self.values if self.places is None else take(self.values, self.places)

    def few(self, images: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Some partners, spread evenly over the pairs, and the images beside them."""
        picked, _ = join([Partners(images), self])
        some = spread(len(self), n)
        return pick(picked[1], some), pick(picked[0], some)

    def of(self, rows: np.ndarray) -> Partners:
        """What stands beside some of the images, by their numbers, which become 0, 1, ..."""
        if self.rows is None:
            return Partners(take(self.values, rows))
        order = np.argsort(self.rows, kind="stable")
        starts, ends = (np.searchsorted(self.rows, rows, side, sorter=order) for side in ("left", "right"))
        found = np.repeat(np.arange(len(rows)), ends - starts)
        pairs = order[np.concatenate([np.arange(0), *map(np.arange, starts, ends)])]
        return Partners(take(self.values, pairs if self.places is None else self.places[pairs]), found)

    def place_of(self, n_images: int) -> np.ndarray | None:
        """Of each image, the place of its partner in `values`, -1 without one; None where every image has its own."""
        if self.rows is None:
            return None
        places = np.full(n_images, -1, dtype=np.intp)
        places[self.rows] = np.arange(len(self.rows)) if self.places is None else self.places
        return places


@dataclass(frozen=True)
class Declared:
    """Laws that a user declares, of augmentations that no function is known of.

    Attributes
    ----------
    orders : dict of str to int
        How often each acts to change nothing.
    commute : frozenset of frozenset of str
        Pairs whose order does not matter.
    """

    orders: Mapping[str, int] = field(default_factory=dict)
    commute: frozenset[frozenset[str]] = frozenset()

    def normal(self, names: tuple[Any, ...]) -> tuple[Any, ...]:
        """A composition, letter by letter, in the spelling that all have that are the same.

        A letter is a name, as often as it acts, or a name with its strength.
        """
        word: list[Any] = []
        for letter in names:
            name, reach = _name_of(letter), len(word)
            while reach and frozenset((name, _name_of(word[reach - 1]))) in self.commute:
                reach -= 1
            k = next((i for i in range(reach, len(word)) if name < _name_of(word[i])), len(word))
            word.insert(k, letter)
            start = next((i for i in range(k, -1, -1) if i == 0 or word[i - 1] != letter), 0)
            order = self.orders.get(letter, 0)
            if order and word[start : start + order].count(letter) == order:
                del word[start : start + order]
        return tuple(word) if len(word) == len(names) else self.normal(tuple(word))


def _name_of(letter: Any) -> str:
    return letter if isinstance(letter, str) else letter[0]


def as_declared(orders: Any, commute: Any, names: Iterable[str]) -> Declared:
    """Check the laws that a user declares of some augmentations."""
    names = list(names)
    check_kind("orders", {} if orders is None else orders, Mapping, "a dict of name to order")
    listed = not isinstance(commute, (str, bytes, Mapping)) and isinstance(commute, Iterable)
    pairs: list[Any] = [] if commute is None else list(commute) if listed else [None]
    if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
        raise TypeError(f"commute must be a list of pairs of names. Got {shown(commute)}.")
    for name in (*(orders or ()), *(name for pair in pairs for name in pair)):
        if not isinstance(name, str) or name not in names:
            raise unknown_name("augmentation", name, names)
    for name, order in (orders or {}).items():
        check_number(f"orders[{name!r}]", order, low=1, integer=True)
    numbers = {name: int(order) for name, order in (orders or {}).items()}
    return Declared(numbers, frozenset(frozenset(pair) for pair in pairs))


class PairedViews(Mapping):
    """Views that scikit-learn splits together with the images: in a search, in cross-validation, by metadata routing.

    Parameters
    ----------
    views : dict of tuple of str to array-like
        As for `fit`.
    n_images : int
        Images that they stand beside.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> import numpy as np
    >>> X = np.random.default_rng(0).random((10, 3))
    >>> views = PairedViews({("older",): X / 2}, len(X))
    >>> X_train, X_test, views_train, views_test = train_test_split(X, views)
    >>> np.array_equal(views_test[("older",)].values, X_test / 2)
    True
    """

    def __init__(self, views: Mapping[Any, Any], n_images: int) -> None:
        check_kind("views", views, Mapping, "a dict of composition to images")
        check_number("n_images", n_images, low=1, integer=True)
        self._views = {key: as_partners(f"View {key!r}", given, n_images) for key, given in views.items()}
        self.shape = (n_images,)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:  # rows, as scikit-learn asks for them
            rows = np.arange(self.shape[0])[key[0]]
            return PairedViews({name: part.of(rows) for name, part in self._views.items()}, len(rows))
        return self._views[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)


Picked = tuple[np.ndarray, np.ndarray | None]  # an array, and which of its rows; None: all


def pick(picked: Picked, part: np.ndarray) -> np.ndarray:
    """Some of the rows picked of an array, by their numbers."""
    array, rows = picked
    rows = part if rows is None else rows[part]
    if not is_mapped(array) or not len(rows):
        return array[rows]
    low, high = rows.min(), rows.max() + 1
    if high - low > NEAR * len(rows):
        return take(array, rows)
    near = array[low:high][rows - low]
    release(array[low:high])
    return near


def join(parts: Sequence[Partners]) -> tuple[list[Picked], np.ndarray | None]:
    """The rows of all parts that stand beside the same images, and the rows of those; None: all, in order.

    Where two or more have images missing, an image counts once; where one has, as often as it has partners.
    """
    partial = [part.rows for part in parts if part.rows is not None]
    if not partial:
        return [(part.values, None) for part in parts], None
    if len(partial) == 1:
        return [(part.values, partial[0] if part.rows is None else part.places) for part in parts], partial[0]
    rows: np.ndarray = reduce(np.intersect1d, partial)
    return [(part.values, _places(part, rows)) for part in parts], rows


def _places(part: Partners, rows: np.ndarray) -> np.ndarray:
    """Where the first partner of each of some images stands."""
    if part.rows is None:
        return rows
    known, first = np.unique(part.rows, return_index=True)
    places = first[np.searchsorted(known, rows)]
    return places if part.places is None else part.places[places]


def as_partners(label: str, given: Any, n_images: int) -> Partners:
    """What a user gives beside images, with what is missing left out.

    An array of as many rows as there are images, of which those that are NaN, or masked, are missing; a list, with None
    for what is missing; or ``(rows, values)``, where `rows` are the numbers of the images beside which `values` stand,
    or true for each image that has one.
    """
    if isinstance(given, tuple) and len(given) == 2 and np.ndim(given[0]) == 1 and np.ndim(given[1]) > 1:
        return _numbered(label, *given, n_images)
    if isinstance(given, Partners):
        within = n_images > (int(given.rows.max(initial=0)) if given.rows is not None else n_images - len(given))
        return _counted(label, given, n_images if within else len(given), n_images)
    missing = None
    if isinstance(given, (list, tuple)) and any(item is None for item in given):
        missing = np.array([item is None for item in given])
        given = [item for item in given if item is not None]
        if not given:
            raise ValueError(f"{label} holds no partner at all. Leave it out.")
        return _counted(label, Partners(as_array(label, given), np.flatnonzero(~missing)), len(missing), n_images)
    if isinstance(given, (list, tuple)) and any(isinstance(item, np.ma.MaskedArray) for item in given):
        given = np.ma.stack(given)
    if isinstance(given, np.ma.MaskedArray):
        missing = _all_or_none(label, np.ma.getmaskarray(given), "masked")
        given = given.data
    array = as_array(label, given)
    if array.ndim and array.dtype.kind == "f":
        nan = np.concatenate([_all_or_none(label, np.isnan(part), "NaN") for part in slices(array)])
        missing = nan if missing is None else missing | nan
    if missing is None or not missing.any():
        return _counted(label, Partners(array), len(array) if array.ndim else 0, n_images)
    rows = np.flatnonzero(~missing)
    return _counted(label, Partners(array, rows, rows), len(array), n_images)


def _all_or_none(label: str, gone: np.ndarray, word: str) -> np.ndarray:
    """Which rows are missing; refuse those that are so in part."""
    flat = gone.reshape(len(gone), -1) if gone.size else gone.reshape(len(gone), 0)
    some, every = flat.any(axis=1), flat.all(axis=1) & flat.any(axis=1)
    if (some & ~every).any():
        row = int(np.argmax(some & ~every))
        raise ValueError(f"{label}: a partner is missing as a whole, or not at all. Row {row} is {word} in part.")
    return np.asarray(every)


def _counted(label: str, partners: Partners, n: int, n_images: int) -> Partners:
    if n != n_images:
        cure = "a search or cross-validation splits X: give it PairedViews. Where some are missing: (rows, images)"
        raise ValueError(f"{label} has {n} images beside {n_images} of X; {cure}.")
    if not len(partners):
        raise ValueError(f"{label} holds no partner at all. Leave it out.")
    return partners


def _numbered(label: str, rows: Any, values: Any, n_images: int) -> Partners:
    """Partners with the numbers of their images, or with a truth for each image."""
    rows, values = as_array(label, rows), as_array(label, values)
    if rows.dtype.kind == "b" and len(rows) == n_images:
        present = np.flatnonzero(rows)
        places = present if len(values) == n_images else None
        rows = present
    else:
        places = None
    integers = rows.dtype.kind in "iu" and (not len(rows) or (rows.min() >= 0 and rows.max() < n_images))
    if not integers or len(rows) != len(values if places is None else places):
        wanted = f"the numbers of images, 0..{n_images - 1}, one a partner, or a truth for each of them"
        raise ValueError(f"{label}: rows must be {wanted}. Got {shown(rows)} for {len(values)}.")
    return _counted(label, Partners(values, rows.astype(np.intp), places), n_images, n_images)


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
    if len(images) < 16:
        return
    D, E = map(_distances, (images, array))
    if not (D.any() and E.any()):
        return
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(images)) for _ in range(40)]
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

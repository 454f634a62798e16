"""The estimator LatentMaps: the maps of augmentations on rows alone, such as embeddings, known by pairs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted, validate_data

from latentaug._checks import (
    LARGEST,
    as_numbers,
    check_choice,
    check_flag,
    check_kind,
    check_number,
    refuse_dates,
    refuse_masked,
    unknown_name,
)
from latentaug._rows import batches, is_held, is_mapped, slices
from latentaug.augs.pairs import Partners, Picked, as_declared, as_partners, join, pick
from latentaug.augs.steps import Composition, as_composition, counts, powers, reduced, say
from latentaug.images import ImageFormat
from latentaug.latent import maps
from latentaug.latent.algebra import declared_algebra
from latentaug.latent.maps import AffineMap, Moments
from latentaug.latent.ridge import GCV
from latentaug.learn.affine import Laws, Regression, fit_affine_map, fit_group, fit_regression, pool
from latentaug.learn.geometries import AUTO, GEOMETRIES, choices, choose_geometries
from latentaug.models.base import all_or_nothing
from latentaug.models.classes import OF_CLASSES, as_classes, fit_classes
from latentaug.models.codec import RowCodec
from latentaug.models.errors import PairTable, pair_row, pair_table
from latentaug.models.latent_model import LatentSpace, LatentTransform

__all__ = ["LatentMaps"]

UNDOINGS = ("auto", "solve", "regression")
MOST_HELD = 4096  # pairs held out
FEW = 16  # pairs of which nothing is said
TRIMMINGS = 4  # times that the worst pairs are looked for


def _check_size(label: str, Z: np.ndarray, allow_nan: bool = False) -> None:
    """Refuse rows that are no finite numbers, or larger than float32 holds."""
    for part in slices(Z):
        low, high = (float(end.reduce(part, axis=None)) for end in (np.fmin, np.fmax))
        if not allow_nan and np.isnan(part.sum()) and np.isnan(part).any():
            raise ValueError(f"{label} holds NaN. Allowed: finite numbers, and whole rows of NaN in views: missing.")
        if max(high, -low) > LARGEST:
            raise ValueError(f"{label} must lie within {LARGEST:g} of 0, as float32. Got {low:g}..{high:g}.")


class Held(NamedTuple):
    """What is fitted on of a key, views in the order in which their moments are taken."""

    picked: list[Picked]
    train: np.ndarray  # pairs
    held: np.ndarray


class RowPairs(NamedTuple):
    """Rows before and after augmentations."""

    partners: Mapping[Composition, Partners]
    pairs: Mapping[str, tuple[Composition, ...]]
    points: Mapping[tuple[Composition, ...], np.ndarray]

    def moments(self, name: str, rows: np.ndarray) -> Moments | None:
        """Moments of some rows, and of the same augmented."""
        key = self.pairs[name]
        picked, chosen = self._join(name, rows)
        return pool(picked, key, chosen, self.points[key]) if len(chosen) else None

    def losses(self, name: str, rows: np.ndarray, L: Any) -> np.ndarray:
        """Squared errors (n, 2) of rows."""
        picked, chosen = self._join(name, rows)
        x, y = (pick(part, chosen).astype(np.float64) for part in picked)
        return np.stack([np.square(L(x) - y).sum(axis=1), np.square(L.undo(y) - x).sum(axis=1)], axis=1)

    def _join(self, name: str, rows: np.ndarray) -> tuple[list[Any], np.ndarray]:
        parts = [self.partners[c].of(rows) for c in self.pairs[name]]
        picked, joined = join(parts)
        return picked, np.arange(len(parts[-1]) if joined is None else len(joined))


class LatentMaps(LatentSpace):
    """Augmentations of rows, such as embeddings, as affine maps that are fitted to pairs; no images, no decoder.

    What `LatentAugmenter` does in the latent space of an autoencoder, for an encoder of any kind: the rows of images
    and of the same images changed are the pairs, and ``Z @ L + b`` changes rows as the images were changed. Maps
    compose, and undo.

    Parameters
    ----------
    geometry : {"auto", "free", "orthogonal", "finite_order", "group"}, default="auto"
        The constraint on the maps. "auto": the strictest that the laws in `orders` and `commute` allow, for each
        augmentation; without laws "free", a ridge regression.
    ridge : float or "gcv", default="gcv"
        Penalty of free maps, as a share of the mean variance of a coordinate; 0 is least squares. "gcv" chooses it, for
        each map, by generalised cross-validation, and whether maps are shrunk towards the mean or towards leaving rows
        as they are.
    fit_intercept : bool, default=True
        Whether maps move the mean.
    rank : int or None, default=None
        Rank of what a free map adds to a row, for wide embeddings and few pairs; any if None.
    undo : {"auto", "solve", "regression"}, default="auto"
        How a free map is undone: by solving ``Z @ L + b``, or by a regression of its own, the other way round. "auto":
        what is better on pairs held out; where there are none, the regression. Other maps are undone by solving.
    orders : dict of str to int, default=None
        How often an augmentation has to act to change nothing, where that is known: ``{"flip_lr": 2}``.
    commute : list of (str, str), default=None
        Pairs of augmentations whose order does not matter.
    by_class : bool, default=True
        Whether `fit` heeds labels, where it is given any: see `class_maps_`. False: `y` is ignored.
    trim : float, default=0.0
        Share of the pairs of each map that are left out as wrong: those that it fits worst.
    validation_fraction : float, default=0.1
        Share of the rows, at most 4,096, that `undo` and `pair_table_` are judged on. The maps that are kept are fitted
        on all.
    apply : str, list of str or None, default=None
        What `transform` applies, the leftmost first; all augmentations in order if None, none if empty.

    Attributes
    ----------
    latent_maps_ : dict of str to AffineMap
        The map of each augmentation, float64: ``Z @ L + b``.
    pair_table_ : PairTable
        R2, cosine and skill of each composition, and of undoing it, on the pairs held out.
    ridge_ : dict of str to float
        The penalty of each map, 0 where it has none.
    undone_by_ : dict of str to {"solve", "regression"}
    geometries_ : dict of str to str
        The constraint that each map holds.
    algebra_ : Algebra
        The laws declared, and the group that all views of are given.
    stream_ : dict
        Moments of all pairs so far, which `partial_fit` goes on from: of each map twice (2 d, 2 d) numbers.
    classes_ : ndarray of shape (n_labels,)
        The labels seen, where `fit` was given labels.
    class_maps_ : dict of label to dict of str to AffineMap
        The maps of each class, shrunk towards those of all where the class is small; only of those augmentations that
        they make better, applied and undone, on pairs held out.
    compositions_ : list of tuple of str
        The views fitted on.
    aug_names_ : list of str
    n_features_in_ : int

    See Also
    --------
    LatentAugmenter : The same of images, with an autoencoder.

    References
    ----------
    "Towards Composable Distributions of Latent Space Augmentations", arXiv 2303.03462, Eq. 6.

    Examples
    --------
    >>> import numpy as np
    >>> from latentaug import LatentMaps
    >>> rng = np.random.default_rng(0)
    >>> Z = rng.normal(size=(500, 8)) + 30
    >>> Z_flip = 60 - Z[:, ::-1] + 0.1 * rng.normal(size=Z.shape)
    >>> flip = LatentMaps(orders={"flip": 2}).fit(Z, views={("flip",): Z_flip})
    >>> bool(np.abs(flip.transform(Z) - Z_flip).mean() < 0.1)
    True
    >>> np.allclose(flip.compose("flip", "flip").transform(Z), Z)
    True
    """

    pair_table_: PairTable
    ridge_: dict[str, float]
    undone_by_: dict[str, str]
    geometries_: dict[str, str]
    stream_: dict[tuple[Composition, ...], list[Moments]]

    def __init__(
        self,
        geometry: str = AUTO,
        *,
        ridge: float | str = GCV,
        fit_intercept: bool = True,
        rank: int | None = None,
        undo: str = "auto",
        orders: Mapping[str, int] | None = None,
        commute: Sequence[tuple[str, str]] | None = None,
        by_class: bool = True,
        trim: float = 0.0,
        validation_fraction: float = 0.1,
        apply: Any = None,
    ) -> None:
        self.geometry = geometry
        self.ridge = ridge
        self.fit_intercept = fit_intercept
        self.rank = rank
        self.undo = undo
        self.orders = orders
        self.commute = commute
        self.by_class = by_class
        self.trim = trim
        self.validation_fraction = validation_fraction
        self.apply = apply

    @all_or_nothing
    def fit(self, X: ArrayLike, y: Any = None, views: Mapping[Any, Any] | None = None) -> LatentMaps:
        """Fit the map of each augmentation to pairs.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Latent rows; float32 and memory-mapped ones are read part by part.
        y : array-like of shape (n,), default=None
            Labels; None or NaN of a row without one. Numbers with fractions, and several columns, are ignored.
        views : dict of tuple of str to array-like
            The rows of the same images under each composition: ``{("flip_lr",): Z_flip}``. What is missing is a row of
            NaN, a masked row, or None in a list; or ``(rows, Z_flip)`` says which rows of `X` the others stand beside.

        Raises
        ------
        ValueError, TypeError
            On a wrong parameter or array; the view is named.
        """
        self._check_parameters()
        with self._fitting(X, y):
            Z = self._check_rows(X, reset=True)
            partners = self._check_views(Z, views)
            self._begin(partners)
            classes = as_classes(y, len(Z)) if self.by_class and y is not None else None
            self._learn(partners, {})
            if classes is not None:
                points = {key: moments[0].origin for key, moments in self.stream_.items()}
                fit_classes(self, classes, RowPairs(partners, self._pairs_of, points))
        return self

    @all_or_nothing
    def partial_fit(self, X: ArrayLike, y: Any = None, views: Mapping[Any, Any] | None = None) -> LatentMaps:
        """Fit on a part of a stream of pairs, from where the last call, or `fit`, left off.

        The maps are those that all parts so far would give at once; what undoes them, and `pair_table_`, are judged on
        the last part. The views are those of the first part. Maps of classes are those of `fit` only, and are gone.

        Parameters
        ----------
        X : array-like of shape (n, d)
            As in `fit`.
        y : None
            Ignored.
        views : dict
            As in `fit`.
        """
        self._check_parameters()
        with self._fitting(X, y):
            goes_on = hasattr(self, "latent_maps_")
            Z = self._check_rows(X, reset=not goes_on)
            partners = self._check_views(Z, views)
            if not goes_on:
                self._begin(partners)
            elif list(partners) != self.compositions_:
                now, before = (", ".join(map(say, c)) for c in (partners, self.compositions_))
                raise ValueError(f"views must be those of the first part, {before}. Got {now}; a clone starts anew.")
            self._learn(partners, self.stream_ if goes_on else {})
        return self

    def transform(self, X: ArrayLike, out: np.ndarray | None = None, labels: Any = None) -> np.ndarray:
        """Rows with the composition named by `apply` applied.

        Parameters
        ----------
        X : array-like of shape (n, d)
        out : ndarray of shape (n, d), default=None
            What is written into and returned, a memory map too: of float32 or float64.
        labels : array-like of shape (n,), or one label of all, default=None
            Of maps that were fitted with labels. Rows without one, None or NaN, and of classes that were not seen, are
            taken by the maps of all.

        Returns
        -------
        ndarray of shape (n, d)
            In the dtype of `X`, or `out`.
        """
        return super().transform(X, out, labels)

    def inverse_transform(self, X: ArrayLike, out: np.ndarray | None = None, labels: Any = None) -> np.ndarray:
        """Rows with the composition named by `apply` undone.

        Parameters
        ----------
        X, out, labels
            As in `transform`, and so is what is returned.
        """
        return super().inverse_transform(X, out, labels)

    def score(self, X: ArrayLike, y: Any = None, views: Mapping[Any, Any] | None = None) -> float:
        """Mean R2 of the views given, all coordinates together; what undoes them is not in it.

        Parameters
        ----------
        X, y, views
            As in `fit`; best not those fitted on. Without any augmentation the score is NaN.
        """
        if views is None and not self.aug_names_ and len(self.checked(X)):
            return float("nan")
        rows = pair_table(self, X, views)
        if not rows.rows:
            raise ValueError("score needs views of the rows given. Allowed: a dict as in fit.")
        return float(np.mean([row.r2[0] for row in rows if row.task == "apply"]))

    @property
    def condition_numbers_(self) -> dict[str, float]:
        """How much undoing each map can magnify an error."""
        return {name: maps.condition_number(L) for name, L in self.latent_maps_.items()}

    @property
    def latent_dim_(self) -> int:
        """Latent coordinates d."""
        return self.n_features_in_

    def checked(self, X: Any) -> np.ndarray:
        """Rows, checked."""
        check_is_fitted(self)
        return self._check_rows(X, reset=False)

    def made(self, transform: LatentTransform, given: np.ndarray) -> np.ndarray:
        """What a transform makes of rows that were checked."""
        return transform.transform_latent(given)

    def decoder_of(self, view: Composition) -> RowCodec:
        """Rows are latents already."""
        return RowCodec()

    def pairs_of(self, X: Any, views: Any) -> list[tuple[Composition, np.ndarray, np.ndarray]]:
        """Each composition with rows and what they are under it, both checked, pair by pair."""
        Z, found = self.checked(X), []
        for composition, part in self._check_views(Z, views).items():
            self._known("views", composition)
            if composition:
                picked, _ = join([Partners(Z), part])
                source, target = (pick(p, np.arange(len(part))) for p in picked)
                found.append((composition, source, target))
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.three_d_array = False
        return tags

    def _check_parameters(self) -> None:
        check_choice("geometry", self.geometry, [g for g in choices() if g == AUTO or not GEOMETRIES[g].by_rows])
        check_choice("undo", self.undo, UNDOINGS)
        check_flag("fit_intercept", self.fit_intercept)
        check_flag("by_class", self.by_class)
        check_number("trim", self.trim, low=0, below=1)
        check_number("validation_fraction", self.validation_fraction, low=0, below=1)
        if not (isinstance(self.ridge, str) and self.ridge == GCV):
            check_number("ridge", self.ridge, low=0)
        if self.rank is not None:
            check_number("rank", self.rank, low=1, integer=True)

    def _check_rows(self, X: Any, reset: bool) -> np.ndarray:
        """Check rows, without a copy where they are floats."""
        refuse_masked("X", X)
        refuse_dates("X", X)
        X = X.detach().cpu().numpy() if hasattr(X, "detach") else X
        Z = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite=not is_mapped(X))
        _check_size("X", Z)
        if reset:
            self.format_ = ImageFormat((1, Z.shape[1]), flat=True)
        return Z

    def _check_views(self, Z: np.ndarray, views: Any) -> dict[Composition, Partners]:
        """Check what stands beside rows; the rows themselves are the first."""
        check_kind("views", {} if views is None else views, Mapping, "a dict of composition to rows")
        partners: dict[Composition, Partners] = {(): Partners(Z)}
        for key, given in (views or {}).items():
            composition = as_composition("A key of views", key)
            if not composition or not all(counts(power) for _, power in powers(composition)):
                raise ValueError(f"A key of views must name what was applied, and undo nothing. Got {key!r}.")
            label = f"View {composition!r}"
            given = given.detach().cpu().numpy() if hasattr(given, "detach") else given
            part = as_partners(label, given, len(Z))
            values = as_numbers(label, part.values, dtype=[np.float64, np.float32], ensure_all_finite=False)
            _check_size(label, values, allow_nan=part.places is not None)
            if values.shape[1] != Z.shape[1]:
                raise ValueError(f"{label} must have {Z.shape[1]} columns, as X has. Got {values.shape[1]}.")
            partners[composition] = replace(part, values=values)
        return partners

    def _begin(self, partners: Mapping[Composition, Partners]) -> None:
        """The laws that are declared, and the constraints on the maps."""
        self.compositions_ = list(partners)
        self.aug_names_ = list(dict.fromkeys(name for c in partners for name, _ in powers(c)))
        declared = as_declared(self.orders, self.commute, self.aug_names_)
        if not self.aug_names_:
            warnings.warn("No views are given: there is nothing to learn, and rows stay as they are.", stacklevel=2)
        self.algebra_ = declared_algebra(self.aug_names_, declared, partners)
        self.geometries_ = choose_geometries(self.geometry, self.algebra_)
        applied = as_composition("apply", () if self.apply is None else self.apply)
        for name, _ in powers(applied):
            if name not in self.aug_names_:
                raise unknown_name("augmentation", name, self.aug_names_, "Fitted on")

    @property
    def _pairs_of(self) -> dict[str, tuple[Composition, ...]]:
        """For each augmentation the views before and after it: the original and its own, where they are given."""
        known = {reduced(c): c for c in self.compositions_}
        found: dict[str, tuple[Composition, ...]] = {}
        for name in self.aug_names_:
            afters = ((c, reduced((*c, name))) for c in known)
            pair = next(((c, known[after]) for c, after in afters if after in known), None)
            if pair is None:
                raise ValueError(f"{name} has no pair: views must hold it alone, or after another view that is given.")
            found[name] = pair
        return found

    @property
    def _orbit(self) -> tuple[Composition, ...] | None:
        """The views of the elements of a group, where there is a map of one."""
        by_group = any(GEOMETRIES[geometry].by_group for geometry in self.geometries_.values())
        return tuple(self.algebra_.elements) if by_group else None

    def _learn(self, partners: Mapping[Composition, Partners], before: Mapping[Any, Any]) -> None:
        """Fit all maps on all pairs so far, and judge on some that are held out what those of the others do."""
        share = min(self.validation_fraction, MOST_HELD / len(partners[()]))
        keys = dict.fromkeys(key for key in [*self._pairs_of.values(), self._orbit] if key is not None)
        trained: dict[Any, Moments] = {}
        every: dict[Any, Moments] = {}
        self.stream_ = {}
        for name in OF_CLASSES:
            self.__dict__.pop(name, None)
        for key in keys:
            part, old = self._split([partners[c] for c in key], share), before.get(key)
            train = pool(part.picked, key, part.train, None if old is None else old[0].points)
            rest = pool(part.picked, key, part.held, train.points)
            trained[key], rest = (train, rest) if old is None else (old[0] + train, old[1] + rest)
            self.stream_[key], every[key] = [trained[key], rest], trained[key] + rest
        free = {name for name in self.aug_names_ if GEOMETRIES[self.geometries_[name]].by_solver}
        backs = set() if self.undo == "solve" else free
        self._judge(partners, self._fit_maps(trained, backs)[0], share)
        self.latent_maps_, self.ridge_ = self._fit_maps(every, {n for n in free if self.undone_by_[n] == "regression"})

    def _split(self, parts: Sequence[Partners], share: float) -> Held:
        """The pairs of some views that are fitted on, and those that are held out, without those that are trimmed."""
        picked, rows = join(parts)
        n = len(parts[-1]) if rows is None else len(rows)
        if not n:
            raise ValueError("Views that have to be fitted together have no image in common.")
        chosen = self._trimmed(picked, np.arange(n)) if self.trim else np.arange(n)
        held = is_held(chosen if rows is None else rows[chosen], share)
        few = min(held.sum(), (~held).sum()) < 2
        return Held(picked, chosen[~held | few], chosen[held & ~few])

    def _trimmed(self, picked: list[Picked], chosen: np.ndarray) -> np.ndarray:
        """Without the share that a regression fits worst, which is fitted again on the others (Rousseeuw, 1984)."""
        names: list[Composition] = [(str(k),) for k in range(len(picked))]
        kept, n = chosen, max(2, len(chosen) - int(self.trim * len(chosen)))
        for _ in range(TRIMMINGS):
            moments, losses = pool(picked, names, kept, None), np.zeros(len(chosen))
            for k in range(1, len(picked)):
                L = fit_regression(moments.select([names[0], names[k]]), self._how)
                for rows in batches(len(chosen), len(L)):
                    source, target = (pick(picked[i], chosen[rows]) for i in (0, k))
                    losses[rows] += np.square(L(source) - target).sum(axis=1)
            kept = np.sort(chosen[np.argsort(losses, kind="stable")[:n]])
        return kept

    @property
    def _how(self) -> Regression:
        return Regression(self.ridge, bool(self.fit_intercept), self.rank)

    def _fit_maps(self, pooled: Mapping[Any, Moments], backs: Any) -> tuple[dict[str, AffineMap], dict[str, float]]:
        """The map of each augmentation, of moments, with its penalty; and what undoes some of them."""
        d = self.n_features_in_
        rho, centre = np.eye(d)[None], np.zeros(d)
        if self._orbit is not None:
            rho, centre = fit_group(pooled[self._orbit], self.algebra_, self._how.fit_intercept)
        laws = Laws(self.algebra_, self.geometries_, rho, centre)
        fitted, penalties = {}, {}
        for name in self.aug_names_:
            moments = pooled[self._pairs_of[name]]
            fitted[name], penalties[name] = fit_affine_map(moments, name, laws, self._how)
            if name in backs:
                turned = moments.select(moments.compositions[::-1])
                fitted[name] = replace(fitted[name], back=fit_affine_map(turned, name, laws, self._how)[0])
        return fitted, penalties

    def _judge(self, partners: Mapping[Composition, Partners], fitted: dict[str, AffineMap], share: float) -> None:
        """Choose what undoes each map, and tell how well compositions are met, on pairs that were held out."""
        held = {c: list(self._held(partners, ((), c), share)) for c in partners if c}
        self.undone_by_ = {}
        for name, L in fitted.items():
            ways = ["solve"] if L.back is None else ["regression", "solve"]
            if len(ways) > 1 and self.undo == "auto":
                source, target = self._held(partners, self._pairs_of[name], share)
                losses = [np.square(m.undo(target) - source).sum() for m in (L, replace(L, back=None))]
                ways = ways[int(np.argmin(losses)) :]
            self.undone_by_[name] = ways[0]
        self.latent_maps_ = {
            name: L if self.undone_by_[name] == "regression" else replace(L, back=None) for name, L in fitted.items()
        }
        rows = []
        for composition, (source, target) in held.items():
            if len(source) > 1:
                transform = self.compose(*composition)
                rows.append(pair_row("apply", composition, source, self.made(transform, source), target))
                rows.append(pair_row("undo", composition, target, self.made(transform.inverse(), target), source))
        self.pair_table_ = PairTable(tuple(rows))
        self._warn_of_shuffled()

    def _held(self, partners: Mapping[Composition, Partners], key: Any, share: float) -> Iterator[np.ndarray]:
        """The rows of two views of the pairs held out."""
        part = self._split([partners[c] for c in key], share)
        return (pick(p, part.held) for p in part.picked)

    def _warn_of_shuffled(self) -> None:
        """Warn of pairs that are met no better than those of others."""
        for row in self.pair_table_:
            if row.task == "apply" and row.n_pairs >= FEW and row.r2[1] <= row.shuffled:
                told = f"R2 {row.r2[0]:.3f}, of shuffled pairs {row.shuffled:.3f}"
                message = f"{say(row.composition)}: its pairs are met no better than shuffled ones ({told})"
                laws = ", and do the laws declared hold" if self.orders else ""
                warnings.warn(f"{message}; are they in order{laws}?", UserWarning, stacklevel=2)

"""What a model with latent maps is measured beside: no model at all, an autoencoder alone, principal components."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, permutations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from latentaug._checks import RandomState, check_choice, check_number, draw_seed
from latentaug.augs.steps import Composition, powers, reduced
from latentaug.images import ImageFormat, check_images
from latentaug.latent.algebra import Algebra
from latentaug.metrics.measures import UNITS, confidence_interval, defects, equivariance_error, in_unit
from latentaug.metrics.recursion import Recursion, RecursionCurve, check_labels
from latentaug.models.augmenter import LatentAugmenter
from latentaug.models.codec import Codec
from latentaug.models.errors import ErrorTable, ImageErrors, model_views
from latentaug.models.tables import Grid, Table, as_frame, text_table

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["AutoencoderAlone", "DoNothing", "ScoreRow", "Scorecard", "fit_pca", "scorecard"]

Paired = Mapping[Composition, np.ndarray]  # images of views that no function makes

PCA_IMAGES = 10_000  # Components of more are the same, and the images of all views are held at once.


class DoNothing:
    """The identity in place of a fitted model: every image stays as it is, whatever is asked for."""

    is_invertible = True

    def __init__(self, model: Any) -> None:
        self.augs, self.aug_names_, self.algebra_ = model.augs, model.aug_names_, model.algebra_
        self.format_: ImageFormat = model.format_
        self.latent_maps_: dict[str, np.ndarray] = {}

    def knows(self, composition: Composition) -> bool:
        """Every composition is left undone."""
        return True

    reads = knows

    def carry(self, X: np.ndarray, source: Composition = (), target: Composition = ()) -> np.ndarray:
        """The images themselves, as float32."""
        return self.format_.to_output(X)


class AutoencoderAlone:
    """A fitted autoencoder of images of a format as a model of no augmentations: it can reconstruct."""

    is_invertible = True

    def __init__(self, autoencoder: Any, format_: ImageFormat) -> None:
        self.codec, self.format_ = Codec(autoencoder, format_), format_
        self.augs: list[str] = []
        self.aug_names_: list[str] = []
        self.algebra_ = Algebra({}, {}, {}, [()], np.zeros((1, 1), dtype=int))
        self.latent_maps_: dict[str, np.ndarray] = {}

    def knows(self, composition: Composition) -> bool:
        """Only the original."""
        return not composition

    reads = knows

    def encode(self, X: np.ndarray, view: Composition = ()) -> np.ndarray:
        """Latent rows (n, d) of a stack of images."""
        return self.codec.encode(X)

    def carry(self, X: np.ndarray, source: Composition = (), target: Composition = ()) -> np.ndarray:
        """Reconstructed images, as float32."""
        return self.codec.decode(self.encode(X), flat=False)


def fit_pca(model: Any, images: np.ndarray, seed: int) -> tuple[str, LatentAugmenter | AutoencoderAlone]:
    """The augmentations of a fitted model on as many principal components, of up to 10,000 images; its label first.

    Of augmentations known by pairs of images only there is nothing to learn from images alone: PCA just reconstructs.
    """
    few = model_views(model, images).sample(PCA_IMAGES)
    pca = PCA(min(model.encode(few.images[:1]).shape[1], model.format_.n_pixels, len(few)), random_state=seed)
    label = f"PCA({pca.n_components})"
    augs = [(name, aug) for name, aug in few.augs.items() if getattr(aug, "function", aug) is not None]
    if augs:
        return label, _fit_staged(LatentAugmenter(augs, pca, method="staged", random_state=seed), few.images)
    alone = AutoencoderAlone(pca, model.format_)
    alone.codec.fit(few)
    return label, alone


def _fit_staged(staged: LatentAugmenter, images: np.ndarray) -> LatentAugmenter:
    """Fit by the laws, or with free maps where components do not move as the laws do."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            return staged.fit(images)
    except ConvergenceWarning:
        return staged.set_params(geometry="free").fit(images)


class ScoreRow(NamedTuple):
    """What was measured of one model.

    The `values` stand under the names of the scorecard's columns, what is missing being left out, errors summed over
    the pixels of an image; `intervals` are the ends (2,) of bootstrap 95 % intervals of the errors and of label
    survival, `table` holds every single error, beside its floor.
    """

    label: str
    values: dict[str, float]
    intervals: dict[str, np.ndarray]
    table: ErrorTable


def _measure(
    label: str, model: Any, images: np.ndarray, views: Paired, labels: np.ndarray | None, classifier: Any, n_steps: int,
    seed: int,
) -> ScoreRow:  # fmt: skip
    """Measure one model: each of its augmentations, every pair in both orders, and its latent maps."""
    names = list(map(model.algebra_.step, model.aug_names_))
    known = {c: given for c, given in views.items() if {name for name, _ in powers(c)} <= set(model.aug_names_)}
    errors = ImageErrors(model, images, [*((name,) for name in names), *permutations(names, 2)], known)
    table, found = errors.table(), _average_tasks(errors)
    matrix = np.stack(list(found.values()), axis=1)  # (n_images, n_tasks)
    values = dict(zip(found, matrix.mean(axis=0).tolist(), strict=True))
    intervals = dict(zip(found, confidence_interval(matrix, random_state=seed).T, strict=True))
    laws = defects(model.latent_maps_, model.algebra_.orders)
    values |= _explained(table)
    laws["gap"] = [row.gap for row in table if row.task == "apply"]
    laws["image_commutator"] = list(model.algebra_.commutators.values())
    values |= _equivariance(errors) | {law: max(worst) for law, worst in laws.items() if worst}
    values |= _measure_strengths(model, images, seed)
    curve = _recurse(errors, labels, classifier, n_steps, seed)
    if curve is not None and curve.survival is not None and curve.survival_interval is not None:
        values["label_survival"] = float(curve.survival[0])
        intervals["label_survival"] = curve.survival_interval[:, 0]
    return ScoreRow(label, values, intervals, table)


def _measure_strengths(model: Any, images: np.ndarray, seed: int) -> dict[str, float]:
    """Of the families of a model: the worst gap of five strengths of each, additivity, and the error of estimates."""
    families = {name: laws for name, laws in model.algebra_.families.items() if laws.is_drawn}
    if not families:
        return {}
    steps = [((name, float(t)),) for name, laws in families.items() for t in np.linspace(laws.low, laws.high, 5) if t]
    table = ImageErrors(model, images, steps).table()
    found = {"strength_gap": table.worst_gap("apply"), "additivity": max(f.additivity for f in families.values())}
    if hasattr(model, "estimate"):
        found["estimate"] = max(_estimate_error(model, images, name, seed) for name in families)
    return found


def _estimate_error(model: Any, images: np.ndarray, name: str, seed: int) -> float:
    """The median error of strengths read off, as a share of the greatest trained on."""
    laws = model.algebra_.families[name]
    true = np.random.default_rng(seed).uniform(laws.low, laws.high, len(images))
    moved = model_views(model, images).take(slice(None), ((name, tuple(true.tolist())),))
    apart = np.abs(model.estimate(images, moved, name).strength - true)
    if laws.period is not None:
        apart = np.minimum(apart % laws.period, laws.period - apart % laws.period)
    return float(np.median(apart) / max(laws.high, -laws.low))


def _average_tasks(errors: ImageErrors) -> dict[str, np.ndarray]:
    """Error of each image (n,) in every task, averaged over the compositions; no task without any."""
    applied, pairs = ([route for route in errors.routes["apply"] if len(route[1]) == n] for n in (1, 2))
    routes = errors.routes | {"apply": applied, "compose": pairs}
    return {task: np.mean([errors(*route) for route in routes[task]], axis=0) for task in ERRORS if routes[task]}


def _explained(table: ErrorTable) -> dict[str, float]:
    """Mean R2 of reconstruction, and of the augmentations applied alone, where images differ."""
    shares = {
        f"r2_{task}": [row.explained for row in table if row.task == task and len(row.composition) < 2]
        for task in ("reconstruct", "apply")
    }
    return {name: float(np.mean(r2)) for name, r2 in shares.items() if r2 and not np.isnan(r2).any()}


def _equivariance(errors: ImageErrors) -> dict[str, float]:
    """Mean latent equivariance error of the augmentations, each view being encoded as the model reads it."""
    model, views = errors.model, errors.views
    names = [c[0] for c in views.compositions if len(c) == 1]
    if not names or not hasattr(model, "transform_latent") or not all(model.reads((name,)) for name in names):
        return {}

    def encode(view: Composition) -> np.ndarray:
        return np.concatenate([model.encode(batch, view) for batch in views.batches(view)])

    Z = encode(())
    found = [equivariance_error(encode((name,)), model.transform_latent(Z, name)) for name in names]
    return {"equivariance": float(np.mean(found))}


def _recurse(
    errors: ImageErrors, labels: np.ndarray | None, classifier: Any, n_steps: int, seed: int
) -> RecursionCurve | None:
    """The first augmentation of finite order again and again; None where there is none, or no classifier."""
    orders, augs = errors.model.algebra_.orders, errors.views.augs
    alone = (c[0] for c in errors.views.compositions if len(c) == 1)
    name = next((str(step) for step in alone if isinstance(step, str) and orders[step] and augs[step]), None)
    if name is None or classifier is None:
        return None
    steps = [-(-n_steps // orders[name]) * orders[name]]
    return Recursion(errors.model, errors.views.images, name, steps, classifier).curve(labels, seed)


class Column(NamedTuple):
    """Head of a printed column, the line beneath it, and how its values are printed."""

    heading: str
    beneath: str
    show: Callable[[float], str]


def _gap(value: float) -> str:
    return f"{value:+.1%}" if value < 10 else f"{value:+.0%}" if np.isfinite(value) else "inf"


def _number(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.0f}" if value < 1e5 else f"{value:.0e}"


def _share(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 10 else f"{value:.0f}"


WIDTH = 120
ERRORS = ("reconstruct", "apply", "compose", "undo")
INTERVALS = (*ERRORS, "label_survival")
LAWS = {
    "r2_reconstruct": Column("R2", "rec.", _share),
    "r2_apply": Column("R2", "apply", _share),
    "gap": Column("gap", "worst", _gap),
    "equivariance": Column("equiv.", "1-R2", _number),
    "commutator": Column("comm.", "latent", _number),
    "image_commutator": Column("comm.", "image", _number),
    "order_defect": Column("order", "defect", _number),
    "orthogonality_defect": Column("orth.", "defect", _number),
    "condition_number": Column("cond.", "worst", _number),
    "label_survival": Column("label", "kept", "{:.1%}".format),
}
STRENGTHS = {  # where there are augmentations with a strength
    "strength_gap": Column("gap by", "strength", _gap),
    "additivity": Column("additiv.", "image", _number),
    "estimate": Column("estim.", "error", _number),
}


@dataclass(frozen=True, eq=False, repr=False)
class Scorecard(Table):
    """Measures of one model or several; what `scorecard` returns. Prints as a table, iterates over its rows.

    Errors in `rows` are summed over the pixels of an image, whatever the `unit` in which they are printed and put into
    a frame. `n_pixels` are pixels times channels of an image; labels are looked at after `n_steps` applications.
    """

    rows: tuple[ScoreRow, ...]
    n_images: int
    n_pixels: int
    n_steps: int
    unit: str = "image"

    def __iter__(self) -> Iterator[ScoreRow]:
        return iter(self.rows)

    @property
    def details(self) -> dict[str, ErrorTable]:
        """Every single error of each model, by its label, beside its floor; summed over the pixels of an image."""
        return {row.label: row.table for row in self.rows}

    def in_unit(self, unit: str) -> Scorecard:
        """The same card with its errors in another unit.

        Parameters
        ----------
        unit : str
            One of those of `latentaug.metrics.in_unit`.
        """
        check_choice("unit", unit, UNITS)
        return replace(self, unit=unit)

    @property
    def _laws(self) -> dict[str, Column]:
        """The columns that are no errors: those of strengths where a row has some."""
        return LAWS | {name: c for name, c in STRENGTHS.items() if any(name in row.values for row in self.rows)}

    def _scaled(self, name: str, value: Any) -> Any:
        return in_unit(value, self.unit, self.n_pixels) if name in ERRORS else value

    def to_frame(self) -> DataFrame:
        """The card as a table of pandas.

        Returns
        -------
        DataFrame
            A row a model, NaN where something is missing, errors in the card's unit. Where there is an interval, its
            ends stand in columns with `_low` and `_high` added to the name.
        """
        return as_frame(list(map(self._record, self.rows)), "model", [row.label for row in self.rows])

    def _record(self, row: ScoreRow) -> dict[str, float]:
        record = {}
        for name in (*ERRORS, *self._laws):
            record[name] = self._scaled(name, row.values.get(name, np.nan))
            if name in INTERVALS:
                ends = self._scaled(name, row.intervals.get(name, np.full(2, np.nan)))
                record[f"{name}_low"], record[f"{name}_high"] = ends
        return record

    def _grid(self) -> Grid:
        """What is printed, less the columns that no row has anything in."""
        heads = {name: f"{name}, {UNITS[self.unit].heading}" for name in ERRORS}
        heads |= {name: f"{column.heading} {column.beneath}" for name, column in self._laws.items()}
        measured = {name: head for name, head in heads.items() if any(name in row.values for row in self.rows)}
        cells = [(row.label, {name: self._cell(row, name) for name in measured}) for row in self.rows]
        return Grid(self.title, "model", measured, cells)

    @property
    def title(self) -> str:
        """What stands over the table: how many images, and what the numbers are."""
        title = f"{self.n_images:,} images; squared errors ± half of their bootstrap 95 % intervals"
        kept = any("label_survival" in row.values for row in self.rows)
        return f"{title}; labels kept after {self.n_steps} steps" if kept else title

    def __repr__(self) -> str:
        heads = [(name, UNITS[self.unit].heading) for name in ERRORS]
        laws = self._laws
        heads += [(column.heading, column.beneath) for column in laws.values()]
        rows = ([self._cell(row, name) for name in (*ERRORS, *laws)] for row in self.rows)
        lines = [*zip(*heads, strict=True), *rows]
        widths = [max(map(len, column)) + 1 for column in zip(*lines, strict=True)]
        labels = ["", "model", *(row.label for row in self.rows)]
        room = min(max(map(len, labels)), max(8, WIDTH - sum(widths)))
        labels = [label if len(label) <= room else f"{label[: room - 1]}…" for label in labels]
        layout = [f"<{room}", *(f">{width}" for width in widths)]
        return text_table(map(chain, zip(labels), lines), layout, self.title, "", n_heads=2)

    def _cell(self, row: ScoreRow, name: str) -> str:
        """What is printed of a measure, a dash where it is missing; a number without the 0 that leads it."""
        if name not in row.values:
            return "-"
        if name in self._laws:
            return self._laws[name].show(row.values[name])
        error, ends = (self._scaled(name, measured[name]) for measured in (row.values, row.intervals))
        shown = (f"{value:.{UNITS[self.unit].decimals}f}" for value in (error, np.ptp(ends) / 2))
        return "±".join(text.removeprefix("0") for text in shown)


def scorecard(
    models: Any, X: ArrayLike, y: ArrayLike | None = None, *, views: Mapping[Any, ArrayLike] | None = None,
    X_train: ArrayLike | None = None, classifier: Any = None, n_steps: int = 20, random_state: RandomState = 0,
) -> Scorecard:  # fmt: skip
    """Measure fitted models side by side: a row each, then a row for doing nothing, and one for PCA.

    Every augmentation is measured alone, and every pair in both orders, each against the images of its own composition;
    what a model cannot make is left out.

    ============================= ======================================================================
    `reconstruct`                 error of reconstructing the originals: the floor
    `apply`                       mean error of the augmentations applied alone
    `compose`                     mean error of the pairs applied
    `undo`                        mean error of all these undone
    `r2_reconstruct`              R2: share of the variance of the originals, about their mean image, that is explained
    `r2_apply`                    mean R2 of the augmentations applied alone, each of its own images
    `gap`                         worst share above the floor of its own images, of all that is applied
    `equivariance`                mean latent equivariance error of the augmentations, ``1 - R^2``
    `commutator`                  worst commutator defect of the maps
    `image_commutator`            worst commutator of the images, over the variance of one order
    `order_defect`                worst distance of ``L^n`` from the identity
    `orthogonality_defect`        worst distance of ``L^T L`` from the identity
    `condition_number`            worst of the maps
    `strength_gap`                as `gap`, worst of five strengths of each augmentation that has one
    `additivity`                  worst distance of ``f(f(X, s), t)`` from ``f(X, s + t)``, over the variance
    `estimate`                    worst median error of strengths read off, over the greatest trained on
    `label_survival`              share of the labels found after `n_steps` of the first augmentation of finite order
    ============================= ======================================================================

    Parameters
    ----------
    models : fitted model, or dict of str to fitted model
        `LatentAugmenter`, `TransferHead`, `ConditionalVAE`; or a plain `VAE`, which can only reconstruct. Each is
        measured on its own augmentations.
    X, y
        As in `recursion_curve`.
    views : dict of tuple of str to array-like, default=None
        What `X` is under compositions that no function makes, as in `fit`; images without a partner in one are left
        out.
    X_train : array-like of shape (n_train, H, W), (n_train, H, W, C) or (n_train, n_features), default=None
        Images, of which up to 10,000 are taken, to fit the row of PCA on: a `LatentAugmenter` of the same augmentations
        and latent dimension as the first model, staged. Without them it is fitted on `X` itself, as its label says,
        which flatters it where `X` is small; of no more images than components there is no such row.
    classifier
        As in `recursion_curve`; labels are looked at with one only.
    n_steps : int, default=20
        Applications after which labels are looked at; the next multiple of the order of the augmentation is taken.
    random_state : int, RandomState instance or None, default=0
        Seed of the bootstrap, and of the row of PCA.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from latentaug import LatentAugmenter
    >>> X = load_digits().images / 16
    >>> model = LatentAugmenter(["flip_lr", "flip_ud"], PCA(16), method="staged").fit(X[:1000])
    >>> card = scorecard({"PCA": model}, X[1000:])
    >>> [row.label for row in card]
    ['PCA', 'do nothing', 'PCA(16) of X']
    >>> card.in_unit("paper").to_frame()["apply"].round().tolist()
    [141.0, 1230.0, 132.0]
    """
    check_number("n_steps", n_steps, low=1, integer=True)
    named = _check_models(models)
    images, *_ = (check_images(model, X, reset=False) for model in named.values())
    labels, seed = check_labels(y, classifier, len(images)), draw_seed(random_state)
    images, paired, labels = _complete(named, images, views, labels)
    train = None if X_train is None else check_images(next(iter(named.values())), X_train, reset=False)
    subjects = _add_baselines(named, images, train, seed)
    shared = images, paired, labels, classifier, n_steps, seed
    rows = (_measure(label, model, *shared) for label, model in subjects.items())
    return Scorecard(tuple(rows), len(images), images[0].size, n_steps)


def _complete(
    named: Mapping[str, Any], images: np.ndarray, views: Any, labels: np.ndarray | None
) -> tuple[np.ndarray, Paired, np.ndarray | None]:
    """The images that have partners in all views given, these, and the labels."""
    first = next((model for model in named.values() if getattr(model, "aug_names_", None)), None)
    if views is None or first is None:
        return images, {}, labels
    data = model_views(first, images, views=views)
    if (rows := data.rows_with(map(reduced, data.paired))) is not None:
        if not len(rows):
            raise ValueError("views must hold partners of some image in all of them. Got none that has all.")
        data, labels = data.rows(rows), None if labels is None else labels[rows]
    return data.images, {reduced(names): given for names, given in data.paired.items() if names}, labels


def _check_models(models: Any) -> dict[str, Any]:
    named = {str(k): m for k, m in models.items()} if isinstance(models, Mapping) else {type(models).__name__: models}
    if not named:
        raise ValueError("models must hold at least one fitted model. Got an empty dict.")
    for label, model in named.items():
        check_is_fitted(model)
        if not hasattr(model, "format_"):
            allowed = "LatentAugmenter, TransferHead, ConditionalVAE or VAE"
            raise TypeError(f"models must be of {allowed}. Got {label!r}, a {type(model).__name__}.")
    return named


def _add_baselines(named: dict[str, Any], images: np.ndarray, train: np.ndarray | None, seed: int) -> dict[str, Any]:
    """All that gets a row, by its label, ready to be measured."""
    subjects = {k: m if hasattr(m, "carry") else AutoencoderAlone(m, m.format_) for k, m in named.items()}
    first = next((model for model in subjects.values() if model.aug_names_), next(iter(subjects.values())))
    baselines: dict[str, Any] = {"do nothing": DoNothing(first)}
    if train is not None:
        baselines |= [fit_pca(first, train, seed)]
    elif len(images) > first.encode(images[:1]).shape[1]:
        label, pca = fit_pca(first, images, seed)
        baselines[f"{label} of X"] = pca
    for label in baselines.keys() & subjects.keys():
        raise ValueError(f"The row {label!r} is the scorecard's own. Allowed: any other label.")
    return subjects | baselines

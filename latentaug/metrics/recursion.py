"""Recursion: one augmentation again and again, each time through images, and how long labels survive it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import column_or_1d, gen_batches

from latentaug._checks import RandomState, as_array, check_classifier, check_kind, check_model, check_number
from latentaug.images import check_images, squared_error
from latentaug.metrics.measures import confidence_interval
from latentaug.models.errors import check_names, model_views
from latentaug.models.tables import Grid, Table, as_frame, text_table

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Recursion", "RecursionCurve", "check_labels", "default_classifier", "recursion_curve"]

BATCH = 1024
DEFAULT_STEPS = (1, 2, 5, 10)  # times the order of the augmentation


def default_classifier(X_train: ArrayLike, y_train: ArrayLike) -> Pipeline:
    """Fit a classifier to judge labels by: three nearest neighbours in 40 principal components.

    Parameters
    ----------
    X_train : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
        Integers 0..255 or floats in [0, 1].
    y_train : array-like of shape (n_images,)

    Returns
    -------
    Pipeline
        Fitted; `predict` takes flat rows in [0, 1].
    """
    images, labels = check_images(BaseEstimator(), X_train, reset=True), column_or_1d(y_train)
    rows = images.reshape(len(images), -1)
    rows = np.divide(rows, 255, dtype=np.float32) if rows.dtype.kind in "ui" else rows
    pca = PCA(min(40, *rows.shape), random_state=0)
    return make_pipeline(pca, KNeighborsClassifier(min(3, len(rows)))).fit(rows, labels)


@dataclass(frozen=True, eq=False, repr=False)
class RecursionCurve(Table):
    """What becomes of images that one augmentation takes again and again; prints as a table.

    After each of the `steps`, numbers of applications of the augmentation `name`, `error` (n_steps,) is squared, summed
    over the pixels of an image, averaged over the images: against the original where the augmentation has a finite
    order, else against the image augmented as often. `survival` (n_steps,) is the share of the images in which the
    classifier still finds the label, `raw_survival` that of the images that the error is taken against, which passed
    through no model; None without a classifier. Intervals (2, n_steps) are ends of bootstrap 95 % intervals.
    """

    name: str
    steps: np.ndarray
    error: np.ndarray
    error_interval: np.ndarray
    survival: np.ndarray | None = None
    survival_interval: np.ndarray | None = None
    raw_survival: np.ndarray | None = None

    @property
    def half_life(self) -> int | None:
        """First of the steps after which fewer than half of the raw labels survive; None if there is none."""
        if self.survival is None or self.raw_survival is None:
            return None
        return next((int(step) for step in self.steps[self.survival < self.raw_survival / 2]), None)

    def _columns(self) -> dict[str, np.ndarray]:
        columns = {"error": self.error, "error_low": self.error_interval[0], "error_high": self.error_interval[1]}
        if self.survival is not None and self.survival_interval is not None and self.raw_survival is not None:
            low, high = self.survival_interval
            columns |= {"survival": self.survival, "survival_low": low, "survival_high": high}
            columns["raw_survival"] = self.raw_survival
        return columns

    def to_frame(self) -> DataFrame:
        """The curve as a pandas DataFrame, a row a step; `_low` and `_high` are the ends of intervals."""
        return as_frame(self._columns(), "step", self.steps)

    def _grid(self) -> Grid:
        columns = self._columns()
        rows = [
            (str(step), dict(zip(columns, (f"{value:.3f}" for value in values), strict=True)))
            for step, *values in zip(self.steps, *columns.values(), strict=True)
        ]
        return Grid(self._title, "step", {name: name.replace("_", " ") for name in columns}, rows)

    @property
    def _title(self) -> str:
        return f"{self.name} again and again, through images; error squared, summed over pixels"

    def __repr__(self) -> str:
        columns = self._columns()
        lines = [["step", *columns]]
        for step, *values in zip(self.steps, *columns.values(), strict=True):
            lines.append([str(step), *(f"{value:.3f}" for value in values)])
        return text_table(lines, [">5", *[">14"] * len(columns)], self._title)


def recursion_curve(
    model: Any, X: ArrayLike, name: str, steps: Sequence[int] | np.ndarray | None = None, *,
    y: ArrayLike | None = None, classifier: Any = None, random_state: RandomState = 0,
) -> RecursionCurve:  # fmt: skip
    """Apply one augmentation again and again, each output being encoded anew, and measure what is left.

    Parameters
    ----------
    model, X
        As in `error_table`; images are taken batch by batch.
    name : str
        An augmentation with a function.
    steps : sequence of int, default=None
        Numbers of applications at which to measure: multiples of the order of the augmentation, if it has one. Once,
        twice, five and ten times the order if None.
    y : array-like of shape (n_images,), default=None
        Labels; those that the classifier gives to the originals if None.
    classifier : classifier, default=None
        Fitted on flat rows in [0, 1], as `default_classifier` is; without it no labels are looked at.
    random_state : int, RandomState instance or None, default=0
        Seed of the bootstrap.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from latentaug import LatentAugmenter
    >>> X, y = load_digits().images / 16, load_digits().target
    >>> model = LatentAugmenter(["flip_lr"], PCA(24), method="staged").fit(X[:1000])
    >>> curve = recursion_curve(model, X[1000:], "flip_lr", [2, 20], classifier=default_classifier(X[:1000], y[:1000]))
    >>> bool(curve.survival.min() > 0.9)
    True
    """
    check_model(model)
    images = check_images(model, X, reset=False)
    labels = check_labels(y, classifier, len(images))
    return Recursion(model, images, name, steps, classifier).curve(labels, random_state)


class Recursion:
    """What `recursion_curve` measures, of a fitted model and a stack of images that are checked."""

    def __init__(self, model: Any, images: np.ndarray, name: str, steps: Any, classifier: Any) -> None:
        check_names(model, [name])
        self.views = model_views(model, images)
        if not self.views.is_known((name,)):
            raise ValueError(f"Recursion needs an augmentation with a function. Got {name!r}, known by pairs only.")
        self.model, self.name, self.classifier = model, name, classifier
        self.order: int | None = model.algebra_.orders[name]
        self.steps = _check_steps(steps, name, self.order or 1)

    def curve(self, labels: np.ndarray | None, random_state: RandomState) -> RecursionCurve:
        """Means over the images, with their intervals; labels are those that the classifier first gives if None."""
        parts = [self._measure(rows, labels) for rows in gen_batches(len(self.views), BATCH)]
        errors, kept, raw = (np.concatenate(part) for part in zip(*parts, strict=True))
        error = errors.mean(axis=0), confidence_interval(errors, random_state=random_state)
        if self.classifier is None:
            return RecursionCurve(self.name, self.steps, *error)
        survival = kept.mean(axis=0), confidence_interval(kept, random_state=random_state)
        return RecursionCurve(self.name, self.steps, *error, *survival, raw.mean(axis=0))

    def _measure(self, rows: slice, labels: np.ndarray | None) -> list[np.ndarray]:
        """Errors, whether labels are kept, and whether they are without a model: (n, n_steps) each, of some images."""
        name, target = (self.name,), self._target(rows, 0)
        found = self._judge(target)
        wanted = found if labels is None else labels[rows]
        images, measured = self.views.take(rows), []
        for step in range(1, self.steps[-1] + 1):
            images = self.model.carry(images, name * (step - 1), name * step)
            if step not in self.steps:
                continue
            if self.order is None:  # Else steps are multiples of it, so that the target stays the original.
                target = self._target(rows, step)
                found = self._judge(target)
            measured.append((squared_error(target, images), self._judge(images) == wanted, found == wanted))
        return [np.stack(columns, axis=1) for columns in zip(*measured, strict=True)]

    def _target(self, rows: slice, step: int) -> np.ndarray:
        """Images that passed through no model."""
        return self.model.format_.to_output(self.views.take(rows, (self.name,) * step))

    def _judge(self, images: np.ndarray) -> np.ndarray:
        """Labels that the classifier gives; NaN without one."""
        if self.classifier is None:
            return np.full(len(images), np.nan)
        return self.classifier.predict(images.reshape(len(images), -1))


def _check_steps(steps: Any, name: str, order: int) -> np.ndarray:
    steps = [order * k for k in DEFAULT_STEPS] if steps is None else steps
    check_kind("steps", steps, (list, tuple, range, np.ndarray), "a list of integers")
    for step in steps:
        check_number("steps", step, low=1, integer=True)
        if step % order:
            raise ValueError(f"steps must be multiples of {order}, the order of {name}. Got {step}.")
    if not len(steps):
        raise ValueError("steps must hold at least one number of applications. Got none.")
    return np.unique(steps)


def check_labels(y: Any, classifier: Any, n_images: int) -> np.ndarray | None:
    """Check the labels of images, if there are any: one an image, and something that finds them again."""
    if classifier is not None:
        check_classifier(classifier)
    if y is None:
        return None
    if classifier is None:
        raise ValueError("Labels y need a fitted classifier. Allowed: default_classifier(X_train, y_train). Got None.")
    labels = as_array("y", y)
    if labels.shape != (n_images,):
        raise ValueError(f"y must hold one label an image, {n_images}. Got shape {labels.shape}.")
    return labels

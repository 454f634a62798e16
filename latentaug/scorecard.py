"""The scorecard: every measure of one model or several, a row each, beside doing nothing and beside PCA."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from latentaug._validation import check_choice, check_images, check_number, draw_seed
from latentaug.baselines import AutoencoderAlone, DoNothing, fit_pca
from latentaug.errors import ErrorTable
from latentaug.measures import UNITS, in_unit
from latentaug.recursion import check_labels
from latentaug.scores import ScoreRow, measure

__all__ = ["ScoreRow", "Scorecard", "scorecard"]

WIDTH = 120


class Column(NamedTuple):
    """Head of a printed column, the line beneath it, and how its values are printed."""

    heading: str
    beneath: str
    show: Callable[[float], str]


def _share(value: float) -> str:
    return f"{value:.1%}"


def _gap(value: float) -> str:
    return f"{value:+.1%}" if value < 10 else f"{value:+.0%}" if np.isfinite(value) else "inf"


def _number(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.0f}" if value < 1e5 else f"{value:.0e}"


ERRORS = ("reconstruct", "apply", "compose", "undo")
INTERVALS = (*ERRORS, "label_survival")
LAWS = {
    "gap": Column("gap", "worst", _gap),
    "equivariance": Column("equiv.", "1-R2", _number),
    "commutator": Column("commut.", "latent", _number),
    "image_commutator": Column("commut.", "image", _number),
    "order_defect": Column("order", "defect", _number),
    "orthogonality_defect": Column("orthog.", "defect", _number),
    "condition_number": Column("cond.", "worst", _number),
    "label_survival": Column("labels", "kept", _share),
}


@dataclass(frozen=True, eq=False, repr=False)
class Scorecard:
    """Measures of one model or several; what `scorecard` returns. Prints as a table, iterates over its rows.

    Attributes
    ----------
    rows : tuple of ScoreRow
        Their errors are summed over the pixels of an image, whatever the `unit`.
    n_images : int
    n_pixels : int
        Pixels times channels of an image.
    n_steps : int
        Applications after which labels are looked at.
    unit : {"image", "pixel", "paper"}
        In which errors are printed and put into a frame.
    """

    rows: tuple[ScoreRow, ...]
    n_images: int
    n_pixels: int
    n_steps: int
    unit: str = "image"

    def __iter__(self):
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

        Returns
        -------
        Scorecard
        """
        check_choice("unit", unit, UNITS)
        return replace(self, unit=unit)

    def _scaled(self, name: str, value: Any) -> Any:
        return in_unit(value, self.unit, self.n_pixels) if name in ERRORS else value

    def to_frame(self):
        """The card as a table of pandas.

        Returns
        -------
        DataFrame
            A row a model, NaN where something is missing, errors in the card's unit. Where there is an interval, its
            ends stand in columns with `_low` and `_high` added to the name.
        """
        import pandas as pd

        records = [self._record(row) for row in self.rows]
        return pd.DataFrame(records, index=pd.Index([row.label for row in self.rows], name="model"))

    def _record(self, row: ScoreRow) -> dict[str, float]:
        record = {}
        for name in (*ERRORS, *LAWS):
            record[name] = self._scaled(name, row.values.get(name, np.nan))
            if name in INTERVALS:
                low, high = self._scaled(name, row.intervals.get(name, np.full(2, np.nan)))
                record |= {f"{name}_low": low, f"{name}_high": high}
        return record

    def __repr__(self) -> str:
        heads = [(name, UNITS[self.unit].heading) for name in ERRORS]
        heads += [(column.heading, column.beneath) for column in LAWS.values()]
        cells = zip(*map(self._cells, self.rows), strict=True)
        columns = [_right([*head, *column]) for head, column in zip(heads, cells, strict=True)]
        body = ["".join(line) for line in zip(*columns, strict=True)]
        labels = _left(["", "model", *(row.label for row in self.rows)], max(8, WIDTH - len(body[0])))
        lines = [label + line for label, line in zip(labels, body, strict=True)]
        title = f"{self.n_images:,} images; squared errors ± half of their bootstrap 95 % intervals"
        if any("label_survival" in row.values for row in self.rows):
            title += f"; labels kept after {self.n_steps} steps"
        return "\n".join([title, "", *lines[:2], "-" * len(lines[0]), *lines[2:]])

    def _cells(self, row: ScoreRow) -> list[str]:
        """What is printed of a row, a dash where something is missing."""
        cells = []
        for name in (*ERRORS, *LAWS):
            if name not in row.values:
                cells.append("-")
            elif name in ERRORS:
                low, high = self._scaled(name, row.intervals[name])
                mean, decimals = self._scaled(name, row.values[name]), UNITS[self.unit].decimals
                cells.append(f"{_bare(mean, decimals)}±{_bare((high - low) / 2, decimals)}")
            else:
                cells.append(LAWS[name].show(row.values[name]))
        return cells


def _bare(value: float, decimals: int) -> str:
    """A number without the 0 that leads it."""
    shown = f"{value:.{decimals}f}"
    return shown[1:] if shown.startswith("0.") else shown


def _right(column: list[str]) -> list[str]:
    width = max(map(len, column)) + 1
    return [cell.rjust(width) for cell in column]


def _left(column: list[str], most: int) -> list[str]:
    """Labels as wide as the longest, if there is room for it."""
    width = min(max(map(len, column)), most)
    return [cell.ljust(width) if len(cell) <= width else f"{cell[: width - 1]}…" for cell in column]


def scorecard(
    models: Any,
    X: Any,
    y: Any = None,
    *,
    X_train: Any = None,
    classifier: Any = None,
    n_steps: int = 20,
    random_state: Any = 0,
) -> Scorecard:
    """Measure fitted models side by side: a row each, then a row for doing nothing, and one for PCA.

    Every augmentation is measured alone, and every pair in both orders, each against the images of its own composition;
    what a model cannot make is left out.

    ============================= ======================================================================
    `reconstruct`                 error of reconstructing the originals: the floor
    `apply`                       mean error of the augmentations applied alone
    `compose`                     mean error of the pairs applied
    `undo`                        mean error of all these undone
    `gap`                         worst share above the floor of its own images, of all that is applied
    `equivariance`                mean latent equivariance error of the augmentations, ``1 - R^2``
    `commutator`                  worst commutator defect of the maps
    `image_commutator`            worst commutator of the images, over the variance of one order
    `order_defect`                worst distance of ``L^n`` from the identity
    `orthogonality_defect`        worst distance of ``L^T L`` from the identity
    `condition_number`            worst of the maps
    `label_survival`              share of the labels found after `n_steps` of the first augmentation of finite order
    ============================= ======================================================================

    Parameters
    ----------
    models : fitted model, or dict of str to fitted model
        `LatentAugmenter`, `TransferHead`, `ConditionalVAE`; or a plain `VAE`, which can only reconstruct. Each is
        measured on its own augmentations.
    X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
        Images, best not those trained on.
    y : array-like of shape (n_images,), default=None
        Labels; those that the classifier gives to the originals if None.
    X_train : array-like of shape (n_train, H, W), (n_train, H, W, C) or (n_train, n_features), default=None
        Images, of which up to 10,000 are taken, to fit the row of PCA on: a `LatentAugmenter` of the same augmentations
        and latent dimension as the first model, staged. Without them there is no such row.
    classifier : classifier, default=None
        Fitted on flat rows in [0, 1], as `default_classifier` is; without it no labels are looked at.
    n_steps : int, default=20
        Applications after which labels are looked at; the next multiple of the order of the augmentation is taken.
    random_state : int, RandomState instance or None, default=0
        Seed of the bootstrap, and of the row of PCA.

    Returns
    -------
    Scorecard

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from latentaug import LatentAugmenter
    >>> X = load_digits().images / 16
    >>> model = LatentAugmenter(["flip_lr", "flip_ud"], PCA(16), method="staged").fit(X[:1000])
    >>> card = scorecard({"PCA": model}, X[1000:])
    >>> [row.label for row in card]
    ['PCA', 'do nothing']
    >>> card.in_unit("paper").to_frame()["apply"].round().tolist()
    [141.0, 1230.0]
    """
    check_number("n_steps", n_steps, low=1, integer=True)
    named = _check_models(models)
    images, *_ = (check_images(model, X, reset=False) for model in named.values())
    labels, seed = check_labels(y, classifier, len(images)), draw_seed(random_state)
    train = None if X_train is None else check_images(next(iter(named.values())), X_train, reset=False)
    subjects = _add_baselines(named, train, seed)
    rows = (measure(label, model, images, labels, classifier, n_steps, seed) for label, model in subjects.items())
    return Scorecard(tuple(rows), len(images), images[0].size, n_steps)


def _check_models(models: Any) -> dict[str, Any]:
    named = {str(k): m for k, m in models.items()} if isinstance(models, Mapping) else {type(models).__name__: models}
    if not named:
        raise ValueError("models must hold at least one fitted model. Got an empty dict.")
    for label, model in named.items():
        check_is_fitted(model)
        if not hasattr(model, "format_"):
            raise TypeError(
                "models must be of LatentAugmenter, TransferHead, ConditionalVAE or VAE. "
                f"Got {label!r}, a {type(model).__name__}."
            )
    return named


def _add_baselines(named: dict[str, Any], train: np.ndarray | None, seed: int) -> dict[str, Any]:
    """All that gets a row, by its label, ready to be measured."""
    subjects = {k: m if hasattr(m, "carry") else AutoencoderAlone(m, m.format_) for k, m in named.items()}
    first = next((model for model in subjects.values() if model.aug_names_), next(iter(subjects.values())))
    baselines = {"do nothing": DoNothing(first)}
    if train is not None:
        baselines |= [fit_pca(first, train, seed)]
    for label in baselines.keys() & subjects.keys():
        raise ValueError(f"The row {label!r} is the scorecard's own. Allowed: any other label.")
    return subjects | baselines

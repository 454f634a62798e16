"""Errors with their units, and the table of them.

Unless said otherwise an error is squared, summed over the pixels of an image in [0, 1] (or on the range of the data),
and averaged over the images; a *floor* is the model's own error of reconstruction, a *gap* what an error lies above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from latentaug._validation import check_images
from latentaug.augs import name_augs
from latentaug.views import Composition, Views

__all__ = ["ErrorRow", "ErrorTable", "error_table", "squared_error"]

BATCH = 1024


def squared_error(X: np.ndarray, X_hat: np.ndarray) -> np.ndarray:
    """Squared error of each image, summed over its pixels.

    Parameters
    ----------
    X, X_hat : ndarray of shape (n_images, ...)

    Returns
    -------
    ndarray of shape (n_images,)
    """
    difference = np.subtract(X, X_hat, dtype=np.float64).reshape(len(X), -1)
    return np.einsum("np,np->n", difference, difference)


class ErrorRow(NamedTuple):
    """One error of a model.

    Attributes
    ----------
    task : {"reconstruct", "apply", "undo"}
    composition : tuple of str
        What is applied, the leftmost first, or undone.
    error : float
        Squared error, summed over pixels, averaged over images.
    floor : float
        The same for reconstruction of the target images.
    """

    task: str
    composition: Composition
    error: float
    floor: float

    @property
    def gap(self) -> float:
        """What the error lies above its floor, as a share of the floor."""
        if self.floor == 0:
            return float("inf") if self.error else 0.0
        return self.error / self.floor - 1

    def __str__(self) -> str:
        name = " then ".join(self.composition)
        label = name if self.task == "apply" else f"{self.task} {name or 'original'}"
        return f"{label:<44}{self.error:>9.2f}{self.floor:>9.2f}{self.gap:>+9.1%}"


@dataclass(frozen=True)
class ErrorTable:
    """Errors of a model; prints as a table, iterates over its rows."""

    rows: tuple[ErrorRow, ...]

    def __iter__(self):
        return iter(self.rows)

    def __str__(self) -> str:
        head = f"{'squared error, summed over pixels':<44}{'error':>9}{'floor':>9}{'gap':>9}"
        return "\n".join([head, "-" * len(head), *map(str, self.rows)])

    def worst_gap(self, task: str | None = None) -> float:
        """Largest gap over the floor, of one task or of all."""
        return max(row.gap for row in self.rows if task in (None, row.task))


def _mean_error(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    return float(np.concatenate([squared_error(X, X_hat) for X, X_hat in pairs]).mean())


def error_table(model: Any, X: Any, compositions: Sequence[Composition] | None = None) -> ErrorTable:
    """Measure a fitted augmenter: reconstruction, each composition applied and undone, each beside its floor.

    Parameters
    ----------
    model : LatentAugmenter
        Fitted, with functions as augmentations.
    X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
        Images, best not those trained on.
    compositions : list of tuple of str, default=None
        Those to measure; the views trained on, and every pair in both orders, if None.

    Returns
    -------
    ErrorTable
        The floor of an applied composition is that of its own images, of an undone one that of the original.
    """
    check_is_fitted(model)
    images = check_images(model, X, reset=False)
    if compositions is None:
        compositions = list(dict.fromkeys([*model.compositions_, *permutations(model.aug_names_, 2)]))
    views = Views(images, name_augs(model.augs or model.aug_names_), model.format_, compositions=compositions)

    def error(transform: Any, source: Composition, target: Composition) -> float:
        batches = zip(views.batches(source, BATCH), views.batches(target, BATCH), strict=True)
        return _mean_error((model.format_.to_output(y), transform(x)) for x, y in batches)

    floors = {c: error(model.reconstruct, c, c) for c in [(), *views.compositions]}
    augmented = [c for c in views.compositions if c]
    rows = [ErrorRow("reconstruct", (), floors[()], floors[()])]
    rows += [ErrorRow("apply", c, error(model.compose(*c).transform, (), c), floors[c]) for c in augmented]
    rows += [ErrorRow("undo", c, error(model.compose(*c).inverse_transform, c, ()), floors[()]) for c in augmented]
    return ErrorTable(tuple(rows))

"""Errors of a model with latent maps, each beside its floor, and the tables of them.

Unless said otherwise an error is squared, summed over the pixels of an image in [0, 1] (or on the range of the data),
and averaged over the images; a *floor* is the model's own error of reconstruction, a *gap* what an error lies above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, permutations
from typing import Any, NamedTuple

import numpy as np

from latentaug._checks import check_choice, check_model, unknown_name
from latentaug.augs.catalogue import name_augs
from latentaug.augs.steps import Composition, as_compositions, powers, say
from latentaug.augs.views import Views
from latentaug.images import check_images, squared_error

__all__ = ["CarryMatrix", "ErrorRow", "ErrorTable", "ImageErrors", "carry_matrix", "error_table", "gap", "ratio"]

BATCH = 1024
TASKS = ("reconstruct", "apply", "undo")
ROUNDING = 1e-9  # what rounding to float32 makes of the squared error of an image


def ratio(part: Any, whole: Any) -> float:
    """A share of something that may be nothing: 0 of nothing is 0, more than 0 of nothing is infinite."""
    if whole == 0:
        return float("inf") if part else 0.0
    return float(part / whole)


def gap(error: float, floor: float) -> float:
    """What an error lies above its floor, as a share of the floor; 0 where both are rounding."""
    return 0.0 if max(error, floor) < ROUNDING else ratio(error - floor, floor)


class ImageErrors:
    """Squared errors of a model, image by image; each pass through it is made once, when it is first asked for.

    Parameters
    ----------
    model : LatentAugmenter, TransferHead or ConditionalVAE
        Fitted, with functions as augmentations.
    images : ndarray of shape (n, H, W) or (n, H, W, C)
        Checked.
    compositions : iterable of tuple of str
        Those asked for; those that the model cannot produce, or whose images cannot be made, are left out.
    """

    def __init__(self, model: Any, images: np.ndarray, compositions: Iterable[Composition]) -> None:
        named, known = name_augs(model.augs or model.aug_names_), filter(model.knows, compositions)
        self.model = model
        self.views = Views(images, named, model.format_, compositions=list(dict.fromkeys(known)))
        self._found: dict[tuple[Composition, Composition], np.ndarray] = {}

    def __call__(self, source: Composition, target: Composition) -> np.ndarray:
        """Errors (n,) of the images of view `source` brought to view `target`, against the images of that view."""
        if (source, target) not in self._found:
            self._found[source, target] = np.concatenate(list(self._measure(source, target)))
        return self._found[source, target]

    def _measure(self, source: Composition, target: Composition):
        pairs = zip(self.views.batches(source, BATCH), self.views.batches(target, BATCH), strict=True)
        for x, y in pairs:
            yield squared_error(self.model.format_.to_output(y), self.model.carry(x, source, target))

    def mean(self, source: Composition, target: Composition) -> float:
        """Mean error over the images; NaN where the model cannot read the view `source`, or cannot leave it."""
        leaves = self.model.is_invertible or target[: len(source)] == source
        return float(self(source, target).mean()) if leaves and self.model.reads(source) else float("nan")

    def table(self) -> ErrorTable:
        """The error table of the model: reconstruction, every composition applied, and undone where it can be."""
        floors = {c: self.mean(c, c) for c in [(), *self.views.compositions]}
        augmented = [c for c in self.views.compositions if c]
        undone = augmented if self.model.is_invertible else []
        rows = [ErrorRow("reconstruct", (), floors[()], floors[()])]
        rows += [ErrorRow("apply", c, self.mean((), c), floors[c]) for c in augmented]
        rows += [ErrorRow("undo", c, self.mean(c, ()), floors[()]) for c in undone]
        return ErrorTable(tuple(rows))


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
        The same for reconstruction of the target images; NaN where the model cannot read them.
    """

    task: str
    composition: Composition
    error: float
    floor: float

    @property
    def gap(self) -> float:
        """What the error lies above its floor, as a share of the floor."""
        return gap(self.error, self.floor)

    def __str__(self) -> str:
        label = say(self.composition) if self.task == "apply" else f"{self.task} {say(self.composition)}"
        return f"{label:<44}{self.error:>9.2f}{self.floor:>9.2f}{self.gap:>+9.1%}"


@dataclass(frozen=True, repr=False)
class ErrorTable:
    """Errors of a model; prints as a table, iterates over its rows."""

    rows: tuple[ErrorRow, ...]

    def __iter__(self):
        return iter(self.rows)

    def __repr__(self) -> str:
        head = f"{'squared error, summed over pixels':<44}{'error':>9}{'floor':>9}{'gap':>9}"
        return "\n".join([head, "-" * len(head), *map(str, self.rows)])

    def worst_gap(self, task: str | None = None) -> float:
        """Largest gap over the floor.

        Parameters
        ----------
        task : {"reconstruct", "apply", "undo"}, default=None
            Of one task, or of all if None.

        Returns
        -------
        float
            A share of the floor; NaN where there is no such row.
        """
        if task is not None:
            check_choice("task", task, TASKS)
        return max((row.gap for row in self.rows if task in (None, row.task)), default=float("nan"))


def error_table(model: Any, X: Any, compositions: Sequence[Composition] | None = None) -> ErrorTable:
    """Measure a fitted augmenter: reconstruction, each composition applied and undone, each beside its floor.

    Parameters
    ----------
    model : LatentAugmenter, TransferHead or ConditionalVAE
        Fitted, with functions as augmentations.
    X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
        Images, best not those trained on.
    compositions : list of tuple of str, default=None
        Those to measure; the views trained on, and every pair in both orders, if None. Those that the model cannot
        produce are left out.

    Returns
    -------
    ErrorTable
        The floor of an applied composition is that of its own images, of an undone one that of the original.
    """
    check_model(model)
    images = check_images(model, X, reset=False)
    if compositions is None:
        compositions = [*model.compositions_, *permutations(model.aug_names_, 2)]
    return ImageErrors(model, images, _check_compositions(model, compositions)).table()


@dataclass(frozen=True, eq=False, repr=False)
class CarryMatrix:
    """Errors from every view to every view; what `carry_matrix` returns. Prints as a table.

    Attributes
    ----------
    views : tuple of tuple of str
        Compositions, the leftmost acts first.
    errors : ndarray of shape (n_views, n_views)
        From the view of the row to that of the column: squared error, summed over the pixels of an image, averaged over
        the images; NaN where the model would have to undo what it cannot.
    """

    views: tuple[Composition, ...]
    errors: np.ndarray

    @property
    def floors(self) -> np.ndarray:
        """The model's own reconstruction of each view, in the unit of `errors`: the diagonal."""
        return self.errors.diagonal()

    @property
    def gaps(self) -> np.ndarray:
        """What each error lies above the floor of its target view, as a share of that floor."""
        return np.array(
            [[gap(error, floor) for error, floor in zip(row, self.floors, strict=True)] for row in self.errors]
        )

    def to_frame(self):
        """The errors as a pandas DataFrame: a row a source, a column a target."""
        import pandas as pd

        names = [say(view) for view in self.views]
        return pd.DataFrame(self.errors, index=pd.Index(names, name="from"), columns=pd.Index(names, name="to"))

    def __repr__(self) -> str:
        names = [f"{k} {say(view)}" for k, view in enumerate(self.views)]
        width = max(map(len, ["from", *names])) + 1
        head = f"{'from':<{width}}" + "".join(f"{f'to {k}':>9}" for k in range(len(names)))
        cells = ("".join(f"{'-' if np.isnan(error) else f'{error:.2f}':>9}" for error in row) for row in self.errors)
        lines = [f"{name:<{width}}{row}" for name, row in zip(names, cells, strict=True)]
        return "\n".join(["squared error, summed over pixels; floors on the diagonal", head, "-" * len(head), *lines])


def carry_matrix(model: Any, X: Any, views: Sequence[Composition] | None = None) -> CarryMatrix:
    """Measure any-to-any inversion: the images of every view brought to every view through latent space.

    Parameters
    ----------
    model : LatentAugmenter, TransferHead or ConditionalVAE
        Fitted, with functions as augmentations.
    X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
        Images, best not those trained on.
    views : list of tuple of str, default=None
        The views trained on if None. V of them cost V * V passes through the model.

    Returns
    -------
    CarryMatrix

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from latentaug import LatentAugmenter
    >>> X = load_digits().images / 16
    >>> model = LatentAugmenter(["flip_lr"], PCA(16), method="staged").fit(X)
    >>> print(carry_matrix(model, X))
    squared error, summed over pixels; floors on the diagonal
    from            to 0     to 1
    -----------------------------
    0 original      0.79     0.79
    1 flip_lr       0.79     0.79
    """
    check_model(model)
    images = check_images(model, X, reset=False)
    errors = ImageErrors(model, images, _check_compositions(model, model.compositions_ if views is None else views))
    compositions = tuple(errors.views.compositions)
    table = [[errors.mean(source, target) for target in compositions] for source in compositions]
    return CarryMatrix(compositions, np.array(table))


def _check_compositions(model: Any, compositions: Any) -> list[Composition]:
    """Compositions of the model's own augmentations; a name alone is one of one."""
    listed = as_compositions(compositions)
    for name, _ in powers(chain(*listed)):
        if name not in model.aug_names_:
            raise unknown_name("augmentation", name, model.aug_names_, "Fitted on")
    return listed

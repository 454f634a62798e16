"""Errors of a model with latent maps, each beside its floor, and the tables of them.

Unless said otherwise an error is squared, summed over the pixels of an image in [0, 1] (or on the range of the data),
and averaged over the images; a *floor* is the model's own error of reconstruction, a *gap* what an error lies above it,
and R2 what is explained of the variance of the images that are aimed at, about their mean image.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, permutations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from latentaug._checks import check_choice, check_model, shown, unknown_name
from latentaug.augs.catalogue import name_augs
from latentaug.augs.steps import Composition, as_compositions, powers, say
from latentaug.augs.views import Views
from latentaug.images import check_images, squared_error

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "CarryMatrix", "ErrorRow", "ErrorTable", "ImageErrors", "as_frame", "carry_matrix", "check_names",
    "error_table", "gap", "model_views", "ratio", "text_table",
]  # fmt: skip

Route = tuple[Composition, Composition]  # from a view to a view
TASKS = ("reconstruct", "apply", "undo")
SQUARED, LAYOUT = "squared error, summed over pixels", ("<44", ">9", ">9", ">9", ">8")
ROUNDING = 1e-9  # what rounding to float32 makes of the squared error of an image


def text_table(lines: Iterable[Iterable[str]], layout: Sequence[str], *titles: str, n_heads: int = 1) -> str:
    """Lines of cells as text: titles, heads, a rule, rows; the layout formats each column, as "<44" or ">9" do."""
    text = ["".join(map(format, cells, layout)) for cells in lines]
    return "\n".join([*titles, *text[:n_heads], "-" * len(text[0]), *text[n_heads:]])


def as_frame(values: Any, name: str, index: Sequence[Any] | np.ndarray, columns: Any = None) -> DataFrame:
    """Values as a pandas DataFrame with an index of a name, or one line on how to get pandas."""
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("to_frame needs pandas, which does not import: pip install latentaug[frames]") from None
    return pd.DataFrame(values, index=pd.Index(index, name=name), columns=columns)


def model_views(model: Any, images: np.ndarray, compositions: Sequence[Composition] = ((),)) -> Views:
    """Images under some compositions of the augmentations of a fitted model; those that cannot be made are left out."""
    named = name_augs(model.augs or model.aug_names_)
    if not set(named) >= set(model.aug_names_):
        before, now = ", ".join(model.aug_names_), ", ".join(named)
        raise ValueError(f"augs must hold those fitted on, {before}. Got {now}; a clone starts anew.")
    return Views(images, named, model.format_, compositions=compositions)


def ratio(part: Any, whole: Any) -> float:
    """A share of something that may be nothing: 0 of nothing is 0, more than 0 of nothing is infinite."""
    if whole == 0:
        return float("inf") if part else 0.0
    return float(part / whole)


def gap(error: float, floor: float) -> float:
    """What an error lies above its floor, as a share of the floor; 0 where both are rounding."""
    return 0.0 if max(error, floor) < ROUNDING else ratio(error - floor, floor)


def check_names(model: Any, names: Iterable[Any]) -> None:
    """Refuse the names of augmentations that a model was not fitted on."""
    for name in names:
        if not isinstance(name, str) or name not in model.aug_names_:
            raise unknown_name("augmentation", name, model.aug_names_, "Fitted on")


class ImageErrors:
    """Squared errors of a model, image by image; each pass through it is made once, when it is first asked for.

    The model is fitted, with functions as augmentations, the images (n, H, W) or (n, H, W, C) are checked. Compositions
    that the model cannot produce, or whose images cannot be made, are left out.
    """

    def __init__(self, model: Any, images: np.ndarray, compositions: Iterable[Composition]) -> None:
        self.model = model
        self.views = model_views(model, images, list(dict.fromkeys(filter(model.knows, compositions))))
        self._found: dict[Route, np.ndarray] = {}
        self._variances: dict[Composition, float] = {}

    def __call__(self, source: Composition, target: Composition) -> np.ndarray:
        """Errors (n,) of the images of view `source` brought to view `target`, against the images of that view."""
        if (source, target) not in self._found:
            output, carry = self.model.format_.to_output, self.model.carry
            pairs = zip(self.views.batches(source), self.views.batches(target), strict=True)
            errors = [squared_error(output(y), carry(x, source, target)) for x, y in pairs]
            self._found[source, target] = np.concatenate(errors)
        return self._found[source, target]

    def mean(self, source: Composition, target: Composition) -> float:
        """Mean error over the images; NaN where the model cannot read the view `source`, or cannot leave it."""
        leaves = self.model.is_invertible or target[: len(source)] == source
        return float(self(source, target).mean()) if leaves and self.model.reads(source) else float("nan")

    def variance(self, view: Composition) -> float:
        """Mean squared error of the mean image of a view, in place of each of its images."""
        if view not in self._variances:
            stacks = map(self.model.format_.to_output, self.views.batches(view))
            self._variances[view] = _variance(stack.reshape(len(stack), -1).astype(np.float64) for stack in stacks)
        return self._variances[view]

    @property
    def routes(self) -> dict[str, list[Route]]:
        """For each task, from which view it leads to which."""
        applied: list[Route] = [((), c) for c in self.views.compositions if c]
        undone: list[Route] = [(c, ()) for _, c in applied if self.model.is_invertible]
        return {"reconstruct": [((), ())], "apply": applied, "undo": undone}

    def table(self) -> ErrorTable:
        """The error table of the model: reconstruction, every composition applied, and undone where it can be."""
        carried = [(task, *route) for task, routes in self.routes.items() for route in routes]
        return ErrorTable(
            tuple(ErrorRow(task, a or b, self.mean(a, b), self.mean(b, b), self.variance(b)) for task, a, b in carried)
        )


def _variance(batches: Iterable[np.ndarray]) -> float:
    """Variance of rows (n, P) about their mean, summed over columns, of batches of them."""
    n, squares, sums, near = 0, 0.0, 0.0, None
    for rows in batches:
        near = rows.mean(0) if near is None else near
        rows = rows - near  # so that little is lost where the mean is large
        n, squares, sums = n + len(rows), squares + float(np.vdot(rows, rows)), sums + rows.sum(0)
    return max(0.0, squares / n - float(np.square(sums / n).sum())) if n else float("nan")


class ErrorRow(NamedTuple):
    """One error of a model.

    Of a `task`, which is "reconstruct", "apply" or "undo", with the `composition`, whose leftmost step acts first: the
    `error`, squared, summed over pixels, averaged over images, and its `floor`, the same of reconstruction of the
    target images; NaN where the model cannot read them. Their `variance` is the error of their mean image.
    """

    task: str
    composition: Composition
    error: float
    floor: float
    variance: float = float("nan")

    @property
    def gap(self) -> float:
        """What the error lies above its floor, as a share of the floor."""
        return gap(self.error, self.floor)

    @property
    def explained(self) -> float:
        """R2, the share of the variance of the target images that is explained; NaN where all are the same."""
        return 1 - self.error / self.variance if self.variance > ROUNDING else float("nan")

    @property
    def label(self) -> str:
        """What is done, in words."""
        return say(self.composition) if self.task == "apply" else f"{self.task} {say(self.composition)}"

    @property
    def cells(self) -> tuple[str, ...]:
        """What is printed: what is done, the error, its floor, the gap, R2."""
        r2 = "-" if np.isnan(self.explained) else f"{self.explained:.3f}"
        return self.label, f"{self.error:.2f}", f"{self.floor:.2f}", f"{self.gap:+.1%}", r2

    def __str__(self) -> str:
        return "".join(map(format, self.cells, LAYOUT))


@dataclass(frozen=True, repr=False)
class ErrorTable:
    """Errors of a model; prints as a table, iterates over its rows."""

    rows: tuple[ErrorRow, ...]

    def __iter__(self) -> Iterator[ErrorRow]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return text_table([(SQUARED, "error", "floor", "gap", "R2"), *(row.cells for row in self.rows)], LAYOUT)

    def to_frame(self) -> DataFrame:
        """The table as a pandas DataFrame: a row an error, by its label, with task, error, floor, gap and R2."""
        records = [(row.task, row.error, row.floor, row.gap, row.explained) for row in self.rows]
        return as_frame(records, "label", [row.label for row in self.rows], ["task", "error", "floor", "gap", "r2"])

    def worst_gap(self, task: str | None = None) -> float:
        """Largest gap over the floor.

        As a share of the floor; NaN where there is no such row.

        Parameters
        ----------
        task : {"reconstruct", "apply", "undo"}, default=None
            All if None.
        """
        if task is not None:
            check_choice("task", task, TASKS)
        return max((row.gap for row in self.rows if task in (None, row.task)), default=float("nan"))


def error_table(model: Any, X: ArrayLike, compositions: Sequence[Composition] | None = None) -> ErrorTable:
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
    if compositions is None:
        compositions = [*model.compositions_, *permutations(map(model.algebra_.step, model.aug_names_), 2)]
    return _measure(model, X, compositions).table()


@dataclass(frozen=True, eq=False, repr=False)
class CarryMatrix:
    """Errors from every view to every view; what `carry_matrix` returns. Prints as a table.

    The `errors` (n_views, n_views), from the view of the row to that of the column, are squared, summed over pixels,
    averaged over images; NaN where the model would have to undo what it cannot. The `views` are compositions.
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
        return np.array([list(map(gap, row, self.floors)) for row in self.errors])

    def to_frame(self) -> DataFrame:
        """The errors as a pandas DataFrame: a row a source, a column a target."""
        names = [say(view) for view in self.views]
        return as_frame(self.errors, "from", names, names).rename_axis(columns="to")

    def __repr__(self) -> str:
        names = [f"{k} {say(view)}" for k, view in enumerate(self.views)]
        lines = [["from", *(f"to {k}" for k in range(len(names)))]]
        for name, errors in zip(names, self.errors, strict=True):
            lines.append([name, *("-" if np.isnan(error) else f"{error:.2f}" for error in errors)])
        width = max(map(len, ["from", *names])) + 1
        return text_table(lines, [f"<{width}", *[">9"] * len(names)], f"{SQUARED}; floors on the diagonal")


def carry_matrix(model: Any, X: ArrayLike, views: Sequence[Composition] | None = None) -> CarryMatrix:
    """Measure any-to-any inversion: the images of every view brought to every view through latent space.

    Parameters
    ----------
    model, X
        As in `error_table`.
    views : list of tuple of str, default=None
        The views trained on if None. V of them cost V * V passes through the model.

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
    errors = _measure(model, X, model.compositions_ if views is None else views)
    compositions = tuple(errors.views.compositions)
    return CarryMatrix(compositions, np.array([[errors.mean(a, b) for b in compositions] for a in compositions]))


def _measure(model: Any, X: ArrayLike, compositions: Any) -> ImageErrors:
    """The errors of a fitted model on images and compositions of its own augmentations, both checked."""
    images, listed = check_images(model, X, reset=False), as_compositions(compositions)
    check_names(model, (name for name, _ in powers(chain(*listed))))
    for name, power in powers(chain(*listed)):
        if not isinstance(power, int) and name not in model.algebra_.families:
            raise ValueError(f"Pixels have whole powers of {name} only. Got {shown(power)}.")
    return ImageErrors(model, images, listed)

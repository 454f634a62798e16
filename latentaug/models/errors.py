"""Errors of a model with latent maps, each beside its floor, and the tables of them.

Unless said otherwise an error is squared, summed over the pixels of an image in [0, 1] (or on the range of the data),
and averaged over the images; a *floor* is the model's own error of reconstruction, a *gap* what an error lies above it,
and R2 what is explained of the variance of the images that are aimed at, about their mean image.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, permutations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from latentaug._checks import check_choice, check_model, shown, unknown_name
from latentaug.augs.catalogue import name_augs
from latentaug.augs.pairs import as_declared
from latentaug.augs.steps import Composition, as_compositions, powers, say
from latentaug.augs.views import Views, check_paired
from latentaug.images import check_images, squared_error
from latentaug.models.tables import Grid, Table, as_frame, text_table

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "CarryMatrix", "ErrorRow", "ErrorTable", "ImageErrors", "PairRow", "PairTable", "carry_matrix", "check_names",
    "error_table", "gap", "model_views", "pair_residuals", "pair_row", "pair_table", "ratio",
]  # fmt: skip

Route = tuple[Composition, Composition]  # from a view to a view
TASKS = ("reconstruct", "apply", "undo")
SQUARED, LAYOUT = "squared error, summed over pixels", ("<44", ">9", ">9", ">9", ">8")
ROUNDING = 1e-9  # what rounding to float32 makes of the squared error of an image


def model_views(
    model: Any, images: np.ndarray, compositions: Sequence[Composition] = ((),), views: Mapping[Any, Any] | None = None
) -> Views:
    """Images under some compositions of the augmentations of a fitted model; those that cannot be made are left out.

    Some may be given as arrays, by `views`.
    """
    named = name_augs(model.augs or model.aug_names_)
    if not set(named) >= set(model.aug_names_):
        before, now = ", ".join(model.aug_names_), ", ".join(named)
        raise ValueError(f"augs must hold those fitted on, {before}. Got {now}; a clone starts anew.")
    paired = check_paired({} if views is None else views, images, model.format_, model.algebra_.families)
    check_names(model, (name for name, _ in powers(chain(*paired))))
    laws = as_declared(getattr(model, "orders", None), getattr(model, "commute", None), named)
    return Views(images, named, model.format_, paired=paired, compositions=compositions, declared=laws)


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

    The model is fitted, with functions as augmentations or with `views` of the images, (n, H, W) or (n, H, W, C), which
    are checked. Compositions that the model cannot produce, or whose images cannot be made, are left out.
    """

    def __init__(self, model: Any, images: np.ndarray, compositions: Iterable[Composition], views: Any = None) -> None:
        self.model = model
        self.views = model_views(model, images, list(dict.fromkeys(filter(model.knows, compositions))), views)
        self._found: dict[Route, np.ndarray] = {}
        self._variances: dict[Composition, float] = {}

    def __call__(self, source: Composition, target: Composition) -> np.ndarray:
        """Errors of the images of view `source`, that have one of `target`, brought there: (n,)."""
        if (source, target) not in self._found:
            output, carry = self.model.format_.to_output, self.model.carry
            pairs = self.views.batches_of([source, target])
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
class ErrorTable(Table):
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

    def _grid(self) -> Grid:
        heads = {"task": "task", "error": "error", "floor": "floor", "gap": "gap", "r2": "R2"}
        rows = [(row.label, dict(zip(heads, (row.task, *row.cells[1:]), strict=True))) for row in self.rows]
        return Grid(SQUARED, "", heads, rows)

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


def error_table(
    model: Any,
    X: ArrayLike,
    compositions: Sequence[Composition] | None = None,
    views: Mapping[Any, Any] | None = None,
) -> ErrorTable:
    """Measure a fitted augmenter: reconstruction, each composition applied and undone, each beside its floor.

    Parameters
    ----------
    model : LatentAugmenter, TransferHead or ConditionalVAE
        Fitted.
    X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
        Images, best not those trained on.
    compositions : list of tuple of str, default=None
        Those to measure; the views trained on, and every pair in both orders, if None. Those that the model cannot
        produce are left out.
    views : dict of tuple of str to array-like, default=None
        What `X` is under compositions that no function makes, as in `fit`.

    Returns
    -------
    ErrorTable
        The floor of an applied composition is that of its own images, of an undone one that of the original.
    """
    check_model(model)
    if compositions is None:
        compositions = [*model.compositions_, *permutations(map(model.algebra_.step, model.aug_names_), 2)]
    return _measure(model, X, compositions, views).table()


@dataclass(frozen=True, eq=False, repr=False)
class CarryMatrix(Table):
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

    def _grid(self) -> Grid:
        names = [say(view) for view in self.views]
        cells = [["-" if np.isnan(error) else f"{error:.2f}" for error in row] for row in self.errors]
        rows = [(name, dict(zip(names, row, strict=True))) for name, row in zip(names, cells, strict=True)]
        return Grid(f"{SQUARED}; floors on the diagonal", "from", {name: f"to {name}" for name in names}, rows)

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


Interval = tuple[float, float, float]  # a value, and the ends of its interval of 95 %
NORMAL = 1.959964  # standard errors to each end
MEASURES = ["n_pairs", "r2", "nothing", "shuffled", "cosine", "skill"]
PAIRS = ("<36", ">7", ">24", ">9", ">9", ">24", ">24")


@dataclass(frozen=True)
class PairRow:
    """How well pairs are met by a model.

    Of a `task`, "apply" or "undo", with the `composition`, over `n_pairs`: `r2`, one minus the squared error over that
    of the mean of the targets; `nothing`, that of doing nothing, and `shuffled`, that against the targets of other
    pairs; `cosine` between what is made and the target; `skill`, one minus the squared error over that of doing
    nothing. `r2`, `cosine` and `skill` are (value, low, high), of 95 %; NaN where there is nothing to compare with.
    """

    task: str
    composition: Composition
    n_pairs: int
    r2: Interval
    nothing: float
    shuffled: float
    cosine: Interval
    skill: Interval

    @property
    def cells(self) -> tuple[str, ...]:
        """What is printed."""
        label = say(self.composition) if self.task == "apply" else f"undo {say(self.composition)}"
        r2, cosine, skill = (f"{v:.3f} [{low:.3f}, {high:.3f}]" for v, low, high in (self.r2, self.cosine, self.skill))
        return label, str(self.n_pairs), r2, f"{self.nothing:.3f}", f"{self.shuffled:.3f}", cosine, skill


@dataclass(frozen=True, repr=False)
class PairTable(Table):
    """How well a model meets pairs; prints as a table, iterates over its rows."""

    rows: tuple[PairRow, ...]

    def __iter__(self) -> Iterator[PairRow]:
        return iter(self.rows)

    def __repr__(self) -> str:
        heads = ("", "pairs", "R2", "nothing", "shuffled", "cosine", "skill")
        return text_table([heads, *(row.cells for row in self.rows)], PAIRS)

    def _grid(self) -> Grid:
        heads = dict(zip(MEASURES, ("pairs", "R2", "nothing", "shuffled", "cosine", "skill"), strict=True))
        rows = [(row.cells[0], dict(zip(heads, row.cells[1:], strict=True))) for row in self.rows]
        return Grid("pairs, with intervals of 95 %", "", heads, rows)

    def to_frame(self) -> DataFrame:
        """The values as a pandas DataFrame, a row a task and composition."""
        values = [[row.n_pairs, row.r2[0], row.nothing, row.shuffled, row.cosine[0], row.skill[0]] for row in self.rows]
        return as_frame(values, "pairs", [row.cells[0] for row in self.rows], MEASURES)


def _one_minus_ratio(parts: np.ndarray, wholes: np.ndarray) -> Interval:
    """One minus the ratio of two sums over pairs, with the interval of the delta method."""
    whole, n = wholes.sum(), len(wholes)
    if not whole:
        return (float("nan"),) * 3
    share = parts.sum() / whole
    spread = NORMAL * np.sqrt(np.square(parts - share * wholes).sum() * n / max(n - 1, 1)) / whole
    return float(1 - share), float(1 - share - spread), float(1 - share + spread)


def _mean(values: np.ndarray) -> Interval:
    spread = NORMAL * values.std() / np.sqrt(max(len(values) - 1, 1))
    return float(values.mean()), float(values.mean() - spread), float(values.mean() + spread)


def pair_row(task: str, composition: Composition, source: np.ndarray, made: np.ndarray, target: np.ndarray) -> PairRow:
    """Compare what a model makes of the sources of some pairs with their targets, all (n, ...)."""
    source, made, target = (np.reshape(rows, (len(rows), -1)).astype(np.float64) for rows in (source, made, target))
    mean = target.mean(axis=0)
    error, from_mean, still = (np.square(target - rows).sum(axis=1) for rows in (made, mean, source))
    order = np.random.default_rng(0).permutation(len(target))
    shuffled = np.square(target[order] - made[np.roll(order, 1)]).sum(axis=1)
    norms = np.sqrt(np.square(made).sum(axis=1) * np.square(target).sum(axis=1))
    cosines = np.einsum("nd,nd->n", made, target)[norms > 0] / norms[norms > 0]
    return PairRow(
        task, composition, len(target), _one_minus_ratio(error, from_mean), _one_minus_ratio(still, from_mean)[0],
        _one_minus_ratio(shuffled, from_mean)[0], _mean(cosines) if len(cosines) else (float("nan"),) * 3,
        _one_minus_ratio(error, still),
    )  # fmt: skip


def pair_table(model: Any, X: ArrayLike, views: Mapping[Any, Any] | None) -> PairTable:
    """Measure a fitted model on pairs, best not those trained on: each composition applied, and undone where it can be.

    Parameters
    ----------
    model : LatentMaps, LatentAugmenter, TransferHead or ConditionalVAE
        Fitted. Of images, all pixels together.
    X : array-like of shape (n, d), or images
        As in its `transform`.
    views : dict of tuple of str to array-like
        What `X` is under each composition, as in its `fit`.
    """
    check_model(model, "pairs_of")
    rows = []
    for composition, source, target in model.pairs_of(X, views):
        transform = model.compose(*composition)
        rows.append(pair_row("apply", composition, source, model.made(transform, source), target))
        if model.is_invertible:
            rows.append(pair_row("undo", composition, target, model.made(transform.inverse(), target), source))
    return PairTable(tuple(rows))


def pair_residuals(model: Any, X: ArrayLike, views: Mapping[Any, Any]) -> dict[Composition, np.ndarray]:
    """Distance between what a fitted model makes and the partner that is given, of each pair: large where one is wrong.

    Parameters
    ----------
    model, X, views
        As in `pair_table`.

    Returns
    -------
    dict of tuple of str to ndarray of shape (n_pairs,)
        Euclidean, by composition, in the order of the partners that are there.
    """
    check_model(model, "pairs_of")
    pairs = ((c, model.made(model.compose(*c), source), target) for c, source, target in model.pairs_of(X, views))
    return {c: np.sqrt(np.square(np.subtract(made, target, dtype=np.float64)).reshape(len(made), -1).sum(axis=1))
            for c, made, target in pairs}  # fmt: skip


def _measure(model: Any, X: ArrayLike, compositions: Any, views: Any = None) -> ImageErrors:
    """The errors of a fitted model on images and compositions of its own augmentations, both checked."""
    images, listed = check_images(model, X, reset=False), as_compositions(compositions)
    check_names(model, (name for name, _ in powers(chain(*listed))))
    for name, power in powers(chain(*listed)):
        if not isinstance(power, int) and name not in model.algebra_.families:
            raise ValueError(f"Pixels have whole powers of {name} only. Got {shown(power)}.")
    return ImageErrors(model, images, listed, views)

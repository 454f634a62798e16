"""Displays that are tables of coloured cells."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from latentaug._checks import check_choice, check_model
from latentaug.augs.steps import Composition, powers, reduced
from latentaug.displays.drawing import ChartDisplay, import_pyplot, in_words, narrow, turn_if_crowded
from latentaug.models.errors import CarryMatrix, carry_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["VALUES", "AlgebraDisplay", "TransferMatrixDisplay"]

NOTHING = "\N{EN DASH}"
IDENTITY = "id"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FEW = 12  # elements whose names can be read in every cell


def _label_cells(ax: Any, row_labels: list[str], column_labels: list[str]) -> None:
    """Label the rows and columns of a table; those of the columns upright where they would overlap."""
    ax.set_yticks(range(len(row_labels)), row_labels)
    ax.set_xticks(range(len(column_labels)), column_labels)
    ax.tick_params(length=0, labelsize="small")
    ax.spines[:].set_visible(False)
    turn_if_crowded(ax)


def _write_cell(ax: Any, row: int, column: int, text: str, background: Any, framed: Any = False) -> None:
    """Write into a cell of a table, in white where it is dark; framed and bold or not."""
    from matplotlib.patches import Rectangle

    dark = np.dot(background[:3], (0.299, 0.587, 0.114)) < 0.5
    colour, weight = "w" if dark else "k", "bold" if framed else "normal"
    ax.text(column, row, text, ha="center", va="center", fontsize="small", color=colour, weight=weight)
    if framed:
        corner = column - 0.46, row - 0.46
        ax.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, edgecolor="tab:orange", linewidth=2))


class Values(NamedTuple):
    """What the cells of a view-to-view matrix say: a title, the unit, how they follow from the errors, the decimals."""

    title: str
    unit: str
    cells: Callable[[CarryMatrix], np.ndarray]
    decimals: int | None


VALUES = {
    "error": Values("Error from view to view", "squared, summed over pixels", lambda matrix: matrix.errors, None),
    "gap": Values("Gap from view to view", "% above the floor of the target", lambda matrix: 100 * matrix.gaps, 1),
}


@dataclass(eq=False, repr=False)
class TransferMatrixDisplay(ChartDisplay):
    """Numbers from each source to each target as a heat map, light where they are low; Figs. 7, 18.

    Parameters
    ----------
    matrix : array-like of shape (n_sources, n_targets)
        A row a source, a column a target; NaN where there is none.
    sources, targets : list of str or tuple of str
        Names, or compositions.
    title : str, default="Transfer"
    unit : str, default="squared error, summed over pixels"
        Of the numbers; stands below the title.
    reference : array-like that broadcasts to the matrix, default=None
        Cells below it are framed and bold: native errors (n_targets,), one a target, for instance.
    reference_label : str, default="the native error"
        What the reference is, for the line that explains the frames.
    decimals : int, default=None
        Of the numbers; so many that the largest has four digits if None.

    Examples
    --------
    >>> pairs = ["flips", "edges"]
    >>> display = TransferMatrixDisplay([[9.8, 31.0], [12.0, 24.6]], pairs, pairs, reference=[9.9, 24.0])
    >>> display.plot().ax_.get_xlabel()
    'to\\nframed and bold: below the\\nnative error'
    """

    matrix: ArrayLike
    sources: Sequence[str | tuple]
    targets: Sequence[str | tuple]
    _: KW_ONLY
    title: str = "Transfer"
    unit: str = "squared error, summed over pixels"
    reference: ArrayLike | None = None
    reference_label: str = "the native error"
    decimals: int | None = None

    @classmethod
    def from_estimator(
        cls, model: Any, X: ArrayLike, views: Sequence[Composition] | None = None, *, values: str = "gap",
        ax: Axes | None = None,
    ) -> TransferMatrixDisplay:  # fmt: skip
        """Bring the images of each view to each view through latent space, and draw what it costs.

        Parameters
        ----------
        model, X, views
            As in `latentaug.metrics.carry_matrix`.
        values : {"gap", "error"}, default="gap"
            What the error lies above the model's own reconstruction of the target view, in percent, or the error.
        ax : matplotlib Axes, default=None
            As in `plot`.
        """
        check_choice("values", values, VALUES)
        found, shown = carry_matrix(model, X, views), VALUES[values]
        texts = {"title": shown.title, "unit": shown.unit}
        return cls(shown.cells(found), found.views, found.views, **texts, decimals=shown.decimals).plot(ax)

    def _size(self) -> tuple[float, float]:
        return 2.2 + max(2.0, self._width()), 1.8 + 0.45 * len(self.sources)

    def _width(self) -> float:
        """Inches of the cells: wide enough for labels, unless these are too many to stand side by side."""
        return len(self.targets) * (1.0 if len(self.targets) <= 8 else 0.5)

    def _draw(self, ax: Any) -> None:
        matrix = np.asarray(self.matrix, dtype=float)
        if matrix.shape != (len(self.sources), len(self.targets)):
            raise ValueError(
                f"matrix must have a row for each of {len(self.sources)} sources and a column for each of "
                f"{len(self.targets)} targets. Got shape {matrix.shape}."
            )
        decimals = self._find_decimals(matrix)
        shown = np.ma.masked_invalid(matrix.round(decimals) + 0.0)  # so that no zero is negative
        picture = ax.imshow(shown, cmap=import_pyplot().get_cmap("Blues").with_extremes(bad="0.92"), aspect="auto")
        low, high = (shown.min(), shown.max()) if shown.count() else (0, 0)
        picture.set_clim(low, max(high, low + 20 * 0.1**decimals))  # noise below what is printed is no difference
        colours, better = picture.to_rgba(shown), self._better(matrix)
        for i, j in np.ndindex(matrix.shape):
            text = NOTHING if np.isnan(matrix[i, j]) else f"{shown.data[i, j]:.{decimals}f}"
            _write_cell(ax, i, j, text, colours[i, j], better[i, j])
        note = "" if self.reference is None else f"framed and bold: below {self.reference_label}"
        title, unit, note = (narrow(text, self._width()) for text in (self.title, self.unit, note))
        ax.set_title(f"{title}\n{unit}", fontsize="medium")
        ax.set_ylabel("from", fontsize="small")
        ax.set_xlabel(f"to\n{note}".rstrip(), fontsize="small")
        _label_cells(ax, [in_words(s, 30) for s in self.sources], [in_words(t, 12) for t in self.targets])

    def _better(self, matrix: np.ndarray) -> np.ndarray:
        """Which cells lie below the reference."""
        reference = np.asarray(-np.inf if self.reference is None else self.reference, dtype=float)
        try:
            return matrix < np.broadcast_to(reference, matrix.shape)
        except ValueError:
            raise ValueError(
                f"reference must broadcast to the matrix of shape {matrix.shape}. Got shape {reference.shape}."
            ) from None

    def _find_decimals(self, matrix: np.ndarray) -> int:
        if self.decimals is not None:
            return self.decimals
        largest = np.abs(matrix[np.isfinite(matrix)]).max(initial=1e-3)
        return int(np.clip(4 - np.ceil(np.log10(largest)), 0, 6))


def _short_names(names: list[str]) -> dict[str, str]:
    """Initials of names, ``fl`` for ``flip_lr``; the letters a, b, c in order where two would be the same."""
    initials = ["".join(word[0] for word in re.findall(r"[^\W_]+", name)) for name in names]
    distinct = len({"", IDENTITY, *initials}) == len(names) + 2
    return dict(zip(names, initials if distinct else map(chr, range(ord("a"), ord("a") + len(names))), strict=True))


def _short_element(composition: Composition, short: dict[str, str]) -> str:
    """An element in few letters: ``rc² fl``."""
    steps = powers(reduced(composition))
    return " ".join(short[name] + ("" if k == 1 else str(k).translate(RAISED)) for name, k in steps) or IDENTITY


@dataclass(eq=False, repr=False)
class AlgebraDisplay(ChartDisplay):
    """The finite group that augmentations generate, as a table: the element of the row first, then that of the column.

    Parameters
    ----------
    cayley_table : ndarray of shape (n_elements, n_elements)
        Number of the element "row, then column".
    elements : list of tuple of str
        A composition for each element, ``()`` first.
    orders : dict of str to int or None
        For each augmentation, how often it must be applied to do nothing; None if never.

    Examples
    --------
    >>> display = AlgebraDisplay([[0, 1], [1, 0]], [(), ("flip_lr",)], {"flip_lr": 2}).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['id', 'fl']
    """

    cayley_table: ArrayLike
    elements: Sequence[tuple]
    orders: Mapping[str, int | None]

    @classmethod
    def from_estimator(cls, model: Any, *, ax: Axes | None = None) -> AlgebraDisplay:
        """Draw the algebra that a model found on its images.

        Parameters
        ----------
        model, ax
            A fitted LatentAugmenter, TransferHead or ConditionalVAE, and as in `plot`.
        """
        check_model(model)
        algebra = model.algebra_
        return cls(algebra.cayley_table, algebra.elements, algebra.orders).plot(ax)

    def _size(self) -> tuple[float, float]:
        side = len(self.elements) * (0.5 if len(self.elements) <= FEW else 0.3)
        return 1.8 + max(3.0, side), 1.0 + 0.17 * len(self.orders) + max(1.0, side)

    def _draw(self, ax: Any) -> None:
        table, n = np.asarray(self.cayley_table), len(self.elements)
        if table.shape != (n, n):
            raise ValueError(f"cayley_table must have shape {(n, n)}, as there are {n} elements. Got {table.shape}.")
        short = _short_names(list(self.orders))
        laws = [f"{name}, {f'order {order}' if order else 'no finite order'}" for name, order in self.orders.items()]
        if n == 1:
            ax.set_axis_off()
            lines = ["No augmentation generates a finite group", "on these images.", "", *laws]
            ax.text(0.5, 0.5, "\n".join(lines), ha="center", va="center", transform=ax.transAxes)
            return
        colours = 0.6 + 0.4 * import_pyplot().get_cmap("turbo")(np.linspace(0.05, 0.95, n))[:, :3]
        ax.imshow(colours[table])
        names = [_short_element(composition, short) for composition in self.elements]
        cells = [textwrap.fill(name, 6) for name in names] if n <= FEW else [f"{k}" for k in range(n)]
        for i, j in np.ndindex(n, n):
            _write_cell(ax, i, j, cells[table[i, j]], colours[table[i, j]])
        ax.set_title(f"Group of {n} elements:\nthe row first, then the column", fontsize="medium")
        legend = [f"{letters}: {law}" for letters, law in zip(short.values(), laws, strict=True)]
        ax.set_xlabel("\n".join(legend), fontsize="small")
        _label_cells(ax, names if n <= FEW else [f"{name} = {k}" for k, name in enumerate(names)], cells)

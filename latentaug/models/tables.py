"""Tables of what is measured: as text, as frames of pandas, as HTML, LaTeX and Markdown, with the columns asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from latentaug._checks import check_kind, unknown_name

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Grid", "Table", "as_frame", "text_table"]


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


class Grid(NamedTuple):
    """What a table prints: a caption, the head of the labels, heads of columns by name, and rows of cells by name."""

    caption: str
    first: str
    heads: dict[str, str]
    rows: list[tuple[str, dict[str, str]]]

    def select(self, columns: Any) -> Grid:
        """With some of the columns, in the order given; all if None."""
        if columns is None:
            return self
        check_kind("columns", columns, (list, tuple), "a list of names, or None")
        for name in columns:
            if not isinstance(name, str) or name not in self.heads:
                raise unknown_name("column", name, self.heads)
        return self._replace(heads={name: self.heads[name] for name in columns})

    def lines(self, spell: Callable[[str], str]) -> list[list[str]]:
        """Heads and rows, cell by cell, spelt by a function."""
        rows = [[label, *(cells[name] for name in self.heads)] for label, cells in self.rows]
        return [list(map(spell, line)) for line in ([self.first, *self.heads.values()], *rows)]


LATEX = str.maketrans({
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "±": r"$\pm$", "…": r"\dots{}", "<": "$<$", ">": "$>$",
})  # fmt: skip
MARKDOWN = str.maketrans({"|": r"\|", "_": r"\_", "*": r"\*", "<": "&lt;"})


class Table:
    """Abstract table of measures: prints as text, shows itself in notebooks, and goes into papers and pages."""

    def _grid(self) -> Grid:
        raise NotImplementedError(f"{type(self).__name__} says what it prints.")

    def to_html(self, columns: Sequence[str] | None = None) -> str:
        """The table as it prints, as a table of HTML.

        Parameters
        ----------
        columns : list of str, default=None
            Names of columns of `to_frame`, in their order; all if None. Intervals stand beside their values.
        """
        grid = self._grid().select(columns)
        head, *rows = grid.lines(escape)
        top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
        body = ("".join([f'<th scope="row">{label}</th>', *(f"<td>{cell}</td>" for cell in cells)])
                for label, *cells in rows)  # fmt: skip
        lines = [f"<caption>{escape(grid.caption)}</caption>", f"<thead><tr>{top}</tr></thead>", "<tbody>"]
        return "\n".join(["<table>", *lines, *(f"<tr>{cells}</tr>" for cells in body), "</tbody>", "</table>"])

    def to_latex(self, columns: Sequence[str] | None = None) -> str:
        r"""The table as it prints, as a tabular of LaTeX with the rules of its package ``booktabs``.

        Parameters
        ----------
        columns : list of str, default=None
            As in `to_html`.
        """
        grid = self._grid().select(columns)
        head, *rows = (" & ".join(line) + r" \\" for line in grid.lines(lambda text: text.translate(LATEX)))
        start = rf"\begin{{tabular}}{{l{'r' * len(grid.heads)}}}"
        return "\n".join([f"% {grid.caption}", start, r"\toprule", head, r"\midrule", *rows, r"\bottomrule",
                          r"\end{tabular}"])  # fmt: skip

    def to_markdown(self, columns: Sequence[str] | None = None) -> str:
        """The table as it prints, as a table of Markdown.

        Parameters
        ----------
        columns : list of str, default=None
            As in `to_html`.
        """
        grid = self._grid().select(columns)
        head, *rows = (f"| {' | '.join(line)} |" for line in grid.lines(lambda text: text.translate(MARKDOWN)))
        return "\n".join([head, f"|---|{'---:|' * len(grid.heads)}", *rows])

    def _repr_html_(self) -> str:
        return self.to_html()

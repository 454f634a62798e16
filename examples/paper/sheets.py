"""What a script of this folder makes: a sheet of text, tables and pictures; and the command line that they share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from examples.paper.models import Study, study_of
from examples.paper.settings import BUDGETS, OUTPUT
from latentaug.metrics import error_table, in_unit


@dataclass
class Sheet:
    """One table or figure of the paper, ours beside it.

    Attributes
    ----------
    title : str
    text : str
        Markdown: tables, and what they say.
    figures : dict of str to Figure
        By the names of their files.
    """

    title: str
    text: str = ""
    figures: dict[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> list[Path]:
        """Write the pictures, and give their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.png" for name in self.figures]
        for path, figure in zip(paths, self.figures.values(), strict=True):
            figure.savefig(path, dpi=100, bbox_inches="tight")
            plt.close(figure)
        return paths


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; the first column to the left, numbers to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def paper_errors(model: Any, X: Any, compositions: Sequence[tuple[str, ...]] | None = None) -> dict[tuple, float]:
    """Errors of what a model reconstructs and applies, by composition, in the paper's unit."""
    n_pixels = model.format_.n_pixels
    rows = [row for row in error_table(model, X, compositions) if row.task != "undo"]
    return {row.composition: in_unit(row.error, "paper", n_pixels) for row in rows}


def total(model: Any, X: Any) -> float:
    """The paper's total: the original, each augmentation, and both in declared order, in its unit."""
    a, b = model.aug_names_
    return sum(paper_errors(model, X, [(), (a,), (b,), (a, b)]).values())


def main(make: Callable[[Study], Sheet]) -> None:
    """Make one sheet at the budget that the command line asks for; print it, save its pictures."""
    parser = argparse.ArgumentParser(description=make.__doc__)
    parser.add_argument("--budget", choices=BUDGETS, default="quick")
    budget = parser.parse_args().budget
    sheet = make(study_of(budget))
    print(f"{sheet.title}\n\n{sheet.text}".rstrip())
    for path in sheet.save(OUTPUT / budget / "pictures"):
        print(f"picture: {path}")

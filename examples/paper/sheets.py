"""What a script of this folder makes: a sheet of text, tables and pictures; and the command line that they share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from examples.paper.models import Study, study_of
from examples.paper.settings import BUDGETS, OUTPUT
from latentaug.metrics import in_unit
from latentaug.models.errors import ImageErrors


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


def view_errors(
    study: Study, name: str, model: Callable[[], Any], floors: bool = False,
    n_digits: int | None = None,
) -> np.ndarray:  # fmt: skip
    """Errors on the test digits under each view of a pair, and their sum, the paper's total; measured once and kept.

    Parameters
    ----------
    study : Study
    name : str
        Of the model.
    model : callable
        Gives the model.
    floors : bool, default=False
        Whether each view is given to the model, and not made from the original.
    n_digits : int, optional
        The first test digits only.

    Returns
    -------
    ndarray of shape (5,)
        Of the original, each augmentation, both in declared order, and all; in the paper's unit.
    """
    return study.kept(f"{'floors' if floors else 'errors'}/{name}", lambda: _measure(study, model(), floors, n_digits))


def _measure(study: Study, model: Any, floors: bool, n_digits: int | None) -> np.ndarray:
    a, b = model.aug_names_
    views = [(), (a,), (b,), (a, b)]
    errors = ImageErrors(model, study.data["test"][0][:n_digits], views)
    found = [in_unit(errors.mean(view if floors else (), view), "paper", model.format_.n_pixels) for view in views]
    return np.array([*found, sum(found)])


def main(sheets: Callable[[Study], Sheet] | Mapping[str, Callable[[Study], Sheet]]) -> None:
    """Make the sheet, or the one that the command line names, at the budget that it asks for; save its pictures."""
    parser = argparse.ArgumentParser(description=sheets.__doc__ if callable(sheets) else "One figure of the paper.")
    if not callable(sheets):
        parser.add_argument("name", choices=sheets)
    parser.add_argument("--budget", choices=BUDGETS, default="quick")
    options = parser.parse_args()
    make = sheets if callable(sheets) else sheets[options.name]
    sheet = make(study_of(options.budget))
    print(f"{sheet.title}\n\n{sheet.text}".rstrip())
    for path in sheet.save(OUTPUT / options.budget / "pictures"):
        print(f"picture: {path}")

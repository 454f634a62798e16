"""The paper as written: its settings, its budget; and what it sums or averages over, which it does not say.

python -m examples.paper.as_written --budget quick
python -m examples.paper.as_written --budget full   hours: four hundred passes over MNIST
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from examples.paper.models import AS_WRITTEN, Study, name_as_written
from examples.paper.settings import READ_AS, READINGS, TABLE_1
from examples.paper.sheets import Sheet, main, table, view_errors

COLUMNS = ("original", "flip_lr", "flip_ud", "both", "total")
PAPER = TABLE_1["LAVAE"]["total"] / TABLE_1["CVAE traditional"]["total"]


def make(study: Study) -> Sheet:
    """Each reading for a part of the budget; the one that comes nearest to the paper's numbers for the whole of it."""
    few, most, baseline = study.budget.as_written
    readings = {reading: _errors(study, reading, few, few) for reading in READINGS}
    whole = _errors(study, READ_AS, most, baseline)
    closed = view_errors(study, f"as-written-closed-{most}", partial(study.closed_form, READ_AS, most))
    head = ["reading", "weight", *COLUMNS[::4], "both over its floor", "CVAE, total", "LAVAE over CVAE", "seconds"]
    rows = [
        [reading, f"{READINGS[reading]:g}", *_cells(*readings[reading]), _seconds(study, reading, few, few)]
        for reading in READINGS
    ]
    paper = ["the paper", "5", "68.3", "297.1", "19 %", "989.8", f"{PAPER:.3f}", ""]
    totals = {reading: lavae[-1] / TABLE_1["LAVAE"]["total"] for reading, (lavae, *_) in readings.items()}
    ratios = {reading: lavae[-1] / cvae[-1] / PAPER for reading, (lavae, _, cvae) in readings.items()}
    by_total, by_ratio = (min(far, key=lambda reading: abs(np.log(far[reading]))) for far in (totals, ratios))
    names = [name_as_written(method, READ_AS, n) for method, n in zip(AS_WRITTEN, (most, baseline), strict=True)]
    took = [study.seconds(name) for name in names]
    full = [
        [f"LAVAE staged, {most} passes", *_shown(whole[0]), took[0]],
        ["the same, stage 2 by least squares", *_shown(closed), ""],
        [f"CVAE traditional, {baseline} passes", *_shown(whole[2]), took[1]],
        ["LAVAE, the paper", *(f"{TABLE_1['LAVAE'][column]:.1f}" for column in COLUMNS), ""],
        ["CVAE traditional, the paper", "", "", "", "", f"{TABLE_1['CVAE traditional']['total']:.1f}", ""],
    ]
    text = [
        "AdaBelief, 1e-4, epsilon 1e-16, batches of 64, binary cross-entropy, a constant weight 5 of the divergence, "
        "stage 2 by AdaBelief for 60 epochs; seed 0, the paper's unit; seconds of training on one thread. What the "
        f"losses are summed or averaged over is not stated. Each reading for {few} passes, by the weight that it comes "
        "to where both are summed:",
        table(head, [*rows, paper]),
        f"The paper's total is nearest to that of the reading *{by_total}*, its ratio to that of *{by_ratio}*. Table I "
        f"by the reading *{READ_AS}*:",
        table(["model", *COLUMNS, "seconds"], full),
        f"Both flips over their own floor: {whole[0][3] / whole[1][3] - 1:.0%}, the paper 19 %. Total over that of the "
        f"CVAE: {whole[0][-1] / whole[2][-1]:.3f}, the paper {PAPER:.3f}.",
    ]
    return Sheet("The paper as written", "\n\n".join(text))


def _errors(study: Study, reading: str, passes: int, baseline: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors of the columns of LAVAE, its floors, and errors of the CVAE, after so many passes each."""

    def measured(method: str, passes: int, floors: bool = False) -> np.ndarray:
        model: Any = partial(study.as_written, method, reading, passes)
        return view_errors(study, name_as_written(method, reading, passes), model, floors=floors)

    lavae, cvae = AS_WRITTEN
    return measured(lavae, passes), measured(lavae, passes, floors=True), measured(cvae, baseline)


def _seconds(study: Study, reading: str, *passes: int) -> str:
    """Seconds of LAVAE and of the CVAE, where both are known."""
    return ", ".join(
        study.seconds(name_as_written(method, reading, n)) for method, n in zip(AS_WRITTEN, passes, strict=True)
    ).strip(", ")


def _cells(errors: np.ndarray, floors: np.ndarray, baseline: np.ndarray) -> list[str]:
    gap, ratio = errors[3] / floors[3] - 1, errors[-1] / baseline[-1]
    return [f"{errors[0]:.1f}", f"{errors[-1]:.1f}", f"{gap:.1%}", f"{baseline[-1]:.1f}", f"{ratio:.3f}"]


def _shown(errors: np.ndarray) -> list[str]:
    return [f"{value:.1f}" for value in errors]


if __name__ == "__main__":
    main(make)

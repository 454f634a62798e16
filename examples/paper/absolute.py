"""How low can the error of Table I go? Joint training, more channels, a small weight of the divergence; refined, too.

python -m examples.paper.absolute --budget quick
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from examples.paper.models import Study
from examples.paper.settings import TABLE_1
from examples.paper.sheets import Sheet, main, table, view_errors

N_REFINED, STEPS = 1000, 2  # test digits, and steps of refinement
ENCODED = ("alone", "mean over the orbit", "refined")
COLUMNS = ("original", "flip_lr", "flip_ud", "both", "total")


def make(study: Study) -> Sheet:
    """Errors over passes, a run of its own for each point: the learning rate falls to zero over each run."""
    errors = {passes: _errors(study, passes) for passes in study.budget.absolute}
    rows = [[passes, name, *(f"{value:.1f}" for value in found)]
            for passes, each in errors.items() for name, found in each.items()]  # fmt: skip
    paper = [["400", "the paper", *(f"{TABLE_1['LAVAE'][column]:.1f}" for column in COLUMNS)]]
    longest = errors[study.budget.absolute[-1]]["mean over the orbit"]
    times = [longest[k] / TABLE_1["LAVAE"][COLUMNS[k]] for k in (-1, 0)]
    read = (
        '`VAE(network="conv", hidden_channels=(32, 64), kl_weight=0.01)`, joint, seed 0, in the paper\'s unit; encoded '
        "alone, as the mean over the four views carried back, and fitted to all four from there by "
        f"{STEPS} steps ({N_REFINED:,} test digits). After the longest run, not refined, the total of the mean is "
        f"{times[0]:.3f} times the paper's, its original {times[1]:.3f} times."
    )
    totals = {name: [each[name][-1] for each in errors.values()] for name in ENCODED}
    return Sheet("Absolute errors", f"{table(['passes', 'encoded', *COLUMNS], [*rows, *paper])}\n\n{read}",
                 {"absolute": _draw([*errors], totals)})  # fmt: skip


def _errors(study: Study, passes: int) -> dict[str, np.ndarray]:
    """Errors of the columns, by how images are encoded."""
    name, averaged = f"absolute-{passes}", partial(study.averaged, passes)
    return {
        "alone": view_errors(study, name, partial(study.absolute, passes)),
        "mean over the orbit": view_errors(study, f"{name}-averaged", averaged),
        "refined": view_errors(study, f"{name}-refined", partial(averaged, STEPS), n_digits=N_REFINED),
    }


def _draw(passes: list[int], totals: Mapping[str, list[float]]) -> Figure:
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    ax = figure.subplots()
    for name, values in totals.items():
        ax.plot(passes, values, "o-", label=f"joint, {name}")
    ax.axhline(TABLE_1["LAVAE"]["total"], color="0.4", linestyle="--", label="the paper, 400 passes")
    ax.set(xscale="log", xticks=passes, xticklabels=passes, xlabel="passes over the digits")
    ax.set(ylim=(0, 1.1 * max(map(max, totals.values()))), ylabel="error of a pixel times 1e4, four views")
    ax.set_title("Table I's total, a run for each point")
    ax.minorticks_off()
    ax.legend()
    return figure


if __name__ == "__main__":
    main(make)

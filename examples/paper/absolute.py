"""How low can the error of Table I go? Joint training, more channels, a small weight of the divergence; refined, too.

python -m examples.paper.absolute --budget quick
"""

from __future__ import annotations

from functools import partial

from matplotlib.figure import Figure

from examples.paper.models import Study
from examples.paper.settings import TABLE_1
from examples.paper.sheets import Sheet, main, table, view_errors

N_REFINED = 1000  # test digits


def make(study: Study) -> Sheet:
    """Total error over passes, a run of its own for each point: the learning rate falls to zero over each run."""
    rows = []
    for passes in study.budget.absolute:
        errors = view_errors(study, f"absolute-{passes}", partial(study.absolute, passes))
        refined = view_errors(study, f"absolute-refined-{passes}", partial(study.refined, passes), n_digits=N_REFINED)
        rows.append([passes, passes / 4, refined[0], refined[-1], *errors])
    head = ["passes", "passes a view", "original, refined", "total, refined", "original", "flip_lr", "flip_ud", "both",
            "total"]  # fmt: skip
    shown = [[f"{value:.1f}" if k > 1 else f"{value:g}" for k, value in enumerate(row)] for row in rows]
    paper = [["400", "100", "", "", *(f"{value:.1f}" for value in TABLE_1["LAVAE"].values())]]
    text = table(head, [*shown, *([f"{row[0]}, the paper", *row[1:]] for row in paper)])
    times = [last / TABLE_1["LAVAE"][column] for last, column in ((rows[-1][-1], "total"), (rows[-1][4], "original"))]
    read = (
        '`VAE(network="conv", hidden_channels=(32, 64), kl_weight=0.1)`, joint, seed 0, in the paper\'s unit. Refined: '
        f"{N_REFINED:,} test digits, two steps over the four views of each. After the longest run, not refined, the "
        f"total is {times[0]:.3f} times the paper's, the original {times[1]:.3f} times."
    )
    figure = _draw([row[0] for row in rows], [row[-1] for row in rows])
    return Sheet("Absolute errors", f"{text}\n\n{read}", {"absolute": figure})


def _draw(passes: list[int], totals: list[float]) -> Figure:
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    ax = figure.subplots()
    ax.plot(passes, totals, "o-", label="joint, d = 16")
    ax.axhline(TABLE_1["LAVAE"]["total"], color="0.4", linestyle="--", label="the paper, 400 passes")
    ax.set(xscale="log", xticks=passes, xticklabels=passes, xlabel="passes over the digits")
    ax.set(ylim=(0, 1.1 * max(totals)), ylabel="error of a pixel times 1e4, four views")
    ax.set_title("Table I's total, a run for each point")
    ax.minorticks_off()
    ax.legend()
    return figure


if __name__ == "__main__":
    main(make)

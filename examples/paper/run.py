"""Every table and figure of the paper, beside ours, in one file.

python -m examples.paper.run --budget quick             under ten minutes on two cores
python -m examples.paper.run --budget medium --jobs 2   hours: what examples/paper/RESULTS.md shows

The sheet of the paper as written is of the budget `full` on the page of `medium`; `full` for all the others takes days.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from pathlib import Path

from examples.paper import (
    absolute,
    any_to_any,
    as_written,
    elsewhere,
    nonlinear,
    recursion,
    refinement,
    scorecard,
    table1,
)
from examples.paper.figures import FIGURES
from examples.paper.models import Study, study_of, train_all
from examples.paper.settings import BUDGETS, OUTPUT
from examples.paper.sheets import Sheet

SHEETS = {
    "table1": table1.make,
    "elsewhere": elsewhere.make,
    "as_written": as_written.make,
    "absolute": absolute.make,
    "scorecard": scorecard.make,
    "any_to_any": any_to_any.make,
    "recursion": recursion.make,
    "refinement": refinement.make,
    "nonlinear": nonlinear.make,
    **FIGURES,
}

OURS = (
    'those of `VAE(network="paper", kl_weight=1.0)` but for the passes, so Adam and a rising weight of the divergence, '
    "with stage 2 in closed form; "
    "the paper's own are the budget `full`"
)


def describe(study: Study) -> str:
    budget = study.budget
    train, test = (len(study.data[part][0]) for part in ("train", "test"))
    settings = "the paper's Appendix C" if budget.vae else OURS
    return (
        f"Budget `{budget.name}`: {train:,} digits to train on, {test:,} to test; {budget.passes} passes over them for "
        f"each network, each digit under one random view a pass; seeds {', '.join(map(str, budget.seeds))} in Table I, "
        f"{budget.seeds[0]} elsewhere. Settings of both methods: {settings}. The paper trains 100 epochs over four "
        "views, 400 such passes.\n\n"
        "*Staged* is the paper's method, *joint* that of this library. Which pair of augmentations stands in which "
        "figure is our choice. Figs. 1, 2 and 11 are not here: to our knowledge they explain, and show no results of "
        "their own."
    )


def write(sheet: Sheet, name: str, budget: str, folder: Path) -> str:
    """Save the pictures of a sheet; its part of the page."""
    pictures = [f"![{sheet.title}](pictures/{path.name})" for path in sheet.save(folder / "pictures")]
    command = f"`python -m examples.paper.{'figures ' if name in FIGURES else ''}{name} --budget {budget}`"
    return "\n\n".join(part for part in (f"## {sheet.title}", sheet.text, *pictures, command) if part)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", choices=BUDGETS, default="quick")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="models trained at a time, a thread each")
    parser.add_argument(
        "--into", type=Path, help="folder of RESULTS.md and pictures/; examples/output/paper/BUDGET if none"
    )
    options = parser.parse_args()
    folder, start = options.into or OUTPUT / options.budget, time.perf_counter()
    train_all(options.budget, options.jobs)
    parts = ["# The paper's tables and figures, reproduced", describe(study_of(options.budget))]
    for name, make in SHEETS.items():
        print(f"{name} ...", flush=True)
        budget = "full" if name == "as_written" and not BUDGETS[options.budget].as_written else options.budget
        parts.append(write(make(study_of(budget)), name, budget, folder))
    (folder / "RESULTS.md").write_text("\n\n".join(parts) + "\n")
    minutes = (time.perf_counter() - start) / 60
    print(
        f"{folder / 'RESULTS.md'}: {minutes:.1f} minutes on {os.cpu_count()} cores, Python {platform.python_version()}"
    )


if __name__ == "__main__":
    main()

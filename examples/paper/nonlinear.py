"""The paper's asides: nonlinear latent maps, and training the first two stages together.

python -m examples.paper.nonlinear --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main, table
from latentaug.metrics import error_table


def make(study: Study) -> Sheet:
    """Gaps over the floor of linear and nonlinear maps on one encoder, and of free maps trained with the encoder."""
    models = {
        "staged, free": study.augmenter("flips", "staged"),
        "staged, nonlinear": study.nonlinear(),
        "combined: joint, free": study.combined(),
        "joint": study.augmenter("flips", "joint"),
    }
    rows = []
    for label, model in models.items():
        errors = {(row.task, row.composition): row for row in error_table(model, study.data["test"][0])}
        shown = [errors["reconstruct", ()]] + [
            errors["apply", c] for c in [(model.aug_names_[0],), tuple(model.aug_names_)]
        ]
        undone = errors.get(("undo", tuple(model.aug_names_)))
        rows.append([label, *(f"{row.error:.2f}" for row in shown), f"{undone.error:.2f}" if undone else "no inverse"])
    head = ["maps", "original", "flip_lr", "both", "both undone"]
    return Sheet("Nonlinear maps and combined training", f"{table(head, rows)}\n\nSquared error summed over pixels.")


if __name__ == "__main__":
    main(make)

"""Table I on images that are no digits: faces in colour, and clothes where Fashion-MNIST is found.

python -m examples.paper.elsewhere --budget quick
python -m examples.paper.elsewhere --budget medium   minutes
"""

from __future__ import annotations

from dataclasses import replace

from examples.paper import table1
from examples.paper.models import Study
from examples.paper.settings import Budget
from examples.paper.sheets import Sheet, main

FACES, FACES_TESTED, TIMES = 3000, 500, 4  # of a budget of all digits; passes over them, for one over digits


def make(study: Study) -> Sheet:
    """Table I of each other set of images, a part each."""
    parts = []
    for budget in others(study.budget):
        try:
            other = Study(budget)
            train, test = (other.data[part][0] for part in ("train", "test"))
        except (OSError, ImportError):
            parts.append(f"No {budget.images} where this was written.")
            continue
        size = "x".join(map(str, train.shape[1:]))
        said = f"{len(train):,} {budget.images} of {size} to train on, {len(test):,} to test; {budget.passes} passes."
        parts.append(f"{said}\n\n{table1.make(other, paper=False).text}")
    return Sheet("Table I: other images", "\n\n".join(parts))


def others(budget: Budget) -> list[Budget]:
    """Budgets of other images, as large as one of digits, and kept apart from it."""
    if budget.n_train is None or budget.n_test is None:
        sizes = {"n_train": FACES, "n_test": FACES_TESTED, "passes": TIMES * budget.passes}
    else:
        sizes = {"n_train": budget.n_train // 10, "n_test": budget.n_test // 10, "passes": budget.passes}
    faces = replace(budget, name=f"{budget.name}-faces", images="faces", **sizes)
    return [faces, replace(budget, name=f"{budget.name}-clothes", images="clothes")]


if __name__ == "__main__":
    main(make)

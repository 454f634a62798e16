"""Fig. 5: one digit flipped again and again, each time through images; its path in latent space.

python -m examples.paper.figure05 --budget quick
"""

from __future__ import annotations

from examples.paper.models import METHODS, Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import TrajectoryDisplay


def make(study: Study) -> Sheet:
    """Twenty flips of one digit, by each method."""
    X, y = study.data["test"]
    seven = X[y == 7][:1]
    figures = {}
    for method in METHODS:
        display = TrajectoryDisplay.from_estimator(study.augmenter("flips", method), seven, "flip_lr", 20)
        figures[f"figure05_{method}"] = display.figure_
    return Sheet("Fig. 5: recursion of one digit, staged and joint", figures=figures)


if __name__ == "__main__":
    main(make)

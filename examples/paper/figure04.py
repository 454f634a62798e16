"""Fig. 4: two flips composed in either order.

python -m examples.paper.figure04 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import ReconstructionDisplay


def make(study: Study) -> Sheet:
    """Both orders, each against its own images."""
    models = {"staged": study.augmenter("flips", "staged"), "joint": study.augmenter("flips", "joint")}
    X = study.data["test"][0][:8]
    display = ReconstructionDisplay.from_estimator(models, X, [("flip_lr", "flip_ud"), ("flip_ud", "flip_lr")])
    return Sheet("Fig. 4: composition in both orders", figures={"figure04": display.figure_})


if __name__ == "__main__":
    main(make)

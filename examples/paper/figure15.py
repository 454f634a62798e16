"""Fig. 15: a quarter turn and a flip.

python -m examples.paper.figure15 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import ReconstructionDisplay


def make(study: Study) -> Sheet:
    """Each, and one after the other."""
    models = {"staged": study.augmenter("turns", "staged"), "joint": study.augmenter("turns", "joint")}
    X = study.data["test"][0][:8]
    display = ReconstructionDisplay.from_estimator(models, X, [("rotate_cw",), ("flip_lr",), ("rotate_cw", "flip_lr")])
    return Sheet("Fig. 15: a turn and a flip", figures={"figure15": display.figure_})


if __name__ == "__main__":
    main(make)

"""Fig. 17: a shear and Canny's edges.

python -m examples.paper.figure17 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import ReconstructionDisplay


def make(study: Study) -> Sheet:
    """Each, and one after the other."""
    models = {"staged": study.augmenter("shear", "staged"), "joint": study.augmenter("shear", "joint")}
    X = study.data["test"][0][:8]
    display = ReconstructionDisplay.from_estimator(models, X)
    return Sheet("Fig. 17: shear and Canny's edges", figures={"figure17": display.figure_})


if __name__ == "__main__":
    main(make)

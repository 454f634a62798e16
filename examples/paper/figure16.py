"""Fig. 16: a nested mini-image and edges.

python -m examples.paper.figure16 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import ReconstructionDisplay


def make(study: Study) -> Sheet:
    """Each, and one after the other."""
    models = {"staged": study.augmenter("nested", "staged"), "joint": study.augmenter("nested", "joint")}
    X = study.data["test"][0][:8]
    display = ReconstructionDisplay.from_estimator(models, X)
    return Sheet("Fig. 16: nested mini-image and edges", figures={"figure16": display.figure_})


if __name__ == "__main__":
    main(make)

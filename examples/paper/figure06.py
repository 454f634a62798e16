"""Fig. 6: flips undone, each and both.

python -m examples.paper.figure06 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import ReconstructionDisplay


def make(study: Study) -> Sheet:
    """Augmented images, and the originals found in them."""
    models = {"staged": study.augmenter("flips", "staged"), "joint": study.augmenter("flips", "joint")}
    X = study.data["test"][0][:8]
    display = ReconstructionDisplay.from_estimator(models, X, task="undo")
    return Sheet("Fig. 6: inversion", figures={"figure06": display.figure_})


if __name__ == "__main__":
    main(make)

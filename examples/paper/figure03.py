"""Fig. 3: two flips and both, by the paper's method and by joint training.

python -m examples.paper.figure03 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import ReconstructionDisplay


def make(study: Study) -> Sheet:
    """Targets above, each method's images below them."""
    models = {"staged": study.augmenter("flips", "staged"), "joint": study.augmenter("flips", "joint")}
    X = study.data["test"][0][:8]
    display = ReconstructionDisplay.from_estimator(models, X)
    return Sheet("Fig. 3: two flips", figures={"figure03": display.figure_})


if __name__ == "__main__":
    main(make)

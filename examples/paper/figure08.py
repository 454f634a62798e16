"""Fig. 8: the traditional conditional VAE on two flips.

python -m examples.paper.figure08 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import ReconstructionDisplay


def make(study: Study) -> Sheet:
    """Each view from the original, by its condition."""
    models = {"CVAE traditional": study.conditional("traditional")}
    X = study.data["test"][0][:8]
    display = ReconstructionDisplay.from_estimator(models, X)
    return Sheet("Fig. 8: traditional conditional VAE", figures={"figure08": display.figure_})


if __name__ == "__main__":
    main(make)

"""Fig. 9: the invariant conditional VAE on two flips.

python -m examples.paper.figure09 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import ReconstructionDisplay


def make(study: Study) -> Sheet:
    """Each view from the original, by its condition."""
    models = {"CVAE invariant": study.conditional("invariant")}
    X = study.data["test"][0][:8]
    display = ReconstructionDisplay.from_estimator(models, X)
    return Sheet("Fig. 9: invariant conditional VAE", figures={"figure09": display.figure_})


if __name__ == "__main__":
    main(make)

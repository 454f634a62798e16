"""Fig. 10: the latents of four views, by their two principal components.

python -m examples.paper.figure10 --budget quick
"""

from __future__ import annotations

from examples.paper.models import METHODS, Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import ProjectionDisplay


def make(study: Study) -> Sheet:
    """Five hundred digits under each view of the flips, staged and joint."""
    X = study.data["test"][0][:500]
    figures = {}
    for method in METHODS:
        display = ProjectionDisplay.from_estimator(
            study.augmenter("flips", method), X, space="latent", projection="pca"
        )
        figures[f"figure10_{method}"] = display.figure_
    return Sheet("Fig. 10: latents of four views", figures=figures)


if __name__ == "__main__":
    main(make)

"""Fig. 22: images, latents and reconstructions by t-SNE, coloured by view.

python -m examples.paper.figure22 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import ProjectionDisplay


def make(study: Study) -> Sheet:
    """The four views of the flips, the joint model."""
    X, figures = study.data["test"][0][:300], {}
    for space in ("image", "latent", "reconstruction"):
        display = ProjectionDisplay.from_estimator(study.augmenter("flips", "joint"), X, space=space, projection="tsne")
        figures[f"figure22_{space}"] = display.figure_
    return Sheet("Fig. 22: t-SNE of images, latents and reconstructions", figures=figures)


if __name__ == "__main__":
    main(make)

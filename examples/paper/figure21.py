"""Fig. 21: reconstructions, by principal and by independent components, coloured by view.

python -m examples.paper.figure21 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import ProjectionDisplay


def make(study: Study) -> Sheet:
    """The four views of the flips, the joint model."""
    X, figures = study.data["test"][0][:500], {}
    for projection in ("pca", "ica"):
        display = ProjectionDisplay.from_estimator(
            study.augmenter("flips", "joint"), X, space="reconstruction", projection=projection
        )
        figures[f"figure21_{projection}"] = display.figure_
    return Sheet("Fig. 21: reconstructions, by principal and by independent components", figures=figures)


if __name__ == "__main__":
    main(make)

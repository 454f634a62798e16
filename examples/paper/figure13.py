"""Fig. 13: samples from the bounding box of the training latents, and from the prior.

python -m examples.paper.figure13 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import SampleDisplay


def make(study: Study) -> Sheet:
    """Samples of the original view, from either source."""
    model, figures = study.augmenter("flips", "joint"), {}
    for source in ("box", "prior"):
        display = SampleDisplay.from_estimator(model, 32, source=source, random_state=0)
        figures[f"figure13_{source}"] = display.figure_
    return Sheet("Fig. 13: samples", figures=figures)


if __name__ == "__main__":
    main(make)

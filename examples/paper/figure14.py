"""Fig. 14: from one digit to another along a straight line of latents.

python -m examples.paper.figure14 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import InterpolationDisplay


def make(study: Study) -> Sheet:
    """Five pairs of test digits."""
    X = study.data["test"][0]
    display = InterpolationDisplay.from_estimator(study.augmenter("flips", "joint"), X[:5], X[5:10])
    return Sheet("Fig. 14: interpolation", figures={"figure14": display.figure_})


if __name__ == "__main__":
    main(make)

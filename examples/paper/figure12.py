"""Fig. 12: the augmentations.

python -m examples.paper.figure12 --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import CatalogueDisplay


def make(study: Study) -> Sheet:
    """Some digits under every augmentation of the catalogue."""
    display = CatalogueDisplay.from_augs(study.data["test"][0][:6])
    return Sheet("Fig. 12: the augmentations", figures={"figure12": display.figure_})


if __name__ == "__main__":
    main(make)

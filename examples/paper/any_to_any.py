"""Any view to any view: an error for each pair of the four views of two flips, joint.

python -m examples.paper.any_to_any --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.displays import TransferMatrixDisplay
from latentaug.metrics import carry_matrix


def make(study: Study) -> Sheet:
    """Errors from each view to each other, and the gaps over the model's own reconstruction of the target view."""
    model = study.augmenter("flips", "joint")
    matrix = carry_matrix(model, study.data["test"][0])
    names = [" then ".join(view) or "original" for view in matrix.views]
    display = TransferMatrixDisplay(100 * matrix.gaps, names, names, title="Any view to any view, joint",
                                    unit="% above the floor of the target", decimals=2)  # fmt: skip
    text = f"```text\n{matrix}\n```\n\nLargest gap over the floor of the target: {matrix.gaps.max():.2%}."
    return Sheet("Any to any", text, {"any_to_any": display.plot().figure_})


if __name__ == "__main__":
    main(make)

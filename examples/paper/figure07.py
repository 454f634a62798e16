"""Fig. 7: transfer between pairs of augmentations, total errors, the native ones on the diagonal.

python -m examples.paper.figure07 --budget quick
"""

from __future__ import annotations

import numpy as np

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main, table
from examples.paper.transfers import NAMES, transfer_matrices
from latentaug.displays import TransferMatrixDisplay

PAPER = """In the paper two of 12 beat native training, both into shear_x, canny. Its diagonal is 297 for the flips, 501
and 329 for nested images and turns in an order that we do not know, and 517 for shear_x, canny."""
UNIT = "error of a pixel times 1e4, summed over four views"


def make(study: Study) -> Sheet:
    """The matrix of each method, as a table and as a heat map; transfers that beat training natively are named."""
    matrices, parts, figures = transfer_matrices(study), [], {}
    for method, matrix in matrices.items():
        native = matrix.diagonal()
        wins = [f"{NAMES[s]} → {NAMES[t]} ({matrix[s, t]:.0f} against {native[t]:.0f})"
                for s, t in np.argwhere(matrix < native)]  # fmt: skip
        rows = [[name, *(f"{value:.0f}" for value in row)] for name, row in zip(NAMES, matrix, strict=True)]
        parts.append(f"{method.capitalize()}, a row a source, a column a target:\n\n{table(['source', *NAMES], rows)}")
        parts.append(f"Better than training natively, {len(wins)} of 12: {'; '.join(wins) or 'none'}.")
        display = TransferMatrixDisplay(
            matrix, NAMES, NAMES, title=f"Transfer, {method}", unit=UNIT, reference=native, decimals=0
        )
        figures[f"figure07_{method}"] = display.plot().figure_
    return Sheet("Fig. 7: transfer", "\n\n".join([*parts, PAPER]), figures)


if __name__ == "__main__":
    main(make)

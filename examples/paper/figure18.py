"""Fig. 18: the twelve transfers, each source to the three other targets, over native training of the target.

python -m examples.paper.figure18 --budget quick
"""

from __future__ import annotations

import numpy as np

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main, table
from examples.paper.transfers import NAMES, transfer_matrices
from latentaug.displays import TransferMatrixDisplay

TARGETS = ["first other", "second other", "third other"]


def make(study: Study) -> Sheet:
    """Total error of each head over the native error of its target, both of the same method; below 1 it is better."""
    figures, parts = {}, []
    for method, matrix in transfer_matrices(study).items():
        ratios = matrix / matrix.diagonal()
        others = ratios[~np.eye(len(NAMES), dtype=bool)].reshape(len(NAMES), -1)
        to = [[name for name in NAMES if name != source] for source in NAMES]
        rows = [[source, *(f"{value:.2f} ({name})" for value, name in zip(line, names, strict=True))]
                for source, line, names in zip(NAMES, others, to, strict=True)]  # fmt: skip
        parts.append(f"{method.capitalize()}:\n\n{table(['source', *TARGETS], rows)}")
        masked = np.where(np.eye(len(NAMES), dtype=bool), np.nan, ratios)
        display = TransferMatrixDisplay(masked, NAMES, NAMES, title=f"Transfer over native training, {method}",
                                        unit="ratio of total errors", reference=1.0, decimals=2)  # fmt: skip
        figures[f"figure18_{method}"] = display.plot().figure_
    return Sheet("Fig. 18: transfer over native training", "\n\n".join(parts), figures)


if __name__ == "__main__":
    main(make)

"""The public face of everything that is measured: errors in their units, defects of laws, recursion, the scorecard."""

from __future__ import annotations

from latentaug.images import squared_error
from latentaug.metrics.cards import model_card
from latentaug.metrics.likeness import Overlap, frechet_distance, overlap, psnr, ssim
from latentaug.metrics.measures import (
    UNITS,
    commutator_defect,
    confidence_interval,
    equivariance_error,
    in_unit,
    order_defect,
    orthogonality_defect,
)
from latentaug.metrics.recursion import RecursionCurve, default_classifier, recursion_curve
from latentaug.metrics.scorecard import Scorecard, ScoreRow, scorecard
from latentaug.models.errors import (
    CarryMatrix,
    ErrorRow,
    ErrorTable,
    PairRow,
    PairTable,
    carry_matrix,
    error_table,
    pair_residuals,
    pair_table,
)

__all__ = [
    "UNITS", "CarryMatrix", "ErrorRow", "ErrorTable", "Overlap", "PairRow", "PairTable", "RecursionCurve", "ScoreRow",
    "Scorecard", "carry_matrix", "commutator_defect", "confidence_interval", "default_classifier",
    "equivariance_error", "error_table", "frechet_distance", "in_unit", "model_card", "order_defect",
    "orthogonality_defect", "overlap", "pair_residuals", "pair_table", "psnr", "recursion_curve", "scorecard",
    "squared_error", "ssim",
]  # fmt: skip

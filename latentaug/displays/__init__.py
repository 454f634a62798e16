"""Plots in scikit-learn's Display shape: `from_estimator` computes what a display stores, `plot` draws it."""

from __future__ import annotations

from latentaug.displays.charts import (
    PROJECTIONS,
    SPACES,
    LossDisplay,
    ProjectionDisplay,
    RecursionDisplay,
    TrajectoryDisplay,
)
from latentaug.displays.pictures import (
    TASKS,
    CatalogueDisplay,
    InterpolationDisplay,
    ReconstructionDisplay,
    SampleDisplay,
)
from latentaug.displays.strengths import EstimateDisplay, OrbitDisplay
from latentaug.displays.tables import VALUES, AlgebraDisplay, TransferMatrixDisplay

__all__ = [
    "PROJECTIONS", "SPACES", "TASKS", "VALUES", "AlgebraDisplay", "CatalogueDisplay", "EstimateDisplay",
    "InterpolationDisplay", "LossDisplay", "OrbitDisplay", "ProjectionDisplay", "ReconstructionDisplay",
    "RecursionDisplay", "SampleDisplay", "TrajectoryDisplay", "TransferMatrixDisplay",
]  # fmt: skip

"""What Figs. 7 and 18 share: the errors of every head, each pair's latent maps standing for each pair."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from examples.paper.models import METHODS, Study
from examples.paper.settings import PAIRS
from examples.paper.sheets import view_errors

NAMES = [", ".join(pair) for pair in PAIRS.values()]


def transfer_matrices(study: Study) -> dict[str, np.ndarray]:
    """By method, total errors in the paper's unit: a row a source, a column a target, native ones on the diagonal."""
    return {method: np.array([[_total(study, s, t, method) for t in PAIRS] for s in PAIRS]) for method in METHODS}


def _total(study: Study, source: str, target: str, method: str) -> float:
    name = f"{source}-{method}-0" if source == target else f"{source}-to-{target}-{method}"
    return view_errors(study, name, partial(_model, study, source, target, method))[-1]


def _model(study: Study, source: str, target: str, method: str) -> Any:
    return study.augmenter(source, method) if source == target else study.head(source, target, method)

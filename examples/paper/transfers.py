"""What Figs. 7 and 18 share: the errors of every head, each pair's latent maps standing for each pair."""

from __future__ import annotations

from functools import cache

import numpy as np

from examples.paper.models import METHODS, Study, study_of
from examples.paper.settings import PAIRS
from examples.paper.sheets import total

NAMES = [", ".join(pair) for pair in PAIRS.values()]


def transfer_matrices(study: Study) -> dict[str, np.ndarray]:
    """By method, total errors in the paper's unit: a row a source, a column a target, native ones on the diagonal."""
    return {method: _measure(study.budget.name, method) for method in METHODS}


@cache
def _measure(budget: str, method: str) -> np.ndarray:
    study = study_of(budget)
    X = study.data["test"][0]
    return np.array([[total(_model(study, s, t, method), X) for t in PAIRS] for s in PAIRS])


def _model(study: Study, source: str, target: str, method: str):
    return study.augmenter(source, method) if source == target else study.head(source, target, method)

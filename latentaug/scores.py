"""Every number of the scorecard for one model, each pass through it made once."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any, NamedTuple

import numpy as np

from latentaug.errors import ErrorTable, ImageErrors
from latentaug.maps import condition_number
from latentaug.measures import (
    commutator_defect,
    confidence_interval,
    equivariance_error,
    order_defect,
    orthogonality_defect,
)
from latentaug.recursion import RecursionCurve, follow
from latentaug.views import Composition, Views

__all__ = ["ScoreRow", "measure"]


class ScoreRow(NamedTuple):
    """What was measured of one model.

    Attributes
    ----------
    label : str
    values : dict of str to float
        Under the names of the scorecard's columns; errors summed over the pixels of an image. What is missing is left
        out.
    intervals : dict of str to ndarray of shape (2,)
        Ends of the bootstrap 95 % intervals of the errors and of label survival.
    table : ErrorTable
        Every single error, beside its floor.
    """

    label: str
    values: dict[str, float]
    intervals: dict[str, np.ndarray]
    table: ErrorTable


def measure(
    label: str, model: Any, images: np.ndarray, labels: np.ndarray | None, classifier: Any, n_steps: int, seed: int
) -> ScoreRow:
    """Measure one model: each of its augmentations, every pair in both orders, and its latent maps."""
    names = model.aug_names_
    errors = ImageErrors(model, images, [*((name,) for name in names), *permutations(names, 2)])
    table, found = errors.table(), _average_tasks(errors)
    matrix = np.stack(list(found.values()), axis=1)  # (n_images, n_tasks)
    values = dict(zip(found, matrix.mean(axis=0).tolist(), strict=True))
    intervals = dict(zip(found, confidence_interval(matrix, random_state=seed).T, strict=True))
    values |= _worst(model, table) | _equivariance(model, errors.views)
    curve = None if classifier is None else _recurse(model, errors.views, labels, classifier, n_steps, seed)
    if curve is not None and curve.survival is not None and curve.survival_interval is not None:
        values["label_survival"] = float(curve.survival[0])
        intervals["label_survival"] = curve.survival_interval[:, 0]
    return ScoreRow(label, values, intervals, table)


def _average_tasks(errors: ImageErrors) -> dict[str, np.ndarray]:
    """Error of each image (n,) in every task, averaged over the compositions; no task without any."""
    known = errors.views.compositions
    carried: dict[str, list[tuple[Composition, Composition]]] = {
        "reconstruct": [((), ())],
        "apply": [((), c) for c in known if len(c) == 1],
        "compose": [((), c) for c in known if len(c) == 2],
        "undo": [(c, ()) for c in known if errors.model.is_invertible],
    }
    return {task: np.mean([errors(*pair) for pair in pairs], axis=0) for task, pairs in carried.items() if pairs}


def _worst(model: Any, table: ErrorTable) -> dict[str, float]:
    """Worst gap, and worst defects of the maps that are matrices; an identity, as of a conditional VAE, is no map."""
    maps = {name: L for name, L in model.latent_maps_.items() if not callable(L) and not _is_identity(L)}
    orders = model.algebra_.orders
    found = {
        "gap": [row.gap for row in table if row.task == "apply"],
        "commutator": [commutator_defect(A, B) for A, B in combinations(maps.values(), 2)],
        "image_commutator": list(model.algebra_.commutators.values()),
        "order_defect": [order_defect(L, orders[name]) for name, L in maps.items() if orders[name]],
        "orthogonality_defect": [orthogonality_defect(L) for L in maps.values()],
        "condition_number": [condition_number(L) for L in maps.values()],
    }
    return {name: max(values) for name, values in found.items() if values}


def _is_identity(L: np.ndarray) -> bool:
    return np.array_equal(L, np.eye(len(L)))


def _equivariance(model: Any, views: Views) -> dict[str, float]:
    """Mean latent equivariance error of the augmentations, each view being encoded as the model reads it."""
    names = [c[0] for c in views.compositions if len(c) == 1]
    if not names or not hasattr(model, "transform_latent") or not all(model.reads((name,)) for name in names):
        return {}

    def encode(view: Composition) -> np.ndarray:
        return np.concatenate([model.encode(batch, view) for batch in views.batches(view)])

    Z = encode(())
    found = [equivariance_error(encode((name,)), model.transform_latent(Z, name)) for name in names]
    return {"equivariance": float(np.mean(found))}


def _recurse(
    model: Any, views: Views, labels: np.ndarray | None, classifier: Any, n_steps: int, seed: int
) -> RecursionCurve | None:
    """The first augmentation of finite order again and again, or None where there is none."""
    orders = {name: model.algebra_.orders[name] for (name, *rest) in views.compositions if not rest}
    name = next((name for name, order in orders.items() if order), None)
    if name is None:
        return None
    steps = [-(-n_steps // orders[name]) * orders[name]]
    return follow(model, views.images, name, steps, labels, classifier, seed)

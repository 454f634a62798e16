"""Labels under augmentations: what becomes of each, which compositions may be used, and which are drawn."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from latentaug._validation import shown, unknown_name

__all__ = ["check_allowed", "composed_labels", "draw_copies", "labels_seen"]


def check_allowed(allowed: Any, names: Sequence[str], classes: np.ndarray) -> dict[str, np.ndarray]:
    """Check what each augmentation makes of each label: numbers (n_labels + 1,), -1 where it may not be used.

    The last entry, -1 too, is what comes of a label that is already lost.
    """
    labels = classes.tolist()
    if not isinstance(allowed, (Mapping, type(None))):
        raise TypeError(f"allowed must be a dict of augmentation to labels, or None. Got {shown(allowed)}.")
    numbers = {label: number for number, label in enumerate(labels)}
    moves = {name: np.full(len(labels) + 1, -1) for name in names}
    for name, kept in (dict.fromkeys(names, labels) if allowed is None else allowed).items():
        if name not in moves:
            raise unknown_name("augmentation in allowed", name, names)
        for label, becomes in _label_pairs(name, kept):
            for given in (label, becomes):
                if not isinstance(given, Hashable) or given not in numbers:
                    raise unknown_name(f"label in allowed[{name!r}]:", given, labels, "In y")
            moves[name][numbers[label]] = numbers[becomes]
    return moves


def _label_pairs(name: str, kept: Any) -> Iterable[tuple[Any, Any]]:
    """Labels, each with the one it becomes: itself where only labels are given."""
    if isinstance(kept, (str, bytes)) or not isinstance(kept, Iterable):
        raise TypeError(f"allowed[{name!r}] must be labels, or a dict of label to label. Got {shown(kept)}.")
    return kept.items() if isinstance(kept, Mapping) else ((label, label) for label in kept)


def composed_labels(compositions: Sequence[tuple[str, ...]], moves: Mapping[str, np.ndarray]) -> np.ndarray:
    """What each composition makes of each label, step by step: numbers (n_compositions, n_labels), or -1."""
    n_labels = len(next(iter(moves.values()))) - 1
    becomes = np.tile(np.arange(n_labels), (len(compositions), 1))
    for k, composition in enumerate(compositions):
        for name in composition:
            becomes[k] = moves[name][becomes[k]]
    return becomes


def draw_copies(usable: np.ndarray, n_augments: int, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Draw for each image up to `n_augments` different compositions of those usable, bool (n, n_compositions).

    Returns the rows of the images, in order, and the compositions' numbers, both (n_copies,).
    """
    order = np.argsort(np.where(usable, rng.random_sample(usable.shape), np.inf), axis=1)[:, :n_augments]
    rows, places = np.nonzero(np.take_along_axis(usable, order, axis=1))
    return rows, order[rows, places]


def labels_seen(shares: np.ndarray, plain: np.ndarray, threshold: float, classes: np.ndarray) -> dict[Any, Any]:
    """What an augmentation makes of labels: of each, the one label that most of its images are seen as.

    `shares`, (n_labels, n_labels), of the augmented images of each label seen as each, and `plain`, (n_labels,), of the
    plain images of each seen as what they are. A label is left out where its plain images mostly are not, or where
    `shares` falls below `threshold` times what is plain for the label seen.
    """
    best, most = shares.argmax(axis=1), shares.max(axis=1)
    sure = (most > 0.5) & (plain > 0.5) & (most >= threshold * plain[best])
    return dict(zip(classes[sure].tolist(), classes[best[sure]].tolist(), strict=True))

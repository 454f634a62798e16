"""The paper's figures, one entry of a table each.

python -m examples.paper.figures figure03 --budget quick
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from examples.paper.models import METHODS, Study
from examples.paper.sheets import Sheet, main, table
from examples.paper.transfers import NAMES, transfer_matrices
from latentaug.displays import (
    CatalogueDisplay,
    InterpolationDisplay,
    ProjectionDisplay,
    ReconstructionDisplay,
    SampleDisplay,
    TrajectoryDisplay,
    TransferMatrixDisplay,
)

Drawn = Mapping[str, Any]  # displays, by what tells them apart in the names of their files
Drawer = Callable[[Study], Drawn | tuple[Drawn, str]]  # or with a text

COMPONENTS = ("pca", "ica")
PAPER = """In the paper two of 12 beat native training, both into shear_x, canny. Its diagonal is 297 for the flips, 501
and 329 for nested images and turns in an order that we do not know, and 517 for shear_x, canny."""


def digits(study: Study, n: int) -> np.ndarray:
    return study.data["test"][0][:n]


def pair(name: str, views: Any = None, **options: Any) -> Drawer:
    """Eight digits under a pair of augmentations, by the paper's method and by joint training."""

    def draw(study: Study) -> Drawn:
        models = {method: study.augmenter(name, method) for method in METHODS}
        return {"": ReconstructionDisplay.from_estimator(models, digits(study, 8), views, **options)}

    return draw


def conditional(conditioning: str) -> Drawer:
    """Each view from the original, by its condition."""

    def draw(study: Study) -> Drawn:
        models = {f"CVAE {conditioning}": study.conditional(conditioning)}
        return {"": ReconstructionDisplay.from_estimator(models, digits(study, 8))}

    return draw


def projections(n: int, ways: Mapping[str, tuple[str, str, str]]) -> Drawer:
    """Digits under each view of the flips, coloured by view; by name the method, the space and the projection."""

    def draw(study: Study) -> Drawn:
        return {
            name: ProjectionDisplay.from_estimator(
                study.augmenter("flips", method), digits(study, n), space=space, projection=projection
            )
            for name, (method, space, projection) in ways.items()
        }

    return draw


def components(space: str) -> Drawer:
    return projections(500, {projection: ("joint", space, projection) for projection in COMPONENTS})


def trajectories(study: Study) -> Drawn:
    """Twenty flips of one digit, each time through images."""
    X, y = study.data["test"]
    seven = X[y == 7][:1]
    return {
        method: TrajectoryDisplay.from_estimator(study.augmenter("flips", method), seven, "flip_lr", 20)
        for method in METHODS
    }


def samples(study: Study) -> Drawn:
    """From the bounding box of the training latents, and from the prior."""
    model = study.augmenter("flips", "joint")
    return {
        source: SampleDisplay.from_estimator(model, 32, source=source, random_state=0) for source in ("box", "prior")
    }


def interpolation(study: Study) -> Drawn:
    """From one digit to another along a straight line of latents, five pairs."""
    X, model = digits(study, 10), study.augmenter("flips", "joint")
    return {"": InterpolationDisplay.from_estimator(model, X[:5], X[5:])}


def transfer(study: Study) -> tuple[Drawn, str]:
    """Total errors, native ones on the diagonal; transfers that beat training natively are named."""
    parts, drawn, unit = [], {}, "error of a pixel times 1e4, summed over four views"
    for method, matrix in transfer_matrices(study).items():
        native = matrix.diagonal()
        wins = [f"{NAMES[s]} → {NAMES[t]} ({matrix[s, t]:.0f} against {native[t]:.0f})"
                for s, t in np.argwhere(matrix < native)]  # fmt: skip
        rows = [[name, *(f"{value:.0f}" for value in row)] for name, row in zip(NAMES, matrix, strict=True)]
        parts.append(f"{method.capitalize()}, a row a source, a column a target:\n\n{table(['source', *NAMES], rows)}")
        parts.append(f"Better than training natively, {len(wins)} of 12: {'; '.join(wins) or 'none'}.")
        drawn[method] = TransferMatrixDisplay(
            matrix, NAMES, NAMES, title=f"Transfer, {method}", unit=unit, reference=native, decimals=0
        ).plot()
    return drawn, "\n\n".join([*parts, PAPER])


def transfer_ratios(study: Study) -> tuple[Drawn, str]:
    """Total error of each head over the native error of its target, both of the same method; below 1 it is better."""
    parts, drawn, native = [], {}, np.eye(len(NAMES), dtype=bool)
    for method, matrix in transfer_matrices(study).items():
        ratios = matrix / matrix.diagonal()
        others = ratios[~native].reshape(len(NAMES), -1)
        to = [[name for name in NAMES if name != source] for source in NAMES]
        rows = [[source, *(f"{value:.2f} ({name})" for value, name in zip(line, names, strict=True))]
                for source, line, names in zip(NAMES, others, to, strict=True)]  # fmt: skip
        head = ["source", "first other", "second other", "third other"]
        parts.append(f"{method.capitalize()}:\n\n{table(head, rows)}")
        title, unit = f"Transfer over native training, {method}", "ratio of total errors"
        drawn[method] = TransferMatrixDisplay(
            np.where(native, np.nan, ratios), NAMES, NAMES, title=title, unit=unit, reference=1.0, decimals=2
        ).plot()
    return drawn, "\n\n".join(parts)


SHEETS: dict[str, tuple[str, Drawer]] = {
    "figure03": ("Fig. 3: two flips", pair("flips")),
    "figure04": (
        "Fig. 4: composition in both orders",
        pair("flips", [("flip_lr", "flip_ud"), ("flip_ud", "flip_lr")]),
    ),
    "figure05": ("Fig. 5: recursion of one digit, staged and joint", trajectories),
    "figure06": ("Fig. 6: inversion", pair("flips", task="undo")),
    "figure07": ("Fig. 7: transfer", transfer),
    "figure08": ("Fig. 8: traditional conditional VAE", conditional("traditional")),
    "figure09": ("Fig. 9: invariant conditional VAE", conditional("invariant")),
    "figure10": (
        "Fig. 10: latents of four views",
        projections(500, {method: (method, "latent", "pca") for method in METHODS}),
    ),
    "figure12": (
        "Fig. 12: the augmentations",
        lambda study: {"": CatalogueDisplay.from_augs(digits(study, 6))},
    ),
    "figure13": ("Fig. 13: samples", samples),
    "figure14": ("Fig. 14: interpolation", interpolation),
    "figure15": (
        "Fig. 15: a turn and a flip",
        pair("turns", [("rotate_cw",), ("flip_lr",), ("rotate_cw", "flip_lr")]),
    ),
    "figure16": ("Fig. 16: nested mini-image and edges", pair("nested")),
    "figure17": ("Fig. 17: shear and Canny's edges", pair("shear")),
    "figure18": ("Fig. 18: transfer over native training", transfer_ratios),
    "figure19": ("Fig. 19: images, by principal and by independent components", components("image")),
    "figure20": ("Fig. 20: latents, by principal and by independent components", components("latent")),
    "figure21": ("Fig. 21: reconstructions, by principal and by independent components", components("reconstruction")),
    "figure22": (
        "Fig. 22: t-SNE of images, latents and reconstructions",
        projections(300, {space: ("joint", space, "tsne") for space in ("image", "latent", "reconstruction")}),
    ),
}


def sheet_of(name: str) -> Callable[[Study], Sheet]:
    title, draw = SHEETS[name]

    def make(study: Study) -> Sheet:
        drawn = draw(study)
        displays, text = drawn if isinstance(drawn, tuple) else (drawn, "")
        return Sheet(title, text, {f"{name}_{part}".rstrip("_"): shown.figure_ for part, shown in displays.items()})

    return make


FIGURES = {name: sheet_of(name) for name in SHEETS}


if __name__ == "__main__":
    main(FIGURES)

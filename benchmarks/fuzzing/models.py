"""Models that fit in no time, what is wrong with them only together, and the images that they are fitted on."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

from benchmarks.fuzzing.files import FOLDER
from latentaug import (
    VAE,
    ConditionalVAE,
    InvariantFeatures,
    LatentAugmenter,
    LatentMaps,
    LatentResampler,
    TransferHead,
    augs,
    displays,
    metrics,
)

X, Y = load_digits().images[:24] / 16, load_digits().target[:24]
QUICK = {"latent_dim": 4, "hidden_channels": (4, 8), "max_iter": 1, "device": "cpu", "random_state": 0}
PAIR, TARGETS = ["flip_lr", "flip_ud"], ["flip_lr", "edge_detect"]
Z = np.random.default_rng(0).random((24, 4))
MADE: dict[Any, Any] = {}  # models, fitted when they are first asked for


def mirrored(rows: np.ndarray) -> dict[Any, np.ndarray]:
    """Rows in [0, 1] under two augmentations."""
    return {("flip_lr",): rows[:, ::-1], ("flip_ud",): 1 - rows}


class MirroredMaps(LatentMaps):
    """Maps that find their pairs by themselves."""

    def fit(self, X: Any, y: Any = None, views: Any = None) -> Any:
        return super().fit(X, y, mirrored(X) if views is None and getattr(X, "ndim", 0) == 2 else views)


# Estimators that fit in no time, by parameters other than their own, on images in rows.
ESTIMATORS: dict[str, Callable[..., Any]] = {
    "VAE": partial(VAE, **QUICK, image_shape=(8, 8)),
    "LatentAugmenter": partial(
        LatentAugmenter, augs=PAIR, autoencoder=VAE(**QUICK), method="staged", geometry="free", image_shape=(8, 8)
    ),
    "ConditionalVAE": partial(ConditionalVAE, augs=PAIR, autoencoder=VAE(**QUICK), image_shape=(8, 8)),
    "TransferHead": lambda **given: TransferHead(
        **{"augmenter": make("LatentAugmenter"), "augs": TARGETS, "autoencoder": VAE(**QUICK)} | given
    ),
    "LatentMaps": MirroredMaps,
    "LatentResampler": lambda **given: LatentResampler(**{"augmenter": make("LatentAugmenter")} | given),
    "InvariantFeatures": lambda **given: InvariantFeatures(**{"augmenter": make("turns")} | given),
}
# Models with a VAE in them, by parameters of that; what they do not ask it for.
HOLDERS: dict[str, tuple[Callable[[VAE], Any], set[str]]] = {
    "LatentAugmenter": (lambda vae: LatentAugmenter(["flip_lr"], vae), set()),
    "ConditionalVAE": (lambda vae: ConditionalVAE(["flip_lr"], vae), set()),
    "TransferHead": (
        lambda vae: TransferHead(make("LatentAugmenter"), TARGETS, autoencoder=vae),
        {"latent_dim", "image_shape"},
    ),
}
MAKERS: dict[str, Callable[[], Any]] = {
    "LatentTransform": lambda: make("LatentAugmenter").compose("flip_lr"),
    "turns": lambda: LatentAugmenter(["rotate", "flip_lr"], PCA(4), method="staged", image_shape=(8, 8)).fit(X),
    "LatentAugmenter.canonical": lambda: make("turns"),
    "LatentAugmenter.canonical_latent": lambda: make("turns"),
    "LatentAugmenter.estimate": lambda: make("turns"),
    "RandomTransform": lambda: make("turns").random(rotate=(-30, 30), flip_lr=0.5, random_state=0),
    "RandomTransform.latent_distribution": lambda: make("LatentAugmenter").random(flip_lr=0.5, random_state=0),
    "OneParameter": lambda: augs.rotate,
    "LatentMaps": lambda: LatentMaps().fit(Z, Y, views=mirrored(Z)),
    **dict.fromkeys(
        ("LatentAugmenter.of_class", "TransferHead.of_class", "ConditionalVAE.of_class"),
        lambda: ESTIMATORS["LatentAugmenter"]().fit(X, Y),
    ),
    "LatentMaps.of_class": lambda: LatentMaps().fit(Z, Y, views=mirrored(Z)),
    "LatentMaps.partial_fit": lambda: LatentMaps().fit(Z, views=mirrored(Z)),
    "LatentMaps.fit_transform": lambda: MirroredMaps().fit(Z),
    "LatentMaps.fit": lambda: LatentMaps().fit(Z, views=mirrored(Z)),
    "PairTable": lambda: metrics.pair_table(make("LatentMaps"), Z, mirrored(Z)),
    "Algebra": lambda: make("LatentAugmenter").algebra_,
    "Scorecard": lambda: metrics.scorecard(make("LatentAugmenter"), X),
    "ErrorTable": lambda: metrics.error_table(make("LatentAugmenter"), X),
    "CarryMatrix": lambda: metrics.carry_matrix(make("LatentAugmenter"), X),
    "RecursionCurve": lambda: metrics.recursion_curve(make("LatentAugmenter"), X, "flip_lr"),
    "PCA": lambda: LatentAugmenter(PAIR, PCA(4), method="staged").fit(X),
    "LatentAugmenter.partial_fit": lambda: LatentAugmenter(PAIR, VAE(**QUICK), image_shape=(8, 8)).fit(X),
    "classifier": lambda: metrics.default_classifier(X, Y),
}
# What is wrong only together.
TOGETHER: dict[str, Callable[[], Any]] = {
    "a solver without free maps": lambda: LatentAugmenter(PAIR, solver="adabelief").fit(X),
    "joint training of PCA": lambda: LatentAugmenter(PAIR, PCA(4)).fit(X),
    "joint training of what has no inverse": lambda: LatentAugmenter(PAIR, geometry="nonlinear").fit(X),
    "a group that is none": lambda: LatentAugmenter(["shear_x"], PCA(4), method="staged", geometry="group").fit(X),
    "no finite order": lambda: LatentAugmenter(["shear_x"], PCA(4), method="staged", geometry="finite_order").fit(X),
    "a group too large": lambda: LatentAugmenter(PAIR, VAE(**QUICK | {"latent_dim": 2}), geometry="group").fit(X),
    "more components than pixels": lambda: LatentAugmenter(PAIR, PCA(65), method="staged").fit(X),
    "one target for two": lambda: TransferHead(make("LatentAugmenter"), ["shear_x"]).fit(X),
    "three targets for two": lambda: TransferHead(make("LatentAugmenter"), [*PAIR, "shear_x"]).fit(X),
    "nothing left to train on": lambda: VAE(**QUICK, early_stopping=True, validation_fraction=0.99).fit(X[:3]),
    "a view not trained on": lambda: make("ConditionalVAE").sample(2, apply=["flip_lr"] * 3 + ["nonsense"]),
    "a box of a view not trained on": lambda: make("LatentAugmenter").sample(2, apply=["flip_lr"] * 2, source="box"),
    "lines between unlike numbers": lambda: make("LatentAugmenter").interpolate(X, X[:3]),
    "a posterior of PCA": lambda: make("PCA").latent_distribution(X),
    "labels without a classifier": lambda: metrics.recursion_curve(make("LatentAugmenter"), X, "flip_lr", y=Y),
    "too many paths": lambda: displays.TrajectoryDisplay.from_estimator(make("LatentAugmenter"), X, "flip_lr"),
    "a loss of PCA": lambda: displays.LossDisplay.from_estimator(make("PCA")),
    "rows without views to score": lambda: make("LatentMaps").score(Z),
    "rows without views": lambda: LatentMaps().fit(Z),
    "a view without its start": lambda: LatentMaps().fit(Z, views={("flip_lr", "flip_ud"): Z}),
    "a group without its views": lambda: LatentMaps("group").fit(Z, views=mirrored(Z)),
    "no models": lambda: metrics.scorecard({}, X),
    "no models to draw": lambda: displays.ReconstructionDisplay.from_estimator({}, X),
    "no curves to draw": lambda: displays.RecursionDisplay.from_estimator({}, X, "flip_lr"),
    "the card's own label": lambda: metrics.scorecard({"do nothing": make("LatentAugmenter")}, X),
    "refining after fit": lambda: clone_of("VAE").set_params(refine_steps=-1).transform(X),
    "applying after fit": lambda: clone_of("LatentAugmenter").set_params(apply="nonsense").transform(X),
    "applying a number after fit": lambda: clone_of("LatentAugmenter").set_params(apply=3).transform(X),
    "an unknown parameter": lambda: make("VAE").set_params(nonsense=1),
    "an unfitted frozen augmenter": lambda: TransferHead(FrozenEstimator(ESTIMATORS["LatentAugmenter"]()), PAIR).fit(X),
}


def make(name: str) -> Any:
    """A fitted model, or something of one."""
    if name not in MADE:
        MADE[name] = MAKERS[name]() if name in MAKERS else ESTIMATORS[name]().fit(X, Y)
    return MADE[name]


def clone_of(name: str) -> Any:
    """A copy of a fitted model, to be spoiled."""
    return copy.deepcopy(make(name))


def on_rows(name: str) -> Any:
    """A model fitted on rows, which alone have names."""
    if name == "LatentTransform":
        return on_rows("LatentAugmenter").compose("flip_lr")
    if name == "RandomTransform":
        return on_rows("LatentAugmenter").random(flip_lr=0.5, random_state=0)
    if ("rows", name) not in MADE:
        MADE["rows", name] = ESTIMATORS[name]().fit(X.reshape(len(X), -1), Y)
    return MADE["rows", name]


def card_of_model() -> Any:
    """A scorecard of a fitted model."""
    return metrics.scorecard(make("LatentAugmenter"), X)


def saved_model() -> Path:
    """A file that holds a model."""
    if not (FOLDER / "saved").exists():
        make("LatentAugmenter").save(FOLDER / "saved")
    return FOLDER / "saved"

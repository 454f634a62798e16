"""Every parameter of the public entry points: the kind of its wrong values, and a right one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from benchmarks.fuzzing import arrays, broken_augs, files, values
from benchmarks.fuzzing.files import FOLDER
from benchmarks.fuzzing.kinds import Kind, pick
from benchmarks.fuzzing.models import PAIR, X, Y, Z, card_of_model, make, mirrored, saved_model
from latentaug import augs
from latentaug.augs.views import Views
from latentaug.images import ImageFormat
from latentaug.learn.objectives import Reconstruction

EMPTY = inspect.Parameter.empty
FORMAT = ImageFormat((8, 8), kind="floats", seen=(0.0, 0.0, 1.0, 1.0))


class Parameter(NamedTuple):
    """The kind of a parameter's wrong values, none where all are right; and a right one, if it needs one."""

    kind: Kind | None
    right: Any = EMPTY


class Of:
    """A right value that is made when it is first asked for."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self.find = find


IGNORED = Parameter(None)
MODEL = Parameter(values.MODELS, Of(lambda: make("LatentAugmenter")))
ROWS = Parameter(arrays.PAIRED_LATENTS, Z)
MAP = Parameter(arrays.MATRIX, np.eye(4))
VIEWS = Parameter(arrays.PAIRED_VIEWS, {("flip_lr",): X[:, :, ::-1]})


def few_pixels(images: np.ndarray) -> np.ndarray:
    """Eight of the pixels of each image."""
    return images.reshape(len(images), -1)[:, 24:32]


VIEWS_OF_ROWS = Parameter(arrays.VIEWS_OF_ROWS, mirrored(Z))

# By "function.parameter" where the parameter's name alone does not tell.
PARAMETERS: dict[str, Parameter] = {
    "X": Parameter(arrays.IMAGES, X),
    "A": Parameter(arrays.IMAGES, X),
    "B": Parameter(arrays.IMAGES, X),
    "Z": Parameter(arrays.LATENTS, Z),
    "y": IGNORED,
    "fit.X": Parameter(arrays.FIT_IMAGES, X),
    "fit_transform.X": Parameter(arrays.FIT_IMAGES, X),
    "fit_transform.fit_params": IGNORED,
    "fit.views": VIEWS,
    "fit_views.views": Parameter(values.TRANSFORM, Of(lambda: Views(X, {}, FORMAT))),
    "learn.objective": Parameter(values.FUNCTION, Reconstruction),
    "learn.views": Parameter(values.TRANSFORM, Of(lambda: Views(X, {}, FORMAT))),
    "learn.given": IGNORED,
    "learn.goes_on": Parameter(values.FLAG),
    "partial_fit.X": Parameter(arrays.FIT_IMAGES, X),
    "partial_fit.views": VIEWS,
    "TransferHead.fit.X": Parameter(arrays.HEAD_IMAGES, X),
    "TransferHead.fit_transform.X": Parameter(arrays.IMAGES, X),
    "LatentTransform.fit.X": IGNORED,
    "LatentTransform.fit_transform.X": Parameter(arrays.IMAGES, X),
    "LatentTransform.augmenter": MODEL,
    "LatentTransform.steps": Parameter(values.POWERS, (("flip_lr", 2),)),
    # Rows alone.
    **{
        f"LatentMaps.{verb}.X": Parameter(arrays.FIT_LATENTS if "fit" in verb else arrays.LATENTS, Z)
        for verb in (
            "fit",
            "fit_transform",
            "partial_fit",
            "transform",
            "inverse_transform",
            "score",
        )
    },
    "LatentMaps.transform.out": Parameter(arrays.ROWS_OUT, np.empty_like(Z)),
    "LatentMaps.inverse_transform.out": Parameter(arrays.ROWS_OUT, np.empty_like(Z)),
    "LatentMaps.fit.views": VIEWS_OF_ROWS,
    "LatentMaps.partial_fit.views": VIEWS_OF_ROWS,
    "LatentMaps.score.views": VIEWS_OF_ROWS,
    "score.views": VIEWS,
    "error_table.views": VIEWS,
    "scorecard.views": VIEWS,
    "ReconstructionDisplay.from_estimator.views": VIEWS,
    "ProjectionDisplay.from_estimator.views": VIEWS,
    "pair_table.model": Parameter(values.MODELS, Of(lambda: make("LatentMaps"))),
    "pair_table.X": Parameter(arrays.LATENTS, Z),
    "pair_table.views": VIEWS_OF_ROWS,
    "pair_residuals.model": Parameter(values.MODELS, Of(lambda: make("LatentMaps"))),
    "pair_residuals.X": Parameter(arrays.LATENTS, Z),
    "pair_residuals.views": VIEWS_OF_ROWS,
    "ridge": Parameter(values.WEIGHT),
    "fit_intercept": Parameter(values.FLAG),
    "rank": Parameter(values.COUNT_OR_NONE),
    "LatentMaps.undo": Parameter(values.CHOICE),
    "orders": Parameter(values.ORDERS),
    "commute": Parameter(values.COMMUTING),
    "representation": Parameter(values.CHOICE),
    "symmetrize": Parameter(values.FLAG),
    "is_whole": Parameter(values.FLAG),
    "trim": Parameter(values.SHARE),
    # Labels.
    "by_class": Parameter(values.FLAG),
    "LatentAugmenter.fit.y": Parameter(arrays.FIT_LABELS),
    "LatentMaps.fit.y": Parameter(arrays.FIT_LABELS),
    "labels": Parameter(arrays.LABELS_GIVEN),
    "sample.label": Parameter(values.UNSEEN),
    "of_class.label": Parameter(values.UNSEEN, 0),
    # The estimators' own.
    "latent_dim": Parameter(values.COUNT),
    "hidden_channels": Parameter(values.CHANNELS),
    "VAE.network": Parameter(values.CHOICE),
    "ConditionalVAE.network": Parameter(values.CHOICE),
    "kl_weight": Parameter(values.WEIGHT),
    "kl_warmup": Parameter(values.WEIGHT),
    "mixup": Parameter(values.SHARE),
    "reconstruction_weight": Parameter(values.WEIGHT),
    "reconstruction_loss": Parameter(values.CHOICE),
    "optimizer": Parameter(values.CHOICE),
    "learning_rate": Parameter(values.CHOICE),
    "learning_rate_init": Parameter(values.POSITIVE),
    "beta_1": Parameter(values.SHARE),
    "beta_2": Parameter(values.SHARE),
    "epsilon": Parameter(values.POSITIVE_OR_NONE),
    "max_iter": Parameter(values.COUNT),
    "batch_size": Parameter(values.COUNT),
    "image_shape": Parameter(values.IMAGE_SHAPE),
    "device": Parameter(values.DEVICE),
    "devices": Parameter(values.DEVICES),
    "precision": Parameter(values.CHOICE),
    "refine_steps": Parameter(values.COUNT_FROM_ZERO),
    "early_stopping": Parameter(values.FLAG),
    "validation_fraction": Parameter(values.SHARE),
    "n_iter_no_change": Parameter(values.COUNT),
    "tol": Parameter(values.WEIGHT),
    "warm_start": Parameter(values.FLAG),
    "checkpoint_dir": Parameter(files.no_folder),
    "random_state": Parameter(values.SEED, 0),
    "verbose": Parameter(values.VERBOSITY),
    "augs": Parameter(broken_augs.any_augs),
    "autoencoder": Parameter(values.NO_VAE),
    "LatentAugmenter.autoencoder": Parameter(values.AUTOENCODERS),
    "method": Parameter(values.CHOICE),
    "geometry": Parameter(values.CHOICE),
    "solver": Parameter(values.CHOICE),
    "apply": Parameter(values.NAMES),
    "conditioning": Parameter(values.CHOICE),
    "augmenter": Parameter(values.MODELS),
    "pairing": Parameter(values.PAIRINGS),
    "undo": Parameter(values.FLAG),
    # Verbs.
    "steps": Parameter(values.STEPS, ("flip_lr",)),
    "names": Parameter(values.STEPS, ("flip_lr",)),
    "name": Parameter(values.NAME, "flip_lr"),
    "step": Parameter(values.NAME, "flip_lr"),
    "push.views": IGNORED,  # what a model has checked
    "composition": Parameter(values.COMPOSITION, ("flip_lr",)),
    "reads.view": Parameter(values.COMPOSITION, ()),
    "view": Parameter(values.NAMES, ()),
    "source": Parameter(values.NAMES, ()),
    "out": Parameter(arrays.OUT, np.empty_like(X)),
    "target": Parameter(values.NAMES, ()),
    "sample.source": Parameter(values.CHOICE),
    "n_samples": Parameter(values.COUNT, 2),
    "n_steps": Parameter(values.COUNT, 2),
    "interpolate.n_steps": Parameter(values.COUNT_OF_TWO, 2),
    "return_latents": Parameter(values.FLAG),
    "get_feature_names_out.input_features": Parameter(values.COLUMN_NAMES),
    "VAE.get_feature_names_out.input_features": IGNORED,
    "set_output.transform": IGNORED,  # scikit-learn looks at it where images come out
    # Augmentations.
    "stack": Parameter(arrays.STACK, X),
    "transform": Parameter(values.TRANSFORM, Of(lambda: np.negative)),
    "title": Parameter(values.TITLE),
    "from_torchvision.name": Parameter(values.TITLE),
    "from_kornia.name": Parameter(values.TITLE),
    "from_albumentations.name": Parameter(values.TITLE),
    "family_from_torchvision.name": Parameter(values.TITLE),
    "family_from_kornia.name": Parameter(values.TITLE),
    "function": Parameter(values.FUNCTION, Of(lambda: augs.rotate.function)),
    "OneParameter.function": Parameter(values.FUNCTION_OR_NONE, Of(lambda: augs.rotate.function)),
    "OneParameter.name": Parameter(values.TITLE),
    "n_strengths": Parameter(values.COUNT_OF_TWO, 5),
    "OrbitDisplay.from_estimator.model": Parameter(values.MODELS, Of(lambda: make("turns"))),
    "EstimateDisplay.from_estimator.model": Parameter(values.MODELS, Of(lambda: make("turns"))),
    "OrbitDisplay.from_estimator.name": Parameter(values.NAME, "rotate"),
    "EstimateDisplay.from_estimator.name": Parameter(values.NAME, "rotate"),
    "low": Parameter(values.NO_FLOATS, -1.0),
    "high": Parameter(values.NO_FLOATS, 1.0),
    "period": Parameter(values.POSITIVE_OR_NONE),
    "OneParameter.unit": Parameter(values.NO_TEXT, ""),
    "family_from_torchvision.unit": Parameter(values.NO_TEXT, ""),
    "family_from_kornia.unit": Parameter(values.NO_TEXT, ""),
    "grows": Parameter(values.FLAG),
    # Strengths.
    "strengths": IGNORED,
    "at.t": IGNORED,  # looked at when images come
    "estimate.name": Parameter(values.NAME, "rotate"),
    "RandomTransform.augmenter": Parameter(values.MODELS, Of(lambda: make("turns"))),
    "RandomTransform.fit.X": IGNORED,
    "RandomTransform.fit_transform.X": Parameter(arrays.IMAGES, X),
    "InvariantFeatures.augmenter": Parameter(values.MODELS, Of(lambda: make("turns"))),
    "InvariantFeatures.get_feature_names_out.input_features": IGNORED,
    "InvariantFeatures.fit.X": Parameter(arrays.IMAGES, X),
    "InvariantFeatures.fit_transform.X": Parameter(arrays.IMAGES, X),
    "distributions": Parameter(values.DISTRIBUTIONS, {"flip_lr": 0.5}),
    "random.distributions": IGNORED,
    "n_draws": Parameter(values.COUNT),
    "InvariantFeatures.names": Parameter(values.NAMES_OR_NONE),
    "canonical.names": IGNORED,
    "canonical_latent.names": IGNORED,
    "return_strengths": Parameter(values.FLAG),
    "draw.n_images": Parameter(values.COUNT, 4),
    "powers.n_images": Parameter(values.COUNT, 4),
    # Laws, maps, errors.
    "find_algebra.views": Parameter(values.TRANSFORM, Of(lambda: Views(X, augs.name_augs(PAIR), FORMAT))),
    "n_images": Parameter(values.COUNT, 4),
    "max_group": Parameter(values.COUNT, 8),
    "cayley_table": Parameter(arrays.CAYLEY_TABLE, [[0, 1], [1, 0]]),
    "regular_representation.latent_dim": Parameter(values.COUNT_OF_TWO, 4),
    "Z_aug": ROWS,
    "Z_carried": ROWS,
    "fit_free_map.Z": ROWS,
    "fit_orthogonal_map.Z": ROWS,
    "fit_finite_order_map.Z": ROWS,
    "Z_orbit": Parameter(arrays.ORBIT, np.stack([Z, Z])),
    "order": Parameter(values.COUNT, 2),
    "L": MAP,
    "commutator_defect.A": Parameter(arrays.MATRIX, np.eye(4)),
    "commutator_defect.B": Parameter(lambda rng, L: pick(rng, [arrays.MATRIX, arrays.PARTNER])(rng, L), np.eye(4)),
    "squared_error.X": Parameter(arrays.PAIRED_IMAGES, X),
    "squared_error.X_hat": Parameter(arrays.PAIRED_IMAGES, X),
    "psnr.X": Parameter(arrays.PAIRED_IMAGES, X),
    "psnr.X_hat": Parameter(arrays.PAIRED_IMAGES, X),
    "ssim.X": Parameter(arrays.PAIRED_IMAGES, X),
    "ssim.X_hat": Parameter(arrays.PAIRED_IMAGES, X),
    "data_range": Parameter(values.POSITIVE_OR_NONE, 1.0),
    "frechet_distance.X": Parameter(arrays.SETS, X),
    "overlap.X": Parameter(arrays.SETS, X),
    "X_other": Parameter(arrays.SETS, X),
    "features": Parameter(values.one_of(3, "pixels", object(), [], {}, 1.5), few_pixels),
    "n_neighbors": Parameter(values.COUNT, 2),
    "columns": Parameter(values.one_of(3, "error", ["nonsense"], [3], [None], {}, object(), {"error"})),
    "card": Parameter(values.one_of(3, None, "card", object(), [], {}), Of(card_of_model)),
    "model_card.title": Parameter(values.one_of(3, b"x", [], {}, object(), 1.5)),
    "notes": Parameter(values.one_of(3, "text", [], object(), {"Data": 3}, {3: "text"}, {None: None})),
    "model_card.path": Parameter(files.no_file, FOLDER / "card.md"),
    "in_unit.error": Parameter(values.ERRORS, 1.0),
    "unit": Parameter(values.CHOICE, "paper"),
    "n_pixels": Parameter(values.COUNT, 64),
    "values": Parameter(arrays.VALUES_OF_IMAGES, Y),
    "level": Parameter(values.INNER_SHARE),
    "n_resamples": Parameter(values.COUNT, 9),
    # Metrics and displays of models.
    "model": MODEL,
    "models": MODEL,
    "LossDisplay.from_estimator.model": Parameter(values.MODELS, Of(lambda: make("VAE"))),
    "compositions": Parameter(values.COMPOSITIONS),
    "carry_matrix.views": Parameter(values.COMPOSITIONS),
    "TransferMatrixDisplay.from_estimator.views": Parameter(values.COMPOSITIONS),
    "recursion_curve.steps": Parameter(values.NUMBERS_OF_STEPS, [2, 4]),
    "RecursionDisplay.from_estimator.steps": Parameter(values.NUMBERS_OF_STEPS, [2, 4]),
    "classifier": Parameter(values.CLASSIFIERS, Of(lambda: make("classifier"))),
    "recursion_curve.y": Parameter(arrays.LABELS, Y),
    "scorecard.y": Parameter(arrays.LABELS, Y),
    "RecursionDisplay.from_estimator.y": Parameter(arrays.LABELS, Y),
    "ProjectionDisplay.from_estimator.y": Parameter(arrays.LABELS, Y),
    "scorecard.X_train": Parameter(arrays.NOT_NONE_IMAGES, X),
    "default_classifier.X_train": Parameter(arrays.FIT_IMAGES, X),
    "y_train": Parameter(arrays.CLASSES, Y),
    "task": Parameter(values.CHOICE),
    "worst_gap.task": Parameter(values.CHOICE_OR_NONE),
    "SampleDisplay.from_estimator.source": Parameter(values.CHOICE),
    "TransferMatrixDisplay.from_estimator.values": Parameter(values.CHOICE),
    "space": Parameter(values.CHOICE),
    "projection": Parameter(values.CHOICE),
    "n_columns": Parameter(values.COUNT),
    "InterpolationDisplay.from_estimator.n_steps": Parameter(values.COUNT_OF_TWO, 2),
    "from_augs.X": Parameter(arrays.FIT_IMAGES, X),
    "from_augs.augs": Parameter(broken_augs.not_none_augs, PAIR),
    "TrajectoryDisplay.from_estimator.X": Parameter(arrays.IMAGES, X[:2]),
    "ax": Parameter(values.AXES),
    "figure": Parameter(values.AXES),
    "cmap": Parameter(values.COLOURS),
    "log_x": Parameter(values.FLAG),
    # The laws found.
    "a": Parameter(values.NAME, "flip_lr"),
    "b": Parameter(values.NAME, "flip_ud"),
    "Algebra.element.composition": Parameter(values.STEPS, ("flip_lr",)),
    "subgroup.names": Parameter(values.STEPS, ("flip_lr",)),
    "in_group.composition": Parameter(values.COMPOSITION, ("flip_lr",)),
    "normal.composition": Parameter(values.COMPOSITION, ("flip_lr",)),
    "max_views": Parameter(values.COUNT),
    # Augmented copies.
    "LatentResampler.augmenter": MODEL,
    "LatentResampler.fit.X": Parameter(arrays.IMAGES, X),
    "LatentResampler.fit.y": Parameter(arrays.CLASSES, Y),
    "fit_resample.y": Parameter(arrays.CLASSES, Y),
    "suggest_allowed.y": Parameter(arrays.CLASSES, Y),
    "suggest_allowed.classifier": Parameter(values.NO_CLASSIFIERS, Of(lambda: KNeighborsClassifier(1))),
    "n_augments": Parameter(values.COUNT),
    "allowed": Parameter(values.ALLOWED),
    "threshold": Parameter(values.POSITIVE),
    "sampling_strategy": Parameter(values.STRATEGIES),
    # Files.
    "save.path": Parameter(files.no_place, FOLDER / "model"),
    "export.path": Parameter(files.no_place, FOLDER / "model.pt2"),
    "export.what": Parameter(values.CHOICE),
    "export.format": Parameter(values.CHOICE_OR_NONE, "torch"),
    "load.path": Parameter(files.damaged_model, Of(lambda: saved_model())),
    "load.augs": Parameter(values.FUNCTIONS),
    "load.network": Parameter(values.one_of(3, 1.5, object(), b"x", [])),
    "split": Parameter(values.CHOICE),
    "data_home": Parameter(files.damaged_mnist, FOLDER),
    "download": Parameter(values.FLAG, False),
    "load_fashion_mnist.data_home": Parameter(files.no_path, FOLDER),
    "read_idx.path": Parameter(files.damaged_idx, Of(files.right_idx)),
    "load_folder.path": Parameter(files.damaged_pictures, Of(files.right_pictures)),
    "load_folder.size": Parameter(values.SIZE, 8),
    "load_folder.mode": Parameter(values.CHOICE),
    "load_folder.how": Parameter(values.CHOICE),
    "background": Parameter(values.COLOUR),
    # What packages draw.
    "size": Parameter(values.COUNT, 8),
    "load_glyphs.data_home": Parameter(files.no_path, FOLDER),
    "load_avatars.data_home": Parameter(files.no_path, FOLDER),
    "load_turning_objects.data_home": Parameter(files.no_path, FOLDER),
    "n": Parameter(values.COUNT, 2),
    "paired": Parameter(values.ATTRIBUTES),
    "load_avatars.random_state": Parameter(values.SMALL_SEED, 0),
    "n_objects": Parameter(values.NUMBER_OF_OBJECTS, 2),
    "angles": Parameter(values.ANGLES, 2),
}


def find_parameter(owner: str, parameter: str) -> Parameter:
    """The row of a parameter: of "Class.method.parameter", "method.parameter" or "parameter"."""
    parts = [*owner.split("."), parameter]
    for start in range(len(parts)):
        if ".".join(parts[start:]) in PARAMETERS:
            return PARAMETERS[".".join(parts[start:])]
    raise LookupError(f"benchmarks/fuzzing/parameters.py has no row for the parameter {'.'.join(parts)}.")


def rows_of(owner: str, function: Callable) -> tuple[dict[str, Kind], dict[str, Any]]:
    """The kinds of wrong values, and the right values, of the parameters of a function."""
    kinds, right = {}, {}
    for name, given in inspect.signature(function).parameters.items():
        row = find_parameter(owner, name)
        value = given.default if row.right is EMPTY else row.right
        if value is not EMPTY:
            right[name] = value.find() if isinstance(value, Of) else value
        if row.kind is not None:
            kinds[name] = row.kind
    return kinds, right

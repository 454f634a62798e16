"""Scikit-learn's tools around ours: the table in docs/pipelines.rst holds, row by row."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils.fixes import parse_version

from latentaug import VAE, ConditionalVAE, LatentAugmenter, TransferHead

PAGE = Path(__file__).parent.parent / "docs" / "pipelines.rst"
X_ROWS, Y = load_digits(n_class=4, return_X_y=True)
X_ROWS, Y = X_ROWS[:120] / 16, Y[:120]
X_STACK = X_ROWS.reshape(-1, 8, 8)


def quick_vae(**parameters):
    return VAE(
        latent_dim=4, network="paper", hidden_channels=(4, 8), kl_weight=0.01, max_iter=1, random_state=0, **parameters
    )


def classifier(image_shape=None):
    """A VAE before a classifier; after one pass its latents lie close together, and are spread out for it."""
    steps = {"vae": quick_vae(image_shape=image_shape), "spread": StandardScaler(), "classify": LogisticRegression()}
    return Pipeline(list(steps.items()))


def augmenter(image_shape=None, **parameters):
    """Exact flips, with nothing to train."""
    return LatentAugmenter(["flip_lr", "flip_ud"], PCA(8), method="staged", image_shape=image_shape, **parameters)


def _search(kind, **settings):
    return lambda model, X, y: (
        kind(model, {"vae__latent_dim": [2]}, cv=2, error_score="raise", **settings)
        .fit(X, y)
        .cv_results_["mean_test_score"]
    )


def _wrap(wrapper, **settings):
    return lambda model, X, y: wrapper(model, **settings).fit(X, y).predict(X)


def _team(wrapper, **settings):
    return lambda model, X, y: wrapper([("a", model), ("b", model)], **settings).fit(X, y).predict(X)


def _before(step):
    return lambda model, X, y: make_pipeline(step, *model).fit(X, y).predict(X)


def _images_side_by_side(model, X, y):
    shape = model["vae"].image_shape
    return make_union(augmenter(shape), augmenter(shape, apply="flip_lr")).fit_transform(X)


# What each tool finds with a model, images and labels; the names are those of the page.
TOOLS = {
    "cross_val_score, cross_validate": lambda m, X, y: cross_val_score(m, X, y, cv=2, error_score="raise"),
    "cross_val_predict": lambda m, X, y: cross_val_predict(m, X, y, cv=2),
    "GridSearchCV": _search(GridSearchCV),
    "RandomizedSearchCV": _search(RandomizedSearchCV, n_iter=1),
    "train_test_split": lambda m, X, y: m.fit(*train_test_split(X, y, stratify=y, random_state=0)[::2]).predict(X),
    "Pipeline": lambda m, X, y: make_pipeline(augmenter(m["vae"].image_shape), *m).fit(X, y).predict(X),
    "FrozenEstimator": lambda m, X, y: FrozenEstimator(m.fit(X, y)).predict(X),
    "VotingClassifier": _team(VotingClassifier),
    "StackingClassifier": _team(StackingClassifier, cv=2),
    "StackingClassifier(passthrough=True)": _team(StackingClassifier, cv=2, passthrough=True),
    "CalibratedClassifierCV": _wrap(CalibratedClassifierCV, cv=2),
    "TunedThresholdClassifierCV": lambda m, X, y: TunedThresholdClassifierCV(m, cv=2).fit(X, y < 2).predict(X),
    "FixedThresholdClassifier": lambda m, X, y: FixedThresholdClassifier(m).fit(X, y < 2).predict(X),
    "OneVsRestClassifier": _wrap(OneVsRestClassifier),
    "OneVsOneClassifier": _wrap(OneVsOneClassifier),
    "MultiOutputClassifier": lambda m, X, y: MultiOutputClassifier(m).fit(X, np.column_stack([y, y % 2])).predict(X),
    "SelectFromModel": lambda m, X, y: make_pipeline(m["vae"], SelectFromModel(m["classify"])).fit_transform(X, y),
    "FunctionTransformer": _before(FunctionTransformer(np.abs)),
    "FeatureUnion of latents": lambda m, X, y: make_union(m["vae"], clone(m["vae"])).fit_transform(X),
    "FeatureUnion with PCA": lambda m, X, y: make_union(m["vae"], PCA(3)).fit_transform(X),
    "FeatureUnion of images": _images_side_by_side,
    "ColumnTransformer": lambda m, X, y: ColumnTransformer([("pixels", m["vae"], slice(64))]).fit_transform(X),
    "StandardScaler, PCA, ... before it": _before(StandardScaler()),
    "BaggingClassifier": _wrap(BaggingClassifier, n_estimators=2),
    "SelfTrainingClassifier": lambda m, X, y: _wrap(SelfTrainingClassifier, max_iter=1)(
        m, X, np.where(np.arange(len(y)) % 3, y, -1)
    ),
    "permutation_importance": lambda m, X, y: (
        permutation_importance(m.fit(X, y), X[:9], y[:9], n_repeats=1).importances
    ),
}
FLAT_ROWS_ONLY = {
    "StackingClassifier(passthrough=True)",
    "OneVsOneClassifier",
    "FeatureUnion with PCA",
    "FeatureUnion of images",
    "ColumnTransformer",
    "StandardScaler, PCA, ... before it",
    "BaggingClassifier",
    "SelfTrainingClassifier",
    "permutation_importance",
}


@cache
def found_on_rows(tool):
    return TOOLS[tool](classifier(image_shape=(8, 8)), X_ROWS, Y)


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_takes_flat_rows(tool):
    found = found_on_rows(tool)
    assert len(found) in (len(X_ROWS), 64, 2, 1)
    assert np.isfinite(found).all()
    assert len(found) < 3 or len(np.unique(found)) > 1


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool not in FLAT_ROWS_ONLY])
def test_these_tools_find_the_same_on_image_stacks(tool):
    assert np.array_equal(TOOLS[tool](classifier(), X_STACK, Y), found_on_rows(tool))


def refuses(tool):
    """A FeatureUnion puts image stacks side by side, and says nothing, before scikit-learn 1.8."""
    return tool != "FeatureUnion of images" or parse_version(sklearn.__version__) >= parse_version("1.8")


@pytest.mark.parametrize("tool", sorted(filter(refuses, FLAT_ROWS_ONLY)))
def test_these_tools_refuse_image_stacks(tool):
    with pytest.raises(ValueError, match=r"dim|2D"):
        TOOLS[tool](classifier(), X_STACK, Y)


@pytest.mark.skipif(not PAGE.exists(), reason="needs the repository, not a wheel")
def test_the_page_says_what_the_tests_say():
    rows = re.findall(r"^   \* - (.+)\n     - (yes|no)$", PAGE.read_text(), flags=re.MULTILINE)
    assert {tool.replace("``", ""): answer == "yes" for tool, answer in rows} == {
        tool: tool not in FLAT_ROWS_ONLY for tool in TOOLS
    }


def test_rows_and_stacks_give_the_same_answers():
    stacks, rows = classifier().fit(X_STACK, Y), classifier(image_shape=(8, 8)).fit(X_ROWS, Y)
    assert np.array_equal(stacks.predict_proba(X_STACK), rows.predict_proba(X_ROWS))


def test_searches_in_threads_find_what_those_in_one_find():
    grid = {"vae__latent_dim": [2, 4]}
    alone = GridSearchCV(classifier(), grid, cv=2).fit(X_STACK, Y)
    with parallel_config("threading", n_jobs=2):  # what processes are sent, the tests of pickles send
        parallel = GridSearchCV(classifier(), grid, cv=2).fit(X_STACK, Y)
    assert np.array_equal(alone.cv_results_["mean_test_score"], parallel.cv_results_["mean_test_score"])


def test_a_search_over_the_autoencoder_and_the_geometry():
    grid = {"autoencoder__latent_dim": [4, 5], "geometry": ["free", "group"]}
    search = GridSearchCV(LatentAugmenter(["flip_lr"], quick_vae()), grid, cv=2, error_score="raise").fit(X_STACK)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_estimator_
    assert best.latent_maps_["flip_lr"].shape == (best.autoencoder.latent_dim,) * 2


def test_a_composition_is_a_step_that_stays_fitted():
    flips = augmenter().fit(X_STACK)
    both = flips.compose("flip_lr", "flip_ud")
    pipeline = make_pipeline(both, FunctionTransformer(lambda X: X.reshape(len(X), -1)), LogisticRegression())
    scores = cross_val_score(pipeline, X_STACK, Y, cv=2, error_score="raise")
    assert scores.min() > 0.5
    assert clone(both) is both
    undone = make_pipeline(both, both.inverse()).transform(X_STACK)
    assert np.allclose(undone, flips.reconstruct(flips.reconstruct(X_STACK)), atol=0.3)


def test_the_autoencoder_is_an_extractor_of_features():
    model = LatentAugmenter(["flip_lr"], quick_vae(), symmetrize=False).fit(X_STACK)
    before = model.encode(X_STACK)
    pipeline = make_pipeline(FrozenEstimator(model.autoencoder_), LogisticRegression(max_iter=200))
    cross_val_score(pipeline, X_STACK, Y, cv=2, error_score="raise")
    assert np.array_equal(pipeline.fit(X_STACK, Y)[0].transform(X_STACK), before)


@pytest.mark.parametrize(
    "estimator",
    [
        quick_vae(),
        augmenter(apply="flip_ud"),
        ConditionalVAE(["flip_lr"], quick_vae()),
        TransferHead(augmenter(), ["shear_x", "canny"], autoencoder=quick_vae(), undo=False),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_clone_has_the_parameters_and_nothing_fitted(estimator):
    copy = clone(clone(estimator).fit(X_STACK))
    assert repr(copy.get_params()) == repr(estimator.get_params())
    assert not [name for name in vars(copy) if name.endswith("_") and not name.startswith("_")]

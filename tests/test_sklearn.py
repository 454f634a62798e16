"""Citizens of scikit-learn: its own checks with no excuse, and their twins on images of every layout."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from conftest import every_check
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks

from latentaug import VAE, ConditionalVAE, InvariantFeatures, LatentAugmenter, TransferHead
from latentaug.models.errors import error_table

# Rows without a shape, as most checks give, are images of one row.
pytestmark = pytest.mark.filterwarnings("ignore:flip_ud leaves all images")

TINY = VAE(latent_dim=4, hidden_channels=(4, 8), max_iter=1, random_state=0)
JOINT = LatentAugmenter(["flip_lr"], TINY, random_state=0)
ESTIMATORS = {
    "VAE": TINY,
    "ConditionalVAE": ConditionalVAE(["flip_lr"], TINY, random_state=0),
    "joint": JOINT,
    "staged": LatentAugmenter(["flip_lr"], TINY, method="staged", random_state=0),
    "TransferHead": TransferHead(JOINT, ["flip_ud"], autoencoder=TINY, random_state=0),
}
# Beside those models, what is checked as they are, though it is no transformer of images to images.
BESIDE = {
    "families": LatentAugmenter(["gamma", "flip_lr"], TINY, random_state=0),
    "InvariantFeatures": InvariantFeatures(JOINT, random_state=0),
}
# Those that check_estimator does not run.
MORE_CHECKS = [
    "check_dataframe_column_names_consistency",
    "check_get_feature_names_out_error",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_inplace_ensure_writeable",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]
LAYOUTS = {
    "rows": ((64,), None),
    "rows of images": ((64,), (8, 8)),
    "stack": ((8, 8), None),
    "stack of one channel": ((8, 8, 1), None),
    "colour stack": ((8, 8, 3), None),
}
DTYPES = [np.uint8, np.float32, np.float64]

every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
every_layout = pytest.mark.parametrize("layout", LAYOUTS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


@every_check(*ESTIMATORS.values(), *BESIDE.values())
def test_scikit_learn_finds_nothing_to_excuse(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")  # they mix frames and arrays themselves
@pytest.mark.parametrize("estimator", [*ESTIMATORS.values(), *BESIDE.values()], ids=[*ESTIMATORS, *BESIDE])
@pytest.mark.parametrize("name", MORE_CHECKS)
def test_scikit_learn_finds_nothing_in_its_other_checks(estimator, name):
    getattr(estimator_checks, name)(type(estimator).__name__, estimator)


def make_images(layout, dtype, n_images=24):
    """Real digits in a layout and dtype, in as many colours as it has."""
    from sklearn.datasets import load_digits

    shape, _ = LAYOUTS[layout]
    images = load_digits().images[:n_images] / 16
    colours = np.stack([images, images[:, ::-1], images**2], axis=-1) if shape[-1] == 3 else images
    images = np.rint(colours * 255).astype(np.uint8) if dtype == np.uint8 else colours.astype(dtype)
    return np.ascontiguousarray(images.reshape(n_images, *shape))


def fit(estimator, layout, X):
    """Fit a clone; the shape of an image goes to whichever part takes it."""
    fresh, image_shape = clone(estimator), LAYOUTS[layout][1]
    shapes = [name for name in fresh.get_params() if name.split("__")[-1] == "image_shape"]
    return fresh.set_params(**dict.fromkeys(shapes, image_shape)).fit(X)


def in_memory_orders(X, folder):
    """The same images in C order, in Fortran order, in a read-only memory map, and as every second of an array."""
    np.save(folder / "images.npy", X)
    doubled = np.repeat(X, 2, axis=0)
    return {
        "C": X,
        "Fortran": np.asfortranarray(X),
        "memory map": np.load(folder / "images.npy", mmap_mode="r"),
        "strided": doubled[::2],
    }


@every_estimator
@every_layout
@every_dtype
def test_the_order_in_memory_does_not_matter(estimator, layout, dtype, tmp_path):
    X = make_images(layout, dtype)
    before, results = X.copy(), {}
    for order, images in in_memory_orders(X, tmp_path).items():
        fitted = fit(estimator, layout, images)
        results[order] = fitted.transform(images)
        assert results[order].dtype == np.float32
        assert np.isfinite(results[order]).all()
        if not isinstance(estimator, VAE):
            assert results[order].shape == X.shape
        assert fitted.inverse_transform(results[order]).shape == X.shape
    assert np.array_equal(X, before)
    for order, result in results.items():
        assert np.array_equal(result, results["C"]), order


@every_estimator
@every_layout
def test_laws_of_transformers_hold_on_images(estimator, layout):
    X = make_images(layout, np.float32)
    fitted = fit(estimator, layout, X)
    once = fitted.transform(X)
    assert np.array_equal(fit(estimator, layout, X).transform(X), once)
    assert np.array_equal(fitted.fit(X).transform(X), once)
    assert np.array_equal(clone(fitted).fit(X).transform(X), once)
    pickled = pickle.dumps(fitted)
    assert b"CallbackContext" not in pickled
    assert np.array_equal(pickle.loads(pickled).transform(X), once)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(fitted.transform(X[order]), once[order], rtol=1e-4, atol=1e-6)
    one_by_one = np.concatenate([fitted.transform(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(one_by_one, once, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(clone(fitted).fit_transform(X), once)


@every_estimator
@every_layout
def test_wrong_images_are_refused_on_every_layout(estimator, layout):
    X = make_images(layout, np.float64)
    fitted, unfitted = fit(estimator, layout, X), clone(estimator)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        unfitted.transform(X)
    hurt = X.copy()
    hurt.flat[7] = np.nan
    many = X.reshape(*X.shape, *(1,) * (5 - X.ndim))
    endless = np.where(np.isnan(hurt), np.inf, hurt)
    for bad in (X[:, 1:], X[0, ..., 0], X[:0], many, hurt, endless, X.astype(complex), np.char.add(X.astype(str), "?")):
        with pytest.raises((ValueError, TypeError)):
            fitted.transform(bad)
    for bad in (X[0].ravel(), X[:0], many, hurt, X.astype(complex)):
        with pytest.raises((ValueError, TypeError)):
            fit(estimator, layout, bad)


@every_estimator
def test_a_fit_that_fails_changes_nothing(estimator):
    X = make_images("stack", np.float32)
    fitted = fit(estimator, "stack", X)
    before, once = dict(vars(fitted)), fitted.transform(X)
    for bad in (X[:, :4, :4] * np.nan, X.astype(complex)):
        with pytest.raises(ValueError, match=r"NaN|Complex"):
            fitted.fit(bad)
    diverging = {name: 1e300 for name in fitted.get_params() if name.split("__")[-1] == "reconstruction_weight"}
    with pytest.raises(ValueError, match="diverged"):
        fitted.set_params(**diverging).fit(X[:, :4, :4])
    assert fitted.image_shape_ == before["image_shape_"]
    assert np.array_equal(fitted.transform(X), once)
    for parameters, images, reason in (({}, X * np.nan, "NaN"), (diverging, X, "diverged")):
        unfitted = clone(estimator).set_params(**parameters)
        with pytest.raises(ValueError, match=reason):
            unfitted.fit(images)
        assert not [name for name in vars(unfitted) if name.endswith("_") or name not in estimator.get_params()]


@every_estimator
def test_data_frames_come_out_of_rows_only(estimator):
    rows, stack = (make_images(layout, np.float64) for layout in ("rows", "stack"))
    with config_context(transform_output="pandas"):
        fitted = fit(estimator, "rows", rows)
        frame = fitted.transform(rows)
        assert list(frame.columns) == list(fitted.get_feature_names_out())
        assert isinstance(fitted.inverse_transform(frame.to_numpy()), np.ndarray)
        images = fit(estimator, "stack", stack)
        if not isinstance(estimator, VAE):
            assert isinstance(images.transform(stack), np.ndarray)
            assert not hasattr(images, "get_feature_names_out")
            assert isinstance(fitted.reconstruct(rows), np.ndarray)
            assert np.isfinite([row.error for row in error_table(fitted, rows)]).all()
            composed = fitted.compose(*fitted.aug_names_)
            assert list(composed.transform(rows).columns) == list(frame.columns)


def test_columns_keep_their_names():
    import pandas as pd

    X = pd.DataFrame(make_images("rows", np.float64), columns=[f"pixel {k}" for k in range(64)])
    fitted = clone(JOINT).fit(X)
    assert list(fitted.get_feature_names_out()) == list(X.columns)
    assert list(fitted["flip_lr"].set_output(transform="pandas").transform(X).columns) == list(X.columns)
    with pytest.raises(ValueError, match="feature names"):
        fitted.transform(X[X.columns[::-1]])


def test_a_notebook_links_to_the_documentation():
    assert "/generated/latentaug.VAE.html" in TINY._repr_html_()


def test_the_package_is_imported_in_no_time():
    code = """
import time
start = time.perf_counter(); import sklearn.base
middle = time.perf_counter(); import latentaug
print((time.perf_counter() - middle) / (middle - start))
"""
    ratios = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    assert min(ratios) < 0.15  # importing sklearn.base takes a second where Python is slow

"""Input that cannot go wrong in silence: every verb names what is on another scale, laid out otherwise, or no image."""

import copy
import os
import pickle
import random
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.ndimage import gaussian_filter
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torchvision.transforms import v2

from latentaug import VAE, ConditionalVAE, LatentAugmenter, LatentResampler, TransferHead, augs, load
from latentaug.augs import from_torchvision
from latentaug.augs.views import declare_views
from latentaug.images import ImageFormat
from latentaug.latent.algebra import find_algebra
from latentaug.metrics import error_table, scorecard

QUICK = VAE(4, hidden_channels=(4, 8), max_iter=1, device="cpu", random_state=0)
DIGITS = load_digits().images[:40]
X = (DIGITS / 16).astype(np.float32)
U = (255 * X).astype(np.uint8)
Y = load_digits().target[:40]


def flips(X):
    return LatentAugmenter(["flip_lr"], PCA(4), method="staged").fit(X)


# Every estimator, fitted on images; every verb that takes some.
FITTED = {
    "VAE": lambda X: clone(QUICK).fit(X),
    "staged": flips,
    "joint": lambda X: LatentAugmenter(["flip_lr"], QUICK).fit(X),
    "conditional": lambda X: ConditionalVAE(["flip_lr"], QUICK).fit(X),
    "head": lambda X: TransferHead(flips(X), ["flip_ud"], autoencoder=QUICK).fit(X),
    "transform": lambda X: flips(X)["flip_lr"],
}
VERBS = {
    "transform": lambda model, X: model.transform(X),
    "latent_distribution": lambda model, X: model.latent_distribution(X),
    "score_samples": lambda model, X: model.score_samples(X),
    "inverse_transform": lambda model, X: model.inverse_transform(X),
    "score": lambda model, X: model.score(X),
    "partial_fit": lambda model, X: model.partial_fit(X),
    "encode": lambda model, X: model.encode(X),
    "reconstruct": lambda model, X: model.reconstruct(X),
    "carry": lambda model, X: model.carry(X),
    "interpolate": lambda model, X: model.interpolate(X, X),
    "recurse": lambda model, X: model.recurse(X, model.aug_names_[0], 1),
    "error_table": error_table,
    "scorecard": scorecard,
    "fit_resample": lambda model, X: LatentResampler(model).fit_resample(X, Y),
}
OF_AUGMENTERS = set(list(VERBS)[6:])
# (estimator, verb) for every verb that an estimator has.
PAIRS = [
    (model, verb)
    for model in FITTED
    for verb in VERBS
    if (verb in OF_AUGMENTERS or verb == "score") <= (model != "transform")
    and (verb in OF_AUGMENTERS) <= (model != "VAE")
    and (verb == "partial_fit") <= (model in ("VAE", "joint"))
    and (verb == "score_samples") <= (model == "VAE")
    and (verb == "inverse_transform") <= (model != "VAE")
    and (verb == "latent_distribution") <= (model in ("VAE", "joint"))
]
MODELS = {}


def made(name, kind, X):
    """A model, fitted once on images of a kind; a copy where a verb changes it."""
    if (name, kind) not in MODELS:
        MODELS[name, kind] = FITTED[name](X)
    return MODELS[name, kind]


@pytest.mark.parametrize(("name", "verb"), PAIRS)
def test_every_verb_refuses_floats_on_the_scale_of_bytes(name, verb):
    model = made(name, "bytes", U)
    with pytest.raises(ValueError, match=r"^X is on another scale than the training data, integers 0..255. Got floats"):
        VERBS[verb](model, U.astype(np.float32))


@pytest.mark.parametrize(("name", "verb"), PAIRS)
def test_every_verb_warns_of_images_far_inside_the_range(name, verb):
    model = made(name, "wide", 255 * X)
    with pytest.raises(UserWarning, match=r"^X may be on another scale than the training data, floats on 0..255, of"):
        VERBS[verb](model, X)


# What is fitted on, what comes then, and what is said of it: nothing, a warning or a refusal.
SCALES = {
    "floats, then bytes": (X, U, None),
    "bytes, then floats": (U, X, None),
    "floats 0..255, then bytes": (255 * X, U, None),
    "floats, then 0..255": (X, 255 * X, ValueError),
    "floats, then 0..16": (X, 16 * X, ValueError),
    "floats, then -1..1": (X, 2 * X - 1, UserWarning),
    "-1..1, then 0..1": (2 * X - 1, X, UserWarning),
    "-1..1, then 0..255": (2 * X - 1, 255 * X, ValueError),
    "bytes, then masks": (U, (X > 0.5).astype(int), UserWarning),
    "truths, then 0 and 1": (X > 0.5, (X > 0.5).astype(int), UserWarning),
    "truths, then bytes": (X > 0.5, 255 * (X > 0.5).astype(int), None),
    "floats 0..16, then integers 0..16": (DIGITS, DIGITS.astype(int), UserWarning),
    "floats, then scaled twice": (X, X / 255, UserWarning),
}


@pytest.mark.parametrize("case", SCALES)
def test_the_scale_of_the_training_data_is_remembered(case):
    first, then, said = SCALES[case]
    model = flips(first)
    if said is None:
        model.transform(then)
        return
    with pytest.raises(said, match=r"^X .*another scale than the training data, "):
        model.transform(then)


@pytest.mark.parametrize(("low", "high", "as_kind"), [(0, 255, float), (0, 255, int), (-1, 1, float), (2, 6, float)])
def test_what_nearly_every_image_spans_is_said_on_the_scale_of_the_training_data(low, high, as_kind):
    images = np.random.default_rng(0).random((20, 8, 8))
    images[:, 0, 0], images[:, 7, 7] = 0, 1
    model = flips((low + (high - low) * images).astype(as_kind))
    with pytest.raises(UserWarning, match=rf"of which nearly every image spans {low}\.\.{high}\. Got"):
        model.transform((low + (high - low) * images / 100).astype(as_kind))


NULLABLE = {
    "Int64": lambda R: pd.DataFrame(R).astype("Int64"),
    "one column of floats": lambda R: pd.DataFrame(R.astype(int)).astype({5: float}),
    "objects": lambda R: R.astype(object),
}


@pytest.mark.parametrize("kind", NULLABLE)
def test_integers_in_any_container_are_integers(kind):
    rows = U.reshape(len(U), -1)
    given = NULLABLE[kind](rows)
    model, again = flips(rows), flips(given)
    plain = model.transform(rows)
    if kind == "objects":  # a frame has names, which an array has not
        np.testing.assert_array_equal(model.transform(given), plain)
    np.testing.assert_array_equal(again.transform(given), plain)
    assert again.format_ == model.format_


# Integers and floats that their dtype would make nearly black.
DARK = {"masks": U // 128, "labels": DIGITS.astype(np.uint8), "six bits": U // 5, "scaled twice": X / 255}


@pytest.mark.parametrize("kind", DARK)
@pytest.mark.parametrize("name", ["VAE", "staged", "conditional"])
def test_what_would_be_nearly_black_is_warned_about_with_the_cure(name, kind):
    with pytest.raises(UserWarning, match=r"^X holds .* up to .*: nearly black. Scale them: X"):
        FITTED[name](DARK[kind])


def test_a_view_on_another_scale_is_warned_about():
    with pytest.raises(UserWarning, match=r"^View \('mask',\) holds 0..1 beside images of 0..255; scale it alike"):
        LatentAugmenter(["mask"], PCA(4), method="staged").fit(U, views={"mask": U // 128})


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 24, 40), (4, 8, 8), (2, 16, 16)])
@pytest.mark.parametrize("as_kind", [np.asarray, torch.as_tensor, list])
def test_channels_first_is_refused_with_the_cure(shape, as_kind):
    images = np.random.default_rng(0).random((8, *shape))
    with pytest.raises(ValueError, match=re.escape("np.moveaxis(X, 1, -1)")):
        clone(QUICK).fit(as_kind(images))
    with pytest.raises(ValueError, match=re.escape("np.moveaxis(X, 1, -1)")):
        clone(QUICK).set_params(image_shape=shape).fit(images.reshape(8, -1))
    model = LatentAugmenter(["flip_lr"], PCA(2), method="staged").fit(np.moveaxis(images, 1, -1))
    with pytest.raises(ValueError, match=r"channels|Channels"):
        model.transform(images)


def test_what_may_be_channels_first_is_warned_about():
    with pytest.raises(UserWarning, match=r"taken as H, W, C: 16 channels"):
        flips(np.random.default_rng(0).random((8, 6, 16, 16)))


def outlier(value):
    images = X.copy()
    images[3, 4, 4] = value
    return images


@pytest.mark.parametrize("images", [outlier(1e6), outlier(-40), StandardScaler().fit_transform(load_digits().data)])
def test_what_a_few_pixels_would_squeeze_is_refused(images):
    with pytest.raises(ValueError, match=r"^X reaches from .*would be squeezed to nothing. Clip it: np.clip\(X, "):
        clone(QUICK).fit(images)


@pytest.mark.parametrize("given", ["images", "a list of them"])
def test_masked_pixels_are_missing(given):
    masked = np.ma.masked_array(X, X > 0.5)
    masked = masked if given == "images" else list(masked)
    message = r"masked values, which mean missing"
    for wrong in (lambda: clone(QUICK).fit(masked), lambda: made("staged", "plain", X).transform(masked)):
        with pytest.raises(ValueError, match=f"^X has {message}"):
            wrong()
    with pytest.raises(ValueError, match=r"^View \('a',\): a partner is missing as a whole, or not at all"):
        LatentAugmenter(["a"], PCA(4), method="staged").fit(X, views={"a": masked})


# What is no array of images, and what is said of it.
NO_IMAGES = {
    "five axes": (np.zeros((2, 3, 8, 8, 3)), r"Got 5 axes. .*X.reshape\(-1, \*X.shape\[2:\]\)"),
    "ragged": ([np.zeros((3, 3)), np.zeros((4, 3))], r"^X must hold images of one shape. Got \(3, 3\), \(4, 3\)"),
    "a path": ("faces/1.png", r"^X must be an array of images .*Got 'faces/1.png'"),
    "paths": (["1.png", "2.png"], r"Got a list of paths or strings: read the pictures first"),
    "a DataLoader": (
        torch.utils.data.DataLoader([1, 2]),
        r"^X, a DataLoader, does not give images: an image has 1 to 3 axes",
    ),
    "None": (None, r"Got None"),
    "a dict": ({"X": X}, r"Got a dict"),
    "complex": (X + 1j, r"^Complex data not supported: X must be real numbers. Got complex64"),
    "one image": (X[0], r"^X is one image, of shape \(8, 8\). Allowed: images, such as X\[None\]"),
    "huge": (1e300 * X.astype(np.float64), r"^Pixels must lie within 1e\+30 of 0"),
}


@pytest.mark.parametrize("kind", NO_IMAGES)
@pytest.mark.parametrize("name", ["VAE", "staged", "transform"])
def test_what_is_no_array_of_images_is_named(name, kind):
    given, message = NO_IMAGES[kind]
    model = made(name, "plain", X)
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        model.transform(given)
    assert "\n" not in str(caught.value)


def sometimes(what):
    """An augmentation that does something to a few bright images only."""

    def augment(X):
        X = X.copy()
        X[X.mean(axis=(1, 2)) > 0.37] = what
        return X

    return "sometimes", augment


own = np.random.default_rng(0)
# Augmentations that break their contract, and what is said of them, by name.
BROKEN = {
    "torchvision, half of the time": (from_torchvision(v2.RandomHorizontalFlip(0.5)), "gave two results"),
    "torchvision, now and then": (from_torchvision(v2.RandomApply([v2.RandomInvert(1)], p=0.3)), "gave two results"),
    "torchvision, seldom": (from_torchvision(v2.RandomHorizontalFlip(0.01)), "gave two results"),
    "a generator of its own": (("x", lambda X: X if own.random() < 0.5 else X[:, ::-1]), "gave two results"),
    "numpy's generator": (("x", lambda X: X if np.random.rand() < 0.999 else 1 - X), "moves the global generator of"),  # noqa: NPY002
    "Python's generator": (("x", lambda X: X if random.random() < 0.999 else 1 - X), "moves the global generator of"),
    "upside down": (np.flipud, "acts on the batch"),
    "every axis": (np.flip, "acts on the batch"),
    "a blur over images": (("x", lambda X: gaussian_filter(X, 1)), "acts on the batch"),
    "over the mean": (("x", lambda X: np.clip(X - X.mean(), 0, 1)), "acts on the batch"),
    "over the end": (("x", lambda X: np.roll(X, 1)), "acts on the batch"),
    "sorted": (("x", lambda X: X[np.argsort(X.sum(axis=(1, 2)))]), "acts on the batch"),
    "transposed": (("x", lambda X: np.rot90(X)), "changed the shape|acts on the batch"),
    "too bright, sometimes": (sometimes(3.0), "left the value range"),
    "NaN, sometimes": (sometimes(np.nan), "returned NaN"),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("method", ["joint", "staged"])
def test_an_augmentation_that_breaks_its_contract_is_named_every_time(kind, method, global_generators):
    aug, message = BROKEN[kind]
    images = (load_digits().images[:200] / 16).astype(np.float32)
    model = LatentAugmenter([aug], QUICK if method == "joint" else PCA(4), method=method)
    for _ in range(3 if method == "staged" else 1):
        with pytest.raises(ValueError, match=rf"^Augmentation '\w+'.*({message})"):
            model.fit(images)


@pytest.mark.parametrize("transform", [v2.RandomInvert(1), v2.RandomRotation((90, 90))])
def test_what_draws_and_does_the_same_is_accepted(transform, global_generators):
    assert LatentAugmenter([from_torchvision(transform)], PCA(4), method="staged").fit(X).aug_names_


RANGES = {"0..255": (0, 255), "-1..1": (-1, 1), "0..16": (0, 16)}


@pytest.mark.parametrize("span", RANGES)
@pytest.mark.parametrize("aug", ["canny", "edge_detect", "shear_x", from_torchvision(v2.RandomInvert(1))])
def test_what_knows_white_and_black_sees_them_on_any_range(aug, span):
    low, high = RANGES[span]
    on_unit, on_range = (
        declare_views(images, [aug], ImageFormat((8, 8), value_range=ends), {})
        for images, ends in ((X, (0.0, 1.0)), (X * (high - low) + low, (low, high)))
    )
    names = tuple(on_unit.augs)
    made = (on_range.take(slice(None), names) - low) / (high - low)
    np.testing.assert_allclose(made, on_unit.take(slice(None), names), atol=1e-5)


@pytest.mark.parametrize("aug", [augs.canny, augs.edge_detect, augs.shear_x])
@pytest.mark.parametrize("images", [255 * X, 2 * X - 1])
def test_what_knows_white_and_black_refuses_floats_elsewhere(aug, images):
    with pytest.raises(ValueError, match=r"takes integers 0..255 or floats in \[0, 1\]. Got floats"):
        aug(images)


def mostly(images, fill, place):
    """Two thousand images, of which twenty are given, and the others alike."""
    stack = np.empty((2000, 8, 8), dtype=images.dtype)
    stack[:] = fill
    stack[place] = images[:20]
    return stack


PLACES = {
    "first": slice(0, 20),
    "last": slice(1980, 2000),
    "somewhere": slice(1001, 1021),
    "here and there": slice(7, 2000, 100),
}
RING = np.pad(np.ones((4, 4)), 2)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fill", [0.0, 1.0, RING], ids=["black", "white", "symmetric"])
def test_laws_are_looked_at_on_images_that_differ(place, fill):
    images = mostly(X, fill, PLACES[place])
    data = declare_views(images, ["flip_lr", "rotate_cw"], ImageFormat((8, 8)), {})
    assert find_algebra(data).orders == {"flip_lr": 2, "rotate_cw": 4}


def test_an_augmentation_that_changes_few_images_is_found_to():
    few = ("few", lambda X: np.where(X.sum(axis=(1, 2), keepdims=True) > 20, 1 - X, X))
    images = mostly(X, 0.0, PLACES["last"])
    images[:1980, 2, 3] = 1
    assert find_algebra(declare_views(images, [few], ImageFormat((8, 8)), {})).orders == {"few": 2}


NOTHING = {
    "nothing": (X, [("nothing", lambda X: X)]),
    "blank": (np.zeros_like(X), ["flip_lr"]),
    "rows": (X.reshape(len(X), -1), ["flip_ud"]),
}


@pytest.mark.parametrize("kind", NOTHING)
@pytest.mark.parametrize("verb", ["fit", "partial_fit"])
def test_an_augmentation_that_does_nothing_is_warned_about(kind, verb):
    images, names = NOTHING[kind]
    with pytest.raises(UserWarning, match=r"^\w+ leaves all images looked at unchanged"):
        getattr(LatentAugmenter(names, QUICK), verb)(images)


VIEWS = {"mirrored": lambda X: X[:, :, ::-1], "edges": augs.edge_detect, "negative": lambda X: 1 - X}


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize("seed", range(3))
def test_shuffled_pairs_are_warned_about(kind, seed):
    order, view = np.random.default_rng(seed).permutation(len(X)), VIEWS[kind](X)
    LatentAugmenter(["a"], PCA(4), method="staged").fit(X, views={"a": view})
    with pytest.raises(UserWarning, match=r"^View \('a',\): its images fit those beside them in X no better than"):
        LatentAugmenter(["a"], PCA(4), method="staged").fit(X, views={"a": view[order]})


def streams(folder):
    """A VAE whose trainings are read again."""
    return VAE(**QUICK.get_params()).set_params(checkpoint_dir=folder)


@pytest.mark.slow
@pytest.mark.parametrize("row", [0, 1, 17, 199])
def test_every_image_counts_in_the_name_of_a_checkpoint(row, tmp_path, caplog):
    images = load_digits().images[:200] / 16
    other = images.copy()
    other[row] = 1 - other[row]
    caplog.set_level("INFO", "latentaug")
    first, second = streams(tmp_path).fit(images), streams(tmp_path).fit(other)
    assert len(list(tmp_path.iterdir())) == 2
    assert not np.array_equal(first.transform(images), second.transform(images))
    assert "finished training" not in caplog.text
    again = streams(tmp_path).fit(images)
    assert "A finished training was read; nothing is trained" in caplog.text
    np.testing.assert_array_equal(again.transform(images), first.transform(images))


def test_every_latent_and_pair_counts_too(tmp_path):
    for last in (1 - X[-1], X[-1] / 2):
        views = {"a": np.concatenate([1 - X[:-1], last[None]])}
        LatentAugmenter(["a"], streams(tmp_path), random_state=0).fit(X, views=views)
    assert len(list(tmp_path.iterdir())) == 2


UNSEEDED = {
    "VAE": lambda vae: vae,
    "LatentAugmenter": lambda vae: LatentAugmenter(["flip_lr"], vae),
    "ConditionalVAE": lambda vae: ConditionalVAE(["flip_lr"], vae),
    "TransferHead": lambda vae: TransferHead(made("staged", "plain", X), ["flip_lr"], autoencoder=vae),
}


@pytest.mark.parametrize("name", UNSEEDED)
def test_a_checkpoint_that_no_fit_will_find_is_warned_about(name, tmp_path):
    with pytest.raises(UserWarning, match=r"^checkpoint_dir without a random_state: every fit draws another seed"):
        UNSEEDED[name](streams(tmp_path).set_params(random_state=None)).fit(X)
    if name != "VAE":
        UNSEEDED[name](streams(tmp_path).set_params(random_state=None)).set_params(random_state=0).fit(X)
        assert list(tmp_path.iterdir())


def test_a_checkpoint_is_written_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    streams("~/ck").fit(X)
    assert list((tmp_path / "ck").iterdir())
    assert not (tmp_path / "~").exists()


CHANGED = {"latent_dim": 7, "hidden_channels": (2, 3, 4), "image_shape": (4, 16), "kl_weight": 2.0}


@pytest.mark.parametrize("parameter", CHANGED)
def test_a_fitted_network_does_not_change_with_parameters(parameter, tmp_path):
    vae = clone(QUICK).fit(X)
    expected = vae.transform(X)
    vae.set_params(**{parameter: CHANGED[parameter]}).save(tmp_path / "vae")
    pipeline = make_pipeline(vae)
    for again in (pickle.loads(pickle.dumps(vae)), load(tmp_path / "vae"), copy.deepcopy(pipeline)[0], copy.copy(vae)):
        np.testing.assert_array_equal(again.transform(X), expected)
        assert getattr(again, parameter) == CHANGED[parameter]


@pytest.mark.parametrize(("name", "value"), list(CHANGED.items())[:2])
@pytest.mark.parametrize("verb", ["fit", "partial_fit"])
def test_training_goes_on_with_a_network_of_its_size_only(verb, name, value):
    vae = clone(QUICK).fit(X).set_params(warm_start=True, **{name: value})
    with pytest.raises(
        ValueError, match=r"^warm_start and partial_fit go on from latent_dim=4, network='conv', hidden_channels"
    ):
        getattr(vae, verb)(X)


FORKED = """
import sys, warnings, multiprocessing
import numpy as np, torch
torch.set_num_threads(2)
from latentaug import VAE
X = np.random.default_rng(0).random((600, 8, 8))
vae = VAE(4, max_iter=1, random_state=0).fit(X)
expected = vae.transform(X)
with multiprocessing.get_context("fork").Pool(2) as pool:
    parts = pool.map_async(vae.transform, np.array_split(X, 4)).get(timeout=60)
np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-4, atol=1e-5)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_fork_after_a_fit_does_not_hang():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shape", [(7, 7), (8, 9)])
def test_a_shape_of_rows_that_is_not_that_of_the_stack_is_refused(shape, digits):
    with pytest.raises(ValueError, match=r"image_shape \(\d, \d\) is not that of X\. Got images of shape \(8, 8\)\."):
        VAE(2, max_iter=1, image_shape=shape).fit(digits[:9])


def test_passes_that_are_an_array_are_refused_in_one_line(digits):
    with pytest.raises(TypeError, match=r"^max_iter .*Got "):
        clone(QUICK).set_params(max_iter=np.ones((3, 3))).fit(digits[:20])

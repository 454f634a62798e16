"""Images written into an array that is given, and whatever the batches, the same images."""

import numpy as np
import pytest
from conftest import IdentityAutoencoder
from sklearn import config_context
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

from latentaug import VAE, ConditionalVAE, LatentAugmenter, TransferHead, _rows

QUICK = VAE(latent_dim=4, hidden_channels=(4, 8), kl_weight=0.01, max_iter=1, device="cpu", random_state=0)
MODELS = {
    "VAE": LatentAugmenter(["flip_lr", "shear_x"], QUICK, random_state=0),
    "frozen VAE": LatentAugmenter(["flip_lr"], FrozenEstimator(QUICK), method="staged"),
    "refined": LatentAugmenter(["flip_lr"], clone(QUICK).set_params(refine_steps=2), random_state=0),
    "PCA": LatentAugmenter(["flip_lr"], PCA(4), method="staged"),
    "identity": LatentAugmenter(["flip_lr"], IdentityAutoencoder(), method="staged"),
    "ConditionalVAE": ConditionalVAE(["flip_lr"], QUICK, random_state=0),
    "TransferHead": TransferHead(LatentAugmenter(["flip_lr"], QUICK, random_state=0), ["flip_ud"], random_state=0),
}
VERBS = {
    "transform": lambda model, X, **out: model.transform(X, **out),
    "inverse_transform": lambda model, X, **out: model.inverse_transform(X, **out),
    "reconstruct": lambda model, X, **out: model.reconstruct(X, **out),
    "carry": lambda model, X, **out: model.carry(X, model.aug_names_[0], (), **out),
    "composed": lambda model, X, **out: model.compose(*model.aug_names_[:1] * 2).transform(X, **out),
    "composed, undone": lambda model, X, **out: model[model.aug_names_[0]].inverse_transform(X, **out),
}
every_model = pytest.mark.parametrize("name", MODELS)
every_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
FITTED = {}


def fitted(name, X):
    """A model, fitted once for all tests."""
    if name not in FITTED:
        model = clone(MODELS[name])
        if name == "frozen VAE":
            model.set_params(autoencoder=FrozenEstimator(clone(QUICK).fit(X)))
        FITTED[name] = model.fit(X)
    return FITTED[name]


def arrays_for(X, folder):
    """Arrays of every layout that images like X may be written into."""
    yield from (np.empty(X.shape, dtype) for dtype in (np.float32, np.float64, np.uint8, np.int16, np.uint64, ">f4"))
    yield np.empty(X.shape, np.float32, order="F")
    yield np.empty((*X.shape, 2), np.float32)[..., 0]
    yield np.empty(X.shape, np.uint8)[::-1]
    yield np.memmap(folder / "plain", np.float32, "w+", shape=X.shape)
    yield np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, X.shape)


@every_model
@every_verb
@pytest.mark.parametrize("flat", [False, True])
def test_what_is_written_is_what_is_returned_otherwise(digits, tmp_path, name, verb, flat):
    X = digits[:70].reshape(70, 64) if flat else digits[:70]
    model = fitted(name, digits)
    expected = verb(model, X)
    assert expected.dtype == np.float32
    for out in arrays_for(X, tmp_path):
        assert verb(model, X, out=out) is out
        wanted = np.rint(expected * 255) if out.dtype.kind in "ui" else expected
        assert np.array_equal(out.astype(wanted.dtype), wanted)  # float64 may hold more


@every_model
@every_verb
def test_batches_are_the_whole(digits, monkeypatch, name, verb):
    model, X = fitted(name, digits), digits[:100]
    whole = verb(model, X)
    monkeypatch.setattr(_rows, "BATCH_PIXELS", 64 * 9)
    assert np.allclose(verb(model, X), whole, atol=1e-4)
    assert np.array_equal(verb(model, X)[:9], verb(model, X[:9]))
    assert np.allclose(model.decode(model.encode(X)), verb(model, X) if verb is VERBS["reconstruct"] else
                       model.reconstruct(X), atol=1e-4) or name in ("ConditionalVAE", "TransferHead")  # fmt: skip


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_memory_map_goes_through_as_an_array_does(digits, tmp_path, dtype):
    X = (digits * 255).astype(dtype) if dtype == np.uint8 else digits.astype(dtype)
    np.save(tmp_path / "images.npy", X)
    mapped, out = np.load(tmp_path / "images.npy", mmap_mode="r"), np.memmap(tmp_path / "out", dtype, "w+", 0, X.shape)
    model = LatentAugmenter(["flip_lr"], QUICK, random_state=0).fit(X)
    assert np.array_equal(model.transform(mapped), model.transform(X))
    assert np.array_equal(model.transform(mapped, out=out), model.transform(X, out=np.empty_like(X)))
    assert np.array_equal(model.encode(mapped), model.encode(X))
    assert np.array_equal(model.autoencoder_.score_samples(mapped), model.autoencoder_.score_samples(X))


def test_every_byte_comes_out_as_the_byte_that_it_was_and_as_its_share_of_white():
    X = np.arange(256, dtype=np.uint8).reshape(16, 4, 4)
    model = LatentAugmenter(["flip_lr"], IdentityAutoencoder(), method="staged", geometry="group").fit(X)
    assert np.array_equal(model.reconstruct(X, out=np.empty_like(X)), X)
    assert np.array_equal(model.reconstruct(X), (X / 255).astype(np.float32))
    assert np.array_equal(model.transform(X, out=np.empty_like(X)), X[:, :, ::-1])


def test_a_network_answers_on_the_range_of_its_images(digits):
    plain, shifted = (clone(QUICK).fit(images) for images in (digits, digits * 40 - 7))
    expected = plain.inverse_transform(plain.transform(digits)) * 40 - 7
    assert np.allclose(shifted.inverse_transform(shifted.transform(digits * 40 - 7)), expected, atol=0.01)


def test_integers_of_images_on_their_own_range_are_on_0_to_255(digits):
    model = LatentAugmenter(["flip_lr"], PCA(8), method="staged").fit(digits * 40 - 7)
    X = digits[:50] * 40 - 7
    out = model.transform(X, out=np.empty(X.shape, np.uint8))
    assert np.abs(out / 255 * 40 - 7 - model.transform(X)).max() <= 0.5 * 40 / 255 + 1e-4


def frozen(array):
    array.flags.writeable = False
    return array


WRONG = {
    "a list": lambda X: X.tolist(),
    "a name": lambda X: "images.npy",
    "too few": lambda X: np.zeros(X.shape)[1:],
    "flat rows": lambda X: np.zeros((len(X), 64)),
    "another size": lambda X: np.zeros((len(X), 9, 9)),
    "bool": lambda X: np.zeros(X.shape, bool),
    "int8": lambda X: np.zeros(X.shape, np.int8),
    "float16": lambda X: np.zeros(X.shape, np.float16),
    "complex": lambda X: np.zeros(X.shape, complex),
    "objects": lambda X: np.zeros(X.shape, object),
    "dates": lambda X: np.zeros(X.shape, "datetime64[s]"),
    "read-only": lambda X: frozen(np.zeros(X.shape)),
    "X": lambda X: X,
    "X backwards": lambda X: X[::-1],
}


@every_verb
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_array_is_refused_in_one_line_before_anything_is_written(digits, verb, wrong):
    model, X = fitted("VAE", digits), digits[:10].copy()
    out = wrong(X)
    before = np.array(out, copy=True)
    with pytest.raises((TypeError, ValueError), match=r"^out must [^\n]*$"):
        verb(model, X, out=out)
    assert np.array_equal(out, before)


def test_images_that_are_refused_leave_the_array_as_it_was(digits):
    out = np.full((10, 8, 8), 7.0)
    with pytest.raises(ValueError, match="NaN"):
        fitted("VAE", digits).transform(digits[:10] * np.nan, out=out)
    assert (out == 7).all()


@every_model
def test_an_array_to_write_into_is_no_metadata(digits, name):
    model = fitted(name, digits)
    for estimator in (model, model.compose()):
        requests = estimator.get_metadata_routing()
        for verb in ("transform", "inverse_transform"):
            asked = getattr(requests, verb).requests
            assert set(asked) <= {"labels"}
            assert hasattr(estimator, f"set_{verb}_request") == bool(asked)


def test_data_frames_come_out_where_no_array_is_given(digits):
    rows = digits.reshape(len(digits), 64)
    with config_context(transform_output="pandas"):
        model = LatentAugmenter(["flip_lr"], PCA(4), method="staged", image_shape=(8, 8)).fit(rows)
        frame = model.transform(rows)
        assert list(frame.columns) == list(model.get_feature_names_out())
        out = np.empty(rows.shape, np.float32)
        model.transform(rows, out=out)
    assert np.array_equal(frame, out)


def test_a_frozen_autoencoder_of_other_images_is_refused(digits):
    small = FrozenEstimator(clone(QUICK).fit(digits[:, :6, :6]))
    with pytest.raises(ValueError, match="64 features, but VAE is expecting 36"):
        LatentAugmenter(["flip_lr"], small, method="staged").fit(digits)


def test_a_frozen_autoencoder_of_flat_rows_takes_stacks(digits):
    rows = clone(QUICK).set_params(image_shape=(4, 16)).fit(digits.reshape(-1, 64))
    model = LatentAugmenter(["flip_lr"], FrozenEstimator(rows), method="staged").fit(digits)
    assert model.reconstruct(digits).shape == digits.shape
    decoded = rows.inverse_transform(rows.transform(digits.reshape(-1, 64)))
    assert np.allclose(model.reconstruct(digits).reshape(-1, 64), decoded, atol=1e-6)

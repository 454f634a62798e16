"""Streams: many parts give the maps of one pass, go on from where they were, and travel between parts."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

from latentaug import VAE, LatentAugmenter, load
from latentaug.learn.training import OPTIMIZERS

QUICK = VAE(latent_dim=4, network="paper", hidden_channels=(2, 3), max_iter=2, kl_weight=0.01, random_state=0)
GEOMETRIES = ("auto", "free", "orthogonal", "finite_order", "group")
JOINT = {
    "exact maps": LatentAugmenter(["flip_lr", "flip_ud"], QUICK, random_state=0),
    "learned maps": LatentAugmenter(["shear_x", "flip_ud"], QUICK, random_state=0),
}
STREAMED = {**{name: clone(QUICK).set_params(optimizer=name) for name in OPTIMIZERS}, **JOINT}


def weights(model):
    return dict(getattr(model, "autoencoder_", model).network_.state_dict())


def same(one, other):
    """Whether two models have the same bits."""
    first, second = weights(one), weights(other)
    maps = [getattr(model, "latent_maps_", {}) for model in (one, other)]
    return all(np.array_equal(first[name], second[name]) for name in first) and all(
        np.array_equal(maps[0][name], maps[1][name]) for name in maps[0]
    )


@pytest.mark.parametrize("geometry", GEOMETRIES)
@given(cuts=st.lists(st.integers(1, 999), max_size=4, unique=True))
@settings(max_examples=5)
def test_staged_parts_give_the_maps_of_one_pass(geometry, cuts, digits):
    X = digits
    frozen = FrozenEstimator(PCA(6).fit(X.reshape(len(X), -1)))
    augmenter = LatentAugmenter(["flip_lr", "rotate_cw"], frozen, method="staged", geometry=geometry)
    once, streamed = clone(augmenter).fit(X), clone(augmenter)
    for part in np.split(X, sorted(cuts)):
        streamed.partial_fit(part)
    for name, L in once.latent_maps_.items():
        np.testing.assert_allclose(streamed.latent_maps_[name], L, atol=1e-6)
    assert streamed.stream_.n_images == len(X)


@pytest.mark.parametrize("model", STREAMED.values(), ids=STREAMED)
def test_a_stream_learns_and_repeats_its_bits(model, digits):
    parts = np.split(digits, 4)
    first, again = clone(model), clone(model)
    for part in parts:
        first.partial_fit(part)
        again.partial_fit(part)
    assert same(first, again)
    vae = getattr(first, "autoencoder_", first)
    assert vae.n_iter_ == len(vae.loss_curve_) == len(parts)
    assert vae.loss_curve_[-1] < vae.loss_curve_[0]
    assert vae.stream_.n_calls == len(parts)
    assert vae.stream_.n_steps == sum(-(-len(part) // QUICK.batch_size) for part in parts)


@pytest.mark.parametrize("model", STREAMED.values(), ids=STREAMED)
def test_a_stream_goes_on_where_it_travelled_to(model, digits, tmp_path):
    first, second = np.split(digits[:400], 2)
    begun = clone(model).partial_fit(first)
    begun.save(tmp_path / "begun")
    saved, pickled = load(tmp_path / "begun"), pickle.loads(pickle.dumps(begun))
    here = begun.partial_fit(second)
    assert same(here, saved.partial_fit(second))
    assert same(here, pickled.partial_fit(second))


@pytest.mark.parametrize("model", STREAMED.values(), ids=STREAMED)
def test_a_part_that_fails_leaves_the_model_as_it_was(model, digits):
    begun = clone(model).partial_fit(digits[:200])
    before = pickle.loads(pickle.dumps(begun))
    with pytest.raises(ValueError, match=r"shape|features"):
        begun.partial_fit(digits[:200, :5])
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        begun.partial_fit(np.full((3, *digits.shape[1:]), np.nan))
    assert same(begun, before)
    assert same(begun.partial_fit(digits[200:400]), before.partial_fit(digits[200:400]))


def test_partial_fit_goes_on_from_fit_and_fit_starts_afresh(digits):
    X = digits[:300]
    fitted = clone(QUICK).fit(X)
    loss = fitted.loss_curve_[-1]
    assert clone(fitted).fit(X).partial_fit(X).loss_curve_[-1] < loss
    assert same(fitted.partial_fit(X).fit(X), clone(QUICK).fit(X))
    assert fitted.stream_ is None


def test_the_calls_of_a_stream_draw_anew(digits):
    X, still = digits[:64], clone(QUICK).set_params(learning_rate_init=1e-30)
    for _ in range(4):
        still.partial_fit(X)
    again = clone(still).partial_fit(X).partial_fit(X)
    assert again.loss_curve_ == still.loss_curve_[:2]
    assert np.abs(np.diff(sorted(still.loss_curve_))).min() > 1e-4


@pytest.mark.parametrize(
    "model",
    [
        clone(QUICK).set_params(early_stopping=True),
        LatentAugmenter(["flip_lr"], FrozenEstimator(PCA(4)), method="staged", geometry="nonlinear"),
        LatentAugmenter(["flip_lr"], FrozenEstimator(PCA(4)), method="staged", geometry="free", solver="adabelief"),
    ],
    ids=["early stopping", "nonlinear", "by gradient"],
)
def test_what_cannot_go_on_says_so_in_one_line(model, digits):
    X = digits[:100]
    if hasattr(model, "augs"):
        model.autoencoder.estimator.fit(X.reshape(len(X), -1))
    with pytest.raises(ValueError, match=r"Allowed.*\.") as error:
        model.partial_fit(X)
    assert "\n" not in str(error.value)
    assert not [name for name in vars(model) if name.endswith("_")]


@pytest.mark.parametrize("autoencoder", [QUICK, PCA(4)], ids=["VAE", "PCA"])
def test_an_encoder_that_moves_has_no_streams_in_the_staged_method(autoencoder):
    assert not hasattr(LatentAugmenter(["flip_lr"], autoencoder, method="staged"), "partial_fit")
    assert hasattr(LatentAugmenter(["flip_lr"], FrozenEstimator(autoencoder), method="staged"), "partial_fit")


@pytest.mark.slow
def test_a_stream_goes_on_from_the_maps_that_it_has_learned(digits):
    vae = VAE(4, hidden_channels=(2,), learning_rate_init=0.05, batch_size=16, device="cpu", random_state=0)
    augmenter = LatentAugmenter(["shear_x"], vae, random_state=0).partial_fit(digits[:320])
    learned = augmenter.latent_maps_["shear_x"]
    assert np.abs(learned - np.eye(4)).max() > 1e-3
    augmenter.autoencoder_.set_params(learning_rate_init=1e-30)
    again = augmenter.partial_fit(digits[:320]).latent_maps_["shear_x"]
    assert np.allclose(again, learned, atol=1e-7)

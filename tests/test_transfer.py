"""Laws of TransferHead: the augmenter is left as it is, pairings are bijections, the verbs go by the target names."""

import pickle
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from latentaug import VAE, LatentAugmenter, TransferHead
from latentaug.augs import CATALOGUE, canny, shear_x
from latentaug.images import squared_error
from latentaug.learn.coding import weights_of
from latentaug.models.errors import error_table
from latentaug.models.transfer import check_pairing

FLIPS, TARGETS = ["flip_lr", "flip_ud"], ["shear_x", "canny"]
QUICK = {"latent_dim": 8, "hidden_channels": (4, 8), "kl_weight": 0.01, "max_iter": 2, "device": "cpu"}


@pytest.fixture(scope="module")
def flips(digits):
    return LatentAugmenter(FLIPS, VAE(**QUICK), random_state=0).fit(digits)


@pytest.fixture(scope="module")
def head(flips, digits):
    return TransferHead(flips, TARGETS, random_state=0).fit(digits)


def test_a_fitted_augmenter_is_left_as_it_is_bit_for_bit(digits):
    flips = LatentAugmenter(FLIPS, VAE(**QUICK), random_state=0).fit(digits)
    before = pickle.dumps(flips)
    first = TransferHead(flips, TARGETS, random_state=0).fit(digits)
    second = TransferHead(flips, ["rotate_cw", "mini_image"], random_state=0).fit(digits)
    third = TransferHead(FrozenEstimator(flips), TARGETS, random_state=0).fit(digits)
    assert pickle.dumps(flips) == before
    for head in (first, second, third):
        assert head.augmenter_ is flips
        for source, target in head.pairing_.items():
            assert np.array_equal(head.latent_maps_[target], flips.latent_maps_[source])
        assert np.array_equal(head.encode(digits), flips.encode(digits))
        assert head.decoder_ is not flips.autoencoder_.network_.decoder
    assert np.array_equal(first.transform(digits[:9]), third.transform(digits[:9]))


@pytest.mark.parametrize("options", [{"method": "joint"}, {"method": "staged", "geometry": "free"}])
def test_encoder_and_maps_survive_a_head_of_either_method(digits, options):
    flips = LatentAugmenter(FLIPS, VAE(**QUICK), random_state=0, **options).fit(digits[:200])
    weights = {name: w.copy() for name, w in weights_of(flips.autoencoder_.network_).items()}
    maps = {name: L.copy() for name, L in flips.latent_maps_.items()}
    TransferHead(flips, TARGETS, random_state=0).fit(digits[:200])
    assert all(np.array_equal(w, weights[name]) for name, w in weights_of(flips.autoencoder_.network_).items())
    assert all(np.array_equal(L, maps[name]) for name, L in flips.latent_maps_.items())


def test_an_unfitted_augmenter_is_cloned_and_fitted(digits):
    unfitted = LatentAugmenter(FLIPS, VAE(**QUICK), random_state=0)
    head = TransferHead(unfitted, TARGETS, random_state=0).fit(digits[:100])
    assert not hasattr(unfitted, "latent_maps_")
    assert head.augmenter_ is not unfitted
    again = clone(head).fit(digits[:100])
    assert np.array_equal(again.transform(digits[:9]), head.transform(digits[:9]))


def test_what_is_frozen_survives_clone(flips, digits):
    head = clone(TransferHead(FrozenEstimator(flips), TARGETS, random_state=0))
    assert head.fit(digits).augmenter_ is flips


@given(order=st.permutations(["a", "b", "c"]), named=st.permutations(["x", "y", "z"]))
def test_a_pairing_is_a_bijection_in_the_order_of_the_sources(order, named):
    pairing = dict(zip(order, named, strict=True))
    found = check_pairing(pairing, ["a", "b", "c"], ["x", "y", "z"])
    assert found == pairing
    assert list(found) == ["a", "b", "c"]


@settings(max_examples=2)
@given(targets=st.sampled_from(list(permutations(TARGETS))))
def test_the_pairing_says_which_map_stands_for_which(flips, digits, targets):
    pairing = dict(zip(FLIPS, targets, strict=True))
    head = TransferHead(flips, TARGETS, pairing, random_state=0).fit(digits[:50])
    assert head.pairing_ == pairing
    assert head.aug_names_ == TARGETS
    for source, target in pairing.items():
        Z = head.encode(digits[:5])
        assert np.array_equal(head.transform_latent(Z, target), flips.transform_latent(Z, source))


def test_the_verbs_go_by_the_target_names(head, flips, digits):
    X = digits[:7]
    carried = head.autoencoder_.inverse_transform(flips.transform_latent(flips.encode(X), "flip_lr", "flip_ud"))
    assert np.array_equal(head.transform(X), carried)
    assert np.array_equal(head.compose("shear_x", "canny").transform(X), carried)
    assert head.compositions_ == [(), ("shear_x",), ("canny",), ("shear_x", "canny")]
    assert head.inverse_transform(X).shape == head.reconstruct(X).shape == X.shape
    assert np.array_equal(head.reconstruct(X), head.decode(flips.encode(X)))
    rows = X.reshape(7, -1)
    assert np.array_equal(head.transform(rows), carried.reshape(7, -1))
    assert head.sample(3, apply="canny", source="box", random_state=0).shape == (3, 8, 8)
    assert head.recurse(X, "shear_x", 2).shape == (7, 2, 8, 8)
    with pytest.raises(ValueError, match=r"Unknown augmentation 'flip_lr'. Fitted on: shear_x, canny."):
        head.compose("flip_lr")


def test_the_new_decoder_is_a_module_that_draws_the_targets(head, digits):
    Z = head.encode(digits[:7])
    with torch.no_grad():
        drawn = head.decoder_(torch.from_numpy(Z))
    assert np.allclose(drawn[:, 0].numpy(), head.decode(Z, "canny"), atol=1e-6)


def test_augmented_images_are_read_by_the_head_s_own_encoder(head, digits):
    X = canny(digits[:20])
    Z = head.encode(X, "canny")
    assert np.array_equal(Z, head.autoencoder_.transform(X))
    undone = head.autoencoder_.inverse_transform(head.inverse_transform_latent(Z, "canny"))
    assert np.array_equal(head["canny"].inverse_transform(X), undone)
    assert np.array_equal(head.carry(X, "canny", "canny"), head.autoencoder_.inverse_transform(Z))


def test_pickled_is_the_same_and_the_seed_gives_the_same_bits(head, flips, digits, global_generators):
    loaded = pickle.loads(pickle.dumps(head))
    again = TransferHead(flips, TARGETS, random_state=0).fit(digits)
    other = TransferHead(flips, TARGETS, random_state=1).fit(digits)
    for X in (digits, digits[:3]):
        assert np.array_equal(loaded.transform(X), head.transform(X))
        assert np.array_equal(again.inverse_transform(X), head.inverse_transform(X))
    assert not np.array_equal(other.transform(digits), head.transform(digits))


def test_a_head_without_an_encoder_has_the_same_decoder_and_no_inverse(head, flips, digits):
    plain = TransferHead(flips, TARGETS, undo=False, random_state=0).fit(digits)
    assert np.array_equal(plain.transform(digits), head.transform(digits))
    assert not hasattr(plain, "inverse_transform")
    assert not hasattr(plain["canny"], "inverse")
    assert hasattr(head, "inverse_transform")
    assert [row.task for row in error_table(plain, digits[:20])] == ["reconstruct", *["apply"] * 4]
    with pytest.raises(ValueError, match=r"^This head reads no augmented images. Allowed: originals"):
        plain.encode(canny(digits[:5]), "canny")


@pytest.mark.slow
@pytest.mark.parametrize("target", [TARGETS, FLIPS])
def test_a_head_learns_to_apply_and_to_undo(digits, target):
    flips = LatentAugmenter(FLIPS, PCA(16), method="staged").fit(digits)
    settings = VAE(hidden_channels=(8, 16), max_iter=30)
    head = TransferHead(flips, target, autoencoder=settings, random_state=0).fit(digits[:800])
    X = digits[800:]
    for row in error_table(head, X, [(name,) for name in target]):
        for name in row.composition:
            nothing = squared_error(X, CATALOGUE[name](X)).mean()
            assert row.error < nothing, row


def test_a_head_is_searched_over(flips, digits):
    head = TransferHead(FrozenEstimator(flips), TARGETS, autoencoder=VAE(**QUICK), random_state=0)
    search = GridSearchCV(head, {"autoencoder__max_iter": [1, 2]}, cv=2).fit(digits[:60])
    assert search.best_estimator_.augmenter_ is flips
    assert search.best_params_["autoencoder__max_iter"] in (1, 2)


def test_values_outside_the_unit_range_stay_on_the_augmenter_s(digits):
    shifted = digits[:200] * 40 - 7
    flips = LatentAugmenter(FLIPS, PCA(8), method="staged").fit(shifted)
    head = TransferHead(flips, TARGETS, autoencoder=VAE(**QUICK), random_state=0).fit(shifted[:50] / 2)
    assert head.format_.value_range == flips.format_.value_range
    assert head.transform(shifted).min() < -1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augs": ["canny"]}, r"augs must be as many as the augmenter's 2 \(flip_lr, flip_ud\). Got 1: canny."),
        ({"augs": ["canny", "turn"]}, r"Unknown augmentation 'turn'"),
        (
            {"pairing": {"flip_lr": "canny", "flip_ud": "canny"}},
            r"pairing must take each of flip_lr, flip_ud to its own one of shear_x, canny. Got {",
        ),
        ({"pairing": {"flip_lr": "canny"}}, r"pairing must take each of"),
        ({"pairing": {"turn": "canny", "flip_ud": "shear_x"}}, r"pairing must take each of"),
        ({"pairing": ["canny", "shear_x"]}, r"pairing must be a dict of source name to target name, or None. Got \["),
        ({"augmenter": PCA(2)}, r"augmenter must be a LatentAugmenter. Got PCA."),
        ({"autoencoder": PCA(2)}, r"autoencoder must be a VAE or None. Got PCA."),
        ({"apply": "flip_lr"}, r"Unknown augmentation 'flip_lr'. Named in augs: shear_x, canny."),
    ],
)
def test_wrong_parameters_are_refused_in_one_line(flips, digits, options, message):
    head = TransferHead(**{"augmenter": flips, "augs": TARGETS, **options})
    with pytest.raises((ValueError, TypeError), match=f"^{message}") as caught:
        head.fit(digits)
    assert "\n" not in str(caught.value)


def test_other_images_and_unfitted_models_are_refused(flips, digits):
    with pytest.raises(ValueError, match=r"^LatentAugmenter was fitted on images of shape \(8, 8\). Got \(6, 8\)."):
        TransferHead(flips, TARGETS).fit(digits[:, :6])
    with pytest.raises(NotFittedError):
        TransferHead(flips, TARGETS).transform(digits)
    with pytest.raises(NotFittedError):
        TransferHead(FrozenEstimator(LatentAugmenter(FLIPS)), [shear_x, canny]).fit(digits)

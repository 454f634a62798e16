"""Laws of LatentAugmenter: exact with the identity autoencoder, exact algebra after training, one seed, one layout."""

import pickle
from itertools import product

import numpy as np
import pytest
from conftest import SQUARE, IdentityAutoencoder, augmented
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from latentaug import VAE, LatentAugmenter
from latentaug.augs import CATALOGUE, edge_detect, flip_lr, flip_ud, rotate_cw, shear_x
from latentaug.metrics import error_table
from latentaug.models.augmenter import METHODS

GEOMETRIES = ["auto", "free", "orthogonal", "finite_order", "group"]
QUICK = {"hidden_channels": (2, 3), "max_iter": 2, "device": "cpu"}

words = st.lists(st.sampled_from(SQUARE), max_size=4)


@pytest.fixture(scope="module")
def square(digits):
    """Trained jointly, briefly, on the symmetries of the square."""
    return LatentAugmenter(SQUARE, VAE(**QUICK), random_state=0).fit(digits)


@given(word=words, seed=st.integers(0, 99))
def test_with_the_identity_autoencoder_composing_and_undoing_are_exact(exact, word, seed):
    X = np.random.default_rng(seed).random((3, 4, 4))
    transform = exact.compose(*word)
    assert np.allclose(transform.transform(X), augmented(X, word), atol=1e-6)
    assert np.allclose(transform.inverse_transform(augmented(X, word)), X, atol=1e-6)
    assert np.allclose(transform.inverse().inverse().transform(X), augmented(X, word), atol=1e-6)
    assert np.allclose(exact.decode(exact.transform_latent(exact.encode(X), *word)), augmented(X, word), atol=1e-6)
    assert np.allclose(exact.inverse_transform_latent(exact.transform_latent(exact.encode(X), *word), *word),
                       exact.encode(X), atol=1e-6)  # fmt: skip


def test_with_the_identity_autoencoder_any_view_is_carried_to_any_other(exact):
    X = np.random.default_rng(0).random((3, 4, 4))
    views = [(), *product(SQUARE, repeat=1), *product(SQUARE, repeat=2)]
    for source, target in product(views, repeat=2):
        assert np.allclose(exact.carry(augmented(X, source), source, target), augmented(X, target), atol=1e-6)


@given(first=words, then=words)
def test_composing_nests(exact, first, then):
    nested = exact.compose(exact.compose(*first), *then)
    assert nested.steps == exact.compose(*first, *then).steps == exact.compose(*first).compose(*then).steps
    undone = exact.compose(nested, nested.inverse())
    assert np.allclose(undone.matrix_, np.eye(16), atol=1e-6)
    assert np.allclose(nested.matrix_, exact.compose(*first).matrix_ @ exact.compose(*then).matrix_, atol=1e-6)


def test_the_latent_map_of_a_flip_of_pixels_is_their_permutation(exact):
    permutation = flip_lr(np.eye(16).reshape(16, 4, 4)).reshape(16, 16)
    assert np.allclose(exact.latent_maps_["flip_lr"], permutation, atol=1e-6)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_every_geometry_finds_the_permutations(geometry):
    X = np.random.default_rng(0).random((60, 3, 3))
    augmenter = LatentAugmenter(SQUARE, IdentityAutoencoder(), method="staged", geometry=geometry).fit(X)
    for name, L in augmenter.latent_maps_.items():
        assert np.allclose(L, CATALOGUE[name](np.eye(9).reshape(9, 3, 3)).reshape(9, 9), atol=1e-6)


def test_a_lossy_augmentation_of_pixels_commutes_where_the_images_do():
    X = np.random.default_rng(0).random((80, 4, 4))
    halve = ("halve", lambda X: X / 2)
    augmenter = LatentAugmenter([flip_lr, flip_ud, halve], IdentityAutoencoder(), method="staged").fit(X)
    assert augmenter.geometries_ == {"flip_lr": "group", "flip_ud": "group", "halve": "commuting"}
    assert np.allclose(augmenter.latent_maps_["halve"], np.eye(16) / 2, atol=1e-6)
    assert np.allclose(augmenter["halve"].inverse_transform(X / 2), X, atol=1e-6)


def test_pca_of_an_orbit_closed_set_has_no_gap(digits):
    augmenter = LatentAugmenter([flip_lr, flip_ud], PCA(16), method="staged").fit(digits)
    table = error_table(augmenter, digits)
    assert table.worst_gap() < 1e-3
    assert len(list(table)) == 9


@pytest.mark.slow
@pytest.mark.parametrize("geometry", ["auto", "group"])
def test_joint_training_keeps_the_group_exactly(digits, geometry):
    augmenter = LatentAugmenter(SQUARE, VAE(**QUICK), geometry=geometry, random_state=0).fit(digits)
    L, algebra = augmenter.latent_maps_, augmenter.algebra_
    rho = np.stack([augmenter.compose(*element).matrix_ for element in algebra.elements])
    assert len(rho) == 8
    assert np.abs(rho[:, None] @ rho - rho[algebra.cayley_table]).max() < 1e-6
    for name, order in algebra.orders.items():
        assert np.abs(np.linalg.matrix_power(L[name], order) - np.eye(16)).max() < 1e-6
    for a, b in product(SQUARE, repeat=2):
        assert (np.abs(L[a] @ L[b] - L[b] @ L[a]).max() < 1e-6) == algebra.commute(a, b)


@pytest.mark.slow
def test_joint_training_imposes_commutation_on_what_it_learns(digits):
    augmenter = LatentAugmenter([flip_lr, flip_ud, edge_detect], VAE(**QUICK), random_state=0).fit(digits)
    L = augmenter.latent_maps_
    assert augmenter.geometries_["edge_detect"] == "commuting"
    assert not np.allclose(L["edge_detect"], np.eye(16))
    for flip in ("flip_lr", "flip_ud"):
        assert np.abs(L["edge_detect"] @ L[flip] - L[flip] @ L["edge_detect"]).max() < 1e-12


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bits(digits, method, global_generators):
    first, second, other = (
        LatentAugmenter(["flip_lr", "shear_x"], VAE(**QUICK), method=method, random_state=seed).fit(digits[:200])
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first.transform(digits), second.transform(digits))
    assert all(np.array_equal(first.latent_maps_[n], second.latent_maps_[n]) for n in first.aug_names_)
    assert not np.array_equal(first.transform(digits), other.transform(digits))
    assert np.array_equal(first.sample(2, random_state=3), second.sample(2, random_state=3))


def test_pickled_and_cloned(digits, square):
    loaded = pickle.loads(pickle.dumps(square))
    assert np.array_equal(loaded.transform(digits), square.transform(digits))
    flip = square["flip_lr"]
    assert clone(flip) is flip
    assert np.array_equal(pickle.loads(pickle.dumps(flip)).transform(digits), flip.transform(digits))
    assert not hasattr(clone(square), "latent_maps_")
    assert repr(flip.inverse().compose("flip_ud")) == "LatentTransform(flip_lr^-1 then flip_ud)"


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(8, 8), (32, 32, 3), (33, 47)])
@pytest.mark.parametrize("method", METHODS)
def test_layout_in_is_layout_out(dtype, shape, method):
    X = np.random.default_rng(0).random((20, *shape))
    X = (X * 255).astype(dtype) if dtype == np.uint8 else X.astype(dtype)
    X.flags.writeable = False
    augmenter = LatentAugmenter([flip_lr], VAE(**QUICK, latent_dim=4), method=method, random_state=0).fit(X)
    rows = X.reshape(20, -1)
    flat = clone(augmenter).set_params(image_shape=shape).fit(rows)
    for verb in ("transform", "inverse_transform", "reconstruct"):
        images = getattr(augmenter, verb)(X)
        assert images.shape == X.shape
        assert images.dtype == np.float32
        assert 0 <= images.min() <= images.max() <= 1
        assert np.allclose(getattr(flat, verb)(rows), images.reshape(20, -1), atol=1e-6)
        assert np.allclose(getattr(augmenter, verb)(rows), images.reshape(20, -1), atol=1e-6)
    assert np.array_equal(augmenter.transform(X.tolist()), augmenter.transform(X))
    assert augmenter.sample(3).shape == (3, *shape)
    assert flat.sample(3).shape == (3, rows.shape[1])


@pytest.mark.filterwarnings("ignore:flip_ud leaves all images")
def test_a_flat_row_without_a_shape_is_an_image_of_one_row():
    X = np.random.default_rng(0).random((30, 7))
    augmenter = LatentAugmenter([flip_lr, flip_ud], PCA(7), method="staged").fit(X)
    assert augmenter.image_shape_ == (1, 7)
    assert np.allclose(augmenter.compose("flip_lr").transform(X), X[:, ::-1], atol=1e-5)
    assert np.allclose(augmenter.compose("flip_ud").transform(X), X, atol=1e-5)


def test_apply_names_what_transform_does(exact):
    X = np.random.default_rng(1).random((5, 4, 4))
    for apply, word in [(None, SQUARE), ("flip_ud", ["flip_ud"]), (["rotate_cw", "flip_lr"],) * 2, ([], [])]:
        exact.set_params(apply=apply)
        assert np.allclose(exact.transform(X), augmented(X, word), atol=1e-6)
        assert np.allclose(exact.inverse_transform(augmented(X, word)), X, atol=1e-6)
    exact.set_params(apply=None)


def test_views_given_as_arrays_need_no_function():
    X = np.random.default_rng(0).random((60, 3, 3))
    views = {("darker",): X / 2, "mirrored": X[:, :, ::-1]}
    augmenter = LatentAugmenter(autoencoder=IdentityAutoencoder(), method="staged").fit(X, views=views)
    assert augmenter.aug_names_ == ["darker", "mirrored"]
    assert np.allclose(augmenter.transform(X), X[:, :, ::-1] / 2, atol=1e-6)
    assert np.allclose(augmenter["darker"].inverse_transform(X / 2), X, atol=1e-6)
    jointly = LatentAugmenter(["mirrored", flip_ud], VAE(**QUICK, latent_dim=4), random_state=0)
    assert jointly.fit(X, views={("mirrored",): X[:, :, ::-1]}).compositions_ == [
        (), ("flip_ud",), ("mirrored",), ("mirrored", "flip_ud"),
    ]  # fmt: skip


def test_a_frozen_autoencoder_is_used_as_it_is(digits):
    vae = VAE(**QUICK, random_state=0).fit(digits)
    before = vae.transform(digits)
    augmenter = LatentAugmenter([flip_lr], FrozenEstimator(vae), method="staged").fit(digits)
    assert np.array_equal(augmenter.encode(digits), before)
    assert np.array_equal(vae.transform(digits), before)
    assert np.allclose(augmenter.reconstruct(digits), vae.inverse_transform(before), atol=1e-6)


def test_generation_has_the_shapes_it_says(digits, square):
    assert square.interpolate(digits[:3], digits[3:6], 5).shape == (3, 5, 8, 8)
    ends = square.interpolate(digits[:3], digits[3:6], 2)
    assert np.allclose(ends[:, 0], square.reconstruct(digits[:3]), atol=1e-5)
    turned = square.recurse(digits[:3], "rotate_cw", 4)
    assert turned.shape == (3, 4, 8, 8)
    assert np.array_equal(turned[:, 0], square["rotate_cw"].transform(digits[:3]))
    assert square.sample(4, apply="flip_lr").shape == (4, 8, 8)


def test_a_pipeline_takes_both(digits):
    X = digits.reshape(len(digits), -1)
    augmenter = LatentAugmenter([flip_lr], PCA(8), method="staged", image_shape=(8, 8)).fit(X)
    pipeline = make_pipeline(augmenter["flip_lr"], PCA(2)).fit(X)
    assert pipeline.transform(X).shape == (1000, 2)
    assert make_pipeline(clone(augmenter), PCA(2)).fit_transform(X).shape == (1000, 2)
    assert augmenter.score(X) < 0


WRONG = [
    ({"method": "both"}, "Unknown method 'both'. Allowed: joint, staged."),
    ({"geometry": "round"}, "Unknown geometry 'round'"),
    ({"solver": "adabelief"}, "Allowed: method='staged' with geometry='free'"),
    ({"autoencoder": PCA(4)}, "Allowed: a VAE, or method='staged'. Got PCA."),
    ({"augs": None}, "There is nothing to learn"),
    ({"augs": []}, "There is nothing to learn"),
    ({"augs": ["spin"]}, "Unknown augmentation 'spin'"),
    ({"augs": [flip_lr], "apply": 3}, "apply must be a name or a list of names, with their powers or without. Got 3."),
    ({"augs": [flip_lr], "apply": ["flip_ud"]}, "Unknown augmentation 'flip_ud'. Named in augs: flip_lr."),
    ({"augs": [shear_x], "geometry": "group"}, "geometry='group' does not suit shear_x"),
    ({"augs": [rotate_cw], "autoencoder": VAE(3), "geometry": "group"}, "does not suit rotate_cw"),
    ({"augs": [rotate_cw]}, "Augmentation 'rotate_cw' changed the shape of the images from"),
]


@pytest.mark.parametrize(("parameters", "message"), WRONG)
def test_wrong_parameters_are_refused_in_one_line(parameters, message):
    X = np.random.default_rng(0).random((6, 4, 5 if "changed" in message else 4))
    with pytest.raises((ValueError, TypeError)) as error:
        LatentAugmenter(**{"augs": [flip_lr], **parameters}).fit(X)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ([1], "views must be a dict"),
        (
            {3: np.zeros((6, 4, 4))},
            "A key of views must be a name or a list of names, with their powers or without. Got 3.",
        ),
        ({("a",): np.zeros((5, 4, 4))}, "5 images beside 6 of X"),
        ({("a",): np.full((6, 4, 4), 7.0)}, "left the value range"),
        ({("a",): np.zeros((6, 4, 4))}, "Unknown augmentation 'a'. Named in augs: flip_lr."),
        ({("flip_lr", "b"): np.zeros((6, 4, 4))}, "Unknown augmentation 'b'. Named in augs: flip_lr."),
    ],
)
def test_wrong_views_are_refused_in_one_line(views, message):
    with pytest.raises((ValueError, TypeError)) as error:
        LatentAugmenter([flip_lr]).fit(np.random.default_rng(0).random((6, 4, 4)), views=views)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_names_and_unfitted_models(exact):
    with pytest.raises(ValueError, match=r"Unknown augmentation 'rotate'. Fitted on: flip_lr, flip_ud, rotate_cw"):
        exact.compose("rotate")
    with pytest.raises(ValueError, match="16 columns"):
        exact.decode(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="as many images"):
        exact.interpolate(np.zeros((2, 4, 4)), np.zeros((3, 4, 4)))
    for call in (lambda a: a.compose(), lambda a: a.transform(np.zeros((1, 4))), lambda a: a.sample()):
        with pytest.raises(NotFittedError):
            call(LatentAugmenter([flip_lr]))

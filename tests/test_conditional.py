"""Laws of ConditionalVAE, the baseline; and of nonlinear latent maps, which have no inverse."""

import pickle
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import PCA

from latentaug import VAE, ConditionalVAE, LatentAugmenter, load
from latentaug.augs import CATALOGUE
from latentaug.augs.views import Views
from latentaug.images import ImageFormat
from latentaug.latent import find_algebra
from latentaug.learn.conditions import ClassReconstruction
from latentaug.learn.geometries import start_maps
from latentaug.learn.networks import ViewConditions, build, initialise
from latentaug.learn.objectives import CONDITIONINGS, Terms
from latentaug.metrics import scorecard
from latentaug.models.errors import carry_matrix, error_table

FLIPS = ["flip_lr", "flip_ud"]
QUICK = {"latent_dim": 8, "hidden_channels": (4, 8), "kl_weight": 0.01, "device": "cpu"}


@pytest.fixture(scope="module", params=CONDITIONINGS)
def fitted(request, digits):
    return ConditionalVAE(FLIPS, VAE(**QUICK, max_iter=2), conditioning=request.param, random_state=0).fit(digits)


@settings(max_examples=10)
@given(n_views=st.integers(1, 5), seed=st.integers(0, 99))
def test_a_condition_is_a_one_hot_appended_to_features_and_latents(n_views, seed):
    generator = torch.Generator().manual_seed(seed)
    conditions = ViewConditions(build((6, 5), 3, [2, 4]), n_views)
    initialise(conditions, generator)
    for table in (conditions.features, conditions.latents):
        torch.nn.init.normal_(table, generator=generator)
    which = torch.randint(n_views, (7,), generator=generator)
    one_hot = torch.nn.functional.one_hot(which, n_views).float()
    network = conditions.network
    x, z = torch.rand(7, 1, 6, 5, generator=generator), torch.randn(7, 3, generator=generator)

    def appended(layer, rows, extra):
        weight = torch.cat([layer.weight, extra.T], dim=1)
        return torch.nn.functional.linear(torch.cat([rows, one_hot], dim=1), weight, layer.bias)

    with torch.no_grad():
        posterior = appended(network.encoder.posterior, network.encoder.features(x), conditions.features)
        assert torch.allclose(conditions.encoder(x, which)[0], posterior[:, :3], atol=1e-5)
        decoded = network.decoder.layers[1:](appended(network.decoder.layers[0], z, conditions.latents))
        assert torch.allclose(conditions.decoder(z, which), decoded, atol=1e-5)
        for view in range(n_views):
            plain, rows = conditions.under(view), which == view
            assert torch.allclose(plain.encoder(x[rows])[0], posterior[rows, :3], atol=1e-5)
            assert torch.allclose(plain.decoder(z[rows]), decoded[rows], atol=1e-5)


@given(n=st.integers(0, 50), n_views=st.integers(1, 5), seed=st.integers(0, 99))
def test_traditional_draws_stay_in_their_view(n, n_views, seed):
    for name, draw_views in CONDITIONINGS.items():
        source, target = draw_views(np.random.default_rng(seed), n, n_views)
        assert len(source) == len(target) == n
        assert set(source) | set(target) <= set(range(n_views))
        if name == "traditional":
            assert np.array_equal(source, target)


def test_latents_stay_and_the_conditions_change(fitted, digits):
    X, views = digits[:9], [(), ("flip_lr",), ("flip_ud",), ("flip_lr", "flip_ud")]
    Z = {view: fitted.encode(X, view) for view in views}
    assert np.array_equal(fitted.transform_latent(Z[()], *FLIPS), Z[()])
    for source, target in product(views, repeat=2):
        assert np.array_equal(fitted.carry(X, source, target), fitted.decode(Z[source], target))
        assert source == target or not np.array_equal(Z[source], Z[target])
        assert source == target or not np.array_equal(fitted.decode(Z[()], source), fitted.decode(Z[()], target))
    for view in views:
        assert np.array_equal(fitted.compose(*view).transform(X), fitted.carry(X, (), view))
        assert np.array_equal(fitted.compose(*view).inverse_transform(X), fitted.carry(X, view, ()))


def test_views_that_are_the_same_by_the_laws_are_one(fitted, digits):
    X = digits[:5]
    assert np.array_equal(fitted.compose("flip_ud", "flip_lr").transform(X), fitted.transform(X))
    assert np.array_equal(fitted.compose("flip_lr", "flip_lr").transform(X), fitted.reconstruct(X))
    assert fitted.recurse(X, "flip_lr", 3).shape == (5, 3, 8, 8)
    assert fitted.knows(("flip_lr",) * 5)
    assert not fitted.knows(("turn",))


def test_other_views_are_refused(digits):
    model = ConditionalVAE(["shear_x"], VAE(**QUICK, max_iter=1), random_state=0).fit(digits[:50])
    assert not model.knows(("shear_x", "shear_x"))
    with pytest.raises(ValueError, match=r"^Unknown view 'shear_x\^2'\. .*: original, shear_x\."):
        model.compose("shear_x", "shear_x").transform(digits[:5])


def test_pickled_cloned_and_seeded(fitted, digits, global_generators):
    loaded, again = pickle.loads(pickle.dumps(fitted)), clone(fitted).fit(digits)
    for model in (loaded, again):
        assert np.array_equal(model.transform(digits), fitted.transform(digits))
        assert np.array_equal(model.inverse_transform(digits), fitted.inverse_transform(digits))
    assert fitted.sample(3, apply="flip_lr", source="box", random_state=0).shape == (3, 8, 8)
    plain, flipped = (fitted.sample(3, apply=word, random_state=0) for word in ([], "flip_lr"))
    assert not np.isclose(plain, flipped).all()


@pytest.mark.slow
def test_only_the_invariant_one_learns_to_augment(digits):
    gaps, floors = {}, {}
    for conditioning in CONDITIONINGS:
        vae = VAE(latent_dim=8, hidden_channels=(8, 16), kl_weight=0.01, max_iter=20, batch_size=32, device="cpu")
        model = ConditionalVAE(["rotate_cw", "flip_lr"], vae, conditioning=conditioning, random_state=0)
        matrix = carry_matrix(model.fit(digits[:800]), digits[800:])
        gaps[conditioning] = matrix.gaps[~np.eye(4, dtype=bool)]
        floors[conditioning] = matrix.floors
    assert gaps["invariant"].max() < 0.2
    assert gaps["traditional"].min() > 0.5
    mean_image = np.square(digits - digits.mean(axis=0)).sum(axis=(1, 2)).mean()
    assert floors["traditional"].max() < 0.8 * mean_image
    assert floors["invariant"].max() < 0.95 * mean_image


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conditioning": "none"}, r"Unknown conditioning 'none'. Allowed: traditional, invariant, embedding, class."),
        ({"autoencoder": PCA(2)}, r"autoencoder must be a VAE or None. Got PCA."),
        ({"augs": ["turn"]}, r"Unknown augmentation 'turn'"),
        ({"apply": "canny"}, r"Unknown augmentation 'canny'. Named in augs: flip_lr, flip_ud."),
    ],
)
def test_wrong_parameters_are_refused_in_one_line(digits, options, message):
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        ConditionalVAE(**{"augs": FLIPS, **options}).fit(digits[:20])


@pytest.fixture(scope="module")
def nonlinear(digits):
    return LatentAugmenter(FLIPS, PCA(8), method="staged", geometry="nonlinear", random_state=0).fit(digits)


def test_a_nonlinear_map_composes_and_has_no_inverse(nonlinear, digits):
    X, L = digits[:9], nonlinear.latent_maps_
    Z = nonlinear.encode(X)
    assert np.allclose(nonlinear.transform_latent(Z, *FLIPS), L["flip_ud"](L["flip_lr"](Z)))
    assert nonlinear.transform(X).shape == X.shape
    assert not nonlinear.is_invertible
    for model in (nonlinear, nonlinear["flip_lr"]):
        assert not hasattr(model, "inverse_transform")
    assert not hasattr(nonlinear, "inverse_transform_latent")
    assert not hasattr(nonlinear["flip_lr"], "inverse")
    assert not hasattr(nonlinear["flip_lr"], "matrix_")
    assert nonlinear.condition_numbers_ == {"flip_lr": np.inf, "flip_ud": np.inf}
    with pytest.raises(ValueError, match=r"^A nonlinear latent map has no inverse."):
        nonlinear.carry(X, "flip_lr")
    with pytest.raises(ValueError, match=r"^A normal distribution pushed through a nonlinear map"):
        nonlinear.latent_distribution(X, "flip_lr")
    assert hasattr(LatentAugmenter(FLIPS), "inverse_transform")


def test_a_nonlinear_map_fits_at_least_as_well_as_the_linear_one_beside_it(digits):
    augs = ["edge_detect"]
    settings = {"method": "staged", "random_state": 0}
    free = LatentAugmenter(augs, PCA(8), geometry="free", **settings).fit(digits)
    nonlinear = LatentAugmenter(augs, PCA(8), geometry="nonlinear", **settings).fit(digits)
    errors = [next(row for row in error_table(m, digits) if row.task == "apply").error for m in (free, nonlinear)]
    assert errors[1] < errors[0]
    pairs = free.encode(digits), free.encode(CATALOGUE["edge_detect"](digits))
    left = [np.square(m.transform_latent(pairs[0], *augs) - pairs[1]).sum() for m in (free, nonlinear)]
    assert left[1] < 0.9 * left[0]


def test_a_nonlinear_map_pickles_and_is_seeded(nonlinear, digits):
    again = clone(nonlinear).fit(digits)
    for model in (pickle.loads(pickle.dumps(nonlinear)), again):
        assert np.array_equal(model.transform(digits), nonlinear.transform(digits))


def test_a_nonlinear_map_is_not_trained_jointly(digits):
    with pytest.raises(ValueError, match=r"^geometry='nonlinear' has no inverse to train jointly."):
        LatentAugmenter(FLIPS, geometry="nonlinear").fit(digits)


# Conditions and latent maps together


@pytest.fixture(scope="module")
def labels():
    from sklearn.datasets import load_digits

    return load_digits().target[:1000]


@pytest.fixture(scope="module")
def told(digits, labels):
    model = ConditionalVAE(["rotate_cw", "flip_lr"], VAE(**QUICK, max_iter=4), conditioning="class", random_state=0)
    return model.fit(digits, np.where(labels == 9, np.nan, labels))


@pytest.fixture(scope="module")
def embedded(digits):
    augs = ["shear_x", "flip_lr"]
    return ConditionalVAE(augs, VAE(**QUICK, max_iter=4), conditioning="embedding", random_state=0).fit(digits)


def test_an_embedding_of_a_view_is_that_of_the_original_carried(embedded, digits):
    X, original = digits[:9], embedded.embedding_[0]
    Z = embedded.encode(X)
    assert np.array_equal(embedded.transform_latent(Z, "shear_x", "flip_lr"), Z)
    for view in [*embedded.compositions_, ("shear_x", "shear_x"), ("flip_lr", "shear_x", "flip_lr")]:
        carried = original
        for name in view:
            carried = carried @ embedded.embedding_maps_[name]
        bias = embedded.decoder_of(view).autoencoder.network_.decoder.layers[0].bias.detach().numpy()
        plain = embedded.autoencoders_[()].network_.decoder.layers[0].bias.detach().numpy()
        assert np.allclose(bias - plain, (carried - original) @ embedded.embedding_[2], atol=1e-4)
    assert not np.allclose(embedded.decode(Z, "shear_x"), embedded.decode(Z))


def test_views_that_were_not_trained_on_are_made_by_their_embedding(embedded, digits):
    X = digits[:9]
    assert ("shear_x", "shear_x") not in embedded.compositions_
    assert embedded.knows(("shear_x", "shear_x"))
    assert not embedded.knows(("turn",))
    twice = embedded.compose("shear_x", "shear_x").transform(X)
    assert not np.array_equal(twice, embedded["shear_x"].transform(X))
    undone = embedded.compose("flip_lr", ("shear_x", -1)).transform(X)
    assert not np.allclose(undone, embedded.compose("flip_lr", "shear_x").transform(X), atol=1e-5)
    around = embedded.compose("flip_lr", "flip_lr", "shear_x").transform(X)
    assert np.allclose(around, embedded["shear_x"].transform(X), atol=1e-5)
    assert embedded["flip_lr"].inverse_transform(X).shape == X.shape


def test_a_class_is_told_to_encoder_and_decoder_and_the_maps_are_exact(told, digits, labels):
    X, y = digits[:60], labels[:60]
    assert told.classes_.tolist() == [*range(9)]
    Z = told.encode(X)
    assert np.allclose(told.transform_latent(Z, *["rotate_cw"] * 4), Z, atol=1e-5)
    assert set(told.geometries_.values()) == {"group"}
    assert len(told.compositions_) == 8
    own = told.of_class(3)
    assert not np.allclose(own.encode(X), Z)
    assert not np.allclose(own.decode(Z), told.decode(Z))
    some = told.transform(X, labels=y)
    for label in range(9):
        assert np.array_equal(some[y == label], told.of_class(label).transform(X[y == label]))
    assert np.allclose(some[y == 9], told.transform(X[y == 9]), atol=1e-6)
    assert not np.array_equal(told.sample(3, label=3, random_state=0), told.sample(3, label=4, random_state=0))
    assert own.sample(3, apply="flip_lr", random_state=0).shape == (3, 8, 8)


@pytest.mark.parametrize("kind", ["told", "embedded"])
def test_conditions_with_maps_travel_are_seeded_and_measured(kind, request, digits, labels, tmp_path):
    model, X, y = request.getfixturevalue(kind), digits[:30], labels[:30]
    model.save(tmp_path / kind)
    given = {"labels": y} if kind == "told" else {}
    again = clone(model).fit(digits, np.where(labels == 9, np.nan, labels))
    for other in (load(tmp_path / kind), pickle.loads(pickle.dumps(model)), again):
        assert np.array_equal(other.transform(X, **given), model.transform(X, **given))
        assert np.array_equal(
            other.compose(model.aug_names_[0], model.aug_names_[0]).transform(X),
            model.compose(model.aug_names_[0], model.aug_names_[0]).transform(X),
        )
    card = scorecard({kind: model}, digits[:100])
    assert {"reconstruct", "apply", "compose", "undo"} <= set(next(iter(card)).values)
    again.set_params(conditioning="invariant").fit(digits[:50], labels[:50])
    assert not hasattr(again, "classes_")
    assert not hasattr(again, "geometries_")


def test_labels_are_needed_where_a_class_is_told(digits):
    model = ConditionalVAE(FLIPS, VAE(**QUICK, max_iter=1), conditioning="class")
    for y in (None, digits[:50, 2, 2], np.full(50, np.nan)):
        with pytest.raises(ValueError, match=r"^conditioning='class' needs labels, y: one an image, or None\. Got "):
            model.fit(digits[:50], y)
    with pytest.raises(ValueError, match=r"^y must hold one label an image: 50\. Got 3\.$"):
        model.fit(digits[:50], [1, 2, 3])


def test_what_is_told_is_the_class_of_each_row_or_nothing():
    views = Views(np.zeros((40, 6, 6)), {}, ImageFormat((6, 6)), compositions=[()])
    terms = Terms(1.0, 1.0, 0.0, ImageFormat((6, 6)), torch.device("cpu"))
    numbers = np.arange(40) % 4 - 1
    maps, n_hubs = start_maps(find_algebra(views), {}, [()], 3, 0)
    objective = ClassReconstruction(build((6, 6), 3, [2, 4]), views, terms, maps, n_hubs, numbers)
    rng, rows = np.random.default_rng(0), np.arange(40).repeat(50)
    *_, condition = objective.settle(rows, *objective.draw(rng, len(rows)))
    told = condition > 0
    assert np.array_equal(condition[told], numbers[rows][told] + 1)
    assert not told[numbers[rows] < 0].any()
    assert 0.85 < told[numbers[rows] >= 0].mean() < 0.95
    assert len(objective.network.features) == 4


@pytest.mark.slow
def test_a_class_that_is_told_is_known_to_samples(digits, labels):
    vae = VAE(latent_dim=8, kl_weight=1, max_iter=15, batch_size=32, device="cpu")
    model = ConditionalVAE(["flip_lr"], vae, conditioning="class", random_state=0).fit(digits, labels)
    means = np.stack([digits[labels == label].mean(axis=0) for label in range(10)])
    prior = np.random.default_rng(0).normal(size=(200, 8))
    told = np.stack([model.of_class(label).decode(prior).mean(axis=0) for label in range(10)])
    assert (np.square(told[:, None] - means).sum(axis=(2, 3)).argmin(axis=1) == np.arange(10)).sum() >= 6
    for apply, turn in (([], 1), ("flip_lr", -1)):
        drawn = np.stack([model.sample(200, apply, 0, label=label).mean(axis=0) for label in range(10)])
        errors = np.square(drawn[:, None, :, ::turn] - means).sum(axis=(2, 3))
        assert (errors.argmin(axis=1) == np.arange(10)).sum() >= 9

"""Pairs of images as they are: some missing, in gaps of their own, under laws that are declared; and split by folds."""

import warnings

import numpy as np
import pytest
import torch
from conftest import IdentityAutoencoder
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from latentaug import VAE, LatentAugmenter, load
from latentaug.augs import OneParameter, PairedViews, rotate
from latentaug.augs.pairs import Declared
from latentaug.augs.views import declare_views
from latentaug.displays import ProjectionDisplay, ReconstructionDisplay
from latentaug.images import ImageFormat
from latentaug.learn.networks import build
from latentaug.learn.objectives import Reconstruction, Terms
from latentaug.metrics import error_table, pair_table, scorecard

seeds = st.integers(0, 2**16)
letters = st.lists(st.sampled_from("abc"), max_size=9).map(tuple)


def turned(X, k):
    return np.rot90(X, k, axes=(2, 1))


def gappy(X, share, seed):
    """Images, the others NaN."""
    there = np.random.default_rng(seed).random(len(X)) < share
    return np.where(there[:, None, None], X, np.nan), there


def quick(**parameters):
    return VAE(latent_dim=8, hidden_channels=(4, 8), max_iter=2, random_state=0, **parameters)


@pytest.fixture(scope="module")
def X(digits):  # noqa: N802  (a fixture, called what it gives)
    return digits[:200]


@given(word=letters, other=letters)
def test_declared_laws_are_those_of_a_group(word, other):
    laws = Declared({"a": 2, "b": 3}, frozenset({frozenset("ab"), frozenset("bc")}))
    assert laws.normal(word) == laws.normal(laws.normal(word))
    assert laws.normal((*word, *other)) == laws.normal((*laws.normal(word), *laws.normal(other)))
    for same in (("a", "a"), ("b",) * 3):
        assert laws.normal((*word, *same, *other)) == laws.normal((*word, *other))
    for first, second in (("a", "b"), ("b", "c")):
        assert laws.normal((*word, first, second, *other)) == laws.normal((*word, second, first, *other))
    assert laws.normal(("a", "c", "a")) == ("a", "c", "a")
    assert Declared().normal(word) == word


@given(seed=seeds, share=st.sampled_from([0.3, 0.7]))
def test_only_views_that_an_image_has_are_drawn_and_all_of_those_are(seed, share):
    images = np.random.default_rng(0).random((60, 3, 3))
    gaps = {("a",): gappy(images, share, seed), ("b",): gappy(1 - images, share, seed + 1)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        views = declare_views(images, ["a", "b", "flip_lr"], ImageFormat((3, 3)), {c: v for c, (v, _) in gaps.items()})
    rng = np.random.default_rng(seed)
    rows, which = rng.integers(60, size=500), rng.integers(len(views.compositions), size=500)
    settled = views.settle(rows, which)
    given_views = [views.compositions[k] for k in settled]
    for row, composition in zip(rows, given_views, strict=True):
        for name, there in (("a", gaps["a",][1]), ("b", gaps["b",][1])):
            assert composition[:1] != (name,) or there[row]
    assert set(given_views) == set(views.compositions)
    starts = [views.compositions[k][:1] for k in which]
    kept = np.array([c[0] not in "ab" or gaps[c][1][row] if c else True for row, c in zip(rows, starts, strict=True)])
    assert np.array_equal(settled[kept], which[kept])
    (mixed,) = views.mix(rows, settled)
    assert np.isfinite(mixed).all()
    assert np.array_equal(views.rows_with([("a",), ("b",)]), np.flatnonzero(gaps["a",][1] & gaps["b",][1]))
    with pytest.raises(ValueError, match=r"^View \('a',\) has no partner of some images"):
        views.take(np.flatnonzero(~gaps["a",][1]), ("a",))
    part = views.rows(rows[:50])
    for composition in [("a",), ("a", "flip_lr")]:
        there = part.rows_with([composition])
        assert np.array_equal(part.take(there, composition), views.take(rows[:50][there], composition))


@pytest.mark.parametrize("seed", range(3))
def test_staged_maps_of_pairs_with_gaps_are_those_of_the_pairs_that_there_are(seed):
    images = np.random.default_rng(seed).random((80, 3, 3))
    views = {("a",): 1 - images, ("b",): images**2}
    gaps = {c: gappy(v, 0.6, seed + k) for k, (c, v) in enumerate(views.items())}
    fits = dict(method="staged", geometry="free", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both = LatentAugmenter(None, IdentityAutoencoder(), **fits).fit(
            images, views={c: v for c, (v, _) in gaps.items()}
        )
        for (name,), (_, there) in gaps.items():
            alone = LatentAugmenter(None, IdentityAutoencoder(), **fits)
            alone.fit(images[there], views={(name,): views[name,][there]})
            assert np.allclose(both.latent_maps_[name], alone.latent_maps_[name], atol=1e-8)


@pytest.mark.parametrize("method", ["joint", "staged"])
def test_a_declared_order_makes_a_group_of_arrays(method, X):
    views = {(("turn", k),): turned(X, k) for k in (1, 2, 3)}
    augmenter = LatentAugmenter(None, quick(), method=method, orders={"turn": 4}, random_state=0)
    augmenter.fit(X, views=views)
    assert augmenter.geometries_ == {"turn": "group"}
    assert len(augmenter.algebra_.elements) == 4
    assert np.allclose((augmenter["turn"] ** 4).matrix_, np.eye(8), atol=1e-6)
    rows = error_table(augmenter, X, [(("turn", 2),), (("turn", 5),)], views=views).rows
    assert [row.composition for row in rows[1:3]] == [(("turn", 2),), (("turn", 5),)]
    assert augmenter.score(X, views=views) < 0


def test_changes_never_seen_together_compose(digits):
    """A bright corner and a bright edge, never both: together they are what each of them does."""
    X, unseen = digits[:240].copy(), digits[240:300].copy()

    def corner(images):
        return np.maximum(images, np.add.outer(np.arange(8), np.arange(8)) < 3)

    def edge(images):
        return np.maximum(images, (np.arange(8) > 6)[:, None])

    laws = dict(orders={"corner": 2, "edge": 2}, commute=[("corner", "edge")])
    views = {("corner",): corner(X), ("edge",): edge(X)}
    with pytest.warns(UserWarning, match="^No image shows corner then edge: .* give images of it in views"):
        augmenter = LatentAugmenter(None, VAE(8, max_iter=25), **laws, random_state=0).fit(X, views=views)
    assert len(augmenter.algebra_.elements) == 4
    both, Z = ("corner", "edge"), augmenter.encode(unseen)
    L = augmenter.latent_maps_
    assert np.abs(L["corner"] @ L["edge"] - L["edge"] @ L["corner"]).max() < 1e-12
    assert np.abs(L["corner"] @ L["corner"] - np.eye(8)).max() < 1e-12
    made, true = augmenter.carry(unseen, (), both), corner(edge(unseen))
    error = np.square(made - true).sum(axis=(1, 2)).mean()
    floor = np.square(augmenter.reconstruct(unseen) - unseen).sum(axis=(1, 2)).mean()
    assert error < 1.25 * floor
    assert np.isfinite(augmenter.transform_latent(Z)).all()
    staged = LatentAugmenter(None, PCA(8), method="staged", **laws).fit(X, views=views)
    assert len(staged.algebra_.elements) == 2  # moments of all elements make its maps


def test_commuting_pairs_may_be_given_in_one_order(X):
    views = {("a",): X[:, ::-1], ("b",): X[:, :, ::-1], ("b", "a"): X[:, ::-1, ::-1]}
    laws = dict(orders={"a": 2, "b": 2}, commute=[("a", "b")])
    augmenter = LatentAugmenter(None, PCA(8), method="staged", **laws).fit(X, views=views)
    assert augmenter.geometries_ == {"a": "group", "b": "group"}
    ab, ba = augmenter.compose("a", "b").matrix_, augmenter.compose("b", "a").matrix_
    assert np.allclose(ab, ba, atol=1e-8)


def test_gaps_train_jointly_and_every_image_counts(X, tmp_path):
    views = {(("turn", k),): gappy(turned(X, k), 0.5, k)[0] for k in (1, 2, 3)}
    augmenter = LatentAugmenter(None, quick(), orders={"turn": 4}, random_state=0).fit(X, views=views)
    assert augmenter.geometries_ == {"turn": "group"}
    assert augmenter.autoencoder_.n_iter_ == 2
    augmenter.save(tmp_path / "model")
    assert np.array_equal(load(tmp_path / "model").transform(X), augmenter.transform(X))
    table = error_table(augmenter, X, [(("turn", k),) for k in (1, 2, 3)], views=views)
    assert np.isfinite([row.error for row in table]).all()
    pairs = pair_table(augmenter, X, views)
    assert [row.n_pairs for row in pairs][::2] == [int(np.isfinite(v[:, 0, 0]).sum()) for v in views.values()]


def test_gaps_beside_functions(X):
    views = {("soft",): gappy(np.sqrt(X), 0.5, 0)[0], ("dark",): gappy(X / 2, 0.5, 1)[0]}
    for method in ("joint", "staged"):
        augmenter = LatentAugmenter(["soft", "dark", "flip_lr"], quick(), method=method, random_state=0)
        augmenter.fit(X, views=views)
        assert augmenter.geometries_["flip_lr"] == "group"
        assert set(augmenter.latent_boxes_) == set(augmenter.compositions_)


def test_where_no_image_has_all_views_functions_keep_their_laws(X):
    half = len(X) // 2
    views = {("soft",): (np.arange(half), np.sqrt(X[:half])), ("dark",): (np.arange(half, len(X)), X[half:] / 2)}
    augmenter = LatentAugmenter(["soft", "dark", "flip_lr"], quick(), random_state=0).fit(X, views=views)
    assert augmenter.algebra_.orders == {"soft": None, "dark": None, "flip_lr": 2}


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_integers_have_gaps_too(X, dtype):
    images = (255 * X).astype(np.uint8) if dtype == np.uint8 else X.astype(dtype)
    soft = [None if k % 3 else image for k, image in enumerate(images[:, ::-1])]
    augmenter = LatentAugmenter(None, PCA(8), method="staged").fit(images, views={("a",): soft})
    alone = LatentAugmenter(None, PCA(8), method="staged")
    alone.fit(images, views={("a",): (np.arange(0, len(X), 3), images[::3, ::-1])})
    assert np.array_equal(augmenter.latent_maps_["a"], alone.latent_maps_["a"])


def test_several_partners_of_one_image_are_refused(X):
    with pytest.raises(ValueError, match=r"^View \('a',\) has several partners of one image"):
        LatentAugmenter(None, PCA(4), method="staged").fit(X, views={("a",): ([0, 1, 1], X[:3])})


def test_views_that_are_split_keep_their_pairs(X):
    views = PairedViews({("a",): gappy(1 - X, 0.5, 0)[0], ("b",): X / 2}, len(X))
    rows = np.array([5, 3, 199, 3])
    part = views[rows, ...]
    assert list(part) == [("a",), ("b",)]
    assert np.array_equal(part["b",].values, X[rows] / 2)
    there = np.flatnonzero(np.isfinite(gappy(1 - X, 0.5, 0)[0][rows, 0, 0]))
    assert np.array_equal(part["a",].rows, there)
    assert np.array_equal(part["a",].known(), 1 - X[rows][there])


def test_gaps_beside_strengths(X):
    rows = np.arange(0, len(X), 2)
    views = {("older",): (rows, X[rows][:, ::-1])}
    laws = {"orders": {"older": 2}, "commute": [("older", "flip_lr")]}
    for parameters in ({"method": "staged", "autoencoder": PCA(12)}, {"autoencoder": quick()}):
        augs = ["rotate", "flip_lr", "older"]
        model = LatentAugmenter(augs, random_state=0, **laws, **parameters).fit(X, views=views)
        assert model.algebra_.orders["older"] == 2
        assert model.algebra_.commute("older", "flip_lr")
        assert set(model.latent_maps_) == {"rotate", "flip_lr", "older"}
        Z = model.encode(X[:5])
        assert np.allclose(model.transform_latent(Z, "older", "older"), Z, atol=1e-4)
        assert [row.n_pairs for row in pair_table(model, X, views)] == [100, 100]
        table = error_table(model, X, [("older",), (("rotate", 40.0),)], views=views)
        assert np.isfinite([row.error for row in table]).all()
        assert len(table.rows) == 5


def test_strengths_given_with_some_images(X):
    rows, t = np.arange(0, len(X), 2), np.linspace(-30, 30, len(X))
    spin = OneParameter(None, -30, 30, name="spin")
    views = {("spin", tuple(t)): (rows, rotate(X, t)[rows])}
    model = LatentAugmenter([spin], quick(), random_state=0).fit(X, views=views)
    assert [row.n_pairs for row in pair_table(model, X, views)] == [100, 100]
    with pytest.raises(ValueError, match=r"strengths of spin in views must be one number, or one an image of X: 200"):
        LatentAugmenter([spin], quick()).fit(X, views={("spin", tuple(t[rows])): (rows, X[rows])})
    with pytest.raises(ValueError, match="spin has a strength, and so no order"):
        LatentAugmenter([spin], quick(), orders={"spin": 2}).fit(X, views=views)
    with pytest.raises(ValueError, match="spin needs a strength that all images share"):
        LatentAugmenter([spin], PCA(12), method="staged").fit(X, views=views)
    with pytest.raises(ValueError, match="must name what was applied"):
        pair_table(model, X, {("spin", 3.5): X, ("flip_lr", -1): X})


def test_views_that_are_settled_have_their_strengths(X):
    views = declare_views(X, ["rotate", "a"], ImageFormat((8, 8)), {("a",): (np.arange(50), X[:50] / 2)})
    views = views.of([(), ("a",), ("a", ("rotate", 9.0))])
    terms = Terms(1.0, 1.0, 0.0, views.format_, torch.device("cpu"))
    objective = Reconstruction(build((8, 8), 2, (4, 8)), views, terms)
    rng, rows = np.random.default_rng(0), np.arange(len(X))
    which, strengths = objective.settle(rows, *objective.draw(rng, len(X)))
    assert not which[50:].any()
    assert not strengths[50:].any()
    assert np.array_equal(strengths[:, 0] != 0, which == 2)


def test_scorecards_and_displays_take_pairs(X):
    """The same numbers and pictures as of a function; images without a partner are left out."""
    model = LatentAugmenter(["flip_lr"], PCA(8), method="staged").fit(X)
    alone = LatentAugmenter(None, PCA(8), method="staged", orders={"mirror": 2})
    alone.fit(X, views={("mirror",): X[:, :, ::-1]})
    rows = np.arange(0, len(X), 2)
    views = {("mirror",): (rows, X[rows][:, :, ::-1])}
    labels = np.arange(len(X)) % 2
    whole, card = (scorecard(m, x, **given) for m, x, given in ((model, X[rows], {}), (alone, X, {"views": views})))
    for name in ("reconstruct", "apply", "undo", "gap", "equivariance"):
        assert np.isclose(card.rows[0].values[name], whole.rows[0].values[name], rtol=1e-4, atol=1e-6), name
    assert card.n_images == len(rows)
    assert card.rows[1].label == "do nothing"
    assert np.isclose(card.rows[1].values["apply"], whole.rows[1].values["apply"])
    assert "apply" not in scorecard(alone, X).rows[0].values
    classifier = KNeighborsClassifier(1).fit(X.reshape(len(X), -1), labels)
    labelled = scorecard(alone, X, labels, views=views, classifier=classifier)  # no function to recurse by
    assert labelled.rows[0].values == card.rows[0].values
    display = ReconstructionDisplay.from_estimator(alone, X, views=views, n_images=3)
    assert np.allclose(display.views["mirror",], X[rows[:3]][:, :, ::-1])
    assert len(ProjectionDisplay.from_estimator(alone, X, views=views).points) == 2 * len(rows)
    with pytest.raises(ValueError, match="turn"):
        scorecard(alone, X, views={("turn",): X})
    for kind in (ReconstructionDisplay, ProjectionDisplay):
        with pytest.raises(ValueError, match="nonsense"):
            kind.from_estimator(alone, X, compositions=["nonsense"], views=views)
    two = LatentAugmenter(None, PCA(8), method="staged").fit(X, views={("a",): 1 - X, ("b",): X[:, ::-1]})
    apart = {("a",): (rows, 1 - X[rows]), ("b",): (rows + 1, X[rows + 1][:, ::-1])}
    with pytest.raises(ValueError, match="some image"):
        scorecard(two, X, views=apart)

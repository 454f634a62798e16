"""Laws of labels: maps of classes beside those of all, never worse on images held out; latents of a class to draw."""

import pickle

import numpy as np
import pandas as pd
import pytest
from conftest import IdentityAutoencoder
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from latentaug import VAE, ConditionalVAE, LatentAugmenter, LatentMaps, TransferHead, load
from latentaug.augs import CATALOGUE
from latentaug.latent.maps import AffineMap, Moments
from latentaug.models.classes import Normal, as_classes, class_map
from latentaug.models.errors import error_table

QUICK = VAE(latent_dim=4, hidden_channels=(4, 8), kl_weight=0.01, max_iter=1, device="cpu", random_state=0)
NAN = float("nan")


@pytest.fixture(scope="module")
def labelled():
    """Digits in random order, and their labels."""
    order = np.random.default_rng(0).permutation(1797)
    return load_digits().images[order] / 16, load_digits().target[order]


@pytest.fixture(scope="module")
def mixed():
    """Images of two kinds that the same augmentation mirrors in two ways, given as pairs; the second has labels."""
    X, y = np.random.default_rng(0).random((400, 4, 4)), np.arange(400) % 3
    X_turned = np.where((y == 1)[:, None, None], X[:, ::-1], X[:, :, ::-1])
    return X, np.array(["a", "b", "c"])[y], X_turned


@pytest.fixture(scope="module")
def by_class(mixed):
    X, y, X_turned = mixed
    augmenter = LatentAugmenter(autoencoder=IdentityAutoencoder(), method="staged", geometry="free", random_state=0)
    return augmenter.fit(X, y, views={("turn",): X_turned})


# Labels

SEEN = {
    "numbers": ([3, 1, 3], [1, 3], [1, 0, 1]),
    "strings": (["b", "a", "b"], ["a", "b"], [1, 0, 1]),
    "some missing": ([3, None, 1], [1, 3], [1, -1, 0]),
    "NaN": ([3.0, NAN, 1.0], [1, 3], [1, -1, 0]),
    "bools": ([True, False, True], [False, True], [1, 0, 1]),
    "a series": (pd.Series(["b", None, "a"], index=[5, 6, 7]), ["a", "b"], [1, -1, 0]),
    "pandas' NA": (pd.Series([2, None, 1], dtype="Int64"), [1, 2], [1, -1, 0]),
    "categories": (pd.Series(["b", "a", "b"], dtype="category"), ["a", "b"], [1, 0, 1]),
    "a column": ([[3], [1], [3]], [1, 3], [1, 0, 1]),
}


@pytest.mark.parametrize("kind", SEEN)
def test_labels_of_any_kind_are_seen(kind):
    y, labels, numbers = SEEN[kind]
    found = as_classes(y, 3)
    assert found.labels.tolist() == labels
    assert found.numbers.tolist() == numbers
    assert found.labels.dtype.kind != "O"


@pytest.mark.parametrize("y", [[0.5, 1.0, 2.0], [[1, 2], [3, 4], [5, 6]], [None, None, None], [NAN] * 3, [np.inf] * 3])
def test_what_is_no_label_is_none(y):
    assert as_classes(y, 3) is None


@pytest.mark.parametrize("y", [[1, 2], 3, "abc", {1: 2}, object(), [1, "a", None], [[1], [2, 3], [4]]])
def test_wrong_labels_are_refused_in_one_line_before_anything_is_trained(y):
    class Untrainable(IdentityAutoencoder):
        def fit(self, X, y=None):
            raise AssertionError("trained")

    augmenter = LatentAugmenter(["flip_lr"], Untrainable(), method="staged")
    with pytest.raises(ValueError, match=r"^y must [^\n]*\.$"):
        augmenter.fit(np.random.default_rng(0).random((3, 4, 4)), y)


# Maps


@given(n=st.integers(1, 200), seed=st.integers(0, 99))
def test_the_fewer_images_of_a_class_the_nearer_its_map_to_that_of_all(n, seed):
    rng = np.random.default_rng(seed)
    A, Z = rng.normal(size=(4, 4)), rng.normal(size=(n, 4)) + 5
    own = A + rng.normal(size=(4, 4))
    found = class_map(Moments.of({(): Z, ("a",): Z @ own + 1}), A)
    assert isinstance(found, AffineMap)
    if n == 1:
        assert np.allclose(found.L, A, atol=0.05)
    if n > 20:
        assert np.allclose(found.L, own, atol=1e-3)
        assert np.allclose(found(Z), Z @ own + 1, atol=1e-3)
    same = class_map(Moments.of({(): Z, ("a",): Z @ A}), A)
    assert np.allclose(same(Z), Z @ A)
    undone = class_map(Moments.of({(): Z, ("a",): Z @ own + 1}), AffineMap(A, np.zeros(4), AffineMap(A, np.zeros(4))))
    assert n < 20 or np.allclose(undone.undo(Z @ own + 1), Z, atol=1e-2)


def test_a_class_of_noise_keeps_the_map_of_all():
    rng = np.random.default_rng(0)
    A, Z = rng.normal(size=(8, 8)), rng.normal(size=(12, 8))
    Z_aug = Z @ A + rng.normal(size=Z.shape)
    far = np.linalg.lstsq(Z, Z_aug, rcond=None)[0] - A
    near = class_map(Moments.of({(): Z, ("a",): Z_aug}), A).L - A
    assert np.square(near).sum() < 0.2 * np.square(far).sum()
    means = Z.mean(axis=0, keepdims=True), Z_aug.mean(axis=0, keepdims=True)
    shift = class_map(Moments.of({(): Z, ("a",): Z_aug}), A)(means[0]) - means[0] @ A
    assert np.square(shift).sum() < 0.5 * np.square(means[1] - means[0] @ A).sum()


def test_a_class_that_changes_otherwise_has_maps_of_its_own(by_class, mixed):
    X, y, X_turned = mixed
    assert set(by_class.class_maps_) == set("abc")
    assert all(set(own) == {"turn"} for own in by_class.class_maps_.values())
    assert np.allclose(by_class.transform(X, labels=y), X_turned, atol=1e-3)
    assert np.allclose(by_class.inverse_transform(X_turned, labels=y), X, atol=1e-3)
    assert np.abs(by_class.transform(X) - X_turned).max() > 0.1


def test_images_without_a_label_or_of_a_class_never_seen_are_taken_as_all(by_class, mixed):
    X, y, _ = mixed
    plain, own = by_class.transform(X), by_class.transform(X, labels=y)
    some = np.array(y, dtype=object)
    some[::3], some[1::9] = None, "never seen"
    with_some = by_class.transform(X, labels=some)
    known = np.isin(some.astype(str), ["a", "b", "c"])
    assert np.array_equal(with_some[known], own[known])
    assert np.allclose(with_some[~known], plain[~known], atol=1e-6)
    assert np.array_equal(by_class.transform(X, labels=[None] * len(X)), plain)
    with pytest.warns(UserWarning, match=r"^No label given was fitted on: a, b, c\.$"):
        assert np.array_equal(by_class.transform(X, labels=3), plain)


def test_labels_group_images_and_nothing_else(by_class, mixed, tmp_path):
    X, y, _ = mixed
    expected = by_class.transform(X, labels=y)
    for label in "abc":
        alone = by_class.of_class(label)
        assert np.array_equal(alone.transform(X[y == label]), expected[y == label])
        assert np.array_equal(by_class.transform(X[y == label], labels=label), expected[y == label])
        assert np.allclose(alone.compose("turn", ("turn", -1)).transform(X), alone.reconstruct(X), atol=1e-6)
    rows = X.reshape(len(X), -1)
    assert np.array_equal(by_class.transform(rows, labels=y.tolist()), expected.reshape(len(X), -1))
    out = np.lib.format.open_memmap(tmp_path / "out.npy", "w+", np.float64, X.shape)
    assert by_class.transform(X, out, labels=y) is out
    assert np.array_equal(out.astype(np.float32), expected)
    times = np.arange(len(X)) % 3
    each = by_class.compose(("turn", times)).transform(X, labels=y)
    for k in range(3):
        k_times = by_class.compose(("turn", k)).transform(X[times == k], labels=y[times == k])
        assert np.allclose(each[times == k], k_times, atol=1e-6)


AUTOENCODERS = {"PCA(8)": PCA(8), "PCA(24)": PCA(24), "PCA(40)": PCA(40), "VAE": QUICK}
AUGS = {
    "flips": ({}, ["flip_lr", "flip_ud"]),
    "free flips": ({"geometry": "free"}, ["flip_lr", "flip_ud"]),
    "free": ({}, ["shear_x", "edge_detect", "canny"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("autoencoder", AUTOENCODERS.values(), ids=AUTOENCODERS)
@pytest.mark.parametrize(("options", "augs"), AUGS.values(), ids=AUGS)
def test_maps_of_classes_are_never_worse_on_images_held_out_but_for_noise(labelled, autoencoder, options, augs):
    X, y = labelled
    model = LatentAugmenter(augs, autoencoder, method="staged", random_state=0, **options).fit(X[:1000], y[:1000])
    new, labels = X[1000:], y[1000:]
    for name in augs:
        changed = CATALOGUE[name](new)
        for source, target, verb in ((new, changed, "transform"), (changed, new, "inverse_transform")):
            errors = [
                np.square(getattr(model[name], verb)(source, **given) - target).sum(axis=(1, 2))
                for given in ({}, {"labels": labels})
            ]
            gain = errors[0] - errors[1]
            assert gain.mean() >= -3 * gain.std() / len(gain) ** 0.5, (name, verb)


def test_maps_of_classes_pay_where_an_augmentation_is_not_linear(labelled):
    X, y = labelled
    model = LatentAugmenter(["edge_detect"], PCA(24), method="staged", random_state=0).fit(X[:1000], y[:1000])
    changed = CATALOGUE["edge_detect"](X[1000:])
    plain, own = (np.square(model.transform(X[1000:], labels=given) - changed).sum() for given in (None, y[1000:]))
    assert own < 0.9 * plain


def test_without_labels_nothing_changes(labelled):
    X, y = labelled
    plain = LatentAugmenter(["flip_lr"], QUICK, random_state=0).fit(X[:200])
    for target, options in ((y[:200], {}), (X[:200, 2, 2], {}), (y[:200], {"by_class": False})):
        model = clone(plain).set_params(**options).fit(X[:200], target)
        assert np.array_equal(model.transform(X), plain.transform(X))
        assert np.array_equal(model.sample(3, random_state=0), plain.sample(3, random_state=0))
        assert hasattr(model, "classes_") == (not options and target.dtype.kind == "i")
    again = clone(plain).fit(X[:200], y[:200])
    assert not hasattr(again.partial_fit(X[:200]), "classes_")
    assert not hasattr(clone(plain).fit(X[:200], y[:200]).fit(X[:200]), "class_maps_")
    for model in (plain, again, ConditionalVAE(["flip_lr"], QUICK).fit(X[:200], y[:200])):
        with pytest.raises(ValueError, match=r"^This \w+ knows no labels\. Allowed with labels: one that fit was"):
            model.transform(X, labels=y)
    head = TransferHead(plain, ["flip_ud"], autoencoder=QUICK).fit(X[:200])
    with pytest.raises(ValueError, match=r"^This TransferHead knows no labels\."):
        head.transform(X, labels=y)


@pytest.mark.parametrize("labels", [["a"], [["a", "b"]] * 400, [], [["a"], ["a", "b"]]])
def test_wrong_labels_of_what_is_transformed_are_refused(by_class, mixed, labels):
    with pytest.raises(ValueError, match=r"^labels must be [^\n]*$"):
        by_class.transform(mixed[0], labels=labels)


@pytest.mark.parametrize("label", ["d", None, 3, [1], NAN])
def test_a_class_that_was_not_seen_is_no_model(by_class, label):
    with pytest.raises(ValueError, match=r"^Unknown label .*\. Fitted on: a, b, c\.$"):
        by_class.of_class(label)


def test_a_model_of_a_class_is_measured_as_any(by_class, mixed):
    X, y, X_turned = mixed
    rows = y == "b"
    errors = {}
    for label in "ab":
        table = error_table(by_class.of_class(label), X[rows], views={("turn",): X_turned[rows]})
        errors[label] = max(row.error for row in table)
    assert errors["b"] < 1e-3 < errors["a"]


# Samples


@given(n=st.integers(2, 50), seed=st.integers(0, 99))
def test_a_normal_is_that_of_its_latents(n, seed):
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, 3)) @ rng.normal(size=(3, 3)) + 4
    normal = Normal.of(Z)
    drawn = normal.draw(20_000, np.random.RandomState(seed))
    scale = np.sqrt(normal.covariance.diagonal())
    assert np.allclose(normal.mean, Z.mean(axis=0))
    assert (np.abs(drawn.mean(axis=0) - normal.mean) < 0.05 * scale + 1e-9).all()
    assert np.allclose(np.cov(drawn.T), normal.covariance, atol=0.1 * scale.max() ** 2)
    assert np.array_equal(Normal.of(Z[:1]).draw(2, np.random.RandomState(0)), Z[[0, 0]])


def test_samples_of_a_class_are_its_own_and_are_pushed_forward(by_class, labelled):
    X, y = labelled
    model = LatentAugmenter(["flip_lr"], PCA(24), method="staged").fit(X[:1000], y[:1000])
    means = np.stack([X[y == label].mean(axis=0) for label in range(10)])
    for label in range(10):
        plain, flipped = (model.sample(400, apply, 0, label=label).mean(axis=0) for apply in ([], "flip_lr"))
        assert np.square(means - plain).sum(axis=(1, 2)).argmin() == label
        assert np.square(means - flipped[:, ::-1]).sum(axis=(1, 2)).argmin() == label
    Z = model.class_normals_[3].draw(5, np.random.RandomState(0))
    own = model.of_class(3)
    assert own.sample(5, "flip_lr", np.random.RandomState(7)).shape == (5, 8, 8)
    assert np.allclose(own.transform_latent(Z, "flip_lr"), own.compose("flip_lr").transform_latent(Z))
    for refused in ({"label": 3, "source": "box"}, {"label": 11}):
        with pytest.raises(ValueError, match=r"^(Boxes are of all classes\.|Unknown label 11\.)"):
            model.sample(3, **refused)
    with pytest.raises(ValueError, match="knows no labels"):
        LatentAugmenter(["flip_lr"], PCA(4), method="staged").fit(X).sample(2, label=3)


# Rows


def test_rows_have_classes_too():
    rng, y = np.random.default_rng(0), np.arange(900) % 3
    Z, turns = rng.normal(size=(900, 6)) + 1, np.linalg.qr(rng.normal(size=(3, 6, 6)))[0]
    Z_turned = np.einsum("nd,nde->ne", Z, turns[y] + 3 * np.eye(6)) + 0.1 * rng.normal(size=Z.shape)
    maps = LatentMaps().fit(Z[:600], y[:600], views={("turn",): Z_turned[:600]})
    new, target, labels = Z[600:], Z_turned[600:], y[600:]
    assert np.square(maps.transform(new, labels=labels) - target).sum(1).mean() < 0.1
    assert np.square(maps.inverse_transform(target, labels=labels) - new).sum(1).mean() < 0.1
    assert np.square(maps.transform(new) - target).sum(1).mean() > 1
    assert np.array_equal(maps.of_class(2).transform(new[labels == 2]), maps.transform(new, labels=labels)[labels == 2])
    gaps = (np.arange(0, 600, 2), Z_turned[:600:2])
    assert LatentMaps().fit(Z[:600], y[:600], views={("turn",): gaps}).class_maps_[1]
    alike = LatentMaps().fit(Z, y, views={("turn",): Z @ turns[0] + 0.1 * rng.normal(size=Z.shape)})
    assert alike.class_maps_ == {0: {}, 1: {}, 2: {}}
    assert not hasattr(LatentMaps(by_class=False).fit(Z, y, views={("turn",): Z_turned}), "classes_")
    assert not hasattr(maps.partial_fit(Z, views={("turn",): Z_turned}), "classes_")


# Files


def test_classes_travel(by_class, mixed, tmp_path):
    X, y, _ = mixed
    model = clone(by_class).set_params(autoencoder=PCA(12)).fit(X, y, views={("turn",): mixed[2]})
    model.save(tmp_path / "model")
    model.of_class("b").save(tmp_path / "b")
    for again in (load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(again.transform(X, labels=y), model.transform(X, labels=y))
        assert np.array_equal(again.sample(3, label="b", random_state=0), model.sample(3, label="b", random_state=0))
    assert np.array_equal(load(tmp_path / "b").transform(X), model.of_class("b").transform(X))
    assert not hasattr(clone(model), "classes_")

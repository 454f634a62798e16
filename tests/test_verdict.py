"""The verdict on a trained autoencoder: good, collapsed, dead, worse than PCA; never better than 1, and it travels."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator

from latentaug import VAE, ConditionalVAE, LatentAugmenter, TransferHead, load
from latentaug.augs.views import Views
from latentaug.images import ImageFormat, squared_error
from latentaug.models import augmenter
from latentaug.models.verdict import Verdict, beside_originals, judge, warn_where_bad

GOOD = Verdict(0.831, 0.604, 16, 16, False, 0.8, 500)


class Components:
    """Principal components in place of a network."""

    def __init__(self, X, latent_dim):
        self.pca, self.latent_dim = PCA(latent_dim).fit(X.reshape(len(X), -1)), latent_dim

    def encode(self, images):
        return self.pca.transform(images.reshape(len(images), -1))

    def write(self, Z, out):
        out[...] = self.pca.inverse_transform(Z).reshape(out.shape)


class Constant(Components):
    """One image, whatever comes."""

    def write(self, Z, out):
        out[...] = 0.5


class Broken(Components):
    """No number, whatever comes."""

    def write(self, Z, out):
        out[...] = np.nan


def looked_at(X, coder, n_drawn=10**6, loss_curve=(2.0, 1.0)):
    return judge(coder, Views(X, {}, ImageFormat(X.shape[1:])), n_drawn, list(loss_curve), True)


def said(verdict, **attributes):
    """The one line of warning of a verdict on a VAE, or none."""
    vae = VAE()
    vae.__dict__.update({"kl_weight_": 0.5, "n_iter_": 7} | attributes)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        warn_where_bad(verdict, vae)
    assert len(told) <= 1
    assert all(warning.category is ConvergenceWarning and "\n" not in str(warning.message) for warning in told)
    return str(told[0].message) if told else None


@given(st.integers(0, 2**16), st.integers(1, 12), st.integers(21, 90), st.integers(2, 5))
def test_principal_components_explain_what_is_told_of_them_and_nothing_more_than_all(seed, d, n, side):
    X = np.random.default_rng(seed).random((n, side, side)).astype(np.float32)
    verdict = looked_at(X, Components(X, min(d, side * side)))
    assert verdict.explained <= 1
    assert np.isnan(verdict.explained_by_pca) == (n <= 3 * verdict.latent_dim)
    if not np.isnan(verdict.explained_by_pca):
        assert verdict.explained == pytest.approx(verdict.explained_by_pca, abs=1e-5)
        assert verdict.variation == pytest.approx(verdict.explained, abs=1e-5)
        assert not verdict.is_worse


def test_a_look_is_a_hundredth_of_what_training_drew_and_none_where_that_is_little(digits):
    coder = Components(digits, 4)
    found = [looked_at(digits, coder, n) for n in (1_999, 2_000, 30_000, 10**6)]
    assert [None if v is None else v.n_images for v in found] == [None, 20, 300, 500]
    assert looked_at(digits[:30], coder).n_images == 30
    assert looked_at(np.ones((100, 8, 8)), coder) is None


def test_a_loss_still_falls_where_its_last_pass_took_off_more_than_a_hundredth(digits):
    curves = {(1.0,): False, (1.0, 0.995): False, (1.0, 0.98): True, (1.0, 2.0): False, (0.5, 1.0, 0.5): True}
    for curve, falls in curves.items():
        assert looked_at(digits, Components(digits, 4), loss_curve=curve).still_falling is falls


def test_a_verdict_prints_as_one_line():
    start = "explains 83.1 % of the variance"
    assert str(GOOD) == f"{start} (PCA of 16: 60.4 %); 16 of 16 latent coordinates in use"
    unknown = Verdict(0.831, float("nan"), 3, 16, True, 0.8, 30)
    assert str(unknown) == f"{start}; 3 of 16 latent coordinates in use; the loss was still falling"


def test_what_is_bad_is_warned_of_with_its_cure(digits):
    assert said(GOOD) is None
    assert said(None) is None
    collapsed = said(Verdict(-0.001, 0.8, 0, 16, False, 1e-7, 500), kl_weight_=50)
    assert "has collapsed" in collapsed
    assert "lower kl_weight (now 50)" in collapsed
    assert "lower kl_weight" in said(Verdict(0.0, float("nan"), 0, 16, False, 1e-7, 30))
    for coder, words in ((Constant, "is dead: every image becomes the same"), (Broken, "gives no finite images")):
        dead = said(looked_at(digits, coder(digits, 4)), learning_rate_init=10)
        assert words in dead
        assert "lower learning_rate_init (now 10)" in dead
    assert said(Verdict(-0.001, float("nan"), 0, 16, True, 1e-7, 49)) is None  # it has only begun
    worse = said(Verdict(0.5, 0.6, 16, 16, True, 0.4, 500))
    assert "does worse than PCA" in worse
    assert "max_iter (now 7), or lower kl_weight (now 0.5)" in worse
    far = said(Verdict(-6.9, 0.6, 16, 16, False, 0.4, 40), learning_rate_init=10)
    assert "does worse than the mean image" in far
    assert "lower learning_rate_init (now 10)" in far
    assert "kl_weight" not in said(Verdict(0.5, 0.6, 16, 16, True, 0.4, 500), kl_weight_=0)


@pytest.mark.parametrize(("explained", "n_images", "is_worse"), [
    (0.56, 500, False), (0.54, 500, True), (0.5, 50, False), (0.3, 50, True), (0.3, 49, False),
])  # fmt: skip
def test_a_model_is_worse_where_its_error_is_a_tenth_above_that_of_components_that_know_more_images(
    explained, n_images, is_worse
):
    verdict = Verdict(explained, 0.6, 16, 16, False, 0.5, n_images)
    assert (said(verdict) is not None) is is_worse


def test_a_model_of_all_views_is_seen_beside_components_of_the_originals(digits, monkeypatch):
    """Components of all views are worse on upright digits than those of upright digits; a fit says so."""
    format_ = LatentAugmenter(["flip_lr"], PCA(2), method="staged").fit(digits[:20]).format_
    views = Views(digits, {}, format_)
    every = np.concatenate([digits, digits[:, :, ::-1], digits[:, ::-1], digits[:, ::-1, ::-1]])
    found = {}
    for name, images in (("all", every), ("upright", digits)):
        pca = PCA(8, random_state=0).fit(images.reshape(len(images), -1))

        def reconstruct(X, pca=pca):
            return pca.inverse_transform(pca.transform(X.reshape(len(X), -1))).reshape(X.shape)

        found[name] = beside_originals(reconstruct, views, 100 * len(digits), 8)
    assert found["all"].is_worse
    assert not found["upright"].is_worse
    assert found["all"].n_images == found["upright"].n_images == 500
    assert beside_originals(reconstruct, views, 100 * 49, 8) is None  # too little was trained to be sure
    monkeypatch.setattr(augmenter, "beside_originals", lambda *_: found["all"])
    with pytest.warns(ConvergenceWarning, match=r"PCA on the original images.*raise latent_dim"):
        LatentAugmenter(["flip_lr"], VAE(8, max_iter=4), random_state=0).fit(digits)


@pytest.fixture(scope="module")
def good(digits):
    return VAE(8, max_iter=4, random_state=0).fit(digits)


@pytest.mark.slow
def test_images_without_a_partner_are_seen_in_the_views_that_they_have(digits):
    X = digits[:200]
    views = {("turn",): (np.arange(0, 200, 2), X[::2, :, ::-1])}
    model = LatentAugmenter(None, VAE(4, max_iter=10), orders={"turn": 2}, random_state=0).fit(X, views=views)
    assert model.verdict_.n_images == 20


def test_a_good_model_says_so_without_a_warning_and_in_a_notebook(good, digits):
    verdict = good.verdict_
    rows = digits[np.unique(np.linspace(0, len(digits) - 1, 40).astype(int))]
    assert (verdict.n_images, verdict.latent_dim, verdict.n_active) == (40, 8, 8)
    assert 0.5 < verdict.explained <= 1
    lost = squared_error(rows, good.inverse_transform(good.transform(rows))).mean()
    assert verdict.explained == pytest.approx(1 - lost / rows.var(0).sum(), abs=0.05)
    if hasattr(BaseEstimator, "_html_repr"):  # from scikit-learn 1.7
        assert f"<p>VAE {verdict}</p>" in good._repr_mimebundle_()["text/html"]
        assert "<p>VAE" not in VAE()._repr_mimebundle_()["text/html"]


@pytest.mark.slow
def test_a_verdict_travels_in_files_and_pickles(good, tmp_path):
    good.save(tmp_path / "vae.latentaug")
    assert load(tmp_path / "vae.latentaug").verdict_ == good.verdict_
    assert pickle.loads(pickle.dumps(good)).verdict_ == good.verdict_
    assert repr(good.verdict_).startswith("Verdict(explained=")


@pytest.mark.slow
@pytest.mark.parametrize(("spoilt", "words"), [
    ({"kl_weight": 50}, "has collapsed"), ({"learning_rate_init": 10}, "lower learning_rate_init"),
])  # fmt: skip
def test_a_collapsed_and_a_dead_model_are_warned_of(spoilt, words, digits):
    with pytest.warns(ConvergenceWarning, match=words):
        vae = VAE(16, max_iter=8, random_state=0, **spoilt).fit(digits)
    assert vae.verdict_.explained < 0.05


@pytest.mark.slow
def test_an_augmenter_has_the_verdict_of_its_autoencoder_and_heads_and_streams_have_none(good, digits):
    quick = VAE(8, max_iter=5, random_state=0)
    joint = LatentAugmenter(["flip_lr"], quick, random_state=0).fit(digits)
    assert joint.verdict_ is joint.autoencoder_.verdict_ is not None
    frozen = LatentAugmenter(["flip_lr"], FrozenEstimator(good), method="staged").fit(digits)
    assert frozen.verdict_ is good.verdict_
    assert LatentAugmenter(["flip_lr"], PCA(4), method="staged").fit(digits).verdict_ is None
    head = TransferHead(joint, ["flip_ud"], autoencoder=quick, random_state=0).fit(digits)
    assert head.autoencoder_.verdict_ is None
    told = ConditionalVAE(["flip_lr"], quick, random_state=0).fit(digits)
    assert all(vae.verdict_ is None for vae in told.autoencoders_.values())
    assert pickle.loads(pickle.dumps(good)).partial_fit(digits).verdict_ is None
    assert not hasattr(LatentAugmenter(["flip_lr"]), "verdict_")

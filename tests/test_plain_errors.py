"""What was cryptic: one line says what is meant, whatever surrounds a fit."""

import pickle
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV

from latentaug import VAE, LatentAugmenter, LatentResampler, load
from latentaug.augs import PairedViews

QUICK = VAE(4, hidden_channels=(4, 8), max_iter=1, device="cpu", random_state=0)
X = (load_digits().images[:40] / 16).astype(np.float32)
Y = load_digits().target[:40]
FLIPS = LatentAugmenter(["flip_lr"], PCA(4), method="staged").fit(X)


@contextmanager
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


SURROUNDINGS = {
    "float64": float64,
    "another device": lambda: torch.device("meta"),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
}


def answers():
    """What some models of every kind of network give."""
    vae = clone(QUICK).fit(X)
    model = LatentAugmenter(["canny"], QUICK, random_state=0).fit(X)
    staged = LatentAugmenter(["canny"], QUICK, method="staged", geometry="nonlinear", random_state=0).fit(X)
    yield from (vae.transform(X), vae.sample(2, 0), vae.score_samples(X), *vae.latent_distribution(X))
    yield from (pickle.loads(pickle.dumps(vae)).transform(X), vae.set_params(refine_steps=1).transform(X[:4]))
    yield from (model.transform(X), staged.transform(X), clone(QUICK).partial_fit(X).partial_fit(X).transform(X))


@pytest.fixture(scope="module")
def expected():
    return list(answers())


@pytest.mark.slow
@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_what_surrounds_changes_no_bit(surroundings, expected):
    with SURROUNDINGS[surroundings]():
        found = list(answers())
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def fitted_on_pairs():
    return LatentAugmenter(["after"], QUICK).partial_fit(X, views={"after": 1 - X})


# Calls, and what they end in.
CALLS = {
    "epochs": (lambda: VAE(epochs=3), "VAE has no parameter epochs. Did you mean max_iter?"),
    "lr": (lambda: VAE(lr=1e-3), "VAE has no parameter lr. Did you mean learning_rate_init?"),
    "seed": (lambda: LatentAugmenter(seed=0), "LatentAugmenter has no parameter seed. Did you mean random_state?"),
    "misspelt": (lambda: VAE(latent_dims=3), "VAE has no parameter latent_dims. Did you mean latent_dim?"),
    "nonsense": (lambda: LatentResampler(FLIPS, nonsense=3), "LatentResampler has no parameter nonsense. Allowed: aug"),
    "a rate": (lambda: VAE(learning_rate=1e-3).fit(X), "learning_rate is a schedule: cosine, constant. A number is"),
    "latents": (lambda: FLIPS.decode(np.full((2, 4), 1e300)), "Z must lie within 1e+30 of 0, as float32."),
    "a negative seed": (lambda: VAE(random_state=-1).fit(X), "random_state must be an integer from 0 to 4294967295"),
    "a great seed": (lambda: FLIPS.sample(random_state=2**32), "random_state must be an integer from 0 to 4294967295"),
    "other augs": (
        lambda: clone(FLIPS).fit(X).set_params(augs=["canny"]).score(X),
        "augs must hold those fitted on, f",
    ),
    "more augs": (
        lambda: LatentAugmenter(["flip_lr"], QUICK).fit(X).set_params(augs=["flip_lr", "canny"]).partial_fit(X),
        "augs must be those fitted on, flip_lr. Got flip_lr, canny",
    ),
    "no views": (
        lambda: fitted_on_pairs().partial_fit(X),
        "Unknown augmentation 'after'. Without a function it needs",
    ),
    "masks for labels": (lambda: LatentResampler(FLIPS).fit(X, X), "y must be one label an image, of shape"),
    "mixed labels": (lambda: LatentResampler(FLIPS).fit(X, [1, "a"] * 20), "y must hold labels of one kind"),
}


@pytest.mark.parametrize("case", CALLS)
def test_an_error_says_what_is_meant(case):
    call, message = CALLS[case]
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_search_over_pairs_says_what_it_splits():
    search = GridSearchCV(LatentAugmenter(["a"], PCA(4), method="staged"), {"geometry": ["free"]}, error_score="raise")
    with pytest.raises(ValueError, match=r"^View \('a',\) has 40 images beside 32 of X; a search or cross-validation"):
        search.fit(X, views={("a",): 1 - X})


def test_a_search_splits_views_that_can_be_split():
    with config_context(enable_metadata_routing=True):
        staged = LatentAugmenter(["a"], PCA(4), method="staged")
        staged.set_fit_request(views=True).set_score_request(views=True)
        search = GridSearchCV(staged, {"autoencoder__n_components": [1, 8]}, error_score="raise")
        search.fit(X, views=PairedViews({("a",): 1 - X}, len(X)))
    assert search.best_params_ == {"autoencoder__n_components": 8}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("place", ["nowhere/model", "."])
def test_a_file_that_cannot_be_written_is_named(place, tmp_path):
    path = tmp_path / place
    with pytest.raises((OSError, ValueError)) as caught:
        FLIPS.save(path)
    assert ".tmp" not in str(caught.value)


def test_a_resampler_s_file_does_not_grow_with_what_it_gave_out(tmp_path):
    resampler, sizes = LatentResampler(FLIPS, random_state=0), []
    for n in (1, 20):
        resampler.fit_resample(np.tile(X, (n, 1, 1)), np.tile(Y, n))
        resampler.save(tmp_path / "resampler")
        sizes.append((tmp_path / "resampler").stat().st_size)
    assert sizes[0] == sizes[1]
    assert len(load(tmp_path / "resampler").fit_resample(X, Y)[0]) == 2 * len(X)


def test_a_path_may_begin_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    FLIPS.save("~/model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    np.testing.assert_array_equal(load("~/model").transform(X), FLIPS.transform(X))

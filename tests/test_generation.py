"""What a fitted model generates: carried views, samples, recursions, distributions; refined encoding."""

import copy

import numpy as np
import pytest
from conftest import SQUARE, IdentityAutoencoder, augmented
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from latentaug import VAE, LatentAugmenter
from latentaug.augs.steps import reduced
from latentaug.images import squared_error

QUICK = {"latent_dim": 8, "hidden_channels": (4, 8), "kl_weight": 0.01, "device": "cpu"}

words = st.lists(st.sampled_from(SQUARE), max_size=4).map(tuple)


@pytest.fixture(scope="module")
def flips(digits):
    return LatentAugmenter(["flip_lr", "flip_ud"], VAE(**QUICK, max_iter=6), random_state=0).fit(digits)


@given(source=words, target=words, seed=st.integers(0, 99))
def test_any_view_is_carried_to_any_other(exact, source, target, seed):
    X = np.random.default_rng(seed).random((3, 4, 4))
    carried = exact.carry(augmented(X, source), source, target)
    assert np.allclose(carried, augmented(X, target), atol=1e-6)
    rows = augmented(X, source).reshape(3, 16)
    assert np.allclose(exact.carry(rows, source, target), augmented(X, target).reshape(3, 16), atol=1e-6)


@given(word=words)
def test_carrying_is_applying_undoing_and_reconstructing(flips, digits, word):
    word = tuple(name for name in word if name in flips.aug_names_)
    X = digits[:20]
    assert np.array_equal(flips.carry(X, (), word), flips.compose(*word).transform(X))
    assert np.array_equal(flips.carry(X, word, ()), flips.compose(*word).inverse_transform(X))
    assert np.array_equal(flips.carry(X, word, word), flips.reconstruct(X))


@given(word=words)
def test_a_transform_knows_the_views_that_it_joins(exact, word):
    view = reduced(word)
    assert exact.compose(*word).views_ == ((), view)
    assert exact.compose(*word).inverse().views_ == (view, ())
    assert exact.compose(exact.compose(*word), exact.compose(*word).inverse()).views_ == ((), ())


def test_a_recursion_goes_through_images(flips, digits):
    images, latents = flips.recurse(digits[:5], "flip_lr", 3, return_latents=True)
    assert images.shape == (5, 3, 8, 8)
    assert latents.shape == (5, 4, 8)
    assert np.array_equal(latents[:, 0], flips.encode(digits[:5]))
    for k in range(3):
        assert np.array_equal(latents[:, k + 1], flips.encode(images[:, k]))
    assert np.array_equal(images[:, 1], flips["flip_lr"].transform(images[:, 0]))
    assert flips.recurse(digits[:5].reshape(5, 64), "flip_lr", 3).shape == (5, 3, 64)


@pytest.mark.parametrize("view", [(), ("flip_lr",), ("flip_lr", "flip_ud")])
def test_samples_come_from_the_prior_or_the_box_of_the_view(digits, view):
    model = LatentAugmenter(["flip_lr", "flip_ud"], PCA(4), method="staged").fit(digits)
    low, high = model.latent_boxes_[view]
    Z = model.encode(augmented(digits, view))
    assert np.allclose([low, high], [Z.min(axis=0), Z.max(axis=0)])
    drawn = model.sample(50, apply=list(view), source="box", random_state=3)
    assert drawn.shape == (50, 8, 8)
    assert np.array_equal(drawn, model.sample(50, apply=list(view), source="box", random_state=3))
    assert not np.array_equal(drawn, model.sample(50, apply=list(view), source="prior", random_state=3))


def test_the_box_is_the_range_of_the_samples():
    X = 0.2 + 0.6 * np.random.default_rng(0).random((60, 3, 3))
    model = LatentAugmenter(["flip_lr"], IdentityAutoencoder(), method="staged").fit(X)
    drawn = model.sample(500, apply="flip_lr", source="box", random_state=0)
    flipped = X[:, :, ::-1]
    assert (drawn >= flipped.min(axis=0) - 1e-6).all()
    assert (drawn <= flipped.max(axis=0) + 1e-6).all()
    assert np.allclose(drawn.mean(axis=0), (flipped.min(axis=0) + flipped.max(axis=0)) / 2, atol=0.05)


@given(word=words)
def test_a_posterior_is_pushed_through_a_composition_exactly(flips, digits, word):
    names = [name for name in word if name in flips.aug_names_]
    mean, covariance = flips.latent_distribution(digits[:4], *names)
    plain, variance = flips.encode(digits[:4]), flips.autoencoder_.latent_distribution(digits[:4])[1]
    L = flips.compose(*names).matrix_
    assert np.allclose(mean, plain @ L, atol=1e-5)
    for S, diagonal in zip(covariance, variance, strict=True):
        assert np.allclose(S, L.T @ np.diag(diagonal) @ L, atol=1e-5)


def test_a_pushed_posterior_is_that_of_pushed_draws(digits):
    vae = VAE(**QUICK, max_iter=2)
    model = LatentAugmenter(["edge_detect"], vae, method="staged", geometry="free", random_state=0).fit(digits)
    mean, covariance = model.latent_distribution(digits[:1], "edge_detect")
    plain, variance = model.autoencoder_.latent_distribution(digits[:1])
    draws = plain + np.sqrt(variance) * np.random.default_rng(0).standard_normal((200_000, 8))
    pushed = model.transform_latent(draws, "edge_detect")
    assert np.allclose(pushed.mean(axis=0), mean[0], atol=0.02 * np.sqrt(covariance[0].max()))
    assert np.allclose(np.cov(pushed.T), covariance[0], atol=0.02 * covariance[0].max())


def test_refining_finds_the_latents_of_decoded_images(flips, digits):
    alone = copy.copy(flips)
    alone.orbit_, alone.autoencoder_ = [], copy.copy(flips.autoencoder_)  # latents of an orbit are a compromise
    made = alone.reconstruct(digits[:50])
    plain = squared_error(alone.reconstruct(made), made).mean()
    alone.autoencoder_.set_params(refine_steps=8)
    refined = squared_error(alone.reconstruct(made), made).mean()
    assert refined < 0.05 * plain


def test_refining_is_set_after_fit_and_used_by_all_that_encode(flips, digits):
    X, Y = digits[:30], digits[30:60]
    flipped = augmented(X, ("flip_lr",))
    verbs = {
        "encode": lambda m: m.encode(X),
        "reconstruct": lambda m: m.reconstruct(X),
        "transform": lambda m: m.transform(X),
        "inverse_transform": lambda m: m.inverse_transform(X),
        "carry": lambda m: m.carry(flipped, "flip_lr"),
        "interpolate": lambda m: m.interpolate(X, Y),
        "recurse": lambda m: m.recurse(X, "flip_lr", 2),
        "latent_distribution": lambda m: m.latent_distribution(X)[0],
        "score": lambda m: m.autoencoder_.score(X),
    }
    plain = {name: verb(flips) for name, verb in verbs.items()}
    flips.autoencoder_.set_params(refine_steps=2)
    refined = {name: verb(flips) for name, verb in verbs.items()}
    flips.autoencoder_.set_params(refine_steps=0)
    for name, verb in verbs.items():
        assert not np.array_equal(plain[name], refined[name]), name
        assert np.array_equal(plain[name], verb(flips)), name
    assert squared_error(refined["reconstruct"], X).mean() < squared_error(plain["reconstruct"], X).mean()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, X: m.carry(X, "flip"), r"Unknown augmentation 'flip'. Fitted on: flip_lr, flip_ud."),
        (
            lambda m, X: m.carry(X, (), 3),
            r"target must be a name or a list of names, with their .* Got 3\.",
        ),
        (lambda m, X: m.carry(X[:, :5]), r"LatentAugmenter was fitted on images of shape \(8, 8\). Got \(5, 8\)."),
        (lambda m, X: m.sample(2, source="grid"), r"Unknown source 'grid'. Allowed: prior, box."),
        (
            lambda m, X: m.sample(2, apply=["flip_ud", "flip_lr"], source="box"),
            r"Unknown view \('flip_ud', 'flip_lr'\). Trained on: \(\), \('flip_lr',\)",
        ),
        (lambda m, X: m.recurse(X, "flip_lr", -1), r"n_steps must be an integer of at least 1. Got -1."),
        (lambda m, X: m.recurse(X, "turn", 2), r"Unknown augmentation 'turn'."),
        (lambda m, X: m.latent_distribution(X, "turn"), r"Unknown augmentation 'turn'."),
        (lambda m, X: m.recurse(X, "flip_lr", 2, "no"), r"return_latents must be True or False. Got 'no'."),
        (lambda m, X: m.decode(np.zeros((2, 3))), r"Z must have \d+ columns, one a latent dimension. Got 3."),
        (lambda m, X: VAE(refine_steps=-1).fit(X), r"refine_steps must be an integer of at least 0. Got -1."),
        (lambda m, X: VAE(refine_steps=0.5).fit(X), r"refine_steps must be an integer of at least 0. Got 0.5."),
    ],
)
def test_wrong_requests_are_refused_in_one_line(flips, digits, call, message):
    with pytest.raises((ValueError, TypeError), match=f"^{message}") as caught:
        call(flips, digits[:10])
    assert "\n" not in str(caught.value)


def test_refine_steps_set_wrongly_after_fit_are_refused(digits):
    vae = VAE(**QUICK, max_iter=1, random_state=0).fit(digits[:50])
    with pytest.raises(ValueError, match=r"^refine_steps must be an integer of at least 0. Got -2."):
        vae.set_params(refine_steps=-2).transform(digits[:5])


def test_a_distribution_needs_an_autoencoder_that_has_one(exact):
    with pytest.raises(ValueError, match=r"^latent_distribution needs an autoencoder with posteriors."):
        exact.latent_distribution(np.zeros((1, 4, 4)))

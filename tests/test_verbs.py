"""What verbs say, on augmentations that neither commute nor undo themselves, and an autoencoder that loses nothing."""

import numpy as np
import pytest
from conftest import IdentityAutoencoder
from hypothesis import given
from hypothesis import strategies as st

from latentaug import LatentAugmenter
from latentaug.metrics import error_table


class Posteriors(IdentityAutoencoder):
    """The exact autoencoder, with a variance of its own for every pixel."""

    def latent_distribution(self, X):
        return X, 0.5 + X**2


def mix(X):
    """Half of the second pixel in the first."""
    Y = X.copy()
    Y[:, 0, 0] = (X[:, 0, 0] + X[:, 0, 1]) / 2
    return Y


def tilt(X):
    """Some of the third pixel off the second, and all turned."""
    Y = np.rot90(X, axes=(1, 2)).copy()
    Y[:, 0, 1] = 0.6 * Y[:, 0, 1] - 0.4 * Y[:, 1, 0]
    return Y


AUGS = {"mix": mix, "tilt": tilt}
words = st.lists(st.sampled_from(list(AUGS)), max_size=3).map(tuple)


def images(n, seed=1, high=9):
    return np.random.default_rng(seed).uniform(-high, high, (n, 2, 2))


def seen(X, word):
    for name in word:
        X = AUGS[name](X)
    return X


def matrix(word):
    """The true latent map of a composition, read off the images of unit vectors."""
    return seen(np.eye(4).reshape(4, 2, 2), word).reshape(4, 4)


@pytest.fixture(scope="module")
def lossless():
    return LatentAugmenter(list(AUGS.values()), Posteriors(), method="staged", geometry="free").fit(images(200, seed=0))


def test_without_apply_transform_does_all_augmentations_from_left_to_right(lossless):
    X = images(5)
    assert np.allclose(lossless.transform(X), seen(X, AUGS), atol=1e-4)


@given(word=words)
def test_samples_of_a_view_are_the_prior_under_its_map(lossless, word):
    L = matrix(word)
    Z = lossless.sample(20_000, apply=word, random_state=0).reshape(-1, 4)
    assert np.allclose(Z.mean(axis=0), 0, atol=0.04)
    assert np.allclose(np.cov(Z.T), L.T @ L, atol=0.05)
    assert not np.array_equal(Z, lossless.sample(20_000, apply=word, random_state=1).reshape(-1, 4))


@given(word=words)
def test_a_posterior_follows_the_maps_in_their_order(lossless, word):
    X, L = images(5), matrix(word)
    mean, covariance = lossless.latent_distribution(X, *word)
    assert np.allclose(mean, seen(X, word).reshape(5, 4), atol=1e-5)
    for rows, S in zip(X.reshape(5, 4), covariance, strict=True):
        assert np.allclose(S, L.T @ np.diag(0.5 + rows**2) @ L, atol=1e-4)


@given(source=words, target=words)
def test_every_view_is_brought_to_every_other(lossless, source, target):
    X = images(4)
    assert np.allclose(lossless.carry(seen(X, source), source, target), seen(X, target), atol=1e-4)


@given(word=words)
def test_what_is_applied_is_undone_last_first(lossless, word):
    X = images(4)
    transform = lossless.compose(*word)
    assert np.allclose(transform.transform(X), seen(X, word), atol=1e-4)
    assert np.allclose(transform.inverse_transform(seen(X, word)), X, atol=1e-4)
    Z = seen(X, word).reshape(4, 4)
    assert np.allclose(lossless.transform_latent(X.reshape(4, 4), *word), Z, atol=1e-5)
    assert np.allclose(lossless.inverse_transform_latent(Z, *word), X.reshape(4, 4), atol=1e-4)


@pytest.mark.parametrize("n_steps", [2, 3, 5, 8])
def test_an_interpolation_goes_evenly_from_the_first_to_the_second(lossless, n_steps):
    A, B = images(4, seed=2), images(4, seed=3)
    line = lossless.interpolate(A, B, n_steps)
    for k in range(n_steps):
        share = k / (n_steps - 1)
        assert np.allclose(line[:, k], (1 - share) * A + share * B, atol=1e-5)


@pytest.mark.parametrize("name", AUGS)
def test_a_recursion_is_the_augmentation_as_often(lossless, name):
    X = images(4)
    steps, latents = lossless.recurse(X, name, 4, return_latents=True)
    for k in range(1, 5):
        assert np.allclose(steps[:, k - 1], seen(X, k * (name,)), atol=1e-4)
        assert np.allclose(latents[:, k], seen(X, k * (name,)).reshape(4, 4), atol=1e-4)
    assert np.allclose(latents[:, 0], X.reshape(4, 4))


class Blurred(IdentityAutoencoder):
    """Gives back a little less of every pixel."""

    def inverse_transform(self, Z):
        return 0.9 * np.asarray(Z)


def test_a_score_is_recomputed_from_images_and_from_the_error_table():
    """Undoing is left out; reconstruction and every composition, in both orders, weigh the same."""
    X = images(50)
    lossy = LatentAugmenter(list(AUGS.values()), Blurred(), method="staged", geometry="free").fit(images(200, seed=0))
    applied = [(), ("mix",), ("tilt",), ("mix", "tilt"), ("tilt", "mix")]
    errors = [np.square(lossy.compose(*word).transform(X) - seen(X, word)).sum(axis=(1, 2)).mean() for word in applied]
    assert lossy.score(X) == pytest.approx(-np.mean(errors), rel=1e-4)
    told = {row.composition: row.error for row in error_table(lossy, X) if row.task in ("reconstruct", "apply")}
    assert told == pytest.approx(dict(zip(applied, errors, strict=True)), rel=1e-4)
    assert len(set(np.round(errors, 3))) == len(errors)

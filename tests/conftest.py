"""What the tests share: Hypothesis settings, strategies of images, and models trained once."""

import os
import signal

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import parametrize_with_checks

from latentaug import LatentAugmenter
from latentaug.augs import CATALOGUE

settings.register_profile("latentaug", deadline=None, max_examples=20, derandomize=True)
settings.load_profile("latentaug")

SQUARE = ["flip_lr", "flip_ud", "rotate_cw", "rotate_ccw"]
ELEMENTS = {np.uint8: st.integers(0, 255), np.float32: st.floats(0, 1, width=32), np.float64: st.floats(0, 1)}


@st.composite
def image_stacks(draw, square=False, min_side=2, max_side=9):
    """Image stacks (n, H, W) or (n, H, W, C), uint8 or float in [0, 1]."""
    sides = st.integers(min_side, max_side)
    height = draw(sides)
    width = height if square else draw(sides)
    colour = draw(st.sampled_from([(), (1,), (3,)]))
    dtype = draw(st.sampled_from(list(ELEMENTS)))
    return draw(hnp.arrays(dtype, (draw(st.integers(1, 4)), height, width, *colour), elements=ELEMENTS[dtype]))


class IdentityAutoencoder(TransformerMixin, BaseEstimator):
    """The exact autoencoder: a latent coordinate a pixel."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.asarray(X)

    def inverse_transform(self, Z):
        return np.asarray(Z)


def every_check(*estimators):
    """scikit-learn's `parametrize_with_checks`, which before 1.9 hands pytest a generator."""
    names, checks = (mark := parametrize_with_checks(list(estimators))).args
    return pytest.mark.parametrize(names, list(checks), **mark.kwargs)


def augmented(X, names):
    """Images under augmentations of the catalogue, the leftmost first."""
    for name in names:
        X = CATALOGUE[name](X)
    return X


@pytest.fixture(scope="session")
def exact():
    """Square symmetries as maps of pixels: an augmenter whose autoencoder loses nothing."""
    X = np.random.default_rng(0).random((60, 4, 4))
    return LatentAugmenter(SQUARE, IdentityAutoencoder(), method="staged", random_state=0).fit(X)


@pytest.fixture(scope="session")
def digits():
    """A thousand 8x8 digits, floats in [0, 1]."""
    from sklearn.datasets import load_digits

    return load_digits().images[:1000] / 16


@pytest.fixture(scope="session")
def d4(digits):
    """An exact representation of the eight elements of D4 on principal components."""
    return LatentAugmenter(["rotate_cw", "flip_lr"], PCA(16), method="staged", random_state=0).fit(digits[:300])


@pytest.fixture(scope="session")
def coarse_d4(digits):
    """The same, and visibly worse."""
    return LatentAugmenter(["rotate_cw", "flip_lr"], PCA(4), method="staged", random_state=0).fit(digits[:300])


@pytest.fixture
def global_generators():
    """Fail a test that draws from a global generator of numpy or torch."""
    import torch

    before = np.random.mtrand._rand.get_state(legacy=False)["state"]["key"].copy(), torch.random.get_rng_state()
    yield
    assert np.array_equal(before[0], np.random.mtrand._rand.get_state(legacy=False)["state"]["key"])
    assert torch.equal(before[1], torch.random.get_rng_state())


@pytest.fixture
def ctrl_c():
    """Ctrl-C interrupts, also where a shell started the tests in the background and had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

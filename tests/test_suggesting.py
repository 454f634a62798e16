"""What augmentations make of labels: found by a classifier, on images that it did not learn."""

import numpy as np
import pytest
from conftest import IdentityAutoencoder
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.svm import SVC

from latentaug import LatentAugmenter, LatentResampler
from latentaug.augs import flip_lr, flip_ud
from latentaug.models.resampling import labels_seen

FLIPS = ["flip_lr", "flip_ud"]
UNFITTED = LatentAugmenter(FLIPS, IdentityAutoencoder(), method="staged", random_state=0)


@pytest.fixture(scope="module")
def labels():
    return load_digits().target[:1000]


def half_turn(X):
    """Upside down."""
    return flip_lr(flip_ud(X))


class TemplateReader(ClassifierMixin, BaseEstimator):
    """Knows each image by heart: the label of the nearest."""

    def fit(self, X, y):
        assert X.min() >= 0
        assert X.max() <= 1
        self.X_, self.y_, self.classes_ = X, y, np.unique(y)
        return self

    def predict(self, X):
        return self.y_[np.argmin(((X[:, None] - self.X_) ** 2).sum(axis=-1), axis=1)]


@pytest.mark.parametrize("scale", [1.0, 255.0, np.uint8(255)], ids=["unit", "own range", "uint8"])
@pytest.mark.parametrize("counts", [(8, 8, 8, 8), (6, 60, 10, 4), (60, 4, 6, 30)])
def test_what_augmentations_make_of_labels_is_found_however_many_there_are(scale, counts):
    dot, bar, ring = np.zeros((3, 4, 4))
    dot[0, 0], bar[0], ring[[0, 0, 3, 3], [0, 3, 0, 3]] = 1, 1, 1
    shapes = {"dot": dot, "dot right": flip_lr(dot[None])[0], "bar": bar, "ring": ring}
    y = np.repeat(list(shapes), counts)
    X = np.repeat(list(shapes.values()), counts, axis=0)
    noise = np.random.default_rng(0).random(X.shape)
    X = ((X * 0.9 + noise * 0.1) * scale).astype(np.asarray(scale).dtype)
    resampler = LatentResampler(UNFITTED, 3, random_state=0)
    found = resampler.suggest_allowed(X, y, TemplateReader(), threshold=0.9, random_state=0)
    assert found["flip_lr"] == {"dot": "dot right", "dot right": "dot", "bar": "bar", "ring": "ring"}
    assert found["flip_ud"]["ring"] == "ring"
    _, y_more = resampler.set_params(allowed=found).fit_resample(X, y)
    once = [k for k, names in enumerate(resampler.applied_) if names == ("flip_lr",)]
    assert all(y_more[k] == found["flip_lr"][y[resampler.sample_indices_[k]]] for k in once)


def test_on_digits_flips_keep_the_symmetric_ones(digits, labels, global_generators):
    turns = LatentAugmenter([flip_lr, flip_ud, half_turn], PCA(24), method="staged", random_state=0).fit(digits)
    resampler = LatentResampler(FrozenEstimator(turns))
    found = resampler.suggest_allowed(digits, labels, SVC(random_state=0), random_state=0)
    assert resampler.suggest_allowed(digits, labels, SVC(random_state=0), random_state=0) == found
    for name in FLIPS:
        assert found[name][0] == 0
        assert found[name][8] == 8
        assert found[name].get(2) != 2
    assert found["half_turn"][6] == 9
    assert found["half_turn"].get(7) != 7
    stricter = resampler.suggest_allowed(digits, labels, SVC(random_state=0), threshold=2, random_state=0)
    assert not any(stricter.values())


def test_a_classifier_that_sees_nothing_suggests_nothing_but_its_one_label(digits, labels):
    resampler = LatentResampler(LatentAugmenter(["flip_lr"], PCA(8), method="staged"))
    found = resampler.suggest_allowed(digits[:200], labels[:200], DummyClassifier(strategy="constant", constant=0))
    assert found == {"flip_lr": {0: 0}}


class Recorder(ClassifierMixin, BaseEstimator):
    """Tells images by their brightest pixel, which no flip changes; writes down which it learned and judged."""

    learned, judged = [], []

    @staticmethod
    def numbers(X):
        return np.rint(100 * X.max(axis=1)).astype(int).tolist()

    def fit(self, X, y):
        self.learned.append(dict(zip(self.numbers(X), y, strict=True)))
        self.judged.append([])
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        self.judged[-1].append(self.numbers(X))
        return np.repeat(self.classes_[0], len(X))


def test_the_classifier_judges_every_image_that_it_did_not_learn_and_no_other():
    X, y = 0.3 * np.random.default_rng(0).random((60, 4, 4)), np.repeat(["a", "b", "c"], (30, 20, 10))
    X[:, 1, 2] = np.arange(40, 100) / 100
    for seed in (0, 0, 1):
        LatentResampler(UNFITTED).suggest_allowed(X, y, Recorder(), random_state=seed)
    for learned, judged in zip(Recorder.learned, Recorder.judged, strict=True):
        assert len(judged) == 1 + len(FLIPS)
        for images in judged:
            assert sorted([*learned, *images]) == list(range(40, 100))
        assert [list(learned.values()).count(label) for label in "abc"] == [15, 10, 5]
    first, again, other = Recorder.learned
    assert first == again != other


shares = st.floats(0, 1)


@given(st.tuples(shares, shares), st.tuples(shares, shares), st.floats(0.1, 2))
def test_a_label_is_made_where_most_see_it_and_enough_of_those_who_see_it_plainly(seen, plain, threshold):
    """Of two labels: the shares of the images of each that are seen as the first, and seen aright where plain."""
    table = np.array([(share, 1 - share) for share in seen])
    found = labels_seen(table, np.array(plain), threshold, np.array(["a", "b"]))
    for own, (label, share) in enumerate(zip("ab", seen, strict=True)):
        becomes, most = ("a", share) if share >= 1 - share else ("b", 1 - share)
        enough = most >= threshold * plain["ab".index(becomes)]
        assert found.get(label) == (becomes if enough and most > 0.5 and plain[own] > 0.5 else None)


def test_a_label_that_no_label_has_most_of_is_left_out():
    table, plain = np.array([[0.4, 0.3, 0.3], [0, 1, 0], [0, 0, 1]]), np.array([0.7, 1, 1])
    assert labels_seen(table, plain, 0.5, np.array(["a", "b", "c"])) == {"b": "b", "c": "c"}

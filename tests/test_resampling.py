"""Laws of LatentResampler: originals untouched, copies the augmenter's own, labels followed step by step, one seed."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import IdentityAutoencoder, augmented, every_check
from hypothesis import given
from hypothesis import strategies as st
from imblearn.pipeline import make_pipeline
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from latentaug import VAE, ConditionalVAE, LatentAugmenter, LatentResampler, TransferHead, load
from latentaug.models.resampling import check_allowed, composed_labels, draw_balanced, draw_copies, draw_latents

FLIPS = ["flip_lr", "flip_ud"]
VIEWS = [("flip_lr",), ("flip_ud",), ("flip_lr", "flip_ud")]
QUICK = {"latent_dim": 4, "hidden_channels": (4, 8), "kl_weight": 0.01, "max_iter": 1, "device": "cpu"}
UNFITTED = LatentAugmenter(FLIPS, IdentityAutoencoder(), method="staged", random_state=0)


class Untrainable(IdentityAutoencoder):
    """An autoencoder that must not be reached."""

    def fit(self, X, y=None):
        raise AssertionError("trained")


class CountingClassifier(ClassifierMixin, BaseEstimator):
    """Remembers how many rows it learned from."""

    def fit(self, X, y):
        self.classes_, self.n_learned_ = np.unique(y), len(X)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[0], len(X))


@pytest.fixture(scope="module")
def labels():
    return load_digits().target[:1000]


@pytest.fixture(scope="module")
def exact_flips():
    """Flips of 4x4 images, as maps of pixels; on integers 0..255."""
    return clone(UNFITTED).fit(small_images(60))


def small_images(n, dtype=np.uint8, shape=(4, 4)):
    return np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(dtype)


CONTAINERS = {
    "uint8": lambda X: X,
    "int64": lambda X: X.astype(np.int64),
    "float32": lambda X: (X / 255).astype(np.float32),
    "float64": lambda X: X / 255,
    "float, its own range": lambda X: X / 7.0 - 12,
    "bool": lambda X: X > 127,
    "colour": lambda X: np.stack([X, 255 - X, X // 2], axis=-1),
    "list": lambda X: X.tolist(),
    "fortran": np.asfortranarray,
    "rows": lambda X: X.reshape(len(X), -1),
    "pandas": lambda X: pd.DataFrame(X.reshape(len(X), -1), columns=[f"p{k}" for k in range(16)], index=range(7, 19)),
    "pandas, floats": lambda X: pd.DataFrame(X.reshape(len(X), -1) / 255).rename(columns=str),
    "pandas, mixed": lambda X: pd.DataFrame(X.reshape(len(X), -1), columns=list("abcdefghijklmnop")).astype(
        {"c": float}
    ),
    "polars": lambda X: pl.DataFrame(X.reshape(len(X), -1)),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_the_originals_come_first_untouched_and_the_copies_are_like_them(kind):
    X, y = CONTAINERS[kind](small_images(12)), np.arange(12) % 3
    before = pickle.dumps(X)
    shape = (4, 4) if np.ndim(X) == 2 else None
    resampler = LatentResampler(clone(UNFITTED).set_params(image_shape=shape), 2, random_state=0)
    X_more, y_more = resampler.fit_resample(X, y)
    assert pickle.dumps(X) == before
    expected, given_images = np.asarray(X_more), np.asarray(X)
    assert np.array_equal(expected[:12], given_images)
    assert expected.shape == (36, *given_images.shape[1:])
    assert expected.dtype == given_images.dtype
    assert np.array_equal(resampler.sample_indices_, [*range(12), *np.repeat(range(12), 2)])
    assert np.array_equal(y_more, y[resampler.sample_indices_])
    for image, row, names in zip(expected, resampler.sample_indices_, resampler.applied_, strict=True):
        stack = given_images[[row]].reshape(1, 4, 4, *given_images.shape[3:])
        assert np.allclose(
            image.ravel(), augmented(stack, names).ravel(), atol=1e-5 if expected.dtype.kind == "f" else 0
        )
    if hasattr(X, "columns"):
        assert type(X_more) is type(X)
        assert list(X_more.columns) == list(X.columns)
        assert list(X_more.dtypes) == list(X.dtypes)


LABELS = {
    "numbers": np.arange(12) % 3,
    "strings": np.array(["a", "bb", "ccc"])[np.arange(12) % 3],
    "objects": np.array(["a", "bb", "ccc"], dtype=object)[np.arange(12) % 3],
    "bools": np.arange(12) % 2 == 0,
    "list": ["a", "bb", "ccc"] * 4,
    "series": pd.Series(["a", "bb", "ccc"] * 4, name="kind", index=range(12, 0, -1)),
    "categories": pd.Series(["a", "bb", "ccc"] * 4, dtype="category"),
    "frame": pd.DataFrame({"kind": [0, 1, 2] * 4}),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind_stay_of_their_kind(exact_flips, kind):
    y = LABELS[kind]
    resampler = LatentResampler(exact_flips, random_state=0)
    more = resampler.fit_resample(small_images(12), y)[1]
    assert np.array_equal(np.ravel(more), np.ravel(y)[resampler.sample_indices_])
    assert type(more) is type(y) or isinstance(y, list)
    assert np.asarray(more).dtype == np.asarray(y).dtype
    if hasattr(y, "iloc"):
        assert pd.DataFrame(more).dtypes.equals(pd.DataFrame(y).dtypes)


moves = st.dictionaries(st.sampled_from("xyz"), st.dictionaries(st.sampled_from("abc"), st.sampled_from("abc")))


@given(allowed=moves, n_augments=st.integers(1, 9), seed=st.integers(0, 99))
def test_labels_are_followed_step_by_step_and_never_through_what_is_not_allowed(allowed, n_augments, seed):
    classes, compositions = np.array(list("abc")), [("x",), ("y",), ("x", "y"), ("y", "x", "y"), ("z", "z")]
    numbers = np.random.default_rng(seed).integers(3, size=20)
    becomes = composed_labels(compositions, check_allowed(allowed, "xyz", classes))

    def followed(label, composition):
        for name in composition:
            label = allowed.get(name, {}).get(label)
        return label

    for k, composition in enumerate(compositions):
        for number, label in enumerate("abc"):
            expected = followed(label, composition)
            assert becomes[k, number] == (-1 if expected is None else "abc".index(expected))
    usable = becomes.T[numbers] >= 0
    rows, which = draw_copies(usable, n_augments, np.random.RandomState(seed))
    assert usable[rows, which].all()
    assert len(set(zip(rows, which, strict=True))) == len(rows)
    assert np.array_equal(np.bincount(rows, minlength=20), np.minimum(usable.sum(axis=1), n_augments))
    fewer = draw_copies(usable, 1, np.random.RandomState(seed))
    assert set(zip(*fewer, strict=True)) <= set(zip(rows, which, strict=True))


def test_every_composition_is_drawn_about_as_often():
    _, which = draw_copies(np.ones((4000, 4), dtype=bool), 2, np.random.RandomState(0))
    assert np.allclose(np.bincount(which) / len(which), 0.25, atol=0.02)


def test_allowed_says_which_copies_there_are_and_what_they_show(exact_flips):
    X, y = small_images(30), np.array(["6", "9", "b"] * 10)
    allowed = {"flip_lr": {"6": "9", "9": "6"}, "flip_ud": ("6", "b")}
    resampler = LatentResampler(exact_flips, 9, allowed, random_state=0)
    _, y_more = resampler.fit_resample(X, y)
    made = {"6": [], "9": [], "b": []}
    for row, names, label in zip(resampler.sample_indices_[30:], resampler.applied_[30:], y_more[30:], strict=True):
        made[y[row]].append((names, label))
    assert set(made["6"]) == {(("flip_lr",), "9"), (("flip_ud",), "6")}
    assert set(made["9"]) == {(("flip_lr",), "6"), (("flip_lr", "flip_ud"), "6")}
    assert set(made["b"]) == {(("flip_ud",), "b")}
    assert [len(copies) for copies in made.values()] == [20, 20, 10]


@pytest.mark.parametrize("allowed", [{}, {"flip_lr": []}, {"flip_lr": {}, "flip_ud": iter(())}])
def test_where_nothing_is_allowed_there_are_no_copies(exact_flips, allowed):
    X, y = small_images(12), np.arange(12) % 3
    X_more, y_more = LatentResampler(exact_flips, 5, allowed).fit_resample(X, y)
    assert np.array_equal(X_more, X)
    assert np.array_equal(y_more, y)


MODELS = {
    "joint": lambda: LatentAugmenter(FLIPS, VAE(**QUICK), random_state=0),
    "transfer": lambda: TransferHead(LatentAugmenter(FLIPS, VAE(**QUICK)), ["shear_x", "canny"], random_state=0),
    "no undo": lambda: TransferHead(LatentAugmenter(FLIPS, PCA(4), method="staged"), ["shear_x", "canny"],
                                    autoencoder=VAE(**QUICK), undo=False, random_state=0),
    "conditional": lambda: ConditionalVAE(["flip_lr", "shear_x"], VAE(**QUICK), random_state=0),
}  # fmt: skip


@pytest.mark.parametrize("kind", MODELS)
def test_any_model_of_augmentations_will_do(digits, labels, kind, global_generators):
    X, y = digits[:100], labels[:100]
    first, second, other = (LatentResampler(MODELS[kind](), 2, random_state=seed) for seed in (0, 0, 1))
    X_more, y_more = first.fit_resample(X, y)
    again = second.fit_resample(X, y)
    assert np.array_equal(X_more, again[0])
    assert np.array_equal(y_more, again[1])
    assert first.applied_ == second.applied_
    other.fit_resample(X, y)
    assert other.applied_ != first.applied_
    for names in set(first.applied_[100:]):
        made = [k for k, each in enumerate(first.applied_) if each == names]
        rows = X[first.sample_indices_[made]]
        assert np.allclose(X_more[made], first.augmenter_.carry(rows, (), names), atol=1e-5)


def test_the_seed_seeds_an_augmenter_without_one(digits, labels):
    unseeded = LatentAugmenter(FLIPS, VAE(**QUICK))
    X, y = digits[:60], labels[:60]
    first, second = (LatentResampler(unseeded, random_state=3).fit_resample(X, y)[0] for _ in range(2))
    assert np.array_equal(first, second)
    rng = np.random.RandomState(3)
    assert np.array_equal(LatentResampler(unseeded, random_state=rng).fit_resample(X, y)[0], first)
    assert not np.array_equal(LatentResampler(unseeded, random_state=rng).fit_resample(X, y)[0], first)


def test_a_fitted_augmenter_is_used_as_it_is_and_an_unfitted_one_cloned(exact_flips):
    X, y = small_images(12), np.arange(12) % 3
    before = pickle.dumps(exact_flips)
    frozen = LatentResampler(FrozenEstimator(exact_flips), random_state=0)
    for resampler in (LatentResampler(exact_flips), frozen, clone(frozen)):
        assert resampler.fit(X, y) is resampler
        resampler.fit_resample(X, y)
        assert resampler.augmenter_ is exact_flips
    assert pickle.dumps(exact_flips) == before
    assert LatentResampler(UNFITTED).fit(X, y).augmenter_ is not UNFITTED
    assert not hasattr(UNFITTED, "latent_maps_")
    loaded = pickle.loads(pickle.dumps(frozen))
    assert np.array_equal(loaded.fit_resample(X, y)[0], frozen.fit_resample(X, y)[0])


def test_a_pipeline_augments_what_it_trains_on_and_nothing_else(digits, labels):
    seen = []
    spy = FunctionTransformer(lambda X: seen.append(len(X)) or X)
    resampler = LatentResampler(LatentAugmenter(FLIPS, PCA(8), method="staged"), 2, random_state=0)
    pipeline = make_pipeline(spy, resampler, CountingClassifier())
    assert not isinstance(resampler, TransformerMixin)
    pipeline.fit(digits[:50], labels[:50])
    assert pipeline[-1].n_learned_ == 150
    assert len(pipeline.predict(digits[:30])) == 30
    assert seen == [50, 30]
    scores = cross_val_score(pipeline, digits[:100], labels[:100], cv=StratifiedKFold(2), error_score="raise")
    assert scores.shape == (2,)
    assert seen[2:] == [50, 50, 50, 50]


def test_a_pipeline_is_searched_over(digits, labels):
    rows = digits[:120].reshape(120, -1)
    flips = LatentAugmenter(FLIPS, PCA(8), method="staged", image_shape=(8, 8))
    pipeline = make_pipeline(LatentResampler(flips, random_state=0), LogisticRegression(max_iter=1000))
    grid = {"latentresampler__n_augments": [1, 2], "latentresampler__augmenter__autoencoder__n_components": [4, 8]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(rows, labels[:120])
    found = search.best_estimator_.named_steps["latentresampler"]
    assert found.augmenter_.autoencoder_.n_components == found.augmenter.autoencoder.n_components in (4, 8)
    assert len(found.sample_indices_) == 120 * (1 + found.n_augments)
    found.set_params(augmenter__apply="flip_ud", allowed={"flip_lr": [0]})
    assert found.get_params()["augmenter__apply"] == "flip_ud"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augmenter": PCA()}, r"augmenter must be a LatentAugmenter, TransferHead or ConditionalVAE. Got PCA."),
        ({"n_augments": 0}, r"n_augments must be an integer of at least 1. Got 0."),
        ({"n_augments": 1.5}, r"n_augments must be an integer of at least 1. Got 1.5."),
        ({"allowed": ["flip_lr"]}, r"allowed must be a dict of augmentation to labels, or None. Got \['flip_lr'\]."),
        ({"allowed": {"turn": [1]}}, r"Unknown augmentation in allowed 'turn'. Allowed: flip_lr, flip_ud."),
        ({"allowed": {"flip_lr": [7]}}, r"Unknown label in allowed\['flip_lr'\]: 7. In y: 0, 1, 2."),
        ({"allowed": {"flip_ud": {1: 7}}}, r"Unknown label in allowed\['flip_ud'\]: 7. In y: 0, 1, 2."),
        ({"allowed": {"flip_ud": [[1]]}}, r"Unknown label in allowed\['flip_ud'\]: \[1\]. In y: 0, 1, 2."),
        (
            {"allowed": {"flip_ud": "12"}},
            r"allowed\['flip_ud'\] must be labels, or a dict of label to label. Got '12'.",
        ),
        ({"allowed": {"flip_ud": 1}}, r"allowed\['flip_ud'\] must be labels, or a dict of label to label. Got 1."),
        ({"y": np.arange(11)}, r"Found input variables with inconsistent numbers of samples: \[12, 11\]"),
        ({"y": None}, r"LatentResampler requires y to be passed, but the target y is None."),
        ({"y": np.ones((12, 2))}, r"y should be a 1d array, got an array of shape \(12, 2\) instead."),
        ({"y": np.linspace(0, 1, 12)}, r"Unknown label type: continuous."),
        ({"X": np.full((12, 4, 4), 300)}, r"Integer images must lie in 0..255."),
        ({"X": np.full((12, 4, 4), np.nan)}, r"Input X contains NaN."),
    ],
)
def test_errors_come_before_any_training(options, message):
    X, y = options.pop("X", small_images(12)), options.pop("y", np.arange(12) % 3)
    augmenter = LatentAugmenter(FLIPS, Untrainable(), method="staged")
    resampler = LatentResampler(**{"augmenter": augmenter, **options})
    for verb in (resampler.fit, resampler.fit_resample):
        with pytest.raises((ValueError, TypeError), match=f"^{message}"):
            verb(X, y)


def test_what_suggests_and_what_is_fitted_is_checked(exact_flips):
    X, y = small_images(12), np.arange(12) % 3
    with pytest.raises(NotFittedError):
        LatentResampler(FrozenEstimator(UNFITTED)).fit(X, y)
    with pytest.raises(ValueError, match=r"^X is on another scale than the training data, integers 0..255. Got"):
        LatentResampler(exact_flips).fit_resample(np.where(X < 9, 0, 255.0), y)
    with pytest.raises(ValueError, match=r"^LatentAugmenter was fitted on images of shape \(4, 4\). Got \(3, 4\)."):
        LatentResampler(exact_flips).fit(X[:, :3], y)
    with pytest.raises(ValueError, match=r"^Every label needs 2 images or more. Got fewer of 5, 9."):
        LatentResampler(exact_flips).suggest_allowed(X, [0] * 10 + [9, 5], SVC(random_state=0))
    with pytest.raises(ValueError, match=r"^threshold must be a number above 0. Got 0."):
        LatentResampler(exact_flips).suggest_allowed(X, y, SVC(random_state=0), threshold=0)


@pytest.mark.filterwarnings("ignore:flip_ud leaves all images", "ignore:X .*another scale", "ignore:X holds")
@every_check(LatentResampler(UNFITTED, random_state=0))
def test_scikit_learn_s_own_checks(estimator, check):
    check(estimator)


def test_saved_is_loaded_is_pickled(labels, digits, tmp_path):
    X, y = digits[:60], labels[:60]
    allowed = {"flip_lr": [0, 8], "flip_ud": {3: 3, 6: 9}}
    resampler = LatentResampler(LatentAugmenter(FLIPS, PCA(8), method="staged"), 2, allowed, random_state=0).fit(X, y)
    frozen = LatentResampler(FrozenEstimator(resampler.augmenter_), 2, allowed, random_state=0)
    frozen.save(tmp_path / "resampler")
    expected = frozen.fit_resample(X, y)
    for copy in (load(tmp_path / "resampler"), pickle.loads(pickle.dumps(frozen)), clone(frozen)):
        for given_out, wanted in zip(copy.fit_resample(X, y), expected, strict=True):
            assert np.array_equal(given_out, wanted)


# Balance


def uneven(n=120):
    X, y = load_digits().images[:600] / 16, load_digits().target[:600]
    rows = np.concatenate([np.flatnonzero(y == label)[: [40, 25, 5, 3][label]] for label in range(4)])
    return X[rows], y[rows]


COUNTS = np.array([40, 25, 5, 3])
BALANCED = {
    "auto": [40, 40, 40, 40],
    "not majority": [40, 40, 40, 40],
    "minority": [40, 25, 5, 40],
    "not minority": [40, 40, 40, 3],
    "all": [40, 40, 40, 40],
}


@pytest.mark.parametrize(
    "strategy",
    [*BALANCED, {3: 70, 1: 25}, lambda y: {2: int((y == 0).sum())}],
    ids=lambda s: getattr(s, "__name__", str(s)),
)
def test_classes_are_brought_to_the_size_that_imbalanced_learn_brings_them_to(strategy):
    from imblearn.over_sampling import RandomOverSampler

    X, y = uneven()
    resampler = LatentResampler(UNFITTED, sampling_strategy=strategy, random_state=0)
    X_more, y_more = resampler.fit_resample(X, y)
    _, theirs = RandomOverSampler(sampling_strategy=strategy, random_state=0).fit_resample(X.reshape(len(X), -1), y)
    assert np.array_equal(np.bincount(y_more), np.bincount(theirs))
    if isinstance(strategy, str):
        assert np.bincount(y_more).tolist() == BALANCED[strategy]
    assert np.array_equal(X_more[: len(X)], X.astype(X_more.dtype))
    seen = set()
    for row, composition, image, label in zip(
        resampler.sample_indices_, resampler.applied_, X_more, y_more, strict=True
    ):
        if row < 0:
            assert composition == ()
            continue
        assert np.allclose(image, augmented(X[row : row + 1], composition)[0], atol=1e-6)
        assert label == y[row]
        assert (row, composition) not in seen
        seen.add((row, composition))


def test_new_images_come_only_where_a_class_has_no_more_copies():
    X, y = uneven()
    resampler = LatentResampler(UNFITTED, sampling_strategy={3: 20}, random_state=0)
    _, y_more = resampler.fit_resample(X, y)
    made = resampler.sample_indices_[len(X) :]
    assert (np.sum(made >= 0), np.sum(made < 0)) == (3 * len(VIEWS), 20 - 3 - 3 * len(VIEWS))
    assert (y_more[len(X) :] == 3).all()
    nothing = LatentResampler(UNFITTED, allowed={}, sampling_strategy="auto", random_state=0)
    assert np.bincount(nothing.fit_resample(X, y)[1]).tolist() == [40] * 4
    assert (nothing.sample_indices_[len(X) :] == -1).all()


def test_labels_that_an_augmentation_moves_fill_the_class_that_they_move_to():
    X, y = uneven()
    resampler = LatentResampler(UNFITTED, allowed={"flip_lr": {0: 3}}, sampling_strategy={3: 30}, random_state=0)
    _, y_more = resampler.fit_resample(X, y)
    assert (y[resampler.sample_indices_[len(X) :]] == 0).all()
    assert np.bincount(y_more).tolist() == [40, 25, 5, 30]


@given(seed=st.integers(0, 99))
def test_no_copy_is_drawn_twice_and_what_cannot_be_drawn_is_told(seed):
    rng = np.random.RandomState(seed)
    made = rng.randint(-1, 3, size=(12, 4))
    missing = rng.randint(0, 20, size=3)
    rows, which, left = draw_balanced(made, missing, rng)
    assert len(set(zip(rows.tolist(), which.tolist(), strict=True))) == len(rows)
    counts = np.bincount(made[rows, which], minlength=3)
    assert np.array_equal(counts + left, missing)
    assert ((left == 0) | (counts == [(made == label).sum() for label in range(3)])).all()


def test_new_latents_are_those_of_the_class():
    Z = np.random.default_rng(0).normal(size=(4000, 3)) @ np.diag([1.0, 2.0, 0.1]) + [5, 0, -5]
    drawn = draw_latents(Z, 20000, np.random.RandomState(0))
    assert np.allclose(drawn.mean(axis=0), Z.mean(axis=0), atol=0.1)
    assert np.allclose(np.cov(drawn.T), np.cov(Z.T), atol=0.2)
    assert np.array_equal(draw_latents(Z[:1], 2, np.random.RandomState(0)), np.repeat(Z[:1], 2, axis=0))


def test_a_strategy_is_refused_of_what_random_draws():
    X, y = load_digits().images[:40] / 16, load_digits().target[:40]
    flips = LatentAugmenter(["flip_lr"], PCA(8), method="staged").fit(X)
    with pytest.raises(ValueError, match="sampling_strategy must be None with what random gives"):
        LatentResampler(flips.random(flip_lr=0.5), sampling_strategy="auto").fit(X, y)

"""Does a classifier with few labelled digits learn more from copies of them made in latent space?

    python -m benchmarks.classifier            10 draws of 10, 20, 50 and 100 digits a class, tested on 10,000
    python -m benchmarks.classifier --draws 3
    python -m benchmarks.classifier --quick    the sample of 5,000 digits, 2 draws: does it run, not how well

Every condition of a draw has the same labelled digits. Each digit gets 4 copies, by 4 of the 15 compositions of a
shear and a turn by 10 degrees, each either way: the same digits and compositions in image space as in latent space.

    none          the labelled digits alone
    image         and 4 copies of each, made by the functions themselves
    image twice   and 8 copies of each
    latent        and 4 copies of each, by an augmenter trained on the labelled digits alone
    both          those of image and those of latent
    latent 10k    as latent, by an augmenter trained once on 10,000 digits without labels
    both 10k      those of image and those of latent 10k

Last, what `suggest_allowed` finds for two flips and a half turn. Nothing was chosen by these results: the functions are
those that keep every digit, so the flips, which keep three, are left to the last part; the budget is 30,000 draws for
an augmenter of the labelled digits and 150,000 for that of the 10,000; all else is the default.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.ndimage import rotate
from scipy.sparse import csr_array
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from benchmarks.sides import PAPER
from latentaug import VAE, LatentAugmenter, LatentResampler
from latentaug.augs import flip_lr, flip_ud, shear_x
from latentaug.datasets import load_digits_sample, load_mnist
from latentaug.models.resampling import draw_copies

N_COPIES = 4


def shear_back(X):
    """Shear as `shear_x` does, to the other side."""
    return flip_lr(shear_x(flip_lr(X)))


@cache
def turn_matrix(side: int, degrees: float) -> csr_array:
    """What a turn with linear interpolation does to rows of ``side * side`` pixels; many times faster than `rotate`."""
    pixels = np.eye(side**2, dtype=np.float32).reshape(-1, side, side)
    return csr_array(rotate(pixels, degrees, axes=(1, 2), reshape=False, order=1).reshape(side**2, -1))


def turn(X, degrees):
    """Turn every (square) image counter-clockwise about its centre."""
    rows = X.reshape(len(X), -1).astype(np.float32) @ turn_matrix(X.shape[1], degrees)
    return (np.rint(rows) if X.dtype.kind in "ui" else rows).reshape(X.shape).astype(X.dtype)


def turn_ccw(X):
    """Turn every image 10 degrees counter-clockwise."""
    return turn(X, 10)


def turn_cw(X):
    """Turn every image 10 degrees clockwise."""
    return turn(X, -10)


def half_turn(X):
    """Turn every image upside down; its own inverse."""
    return flip_lr(flip_ud(X))


AUGS = {aug.__name__: aug for aug in (shear_x, shear_back, turn_cw, turn_ccw)}
CLASSIFIERS = {
    "SVC": lambda: make_pipeline(PCA(50, random_state=0), SVC(C=10)),
    "logistic": lambda: make_pipeline(PCA(50, random_state=0), LogisticRegression(max_iter=500)),
}
DIFFERENCES = (
    ("image", "none"),
    ("latent", "none"),
    ("latent 10k", "none"),
    ("latent 10k", "image"),
    ("both", "image twice"),
    ("both 10k", "image twice"),
)


@dataclass(frozen=True)
class Setting:
    """The digits, and how much is done with them."""

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    sizes: tuple[int, ...] = (10, 20, 50, 100)
    n_unlabelled: int = 10_000
    draws_labelled: int = 30_000  # of the training of an augmenter
    draws_unlabelled: int = 150_000


def fit_augmenter(augs: list, X: np.ndarray, n_draws: int, seed: int) -> LatentAugmenter:
    """Fit an augmenter by as many passes as make `n_draws` draws."""
    return LatentAugmenter(augs, VAE(**PAPER, max_iter=-(-n_draws // len(X))), random_state=seed).fit(X)


def draw_labelled(y: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Rows of `size` digits of each class; a larger draw of the same seed holds the smaller."""
    order = np.random.default_rng(seed).permutation(len(y))
    return np.concatenate([order[y[order] == digit][:size] for digit in range(10)])


def in_image_space(X: np.ndarray, rows: np.ndarray, applied: list[tuple[str, ...]]) -> np.ndarray:
    """Image ``rows[i]`` under the composition ``applied[i]``, by the functions themselves."""
    copies = X[rows]
    for composition in set(applied):
        chosen = [i for i, each in enumerate(applied) if each == composition]
        for name in composition:
            copies[chosen] = AUGS[name](copies[chosen])
    return copies


def added_images(X: np.ndarray, y: np.ndarray, model: LatentAugmenter, setting: Setting, seed: int) -> dict:
    """What each condition adds to the labelled images: images and labels."""
    own = LatentResampler(
        fit_augmenter(list(AUGS.values()), X, setting.draws_labelled, seed), N_COPIES, random_state=seed
    )
    other = LatentResampler(FrozenEstimator(model), N_COPIES, random_state=seed)
    (X_own, y_own), (X_other, _) = (resampler.fit_resample(X, y) for resampler in (own, other))
    n, rows, applied = len(X), own.sample_indices_, own.applied_
    assert applied == other.applied_
    latent, latent_10k, labels = X_own[n:], X_other[n:], y_own[n:]
    image = in_image_space(X, rows[n:], applied[n:])
    compositions = [composition for composition in model.compositions_ if composition]
    usable, rng = np.ones((n, len(compositions)), dtype=bool), np.random.RandomState(seed)
    rows, which = draw_copies(usable, 2 * N_COPIES, rng)
    return {
        "none": (X[:0], y[:0]),
        "image": (image, labels),
        "image twice": (in_image_space(X, rows, [compositions[k] for k in which]), y[rows]),
        "latent": (latent, labels),
        "both": (np.concatenate([image, latent]), np.concatenate([labels, labels])),
        "latent 10k": (latent_10k, labels),
        "both 10k": (np.concatenate([image, latent_10k]), np.concatenate([labels, labels])),
    }


def accuracies(setting: Setting, model: LatentAugmenter, n_draws: int) -> Iterator[tuple[tuple[int, str, str], float]]:
    """Share of the test images recognised, by (digits a class, classifier, condition), draw after draw."""
    (X_train, y_train), (X_test, y_test) = setting.train, setting.test
    for size in setting.sizes:
        for seed in range(n_draws):
            rows = draw_labelled(y_train, size, seed)
            X, y = X_train[rows], y_train[rows]
            for condition, (images, labels) in added_images(X, y, model, setting, seed).items():
                X_all, y_all = np.concatenate([X, images]), np.concatenate([y, labels])
                for name, make in CLASSIFIERS.items():
                    classifier = make().fit(unit_rows(X_all), y_all)
                    yield (size, name, condition), classifier.score(unit_rows(X_test), y_test)


def unit_rows(X: np.ndarray) -> np.ndarray:
    return np.divide(X.reshape(len(X), -1), 255, dtype=np.float32)


def print_row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def print_accuracies(results: dict[tuple[int, str, str], list[float]]) -> None:
    """Accuracies in percent, mean and standard deviation over the draws; then the paired differences."""
    conditions = list(dict.fromkeys(condition for *_, condition in results))
    runs = list(dict.fromkeys((size, name) for size, name, _ in results))
    print("\nTest accuracy in percent, mean ± standard deviation over the draws:\n")
    print_row("digits a class", "classifier", *conditions)
    print_row(*["---"] * (2 + len(conditions)))
    for size, name in runs:
        cells = (100 * np.array(results[size, name, condition]) for condition in conditions)
        print_row(size, name, *(f"{cell.mean():.1f} ± {cell.std(ddof=1):.1f}" for cell in cells))
    print("\nDifference within a draw, in points, mean ± standard deviation, and the draws in which it is above 0:\n")
    print_row("digits a class", "classifier", *(f"{a} - {b}" for a, b in DIFFERENCES))
    print_row(*["---"] * (2 + len(DIFFERENCES)))
    for size, name in runs:
        pairs = (100 * (np.array(results[size, name, a]) - results[size, name, b]) for a, b in DIFFERENCES)
        print_row(size, name, *(f"{d.mean():+.1f} ± {d.std(ddof=1):.1f} ({(d > 0).sum()})" for d in pairs))


def print_suggestion(setting: Setting) -> None:
    """What is suggested for two flips and a half turn, by as many labelled digits as the others were unlabelled."""
    X, y = (array[: setting.n_unlabelled] for array in setting.train)
    model = fit_augmenter([flip_lr, flip_ud, half_turn], X, setting.draws_unlabelled, seed=0)
    resampler = LatentResampler(FrozenEstimator(model))
    print(f"\nsuggest_allowed on {len(X)} digits, SVC:")
    for name, labels in resampler.suggest_allowed(X, y, CLASSIFIERS["SVC"](), random_state=0).items():
        print(f"    {name}: {labels}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small sample, two draws, little training")
    parser.add_argument("--draws", type=int, default=10, help="draws of the labelled digits, two or more (10)")
    options = parser.parse_args()
    if options.quick:
        X, y = load_digits_sample()
        setting = Setting((X[:4000], y[:4000]), (X[4000:], y[4000:]), (10,), 400, 400, 400)
    else:
        setting = Setting(load_mnist("train"), load_mnist("test"))
    start = time.perf_counter()
    X_train = setting.train[0]
    unlabelled = X_train[np.random.default_rng(0).permutation(len(X_train))[: setting.n_unlabelled]]
    model = fit_augmenter(list(AUGS.values()), unlabelled, setting.draws_unlabelled, seed=0)
    results: dict[tuple[int, str, str], list[float]] = {}
    for run, accuracy in accuracies(setting, model, 2 if options.quick else options.draws):
        results.setdefault(run, []).append(accuracy)
        print(*run, f"{accuracy:.4f}", file=sys.stderr, flush=True)
    print_accuracies(results)
    print_suggestion(setting)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()

"""Classes of very different size: does a classifier gain from copies and new images made in latent space?

    python -m benchmarks.imbalance              MNIST and Fashion-MNIST, five draws of the images
    python -m benchmarks.imbalance --seeds 1    one draw, without a standard deviation
    python -m benchmarks.imbalance --quick      a small sample: does it run, not how well

The ten classes have 4000, 2000, 1000, 750, 500, 350, 200, 100, 60 and 40 images, in the order of their labels, as
DeepSMOTE (arXiv 2105.02340) has them, and every class is brought to 4000:

none       nothing is done
weights    nothing is added; in the classifier every class weighs the same
pixels     copies by a shear and a turn by 10 degrees, each either way, in image space
SMOTE      on 50 principal components, between an image and its neighbours, by imbalanced-learn
latent     `LatentResampler`: different copies by maps of the same functions, then draws from a normal of the latents
class      draws from a `ConditionalVAE` that is told the class, without any copies

Autoencoders see the imbalanced images alone, by the defaults. The classifier is a support vector classifier of 50
principal components. Balanced accuracy, geometric mean of recalls and macro F1 on the test images, in percent.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from imblearn.over_sampling import SMOTE
from sklearn.decomposition import PCA
from sklearn.metrics import f1_score, recall_score
from sklearn.svm import SVC

from benchmarks.classifier import AUGS, in_image_space, unit_rows
from benchmarks.pairing import table
from latentaug import VAE, ConditionalVAE, LatentAugmenter, LatentResampler
from latentaug.datasets import load_digits_sample, load_fashion_mnist, load_mnist

SIZES = (4000, 2000, 1000, 750, 500, 350, 200, 100, 60, 40)
MEASURES = ("balanced accuracy", "geometric mean", "macro F1")
Images = tuple[np.ndarray, np.ndarray]  # and labels


def draw(X: np.ndarray, y: np.ndarray, sizes: tuple[int, ...], seed: int) -> Images:
    """So many images of each class."""
    order = np.random.default_rng(seed).permutation(len(y))
    rows = np.concatenate([order[y[order] == k][:n] for k, n in enumerate(sizes)])
    return X[rows], y[rows]


def measure(rows: np.ndarray, y: np.ndarray, test: Images, weight: str | None = None) -> list[float]:
    """Of a classifier of principal components, in percent: the three measures."""
    classifier = SVC(C=10, class_weight=weight, cache_size=1000).fit(rows, y)
    seen = classifier.predict(test[0])
    recalls = recall_score(test[1], seen, average=None)
    geometric = np.exp(np.log(np.maximum(recalls, 1e-3)).mean())
    return [100 * float(value) for value in (recalls.mean(), geometric, f1_score(test[1], seen, average="macro"))]


def copies_of_pixels(X: np.ndarray, y: np.ndarray, compositions: list, rng: np.random.Generator) -> Images:
    """Copies that bring every class to the largest; again the same ones where a class has no more."""
    rows, applied = [], []
    for k in np.unique(y):
        own = np.flatnonzero(y == k)
        n, ways = np.bincount(y).max() - len(own), len(own) * len(compositions)
        places = np.concatenate([rng.permutation(ways) for _ in range(-(-n // ways) or 1)])[:n]
        rows.append(own[places // len(compositions)])
        applied += [compositions[place % len(compositions)] for place in places]
    rows = np.concatenate(rows)
    return in_image_space(X, rows, applied), y[rows]


def draws_of_class(X: np.ndarray, y: np.ndarray, max_iter: int | str, seed: int) -> Images:
    """New images that bring every class to the largest."""
    vae = VAE(max_iter=max_iter)
    model = ConditionalVAE(list(AUGS.items()), vae, conditioning="class", random_state=seed).fit(X, y)
    labels, counts = np.unique(y, return_counts=True)
    missing = {int(k): int(counts.max() - n) for k, n in zip(labels, counts, strict=True) if n < counts.max()}
    images = [model.sample(n, label=k, random_state=seed) for k, n in missing.items()]
    return np.rint(255 * np.concatenate(images)), np.repeat([*missing], [*missing.values()])


def conditions(X: np.ndarray, y: np.ndarray, test: Images, max_iter: int | str, seed: int) -> Iterator[tuple]:
    """What is done, and what comes of it."""
    pca = PCA(50, random_state=0).fit(unit_rows(X))
    rows, seen = pca.transform(unit_rows(X)), (pca.transform(unit_rows(test[0])), test[1])
    yield "none", measure(rows, y, seen)
    yield "weights", measure(rows, y, seen, "balanced")
    augmenter = LatentAugmenter(list(AUGS.items()), VAE(max_iter=max_iter), random_state=seed)
    resampler = LatentResampler(augmenter, sampling_strategy="auto", random_state=seed)
    X_more, y_more = resampler.fit_resample(X, y)
    compositions = [c for c in resampler.augmenter_.compositions_ if c]
    added: dict[str, Callable[[], Images]] = {
        "pixels": lambda: copies_of_pixels(X, y, compositions, np.random.default_rng(seed)),
        "latent": lambda: (X_more[len(X) :], y_more[len(X) :]),
        "class": lambda: draws_of_class(X, y, max_iter, seed),
    }
    neighbours = min(5, np.bincount(y).min() - 1)
    yield "SMOTE", measure(*SMOTE(k_neighbors=neighbours, random_state=seed).fit_resample(rows, y), seen)
    for name, make in added.items():
        images, labels = make()
        more = np.concatenate([rows, pca.transform(unit_rows(images))])
        yield name, measure(more, np.concatenate([y, labels]), seen)


def quick_set() -> tuple[Images, Images]:
    X, y = load_digits_sample()
    return (X[:4000], y[:4000]), (X[4000:], y[4000:])


SETS: dict[str, Callable[[], tuple[Images, Images]]] = {
    "MNIST": lambda: (load_mnist("train"), load_mnist("test")),
    "Fashion-MNIST": lambda: (load_fashion_mnist("train"), load_fashion_mnist("test")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small sample, one pass")
    parser.add_argument("--seeds", type=int, default=5, help="draws of the images (5)")
    options = parser.parse_args()
    sets = {"a sample of MNIST": quick_set} if options.quick else SETS
    sizes, max_iter = (tuple(max(4, n // 20) for n in SIZES), 1) if options.quick else (SIZES, "auto")
    start, found = time.perf_counter(), dict[tuple[str, str], list[list[float]]]()
    for name, load in sets.items():
        try:
            train, test = load()
        except (OSError, ImportError) as error:
            print(f"{name}: left out. {error}", flush=True)
            continue
        for seed in range(options.seeds):
            for condition, values in conditions(*draw(*train, sizes, seed), test, max_iter, seed):
                found.setdefault((name, condition), []).append(values)
                print(name, seed, condition, *(f"{v:.1f}" for v in values), file=sys.stderr, flush=True)
    rows = []
    for key, values in found.items():
        spread = [f" ± {s:.1f}" for s in np.std(values, axis=0, ddof=1)] if len(values) > 1 else [""] * 3
        rows.append((*key, *(f"{mean:.1f}{s}" for mean, s in zip(np.mean(values, axis=0), spread, strict=True))))
    print(table(rows, ("images", "added", *MEASURES)))
    print(f"\n{time.perf_counter() - start:.0f} s, draws: {options.seeds}")


if __name__ == "__main__":
    main()

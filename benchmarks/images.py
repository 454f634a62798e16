"""Better than principal components? Every set of images, small and large samples, the defaults of the library.

    python -m benchmarks.images                       the whole table; an hour or two on two cores
    python -m benchmarks.images --only glyphs --d 16  a part of it
    python -m benchmarks.images --only objects --n 200 --seeds 0 1 2 3 4
    python -m benchmarks.images --quick               does it run

The models are ``VAE(latent_dim=d)`` and ``LatentAugmenter(["flip_lr", "flip_ud"], VAE(latent_dim=d))``, with nothing
chosen by the set. A row tells the squared error of reconstruction of held-out images, summed over the pixels of one
in [0, 1] and averaged, over that of PCA of the same dimension, fitted on the same images; the worst gap of a flip over
the floor of its own images; and the seconds of both fits. Of the turning objects whole objects are held out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from benchmarks.pairing import table
from latentaug import VAE, LatentAugmenter
from latentaug.datasets import load_avatars, load_fashion_mnist, load_glyphs, load_mnist, load_turning_objects
from latentaug.metrics import error_table, squared_error

FLIPS = ["flip_lr", "flip_ud"]
HELD_OUT, COMPONENTS_OF = 500, 5000
HEADS = ("images", "n", "d", "seed", "mean image", "PCA", "VAE", "of PCA", "joint", "of PCA", "worst gap", "seconds")


def _digits() -> tuple[np.ndarray, np.ndarray]:
    digits = load_digits()
    X = np.random.default_rng(0).permutation(digits.images / 16)
    return X[:-HELD_OUT], X[-HELD_OUT:]


def _mnist() -> tuple[np.ndarray, np.ndarray]:
    return load_mnist("train")[0], load_mnist("test")[0]


def _fashion() -> tuple[np.ndarray, np.ndarray]:
    return load_fashion_mnist("train")[0], load_fashion_mnist("test")[0]


def _glyphs() -> tuple[np.ndarray, np.ndarray]:
    X = load_glyphs(size=32).images
    return X[:-HELD_OUT], X[-HELD_OUT:]


def _avatars() -> tuple[np.ndarray, np.ndarray]:
    X = load_avatars(3000 + HELD_OUT, size=64).images
    return X[:-HELD_OUT], X[-HELD_OUT:]


def _objects() -> tuple[np.ndarray, np.ndarray]:
    views = load_turning_objects(1000, angles=12, size=48).images
    X, X_test = (part.reshape(-1, *part.shape[2:]) for part in (views[:800], views[800:]))
    return np.random.default_rng(0).permutation(X), X_test


SETS: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "digits": _digits, "mnist": _mnist, "fashion": _fashion, "glyphs": _glyphs, "avatars": _avatars,
    "objects": _objects,
}  # fmt: skip
SMALLEST = {"digits": [16]}  # dimensions that a set has room for


def pca_error(X: np.ndarray, X_test: np.ndarray, d: int) -> tuple[float, float]:
    """Held-out errors of the mean image and of PCA."""
    rows, test = (images.reshape(len(images), -1) for images in (X[:COMPONENTS_OF], X_test))
    pca = PCA(d, random_state=0).fit(rows)
    guess = pca.inverse_transform(pca.transform(test))
    return float(squared_error(np.broadcast_to(pca.mean_, test.shape), test).mean()), float(
        squared_error(guess, test).mean()
    )


def unit(X: np.ndarray) -> np.ndarray:
    """Images as float32 in [0, 1]."""
    return X / np.float32(255) if X.dtype == np.uint8 else X.astype(np.float32)


def measure(X: np.ndarray, X_test: np.ndarray, d: int, seed: int, passes: int | str) -> list[str]:
    """The cells of a row after its name."""
    mean, pca = pca_error(unit(X[:COMPONENTS_OF]), unit(X_test), d)
    start = time.perf_counter()
    vae = VAE(d, max_iter=passes, random_state=seed).fit(X)
    middle = time.perf_counter()
    alone = squared_error(vae.inverse_transform(vae.transform(X_test)), unit(X_test)).mean()
    joint = LatentAugmenter(FLIPS, VAE(d, max_iter=passes), random_state=seed).fit(X)
    seconds = f"{middle - start:.0f}, {time.perf_counter() - middle:.0f}"
    errors = error_table(joint, X_test)
    floor, gap = next(row.floor for row in errors), errors.worst_gap("apply")
    return [
        f"{mean:.2f}", f"{pca:.2f}", f"{alone:.2f}", f"{alone / pca:.2f}", f"{floor:.2f}", f"{floor / pca:.2f}",
        f"{gap:+.1%}", seconds,
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=SETS, default=[*SETS])
    parser.add_argument("--d", nargs="+", type=int, default=[16, 48])
    parser.add_argument("--n", nargs="+", type=int, default=[200, 1000, 0], help="images to train on; 0 is all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    arguments = parser.parse_args()
    names, sizes, passes = (["digits"], [200], 1) if arguments.quick else (arguments.only, arguments.n, "auto")
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")
    rows = []
    for name in names:
        try:
            X, X_test = SETS[name]()
        except (OSError, ImportError) as error:
            print(f"{name}: left out. {error}", flush=True)
            continue
        for d in (d for d in arguments.d if d in SMALLEST.get(name, arguments.d)):
            for n in sizes:
                for seed in arguments.seeds:
                    cells = measure(X[: n or len(X)], X_test[:HELD_OUT], d, seed, passes)
                    rows.append((name, f"{n or len(X):,}", str(d), str(seed), *cells))
                    print(*rows[-1], sep="  ", flush=True)
    print()
    print(table(rows, HEADS))


if __name__ == "__main__":
    main()

"""Any strength: what families cost over the model's own floor, applied, undone, estimated, and brought to one pose.

    python -m benchmarks.strengths                     all families, 60,000 digits, 10 passes
    python -m benchmarks.strengths --only rotate O2    some
    python -m benchmarks.strengths --held-out 3000     on digits held out of those trained on
    python -m benchmarks.strengths --quick             does it run

One model a row, trained jointly. Errors are squared, summed over pixels, mean over digits not trained on; the gap of a
strength is over the floor of the same images, reconstructed; what is undone is over the floor of the originals. Undoing
is measured inside half of the range, but all around a circle: what leaves an image is lost.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier

from benchmarks.pairing import table
from latentaug import VAE, InvariantFeatures, LatentAugmenter
from latentaug.augs import FAMILIES, flip_lr, flip_ud
from latentaug.datasets import load_digits_sample, load_mnist


class Case(NamedTuple):
    """What is trained on, and what may be: the gap, and what is left undone, at most."""

    augs: tuple[str, ...]
    most_gap: float = 0.03
    most_undone: float = 0.10
    colour: bool = False


CASES = {
    "rotate": Case(("rotate",), 0.01, 0.03),
    "O2": Case(("rotate", "flip_lr", "flip_ud"), 0.01, 0.05),
    "rotate, brightness": Case(("rotate", "brightness"), most_undone=np.inf),  # the gap alone is bounded
    **{name: Case((name,)) for name in ("shear", "scale", "shift_x", "brightness", "gamma")},
    "hue": Case(("hue",), colour=True),
}


def coloured(X: np.ndarray, seed: int) -> np.ndarray:
    """Digits, each in a colour of its own on a dark one."""
    rng = np.random.default_rng(seed)
    ink, paper = rng.uniform(0.2, 1, (2, len(X), 1, 1, 3))
    share = X[..., None] / 255
    return np.rint(255 * (share * ink + (1 - share) * 0.3 * paper)).astype(np.uint8)


def error(A: np.ndarray, B: np.ndarray) -> float:
    """Squared, summed over pixels, mean over images."""
    return float(np.square(A - B).reshape(len(A), -1).sum(axis=1).mean())


def strengths_of(name: str) -> np.ndarray:
    """Strengths that nobody singled out: 24 angles, 9 strengths of a line."""
    family = FAMILIES[name]
    if family.period is not None:
        return family.period * (np.arange(24) / 24 + 0.0137) - family.period / 2
    return np.linspace(family.low, family.high, 9)


Measured = Iterator[tuple[float, float, float]]


def measured(model: LatentAugmenter, X: np.ndarray, first: str, flip: Any = None) -> Measured:
    """Strength, gap, and what is undone, of the first family, alone or after a flip."""
    unit = X / np.float32(255)
    family, before = FAMILIES[first], (flip.__name__,) if flip else ()
    floor = error(model.reconstruct(X), unit)
    for t in strengths_of(first):
        Y = family(flip(X) if flip else X, t)
        y, transform = Y / np.float32(255), model.compose(*before, (first, t))
        gap = error(transform.transform(X), y) / error(model.reconstruct(Y), y) - 1
        inside = family.period is not None or abs(t) <= family.reach / 2
        yield t, gap, error(transform.inverse_transform(Y), unit) / floor - 1 if inside else np.nan


def both(model: LatentAugmenter, X: np.ndarray) -> Measured:
    """As `measured`, of two families at once."""
    unit, (a, b) = X / np.float32(255), model.aug_names_
    floor, rng = error(model.reconstruct(X), unit), np.random.default_rng(0)
    for t in strengths_of(a):
        u = rng.uniform(FAMILIES[b].low, FAMILIES[b].high)
        Y = FAMILIES[b](FAMILIES[a](X, t), u)
        y, transform = Y / np.float32(255), model.compose((a, t), (b, u))
        gap = error(transform.transform(X), y) / error(model.reconstruct(Y), y) - 1
        inside = abs(u) <= FAMILIES[b].reach / 2
        yield t, gap, error(transform.inverse_transform(Y), unit) / floor - 1 if inside else np.nan


def exactness(model: LatentAugmenter, name: str) -> float:
    """Largest entry of ``L(s) L(t) - L(s + t)`` and of ``L(t) L(-t) - I``, over many strengths."""
    L, rng = model.latent_maps_[name], np.random.default_rng(0)
    worst = 0.0
    for s, t in rng.uniform(L.low, L.high, (50, 2)):
        worst = max(worst, np.abs(L.matrix(s) @ L.matrix(t) - L.matrix(s + t)).max())
        worst = max(worst, np.abs(L.matrix(t) @ L.matrix(-t) - np.eye(len(L))).max())
    return worst


def row(name: str, case: Case, X: np.ndarray, X_test: np.ndarray, passes: int) -> tuple[Any, list[Any]]:
    """The model, and what is printed of it."""
    X, X_test = (coloured(X, 0), coloured(X_test, 1)) if case.colour else (X, X_test)
    start = time.perf_counter()
    model = LatentAugmenter(list(case.augs), VAE(16, max_iter=passes), random_state=0).fit(X)
    seconds = time.perf_counter() - start
    flips = (None, flip_lr, flip_ud) if name == "O2" else (None,)
    found = (
        [r for flip in flips for r in measured(model, X_test, case.augs[0], flip)]
        if "," not in name
        else list(both(model, X_test))
    )
    gaps, undone = np.array([r[1] for r in found]), np.array([r[2] for r in found])
    floor = error(model.reconstruct(X_test), X_test / np.float32(255))
    holds = gaps.max() <= case.most_gap and np.nanmax(undone) <= case.most_undone
    exact = max(exactness(model, aug) for aug in model.algebra_.families)
    cells = [name, f"{floor:.2f}", f"{gaps.mean():+.1%}", f"{gaps.max():+.1%}", f"{case.most_gap:.0%}"]
    most = f"{case.most_undone:.0%}" if np.isfinite(case.most_undone) else "any"
    cells += [f"{np.nanmean(undone):+.1%}", f"{np.nanmax(undone):+.1%}", most]
    return model, [*cells, f"{exact:.0e}", "yes" if holds and exact <= 1e-12 else "NO", f"{seconds:.0f}"]


def angles(model: LatentAugmenter, X: np.ndarray) -> str:
    """How far estimated angles are from true ones."""
    true = np.random.default_rng(1).uniform(-180, 180, len(X))
    found = model.estimate(X, FAMILIES["rotate"](X, true), "rotate")
    apart = np.abs((found.strength - true + 180) % 360 - 180)
    told = f"median error {np.median(apart):.2f} degrees, worst tenth beyond {np.quantile(apart, 0.9):.2f}"
    return f"estimated angle, {len(X):,} digits: {told}, beyond 90 degrees {np.mean(apart > 90):.1%}"


def recognised(model: LatentAugmenter, train: Any, test: Any) -> list[tuple[str, str, str]]:
    """Digits 0 to 8: what a classifier of upright ones recognises of upright and of turned ones."""
    (X, y), (X_test, y_test) = ((images[labels != 9], labels[labels != 9]) for images, labels in (train, test))
    X, y, X_test, y_test = X[:10_000], y[:10_000], X_test[:3_000], y_test[:3_000]
    turned = FAMILIES["rotate"](X_test, np.random.default_rng(2).uniform(-180, 180, len(X_test)))
    invariant = InvariantFeatures(model).fit(X)
    ways = {
        "pixels": lambda images: images.reshape(len(images), -1) / 255,
        "latents": model.encode,
        "latents in one pose": lambda images: model.canonical_latent(model.encode(images))[0],
        "invariant features": invariant.transform,
    }
    rows = []
    for label, read in ways.items():
        judge = KNeighborsClassifier(5).fit(read(X), y)
        rows.append((label, *(f"{judge.score(read(images), y_test):.1%}" for images in (X_test, turned))))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", default=list(CASES), choices=CASES, help="some of the rows")
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--passes", type=int, default=10)
    parser.add_argument("--held-out", type=int, default=0, help="test on the last so many of those trained on")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    passes = 1 if arguments.quick else arguments.passes
    if arguments.quick:
        X, y = load_digits_sample()
        train, test = (X[:640], y[:640]), (X[-200:], y[-200:])
    else:
        train, test = load_mnist("train"), load_mnist("test")
    train, n = [part[: arguments.images] for part in train], arguments.held_out
    train, test = ([part[:-n] for part in train], [part[-n:] for part in train]) if n else (train, test)
    told = f"{passes} passes, d = 16, {torch.get_num_threads()} thread, {len(test[0][:2000]):,} tested"
    print(f"{len(train[0]):,} digits, {told}")
    heads = ("family", "floor", "gap", "worst", "most", "undone", "worst", "most", "exact to", "holds", "seconds")
    rows, turning = [], None
    for name in arguments.only:
        model, cells = row(name, CASES[name], train[0], test[0][:2000], passes)
        rows.append(cells)
        turning = model if name == "rotate" else turning
        print(*cells, flush=True)
    print(f"\n{table(rows, heads)}")
    if turning is not None:
        print(f"\n{angles(turning, test[0][:2000])}")
        print(f"\n{table(recognised(turning, train, test), ('digits 0 to 8 by 5 neighbours', 'upright', 'turned'))}")


if __name__ == "__main__":
    main()

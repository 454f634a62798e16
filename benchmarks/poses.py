"""Digits in poses never trained on, recognised by undoing the pose in latent space.

    python -m benchmarks.poses                   turns and shifts, all digits but nines
    python -m benchmarks.poses --only turns      one of both
    python -m benchmarks.poses --told pairs      some of the ways, by what they are told
    python -m benchmarks.poses --quick           does it run

The protocol of Dinh and Deny, arXiv 2602.18406: MNIST digits 0 to 8 on random checkerboards, in steps of 36 degrees or
of 2 pixels around; trained on two steps either way, tested on all. What their page leaves open is ours: each
checkerboard has cells of four pixels, black or of one grey of 0.2 to 0.6, wherever they begin; shifts are sideways, and
what leaves on one side comes in on the other. The tables hold the share of test digits that are recognised, by pose,
and beside each way what it was told besides images and labels at the poses trained on:

- nothing: a convolutional network on the images;
- pairs: which image is which turned by how many steps, and that ten steps of 36 degrees, or fourteen of 2 pixels, are
  none. An augmenter of components, principal ones of turns and singular ones of shifts (`TruncatedSVD`, which takes no
  mean off, since that of some shifts is not that of all), whose maps are fitted in closed form. A linear encoder is
  what goes on: a law that it obeys on checkerboards that fill all pixels, it obeys on all images;
- range: the function, between the poses trained on. The default network, trained jointly, never sees other poses;
- function: the same, at all strengths. It makes the other poses itself, of the images that it has;
- pixels: the function, undone in pixels. What undoing is worth without a latent space.

Where the pose is known it is undone, and the decoded image is classified. Where it is estimated, all poses are undone,
and the classifier, which knows digits that stand wrong, says which image stands right. The classifier is one
convolutional network, trained on decoded images in one pose. So that it knows what undoing makes of poses not trained
on, the pairs of some poses give augmenters of their own, and the other poses trained on are undone by those.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from sklearn.decomposition import PCA, TruncatedSVD
from torch import nn

from benchmarks.pairing import table
from latentaug import VAE, LatentAugmenter
from latentaug.augs import OneParameter, rotate
from latentaug.datasets import load_digits_sample, load_mnist

SEEN, LABELS, CELL = 2, 9, 4  # steps trained on, either way; digits 0 to 8; pixels of a cell
ESTIMATED = 1000  # test digits whose pose is estimated


def _roll(X: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Sideways and around, by each image's own number of pixels."""
    columns = (np.arange(X.shape[2]) - np.floor(t).astype(int)[:, None]) % X.shape[2]
    right = (t - np.floor(t))[:, None, None]
    moved = np.take_along_axis(X, columns[:, None, :], axis=2).astype(np.float32)
    return (moved * (1 - right) + np.roll(moved, 1, axis=2) * right).astype(X.dtype)


class Motion(NamedTuple):
    """A family, trained on two steps either way, and what others reach: by pose known, estimated, and without.

    Where the mean image moves, that of the poses trained on is not that of all, and nothing is taken off.
    """

    family: OneParameter
    step: int
    theirs: tuple[tuple[str, str], ...]
    mean_moves: bool = False
    components: int = 256

    @property
    def all(self) -> list[float]:
        """Poses, once around."""
        half = round(self.family.period / self.step / 2)
        return [float(k * self.step) for k in range(-half, half)]

    @property
    def seen(self) -> list[float]:
        """Poses trained on."""
        return [float(k * self.step) for k in range(-SEEN, SEEN + 1)]


KNOWN = ("a fixed operator, pose known", "95.6 to 96.0")
MOTIONS = {
    "turns": Motion(
        rotate, 36, (("no operator, poses not seen", "25 to 32"), KNOWN, ("pose estimated", "84 to 89"))
    ),
    "shifts": Motion(
        OneParameter(_roll, -14, 14, 28, "pixels to the right", "roll"),
        2,
        (("no operator, poses not seen", "25 to 32"), ("a learned operator, worst shift", "83.6")),
        mean_moves=True,
        components=400,
    ),
}  # fmt: skip


class Size(NamedTuple):
    """Images to train on, to fit maps of some poses on, and to test; images shown; passes of the default network.

    Of each part of the training images under a pose a share teaches the classifier; d components at most, and latents.
    """

    train: int = 60_000
    few: int = 10_000
    test: int = 10_000
    shown: int = 300_000
    passes: int = 6
    share: float = 0.25
    d: tuple[int, int] = (400, 64)


QUICK = Size(400, 400, 100, 2_000, 1, 0.2, (64, 16))


def chequered(X: np.ndarray, seed: int) -> np.ndarray:
    """Digits (n, H, W), bytes, on random checkerboards."""
    rng, (n, height, width) = np.random.default_rng(seed), X.shape
    cells = rng.integers(0, 2, (n, height // CELL + 2, width // CELL + 2))
    grey = np.rint(255 * rng.uniform(0.2, 0.6, n)).astype(np.uint8)
    down, right = (rng.integers(0, CELL, n)[:, None] + np.arange(side) for side in (height, width))
    board = cells[np.arange(n)[:, None, None], (down // CELL)[:, :, None], (right // CELL)[:, None, :]]
    return np.maximum(X, board.astype(np.uint8) * grey[:, None, None])


class Images(NamedTuple):
    """Images at each pose, and their labels."""

    at: dict[float, np.ndarray]
    y: np.ndarray


def posed(X: np.ndarray, y: np.ndarray, motion: Motion, poses: list[float], seed: int) -> Images:
    """Digits on checkerboards, moved to some poses, each from the upright image once."""
    board = chequered(X, seed)
    return Images({t: motion.family(board, t) for t in poses}, y)


def by_pairs(train: Images, motion: Motion, poses: list[float], d: int) -> LatentAugmenter:
    """An augmenter of pairs at some poses, which knows no function."""
    base = poses[len(poses) // 2]
    apart = {t - base: train.at[t] for t in poses if t != base}
    period = motion.family.period
    family = OneParameter(None, min(0, *apart), max(0, *apart), period, name=motion.family.__name__)
    views = {((family.__name__, t),): images for t, images in apart.items()}
    linear = (TruncatedSVD if motion.mean_moves else PCA)(min(d, motion.components), random_state=0)
    return LatentAugmenter([family], linear, method="staged").fit(train.at[base], views=views)


def by_function(train: Images, family: OneParameter, passes: int, d: int) -> LatentAugmenter:
    """The default network, trained jointly on strengths of a family."""
    vae = VAE(d, max_iter=passes)
    return LatentAugmenter([family], vae, random_state=0).fit(train.at[0.0])


Undo = Callable[[np.ndarray, float], np.ndarray]


class Undoer(NamedTuple):
    """A way to bring images from one strength to that of none, and the poses whose undone images teach."""

    undo: Undo
    teaches: list[float]


def undoer(model: LatentAugmenter, motion: Motion, teaches: list[float]) -> Undoer:
    """Undoing in the latent space of an augmenter."""
    name = motion.family.__name__

    def undo(X: np.ndarray, t: float) -> np.ndarray:
        return model.compose((name, t)).inverse_transform(X)

    return Undoer(undo, teaches)


def runs(seen: list[float]) -> Iterator[list[float]]:
    """Neighbouring poses, of which the others are not: those at the ends, two or three."""
    yield from (seen[:2], seen[-2:], seen[:3], seen[-3:], seen[1:-1])


def of_pairs(train: Images, motion: Motion, size: Size) -> list[Undoer]:
    """The augmenter of all pairs; and those of some poses, whose other poses teach what undoing makes of new ones."""
    few = Images({t: images[: size.few] for t, images in train.at.items()}, train.y)
    whole = undoer(by_pairs(train, motion, motion.seen, size.d[0]), motion, motion.seen)
    parts = [
        undoer(by_pairs(few, motion, some, size.d[0]), motion, [t for t in motion.seen if t not in some])
        for some in runs(motion.seen)
    ]
    return [whole, *parts]


def lessons(
    ways: list[Undoer], train: Images, motion: Motion, rng: np.random.Generator, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Images undone rightly, with their labels, and as many undone wrongly, which have the last label."""
    images, labels = [], []
    for way in ways:
        for t in way.teaches:
            rows = rng.permutation(len(train.y))[: round(share * len(train.y))]
            X, wrong = train.at[t][rows], rng.choice([u for u in motion.all if u], len(rows))
            images += [_bytes(way.undo(X, t)), _bytes(way.undo(X, t + wrong))]
            labels += [train.y[rows], np.full(len(rows), LABELS)]
    return np.concatenate(images), np.concatenate(labels)


def _bytes(X: np.ndarray) -> np.ndarray:
    return X if X.dtype == np.uint8 else np.rint(255 * X).astype(np.uint8)


def classifier(images: np.ndarray, labels: np.ndarray, shown: int) -> Callable[[np.ndarray], np.ndarray]:
    """Probabilities of labels, by a convolutional network that is shown so many images in batches of 64."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 5, 2, 2), nn.ReLU(), nn.Flatten()]
    net = nn.Sequential(*layers, nn.LazyLinear(128), nn.ReLU(), nn.Linear(128, LABELS + 1))
    net(_tensor(images[:1]))
    optimizer, rng = torch.optim.Adam(net.parameters()), np.random.default_rng(0)
    steps = max(10, shown // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(steps):
        rows = rng.integers(len(images), size=64)
        loss = nn.functional.cross_entropy(net(_tensor(images[rows])), torch.from_numpy(labels[rows]).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

    def probabilities(X: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.concatenate([net(_tensor(part)).softmax(1).numpy() for part in np.array_split(X, 20)])

    return probabilities


def _tensor(X: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(_bytes(X)[:, None]).float() / 255


def recognised(judge: Callable[[np.ndarray], np.ndarray], undo: Undo, test: Images) -> dict[str, list[float]]:
    """Share of test digits by pose: of all, where it is known, and of the first, where it is estimated."""
    known, estimated = [], []
    for t, X in test.at.items():
        known.append((judge(undo(X, t))[:, :-1].argmax(1) == test.y).mean())
        few = X[:ESTIMATED]
        P = np.stack([judge(undo(few, u)) for u in test.at], axis=1)  # (n, poses, labels)
        found = P[..., -1].argmin(axis=1)
        estimated.append((P[np.arange(len(P)), found, :-1].argmax(1) == test.y[:ESTIMATED]).mean())
    return {"pose known": known, "pose estimated": estimated}


def cells(way: str, told: str, shares: list[float], motion: Motion, seconds: float) -> list[str]:
    """A row: the shares by pose, the least of those not seen, and how far it is from the mean of those seen."""
    seen = [share for t, share in zip(motion.all, shares, strict=True) if t in motion.seen]
    others = [share for t, share in zip(motion.all, shares, strict=True) if t not in motion.seen]
    row = [way, told, *(f"{100 * share:.1f}" for share in shares), f"{100 * np.mean(seen):.1f}"]
    return [*row, f"{100 * min(others):.1f}", f"{100 * (np.mean(seen) - min(others)):.1f}", f"{seconds:.0f}"]


def in_range(train: Images, motion: Motion, size: Size) -> list[Undoer]:
    """The default network, between the poses trained on."""
    family = motion.family.within(min(motion.seen), max(motion.seen))
    return [undoer(by_function(train, family, size.passes, size.d[1]), motion, motion.seen)]


def all_around(train: Images, motion: Motion, size: Size) -> list[Undoer]:
    """The default network, at all strengths."""
    return [undoer(by_function(train, motion.family, size.passes, size.d[1]), motion, motion.seen)]


def in_pixels(train: Images, motion: Motion, size: Size) -> list[Undoer]:
    """No latent space."""
    return [Undoer(lambda X, t: motion.family(X, -t), motion.seen)]


WAYS = {
    "pairs": ("components, staged", of_pairs),
    "range": ("VAE, joint", in_range),
    "function": ("VAE, joint", all_around),
    "pixels": ("pixels", in_pixels),
}


def untold(motion: Motion, train: Images, test: Images, size: Size) -> list[float]:
    """Share of test digits by pose that a network recognises of the images as they are."""
    X, y = np.concatenate([train.at[t] for t in motion.seen]), np.tile(train.y, len(motion.seen))
    judge = classifier(X, y, size.shown)
    return [(judge(images)[:, :-1].argmax(1) == test.y).mean() for images in test.at.values()]


def measured(motion: Motion, train: Images, test: Images, size: Size, told: list[str]) -> Iterator[list[str]]:
    """The rows of a table, one after another."""
    start = time.perf_counter()
    if "nothing" in told:
        shares = untold(motion, train, test, size)
        yield cells("no operator", "nothing", shares, motion, time.perf_counter() - start)
    for name in (name for name in WAYS if name in told):
        start, (way, fit) = time.perf_counter(), WAYS[name]
        ways = fit(train, motion, size)
        judge = classifier(*lessons(ways, train, motion, np.random.default_rng(2), size.share), size.shown)
        for which, shares in recognised(judge, ways[0].undo, test).items():
            yield cells(f"{way}, {which}", name, shares, motion, time.perf_counter() - start)


def digits(quick: bool, size: Size) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Digits 0 to 8 to train on and to test, with labels."""
    if quick:
        X, y = load_digits_sample()
        parts = (X[:-150], y[:-150]), (X[-150:], y[-150:])
    else:
        parts = load_mnist("train"), load_mnist("test")
    return tuple(  # type: ignore[return-value]
        (X[y < LABELS][:n], y[y < LABELS][:n]) for (X, y), n in zip(parts, (size.train, size.test), strict=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", default=list(MOTIONS), choices=MOTIONS, help="some of the tables")
    parser.add_argument("--told", nargs="+", default=["nothing", *WAYS], choices=["nothing", *WAYS], help="some rows")
    parser.add_argument("--images", type=int, default=60_000, help="at most, to train on")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    size = QUICK if arguments.quick else Size(arguments.images)
    (X, y), (X_test, y_test) = digits(arguments.quick, size)
    print(f"{len(X):,} digits, {torch.get_num_threads()} thread, {len(X_test):,} tested at each pose")
    for name in arguments.only:
        motion = MOTIONS[name]
        train, test = posed(X, y, motion, motion.seen, 0), posed(X_test, y_test, motion, motion.all, 1)
        rows = []
        for row in measured(motion, train, test, size, arguments.told):
            rows.append(row)
            print(*row, flush=True)
        ends = ("seen, mean", "not seen, worst", "apart", "seconds")
        heads = (name, "told", *(f"{t:+g}" for t in motion.all), *ends)
        print(f"\n{table(rows, heads)}\n")
        print(f"{table(motion.theirs, ('Dinh and Deny', '% recognised'))}\n")


if __name__ == "__main__":
    main()

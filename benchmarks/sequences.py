"""Coloured digits that turn, change their hue and move, foretold from two frames.

    python -m benchmarks.sequences                   fours, d = 256, 40 passes
    python -m benchmarks.sequences --passes 10       for less time
    python -m benchmarks.sequences --held-out 800    on fours held out of those trained on
    python -m benchmarks.sequences --quick           does it run

Sequences as of MSP, arXiv 2210.05972: a digit four of 24 pixels in 32x32, its first angle and hue random; with every
frame it turns by up to a quarter, its hue by up to a quarter of the wheel, and it moves straight on, such that the
ninth frame is at a second point, both drawn within 10 pixels of the middle; each of ten frames is read from the digit
once. Of digits not trained on two frames are encoded; the table holds squared errors of the frames foretold one to
eight steps on, summed over 3,072 numbers, means over sequences.

What turns about its own middle, and moves, does so in any order: on sequences, though not on images of anything, all
four families commute, so that one exact representation holds them, and a motion is the same map wherever it begins.
They are known by images alone, each with its angle, its hue and its place: no function. The network is wider than the
default one.

What each row solves is not the same:

- ours, motion told: both frames, and the numbers by which angle, hue and place change with each frame;
- ours, motion estimated: both frames only, and how fast motions may be. The four numbers are read off both latents;
- theirs, motion of another sequence: both frames, and another sequence with the same motion;
- theirs, its own two frames: both frames only.

In training, ours is told angle, hue and place of every frame, and needs no sequence. Theirs is told nothing but that
motion is steady, and so finds out by itself what can move: that is harder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from scipy.ndimage import zoom

from benchmarks.pairing import table
from latentaug import VAE, LatentAugmenter
from latentaug.augs import FAMILIES, OneParameter
from latentaug.augs.families import of_places
from latentaug.datasets import load_digits_sample, load_mnist
from latentaug.latent.flows import Flow

SIDE, SMALL, FRAMES, FAR, DIGIT = 32, 24, 10, 10, 4
LAST = FRAMES - 2  # the frame at the second point
NAMES = ("spin", "tint", "right", "down")
REACH = FAR + 2 * FAR / LAST  # pixels that the tenth frame may be away
FASTEST = np.array([90, 0.25, 2 * FAR / LAST, 2 * FAR / LAST])  # with every frame
WIDTHS = (32, 64, 128)  # of the network's layers
TRIED = (19, 9, 7, 7)  # motions among which the best are looked for, before they are refined
THEIRS = (("motion of another sequence", "15.9", "61.5"), ("its own two frames", "6.4", "54.9"))


def families() -> list[OneParameter]:
    """What moves: known by images alone."""
    spin = OneParameter(None, -180, 180, 360, "degrees clockwise", "spin")
    tint = OneParameter(None, -0.5, 0.5, 1, "turns of the colour wheel", "tint")
    along = (OneParameter(None, -REACH, REACH, None, "pixels", name) for name in NAMES[2:])
    return [spin, tint, *along]


def padded(X: np.ndarray) -> np.ndarray:
    """Digits of 28 pixels as such of 24 in the middle of 32."""
    share = SMALL / X.shape[1]
    small = zoom(X.astype(np.float32), (1, share, share), order=1, mode="nearest", grid_mode=True)
    margin = (SIDE - SMALL) // 2
    return np.pad(np.clip(small, 0, 255), ((0, 0), (margin, margin), (margin, margin)))


def shown(X: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Frames (n, 32, 32, 3), bytes, of padded digits in poses (n, 4): each read from the digit once."""
    angle, hue, right, down = pose.T
    cos, sin = (f(np.deg2rad(angle))[:, None, None] for f in (np.cos, np.sin))

    def places(x: np.ndarray, y: np.ndarray, t: np.ndarray) -> tuple[Any, Any]:
        x, y = x - right[:, None, None], y - down[:, None, None]
        return cos * x + sin * y, cos * y - sin * x

    grey = of_places(places)(X, np.zeros(len(X)))
    red = np.broadcast_to(np.array([1.0, 0, 0]), (len(X), 1, 1, 3))
    return np.rint(grey[..., None] * FAMILIES["hue"](red, hue)).astype(np.uint8)


def motions(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Poses (n, 4) of first frames, and what is added to them with every frame, (n, 4)."""
    rng = np.random.default_rng(seed)
    first, last = rng.uniform(-FAR, FAR, (2, n, 2))
    start = np.column_stack([rng.uniform(-180, 180, n), rng.uniform(-0.5, 0.5, n), first])
    turning = rng.uniform(-1, 1, (n, 2)) * FASTEST[:2]
    pace = np.column_stack([turning, (last - first) / LAST])
    return start, pace


def wrapped(pose: np.ndarray) -> np.ndarray:
    """Poses, angle and hue once around."""
    pose = pose.copy()
    pose[:, 0] = (pose[:, 0] + 180) % 360 - 180
    pose[:, 1] = (pose[:, 1] + 0.5) % 1 - 0.5
    return pose


def training_views(X: np.ndarray, n_frames: int, seed: int) -> dict[Any, np.ndarray]:
    """Frames of padded digits, each digit in poses of its own, and their strengths; first those of one family alone."""
    views = {}
    for k in range(len(NAMES) + n_frames):
        start, pace = motions(len(X), seed + k)
        pose = wrapped(start + np.random.default_rng(seed + k).integers(FRAMES, size=(len(X), 1)) * pace)
        if k < len(NAMES):
            pose = pose * np.eye(len(NAMES))[k]
        steps = tuple((name, tuple(t)) for name, t in zip(NAMES, pose.T.tolist(), strict=True) if any(t))
        views[steps] = shown(X, pose)
    return views


def fit(X: np.ndarray, d: int, passes: int, n_frames: int) -> LatentAugmenter:
    """Learn from frames of padded digits; all families commute."""
    upright = shown(X, np.zeros((len(X), len(NAMES))))
    pairs = list(combinations(NAMES, 2))
    network = VAE(d, hidden_channels=WIDTHS, max_iter=passes)
    model = LatentAugmenter(families(), network, commute=pairs, random_state=0)
    return model.fit(upright, views=training_views(X, n_frames, seed=1000))


def paces(flows: Sequence[Flow], Z_a: np.ndarray, Z_b: np.ndarray, n_best: int = 4) -> np.ndarray:
    """The strengths (n, n_families) of families that turn the same planes which lead from latent rows to others.

    Least squares: the best of many strengths tried, by angles between both in every plane, then damped Gauss-Newton.
    """
    frequencies = np.array([flow.frequencies for flow in flows])  # (n_families, n_planes)
    a, b = (flows[0].coordinates(Z.astype(np.float64))[0] for Z in (Z_a, Z_b))
    grids = [np.linspace(-most, most, n) for most, n in zip(FASTEST, TRIED, strict=True)]
    tried = np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1).reshape(-1, len(flows))
    angles, between = tried @ frequencies, a.conj() * b
    agreement = between.real @ np.cos(angles).T + between.imag @ np.sin(angles).T
    best = np.argpartition(-agreement, n_best, axis=1)[:, :n_best]
    step = 2 * FASTEST / (np.array(TRIED) - 1)
    refined = [_refined(tried[column], a, b, frequencies, step) for column in best.T]
    left = np.stack([(np.abs(b - a * np.exp(1j * t @ frequencies)) ** 2).sum(axis=1) for t in refined])
    return np.stack(refined)[left.argmin(axis=0), np.arange(len(a))]


def _refined(t: np.ndarray, a: np.ndarray, b: np.ndarray, frequencies: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Strengths after some steps of Gauss-Newton, none longer than a step between those tried."""
    for _ in range(12):
        moved = a * np.exp(1j * t @ frequencies)
        slopes = 1j * frequencies * moved[:, None]  # (n, n_families, n_planes)
        curvature = (slopes @ slopes.conj().swapaxes(1, 2)).real
        gradient = (slopes.conj() @ (b - moved)[:, :, None]).real
        scale = np.sqrt(np.einsum("nii->ni", curvature))[:, :, None] + 1e-12
        damped = curvature / scale / scale.swapaxes(1, 2) + 1e-3 * np.eye(len(frequencies))
        t = t + np.clip((np.linalg.solve(damped, gradient / scale) / scale)[..., 0], -most, most)
    return t


def error(A: np.ndarray, B: np.ndarray) -> float:
    """Squared, summed over numbers, mean over images; B bytes."""
    return float(np.square(A - B / np.float32(255)).reshape(len(B), -1).sum(axis=1).mean())


def moved(model: LatentAugmenter, Z: np.ndarray, pace: np.ndarray, k: int) -> np.ndarray:
    """Latent rows, each moved on by so many frames at its pace."""
    return model.transform_latent(Z, *((name, k * t) for name, t in zip(NAMES, pace.T, strict=True)))


def foretold(model: LatentAugmenter, first: np.ndarray, second: np.ndarray, pace: np.ndarray) -> Iterator[np.ndarray]:
    """The frames after the second, from the mean of both, the first moved on."""
    Z = (moved(model, first, pace, 1) + second) / 2
    yield from (model.decode(moved(model, Z, pace, k)) for k in range(1, FRAMES - 1))


def measured(
    model: LatentAugmenter, frames: list[np.ndarray], pace: np.ndarray
) -> Iterator[tuple[str, list[float], np.ndarray]]:
    """What is foretold by which motion, its errors by step, and that motion."""
    first, second = (model.encode(frame) for frame in frames[:2])
    flows = [model.latent_maps_[name] for name in NAMES]
    for label, found in (("motion told", pace), ("motion estimated", paces(flows, first, second))):
        images = foretold(model, first, second, found)
        yield label, [error(image, frame) for image, frame in zip(images, frames[2:], strict=True)], found


def baselines(frames: list[np.ndarray]) -> Iterator[tuple[str, list[float]]]:
    """What knows nothing: the mean of all frames, and the second frame."""
    mean = np.mean([frame.mean(axis=0) for frame in frames], axis=0) / np.float32(255)
    yield "the mean image", [error(mean, frame) for frame in frames[2:]]
    yield "the second frame again", [error(frames[1] / np.float32(255), frame) for frame in frames[2:]]


def digits(quick: bool, held_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Padded fours to train on, and to test: where some are held out of the first, those."""
    if quick:
        X, y = load_digits_sample()
        return padded(X[:600][y[:600] == DIGIT]), padded(X[-300:][y[-300:] == DIGIT])
    X, X_test = (padded(X[y == DIGIT]) for X, y in map(load_mnist, ("train", "test")))
    return (X[:-held_out], X[-held_out:]) if held_out else (X, X_test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--passes", type=int, default=40)
    parser.add_argument("--latents", type=int, default=256)
    parser.add_argument("--held-out", type=int, default=0, help="test on the last so many of those trained on")
    parser.add_argument("--refine", type=int, default=0, help="steps of refining latents, also tested")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    d, passes, n_frames = (16, 1, 2) if arguments.quick else (arguments.latents, arguments.passes, 16)
    X, X_test = digits(arguments.quick, arguments.held_out)
    start, pace = motions(len(X_test), seed=0)
    frames = [shown(X_test, start + k * pace) for k in range(FRAMES)]
    began = time.perf_counter()
    model = fit(X, d, passes, n_frames)
    seconds = time.perf_counter() - began
    print(f"{len(X):,} digits, {passes} passes, d = {d}, 1 thread, {seconds:.0f} seconds, {len(X_test):,} sequences")
    rows = [(label, *(f"{e:.1f}" for e in errors)) for label, errors in baselines(frames)]
    floor = [error(model.reconstruct(frame), frame) for frame in frames[2:]]
    rows.append(("ours, each frame encoded and decoded", *(f"{e:.1f}" for e in floor)))
    apart = np.zeros_like(pace)
    for steps in dict.fromkeys((0, arguments.refine)):
        model.autoencoder_.refine_steps = steps
        for label, errors, found in measured(model, frames, pace):
            refined = f", latents refined by {steps} steps" if steps else ""
            rows.append((f"ours, {label}{refined}", *(f"{e:.1f}" for e in errors)))
            print(*rows[-1], flush=True)
            apart = np.abs(found - pace)
    rows += [(f"theirs, {label}", first, *[""] * (FRAMES - 4), last) for label, first, last in THEIRS]
    print(f"\n{table(rows, ('steps', *(str(k) for k in range(1, FRAMES - 1))))}\n")
    units = ("degrees", "of the colour wheel", "pixels to the right", "pixels down")
    told = (f"{m:.3g} {unit} (worst tenth beyond {w:.3g})" for m, w, unit in
            zip(np.median(apart, axis=0), np.quantile(apart, 0.9, axis=0), units, strict=True))  # fmt: skip
    print(f"Motion estimated, a frame, median error: {', '.join(told)}.")


if __name__ == "__main__":
    main()

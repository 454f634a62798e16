"""Objects on a turntable, known by pictures alone: turned, and turned back, where an object was seen once.

    pip install pybullet
    python -m benchmarks.turntable             800 objects to learn from, 200 unseen ones
    python -m benchmarks.turntable --passes 2  does it run

Each of pybullet's `random_urdfs` is seen from twelve sides, 48x48x3. The views are given as arrays; that twelve turns
are none is declared. The table holds squared errors, summed over pixels, of turns and of turns undone, beside doing
nothing and the mean image; and the same where half of the pictures are missing, at random. 800 objects are few, so
images are blended with more of each other than by default, at half of the default rate: both, and how long to train,
were chosen on 160 objects held out of the 800.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pairing import table
from latentaug import VAE, LatentAugmenter
from latentaug.metrics import squared_error

OBJECTS, UNSEEN, VIEWS, SIDE = 1000, 200, 12, 48
WIDTH, PASSES, MIXUP, RATE = 96, 18, 0.7, 2e-3
TURNS, BOUNDS, GAPS = (1, 2, 3, 6), (85, 105, 112, 88), 1.15  # by 30, 60, 90 and 180 degrees


def render() -> np.ndarray:
    """Objects from each side: (objects, views, 48, 48, 3), bytes."""
    import pybullet as p
    import pybullet_data

    folder, images = Path(pybullet_data.getDataPath()), np.empty((OBJECTS, VIEWS, SIDE, SIDE, 3), np.uint8)
    p.connect(p.DIRECT)
    projection = p.computeProjectionMatrixFOV(35, 1, 0.01, 10)
    for k in range(OBJECTS):
        body = p.loadURDF(str(folder / f"random_urdfs/{k:03d}/{k:03d}.urdf"), useFixedBase=True)
        low, high = map(np.array, p.getAABB(body))
        for j in range(VIEWS):
            distance, yaw = float(np.linalg.norm(high - low)) * 1.7, 360.0 / VIEWS * j
            view = p.computeViewMatrixFromYawPitchRoll(((low + high) / 2).tolist(), distance, yaw, -25, 0, 2)
            pixels = p.getCameraImage(SIDE, SIDE, view, projection, renderer=p.ER_TINY_RENDERER)[2]
            images[k, j] = np.reshape(pixels, (SIDE, SIDE, 4))[..., :3]
        p.resetSimulation()
    p.disconnect()
    return images


def fit(X: np.ndarray, share: float, passes: int) -> LatentAugmenter:
    """Learn turns from a share of the pictures of each side but the first."""
    rng, views = np.random.default_rng(0), {}
    for k in range(1, VIEWS):
        rows = np.flatnonzero(rng.random(len(X)) < share)
        views[(("turn", k),)] = (rows, X[rows, k]) if share < 1 else X[:, k]
    vae = VAE(WIDTH, max_iter=VIEWS * passes, mixup=MIXUP, learning_rate_init=RATE, random_state=0)
    return LatentAugmenter(None, vae, orders={"turn": VIEWS}, random_state=0).fit(X[:, 0], views=views)


def errors(augmenter: LatentAugmenter, X: np.ndarray) -> Mapping[str, list[float]]:
    """Errors of unseen objects, turned and turned back; the first is the floor."""

    def mean(made: Any, target: np.ndarray) -> float:
        return float(squared_error(target / np.float32(255), made).mean())

    turned = [mean(augmenter.carry(X[:, 0], (), (("turn", k),)), X[:, k]) for k in TURNS]
    undone = [mean(augmenter.carry(X[:, k], (("turn", k),), ()), X[:, 0]) for k in TURNS]
    floor = mean(augmenter.reconstruct(X[:, 0]), X[:, 0])
    return {"turned": [floor, *turned], "undone": [floor, *undone]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passes", type=int, default=PASSES, help="over all pictures")
    passes = parser.parse_args().passes
    images = render()
    learn, unseen = images[UNSEEN:], images[:UNSEEN]
    units, average = unseen / np.float32(255), learn.mean(axis=(0, 1)) / 255
    rows = [
        ("do nothing", "0.0", *(f"{squared_error(units[:, k], units[:, 0]).mean():.1f}" for k in TURNS)),
        ("mean image", f"{np.square(units[:, 0] - average).sum() / UNSEEN:.1f}", *[""] * len(TURNS)),
    ]
    found = {}
    for label, share in {"all pictures": 1.0, "half of them": 0.5}.items():
        for verb, values in errors(fit(learn, share, passes), unseen).items():
            found[label, verb] = values[1:]
            rows.append((f"{label}, {verb}", *(f"{value:.1f}" for value in values)))
    print(table(rows, ("", "floor", *(f"{360 * k // VIEWS} degrees" for k in TURNS))), flush=True)
    whole, half = (
        np.array([found[label, verb] for verb in ("turned", "undone")]) for label in ("all pictures", "half of them")
    )
    print(f"\nBounds: {BOUNDS}. Half of the pictures missing: at most {(half / whole).max():.2f} times the errors.")
    return 0 if (whole <= BOUNDS).all() and (half <= GAPS * whole).all() else 1


if __name__ == "__main__":
    sys.exit(main())

"""Time to quality: passes and seconds until joint training is as good as the paper's method after a whole training.

    python -m benchmarks.quality            12,800 digits, the paper's method given 20 passes
    python -m benchmarks.quality --quick    does it run

Both sides have the same autoencoder, batch and optimizer. A pass shows every digit once, under a view drawn for it. The
error is the total of the paper's Table I for the flips: squared error summed over the pixels of a digit in [0, 1], mean
over digits not trained on, summed over the original, each flip and both. Joint training is run anew for each number of
passes, since its learning rate falls to zero over the run.
"""

from __future__ import annotations

import argparse
import time
from itertools import count

import numpy as np
import torch

from benchmarks.pairing import table
from latentaug import VAE, LatentAugmenter
from latentaug.datasets import load_digits_sample, load_mnist

FLIPS = ["flip_lr", "flip_ud"]
VIEWS = [(), ("flip_lr",), ("flip_ud",), ("flip_lr", "flip_ud")]


def total_error(augmenter: LatentAugmenter, X: np.ndarray) -> float:
    """The total of Table I."""
    images = {(): X, VIEWS[1]: X[:, :, ::-1], VIEWS[2]: X[:, ::-1], VIEWS[3]: X[:, ::-1, ::-1]}
    gaps = (augmenter.carry(X, (), view) - images[view] / np.float32(255) for view in VIEWS)
    return float(sum(np.square(gap).sum() for gap in gaps)) / len(X)


def measure(method: str, passes: int, X: np.ndarray, X_test: np.ndarray) -> tuple[float, float]:
    """Seconds of a fit, and its total error."""
    geometry = "free" if method == "staged" else "auto"
    augmenter = LatentAugmenter(FLIPS, VAE(max_iter=passes), method=method, geometry=geometry, random_state=0)
    start = time.perf_counter()
    augmenter.fit(X)
    return time.perf_counter() - start, total_error(augmenter, X_test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--passes", type=int, default=20, help="the budget of the paper's method")
    arguments = parser.parse_args()
    digits, budget = (load_digits_sample()[0], 2) if arguments.quick else (load_mnist("train")[0], arguments.passes)
    X, X_test = (digits[:640], digits[-200:]) if arguments.quick else (digits[:12_800], load_mnist("test")[0][:2_000])
    print(f"{len(X):,} digits, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    seconds, goal = measure("staged", budget, X, X_test)
    rows = [("staged, free maps", budget, f"{seconds:.1f}", f"{goal:.1f}")]
    for passes in count(1):
        seconds, error = measure("joint", passes, X, X_test)
        rows.append(("joint", passes, f"{seconds:.1f}", f"{error:.1f}"))
        if error <= goal or passes >= 2 * budget:
            break
    print(table(rows, ("method", "passes", "seconds", "total error")))
    reached = f"reaches in {passes}" if error <= goal else f"does not reach in {passes}"
    print(f"\nJoint training {reached} passes what the paper's method reaches in {budget}.")


if __name__ == "__main__":
    main()

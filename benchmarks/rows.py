"""How long a fit of `LatentMaps` takes, beside numpy's least squares of the same pairs, and how much memory.

    python -m benchmarks.rows            100,000 pairs of 512 numbers, float32, in memory and in files
    python -m benchmarks.rows --quick    does it run

numpy's side adds up the second moments in float64, part by part, and solves the normal equations by `lstsq`. A fit of
`LatentMaps` holds a tenth of the pairs out, chooses a penalty and how to undo, solves both ways twice, and tells R2,
cosine and skill. Memory is the most that is resident beyond what is when the rows are there, pages of files included.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.memory import peak_memory
from benchmarks.pairing import in_turn, median_ratio, table
from latentaug import LatentMaps
from latentaug._rows import release

PAIRS, WIDTH, PART, ROUNDS = 100_000, 512, 4096, 3
SLOWER, BOUND = 3.0, 600  # times numpy's solve; MB


def make_pairs(folder: Path, n: int, d: int) -> None:
    """Write rows and what a map with noise makes of them, float32."""
    rng = np.random.default_rng(0)
    L = (rng.standard_normal((d, d)) / np.sqrt(d)).astype(np.float32)
    files = [np.lib.format.open_memmap(folder / name, "w+", np.float32, (n, d)) for name in ("before.npy", "after.npy")]
    for k in range(0, n, PART):  # what is resident here counts in the processes that follow
        Z = rng.standard_normal((min(PART, n - k), d), dtype=np.float32) + np.float32(5)
        for file, rows in zip(files, (Z, Z @ L + rng.standard_normal(Z.shape, dtype=np.float32)), strict=True):
            file[k : k + PART] = rows
            release(file[k : k + PART])


def solve(Z: np.ndarray, Z_aug: np.ndarray) -> np.ndarray:
    """Least squares of the second moments, added up part by part."""
    d = Z.shape[1]
    S, M = np.zeros((d, d)), np.zeros((d, d))
    for k in range(0, len(Z), PART):
        A, B = Z[k : k + PART].astype(np.float64), Z_aug[k : k + PART].astype(np.float64)
        S += A.T @ A
        M += A.T @ B
    return np.linalg.lstsq(S, M, rcond=None)[0]


def measure(folder: Path, mapped: bool) -> None:
    """Print what a fit takes in this process: times numpy's seconds, seconds, MB."""
    mode = {"mmap_mode": "r"} if mapped else {}
    Z, Z_aug = (np.load(folder / f"{name}.npy", **mode) for name in ("before", "after"))

    def fit() -> None:
        LatentMaps().fit(Z, views={("a",): Z_aug})

    before = peak_memory()
    fit()
    growth = peak_memory() - before
    seconds = in_turn({"fit": fit, "solve": lambda: solve(Z, Z_aug)}, ROUNDS)
    print(json.dumps([median_ratio(seconds["fit"], seconds["solve"]), float(np.median(seconds["fit"])), growth]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2,000 pairs of 64 numbers")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--mapped", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.mapped)
        return 0
    n, d = (2_000, 64) if options.quick else (PAIRS, WIDTH)
    rows, holds = [], True
    with tempfile.TemporaryDirectory() as folder:
        make_pairs(Path(folder), n, d)
        for label, flags in {"in memory": [], "in files": ["--mapped"]}.items():
            command = [sys.executable, "-m", "benchmarks.rows", "--measure", folder, *flags]
            times, seconds, growth = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            holds &= times <= SLOWER and growth <= BOUND
            cells = (f"{seconds:.1f}", f"{times:.2f}", SLOWER, f"{growth:,.0f}", BOUND)
            rows.append((f"{n:,} x {d}, float32, {label}", *cells, "holds" if holds else "breaks"))
    print(table(rows, ("pairs", "seconds", "times numpy", "bound", "growth, MB", "bound", "")))
    return 0 if holds or options.quick else 1


if __name__ == "__main__":
    sys.exit(main())

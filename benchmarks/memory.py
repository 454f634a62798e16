"""Does it fit into memory? Two million images in a file, larger than what training and using a model may take.

    python -m benchmarks.memory                     2,000,000 images of 28x28, 1.6 GB, made in a temporary folder
    python -m benchmarks.memory --quick             does it run
    python -m benchmarks.memory --only transform    that row alone; --folder names the disk, which holds as much again

Each row runs in a process of its own. Its growth is the most memory that was ever resident, pages of files included,
less that right after torch and latentaug were imported; the anonymous part is what no file stands behind. The network
is as small as can be, and trains for one pass, so that the rows end: what they hold at once does not depend on either.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch  # noqa: F401  (counted in what is resident before)
from sklearn.frozen import FrozenEstimator

from benchmarks.pairing import table
from benchmarks.sides import PAPER
from latentaug import VAE, LatentAugmenter
from latentaug._rows import release
from latentaug.augs import views
from latentaug.datasets import load_digits_sample

IMAGES, QUICK_IMAGES, SLICE = 2_000_000, 20_000, 10_000
BOUND = 600  # MB
HEADER = ("", "images", "seconds", "growth, MB", "anonymous, MB", "bound, MB", "")
STATUS = Path("/proc/self/status")
SMALL = VAE(4, **PAPER, hidden_channels=(4, 8), batch_size=256, max_iter=1, device="cpu", random_state=0)
AUGS = ["flip_lr", "canny"]


def make_images(path: Path, n_images: int) -> None:
    """Write digits to a file, slice by slice: each slice moved by some pixels, and with noise of its own."""
    digits, rng = load_digits_sample()[0], np.random.default_rng(0)
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (n_images, *digits.shape[1:]))
    for start in range(0, n_images, SLICE):
        rows = np.arange(start, min(start + SLICE, n_images))
        moved = np.roll(digits[rows % len(digits)], rng.integers(-3, 4, size=2), axis=(1, 2))
        images[rows[0] : rows[-1] + 1] = moved ^ rng.integers(0, 8, moved.shape, dtype=np.uint8)
        release(images)


def fit_vae(X: np.ndarray, folder: Path) -> None:
    SMALL.fit(X)


def fit_joint(X: np.ndarray, folder: Path) -> None:
    LatentAugmenter(AUGS, SMALL, random_state=0).fit(X)


def fit_joint_without_cache(X: np.ndarray, folder: Path) -> None:
    setattr(views, "CACHE_BYTES", 0)  # noqa: B010  (a name that a type checker need not know)
    fit_joint(X, folder)


def fit_staged(X: np.ndarray, folder: Path) -> None:
    frozen = FrozenEstimator(SMALL.fit(X[:SLICE]))
    LatentAugmenter(AUGS, frozen, method="staged").fit(X)


def transform(X: np.ndarray, folder: Path) -> None:
    augmenter = LatentAugmenter(AUGS, SMALL, random_state=0).fit(X[:SLICE])
    augmenter.transform(X, out=np.lib.format.open_memmap(folder / "augmented.npy", "w+", X.dtype, X.shape))


PARTS: dict[str, tuple[str, Callable[[np.ndarray, Path], None]]] = {
    "vae": ("`VAE.fit`", fit_vae),
    "joint": ("`LatentAugmenter.fit`, joint, flip_lr and canny", fit_joint),
    "uncached": ("the same, without cached views", fit_joint_without_cache),
    "staged": ("`LatentAugmenter.fit`, staged, a frozen VAE", fit_staged),
    "transform": ("`transform(X, out=memory map)`", transform),
}


def peak_memory() -> float:
    """The most that was ever resident, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


class AnonymousPeak(threading.Thread):
    """Watches the memory that no file stands behind, where the system tells of it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.first = self.peak = self.read()

    @staticmethod
    def read() -> float:
        """Anonymous memory now, in MB; NaN where the system does not tell."""
        lines = STATUS.read_text().splitlines() if STATUS.exists() else []
        return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("RssAnon")), float("nan"))

    def run(self) -> None:
        while True:
            self.peak = max(self.peak, self.read())
            time.sleep(0.02)


def measure(name: str, path: Path) -> None:
    """Run a row in this process, and print seconds, growth and anonymous growth in MB."""
    before, anonymous, start = peak_memory(), AnonymousPeak(), time.perf_counter()
    anonymous.start()
    PARTS[name][1](np.load(path, mmap_mode="r"), path.parent)
    print(json.dumps([time.perf_counter() - start, peak_memory() - before, anonymous.peak - anonymous.first]))


def row_of(name: str, path: Path, n_images: int) -> tuple[bool, tuple]:
    """Whether a row holds, and the row, measured in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.memory", "--measure", name, "--folder", str(path.parent)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return False, (PARTS[name][0], f"{n_images:,}", "", "", "", BOUND, done.stderr.strip().splitlines()[-1])
    seconds, growth, anonymous = json.loads(done.stdout.splitlines()[-1])
    holds = growth < BOUND
    cells = (f"{n_images:,}", f"{seconds:,.0f}", f"{growth:,.0f}", f"{anonymous:,.0f}", BOUND)
    return holds, (PARTS[name][0], *cells, "holds" if holds else "breaks")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_IMAGES:,} images")
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--folder", type=Path, help="where the files are made; the system's folder of temporary files")
    parser.add_argument("--measure", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.folder / "images.npy")
        return 0
    n_images = QUICK_IMAGES if options.quick else options.images
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "images.npy"
        make_images(path, n_images)
        print(f"{n_images:,} images, a file of {path.stat().st_size / 1e6:,.0f} MB\n", flush=True)
        print(table([], HEADER), flush=True)
        failed = False
        for name in options.only:
            holds, row = row_of(name, path, n_images)
            print(table([row], HEADER).splitlines()[-1], flush=True)
            failed |= not holds
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

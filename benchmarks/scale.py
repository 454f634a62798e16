"""Does the cost grow in a line, do two processes learn what one does, and is nothing lost to kill -9? On MNIST digits.

    python -m benchmarks.scale                  everything, in a quarter of an hour on two cores
    python -m benchmarks.scale --quick          does it run
    python -m benchmarks.scale --only billion   what a billion images would take, from rates measured there and then

Seconds an image are medians over rounds, all sizes in turn in each, so that what slows the machine slows all. Several
processes are those of torchrun, on the CPU, with a thread each.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from sklearn.base import clone
from torch import distributed

from benchmarks.pairing import in_turn, table
from benchmarks.sides import PAPER
from latentaug import VAE, LatentAugmenter
from latentaug.augs import name_augs
from latentaug.augs.views import Views
from latentaug.datasets import load_digits_sample, load_mnist
from latentaug.images import ImageFormat
from latentaug.learn.coding import find_device

SMALL = VAE(4, **PAPER, hidden_channels=(4, 8), batch_size=256, max_iter=1, random_state=0)
USUAL = VAE(**PAPER, batch_size=256, max_iter=2, random_state=0)
AUGS = ["flip_lr", "flip_ud", "rotate_cw", "shear_x"]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
BILLION, GPUS = 10**9, (1, 8, 64)


class Setting(NamedTuple):
    """How much of everything."""

    sizes: tuple[int, ...]
    n_images: int
    passes: int
    rounds: int


WHOLE = Setting((10_000, 100_000, 1_000_000), 25_600, 8, 3)
QUICK = Setting((500, 1000, 2000), 640, 3, 1)


def tiled(n_images: int) -> np.ndarray:
    """Digits again and again, as bytes; few are those of the sample, which needs no download."""
    digits = load_digits_sample()[0] if n_images <= QUICK.sizes[-1] else load_mnist("train")[0]
    return np.resize(digits, (n_images, *digits.shape[1:]))


def judged(what: str, costs: list[float], bound: float = 0.1) -> None:
    """Print how far apart the greatest and the least cost are, and whether that is within a bound."""
    apart = max(costs) / min(costs) - 1
    print(
        f"\n{what} are within {apart:.1%} of each other; within {bound:.0%}: {'holds' if apart <= bound else 'breaks'}."
    )


def seconds_an_image(run: Callable[[int], object], setting: Setting) -> list[float]:
    """Medians at every size: in each round the largest once, and the smaller ones more often."""
    costs: dict[int, list[float]] = {n: [] for n in setting.sizes}
    run(setting.sizes[0])
    for _ in range(setting.rounds):
        for n in setting.sizes:
            for _ in range(round((setting.sizes[-1] / n) ** 0.5)):
                start = time.perf_counter()
                run(n)
                costs[n].append((time.perf_counter() - start) / n)
    return [statistics.median(times) for times in costs.values()]


def linear(setting: Setting) -> None:
    """Training and transforming ten thousand, a hundred thousand and a million images."""
    X = tiled(setting.sizes[-1])
    out, flip = np.empty_like(X), LatentAugmenter(["flip_lr"], SMALL, random_state=0).fit(X[:1000])["flip_lr"]
    sides = {
        "VAE.fit, a pass": lambda n: clone(SMALL).fit(X[:n]),
        "transform(X, out=...)": lambda n: flip.transform(X[:n], out=out[:n]),
    }
    costs = {name: seconds_an_image(run, setting) for name, run in sides.items()}
    rows = [(name, *(f"{cost * 1e6:.2f}" for cost in at_sizes)) for name, at_sizes in costs.items()]
    print("\nMicroseconds an image, four and eight channels, by the number of images\n")
    print(table(rows, ("", *(f"{n:,}" for n in setting.sizes))))
    for name, at_sizes in costs.items():
        judged(f"Seconds an image of {name}", at_sizes)


def making(model: LatentAugmenter, X: np.ndarray) -> Callable[[], None]:
    """Make the images of a pass of joint training, pairs of views of which a fifth are the same, and nothing else."""
    views = Views(X, name_augs(model.augs), ImageFormat(X.shape[1:]), compositions=model.compositions_)
    rng, n_views = np.random.default_rng(0), len(model.compositions_)

    def run() -> None:
        for rows in np.array_split(rng.permutation(len(X)), len(X) // 500):
            source, other = rng.integers(n_views, size=(2, len(rows)))
            views.mix_pairs(rows, source, np.where(rng.random(len(rows)) < 0.2, source, other))

    return run


def augs(setting: Setting) -> None:
    """Joint training with one augmentation, two, three and four; what they compute themselves is timed beside it."""
    X = tiled(2 * setting.n_images)
    models = [LatentAugmenter(AUGS[:n], USUAL, random_state=0).fit(X[:500]) for n in range(1, len(AUGS) + 1)]
    fits = {str(n): lambda model=model: clone(model).fit(X) for n, model in enumerate(models)}
    total = in_turn(fits, setting.rounds)
    made = in_turn({str(n): making(model, X) for n, model in enumerate(models)}, setting.rounds)
    costs = [statistics.median(times) / USUAL.max_iter / len(X) * 1e6 for times in total.values()]
    own = [statistics.median(times) / len(X) * 1e6 for times in made.values()]
    rows = [
        (", ".join(model.augs), len(model.compositions_), f"{cost:.1f}", f"{part:.1f}", f"{cost - part:.1f}")
        for model, cost, part in zip(models, costs, own, strict=True)
    ]
    print(f"\nJoint training, {USUAL.max_iter} passes over {len(X):,} images: microseconds a drawn image\n")
    print(table(rows, ("augmentations", "views", "all", "making the views", "the rest")))
    judged("Seconds a drawn image, but for making the views,", [c - part for c, part in zip(costs, own, strict=True)])


def child(folder: str | Path, *start: str, **task: object) -> subprocess.Popen:
    """This script in processes of their own, with a thread each: they train as told, and write into a folder."""
    command = [sys.executable, *start, "-m", "benchmarks.scale", "--child", str(folder), json.dumps(task)]
    path = os.pathsep.join(path or "." for path in sys.path)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def train_in_child(folder: Path, n_images: int, **parameters: object) -> None:
    """Train as told, and write down seconds, losses and weights."""
    X, passes = tiled(n_images), []
    logger = logging.getLogger("latentaug")
    logger.setLevel(logging.INFO)
    logger.addFilter(passes.append)
    vae = clone(USUAL).set_params(device="cpu", **parameters)
    clone(vae).set_params(max_iter=1, checkpoint_dir=None).fit(X[:512])
    passes.clear()
    start = time.perf_counter()
    vae.fit(X)
    seconds = time.perf_counter() - start
    rank = distributed.get_rank() if distributed.is_initialized() else 0
    weights = torch.cat([weight.flatten() for weight in vae.network_.state_dict().values()]).numpy()
    np.savez(folder / f"{rank}.npz", seconds=seconds, losses=vae.loss_curve_, weights=weights, n_passes=len(passes))


def told(folder: str | Path) -> list[dict[str, np.ndarray]]:
    """What children wrote, by rank."""
    return [dict(np.load(path)) for path in sorted(Path(folder).glob("[0-9]*.npz"))]


def processes(setting: Setting) -> None:
    """One process against two, at the same global batch: their rates, and how far apart they end."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    apart = []
    for n_images in (setting.n_images // 10, *[setting.n_images] * setting.rounds):
        results = {}
        for n, start in ((1, []), (2, TORCHRUN)):
            with tempfile.TemporaryDirectory() as folder:
                child(folder, *start, n_images=n_images, devices="auto").wait()
                results[n] = told(folder)
            if n_images == setting.n_images:
                rates[n].append(USUAL.max_iter * n_images / float(results[n][0]["seconds"]))
        apart.append(difference(n_images, results[1], results[2]))
    rows = [(n, f"{statistics.median(times):,.0f}") for n, times in rates.items()]
    print(f"\nTraining, {USUAL.max_iter} passes over {setting.n_images:,} images, {USUAL.batch_size} a batch\n")
    print(table(rows, ("processes", "images a second")))
    header = ("steps", "both processes have the same bits", "weights of two and one differ by", "last losses by", "of")
    print("\n" + table([apart[0], apart[-1]], header), flush=True)


def difference(n_images: int, one: list[dict[str, np.ndarray]], two: list[dict[str, np.ndarray]]) -> tuple:
    """Row of a table: how far two processes and one are apart, and the two from each other."""
    (alone,), (first, second) = one, two
    same = all(np.array_equal(first[name], second[name]) for name in ("weights", "losses"))
    weights = np.abs(first["weights"] - alone["weights"]).max()
    loss, last = np.abs(first["losses"] - alone["losses"])[-1], alone["losses"][-1]
    return USUAL.max_iter * -(-n_images // USUAL.batch_size), same, f"{weights:.1e}", f"{loss:.1e}", f"{last:.2f}"


def resume(setting: Setting) -> None:
    """A training killed by SIGKILL after some passes, and started again."""
    task = {"n_images": setting.n_images, "max_iter": setting.passes}
    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as broken:
        child(whole, **task).wait()
        training = child(broken, **task, checkpoint_dir=broken)
        _wait_for_checkpoints(Path(broken), 2, training)
        training.send_signal(signal.SIGKILL)
        training.wait()
        child(broken, **task, checkpoint_dir=broken).wait()
        (uninterrupted,), (resumed,) = told(whole), told(broken)
    print(f"\nKilled by SIGKILL (exit status {training.returncode}) in a training of {setting.passes} passes.")
    print(f"Started again, it made the {resumed['n_passes']} that were left, to a loss of {resumed['losses'][-1]:.6f};")
    equal = all(np.array_equal(resumed[name], uninterrupted[name]) for name in ("weights", "losses"))
    print(f"uninterrupted: {uninterrupted['losses'][-1]:.6f}. The weights have the same bits: {equal}.")


def _wait_for_checkpoints(folder: Path, n: int, training: subprocess.Popen) -> None:
    """Wait until a checkpoint was written some times, or there is nothing to wait for."""
    seen: set[int] = set()
    while len(seen) < n and training.poll() is None:
        seen |= {path.stat().st_mtime_ns for path in folder.glob("*.checkpoint")}
        time.sleep(0.001)


def billion(setting: Setting) -> None:
    """Hours and bytes that a billion images would take, if cost grows in a line, by the rates of this machine."""
    X, device = tiled(setting.n_images), find_device("auto")
    vae = clone(USUAL).set_params(max_iter=1)
    augmenter = LatentAugmenter(["flip_lr", "flip_ud"], vae, random_state=0).fit(X)
    out, flip = np.empty_like(X), augmenter["flip_lr"].transform
    work = {
        "training, a pass": lambda: clone(augmenter).fit(X),
        "encode": lambda: augmenter.encode(X),
        "transform": lambda: flip(X, out=out),
    }
    seconds = in_turn(work, setting.rounds)
    rates = {name: len(X) / statistics.median(times) for name, times in seconds.items()}
    hours = {name: [f"{BILLION / rate / n / 3600:,.1f}" for n in GPUS] for name, rate in rates.items()}
    rows = [(name, f"{rates[name]:,.0f}", *hours[name]) for name in work]
    print(f"\nA billion images of 28x28 on {device} with {torch.get_num_threads()} threads a process\n")
    print(table(rows, ("", "images a second", *(f"hours, {n}" for n in GPUS))))
    sizes = {"images, one byte a pixel": X[:1].nbytes, "latents, float32": augmenter.encode(X[:1]).nbytes}
    print(
        "\n" + table([(name, f"{size * BILLION / 1e9:,.0f}") for name, size in sizes.items()], ("", "GB")), flush=True
    )


PARTS = {"linear": linear, "augs": augs, "processes": processes, "resume": resume, "billion": billion}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        folder, task = arguments.child
        train_in_child(Path(folder), **json.loads(task))
        return
    for name in arguments.only:
        PARTS[name](QUICK if arguments.quick else WHOLE)


if __name__ == "__main__":
    main()

"""At the speed of the bare network? Training, encoding and decoding against plain torch loops, and against pythae.

    python -m benchmarks.speed            five rounds or more a comparison, both sides in turn, on digits
    python -m benchmarks.speed --quick    does it run, not how fast
    python -m benchmarks.speed --only training stage2

A ratio is the median over the rounds of the seconds of the other side over ours: above 1, ours is faster. Sides of
"pythae" and "loaded" run in processes of their own, the others in one. pythae is compared where it is installed
(``pip install latentaug[benchmarks]``).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor, nn

from benchmarks import alone
from benchmarks.pairing import in_turn, median_ratio, table
from benchmarks.sides import BATCH, PAPER, bare_pass, bare_training, own_network, plain_network
from latentaug import VAE, LatentAugmenter
from latentaug.datasets import load_digits_sample, load_mnist
from latentaug.latent import maps
from latentaug.latent.algebra import Algebra
from latentaug.latent.maps import Moments
from latentaug.latent.representations import cyclic_table
from latentaug.learn.coding import find_device
from latentaug.learn.geometries import SOLVERS, fit_latent_maps

PASSES = 3


@dataclass
class Setting:
    """What every comparison shares."""

    X: np.ndarray
    rounds: int
    device: torch.device

    def compare(self, what: str, sides: dict, n_images: int) -> None:
        """Time the sides in turn, ours first, and print the rates and the ratios."""
        report(what, in_turn(sides, self.rounds), n_images)

    def compare_alone(self, what: str, sides: Iterable[str]) -> None:
        """The same, each side in a process of its own."""
        with tempfile.TemporaryDirectory() as folder:
            alone.write_folder(Path(folder), self.X)
            runs = {name: partial(alone.seconds_alone, name, Path(folder)) for name in sides}
            seconds = in_turn(runs, self.rounds, lambda run: run())
        report(f"{what}, each in a process of its own", seconds, len(self.X))


def report(what: str, seconds: dict[str, list[float]], n_images: int) -> None:
    """Print rates, and how many times faster the first side is."""
    ours, *others = seconds
    rows = [(ours, f"{n_images / statistics.median(seconds[ours]):,.0f}", "")]
    for name in others:
        rate = n_images / statistics.median(seconds[name])
        rows.append((name, f"{rate:,.0f}", f"{median_ratio(seconds[name], seconds[ours]):.2f}"))
    print(f"\n{what}\n")
    print(table(rows, ("", "images a second", f"{ours} is faster by")), flush=True)


def sgemm_rate(device: torch.device, seconds: float = 1.0) -> float:
    """Floating-point operations a second of a large matrix product."""
    a = torch.randn(2048, 2048, device=device)
    n, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        (a @ a).sum().item()
        n += 1
    return 2 * 2048**3 * n / (time.perf_counter() - start)


def flops_an_image(network: nn.Module) -> int:
    """Multiplications and additions of the layers, forward and twice that backward, an image."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        network.decoder(network.encoder(torch.zeros(1, 1, 28, 28))[0])
    return 3 * counter.get_total_flops()


def training(setting: Setting) -> None:
    """`VAE.fit` and joint training against bare loops of the same modules, and the same in torch's own layers."""
    X, device = setting.X, setting.device
    vae = VAE(**PAPER, max_iter=PASSES, batch_size=BATCH, learning_rate="constant", random_state=0)
    augmenter = LatentAugmenter(["flip_lr", "flip_ud"], vae, random_state=0)
    sides = {
        "latentaug": lambda: clone(vae).fit(X),
        "bare loop": bare_training(own_network(device), X, device, PASSES),
        "bare loop, torch's layers": bare_training(plain_network(device), X, device, PASSES),
    }
    n_drawn = PASSES * len(X)
    setting.compare(f"VAE.fit, {PASSES} passes", sides, n_drawn)
    sides = {
        "latentaug": lambda: clone(augmenter).fit(X),
        "bare loop between ready views": bare_training(own_network(device), X, device, PASSES, joint=True),
    }
    setting.compare(f"Joint training of two flips, {PASSES} passes", sides, n_drawn)
    rate = n_drawn / statistics.median(in_turn({"": bare_training(own_network(device), X, device, PASSES)}, 3)[""])
    share = rate * flops_an_image(plain_network(torch.device("cpu"))) / sgemm_rate(device)
    print(f"\nThe bare loop runs at {share:.0%} of the rate of a large float32 matrix product.")


def networks(setting: Setting) -> None:
    """`VAE.fit` with the default network, against the paper's, which was the default of 0.1.0."""
    shared = {"max_iter": PASSES, "batch_size": BATCH, "random_state": 0, "mixup": 0.0}
    sides = {
        "the default network": lambda: VAE(**shared).fit(setting.X),
        "the paper's": lambda: VAE(**PAPER, **shared).fit(setting.X),
    }
    setting.compare(f"VAE.fit by network, {PASSES} passes", sides, PASSES * len(setting.X))


def pythae(setting: Setting) -> None:
    """A pass against what a user would pick instead: the same images, batch and optimizer, on the CPU."""
    try:
        import pythae  # noqa: F401
    except ImportError:
        print("\npythae is not installed: pip install latentaug[benchmarks]")
        return
    for ours in alone.FITS:
        setting.compare_alone("A pass of training, beside pythae 0.1.2", [ours, *alone.PYTHAE])


def loaded(setting: Setting) -> None:
    """`transform` of a saved model against torch alone, on the CPU."""
    setting.compare_alone("transform of a saved model", alone.USES)


def inference(setting: Setting) -> None:
    """`transform`, `encode` and `decode` against the bare forward pass in the same batches."""
    X, device = setting.X, setting.device
    augmenter = LatentAugmenter(["flip_lr", "flip_ud"], VAE(**PAPER, max_iter=1), random_state=0).fit(X[:1000])
    network, Z = augmenter.autoencoder_.network_, augmenter.encode(X)
    L = torch.from_numpy(augmenter.compose("flip_lr").matrix_).float().to(device)

    def encoded(rows: slice) -> Tensor:
        return network.encoder(torch.from_numpy(X[rows]).to(device).float().div_(255).unsqueeze(1))[0]

    def decoded(rows: slice) -> Tensor:
        return network.decoder(torch.from_numpy(Z[rows]).to(device))

    def flipped(rows: slice) -> Tensor:
        return network.decoder(encoded(rows) @ L)

    n, flip, out = len(X), augmenter["flip_lr"].transform, np.empty(X.shape, dtype=np.float32)
    sides = {
        "transform": lambda: flip(X),
        "bare": bare_pass(flipped, n),
        "bare, the images kept": bare_pass(flipped, n, kept=True),
    }
    setting.compare("transform", sides, n)
    setting.compare("transform, into the same array each time", {**sides, "transform": lambda: flip(X, out=out)}, n)
    setting.compare("encode", {"encode": lambda: augmenter.encode(X), "bare": bare_pass(encoded, n)}, n)
    sides = {
        "decode": lambda: augmenter.decode(Z),
        "bare": bare_pass(decoded, n),
        "bare, the images kept": bare_pass(decoded, n, kept=True),
    }
    setting.compare("decode", sides, n)


def stage2(setting: Setting) -> None:
    """The closed form of Eq. 6 against 60 epochs of AdaBelief, the paper's: time, and loss reached."""
    X = setting.X
    vae = VAE(**PAPER, max_iter=2, random_state=0).fit(X)
    Z, Z_aug = (vae.transform(view).astype(np.float64) for view in (X, X[:, :, ::-1]))
    latents, laws = {(): Z, ("flip_lr",): Z_aug}, Algebra({"flip_lr": 2}, {}, {}, [()], cyclic_table(1))
    repeats = {"lstsq": 20}

    def fit(name: str) -> np.ndarray:
        return fit_latent_maps(Moments.of(latents), latents, laws, {"flip_lr": "free"}, name, 0)["flip_lr"]

    sides = {name: lambda name=name: [fit(name) for _ in range(repeats.get(name, 1))] for name in SOLVERS}
    seconds = {n: [t / repeats.get(n, 1) for t in times] for n, times in in_turn(sides, setting.rounds).items()}
    loss = {name: float(np.square(maps.apply(Z, fit(name)) - Z_aug).sum(axis=1).mean()) for name in SOLVERS}
    rows = [(name, f"{statistics.median(seconds[name]) * 1e3:,.1f}", f"{loss[name]:.4f}") for name in SOLVERS]
    print(f"\nStage 2 on {len(X):,} images\n")
    print(table(rows, ("solver", "milliseconds", "loss of Eq. 6")))
    print(f"\nIn closed form {median_ratio(seconds['adabelief'], seconds['lstsq']):,.0f} times faster.", flush=True)


PARTS = {part.__name__: part for part in (training, networks, pythae, inference, loaded, stage2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    X = load_digits_sample()[0] if arguments.quick else load_mnist("train")[0]
    X, rounds = (X[:640], 1) if arguments.quick else (X[:12_800], arguments.rounds)
    device = find_device("auto")
    print(f"{len(X):,} digits, {rounds} rounds, {torch.get_num_threads()} threads, {device}, torch {torch.__version__}")
    for name in arguments.only:
        PARTS[name](Setting(X, rounds, device))


if __name__ == "__main__":
    main()

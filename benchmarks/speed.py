"""At the speed of the bare network? Training, encoding and decoding against plain torch loops, and against pythae.

    python -m benchmarks.speed            five rounds or more a comparison, both sides in turn, on digits
    python -m benchmarks.speed --quick    does it run, not how fast
    python -m benchmarks.speed --only training stage2

A ratio is the median over the rounds of the seconds of the other side over ours: above 1, ours is faster. pythae is
compared where it is installed (``pip install latentaug[benchmarks]``).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor, nn

from benchmarks.pairing import in_turn, median_ratio, table
from latentaug import VAE, LatentAugmenter, losses, maps
from latentaug.algebra import Algebra, cyclic_table
from latentaug.border import find_device
from latentaug.datasets import load_digits_sample, load_mnist
from latentaug.geometries import SOLVERS
from latentaug.moments import Moments
from latentaug.networks import build, initialise
from latentaug.objective import PRECISIONS
from latentaug.stages import fit_latent_maps

BATCH, LATENTS, CHANNELS, PASSES = 64, 16, (16, 32), 3


@dataclass
class Setting:
    """What every comparison shares."""

    X: np.ndarray
    rounds: int
    device: torch.device

    def compare(self, what: str, ours: Callable, theirs: dict[str, Callable], n_images: int) -> None:
        """Time our side and the others in turn, and print the rates and the ratios."""
        seconds = in_turn({"latentaug": ours, **theirs}, self.rounds)
        rows = []
        for name, times in seconds.items():
            rate = n_images / statistics.median(times)
            ratio = "" if name == "latentaug" else f"{median_ratio(times, seconds['latentaug']):.2f}"
            rows.append((name, f"{rate:,.0f}", ratio))
        print(f"\n{what}\n")
        print(table(rows, ("", "images a second", "ours is faster by")), flush=True)


def plain_network(device: torch.device) -> nn.Module:
    """The same architecture in torch's own layers."""
    network = build((28, 28), LATENTS, CHANNELS)
    for k, layer in enumerate(network.decoder.layers):
        if isinstance(layer, nn.ConvTranspose2d):
            network.decoder.layers[k] = nn.ConvTranspose2d(
                layer.in_channels,
                layer.out_channels,
                layer.kernel_size,
                layer.stride,
                layer.padding,
                layer.output_padding,
            )
    initialise(network, torch.Generator().manual_seed(0))
    return network.to(device)


def own_network(device: torch.device) -> nn.Module:
    """The modules that a `VAE` trains."""
    network = build((28, 28), LATENTS, CHANNELS)
    initialise(network, torch.Generator().manual_seed(0))
    return network.to(device)


def bare_step(network: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, carry: Tensor | None) -> None:
    """One step on a batch, and nothing else."""
    mean, log_variance = network.encoder(x)
    z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
    z = z if carry is None else (z.unsqueeze(1) @ carry).squeeze(1)
    error, divergence = losses.vae_terms(network.decoder(z), y, mean, log_variance, 1.0, 1.0)
    optimizer.zero_grad(set_to_none=True)
    (error + divergence).backward()
    optimizer.step()


def bare_training(network: nn.Module, X: np.ndarray, device: torch.device, joint: bool = False) -> Callable[[], None]:
    """A loop some passes over images in random order; for joint training, between views that lie ready as arrays."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    views = np.stack([X, X[:, :, ::-1], X[:, ::-1], X[:, ::-1, ::-1]]) if joint else X[None]
    crossings = torch.eye(LATENTS, device=device).repeat(len(views), len(views), 1, 1)
    rng = np.random.default_rng(0)

    def batch_of(view: np.ndarray, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(views[view, rows]).to(device).float().div_(255).unsqueeze(1)

    def run() -> None:
        order = np.concatenate([rng.permutation(len(X)) for _ in range(PASSES)])
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            source, target = rng.integers(len(views), size=(2, len(rows)))
            x = batch_of(source, rows)
            y = batch_of(target, rows) if joint else x
            bare_step(network, optimizer, x, y, crossings[source, target] if joint else None)

    return run


def pythae_training(network: nn.Module, X: np.ndarray) -> Callable[[], None]:
    """pythae's trainer, one pass over the same images with the same network, batch and optimizer."""
    from pythae import models
    from pythae.data.datasets import BaseDataset
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.phi, self.latent_dim = network.encoder, LATENTS

        def forward(self, x: Tensor) -> Any:
            mean, log_variance = self.phi(x)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.theta = network.decoder

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.theta(z))

    model = models.VAE(
        models.VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENTS), encoder=Encoder(), decoder=Decoder()
    )
    dataset = BaseDataset(torch.from_numpy(X[:, None]).float() / 255, torch.zeros(len(X)))

    def run() -> None:
        logging.disable(logging.WARNING)  # it tells of every step
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            config = BaseTrainerConfig(
                output_dir=folder, num_epochs=1, per_device_train_batch_size=BATCH, learning_rate=1e-3
            )
            BaseTrainer(model, dataset, training_config=config).train()

    return run


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
    vae = VAE(max_iter=PASSES, batch_size=BATCH, learning_rate="constant", random_state=0)
    augmenter = LatentAugmenter(["flip_lr", "flip_ud"], vae, random_state=0)
    sides = {
        "bare loop": bare_training(own_network(device), X, device),
        "bare loop, torch's layers": bare_training(plain_network(device), X, device),
    }
    n_drawn = PASSES * len(X)
    setting.compare(f"VAE.fit, {PASSES} passes", lambda: clone(vae).fit(X), sides, n_drawn)
    sides = {"bare loop between ready views": bare_training(own_network(device), X, device, joint=True)}
    title = f"Joint training of two flips, {PASSES} passes"
    setting.compare(title, lambda: clone(augmenter).fit(X), sides, n_drawn)
    rate = n_drawn / statistics.median(in_turn({"": bare_training(own_network(device), X, device)}, 3)[""])
    share = rate * flops_an_image(plain_network(torch.device("cpu"))) / sgemm_rate(device)
    print(f"\nThe bare loop runs at {share:.0%} of the rate of a large float32 matrix product.")


def pythae(setting: Setting) -> None:
    """Against what a user would pick instead."""
    try:
        import pythae  # noqa: F401
    except ImportError:
        print("\npythae is not installed: pip install latentaug[benchmarks]")
        return
    X, cpu = setting.X, torch.device("cpu")
    vae = VAE(max_iter=1, batch_size=BATCH, learning_rate="constant", device="cpu", random_state=0)
    sides = {
        "pythae, torch's layers": pythae_training(plain_network(cpu), X),
        "pythae, our modules": pythae_training(own_network(cpu), X),
    }
    for precision in PRECISIONS:
        title = f"A pass by pythae 0.1.2, the same images, batch and optimizer; ours in precision {precision}"
        ours = clone(vae).set_params(precision=precision)
        setting.compare(title, lambda ours=ours: clone(ours).fit(X), sides, len(X))


def inference(setting: Setting) -> None:
    """`transform`, `encode` and `decode` against the bare forward pass in the same batches."""
    X, device = setting.X, setting.device
    augmenter = LatentAugmenter(["flip_lr", "flip_ud"], VAE(max_iter=1), random_state=0).fit(X[:1000])
    network, Z = augmenter.autoencoder_.network_, augmenter.encode(X)
    L = torch.from_numpy(augmenter.compose("flip_lr").matrix_).float().to(device)

    batches = [slice(start, start + 256) for start in range(0, len(X), 256)]

    def forward(what: Callable[[slice], Tensor]) -> Callable[[], None]:
        def run() -> None:
            with torch.inference_mode():
                for rows in batches:
                    what(rows).cpu()

        return run

    def kept(what: Callable[[slice], Tensor]) -> Callable[[], None]:
        def run() -> None:
            images = torch.empty(len(X), 1, 28, 28)
            with torch.inference_mode():
                for rows in batches:
                    images[rows] = what(rows)

        return run

    def encoded(rows: slice) -> Tensor:
        return network.encoder(torch.from_numpy(X[rows]).to(device).float().div_(255).unsqueeze(1))[0]

    def decoded(rows: slice) -> Tensor:
        return network.decoder(torch.from_numpy(Z[rows]).to(device))

    def flipped(rows: slice) -> Tensor:
        return network.decoder(encoded(rows) @ L)

    n, flip, out = len(X), augmenter["flip_lr"].transform, np.empty(X.shape, dtype=np.float32)
    sides = {"bare": forward(flipped), "bare, the images kept": kept(flipped)}
    for title, given in (("transform", {}), ("transform, into the same array each time", {"out": out})):
        setting.compare(title, lambda given=given: flip(X, **given), sides, n)
    setting.compare("encode", lambda: augmenter.encode(X), {"bare": forward(encoded)}, n)
    sides = {"bare": forward(decoded), "bare, the images kept": kept(decoded)}
    setting.compare("decode", lambda: augmenter.decode(Z), sides, n)


def stage2(setting: Setting) -> None:
    """The closed form of Eq. 6 against 60 epochs of AdaBelief, the paper's: time, and loss reached."""
    X = setting.X
    vae = VAE(max_iter=2, random_state=0).fit(X)
    Z, Z_aug = (vae.transform(view).astype(np.float64) for view in (X, X[:, :, ::-1]))
    latents, laws = {(): Z, ("flip_lr",): Z_aug}, Algebra({"flip_lr": 2}, {}, {}, [()], cyclic_table(1))
    seconds, loss = {}, {}
    for name in SOLVERS:
        start = time.perf_counter()
        for _ in range(repeats := 20 if name == "lstsq" else 1):
            L = fit_latent_maps(Moments.of(latents), latents, laws, {"flip_lr": "free"}, name, 0)["flip_lr"]
        seconds[name] = (time.perf_counter() - start) / repeats
        loss[name] = float(np.square(maps.apply(Z, L) - Z_aug).sum(axis=1).mean())
    rows = [(name, f"{seconds[name] * 1e3:,.1f}", f"{loss[name]:.4f}") for name in SOLVERS]
    print(f"\nStage 2 on {len(X):,} images\n")
    print(table(rows, ("solver", "milliseconds", "loss of Eq. 6")))
    print(f"\nIn closed form {seconds['adabelief'] / seconds['lstsq']:,.0f} times faster.", flush=True)


PARTS = {"training": training, "pythae": pythae, "inference": inference, "stage2": stage2}


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

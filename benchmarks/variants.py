"""What would a training step gain? Variants of the bare step, in turn, beside the one that latentaug takes.

    python -m benchmarks.variants            with torch.compile, which takes a compiler and a minute
    python -m benchmarks.variants --quick    does it run, without torch.compile

A step is a batch of random images through encoder, decoder and Adam; above 1, the variant is faster.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.pairing import in_turn, median_ratio, table
from benchmarks.sides import own_network, plain_network
from latentaug.learn import networks
from latentaug.learn.objectives import divergence, squared_error
from latentaug.learn.training import LONGEST_GRADIENT, _as_one_vector

CPU = torch.device("cpu")


class Unshuffled(nn.Module):
    """A strided convolution as one of stride one, of the image's four phases."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        phases = functional.pad(self.layer.weight, (0, 1, 0, 1)).unflatten(3, (3, 2)).unflatten(2, (3, 2))
        kernel = phases.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)
        return functional.conv2d(functional.pixel_unshuffle(x, 2), kernel, self.layer.bias, padding=1)


def unshuffled(network: nn.Module) -> nn.Module:
    """The encoder's second convolution as one of phases."""
    network.encoder.features[2] = Unshuffled(network.encoder.features[2])
    return network


def product(x: Tensor, kernel: Tensor, y: Tensor) -> Tensor:
    """The gradient of a kernel from many channels as a matrix product of windows."""
    channels, (height, width) = kernel.shape[1], y.shape[2:]
    rows = functional.pad(x.movedim(1, -1), (0, 0, 2, 2 * width + 1 - x.shape[3], 2, 2 * height + 1 - x.shape[2]))
    windows = rows.unfold(1, 5, 2).unfold(2, 5, 2).permute(0, 1, 2, 4, 5, 3).reshape(-1, 25 * channels)
    return (windows.T @ y.movedim(1, -1).flatten(0, 2)).view(5, 5, channels, -1).permute(3, 2, 0, 1)


def with_products(step: Callable[[], None]) -> Callable[[], None]:
    """A step that takes them for the two kernels that have many channels."""
    usual = networks._kernel_gradient

    def gradient(x: Tensor, kernel: Tensor, y: Tensor) -> Tensor:
        return (product if kernel.shape[1] > 1 else usual)(x, kernel, y)

    def run() -> None:
        networks._kernel_gradient = gradient
        step()
        networks._kernel_gradient = usual

    return run


def step_of(
    network: nn.Module, *, bf16: bool = False, clip: bool = True, vector: bool = True, compiled: bool = False
) -> Callable[[], None]:
    """A training step on 64 images, as latentaug takes it or a little otherwise."""
    x, noise = torch.rand(64, 1, 28, 28), torch.randn(64, 16)
    parameters = list(network.parameters())
    learned = [_as_one_vector(parameters)[0]] if vector else parameters
    optimizer = torch.optim.Adam(learned, lr=1e-3, fused=True)

    def loss_of(x: Tensor, noise: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            mean, log_variance = (part.float() for part in network.encoder(x))
            y = network.decoder(mean + noise * (0.5 * log_variance).exp()).float()
        return squared_error(y, x) + divergence(mean, log_variance).sum() / len(mean)

    loss = torch.compile(loss_of) if compiled else loss_of

    def step() -> None:
        optimizer.zero_grad(set_to_none=not vector)
        loss(x, noise).backward()
        if clip and vector:
            gradient = learned[0].grad
            gradient.mul_((LONGEST_GRADIENT / gradient.norm()).clamp_(max=1))
        elif clip:
            nn.utils.clip_grad_norm_(learned, LONGEST_GRADIENT)
        optimizer.step()

    return step


def variants(compiled: bool) -> dict[str, Callable[[], None]]:
    """Steps by name, ours first."""
    steps = {
        "latentaug": step_of(own_network(CPU)),
        "torch's layers": step_of(plain_network(CPU)),
        "without clipping": step_of(own_network(CPU), clip=False),
        "weights one by one": step_of(own_network(CPU), vector=False),
        "second convolution of unshuffled phases": step_of(unshuffled(own_network(CPU))),
        "kernel gradients as matrix products": with_products(step_of(own_network(CPU))),
        "bf16-mixed": step_of(own_network(CPU), bf16=True),
        "bf16-mixed, kernel gradients as matrix products": with_products(step_of(own_network(CPU), bf16=True)),
    }
    if compiled:
        steps["torch.compile"] = step_of(own_network(CPU), compiled=True)
        steps["torch.compile, bf16-mixed"] = step_of(own_network(CPU), compiled=True, bf16=True)
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    n_steps, rounds = (1, 1) if arguments.quick else (20, 15)
    steps = variants(compiled=not arguments.quick)
    sides = {name: lambda step=step: [step() for _ in range(n_steps)] for name, step in steps.items()}
    seconds = in_turn(sides, rounds)
    ours = seconds["latentaug"]
    rows = [
        (name, f"{statistics.median(times) / n_steps * 1e3:.2f}", f"{median_ratio(ours, times):.2f}")
        for name, times in seconds.items()
    ]
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print(table(rows, ("a step of", "milliseconds", "faster than latentaug's by")))


if __name__ == "__main__":
    main()

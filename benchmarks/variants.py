"""What would a training step gain? Variants of the bare step, in turn, beside the one that latentaug takes.

    python -m benchmarks.variants            with torch.compile, which takes a compiler and a minute
    python -m benchmarks.variants --quick    does it run, without torch.compile

A step is a batch of random images through encoder, decoder and Adam; above 1, the variant is faster.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.pairing import in_turn, median_ratio, table
from benchmarks.sides import own_network, plain_network
from latentaug import losses

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


def one_vector(network: nn.Module) -> list[nn.Parameter]:
    """All weights as views of one parameter, and so their gradients."""
    parameters = list(network.parameters())
    whole = nn.Parameter(torch.cat([p.detach().flatten() for p in parameters]))
    whole.grad = torch.zeros_like(whole)
    start = 0
    for p in parameters:
        part = slice(start, start + p.numel())
        p.data, p.grad = whole.data[part].view_as(p), whole.grad[part].view_as(p)
        start = part.stop
    return [whole]


def step_of(
    network: nn.Module, *, bf16: bool = False, clip: bool = True, vector: bool = False, compiled: bool = False
) -> Callable[[], None]:
    """A training step on 64 images."""
    x, noise = torch.rand(64, 1, 28, 28), torch.randn(64, 16)
    parameters = one_vector(network) if vector else list(network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)

    def loss_of(x: Tensor, noise: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            mean, log_variance = (part.float() for part in network.encoder(x))
            y = network.decoder(mean + noise * (0.5 * log_variance).exp()).float()
        return sum(losses.vae_terms(y, x, mean, log_variance, 1.0, 1.0))

    loss = torch.compile(loss_of) if compiled else loss_of

    def step() -> None:
        optimizer.zero_grad(set_to_none=not vector)
        loss(x, noise).backward()
        if clip:
            nn.utils.clip_grad_norm_(parameters, 1e3)
        optimizer.step()

    return step


def variants(compiled: bool) -> dict[str, Callable[[], None]]:
    """Steps by name, ours first."""
    last: dict[str, Any] = {"memory_format": torch.channels_last}
    steps = {
        "latentaug": step_of(own_network(CPU)),
        "torch's layers": step_of(plain_network(CPU)),
        "without clipping": step_of(own_network(CPU), clip=False),
        "weights as one vector": step_of(own_network(CPU), vector=True),
        "weights channels last": step_of(own_network(CPU).to(**last)),
        "second convolution of unshuffled phases": step_of(unshuffled(own_network(CPU))),
        "bf16-mixed": step_of(own_network(CPU), bf16=True),
        "bf16-mixed, weights channels last": step_of(own_network(CPU).to(**last), bf16=True),
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

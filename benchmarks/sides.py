"""What latentaug is compared with: bare torch loops over the same modules, the same in torch's layers, and pythae."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentaug.learn.networks import Downsampling, Upsampling, build, initialise
from latentaug.learn.objectives import divergence, squared_error

__all__ = ["BATCH", "PAPER", "bare_pass", "bare_training", "own_network", "plain_network", "pythae_training"]

BATCH, LATENTS, CHANNELS = 64, 16, (16, 32)
PAPER = {"network": "paper", "kl_weight": 1.0}  # of a `VAE` that trains what the other sides train
AT_ONCE = 256  # images of a batch that is encoded or decoded


def plain_layer(layer: nn.Module) -> nn.Module:
    """Torch's own layer that computes the same."""
    if not isinstance(layer, (Downsampling, Upsampling)):
        return layer
    shape = layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding
    return nn.Conv2d(*shape) if isinstance(layer, Downsampling) else nn.ConvTranspose2d(*shape, layer.output_padding)


def plain_network(device: torch.device) -> nn.Module:
    """The same architecture in torch's own layers."""
    network = build((28, 28), LATENTS, CHANNELS)
    network.encoder.features = nn.Sequential(*map(plain_layer, network.encoder.features))
    network.decoder.layers = nn.Sequential(*map(plain_layer, network.decoder.layers))
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
    loss = squared_error(network.decoder(z), y) + divergence(mean, log_variance).sum() / len(mean)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def bare_training(
    network: nn.Module, X: np.ndarray, device: torch.device, passes: int, joint: bool = False
) -> Callable[[], None]:
    """A loop some passes over images in random order; for joint training, between views that lie ready as arrays."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    views = np.stack([X, X[:, :, ::-1], X[:, ::-1], X[:, ::-1, ::-1]]) if joint else X[None]
    crossings = torch.eye(LATENTS, device=device).repeat(len(views), len(views), 1, 1)
    rng = np.random.default_rng(0)

    def batch_of(view: np.ndarray, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(views[view, rows]).to(device).float().div_(255).unsqueeze(1)

    def run() -> None:
        order = np.concatenate([rng.permutation(len(X)) for _ in range(passes)])
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


def bare_pass(what: Callable[[slice], Tensor], n_images: int, kept: bool = False) -> Callable[[], None]:
    """A function of the rows of a batch over all of them, without gradients; its images are kept or thrown away."""

    def run() -> None:
        images = torch.empty(n_images, 1, 28, 28) if kept else None
        with torch.inference_mode():
            for start in range(0, n_images, AT_ONCE):
                rows = slice(start, start + AT_ONCE)
                made = what(rows).cpu()
                if images is not None:
                    images[rows] = made

    return run

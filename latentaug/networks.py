"""The torch modules: encoder phi, decoder theta and latent maps, for any image size and channel count.

Modules are built without touching torch's global generator and filled from one of their own.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from latentaug._mapped import keep_freed_memory
from latentaug.convolutions import Downsampling, Upsampling

__all__ = ["Autoencoder", "Decoder", "Encoder", "ViewConditions", "ViewMaps", "build", "initialise"]


def _halve(size: int, times: int) -> int:
    """Height or width after some convolutions of stride two."""
    return -(-size // 2**times)


class Encoder(nn.Module):
    """phi: images (B, C, H, W) to the mean and log-variance of their posteriors, each (B, d).

    Convolutions of stride two, one a hidden channel count, and one dense layer.
    """

    def __init__(self, image_shape: Sequence[int], latent_dim: int, hidden_channels: Sequence[int]) -> None:
        super().__init__()
        height, width, channels = image_shape
        n = len(hidden_channels)
        widths = [channels, *hidden_channels]
        layers: list[nn.Module] = []
        for c_in, c_out in pairwise(widths):
            layers += [nn.ReLU(), Downsampling(c_in, c_out)]
        self.features = nn.Sequential(*layers[1:], nn.Flatten(), nn.ReLU())
        self.posterior = nn.Linear(widths[-1] * _halve(height, n) * _halve(width, n), 2 * latent_dim)

    def forward(self, x: Tensor, shift: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
        mean, log_variance = (self.posterior(self.features(x)) + shift).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)


class Decoder(nn.Module):
    """theta: latent rows (B, d) to images (B, C, H, W) in [0, 1]; the encoder's layers mirrored."""

    def __init__(self, image_shape: Sequence[int], latent_dim: int, hidden_channels: Sequence[int]) -> None:
        super().__init__()
        height, width, channels = image_shape
        n = len(hidden_channels)
        widths = [channels, *hidden_channels]
        sizes = [(_halve(height, k), _halve(width, k)) for k in range(n + 1)]
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, widths[n] * math.prod(sizes[n])),
            nn.ReLU(),
            nn.Unflatten(1, (widths[n], *sizes[n])),
        ]
        for k in range(n, 0, -1):
            rows, columns = (fine - (2 * coarse - 1) for fine, coarse in zip(sizes[k - 1], sizes[k], strict=True))
            layers += [Upsampling(widths[k], widths[k - 1], (rows, columns)), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1], nn.Sigmoid())

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class Autoencoder(nn.Module):
    """An encoder phi and a decoder theta of the same images."""

    def __init__(self, image_shape: Sequence[int], latent_dim: int, hidden_channels: Sequence[int]) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = Encoder(image_shape, latent_dim, hidden_channels)
        self.decoder = Decoder(image_shape, latent_dim, hidden_channels)


def build(image_shape: Sequence[int], latent_dim: int, hidden_channels: Sequence[int]) -> Autoencoder:
    """Build an autoencoder of images ``(H, W)`` or ``(H, W, C)``, its parameters not yet filled."""
    keep_freed_memory()
    shape = (*image_shape, 1)[:3]
    with torch.device("meta"):
        network = Autoencoder(shape, latent_dim, hidden_channels)
    return network.to_empty(device="cpu")


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Fill the weights and biases of every layer uniformly, as torch does, from a generator of our own."""
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
            fan_in, _ = nn.init._calculate_fan_in_and_fan_out(layer.weight)
            bound = 1 / math.sqrt(fan_in)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)


class ViewConditions(nn.Module):
    """The conditions of a conditional autoencoder, one a view.

    A one-hot vector appended to the input of a dense layer picks one more row of its weights, and adds it: so a
    condition is a shift of the encoder's last layer and one of the decoder's first.
    """

    def __init__(self, network: Autoencoder, n_views: int) -> None:
        super().__init__()
        self.network = network
        self.features = nn.Parameter(torch.zeros(n_views, network.encoder.posterior.out_features))
        first: Any = network.decoder.layers[0]
        self.latents = nn.Parameter(torch.zeros(n_views, first.out_features))

    def encode(self, x: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
        """Posteriors of images, row i under condition ``which[i]``."""
        return self.network.encoder(x, self.features[which])

    def decode(self, z: Tensor, which: Tensor) -> Tensor:
        """Images of latent rows, row i under condition ``which[i]``."""
        first, *others = self.network.decoder.layers
        x = first(z) + self.latents[which]
        for layer in others:
            x = layer(x)
        return x

    def under(self, view: int) -> Autoencoder:
        """A plain autoencoder, that under one condition."""
        network = copy.deepcopy(self.network)
        first: Any = network.decoder.layers[0]
        with torch.no_grad():
            network.encoder.posterior.bias.add_(self.features[view])
            first.bias.add_(self.latents[view])
        return network


class FixedMap(nn.Module):
    """A latent map chosen before training: an element of an exact representation."""

    def __init__(self, L: Tensor) -> None:
        super().__init__()
        self.L = nn.Buffer(L)

    def forward(self) -> Tensor:
        return self.L


class FreeMap(nn.Module):
    """Any matrix, the identity at first."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(latent_dim))

    def forward(self) -> Tensor:
        return self.weight


class OrthogonalMap(nn.Module):
    """An orthogonal matrix of determinant one, the exponential of a skew one; the identity at first."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(latent_dim, latent_dim))

    def forward(self) -> Tensor:
        return torch.matrix_exp(self.weight - self.weight.T)


class ConjugateMap(nn.Module):
    """``Q.T @ L @ Q``, an exact L in orthonormal coordinates Q that are learned: it keeps the order of L."""

    def __init__(self, L: Tensor) -> None:
        super().__init__()
        self.L = nn.Buffer(L)
        self.coordinates = OrthogonalMap(len(L))

    def forward(self) -> Tensor:
        Q = self.coordinates()
        return Q.T @ self.L @ Q


class CommutingMap(nn.Module):
    """A learned map averaged over an orthogonal representation rho, (G, d, d), so that it commutes with it."""

    def __init__(self, learned: nn.Module, rho: Tensor) -> None:
        super().__init__()
        self.learned = learned
        self.rho = nn.Buffer(rho)

    def forward(self) -> Tensor:
        return (self.rho.mT @ self.learned() @ self.rho).mean(dim=0)


class ResidualMap(nn.Module):
    """``z @ L + tanh(z @ W_1 + b_1) @ W_2 + b_2``: a nonlinear map beside a linear one."""

    def __init__(self, L: Tensor, width: int = 64) -> None:
        super().__init__()
        self.L: Tensor = nn.Buffer(L)
        with torch.device("meta"):
            self.first, self.last = nn.Linear(len(L), width), nn.Linear(width, len(L))
        self.first.to_empty(device="cpu")
        self.last.to_empty(device="cpu")

    def initialise(self, generator: torch.Generator) -> None:
        """Fill the weights; the nonlinear part is zero at first."""
        initialise(self, generator)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, z: Tensor) -> Tensor:
        return z @ self.L + self.last(self.first(z).tanh())


class ViewMaps(nn.Module):
    """The latent maps of every view, products of those of single augmentations.

    Parameters
    ----------
    maps : dict of str to Module
        The map of each augmentation, called without argument, (d, d).
    compositions : sequence of tuple of str
        The views, V of them.
    """

    def __init__(self, maps: dict[str, nn.Module], compositions: Sequence[tuple[str, ...]], latent_dim: int) -> None:
        super().__init__()
        self.names = list(maps)
        self.maps = nn.ModuleList(maps.values())  # a list: a name may be no attribute name
        self.compositions = list(compositions)
        self.identity: Tensor = nn.Buffer(torch.eye(latent_dim))

    def matrices(self) -> dict[str, Tensor]:
        """The map of each augmentation."""
        return {name: latent_map() for name, latent_map in zip(self.names, self.maps, strict=True)}

    def forward(self) -> Tensor:
        """Maps from the original to every view, (V, d, d)."""
        L = self.matrices()
        views: dict[tuple[str, ...], Tensor] = {(): self.identity}

        def view(composition: tuple[str, ...]) -> Tensor:
            if composition not in views:
                views[composition] = view(composition[:-1]) @ L[composition[-1]]
            return views[composition]

        return torch.stack([view(composition) for composition in self.compositions])

"""The networks: encoder phi and decoder theta, for any image size and channel count, and the convolutions they use.

Networks are built without touching torch's global generator and filled from one of their own.

The convolutions, 5x5 of stride two, down to half the size and up again, are written as a CPU trains them fastest. Both
share one kernel (coarse, fine, 5, 5) and are each other's transpose, so each is the backward pass of the other. Going
up takes oneDNN longest; to few channels, a plain 3x3 convolution gives the four phases of the finer image, which is put
together of them. All maps have their channels last in memory: what costs is mixed layouts.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_weight

__all__ = ["Autoencoder", "Decoder", "Downsampling", "Encoder", "Upsampling", "ViewConditions", "build", "initialise"]

KERNEL = 5
PADDING = KERNEL // 2
FEW_CHANNELS = 16  # with more, zeros among the taps of phases, 11 of 36, cost more than they save

_cast = torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)  # under autocast, and only there
_cast_back = torch.amp.custom_bwd(device_type="cpu")


def _channels_last(x: Tensor) -> Tensor:
    """The same maps (B, C, H, W), their channels last in memory, also by the strides of a single one."""
    n, channels, height, width = x.shape
    return x.movedim(1, -1).flatten().view(n, height, width, channels).movedim(-1, 1)


@cache
def _phase_taps(coarse: int, fine: int) -> Tensor:
    """Where the taps of `_phases` lie in a flat kernel with a zero at its end."""
    n = coarse * fine * KERNEL**2
    numbers = torch.arange(n, device="cpu").view(coarse, fine, KERNEL, KERNEL)
    taps = functional.pad(numbers, (0, 1, 0, 1), value=n)
    return taps.unflatten(3, (3, 2)).unflatten(2, (3, 2)).flip(2, 4).permute(3, 5, 1, 2, 4, 0).flatten()


def _phases(kernel: Tensor) -> Tensor:
    """Kernel (4 * fine, coarse, 3, 3) of the phases, two rows and two columns, that a kernel going up gives."""
    coarse, fine = kernel.shape[:2]
    flat = functional.pad(kernel.flatten(), (0, 1)).index_select(0, _phase_taps(coarse, fine))
    return flat.view(4 * fine, 3, 3, coarse).movedim(-1, 1)


def _down(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    return functional.conv2d(x, kernel, bias, stride=2, padding=PADDING)


def _up(y: Tensor, kernel: Tensor, size: Sequence[int]) -> Tensor:
    """The transpose of `_down`, to a height and width."""
    if kernel.shape[1] > FEW_CHANNELS:
        extra = [fine - (2 * coarse - 1) for fine, coarse in zip(size, y.shape[2:], strict=True)]
        return functional.conv_transpose2d(y, kernel, None, 2, PADDING, extra)
    phases = functional.conv2d(y, _phases(kernel), padding=1).unflatten(1, (2, 2, kernel.shape[1]))
    x = phases.permute(0, 4, 1, 5, 2, 3).flatten(3, 4).flatten(1, 2)  # (B, 2 h, 2 w, fine)
    return x.movedim(-1, 1)[..., : size[0], : size[1]]


def _kernel_gradient(x: Tensor, kernel: Tensor, y: Tensor) -> Tensor:
    """Of both ways, from the finer and the coarser maps, one of which is a gradient."""
    return conv2d_weight(x, kernel.shape, y, stride=2, padding=PADDING)


class _Down(torch.autograd.Function):
    @staticmethod
    @_cast
    def forward(ctx: Any, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        x = _channels_last(x)
        ctx.save_for_backward(x, kernel)
        return _down(x, kernel, bias)

    @staticmethod
    @_cast_back
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (x, kernel), y = ctx.saved_tensors, _channels_last(gradients[0])
        by_x = _up(y, kernel, x.shape[2:]) if ctx.needs_input_grad[0] else None
        return by_x, _kernel_gradient(x, kernel, y), y.sum((0, 2, 3))


class _Up(torch.autograd.Function):
    @staticmethod
    @_cast
    def forward(ctx: Any, y: Tensor, kernel: Tensor, size: Sequence[int]) -> Tensor:
        y = _channels_last(y)
        ctx.save_for_backward(y, kernel)
        return _up(y, kernel, size)

    @staticmethod
    @_cast_back
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (y, kernel), x = ctx.saved_tensors, _channels_last(gradients[0])
        return _down(x, kernel), _kernel_gradient(x, kernel, y), None


class Downsampling(nn.Conv2d):
    """A 5x5 convolution of stride two: half the size, rounded up."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, KERNEL, stride=2, padding=PADDING)

    def forward(self, x: Tensor) -> Tensor:
        return _Down.apply(x, self.weight, self.bias) if x.is_cpu else super().forward(x)


class Upsampling(nn.ConvTranspose2d):
    """A transposed 5x5 convolution of stride two: twice the size, less one, and the padding of the output."""

    def __init__(self, in_channels: int, out_channels: int, output_padding: tuple[int, int]) -> None:
        super().__init__(in_channels, out_channels, KERNEL, 2, PADDING, output_padding)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        bias: Any = self.bias
        return self.move(x) + bias[:, None, None]

    def move(self, x: Tensor) -> Tensor:
        """The convolution without its bias."""
        if not x.is_cpu:
            return functional.conv_transpose2d(x, self.weight, None, 2, PADDING, self.output_padding)
        size = [2 * n - 1 + extra for n, extra in zip(x.shape[2:], self.output_padding, strict=True)]
        return _Up.apply(x, self.weight, size)


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

    def forward(self, z: Tensor, shift: Tensor | None = None) -> Tensor:
        return self.layers[-1](self.logits(z, shift))

    def logits(self, z: Tensor, shift: Tensor | None = None) -> Tensor:
        """What the last layer, a sigmoid, makes images of."""
        first, *others, _ = self.layers
        x = first(z) if shift is None else first(z) + shift
        for layer in others:
            x = layer(x)
        return x


class Autoencoder(nn.Module):
    """An encoder phi and a decoder theta of the same images."""

    def __init__(self, image_shape: Sequence[int], latent_dim: int, hidden_channels: Sequence[int]) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.architecture = tuple(image_shape), latent_dim, tuple(hidden_channels)
        self.encoder = Encoder(image_shape, latent_dim, hidden_channels)
        self.decoder = Decoder(image_shape, latent_dim, hidden_channels)

    def logits(self, z: Tensor) -> Tensor:
        """Logits of the decoded images of latent rows."""
        return self.decoder.logits(z)


def build(image_shape: Sequence[int], latent_dim: int, hidden_channels: Sequence[int]) -> Autoencoder:
    """Build an autoencoder of images ``(H, W)`` or ``(H, W, C)``, its parameters not yet filled."""
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

    @property
    def latent_dim(self) -> int:
        """Latent coordinates d."""
        return self.network.latent_dim

    def encoder(self, x: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
        """Posteriors of images, row i under condition ``which[i]``."""
        return self.network.encoder(x, self.features[which])

    def decoder(self, z: Tensor, which: Tensor) -> Tensor:
        """Images of latent rows, row i under condition ``which[i]``."""
        return self.network.decoder(z, self.latents[which])

    def logits(self, z: Tensor, which: Tensor) -> Tensor:
        """Logits of those images."""
        return self.network.decoder.logits(z, self.latents[which])

    def under(self, view: int) -> Autoencoder:
        """A plain autoencoder, that under one condition."""
        network = copy.deepcopy(self.network)
        first: Any = network.decoder.layers[0]
        with torch.no_grad():
            network.encoder.posterior.bias.add_(self.features[view])
            first.bias.add_(self.latents[view])
        return network

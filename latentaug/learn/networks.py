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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_weight

from latentaug.learn.starting import FromPose, LinearCode, ToPose

__all__ = [
    "CLOSEST", "FAINT", "KINDS", "Autoencoder", "Decoder", "Dense", "Downsampling", "Encoder", "FromPose", "Kind",
    "SoftClip", "ToPose", "Upsampling", "ViewConditions", "build", "choose_kind", "initialise", "start",
    "start_beside",
]  # fmt: skip

KERNEL = 5
PADDING = KERNEL // 2
FEW_CHANNELS = 16  # with more, zeros among the taps of phases, 11 of 36, cost more than they save
TINY = 1e-8
FARTHEST = 1e4  # whose eighth power is a number
FAR = 3.0  # from the middle of a soft clip, in half its width, where it is its end but for a power
ACTIVE_SCALE = 1.79  # of what a hard swish gives, so that its variance is one again
NARROW = -3.0  # log-variance of the posteriors at the start
LENGTH, PATH_LENGTH = 0.03, 1.0  # of weights at the start, by number: the longer, the less a step turns them
FAINT = 0.1  # of what a network starts with, beside its linear path
CLOSEST = 1e-6  # to 0 and to 1, of pixels that are made logits: a sigmoid in bfloat16 is 1 from 6 on
SMALLEST = 12  # pixels a side that convolutions are worth
FIRST_CHANNELS = 8  # at full size, where each costs most

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


class _Normalised(torch.autograd.Function):
    """Weights w of outputs along an axis, each divided by its length and times a gain."""

    @staticmethod
    def forward(ctx: Any, w: Tensor, gain: Tensor, axis: int, scale: float) -> Tensor:
        axes = [k for k in range(w.ndim) if k != axis]
        length = torch.linalg.vector_norm(w, dim=axes, keepdim=True).clamp_min(TINY)
        by_gain = scale / length
        factor = by_gain * gain.view(length.shape)
        ctx.save_for_backward(w, by_gain, factor, length)
        ctx.axes = axes
        return w * factor

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        w, by_gain, factor, length = ctx.saved_tensors
        along = (gradients[0] * w).sum(ctx.axes, keepdim=True)
        by_w = torch.addcmul(gradients[0] * factor, w, along * factor / length.square(), value=-1)
        return by_w, (along * by_gain).flatten(), None, None


class _Clipped(torch.autograd.Function):
    """``(1 + u / (1 + u^8)^(1/8)) / 2`` of ``u = 2 x - 1``, whose slope is ``(1 + u^8)^(-9/8)``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        minus_u = torch.rsub(x, 1, alpha=2).clamp_(-FARTHEST, FARTHEST)
        shrink = minus_u.square().square_().square_().add_(1).rsqrt_().sqrt_().sqrt_()
        ctx.save_for_backward(shrink)
        return torch.addcmul(x.new_tensor(0.5), minus_u, shrink, value=-0.5)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (shrink,) = ctx.saved_tensors
        return shrink.square().square_().square_().mul_(shrink).mul_(gradients[0])


class Scaled:
    """A layer whose weights may be normalised: each output has weights of one length, times a gain that is learned.

    What a step does to an output then does not depend on how long its weights have grown (Salimans and Kingma, arXiv
    1602.07868), which serves deep networks as batch normalisation does, and knows of no batch.
    """

    weight: Tensor
    bias: Any
    outputs, overlap = 0, 1  # the axis of the outputs in the weights; how many taps of one meet at no place
    scale = 1.0  # of outputs at the start, for inputs of unit variance

    def normalise(self, scale: float) -> Any:
        """From now on with normalised weights."""
        self.gain, self.scale = nn.Parameter(torch.ones(self.weight.shape[self.outputs])), scale
        return self

    def become(self, weight: Tensor, bias: Tensor) -> None:
        """Take weights, and a bias, as those that are used."""
        axes = [k for k in range(weight.ndim) if k != self.outputs]
        length = weight.square().mean(axes, keepdim=True).sqrt()
        self.weight.copy_(
            PATH_LENGTH * torch.where(length > 0, weight / length.clamp_min(TINY), torch.ones_like(weight))
        )
        self.gain.copy_(length.flatten() * math.sqrt(weight.numel() / len(self.gain) / self.overlap) / self.scale)
        self.bias.copy_(bias)

    def effective(self) -> Tensor:
        """The weights that are used."""
        if not hasattr(self, "gain"):
            return self.weight
        return _Normalised.apply(self.weight, self.gain, self.outputs, self.scale * math.sqrt(self.overlap))


class Dense(Scaled, nn.Linear):
    """A dense layer."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.effective(), self.bias)


class Downsampling(Scaled, nn.Conv2d):
    """A 5x5 convolution of stride two: half the size, rounded up."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, KERNEL, stride=2, padding=PADDING)

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.effective()
        return _Down.apply(x, kernel, self.bias) if x.is_cpu else _down(x, kernel, self.bias)


class Upsampling(Scaled, nn.ConvTranspose2d):
    """A transposed 5x5 convolution of stride two: twice the size, less one, and the padding of the output."""

    outputs, overlap = 1, 4

    def __init__(self, in_channels: int, out_channels: int, output_padding: tuple[int, int]) -> None:
        super().__init__(in_channels, out_channels, KERNEL, 2, PADDING, output_padding)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        bias: Any = self.bias
        return self.move(x) + bias[:, None, None]

    def move(self, x: Tensor) -> Tensor:
        """The convolution without its bias."""
        kernel = self.effective()
        if not x.is_cpu:
            return functional.conv_transpose2d(x, kernel, None, 2, PADDING, self.output_padding)
        size = [2 * n - 1 + extra for n, extra in zip(x.shape[2:], self.output_padding, strict=True)]
        return _Up.apply(x, kernel, size)


class SoftClip(nn.Module):
    """From all numbers to (0, 1): nearly the identity between, and flat outside."""

    def forward(self, x: Tensor) -> Tensor:
        return _Clipped.apply(x.float())

    def logits(self, x: Tensor) -> Tensor:
        """Logits of what it gives, however near to 0 or to 1."""
        u = 2 * x.float() - 1
        far = u.sign() * (math.log(16) + 8 * u.abs().clamp_min(FAR).log())
        near = torch.logit(_Clipped.apply(x.float().clamp((1 - FAR) / 2, (1 + FAR) / 2)))
        return torch.where(u.abs() < FAR, near, far)


class Rows(nn.Module):
    """Maps (B, C, H, W) as rows, the channels of a place beside each other, as they lie in memory."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1).flatten(1)


class Maps(nn.Module):
    """Rows as maps (B, C, H, W): undoes `Rows`."""

    def __init__(self, channels: int, size: Sequence[int]) -> None:
        super().__init__()
        self.shape = (*size, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x.view(len(x), *self.shape).movedim(-1, 1)


def _halve(size: int, times: int) -> int:
    """Height or width after some convolutions of stride two."""
    return -(-size // 2**times)


def _sizes(image_shape: Sequence[int], n: int) -> list[tuple[int, int]]:
    """Height and width after 0 to n convolutions of stride two."""
    return [(_halve(image_shape[0], k), _halve(image_shape[1], k)) for k in range(n + 1)]


def _convolving(image_shape: Sequence[int], widths: Sequence[int], activation: type[nn.Module]) -> list[nn.Module]:
    """Convolutions down, without what makes rows of their maps."""
    layers: list[nn.Module] = []
    for c_in, c_out in pairwise([image_shape[2], *widths]):
        layers += [activation(), Downsampling(c_in, c_out)]
    return layers[1:]


def _deconvolving(image_shape: Sequence[int], widths: Sequence[int], activation: type[nn.Module]) -> list[nn.Module]:
    """Convolutions up, from maps to an image, the others mirrored."""
    channels, sizes, layers = [image_shape[2], *widths], _sizes(image_shape, len(widths)), []
    for k in range(len(widths), 0, -1):
        rows, columns = (fine - (2 * coarse - 1) for fine, coarse in zip(sizes[k - 1], sizes[k], strict=True))
        layers += [Upsampling(channels[k], channels[k - 1], (rows, columns)), activation()]
    return layers[:-1]


def _paper_layers(
    image_shape: Sequence[int], latent_dim: int, widths: Sequence[int]
) -> tuple[list[nn.Module], list[nn.Module]]:
    """The paper's: convolutions of stride two, ReLU and a sigmoid."""
    size = _sizes(image_shape, len(widths))[-1]
    encoding = [*_convolving(image_shape, widths, nn.ReLU), nn.Flatten(), nn.ReLU()]
    first = [Dense(latent_dim, widths[-1] * math.prod(size)), nn.ReLU(), nn.Unflatten(1, (widths[-1], *size))]
    return encoding, [*first, *_deconvolving(image_shape, widths, nn.ReLU), nn.Sigmoid()]


def _conv_layers(
    image_shape: Sequence[int], latent_dim: int, widths: Sequence[int]
) -> tuple[list[nn.Module], list[nn.Module]]:
    """The same convolutions, normalised, with smooth activations."""
    size = _sizes(image_shape, len(widths))[-1]
    encoding = [*_convolving(image_shape, widths, nn.Hardswish), nn.Hardswish(), Rows()]
    first = [Dense(latent_dim, widths[-1] * math.prod(size)), nn.Hardswish(), Maps(widths[-1], size)]
    return encoding, [*first, *_deconvolving(image_shape, widths, nn.Hardswish), SoftClip()]


def _dense_layers(
    image_shape: Sequence[int], latent_dim: int, widths: Sequence[int]
) -> tuple[list[nn.Module], list[nn.Module]]:
    """Dense layers, normalised, for images too small to have parts, and for rows of numbers."""
    channels_first = (image_shape[2], *image_shape[:2])
    encoding: list[nn.Module] = [nn.Flatten()]
    for n_in, n_out in pairwise([math.prod(image_shape), *widths]):
        encoding += [Dense(n_in, n_out), nn.Hardswish()]
    decoding: list[nn.Module] = []
    for n_in, n_out in pairwise([latent_dim, *widths[::-1], math.prod(image_shape)]):
        decoding += [Dense(n_in, n_out), nn.Hardswish()]
    return encoding, [*decoding[:-1], nn.Unflatten(1, channels_first), SoftClip()]


def _halvings(image_shape: Sequence[int]) -> tuple[int, ...]:
    """Channels of as many convolutions as leave some seven pixels a side, at least two."""
    n = max(2, round(math.log2(max(image_shape[:2]) / 7)))
    return FIRST_CHANNELS, *(min(32 * 2**k, 128) for k in range(n - 1))


@dataclass(frozen=True)
class Kind:
    """A kind of network.

    Attributes
    ----------
    layers : callable
        From image shape (H, W, C), latent dimension and widths to the layers of encoder and decoder.
    widths : callable
        From an image shape to the widths of hidden layers, where none are given.
    is_normalised : bool
        Whether the weights of hidden layers are, and a linear path runs beside the layers.
    """

    layers: Callable[[Sequence[int], int, Sequence[int]], tuple[list[nn.Module], list[nn.Module]]]
    widths: Callable[[Sequence[int]], tuple[int, ...]]
    is_normalised: bool = True


KINDS = {
    "conv": Kind(_conv_layers, _halvings),
    "dense": Kind(_dense_layers, lambda image_shape: (256, 256)),
    "paper": Kind(_paper_layers, lambda image_shape: (16, 32), is_normalised=False),
}


def choose_kind(image_shape: Sequence[int]) -> str:
    """The kind that images of a shape are given where none is named."""
    return "dense" if min(image_shape[:2]) < SMALLEST else "conv"


class Encoder(nn.Module):
    """phi: images (B, C, H, W) to the mean and log-variance of their posteriors, each (B, d).

    Hidden layers, one dense layer and, where there is one, a linear path beside them to the mean.
    """

    def __init__(self, layers: Sequence[nn.Module], n_features: int, latent_dim: int) -> None:
        super().__init__()
        self.beside: Any = None
        self.features = nn.Sequential(*layers)
        self.posterior = Dense(n_features, 2 * latent_dim)

    def forward(self, x: Tensor, shift: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
        mean, log_variance = (self.posterior(self.features(x)) + shift).chunk(2, dim=1)
        if self.beside is not None:
            mean = mean + self.beside(x.flatten(1))
        return mean, log_variance.clamp(-20, 10)


class Decoder(nn.Module):
    """theta: latent rows (B, d) to images (B, C, H, W) in [0, 1].

    Its last layer makes images of numbers, which are those of the layers before and of the linear path beside them.
    """

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.beside: Any = None
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor, shift: Tensor | None = None) -> Tensor:
        return self.layers[-1](self.before(z, shift))

    def before(self, z: Tensor, shift: Tensor | None = None) -> Tensor:
        """What the last layer makes images of."""
        first, *others, _ = self.layers
        x = first(z) if shift is None else first(z) + shift
        for layer in others:
            x = layer(x)
        return x if self.beside is None else x + self.beside(z).view_as(x)


class Autoencoder(nn.Module):
    """An encoder phi and a decoder theta of the same images (H, W, C), of a kind in `KINDS`."""

    is_variational = True

    def __init__(self, kind: str, image_shape: Sequence[int], latent_dim: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.architecture = kind, tuple(image_shape), latent_dim, tuple(widths)
        self.poses: Tensor | None = None
        encoding, decoding = KINDS[kind].layers(image_shape, latent_dim, widths)
        first: Any = decoding[0]
        n_features = widths[-1] if kind == "dense" else first.out_features
        self.encoder = Encoder(encoding, n_features, latent_dim)
        self.decoder = Decoder(decoding)
        self.shifts = 2 * latent_dim, first.out_features
        if KINDS[kind].is_normalised:
            self._normalise(math.prod(image_shape))

    def _normalise(self, n_pixels: int) -> None:
        for layer in (*self.encoder.features, *self.decoder.layers[1:]):
            if isinstance(layer, Scaled):
                layer.normalise(ACTIVE_SCALE)
        first: Any = self.decoder.layers[0]
        first.normalise(1.0)
        self.encoder.posterior.normalise(1.0)
        self.encoder.beside = Dense(n_pixels, self.latent_dim).normalise(1.0)
        self.decoder.beside = Dense(self.latent_dim, n_pixels).normalise(1.0)

    def stand(self, poses: Tensor, generator: torch.Generator) -> None:
        """From now on with a new linear path a pose; what the last coordinates are in each is given, (G, k)."""
        (n_poses, k), n_pixels = poses.shape, math.prod(self.architecture[1])
        self.poses = poses
        with torch.device("meta"):
            down = Dense(n_pixels, k + n_poses * (self.latent_dim - k)).normalise(1.0).to_empty(device="cpu")
            up = Dense(n_poses * (self.latent_dim - k + 1), n_pixels).normalise(1.0).to_empty(device="cpu")
        with torch.no_grad():
            for layer in (down, up):
                weight = torch.randn(layer.weight.shape, generator=generator) / math.sqrt(layer.in_features)
                layer.become(weight, torch.zeros(layer.out_features))
        self.encoder.beside = nn.Sequential(down, ToPose(poses))
        self.decoder.beside = nn.Sequential(FromPose(poses), up)

    def logits(self, z: Tensor, shift: Tensor | None = None) -> Tensor:
        """Logits of the decoded images of latent rows."""
        last, x = self.decoder.layers[-1], self.decoder.before(z, shift)
        return last.logits(x) if isinstance(last, SoftClip) else x

    def fold(self, features: Tensor, latents: Tensor) -> None:
        """Make the shifts of a condition its own."""
        first: Any = self.decoder.layers[0]
        with torch.no_grad():
            self.encoder.posterior.bias.add_(features)
            first.bias.add_(latents)


def build(
    image_shape: Sequence[int], latent_dim: int, widths: Sequence[int] | None = None, kind: str = "paper"
) -> Autoencoder:
    """Build an autoencoder of images ``(H, W)`` or ``(H, W, C)``, its parameters not yet filled."""
    shape = (*image_shape, 1)[:3]
    if kind == "auto":
        kind = "conv" if widths is not None else choose_kind(shape)
    with torch.device("meta"):
        network = Autoencoder(kind, shape, latent_dim, KINDS[kind].widths(shape) if widths is None else widths)
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


def start(network: Autoencoder, generator: torch.Generator) -> None:
    """Fill an autoencoder; of a normalised one the layers are faint, so that its linear path is what speaks first."""
    initialise(network, generator)
    if not KINDS[network.architecture[0]].is_normalised:
        return
    encoder, decoder = network.encoder, network.decoder
    last: Any = [layer for layer in decoder.layers if isinstance(layer, Scaled)][-1]
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, Scaled) and hasattr(layer, "gain"):
                layer.weight.normal_(std=LENGTH, generator=generator)
                nn.init.ones_(layer.gain)
                nn.init.zeros_(layer.bias)
        for layer in (last, encoder.posterior):
            layer.gain.fill_(FAINT)
        encoder.posterior.bias.copy_(torch.tensor([0.0, NARROW]).repeat_interleave(network.latent_dim))


def start_beside(network: Autoencoder, code: LinearCode) -> None:
    """Fill the linear path of an autoencoder."""
    with torch.no_grad():
        encoder, decoder = _linear_path(network)
        encoder.become(code.encode.T, code.shift)
        decoder.become(code.decode.T, code.mean)


def _linear_path(network: Autoencoder) -> tuple[Dense, Dense]:
    """The dense layers beside encoder and decoder."""
    down, up = network.encoder.beside, network.decoder.beside
    return (down, up) if network.poses is None else (down[0], up[1])


class ViewConditions(nn.Module):
    """The conditions of a conditional autoencoder, one a view.

    A one-hot vector appended to the input of a dense layer picks one more row of its weights, and adds it: so a
    condition is a shift of the encoder's last layer and one of the decoder's first.
    """

    def __init__(self, network: Autoencoder, n_views: int) -> None:
        super().__init__()
        self.network = network
        self.is_variational = network.is_variational
        self.features, self.latents = (nn.Parameter(torch.zeros(n_views, n)) for n in network.shifts)

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
        return self.network.logits(z, self.latents[which])

    def under(self, view: int) -> Autoencoder:
        """A plain autoencoder, that under one condition."""
        network = copy.deepcopy(self.network)
        network.fold(self.features[view], self.latents[view])
        return network

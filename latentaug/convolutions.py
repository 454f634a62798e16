"""5x5 convolutions of stride two, down to half the size and up again, as a CPU trains them fastest.

Both share one kernel (coarse, fine, 5, 5) and are each other's transpose, so each is the backward pass of the other.
Going up takes oneDNN longest; to few channels, a plain 3x3 convolution gives the four phases of the finer image, which
is put together of them. All maps have their channels last in memory: what costs is mixed layouts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_weight

__all__ = ["Downsampling", "Upsampling"]

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

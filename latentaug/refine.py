"""Refined encoding: from the encoder's guess, damped Gauss-Newton steps towards ``argmin_z ||theta(z) - x||^2``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentaug.convolutions import Upsampling
from latentaug.networks import Decoder

__all__ = ["decode_with_jacobian", "refine"]

ELEMENTWISE = (nn.ReLU, nn.Sigmoid)  # the decoder's other layers are affine
JACOBIAN_SIZE = 2**21  # numbers held at once
FIRST_DAMPING = 0.01  # as a share of the mean curvature
EASE, STIFFEN = 0.2, 10.0
CLOSE = 1e-4  # squared error, summed over pixels, below which an image is left as it is


def refine(decoder: Decoder, x: Tensor, z: Tensor, n_steps: int) -> Tensor:
    """Latents whose decoded images lie nearer to images than those of a first guess, never farther.

    Parameters
    ----------
    decoder : Decoder
        theta, from (B, d) to (B, C, H, W).
    x : Tensor of shape (B, C, H, W)
        Images in [0, 1].
    z : Tensor of shape (B, d)
        The first guess, such as phi(x).
    n_steps : int
        Steps tried. One that would raise the error of an image is not taken for it, and the next is damped more
        (Levenberg and Marquardt).

    Returns
    -------
    Tensor of shape (B, d)
    """
    size = max(1, JACOBIAN_SIZE // (x[0].numel() * z.shape[1]))
    with torch.no_grad():
        pairs = zip(x.split(size), z.split(size), strict=True)
        return torch.cat([_refine_batch(decoder, *pair, n_steps) for pair in pairs])


def _refine_batch(decoder: Decoder, x: Tensor, z: Tensor, n_steps: int) -> Tensor:
    z, residual = z.clone(), x - decoder(z)
    damping = torch.full_like(z[:, 0], FIRST_DAMPING)
    for _ in range(n_steps):
        open_ = (_squared(residual) > CLOSE).nonzero().squeeze(1)
        if not len(open_):
            break
        moved = z[open_] + _gauss_newton_step(decoder, z[open_], residual[open_], damping[open_])
        left = x[open_] - decoder(moved)
        better = _squared(left) < _squared(residual[open_])
        z[open_[better]], residual[open_[better]] = moved[better], left[better]
        damping[open_] *= torch.where(better, EASE, STIFFEN)
    return z


def _squared(residual: Tensor) -> Tensor:
    """Squared error of each image, summed over its pixels: (B,)."""
    return residual.square().flatten(1).sum(1)


def _gauss_newton_step(decoder: Decoder, z: Tensor, residual: Tensor, damping: Tensor) -> Tensor:
    """``(J^T J + damping * mean(diag(J^T J)) I)^-1 J^T residual``, image by image."""
    J = decode_with_jacobian(decoder, z)[1].flatten(2)  # (d, B, P)
    curvature = torch.einsum("ibp,jbp->bij", J, J)
    scale = curvature.diagonal(dim1=1, dim2=2).mean(1).clamp_min(torch.finfo(z.dtype).tiny)
    gradient = torch.einsum("ibp,bp->bi", J, residual.flatten(1))
    identity = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    return torch.linalg.solve(curvature + (damping * scale)[:, None, None] * identity, gradient)


def decode_with_jacobian(decoder: Decoder, z: Tensor) -> tuple[Tensor, Tensor]:
    """Decoded images (B, C, H, W), and their derivatives by each latent coordinate, (d, B, C, H, W)."""
    x, J = z, torch.eye(z.shape[1], dtype=z.dtype, device=z.device)[:, None].repeat(1, len(z), 1)
    for layer in decoder.layers:
        x, J = _push_forward(layer, x, J)
    return x, J


def _push_forward(layer: nn.Module, x: Tensor, J: Tensor) -> tuple[Tensor, Tensor]:
    """Output of a layer and its derivatives, from input and derivatives of that: one step of forward mode."""
    if isinstance(layer, ELEMENTWISE):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            y = layer(x)
            slope = torch.autograd.grad(y.sum(), x)[0]
        return y.detach(), J * slope
    y, rows = layer(x), J.flatten(0, 1)
    # an affine layer less its constant
    moved = layer.move(rows) if isinstance(layer, Upsampling) else layer(rows) - layer(torch.zeros_like(x[:1]))
    return y, moved.unflatten(0, J.shape[:2])

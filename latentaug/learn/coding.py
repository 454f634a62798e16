"""Between numpy and torch: devices, weights, images to tensors and latents, and back.

Latents are the encoder's guess, or refined from there by damped Gauss-Newton steps to ``argmin_z ||theta(z) - x||^2``.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentaug._checks import check_kind, one_line, shown
from latentaug._rows import batches_of, keep_freed_memory
from latentaug.images import ImageFormat
from latentaug.learn.networks import Decoder, FromPose, SoftClip, Upsampling

__all__ = [
    "ImageCoder",
    "OrbitDecoder",
    "coder_of",
    "decode_with_jacobian",
    "find_device",
    "find_device_or_cpu",
    "load_weights",
    "plain_torch",
    "refine",
    "to_images",
    "to_tensor",
    "to_unit_tensor",
    "weights_of",
]  # fmt: skip


if hasattr(os, "register_at_fork"):  # a forked process has none of the threads that torch would wait for
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


@contextmanager
def plain_torch() -> Iterator[None]:
    """Torch as it comes, whatever surrounds: float32, tensors on the CPU unless they say where, gradients."""
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            if device.type == "cpu":
                yield
            else:
                with torch.device("cpu"):
                    yield
    finally:
        torch.set_default_dtype(dtype)


def to_tensor(images: np.ndarray, device: torch.device) -> Tensor:
    """Images (B, H, W) or (B, H, W, C), float32 in [0, 1], as a tensor (B, C, H, W)."""
    tensor = torch.from_numpy(images).to(device)
    return tensor.unsqueeze(1) if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2)


def to_unit_tensor(images: np.ndarray, format_: ImageFormat, device: torch.device) -> Tensor:
    """Images of any dtype as a tensor (B, C, H, W) in [0, 1]; bytes cross as bytes, and are scaled there."""
    if images.dtype != np.uint8:
        return to_tensor(format_.to_unit(images), device)
    return to_tensor(np.array(images, order="C"), device).float().div_(255)  # a copy, since torch wants to write


def to_images(tensor: Tensor, image_shape: tuple[int, ...]) -> np.ndarray:
    """A tensor (B, C, H, W) as images (B, H, W) or (B, H, W, C)."""
    return tensor.permute(0, 2, 3, 1).reshape(len(tensor), *image_shape).cpu().numpy()


def find_device(device: str | torch.device) -> torch.device:
    """The device that a parameter names; ``"auto"`` is CUDA where it is usable, else the CPU."""
    check_kind("device", device, (str, torch.device), "a string or a torch.device")
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.zeros(1, device=found).cpu()  # what has no memory, such as "meta", fails
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"device {shown(device)} is not usable here ({reason}). Allowed: auto, cpu, cuda, mps."
        ) from error
    return found


def find_device_or_cpu(device: str | torch.device) -> torch.device:
    """The device that a parameter names, or the CPU, with a warning, where a model comes to a machine without it."""
    try:
        return find_device(device)
    except ValueError as error:
        warnings.warn(f"{error} The CPU is used instead.", UserWarning, stacklevel=1)  # nested models warn once
        return torch.device("cpu")


def weights_of(module: nn.Module) -> dict[str, np.ndarray]:
    """The weights of a module as numpy arrays of their own, by their names."""
    return {name: weight.cpu().numpy().copy() for name, weight in module.state_dict().items()}


def load_weights(module: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Copy weights, as `weights_of` gives them, into a module."""
    wanted = {f"{name} {weight.dtype}{list(weight.shape)}" for name, weight in module.state_dict().items()}
    given = {f"{name} torch.{weight.dtype}{list(weight.shape)}" for name, weight in weights.items()}
    if given != wanted:
        missing, other = (_some(names) for names in (wanted - given, given - wanted))
        raise ValueError(f"The weights do not fit the network. Missing: {missing}. Got instead: {other}.")
    module.load_state_dict({name: torch.tensor(weight) for name, weight in weights.items()})


def _some(names: set[str]) -> str:
    """A few of some names, on one line."""
    few = ", ".join(sorted(names)[:3]) or "nothing"
    return few if len(names) <= 3 else f"{few} and {len(names) - 3} more"


ELEMENTWISE = (nn.ReLU, nn.Hardswish, nn.Sigmoid, SoftClip)  # our decoders' other layers are affine
JACOBIAN_SIZE = 2**21  # numbers held at once
FIRST_DAMPING = 0.01  # as a share of the mean curvature
EASE, STIFFEN = 0.2, 10.0
CLOSE = 1e-4  # squared error, summed over pixels, below which an image is left as it is


class OrbitDecoder(nn.Module):
    """Of latent rows the images under every element of a group, (B, G C, H, W), by the maps (G, d, d) of the elements.

    Refined with it, latents are fitted to a whole orbit at once, and obey the laws of the group as their guess does.
    """

    def __init__(self, decoder: nn.Module, latent_maps: Tensor) -> None:
        super().__init__()
        self.decoder, self.latent_maps = decoder, latent_maps

    def forward(self, z: Tensor) -> Tensor:
        return torch.cat([self.decoder(z @ L) for L in self.latent_maps], 1)

    def with_jacobian(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and its derivatives by each latent coordinate, (d, B, G C, H, W)."""
        parts = [decode_with_jacobian(self.decoder, z @ L) for L in self.latent_maps]
        carried = [torch.tensordot(L, J, 1) for L, (_, J) in zip(self.latent_maps, parts, strict=True)]
        return torch.cat([x for x, _ in parts], 1), torch.cat(carried, 2)


def refine(decoder: nn.Module, x: Tensor, z: Tensor, n_steps: int) -> Tensor:
    """Latents whose decoded images lie nearer to images than those of a first guess, never farther.

    From theta, images (B, C, H, W) and a first guess (B, d), such as phi(x). A step that would raise the error of an
    image is not taken for it, and the next is damped more (Levenberg and Marquardt).
    """
    size = max(1, JACOBIAN_SIZE // (x[0].numel() * z.shape[1]))
    with torch.no_grad():
        pairs = zip(x.split(size), z.split(size), strict=True)
        return torch.cat([_refine_batch(decoder, *pair, n_steps) for pair in pairs])


def _refine_batch(decoder: nn.Module, x: Tensor, z: Tensor, n_steps: int) -> Tensor:
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


def _gauss_newton_step(decoder: nn.Module, z: Tensor, residual: Tensor, damping: Tensor) -> Tensor:
    """``(J^T J + damping * mean(diag(J^T J)) I)^-1 J^T residual``, image by image."""
    J = decode_with_jacobian(decoder, z)[1].flatten(2)  # (d, B, P)
    curvature = torch.einsum("ibp,jbp->bij", J, J)
    scale = curvature.diagonal(dim1=1, dim2=2).mean(1).clamp_min(torch.finfo(z.dtype).tiny)
    gradient = torch.einsum("ibp,bp->bi", J, residual.flatten(1))
    identity = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    return torch.linalg.solve(curvature + (damping * scale)[:, None, None] * identity, gradient)


def decode_with_jacobian(decoder: nn.Module, z: Tensor) -> tuple[Tensor, Tensor]:
    """Decoded images (B, C, H, W), and their derivatives by each latent coordinate, (d, B, C, H, W)."""
    if isinstance(decoder, OrbitDecoder):
        return decoder.with_jacobian(z)
    directions = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)[:, None].repeat(1, len(z), 1)
    if not isinstance(decoder, Decoder):
        return _in_forward_mode(decoder, z, directions)
    x, J = z, directions
    for layer in decoder.layers[:-1]:
        x, J = _push_forward(layer, x, J)
    if decoder.beside is not None:
        y, moved = z, directions
        for layer in decoder.beside if isinstance(decoder.beside, nn.Sequential) else [decoder.beside]:
            y, moved = _push_forward(layer, y, moved)
        x, J = x + y.view_as(x), J + moved.view_as(J)
    return _push_forward(decoder.layers[-1], x, J)


def _in_forward_mode(decoder: nn.Module, z: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """The same of any decoder, by torch's forward mode, all directions in one batch."""
    with warnings.catch_warnings(), one_line("refine_steps needs derivatives of the decoder, which it does not give"):
        warnings.simplefilter("ignore", FutureWarning)  # of what torch itself calls there
        x, J, *_ = torch.func.jvp(decoder, (z.repeat(len(directions), 1),), (directions.flatten(0, 1),))
    return x[: len(z)], J.unflatten(0, directions.shape[:2])


def _push_forward(layer: nn.Module, x: Tensor, J: Tensor) -> tuple[Tensor, Tensor]:
    """Output of a layer and its derivatives, from input and derivatives of that: one step of forward mode."""
    if isinstance(layer, ELEMENTWISE):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            y = layer(x)
            slope = torch.autograd.grad(y.sum(), x)[0]
        return y.detach(), J * slope
    if isinstance(layer, FromPose):
        return _in_forward_mode(layer, x, J)
    y, rows = layer(x), J.flatten(0, 1)
    # an affine layer less its constant
    moved = layer.move(rows) if isinstance(layer, Upsampling) else layer(rows) - layer(torch.zeros_like(x[:1]))
    return y, moved.unflatten(0, J.shape[:2])


@dataclass(frozen=True)
class ImageCoder:
    """A trained network as numpy functions: checked images to latent rows, and back, batch by batch.

    The encoder's guess is refined by so many steps.
    """

    network: Any  # with `encoder` and `decoder`
    format_: ImageFormat
    device: torch.device
    refine_steps: int = 0

    @property
    def latent_dim(self) -> int:
        """Latent coordinates d."""
        return self.network.latent_dim

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Latent rows (n, d), float32."""
        Z = np.empty((len(images), self.latent_dim), dtype=np.float32)
        for rows, _, z, _ in self.posteriors(images):
            Z[rows] = z.cpu()
        return Z

    def posteriors(self, images: np.ndarray) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
        """Of each batch its rows, its images in [0, 1], the mean of their posteriors, refined, and the log-variance."""
        keep_freed_memory()
        for rows, batch in batches_of(images):
            yield rows, *self._posterior(batch)

    def _posterior(self, images: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        look = torch.no_grad if self.refine_steps else torch.inference_mode  # refining takes derivatives
        with plain_torch(), look():
            x = to_unit_tensor(self.format_.layout(images, flat=False), self.format_, self.device)
            z, log_variance = self.network.encoder(x)
            if self.refine_steps:
                z = refine(self.network.decoder, x, z, self.refine_steps)
        return x, z, log_variance

    def refine_orbits(self, orbits: Sequence[np.ndarray], Z: np.ndarray, latent_maps: np.ndarray) -> np.ndarray:
        """Latent rows fitted, by the refining steps, to images under all elements of a group, by the maps of those."""
        with plain_torch(), torch.no_grad():
            parts = [to_unit_tensor(self.format_.layout(x, flat=False), self.format_, self.device) for x in orbits]
            L, z = (torch.from_numpy(part.astype(np.float32)).to(self.device) for part in (latent_maps, Z))
            return (
                refine(OrbitDecoder(self.network.decoder, L), torch.cat(parts, 1), z, self.refine_steps).cpu().numpy()
            )

    @torch.inference_mode()
    def write(self, Z: np.ndarray, out: np.ndarray) -> None:
        """Write the images of a batch of finite latent rows, on their range, into floats: flat rows or a stack."""
        keep_freed_memory()
        images = self.network.decoder(torch.from_numpy(Z.astype(np.float32)).to(self.device))
        low, high = self.format_.value_range
        if (low, high) != (0.0, 1.0):
            images = images * (high - low) + low
        out[...] = to_images(images.clamp(low, high), out.shape[1:])


def coder_of(autoencoder: Any) -> ImageCoder | None:
    """The coder of a fitted estimator with a network, such as a `VAE`; None where it has none."""
    names = ("network_", "format_", "device_", "refine_steps")
    parts: list[Any] = [getattr(autoencoder, name, None) for name in names]
    return None if None in parts[:3] else ImageCoder(*parts)

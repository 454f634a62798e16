"""The border between numpy and torch: devices, images and weights, both ways."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn.utils import gen_batches
from torch import Tensor, nn

from latentaug._validation import ImageFormat, check_kind, shown
from latentaug.refine import refine

__all__ = [
    "BATCH",
    "decode",
    "encode",
    "find_device",
    "find_device_or_cpu",
    "load_weights",
    "to_images",
    "to_tensor",
    "weights_of",
]

BATCH = 256  # images encoded or decoded at once: what fits the caches of a processor


def to_tensor(images: np.ndarray, device: torch.device) -> Tensor:
    """Images (B, H, W) or (B, H, W, C), float32 in [0, 1], as a tensor (B, C, H, W)."""
    tensor = torch.from_numpy(images).to(device)
    return tensor.unsqueeze(1) if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2)


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
    """The weights of a module as numpy arrays, by their names."""
    return {name: weight.cpu().numpy() for name, weight in module.state_dict().items()}


def load_weights(module: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Copy weights, as `weights_of` gives them, into a module."""
    wanted = {f"{name} {weight.dtype}{list(weight.shape)}" for name, weight in module.state_dict().items()}
    given = {f"{name} torch.{weight.dtype}{list(weight.shape)}" for name, weight in weights.items()}
    if given != wanted:
        missing, other = (", ".join(sorted(names)) or "nothing" for names in (wanted - given, given - wanted))
        raise ValueError(f"The weights do not fit the network. Missing: {missing}. Got instead: {other}.")
    module.load_state_dict({name: torch.tensor(weight) for name, weight in weights.items()})


def encode(
    network: Any, images: np.ndarray, format_: ImageFormat, latent_dim: int, device: torch.device, refine_steps: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the posteriors of images of any dtype, batch by batch: two float32 arrays (n, d).

    The means are refined by some steps towards the latents whose decoded images are nearest.
    """
    mean, variance = np.empty((2, len(images), latent_dim), dtype=np.float32)
    with torch.no_grad():
        for rows in gen_batches(len(images), BATCH):
            x = to_tensor(format_.to_unit(images[rows]), device)
            z, log_variance = network.encoder(x)
            mean[rows] = (refine(network.decoder, x, z, refine_steps) if refine_steps else z).cpu()
            variance[rows] = log_variance.exp().cpu()
    return mean, variance


def decode(decoder: nn.Module, Z: np.ndarray, image_shape: tuple[int, ...], device: torch.device) -> np.ndarray:
    """Images of latent rows (n, d), batch by batch: float32 in [0, 1], (n, H, W[, C])."""
    images = np.empty((len(Z), *image_shape), dtype=np.float32)
    with torch.inference_mode():
        for rows in gen_batches(len(Z), BATCH):
            batch = torch.from_numpy(Z[rows].astype(np.float32)).to(device)
            images[rows] = to_images(decoder(batch), image_shape)
    return images

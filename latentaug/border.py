"""The border between numpy and torch: devices, images and weights, both ways."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from latentaug._validation import ImageFormat, check_kind, shown

__all__ = [
    "find_device", "find_device_or_cpu", "load_weights", "to_images", "to_tensor", "to_unit_tensor", "weights_of",
]  # fmt: skip


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

"""Transforms of other libraries as augmentations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from latentaug._checks import check_kind
from latentaug.augs.catalogue import Aug, check_name
from latentaug.images import check_stack

__all__ = ["from_albumentations", "from_kornia", "from_torchvision"]


class _Adapter:
    """A transform of another library as an augmentation; pickles where that transform does."""

    on_unit = True  # these transforms take integers 0..255 or floats in [0, 1]

    def __init__(self, transform: Any, name: str | None) -> None:
        check_kind("transform", transform, Callable, "a callable")
        check_kind("name", name, (str, type(None)), "a string or None")
        self.transform = transform
        self.__name__ = getattr(transform, "__name__", type(transform).__name__) if name is None else name
        check_name(self.__name__)

    def __call__(self, X: np.ndarray) -> np.ndarray:
        check_stack(X)
        return self.augment(X)

    def augment(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} says how it calls its transform.")

    def __repr__(self) -> str:
        return f"{type(self).__name__.lstrip('_')}({self.transform!r})"


class _TorchAug(_Adapter):
    """A transform of a torch batch (n, C, H, W)."""

    def augment(self, X: np.ndarray) -> np.ndarray:
        import torch

        stack = X if X.ndim == 4 else X[..., None]
        with torch.no_grad():
            images = self.apply(torch.from_numpy(np.moveaxis(stack, -1, 1).copy()))
        return np.moveaxis(images.numpy(), 1, -1).reshape(X.shape[0], *images.shape[2:], *X.shape[3:])

    def apply(self, images: Any) -> Any:
        return self.transform(images)


class _KorniaAug(_TorchAug):
    """A kornia module, which takes floats in [0, 1] only."""

    def apply(self, images: Any) -> Any:
        if images.is_floating_point():
            return self.transform(images)
        return (self.transform(images.float() / 255) * 255).round().clamp(0, 255).to(images.dtype)


class _AlbumentationsAug(_Adapter):
    """An albumentations transform, image by image."""

    def augment(self, X: np.ndarray) -> np.ndarray:
        images = np.stack([self.transform(image=np.ascontiguousarray(image))["image"] for image in X])
        return images.reshape(X.shape) if images.size == X.size and images.shape[1:3] == X.shape[1:3] else images


def from_torchvision(transform: Any, name: str | None = None) -> Aug:
    """Make an augmentation of a deterministic torchvision transform of batches (n, C, H, W).

    Parameters
    ----------
    transform : callable
        Such as ``v2.RandomInvert(p=1)`` or ``functools.partial(functional.rotate, angle=30)``.
    name : str, optional
        Name of the augmentation; that of the transform's class if None.

    Returns
    -------
    callable
        From images (n, H, W[, C]) to images of the same shape and dtype.
    """
    return _TorchAug(transform, name)


def from_kornia(transform: Any, name: str | None = None) -> Aug:
    """Make an augmentation of a deterministic kornia module; as `from_torchvision`, floats in [0, 1] inside."""
    return _KorniaAug(transform, name)


def from_albumentations(transform: Any, name: str | None = None) -> Aug:
    """Make an augmentation of a deterministic albumentations transform (``p=1``); as `from_torchvision`."""
    return _AlbumentationsAug(transform, name)

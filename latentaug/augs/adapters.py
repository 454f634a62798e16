"""Transforms of other libraries as augmentations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from latentaug._checks import check_kind, check_name
from latentaug.augs.catalogue import Aug
from latentaug.augs.families import OneParameter
from latentaug.images import check_stack

__all__ = [
    "family_from_kornia", "family_from_torchvision", "from_albumentations", "from_kornia", "from_torchvision",
]  # fmt: skip


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


class _TorchFamily:
    """A function of a torch batch and a strength, one image after another."""

    on_unit = True

    def __init__(self, function: Any, name: str | None) -> None:
        check_kind("function", function, Callable, "a callable")
        check_kind("name", name, (str, type(None)), "a string or None")
        self.function = function
        self.__name__ = getattr(function, "__name__", type(function).__name__) if name is None else name
        check_name(self.__name__)

    def __call__(self, X: np.ndarray, t: np.ndarray) -> np.ndarray:
        import torch

        stack = X if X.ndim == 4 else X[..., None]
        with torch.no_grad():
            images = self.apply(torch.from_numpy(np.moveaxis(stack, -1, 1).copy()), t)
        return np.moveaxis(images.numpy(), 1, -1).reshape(X.shape[0], *images.shape[2:], *X.shape[3:])

    def apply(self, images: Any, t: np.ndarray) -> Any:
        import torch

        return torch.cat([self.function(image[None], float(s)) for image, s in zip(images, t, strict=True)])


class _KorniaFamily(_TorchFamily):
    """A function of a kornia batch and a tensor of strengths; floats in [0, 1] inside."""

    def apply(self, images: Any, t: np.ndarray) -> Any:
        import torch

        scale = 1 if images.is_floating_point() else 255
        moved = self.function(images.float() / scale, torch.tensor(t, dtype=torch.float32)) * scale
        return moved.to(images.dtype) if scale == 1 else moved.round().clamp(0, 255).to(images.dtype)


def family_from_torchvision(
    function: Any, low: float, high: float, period: float | None = None, *, unit: str = "", name: str | None = None
) -> OneParameter:
    """Make an augmentation with a strength of a function of torchvision.

    Parameters
    ----------
    function : callable
        From images (1, C, H, W) and a number to images, which are left as they are at 0: ``functional.rotate``.
    low, high, period, unit, name
        As in `OneParameter`.
    """
    family = _TorchFamily(function, name)
    return OneParameter(family, low, high, period, unit, family.__name__)


def family_from_kornia(
    function: Any, low: float, high: float, period: float | None = None, *, unit: str = "", name: str | None = None
) -> OneParameter:
    """Make an augmentation with a strength of a function of kornia.

    Parameters
    ----------
    function : callable
        From images (n, C, H, W), floats in [0, 1], and strengths (n,) to images: ``kornia.geometry.transform.rotate``.
    low, high, period, unit, name
        As in `OneParameter`.
    """
    family = _KorniaFamily(function, name)
    return OneParameter(family, low, high, period, unit, family.__name__)

"""Composable latent augmentations: apply, compose, undo and transfer augmentations as linear maps in latent space."""

import importlib

from latentaug._version import __version__

_HOMES = {
    "ConditionalVAE": "conditional",
    "LatentAugmenter": "augmenter",
    "LatentResampler": "resampling",
    "LatentTransform": "latent_transform",
    "TransferHead": "transfer",
    "VAE": "vae",
    "load": "persistence",
}

__all__ = [
    "VAE",
    "ConditionalVAE",
    "LatentAugmenter",
    "LatentResampler",
    "LatentTransform",
    "TransferHead",
    "__version__",
    "load",
]


def __getattr__(name):
    """Import a public name where it is first used: torch takes seconds."""
    if name not in _HOMES:
        raise AttributeError(f"module 'latentaug' has no attribute {name!r}")
    return getattr(importlib.import_module(f"latentaug.{_HOMES[name]}"), name)


def __dir__():
    return sorted(__all__)

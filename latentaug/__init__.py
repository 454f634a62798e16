"""Composable latent augmentations: apply, compose, undo and transfer augmentations as linear maps in latent space."""

import importlib
from typing import TYPE_CHECKING

from latentaug._version import __version__

if TYPE_CHECKING:
    from latentaug.learn.own_networks import Network
    from latentaug.models.augmenter import LatentAugmenter
    from latentaug.models.conditional import ConditionalVAE
    from latentaug.models.invariants import InvariantFeatures
    from latentaug.models.latent_maps import LatentMaps
    from latentaug.models.latent_model import LatentTransform
    from latentaug.models.resampling import LatentResampler
    from latentaug.models.strengths import RandomTransform
    from latentaug.models.transfer import TransferHead
    from latentaug.models.vae import VAE
    from latentaug.persistence import load

_HOMES = {
    "ConditionalVAE": "models.conditional",
    "InvariantFeatures": "models.invariants",
    "LatentAugmenter": "models.augmenter",
    "LatentMaps": "models.latent_maps",
    "LatentResampler": "models.resampling",
    "LatentTransform": "models.latent_model",
    "Network": "learn.own_networks",
    "RandomTransform": "models.strengths",
    "TransferHead": "models.transfer",
    "VAE": "models.vae",
    "load": "persistence",
}

__all__ = [
    "VAE", "ConditionalVAE", "InvariantFeatures", "LatentAugmenter", "LatentMaps", "LatentResampler", "LatentTransform",
    "Network",
    "RandomTransform", "TransferHead", "__version__", "load",
]  # fmt: skip


if not TYPE_CHECKING:  # to a type checker, a name that is not above is an error

    def __getattr__(name):
        """Import a public name where it is first used: torch takes seconds."""
        if name not in _HOMES:
            raise AttributeError(f"module 'latentaug' has no attribute {name!r}")
        return getattr(importlib.import_module(f"latentaug.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

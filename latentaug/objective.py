"""The objective of a variational autoencoder on a batch of images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentaug import losses
from latentaug._validation import ImageFormat
from latentaug.border import to_unit_tensor

__all__ = ["PRECISIONS", "VaeObjective"]

PRECISIONS = {"32": torch.float32, "bf16-mixed": torch.bfloat16}


@dataclass(frozen=True)
class VaeObjective:
    """Eq. 5 on images of a format: its weights, that of the divergence rising over a share `kl_warmup` of training."""

    reconstruction_weight: float
    kl_weight: float
    kl_warmup: float
    format_: ImageFormat
    device: torch.device
    precision: str = "32"

    def encode(self, network: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the posteriors of images, computed in the precision."""
        with self._arithmetic():
            mean, log_variance = network.encoder(x)
        return mean.float(), log_variance.float()

    def decode(self, network: Any, z: Tensor) -> Tensor:
        """Images of latent rows, computed in the precision."""
        with self._arithmetic():
            images = network.decoder(z)
        return images.float()

    def _arithmetic(self) -> torch.autocast:
        dtype = PRECISIONS[self.precision]
        return torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32)

    def tensor(self, images: np.ndarray) -> Tensor:
        """Images of any dtype as the network takes them, float32 in [0, 1]."""
        return to_unit_tensor(images, self.format_, self.device)

    def __call__(
        self,
        network: Any,
        x: Tensor,
        target: Tensor,
        noise: Tensor,
        done: float,
        carry: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Encode images, sample z, carry it over to another view, decode, compare with the target.

        Gives the loss to descend, and the objective under its whole weights.
        """
        mean, log_variance = self.encode(network, x)
        z = mean + noise * (0.5 * log_variance).exp()
        decoded = self.decode(network, z if carry is None else carry(z))
        weights = self.reconstruction_weight, self.kl_weight
        error, divergence = losses.vae_terms(decoded, target, mean, log_variance, *weights)
        share = min(1.0, done / self.kl_warmup) if self.kl_warmup else 1.0
        return error + share * divergence, error + divergence

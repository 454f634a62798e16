"""The terms of the training objectives, pure functions of tensors.

Every error is squared, summed over the pixels (or latent coordinates) of an image, and averaged over the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["kl_divergence", "squared_error", "vae_terms"]


def squared_error(x: Tensor, target: Tensor) -> Tensor:
    """Squared error summed over each image (or latent row) and averaged over the batch: Eqs. 2, 5, 6 and 7."""
    return torch.nn.functional.mse_loss(x, target, reduction="sum") / len(x)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """``KL(N(mean, variance) || N(0, I))`` in nats, summed over latent coordinates, averaged over the batch; (B, d)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum() / len(mean)


def vae_terms(
    x: Tensor, target: Tensor, mean: Tensor, log_variance: Tensor, reconstruction_weight: float, kl_weight: float
) -> tuple[Tensor, Tensor]:
    """The two weighted terms of Eqs. 2 and 5: reconstruction error and divergence from the prior.

    With a target other than the encoded image the first is the error of cross-reconstruction.
    """
    return reconstruction_weight * squared_error(x, target), kl_weight * kl_divergence(mean, log_variance)

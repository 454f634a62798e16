"""The terms of the training objectives, pure functions of tensors.

Every error is squared, summed over the pixels (or latent coordinates) of an image, and averaged over the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["kl_divergence", "squared_error", "vae_loss"]


def squared_error(x: Tensor, target: Tensor) -> Tensor:
    """Squared error summed over each image (or latent row) and averaged over the batch: Eqs. 2, 5, 6 and 7."""
    return torch.nn.functional.mse_loss(x, target, reduction="sum") / len(x)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """``KL(N(mean, variance) || N(0, I))`` in nats, summed over latent coordinates, averaged over the batch; (B, d)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum() / len(mean)


def vae_loss(
    x: Tensor,
    target: Tensor,
    mean: Tensor,
    log_variance: Tensor,
    *,
    reconstruction_weight: float = 1.0,
    kl_weight: float = 1.0,
) -> Tensor:
    """Weighted error of reconstruction plus the divergence of the posterior from the prior, Eqs. 2 and 5.

    With a target other than the encoded image it is the loss of cross-reconstruction.
    """
    return reconstruction_weight * squared_error(x, target) + kl_weight * kl_divergence(mean, log_variance)

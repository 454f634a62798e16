"""Where a training starts: the linear path of an autoencoder, as good as a linear autoencoder can be.

With nothing to carry that is principal component analysis. Where latents are carried from one view to another by maps,
it is the nearest to it that obeys them, found by subspace iteration.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

__all__ = ["LinearCode", "Pairs", "linear_code", "principal_axes", "variances_by_part"]

ITERATIONS = 60
WIDER = 4  # times as many principal components as latent coordinates are looked at
LEAST = 1e-6  # share of the variance that a direction needs


class Pairs(NamedTuple):
    """Images x and y (B, pixels) and the maps (B, d, d) that carry the latents of one to those of the other."""

    x: Tensor
    y: Tensor
    carry: Tensor | None = None  # the identity


class LinearCode(NamedTuple):
    """Latents ``(x - mean) @ encode`` of unit variance, and images ``mean + z @ decode``."""

    mean: Tensor
    encode: Tensor
    decode: Tensor


def linear_code(pairs: Pairs, latent_dim: int, generator: torch.Generator) -> LinearCode:
    """The linear autoencoder of least squared error, nearly, among those that obey the maps."""
    images = torch.cat([pairs.x, pairs.y]) if pairs.carry is not None else pairs.x
    mean = images.mean(0)
    axes, S = principal_axes(images - mean, WIDER * latent_dim if pairs.carry is not None else latent_dim)
    E = torch.randn(S.shape[1], latent_dim, dtype=S.dtype, generator=generator)
    for _ in range(ITERATIONS if pairs.carry is not None else 2):
        Z = _whitened(_agreed(S @ E, pairs.carry))
        E = S.T @ Z / len(Z)
    E, B = torch.linalg.lstsq(S, Z).solution, torch.linalg.lstsq(Z, S).solution
    return LinearCode(mean, (axes @ E).float(), (B @ axes.T).float())


def variances_by_part(orbit: Tensor, cayley_table: np.ndarray, irreps: Sequence[np.ndarray]) -> list[np.ndarray]:
    """How much images vary in the part of each irreducible representation, falling, a coordinate of each copy.

    The moments of an image and of what an element makes of it, averaged by the character, are those of the part.

    Parameters
    ----------
    orbit : Tensor of shape (N, n, m)
        Principal scores of images under each element of the group; NaN where there is none.
    cayley_table : ndarray of shape (N, N)
    irreps : list of ndarray of shape (N, k, k)
    """
    known = ~orbit[:, :, 0].isnan()
    X = (orbit - orbit[known].mean(0)).nan_to_num()
    table, elements = cayley_table.tolist(), range(len(orbit))
    moments = []
    for g in elements:
        there = torch.stack([known[h] & known[table[h][g]] for h in elements])
        products = torch.stack([X[h].T @ X[table[h][g]] for h in elements])
        moments.append(products.sum(0) / there.sum().clamp_min(1))
    found = list[np.ndarray]()
    for L in irreps:
        characters, k = np.trace(L, axis1=1, axis2=2), len(L[0])
        share = k / np.mean(characters**2) / len(L)
        part = share * sum(c * M for c, M in zip(characters.tolist(), moments, strict=True))
        variances = torch.linalg.eigvalsh((part + part.T) / 2).flip(0).clamp_min(0).numpy()
        found.append(variances[: len(variances) // k * k].reshape(-1, k).mean(1))
    return found


def principal_axes(images: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Directions (pixels, n) of most variance, and the scores of centred images, float64; fewer where there are not."""
    if len(images) > images.shape[1]:
        variances, axes = torch.linalg.eigh((images.T @ images).double())
    else:
        variances, scores = torch.linalg.eigh((images @ images.T).double())
        axes = images.T.double() @ scores / variances.clamp_min(LEAST * variances[-1]).sqrt()
    kept = axes[:, -n:][:, variances[-n:] > LEAST * variances[-1].clamp_min(LEAST)]
    return kept, images.double() @ kept


def _agreed(Z: Tensor, carry: Tensor | None) -> Tensor:
    """Latents of x and of y, each the mean of its own and of those carried from the other."""
    if carry is None:
        return Z
    L, (Z_x, Z_y) = carry.double(), Z.chunk(2)
    there, back = (Z_x[:, None] @ L).squeeze(1), torch.linalg.solve(L.mT, Z_y[:, :, None]).squeeze(2)
    return torch.cat([Z_x + back, Z_y + there]) / 2


def _whitened(Z: Tensor) -> Tensor:
    """Latents of unit covariance."""
    variances, axes = torch.linalg.eigh(Z.T @ Z / len(Z))
    floor = LEAST * variances[-1].clamp_min(LEAST)
    return Z @ (axes / variances.clamp_min(floor).sqrt()) @ axes.T

"""Latent space: laws of augmentations, exact representations, and maps fitted to latents."""

from __future__ import annotations

from latentaug.latent.algebra import Algebra, find_algebra
from latentaug.latent.maps import fit_finite_order_map, fit_free_map, fit_orthogonal_map
from latentaug.latent.representations import cyclic_table, fit_group_maps, regular_representation

__all__ = [
    "Algebra", "cyclic_table", "find_algebra", "fit_finite_order_map", "fit_free_map", "fit_group_maps",
    "fit_orthogonal_map", "regular_representation",
]  # fmt: skip

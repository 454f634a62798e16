"""How an autoencoder and the latent maps of its views are fitted together, at once or on a stream."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator

from latentaug import maps
from latentaug.algebra import Algebra
from latentaug.border import load_weights, weights_of
from latentaug.codec import Codec
from latentaug.distributed import processes_of
from latentaug.geometries import group_table, make_view_maps, views_to_fit
from latentaug.moments import Moments, accumulate
from latentaug.stages import fit_latent_maps, train_joint
from latentaug.views import Composition, Views

__all__ = ["METHODS"]


def fit_staged(
    codec: Codec,
    views: Views,
    algebra: Algebra,
    geometries: Mapping[str, str],
    solver: str,
    seed: int,
    before: Moments | None = None,
    goes_on: bool = False,
) -> tuple[dict[str, maps.LatentMap], Moments | None]:
    """The paper's method: fit the autoencoder on every view, then the latent maps of each augmentation.

    On a stream the autoencoder is frozen, and the maps are those that all parts so far would give at once.
    """
    compositions, by_rows = views_to_fit(algebra, geometries, solver)
    lasting = isinstance(codec.autoencoder, FrozenEstimator) and not by_rows
    if goes_on and not lasting:
        raise ValueError("partial_fit needs a closed form. Allowed: solver='lstsq' and a geometry that is linear.")
    codec.fit(views)
    moments, rows = _moments_of(codec, views, compositions, by_rows)
    moments = moments if before is None else before + moments
    return fit_latent_maps(moments, rows, algebra, geometries, solver, seed), moments if lasting else None


def _moments_of(
    codec: Codec, views: Views, compositions: list[Composition], by_rows: list[Composition]
) -> tuple[Moments, dict[Composition, np.ndarray]]:
    """What `accumulate` gives; where several processes have trained, each encodes its share, unless rows are kept."""
    processes = processes_of(codec.autoencoder)
    if by_rows or len(views) < processes.world_size:
        return accumulate(codec, views, compositions, by_rows)
    share = slice(processes.rank, None, processes.world_size)
    moments, rows = accumulate(codec, views, compositions, rows=share)
    return replace(moments, gram=processes.sum(moments.gram), n_images=len(views)), rows


def fit_joint(
    codec: Codec,
    views: Views,
    algebra: Algebra,
    geometries: Mapping[str, str],
    solver: str,
    seed: int,
    before: Mapping[str, np.ndarray] | None = None,
    goes_on: bool = False,
) -> tuple[dict[str, maps.LatentMap], dict[str, np.ndarray]]:
    """Joint training: choose exact maps, then fit the VAE, and what is learned of the maps, to obey them."""
    vae, generator = codec.autoencoder, torch.Generator().manual_seed(seed)
    latent_maps = make_view_maps(algebra, geometries, views.compositions, vae.latent_dim, generator)
    if before is not None:
        load_weights(latent_maps, before)
    n_hubs = len(group_table(algebra, geometries))
    vae.fit_views(views, partial(train_joint, latent_maps=latent_maps, n_hubs=n_hubs), goes_on)
    learned = weights_of(copy.deepcopy(latent_maps))
    matrices = latent_maps.cpu().double().matrices()  # in double, so that the laws hold to its precision
    return {name: L.detach().numpy() for name, L in matrices.items()}, learned


# From a codec, views, their laws, constraints, solver and seed to the maps, and to what another call goes on from.
METHODS: dict[str, Callable[..., tuple[dict[str, maps.LatentMap], Any]]] = {"joint": fit_joint, "staged": fit_staged}

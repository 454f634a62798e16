"""The geometry of a latent map: the constraint on it, fitted in closed form or made a torch module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from latentaug import maps
from latentaug.algebra import MAX_GROUP, Algebra, cyclic_table, regular_representation
from latentaug.networks import CommutingMap, ConjugateMap, FixedMap, FreeMap, OrthogonalMap, ViewMaps
from latentaug.views import Composition

__all__ = ["CHOICES", "GEOMETRIES", "Geometry", "Pairs", "choose_geometries", "group_table", "make_view_maps"]


class Pairs(NamedTuple):
    """What a fit in closed form may use.

    Attributes
    ----------
    latents : callable
        From a composition to the latents of that view, (n, d) float64, row by row the same images.
    algebra : Algebra
    rho : ndarray of shape (G, d, d)
        The fitted maps of the finite group.
    solve : callable
        From latents and augmented latents to a free map, Eq. 6.
    """

    latents: Callable[[Composition], np.ndarray]
    algebra: Algebra
    rho: np.ndarray
    solve: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def of(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Latents of the originals and of their augmented images."""
        return self.latents(()), self.latents((name,))


class _Start(NamedTuple):
    """What a module may start from: the laws, the exact maps (G, d, d) of the group, d, a generator."""

    algebra: Algebra
    rho: Tensor
    latent_dim: int
    generator: torch.Generator


def _fit_free(pairs: Pairs, name: str) -> np.ndarray:
    return pairs.solve(*pairs.of(name))


def _fit_commuting(pairs: Pairs, name: str) -> np.ndarray:
    return maps.average_over(_fit_free(pairs, name), pairs.rho[pairs.algebra.commutant(name)])


def _fit_orthogonal(pairs: Pairs, name: str) -> np.ndarray:
    return maps.fit_orthogonal_map(*pairs.of(name))


def _fit_finite_order(pairs: Pairs, name: str) -> np.ndarray:
    return maps.fit_finite_order_map(*pairs.of(name), pairs.algebra.finite_order(name))


def _fit_group(pairs: Pairs, name: str) -> np.ndarray:
    return pairs.rho[pairs.algebra.generators[name]]


def _free_module(start: _Start, name: str) -> nn.Module:
    return FreeMap(start.latent_dim)


def _commuting_module(start: _Start, name: str) -> nn.Module:
    return CommutingMap(FreeMap(start.latent_dim), start.rho[start.algebra.commutant(name)])


def _orthogonal_module(start: _Start, name: str) -> nn.Module:
    return OrthogonalMap(start.latent_dim)


def _finite_order_module(start: _Start, name: str) -> nn.Module:
    order = start.algebra.finite_order(name)
    powers = regular_representation(cyclic_table(order), start.latent_dim)
    module = ConjugateMap(torch.from_numpy(powers[1 % order]).float())
    nn.init.normal_(module.coordinates.weight, generator=start.generator)
    return module


def _group_module(start: _Start, name: str) -> nn.Module:
    return FixedMap(start.rho[start.algebra.generators[name]])


class Geometry(NamedTuple):
    """One constraint on a latent map, in both methods."""

    fit: Callable[[Pairs, str], np.ndarray]
    module: Callable[[_Start, str], nn.Module]


GEOMETRIES = {
    "free": Geometry(_fit_free, _free_module),
    "commuting": Geometry(_fit_commuting, _commuting_module),
    "orthogonal": Geometry(_fit_orthogonal, _orthogonal_module),
    "finite_order": Geometry(_fit_finite_order, _finite_order_module),
    "group": Geometry(_fit_group, _group_module),
}

CHOICES = ("auto", "free", "orthogonal", "finite_order", "group")  # "commuting" needs a group beside it: auto finds it


def choose_geometries(geometry: str, algebra: Algebra) -> dict[str, str]:
    """The constraint on the map of each augmentation: as asked, or the strictest that the images allow.

    Raises
    ------
    ValueError
        Where the images do not allow what was asked, naming the augmentations.
    """
    if geometry == "auto":
        return {name: _strictest(algebra, name) for name in algebra.orders}
    bound: dict[str, Any] = {
        "finite_order": [name for name, order in algebra.orders.items() if order],
        "group": algebra.generators,
    }
    barred = [name for name in algebra.orders if name not in bound.get(geometry, algebra.orders)]
    if barred:
        raise ValueError(
            f"geometry={geometry!r} does not suit {', '.join(barred)}: on these images no power up to {MAX_GROUP} is "
            "the identity, or the group they generate is not one that the latent space can hold. Allowed: auto, free, "
            "orthogonal."
        )
    return dict.fromkeys(algebra.orders, geometry)


def _strictest(algebra: Algebra, name: str) -> str:
    if name in algebra.generators:
        return "group"
    if algebra.orders[name]:
        return "finite_order"
    return "commuting" if len(algebra.commutant(name)) > 1 else "free"


def group_table(algebra: Algebra, geometries: Mapping[str, str]) -> np.ndarray:
    """Cayley table of the group that the maps represent; the trivial one where none is asked to."""
    return algebra.cayley_table if "group" in geometries.values() else cyclic_table(1)


def make_view_maps(
    algebra: Algebra,
    geometries: Mapping[str, str],
    compositions: Sequence[Composition],
    latent_dim: int,
    generator: torch.Generator,
) -> ViewMaps:
    """The latent maps of joint training: exact where the geometry is, ready to be learned elsewhere."""
    rho = torch.from_numpy(regular_representation(group_table(algebra, geometries), latent_dim)).float()
    start = _Start(algebra, rho, latent_dim, generator)
    modules = {name: GEOMETRIES[geometry].module(start, name) for name, geometry in geometries.items()}
    return ViewMaps(modules, compositions, latent_dim)

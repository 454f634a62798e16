"""The geometry of a latent map: the constraint on it, fitted to latents or made a torch module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from latentaug import maps
from latentaug.algebra import MAX_GROUP, Algebra, cyclic_table, regular_representation
from latentaug.lessons import Draws, Lesson
from latentaug.losses import squared_error
from latentaug.moments import Moments
from latentaug.networks import (
    CommutingMap,
    ConjugateMap,
    FixedMap,
    FreeMap,
    OrthogonalMap,
    ResidualMap,
    ViewMaps,
)
from latentaug.settings import TrainingSettings
from latentaug.training import train
from latentaug.views import Composition

__all__ = [
    "CHOICES", "GEOMETRIES", "SOLVERS", "Geometry", "Pairs", "Solver", "choose_geometries", "group_table",
    "make_view_maps", "represent_group", "views_to_fit",
]  # fmt: skip


def _descend(
    latent_map: nn.Module, carry: Callable[[Tensor], Tensor], pairs: tuple, settings: TrainingSettings, seed: int
) -> None:
    """Train a map on pairs of latents by gradient, Eq. 6."""
    cpu = torch.device("cpu")
    Z, Z_aug = (np.asarray(rows, dtype=np.float32) for rows in pairs)

    def step(z: np.ndarray, z_aug: np.ndarray, noise: Tensor, done: float) -> tuple[Tensor, Tensor]:
        error = squared_error(carry(torch.from_numpy(z)), torch.from_numpy(z_aug))
        return error, error

    lesson = Lesson(lambda rng, n: (), lambda rows: (Z[rows], Z_aug[rows]), step, image_bytes=2 * Z[0].nbytes)
    train(latent_map, lesson, len(Z), settings, Draws.from_seed(seed, cpu))


class Solver(NamedTuple):
    """How Eq. 6 is solved for a free map, and whether that takes the latents themselves."""

    fit: Callable[[Pairs, str], np.ndarray]
    by_rows: bool = False


class Pairs(NamedTuple):
    """What the fit of a latent map may use.

    Attributes
    ----------
    moments : Moments
        Of the latents of every view that a fit reads.
    rows : mapping of tuple of str to ndarray of shape (n, d)
        The latents themselves, float32, of the views that a fit reads row by row.
    algebra : Algebra
    rho : ndarray of shape (G, d, d)
        The fitted maps of the finite group.
    solver : Solver
    seed : int
    """

    moments: Moments
    rows: Mapping[Composition, np.ndarray]
    algebra: Algebra
    rho: np.ndarray
    solver: Solver
    seed: int

    def moments_of(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Second moments (d, d) of the originals, and between them and their augmented images."""
        return self.moments.between((), ()), self.moments.between((), (name,))

    def rows_of(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Latents (n, d) of the originals and of their augmented images."""
        return self.rows[()], self.rows[(name,)]


def _solve_lstsq(pairs: Pairs, name: str) -> np.ndarray:
    return maps.free_map(*pairs.moments_of(name))


def _solve_adabelief(pairs: Pairs, name: str) -> np.ndarray:
    """Eq. 6 by gradient, as the paper: AdaBelief at a constant rate of 1e-4, batches of 64, 60 passes."""
    latent_map = FreeMap(pairs.moments.latent_dim)
    settings = TrainingSettings(
        optimizer="adabelief", learning_rate="constant", learning_rate_init=1e-4, max_iter=60, batch_size=64
    )
    _descend(latent_map, lambda z: z @ latent_map(), pairs.rows_of(name), settings, pairs.seed)
    return latent_map.weight.detach().double().numpy()


SOLVERS = {"lstsq": Solver(_solve_lstsq), "adabelief": Solver(_solve_adabelief, by_rows=True)}


class _Start(NamedTuple):
    """What a module may start from: the laws, the exact maps (G, d, d) of the group, d, a generator."""

    algebra: Algebra
    rho: Tensor
    latent_dim: int
    generator: torch.Generator


def _fit_free(pairs: Pairs, name: str) -> np.ndarray:
    return pairs.solver.fit(pairs, name)


def _fit_commuting(pairs: Pairs, name: str) -> np.ndarray:
    return maps.average_over(_fit_free(pairs, name), pairs.rho[pairs.algebra.commutant(name)])


def _fit_orthogonal(pairs: Pairs, name: str) -> np.ndarray:
    return maps.orthogonal_map(pairs.moments_of(name)[1])


def _fit_finite_order(pairs: Pairs, name: str) -> np.ndarray:
    return maps.finite_order_map(*pairs.moments_of(name), pairs.algebra.finite_order(name))


def _fit_group(pairs: Pairs, name: str) -> np.ndarray:
    return pairs.rho[pairs.algebra.generators[name]]


def _fit_nonlinear(pairs: Pairs, name: str) -> maps.ResidualNetwork:
    """A residual network beside the least-squares map: Adam, batches of 256, 20 passes over the latents."""
    L = _solve_lstsq(pairs, name)
    module = ResidualMap(torch.from_numpy(L).float())
    module.initialise(torch.Generator().manual_seed(pairs.seed))
    settings = TrainingSettings(learning_rate_init=3e-3, batch_size=256)
    _descend(module, module, pairs.rows_of(name), settings, pairs.seed)
    W_1, b_1, W_2, b_2 = (p.detach().double().numpy() for p in module.parameters())
    return maps.ResidualNetwork(module.L.double().numpy(), W_1.T, b_1, W_2.T, b_2)


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


def _no_module(start: _Start, name: str) -> nn.Module:
    raise ValueError("geometry='nonlinear' has no inverse to train jointly. Allowed: method='staged'.")


class Geometry(NamedTuple):
    """One constraint on a latent map, in both methods.

    Attributes
    ----------
    fit : callable
        The map of an augmentation, from `Pairs` and its name.
    module : callable
        The map as a torch module, from a `_Start` and its name.
    by_rows : bool
        Whether the fit takes the latents themselves.
    by_group : bool
        Whether it takes the maps of the group and not the view of the augmentation.
    """

    fit: Callable[[Pairs, str], maps.LatentMap]
    module: Callable[[_Start, str], nn.Module]
    by_rows: bool = False
    by_group: bool = False


GEOMETRIES = {
    "free": Geometry(_fit_free, _free_module),
    "commuting": Geometry(_fit_commuting, _commuting_module),
    "orthogonal": Geometry(_fit_orthogonal, _orthogonal_module),
    "finite_order": Geometry(_fit_finite_order, _finite_order_module),
    "group": Geometry(_fit_group, _group_module, by_group=True),
    "nonlinear": Geometry(_fit_nonlinear, _no_module, by_rows=True),
}

CHOICES = (
    "auto",
    "free",
    "orthogonal",
    "finite_order",
    "group",
    "nonlinear",
)  # "commuting" needs a group beside it: auto finds it


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


def _elements(algebra: Algebra, geometries: Mapping[str, str]) -> list[Composition]:
    """A composition of each element in `group_table`."""
    return algebra.elements[: len(group_table(algebra, geometries))]


def represent_group(moments: Moments, algebra: Algebra, geometries: Mapping[str, str]) -> np.ndarray:
    """Fitted maps (G, d, d) of the elements in `group_table`."""
    elements = _elements(algebra, geometries)
    return maps.group_maps(lambda h, k: moments.between(elements[h], elements[k]), group_table(algebra, geometries))


def views_to_fit(
    algebra: Algebra, geometries: Mapping[str, str], solver: str
) -> tuple[list[Composition], list[Composition]]:
    """The views whose moments the fits of all maps read, and those that they read row by row."""
    by_pairs = [name for name in geometries if not GEOMETRIES[geometries[name]].by_group]
    by_rows = [name for name in by_pairs if GEOMETRIES[geometries[name]].by_rows or SOLVERS[solver].by_rows]
    views = dict.fromkeys([*_elements(algebra, geometries), *((name,) for name in by_pairs)])
    return list(views), [(), *((name,) for name in by_rows)] if by_rows else []


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

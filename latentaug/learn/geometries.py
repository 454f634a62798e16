"""The geometry of a latent map, the constraint on it: one class each, fitted to latents or made a torch module.

A new one is a class with an entry in `GEOMETRIES`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from latentaug.augs.steps import Composition, powers, repeated
from latentaug.augs.views import Views
from latentaug.latent import maps
from latentaug.latent.algebra import MAX_GROUP, Algebra
from latentaug.latent.fitted_flows import fit_flows, flow_views
from latentaug.latent.maps import LatentMap, Moments
from latentaug.latent.representations import (
    average_over,
    cyclic_table,
    group_maps,
    irreducible_representations,
    nearest_representation,
    posed_copies,
    ranked_copies,
    regular_representation,
    standing,
    sum_of,
)
from latentaug.learn.flows import FlowMaps, make_flows
from latentaug.learn.networks import initialise
from latentaug.learn.objectives import MapFitting, principal_scores
from latentaug.learn.starting import is_better_posed, variances_by_part
from latentaug.learn.training import Draws, TrainingSettings, train

__all__ = [
    "GEOMETRIES", "SOLVERS", "Geometry", "Pairs", "Solver", "Start", "ViewMaps", "choices", "choose_geometries",
    "exact_maps", "fit_latent_maps", "fitted_representation", "group_table", "make_view_maps", "start_maps",
    "views_to_fit",
]  # fmt: skip

POSED_ROOM = 2**24  # weights of a linear path with a part a pose, where it is not asked for


class Pairs(NamedTuple):
    """What the fit of a latent map may use."""

    moments: Moments  # of the latents of every view that a fit reads
    rows: Mapping[Composition, np.ndarray]  # (n, d), the latents themselves, float32, where a fit reads them
    algebra: Algebra
    rho: np.ndarray  # (G, d, d), the fitted maps of the finite group
    solver: Solver
    seed: int

    def moments_of(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Second moments (d, d) of the originals, and between them and their augmented images."""
        return self.moments.between((), ()), self.moments.between((), (name,))

    def train(self, latent_map: nn.Module, name: str, settings: TrainingSettings) -> nn.Module:
        """A map of rows, trained by gradient on the latents of the originals and of their augmented images, Eq. 6."""
        objective = MapFitting(latent_map, self.rows[()], self.rows[(name,)])
        return train(objective, settings, Draws.from_seed(self.seed, torch.device("cpu")))[0].latent_map


class Start(NamedTuple):
    """What the module of a latent map may start from."""

    algebra: Algebra
    rho: Tensor  # (G, d, d), the exact maps of the finite group
    latent_dim: int
    generator: torch.Generator


class Geometry:
    """Abstract constraint on a latent map.

    Its fit takes the moments of an augmentation's latents; or the maps of the finite group (`by_group`), or the latents
    themselves too (`by_rows`).
    """

    by_group = by_rows = False
    by_solver = by_commutant = keeps_order = False  # a solution of Eq. 6; of what commutes; of a power that is nothing
    is_asked = True  # whether a user may ask for it by name; else only "auto" finds it
    is_invertible = is_joint = True  # whether its maps can be undone, and so trained jointly

    def admits(self, algebra: Algebra, name: str) -> bool:
        """Whether the laws found on the images allow it for an augmentation."""
        return True

    def fit(self, pairs: Pairs, name: str) -> LatentMap:
        """The map of an augmentation, fitted to latents."""
        raise NotImplementedError(f"{type(self).__name__} says how it is fitted.")

    def module(self, start: Start, name: str) -> nn.Module:
        """The map of an augmentation as a torch module, called without argument: (d, d)."""
        raise NotImplementedError(f"{type(self).__name__} says what its module is.")


class FixedMap(nn.Module):
    """A latent map chosen before training: an element of an exact representation."""

    def __init__(self, L: Tensor) -> None:
        super().__init__()
        self.L = nn.Buffer(L)

    def forward(self) -> Tensor:
        return self.L


class Group(Geometry):
    """An element of an exact representation of the finite group that the augmentations generate."""

    by_group = True

    def admits(self, algebra: Algebra, name: str) -> bool:
        return name in algebra.generators

    def fit(self, pairs: Pairs, name: str) -> np.ndarray:
        return pairs.rho[pairs.algebra.generators[name]]

    def module(self, start: Start, name: str) -> nn.Module:
        return FixedMap(start.rho[start.algebra.generators[name]])


class OrthogonalMap(nn.Module):
    """An orthogonal matrix of determinant one, the exponential of a skew one; the identity at first."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(latent_dim, latent_dim))

    def forward(self) -> Tensor:
        return torch.matrix_exp(self.weight - self.weight.T)


class ConjugateMap(nn.Module):
    """``Q.T @ L @ Q``, an exact L in orthonormal coordinates Q that are learned: it keeps the order of L."""

    def __init__(self, L: Tensor) -> None:
        super().__init__()
        self.L = nn.Buffer(L)
        self.coordinates = OrthogonalMap(len(L))

    def forward(self) -> Tensor:
        Q = self.coordinates()
        return Q.T @ self.L @ Q


class FiniteOrder(Geometry):
    """``L^n = I``, n the order of the augmentation."""

    keeps_order = True

    def admits(self, algebra: Algebra, name: str) -> bool:
        return bool(algebra.orders[name])

    def fit(self, pairs: Pairs, name: str) -> np.ndarray:
        return maps.finite_order_map(*pairs.moments_of(name), pairs.algebra.finite_order(name))

    def module(self, start: Start, name: str) -> nn.Module:
        order = start.algebra.finite_order(name)
        powers = regular_representation(cyclic_table(order), start.latent_dim)
        module = ConjugateMap(torch.from_numpy(powers[1 % order]).float())
        nn.init.normal_(module.coordinates.weight, generator=start.generator)
        return module


class FreeMap(nn.Module):
    """Any matrix, the identity at first."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(latent_dim))

    def forward(self) -> Tensor:
        return self.weight


class MapOfRows(nn.Module):
    """A matrix as a map of rows, ``z @ L``."""

    def __init__(self, matrix: nn.Module) -> None:
        super().__init__()
        self.matrix = matrix

    def forward(self, z: Tensor) -> Tensor:
        return z @ self.matrix()


def _solve_lstsq(pairs: Pairs, name: str) -> np.ndarray:
    return maps.free_map(*pairs.moments_of(name))


def _solve_adabelief(pairs: Pairs, name: str) -> np.ndarray:
    """Eq. 6 by gradient, as the paper: AdaBelief at a constant rate of 1e-4, batches of 64, 60 passes."""
    free = FreeMap(pairs.moments.latent_dim)
    settings = TrainingSettings(
        optimizer="adabelief", learning_rate="constant", learning_rate_init=1e-4, max_iter=60, batch_size=64
    )
    pairs.train(MapOfRows(free), name, settings)
    return free.weight.detach().double().numpy()


class Solver(NamedTuple):
    """How Eq. 6 is solved for a free map, whether that takes the latents themselves, and which geometries it serves."""

    fit: Callable[[Pairs, str], np.ndarray]
    by_rows: bool = False
    serves: Sequence[str] | None = None


SOLVERS = {
    "lstsq": Solver(_solve_lstsq),
    "adabelief": Solver(_solve_adabelief, by_rows=True, serves=["free"]),
}


class Free(Geometry):
    """Any matrix: least squares, Eq. 6."""

    by_solver = True

    def fit(self, pairs: Pairs, name: str) -> np.ndarray:
        return pairs.solver.fit(pairs, name)

    def module(self, start: Start, name: str) -> nn.Module:
        return FreeMap(start.latent_dim)


class CommutingMap(nn.Module):
    """A learned map averaged over an orthogonal representation rho, (G, d, d), so that it commutes with it."""

    def __init__(self, learned: nn.Module, rho: Tensor) -> None:
        super().__init__()
        self.learned = learned
        self.rho = nn.Buffer(rho)

    def forward(self) -> Tensor:
        return (self.rho.mT @ self.learned() @ self.rho).mean(dim=0)


class Commuting(Free):
    """Any matrix that commutes with those of the generators that the augmentation commutes with."""

    by_commutant = True
    is_asked = False  # it needs a group beside it

    def admits(self, algebra: Algebra, name: str) -> bool:
        return len(algebra.commutant(name)) > 1

    def fit(self, pairs: Pairs, name: str) -> np.ndarray:
        return average_over(super().fit(pairs, name), pairs.rho[pairs.algebra.commutant(name)])

    def module(self, start: Start, name: str) -> nn.Module:
        return CommutingMap(super().module(start, name), start.rho[start.algebra.commutant(name)])


class Orthogonal(Geometry):
    """``L.T @ L = I``, which keeps the prior N(0, I)."""

    def fit(self, pairs: Pairs, name: str) -> np.ndarray:
        return maps.orthogonal_map(pairs.moments_of(name)[1])

    def module(self, start: Start, name: str) -> nn.Module:
        return OrthogonalMap(start.latent_dim)


class ResidualMap(nn.Module):
    """``z @ L + tanh(z @ W_1 + b_1) @ W_2 + b_2``: a nonlinear map beside a linear one, zero at first."""

    def __init__(self, L: Tensor, generator: torch.Generator, width: int = 64) -> None:
        super().__init__()
        self.L: Tensor = nn.Buffer(L)
        with torch.device("meta"):
            self.first, self.last = nn.Linear(len(L), width), nn.Linear(width, len(L))
        self.first.to_empty(device="cpu")
        self.last.to_empty(device="cpu")
        initialise(self, generator)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, z: Tensor) -> Tensor:
        return z @ self.L + self.last(self.first(z).tanh())


class Nonlinear(Geometry):
    """A residual network beside the least-squares map, the paper's aside: it composes, and has no inverse."""

    by_rows = True
    is_invertible = is_joint = False

    def fit(self, pairs: Pairs, name: str) -> LatentMap:
        """Adam, batches of 256, 20 passes over the latents."""
        L, generator = _solve_lstsq(pairs, name), torch.Generator().manual_seed(pairs.seed)
        settings = TrainingSettings(learning_rate_init=3e-3, batch_size=256)
        module = pairs.train(ResidualMap(torch.from_numpy(L).float(), generator), name, settings)
        W_1, b_1, W_2, b_2 = (p.detach().double().numpy() for p in module.parameters())
        return maps.ResidualNetwork(L.astype(np.float32).astype(np.float64), W_1.T, b_1, W_2.T, b_2)


# The strictest first: "auto" takes the first that admits an augmentation.
GEOMETRIES: dict[str, Geometry] = {
    "group": Group(),
    "finite_order": FiniteOrder(),
    "commuting": Commuting(),
    "free": Free(),
    "orthogonal": Orthogonal(),
    "nonlinear": Nonlinear(),
}
AUTO = "auto"
ONE_PARAMETER = "one_parameter"  # what an augmentation with a strength has, whatever is asked


def choices() -> list[str]:
    """What a user may ask for."""
    return [AUTO, *(name for name, geometry in GEOMETRIES.items() if geometry.is_asked)]


def choose_geometries(asked: str, algebra: Algebra) -> dict[str, str]:
    """The constraint on the map of each augmentation: as asked, or the strictest that the images allow.

    Raises
    ------
    ValueError
        Where the images do not allow what was asked, naming the augmentations.
    """
    flows = dict.fromkeys(algebra.families, ONE_PARAMETER)
    fixed = [name for name in algebra.orders if name not in flows]
    if asked == AUTO:
        order = GEOMETRIES.items()
        return {name: next(key for key, g in order if g.admits(algebra, name)) for name in fixed} | flows
    barred = [name for name in fixed if not GEOMETRIES[asked].admits(algebra, name)]
    if barred:
        raise ValueError(
            f"geometry={asked!r} does not suit {', '.join(barred)}: on these images no power up to {MAX_GROUP} is "
            "the identity, or the group they generate is not one that the latent space can hold. Allowed: auto, free, "
            "orthogonal."
        )
    return dict.fromkeys(fixed, asked) | flows


def _fixed(geometries: Mapping[str, str]) -> dict[str, str]:
    """The constraints on the maps of augmentations without a strength."""
    return {name: geometry for name, geometry in geometries.items() if geometry != ONE_PARAMETER}


def _by_group(geometries: Mapping[str, str]) -> bool:
    return any(GEOMETRIES[geometry].by_group for geometry in _fixed(geometries).values())


def group_table(algebra: Algebra, geometries: Mapping[str, str]) -> np.ndarray:
    """Cayley table of the group that the maps represent; the trivial one where none is asked to."""
    return algebra.cayley_table if _by_group(geometries) else cyclic_table(1)


def compositions_to_train(algebra: Algebra, geometries: Mapping[str, str]) -> list[Composition] | None:
    """The views that the maps must be trained on: all elements of the group represented; None where any will do."""
    return algebra.compositions() if algebra.families or _by_group(geometries) else None


def views_to_fit(
    algebra: Algebra, geometries: Mapping[str, str], solver: str
) -> tuple[list[Composition], list[Composition]]:
    """The views whose moments the fits of all maps read, and those that they read row by row."""
    elements = algebra.elements[: len(group_table(algebra, geometries))]
    moving = flow_views(algebra) if algebra.families else []
    geometries = _fixed(geometries)
    by_pairs = [name for name in geometries if not GEOMETRIES[geometries[name]].by_group]
    by_rows = [name for name in by_pairs if GEOMETRIES[geometries[name]].by_rows or SOLVERS[solver].by_rows]
    views = dict.fromkeys([*elements, *((name,) for name in by_pairs), *moving])
    return list(views), [(), *((name,) for name in by_rows)] if by_rows else []


def fit_latent_maps(
    moments: Moments,
    rows: Mapping[Composition, np.ndarray],
    algebra: Algebra,
    geometries: Mapping[str, str],
    solver: str,
    seed: int,
) -> dict[str, LatentMap]:
    """Stage 2: the latent map of each augmentation with the encoder frozen, Eq. 6.

    It takes the moments of the latents of the first views that `views_to_fit` names, and the latents themselves of the
    second, row by row the same images.
    """
    table, flows = group_table(algebra, geometries), dict[str, LatentMap]()
    if algebra.families:
        found, rho = fit_flows(moments, algebra)
        flows.update(found)
    else:
        rho = group_maps(lambda h, k: moments.between(algebra.elements[h], algebra.elements[k]), table)
    pairs = Pairs(moments, rows, algebra, rho, SOLVERS[solver], seed)
    return {name: GEOMETRIES[geometry].fit(pairs, name) for name, geometry in _fixed(geometries).items()} | flows


class ViewMaps(nn.Module):
    """The latent maps of V views, products of those of augmentations: modules called without argument, (d, d).

    Where latents are a content and a pose, `upright` is the pose of the originals, their last coordinates.
    """

    def __init__(
        self,
        maps: dict[str, nn.Module],
        compositions: Sequence[Composition],
        latent_dim: int,
        flows: FlowMaps | None = None,
        upright: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.names = list(maps)
        self.maps = nn.ModuleList(maps.values())  # a list: a name may be no attribute name
        self.flows = flows
        self.views = list(map(self._at_rest, compositions))
        self.identity: Tensor = nn.Buffer(torch.eye(latent_dim))
        self.upright = None if upright is None else torch.from_numpy(upright).float()

    def _at_rest(self, composition: Composition) -> tuple[str, ...]:
        return repeated(step for step in powers(composition) if step[0] in self.names)

    def number(self, composition: Composition) -> int:
        """Of the first view that is a composition but for what has a strength."""
        return self.views.index(self._at_rest(composition))

    def poses(self, n_views: int) -> Tensor | None:
        """The pose (n_views, k) under each of the first views, where latents are a content and a pose."""
        if self.upright is None:
            return None
        k = len(self.upright)
        with torch.no_grad():
            return self.upright @ self()[:n_views, -k:, -k:].cpu()

    def matrices(self) -> dict[str, Tensor]:
        """The map of each augmentation."""
        return {name: latent_map() for name, latent_map in zip(self.names, self.maps, strict=True)}

    def forward(self) -> Tensor:
        """Maps from the original to every view, (V, d, d), at strength 0 of what has a strength."""
        L = self.matrices()
        views: dict[tuple[str, ...], Tensor] = {(): self.identity}

        def view(names: tuple[str, ...]) -> Tensor:
            if names not in views:
                views[names] = view(names[:-1]) @ L[names[-1]]
            return views[names]

        return torch.stack([view(names) for names in self.views])

    def exact(self) -> dict[str, LatentMap]:
        """The map of each augmentation, computed in float64, so that the laws hold to its precision."""
        twin = copy.deepcopy(self).cpu().double()
        found: dict[str, LatentMap] = {name: L.detach().numpy() for name, L in twin.matrices().items()}
        return found if self.flows is None else found | self.flows.exact()


def exact_maps(latent_maps: ViewMaps, algebra: Algebra, geometries: Mapping[str, str]) -> dict[str, LatentMap]:
    """The map of each augmentation, float64; those of a group, trained with in float32, obey its table to rounding."""
    found = latent_maps.exact()
    if algebra.families or not _by_group(geometries):
        return found
    eye = np.eye(latent_maps.identity.shape[0])
    L = np.stack([maps.apply_steps(found, eye, powers(element)) for element in algebra.elements])
    rho = nearest_representation(L, algebra.cayley_table)
    group = [name for name, geometry in geometries.items() if GEOMETRIES[geometry].by_group]
    return found | {name: rho[algebra.generators[name]] for name in group}


def make_view_maps(
    algebra: Algebra, geometries: Mapping[str, str], compositions: Sequence[Composition], latent_dim: int,
    generator: torch.Generator, views: Views | None = None, representations: tuple[str, ...] = ("fitted",),
) -> ViewMaps:  # fmt: skip
    """The latent maps of joint training: exact where the geometry is, ready to be learned elsewhere.

    The representation of a finite group is made for `views`; it is copies of the regular one where there are none, and
    beside strengths.
    """
    if algebra.families:
        return _beside_flows(algebra, geometries, compositions, latent_dim, generator, views)
    table = group_table(algebra, geometries)
    rho, upright = (
        (regular_representation(table, latent_dim), None)
        if views is None
        else fitted_representation(algebra, table, views, latent_dim, representations)
    )
    start = Start(algebra, torch.from_numpy(rho).float(), latent_dim, generator)
    modules = {name: GEOMETRIES[geometry].module(start, name) for name, geometry in geometries.items()}
    return ViewMaps(modules, compositions, latent_dim, upright=upright)


def fitted_representation(
    algebra: Algebra, table: np.ndarray, views: Views, latent_dim: int, among: tuple[str, ...] = ("fitted",)
) -> tuple[np.ndarray, np.ndarray | None]:
    """The representation of a group that is made for some images; regular where views are not known.

    "fitted": of parts, as many as images vary in; "posed": of a content and a pose; among others only where a linear
    code of these loses less than one of parts. Beside it the pose of the originals, where it is of one.
    """
    elements = algebra.elements[: len(table)]
    if among == ("posed",) and len(views) <= latent_dim:
        raise ValueError(f"representation='posed' needs more images than latent_dim={latent_dim}. Got {len(views)}.")
    if len(elements) == 1 or len(views) <= latent_dim or among == ("regular",):
        return regular_representation(table, latent_dim), None
    seen = np.array(list(map(views.is_known, elements)))
    _, scores = principal_scores(views, elements, 4 * latent_dim)
    if among == ("posed",) and scores.isnan().any():
        raise ValueError("representation='posed' needs each image in all views. Allowed where some miss: 'fitted'.")
    irreps = irreducible_representations(table)
    copies = ranked_copies(irreps, variances_by_part(scores, table, irreps), latent_dim, seen)
    parts, copies = sum_of(irreps, copies), posed_copies(irreps, latent_dim)
    posed, poses = sum_of(irreps, copies), standing(sum_of(irreps, [0, *copies[1:]]))
    may_be = "posed" in among and latent_dim * len(table) * views.format_.n_pixels <= POSED_ROOM
    if among == ("posed",) or (may_be and is_better_posed(scores, parts, posed, torch.from_numpy(poses))):
        return posed, poses[0]
    return parts if "fitted" in among or not seen.all() else regular_representation(table, latent_dim), None


def start_maps(
    algebra: Algebra, geometries: Mapping[str, str], compositions: Sequence[Composition], latent_dim: int, seed: int,
    views: Views | None = None, representations: tuple[str, ...] = ("fitted",),
) -> tuple[ViewMaps, int]:  # fmt: skip
    """The latent maps of joint training, and how many of the views, the first ones, have exact maps."""
    generator = torch.Generator().manual_seed(seed)
    latent_maps = make_view_maps(algebra, geometries, compositions, latent_dim, generator, views, representations)
    if algebra.families:
        return latent_maps, sum(map(algebra.is_exact, compositions))
    return latent_maps, sum(map(algebra.in_group, compositions)) if _by_group(geometries) else 1


def _beside_flows(
    algebra: Algebra, geometries: Mapping[str, str], compositions: Sequence[Composition], latent_dim: int,
    generator: torch.Generator, views: Views | None,
) -> ViewMaps:  # fmt: skip
    """The latent maps of joint training where some augmentations have a strength."""
    flows = make_flows(algebra, latent_dim, views)
    rho = flows.representation(regular_representation(algebra.frame.table, latent_dim), algebra.frame)
    start = Start(algebra, torch.from_numpy(rho).float(), latent_dim, generator)
    modules = {n: GEOMETRIES[g].module(start, n) for n, g in _fixed(geometries).items()}
    return ViewMaps(modules, compositions, latent_dim, flows)

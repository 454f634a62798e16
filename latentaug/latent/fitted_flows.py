"""Latent maps with a strength fitted to latents at several strengths, in closed form; the staged method's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from latentaug.augs.steps import Composition, reduced
from latentaug.latent.algebra import Algebra
from latentaug.latent.families import FamilyLaws
from latentaug.latent.flows import Flow, commuting_part, flow_of, generator_of, whole_representation
from latentaug.latent.maps import Moments, square_roots
from latentaug.latent.representations import cyclic_table, group_maps

__all__ = ["fit_flows", "flow_views", "strengths_to_fit"]

MOST_VIEWS = 60  # of one fit
ROUNDS = 8  # of maps found from what is white, and that from maps


def strengths_to_fit(laws: FamilyLaws, n_wanted: int) -> list[float]:
    """Strengths whose latents a fit reads, in order, 0 among them: evenly spaced, around a circle or along a line."""
    if not laws.is_drawn:
        return sorted({0.0, *laws.given})
    half = max(1, min(7, (n_wanted - 1) // 2))
    if laws.period is not None:
        return [laws.period * i / (2 * half + 1) for i in range(-half, half + 1)]
    size = (laws.high - laws.low) / (2 * half)
    return [size * i for i in range(round(laws.low / size), round(laws.high / size) + 1)]


class _Fit:
    """Families that are exact together, the elements of K, and the moments of the latents of both."""

    def __init__(
        self, algebra: Algebra, names: Sequence[str], elements: Sequence[int], table: np.ndarray, signs: np.ndarray
    ) -> None:
        self.names, self.table, self.signs = list(names), table, signs
        self.laws = [algebra.families[name] for name in names]
        self.elements = [algebra.elements[k] for k in elements]
        n_wanted = MOST_VIEWS // (len(elements) * max(1, len(names)))
        self.grids = [strengths_to_fit(laws, n_wanted) for laws in self.laws]

    def view(self, k: int, j: int, t: float) -> Composition:
        """An element of K, then a family at a strength."""
        return reduced([*self.elements[k], (self.names[j], t)])

    @property
    def views(self) -> list[Composition]:
        """All that the fit reads."""
        return [
            self.view(k, j, t) for k in range(len(self.elements)) for j, grid in enumerate(self.grids) for t in grid
        ] or self.elements

    def fit(self, between: Callable[[Composition, Composition], np.ndarray]) -> tuple[dict[str, Flow], np.ndarray]:
        """The flow of each family, and the maps of K, (N, d, d).

        In coordinates in which the latents of all views are white an exact map is orthogonal. There the maps of K are
        fitted and averaged; the generator of a family is the logarithm of the nearest orthogonal step from one strength
        to the next, projected on what K, and the families before it, allow. Where images are given on a part of a
        circle only, what is white all around is found from the map, and the map again from that, some times.
        """
        spread = seen = np.mean([between(v, v) for v in self.views], axis=0)
        for _ in range(ROUNDS if self._missing else 0):
            flow = self._fit_where(spread, between)[0][self.names[0]]
            carried = [flow.matrix(u - t) for t, u in self._missing]
            ends = [between(v, v) for v in (self.view(0, 0, t) for t, _ in self._missing)]
            made = [L.T @ moment @ L for L, moment in zip(carried, ends, strict=True)]
            spread = (len(self.views) * seen + np.sum(made, axis=0)) / (len(self.views) + len(made))
        return self._fit_where(spread, between)

    @property
    def _missing(self) -> list[tuple[float, float]]:
        """Strengths of a circle at which no images are given, and before each the nearest at which some are."""
        laws = self.laws[0] if len(self.laws) == len(self.elements) == 1 else None
        if laws is None or laws.period is None or laws.is_drawn or len(self.grids[0]) < 2:
            return []
        period, grid = laws.period, np.array(self.grids[0])
        n = round(period / np.diff(grid).min())
        if n > MOST_VIEWS:
            return []
        around = grid[0] + period * np.arange(n) / n
        apart = np.abs((around[:, None] - grid + period / 2) % period - period / 2)
        alone = apart.min(axis=1) > 0.25 * period / n
        return [(float(grid[row.argmin()]), float(u)) for u, row in zip(around[alone], apart[alone], strict=True)]

    def _fit_where(
        self, spread: np.ndarray, between: Callable[[Composition, Composition], np.ndarray]
    ) -> tuple[dict[str, Flow], np.ndarray]:
        """What is orthogonal where latents of some second moments are white."""
        root, inverse_root = square_roots(spread)

        def white(first: Composition, second: Composition) -> np.ndarray:
            return inverse_root @ between(first, second) @ inverse_root

        rho = group_maps(lambda h, k: self._across(white, h, k), self.table)
        flows: dict[str, Flow] = {}
        generators: list[np.ndarray] = []
        for j, laws in enumerate(self.laws):
            A = self._generator(white, j)
            A = np.mean([s * L.T @ A @ L for s, L in zip(self.signs[j], rho, strict=True)], axis=0)
            for B in generators:
                A = commuting_part(A, B)
            identity = np.eye(len(A))
            inside = flow_of(A, identity, identity, laws.low, laws.high, laws.period)
            generators.append(inside.generator)
            flows[self.names[j]] = flow_of(inside.generator, root, inverse_root, laws.low, laws.high, laws.period)
        return flows, inverse_root @ rho @ root

    def _across(self, white: Callable[..., np.ndarray], h: int, k: int) -> np.ndarray:
        """Moments between two elements of K, over all strengths of all families that the step between them keeps."""
        total: Any = white(self.elements[h], self.elements[k]) if not self.names else 0
        for j, grid in enumerate(self.grids):
            sign = self.signs[j, h] * self.signs[j, k]
            pairs = [(t, sign * t) for t in grid if sign * t in grid]
            total = total + sum(white(self.view(h, j, t), self.view(k, j, u)) for t, u in pairs)
        return total

    def _generator(self, white: Callable[..., np.ndarray], j: int) -> np.ndarray:
        """The generator by the steps between neighbouring strengths, those of one size together."""
        grid, laws = self.grids[j], self.laws[j]
        steps = list(pairwise(grid))
        steps += [(grid[-1], grid[0])] if laws.period is not None and laws.is_drawn else []
        if not steps:
            wanted = f"views={{({self.names[j]!r}, {laws.high:g}): images}}, or method='joint'"
            raise ValueError(f"{self.names[j]} needs a strength that all images share: {wanted}.")
        by_size: dict[float, list[tuple[float, float]]] = {}
        for t, u in steps:
            size = u - t if u > t else u - t + (laws.period or 0)
            by_size.setdefault(float(f"{size:.9g}"), []).append((t, u))
        total, weight = 0.0 * np.eye(1), 0.0
        for size, pairs in by_size.items():
            M = sum(white(self.view(k, j, t), self.view(k, j, u)) for k in range(len(self.elements)) for t, u in pairs)
            total = total + len(pairs) * size**2 * generator_of(np.asarray(M), size)
            weight += len(pairs) * size**2
        return total / weight


def _fits(algebra: Algebra) -> list[_Fit]:
    """One of what is exact together, and one of each other family."""
    frame = algebra.frame
    others = [name for name in algebra.families if name not in frame.families]
    alone = [_Fit(algebra, [name], [0], cyclic_table(1), np.ones((1, 1))) for name in others]
    return [_Fit(algebra, frame.families, frame.elements, frame.table, frame.signs), *alone]


def flow_views(algebra: Algebra) -> list[Composition]:
    """The views whose latents `fit_flows` reads."""
    return list(dict.fromkeys(view for fit in _fits(algebra) for view in fit.views))


def fit_flows(moments: Moments, algebra: Algebra) -> tuple[dict[str, Flow], np.ndarray]:
    """The flow of each family, and the exact maps (G, d, d) of the finite group beside them, of moments of latents."""
    together, *alone = _fits(algebra)
    flows, rho = together.fit(moments.between)
    for fit in alone:
        flows |= fit.fit(moments.between)[0]
    return flows, whole_representation(rho, flows, algebra.frame)

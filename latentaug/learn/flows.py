"""Latent maps with a strength as torch modules: planes that turn, by frequencies that are whole or learned."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentaug.augs.steps import Composition
from latentaug.latent.algebra import Algebra
from latentaug.latent.families import FamilyLaws
from latentaug.latent.flows import Flow, Planes, make_planes, ranked_frequencies, spread_frequencies, whole_frequencies
from latentaug.learn.starting import variances_by_frequency

__all__ = ["FlowMap", "FlowMaps", "make_flows"]

STRENGTHS = 16  # that say how images vary with one
ASTRAY = 0.1  # of the variance, by which strengths along a line fail to add up


class FlowMap(nn.Module):
    """The map of a family: planes turn by its strength, whole frequencies fixed and others learned.

    Parameters
    ----------
    planes : Planes
    family : int
        Its number among those of the planes.
    laws : FamilyLaws
    frequencies : ndarray of shape (n_slots,)
        Radians, at the period or at the greatest strength.
    own_coordinates : bool
        Whether it turns planes of its own, learned, since it is not exact together with what comes before it.
    """

    def __init__(
        self, planes: Planes, family: int, laws: FamilyLaws, frequencies: np.ndarray, own_coordinates: bool
    ) -> None:
        super().__init__()
        self.laws, d = laws, len(planes.basis)
        self.unit = (laws.period or max(laws.high, -laws.low)) / (2 * np.pi if laws.period else 1)
        self.basis: Tensor = nn.Buffer(torch.from_numpy(planes.basis).float())
        self.signs: Tensor = nn.Buffer(torch.from_numpy(planes.signs[family]).float())
        self.slots: Tensor = nn.Buffer(torch.from_numpy(planes.slots))
        start = torch.from_numpy(np.asarray(frequencies)).float()
        self.frequencies = nn.Buffer(start) if laws.period else nn.Parameter(start)
        grows = laws.grows and bool((planes.signs[family] == 1).all())
        self.growths = nn.Parameter(torch.zeros(len(start))) if grows else None
        self.skew = nn.Parameter(torch.zeros(d, d)) if own_coordinates else None
        self.is_plain = not own_coordinates and np.array_equal(planes.basis, np.eye(d))

    def coordinates(self) -> Tensor:
        """The orthogonal matrix (d, d) whose columns are planes, two each, and what does not turn."""
        return self.basis if self.skew is None else torch.matrix_exp(self.skew - self.skew.T) @ self.basis

    def turns(self, t: Tensor) -> tuple[Tensor, Tensor | None]:
        """By strengths (B,), the radians of each plane, (B, n_planes); if any grows, the logarithm of by what."""
        strengths = (t / self.unit).unsqueeze(1)
        growth = None if self.growths is None else strengths * self.growths[self.slots]
        return strengths * (self.frequencies[self.slots] * self.signs), growth

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        """Latent rows (B, d), each carried by its own strength, (B,)."""
        return self.carry(z, *self.turns(t))

    def carry(self, z: Tensor, angle: Tensor, growth: Tensor | None) -> Tensor:
        """Latent rows (B, d), their planes turned and grown."""
        Q, n = None if self.is_plain else self.coordinates(), 2 * len(self.slots)
        y = z if Q is None else z @ Q
        a, b, cos, sin = y[:, 0:n:2], y[:, 1:n:2], angle.cos(), angle.sin()
        turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1)
        if growth is not None:
            turned = turned * growth.exp().unsqueeze(-1)
        moved = torch.cat([turned.flatten(1), y[:, n:]], dim=1)
        return moved if Q is None else moved @ Q.T

    def exact(self) -> Flow:
        """The map, computed in float64."""
        twin = copy.deepcopy(self).to("cpu", torch.float64)
        Q = twin.coordinates().detach().numpy()
        frequencies = twin.frequencies.detach().numpy()[self.slots.cpu().numpy()] * twin.signs.numpy()
        growths = np.zeros(len(Q))
        if twin.growths is not None:
            growths[: 2 * len(frequencies)] = np.repeat(twin.growths.detach().numpy()[self.slots.cpu().numpy()], 2)
        laws = self.laws
        return Flow(
            Q, Q.T, frequencies / self.unit, growths / self.unit, laws.low, laws.high, laws.period
        )  # fmt: skip


class FlowMaps(nn.Module):
    """The maps of all families, which act in the order in which they are declared."""

    def __init__(self, maps: Mapping[str, FlowMap]) -> None:
        super().__init__()
        self.names, self.maps = list(maps), nn.ModuleList(maps.values())
        laws = [m.laws for m in maps.values()]
        self.astray = np.array([line.period is None and line.additivity > ASTRAY for line in laws])
        of_their_own = groupby(enumerate(maps.values()), lambda m: m[0] if m[1].skew is not None else -1)
        self.runs = [[j for j, _ in run] for _, run in of_their_own]  # families that turn the same planes, at once

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        """Latent rows (B, d), carried by the strengths (B, n_families) of each."""
        for run in self.runs:
            z = self._carry(z, t, run)
        return z

    def undo(self, z: Tensor, t: Tensor) -> Tensor:
        """What `forward` did, undone."""
        for run in reversed(self.runs):
            z = self._carry(z, -t, run)
        return z

    def _carry(self, z: Tensor, t: Tensor, run: list[int]) -> Tensor:
        maps: Any = self.maps
        angles, growths = zip(*(maps[j].turns(t[:, j]) for j in run), strict=True)
        grown = [growth for growth in growths if growth is not None]
        return maps[run[0]].carry(z, sum(angles[1:], angles[0]), sum(grown[1:], grown[0]) if grown else None)

    def exact(self) -> dict[str, Flow]:
        """The map of each family, in float64."""
        maps: Any = self.maps
        return {name: flow.exact() for name, flow in zip(self.names, maps, strict=True)}


def _frequencies(
    planes: Planes, laws: FamilyLaws, number: int, n_families: int, variances: Sequence[np.ndarray] | None
) -> np.ndarray:
    """What a family turns the slots by at first: as images vary, where it is known how they do.

    Families after the first have another order, so that all pairs occur, and turn either way: a product of a wave along
    one and a wave along another is a sum of waves along both and of waves along one and against the other.
    """
    if variances is None:
        choose = whole_frequencies if laws.period else spread_frequencies
        found = choose(planes.n_slots, n_families)
    else:
        found = ranked_frequencies(variances, planes.n_slots, round(len(planes.slots) / planes.n_slots))
        if laws.period is None:  # half turns from the least to the greatest strength
            found = found * np.pi * max(laws.high, -laws.low) / (laws.high - laws.low)
    rng = np.random.default_rng(number)
    return rng.permutation(found) * rng.choice([-1, 1], size=len(found)) if number else found


def _variances(
    name: str, laws: FamilyLaws, scores: Callable[[list[Composition]], Tensor] | None
) -> list[np.ndarray] | None:
    """How much images vary by each frequency of a family that has a function."""
    if scores is None or not laws.is_drawn:
        return None
    size = (laws.high - laws.low if laws.period is None else laws.period) / STRENGTHS
    path: list[Composition] = [((name, laws.low + size * (k + 0.5)),) for k in range(STRENGTHS)]
    return variances_by_frequency(scores(path), laws.period is not None)


def make_flows(
    algebra: Algebra, latent_dim: int, scores: Callable[[list[Composition]], Tensor] | None = None
) -> FlowMaps:
    """The maps of joint training of all families: exact together where the laws allow it, else each by itself.

    Where `scores` gives principal scores of images under compositions, (V, n, m), planes turn as these vary.
    """
    frame, maps = algebra.frame, {}
    together = make_planes(frame.table, frame.signs, latent_dim) if frame.families else None
    alone = make_planes(np.zeros((1, 1), dtype=int), np.ones((1, 1)), latent_dim)
    for name, laws in algebra.families.items():
        inside = together is not None and name in frame.families
        planes = together if inside and together is not None else alone
        number, beside = (frame.families.index(name), len(frame.families)) if inside else (0, 1)
        frequencies = _frequencies(planes, laws, number, beside, _variances(name, laws, scores))
        maps[name] = FlowMap(planes, number, laws, frequencies, own_coordinates=not inside)
    return FlowMaps(maps)

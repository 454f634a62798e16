"""Latent maps with a strength as torch modules: planes that turn, by frequencies that are whole or learned."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentaug.augs.views import Views
from latentaug.latent.algebra import Algebra
from latentaug.latent.families import FamilyLaws, Frame
from latentaug.latent.flows import (
    Flow,
    Planes,
    dealt_slots,
    make_planes,
    ranked_frequencies,
    shared_frequencies,
    spread_frequencies,
    whole_frequencies,
    whole_representation,
)
from latentaug.learn.objectives import principal_scores
from latentaug.learn.starting import likeness_by_frequency, variances_by_frequency

__all__ = ["FlowMap", "FlowMaps", "make_flows"]

STRENGTHS = 16  # that say how images vary with one


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
        self.astray = np.array([m.laws.is_astray for m in maps.values()])
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

    def representation(self, rho: np.ndarray, frame: Frame) -> np.ndarray:
        """Matrices (G, d, d) of the whole finite group, from those of what of it is of no family."""
        return whole_representation(rho, self.exact(), frame)


def _as_images_vary(planes: Planes, laws: FamilyLaws, number: int, variances: Sequence[np.ndarray]) -> np.ndarray:
    """What a family that has a function turns the slots by at first.

    Families after the first have another order, so that all pairs occur, and turn either way: a product of a wave along
    one and a wave along another is a sum of waves along both and of waves along one and against the other.
    """
    found = ranked_frequencies(variances, planes.n_slots, round(len(planes.slots) / planes.n_slots))
    if laws.period is None:  # half turns from the least to the greatest strength
        found = found * np.pi * max(laws.high, -laws.low) / (laws.high - laws.low)
    rng = np.random.default_rng(number)
    return rng.permutation(found) * rng.choice([-1, 1], size=len(found)) if number else found


def _of_its_own(n: int, own: np.ndarray, laws: FamilyLaws, spectrum: np.ndarray | None) -> np.ndarray:
    """What a family turns slots of its own by at first: the others like it leave them at rest, and it theirs."""
    frequencies = np.zeros(n)
    if laws.period is None:
        frequencies[own] = spread_frequencies(len(own))
        return frequencies
    whole = whole_frequencies(len(own))
    frequencies[own] = whole if spectrum is None else shared_frequencies(spectrum[: whole.max() + 1], len(own))
    return frequencies


def _variances(name: str, laws: FamilyLaws, views: Views, n_scores: int) -> list[np.ndarray]:
    """How much images vary by each frequency of a family that has a function."""
    size = (laws.high - laws.low if laws.period is None else laws.period) / STRENGTHS
    path = [((name, laws.low + size * (k + 0.5)),) for k in range(STRENGTHS)]
    return variances_by_frequency(principal_scores(views, path, n_scores)[1], laws.period is not None)


def _spectrum(name: str, laws: FamilyLaws, views: Views, n_scores: int) -> np.ndarray:
    """How alike the originals and images given with a strength of one family only are, by frequency."""
    alone = [c for c in views.given_strengths if len(c) == 1 and c[0][0] == name]
    rows, scores = principal_scores(views, [(), *alone], n_scores)
    given = [np.zeros(()), *(np.asarray(composition[0][1]) for composition in alone)]
    strengths = [np.broadcast_to(t[rows] if t.ndim else t, len(rows)) for t in given]
    turn = np.pi / (laws.high - laws.low) if laws.period is None else 2 * np.pi / laws.period
    return likeness_by_frequency(scores, turn * np.array(strengths), STRENGTHS)


def make_flows(algebra: Algebra, latent_dim: int, views: Views | None = None) -> FlowMaps:
    """The maps of joint training of all families: exact together where the laws allow it, else each by itself.

    Where there are `views`, planes turn as their images vary. Families that are known by images only have slots of
    their own, the more of them the more frequencies they need.
    """
    frame, maps, n_scores = algebra.frame, {}, 4 * latent_dim
    views = None if views is None or len(views) <= latent_dim else views
    alone = make_planes(np.zeros((1, 1), dtype=int), np.ones((1, 1)), latent_dim)
    together = make_planes(frame.table, frame.signs, latent_dim) if frame.families else alone
    spectra = {
        name: None if views is None else _spectrum(name, laws, views, n_scores)
        for name, laws in algebra.families.items()
        if views is None or not laws.is_drawn
    }
    own = dealt_slots(together.n_slots, {name: spectra[name] for name in frame.families if name in spectra})
    for name, laws in algebra.families.items():
        inside = name in frame.families
        planes, number = (together, frame.families.index(name)) if inside else (alone, 0)
        if views is None or not laws.is_drawn:
            slots = own.get(name, np.arange(planes.n_slots))
            frequencies = _of_its_own(planes.n_slots, slots, laws, spectra[name])
        else:
            frequencies = _as_images_vary(planes, laws, number, _variances(name, laws, views, n_scores))
        maps[name] = FlowMap(planes, number, laws, frequencies, own_coordinates=not inside)
    return FlowMaps(maps)

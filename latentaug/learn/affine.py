"""Affine maps of rows, fitted to moments of pairs: under the constraint of a geometry, penalised where it is free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np

from latentaug.augs.pairs import Picked, pick
from latentaug.augs.steps import Composition
from latentaug.latent import maps
from latentaug.latent.algebra import Algebra
from latentaug.latent.maps import AffineMap, Moments
from latentaug.latent.representations import group_maps
from latentaug.latent.ridge import Ridge
from latentaug.learn.geometries import GEOMETRIES, Pairs, Solver

__all__ = ["Laws", "Regression", "fit_affine_map", "fit_group", "fit_regression", "pool"]

FIRST_ROWS = 1024  # whose means the moments are taken about
PART_NUMBERS = 2**22  # held in float64 at once


class Laws(NamedTuple):
    """What the maps have to hold: laws, the constraint on each map, and what is fitted of the group of all."""

    algebra: Algebra
    geometries: Mapping[str, str]
    rho: np.ndarray  # (G, d, d)
    centre: np.ndarray  # (d,), which the group leaves where it is


class Regression(NamedTuple):
    """How a map is fitted where laws leave it free."""

    ridge: float | str
    fit_intercept: bool
    rank: int | None


def fit_group(moments: Moments, algebra: Algebra, fit_intercept: bool) -> tuple[np.ndarray, np.ndarray]:
    """The maps (G, d, d) of the elements of a group, and the point that all of them leave where it is, (d,)."""
    centre = moments.means.mean(axis=0) if fit_intercept else np.zeros(moments.latent_dim)
    about, elements = moments.about(centre), algebra.elements
    return group_maps(lambda h, k: about.between(elements[h], elements[k]), algebra.cayley_table), centre


def fit_affine_map(moments: Moments, name: str, laws: Laws, how: Regression) -> tuple[AffineMap, float]:
    """The map of an augmentation, of moments from the view before it to the one after; and its penalty, if any.

    A map of finite order turns about a point: the mean of the orbit of the mean. Any other takes mean to mean.
    """
    geometry, about = GEOMETRIES[laws.geometries[name]], _means(moments, how)
    own = moments.about(about)
    if geometry.by_group:
        return _turning(_constrained(own, name, laws), laws.centre), 0.0
    if geometry.keeps_order:
        centre = _orbit_mean(own, about, laws.algebra.finite_order(name)) if how.fit_intercept else about[0]
        return _turning(_constrained(moments.about(centre), name, laws), centre), 0.0
    penalty, solved = _solve(own, how) if geometry.by_solver else (0.0, None)
    L = _constrained(own, name, laws, solved)
    shift = about[1] - laws.centre - (about[0] - laws.centre) @ L  # of the centre of the group, if there is one
    if geometry.by_commutant:
        shift = (shift @ laws.rho[laws.algebra.commutant(name)]).mean(axis=0)
    return AffineMap(L, shift + laws.centre - laws.centre @ L), penalty


def _means(moments: Moments, how: Regression) -> np.ndarray:
    return moments.means if how.fit_intercept else np.zeros_like(moments.means)


def _solve(own: Moments, how: Regression) -> tuple[float, np.ndarray]:
    ridge = Ridge(own, int(how.fit_intercept))
    penalty, identity = ridge.choose(how.ridge, None if how.rank is None else True)
    return penalty, ridge.fit(penalty, identity, how.rank)


def fit_regression(moments: Moments, how: Regression) -> AffineMap:
    """A ridge regression from the first of two views to the second."""
    means = _means(moments, how)
    L = _solve(moments.about(means), how)[1]
    return AffineMap(L, means[1] - means[0] @ L)


def _constrained(own: Moments, name: str, laws: Laws, solved: Any = None) -> np.ndarray:
    """The matrix of an augmentation under its constraint; `solved` where that is asked for Eq. 6."""
    moments = replace(own, compositions=[(), (name,)])
    pairs = Pairs(moments, {}, laws.algebra, laws.rho, Solver(lambda *_: solved), 0)
    return np.asarray(GEOMETRIES[laws.geometries[name]].fit(pairs, name))


def _turning(L: np.ndarray, centre: np.ndarray) -> AffineMap:
    return AffineMap(L, centre - centre @ L)


def _orbit_mean(own: Moments, means: np.ndarray, order: int) -> np.ndarray:
    """Mean of what a map makes of the mean, again and again; that of both views where the order is two."""
    A = maps.free_map(own.between(*own.compositions[:1] * 2), own.between(*own.compositions))
    orbit = [means[0]]
    while len(orbit) < order:
        orbit.append((orbit[-1] - means[0]) @ A + means[1])
    return np.mean(orbit, axis=0)


def pool(picked: Sequence[Picked], compositions: Sequence[Composition], chosen: np.ndarray, points: Any) -> Moments:
    """Moments of some of the rows picked of several views, part by part; about points, or about their first means."""
    d = picked[0][0].shape[1]
    if points is None:
        first = chosen[:FIRST_ROWS]
        points = np.stack([pick(p, first).mean(axis=0, dtype=np.float64) for p in picked])
    size = max(1, PART_NUMBERS // (d * len(picked)))
    parts = (chosen[start : start + size] for start in range(0, max(len(chosen), 1), size))

    def of(part: np.ndarray) -> Moments:
        return Moments.of({c: pick(p, part) for c, p in zip(compositions, picked, strict=True)}, points)

    return reduce(add, map(of, parts))

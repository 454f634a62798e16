"""Strengths read off latents: what leads from one row to another, and what leads nearest to some rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from latentaug.latent.flows import Flow
from latentaug.latent.maps import apply, real_logarithm

__all__ = ["Estimate", "Path", "nearest_strengths", "path_of", "strengths_between"]

N_TRIED = 181  # strengths among which the best is looked for, before it is refined
BATCH = 256


class Estimate(NamedTuple):
    """Strengths that lead from some images to others.

    Of each pair the `strength`, its standard `error`, and the `residual`: the share of the variance of the latents that
    is left between the first, carried by that strength, and the second.
    """

    strength: np.ndarray
    error: np.ndarray
    residual: np.ndarray


class Path(NamedTuple):
    """A latent map as a curve of matrices: the map, the derivative ``A`` at 0, and the strengths to look among."""

    latent_map: Any
    generator: np.ndarray
    low: float
    high: float
    period: float | None

    def carry(self, Z: np.ndarray, t: ArrayLike) -> np.ndarray:
        """Latent rows (n, d), carried by one strength or each by its own."""
        t = np.asarray(t, dtype=np.float64)
        return apply(Z, self.latent_map, tuple(t) if t.ndim else float(t))

    def inside(self, t: np.ndarray) -> np.ndarray:
        """Strengths once around a circle, or within the ends of a line."""
        if self.period is None:
            return np.clip(t, self.low, self.high)
        return (t + self.period / 2) % self.period - self.period / 2

    @property
    def tried(self) -> np.ndarray:
        """Strengths all along."""
        ends = (-self.period / 2, self.period / 2) if self.period is not None else (self.low, self.high)
        return np.linspace(*ends, N_TRIED)


def path_of(L: Any) -> Path:
    """The path of a flow, twice as far as was trained on; or of a matrix with a real logarithm, two times either way.

    Raises
    ------
    ValueError
        Where a map has no real logarithm.
    """
    if isinstance(L, Flow):
        return Path(L, L.generator, L.low - L.high, L.high - L.low, L.period)
    return Path(L, real_logarithm(L), -2.0, 2.0, None)


def strengths_between(path: Path, Z_a: np.ndarray, Z_b: np.ndarray, weights: np.ndarray) -> Estimate:
    """The strengths that lead from latent rows to others: least squares under weights, by search and Gauss-Newton.

    Parameters
    ----------
    path : Path
    Z_a, Z_b : ndarray of shape (n, d)
    weights : ndarray of shape (d,)
        Of the squared differences, such as one over the variances of both.
    """
    scale = np.sqrt(weights)
    t = np.concatenate([_search(path, a, b, scale) for a, b in _batches(Z_a, Z_b)])
    for _ in range(6):
        moved = path.carry(Z_a, t)
        slope, left = (moved @ path.generator) * scale, (moved - Z_b) * scale
        curvature = np.maximum((slope**2).sum(1), np.finfo(float).tiny)
        step = (slope * left).sum(1) / curvature
        t = path.inside(t - np.clip(step, *(np.array([-1, 1]) * np.ptp(path.tried[:2]))))
    left = (path.carry(Z_a, t) - Z_b) * scale
    noise = (left**2).sum(1) / max(1, Z_a.shape[1] - 1)
    spread = ((Z_b - Z_b.mean(0)) * scale).var(0).sum() * Z_b.shape[1] / max(1, Z_a.shape[1] - 1)
    whole = spread if len(Z_b) > 1 and spread else ((Z_b * scale) ** 2).sum()
    return Estimate(t, np.sqrt(noise / curvature), (left**2).sum(1) / (whole or 1.0))


def _batches(*arrays: np.ndarray) -> Any:
    for start in range(0, len(arrays[0]), BATCH):
        yield tuple(a[start : start + BATCH] for a in arrays)


def _search(path: Path, Z_a: np.ndarray, Z_b: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The best of the strengths tried, for each pair of rows."""
    tried = path.tried
    errors = np.stack([(((path.carry(Z_a, t) - Z_b) * scale) ** 2).sum(1) for t in tried])
    return tried[errors.argmin(axis=0)]


def nearest_strengths(path: Path, Z: np.ndarray, references: np.ndarray) -> np.ndarray:
    """The strengths that bring latent rows (n, d) nearest to one of some reference rows (m, d)."""
    R, tried = references.astype(np.float64), path.tried
    squares = (R**2).sum(1)

    def distance(part: np.ndarray, t: np.ndarray | float) -> np.ndarray:
        moved = path.carry(part, t)
        return ((moved**2).sum(1)[:, None] + squares - 2 * moved @ R.T).min(axis=1)

    found = []
    for (part,) in _batches(Z):
        errors = np.stack([distance(part, t) for t in tried])
        best = errors.argmin(axis=0)
        t, size = tried[best], tried[1] - tried[0]
        for shrink in (3, 9, 27):  # finer and finer around the best
            around = t + size / shrink * np.array([-1, 0, 1])[:, None]
            around = path.inside(around)
            t = around[np.stack([distance(part, u) for u in around]).argmin(axis=0), np.arange(len(part))]
        found.append(t)
    return np.concatenate(found)

"""Latent space: linear maps on rows, ``Z @ L``, fitted in closed form, applied, undone; float64 throughout.

Every fit is one function of second moments of latents, ``Z.T @ Z_aug``, named for the constraint that it holds; beside
each stands the same fit of the latents themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from scipy.linalg import expm, logm, polar, schur

from latentaug._checks import check_number, check_pair, one_line, shown
from latentaug.augs.steps import Composition, Power, powers

__all__ = [
    "AffineMap", "LatentMap", "Moments", "ResidualNetwork", "apply", "apply_each", "apply_inverse", "apply_steps",
    "check_powers", "condition_number", "finite_order_map", "fit_finite_order_map", "fit_free_map",
    "fit_orthogonal_map", "free_map", "is_invertible", "is_linear", "orthogonal_map", "real_logarithm", "square_roots",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over images of the products of their latents under several views; those of two sets of images add.

    Attributes
    ----------
    compositions : list of tuple of str
        The V views.
    gram : ndarray of shape (V * d, V * d)
        ``Z.T @ Z``, float64, where the rows of Z hold the latents of an image under one view after another.
    n_images : int
    sums : ndarray of shape (V * d,) or None
        Of the rows of Z; None in files of version 0.1.0.
    points : ndarray of shape (V, d) or None
        What was taken off the latents of each view, near their means; None: nothing.
    """

    compositions: list[Composition]
    gram: np.ndarray
    n_images: int
    sums: np.ndarray | None = None
    points: np.ndarray | None = None

    @classmethod
    def of(cls, latents: Mapping[Composition, np.ndarray], points: np.ndarray | None = None) -> Moments:
        """The moments of some images, from their latents (n, d) under each view, about a point of each or about 0.

        Raises
        ------
        ValueError
            On latents that are no finite numbers.
        """
        Z = np.hstack([np.asarray(rows, dtype=np.float64) for rows in latents.values()])
        Z = Z if points is None else np.subtract(Z, points.ravel(), out=Z)
        with np.errstate(invalid="ignore", over="ignore"):
            gram = Z.T @ Z
        if not np.isfinite(gram.diagonal()).all():
            raise ValueError("The autoencoder gives latents that are no finite numbers: its training has diverged.")
        return cls(list(latents), gram, len(Z), Z.sum(axis=0), points)

    def __add__(self, other: Moments) -> Moments:
        alike = self.compositions == other.compositions and self.gram.shape == other.gram.shape
        if not alike or not np.array_equal(self.origin, other.origin):
            both = " and ".join(f"{shown(m.compositions)} in {m.latent_dim} dimensions" for m in (self, other))
            raise ValueError(f"Only moments of the same views and latent space add. Got {both}.")
        sums = None if self.sums is None or other.sums is None else self.sums + other.sums
        return Moments(self.compositions, self.gram + other.gram, self.n_images + other.n_images, sums, self.points)

    @property
    def latent_dim(self) -> int:
        """Latent coordinates d."""
        return len(self.gram) // len(self.compositions)

    @property
    def means(self) -> np.ndarray:
        """Mean latents of each view, (V, d)."""
        if self.sums is None:
            raise ValueError("These moments know no means: version 0.1.0 made them. Allowed: moments made anew.")
        return self.origin + self.sums.reshape(len(self.compositions), -1) / self.n_images

    @property
    def origin(self) -> np.ndarray:
        """What was taken off the latents of each view, (V, d)."""
        return np.zeros((len(self.compositions), self.latent_dim)) if self.points is None else self.points

    def about(self, points: np.ndarray) -> Moments:
        """The moments about a point of each view, (V, d), or one of all, (d,)."""
        points = np.broadcast_to(points, self.origin.shape)
        before, after = (self.means - self.origin).ravel(), (self.means - points).ravel()
        gram = self.gram + self.n_images * (np.outer(after, after) - np.outer(before, before))
        return Moments(self.compositions, gram, self.n_images, self.n_images * after, points)

    def select(self, compositions: Sequence[Composition]) -> Moments:
        """The moments of some of the views, in the order given."""
        d, which = self.latent_dim, [self.compositions.index(composition) for composition in compositions]
        columns = (d * np.array(which)[:, None] + np.arange(d)).ravel()
        sums = None if self.sums is None else self.sums[columns]
        gram = self.gram[np.ix_(columns, columns)]
        return Moments(list(compositions), gram, self.n_images, sums, self.origin[which])

    def between(self, first: Composition, second: Composition) -> np.ndarray:
        """``Z_first.T @ Z_second`` of two views, (d, d)."""
        d = self.latent_dim
        row, column = (d * self.compositions.index(composition) for composition in (first, second))
        return self.gram[row : row + d, column : column + d]


DEFECTIVE = 1e8  # condition number from which eigenvectors are not trusted
SINGULAR = 1e-12  # share of the largest eigenvalue of a second moment under which others are taken for rounding


def fit_free_map(Z: np.ndarray, Z_aug: np.ndarray) -> np.ndarray:
    """Least-squares latent map of an augmentation, Eq. 6: ``min_L ||Z @ L - Z_aug||^2``; Z, Z_aug (n, d), L (d, d)."""
    Z, Z_aug = check_pair(Z, Z_aug)
    return free_map(Z.T @ Z, Z.T @ Z_aug)


def free_map(S: np.ndarray, M: np.ndarray) -> np.ndarray:
    """Eq. 6 by its normal equations, ``S @ L = M``, of the second moments S of Z and M between Z and Z_aug, (d, d).

    Directions a millionth as long as the longest, or less, count as collapsed; L has the least norm there.
    """
    return np.linalg.lstsq(S, M, rcond=SINGULAR)[0]


def fit_orthogonal_map(Z: np.ndarray, Z_aug: np.ndarray) -> np.ndarray:
    """Orthogonal Procrustes: ``min ||Z @ L - Z_aug||^2`` over ``L.T @ L = I``; Z and Z_aug (n, d), L (d, d)."""
    Z, Z_aug = check_pair(Z, Z_aug)
    return orthogonal_map(Z.T @ Z_aug)


def orthogonal_map(M: np.ndarray) -> np.ndarray:
    """The orthogonal matrix nearest to a second moment M (d, d)."""
    return polar(M)[0]


def fit_finite_order_map(Z: np.ndarray, Z_aug: np.ndarray, order: int) -> np.ndarray:
    """Latent map with ``L^order = I``: the least-squares map, rounded to it.

    In the coordinates in which the orbit of the latents is white an exact map is orthogonal; there
    the nearest orthogonal matrix has its eigenvalues moved to the nearest roots of unity.

    Parameters
    ----------
    Z, Z_aug : ndarray of shape (n, d)
    order : int
    """
    check_number("order", order, low=1, integer=True)
    Z, Z_aug = check_pair(Z, Z_aug)
    return finite_order_map(Z.T @ Z, Z.T @ Z_aug, order)


def finite_order_map(S: np.ndarray, M: np.ndarray, order: int) -> np.ndarray:
    """`fit_finite_order_map` of the second moments ``Z.T @ Z`` and ``Z.T @ Z_aug``, (d, d)."""
    A = free_map(S, M)
    orbit = [S]
    for _ in range(order - 1):
        orbit.append(A.T @ orbit[-1] @ A)
    root, inverse_root = square_roots(np.mean(orbit, axis=0))
    T, Q = schur(orthogonal_map(root @ A @ inverse_root), output="complex")
    angles = np.round(np.angle(np.diag(T)) * order / (2 * np.pi)) * 2 * np.pi / order
    return inverse_root @ ((Q * np.exp(1j * angles)) @ Q.conj().T).real @ root


def square_roots(S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``S^(1/2)`` and ``S^(-1/2)`` of a second moment, its collapsed directions lifted."""
    values, Q = np.linalg.eigh(S)
    values = np.sqrt(np.maximum(values, 1e-6 * max(values[-1], np.finfo(float).tiny)))
    return (Q * values) @ Q.T, (Q / values) @ Q.T


@dataclass(frozen=True, eq=False)
class ResidualNetwork:
    """Nonlinear latent map ``Z @ L + tanh(Z @ W_1 + b_1) @ W_2 + b_2``; it composes, and has no inverse.

    Attributes
    ----------
    L : ndarray of shape (d, d)
    W_1, b_1 : ndarray of shape (d, width) and (width,)
    W_2, b_2 : ndarray of shape (width, d) and (d,)
    """

    L: np.ndarray
    W_1: np.ndarray
    b_1: np.ndarray
    W_2: np.ndarray
    b_2: np.ndarray

    def __call__(self, Z: np.ndarray) -> np.ndarray:
        return Z @ self.L + np.tanh(Z @ self.W_1 + self.b_1) @ self.W_2 + self.b_2

    def __len__(self) -> int:
        return len(self.L)


@dataclass(frozen=True, eq=False)
class AffineMap:
    """Latent map with an intercept, ``Z @ L + b``; undone by solving, or by a regression of its own.

    Attributes
    ----------
    L : ndarray of shape (d, d)
    b : ndarray of shape (d,)
    back : AffineMap or None
        What undoes it, fitted the other way round; None where it is undone by solving.
    """

    L: np.ndarray
    b: np.ndarray
    back: AffineMap | None = None

    def __call__(self, Z: np.ndarray) -> np.ndarray:
        return Z @ self.L + self.b

    def undo(self, Z: np.ndarray) -> np.ndarray:
        """Rows carried back."""
        return apply_inverse(Z - self.b, self.L) if self.back is None else self.back(Z)

    def __len__(self) -> int:
        return len(self.L)


LatentMap = np.ndarray | ResidualNetwork | AffineMap | Any  # or a `Flow`


def is_linear(L: LatentMap) -> bool:
    """Whether a latent map is a matrix."""
    return not callable(L)


def is_invertible(L: LatentMap) -> bool:
    """Whether a latent map can be undone: all but nonlinear ones."""
    return isinstance(L, (np.ndarray, AffineMap)) or hasattr(L, "carry")


def apply(Z: np.ndarray, L: LatentMap, power: Power = 1) -> np.ndarray:
    """Latent rows carried over so many times: ``Z @ L``, ``L(Z)`` where the map is no matrix; undone where negative.

    By a flow, at that strength; by a matrix that has a real logarithm, any share of a time. One power, or one a row.
    """
    if hasattr(L, "carry"):
        return L.carry(Z, power)
    if not isinstance(power, int):
        return _apply_shares(Z, L, np.asarray(power))
    if isinstance(L, np.ndarray):
        forward = np.linalg.matrix_power(L, abs(power))
        return Z @ forward if power >= 0 else apply_inverse(Z, forward)
    if power < 0 and not isinstance(L, AffineMap):
        raise ValueError("A nonlinear latent map has no inverse. Allowed: any other geometry.")
    once = L.undo if power < 0 and isinstance(L, AffineMap) else L
    return reduce(lambda carried, _: once(carried), range(abs(power)), Z)


def _apply_shares(Z: np.ndarray, L: LatentMap, power: np.ndarray) -> np.ndarray:
    """Latent rows carried by ``expm(power * log(L))``; so many times, where powers are whole."""
    if (power == np.rint(power)).all():
        carried = np.empty_like(Z)
        for p in np.unique(power):
            rows = np.broadcast_to(power == p, len(Z))
            carried[rows] = apply(Z[rows], L, int(p))
        return carried
    if isinstance(L, AffineMap) and L.back is None:
        ones, zeros = np.ones((len(Z), 1)), np.zeros((len(L), 1))
        return _apply_shares(np.hstack([Z, ones]), np.block([[L.L, zeros], [L.b, 1.0]]), power)[:, :-1]
    if not isinstance(L, np.ndarray):
        kind = "undone by a regression of its own" if isinstance(L, AffineMap) else "that is nonlinear"
        raise ValueError(f"A latent map {kind} has whole powers only.")
    A = real_logarithm(L)
    values, V = np.linalg.eig(A)
    powers = np.reshape(power, (-1, 1))
    if np.linalg.cond(V) < DEFECTIVE:
        return (((Z @ V) * np.exp(powers * values)) @ np.linalg.inv(V)).real
    if np.size(power) == 1:
        return Z @ expm(float(powers[0, 0]) * A)
    return np.stack([z @ expm(p * A) for z, p in zip(Z, powers[:, 0], strict=True)])


def real_logarithm(L: np.ndarray) -> np.ndarray:
    """The principal logarithm of a matrix (d, d), where it is real.

    Raises
    ------
    ValueError
        Where an eigenvalue is zero or negative, as -1 of a mirror: no share of it is a real matrix.
    """
    values = np.linalg.eigvals(L)
    barred = (np.abs(values) < SINGULAR) | ((values.real < 0) & (np.abs(values.imag) < 1e-9 * np.abs(values)))
    if barred.any():
        found = f"{values[barred].real.min():.3g}"
        raise ValueError(f"This latent map has no real logarithm, and so whole powers only: its eigenvalue is {found}.")
    return logm(L).real


def apply_each(chains: Sequence[Sequence[LatentMap]], Z: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Latent rows (n, d), each carried by the maps of one chain, row i by number ``which[i]``; in the dtype of `Z`."""
    carried = np.empty_like(Z)
    for k, chain in enumerate(chains):
        carried[which == k] = reduce(apply, chain, Z[which == k].astype(np.float64))
    return carried


def apply_steps(latent_maps: Mapping[str, Any], Z: np.ndarray, steps: Iterable[tuple[str, Any]]) -> np.ndarray:
    """Latent rows carried over by steps, in the dtype of `Z` or one that holds fractions."""
    carried = np.asarray(Z, dtype=np.float64)
    for name, power in steps:
        carried = apply(carried, latent_maps[name], power)
    return np.ascontiguousarray(carried, dtype=np.result_type(Z, np.float32))


def check_powers(latent_maps: Mapping[str, Any], composition: Composition) -> None:
    """Refuse a share of a time of a map that has no real logarithm."""
    for name, power in powers(composition):
        L = latent_maps[name]
        if not isinstance(power, int) and (np.asarray(power) % 1).any() and not hasattr(L, "carry"):
            with one_line(name):
                apply(np.zeros((1, len(L))), L, 0.5)


def apply_inverse(Z: np.ndarray, L: np.ndarray) -> np.ndarray:
    """``Z @ inv(L)`` by solving, without forming an inverse; in the least-squares sense where L is singular."""
    try:
        return np.linalg.solve(L.T, Z.T).T
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(L.T, Z.T, rcond=None)[0].T


def condition_number(L: LatentMap) -> float:
    """Ratio of the largest to the smallest singular value: how much undoing a map can magnify an error.

    Infinite for a nonlinear map, which cannot be undone. Where what undoes a map was fitted by itself, the product of
    the largest singular values of both.
    """
    flow: Any = L
    if hasattr(flow, "carry"):
        return max(float(np.linalg.cond(flow.matrix(t))) for t in (flow.low, flow.high))
    if isinstance(L, AffineMap):
        return float(np.linalg.cond(L.L) if L.back is None else np.linalg.norm(L.L, 2) * np.linalg.norm(L.back.L, 2))
    return float(np.linalg.cond(L)) if isinstance(L, np.ndarray) else math.inf

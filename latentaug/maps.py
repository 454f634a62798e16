"""Latent space: linear maps on rows, ``Z @ L``, fitted in closed form, composed, undone.

Every fit is one function of second moments of latents, ``Z.T @ Z_aug``, named for the constraint that it holds; beside
each stands the same fit of the latents themselves. float64 throughout.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy.linalg import polar, schur
from sklearn.exceptions import ConvergenceWarning

from latentaug._matrices import check_orbit, check_pair
from latentaug._validation import check_number

__all__ = [
    "ResidualNetwork", "apply", "apply_each", "apply_inverse", "average_over", "compose", "condition_number",
    "finite_order_map", "fit_finite_order_map", "fit_free_map", "fit_group_maps", "fit_orthogonal_map", "free_map",
    "group_maps", "orthogonal_map", "power", "representation_defect",
]  # fmt: skip

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

    Returns
    -------
    ndarray of shape (d, d)
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
    root, inverse_root = _square_roots(np.mean(orbit, axis=0))
    T, Q = schur(orthogonal_map(root @ A @ inverse_root), output="complex")
    angles = np.round(np.angle(np.diag(T)) * order / (2 * np.pi)) * 2 * np.pi / order
    return inverse_root @ ((Q * np.exp(1j * angles)) @ Q.conj().T).real @ root


def fit_group_maps(Z_orbit: np.ndarray, cayley_table: np.ndarray) -> np.ndarray:
    """Exact representation of a finite group, nearest to how it moves the latents.

    The orbit's second moment S is invariant under the group, so in coordinates where S = I the maps are
    orthogonal; there the Procrustes maps of all elements are averaged over the group until
    ``L[g] @ L[h] = L[g then h]``.

    Parameters
    ----------
    Z_orbit : ndarray of shape (N, n, d)
        Latents of the images under each element.
    cayley_table : ndarray of shape (N, N)

    Returns
    -------
    ndarray of shape (N, d, d)
    """
    Z_orbit, cayley_table = check_orbit(Z_orbit, cayley_table)
    return group_maps(lambda h, k: Z_orbit[h].T @ Z_orbit[k], cayley_table)


def group_maps(between: Callable[[int, int], np.ndarray], cayley_table: np.ndarray) -> np.ndarray:
    """`fit_group_maps` of the second moments (d, d) between the latents under two elements, by their numbers."""
    elements = range(len(cayley_table))
    root, inverse_root = _square_roots(np.mean([between(h, h) for h in elements], axis=0))
    moments = [sum(between(h, cayley_table[h, g]) for h in elements) for g in elements]
    L = np.stack([orthogonal_map(inverse_root @ M @ inverse_root) for M in moments])
    return inverse_root @ _nearest_representation(L, cayley_table) @ root


def _square_roots(S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``S^(1/2)`` and ``S^(-1/2)`` of a second moment, its collapsed directions lifted."""
    values, Q = np.linalg.eigh(S)
    values = np.sqrt(np.maximum(values, 1e-6 * max(values[-1], np.finfo(float).tiny)))
    return (Q * values) @ Q.T, (Q / values) @ Q.T


def representation_defect(L: np.ndarray, cayley_table: np.ndarray) -> float:
    """Largest entry of ``L[g] @ L[h] - L[g then h]``; 0 for a representation."""
    return float(np.abs(L[:, None] @ L - L[cayley_table]).max())


def _nearest_representation(L: np.ndarray, cayley_table: np.ndarray, max_iter: int = 100) -> np.ndarray:
    """Average an almost-representation, orthogonal matrices, over the group until it is one (Grove and Karcher)."""
    for _ in range(max_iter):
        if representation_defect(L, cayley_table) < 1e-13 * len(L[0]):
            return L
        means = np.einsum("hji,hgjk->gik", L, L[cayley_table]) / len(L)
        L = np.stack([orthogonal_map(M) for M in means])
    warnings.warn(
        "The latents do not move as the group of the augmentations does; their group maps are the "
        "identity. Train longer, or use method='joint'.",
        ConvergenceWarning,
        stacklevel=2,
    )
    return np.stack([np.eye(len(L[0]))] * len(L))


def average_over(L: np.ndarray, representation: np.ndarray) -> np.ndarray:
    """Project a map L onto those that commute with a group: ``mean_g inv(rho(g)) @ L @ rho(g)``; rho (G, d, d)."""
    return np.linalg.solve(representation, L @ representation).mean(axis=0)


def compose(maps: Iterable[np.ndarray], latent_dim: int) -> np.ndarray:
    """Product of latent maps, the leftmost acts first; the identity of none."""
    L = np.eye(latent_dim)
    for factor in maps:
        L = L @ factor
    return L


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


LatentMap = np.ndarray | ResidualNetwork


def apply(Z: np.ndarray, L: LatentMap) -> np.ndarray:
    """Latent rows carried over: ``Z @ L``, or ``L(Z)`` where the map is nonlinear."""
    return L(Z) if callable(L) else Z @ L


def apply_each(chains: Sequence[Sequence[LatentMap]], Z: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Latent rows (n, d), each carried by the maps of one chain, row i by number ``which[i]``; in the dtype of `Z`."""
    carried = np.empty_like(Z)
    for k, chain in enumerate(chains):
        carried[which == k] = reduce(apply, chain, Z[which == k].astype(np.float64))
    return carried


def apply_inverse(Z: np.ndarray, L: LatentMap) -> np.ndarray:
    """``Z @ inv(L)`` by solving, without forming an inverse; in the least-squares sense where L is singular."""
    if callable(L):
        raise ValueError("A nonlinear latent map has no inverse. Allowed: any other geometry.")
    try:
        return np.linalg.solve(L.T, Z.T).T
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(L.T, Z.T, rcond=None)[0].T


def power(L: np.ndarray, exponent: int) -> np.ndarray:
    """Integer power of a latent map; a negative one of its inverse.

    Examples
    --------
    >>> power(np.diag([2.0, 4.0]), -1)
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    forward = np.linalg.matrix_power(L, abs(exponent))
    return forward if exponent >= 0 else apply_inverse(np.eye(len(L)), forward)


def condition_number(L: LatentMap) -> float:
    """Ratio of the largest to the smallest singular value: how much undoing a map can magnify an error.

    Infinite for a nonlinear map, which cannot be undone.
    """
    return math.inf if callable(L) else float(np.linalg.cond(L))

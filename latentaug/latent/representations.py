"""Exact representations of a finite group by matrices on rows, ``Z @ L``, the leftmost first: built, or fitted."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from latentaug._checks import check_cayley_table, check_number, check_orbit
from latentaug.latent.maps import orthogonal_map, square_roots

__all__ = [
    "average_over", "cyclic_table", "fit_group_maps", "group_maps", "regular_representation", "representation_defect",
]  # fmt: skip


def cyclic_table(order: int) -> np.ndarray:
    """Cayley table of the cyclic group, element k being the k-th power."""
    k = np.arange(order)
    return (k[:, None] + k) % order


def regular_representation(cayley_table: np.ndarray, latent_dim: int) -> np.ndarray:
    """Copies of the regular representation of a finite group, by permutation matrices.

    With N elements, ``d = m N + r``: m copies, and r coordinates that every element leaves alone.
    ``e_k @ L[g] = e_{k then g}``, hence ``L[g] @ L[h] = L[g then h]``. They are orthogonal, so
    the prior N(0, I) is preserved.

    Parameters
    ----------
    cayley_table : ndarray of shape (N, N)
        Number of "i, then j".
    latent_dim : int
        d, at least N.

    Raises
    ------
    ValueError
        Where the latent space is too small to hold one copy.

    Examples
    --------
    >>> regular_representation(cyclic_table(2), 2)[1]
    array([[0., 1.],
           [1., 0.]])
    """
    check_number("latent_dim", latent_dim, low=1, integer=True)
    cayley_table = check_cayley_table(cayley_table)
    n_elements = len(cayley_table)
    if latent_dim < n_elements:
        raise ValueError(
            f"A latent space of {latent_dim} dimensions is too small for a group of {n_elements} "
            f"elements. Allowed: latent_dim of {n_elements} or more, or another geometry."
        )
    copies = latent_dim // n_elements
    L = np.zeros((n_elements, latent_dim, latent_dim))
    for g in range(n_elements):
        permutation = np.eye(n_elements)[cayley_table[:, g]]
        L[g] = np.eye(latent_dim)
        L[g, : copies * n_elements, : copies * n_elements] = np.kron(np.eye(copies), permutation)
    return L


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
    """
    Z_orbit, cayley_table = check_orbit(Z_orbit, cayley_table)
    return group_maps(lambda h, k: Z_orbit[h].T @ Z_orbit[k], cayley_table)


def group_maps(between: Callable[[int, int], np.ndarray], cayley_table: np.ndarray) -> np.ndarray:
    """`fit_group_maps` of the second moments (d, d) between the latents under two elements, by their numbers."""
    elements = range(len(cayley_table))
    root, inverse_root = square_roots(np.mean([between(h, h) for h in elements], axis=0))
    moments = [sum(between(h, cayley_table[h, g]) for h in elements) for g in elements]
    L = np.stack([orthogonal_map(inverse_root @ M @ inverse_root) for M in moments])
    return inverse_root @ _nearest_representation(L, cayley_table) @ root


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

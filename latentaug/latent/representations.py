"""Exact representations of a finite group by matrices on rows, ``Z @ L``, the leftmost first: built, or fitted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import block_diag
from sklearn.exceptions import ConvergenceWarning

from latentaug._checks import check_cayley_table, check_number, check_orbit
from latentaug.latent.maps import orthogonal_map, square_roots

__all__ = [
    "average_over", "cyclic_table", "fit_group_maps", "group_maps", "irreducible_representations",
    "nearest_representation", "posed_copies", "ranked_copies", "regular_representation", "representation_defect",
    "seen_copies", "standing", "sum_of",
]  # fmt: skip

COLLAPSED = 1e-10  # of the greatest variance, at which a direction has none


def cyclic_table(order: int) -> np.ndarray:
    """Cayley table of the cyclic group, element k being the k-th power."""
    check_number("order", order, low=1, integer=True)
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


def irreducible_representations(cayley_table: np.ndarray) -> list[np.ndarray]:
    """The irreducible representations of a finite group by real orthogonal matrices, each once, the trivial one first.

    A symmetric matrix, drawn and averaged over the regular representation, commutes with it; its eigenspaces are
    irreducible, and hold every representation that there is.

    Parameters
    ----------
    cayley_table : ndarray of shape (N, N)
        Number of "i, then j".

    Returns
    -------
    list of ndarray of shape (N, k, k)
        Acting on rows, ``L[g] @ L[h] = L[g then h]``.

    Examples
    --------
    >>> [L[:, 0, 0].tolist() for L in irreducible_representations(cyclic_table(2))]
    [[1.0, 1.0], [1.0, -1.0]]
    """
    R = regular_representation(cayley_table, len(cayley_table))
    drawn = np.random.default_rng(0).normal(size=R.shape[1:])
    values, axes = np.linalg.eigh(np.mean(R.transpose(0, 2, 1) @ (drawn + drawn.T) @ R, axis=0))
    spaces = np.split(axes, np.flatnonzero(np.diff(values) > 1e-6) + 1, axis=1)
    found = {tuple(np.trace(L, axis1=1, axis2=2).round(6) + 0.0): L for L in (Q.T @ R @ Q for Q in spaces)}
    return [_tidy(found[character]) for character in sorted(found, key=lambda c: (c[0], [-value for value in c]))]


def _tidy(L: np.ndarray) -> np.ndarray:
    """In coordinates in which one element, a mirror if there is one, is diagonal; without rounding in whole numbers."""
    for M in L:
        values, axes = np.linalg.eigh(M + M.T)
        if values[-1] - values[0] > 1e-6:
            L = axes.T @ L @ axes
            break
    return np.where(np.abs(L - L.round()) < 1e-9, L.round() + 0.0, L)


def ranked_copies(
    irreps: Sequence[np.ndarray], variances: Sequence[np.ndarray], latent_dim: int, seen: np.ndarray | None = None
) -> list[int]:
    """How many copies of each irreducible representation fill a latent space: one regular one, then by variance.

    Where images are seen under some elements only, one of each of `seen_copies` comes first, and no others; one regular
    one where there are none.

    Parameters
    ----------
    irreps : list of ndarray of shape (N, k, k)
        As `irreducible_representations` gives them.
    variances : list of ndarray
        Of each, the variance of the images along a coordinate of its first copy, of its second one, and so on.
    latent_dim : int
        d, at least N. What is left where no copy fits, or none has a variance, is trivial.
    seen : ndarray of shape (N,) of bool, optional
        The elements that there are images under; without it all.
    """
    copies = [round(len(L[0]) / np.mean(np.trace(L, axis1=1, axis2=2) ** 2)) for L in irreps]
    least = copies if seen is None or seen.all() else seen_copies(irreps, variances, seen)
    copies = least if any(least) else copies
    free = latent_dim - sum(n * len(L[0]) for n, L in zip(copies, irreps, strict=True))
    more = [(-v, k) for k, n in enumerate(copies) if n for v in variances[k][n:] if v > 0]
    for _, k in sorted(more):
        if len(irreps[k][0]) <= free:
            copies[k], free = copies[k] + 1, free - len(irreps[k][0])
    return [copies[0] + free, *copies[1:]]


def posed_copies(irreps: Sequence[np.ndarray], latent_dim: int) -> list[int]:
    """Copies for a content that no element changes, and for a pose: as few others as hold the elements apart.

    Parameters
    ----------
    irreps : list of ndarray of shape (N, k, k)
        As `irreducible_representations` gives them.
    latent_dim : int
        d, at least N.
    """
    copies, alike = [0] * len(irreps), np.ones(len(irreps[0]), dtype=bool)  # elements that still act as the first one
    rest = [np.abs(L - L[0]).max(axis=(1, 2)) < 1e-9 for L in irreps]
    while alike.sum() > 1:
        k = min(range(len(irreps)), key=lambda k: ((alike & rest[k]).sum(), len(irreps[k][0])))
        copies[k], alike = 1, alike & rest[k]
    copies[0] = latent_dim - sum(n * len(L[0]) for n, L in zip(copies, irreps, strict=True))
    return copies


def seen_copies(irreps: Sequence[np.ndarray], variances: Sequence[np.ndarray], seen: np.ndarray) -> list[int]:
    """One copy of each representation that elements seen tell from the others: those that images vary most in first.

    What changes do together, where no image shows it, is then what each does by itself. None, where that would leave
    elements that act alike.

    Parameters
    ----------
    irreps : list of ndarray of shape (N, k, k)
        As `irreducible_representations` gives them.
    variances : list of ndarray
        As `ranked_copies` takes them.
    seen : ndarray of shape (N,) of bool
        The elements that there are images under.
    """
    entries = [L.reshape(len(L), -1) for L in irreps]
    taken = [0]
    for k in sorted(range(1, len(irreps)), key=lambda k: -variances[k].max(initial=0)):
        more = [*taken, k]
        together = np.linalg.matrix_rank(np.hstack([entries[j][seen] for j in more]))
        if together == sum(np.linalg.matrix_rank(entries[j]) for j in more):
            taken = more
    acting = np.hstack([entries[j] for j in taken])
    apart = (np.abs(acting[1:] - acting[0]).max(axis=1) > 1e-9).all()
    return [int(apart and k in taken) for k in range(len(irreps))]


def standing(L: np.ndarray) -> np.ndarray:
    """Where a row of unit variances stands, (N, k), under each element of a representation that holds them apart.

    Of the rows drawn, the one whose places lie farthest from each other.
    """
    drawn = np.random.default_rng(0).normal(size=(1000, len(L[0])))
    drawn = np.vstack([np.ones(len(L[0])), drawn / np.sqrt(np.square(drawn).mean(axis=1, keepdims=True))])
    moved = np.square(drawn[:, None, None] @ (L[1:] - L[0])).sum(axis=(2, 3)).min(axis=1, initial=np.inf)
    return drawn[np.argmax(moved)] @ L


def sum_of(irreps: Sequence[np.ndarray], copies: Sequence[int]) -> np.ndarray:
    """The direct sum of copies of representations, (N, d, d)."""
    parts = [L for L, n in zip(irreps, copies, strict=True) for _ in range(n)]
    return np.stack([block_diag(*(L[g] for L in parts)) for g in range(len(irreps[0]))])


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
    S = np.mean([between(h, h) for h in elements], axis=0)
    root, inverse_root = square_roots(S)
    moments = [sum(between(h, cayley_table[h, g]) for h in elements) for g in elements]
    values, Q = np.linalg.eigh(S)
    empty = Q[:, values <= COLLAPSED * values[-1]]
    still = empty @ empty.T  # where latents do not vary, rounding would say how they move
    L = np.stack([orthogonal_map(inverse_root @ M @ inverse_root + still) for M in moments])
    return inverse_root @ nearest_representation(L, cayley_table) @ root


def representation_defect(L: np.ndarray, cayley_table: np.ndarray) -> float:
    """Largest entry of ``L[g] @ L[h] - L[g then h]``; 0 for a representation."""
    return float(np.abs(L[:, None] @ L - L[cayley_table]).max())


def nearest_representation(L: np.ndarray, cayley_table: np.ndarray, max_iter: int = 100) -> np.ndarray:
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

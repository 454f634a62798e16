"""Exact latent maps of augmentations with a strength: planes that turn with it, ``L(s) @ L(t) = L(s + t)``.

A circle turns its planes by whole frequencies, a line by any. With a finite group K beside them the planes lie in
copies of its regular representation, so that an element either leaves the turning as it is or turns it round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import schur
from scipy.special import entr

from latentaug.latent.families import Frame, sample_step
from latentaug.latent.maps import orthogonal_map

__all__ = [
    "Flow", "Planes", "commuting_part", "dealt_slots", "flow_of", "generator_of", "make_planes", "ranked_frequencies",
    "shared_frequencies", "spread_frequencies", "whole_frequencies", "whole_representation",
]  # fmt: skip

ALIKE = 1e-8


@dataclass(frozen=True, eq=False)
class Flow:
    """The latent map of a family: for each strength t a matrix that acts on rows, in closed form, float64.

    Attributes
    ----------
    basis, inverse : ndarray of shape (d, d)
        To the coordinates in which planes turn, two columns each, the others after them, and back.
    frequencies : ndarray of shape (n_planes,)
        Radians by which each plane turns at strength one.
    growths : ndarray of shape (d,)
        The logarithm of what each coordinate grows by at strength one; 0 where the prior is kept.
    low, high : float
        The strengths trained on.
    period : float or None
        The strength that is the identity.
    """

    basis: np.ndarray
    inverse: np.ndarray
    frequencies: np.ndarray
    growths: np.ndarray
    low: float
    high: float
    period: float | None

    def __len__(self) -> int:
        return len(self.basis)

    def coordinates(self, Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Latent rows (n, d) as complex numbers, one a plane, (n, n_planes), and what does not turn, (n, rest)."""
        Y = Z @ self.basis
        n = 2 * len(self.frequencies)
        return Y[:, 0:n:2] + 1j * Y[:, 1:n:2], Y[:, n:]

    def carry(self, Z: np.ndarray, t: Any) -> np.ndarray:
        """Latent rows carried by a strength, or each by its own: ``Z @ L(t)``."""
        t = np.asarray(t, dtype=np.float64)
        strengths = t[:, None] if t.ndim else t
        turning, rest = self.coordinates(Z)
        turned = turning * np.exp(1j * strengths * self.frequencies)
        Y = np.hstack([np.stack([turned.real, turned.imag], axis=-1).reshape(len(Z), -1), rest])
        return (Y * np.exp(strengths * self.growths) if self.growths.any() else Y) @ self.inverse

    def matrix(self, t: float) -> np.ndarray:
        """``L(t)``, (d, d)."""
        return self.carry(np.eye(len(self)), t)

    @property
    def sample(self) -> np.ndarray:
        """The map at a share of the greatest strength, to measure it by."""
        return self.matrix(sample_step(self, "")[1])

    @property
    def generator(self) -> np.ndarray:
        """The derivative of ``L(t)`` at 0, (d, d)."""
        A = np.diag(self.growths)
        first = np.arange(0, 2 * len(self.frequencies), 2)
        A[first, first + 1], A[first + 1, first] = self.frequencies, -self.frequencies
        return self.basis @ A @ self.inverse


@dataclass(frozen=True, eq=False)
class Planes:
    """Planes of a latent space that several families turn, and a finite group moves.

    Attributes
    ----------
    basis : ndarray of shape (d, d)
        Orthogonal; two columns a plane, then the coordinates that do not turn.
    slots : ndarray of shape (n_planes,)
        Planes of one slot have one frequency, up to its sign.
    signs : ndarray of shape (n_families, n_planes)
        Which way each family turns each plane.
    """

    basis: np.ndarray
    slots: np.ndarray
    signs: np.ndarray

    @property
    def n_slots(self) -> int:
        """Frequencies to choose, or to learn."""
        return int(self.slots.max(initial=-1)) + 1


def make_planes(cayley_table: np.ndarray, signs: np.ndarray, latent_dim: int) -> Planes:
    """The planes of a latent space that is copies of the regular representation of a finite group K.

    Parameters
    ----------
    cayley_table : ndarray of shape (N, N)
        Of K, number of "i, then j".
    signs : ndarray of shape (n_families, N)
        For each family and element g: 1 where ``g(f(X, t)) = f(g(X), t)``, -1 where it is ``f(g(X), -t)``.
    latent_dim : int
        d.

    Raises
    ------
    ValueError
        Where the latent space is too small for one plane.
    """
    n_elements = len(cayley_table)
    turns, central = _block(cayley_table, signs)
    size = turns.shape[1]
    if latent_dim < size:
        raise ValueError(
            f"A latent space of {latent_dim} dimensions is too small for a group of {n_elements} elements beside "
            f"augmentations with a strength. Allowed: latent_dim of {size} or more."
        )
    vectors, labels, plane_signs = _block_planes(turns, central)
    n_blocks, n_labels = latent_dim // size, max(labels) + 1
    basis = np.eye(latent_dim)
    basis[: n_blocks * size, : n_blocks * size] = np.kron(np.eye(n_blocks), np.array(vectors).T)
    slots = np.concatenate([np.array(labels) + n_labels * j for j in range(n_blocks)])
    return Planes(basis, slots, np.tile(np.array(plane_signs).T, n_blocks))


def _block(table: np.ndarray, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit generators (n_families, b, b) on a block of one or two copies, and a matrix that commutes with all there is.

    Where a mirror, ``f then f`` the identity, turns all families round, one copy holds planes, and else two do.
    """
    n = len(table)
    wanted = (signs == -1).all(axis=0) & (table.diagonal() == 0)
    mirror = int(np.argmax(wanted)) if wanted.any() else None
    kept = (signs == 1).all(axis=0)
    rng = np.random.default_rng(0)
    central, inverses = np.zeros((n, n)), table.argmin(axis=1)
    for g in np.flatnonzero(kept):  # class sums, with random weights, of what turns no family round
        orbit = {int(table[table[inverses[h], x], h]) for h in range(n) for x in (g, inverses[g])}
        weight = rng.random()
        for x in orbit:
            central[np.arange(n), table[x]] += weight
    if mirror is not None:
        turns = np.zeros((len(signs), n, n))
        turns[:, np.arange(n), table[mirror]] = signs
        return turns, central
    D = np.stack([np.diag(s) for s in signs])
    return np.kron(np.array([[0, 1], [-1, 0]]), D), np.kron(np.eye(2), central)


def _block_planes(turns: np.ndarray, central: np.ndarray) -> tuple[list[np.ndarray], list[int], list[list[int]]]:
    """Orthonormal vectors, two a plane; of each plane its label, alike where frequencies must be, and its signs."""
    J, rng = turns[0], np.random.default_rng(1)
    relative = sum(rng.random() * (J.T @ other) for other in turns[1:]) if len(turns) > 1 else 0 * J
    values, Q = np.linalg.eigh(central + relative)
    kinds = np.concatenate([[0], np.cumsum(np.diff(values) > ALIKE * (1 + np.abs(values).max()))])
    vectors: list[np.ndarray] = []
    labels: list[int] = []
    signs: list[list[int]] = []
    known: list[float] = []
    for kind in range(kinds[-1] + 1):
        for q in Q[:, kinds == kind].T:
            u = q - sum(((q @ v) * v for v in vectors), start=np.zeros(len(q)))
            if np.linalg.norm(u) < 1e-6:
                continue
            u = u / np.linalg.norm(u)
            v = u @ J
            vectors += [u, v]
            level = float(u @ central @ u)
            label = next((k for k, seen in enumerate(known) if abs(seen - level) < 1e-6), len(known))
            known += [level] if label == len(known) else []
            labels.append(label)
            signs.append([round(float(u @ other @ v)) for other in turns])
    return vectors, labels, signs


def whole_frequencies(n: int) -> np.ndarray:
    """Whole frequencies for n planes of a circle: low ones twice and more, and an eighth of the planes at rest.

    Examples
    --------
    >>> whole_frequencies(8)
    array([1, 1, 2, 2, 3, 3, 4, 0])
    """
    n_still = max(1, n // 8) if n > 1 else 0
    n_turning = n - n_still
    most = max(1, round(1.5 * n_turning**0.5))
    return np.append(1 + np.arange(n_turning) * most // n_turning, np.zeros(n_still, dtype=int))


def ranked_frequencies(variances: Sequence[np.ndarray], n: int, together: int = 1) -> np.ndarray:
    """Whole frequencies for n slots of so many planes: those that images vary in most; one at least turns.

    Parameters
    ----------
    variances : sequence of ndarray
        Of frequency 0, 1, ..., the variance of the images along a coordinate of a first plane, of a second, and so on;
        of frequency 0, along each coordinate.
    n, together : int

    Examples
    --------
    >>> ranked_frequencies([np.array([9.0, 7.0, 3.0]), np.array([5.0, 1.0])], 3)
    array([0, 1, 0])
    """
    still, *turning = variances
    still = np.append(still, 0.0) if len(still) % 2 else still
    planes = [still.reshape(-1, 2).mean(axis=1), *turning]
    ranked = sorted(
        ((v[j * together : (j + 1) * together].sum(), k) for k, v in enumerate(planes) for j in range(n)), reverse=True
    )
    turning_most = next(k for _, k in ranked if k)
    found = [k for _, k in ranked[:n]]
    return np.array(found if any(found) else [*found[:-1], turning_most])


def shared_frequencies(spectrum: np.ndarray, n: int) -> np.ndarray:
    """Whole frequencies for n planes of a circle, each as often as its share of a spectrum; one at least turns.

    Examples
    --------
    >>> shared_frequencies(np.array([0.25, 0.5, 0, 0.25]), 8)
    array([0, 0, 1, 1, 1, 1, 3, 3])
    """
    found = np.searchsorted(np.cumsum(spectrum), (np.arange(n) + 0.5) / n * spectrum.sum())
    return found if found.any() else np.append(found[1:], 1 + spectrum[1:].argmax())


def dealt_slots(n: int, spectra: Mapping[str, np.ndarray | None]) -> dict[str, np.ndarray]:
    """The slots of each family, of n: one at least, and the more, the more frequencies make up its spectrum.

    Those are counted as perplexity does. Unknown, they count alike; where slots are too few, some are shared.

    Examples
    --------
    >>> dealt_slots(6, {"turn": np.array([0.2, 0.4, 0.4]), "hue": np.array([0.5, 0.5, 0])})
    {'turn': array([0, 2, 3, 5]), 'hue': array([1, 4])}
    """
    turning = (np.ones(1) if spectrum is None else spectrum[1:] for spectrum in spectra.values())
    needs = np.array([np.exp(entr(weights / (weights.sum() or 1)).sum()) for weights in turning])
    turns = np.argsort((np.arange(n) / needs[:, None]).ravel(), kind="stable")[:n] // n
    return {name: own if (own := np.flatnonzero(turns == j)).size else np.array([j % n])
            for j, name in enumerate(spectra)}  # fmt: skip


def spread_frequencies(n: int) -> np.ndarray:
    """Radians at the greatest strength that n planes of a line begin with, before they are learned."""
    return np.linspace(3.0, 0.05, n)


def generator_of(step: np.ndarray, size: float) -> np.ndarray:
    """The skew matrix A nearest in angle, ``expm(size * A)`` being the orthogonal matrix nearest to a moment.

    What a step turns round entirely, the highest frequency that steps can tell, is put into planes two by two.
    """
    T, Q = schur(orthogonal_map(step))
    angles, first, round_ = np.zeros_like(T), 0, list[int]()
    while first < len(T):
        is_plane = first + 1 < len(T) and abs(T[first + 1, first]) > 1e-9
        if is_plane:
            sine = (T[first, first + 1] - T[first + 1, first]) / 2
            angles[first, first + 1] = np.arctan2(sine, T[first, first])
        elif T[first, first] < 0:
            round_.append(first)
        first += 1 + is_plane
    angles[round_[: len(round_) // 2 * 2 : 2], round_[1::2]] = np.pi
    return Q @ (angles - angles.T) @ Q.T / size


def commuting_part(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """What of a skew matrix A commutes with a skew matrix B, whose frequencies are well apart or alike."""
    values, V = np.linalg.eigh(1j * B)
    alike = np.abs(values[:, None] - values) < 1e-6 * (1 + np.abs(values).max())
    C = (V @ (alike * (V.conj().T @ A @ V)) @ V.conj().T).real
    return (C - C.T) / 2


def flow_of(
    A: np.ndarray, root: np.ndarray, inverse_root: np.ndarray, low: float, high: float, period: float | None
) -> Flow:
    """The flow of a skew generator A in coordinates ``Z @ inverse_root``; frequencies of a period are made whole."""
    T, Q = schur(A)
    scale = 1e-9 * (1 + np.abs(T).max())
    first, order = 0, ([], [])  # type: tuple[int, tuple[list[int], list[int]]]
    while first < len(T):
        turning = first + 1 < len(T) and abs(T[first, first + 1]) > scale
        order[not turning].extend([first, first + 1] if turning else [first])
        first += 1 + turning
    frequencies = np.array([T[k, k + 1] for k in order[0][::2]])
    if period is not None:
        frequencies = np.round(frequencies * period / (2 * np.pi)) * 2 * np.pi / period
    Q = Q[:, [*order[0], *order[1]]]
    return Flow(inverse_root @ Q, Q.T @ root, frequencies, np.zeros(len(T)), low, high, period)


def whole_representation(rho: np.ndarray, flows: Mapping[str, Flow], frame: Frame) -> np.ndarray:
    """Matrices (G, d, d) of the whole finite group, from those of K: an element of K, then strengths of families."""
    return np.stack([_place_map(rho, flows, frame, *place) for place in frame.places])


def _place_map(rho: np.ndarray, flows: Mapping[str, Flow], frame: Frame, k: int, strengths: np.ndarray) -> np.ndarray:
    """The map of an element of the whole group: one of K, then strengths of the families."""
    L = rho[k]
    for name, t in zip(frame.families, strengths, strict=True):
        L = flows[name].carry(L, t) if t else L
    return L

"""Ridge regressions of one view's latents on another's, of their second moments, for every penalty at once."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from latentaug.latent.maps import SINGULAR, Moments

__all__ = ["GCV", "PENALTIES", "Ridge"]

GCV = "gcv"
# Shares of the mean variance of a coordinate; the first is least squares.
PENALTIES = np.concatenate([[0.0], 10 ** np.arange(-9, 4.01, 0.25)])


class Ridge:
    """Ridge regressions ``min_L ||Z @ L - Z_aug||^2 + k ||L - T||^2`` of rows about points, as `Moments` hold them.

    L is shrunk towards T: nothing, which makes every row that of the mean, or the identity, which leaves rows as they
    are. Generalised cross-validation (Golub, Heath and Wahba, 1979) tells which, and how much; it is what leaving out
    each pair in turn would cost, by a formula of the moments.

    Parameters
    ----------
    moments : Moments
        Of two views: from the first to the second.
    n_lost : int
        Degrees of freedom that the points took: 1 where they are means.
    """

    def __init__(self, moments: Moments, n_lost: int = 1) -> None:
        source, target = moments.compositions
        self.n, self.n_lost = moments.n_images, n_lost
        self.S, self.M = moments.between(source, source), moments.between(source, target)
        self.total = float(moments.between(target, target).trace())

    @cached_property
    def _spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        values, Q = np.linalg.eigh(self.S)
        return np.maximum(values, 0), Q

    @cached_property
    def _turned(self) -> np.ndarray:
        return self._spectrum[1].T @ self.M

    def _inverses(self, penalty: float) -> np.ndarray:
        """``1 / (s + k)`` of each eigenvalue, 0 where it is rounding and nothing is added."""
        values = self._spectrum[0]
        lifted = values + penalty * values.mean()
        kept = lifted > SINGULAR * max(values[-1], np.finfo(float).tiny)
        return np.where(kept, 1 / np.where(kept, lifted, 1), 0)

    @cached_property
    def _losses(self) -> dict[bool, tuple[float, np.ndarray]]:
        """By what L is shrunk towards: the loss of that itself, and the squares that eigenvectors may take off it."""
        values, Q = self._spectrum
        squares = np.square(self._turned).sum(axis=1)
        moved = squares + values**2 - 2 * values * np.einsum("ij,ji->i", self._turned, Q)
        return {False: (self.total, squares), True: (self.total + float(values.sum() - 2 * self.M.trace()), moved)}

    def score(self, penalty: float, identity: bool) -> float:
        """Generalised cross-validation: a squared error, summed over coordinates; infinite where nothing is left."""
        values, (total, squares) = self._spectrum[0], self._losses[identity]
        inverses = self._inverses(penalty)
        left = self.n - self.n_lost - float(values @ inverses)
        loss = total - float(squares @ (inverses * (2 - values * inverses)))
        return self.n * max(loss, 1e-14 * total) / left**2 if left > 1e-3 * self.n else np.inf

    def choose(self, penalty: float | str = GCV, identity: bool | None = None) -> tuple[float, bool]:
        """The penalty, a share of the mean variance, and whether L is shrunk towards the identity; as given, or by GCV.

        Where no score can be had, of a single pair, all is shrunk that can be.
        """
        penalties = PENALTIES if isinstance(penalty, str) else np.array([float(penalty)])
        towards = [False, True] if identity is None else [identity]
        scores = np.array([[self.score(k, shrunk) for k in penalties] for shrunk in towards])
        if not np.isfinite(scores).any():
            return float(penalties[-1]), towards[-1]
        which, best = np.unravel_index(scores.argmin(), scores.shape)
        return float(penalties[best]), towards[which]

    def fit(self, penalty: float, identity: bool, rank: int | None = None) -> np.ndarray:
        """The map L (d, d); where a rank is given, its difference from what it is shrunk towards has that rank."""
        values, Q = self._spectrum
        turned = self._turned - values[:, None] * Q.T if identity else self._turned
        change = (Q * self._inverses(penalty)) @ turned
        if rank is not None and rank < len(Q):
            change = self._truncated(change, rank)
        return change + np.eye(len(Q)) if identity else change

    def _truncated(self, change: np.ndarray, rank: int) -> np.ndarray:
        """Reduced-rank regression: what is made of the rows keeps the directions in which it varies most."""
        V = np.linalg.eigh(change.T @ self.S @ change)[1][:, -rank:]
        return (change @ V) @ V.T

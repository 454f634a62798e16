"""Latent space: the second moments of a data set's latents, all that a fit in closed form needs, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from latentaug._validation import shown
from latentaug.codec import Codec
from latentaug.views import Composition, Views

__all__ = ["Moments", "accumulate"]

ALL = slice(None)
BATCH = 1024  # images of which the latents of all views are held at once


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
    """

    compositions: list[Composition]
    gram: np.ndarray
    n_images: int

    @classmethod
    def of(cls, latents: Mapping[Composition, np.ndarray]) -> Moments:
        """The moments of some images, from their latents (n, d) under each view.

        Raises
        ------
        ValueError
            On latents that are no finite numbers.
        """
        Z = np.hstack([np.asarray(rows, dtype=np.float64) for rows in latents.values()])
        with np.errstate(invalid="ignore", over="ignore"):
            gram = Z.T @ Z
        if not np.isfinite(gram.diagonal()).all():
            raise ValueError("The autoencoder gives latents that are no finite numbers: its training has diverged.")
        return cls(list(latents), gram, len(Z))

    def __add__(self, other: Moments) -> Moments:
        if self.compositions != other.compositions or self.gram.shape != other.gram.shape:
            raise ValueError(
                f"Only moments of the same views and latent space add. Got {self._shown()} and {other._shown()}."
            )
        return Moments(self.compositions, self.gram + other.gram, self.n_images + other.n_images)

    def _shown(self) -> str:
        return f"{shown(self.compositions)} in {self.latent_dim} dimensions"

    @property
    def latent_dim(self) -> int:
        """Latent coordinates d."""
        return len(self.gram) // len(self.compositions)

    def between(self, first: Composition, second: Composition) -> np.ndarray:
        """``Z_first.T @ Z_second`` of two views, (d, d)."""
        d = self.latent_dim
        row, column = (d * self.compositions.index(composition) for composition in (first, second))
        return self.gram[row : row + d, column : column + d]


def accumulate(
    codec: Codec,
    views: Views,
    compositions: Sequence[Composition],
    kept: Sequence[Composition] = (),
    rows: slice = ALL,
) -> tuple[Moments, dict[Composition, np.ndarray]]:
    """Encode each view of the images once, batch by batch, and add up the moments.

    Parameters
    ----------
    codec : Codec
        Fitted.
    views : Views
        Its own compositions are not looked at.
    compositions : sequence of tuple of str
        The views.
    kept : sequence of tuple of str
        Those whose latents are held and given back.
    rows : slice
        The images, at least one, by a positive step. Moments of several such parts add up to those of all.

    Returns
    -------
    Moments
    dict of tuple of str to ndarray of shape (n, d)
        The latents of the views kept, float32, row by row the same images.

    Raises
    ------
    ValueError
        On latents that are no finite numbers.
    """
    held: dict[Composition, list[np.ndarray]] = {composition: [] for composition in kept}

    def see(latents: dict[Composition, np.ndarray]) -> Moments:
        moments = Moments.of(latents)
        for composition, parts in held.items():
            parts.append(latents[composition].astype(np.float32))
        return moments

    moments = reduce(add, map(see, _encode(codec, views, compositions, rows)))
    return moments, {composition: np.concatenate(parts) for composition, parts in held.items()}


def _encode(
    codec: Codec, views: Views, compositions: Sequence[Composition], rows: slice
) -> Iterator[dict[Composition, np.ndarray]]:
    """Latents of some images under each view, batch by batch."""
    start, stop, step = rows.indices(len(views))
    for first in range(start, stop, BATCH * step):
        batch = slice(first, min(first + BATCH * step, stop), step)
        yield {composition: codec.encode(views.take(batch, composition)) for composition in compositions}
        views.release()

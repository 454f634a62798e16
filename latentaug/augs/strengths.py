"""Image space: views whose strengths are drawn anew for every image."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from latentaug.augs.contract import run_aug
from latentaug.augs.steps import Composition, powers
from latentaug.augs.views import Views
from latentaug.images import spread

__all__ = ["RandomStrengths"]

LOOKED_AT, AT = 256, 9  # images, and strengths of a line, whose variance is looked at
FAINTEST = 0.02  # share of the greatest variance, below which errors count no more
AT_REST = 1 / 3  # share of the ends of crossings at which a circle is not moved, where there are several families
BY_ORIGINALS, FROM_ORIGINALS = 0.75, 0.7  # share of crossings with one end at strength 0, and of these that begin there


class RandomStrengths:
    """The views of a data set, the strengths of their families drawn for every image, between `low` and `high`.

    Of a family without a function, known by paired images, the strengths stay those given.

    Parameters
    ----------
    views : Views
        In each of whose compositions what has a function and a strength comes last, in the order of the augmentations.
    """

    def __init__(self, views: Views) -> None:
        self.views, self.names = views, list(views.families)
        self.drawn = np.array([family.function is not None for family in views.families.values()])
        self.low, self.high = (
            np.array([getattr(family, end) for family in views.families.values()]) for end in ("low", "high")
        )
        self.are_circles = np.array([family.period is not None for family in views.families.values()])
        self.bases = views.of([self._base(c) for c in views.compositions])
        self.given = [{name: np.asarray(t) for name, t in powers(c)} for c in views.compositions]
        self.has = np.array([[name in given for name in self.names] for given in self.given])

    def _base(self, composition: Composition) -> Composition:
        """What of a composition is not drawn."""
        drawn = {name for name, is_drawn in zip(self.names, self.drawn, strict=True) if is_drawn}
        return tuple((name, power) for name, power in powers(composition) if name not in drawn)

    @property
    def are_several(self) -> bool:
        """Whether several families move images at once, all by functions."""
        return len(self.names) > 1 and bool(self.drawn.all() and self.has.all(axis=1).any())

    @cached_property
    def _shares(self) -> np.ndarray | None:
        """Of each view, how often it is an end of a crossing, where there are several families."""
        if not self.are_several:
            return None
        moves = np.where(self.are_circles, 1 - AT_REST, 1.0)
        kinds = list(zip(self.bases.compositions, map(tuple, self.has), strict=True))
        return np.where(self.has, moves, 1 - moves).prod(axis=1) / [kinds.count(kind) for kind in kinds]

    def draw_views(self, rng: np.random.Generator, first: int, size: int) -> np.ndarray:
        """Numbers (size,) of views, of the first so many, as ends of crossings: all alike where there is one family.

        Of several, each line is in all views drawn, since its ends are what is hard to learn, and each circle in two of
        three: upright images come more often than others, but not so often that these are learned less well.
        """
        shares = None if self._shares is None else self._shares[:first]
        if shares is None or not shares.any():
            return rng.integers(first, size=size)
        return rng.choice(first, size=size, p=shares / shares.sum())

    def draw(self, rng: np.random.Generator, which: np.ndarray) -> np.ndarray:
        """Strengths (n, n_families) for images under the views of some numbers; 0 where a view has no such family.

        Around a circle they are uniform; along a line its ends, which are farthest from all others, come more often.
        """
        places = rng.random((len(which), len(self.names)))
        places = np.where(self.are_circles, places, np.sin(np.pi / 2 * places) ** 2)
        return self.has[which] * (self.low + (self.high - self.low) * places)

    def draw_far(self, rng: np.random.Generator, which: np.ndarray, s: np.ndarray) -> np.ndarray:
        """As `draw`, but along lines the farther of two from some strengths (n, n_families)."""
        t, other = (self.draw(rng, which) for _ in range(2))
        return np.where(~self.are_circles & (np.abs(other - s) > np.abs(t - s)), other, t)

    def by_originals(
        self, rng: np.random.Generator, s: np.ndarray, t: np.ndarray, families: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Strengths at both ends of crossings (n, n_families), of which most begin or end at 0 in some families.

        Where strengths do not add up, as where a bright image is clipped, one made at a strength does not say what it
        came from, and what begins there leads the others astray.
        """
        if not families.any():
            return s, t
        held, begins = rng.random(s.shape) < BY_ORIGINALS, rng.random(s.shape) < FROM_ORIGINALS
        held &= families
        return np.where(held & begins, 0.0, s), np.where(held & ~begins, 0.0, t)

    def weights(self, strengths: np.ndarray) -> np.ndarray:
        """Of errors at strengths (n, n_families): one over how much images vary there, 1 in the mean over draws.

        So each strength of a line counts alike, however dark, flat or small it makes images.
        """
        found = np.ones(len(strengths))
        for j, (grid, levels) in self._levels.items():
            found *= np.interp(strengths[:, j], grid, levels)
        return found

    @cached_property
    def _levels(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Of each family along a line, by its number: some strengths, and the weight of each."""
        views, found = self.views, {}
        images = views.take(spread(len(views), LOOKED_AT))
        for j in np.flatnonzero(self.drawn & ~self.are_circles):
            grid, family = np.linspace(self.low[j], self.high[j], AT), views.families[self.names[j]]
            seen = (run_aug(self.names[j], family.at(np.full(len(images), t)), images, views.format_) for t in grid)
            variance = np.array([views.format_.to_unit(made).var(axis=0).sum(dtype=np.float64) for made in seen])
            levels = 1 / np.maximum(variance, FAINTEST * variance.max() or 1.0)
            places = np.sin(np.pi / 2 * np.linspace(0, 1, 101)) ** 2  # as they are drawn
            drawn = np.interp(grid[0] + (grid[-1] - grid[0]) * places, grid, levels)
            found[int(j)] = grid, levels / drawn.mean()
        return found

    def strengths(self, rows: np.ndarray, which: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        """Those drawn, and in their place those given with paired images."""
        strengths = drawn.copy()
        for j in np.flatnonzero(~self.drawn):
            for k in np.flatnonzero(self.has[:, j]):
                chosen, t = np.flatnonzero(which == k), self.given[k][self.names[j]]
                strengths[chosen, j] = t[rows[chosen]] if t.ndim else t
        return strengths

    def mix(self, rows: np.ndarray, which: np.ndarray, strengths: np.ndarray) -> np.ndarray:
        """Images of some rows under the views of some numbers, each at its own strengths, in the dtype of the data."""
        (images,) = self.bases.mix(rows, which)
        for j in np.flatnonzero(self.drawn):
            name, chosen = self.names[j], np.flatnonzero(self.has[which, j])
            if len(chosen):
                aug = self.views.families[name].at(strengths[chosen, j])
                images[chosen] = run_aug(name, aug, images[chosen], self.views.format_)
        return images

    def mix_pairs(
        self, rows: np.ndarray, source: np.ndarray, target: np.ndarray, s: np.ndarray, t: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Images of some rows under two views, each at its own strengths; made once where both are the same."""
        x = self.mix(rows, source, s)
        y, differ = x.copy(), np.flatnonzero((source != target) | (s != t).any(axis=1))
        y[differ] = self.mix(rows[differ], target[differ], t[differ])
        return x, y

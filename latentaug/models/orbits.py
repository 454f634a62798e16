"""Encoders that obey the laws of a finite group on every image, by averaging over it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from latentaug._rows import batches_of
from latentaug.augs.steps import Composition, powers, reduced, say
from latentaug.augs.views import Views
from latentaug.latent import maps
from latentaug.latent.algebra import Algebra
from latentaug.learn.geometries import group_table
from latentaug.models.codec import Codec
from latentaug.models.errors import model_views

__all__ = ["OrbitCodec", "counts_of", "orbit_of", "warn_of_unseen", "with_circles", "with_ends"]

AROUND, AROUND_EACH = 8, 4  # strengths around a circle, and around each of several
BY_SHOWN = 4  # power of how much images vary at the end of a line, by which what is encoded there counts


def orbit_of(algebra: Algebra, geometries: Mapping[str, str], views: Views) -> list[Composition]:
    """The elements of the group that maps represent, if there are others than the identity and functions make all."""
    elements = algebra.elements[: len(group_table(algebra, geometries))]
    made = all(views.augs[name] is not None for element in elements for name, _ in powers(element))
    return elements if len(elements) > 1 and made and all(map(views.is_known, elements)) else []


def with_ends(orbit: list[Composition], algebra: Algebra) -> list[Composition]:
    """An orbit, each element as it is and at both ends of each line whose strengths add up."""
    for name, laws in algebra.families.items():
        if laws.adds_up:
            ends = [0.0, *(end for end in (laws.low, laws.high) if end)]
            orbit = [reduced([*element, (name, end)]) for end in ends for element in orbit or [()]]
    return orbit


def counts_of(orbit: Sequence[Composition], algebra: Algebra) -> np.ndarray:
    """How much what is encoded at each element counts, 1 in the mean: more at ends of lines where images vary more."""
    lines = {name: laws for name, laws in algebra.families.items() if laws.adds_up}
    shown = {(name, end): v for name, x in lines.items() for end, v in zip((x.low, x.high), x.shown, strict=True)}
    counts = np.array([math.prod(shown.get(step, 1.0) for step in powers(element)) for element in orbit]) ** BY_SHOWN
    return counts / counts.mean() if orbit else counts


def with_circles(orbit: list[Composition], algebra: Algebra) -> list[Composition]:
    """An orbit, each element at strengths all around each family that has a period and a function."""
    circles = {n: laws.period for n, laws in algebra.families.items() if laws.period is not None and laws.is_drawn}
    around = AROUND if len(circles) == 1 else AROUND_EACH
    for name, period in circles.items():
        steps = [(name, k * period / around) for k in range(around)]
        orbit = [reduced([*element, step]) for element in orbit or [()] for step in steps]
    return orbit


def warn_of_unseen(views: Views, elements: Sequence[Composition]) -> None:
    """Say that no image shows some elements of a group, which several augmentations make together."""
    unseen = [c for c in elements if len(dict(powers(c))) > 1 and not views.is_known(c)]
    if unseen:
        others = f" nor {len(unseen) - 1} other compositions" * (len(unseen) > 1)
        message = f"No image shows {say(unseen[0])}{others}: taken to be what each does by itself."
        warnings.warn(f"{message} To mend it, give images of it in views.", UserWarning, stacklevel=4)


class OrbitCodec(Codec):
    """A codec that encodes an image as the mean, over some elements g of a group, of the latents of g(x), carried back.

    So ``encode(g(x)) = encode(x) @ L_g`` for every element of a finite group and every image, which the encoder alone
    only learns; and nearly so for every strength around a circle, of which some are taken, and along a line, of which
    the ends are.

    Parameters
    ----------
    model : LatentModel
        Fitted; with functions of its augmentations.
    orbit : list of tuple of str
        Compositions that make the group's elements.
    """

    def __init__(self, model: Any, orbit: list[Composition]) -> None:
        super().__init__(model.autoencoder_, model.format_)
        self.model, self.orbit = model, orbit
        latent_maps = model.latent_maps_ if model.shared_maps_ is None else model.shared_maps_
        eye = np.eye(len(next(iter(latent_maps.values()))))
        self._maps = np.stack([maps.apply_steps(latent_maps, eye, powers(element)) for element in orbit])
        self._back = np.linalg.inv(self._maps)
        self._counts = counts_of(orbit, model.algebra_)

    def encode(self, images: np.ndarray) -> np.ndarray:
        return np.concatenate([self._mean(batch) for _, batch in batches_of(images)])

    def latent_distribution(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.encode(images), super().latent_distribution(images)[1]

    def moves(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Each element as a rearrangement of the pixels of a row, and the matrix that carries its latents back.

        Raises
        ------
        ValueError
            Where an element does more to pixels than to rearrange them.
        """
        n, rng = self.format_.n_pixels, np.random.default_rng(0)
        numbers = np.stack([np.arange(n), rng.permutation(n)])
        images = self.format_.from_unit((numbers / n).astype(np.float32)).reshape(2, *self.format_.image_shape)
        views, found = model_views(self.model, images, self.orbit), []
        for composition, back in zip(self.orbit, self._back, strict=True):
            moved = n * self.format_.to_unit(views.take(slice(None), composition)).reshape(2, n)
            index = np.rint(moved[0]).astype(int).clip(0, n - 1)
            if np.abs(moved - numbers[:, index]).max() > 0.25:
                raise ValueError(
                    f"An average over {say(composition)} is not exported: it does more than move pixels. Allowed: "
                    "symmetrize=False, or orbit_ = [], an encoder by itself."
                )
            found.append((index, back))
        return found

    def _mean(self, images: np.ndarray) -> np.ndarray:
        """Latents of a batch; fitted to the whole orbit where the autoencoder refines."""
        views = model_views(self.model, images, self.orbit)
        orbits, coder = [views.take(slice(None), composition) for composition in self.orbit], self._coder
        encode = super().encode if coder is None else replace(coder, refine_steps=0).encode
        each = zip(orbits, self._counts[:, None, None] * self._back, strict=True)
        Z = np.mean([encode(x) @ back for x, back in each], axis=0)
        if coder is not None and coder.refine_steps:
            Z = coder.refine_orbits(orbits, Z, self._maps)
        return Z.astype(np.float32)

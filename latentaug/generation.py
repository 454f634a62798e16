"""What a fitted model with latent maps can generate: samples, interpolations, recursions, distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from latentaug._validation import (
    check_choice,
    check_flag,
    check_names,
    check_number,
    draw_seed,
    is_flat,
    unknown_name,
)
from latentaug.latent_transform import LatentTransform
from latentaug.views import Composition, Views

__all__ = ["GenerationMixin"]

BOX_IMAGES = 1024


def _draw_prior(model: Any, transform: LatentTransform, n: int, rng: np.random.RandomState) -> np.ndarray:
    return transform.transform_latent(rng.standard_normal((n, model._latent_dim)))


def _draw_box(model: Any, transform: LatentTransform, n: int, rng: np.random.RandomState) -> np.ndarray:
    view = transform.views_[1]
    if view not in model.latent_boxes_:
        raise unknown_name("view", view, model.latent_boxes_, "Trained on")
    low, high = model.latent_boxes_[view]
    return rng.uniform(low, high, size=(n, len(low)))


SOURCES = {"prior": _draw_prior, "box": _draw_box}


class GenerationMixin:
    """The verbs of `LatentVerbs` that make images of latents."""

    format_: Any
    latent_boxes_: dict[Composition, np.ndarray]
    encode: Any
    decode: Any
    compose: Any
    _reader: Any
    _writer: Any

    def latent_distribution(self, X, *names):
        """Posterior of the latents of images, pushed through augmentations exactly: N(mu L, L^T S L).

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `transform`.
        *names : str
            The augmentations, the leftmost first.

        Returns
        -------
        mean : ndarray of shape (n_images, d)
        covariance : ndarray of shape (n_images, d, d)
        """
        return self.compose(*names).latent_distribution(X)

    def sample(self, n_samples=1, apply=(), random_state=None, source="prior"):
        """Decode random latents to images of a view.

        Parameters
        ----------
        n_samples : int, default=1
            Number of images.
        apply : str or list of str, default=()
            The composition that makes the view, the leftmost first.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.
        source : {"prior", "box"}, default="prior"
            Draws from N(0, I), augmented; or, as the paper, uniform in the bounding box of the training latents of
            the view, which must be one trained on.

        Returns
        -------
        ndarray of shape (n_samples, H, W[, C]) or (n_samples, n_features)
            Images in the layout of the training data, as float32.
        """
        check_number("n_samples", n_samples, low=1, integer=True)
        check_choice("source", source, SOURCES)
        transform = self.compose(*check_names("apply", apply))
        Z = SOURCES[source](self, transform, n_samples, check_random_state(draw_seed(random_state)))
        return self._writer(transform.views_[1]).decode(Z, self.format_.flat)

    def interpolate(self, A, B, n_steps=8):
        """Images on the straight latent lines from those of `A` to those of `B`.

        Parameters
        ----------
        A, B : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            As many images in both.
        n_steps : int, default=8
            Images on a line, both ends included.

        Returns
        -------
        ndarray of shape (n_images, n_steps, H, W[, C]) or (n_images, n_steps, n_features)
            Images in the layout of the training data, as float32.
        """
        check_number("n_steps", n_steps, low=2, integer=True)
        Z_a, Z_b = self.encode(A), self.encode(B)
        if len(Z_a) != len(Z_b):
            raise ValueError(f"A and B must hold as many images. Got {len(Z_a)} and {len(Z_b)}.")
        return np.stack([self.decode(Z_a + t * (Z_b - Z_a)) for t in np.linspace(0, 1, n_steps)], axis=1)

    def recurse(self, X, name, n_steps, return_latents=False):
        """Apply one augmentation again and again, each time through images, as Fig. 5 of the paper.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `transform`.
        name : str
            The augmentation.
        n_steps : int
            How often it is applied.
        return_latents : bool, default=False
            Whether to give the latent path too.

        Returns
        -------
        images : ndarray of shape (n_images, n_steps, H, W[, C]) or (n_images, n_steps, n_features)
            Images after 1, 2, ... applications, as float32.
        latents : ndarray of shape (n_images, n_steps + 1, d)
            Of the images given and of those after each application; only if `return_latents`.
        """
        check_number("n_steps", n_steps, low=1, integer=True)
        check_flag("return_latents", return_latents)
        transform, flat = self.compose(name), is_flat(X)
        latents, images = [self.encode(X)], []
        for k in range(1, n_steps + 1):
            view = (name,) * k
            images.append(self._writer(view).decode(transform.transform_latent(latents[-1]), flat=False))
            if return_latents or k < n_steps:
                latents.append(self._reader(view).encode(images[-1]))
        steps = np.stack([self.format_.layout(stack, flat) for stack in images], axis=1)
        return (steps, np.stack(latents, axis=1)) if return_latents else steps

    def _find_boxes(self, views: Views) -> dict[Composition, np.ndarray]:
        """Least and greatest latents of each view, over some of its images: (2, d)."""
        few, boxes = views.sample(BOX_IMAGES), {}
        for composition in few.compositions:
            encode = self._reader(composition).encode
            Z = np.concatenate([encode(batch) for batch in few.batches(composition)])
            boxes[composition] = np.stack([Z.min(axis=0), Z.max(axis=0)])
        return boxes

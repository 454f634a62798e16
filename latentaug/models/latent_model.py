"""What every model with latent maps can do with images and latents, once it is fitted."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from latentaug._checks import (
    RandomState,
    check_choice,
    check_flag,
    check_latents,
    check_number,
    draw_seed,
    unknown_name,
)  # fmt: skip
from latentaug.augs.steps import Composition, Step, as_composition, inverse, powers, reduced
from latentaug.augs.views import Views
from latentaug.images import ImageFormat, check_images, is_flat
from latentaug.models.base import ImageTransformer, if_invertible
from latentaug.models.codec import Codec
from latentaug.models.errors import error_table
from latentaug.models.transform import LatentTransform

__all__ = ["LatentModel"]

BOX_IMAGES = 1024


def _draw_prior(model: LatentModel, transform: LatentTransform, n: int, rng: np.random.RandomState) -> np.ndarray:
    return transform.transform_latent(rng.standard_normal((n, model.latent_dim_)))


def _draw_box(model: LatentModel, transform: LatentTransform, n: int, rng: np.random.RandomState) -> np.ndarray:
    view, boxes = transform.views_[1], {reduced(c): box for c, box in model.latent_boxes_.items()}
    if view not in boxes:
        raise unknown_name("view", view, boxes, "Trained on")
    low, high = boxes[view]
    return rng.uniform(low, high, size=(n, len(low)))


SOURCES = {"prior": _draw_prior, "box": _draw_box}


class LatentModel(ImageTransformer):
    """Abstract model with latent maps: `fit` sets the attributes below."""

    apply: Any
    autoencoder_: Any
    format_: ImageFormat
    image_shape_: tuple[int, ...]
    n_features_in_: int
    latent_maps_: dict[str, Any]
    latent_boxes_: dict[Composition, np.ndarray]
    condition_numbers_: dict[str, float]
    aug_names_: list[str]
    compositions_: list[Composition]

    @property
    def is_invertible(self) -> bool:
        """Whether augmentations can be undone."""
        return True

    @property
    def latent_dim_(self) -> int:
        """Latent coordinates d."""
        return len(next(iter(self.latent_maps_.values())))

    def decoder_of(self, view: Composition) -> Codec:
        """The codec that decodes to the images of a view."""
        return Codec(self.autoencoder_, self.format_)

    def encoder_of(self, view: Composition) -> Codec:
        """The codec that encodes the images of a view."""
        return self.decoder_of(view)

    def reads(self, view: Composition) -> bool:
        """Whether the model can encode the images of a view.

        Parameters
        ----------
        view : tuple of str

        Returns
        -------
        bool
        """
        return self.knows(view)

    def knows(self, composition: Any) -> bool:
        """Whether the model can make the images of a composition of its augmentations.

        Parameters
        ----------
        composition : tuple of str

        Returns
        -------
        bool
        """
        check_is_fitted(self)
        steps = list(powers(as_composition("composition", composition)))
        return all(name in self.latent_maps_ and (power > 0 or self.is_invertible) for name, power in steps)

    def compose(self, *steps: Step | LatentTransform) -> LatentTransform:
        """A transformer that applies augmentations one after another, sharing this model.

        Parameters
        ----------
        *steps : str, (str, int) or LatentTransform
            Names, alone or with their powers, or transforms of this model; the leftmost acts first. None at all is
            plain reconstruction.

        Returns
        -------
        LatentTransform
            Fitted.

        Raises
        ------
        ValueError
            On a name that the model was not fitted on.
        """
        check_is_fitted(self)
        given = (step.steps if isinstance(step, LatentTransform) else [step] for step in steps)
        parts = (as_composition("steps", part) for part in given)
        return LatentTransform(self, self._known("steps", list(chain.from_iterable(parts))))

    def __getitem__(self, step: Step) -> LatentTransform:
        return self.compose(step)

    def carry(self, X: ArrayLike, source: Any = (), target: Any = (), out: np.ndarray | None = None) -> np.ndarray:
        """Bring images of one view to another, through latent space.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images of the view `source`, scaled as in `transform`.
        source, target : str or sequence of str, default=()
            Compositions, the leftmost first; none is the original. What both begin with is not undone; where they are
            the same, this is reconstruction.
        out : ndarray of the shape of `X`, default=None
            As in `transform`.

        Returns
        -------
        ndarray of the shape of `X`
            As in `transform`.
        """
        check_is_fitted(self)
        views = self._known("source", source), self._known("target", target)
        return LatentTransform(self, reduced(inverse(views[0]) + views[1])).push(X, out, views)

    def encode(self, X: ArrayLike, view: Any = ()) -> np.ndarray:
        """Encode images.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `transform`.
        view : str or sequence of str, default=()
            The composition that they are images of. A `LatentAugmenter` encodes all views alike.

        Returns
        -------
        ndarray of shape (n_images, d)
            Latent rows, in the dtype that the autoencoder gives.
        """
        check_is_fitted(self)
        return self.encoder_of(self._known("view", view)).encode(check_images(self, X, reset=False))

    def decode(self, Z: ArrayLike, view: Any = ()) -> np.ndarray:
        """Decode latent rows.

        Parameters
        ----------
        Z : array-like of shape (n_images, d)
            Latent rows.
        view : str or sequence of str, default=()
            The composition whose images they are. A `LatentAugmenter` decodes all views alike.

        Returns
        -------
        ndarray of shape (n_images, H, W[, C]) or (n_images, n_features)
            Images in the layout of the training data, as float32.
        """
        check_is_fitted(self)
        codec = self.decoder_of(self._known("view", view))
        return codec.decode(check_latents(Z, self.latent_dim_), self.format_.flat)

    def reconstruct(self, X: ArrayLike, out: np.ndarray | None = None) -> np.ndarray:
        """Encode and decode images, with no augmentation.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `transform`.
        out : ndarray of the shape of `X`, default=None
            As in `transform`.

        Returns
        -------
        ndarray of the shape of `X`
            As in `transform`.
        """
        return self.compose().push(X, out)

    def transform_latent(self, Z: ArrayLike, *names: Step | LatentTransform) -> np.ndarray:
        """Apply augmentations to latent rows; no image is encoded or decoded.

        Parameters
        ----------
        Z : array-like of shape (n_images, d)
            Latent rows.
        *names : str
            The augmentations, the leftmost first.

        Returns
        -------
        ndarray of shape (n_images, d)
            Latent rows, in the dtype of `Z`.
        """
        return self.compose(*names).transform_latent(Z)

    @if_invertible
    def inverse_transform_latent(self, Z: ArrayLike, *names: Step | LatentTransform) -> np.ndarray:
        """Undo augmentations on latent rows, by solving and never by an inverse matrix.

        Parameters
        ----------
        Z : array-like of shape (n_images, d)
            Latent rows of augmented images.
        *names : str
            The augmentations in the order in which they were applied; the rightmost is undone first.

        Returns
        -------
        ndarray of shape (n_images, d)
            Latent rows, in the dtype of `Z`.
        """
        return self.compose(*names).inverse().transform_latent(Z)

    def latent_distribution(self, X: ArrayLike, *names: Step | LatentTransform) -> tuple[np.ndarray, np.ndarray]:
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

    def sample(
        self, n_samples: int = 1, apply: Any = (), random_state: RandomState = None, source: str = "prior"
    ) -> np.ndarray:
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
        transform = self.compose(*as_composition("apply", apply))
        Z = SOURCES[source](self, transform, n_samples, check_random_state(draw_seed(random_state)))
        return self.decoder_of(transform.views_[1]).decode(Z, self.format_.flat)

    def interpolate(self, A: ArrayLike, B: ArrayLike, n_steps: int = 8) -> np.ndarray:
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

    def recurse(self, X: ArrayLike, name: str, n_steps: int, return_latents: bool = False) -> Any:
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
            view = reduced((name,) * k)
            images.append(self.decoder_of(view).decode(transform.transform_latent(latents[-1]), flat=False))
            if return_latents or k < n_steps:
                latents.append(self.encoder_of(view).encode(images[-1]))
        steps = np.stack([self.format_.layout(stack, flat) for stack in images], axis=1)
        return (steps, np.stack(latents, axis=1)) if return_latents else steps

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Minus the mean squared error of reconstruction and of what is applied; higher is better.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `transform`.
        y : None
            Ignored.

        Returns
        -------
        float
            Summed over pixels, averaged over images and over the rows of `error_table` that undo nothing.
        """
        rows = error_table(self, X)
        return -float(np.mean([row.error for row in rows if row.task != "undo"]))

    def _known(self, parameter: str, given: Any) -> Composition:
        """Check a composition of the model's own augmentations."""
        composition = as_composition(parameter, given)
        for name, _ in powers(composition):
            if name not in self.latent_maps_:
                raise unknown_name("augmentation", name, self.aug_names_, "Fitted on")
        return composition

    def _applied(self) -> LatentTransform:
        check_is_fitted(self)
        return self.compose(*as_composition("apply", self.aug_names_ if self.apply is None else self.apply))

    def _find_boxes(self, views: Views) -> dict[Composition, np.ndarray]:
        """Least and greatest latents of each view, over some of its images: (2, d)."""
        few, boxes = views.sample(BOX_IMAGES), {}
        for composition in few.compositions:
            encode = self.encoder_of(composition).encode
            Z = np.concatenate([encode(batch) for batch in few.batches(composition)])
            boxes[composition] = np.stack([Z.min(axis=0), Z.max(axis=0)])
        return boxes

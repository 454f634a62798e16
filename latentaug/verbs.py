"""What every model with latent maps can do with images and latents, once it is fitted."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from latentaug._callbacks import CallbackSupportMixin
from latentaug._validation import (
    ImageFormat,
    check_images,
    check_latents,
    check_names,
    unknown_name,
)
from latentaug.codec import Codec
from latentaug.errors import error_table
from latentaug.generation import GenerationMixin
from latentaug.latent_transform import ImagesOutMixin, LatentTransform, if_invertible
from latentaug.persistence import PersistentMixin
from latentaug.views import Composition

__all__ = ["LatentVerbs"]


class LatentVerbs(
    PersistentMixin, CallbackSupportMixin, GenerationMixin, ImagesOutMixin, TransformerMixin, BaseEstimator
):
    """Abstract model with latent maps: `fit` sets the attributes below, and `_codec` gives its autoencoder."""

    apply: Any
    format_: ImageFormat
    latent_maps_: dict[str, Any]
    aug_names_: list[str]
    compositions_: list[Composition]

    @property
    def is_invertible(self):
        """Whether augmentations can be undone."""
        return True

    def _writer(self, view: Composition) -> Codec:
        """The codec that decodes to the images of a view."""
        raise NotImplementedError(f"{type(self).__name__} says what its autoencoder is.")

    def _reader(self, view: Composition) -> Codec:
        """The codec that encodes the images of a view."""
        return self._writer(view)

    def reads(self, view):
        """Whether the model can encode the images of a view.

        Parameters
        ----------
        view : tuple of str

        Returns
        -------
        bool
        """
        return self.knows(view)

    def knows(self, composition):
        """Whether the model can make the images of a composition of its augmentations.

        Parameters
        ----------
        composition : tuple of str

        Returns
        -------
        bool
        """
        check_is_fitted(self)
        return all(name in self.latent_maps_ for name in check_names("composition", composition))

    def transform(self, X, out=None):
        """Augmented images: the composition named by `apply`.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Integers 0..255, or floats on the range of the training data.
        out : ndarray of the shape of `X`, default=None
            What is written into and returned, a memory map too: of float32, float64, or integers, rounded to 0..255.

        Returns
        -------
        ndarray of the shape of `X`
            As float32, or `out`; in [0, 1], or on the range of the training data.
        """
        return self._applied()._push(X, out)

    @if_invertible
    def inverse_transform(self, X, out=None):
        """Images with the composition named by `apply` undone.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Augmented images, scaled as in `transform`.
        out : ndarray of the shape of `X`, default=None
            As in `transform`.

        Returns
        -------
        ndarray of the shape of `X`
            As in `transform`.
        """
        return self._applied().inverse()._push(X, out)

    def compose(self, *steps):
        """A transformer that applies augmentations one after another, sharing this model.

        Parameters
        ----------
        *steps : str or LatentTransform
            Names, or transforms of this model; the leftmost acts first. None at all is plain reconstruction.

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
        parts = (step.steps if isinstance(step, LatentTransform) else ((step, 1),) for step in steps)
        return LatentTransform(self, tuple((self._check_name(name), sign) for part in parts for name, sign in part))

    def __getitem__(self, name):
        return self.compose(name)

    def carry(self, X, source=(), target=(), out=None):
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
        begin, end = self._check_view(source), self._check_view(target)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(begin, end, strict=False)))
        steps = [(name, -1) for name in reversed(begin[shared:])] + [(name, 1) for name in end[shared:]]
        return LatentTransform(self, tuple(steps))._push(X, out, views=(begin, end))

    def encode(self, X, view=()):
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
        return self._reader(self._check_view(view)).encode(check_images(self, X, reset=False))

    def decode(self, Z, view=()):
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
        codec = self._writer(self._check_view(view))
        return codec.decode(check_latents(Z, self._latent_dim), self.format_.flat)

    def reconstruct(self, X, out=None):
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
        return self.compose()._push(X, out)

    def transform_latent(self, Z, *names):
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
        transform = self.compose(*names)
        return transform.transform_latent(Z)

    @if_invertible
    def inverse_transform_latent(self, Z, *names):
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
        transform = self.compose(*names).inverse()
        return transform.transform_latent(Z)

    def score(self, X, y=None):
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

    @property
    def _latent_dim(self):
        return len(next(iter(self.latent_maps_.values())))

    def _check_name(self, name):
        if not isinstance(name, str) or name not in self.latent_maps_:
            raise unknown_name("augmentation", name, self.aug_names_, "Fitted on")
        return name

    def _check_view(self, view):
        return tuple(map(self._check_name, check_names("view", view)))

    def _applied(self):
        check_is_fitted(self)
        return self.compose(*check_names("apply", self.aug_names_ if self.apply is None else self.apply))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

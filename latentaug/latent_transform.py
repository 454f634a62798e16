"""LatentTransform, what `LatentAugmenter.compose` returns: augmentations in a row, over a shared model."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import metadata_routing
from sklearn.utils.metaestimators import available_if

from latentaug import maps
from latentaug._contract import check_out
from latentaug._validation import check_images, check_kind, check_latents, check_model, is_flat, shown
from latentaug.persistence import PersistentMixin
from latentaug.views import Composition

__all__ = ["ImagesOutMixin", "LatentTransform", "if_invertible"]

if_invertible = available_if(lambda self: self.is_invertible)


class ImagesOutMixin:
    """What gives out images: into an array `out` that is no metadata, and with feature names where they are flat rows.

    The names are those that came in. Without names scikit-learn leaves arrays as they are, so image stacks stay arrays
    also where it is told to give out data frames.
    """

    __metadata_request__transform = {"out": metadata_routing.UNUSED}  # noqa: RUF012  (scikit-learn's protocol)
    __metadata_request__inverse_transform = {"out": metadata_routing.UNUSED}  # noqa: RUF012

    @available_if(lambda self: getattr(self, "format_", None) is None or self.format_.flat)
    def get_feature_names_out(self, input_features=None):
        """Names of the features given out: those of the rows given in.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names to check against those seen in `fit`.

        Returns
        -------
        ndarray of str
        """
        return OneToOneFeatureMixin.get_feature_names_out(self, input_features)


class LatentTransform(PersistentMixin, ImagesOutMixin, TransformerMixin, BaseEstimator):
    """Augmentations of a fitted `LatentAugmenter`, one after another; what its `compose` returns.

    It shares the augmenter's model, clones to itself, and works as a step of a Pipeline.

    Parameters
    ----------
    augmenter : LatentAugmenter
        Fitted.
    steps : tuple of (str, int)
        Names, the leftmost acting first, each with 1, or -1 where it is undone.
    """

    def __init__(self, augmenter, steps):
        self.augmenter = augmenter
        self.steps = steps

    def fit(self, X=None, y=None):
        """Do nothing: the augmenter is fitted.

        Parameters
        ----------
        X : array-like, default=None
            Ignored.
        y : None
            Ignored.

        Returns
        -------
        LatentTransform
            Itself.
        """
        return self

    def transform(self, X, out=None):
        """Augmented images.

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
        return self._push(X, out)

    @if_invertible
    def inverse_transform(self, X, out=None):
        """Images with the augmentations undone, the last first.

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
        return self.inverse()._push(X, out)

    def _push(self, X, out=None, views=None):
        """Augment images, batch by batch; as an array, also where scikit-learn is told to give out data frames."""
        self._check_parameters()
        model, (source, target) = self.augmenter, self.views_ if views is None else views
        images, reader, writer = check_images(model, X, reset=False), model._reader(source), model._writer(target)
        shape = (len(images), model.format_.n_pixels) if is_flat(X) else images.shape
        if out is None:
            out = np.empty(shape, dtype=np.float32)
        check_out(out, images, shape)
        return writer.write(lambda rows: self._carry(reader.encode(images[rows])), out)

    def transform_latent(self, Z):
        """Carry latent rows over, without decoding them.

        Parameters
        ----------
        Z : ndarray of shape (n_images, d)
            Latent rows.

        Returns
        -------
        ndarray of shape (n_images, d)
            Computed in float64, returned in the dtype of `Z`.
        """
        self._check_parameters()
        return self._carry(check_latents(Z, self.augmenter._latent_dim))

    def _carry(self, Z):
        """Carry over what needs no check, in the dtype of `Z` or one that holds fractions."""
        carried = np.asarray(Z, dtype=np.float64)
        for name, sign in self.steps:
            L = self.augmenter.latent_maps_[name]
            carried = maps.apply(carried, L) if sign > 0 else maps.apply_inverse(carried, L)
        return np.ascontiguousarray(carried, dtype=np.result_type(Z, np.float32))

    def latent_distribution(self, X):
        """Posterior of the latents of images, pushed through the maps exactly: N(mu L, L^T S L).

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `transform`.

        Returns
        -------
        mean : ndarray of shape (n_images, d)
        covariance : ndarray of shape (n_images, d, d)

        Raises
        ------
        ValueError
            Where the autoencoder gives no posterior, or a map is nonlinear.
        """
        self._check_parameters()
        images = check_images(self.augmenter, X, reset=False)
        if not hasattr(self, "matrix_"):
            raise ValueError("A normal distribution pushed through a nonlinear map is no normal distribution.")
        mean, variance = self.augmenter._reader(self.views_[0]).latent_distribution(images)
        L = self.matrix_
        return mean @ L, np.einsum("ji,nj,jk->nik", L, variance, L, optimize=True)

    @if_invertible
    def inverse(self):
        """Turn the transform round.

        Returns
        -------
        LatentTransform
            What undoes this one.
        """
        return LatentTransform(self.augmenter, tuple((name, -sign) for name, sign in reversed(self.steps)))

    def _check_parameters(self):
        """Refuse what is no fitted model, and steps that it does not know."""
        check_model(self.augmenter)
        check_kind("steps", self.steps, (tuple, list), "a tuple of (name, 1 or -1)")
        allowed = {(name, sign) for name in self.augmenter.latent_maps_ for sign in (1, -1)}
        for step in self.steps:
            if not isinstance(step, tuple) or list(map(type, step)) != [str, int] or step not in allowed:
                names = ", ".join(self.augmenter.latent_maps_)
                raise ValueError(f"A step must be a name and 1, or -1 to undo it. Got {shown(step)}. Names: {names}.")

    def compose(self, *steps):
        """Follow this transform by others.

        Parameters
        ----------
        *steps : str or LatentTransform
            As in `LatentAugmenter.compose`.

        Returns
        -------
        LatentTransform
            This one first.
        """
        return self.augmenter.compose(self, *steps)

    @property
    def is_invertible(self):
        """Whether the steps can be undone."""
        return self.augmenter.is_invertible

    @property
    def views_(self) -> tuple[Composition, Composition]:
        """The view whose images it takes, and the one that it gives: what is undone first was applied before."""
        source: list[str] = []
        target: list[str] = []
        for name, sign in self.steps:
            if sign > 0:
                target.append(name)
            elif not target:
                source.insert(0, name)
            elif target[-1] == name:
                target.pop()
            else:
                target.append(f"{name}^-1")
        return tuple(source), tuple(target)

    @property
    def matrix_(self):
        """The latent map (d, d) of all steps, acting on rows; there is none where a map is nonlinear."""
        if any(callable(self.augmenter.latent_maps_[name]) for name, _ in self.steps):
            raise AttributeError("A nonlinear latent map has no matrix.")
        return self.transform_latent(np.eye(self.augmenter._latent_dim))

    @property
    def format_(self):
        """The augmenter's format of images."""
        return self.augmenter.format_

    @property
    def n_features_in_(self):
        """Pixels times channels of an image."""
        return self.augmenter.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of the columns that the augmenter was fitted on, where they had names."""
        return self.augmenter.feature_names_in_

    def __sklearn_clone__(self):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def __repr__(self):
        names = (name if sign > 0 else f"{name}^-1" for name, sign in self.steps)
        return f"LatentTransform({' then '.join(names) or 'identity'})"

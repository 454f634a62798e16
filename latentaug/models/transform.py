"""LatentTransform, what `LatentAugmenter.compose` returns: augmentations in a row, over a shared model."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import metadata_routing
from sklearn.utils.metaestimators import available_if

from latentaug._checks import check_latents, check_model, shown, unknown_name
from latentaug.augs.steps import Composition, Step, as_composition, inverse, powers, reduced, say
from latentaug.images import check_images, check_out, is_flat
from latentaug.latent import maps
from latentaug.models.base import Transformer

__all__ = ["ImageTransformer", "LatentTransform", "if_invertible"]

if_invertible = available_if(lambda self: self.is_invertible)


class ImageTransformer(Transformer):
    """Abstract transformer that gives out images: into an array `out` that is no metadata, and with feature names.

    The names are those that came in, where images are flat rows. Without names scikit-learn leaves arrays as they are,
    so image stacks stay arrays also where it is told to give out data frames.
    """

    __metadata_request__transform = {"out": metadata_routing.UNUSED}  # noqa: RUF012  (scikit-learn's protocol)
    __metadata_request__inverse_transform = {"out": metadata_routing.UNUSED}  # noqa: RUF012

    def _applied(self) -> Any:
        """The `LatentTransform` that `transform` applies."""
        raise NotImplementedError(f"{type(self).__name__} says what it applies.")

    def transform(self, X: ArrayLike, out: np.ndarray | None = None) -> np.ndarray:
        """Augmented images: by the composition named by `apply`, or by the steps.

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
        return self._applied().push(X, out)

    @if_invertible
    def inverse_transform(self, X: ArrayLike, out: np.ndarray | None = None) -> np.ndarray:
        """Images with the composition named by `apply`, or the steps, undone.

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
        return self._applied().inverse().push(X, out)

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


class LatentTransform(ImageTransformer):
    """Augmentations of a fitted `LatentAugmenter`, one after another; what its `compose` returns.

    It shares the augmenter's model, clones to itself, and works as a step of a Pipeline.

    Parameters
    ----------
    augmenter : LatentAugmenter
        Fitted.
    steps : list of str or (str, int)
        Names, the leftmost acting first, each alone or with its power: how often it acts, undone where negative.
    """

    def __init__(self, augmenter: Any, steps: Any) -> None:
        self.augmenter = augmenter
        self.steps = steps

    def fit(self, X: Any = None, y: Any = None) -> LatentTransform:
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

    def _applied(self) -> LatentTransform:
        return self

    def push(
        self, X: ArrayLike, out: np.ndarray | None = None, views: tuple[Composition, Composition] | None = None
    ) -> np.ndarray:
        """Augment images, batch by batch; as an array, also where scikit-learn is told to give out data frames.

        Parameters
        ----------
        X, out
            As in `transform`.
        views : tuple of two compositions, default=None
            Whose images `X` are and which are to be made, for a model that tells views apart; `views_` if None.

        Returns
        -------
        ndarray of the shape of `X`
            As in `transform`.
        """
        steps = self._check_steps()
        model, (source, target) = self.augmenter, self.views_ if views is None else views
        images, reader, writer = check_images(model, X, reset=False), model.encoder_of(source), model.decoder_of(target)
        shape = (len(images), model.format_.n_pixels) if is_flat(X) else images.shape
        if out is None:
            out = np.empty(shape, dtype=np.float32)
        check_out(out, images, shape)
        return writer.write(lambda rows: self._carry(reader.encode(images[rows]), steps), out)

    def transform_latent(self, Z: ArrayLike) -> np.ndarray:
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
        steps = self._check_steps()
        return self._carry(check_latents(Z, self.augmenter.latent_dim_), steps)

    def _carry(self, Z: np.ndarray, steps: Composition) -> np.ndarray:
        """Carry over what needs no check, in the dtype of `Z` or one that holds fractions."""
        carried = np.asarray(Z, dtype=np.float64)
        for name, power in powers(steps):
            carried = maps.apply(carried, self.augmenter.latent_maps_[name], power)
        return np.ascontiguousarray(carried, dtype=np.result_type(Z, np.float32))

    def latent_distribution(self, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
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
        self._check_steps()
        images = check_images(self.augmenter, X, reset=False)
        if not hasattr(self, "matrix_"):
            raise ValueError("A normal distribution pushed through a nonlinear map is no normal distribution.")
        mean, variance = self.augmenter.encoder_of(self.views_[0]).latent_distribution(images)
        L = self.matrix_
        return mean @ L, np.einsum("ji,nj,jk->nik", L, variance, L, optimize=True)

    @if_invertible
    def inverse(self) -> LatentTransform:
        """Turn the transform round.

        Returns
        -------
        LatentTransform
            What undoes this one.
        """
        return LatentTransform(self.augmenter, inverse(self._check_steps()))

    def _check_steps(self) -> Composition:
        """The steps as a composition; refuse what is no fitted model, and steps that it does not know."""
        check_model(self.augmenter)
        steps = as_composition("steps", self.steps)
        for name, _ in powers(steps):
            if name not in self.augmenter.latent_maps_:
                raise unknown_name("augmentation", name, self.augmenter.latent_maps_, "Fitted on")
        return steps

    def compose(self, *steps: Step | LatentTransform) -> LatentTransform:
        """Follow this transform by others.

        Parameters
        ----------
        *steps : str, (str, int) or LatentTransform
            As in `LatentAugmenter.compose`.

        Returns
        -------
        LatentTransform
            This one first.
        """
        return self.augmenter.compose(self, *steps)

    def __pow__(self, power: int) -> LatentTransform:
        """The transform so many times, turned round where the power is negative."""
        if isinstance(power, (bool, np.bool_)) or not isinstance(power, (int, np.integer)):
            raise TypeError(f"The power of a transform must be an integer. Got {shown(power)}.")
        steps = self._check_steps()
        if len(steps) == 1:
            ((name, once),) = powers(steps)
            return LatentTransform(self.augmenter, reduced([(name, once * int(power))]))
        return LatentTransform(self.augmenter, reduced((steps if power >= 0 else inverse(steps)) * abs(int(power))))

    @property
    def is_invertible(self) -> bool:
        """Whether the steps can be undone."""
        return self.augmenter.is_invertible

    @property
    def views_(self) -> tuple[Composition, Composition]:
        """The view whose images it takes, and the one that it gives: what is undone first was applied before."""
        steps = self._check_steps()
        undone = tuple(takewhile(lambda step: next(powers([step]))[1] < 0, steps))
        return inverse(undone), steps[len(undone) :]

    @property
    def matrix_(self) -> np.ndarray:
        """The latent map (d, d) of all steps, acting on rows; there is none where a map is nonlinear."""
        if not all(maps.is_linear(self.augmenter.latent_maps_[name]) for name, _ in powers(self._check_steps())):
            raise AttributeError("A nonlinear latent map has no matrix.")
        return self.transform_latent(np.eye(self.augmenter.latent_dim_))

    @property
    def format_(self) -> Any:
        """The augmenter's format of images."""
        return self.augmenter.format_

    @property
    def n_features_in_(self) -> int:
        """Pixels times channels of an image."""
        return self.augmenter.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns that the augmenter was fitted on, where they had names."""
        return self.augmenter.feature_names_in_

    def __sklearn_clone__(self) -> LatentTransform:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"LatentTransform({say(self._check_steps()) if self.steps else 'identity'})"

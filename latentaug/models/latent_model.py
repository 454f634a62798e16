"""What every model with latent maps can do once it is fitted, and the transforms that it composes.

A `LatentTransform` is a composition over a model; the verbs of a `LatentModel` are transforms, applied at once.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, takewhile
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import check_random_state, metadata_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from latentaug._checks import (
    RandomState,
    check_choice,
    check_flag,
    check_kind,
    check_latents,
    check_model,
    check_number,
    draw_seed,
    shown,
    unknown_name,
)
from latentaug._sources import gathered
from latentaug.augs.steps import Composition, Power, Step, as_composition, inverse, powers, reduced, say, times, undoes
from latentaug.augs.views import Views
from latentaug.images import ImageFormat, check_images, check_out, is_flat
from latentaug.latent import maps
from latentaug.latent.algebra import MAX_GROUP, Algebra, find_algebra
from latentaug.learn.exporting import export
from latentaug.models.base import Transformer
from latentaug.models.classes import OF_CLASSES, SOURCES, Normal, by_class, known_label
from latentaug.models.codec import Codec
from latentaug.models.errors import error_table, model_views

__all__ = ["ImageTransformer", "LatentModel", "LatentSpace", "LatentTransform", "if_invertible", "refuse_families"]

BOX_IMAGES = 1024

Method = TypeVar("Method", bound=Callable[..., Any])


def if_invertible(method: Method) -> Method:
    """Decorate a method that a model has only where augmentations can be undone."""
    return available_if(lambda self: self.is_invertible)(method)


def refuse_families(model: Any, names: Iterable[str]) -> None:
    """Refuse augmentations with a strength, in a model that has none."""
    for name in names:
        kind = type(model).__name__
        raise ValueError(f"{kind} takes augmentations without a strength. Got {name}; allowed: one strength, .at(30).")


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

    def transform(self, X: ArrayLike, out: np.ndarray | None = None, labels: Any = None) -> np.ndarray:
        """Augmented images: by the composition named by `apply`, or by the steps.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Integers 0..255, or floats on the range of the training data.
        out : ndarray of the shape of `X`, default=None
            What is written into and returned, a memory map too: of float32, float64, or integers, rounded to 0..255.
        labels : array-like of shape (n_images,), or one label of all, default=None
            Of a model that was fitted with labels. Images without one, None or NaN, and of classes that were not seen,
            are taken as those of all.

        Returns
        -------
        ndarray of the shape of `X`
            As float32, or `out`; in [0, 1], or on the range of the training data.
        """
        return self._applied().push(X, out, labels=labels)

    @if_invertible
    def inverse_transform(self, X: ArrayLike, out: np.ndarray | None = None, labels: Any = None) -> np.ndarray:
        """Images with the composition named by `apply`, or the steps, undone.

        Parameters
        ----------
        X, out, labels
            Augmented images, where to write, and labels; as in `transform`, and so is what is returned.
        """
        return self._applied().inverse().push(X, out, labels=labels)

    @available_if(lambda self: getattr(self, "format_", None) is None or self.format_.flat)
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Names of the features given out: those of the rows given in.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names to check against those seen in `fit`.
        """
        return OneToOneFeatureMixin.get_feature_names_out(self, input_features)


Strengths = Sequence[tuple[str, Any]]  # names, each with its power or those of the images (n,)


def _taken(steps: Strengths, rows: Any) -> Strengths:
    """The strengths of some images."""
    return [(name, power[rows] if isinstance(power, np.ndarray) else power) for name, power in steps]


def _fill(
    out: np.ndarray, model: Any, images: np.ndarray, steps: Strengths, views: tuple[Composition, Composition]
) -> np.ndarray:
    """Checked images of one view, brought to another by a model, written into an array batch by batch."""
    reader, writer = model.encoder_of(views[0]), model.decoder_of(views[1])

    def carried(rows: Any) -> np.ndarray:
        return maps.apply_steps(model.latent_maps_, reader.encode(images[rows]), _taken(steps, rows))

    return writer.write(carried, out)


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
        """Do nothing, whatever is given: the augmenter is fitted."""
        return self

    def _applied(self) -> LatentTransform:
        return self

    def push(
        self, X: ArrayLike, out: np.ndarray | None = None, views: tuple[Composition, Composition] | None = None,
        labels: Any = None,
    ) -> np.ndarray:  # fmt: skip
        """Augment images, batch by batch; as an array, also where scikit-learn is told to give out data frames.

        For a model that tells views apart, `views` says whose images `X` are and which are to be made, if not `views_`.
        """
        steps, X = self._check_steps(), gathered(X)
        model, views = self.augmenter, self.views_ if views is None else views
        images = model.checked(X)
        shape = (len(images), model.format_.n_pixels) if is_flat(X) else images.shape
        if out is None:
            out = np.empty(shape, dtype=model.decoder_of(views[1]).dtype_of(images))
        check_out(out, images, shape)
        strengths = [(name, self._strengths(name, power, len(images))) for name, power in powers(steps)]
        if labels is None:
            return _fill(out, model, images, strengths, views)
        for own, rows in by_class(model, labels, len(images)):
            parts = _taken(strengths, rows)
            out[rows] = _fill(np.empty((len(rows), *shape[1:]), out.dtype), own, images[rows], parts, views)
        return out

    def _strengths(self, name: str, power: Power, n: int) -> Any:
        """A power as it is, or those of the images as an array (n,)."""
        if not isinstance(power, tuple):
            return power
        if len(power) != n:
            raise ValueError(f"The powers of {name} must be one number, or one an image: {n}. Got {len(power)}.")
        return np.array(power)

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
        Z = check_latents(Z, self.augmenter.latent_dim_)
        strengths = [(name, self._strengths(name, power, len(Z))) for name, power in powers(steps)]
        return maps.apply_steps(self.augmenter.latent_maps_, Z, strengths)

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
        return mean @ L + self.offset_, np.einsum("ji,nj,jk->nik", L, variance, L, optimize=True)

    @if_invertible
    def inverse(self) -> LatentTransform:
        """What undoes this transform."""
        return LatentTransform(self.augmenter, inverse(self._check_steps()))

    def _check_steps(self) -> Composition:
        """The steps as a composition; refuse what is no fitted model, and steps that it does not know."""
        check_model(self.augmenter, "knows")
        steps = as_composition("steps", self.steps)
        for name, _ in powers(steps):
            if name not in self.augmenter.latent_maps_:
                raise unknown_name("augmentation", name, self.augmenter.latent_maps_, "Fitted on")
        maps.check_powers(self.augmenter.latent_maps_, steps)
        return steps

    def export(self, path: str | os.PathLike[str], *, what: str = "whole", format: str | None = None) -> None:
        """Write the transform as a program that needs no latentaug, as `LatentAugmenter.export` does.

        Parameters
        ----------
        path : str or os.PathLike
            Of the file.
        what : {"whole", "encode", "decode"}, default="whole"
            Images to images; to latents, carried over; or latents, carried over, to images.
        format : {"onnx", "torch"}, default=None
            By the suffix of `path`, .onnx or .pt2, if None.
        """
        steps, model = self._check_steps(), self.augmenter
        check_kind("model", model, LatentModel, "a model of images, such as a LatentAugmenter")
        if any(isinstance(power, tuple) for _, power in powers(steps)):
            raise ValueError(f"An exported model has one strength for all images. Got {say(steps)}.")
        codecs = model.encoder_of(self.views_[0]), model.decoder_of(self.views_[1])
        about = {"steps": say(steps), "aug_names": model.aug_names_}
        export(path, what, format, codecs, self._carriers(steps), self.transform_latent, about)

    def _carriers(self, steps: Composition) -> list[Any]:
        """What carries latents over: a matrix with its offset, or, where a map is nonlinear, one a step."""
        if hasattr(self, "matrix_"):
            return [(self.matrix_, self.offset_)]
        found: list[Any] = []
        for name, power in powers(steps):
            L, step = self.augmenter.latent_maps_[name], self.augmenter.compose((name, power))
            found += [(step.matrix_, step.offset_)] if maps.is_invertible(L) else [L] * power
        return found

    def compose(self, *steps: Step | LatentTransform, **strengths: Any) -> LatentTransform:
        """This transform, then others, as in `LatentAugmenter.compose`."""
        return self.augmenter.compose(self, *steps, **strengths)

    def __pow__(self, power: float) -> LatentTransform:
        """The transform so many times, turned round where the power is negative; of one step, any share of a time."""
        if isinstance(power, (bool, np.bool_)) or not isinstance(power, (int, float, np.integer, np.floating)):
            raise TypeError(f"The power of a transform must be a number. Got {shown(power)}.")
        steps = self._check_steps()
        if len(steps) == 1:
            ((name, once),) = powers(steps)
            return self.augmenter.compose((name, times(once, power)))
        if power != int(power):
            raise ValueError(f"A share of a time needs a transform of one step. Got {say(steps)}, power {power!r}.")
        return LatentTransform(self.augmenter, reduced((steps if power >= 0 else inverse(steps)) * abs(int(power))))

    @property
    def is_invertible(self) -> bool:
        """Whether the steps can be undone."""
        return self.augmenter.is_invertible

    @property
    def views_(self) -> tuple[Composition, Composition]:
        """The view whose images it takes, and the one that it gives: what is undone first was applied before."""
        steps = self._check_steps()
        undone = tuple(takewhile(lambda step: undoes(next(powers([step]))[1]), steps))
        return inverse(undone), steps[len(undone) :]

    @property
    def matrix_(self) -> np.ndarray:
        """The latent map (d, d) of all steps, acting on rows; there is none where a map is nonlinear."""
        if not all(maps.is_invertible(self.augmenter.latent_maps_[name]) for name, _ in powers(self._check_steps())):
            raise AttributeError("A nonlinear latent map has no matrix.")
        return self.transform_latent(np.eye(self.augmenter.latent_dim_)) - self.offset_

    @property
    def offset_(self) -> np.ndarray:
        """What is added to a row carried by `matrix_`, (d,): zeros, but for maps with an intercept."""
        return self.transform_latent(np.zeros((1, self.augmenter.latent_dim_)))[0]

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


class LatentSpace(ImageTransformer):
    """Abstract latent space with maps, of a model of images or of rows alone: `fit` sets the attributes below."""

    apply: Any
    format_: ImageFormat
    n_features_in_: int
    latent_maps_: dict[str, Any]
    algebra_: Algebra
    aug_names_: list[str]
    compositions_: list[Composition]
    classes_: np.ndarray
    class_maps_: dict[Any, dict[str, Any]]
    shared_maps_: dict[str, Any] | None = None  # those of all, in a model for one class

    def checked(self, X: Any) -> np.ndarray:
        """What it is given, checked: a stack of images, or rows."""
        raise NotImplementedError(f"{type(self).__name__} says what it takes.")

    def made(self, transform: LatentTransform, given: np.ndarray) -> np.ndarray:
        """What a transform makes of what was checked."""
        return transform.push(given)

    def decoder_of(self, view: Composition) -> Any:
        """The codec that makes what is given out of latents of a view."""
        raise NotImplementedError(f"{type(self).__name__} says how it decodes.")

    def encoder_of(self, view: Composition) -> Any:
        """The codec that makes latents of what is given of a view."""
        return self.decoder_of(view)

    @property
    def is_invertible(self) -> bool:
        """Whether augmentations can be undone: by all maps but nonlinear ones."""
        return all(map(maps.is_invertible, getattr(self, "latent_maps_", {}).values()))

    @property
    def latent_dim_(self) -> int:
        """Latent coordinates d."""
        return len(next(iter(self.latent_maps_.values())))

    def knows(self, composition: Any) -> bool:
        """Whether the model can make the images of a composition of its augmentations."""
        check_is_fitted(self)
        steps = list(powers(as_composition("composition", composition)))
        return all(name in self.latent_maps_ and (not undoes(power) or self.is_invertible) for name, power in steps)

    def compose(self, *steps: Step | LatentTransform, **strengths: Any) -> LatentTransform:
        """A transformer that applies augmentations one after another, sharing this model.

        Parameters
        ----------
        *steps : str, (str, power) or LatentTransform
            Names, alone or with their powers, or transforms of this model; the leftmost acts first. None at all is
            plain reconstruction. The power of an augmentation with a strength is that strength; of others it is how
            often they act, or a share of that where their map has a real logarithm. An array holds one an image.
        **strengths : number or array-like of shape (n_images,)
            Powers by name, after the steps: ``compose(rotate=30)``.

        Raises
        ------
        ValueError
            On a name that the model was not fitted on.
        """
        check_is_fitted(self)
        given = (step.steps if isinstance(step, LatentTransform) else [step] for step in steps)
        parts = (as_composition("steps", part) for part in given)
        composition = self._known("steps", [*chain.from_iterable(parts), *strengths.items()])
        return LatentTransform(self, composition)

    def __getitem__(self, step: Step) -> LatentTransform:
        return self.compose(step)

    def transform_latent(self, Z: ArrayLike, *names: Step | LatentTransform) -> np.ndarray:
        """Apply augmentations to latent rows (n_images, d), in their dtype; no image is encoded or decoded.

        Parameters
        ----------
        Z : array-like of shape (n_images, d)
            Latent rows.
        *names : str
            The augmentations, the leftmost first.
        """
        return self.compose(*names).transform_latent(Z)

    @if_invertible
    def inverse_transform_latent(self, Z: ArrayLike, *names: Step | LatentTransform) -> np.ndarray:
        """Undo augmentations on latent rows (n_images, d), in their dtype; by solving, never by an inverse matrix.

        Parameters
        ----------
        Z : array-like of shape (n_images, d)
            Latent rows of augmented images.
        *names : str
            The augmentations in the order in which they were applied; the rightmost is undone first.
        """
        return self.compose(*names).inverse().transform_latent(Z)

    def of_class(self, label: Any) -> Any:
        """This model for one class, with the maps of its own; all else is shared.

        Parameters
        ----------
        label : int, str or other label
            One of `classes_`, of a model that was fitted with labels.
        """
        label = known_label(self, label)
        own = copy.copy(self)
        own.__dict__.update(self._of_class(label))
        del own.classes_
        return own

    def _of_class(self, label: Any) -> dict[str, Any]:
        """What is another thing in the model for a class."""
        return {"latent_maps_": self.latent_maps_ | self.class_maps_[label], "shared_maps_": self.latent_maps_}

    def _known(self, parameter: str, given: Any) -> Composition:
        """Check a composition of the model's own augmentations."""
        composition = as_composition(parameter, given)
        for name, _ in powers(composition):
            if name not in self.latent_maps_:
                raise unknown_name("augmentation", name, self.aug_names_, "Fitted on")
        maps.check_powers(self.latent_maps_, composition)
        return composition

    def _applied(self) -> LatentTransform:
        check_is_fitted(self)
        return self.compose(*as_composition("apply", self.aug_names_ if self.apply is None else self.apply))


class LatentModel(LatentSpace):
    """Abstract model of images with latent maps: `fit` sets the attributes below."""

    augs: Any
    autoencoder_: Any
    image_shape_: tuple[int, ...]
    latent_boxes_: dict[Composition, np.ndarray]
    condition_numbers_: dict[str, float]
    class_normals_: dict[Any, Normal]
    normal_: Normal | None = None  # of the latents of the one class that this is a model for

    def checked(self, X: Any) -> np.ndarray:
        """Images, checked, as a stack."""
        return check_images(self, X, reset=False)

    def decoder_of(self, view: Composition) -> Codec:
        """The codec that decodes to the images of a view."""
        return Codec(self.autoencoder_, self.format_)

    def encoder_of(self, view: Composition) -> Codec:
        """The codec that encodes the images of a view."""
        return self.decoder_of(view)

    def reads(self, view: Composition) -> bool:
        """Whether the model can encode the images of a view."""
        return self.knows(view)

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
            As in `transform`, and so is what is returned.
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
        X, out
            As in `transform`, and so is what is returned.
        """
        return self.compose().push(X, out)

    def latent_distribution(self, X: ArrayLike, *names: Step | LatentTransform) -> tuple[np.ndarray, np.ndarray]:
        """Posterior of the latents of images, pushed through augmentations exactly: N(mu L, L^T S L).

        Parameters
        ----------
        X, *names
            Images, and the augmentations, as in `compose`.

        Returns
        -------
        mean : ndarray of shape (n_images, d)
        covariance : ndarray of shape (n_images, d, d)
        """
        return self.compose(*names).latent_distribution(X)

    def sample(
        self, n_samples: int = 1, apply: Any = (), random_state: RandomState = None, source: str = "prior",
        label: Any = None,
    ) -> np.ndarray:  # fmt: skip
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
        label : int, str or other label, default=None
            Of a model that was fitted with labels: draws from the normal of the latents of the class, augmented.

        Returns
        -------
        ndarray of shape (n_samples, H, W[, C]) or (n_samples, n_features)
            Images in the layout of the training data, as float32.
        """
        check_number("n_samples", n_samples, low=1, integer=True)
        check_choice("source", source, SOURCES)
        if label is not None:
            return self.of_class(label).sample(n_samples, apply, random_state, source)
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

    def export(
        self,
        path: str | os.PathLike[str],
        *steps: Step | LatentTransform,
        what: str = "whole",
        format: str | None = None,
    ) -> None:
        """Write a composition as a program that needs no latentaug: ONNX, or a program of `torch.export`.

        It takes and gives float32 in batches of any size: images in the layout and on the range of the training data,
        which stand in the file's metadata, or latents. Before it is written it is compared with the library.

        Parameters
        ----------
        path : str or os.PathLike
            Of the file, which appears whole or not at all.
        *steps : str, (str, power) or LatentTransform
            As in `compose`. None at all: what `transform` applies, and no augmentation in "encode" and "decode".
        what : {"whole", "encode", "decode"}, default="whole"
            Images to images; to latents, carried over; or latents, carried over, to images.
        format : {"onnx", "torch"}, default=None
            By the suffix of `path`, .onnx or .pt2, if None. ONNX needs ``pip install latentaug[export]``.

        Raises
        ------
        ValueError
            Where the network cannot be exported, or the program gives other results than the library.
        TypeError
            Where the autoencoder is no `VAE`.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> import torch
        >>> from latentaug import VAE, LatentAugmenter
        >>> X = np.random.default_rng(0).random((32, 8, 8), dtype=np.float32)
        >>> model = LatentAugmenter(["flip_lr"], VAE(4, max_iter=1), random_state=0).fit(X)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.export(f"{folder}/flip.pt2", "flip_lr")
        ...     flip = torch.export.load(f"{folder}/flip.pt2").module()
        >>> np.allclose(flip(torch.from_numpy(X)), model["flip_lr"].transform(X), atol=1e-5)
        True
        """
        check_is_fitted(self)
        transform = self.compose(*steps) if steps or what != "whole" else self._applied()
        transform.export(path, what=what, format=format)

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
        X = gathered(X)
        transform, flat = self.compose(name), is_flat(X)
        latents, images = [self.encode(X)], []
        for k in range(1, n_steps + 1):
            view = reduced((name,) * k)
            images.append(self.decoder_of(view).decode(transform.transform_latent(latents[-1]), flat=False))
            if return_latents or k < n_steps:
                latents.append(self.encoder_of(view).encode(images[-1]))
        steps = np.stack([self.format_.layout(stack, flat) for stack in images], axis=1)
        return (steps, np.stack(latents, axis=1)) if return_latents else steps

    def pairs_of(self, X: Any, views: Any) -> list[tuple[Composition, np.ndarray, np.ndarray]]:
        """Each composition given with images and what they are under it, checked, on the scale of what is given out."""
        images = self.checked(X)
        data, found = model_views(self, images, views=views), []
        for names in filter(None, data.paired):
            composition = reduced(names)
            rows = data.rows_with([composition])
            rows = np.arange(len(data)) if rows is None else rows
            own = reduced((n, tuple(np.array(p)[rows]) if isinstance(p, tuple) else p) for n, p in powers(composition))
            before, after = (self._as_given_out(data.take(rows, view)) for view in ((), composition))
            found.append((own, before, after))
        return found

    def _as_given_out(self, images: np.ndarray) -> np.ndarray:
        """Integers as floats, on the scale that images are given out on."""
        return self.format_.to_output(images) if images.dtype.kind in "uib" else images

    def score(self, X: ArrayLike, y: Any = None, views: Any = None) -> float:
        """Minus the mean error of reconstruction and of what is applied; higher is better.

        Squared, summed over pixels, averaged over images and over the rows of `error_table` that undo nothing.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `transform`.
        y : None
            Ignored.
        views : dict of tuple of str to array-like, default=None
            As in `error_table`.
        """
        rows = error_table(self, X, views=views)
        return -float(np.mean([row.error for row in rows if row.task != "undo"]))

    def _find_laws(self, data: Views, max_group: int = MAX_GROUP, is_whole: bool = True) -> None:
        """Find the laws of the augmentations, and tell what is trained on."""
        self.algebra_ = find_algebra(data, max_group=max_group, is_whole=is_whole)
        self.compositions_, self.aug_names_ = data.compositions, list(data.augs)

    def _tell_maps(self, latent_maps: dict[str, Any], data: Views) -> None:
        """Tell of the latent maps, and of the latents of some views, the autoencoder being fitted; of no classes."""
        for name in OF_CLASSES:
            self.__dict__.pop(name, None)
        self.latent_maps_ = latent_maps
        self.condition_numbers_ = {name: maps.condition_number(L) for name, L in latent_maps.items()}
        self.latent_boxes_ = self._find_boxes(data)

    def _of_class(self, label: Any) -> dict[str, Any]:
        own = super()._of_class(label)
        numbers = {name: maps.condition_number(L) for name, L in own["latent_maps_"].items()}
        return own | {"condition_numbers_": numbers, "normal_": self.class_normals_[label]}

    def _find_boxes(self, views: Views) -> dict[Composition, np.ndarray]:
        """Least and greatest latents of each view, over some of its images: (2, d)."""
        few, boxes = views.sample(BOX_IMAGES), {}
        for composition in few.compositions:
            encode = self.encoder_of(composition).encode
            Z = np.concatenate([encode(batch) for batch in few.batches(composition)])
            boxes[composition] = np.stack([Z.min(axis=0), Z.max(axis=0)])
        return boxes

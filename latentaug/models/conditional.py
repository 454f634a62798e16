"""The estimator ConditionalVAE, the paper's baseline."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from latentaug._checks import RandomState, check_choice, check_verbosity, shown, unknown_name
from latentaug.augs.steps import Composition, powers, say
from latentaug.augs.views import Views, views_of
from latentaug.latent.algebra import MAX_GROUP
from latentaug.latent.maps import apply
from latentaug.learn.conditions import ClassReconstruction, EmbeddedReconstruction, shifted
from latentaug.learn.geometries import AUTO, ViewMaps, choose_geometries, compositions_to_train, start_maps
from latentaug.learn.networks import ViewConditions
from latentaug.learn.objectives import CONDITIONINGS, ConditionedReconstruction
from latentaug.models.base import all_or_nothing
from latentaug.models.classes import Classes, as_classes, tell_normals
from latentaug.models.codec import Codec, start_autoencoder
from latentaug.models.latent_model import LatentModel, refuse_families
from latentaug.models.vae import VAE

__all__ = ["ConditionalVAE"]


class ConditionalVAE(LatentModel):
    """Conditional variational autoencoder: told the view of an image, not how latents move.

    A one-hot vector of the view is appended to the encoder's features and to z. An image is augmented by encoding it
    under the condition of the original and decoding it under that of the augmentation; so only views trained on can
    be made, and no map is learned. It has the verbs of `LatentAugmenter`, to be compared with it.

    Two more are no baselines, but what the paper's conclusion asks for: conditions and latent maps together.

    Parameters
    ----------
    augs : list of callable, (str, callable) or str
        The augmentations, as for `LatentAugmenter`.
    autoencoder : VAE, default=None
        The settings of network and training; `VAE()` if None.
    conditioning : {"traditional", "invariant", "embedding", "class"}, default="traditional"
        "traditional" reconstructs each view under its own condition; "invariant" decodes any view to any other.
        "embedding" does so by an embedding of the view in place of the one-hot vector, which the maps of augmentations
        act on, and on nothing else: so compositions that were not trained on can be made too. "class" is told the class
        of an image, by the labels given to `fit`, and not its view: latent maps, trained jointly, carry z as those of
        `LatentAugmenter` do. Images without a label are a condition of their own.
    apply : str, list of str or None, default=None
        What `transform` applies, the leftmost first; all augmentations in order if None, none if empty.
    image_shape : tuple of int, default=None
        ``(H, W)`` or ``(H, W, C)`` of a flat row; that of the autoencoder, or one row of pixels, if None.
    random_state : int, RandomState instance or None, default=None
        Seed of all randomness. No global generator is touched.
    verbose : int, default=0
        Whether training shows progress, where `autoencoder` is None.

    Attributes
    ----------
    autoencoders_ : dict of tuple of str to VAE
        A plain autoencoder a view: they share all weights but the biases of two layers, where a one-hot enters. With
        "class" one of all views, of images without a label.
    class_autoencoders_ : dict of label to VAE
        With "class", such an autoencoder of each.
    latent_maps_ : dict of str to ndarray of shape (d, d)
        Identities: latents stay where they are; with "class" the maps of augmentations.
    embedding_maps_ : dict of str to ndarray of shape (d, d)
        With "embedding", the maps of augmentations; they act on embeddings of views.
    embedding_ : list of ndarray
        With "embedding", that of the original (d,), and the matrices that make shifts of biases of one.
    geometries_ : dict of str to str
        With "embedding" and "class", the constraint that each map holds.
    classes_ : ndarray of shape (n_labels,)
        With "class", the labels seen.
    class_normals_ : dict of label to Normal
        With "class", mean and covariance of the latents of each.
    condition_numbers_ : dict of str to float
    algebra_ : Algebra
        The laws found on the images; compositions that are the same view by them are.
    compositions_ : list of tuple of str
        The views trained on.
    latent_boxes_ : dict of tuple of str to ndarray of shape (2, d)
    aug_names_ : list of str
    image_shape_ : tuple of int
    n_features_in_ : int

    References
    ----------
    Sohn, Lee and Yan, "Learning Structured Output Representation using Deep Conditional Generative Models", 2015;
    arXiv 2303.03462, Sec. V-C and Appendix B.

    Examples
    --------
    >>> import numpy as np
    >>> from latentaug import VAE, ConditionalVAE
    >>> X = np.random.default_rng(0).random((32, 8, 8))
    >>> quick = VAE(latent_dim=4, hidden_channels=(4, 8), max_iter=1)
    >>> model = ConditionalVAE(["flip_lr"], quick, conditioning="invariant", random_state=0).fit(X)
    >>> model["flip_lr"].transform(X).shape
    (32, 8, 8)
    """

    autoencoders_: dict[Composition, VAE]
    class_autoencoders_: dict[Any, VAE]
    embedding_: list[np.ndarray]
    embedding_maps_: dict[str, Any]
    geometries_: dict[str, str]

    def __init__(
        self,
        augs: Sequence[Any] | None = None,
        autoencoder: VAE | None = None,
        *,
        conditioning: str = "traditional",
        apply: Any = None,
        image_shape: Sequence[int] | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.augs = augs
        self.autoencoder = autoencoder
        self.conditioning = conditioning
        self.apply = apply
        self.image_shape = image_shape
        self.random_state = random_state
        self.verbose = verbose

    @all_or_nothing
    def fit(self, X: ArrayLike, y: Any = None) -> ConditionalVAE:
        """Train on the original, each augmentation and their compositions.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Integers 0..255 or floats in [0, 1]; floats outside are taken on their own range.
        y : array-like of shape (n_images,), default=None
            With "class", labels; None or NaN of an image without one. Else ignored.

        Raises
        ------
        ValueError, TypeError
            On a wrong parameter, array or augmentation; the augmentation is named.
        """
        check_choice("conditioning", self.conditioning, KINDS)
        check_verbosity(self.verbose)
        if not isinstance(self.autoencoder, (VAE, type(None))):
            raise TypeError(f"autoencoder must be a VAE or None. Got {type(self.autoencoder).__name__}.")
        kind = KINDS[self.conditioning]
        with self._fitting(X, y) as fitting:
            vae = start_autoencoder(self.autoencoder or VAE(verbose=self.verbose), fitting.seed)
            data = self._begin(X, vae, kind)
            classes = _check_labels(y, len(data)) if kind.by_class else None
            with fitting.of(vae):
                trained = kind.learn(self, vae, data, classes, fitting.seed)
            self._tell_maps(kind.tell(self, vae, trained, classes), data)
            if classes is not None:
                self.classes_, self.class_maps_ = classes.labels, {label: {} for label in classes.labels.tolist()}
                tell_normals(self, classes, data)
        return self

    def _begin(self, X: Any, vae: VAE, kind: Kind) -> Views:
        """Find the laws of the augmentations; the views to train on."""
        shape = getattr(self.autoencoder, "image_shape", None) if self.image_shape is None else self.image_shape
        data = views_of(self, X, shape)
        refuse_families(self, data.families)
        self._find_laws(data, min(MAX_GROUP, vae.latent_dim) if kind.has_maps else MAX_GROUP)
        for name in ("geometries_", "embedding_", "embedding_maps_", "class_autoencoders_"):
            self.__dict__.pop(name, None)
        if kind.has_maps:
            self.geometries_ = choose_geometries(AUTO, self.algebra_)
            data = data.of(compositions_to_train(self.algebra_, self.geometries_) or data.compositions)
            self.compositions_ = data.compositions
        return data

    def knows(self, composition: Any) -> bool:
        """Whether a composition can be made: any where there are maps, else, by the laws, a view trained on."""
        known = super().knows(composition)
        return known and (hasattr(self, "geometries_") or self.algebra_.normal(composition) in self._views)

    @property
    def _views(self) -> dict[tuple, Composition]:
        return {self.algebra_.normal(composition): composition for composition in self.autoencoders_}

    def decoder_of(self, view: Composition) -> Codec:
        """The codec that encodes and decodes the images of a view, under its condition."""
        if not self.knows(view):
            known = map(say, self.compositions_)
            raise unknown_name("view", say(view), known, "A conditional VAE makes only what it was trained on")
        trained = self._views.get(self.algebra_.normal(view))
        if trained is None and hasattr(self, "embedding_"):
            return Codec(self._embedded(view), self.format_)
        return Codec(self.autoencoders_[trained or ()], self.format_)

    def _embedded(self, view: Composition) -> VAE:
        """A plain VAE under the condition of a view that was not trained on."""
        original, *shifts = self.embedding_
        carried = original[None]
        for name, power in powers(view):
            carried = apply(carried, self.embedding_maps_[name], power)
        vae = copy.copy(self.autoencoders_[()])
        vae.network_ = shifted(vae.network_, *((carried[0] - original) @ shift for shift in shifts)).eval()
        return vae

    def _of_class(self, label: Any) -> dict[str, Any]:
        return super()._of_class(label) | {"autoencoders_": {(): self.class_autoencoders_[label]}}


def _check_labels(y: Any, n: int) -> Classes:
    """The labels given; refuse what holds none."""
    classes = None if y is None else as_classes(y, n)
    if classes is None:
        raise ValueError(f"conditioning='class' needs labels, y: one an image, or None. Got {shown(y)}.")
    return classes


def _under(vae: VAE, conditions: ViewConditions, k: int) -> VAE:
    """A plain VAE: the one trained, under one condition."""
    autoencoder = copy.copy(vae)
    autoencoder.network_ = conditions.under(k).eval()
    return autoencoder


def _start(model: ConditionalVAE, vae: VAE, data: Views, seed: int) -> tuple[ViewMaps, int]:
    return start_maps(model.algebra_, model.geometries_, data.compositions, vae.latent_dim, seed)


def _learn_views(model: ConditionalVAE, vae: VAE, data: Views, *given: Any) -> Any:
    return vae.learn(data, ConditionedReconstruction, model.conditioning)


def _tell_views(model: ConditionalVAE, vae: VAE, trained: Any, classes: Any) -> dict[str, Any]:
    views = trained.views.compositions
    model.autoencoders_ = {view: _under(vae, trained.network, k) for k, view in enumerate(views)}
    return {name: np.eye(vae.latent_dim) for name in model.aug_names_}


def _learn_embedding(model: ConditionalVAE, vae: VAE, data: Views, classes: Any, seed: int) -> Any:
    return vae.learn(data, EmbeddedReconstruction, _start(model, vae, data, seed)[0], seed)


def _tell_embedding(model: ConditionalVAE, vae: VAE, trained: Any, classes: Any) -> dict[str, Any]:
    model.embedding_, model.embedding_maps_ = trained.network.weights(), trained.network.latent_maps.exact()
    return _tell_views(model, vae, trained, classes)


def _learn_class(model: ConditionalVAE, vae: VAE, data: Views, classes: Any, seed: int) -> Any:
    return vae.learn(data, ClassReconstruction, *_start(model, vae, data, seed), classes.numbers)


def _tell_class(model: ConditionalVAE, vae: VAE, trained: Any, classes: Any) -> dict[str, Any]:
    labels = enumerate(classes.labels.tolist(), start=1)
    model.autoencoders_ = {(): _under(vae, trained.network, 0)}
    model.class_autoencoders_ = {label: _under(vae, trained.network, k) for k, label in labels}
    return trained.latent_maps.exact()


class Kind(NamedTuple):
    """How conditions are learned, whether with maps of augmentations, and whether they are classes.

    `learn` takes the model, its autoencoder, the views, the classes and a seed, and gives the objective trained; `tell`
    tells the model of that, and gives its latent maps.
    """

    learn: Callable[..., Any]
    tell: Callable[..., dict[str, Any]]
    has_maps: bool = False
    by_class: bool = False


KINDS = {
    **dict.fromkeys(CONDITIONINGS, Kind(_learn_views, _tell_views)),
    "embedding": Kind(_learn_embedding, _tell_embedding, has_maps=True),
    "class": Kind(_learn_class, _tell_class, has_maps=True, by_class=True),
}

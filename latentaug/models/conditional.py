"""The estimator ConditionalVAE, the paper's baseline."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from latentaug._checks import RandomState, check_choice, check_verbosity, unknown_name
from latentaug.augs.steps import Composition, say
from latentaug.augs.views import views_of
from latentaug.learn.networks import ViewConditions
from latentaug.learn.objectives import CONDITIONINGS, ConditionedReconstruction
from latentaug.models.base import all_or_nothing
from latentaug.models.codec import Codec, start_autoencoder
from latentaug.models.latent_model import LatentModel, refuse_families
from latentaug.models.vae import VAE

__all__ = ["ConditionalVAE"]


class ConditionalVAE(LatentModel):
    """Conditional variational autoencoder: told the view of an image, not how latents move.

    A one-hot vector of the view is appended to the encoder's features and to z. An image is augmented by encoding it
    under the condition of the original and decoding it under that of the augmentation; so only views trained on can
    be made, and no map is learned. It has the verbs of `LatentAugmenter`, to be compared with it.

    Parameters
    ----------
    augs : list of callable, (str, callable) or str
        The augmentations, as for `LatentAugmenter`.
    autoencoder : VAE, default=None
        The settings of network and training; `VAE()` if None.
    conditioning : {"traditional", "invariant"}, default="traditional"
        "traditional" reconstructs each view under its own condition; "invariant" decodes any view to any other.
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
        A plain autoencoder a view: they share all weights but the biases of two layers, where a one-hot enters.
    latent_maps_ : dict of str to ndarray of shape (d, d)
        Identities: latents stay where they are.
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
        y : None
            Ignored.

        Raises
        ------
        ValueError, TypeError
            On a wrong parameter, array or augmentation; the augmentation is named.
        """
        check_choice("conditioning", self.conditioning, CONDITIONINGS)
        check_verbosity(self.verbose)
        if not isinstance(self.autoencoder, (VAE, type(None))):
            raise TypeError(f"autoencoder must be a VAE or None. Got {type(self.autoencoder).__name__}.")
        with self._fitting(X, y) as fitting:
            shape = getattr(self.autoencoder, "image_shape", None) if self.image_shape is None else self.image_shape
            data = views_of(self, X, shape)
            refuse_families(self, data.families)
            vae = start_autoencoder(self.autoencoder or VAE(verbose=self.verbose), fitting.seed)
            self._find_laws(data)
            with fitting.of(vae):
                conditions = vae.learn(data, ConditionedReconstruction, self.conditioning).network
            self.autoencoders_ = {view: _under(vae, conditions, k) for k, view in enumerate(data.compositions)}
            self._tell_maps({name: np.eye(vae.latent_dim) for name in self.aug_names_}, data)
        return self

    def knows(self, composition: Any) -> bool:
        """Whether a composition is, by the laws of the augmentations, a view trained on."""
        return super().knows(composition) and self.algebra_.normal(composition) in self._views

    @property
    def _views(self) -> dict[tuple, Composition]:
        return {self.algebra_.normal(composition): composition for composition in self.compositions_}

    def decoder_of(self, view: Composition) -> Codec:
        """The codec that encodes and decodes the images of a view, under its condition."""
        if not self.knows(view):
            known = map(say, self.compositions_)
            raise unknown_name("view", say(view), known, "A conditional VAE makes only what it was trained on")
        return Codec(self.autoencoders_[self._views[self.algebra_.normal(view)]], self.format_)


def _under(vae: VAE, conditions: ViewConditions, view: int) -> VAE:
    """A plain VAE: the one trained, under the condition of one view."""
    autoencoder = copy.copy(vae)
    autoencoder.network_ = conditions.under(view).eval()
    return autoencoder

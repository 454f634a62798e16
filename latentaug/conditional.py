"""The estimator ConditionalVAE, the paper's baseline."""

from __future__ import annotations

import copy

import numpy as np

from latentaug._callbacks import FitTasks, all_or_nothing
from latentaug._validation import check_choice, check_verbosity, unknown_name
from latentaug.algebra import find_algebra
from latentaug.codec import Codec, start_autoencoder
from latentaug.distributed import agree_on_seed
from latentaug.networks import ViewConditions
from latentaug.stages import CONDITIONINGS, train_conditional
from latentaug.vae import VAE
from latentaug.verbs import LatentVerbs
from latentaug.views import views_of

__all__ = ["ConditionalVAE"]


class ConditionalVAE(LatentVerbs):
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

    def __init__(
        self,
        augs=None,
        autoencoder=None,
        *,
        conditioning="traditional",
        apply=None,
        image_shape=None,
        random_state=None,
        verbose=0,
    ):
        self.augs = augs
        self.autoencoder = autoencoder
        self.conditioning = conditioning
        self.apply = apply
        self.image_shape = image_shape
        self.random_state = random_state
        self.verbose = verbose

    @all_or_nothing
    def fit(self, X, y=None):
        """Train on the original, each augmentation and their compositions.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Integers 0..255 or floats in [0, 1]; floats outside are taken on their own range.
        y : None
            Ignored.

        Returns
        -------
        ConditionalVAE
            Itself, fitted.

        Raises
        ------
        ValueError, TypeError
            On a wrong parameter, array or augmentation; the augmentation is named.
        """
        check_choice("conditioning", self.conditioning, CONDITIONINGS)
        check_verbosity(self.verbose)
        if not isinstance(self.autoencoder, (VAE, type(None))):
            raise TypeError(f"autoencoder must be a VAE or None. Got {type(self.autoencoder).__name__}.")
        tasks = FitTasks(self, X, y, max_subtasks=1)
        shape = getattr(self.autoencoder, "image_shape", None) if self.image_shape is None else self.image_shape
        data = views_of(self, X, shape)
        vae = start_autoencoder(self.autoencoder or VAE(verbose=self.verbose), agree_on_seed(self))
        self.algebra_ = find_algebra(data)
        self.compositions_, self.aug_names_ = data.compositions, list(data.augs)
        with tasks.of(vae):
            conditions = _fit_conditions(vae, data, CONDITIONINGS[self.conditioning])
        self.autoencoders_ = {view: _under(vae, conditions, k) for k, view in enumerate(data.compositions)}
        self.latent_maps_ = {name: np.eye(vae.latent_dim) for name in self.aug_names_}
        self.condition_numbers_ = dict.fromkeys(self.aug_names_, 1.0)
        self.latent_boxes_ = self._find_boxes(data)
        tasks.end()
        return self

    def knows(self, composition):
        """Whether a composition is, by the laws of the augmentations, a view trained on.

        Parameters
        ----------
        composition : tuple of str

        Returns
        -------
        bool
        """
        return super().knows(composition) and self.algebra_.normal(composition) in self._views

    @property
    def _views(self):
        return {self.algebra_.normal(composition): composition for composition in self.compositions_}

    def _writer(self, view):
        if not self.knows(view):
            known = (" then ".join(c) or "the original" for c in self.compositions_)
            raise unknown_name(
                "view", " then ".join(view), known, "A conditional VAE makes only what it was trained on"
            )
        return Codec(self.autoencoders_[self._views[self.algebra_.normal(view)]], self.format_)


def _fit_conditions(vae, data, draw_views):
    """Train one network under the conditions of all views."""
    trained = []

    def stage(network, views, objective, settings, draws):
        trained.append(ViewConditions(network, len(views.compositions)).to(objective.device))
        return train_conditional(trained[0], views, objective, settings, draws, draw_views)

    vae.fit_views(data, stage)
    return trained[0]


def _under(vae, conditions, view):
    """A plain VAE: the one trained, under the condition of one view."""
    autoencoder = copy.copy(vae)
    autoencoder.network_ = conditions.under(view).eval()
    return autoencoder

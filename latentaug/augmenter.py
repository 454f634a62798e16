"""The estimator LatentAugmenter."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from latentaug import maps
from latentaug._validation import (
    check_choice,
    check_images,
    check_latents,
    check_names,
    check_number,
    draw_seed,
    unknown_name,
)
from latentaug.algebra import MAX_GROUP, find_algebra
from latentaug.codec import Codec
from latentaug.geometries import CHOICES, choose_geometries
from latentaug.latent_transform import LatentTransform
from latentaug.metrics import error_table
from latentaug.stages import METHODS, SOLVERS
from latentaug.vae import VAE
from latentaug.views import declare_views

__all__ = ["LatentAugmenter"]


class LatentAugmenter(TransformerMixin, BaseEstimator):
    """Augmentations of images as linear maps in the latent space of an autoencoder.

    Each augmentation becomes a matrix L acting on latent rows: ``decode(encode(X) @ L)`` augments, products of the
    matrices compose, their inverses undo, also where pixels have no inverse.

    Parameters
    ----------
    augs : list of callable, (str, callable) or str
        The augmentations: functions of an image stack, or names in `latentaug.augs.CATALOGUE`. A name without a
        function is one known by paired images only. None: the names in the `views` given to `fit`.
    autoencoder : transformer with `inverse_transform`, default=None
        A clone is fitted; `VAE()` if None. Other transformers are given flat rows, float32 in [0, 1] for integers.
    method : {"joint", "staged"}, default="joint"
        "joint" chooses exact maps first and trains a `VAE` to obey them; "staged" is the paper: autoencoder, then maps.
    geometry : {"auto", "free", "orthogonal", "finite_order", "group"}, default="auto"
        The constraint on the maps. "auto": the strictest that the images allow, for each augmentation.
    solver : {"lstsq", "adabelief"}, default="lstsq"
        How the staged method fits free maps, Eq. 6: in closed form, or by gradient as the paper did.
    apply : str, list of str or None, default=None
        What `transform` applies, the leftmost first; all augmentations in order if None, none if empty.
    image_shape : tuple of int, default=None
        ``(H, W)`` or ``(H, W, C)`` of a flat row; that of the autoencoder, or one row of pixels, if None.
    random_state : int, RandomState instance or None, default=None
        Seed of all randomness. No global generator is touched.
    verbose : int, default=0
        Whether the default autoencoder shows progress.

    Attributes
    ----------
    autoencoder_ : estimator
        The fitted autoencoder.
    latent_maps_ : dict of str to ndarray of shape (d, d)
        The map of each augmentation, float64, acting on rows: ``Z @ L``.
    algebra_ : Algebra
        The laws found on the images.
    geometries_ : dict of str to str
        The constraint that each map holds.
    condition_numbers_ : dict of str to float
        How much undoing each map can magnify an error.
    compositions_ : list of tuple of str
        The views trained on.
    aug_names_ : list of str
    image_shape_ : tuple of int
    n_features_in_ : int

    References
    ----------
    "Towards Composable Distributions of Latent Space Augmentations", arXiv 2303.03462, Eqs. 5 and 6.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from latentaug import LatentAugmenter
    >>> X = load_digits().images / 16
    >>> augmenter = LatentAugmenter(["flip_lr", "flip_ud"], PCA(32), method="staged").fit(X)
    >>> augmenter.transform(X).shape
    (1797, 8, 8)
    >>> augmenter.compose("flip_lr", "flip_lr").matrix_.round(6).trace()
    np.float64(32.0)
    """

    def __init__(
        self,
        augs=None,
        autoencoder=None,
        *,
        method="joint",
        geometry="auto",
        solver="lstsq",
        apply=None,
        image_shape=None,
        random_state=None,
        verbose=0,
    ):
        self.augs = augs
        self.autoencoder = autoencoder
        self.method = method
        self.geometry = geometry
        self.solver = solver
        self.apply = apply
        self.image_shape = image_shape
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None, views=None):
        """Find the laws of the augmentations, train the autoencoder, fit the maps.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Integers 0..255 or floats in [0, 1]; floats outside are taken on their own range.
        y : None
            Ignored.
        views : dict of tuple of str to array-like, default=None
            Views given as arrays, image by image beside `X`: ``{("flip_lr",): X_flipped}``.

        Raises
        ------
        ValueError, TypeError
            On a wrong parameter, array or augmentation; the augmentation is named.
        """
        self._check_parameters()
        data = self._make_views(X, views)
        seed = draw_seed(self.random_state)
        self.autoencoder_ = self._start_autoencoder(seed)
        self.algebra_ = find_algebra(data, max_group=self._max_group())
        self.geometries_ = choose_geometries(self.geometry, self.algebra_)
        if "group" in self.geometries_.values():
            data = data.of(self.algebra_.compositions())
        self.compositions_, self.aug_names_ = data.compositions, list(data.augs)
        self.latent_maps_ = METHODS[self.method](
            self._codec(), data, self.algebra_, self.geometries_, self.solver, seed
        )
        self.condition_numbers_ = {name: maps.condition_number(L) for name, L in self.latent_maps_.items()}
        return self

    def transform(self, X):
        """Augmented images: the composition named by `apply`.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)

        Returns
        -------
        ndarray of the shape of `X`, float32; in [0, 1], or on the range of the training data
        """
        return self._applied().transform(X)

    def inverse_transform(self, X):
        """Images with the composition named by `apply` undone; shapes and scale as in `transform`."""
        return self._applied().inverse_transform(X)

    def compose(self, *steps):
        """A transformer that applies augmentations one after another, sharing this model.

        Parameters
        ----------
        *steps : str or LatentTransform
            Names, or transforms of this augmenter; the leftmost acts first. None at all is plain reconstruction.
        """
        check_is_fitted(self)
        parts = (step.steps if isinstance(step, LatentTransform) else ((step, 1),) for step in steps)
        return LatentTransform(self, tuple((self._check_name(name), sign) for part in parts for name, sign in part))

    def __getitem__(self, name):
        return self.compose(name)

    def encode(self, X):
        """Latent rows (n_images, d) of images."""
        check_is_fitted(self)
        return self._codec().encode(check_images(self, X, reset=False))

    def decode(self, Z):
        """Images of latent rows (n_images, d), in the layout of the training data."""
        check_is_fitted(self)
        return self._codec().decode(check_latents(Z, self._latent_dim), self.format_.flat)

    def reconstruct(self, X):
        """Images encoded and decoded, with no augmentation."""
        return self.compose().transform(X)

    def transform_latent(self, Z, *names):
        """Apply augmentations to latent rows (n_images, d), the leftmost first; no image is encoded or decoded."""
        transform = self.compose(*names)
        return transform.transform_latent(check_latents(Z, self._latent_dim))

    def inverse_transform_latent(self, Z, *names):
        """Undo augmentations on latent rows (n_images, d), the rightmost first."""
        transform = self.compose(*names).inverse()
        return transform.transform_latent(check_latents(Z, self._latent_dim))

    def sample(self, n_samples=1, apply=(), random_state=None):
        """Decode draws from the prior N(0, I), augmented by the composition `apply`; (n_samples, ...)."""
        check_number("n_samples", n_samples, low=1, integer=True)
        transform = self.compose(*check_names("apply", apply))
        rng = check_random_state(draw_seed(random_state))
        Z = rng.standard_normal((n_samples, self._latent_dim))
        return self._codec().decode(transform.transform_latent(Z), self.format_.flat)

    def interpolate(self, A, B, n_steps=8):
        """Images between those of `A` and those of `B`, both ends reconstructed; (n_images, n_steps, ...)."""
        check_number("n_steps", n_steps, low=2, integer=True)
        Z_a, Z_b = self.encode(A), self.encode(B)
        if len(Z_a) != len(Z_b):
            raise ValueError(f"A and B must hold as many images. Got {len(Z_a)} and {len(Z_b)}.")
        return np.stack([self.decode(Z_a + t * (Z_b - Z_a)) for t in np.linspace(0, 1, n_steps)], axis=1)

    def recurse(self, X, name, n_steps):
        """Images after 1, 2, ... applications of one augmentation, each encoded again; (n_images, n_steps, ...)."""
        check_number("n_steps", n_steps, low=1, integer=True)
        transform, steps = self.compose(name), [X]
        for _ in range(n_steps):
            steps.append(transform.transform(steps[-1]))
        return np.stack(steps[1:], axis=1)

    def score(self, X, y=None):
        """Minus the squared error, summed over pixels, averaged over images and over what `error_table` applies."""
        rows = error_table(self, X)
        return -float(np.mean([row.error for row in rows if row.task != "undo"]))

    # What follows is not public.

    def _check_parameters(self):
        check_choice("method", self.method, METHODS)
        check_choice("geometry", self.geometry, CHOICES)
        check_choice("solver", self.solver, SOLVERS)
        if self.solver != "lstsq" and (self.method, self.geometry) != ("staged", "free"):
            raise ValueError(
                f"solver={self.solver!r} fits free maps only. Allowed: method='staged' with "
                f"geometry='free'. Got method={self.method!r}, geometry={self.geometry!r}."
            )
        if self.method == "joint" and not isinstance(self.autoencoder, (VAE, type(None))):
            raise ValueError(
                "method='joint' trains the autoencoder to obey the maps. Allowed: a VAE, or "
                f"method='staged'. Got {type(self.autoencoder).__name__}."
            )

    def _make_views(self, X, views):
        shape = self.image_shape or getattr(self.autoencoder, "image_shape", None)
        images = check_images(self, X, reset=True, image_shape=shape)
        data = declare_views(images, self.augs, self.format_, views or {})
        for name in check_names("apply", self.apply or ()):
            if name not in data.augs:
                raise unknown_name("augmentation", name, data.augs, "Named in augs")
        return data

    def _start_autoencoder(self, seed):
        """A clone of the autoencoder, with a seed and a progress display where it has none."""
        if self.autoencoder is None:
            return VAE(random_state=seed, verbose=self.verbose)
        autoencoder = clone(self.autoencoder)
        if autoencoder.get_params().get("random_state", seed) is None:
            autoencoder.set_params(random_state=seed)
        return autoencoder

    def _max_group(self):
        return min(MAX_GROUP, self.autoencoder_.latent_dim) if self.method == "joint" else MAX_GROUP

    @property
    def _latent_dim(self):
        return len(next(iter(self.latent_maps_.values())))

    def _check_name(self, name):
        if not isinstance(name, str) or name not in self.latent_maps_:
            raise unknown_name("augmentation", name, self.aug_names_, "Fitted on")
        return name

    def _applied(self):
        check_is_fitted(self)
        return self.compose(*check_names("apply", self.aug_names_ if self.apply is None else self.apply))

    def _codec(self):
        return Codec(self.autoencoder_, self.format_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

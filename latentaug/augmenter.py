"""The estimator LatentAugmenter."""

from __future__ import annotations

import copy
from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.utils.metaestimators import available_if

from latentaug import maps
from latentaug._callbacks import FitTasks, all_or_nothing
from latentaug._validation import check_choice, check_verbosity, shown
from latentaug.algebra import MAX_GROUP, find_algebra
from latentaug.codec import Codec, start_autoencoder
from latentaug.distributed import agree_on_seed
from latentaug.geometries import CHOICES, SOLVERS, choose_geometries
from latentaug.methods import METHODS
from latentaug.vae import VAE
from latentaug.verbs import LatentVerbs
from latentaug.views import views_of

__all__ = ["LatentAugmenter"]


def _goes_on(augmenter: LatentAugmenter) -> bool:
    """Whether an augmenter takes streams: where an encoder moves, moments of its latents do not add up."""
    return augmenter.method == "joint" or isinstance(augmenter.autoencoder, FrozenEstimator)


def _is_autoencoder(autoencoder: object) -> bool:
    verbs = ("fit", "transform", "inverse_transform")
    return not isinstance(autoencoder, type) and all(hasattr(autoencoder, verb) for verb in verbs)


class LatentAugmenter(LatentVerbs):
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
    geometry : {"auto", "free", "orthogonal", "finite_order", "group", "nonlinear"}, default="auto"
        The constraint on the maps. "auto": the strictest that the images allow, for each augmentation. "nonlinear",
        staged only: a residual network beside each free map, which composes but has no inverse.
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
        The map of each augmentation, float64, acting on rows: ``Z @ L``. A nonlinear one is a function of `Z`.
    algebra_ : Algebra
        The laws found on the images.
    geometries_ : dict of str to str
        The constraint that each map holds.
    condition_numbers_ : dict of str to float
        How much undoing each map can magnify an error.
    compositions_ : list of tuple of str
        The views trained on.
    latent_boxes_ : dict of tuple of str to ndarray of shape (2, d)
        Least and greatest latents of each view, over up to 1,024 of the training images, of the last part of a stream.
    stream_ : dict, Moments or None
        What `partial_fit` goes on from: what is learned of the maps jointly, or the moments of all latents so far.
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

    autoencoder_: Any
    stream_: Any

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

    @all_or_nothing
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

        Returns
        -------
        LatentAugmenter
            Itself, fitted.

        Raises
        ------
        ValueError, TypeError
            On a wrong parameter, array or augmentation; the augmentation is named.
        """
        self._check_parameters()
        tasks, seed = FitTasks(self, X, y, max_subtasks=1), agree_on_seed(self)
        data = self._begin(X, views, seed)
        with tasks.of(self.autoencoder_):
            self._fit_maps(data, seed)
        tasks.end()
        return self

    @available_if(_goes_on)
    @all_or_nothing
    def partial_fit(self, X, y=None, views=None):
        """Fit on a part of a stream of images, from where the last call, or `fit`, left off.

        The first part tells the laws of the augmentations. The joint method trains its `VAE` on each part as its
        `partial_fit` does. The staged method has this verb with a `FrozenEstimator` only: its maps are those that all
        parts so far would give at once.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            As in `fit`. Floats outside [0, 1] are taken on the range of the first part.
        y : None
            Ignored.
        views : dict of tuple of str to array-like, default=None
            As in `fit`, beside the images of this part.

        Returns
        -------
        LatentAugmenter
            Itself, fitted.

        Raises
        ------
        ValueError, TypeError
            As in `fit`, and where maps are not fitted in closed form.
        """
        self._check_parameters()
        tasks, seed = FitTasks(self, X, y, max_subtasks=1), agree_on_seed(self)
        if hasattr(self, "latent_maps_"):
            data, before = views_of(self, X, None, views, reset=False).of(self.compositions_), self.stream_
            self.autoencoder_ = copy.copy(self.autoencoder_)  # the fitted one stays, should this fail
        else:
            data, before = self._begin(X, views, seed), None
        with tasks.of(self.autoencoder_):
            self._fit_maps(data, seed, before, goes_on=True)
        tasks.end()
        return self

    def _begin(self, X, views, seed):
        """Find the laws of the augmentations, choose the constraints on the maps; the views to train on."""
        shape = getattr(self.autoencoder, "image_shape", None) if self.image_shape is None else self.image_shape
        data = views_of(self, X, shape, views)
        given = VAE(verbose=self.verbose) if self.autoencoder is None else self.autoencoder
        self.autoencoder_ = start_autoencoder(given, seed)
        self.algebra_ = find_algebra(data, max_group=self._max_group())
        self.geometries_ = choose_geometries(self.geometry, self.algebra_)
        if "group" in self.geometries_.values():
            data = data.of(self.algebra_.compositions())
        self.compositions_, self.aug_names_ = data.compositions, list(data.augs)
        return data

    def _fit_maps(self, data, seed, before=None, goes_on=False):
        """Fit autoencoder and maps on some views, and what is told of the maps."""
        laws, fit = (self.algebra_, self.geometries_), METHODS[self.method]
        self.latent_maps_, self.stream_ = fit(self._writer(()), data, *laws, self.solver, seed, before, goes_on)
        self.condition_numbers_ = {name: maps.condition_number(L) for name, L in self.latent_maps_.items()}
        self.latent_boxes_ = self._find_boxes(data)

    def _check_parameters(self):
        check_choice("method", self.method, METHODS)
        check_choice("geometry", self.geometry, CHOICES)
        check_choice("solver", self.solver, SOLVERS)
        check_verbosity(self.verbose)
        if self.solver != "lstsq" and (self.method, self.geometry) != ("staged", "free"):
            raise ValueError(
                f"solver={self.solver!r} fits free maps only. Allowed: method='staged' with "
                f"geometry='free'. Got method={self.method!r}, geometry={self.geometry!r}."
            )
        if self.method == "joint" and self.geometry == "nonlinear":
            raise ValueError("geometry='nonlinear' has no inverse to train jointly. Allowed: method='staged'.")
        if self.method == "joint" and not isinstance(self.autoencoder, (VAE, type(None))):
            raise ValueError(
                "method='joint' trains the autoencoder to obey the maps. Allowed: a VAE, or "
                f"method='staged'. Got {type(self.autoencoder).__name__}."
            )
        if isinstance(self.autoencoder, VAE):
            self.autoencoder._check_network()
        elif self.autoencoder is not None and not _is_autoencoder(self.autoencoder):
            raise TypeError(f"autoencoder must be a transformer with inverse_transform. Got {shown(self.autoencoder)}.")

    def _max_group(self):
        return min(MAX_GROUP, self.autoencoder_.latent_dim) if self.method == "joint" else MAX_GROUP

    @property
    def is_invertible(self):
        """Whether the maps can be undone: all but nonlinear ones."""
        if hasattr(self, "latent_maps_"):
            return not any(map(callable, self.latent_maps_.values()))
        return self.geometry != "nonlinear"

    def _writer(self, view):
        return Codec(self.autoencoder_, self.format_)

"""The estimator LatentAugmenter."""

from __future__ import annotations

from sklearn.base import clone

from latentaug import maps
from latentaug._validation import check_choice, check_images, check_names, draw_seed, unknown_name
from latentaug.algebra import MAX_GROUP, find_algebra
from latentaug.codec import Codec
from latentaug.geometries import CHOICES, choose_geometries
from latentaug.stages import METHODS, SOLVERS
from latentaug.vae import VAE
from latentaug.verbs import LatentVerbs
from latentaug.views import declare_views

__all__ = ["LatentAugmenter"]


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
        data = self._make_views(X, views)
        seed = draw_seed(self.random_state)
        self.autoencoder_ = self._start_autoencoder(seed)
        self.algebra_ = find_algebra(data, max_group=self._max_group())
        self.geometries_ = choose_geometries(self.geometry, self.algebra_)
        if "group" in self.geometries_.values():
            data = data.of(self.algebra_.compositions())
        self.compositions_, self.aug_names_ = data.compositions, list(data.augs)
        fit_maps = METHODS[self.method]
        self.latent_maps_ = fit_maps(self._codec(), data, self.algebra_, self.geometries_, self.solver, seed)
        self.condition_numbers_ = {name: maps.condition_number(L) for name, L in self.latent_maps_.items()}
        return self

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

    def _codec(self):
        return Codec(self.autoencoder_, self.format_)

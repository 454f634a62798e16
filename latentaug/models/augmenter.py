"""The estimator LatentAugmenter, and the two methods that it fits by: joint training, and the paper's stages."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from latentaug._checks import (
    RandomState,
    check_choice,
    check_flag,
    check_latents,
    check_verbosity,
    shown,
    unknown_name,
)
from latentaug.augs.views import Composition, Views, views_of
from latentaug.images import check_images, is_flat
from latentaug.latent.algebra import MAX_GROUP, Algebra
from latentaug.latent.maps import LatentMap, Moments
from latentaug.latent.strengths import Estimate, Path, nearest_strengths, path_of, strengths_between
from latentaug.learn.coding import load_weights, weights_of
from latentaug.learn.geometries import (
    GEOMETRIES,
    ONE_PARAMETER,
    SOLVERS,
    choices,
    choose_geometries,
    compositions_to_train,
    exact_maps,
    fit_latent_maps,
    start_maps,
    views_to_fit,
)
from latentaug.learn.objectives import CrossReconstruction
from latentaug.learn.processes import processes_of
from latentaug.models.base import Fitting, all_or_nothing
from latentaug.models.classes import as_classes, fit_image_classes
from latentaug.models.codec import Codec, accumulate, start_autoencoder
from latentaug.models.latent_model import LatentModel
from latentaug.models.orbits import OrbitCodec, counts_of, orbit_of, warn_of_unseen, with_circles, with_ends
from latentaug.models.strengths import RandomTransform
from latentaug.models.vae import VAE, check_vae, has_linear_path
from latentaug.models.verdict import Verdict, beside_originals, warn_of_originals

__all__ = ["METHODS", "LatentAugmenter"]


class Found(NamedTuple):
    """What a method fits maps by: the laws, the constraint on each map, the name of a solver, a seed, an orbit."""

    algebra: Algebra
    geometries: Mapping[str, str]
    solver: str
    seed: int
    orbit: Mapping[Composition, float]  # and how much each element counts
    representations: tuple[str, ...] = ("fitted",)  # of the group, among which images choose


class Staged:
    """The paper's method: fit the autoencoder on every view, Eq. 5, then the latent maps of augmentations, Eq. 6."""

    fits_maps = True

    def check(self, autoencoder: Any, geometry: str) -> None:
        """Refuse what it cannot fit."""
        verbs = ("fit", "transform", "inverse_transform")
        if isinstance(autoencoder, type) or not all(hasattr(autoencoder, verb) for verb in verbs):
            raise TypeError(f"autoencoder must be a transformer with inverse_transform. Got {shown(autoencoder)}.")

    def takes_streams(self, autoencoder: Any) -> bool:
        """Only with a frozen autoencoder: where an encoder moves, moments of its latents do not add up."""
        return isinstance(autoencoder, FrozenEstimator)

    def largest_group(self, autoencoder: Any) -> int:
        """Most elements of a group of augmentations."""
        return MAX_GROUP

    def fit(
        self, autoencoder: Any, views: Views, found: Found, before: Moments | None, goes_on: bool
    ) -> tuple[dict[str, LatentMap], Moments | None]:
        """The maps, and what another call goes on from: moments of all latents so far, where they are lasting."""
        compositions, by_rows = views_to_fit(found.algebra, found.geometries, found.solver)
        lasting = self.takes_streams(autoencoder) and not by_rows
        if views.places and goes_on:
            raise ValueError("partial_fit of maps takes views in which no partner is missing.")
        if goes_on and not lasting:
            raise ValueError("partial_fit needs a closed form. Allowed: solver='lstsq' and a geometry that is linear.")
        codec = Codec(autoencoder, views.format_)
        codec.fit(views)
        if views.places:
            return _fit_with_gaps(codec, views, found), None
        moments, rows = _moments_of(codec, views, compositions, by_rows)
        moments = moments if before is None else before + moments
        return fit_latent_maps(moments, rows, *found[:4]), moments if lasting else None


def _fit_with_gaps(codec: Codec, views: Views, found: Found) -> dict[str, LatentMap]:
    """The map of each augmentation on the images that have all views which it needs; those of a group together."""
    flows = {name: key for name, key in found.geometries.items() if key == ONE_PARAMETER}
    group = {name: key for name, key in found.geometries.items() if name not in flows and GEOMETRIES[key].by_group}
    fitted: dict[str, LatentMap] = {}
    for name, key in found.geometries.items():
        beside = name in group or (name not in flows and GEOMETRIES[key].by_commutant)
        needed = {name: key} | flows | (group if beside else {})
        compositions, by_rows = views_to_fit(found.algebra, needed, found.solver)
        rows = views.rows_with(compositions)
        if rows is not None and not len(rows):
            raise ValueError(f"No image has a partner in all views that the map of {name} needs. Allowed: other laws.")
        if name not in fitted:
            moments, kept = accumulate(codec, views, compositions, by_rows)
            maps = fit_latent_maps(moments, kept, found.algebra, needed, found.solver, found.seed)
            together = {*group, *(flows if name in flows else ())}
            fitted |= {other: L for other, L in maps.items() if other == name or other in together}
    return {name: fitted[name] for name in found.geometries}


def _moments_of(
    codec: Codec, views: Views, compositions: Sequence[Composition], by_rows: Sequence[Composition]
) -> tuple[Moments, dict[Composition, np.ndarray]]:
    """What `accumulate` gives; where several processes have trained, each encodes its share, unless rows are kept."""
    processes = processes_of(codec.autoencoder)
    if by_rows or len(views) < processes.world_size:
        return accumulate(codec, views, compositions, by_rows)
    moments, rows = accumulate(codec, views, compositions, (), processes.rank, processes.world_size)
    sums = None if moments.sums is None else processes.sum(moments.sums)
    return replace(moments, gram=processes.sum(moments.gram), n_images=len(views), sums=sums), rows


class Joint:
    """Choose exact maps first, then train a VAE, and what is learned of the maps, to obey them."""

    fits_maps = False

    def check(self, autoencoder: Any, geometry: str) -> None:
        """Refuse what it cannot train."""
        if geometry in GEOMETRIES and not GEOMETRIES[geometry].is_joint:
            raise ValueError(f"geometry={geometry!r} has no inverse to train jointly. Allowed: method='staged'.")
        if not isinstance(autoencoder, VAE):
            raise ValueError(
                "method='joint' trains the autoencoder to obey the maps. Allowed: a VAE, or "
                f"method='staged'. Got {type(autoencoder).__name__}."
            )

    def takes_streams(self, autoencoder: Any) -> bool:
        """Always."""
        return True

    def largest_group(self, autoencoder: VAE) -> int:
        """Most elements of a group of augmentations: the latent space holds a coordinate for each."""
        return min(MAX_GROUP, autoencoder.latent_dim)

    def fit(
        self, autoencoder: VAE, views: Views, found: Found, before: Mapping[str, np.ndarray] | None, goes_on: bool
    ) -> tuple[dict[str, LatentMap], dict[str, np.ndarray]]:
        """The maps, and what another call goes on from: what is learned of them."""
        of_views = found.algebra, found.geometries, views.compositions, autoencoder.latent_dim, found.seed
        latent_maps, n_hubs = start_maps(*of_views, None if before is not None else views, found.representations)
        if before is not None:
            load_weights(latent_maps, before)
        given = latent_maps, n_hubs, found.orbit
        trained = autoencoder.learn(views, CrossReconstruction, *given, goes_on=goes_on).latent_maps
        return exact_maps(trained, found.algebra, found.geometries), weights_of(trained)


MANY, FITTED = 10_000, 30_000  # images, from which an encoder learns laws; below which maps are fitted to them
REPRESENTATIONS = ("auto", "fitted", "posed", "regular")
POSES = 1024  # images trained on whose pose `canonical` knows

METHODS: dict[str, Any] = {"joint": Joint(), "staged": Staged()}


def _takes_streams(augmenter: LatentAugmenter) -> bool:
    method = METHODS.get(str(augmenter.method))
    return method is not None and method.takes_streams(augmenter.autoencoder)


class LatentAugmenter(LatentModel):
    """Augmentations of images as linear maps in the latent space of an autoencoder.

    Each augmentation becomes a matrix L acting on latent rows: ``decode(encode(X) @ L)`` augments, products of the
    matrices compose, their inverses undo, also where pixels have no inverse.

    Parameters
    ----------
    augs : list of callable, (str, callable) or str
        The augmentations: functions of an image stack, `OneParameter` families, or names in `latentaug.augs.CATALOGUE`
        and `FAMILIES`. A name without a function is one known by paired images only. None: the names in the `views`
        given to `fit`.
    autoencoder : transformer with `inverse_transform`, default=None
        A clone is fitted; `VAE()` if None. Other transformers are given flat rows, float32 in [0, 1] for integers.
    method : {"joint", "staged"}, default="joint"
        "joint" chooses exact maps first and trains a `VAE` to obey them; "staged" is the paper: autoencoder, then maps.
    geometry : {"auto", "free", "orthogonal", "finite_order", "group", "nonlinear"}, default="auto"
        The constraint on the maps. "auto": the strictest that the images allow, for each augmentation. "nonlinear",
        staged only: a residual network beside each free map, which composes but has no inverse.
    solver : {"lstsq", "adabelief"}, default="lstsq"
        How the staged method fits free maps, Eq. 6: in closed form, or by gradient as the paper did.
    orders : dict of str to int, default=None
        How often an augmentation known by pairs only has to act to change nothing: ``{"turn": 12}``.
    commute : list of (str, str), default=None
        Pairs of augmentations whose order does not matter, where pairs of images do not tell.
    by_class : bool, default=True
        Whether `fit` heeds labels, where it is given any: see `class_maps_`. False: `y` is ignored.
    representation : {"auto", "fitted", "posed", "regular"}, default="auto"
        The exact maps of a finite group in the joint method. "regular": copies of the regular representation. "fitted":
        its irreducible parts, as many of each as the variance of the images asks for, and one regular one at least;
        better where images are few, worse after a long training. Where there are no images of some elements, as of two
        changes together, it has the parts that images tell apart, whatever is asked for. "posed": a content that no
        augmentation changes, and a few coordinates for the pose, for images whose pose shows, such as upright faces.
        "auto", in `fit`: "posed" if a linear code of that carries images held out better than one of parts; else
        "fitted" for fewer than 30,000 images, and "regular".
    symmetrize : bool or "auto", default="auto"
        Whether the joint method trains, and encodes by, the mean of the latents of all that the finite group of the
        augmentations makes of an image, carried back. The group's laws then hold on every image, not only where they
        were learned, at as many encodings as it has elements. It takes functions; pairs alone are not averaged.
        "auto": in `fit`, where fewer than 10,000 images are trained on. Around a family that has a period, as turns
        have, it encodes by the mean over eight strengths, four where there are several, however many the images; it
        trains without. Along a line whose strengths add up, as those of gamma do, it trains and encodes by the mean
        over the image itself and both ends, however many the images; what varies more there counts more.
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
        The map of each augmentation, float64, acting on rows: ``Z @ L``. A nonlinear one is a function of `Z`; that of
        an augmentation with a strength is a `Flow`, whose ``matrix(t)`` is the map of each.
    algebra_ : Algebra
        The laws found on the images.
    geometries_ : dict of str to str
        The constraint that each map holds.
    condition_numbers_ : dict of str to float
        How much undoing each map can magnify an error.
    compositions_ : list of tuple of str
        The views trained on.
    orbit_ : list of tuple of str
        The compositions that encoding averages over; empty without `symmetrize`. May be set after fit, to
        ``algebra_.elements`` or to none: a refined latent of an orbit obeys the laws that one of an image does not.
    poses_ : ndarray of shape (n_poses, d)
        Where there are strengths, latents of up to 1,024 of the training images, whose pose is that of `canonical`.
    latent_boxes_ : dict of tuple of str to ndarray of shape (2, d)
        Least and greatest latents of each view, over up to 1,024 of the training images, of the last part of a stream.
    verdict_ : Verdict or None
        What the autoencoder is worth, on images under all views; see `VAE`. None where it tells of none.
    stream_ : dict, Moments or None
        What `partial_fit` goes on from: what is learned of the maps jointly, or the moments of all latents so far.
    classes_ : ndarray of shape (n_labels,)
        The labels seen, where `fit` was given labels.
    class_maps_ : dict of label to dict of str to AffineMap
        The maps of each class, ``Z @ L + b``, shrunk towards those of all where the class is small; only of those
        augmentations that they make better, applied and undone, on images held out.
    class_normals_ : dict of label to Normal
        Mean and covariance of the latents of each class.
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
    >>> float(augmenter.compose("flip_lr", "flip_lr").matrix_.round(6).trace())
    32.0
    """

    geometries_: dict[str, str]
    orbit_: list[Composition]
    poses_: np.ndarray
    stream_: Any

    def __init__(
        self,
        augs: Sequence[Any] | None = None,
        autoencoder: Any = None,
        *,
        method: str = "joint",
        geometry: str = "auto",
        solver: str = "lstsq",
        orders: Mapping[str, int] | None = None,
        commute: Sequence[tuple[str, str]] | None = None,
        by_class: bool = True,
        representation: str = "auto",
        symmetrize: bool | str = "auto",
        apply: Any = None,
        image_shape: Sequence[int] | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.augs = augs
        self.autoencoder = autoencoder
        self.method = method
        self.geometry = geometry
        self.solver = solver
        self.orders = orders
        self.commute = commute
        self.by_class = by_class
        self.representation = representation
        self.symmetrize = symmetrize
        self.apply = apply
        self.image_shape = image_shape
        self.random_state = random_state
        self.verbose = verbose

    @all_or_nothing
    def fit(self, X: ArrayLike, y: Any = None, views: Mapping[Any, ArrayLike] | None = None) -> LatentAugmenter:
        """Find the laws of the augmentations, train the autoencoder, fit the maps.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Integers 0..255 or floats in [0, 1]; floats outside are taken on their own range.
        y : array-like of shape (n_images,), default=None
            Labels; None or NaN of an image without one. Numbers with fractions, and several columns, are ignored.
        views : dict of tuple of str to array-like, default=None
            Views given as arrays, image by image beside `X`: ``{("flip_lr",): X_flipped}``. What is missing is an image
            of NaN, a masked one, or None in a list; or ``(rows, X_flipped)`` says which rows of `X` the others stand
            beside.

        Raises
        ------
        ValueError, TypeError
            On a wrong parameter, array or augmentation; the augmentation is named.
        """
        self._check_parameters()
        with self._fitting(X, y) as fitting:
            data = self._begin(X, views, fitting.seed)
            classes = as_classes(y, len(data)) if self.by_class and y is not None else None
            self._fit_maps(data, fitting)
            if classes is not None:
                fit_image_classes(self, classes, data)
        return self

    @available_if(_takes_streams)
    @all_or_nothing
    def partial_fit(self, X: ArrayLike, y: Any = None, views: Mapping[Any, ArrayLike] | None = None) -> LatentAugmenter:
        """Fit on a part of a stream of images, from where the last call, or `fit`, left off.

        The first part tells the laws of the augmentations. The joint method trains its `VAE` on each part as its
        `partial_fit` does. The staged method has this verb with a `FrozenEstimator` only: its maps are those that all
        parts so far would give at once. Maps of classes are those of `fit` only, and are gone.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            As in `fit`. Floats outside [0, 1] are taken on the range of the first part.
        y : None
            Ignored.
        views : dict of tuple of str to array-like, default=None
            As in `fit`, beside the images of this part.

        Raises
        ------
        ValueError, TypeError
            As in `fit`, and where maps are not fitted in closed form.
        """
        self._check_parameters()
        with self._fitting(X, y) as fitting:
            if hasattr(self, "latent_maps_"):
                data, before = views_of(self, X, None, views, reset=False), self.stream_
                self._check_augs(data)
                data = data.of(self.compositions_)
                self.autoencoder_ = copy.copy(self.autoencoder_)  # the fitted one stays, should this fail
            else:
                data, before = self._begin(X, views, fitting.seed), None
            self._fit_maps(data, fitting, before, goes_on=True)
        return self

    def estimate(self, A: ArrayLike, B: ArrayLike, name: str) -> Estimate:
        """The strengths of an augmentation that lead from some images to others, read off their latents.

        Parameters
        ----------
        A, B : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, and the same ones augmented; scaled as in `transform`.
        name : str
            An augmentation with a strength, or one whose map has a real logarithm: then its power.

        Returns
        -------
        Estimate
            Named arrays (n_images,): `strength`, its standard `error`, and the `residual` that is left.

        Raises
        ------
        ValueError
            On an augmentation without a strength whose map has no real logarithm.
        """
        Z_a, Z_b = self.encode(A).astype(np.float64), self.encode(B).astype(np.float64)
        if len(Z_a) != len(Z_b):
            raise ValueError(f"A and B must hold as many images. Got {len(Z_a)} and {len(Z_b)}.")
        return strengths_between(self._path(name), Z_a, Z_b, self._weights(A))

    def random(self, random_state: RandomState = None, **distributions: Any) -> RandomTransform:
        """A distribution over augmentations, drawn image by image.

        Parameters
        ----------
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.
        **distributions
            Of each augmentation, the first acting first, a probability; or of its strengths ``(low, high)``, between
            which they are uniform, or a distribution of `scipy.stats`: ``random(rotate=(-30, 30), flip_lr=0.5)``.
        """
        check_is_fitted(self)
        return RandomTransform(self, distributions, random_state).check()

    def canonical(self, X: ArrayLike, *names: str, return_strengths: bool = False) -> Any:
        """Images brought to one pose: each as near as it gets, in latent space, to an image trained on.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images at any strength.
        *names : str
            The augmentations with a strength to undo, one after another; all, if none is named.
        return_strengths : bool, default=False
            Whether to give, beside the images, the strengths that brought them there, (n_images,), by name.

        Returns
        -------
        images : ndarray of the shape of `X`
        strengths : dict of str to ndarray
            Only if `return_strengths`.
        """
        check_flag("return_strengths", return_strengths)
        Z, strengths = self.canonical_latent(self.encode(X), *names)
        images = self.decoder_of(()).decode(Z, is_flat(X))
        return (images, strengths) if return_strengths else images

    def canonical_latent(self, Z: ArrayLike, *names: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Latent rows (n_images, d) brought to one pose, as `canonical` does, and the strengths that brought them."""
        check_is_fitted(self)
        Z = check_latents(Z, self.latent_dim_)
        known, strengths = list(self.algebra_.families), {}
        if not known:
            raise ValueError("canonical needs an augmentation with a strength, such as augs.rotate. Got none.")
        for name in names or known:
            if not isinstance(name, str) or name not in known:
                raise unknown_name("augmentation with a strength", name, known, "Fitted on")
            path = self._path(name)
            strengths[name] = nearest_strengths(path, Z.astype(np.float64), self.poses_)
            Z = self.compose((name, strengths[name])).transform_latent(Z)
        return Z, strengths

    def _path(self, name: Any) -> Path:
        """The latent map of an augmentation as a curve of strengths."""
        check_is_fitted(self)
        if not isinstance(name, str) or name not in self.latent_maps_:
            raise unknown_name("augmentation", name, self.aug_names_, "Fitted on")
        try:
            return path_of(self.latent_maps_[name])
        except (ValueError, TypeError) as error:
            raise ValueError(f"{name}: {error}") from None

    def _weights(self, X: ArrayLike) -> np.ndarray:
        """Of the latent coordinates (d,): one over the variance of their posteriors, where there are such."""
        if not hasattr(self.autoencoder_, "latent_distribution"):
            return np.ones(self.latent_dim_)
        images = check_images(self, X, reset=False)
        variance = self.encoder_of(()).latent_distribution(images[:256])[1]
        return 1 / np.maximum(2 * variance.mean(axis=0, dtype=np.float64), 1e-12)

    def _check_augs(self, data: Views) -> None:
        """Refuse augmentations other than those fitted on."""
        if list(data.augs) != self.aug_names_:
            now, before = (", ".join(names) for names in (data.augs, self.aug_names_))
            raise ValueError(f"augs must be those fitted on, {before}. Got {now}; a clone starts anew.")

    def _begin(self, X: Any, views: Any, seed: int) -> Views:
        """Find the laws of the augmentations, choose the constraints on the maps; the views to train on."""
        shape = getattr(self.autoencoder, "image_shape", None) if self.image_shape is None else self.image_shape
        data = views_of(self, X, shape, views)
        self.autoencoder_ = start_autoencoder(self._autoencoder, seed)
        method = METHODS[self.method]
        self._find_laws(data, method.largest_group(self.autoencoder_), is_whole=method.fits_maps)
        warn_of_unseen(data, self.algebra_.elements)
        self.geometries_ = choose_geometries(self.geometry, self.algebra_)
        wanted = compositions_to_train(self.algebra_, self.geometries_)
        data = data if wanted is None else data.of([*filter(data.is_known, wanted), *data.given_strengths])
        self.compositions_ = data.compositions
        return data

    def _fit_maps(self, data: Views, fitting: Fitting, before: Any = None, goes_on: bool = False) -> None:
        """Fit autoencoder and maps on some views, and what is told of the maps."""
        orbit = orbit_of(self.algebra_, self.geometries_, data) if self._symmetrizes(data, goes_on) else []
        is_averaged = self.method == "joint" and bool(self.symmetrize)
        orbit = with_ends(orbit, self.algebra_) if is_averaged else []
        self.orbit_ = with_circles(orbit, self.algebra_) if is_averaged else []
        found = Found(
            self.algebra_,
            self.geometries_,
            self.solver,
            fitting.seed,
            dict(zip(orbit, counts_of(orbit, self.algebra_), strict=True)),
            self._representations(data, goes_on),
        )
        with fitting.of(self.autoencoder_):
            latent_maps, self.stream_ = METHODS[self.method].fit(self.autoencoder_, data, found, before, goes_on)
            self._tell_maps(latent_maps, data)
            if self.algebra_.families:
                few = data.sample(POSES)
                self.poses_ = np.concatenate([self.encoder_of(()).encode(batch) for batch in few.batches(())])
        vae = self.autoencoder_
        if isinstance(vae, VAE) and not vae.refine_steps and vae.verdict_ is not None and not vae.verdict_.is_worse:
            warn_of_originals(beside_originals(self.carry, data, len(data) * vae.n_iter_, vae.latent_dim), self)

    def _representations(self, data: Views, goes_on: bool) -> tuple[str, ...]:
        """The kinds of representation among which the images choose."""
        if self.representation != "auto":
            return (self.representation,)
        other = "fitted" if len(data) < FITTED and not goes_on else "regular"
        return ("posed", other) if has_linear_path(self._autoencoder) and not goes_on else (other,)

    def _check_symmetrize(self) -> None:
        if isinstance(self.symmetrize, str):
            check_choice("symmetrize", self.symmetrize, ("auto", True, False))
        else:
            check_flag("symmetrize", self.symmetrize)
            if self.symmetrize and self.method != "joint":
                raise ValueError(
                    f"symmetrize=True trains encoder and maps together. Allowed: method='joint'. "
                    f"Got method={self.method!r}."
                )

    def _symmetrizes(self, data: Views, goes_on: bool) -> bool:
        chosen = (len(data) < MANY and not goes_on) if self.symmetrize == "auto" else bool(self.symmetrize)
        return self.method == "joint" and chosen

    def encoder_of(self, view: Composition) -> Codec:
        """The codec that encodes the images of any view: the autoencoder's, or its mean over an orbit."""
        orbit = getattr(self, "orbit_", [])  # models of 0.1.0 have none
        return OrbitCodec(self, orbit) if orbit else super().encoder_of(view)

    @property
    def _autoencoder(self) -> Any:
        return VAE(verbose=self.verbose) if self.autoencoder is None else self.autoencoder

    def _check_parameters(self) -> None:
        check_choice("method", self.method, METHODS)
        check_choice("geometry", self.geometry, choices())
        check_choice("solver", self.solver, SOLVERS)
        check_verbosity(self.verbose)
        check_flag("by_class", self.by_class)
        check_choice("representation", self.representation, REPRESENTATIONS)
        if self.representation == "posed" and not (self.method == "joint" and has_linear_path(self._autoencoder)):
            raise ValueError(
                "representation='posed' takes a linear path a pose. Allowed: method='joint', and a VAE with network="
                f"'auto', 'conv' or 'dense'. Got method={self.method!r}, {shown(self._autoencoder)}."
            )
        self._check_symmetrize()
        serves = SOLVERS[self.solver].serves
        if serves is not None and not (METHODS[self.method].fits_maps and self.geometry in serves):
            raise ValueError(
                f"solver={self.solver!r} fits {', '.join(serves)} maps only. Allowed: method='staged' with "
                f"geometry='{serves[0]}'. Got method={self.method!r}, geometry={self.geometry!r}."
            )
        METHODS[self.method].check(self._autoencoder, self.geometry)
        if isinstance(self._autoencoder, VAE):
            check_vae(self._autoencoder)

    @property
    def verdict_(self) -> Verdict | None:
        """What the autoencoder is worth; None where it tells of none."""
        return getattr(self.autoencoder_, "verdict_", None)

    @property
    def is_invertible(self) -> bool:
        """Whether the maps can be undone: all but nonlinear ones."""
        geometry = None if hasattr(self, "latent_maps_") else GEOMETRIES.get(str(self.geometry))
        return super().is_invertible if geometry is None else geometry.is_invertible

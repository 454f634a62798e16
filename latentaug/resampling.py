"""The estimator LatentResampler: a training set with augmented copies of its images, for a classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import assert_all_finite, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from latentaug._callbacks import CallbackSupportMixin, FitTasks, all_or_nothing
from latentaug._validation import ImageFormat, check_classifier, check_images, check_number, draw_seed
from latentaug.augs import name_augs
from latentaug.codec import fitted_model, in_dtype
from latentaug.labels import check_allowed, composed_labels, draw_copies, labels_seen
from latentaug.persistence import PersistentMixin
from latentaug.verbs import LatentVerbs

__all__ = ["LatentResampler"]


def _append(X: Any, copies: np.ndarray) -> Any:
    """Images with copies beneath them: a frame of the same columns, or an array."""
    copies = copies.reshape(len(copies), *np.shape(X)[1:])
    if not hasattr(X, "columns"):
        return np.concatenate([np.asarray(X), copies])
    columns = {}
    for name, added in zip(X.columns, copies.T, strict=True):
        pixels = np.asarray(X[name])
        added = np.rint(added) if pixels.dtype.kind in "ui" else added
        columns[name] = np.concatenate([pixels, added.astype(pixels.dtype)])
    frame = type(X)(columns)
    return frame.astype(X.dtypes) if hasattr(X, "iloc") else frame


def _append_labels(y: Any, added: np.ndarray) -> Any:
    """Labels with those of the copies beneath them: a frame of one column, a pandas series, or an array."""
    if hasattr(y, "columns"):
        return _append(y, added)
    labels = np.concatenate([column_or_1d(y), added])
    return type(y)(labels, name=y.name, dtype=y.dtype) if hasattr(y, "iloc") and y.ndim == 1 else labels


def _check_scale(images: np.ndarray, format_: ImageFormat) -> None:
    """Refuse floats on quite another scale than the augmenter's, beside which its images would be black or white."""
    low, high = format_.value_range
    if images.dtype.kind == "f" and (images.min() < 2 * low - high or images.max() > 2 * high - low):
        raise ValueError(
            f"X is on another scale than the augmenter was fitted on, {low:g}..{high:g}. "
            f"Got {images.min():g}..{images.max():g}."
        )


class LatentResampler(PersistentMixin, CallbackSupportMixin, BaseEstimator):
    """Augmented copies of the images of a training set, made in latent space, for a classifier.

    A step of an `imblearn.pipeline.Pipeline`, which calls `fit_resample` on what it trains on and leaves the step out
    where it predicts. An augmentation that changes what an image means must not be used for it, or needs another label
    (Eqs. 3 and 4): `allowed` says for which labels each may be used.

    Parameters
    ----------
    augmenter : LatentAugmenter, TransferHead or ConditionalVAE
        A fitted one is used as it is; an unfitted one is cloned and fitted on the images given. Cloning a resampler,
        as a search or a pipeline does, unfits its augmenter, unless that is held in a `FrozenEstimator`.
    n_augments : int, default=1
        Copies of each image, by different compositions; fewer where fewer compositions are allowed for its label.
        Compositions are drawn from those that the augmenter was trained on, its `compositions_`.
    allowed : dict of str to iterable of labels or to dict of label to label, default=None
        For each augmentation the labels that it keeps, or what it makes of each label: ``{"half_turn": {0: 0, 6: 9}}``.
        Labels are followed step by step along a composition; one with a step that is not allowed is not used, and an
        augmentation that is not named never is. None: every augmentation keeps every label.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws, and of the augmenter where it is unfitted and has none. No global generator is touched.

    Attributes
    ----------
    augmenter_ : estimator
        The fitted augmenter.
    classes_ : ndarray of shape (n_labels,)
        The labels seen.
    sample_indices_ : ndarray of shape (n_resampled,)
        Of each row given out last, the row that it is or is made of.
    applied_ : list of tuple of str
        Of each row given out last, the composition that made it; ``()`` for the originals.
    image_shape_ : tuple of int
    n_features_in_ : int

    References
    ----------
    "Towards Composable Distributions of Latent Space Augmentations", arXiv 2303.03462, Eqs. 3 and 4.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from latentaug import LatentAugmenter, LatentResampler
    >>> X, y = load_digits().images[:200] / 16, load_digits().target[:200]
    >>> flips = LatentAugmenter(["flip_lr", "flip_ud"], PCA(16), method="staged")
    >>> allowed = {"flip_lr": [0, 8], "flip_ud": [0, 3, 8]}
    >>> X_more, y_more = LatentResampler(flips, 2, allowed, random_state=0).fit_resample(X, y)
    >>> [int((y_more == digit).sum() - (y == digit).sum()) for digit in range(10)]
    [42, 0, 0, 21, 0, 0, 0, 0, 38, 0]
    """

    def __init__(self, augmenter, n_augments=1, allowed=None, *, random_state=None):
        self.augmenter = augmenter
        self.n_augments = n_augments
        self.allowed = allowed
        self.random_state = random_state

    @all_or_nothing
    def fit(self, X, y):
        """Check everything, and fit the augmenter where it is unfitted; what `fit_resample` does first.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Integers 0..255 or floats, as for the augmenter.
        y : array-like of shape (n_images,)
            Labels, numbers or strings.

        Returns
        -------
        LatentResampler
            Itself, fitted.

        Raises
        ------
        ValueError, TypeError
            On a wrong parameter, array, augmentation or label, before anything is trained.
        """
        self._start(X, y)
        return self

    @all_or_nothing
    def fit_resample(self, X, y):
        """The training set with augmented copies beneath it.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Integers 0..255 or floats, as for the augmenter; a data frame of rows, too.
        y : array-like of shape (n_images,)
            Labels, numbers or strings.

        Returns
        -------
        X_resampled : ndarray or data frame
            The images as they came, then the copies, image by image, in the same layout, dtype and value range.
        y_resampled : ndarray of shape (n_resampled,), pandas Series or data frame
            Labels in the dtype of `y`.

        Raises
        ------
        ValueError, TypeError
            As `fit`.
        """
        images, numbers, moves, seed = self._start(X, y)
        compositions = [composition for composition in self.augmenter_.compositions_ if composition]
        becomes = composed_labels(compositions, moves)
        rows, which = draw_copies(becomes.T[numbers] >= 0, self.n_augments, check_random_state(seed))
        Z = self.augmenter_._reader(()).encode(images)
        copies = np.empty((len(rows), *images.shape[1:]), images.dtype)
        for k in np.unique(which):
            copies[which == k] = self._decode(Z[rows[which == k]], compositions[k], images.dtype)
        self.sample_indices_ = np.concatenate([np.arange(len(images)), rows])
        self.applied_ = [()] * len(images) + [compositions[k] for k in which]
        return _append(X, copies), _append_labels(y, self.classes_[becomes[which, numbers[rows]]])

    @all_or_nothing
    def suggest_allowed(self, X, y, classifier, *, threshold=0.8, random_state=None):
        """Find by a classifier what each augmentation makes of each label.

        The classifier learns from half of the images. It is then shown the other half under each augmentation, made in
        latent space. Where it sees one label in most images of a label, and in at least `threshold` times the share
        that it sees in plain reconstructions of the label seen, the augmentation makes that label. Labels that it does
        not see in most of their own reconstructions are left out.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            As in `fit`, which this does first.
        y : array-like of shape (n_images,)
            Labels, two images of each at least.
        classifier : estimator
            A clone is fitted, on flat rows in [0, 1].
        threshold : float, default=0.8
            Higher is stricter.
        random_state : int, RandomState instance or None, default=None
            Seed of the split into halves.

        Returns
        -------
        dict of str to dict of label to label
            To be looked at before it is passed as `allowed`: a classifier has to choose one of the labels that it
            knows, also for an image that shows none of them.

        Raises
        ------
        ValueError, TypeError
            As `fit`, and on a wrong threshold or a label with one image.
        """
        check_number("threshold", threshold, low=0, above=True)
        check_classifier(classifier)
        judge = clone(classifier)
        images, numbers, *_ = self._start(X, y, least=2)
        model, labels = self.augmenter_, self.classes_[numbers]
        learn, look = train_test_split(
            np.arange(len(labels)), test_size=0.5, stratify=labels, random_state=draw_seed(random_state)
        )
        judge.fit(self._unit_rows(images[learn]), labels[learn])
        Z = model._reader(()).encode(images[look])

        def seen(*names):
            predicted = judge.predict(self._unit_rows(self._decode(Z, names)))
            return confusion_matrix(labels[look], predicted, labels=self.classes_, normalize="true")

        plain = seen().diagonal()
        return {name: labels_seen(seen(name), plain, threshold, self.classes_) for name in model.aug_names_}

    def _start(self, X, y, least=1):
        """Check all, fit the augmenter; images, their labels' numbers, what is allowed, and the seed."""
        model = getattr(self.augmenter, "estimator", self.augmenter)
        if not isinstance(model, LatentVerbs):
            allowed = "a LatentAugmenter, TransferHead or ConditionalVAE"
            raise TypeError(f"augmenter must be {allowed}. Got {type(model).__name__}.")
        check_number("n_augments", self.n_augments, low=1, integer=True)
        numbers = self._check_labels(X, y, least)
        names = model.aug_names_ if hasattr(model, "aug_names_") else list(name_augs(model.augs))
        moves = check_allowed(self.allowed, names, self.classes_)
        tasks, seed = FitTasks(self, X, y, max_subtasks=1), draw_seed(self.random_state)
        self.augmenter_ = fitted_model(self.augmenter, X, seed, tasks.of)
        images = check_images(self.augmenter_, X, reset=False)
        _check_scale(images, self.augmenter_.format_)
        self.image_shape_, self.n_features_in_ = self.augmenter_.image_shape_, self.augmenter_.n_features_in_
        tasks.end()
        return images, numbers, moves, seed

    def _check_labels(self, X, y, least):
        """Check the labels, and give their numbers in `classes_`."""
        if y is None:
            raise ValueError("LatentResampler requires y to be passed, but the target y is None.")
        labels = column_or_1d(y)
        check_consistent_length(X, labels)
        if labels.dtype.kind == "f":
            assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
        encoder = LabelEncoder()
        numbers = encoder.fit_transform(labels)
        self.classes_ = encoder.classes_
        few = self.classes_[np.bincount(numbers) < least]
        if len(few):
            raise ValueError(f"Every label needs {least} images or more. Got fewer of {', '.join(map(str, few))}.")
        return numbers

    def _decode(self, Z, composition, dtype=None):
        """Images of latents under a composition: on the augmenter's value range, or in a dtype."""
        model = self.augmenter_
        carried = model.compose(*composition).transform_latent(Z)
        images = model._writer(tuple(composition)).decode(carried, flat=False)
        return images if dtype is None else in_dtype(images, dtype, model.format_)

    def _unit_rows(self, images):
        return self.augmenter_.format_.to_unit(images).reshape(len(images), -1)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        return tags

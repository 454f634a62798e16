"""The estimator LatentResampler: a training set with augmented copies of its images, and what becomes of labels."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import assert_all_finite, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from latentaug._checks import (
    RandomState,
    check_choice,
    check_classifier,
    check_kind,
    check_number,
    draw_seed,
    shown,
    unknown_name,
)
from latentaug.augs.catalogue import name_augs
from latentaug.augs.steps import Composition, Step, counts, powers
from latentaug.images import check_images, in_dtype
from latentaug.models.base import Estimator, all_or_nothing
from latentaug.models.classes import Normal
from latentaug.models.codec import fitted_model
from latentaug.models.latent_model import LatentModel
from latentaug.models.strengths import RandomTransform, by_image

__all__ = [
    "LatentResampler", "check_allowed", "composed_labels", "draw_balanced", "draw_copies", "draw_latents",
    "images_missing", "labels_seen",
]  # fmt: skip

Allowed = Mapping[str, Any]  # labels of each augmentation, or what it makes of each label


def check_allowed(allowed: Any, names: Sequence[str], classes: np.ndarray) -> dict[str, np.ndarray]:
    """Check what each augmentation makes of each label: numbers (n_labels + 1,), -1 where it may not be used.

    The last entry, -1 too, is what comes of a label that is already lost.
    """
    labels = classes.tolist()
    if not isinstance(allowed, (Mapping, type(None))):
        raise TypeError(f"allowed must be a dict of augmentation to labels, or None. Got {shown(allowed)}.")
    numbers = {label: number for number, label in enumerate(labels)}
    moves = {name: np.full(len(labels) + 1, -1) for name in names}
    for name, kept in (dict.fromkeys(names, labels) if allowed is None else allowed).items():
        if name not in moves:
            raise unknown_name("augmentation in allowed", name, names)
        for label, becomes in _label_pairs(name, kept):
            for given in (label, becomes):
                if not isinstance(given, Hashable) or given not in numbers:
                    raise unknown_name(f"label in allowed[{name!r}]:", given, labels, "In y")
            moves[name][numbers[label]] = numbers[becomes]
    return moves


def _label_pairs(name: str, kept: Any) -> Iterable[tuple[Any, Any]]:
    """Labels, each with the one it becomes: itself where only labels are given."""
    if isinstance(kept, (str, bytes)) or not isinstance(kept, Iterable):
        raise TypeError(f"allowed[{name!r}] must be labels, or a dict of label to label. Got {shown(kept)}.")
    return kept.items() if isinstance(kept, Mapping) else ((label, label) for label in kept)


def composed_labels(compositions: Sequence[Composition], moves: Mapping[str, np.ndarray]) -> np.ndarray:
    """What each composition makes of each label, step by step: numbers (n_compositions, n_labels), or -1."""
    n_labels = len(next(iter(moves.values()))) - 1
    becomes = np.tile(np.arange(n_labels), (len(compositions), 1))
    for k, composition in enumerate(compositions):
        for name, power in powers(composition):
            for _ in range(power if counts(power) else 1):  # one with a strength changes a label once
                becomes[k] = moves[name][becomes[k]]
    return becomes


def draw_copies(usable: np.ndarray, n_augments: int, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Draw for each image up to `n_augments` different compositions of those usable, bool (n, n_compositions).

    Returns the rows of the images, in order, and the compositions' numbers, both (n_copies,).
    """
    order = np.argsort(np.where(usable, rng.random_sample(usable.shape), np.inf), axis=1)[:, :n_augments]
    rows, places = np.nonzero(np.take_along_axis(usable, order, axis=1))
    return rows, order[rows, places]


STRATEGIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "auto": lambda counts: counts < counts.max(),
    "not majority": lambda counts: counts < counts.max(),
    "minority": lambda counts: np.arange(len(counts)) == counts.argmin(),
    "not minority": lambda counts: np.arange(len(counts)) != counts.argmin(),
    "all": lambda counts: np.ones(len(counts), dtype=bool),
}


def images_missing(strategy: Any, y: Any, numbers: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Images that each class lacks of what a `sampling_strategy` asks for, in imbalanced-learn's words: (n_labels,)."""
    counts = np.bincount(numbers, minlength=len(classes))
    if isinstance(strategy, str):
        check_choice("sampling_strategy", strategy, STRATEGIES)
        return np.where(STRATEGIES[strategy](counts), counts.max() - counts, 0)
    wanted, labels = strategy(y) if callable(strategy) else strategy, classes.tolist()
    kinds = ", ".join(map(repr, STRATEGIES))
    check_kind(
        "sampling_strategy", wanted, Mapping, f"{kinds}, a dict of label to images, or a function that gives one"
    )
    missing = np.zeros(len(classes), dtype=int)
    for label, n in wanted.items():
        if not isinstance(label, Hashable) or label not in labels:
            raise unknown_name("label in sampling_strategy:", label, labels, "In y")
        number = labels.index(label)
        check_number(f"sampling_strategy[{label!r}]", n, low=int(counts[number]), integer=True)
        missing[number] = n - counts[number]
    return missing


def draw_balanced(
    made: np.ndarray, missing: np.ndarray, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw for each class as many different copies as it lacks, of `made`, the label of each copy (n, n_compositions).

    Returns the rows of the images, the compositions' numbers, and what each class lacks still.
    """
    drawn = [np.empty(0, dtype=int)]
    for label, n in enumerate(missing):
        copies = np.flatnonzero(made.ravel() == label)
        drawn.append(np.sort(rng.choice(copies, size=min(n, len(copies)), replace=False)))
    places = np.concatenate(drawn)
    return (*np.divmod(places, max(1, made.shape[1])), missing - np.array([len(part) for part in drawn[1:]]))


def draw_latents(Z: np.ndarray, n: int, rng: np.random.RandomState) -> np.ndarray:
    """Latents of no image: from a normal of those of a class, its covariance shrunk (Ledoit and Wolf, 2004): (n, d)."""
    return Normal.of(Z).draw(n, rng).astype(Z.dtype)


def labels_seen(shares: np.ndarray, plain: np.ndarray, threshold: float, classes: np.ndarray) -> dict[Any, Any]:
    """What an augmentation makes of labels: of each, the one label that most of its images are seen as.

    `shares`, (n_labels, n_labels), of the augmented images of each label seen as each, and `plain`, (n_labels,), of the
    plain images of each seen as what they are. A label is left out where its plain images mostly are not, or where
    `shares` falls below `threshold` times what is plain for the label seen.
    """
    best, most = shares.argmax(axis=1), shares.max(axis=1)
    sure = (most > 0.5) & (plain > 0.5) & (most >= threshold * plain[best])
    return dict(zip(classes[sure].tolist(), classes[best[sure]].tolist(), strict=True))


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


class LatentResampler(Estimator):
    """Augmented copies of the images of a training set, made in latent space, for a classifier.

    A step of an `imblearn.pipeline.Pipeline`, which calls `fit_resample` on what it trains on and leaves the step out
    where it predicts. An augmentation that changes what an image means must not be used for it, or needs another label
    (Eqs. 3 and 4): `allowed` says for which labels each may be used.

    Parameters
    ----------
    augmenter : LatentAugmenter, TransferHead, ConditionalVAE or RandomTransform
        A fitted one is used as it is; an unfitted one is cloned and fitted on the images given. Cloning a resampler,
        as a search or a pipeline does, unfits its augmenter, unless that is held in a `FrozenEstimator`. What a fitted
        augmenter's `random` gives is drawn anew for each copy, `n_augments` times an image, whatever is allowed.
    n_augments : int, default=1
        Copies of each image, by different compositions; fewer where fewer compositions are allowed for its label.
        Compositions are drawn from those that the augmenter was trained on, its `compositions_`.
    allowed : dict of str to iterable of labels or to dict of label to label, default=None
        For each augmentation the labels that it keeps, or what it makes of each label: ``{"half_turn": {0: 0, 6: 9}}``.
        Labels are followed step by step along a composition; one with a step that is not allowed is not used, and an
        augmentation that is not named never is. None: every augmentation keeps every label.
    sampling_strategy : str, dict, callable or None, default=None
        How many images each class is to have, as in imbalanced-learn: "auto" or "not majority", "minority", "not
        minority" and "all" bring those classes to the size of the largest; a dict says how many of each label; a
        function makes such a dict of `y`. Copies are drawn, and where a class has no more of them, new images from a
        normal of its latents. None: `n_augments` copies of every image, and all that there is with what `random` gives.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws, and of the augmenter where it is unfitted and has none. No global generator is touched.

    Attributes
    ----------
    augmenter_ : estimator
        The fitted augmenter.
    classes_ : ndarray of shape (n_labels,)
        The labels seen.
    sample_indices_ : ndarray of shape (n_resampled,)
        Of each row given out last, the row that it is or is made of; -1 of a new image, which is made of none.
    applied_ : list of tuple of str
        Of each row given out last, the composition that made it; ``()`` for originals and new images.
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

    augmenter_: Any
    classes_: np.ndarray
    sample_indices_: np.ndarray
    applied_: list[Composition]
    image_shape_: tuple[int, ...]
    n_features_in_: int

    def __init__(
        self, augmenter: Any, n_augments: int = 1, allowed: Allowed | None = None, *, sampling_strategy: Any = None,
        random_state: RandomState = None,
    ) -> None:  # fmt: skip
        self.augmenter = augmenter
        self.n_augments = n_augments
        self.allowed = allowed
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state

    @all_or_nothing
    def fit(self, X: ArrayLike, y: ArrayLike) -> LatentResampler:
        """Check everything, and fit the augmenter where it is unfitted; what `fit_resample` does first.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Integers 0..255 or floats, as for the augmenter; a data frame of rows, too.
        y : array-like of shape (n_images,)
            Labels, numbers or strings.

        Raises
        ------
        ValueError, TypeError
            On a wrong parameter, array, augmentation or label, before anything is trained.
        """
        self._start(X, y)
        return self

    @all_or_nothing
    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """The training set with augmented copies beneath it.

        Parameters
        ----------
        X, y : array-like
            As in `fit`, which this does first.

        Returns
        -------
        X_resampled : ndarray or data frame
            The images as they came, then the copies, image by image, in the same layout, dtype and value range.
        y_resampled : ndarray of shape (n_resampled,), pandas Series or data frame
            Labels in the dtype of `y`.
        """
        images, numbers, moves, seed = self._start(X, y)
        if isinstance(self.augmenter, RandomTransform):
            rows, made, becomes = self._draw(numbers, moves, seed)
            copies = self._made(images, rows, made)
            return self._given_out(X, y, rows, copies, by_image(made, len(rows)), self.classes_[becomes])
        compositions = [composition for composition in self.augmenter_.compositions_ if composition]
        becomes, rng = composed_labels(compositions, moves), check_random_state(seed)
        Z = self.augmenter_.encoder_of(()).encode(images)
        if self.sampling_strategy is None:
            rows, which = draw_copies(becomes.T[numbers] >= 0, self.n_augments, rng)
        else:
            missing = images_missing(self.sampling_strategy, y, numbers, self.classes_)
            rows, which, missing = draw_balanced(becomes.T[numbers], missing, rng)
            new = [draw_latents(Z[numbers == label], n, rng) for label, n in enumerate(missing)]
            rows = np.concatenate([rows, len(Z) + np.arange(missing.sum())])
            which = np.concatenate([which, np.full(missing.sum(), len(compositions))])
            Z = np.concatenate([Z, *new])
            numbers = np.concatenate([numbers, np.repeat(np.arange(len(missing)), missing)])
        compositions, becomes = [*compositions, ()], np.vstack([becomes, np.arange(len(self.classes_))])
        copies = np.empty((len(rows), *images.shape[1:]), images.dtype)
        for k in np.unique(which):
            copies[which == k] = self._decode(Z[rows[which == k]], compositions[k], images.dtype)
        applied = [compositions[k] for k in which]
        return self._given_out(X, y, rows, copies, applied, self.classes_[becomes[which, numbers[rows]]])

    def _given_out(
        self, X: Any, y: Any, rows: np.ndarray, copies: np.ndarray, applied: list[Composition], labels: np.ndarray
    ) -> tuple[Any, Any]:
        """Images with copies beneath them, and labels; what became of which is told."""
        n_images = np.shape(X)[0]
        self.sample_indices_ = np.concatenate([np.arange(n_images), np.where(rows < n_images, rows, -1)])
        self.applied_ = [()] * n_images + applied
        return _append(X, copies), _append_labels(y, labels)

    def _draw(
        self, numbers: np.ndarray, moves: Mapping[str, np.ndarray], seed: int
    ) -> tuple[np.ndarray, list[tuple[str, np.ndarray]], np.ndarray]:
        """Rows to copy, what is drawn for each, the labels' numbers; what is not allowed for a label is left out."""
        rows = np.repeat(np.arange(len(numbers)), self.n_augments)
        drawn = clone(self.augmenter).set_params(random_state=seed).powers(len(rows))
        becomes, made = numbers[rows], []
        for name, power in drawn.items():
            after = moves[name][becomes]
            power = np.where(after >= 0, power, 0.0)
            becomes = np.where(power != 0, after, becomes)
            made.append((name, power))
        return rows, made, becomes

    def _made(self, images: np.ndarray, rows: np.ndarray, made: list[tuple[str, np.ndarray]]) -> np.ndarray:
        model = self.augmenter_
        Z = model.compose(*made).transform_latent(model.encoder_of(()).encode(images)[rows])
        return in_dtype(model.decoder_of(()).decode(Z, flat=False), images.dtype, model.format_)

    @all_or_nothing
    def suggest_allowed(
        self, X: ArrayLike, y: ArrayLike, classifier: Any, *, threshold: float = 0.8, random_state: RandomState = None
    ) -> dict[str, dict[Any, Any]]:
        """Find by a classifier what each augmentation makes of each label.

        The classifier learns from half of the images. It is then shown the other half under each augmentation, made in
        latent space. Where it sees one label in most images of a label, and in at least `threshold` times the share
        that it sees in plain reconstructions of the label seen, the augmentation makes that label. Labels that it does
        not see in most of their own reconstructions are left out.

        Parameters
        ----------
        X, y : array-like
            As in `fit`, which this does first; two images of each label at least.
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
            As `fit`, and on a wrong threshold.
        """
        check_number("threshold", threshold, low=0, above=True)
        check_classifier(classifier)
        judge = clone(classifier)
        images, numbers, *_ = self._start(X, y, least=2)
        model, labels = self.augmenter_, self.classes_[numbers]
        halves = {"test_size": 0.5, "stratify": labels, "random_state": draw_seed(random_state)}
        learn, look = train_test_split(np.arange(len(labels)), **halves)
        judge.fit(self._unit_rows(images[learn]), labels[learn])
        Z = model.encoder_of(()).encode(images[look])

        def seen(*names: Step) -> np.ndarray:
            predicted = judge.predict(self._unit_rows(self._decode(Z, names)))
            return confusion_matrix(labels[look], predicted, labels=self.classes_, normalize="true")

        plain = seen().diagonal()
        return {name: labels_seen(seen(name), plain, threshold, self.classes_) for name in model.aug_names_}

    def _start(self, X: Any, y: Any, least: int = 1) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], int]:
        """Check all, fit the augmenter; images, their labels' numbers, what is allowed, and the seed."""
        given = getattr(self.augmenter, "augmenter", None) if isinstance(self.augmenter, RandomTransform) else None
        model = getattr(self.augmenter, "estimator", self.augmenter) if given is None else given
        check_kind("augmenter", model, LatentModel, "a LatentAugmenter, TransferHead or ConditionalVAE")
        check_number("n_augments", self.n_augments, low=1, integer=True)
        numbers = self._check_labels(X, y, least)
        names = model.aug_names_ if hasattr(model, "aug_names_") else list(name_augs(model.augs))
        moves = check_allowed(self.allowed, names, self.classes_)
        if self.sampling_strategy is not None:
            images_missing(self.sampling_strategy, y, numbers, self.classes_)
            if given is not None:
                wanted = "None with what random gives, which copies every image n_augments times"
                raise ValueError(f"sampling_strategy must be {wanted}. Got {shown(self.sampling_strategy)}.")
        seed = draw_seed(self.random_state)
        with self._fitting(X, y) as fitting:
            self.augmenter_ = fitted_model(self.augmenter if given is None else given, X, seed, fitting.of)
            images = check_images(self.augmenter_, X, reset=False)
            self.image_shape_, self.n_features_in_ = self.augmenter_.image_shape_, self.augmenter_.n_features_in_
        return images, numbers, moves, seed

    def _check_labels(self, X: Any, y: Any, least: int) -> np.ndarray:
        """Check the labels, and give their numbers in `classes_`."""
        if y is None:
            raise ValueError("LatentResampler requires y to be passed, but the target y is None.")
        if getattr(y, "ndim", 1) > 2:
            raise ValueError(f"y must be one label an image, of shape (n_images,). Got {y.shape}.")
        if isinstance(y, (list, tuple)) and len({isinstance(label, str) for label in y}) > 1:
            raise ValueError("y must hold labels of one kind, all strings or all numbers. Got both.")
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

    def _decode(self, Z: np.ndarray, composition: Composition, dtype: np.dtype | None = None) -> np.ndarray:
        """Images of latents under a composition: on the augmenter's value range, or in a dtype."""
        model = self.augmenter_
        carried = model.compose(*composition).transform_latent(Z)
        images = model.decoder_of(tuple(composition)).decode(carried, flat=False)
        return images if dtype is None else in_dtype(images, dtype, model.format_)

    def _unit_rows(self, images: np.ndarray) -> np.ndarray:
        return self.augmenter_.format_.to_unit(images).reshape(len(images), -1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

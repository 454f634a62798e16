"""Classes of images, or of rows: their labels, the maps of each beside those of all, and where its latents lie."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from sklearn.utils.validation import check_is_fitted

from latentaug._checks import as_array, shown, unknown_name
from latentaug._rows import batches, is_held
from latentaug.augs.steps import reduced
from latentaug.augs.views import Views
from latentaug.images import spread, squared_error
from latentaug.latent.maps import AffineMap, LatentMap, Moments, apply
from latentaug.latent.ridge import GCV, Ridge
from latentaug.models.codec import Codec, accumulate

__all__ = [
    "OF_CLASSES", "SOURCES", "ClassPairs", "Classes", "ImagePairs", "Normal", "as_classes", "by_class", "class_map",
    "fit_class_maps", "fit_classes", "fit_image_classes", "known_label", "tell_normals",
]  # fmt: skip

OF_CLASSES = ("classes_", "class_maps_", "class_normals_")  # attributes
MOST = 2048  # images of a class that its maps are fitted to
HELD = 0.25  # share of them that tells whether these are better than those of all
SURE = 2.0  # standard errors by which they are to be


@dataclass(frozen=True, eq=False)
class Normal:
    """A normal distribution of latents.

    Parameters
    ----------
    mean : ndarray of shape (d,)
    covariance : ndarray of shape (d, d)
        Shrunk as Ledoit and Wolf (2004) do.
    """

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, Z: np.ndarray) -> Normal:
        """The normal of some latents (n, d)."""
        from sklearn.covariance import ledoit_wolf

        return cls(Z.mean(axis=0), ledoit_wolf(Z)[0] if len(Z) > 1 else np.zeros((Z.shape[1],) * 2))

    def draw(self, n: int, rng: np.random.RandomState) -> np.ndarray:
        """Latents (n, d), float64."""
        values, Q = np.linalg.eigh(self.covariance)
        noise = rng.standard_normal((n, len(self.mean))) * np.sqrt(np.maximum(values, 0))
        return self.mean + noise @ Q.T


def _draw_prior(model: Any, transform: Any, n: int, rng: np.random.RandomState) -> np.ndarray:
    Z = rng.standard_normal((n, model.latent_dim_)) if model.normal_ is None else model.normal_.draw(n, rng)
    return transform.transform_latent(Z)


def _draw_box(model: Any, transform: Any, n: int, rng: np.random.RandomState) -> np.ndarray:
    if model.normal_ is not None:
        raise ValueError("Boxes are of all classes. Allowed for one: source='prior'. Got source='box'.")
    view, boxes = transform.views_[1], {reduced(c): box for c, box in model.latent_boxes_.items()}
    if view not in boxes:
        raise unknown_name("view", view, boxes, "Trained on")
    low, high = boxes[view]
    return rng.uniform(low, high, size=(n, len(low)))


SOURCES = {"prior": _draw_prior, "box": _draw_box}


def _is_missing(label: Any) -> bool:
    return type(label).__name__ in ("NoneType", "NAType") or (isinstance(label, float) and label != label)


class Classes(NamedTuple):
    """The labels seen, sorted, (n_labels,), and the number of that of each image, (n_images,), -1 without one."""

    labels: np.ndarray
    numbers: np.ndarray


def as_classes(y: Any, n: int) -> Classes | None:
    """The classes of so many images; None where `y` holds no labels.

    None and NaN are no label. Numbers with fractions, several columns and dates are no labels at all, as targets of
    regressions are not.

    Raises
    ------
    ValueError
        Where there are more or fewer than images, or of several kinds.
    """
    column = as_array("y", y)
    column = column[:, 0] if column.ndim == 2 and column.shape[1] == 1 else column
    if column.ndim == 0 or len(column) != n:
        raise ValueError(f"y must hold one label an image: {n}. Got {len(column) if column.ndim else shown(y)}.")
    if column.ndim > 1 or column.dtype.kind not in "biufOUS":
        return None
    known = np.array([not _is_missing(label) for label in column.tolist()], dtype=bool)
    labels = column[known]
    if not len(labels) or (labels.dtype.kind == "f" and not all(label.is_integer() for label in labels.tolist())):
        return None
    try:
        classes, own = np.unique(labels, return_inverse=True)
    except TypeError:
        raise ValueError("y must hold labels of one kind, all strings or all numbers. Got several.") from None
    numbers = np.full(n, -1)
    numbers[known] = own
    return Classes(np.array(classes.tolist()), numbers)


def known_label(model: Any, label: Any) -> Any:
    """One of the labels that a model was fitted with; ValueError on another."""
    known = _known_labels(model)
    if not isinstance(label, Hashable) or label not in known:
        raise unknown_name("label", label, known, "Fitted on")
    return known[known.index(label)]


def _known_labels(model: Any) -> list[Any]:
    check_is_fitted(model)
    if not hasattr(model, "classes_"):
        raise ValueError(f"This {type(model).__name__} knows no labels. Allowed with labels: one that fit was given y.")
    return model.classes_.tolist()


def by_class(model: Any, labels: Any, n: int) -> Iterator[tuple[Any, np.ndarray]]:
    """The model of each class, with the numbers of images that are of it, batch by batch; of the others, of all."""
    known = _known_labels(model)
    numbers = _numbers_of(labels, known, n)
    for k in np.unique(numbers):
        own, rows = model if k < 0 else model.of_class(known[k]), np.flatnonzero(numbers == k)
        for part in batches(len(rows), model.n_features_in_):
            yield own, rows[part]


def _numbers_of(labels: Any, known: Sequence[Any], n: int) -> np.ndarray:
    """The number of the label of each image, or of one label of all; -1 of what is no label, or none that is known."""
    places, array = {label: k for k, label in enumerate(known)}, as_array("labels", labels)
    given = [array.item()] * n if array.ndim == 0 else array.ravel().tolist()
    if array.shape not in ((), (n,), (n, 1)) or not all(isinstance(label, Hashable) for label in given):
        raise ValueError(f"labels must be one label of all, or one an image: {n}. Got {shown(labels)}.")
    numbers = np.array([places.get(label, -1) for label in given], dtype=int)
    if (numbers < 0).all() and not all(map(_is_missing, given)):
        warnings.warn(f"No label given was fitted on: {', '.join(map(str, known))}.", UserWarning, stacklevel=2)
    return numbers


def class_map(moments: Moments, L: LatentMap) -> AffineMap:
    """The map of a class, shrunk towards that of all: the less is seen of the class, the more.

    What the map of all leaves is fitted by a ridge regression, whose penalty generalised cross-validation chooses, and
    its mean is shrunk as James and Stein (1961) do.

    Parameters
    ----------
    moments : Moments
        Of the class, from the views before the augmentation to the one after it.
    L : ndarray of shape (d, d) or AffineMap
        The map of all.
    """
    A: Any
    A, b, back = (L.L, L.b, L.back) if isinstance(L, AffineMap) else (L, np.zeros(len(L)), None)
    means, d = moments.means, len(A)
    left = np.block([[np.eye(d), -A], [np.zeros((d, d)), np.eye(d)]])
    own = moments.about(means)
    own = replace(own, gram=left.T @ own.gram @ left)
    ridge = Ridge(own)
    W = ridge.fit(ridge.choose(GCV, False)[0], False)
    shift = means[1] - means[0] @ A - b
    lost = max(0.0, ridge.total + float((W * (ridge.S @ W - 2 * ridge.M)).sum()))
    noise = lost / max(1, moments.n_images - 1) / moments.n_images
    shift = max(0.0, 1 - noise / max(float(shift @ shift), np.finfo(float).tiny)) * shift
    turned = None if back is None else class_map(moments.select(moments.compositions[::-1]), back)
    return AffineMap(A + W, b + shift - means[0] @ W, turned)


class ClassPairs(Protocol):
    """Pairs of an augmentation, by the numbers of their images."""

    def moments(self, name: str, rows: np.ndarray) -> Moments | None:
        """Their moments; None where there are none."""

    def losses(self, name: str, rows: np.ndarray, L: LatentMap) -> np.ndarray:
        """The squared error of each (n, 2): applied, and undone."""


class ImagePairs(NamedTuple):
    """Images under augmentations, encoded and decoded."""

    codec: Codec
    views: Views

    def moments(self, name: str, rows: np.ndarray) -> Moments | None:
        """Moments of the latents of some images, and of the same augmented."""
        part = self._part(name, rows)
        return None if part is None else accumulate(self.codec, part, [(), (name,)])[0]

    def losses(self, name: str, rows: np.ndarray, L: LatentMap) -> np.ndarray:
        """Squared errors (n, 2) of images, summed over pixels."""
        part, output = self._part(name, rows), self.codec.format_.to_output

        def error(x: np.ndarray, y: np.ndarray, power: int) -> np.ndarray:
            Z = apply(self.codec.encode(x).astype(np.float64), L, power)
            return squared_error(output(y), self.codec.decode(Z, flat=False))

        pairs = [] if part is None else part.batches_of([(), (name,)])
        return np.concatenate([np.zeros((0, 2)), *(np.stack([error(x, y, 1), error(y, x, -1)], 1) for x, y in pairs)])

    def _part(self, name: str, rows: np.ndarray) -> Views | None:
        part, view = self.views.rows(rows), (name,)
        both = part.rows_with([(), view]) if len(rows) and part.is_known(view) else rows[:0]
        return part if both is None or len(both) else None


def fit_class_maps(
    numbers: np.ndarray, n_classes: int, latent_maps: Mapping[str, LatentMap], pairs: ClassPairs
) -> list[dict[str, AffineMap]]:
    """The maps of each class, of those augmentations that they are better for, on images held out, than those of all.

    Better applied, better undone, and together by two standard errors, over all classes. A class that they do not serve
    keeps those of all.
    """
    groups = [rows[spread(len(rows), MOST)] for rows in (np.flatnonzero(numbers == k) for k in range(n_classes))]
    found: list[dict[str, AffineMap]] = [{} for _ in groups]
    for name, L in latent_maps.items():
        if not isinstance(L, (np.ndarray, AffineMap)):
            continue
        own, gains = {}, [np.zeros((0, 2))]
        for k, rows in enumerate(groups):
            held = is_held(np.arange(len(rows)), HELD)
            moments = pairs.moments(name, rows[~held])
            if moments is None or moments.n_images < 2:
                continue
            own[k] = class_map(moments, L)
            gain = pairs.losses(name, rows[held], L) - pairs.losses(name, rows[held], own[k])
            gains.append(gain)
            if not len(gain) or gain.mean(axis=0).min() < 0:
                del own[k]
        if _pays(np.concatenate(gains)):
            for k, class_L in own.items():
                found[k][name] = class_L
    return found


def _pays(gains: np.ndarray) -> bool:
    """Whether errors are lowered, each way (n, 2) and beyond doubt."""
    both = gains.sum(axis=1)
    sure = len(both) > 1 and both.mean() > SURE * both.std(ddof=1) / len(both) ** 0.5
    return bool(sure and (gains.mean(axis=0) >= 0).all())


def fit_classes(model: Any, found: Classes, pairs: ClassPairs) -> None:
    """Tell a model of the maps of each class."""
    model.classes_ = found.labels
    own = fit_class_maps(found.numbers, len(found.labels), model.latent_maps_, pairs)
    model.class_maps_ = dict(zip(found.labels.tolist(), own, strict=True))


def fit_image_classes(model: Any, found: Classes, views: Views) -> None:
    """Tell a model of the classes of the images fitted on: of their maps, and of their latents."""
    fit_classes(model, found, ImagePairs(model.encoder_of(()), views))
    tell_normals(model, found, views)


def tell_normals(model: Any, found: Classes, views: Views) -> None:
    """Tell a model of the latents of its classes."""
    model.class_normals_ = dict.fromkeys(found.labels.tolist())
    for k, label in enumerate(model.class_normals_):
        rows = np.flatnonzero(found.numbers == k)
        few = views.take(rows[spread(len(rows), MOST)])
        model.class_normals_[label] = Normal.of(model.of_class(label).encoder_of(()).encode(few))

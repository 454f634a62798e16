"""How alike images are: pair by pair, by PSNR and SSIM, and set by set, by the distance and the overlap of features."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter1d
from sklearn.metrics import pairwise_distances_chunked
from sklearn.neighbors import NearestNeighbors

from latentaug._checks import as_numbers, check_number, one_line, shown

__all__ = ["Overlap", "frechet_distance", "overlap", "psnr", "ssim"]

WINDOW, SIGMA = 5, 1.5  # of the window of SSIM: pixels to each side, and how wide it is
SMALL_1, SMALL_2 = 0.01, 0.03  # what steadies its ratios, as shares of the range


def _pair(X: Any, X_hat: Any, data_range: Any) -> tuple[np.ndarray, np.ndarray, float]:
    """Check images and what is compared with them, as float64 (n, H, W, C), and the range of their pixels."""
    options = {"ensure_2d": False, "allow_nd": True}
    first, second = as_numbers("X", X, **options), as_numbers("X_hat", X_hat, **options)
    if first.shape != second.shape:
        raise ValueError(f"X and X_hat must have one shape. Got {first.shape} and {second.shape}.")
    if first.ndim not in (2, 3, 4):
        raise ValueError(f"X must be images (n, H, W) or (n, H, W, C), or rows. Got shape {first.shape}.")
    size = _range(first, second, data_range)
    shape = (len(first), 1, -1, 1) if first.ndim == 2 else (*first.shape, 1)[:5] if first.ndim == 3 else first.shape
    return first.reshape(shape).astype(np.float64), second.reshape(shape).astype(np.float64), size


def _range(X: np.ndarray, X_hat: np.ndarray, data_range: Any) -> float:
    """The range of pixels: as given, 255 of integers, 1 of floats in [0, 1]."""
    if data_range is not None:
        check_number("data_range", data_range, low=0, above=True)
        return float(data_range)
    kinds = {"integers" if a.dtype.kind in "ui" else "floats" for a in (X, X_hat)}
    if len(kinds) > 1:
        raise TypeError(f"X and X_hat must be both integers or both floats. Got {X.dtype} and {X_hat.dtype}.")
    low, high = float(min(X.min(), X_hat.min())), float(max(X.max(), X_hat.max()))
    top = 255.0 if kinds == {"integers"} else 1.0
    if low < 0 or high > top:
        raise ValueError(f"Pixels outside 0..{top:g} need a data_range, such as {high - low:g}. Got {low:g}..{high:g}.")
    return top


def psnr(X: ArrayLike, X_hat: ArrayLike, data_range: float | None = None) -> np.ndarray:
    """Peak signal-to-noise ratio of each image: ``10 log10(data_range^2 / mean squared error)``.

    Parameters
    ----------
    X, X_hat : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
        Images, and what is compared with them.
    data_range : float, default=None
        White less black; 255 of integers and 1 of floats in [0, 1] if None.

    Returns
    -------
    ndarray of shape (n_images,)
        In decibels; infinite where there is no difference.

    Examples
    --------
    >>> import numpy as np
    >>> psnr(np.zeros((1, 8, 8)), np.full((1, 8, 8), 0.1)).round(6).tolist()
    [20.0]
    """
    first, second, size = _pair(X, X_hat, data_range)
    error = np.square(first - second).mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(size**2 / error)


def ssim(X: ArrayLike, X_hat: ArrayLike, data_range: float | None = None) -> np.ndarray:
    """Structural similarity of each image: means, variances and covariances in a window, compared.

    The window is the Gaussian of the reference, of 11 pixels. The mean is taken over all places and channels, images
    being mirrored at their edges, as in torchmetrics; so small images have one too.

    Parameters
    ----------
    X, X_hat : array-like of shape (n_images, H, W) or (n_images, H, W, C)
        Images, and what is compared with them.
    data_range : float, default=None
        White less black; 255 of integers and 1 of floats in [0, 1] if None.

    Returns
    -------
    ndarray of shape (n_images,)
        1 where there is no difference; at least -1.

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity",
    2004.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).random((2, 28, 28))
    >>> ssim(X, X).round(6).tolist(), (ssim(X, X[::-1]) < 0.2).tolist()
    ([1.0, 1.0], [True, True])
    """
    first, second, size = _pair(X, X_hat, data_range)
    if first.shape[1] == 1:
        raise ValueError(f"X must be images (n, H, W) or (n, H, W, C). Got shape {np.shape(X)}.")
    a, b = _smooth(first), _smooth(second)
    squares = _smooth(first**2) - a**2, _smooth(second**2) - b**2
    c_1, c_2 = (SMALL_1 * size) ** 2, (SMALL_2 * size) ** 2
    shared = (2 * a * b + c_1) * (2 * (_smooth(first * second) - a * b) + c_2)
    return (shared / ((a**2 + b**2 + c_1) * (sum(squares) + c_2))).mean(axis=(1, 2, 3))


def _smooth(images: np.ndarray) -> np.ndarray:
    for axis in (1, 2):
        images = gaussian_filter1d(images, SIGMA, axis=axis, radius=WINDOW, mode="mirror")
    return images


Features = Callable[[np.ndarray], Any]


def _features(name: str, X: Any, features: Any) -> np.ndarray:
    """Check images, and give their features (n, k): those of a function or transformer, or the pixels themselves."""
    images = as_numbers(name, X, ensure_2d=False, allow_nd=True, ensure_min_samples=2)
    if images.ndim not in (2, 3, 4):
        raise ValueError(f"{name} must be images (n, H, W) or (n, H, W, C), or rows. Got shape {images.shape}.")
    if images.dtype.kind in "ui" and (images.min() < 0 or images.max() > 255):
        raise ValueError(f"Integer images must lie in 0..255. Got {images.min()}..{images.max()}; give them as floats.")
    if features is None:
        return images.reshape(len(images), -1).astype(np.float64) / (255 if images.dtype.kind in "ui" else 1)
    look = getattr(features, "transform", features)
    if not callable(look) or isinstance(features, type):
        raise TypeError(f"features must be a function of images, a fitted transformer or None. Got {shown(features)}.")
    with one_line("features fails on these images"):
        found = look(images)
        found = np.asarray(found.detach().cpu() if hasattr(found, "detach") else found)
    found = as_numbers("features", found, dtype=np.float64)
    if len(found) != len(images):
        raise ValueError(f"features must give a row an image, {len(images)}. Got shape {found.shape}.")
    return found


def _both(X: Any, X_other: Any, features: Any) -> tuple[np.ndarray, np.ndarray]:
    first, second = _features("X", X, features), _features("X_other", X_other, features)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"Both sets must have as many features. Got {first.shape[1]} and {second.shape[1]}.")
    return first, second


def frechet_distance(X: ArrayLike, X_other: ArrayLike, features: Any = None) -> float:
    """Frechet distance of two sets of images: that of normal distributions with the moments of their features.

    ``|m - m'|^2 + tr(S + S' - 2 (S S')^(1/2))``, without a root of a singular matrix, so that few images will do. Sets
    drawn alike are apart by chance, the more so the smaller they are: compare distances of sets of one size only, and
    beside that of two halves of the data. With features of the Inception network it is what is known as FID.

    Parameters
    ----------
    X, X_other : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
        Two sets of images, of any numbers of them.
    features : callable, fitted transformer or None, default=None
        From images, as they are given here, to rows of numbers: a network's features, a `VAE`, a pipeline. None: the
        pixels.

    Returns
    -------
    float
        In squared units of the features; 0 of a set and itself.

    References
    ----------
    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", arXiv
    1706.08500.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> X = load_digits().images / 16
    >>> look = PCA(8).fit(X.reshape(len(X), -1))
    >>> near, far = (frechet_distance(X[::2], other, lambda A: look.transform(A.reshape(len(A), -1)))
    ...              for other in (X[1::2], X[1::2, ::-1]))
    >>> near < far / 5
    True
    """
    first, second = _both(X, X_other, features)
    fewest, n_features = min(len(first), len(second)), first.shape[1]
    if fewest <= n_features:
        warnings.warn(
            f"Of {fewest} images and {n_features} features the Frechet distance is large by chance. Allowed: more "
            "images, or fewer features.",
            UserWarning,
            stacklevel=2,
        )
    apart = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    R, R_other = (_root(found) for found in (first, second))
    shared = np.linalg.svd(R @ R_other.T, compute_uv=False).sum()
    return float(max(0.0, apart + np.square(R).sum() + np.square(R_other).sum() - 2 * shared))


def _root(found: np.ndarray) -> np.ndarray:
    """R of which ``R.T @ R`` is the covariance of rows (n, k), with no more rows than either."""
    return np.asarray(np.linalg.qr((found - found.mean(axis=0)) / np.sqrt(len(found) - 1), mode="r"))


class Overlap(NamedTuple):
    """How two sets of images overlap, as shares: what `overlap` returns.

    The `precision` is the share of the other images that lie among those of the first set, and the `recall` the share
    of the first that lie among the others: nearer to one of them than that one's k-th neighbour in its own set.
    `density` counts for how many they do, over k, and may exceed 1, and `coverage` is the share of the first set that
    have another image so near; one image that lies far out makes neither large.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def overlap(X: ArrayLike, X_other: ArrayLike, features: Any = None, n_neighbors: int = 5) -> Overlap:
    """Precision and recall of images beside others, such as samples of a model beside the data.

    Parameters
    ----------
    X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
        The data, more than `n_neighbors` images.
    X_other : array-like of images
        What is compared with them, such as samples; more than `n_neighbors`, too.
    features : callable, fitted transformer or None, default=None
        As in `frechet_distance`.
    n_neighbors : int, default=5
        k: a set reaches around each of its images as far as that one's k-th neighbour.

    References
    ----------
    Kynkaanniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models", arXiv 1904.06991; Naeem
    et al., "Reliable Fidelity and Diversity Metrics for Generative Models", arXiv 2002.09797.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X = load_digits().images / 16
    >>> halves, blank = overlap(X[::2], X[1::2]), overlap(X, 0 * X)
    >>> round(halves.precision, 2), round(halves.recall, 2), blank.precision
    (0.96, 0.96, 0.0)
    """
    check_number("n_neighbors", n_neighbors, low=1, integer=True)
    first, second = _both(X, X_other, features)
    for name, found in (("X", first), ("X_other", second)):
        if len(found) <= n_neighbors:
            raise ValueError(f"{name} must hold more than n_neighbors={n_neighbors} images. Got {len(found)}.")
    reach, other_reach = (_reach(found, n_neighbors) for found in (first, second))
    inside = np.zeros(len(second))
    covered: list[bool] = []
    recalled: list[bool] = []
    for apart in pairwise_distances_chunked(first, second):
        rows = slice(len(covered), len(covered) + len(apart))
        within = apart <= reach[rows, None]
        inside += within.sum(axis=0)
        covered.extend(within.any(axis=1))
        recalled.extend((apart <= other_reach).any(axis=1))
    shares = (inside > 0).mean(), np.mean(recalled), inside.mean() / n_neighbors, np.mean(covered)
    return Overlap(*map(float, shares))


def _reach(found: np.ndarray, k: int) -> np.ndarray:
    """Distance of each row to its k-th neighbour, (n,)."""
    return NearestNeighbors(n_neighbors=k).fit(found).kneighbors()[0][:, -1]

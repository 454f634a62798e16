"""Likeness of images: pairs by PSNR and SSIM, sets by Frechet distance and overlap; small sets and grey images too."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from latentaug.metrics import frechet_distance, overlap, psnr, ssim

seeds = st.integers(0, 2**16)
SHAPES = {"grey": (3, 28, 28), "colour": (3, 16, 24, 3), "one channel": (2, 16, 16, 1), "one": (1, 11, 12)}


def noisy(shape, seed=0, noise=0.2):
    """Images in [0, 1], and the same with noise."""
    rng = np.random.default_rng(seed)
    X = rng.random(shape)
    return X, np.clip(X + noise * rng.normal(size=shape), 0, 1)


def channels_first(X):
    X = np.asarray(X, np.float64)
    return torch.from_numpy(np.moveaxis(X if X.ndim == 4 else X[..., None], -1, 1).copy())


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_psnr_and_ssim_are_those_of_torchmetrics(shape):
    image = pytest.importorskip("torchmetrics.functional.image")
    X, X_hat = noisy(shape)
    given = channels_first(X_hat), channels_first(X)
    settings = {"data_range": 1.0, "reduction": "none"}
    theirs = image.structural_similarity_index_measure(*given, **settings)
    assert ssim(X, X_hat) == pytest.approx(theirs.numpy().ravel(), abs=1e-6)
    theirs = image.peak_signal_noise_ratio(*given, dim=(1, 2, 3), **settings)
    assert psnr(X, X_hat) == pytest.approx(theirs.numpy().ravel(), abs=1e-4)


@given(seed=seeds, noise=st.floats(0.05, 0.5), height=st.integers(1, 13), width=st.integers(2, 13))
def test_alike_images_are_told_from_others_at_any_size(seed, noise, height, width):
    X, X_hat = noisy((4, height, width), seed, noise)
    assert (psnr(X, X) == np.inf).all()
    assert psnr(X, X_hat) == pytest.approx(10 * np.log10(1 / np.square(X - X_hat).mean(axis=(1, 2))))
    if height > 1:
        assert ssim(X, X) == pytest.approx(np.ones(4))
        assert ssim(X, X_hat) == pytest.approx(ssim(X_hat, X))
        assert (np.abs(ssim(X, X_hat)) < 1).all()


def test_integers_are_on_255_and_other_ranges_are_asked_for():
    X, X_hat = ((255 * A).round().astype(np.uint8) for A in noisy((3, 9, 9)))
    for measure in (psnr, ssim):
        assert measure(X, X_hat) == pytest.approx(measure(X / 255, X_hat / 255))
        assert measure(X / 51.0, X_hat / 51.0, data_range=5) == pytest.approx(measure(X, X_hat))
        for call, said in (
            (lambda: measure(X / 51.0, X_hat / 51.0), "need a data_range"),  # noqa: B023  (called in its own round)
            (lambda: measure(X, X_hat / 255), "both integers or both floats"),  # noqa: B023  (called in its own round)
            (lambda: measure(X, X_hat[:2]), "must have one shape"),  # noqa: B023  (called in its own round)
        ):
            with pytest.raises((ValueError, TypeError), match=said):
                call()


@given(seed=seeds, k=st.integers(1, 5), shift=st.floats(-3, 3), scale=st.floats(0.2, 5))
def test_the_frechet_distance_is_that_of_normal_distributions(seed, k, shift, scale):
    """Of commuting covariances it is known: those of a cloud, moved and scaled."""
    F = np.random.default_rng(seed).normal(size=(50, k))
    spread = F.var(axis=0, ddof=1).sum()
    mean = F.mean(axis=0)
    moved = mean + scale * (F - mean) + shift
    assert frechet_distance(F, moved) == pytest.approx(k * shift**2 + (1 - scale) ** 2 * spread, abs=1e-9)
    assert frechet_distance(moved, F) == pytest.approx(frechet_distance(F, moved))
    assert frechet_distance(F, F[::-1]) == pytest.approx(0, abs=1e-9)


def test_the_frechet_distance_of_few_images_is_finite_and_said_to_be_large():
    X, X_other = noisy((3, 8, 8))
    with pytest.warns(UserWarning, match="3 images and 64 features .* large by chance"):
        found = frechet_distance(X, X_other)
    centred = [np.reshape(A - A.mean(axis=0), (3, -1)) / np.sqrt(2) for A in (X, X_other)]
    shared = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    apart = np.square(X.mean(axis=0) - X_other.mean(axis=0)).sum()
    assert found == pytest.approx(apart + np.square(centred).sum() - 2 * shared)


def test_features_are_those_of_a_function_a_transformer_or_the_pixels(digits):
    X, X_other = digits[:200], digits[200:300]
    pca = PCA(4).fit(X.reshape(200, -1))

    def look(images):
        return torch.from_numpy(pca.transform(images.reshape(len(images), -1)))

    rows = X.reshape(200, -1), X_other.reshape(100, -1)
    wanted = frechet_distance(pca.transform(rows[0]), pca.transform(rows[1]))
    assert frechet_distance(X, X_other, look) == pytest.approx(wanted)
    assert frechet_distance(*rows, pca) == pytest.approx(wanted)
    assert frechet_distance(X, X_other) == pytest.approx(frechet_distance(*rows))
    assert overlap(X, X_other, look) == overlap(*rows, pca)
    for features, said in (
        (3, "features must be a function"),
        (lambda images: images.reshape(len(images), -1)[:5], "a row an image, 200"),
        (lambda images: 1 / 0, "features fails on these images: division by zero"),
    ):
        with pytest.raises((ValueError, TypeError), match=said):
            frechet_distance(X, X_other, features)


def test_overlap_counts_balls_as_written():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(40, 3)), rng.normal(0.5, 1.5, size=(30, 3))
    k = 3
    reach, other = (np.sort(np.linalg.norm(S[:, None] - S, axis=2), axis=1)[:, k] for S in (A, B))
    apart = np.linalg.norm(A[:, None] - B, axis=2)
    inside = apart <= reach[:, None]
    wanted = inside.any(axis=0).mean(), (apart <= other).any(axis=1).mean(), inside.sum() / (30 * k)
    assert overlap(A, B, n_neighbors=k) == pytest.approx((*wanted, inside.any(axis=1).mean()))


def test_overlap_tells_what_is_missing_from_what_is_false(digits):
    half, far = digits[: len(digits) // 2], digits + 10
    inside = overlap(digits, half)
    assert inside.precision == 1 > inside.coverage
    assert overlap(half, digits).recall == 1
    assert overlap(digits, far)[:2] == (0, 0)
    with pytest.raises(ValueError, match=r"must lie in 0\.\.255\. Got -1\.\.15"):
        overlap(digits, (16 * digits).astype(int) - 1)
    with pytest.raises(ValueError, match=r"X must hold more than n_neighbors=5 images\. Got 5"):
        overlap(digits[:5], digits)

"""Laws of second moments: any split of the images gives the maps of one pass, and the staged fit holds a batch."""

import tracemalloc
import warnings
from functools import reduce
from operator import add
from unittest.mock import patch

import numpy as np
import pytest
from conftest import IdentityAutoencoder
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator

from latentaug import LatentAugmenter
from latentaug.augs import name_augs
from latentaug.augs.views import Views
from latentaug.images import ImageFormat
from latentaug.latent.algebra import Algebra, find_algebra
from latentaug.latent.maps import Moments
from latentaug.latent.representations import regular_representation
from latentaug.learn.geometries import GEOMETRIES, SOLVERS, fit_latent_maps, views_to_fit
from latentaug.models.augmenter import METHODS, Found
from latentaug.models.codec import BATCH, Codec, accumulate

KLEIN = np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
ALGEBRA = Algebra(
    orders={"a": 2, "b": 2, "c": None},
    commutators={("a", "b"): 0.0, ("a", "c"): 0.0, ("b", "c"): 0.0},
    generators={"a": 1, "b": 2},
    elements=[(), ("a",), ("b",), ("a", "b")],
    cayley_table=KLEIN,
)
CLOSED = [name for name, geometry in GEOMETRIES.items() if not geometry.by_rows]
seeds = st.integers(0, 2**16)


def alike(geometry):
    """A geometry for the augmentations that it suits; one that commutes with a group needs the group."""
    both = "group" if geometry == "commuting" else geometry
    return {"a": both, "b": both} | ({"c": geometry} if geometry in ("free", "orthogonal", "commuting") else {})


def latents(seed, n=200, d=6):
    """Latents of each view, moved nearly as the group moves them."""
    rng = np.random.default_rng(seed)
    Z, L = rng.normal(size=(n, d)), regular_representation(KLEIN, d)
    moved = {element: Z @ L[k] for k, element in enumerate(ALGEBRA.elements)} | {("c",): Z / 2}
    return {composition: rows + 0.1 * rng.normal(size=(n, d)) for composition, rows in moved.items()}


def fit(moments, geometries, rows=None):
    return fit_latent_maps(moments, rows or {}, ALGEBRA, geometries, "lstsq", 0)


@pytest.mark.parametrize("geometry", CLOSED)
@given(seed=seeds, cuts=st.sets(st.integers(1, 199)))
def test_any_split_into_batches_gives_the_maps_of_one_pass(geometry, seed, cuts):
    Z = latents(seed)
    parts = np.split(np.arange(200), sorted(cuts))
    summed = reduce(add, (Moments.of({c: rows[part] for c, rows in Z.items()}) for part in parts))
    assert summed.n_images == 200
    at_once, in_parts = (fit(moments, alike(geometry)) for moments in (Moments.of(Z), summed))
    for name, L in at_once.items():
        assert np.allclose(in_parts[name], L, rtol=0, atol=1e-9)


@given(seed=seeds)
def test_moments_between_views_are_products_of_their_latents(seed):
    Z = latents(seed)
    moments = Moments.of({c: rows.astype(np.float32) for c, rows in Z.items()})
    assert moments.latent_dim == 6
    assert moments.gram.dtype == np.float64
    for first, second in zip(Z, reversed(Z), strict=True):
        assert np.allclose(moments.between(first, second), Z[first].T @ Z[second], atol=1e-3)


def views_of_pixels(n, dtype=np.uint8):
    X = np.random.default_rng(0).integers(0, 256, size=(n, 4, 8)).astype(dtype)
    return Views(X, name_augs(["flip_lr", "flip_ud", "shear_x"]), ImageFormat((4, 8)))


@given(n=st.integers(8, 40), n_processes=st.integers(1, 8), batch=st.sampled_from([3, BATCH]))
def test_what_processes_add_up_apart_is_what_one_adds_up(n, n_processes, batch):
    views, compositions = views_of_pixels(n), [(), ("flip_lr",)]
    asked = (Codec(IdentityAutoencoder(), views.format_), views, compositions, compositions)
    whole, rows = accumulate(*asked)
    with patch("latentaug.models.codec.BATCH", batch):
        shares = [accumulate(*asked, start=k, step=n_processes) for k in range(n_processes)]
    merged = reduce(add, (moments for moments, _ in shares))
    assert (merged.n_images, merged.compositions) == (whole.n_images, whole.compositions)
    assert np.allclose(merged.gram, whole.gram, rtol=1e-12)
    for composition in compositions:
        pixels = views.take(slice(None), composition).reshape(n, -1) / np.float32(255)
        assert np.allclose(rows[composition], pixels)
        for k, (_, share) in enumerate(shares):
            assert np.array_equal(share[composition], rows[composition][k::n_processes])


@pytest.mark.parametrize("other", [{("b",): np.eye(2)}, {(): np.eye(3)}])
def test_moments_of_other_views_or_latent_spaces_do_not_add(other):
    with pytest.raises(ValueError, match=r"^Only moments of the same views and latent space add. Got \[\(\)\] in 2"):
        Moments.of({(): np.eye(2)}) + Moments.of(other)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e200])
def test_latents_that_are_no_finite_numbers_are_refused(wrong):
    Z = np.eye(3)
    Z[1, 2] = wrong
    with pytest.raises(ValueError, match=r"^The autoencoder gives latents that are no finite numbers: "):
        Moments.of({(): np.eye(3), ("a",): Z})


def whitened(Z):
    """Rows (n, d) of second moment n I, and the matrix (d, d) that makes Z of them."""
    C = np.linalg.cholesky(Z.T @ Z / len(Z)).T
    return np.linalg.solve(C.T, Z.T).T, C


def nearest_involution(Z, name):
    """The least-squares map in coordinates where its orbit is white, the signs of its symmetric part taken."""
    A = np.linalg.lstsq(Z(), Z(name), rcond=None)[0]
    C = whitened(np.vstack([Z(), Z() @ A]))[1]
    turned = orthogonal_procrustes(np.eye(len(A)), C @ A @ np.linalg.inv(C))[0]
    cosines, Q = np.linalg.eigh(turned + turned.T)
    return np.linalg.inv(C) @ (Q * np.sign(cosines)) @ Q.T @ C


def of_flips(Z, name):
    """The maps of four elements by Procrustes on the white rows of the whole orbit, averaged one by one until exact."""
    orbit = [Z(), Z("flip_lr"), Z("flip_ud"), Z("flip_lr", "flip_ud")]
    white, C = whitened(np.vstack(orbit))
    W = np.split(white, 4)
    L = [orthogonal_procrustes(white, np.vstack([W[h ^ g] for h in range(4)]))[0] for g in range(4)]
    while max(np.abs(L[g] @ L[h] - L[g ^ h]).max() for g in range(4) for h in range(4)) > 1e-12:
        L = [orthogonal_procrustes(np.eye(len(C)), sum(L[h].T @ L[h ^ g] for h in range(4)))[0] for g in range(4)]
    return np.linalg.solve(C, L[["", "flip_lr", "flip_ud"].index(name)] @ C)


def commuting(Z, name):
    """The least-squares map, half of what it is and half of what a flip makes of it, for each flip it commutes with."""
    L = np.linalg.lstsq(Z(), Z(name), rcond=None)[0]
    for flip in {"edge_detect": ["flip_lr", "flip_ud"], "darken_left": ["flip_ud"]}[name]:
        F = of_flips(Z, flip)
        L = (L + np.linalg.inv(F) @ L @ F) / 2
    return L


# Every fit in closed form by the rows themselves, and by other means.
BY_ROWS = {
    "free": lambda Z, name: np.linalg.lstsq(Z(), Z(name), rcond=None)[0],
    "orthogonal": lambda Z, name: orthogonal_procrustes(Z(), Z(name))[0],
    "finite_order": nearest_involution,
    "group": of_flips,
    "commuting": commuting,
}


def darken_left(X):
    """Halve the left half of every image."""
    darkened = X.copy()
    darkened[:, :, : X.shape[2] // 2] /= 2
    return darkened


@pytest.mark.parametrize("geometry", CLOSED)
def test_maps_of_pca_are_those_of_all_its_latents_at_once_by_other_means(digits, geometry):
    augs, asked = ["flip_lr", "flip_ud", "edge_detect", darken_left], "auto" if geometry == "commuting" else geometry
    named = augs if geometry in ("free", "orthogonal", "commuting") else augs[:2]
    augmenter = LatentAugmenter(named, PCA(16), method="staged", geometry=asked).fit(digits)
    views = Views(digits, name_augs(named), augmenter.format_)

    def rows(*names):
        return augmenter.encode(views.take(slice(None), names)).astype(np.float64)

    assert geometry in augmenter.geometries_.values()
    for name, found in augmenter.geometries_.items():
        expected = BY_ROWS[found](rows, name)
        assert np.allclose(augmenter.latent_maps_[name], expected, rtol=0, atol=1e-8)


def put(column, value):
    def spoil(Z):
        spoilt = Z.copy()
        spoilt[:, column] = value(Z)
        return spoilt

    return spoil


COLLAPSED = {
    "a zero column": put(2, lambda Z: 0),
    "a column twice": put(2, lambda Z: Z[:, 1]),
    "one constant column": put(2, lambda Z: 3),
    "all zero": lambda Z: 0 * Z,
    "fewer images than dimensions": lambda Z: Z[:3],
}


@pytest.mark.parametrize("collapse", COLLAPSED)
@pytest.mark.parametrize("geometry", CLOSED)
@given(seed=seeds)
def test_collapsed_latents_give_finite_maps_and_no_more_loss_than_lstsq(geometry, collapse, seed):
    Z = {composition: COLLAPSED[collapse](rows) for composition, rows in latents(seed).items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = fit(Moments.of(Z), alike(geometry))
    for name, L in fitted.items():
        assert np.isfinite(L).all()
        if geometry == "free":
            best = np.linalg.lstsq(Z[()], Z[(name,)], rcond=None)[0]
            ours, least = (np.square(Z[()] @ M - Z[(name,)]).sum() for M in (L, best))
            assert ours <= least * (1 + 1e-6) + 1e-12
            assert np.linalg.norm(L) <= 10 * (1 + np.linalg.norm(best))


class Counting(IdentityAutoencoder):
    """An exact autoencoder that counts the images it is given, at most at once and in all."""

    def transform(self, X):
        self.most, self.total = max(len(X), getattr(self, "most", 0)), len(X) + getattr(self, "total", 0)
        return super().transform(X)


@pytest.mark.parametrize("geometry", ["auto", "free", "finite_order"])
def test_the_staged_fit_holds_a_batch_of_latents_and_encodes_a_view_once(geometry):
    peaks = []
    for n in (4 * BATCH, 20 * BATCH + 5):
        views, counting = views_of_pixels(n), Counting().fit(np.zeros((1, 32)))
        algebra = find_algebra(views)
        geometries = {"flip_lr": "group", "flip_ud": "group", "shear_x": "commuting"}
        geometries = geometries if geometry == "auto" else dict.fromkeys(["flip_lr", "flip_ud"], geometry)
        tracemalloc.start()
        found = Found(algebra, geometries, "lstsq", 0, {})
        METHODS["staged"].fit(FrozenEstimator(counting), views, found, None, False)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert counting.most <= BATCH
        assert counting.total == n * len(views_to_fit(algebra, geometries, "lstsq")[0])
    assert peaks[1] < 1.1 * peaks[0]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_only_what_descends_on_rows_keeps_them(geometry, solver):
    geometries = alike(geometry)
    views, kept = views_to_fit(ALGEBRA, geometries, solver)
    assert len(set(views)) == len(views)
    assert set(kept) <= set(views)
    in_pairs = {(name,) for name, of in geometries.items() if of != "group"}
    descends = GEOMETRIES[geometry].by_rows or SOLVERS[solver].by_rows
    assert set(kept) == ({(), *in_pairs} if descends and in_pairs else set())
    assert set(views) == {(), *in_pairs} | (set(ALGEBRA.elements) if "group" in geometries.values() else set())

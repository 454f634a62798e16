"""Laws of the representations that joint training chooses by the images."""

import numpy as np
import pytest
import torch
from conftest import SQUARE
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from latentaug import VAE, LatentAugmenter
from latentaug.augs.pairs import Partners
from latentaug.augs.views import Views
from latentaug.latent import cyclic_table
from latentaug.latent.representations import (
    irreducible_representations,
    ranked_copies,
    regular_representation,
    representation_defect,
    sum_of,
)
from latentaug.learn.geometries import fitted_representation
from latentaug.learn.starting import variances_by_part
from latentaug.models.errors import model_views


def product(a, b):
    """Cayley table of the direct product."""
    return (np.kron(a, np.ones_like(b)) * len(b) + np.kron(np.ones_like(a), b)).astype(int)


def dihedral(n):
    """Cayley table of the symmetries of a polygon, turn ``k`` and turn and mirror ``n + k``."""
    k, s = np.arange(2 * n) % n, np.arange(2 * n) // n
    turned = np.where(s[None] == 0, k[:, None] + k[None], k[None] - k[:, None]) % n
    return turned + n * ((s[:, None] + s[None]) % 2)


# Hamilton's units 1, i, j, k and, four further, minus those.
UNITS = np.array([[0, 1, 2, 3], [1, 4, 3, 6], [2, 7, 4, 1], [3, 2, 5, 4]])
QUATERNIONS = (np.tile(UNITS, (2, 2)) + 4 * np.kron([[0, 1], [1, 0]], np.ones((4, 4), dtype=int))) % 8
TABLES = {
    "trivial": cyclic_table(1),
    "mirror": cyclic_table(2),
    "klein": product(cyclic_table(2), cyclic_table(2)),
    "turns": cyclic_table(4),
    "fifths": cyclic_table(5),
    "square": dihedral(4),
    "triangle": dihedral(3),
    "quaternions": QUATERNIONS,
    "mirror and turns": product(cyclic_table(2), cyclic_table(3)),
}
groups = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


@groups
def test_irreducible_representations_obey_the_table(table):
    irreps = irreducible_representations(table)
    assert np.array_equal(irreps[0], np.ones((len(table), 1, 1)))
    for L in irreps:
        assert representation_defect(L, table) < 1e-12
        assert np.allclose(L @ L.transpose(0, 2, 1), np.eye(len(L[0])), atol=1e-12)


@groups
def test_the_regular_representation_is_made_of_all_of_them(table):
    """Their copies in it fill it, and have its character."""
    irreps, n = irreducible_representations(table), len(table)
    least = ranked_copies(irreps, [np.zeros(0)] * len(irreps), n)
    whole = sum_of(irreps, least)
    assert whole.shape == (n, n, n)
    assert np.allclose(np.trace(whole, axis1=1, axis2=2), np.trace(regular_representation(table, n), axis1=1, axis2=2))
    characters = np.stack([np.trace(L, axis1=1, axis2=2) for L in irreps])
    inner = characters @ characters.T / n
    assert np.allclose(inner, np.diag(np.diagonal(inner)), atol=1e-9)  # no two are the same
    assert set(np.diagonal(inner).round(6)) <= {1, 2, 4}


@groups
@given(seed=st.integers(0, 999), more=st.integers(0, 9))
def test_copies_fill_the_latent_space_and_hold_every_element_apart(table, seed, more):
    irreps, d = irreducible_representations(table), len(table) + more
    rng = np.random.default_rng(seed)
    variances = [np.sort(rng.random(d))[::-1] for _ in irreps]
    copies = ranked_copies(irreps, variances, d)
    L = sum_of(irreps, copies)
    least = ranked_copies(irreps, [np.zeros(0)] * len(irreps), len(table))
    assert L.shape == (len(table), d, d)
    assert all(n >= few for n, few in zip(copies, least, strict=True))
    assert representation_defect(L, table) < 1e-12
    assert len(np.unique(L.round(6), axis=0)) == len(table)


def test_more_copies_go_where_images_vary():
    irreps = irreducible_representations(cyclic_table(2))
    assert ranked_copies(irreps, [np.array([9.0, 3.0, 1.0]), np.array([8.0, 2.0])], 4) == [2, 2]
    assert ranked_copies(irreps, [np.array([9.0, 3.0, 1.0]), np.array([8.0, 0.5])], 4) == [3, 1]
    assert ranked_copies(irreps, [np.array([9.0]), np.array([8.0])], 4) == [3, 1]  # none has a variance: trivial


@groups
@given(seed=st.integers(0, 999))
def test_variances_are_those_of_what_the_images_are_made_of(table, seed):
    """Images drawn in a representation vary as the copies in it do, and not elsewhere."""
    rng, irreps = np.random.default_rng(seed), irreducible_representations(table)
    copies = rng.integers(0, 3, size=len(irreps))
    copies[rng.integers(len(irreps))] += 1
    L = sum_of(irreps, copies)
    orbit = torch.from_numpy(rng.normal(size=(4000, L.shape[1])) @ L)
    found = variances_by_part(orbit, table, irreps)
    for n, k, variances in zip(copies, map(len, (L[0] for L in irreps)), found, strict=True):
        assert np.allclose(variances[:n], 1, atol=0.2)
        assert np.allclose(variances[n:], 0, atol=1e-9)
        assert len(variances) == L.shape[1] // k


@pytest.mark.parametrize("augs", [["flip_lr", "flip_ud"], SQUARE], ids=["klein", "square"])
def test_joint_training_takes_the_maps_that_the_images_ask_for(digits, augs):
    vae = VAE(20, hidden_channels=(2, 3), max_iter=1, device="cpu", random_state=0)
    X = digits[:200]
    symmetric = (X + X[:, :, ::-1]) / 2  # mirrored, they are the same
    symmetric[0] = X[0]
    kept = {
        name: np.trace(LatentAugmenter(augs, vae, representation=chosen).fit(images).latent_maps_["flip_lr"])
        for name, images, chosen in (
            ("digits", X, "auto"), ("symmetric", symmetric, "auto"), ("regular", symmetric, "regular"),
        )
    }  # fmt: skip
    assert kept["symmetric"] > kept["digits"]
    assert kept["regular"] == 20 % len(LatentAugmenter(augs, vae).fit(X[:20]).algebra_.elements)


@pytest.mark.parametrize("augs", [["flip_lr"], SQUARE], ids=["mirror", "square"])
def test_views_with_gaps_ask_for_nearly_the_same(digits, augs):
    """Moments of pairs need no row that has all views."""
    model = LatentAugmenter(augs, PCA(4), method="staged").fit(digits[:100])
    algebra, rng = model.algebra_, np.random.default_rng(0)
    made = model_views(model, digits)
    arrays = {c: made.take(slice(None), c) for c in algebra.elements[1:]}
    rows = {c: np.flatnonzero(rng.random(len(digits)) < 0.4) for c in arrays}
    gaps = {c: Partners(arrays[c][rows[c]], rows[c]) for c in arrays}
    given = [Views(digits, dict.fromkeys(augs), model.format_, paired=paired) for paired in (arrays, gaps)]
    L, whole, less = (fitted_representation(algebra, algebra.cayley_table, views, 32) for views in (made, *given))
    assert np.array_equal(L, whole)
    assert all(abs(np.trace(one) - np.trace(other)) <= 4 for one, other in zip(L, less, strict=True))
    assert not np.array_equal(L, regular_representation(algebra.cayley_table, 32))


@pytest.mark.parametrize("order", [3, 6])
def test_the_laws_of_turns_hold_to_rounding_and_go_on(order):
    """Also where cosines are no float32 numbers, and from one part of a stream to the next."""
    X = np.random.default_rng(0).random((60, order, 1)).astype(np.float32) ** 2
    vae = VAE(order + 3, hidden_channels=(2, 3), max_iter=1, device="cpu", random_state=0)
    model = LatentAugmenter([("shift", lambda X: np.roll(X, 1, axis=1))], vae, symmetrize=False).partial_fit(X)
    L = model.latent_maps_["shift"]
    for _ in range(2):
        assert np.allclose(np.linalg.matrix_power(L, order), np.eye(order + 3), atol=1e-13)
        assert np.array_equal(model.partial_fit(X).latent_maps_["shift"], L)


def test_a_representation_is_named(digits):
    with pytest.raises(ValueError, match="representation"):
        LatentAugmenter(["flip_lr"], VAE(4), representation="irregular").fit(digits[:20])

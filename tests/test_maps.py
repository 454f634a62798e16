"""Laws of latent maps: what was planted is found, every constraint holds, composing and undoing are exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentaug.latent import maps
from latentaug.latent.representations import (
    average_over,
    cyclic_table,
    fit_group_maps,
    nearest_representation,
    regular_representation,
    representation_defect,
)

SYMMETRIC_TABLE = np.array(
    [
        [0, 1, 2, 3, 4, 5],
        [1, 0, 4, 5, 2, 3],
        [2, 3, 0, 1, 5, 4],
        [3, 2, 5, 4, 0, 1],
        [4, 5, 1, 0, 3, 2],
        [5, 4, 3, 2, 1, 0],
    ]
)  # of the permutations of three things
TABLES = {"C1": cyclic_table(1), "C2": cyclic_table(2), "C4": cyclic_table(4), "S3": SYMMETRIC_TABLE}

dimensions = st.integers(6, 12)
seeds = st.integers(0, 2**16)


def latents(seed, d, n=200):
    rng = np.random.default_rng(seed)
    return rng, rng.normal(size=(n, d))


def coordinates(rng, d):
    """A well-conditioned change of coordinates."""
    return np.eye(d) + 0.3 * rng.normal(size=(d, d)) / np.sqrt(d)


def conjugate(P, L):
    return np.linalg.solve(P, L @ P)


@given(seed=seeds, d=dimensions)
def test_free_map_finds_any_planted_matrix(seed, d):
    rng, Z = latents(seed, d)
    L = rng.normal(size=(d, d))
    assert np.allclose(maps.fit_free_map(Z, Z @ L), L)


@given(seed=seeds, d=dimensions, noise=st.sampled_from([0.0, 1.0]))
def test_orthogonal_map_is_orthogonal_and_finds_a_planted_one(seed, d, noise):
    rng, Z = latents(seed, d)
    Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    L = maps.fit_orthogonal_map(Z, Z @ Q + noise * rng.normal(size=Z.shape))
    assert np.allclose(L.T @ L, np.eye(d))
    assert noise or np.allclose(L, Q)


@given(seed=seeds, d=dimensions, order=st.integers(1, 5), noise=st.sampled_from([0.0, 1.0]))
def test_finite_order_map_has_its_order_and_finds_a_planted_one(seed, d, order, noise):
    rng, Z = latents(seed, d)
    planted = conjugate(coordinates(rng, d), regular_representation(cyclic_table(order), d)[1 % order])
    L = maps.fit_finite_order_map(Z, Z @ planted + noise * rng.normal(size=Z.shape), order)
    assert np.allclose(np.linalg.matrix_power(L, order), np.eye(d), atol=1e-6)
    assert noise or np.allclose(L, planted, atol=1e-6)


@pytest.mark.parametrize("group", TABLES)
@given(seed=seeds, d=dimensions, noise=st.sampled_from([0.0, 0.5]))
def test_group_maps_are_a_representation_and_find_a_planted_one(group, seed, d, noise):
    rng, Z = latents(seed, d)
    table = TABLES[group]
    P = coordinates(rng, d)
    planted = np.stack([conjugate(P, L) for L in regular_representation(table, d)])
    moved = np.stack([Z @ L for L in planted])
    L = fit_group_maps(moved + noise * rng.normal(size=moved.shape), table)
    assert representation_defect(L, table) < 1e-6
    assert noise or np.allclose(L, planted, atol=1e-6)


def test_what_no_average_brings_to_a_representation_becomes_the_identity_and_says_so():
    rng = np.random.default_rng(0)
    nothing_alike = np.stack([np.linalg.qr(rng.normal(size=(5, 5)))[0] for _ in range(4)])
    with pytest.warns(UserWarning, match="do not move as the group"):
        L = nearest_representation(nothing_alike, TABLES["C4"], max_iter=1)
    assert np.array_equal(L, np.broadcast_to(np.eye(5), L.shape))


def test_collapsed_latents_still_give_a_representation():
    Z = np.random.default_rng(0).normal(size=(100, 6)) * [1, 1, 1, 0, 0, 0]
    L = fit_group_maps(np.stack([Z, Z[:, ::-1]]), TABLES["C2"])
    assert representation_defect(L, TABLES["C2"]) < 1e-6


@pytest.mark.parametrize("group", TABLES)
@given(d=dimensions, seed=seeds)
def test_averaging_over_a_group_projects_onto_what_commutes_with_it(group, d, seed):
    rng = np.random.default_rng(seed)
    rho = regular_representation(TABLES[group], d)
    L = average_over(rng.normal(size=(d, d)), rho)
    assert np.allclose(L @ rho, rho @ L)
    assert np.allclose(average_over(L, rho), L)


@given(seed=seeds, d=dimensions)
def test_composing_and_undoing(seed, d):
    rng, Z = latents(seed, d)
    A, B = coordinates(rng, d), coordinates(rng, d)
    composed = A @ B
    assert np.allclose(maps.apply(Z, composed), maps.apply(maps.apply(Z, A), B))
    assert np.allclose(maps.apply_inverse(Z @ composed, composed), Z)
    assert np.allclose(maps.apply_inverse(maps.apply_inverse(Z, B), A), maps.apply_inverse(Z, composed))
    assert np.array_equal(maps.apply_each([[]], Z, np.zeros(len(Z), dtype=int)), Z)


@given(seed=seeds, d=dimensions, j=st.integers(-3, 3), k=st.integers(-3, 3))
def test_powers_add(seed, d, j, k):
    rng, Z = latents(seed, d)
    L = coordinates(rng, d)
    assert np.allclose(maps.apply(maps.apply(Z, L, j), L, k), maps.apply(Z, L, j + k))
    assert np.allclose(maps.apply(Z, L, k), Z @ np.linalg.matrix_power(L, k))


@given(seed=seeds, d=dimensions, j=st.integers(0, 3), k=st.integers(0, 3))
def test_powers_of_a_nonlinear_map_add_and_none_is_negative(seed, d, j, k):
    rng, Z = latents(seed, d)
    bent = maps.ResidualNetwork(
        coordinates(rng, d), rng.normal(size=(d, 4)), rng.normal(size=4), rng.normal(size=(4, d)), np.zeros(d)
    )
    assert np.allclose(maps.apply(maps.apply(Z, bent, j), bent, k), maps.apply(Z, bent, j + k))
    with pytest.raises(ValueError, match=r"^A nonlinear latent map has no inverse\. Allowed: any other geometry\.$"):
        maps.apply(Z, bent, -1)


def test_undoing_a_singular_map_is_least_squares():
    Z = np.array([[2.0, 0.0]])
    assert np.allclose(maps.apply_inverse(Z, np.diag([2.0, 0.0])), [[1.0, 0.0]])


def test_condition_number():
    assert maps.condition_number(np.diag([4.0, 2.0])) == pytest.approx(2)


@given(seed=seeds, d=dimensions)
def test_each_row_is_carried_by_its_own_chain(seed, d):
    rng, Z = latents(seed, d, n=30)
    A = coordinates(rng, d)
    bent = maps.ResidualNetwork(A, rng.normal(size=(d, 4)), rng.normal(size=4), rng.normal(size=(4, d)), np.zeros(d))
    chains = [[], [A], [A, bent], [bent, A]]
    which, rows = rng.integers(len(chains), size=30), Z.astype(np.float32)
    carried = maps.apply_each(chains, rows, which)
    assert carried.dtype == np.float32
    for k, chain in enumerate(chains):
        expected = Z
        for L in chain:
            expected = maps.apply(expected, L)
        assert np.allclose(carried[which == k], expected[which == k], atol=1e-4)


@pytest.mark.parametrize("table", [[], [0, 1], [[0, 1], [0, 1]], [[1, 2], [2, 1]], [[0, 1]], [[0.5]]])
def test_what_is_no_table_of_a_group_is_refused(table):
    message = r"^cayley_table must hold each of the numbers 0\.\.N-1 once in every row and column\. Got \[.*\]\.$"
    with pytest.raises(ValueError, match=message):
        regular_representation(table, 4)
    with pytest.raises(ValueError, match=message):
        fit_group_maps(np.ones((len(table), 3, 2)), table)

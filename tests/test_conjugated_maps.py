"""Laws of maps in skewed coordinates, where a representation is not orthogonal and its inverse not its transpose."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import FunctionTransformer

from latentaug import LatentAugmenter
from latentaug.augs import flip_lr, name_augs, rotate_cw
from latentaug.augs.views import Views
from latentaug.images import ImageFormat
from latentaug.latent import maps
from latentaug.latent.algebra import find_algebra
from latentaug.latent.representations import (
    average_over,
    cyclic_table,
    fit_group_maps,
    regular_representation,
    representation_defect,
)

SQUARE = find_algebra(Views(np.eye(9).reshape(9, 3, 3), name_augs([rotate_cw, flip_lr]), ImageFormat((3, 3))))
TABLES = {"C1": cyclic_table(1), "C3": cyclic_table(3), "C4": cyclic_table(4), "D4": SQUARE.cayley_table}

seeds = st.integers(0, 2**16).map(np.random.default_rng)
dimensions = st.integers(8, 12)
groups = pytest.mark.parametrize("group", TABLES)


def matrix(rng, values):
    """A full matrix of these singular values."""
    U, V = (np.linalg.qr(rng.normal(size=(len(values), len(values))))[0] for _ in range(2))
    return U * values @ V


def skewed(rng, table, d):
    """The regular representation in coordinates of condition 10."""
    P = matrix(rng, np.linspace(1, 10, d))
    return np.linalg.inv(P) @ regular_representation(table, d) @ P


def inverse_of(table, g):
    return table[g].tolist().index(0)


@groups
@given(rng=seeds, d=dimensions)
def test_averaging_projects_onto_what_commutes_with_it(group, rng, d):
    rho, L, M = skewed(rng, TABLES[group], d), *rng.normal(size=(2, d, d))
    average = average_over(L, rho)
    for R in rho:
        assert np.allclose(average @ R, R @ average)
        assert np.allclose(average_over(np.linalg.inv(R) @ L @ R, rho), average)
    assert np.allclose(average_over(average, rho), average)
    assert np.allclose(average_over(L + M, rho), average + average_over(M, rho))
    assert np.trace(average) == pytest.approx(np.trace(L))


@groups
@given(rng=seeds, d=dimensions)
def test_averaging_leaves_alone_what_commutes_already(group, rng, d):
    table = TABLES[group]
    rho = skewed(rng, table, d)
    # Class sums commute with every element: sum over h of inv(h) g h.
    sums = [sum(rho[table[table[inverse_of(table, h), g], h]] for h in range(len(table))) for g in range(len(table))]
    for L in (np.eye(d), *sums):
        assert np.allclose(average_over(L, rho), L)


@groups
@given(rng=seeds, d=dimensions)
def test_products_and_powers_of_a_representation_are_elements(group, rng, d):
    table = TABLES[group]
    rho = skewed(rng, table, d)
    Z = rng.normal(size=(5, d))
    for g, h in product(range(len(table)), repeat=2):
        assert np.allclose(rho[g] @ rho[h], rho[table[g, h]])
        assert np.allclose(maps.apply(maps.apply(Z, rho[g]), rho[h]), Z @ rho[table[g, h]])
    for g in range(len(table)):
        inverse = rho[inverse_of(table, g)]
        assert np.allclose(maps.apply(np.eye(d), rho[g], -1), inverse)
        assert np.allclose(maps.apply(np.eye(d), rho[g], -3), inverse @ inverse @ inverse)
        assert np.allclose(maps.apply(np.eye(d), rho[g], 2), rho[table[g, g]])
        assert np.allclose(maps.apply_inverse(Z, rho[g]), Z @ inverse)


@given(rng=seeds)
def test_the_defect_of_a_representation_is_that_of_its_worst_product(rng):
    table = TABLES["D4"]
    rho = skewed(rng, table, 9)
    assert representation_defect(rho, table) < 1e-10
    assert representation_defect(rho, table.T) > 0.1, "right before left is another group"
    moved = rho + 0.01 * rng.normal(size=rho.shape)
    worst = max(np.abs(moved[g] @ moved[h] - moved[table[g, h]]).max() for g, h in product(range(8), repeat=2))
    assert representation_defect(moved, table) == pytest.approx(worst)


@given(rng=seeds, d=dimensions)
def test_group_maps_keep_the_order_of_elements_that_do_not_commute(rng, d):
    rho, Z = skewed(rng, TABLES["D4"], d), rng.normal(size=(100, d))
    assert np.allclose(fit_group_maps(np.stack([Z @ R for R in rho]), TABLES["D4"]), rho, atol=1e-6)


@given(rng=seeds, values=st.lists(st.floats(0.01, 100), min_size=2, max_size=8))
def test_a_condition_number_is_the_longest_image_of_a_unit_vector_over_the_shortest(rng, values):
    L = matrix(rng, np.array(values))
    assert maps.condition_number(L) == pytest.approx(max(values) / min(values))


def test_an_augmenter_tells_the_condition_numbers_of_its_maps():
    P = matrix(np.random.default_rng(0), np.array([1.0, 2.0, 4.0, 8.0]))
    in_coordinates = FunctionTransformer(lambda X: X @ P, lambda Z: Z @ np.linalg.inv(P))
    X = np.random.default_rng(1).random((50, 2, 2))
    augmenter = LatentAugmenter([rotate_cw, flip_lr], in_coordinates, method="staged", geometry="free").fit(X)
    for name, aug in (("rotate_cw", rotate_cw), ("flip_lr", flip_lr)):
        pixels = aug(np.eye(4).reshape(4, 2, 2)).reshape(4, 4)
        lengths = np.linalg.svd(np.linalg.inv(P) @ pixels @ P, compute_uv=False)
        assert augmenter.condition_numbers_[name] == pytest.approx(lengths[0] / lengths[-1], rel=1e-4)
        assert augmenter.condition_numbers_[name] > 1.5


@pytest.mark.parametrize(("length", "counts"), [(1e-4, True), (1e-5, True), (1e-7, False), (0, False)])
def test_a_direction_a_millionth_as_long_as_the_longest_counts_as_collapsed(length, counts):
    rng = np.random.default_rng(0)
    Z = np.linalg.qr(rng.normal(size=(50, 3)))[0] * [1, 1, length]
    Q = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    L = rng.normal(size=(3, 3))
    fitted = Q @ maps.fit_free_map(Z @ Q, Z @ L)
    assert np.allclose(fitted, L if counts else L * [[1], [1], [0]], atol=1e-3)


@pytest.mark.parametrize("table", [[[0, 1], [0, 1]], [[0, 0], [1, 1]], [[0, 1, 2], [1, 2, 0]], [[1, 2], [2, 1]]])
def test_what_is_no_table_of_a_group_is_refused(table):
    with pytest.raises(ValueError, match=r"each of the numbers 0\.\.N-1 once in every row and column"):
        regular_representation(np.array(table), 4)


@pytest.mark.parametrize("n_elements", [2, 4])
def test_an_orbit_of_another_number_of_elements_is_refused(n_elements):
    with pytest.raises(ValueError, match=rf"with N of 3\. Got \({n_elements}, 10, 5\)"):
        fit_group_maps(np.ones((n_elements, 10, 5)), TABLES["C3"])

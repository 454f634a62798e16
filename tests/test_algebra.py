"""Laws read off the images, exact representations, and the views that follow from them."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentaug.augs import CATALOGUE, name_augs
from latentaug.augs.steps import repeated
from latentaug.augs.views import Views, declared_compositions
from latentaug.images import ImageFormat
from latentaug.latent.algebra import find_algebra
from latentaug.latent.representations import cyclic_table, regular_representation, representation_defect

rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (20, 10, 10)).astype(np.uint8)

# The augmentations, and the size of the group that they generate on square images.
GROUPS = [
    (["flip_lr"], 2),
    (["flip_lr", "flip_ud"], 4),
    (["rotate_cw"], 4),
    (["rotate_cw", "rotate_ccw"], 4),
    (["rotate_cw", "flip_lr"], 8),
    (["flip_ud", "flip_lr", "rotate_ccw"], 8),
    (["canny", "shear_x"], 1),
    (["shear_x", "flip_lr", "mini_image"], 2),
]


def views_of(names, images=IMAGES):
    return Views(images, name_augs(names), ImageFormat(images.shape[1:]))


groups = pytest.mark.parametrize(("names", "size"), GROUPS)


@groups
def test_the_group_is_found(names, size):
    algebra = find_algebra(views_of(names))
    assert len(algebra.elements) == size
    assert list(algebra.orders) == names
    assert all((order is not None) == (name in algebra.generators) for name, order in algebra.orders.items())


@groups
def test_the_cayley_table_is_that_of_a_group_and_of_the_images(names, size):
    views, algebra = views_of(names), find_algebra(views_of(names))
    table = algebra.cayley_table
    assert np.array_equal(table[0], np.arange(size))
    assert np.array_equal(table[table], table[:, table])  # associative
    assert all(sorted(row) == list(range(size)) for row in [*table, *table.T])
    for i, first in enumerate(algebra.elements):
        for j, then in enumerate(algebra.elements):
            product = algebra.elements[table[i, j]]
            assert np.array_equal(views.take(slice(None), first + then), views.take(slice(None), product))


@groups
def test_the_regular_representation_represents_every_composition(names, size):
    algebra = find_algebra(views_of(names))
    for d in (size, 2 * size + 1, 16):
        rho = regular_representation(algebra.cayley_table, d)
        assert representation_defect(rho, algebra.cayley_table) == 0
        assert np.array_equal(rho.transpose(0, 2, 1) @ rho, np.broadcast_to(np.eye(d), rho.shape))
        steps = {name: rho[number] for name, number in algebra.generators.items()}
        for number, element in enumerate(algebra.elements):
            assert np.array_equal(reduce(np.matmul, map(steps.get, repeated(element)), np.eye(d)), rho[number])


def test_a_latent_space_too_small_is_refused():
    with pytest.raises(ValueError, match=r"of 3 dimensions is too small for a group of 4 elements"):
        regular_representation(cyclic_table(4), 3)


# Of the augmentations of the catalogue that have one.
ORDERS = {"flip_lr": 2, "flip_ud": 2, "rotate_cw": 4, "rotate_ccw": 4}


@pytest.mark.parametrize("name", CATALOGUE)
def test_orders_hold_on_other_images(name):
    order = find_algebra(views_of([name])).orders[name]
    others = rng.integers(0, 256, (5, 10, 10)).astype(np.uint8)
    views = views_of([name], others)
    assert order == ORDERS.get(name)
    if order:
        assert np.array_equal(views.take(slice(None), (name,) * order), others)


def test_commuting_pairs():
    algebra = find_algebra(views_of(["flip_lr", "flip_ud", "rotate_cw", "edge_detect"]))
    assert algebra.commute("flip_lr", "flip_ud")
    assert algebra.commute("edge_detect", "rotate_cw")
    assert not algebra.commute("rotate_cw", "flip_lr")
    assert set(algebra.commutant("edge_detect")) == set(range(8))


def test_a_group_larger_than_allowed_leaves_out_the_later_augmentations():
    algebra = find_algebra(views_of(["flip_lr", "rotate_cw", "flip_ud"]), max_group=4)
    assert list(algebra.generators) == ["flip_lr", "flip_ud"]


def test_an_augmentation_that_does_nothing_here_is_the_identity_of_the_group():
    rows = IMAGES[:, :1]
    with pytest.warns(UserWarning, match=r"^flip_ud leaves all images looked at unchanged; rows are images of one row"):
        algebra = find_algebra(views_of(["flip_ud", "flip_lr"], rows))
    assert algebra.orders == {"flip_ud": 1, "flip_lr": 2}
    assert algebra.generators == {"flip_ud": 0, "flip_lr": 1}


def test_trained_views_are_distinct_declared_first_and_start_with_the_group():
    names = ["canny", "flip_lr", "shear_x"]
    algebra = find_algebra(views_of(names))
    compositions = algebra.compositions()
    assert compositions[:2] == [(), ("flip_lr",)]
    assert tuple(names) in compositions
    assert len(set(compositions)) == len(compositions)
    flips = find_algebra(views_of(["flip_lr", "flip_ud", "edge_detect"])).compositions()
    assert len(flips) == 8, "the four elements, and the four before the edges, which commute with them"


@given(n=st.integers(0, 7), max_views=st.sampled_from([8, 24, 200]))
def test_declared_compositions_are_every_choice_in_order_or_the_small_ones_and_all(n, max_views):
    names = [f"a{i}" for i in range(n)]
    choices = [tuple(name for i, name in enumerate(names) if number >> i & 1) for number in range(2**n)]
    if 2**n > max_views:
        choices = [choice for choice in choices if len(choice) in (0, 1, 2, n)]
    compositions = declared_compositions(names, max_views)
    assert compositions == sorted(choices, key=lambda c: (len(c), c))


def test_five_augmentations_make_too_many_choices_by_default():
    assert len(declared_compositions("abcd")) == 2**4
    assert len(declared_compositions("abcde")) == 1 + 5 + 10 + 1

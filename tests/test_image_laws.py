"""Laws read off images: where rounding ends, what a commutator is, which group, which compositions are one."""

from itertools import combinations, permutations, product

import numpy as np
import pytest
from conftest import IdentityAutoencoder, augmented
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import zoom

from latentaug import LatentAugmenter
from latentaug.augs import CATALOGUE, flip_lr, flip_ud, name_augs, rotate_cw
from latentaug.augs.steps import reduced
from latentaug.augs.views import Views, declared_compositions
from latentaug.images import ImageFormat
from latentaug.latent.algebra import Algebra, find_algebra
from latentaug.latent.representations import cyclic_table

ALL = slice(None)


def darken_left(X):
    """Halve the left half: the same from below, another thing from the right."""
    darkened = X.copy()
    darkened[:, :, : X.shape[2] // 2] //= 2
    return darkened


def roll(X):
    return np.roll(X, 1, axis=2)


def negative(X):
    return 255 - X if X.dtype == np.uint8 else 1 - X


def brighten_left(strength):
    def brighten(X):
        brightened = X.copy()
        brightened[:, :, : X.shape[2] // 2] += strength
        return brightened

    return brighten


def views_of(images, augs):
    return Views(images, name_augs(augs), ImageFormat(images.shape[1:]))


def laws_of(images, augs, **options) -> Algebra:
    return find_algebra(views_of(images, augs), **options)


def noise(*shape, dtype=np.uint8):
    pixels = np.random.default_rng(sum(shape)).random(shape)
    return (pixels * 256).astype(dtype) if dtype == np.uint8 else pixels.astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_the_negative_is_its_own_inverse_in_every_dtype(dtype):
    algebra = laws_of(noise(20, 5, 7, dtype=dtype), [negative, flip_lr])
    assert algebra.orders == {"negative": 2, "flip_lr": 2}
    assert algebra.elements == [(), ("negative",), ("flip_lr",), ("negative", "flip_lr")]


# A pixel that moves by more than a float32 rounds is another pixel.
@pytest.mark.parametrize(
    ("pixel", "moved", "order"),
    [(0.0, 5e-7, 1), (0.0, 5e-6, None), (0.9, 5e-6, 1), (0.9, 5e-5, None), (np.uint8(200), 1, None)],
)
def test_the_identity_is_told_from_what_nearly_is_it(pixel, moved, order):
    algebra = laws_of(np.full((3, 4, 5), pixel), [("creep", lambda X: X + np.array(moved, dtype=X.dtype))], max_group=1)
    assert algebra.orders == {"creep": order}


@pytest.mark.parametrize(("a", "b"), list(combinations(CATALOGUE, 2)))
def test_a_commutator_is_what_the_order_changes_over_what_the_images_differ_by(a, b):
    X = noise(9, 6, 6, dtype=np.float64)
    ab, ba = augmented(X, [a, b]), augmented(X, [b, a])
    changed = np.mean([np.linalg.norm(first - second) ** 2 for first, second in zip(ab, ba, strict=True)])
    spread = np.trace(np.cov(ab.reshape(9, -1), rowvar=False, bias=True))
    assert laws_of(X, [a, b]).commutators[a, b] == pytest.approx(changed / spread, abs=1e-12)


def test_of_one_image_again_and_again_any_change_is_infinitely_large():
    commutators = laws_of(noise(1, 5, 5).repeat(3, axis=0), [rotate_cw, flip_lr, flip_ud]).commutators
    assert commutators == {
        ("rotate_cw", "flip_lr"): np.inf,
        ("rotate_cw", "flip_ud"): np.inf,
        ("flip_lr", "flip_ud"): 0,
    }


@pytest.mark.filterwarnings("ignore:brighten leaves all images")
@pytest.mark.parametrize(("commutator", "commutes"), [(0.0, True), (0.045, True), (0.055, False), (0.5, False)])
def test_a_pair_commutes_up_to_a_twentieth_of_the_spread(commutator, commutes):
    X = 0.1 * noise(30, 6, 8, dtype=np.float64)
    strength = np.sqrt(commutator * X.reshape(30, -1).var(axis=0).sum() / (6 * 8))
    algebra = laws_of(X, [("brighten", brighten_left(strength)), flip_lr, flip_ud])
    assert algebra.commutators["brighten", "flip_lr"] == pytest.approx(commutator)
    assert algebra.commutators["brighten", "flip_ud"] == 0
    assert algebra.commute("brighten", "flip_lr") == algebra.commute("flip_lr", "brighten") == commutes
    assert algebra.commute("brighten", "flip_ud")
    assert algebra.commutant("brighten") == ([0, 1, 2, 3] if commutes else [0, algebra.generators["flip_ud"]])


def test_canny_commutes_with_the_symmetries_of_a_square_but_for_ties_and_a_shear_does_not(digits):
    X = np.clip(zoom(digits[:64], (1, 2, 2), order=1), 0, 1)
    symmetries, others = (
        ["flip_lr", "flip_ud", "rotate_cw", "rotate_ccw"],
        ["shear_x", "mini_image", "edge_detect", "canny"],
    )
    algebra = laws_of(X, [*symmetries, *others], max_group=8)
    for name in symmetries:
        assert 0 < algebra.commutators[name, "canny"] < 0.02
        assert algebra.commutators[name, "shear_x"] > 0.3
        assert [algebra.commute(other, name) for other in others] == [False] + 3 * [True]
    assert not any(algebra.commute(*pair) for pair in combinations(["shear_x", "mini_image", "edge_detect"], 2))


@pytest.mark.filterwarnings("ignore:roll leaves all images")
@pytest.mark.parametrize(("order", "found"), [(1, 1), (2, 2), (5, 5), (24, 24), (25, None)])
def test_an_order_is_looked_for_up_to_24_or_as_asked(order, found):
    assert laws_of(noise(5, 3, order), [roll]).orders["roll"] == found
    assert laws_of(noise(5, 3, order), [roll], max_group=order).orders["roll"] == order


@pytest.mark.filterwarnings("ignore:roll leaves all images")
@pytest.mark.parametrize("order", [1, 2, 5])
def test_a_roll_generates_the_cyclic_group_of_its_powers(order):
    algebra = laws_of(noise(5, 3, order), [roll])
    assert algebra.elements == [reduced(("roll",) * k) for k in range(order)]
    assert np.array_equal(algebra.cayley_table, cyclic_table(order))


@pytest.mark.parametrize(("width", "fits"), [(3, True), (12, True), (13, False)])
def test_a_group_has_24_elements_at_most_or_as_many_as_asked(width, fits):
    algebra = laws_of(noise(5, 3, width), [roll, flip_lr])
    assert len(algebra.elements) == (2 * width if fits else width)
    assert set(algebra.generators) == ({"roll", "flip_lr"} if fits else {"roll"})
    assert len(laws_of(noise(5, 3, width), [roll, flip_lr], max_group=2 * width).elements) == 2 * width
    assert len(laws_of(noise(5, 3, width), [roll, flip_lr], max_group=2 * width - 1).elements) == width


SQUARE = views_of(noise(6, 8, 8), [rotate_cw, flip_lr, darken_left, flip_ud])
LAWS = find_algebra(SQUARE)
inside = st.lists(st.sampled_from(list(LAWS.generators)), max_size=6).map(tuple)


def look(composition):
    return SQUARE.take(ALL, composition)


@given(composition=inside)
def test_a_composition_of_generators_is_the_element_that_looks_like_it(composition):
    assert np.array_equal(look(LAWS.elements[LAWS.element(composition)]), look(composition))


def test_elements_are_written_as_short_as_can_be():
    for number, element in enumerate(LAWS.elements):
        shorter = (c for n in range(len(element)) for c in product(LAWS.generators, repeat=n))
        assert number not in map(LAWS.element, shorter)


def test_compositions_said_to_be_one_look_alike():
    looks = {}
    words = [word for n in range(4) for word in product(LAWS.orders, repeat=n)]
    for word in words:
        looks.setdefault(LAWS.normal(word), set()).add(look(word).tobytes())
    assert all(len(alike) == 1 for alike in looks.values())
    nothing = [word for word in words if LAWS.in_group(word) and LAWS.element(word) == 0]
    assert nothing == [(), ("flip_lr",) * 2, ("flip_ud",) * 2]
    for word in nothing:
        assert LAWS.normal((*word, "darken_left", *word)) == LAWS.normal(("darken_left",))


@pytest.mark.parametrize("augs", [[flip_lr, flip_ud, darken_left], [darken_left, flip_ud], [rotate_cw, darken_left]])
def test_the_views_to_train_on_are_all_and_the_group_s_first(augs):
    views = views_of(noise(6, 8, 8), augs)
    algebra = find_algebra(views)
    listed = algebra.compositions()
    looks = {views.take(ALL, composition).tobytes() for composition in listed}
    others = declared_compositions([name for name in algebra.orders if name not in algebra.generators])
    orbit = (element + rest for rest in others for element in algebra.elements)
    for composition in (*declared_compositions(list(algebra.orders)), *orbit):
        assert views.take(ALL, composition).tobytes() in looks
    size = len(algebra.elements)
    assert [algebra.in_group(composition) for composition in listed] == [k < size for k in range(len(listed))]
    assert len({views.take(ALL, composition).tobytes() for composition in listed[:size]}) == size
    assert algebra.compositions(max_views=size + 1) == listed[: size + 1]


def test_elements_reached_by_some_generators_are_closed_under_them():
    for names in (c for n in range(4) for c in permutations(LAWS.generators, n)):
        found = LAWS.subgroup(names)
        reached = {LAWS.element(c) for n in range(6) for c in product(names, repeat=n)}
        assert sorted(found) == sorted(reached)


def test_a_map_commutes_with_the_group_s_maps_as_far_as_its_augmentation_does():
    X = np.random.default_rng(0).random((80, 4, 4))
    darken = ("darken", lambda X: X * np.array([0.5, 0.5, 1, 1]))
    augmenter = LatentAugmenter([flip_lr, flip_ud, darken], IdentityAutoencoder(), method="staged").fit(X)
    assert augmenter.geometries_["darken"] == "commuting"
    L, across, down = (augmenter.latent_maps_[name] for name in ("darken", "flip_lr", "flip_ud"))
    assert np.allclose(L, np.diag(np.tile([0.5, 0.5, 1, 1], 4)), atol=1e-6)
    assert np.allclose(L @ down, down @ L)
    assert np.linalg.norm(L @ across - across @ L) > 1


@pytest.mark.parametrize(
    ("augs", "shape", "geometries"),
    [([rotate_cw, flip_lr], (4, 4), ["group", "group"]), ([flip_lr, roll], (1, 13), ["group", "finite_order"])],
)
def test_the_strictest_map_of_pixels_is_what_the_augmentation_does_and_not_its_inverse(augs, shape, geometries):
    """Of a group too large the first stay a group, and a later one keeps its own order, whatever that is."""
    X = np.random.default_rng(0).random((100, *shape))
    augmenter = LatentAugmenter(augs, IdentityAutoencoder(), method="staged").fit(X)
    assert list(augmenter.geometries_.values()) == geometries
    for aug in augs:
        pixels = np.eye(X[0].size).reshape(-1, *shape)
        assert np.allclose(augmenter.latent_maps_[aug.__name__], aug(pixels).reshape(len(pixels), -1), atol=1e-6)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, 2.0, "3", True, None, np.array([1, 2])], ids=repr)
def test_a_cyclic_group_has_a_whole_number_of_elements(wrong):
    with pytest.raises((TypeError, ValueError), match=r"^order must be an integer of at least 1\. Got"):
        cyclic_table(wrong)

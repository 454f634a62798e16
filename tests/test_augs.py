"""Laws of the catalogue and of its adapters."""

import functools
import re

import numpy as np
import pytest
from conftest import image_stacks
from hypothesis import given
from hypothesis import strategies as st

from latentaug import augs
from latentaug.augs import CATALOGUE, name_augs

catalogue = pytest.mark.parametrize("name", CATALOGUE)
square_catalogue = st.sampled_from(sorted(CATALOGUE))


def power(aug, n):
    return lambda X: functools.reduce(lambda images, _: aug(images), range(n), X)


@given(X=image_stacks(square=True), name=square_catalogue)
def test_shape_dtype_and_range_are_kept_and_the_input_is_not_written(X, name):
    before = X.copy()
    augmented = CATALOGUE[name](X)
    assert augmented.shape == X.shape
    assert augmented.dtype == X.dtype
    assert augmented.min() >= 0
    assert augmented.max() <= (255 if X.dtype == np.uint8 else 1 + 1e-6)
    assert np.array_equal(X, before)


@given(X=image_stacks(square=True), name=square_catalogue)
def test_an_image_is_augmented_alone(X, name):
    together, alone = CATALOGUE[name](X), [CATALOGUE[name](X[i : i + 1])[0] for i in range(len(X))]
    assert np.array_equal(together, np.stack(alone))


@given(X=image_stacks(square=True), name=square_catalogue)
def test_colours_are_augmented_as_grey_images(X, name):
    if X.ndim == 4:
        planes = [CATALOGUE[name](X[..., c]) for c in range(X.shape[3])]
        assert np.allclose(CATALOGUE[name](X), np.stack(planes, axis=-1), atol=1e-6)


@given(X=image_stacks(square=True), name=square_catalogue)
def test_bytes_and_floats_agree(X, name):
    pixels = X if X.dtype == np.uint8 else np.rint(X * 255).astype(np.uint8)
    as_bytes = CATALOGUE[name](pixels) / 255
    as_floats = CATALOGUE[name](pixels / 255)
    assert np.abs(as_bytes - as_floats).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize(("name", "order"), [("flip_lr", 2), ("flip_ud", 2), ("rotate_cw", 4), ("rotate_ccw", 4)])
@given(X=image_stacks(square=True))
def test_orders(name, order, X):
    assert np.array_equal(power(CATALOGUE[name], order)(X), X)


@given(X=image_stacks(square=True))
def test_relations_of_the_square(X):
    r, s, f, u = augs.rotate_cw, augs.rotate_ccw, augs.flip_lr, augs.flip_ud
    assert np.array_equal(s(r(X)), X)
    assert np.array_equal(f(r(f(X))), s(X))
    assert np.array_equal(f(u(X)), r(r(X)))
    assert np.array_equal(f(u(X)), u(f(X)))


@pytest.mark.parametrize("flip", ["flip_lr", "flip_ud"])
@given(X=image_stacks(square=True))
def test_edges_commute_with_flips(flip, X):
    flip = CATALOGUE[flip]
    tolerance = 1 if X.dtype == np.uint8 else 1e-6
    assert np.allclose(augs.edge_detect(flip(X)).astype(float), flip(augs.edge_detect(X)).astype(float), atol=tolerance)


def test_what_each_one_draws():
    X = np.zeros((1, 8, 8), dtype=np.uint8)
    X[0, 2:6, 2:6] = 255
    assert augs.mini_image(X)[0, 3:5, 3:5].min() == 255, "the copy of the square is in the middle"
    assert augs.mini_image(X)[0, 2, 2] == 0, "over what was there"
    assert augs.edge_detect(X)[0, 0, 0] == 0
    assert augs.edge_detect(X)[0, 3, 2] == 255
    assert set(np.unique(augs.canny(X))) == {0, 255}
    assert augs.shear_x(X)[0, :4].sum(axis=0).argmax() < augs.shear_x(X)[0, 4:].sum(axis=0).argmax()


def test_shear_moves_each_row_by_its_distance_from_the_centre():
    X = np.zeros((1, 21, 9))
    X[0, :, 4] = 1
    centres = (augs.shear_x(X)[0] * np.arange(9)).sum(axis=1)
    assert np.allclose(centres, 4 + 0.3 * (np.arange(21) - 10))


def test_names():
    assert list(name_augs([augs.flip_lr, "canny", ("mine", augs.flip_ud)])) == ["flip_lr", "canny", "mine"]
    assert list(name_augs([lambda X: X, lambda X: 1 - X])) == ["lambda", "lambda-2"]
    assert name_augs(["canny"])["canny"] is augs.canny
    assert name_augs(["brighter"])["brighter"] is None


@pytest.mark.parametrize(
    "wrong", ["flip_lr", augs.flip_lr, 3, [3], [("a", 3)], [("a__b", augs.canny)], [("", augs.canny)]]
)
def test_wrong_augs_are_refused_in_one_line(wrong):
    with pytest.raises((TypeError, ValueError)) as error:
        name_augs(wrong)
    assert "\n" not in str(error.value)
    assert "Got" in str(error.value)


NO_STACKS = {
    "Images must be a numpy array": [[[0.5]]],
    "Images must be an array (n, H, W) or (n, H, W, C)": np.zeros((4, 4)),
    "Got one of shape (0, 4, 4)": np.zeros((0, 4, 4)),
    "contains NaN": np.full((1, 4, 4), np.nan),
    "must lie in 0..255": np.full((1, 4, 4), 300),
}


@catalogue
@pytest.mark.parametrize("words", NO_STACKS)
def test_what_is_no_stack_of_images_is_refused(name, words):
    with pytest.raises((TypeError, ValueError), match=re.escape(words)):
        CATALOGUE[name](NO_STACKS[words])


def test_broken_opencv_gives_one_plain_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(ImportError, match="opencv-python-headless") as error:
        augs.canny(np.zeros((1, 4, 4)))
    assert "\n" not in str(error.value)


ADAPTED = {
    "torchvision": lambda: pytest.importorskip("torchvision.transforms.v2").RandomHorizontalFlip(p=1),
    "albumentations": lambda: pytest.importorskip("albumentations").HorizontalFlip(p=1),
    "kornia": lambda: pytest.importorskip("kornia").augmentation.RandomHorizontalFlip(p=1),
}


@pytest.mark.parametrize("library", ADAPTED)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("colour", [(), (1,), (3,)])
@pytest.mark.filterwarnings("ignore")
def test_adapted_flips_are_our_flip(library, dtype, colour):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (5, 6, 7, *colour)).astype(np.uint8)
    X = X if dtype == np.uint8 else (X / 255).astype(dtype)
    aug = getattr(augs, f"from_{library}")(ADAPTED[library]())
    flipped = aug(X)
    assert flipped.dtype == X.dtype
    assert np.allclose(flipped, augs.flip_lr(X), atol=1e-6)
    assert next(iter(name_augs([aug]))).endswith("Flip")


@pytest.mark.parametrize("factor", [1 / 3, 5 / 3, -1.0])
def test_bytes_that_a_module_takes_as_floats_are_rounded_and_stay_bytes(factor):
    X = np.arange(256).astype(np.uint8).reshape(4, 8, 8)
    expected = np.clip(np.rint(X * factor), 0, 255)
    scaled = augs.from_kornia(lambda images: images * factor, "scaled")(X)
    assert np.array_equal(scaled, expected)
    assert scaled.dtype == X.dtype


def test_adapters_take_a_name_and_any_callable():
    assert list(name_augs([augs.from_torchvision(lambda x: x.flip(-1), "mirror")])) == ["mirror"]

"""Views are made lazily and rightly, from functions and from paired arrays."""

from unittest.mock import patch

import numpy as np
import pytest
from conftest import augmented, image_stacks
from hypothesis import given
from hypothesis import strategies as st

import latentaug.augs.views
from latentaug.augs import CATALOGUE, name_augs
from latentaug.augs.views import Views, declare_views
from latentaug.images import ImageFormat


def views_of(X, augs, **kwargs):
    return Views(X, name_augs(augs), ImageFormat(X.shape[1:]), **kwargs)


@given(X=image_stacks(square=True), names=st.lists(st.sampled_from(sorted(CATALOGUE)), max_size=4).map(tuple))
def test_a_composition_acts_from_left_to_right(X, names):
    views = views_of(X, CATALOGUE)
    assert np.array_equal(views.take(slice(None), names), augmented(X, names))
    (mixed,) = views.of([(), names]).mix(np.arange(len(X)), np.ones(len(X), dtype=int))
    assert np.array_equal(mixed, augmented(X, names))


@pytest.mark.parametrize("pair", [("rotate_cw", "flip_lr"), ("shear_x", "flip_ud"), ("mini_image", "canny")])
def test_of_two_augmentations_that_do_not_commute_the_left_acts_first(pair):
    first, then = (CATALOGUE[name] for name in pair)
    X = np.random.default_rng(0).random((5, 6, 6))
    views = views_of(X, pair)
    assert not np.allclose(then(first(X)), first(then(X)))
    assert np.array_equal(views.take(slice(None), pair), then(first(X)))
    assert np.array_equal(views.take(slice(None), pair[::-1]), first(then(X)))


@given(X=image_stacks())
def test_mixed_batches_hold_each_row_under_its_own_view(X):
    views = views_of(X, ["flip_lr", "flip_ud"])
    rng = np.random.default_rng(0)
    rows, source, target = (rng.integers(k, size=9) for k in (len(X), 4, 4))
    x, y = views.mix_pairs(rows, source, target)
    assert x.dtype == y.dtype == X.dtype
    for images, which in ((x, source), (y, target)):
        for image, row, k in zip(images, rows, which, strict=True):
            single = views.take(slice(row, row + 1), views.compositions[k])
            assert np.array_equal(image, single[0])


@pytest.mark.parametrize("room", [0, 0.5, 2.0])
@given(X=image_stacks(), seed=st.integers(0, 99))
def test_what_is_computed_once_is_what_would_be_computed_again(room, X, seed):
    rng = np.random.default_rng(seed)
    with patch.object(latentaug.augs.views, "CACHE_BYTES", int(room * 3 * (X.nbytes + 4 * len(X)))):
        views = views_of(X, ["edge_detect", "flip_lr", "shear_x"])
        for _ in range(3):
            rows, which = rng.permutation(len(X)), rng.integers(len(views.compositions), size=len(X))
            (mixed,) = views.mix(rows, which)
            for image, row, k in zip(mixed, rows, which, strict=True):
                assert np.array_equal(image, views.take([row], views.compositions[k])[0])


def test_an_image_that_fits_is_computed_once_and_what_is_sliced_never_kept():
    seen = []

    def count(X):
        seen.extend(X[:, 0, 0])
        return X // 2

    X = np.arange(20, dtype=np.uint8)[:, None, None].repeat(3, axis=1).repeat(3, axis=2)
    views = views_of(X, [("count", count), "flip_lr"])
    rows, counted = np.arange(20), np.full(20, views.compositions.index(("count",)))
    for part in (rows[:7], rows[7:12], rows[12:]):
        views.mix(part, counted[part])
    seen.clear()
    views.mix(rows, counted)
    views.mix(rows, np.full(20, views.compositions.index(("count", "flip_lr"))))
    assert not seen
    assert set(views._caches) == {("count",)}


def test_no_more_images_are_kept_than_memory_allows():
    seen = []

    def count(X):
        seen.extend(X[:, 0, 0])
        return X // 2

    X, rows = np.zeros((20, 3, 3), dtype=np.uint8), np.arange(20)
    with patch.object(latentaug.augs.views, "CACHE_BYTES", 20 * 4 + 8 * 9):
        views = views_of(X, [("count", count)])
        views.mix(rows, np.ones(20, dtype=int))
        seen.clear()
        views.mix(rows, np.ones(20, dtype=int))
        assert len(seen) == 20 - 8


@given(X=image_stacks())
def test_batches_make_up_the_whole(X):
    views = views_of(X, ["flip_ud"])
    assert np.array_equal(np.concatenate(list(views.batches(("flip_ud",), 2))), CATALOGUE["flip_ud"](X))


def test_a_paired_array_comes_before_a_function_and_starts_compositions():
    X = np.random.default_rng(0).random((6, 4, 4))
    views = views_of(X, ["brighter", "flip_lr"], paired={("brighter",): X**0.5})
    assert views.compositions == [(), ("brighter",), ("flip_lr",), ("brighter", "flip_lr")]
    assert np.array_equal(views.take([2], ("brighter", "flip_lr")), X[[2], :, ::-1] ** 0.5)
    assert not views.is_known(("flip_lr", "brighter"))
    assert np.array_equal(views.sample(3).take(slice(None), ("brighter",)), X[[0, 2, 5]] ** 0.5)


@given(n=st.integers(1, 60), n_images=st.integers(1, 60))
def test_a_sample_is_spread_evenly_from_the_first_image_to_the_last(n, n_images):
    X = np.arange(n, dtype=np.uint8)[:, None, None].repeat(2, axis=2)
    chosen = views_of(X, ["flip_lr"], paired={("flip_lr",): X}).sample(n_images)
    rows = chosen.images[:, 0, 0].astype(int)
    assert len(rows) == min(n, n_images)
    assert rows[0] == 0
    assert rows[-1] == (n - 1 if n_images > 1 else 0)
    assert len(rows) < 3 or np.ptp(np.diff(rows)) <= 1
    assert np.array_equal(chosen.take(slice(None), ("flip_lr",)), chosen.images)


def test_an_augmentation_that_writes_to_its_input_harms_nothing():
    def darken_in_place(X):
        X //= 2
        return X

    X = np.full((3, 4, 4), 200, dtype=np.uint8)
    views = views_of(X, [darken_in_place])
    assert views.take(slice(None), ("darken_in_place",)).max() == 100
    assert X.min() == 200


def transposed(X):
    return X.transpose(0, 2, 1)


def random_noise(X):
    return np.random.default_rng().random(X.shape)


FAULTS = {
    "changed the shape": transposed,
    "not deterministic|two results": random_noise,
    "NaN": lambda X: X * np.nan,
    "left the value range": lambda X: X + 1,
    "returned bool for float64": lambda X: X > 0.5,
    "returned int64 for float64": lambda X: (X > 0.5).astype(np.int64),
    "returned a list": lambda X: list(X),
    "failed on images": lambda X: X @ np.ones((3, 3)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_augmentation_that_breaks_the_contract_is_refused_by_its_name(fault):
    X = np.random.default_rng(0).random((5, 4, 6))
    with pytest.raises(ValueError, match=fault) as error:
        views_of(X, [("wrong", FAULTS[fault])]).check()
    assert "'wrong'" in str(error.value)
    assert "\n" not in str(error.value)


def integers(value):
    return np.full((3, 4, 6), value, dtype=np.int16)


# Up to a ten-thousandth of the range past its ends is rounding.
@pytest.mark.parametrize(("past", "allowed"), [(5e-5, True), (2e-4, False)])
@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-2.0, 6.0)])
def test_the_range_of_the_data_ends_a_rounding_past_its_ends(past, allowed, end, value_range):
    low, high = value_range
    X = np.full((3, 4, 6), (low + high) / 2)
    out = value_range[end] + (high - low) * past * (1 if end else -1)
    views = Views(X, name_augs([("out", lambda X: np.full_like(X, out))]), ImageFormat((4, 6), value_range=value_range))
    if allowed:
        views.check()
    else:
        with pytest.raises(ValueError, match=r"'out' left the value range"):
            views.check()


@pytest.mark.parametrize(("pixel", "allowed"), [(-1, False), (0, True), (255, True), (256, False)])
def test_wide_integers_are_bytes(pixel, allowed):
    views = views_of(integers(7), [("to", lambda X: integers(pixel)[: len(X)])])
    if allowed:
        views.check()
        assert np.array_equal(CATALOGUE["flip_lr"](integers(pixel)), integers(pixel))
    else:
        with pytest.raises(ValueError, match=r"'to' left the value range 0\.\.255"):
            views.check()
        with pytest.raises(ValueError, match=r"Integer images must lie in 0\.\.255"):
            CATALOGUE["flip_lr"](integers(pixel))


def test_a_name_seen_only_after_another_is_refused():
    X = np.zeros((2, 3, 3))
    with pytest.raises(ValueError, match=r"Unknown augmentation 'brighter'\. Without a function it needs views"):
        views_of(X, ["flip_lr", "brighter"], paired={("flip_lr", "brighter"): X}).check()


def test_a_name_without_function_or_pairs_is_refused():
    with pytest.raises(ValueError, match="Unknown augmentation 'brighter'"):
        views_of(np.zeros((2, 3, 3)), ["brighter", "flip_lr"]).check()


@pytest.mark.parametrize("flat", [False, True])
def test_a_paired_view_is_taken_row_by_row_in_either_layout_and_no_other(flat):
    X = np.random.default_rng(0).random((6, 3, 4))
    mirrored = X[:, :, ::-1].reshape(6, -1) if flat else X[:, :, ::-1]
    views = declare_views(X, None, ImageFormat((3, 4)), {"mirror": mirrored})
    assert np.array_equal(views.take(slice(None), ("mirror",)), X[:, :, ::-1])
    for wrong in (mirrored[:5], mirrored[:, :2]):
        with pytest.raises(
            ValueError, match=r"View \('mirror',\) (has 5 images beside 6 of X|changed the shape of the images)"
        ):
            declare_views(X, None, ImageFormat((3, 4)), {"mirror": wrong})

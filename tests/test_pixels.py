"""What each augmentation of the catalogue draws, pixel by pixel, on images that are not square."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentaug.augs import CATALOGUE, canny, edge_detect, mini_image, rotate_ccw, rotate_cw, shear_x


@st.composite
def oblong_stacks(draw):
    """Grey or coloured stacks of noise, higher than wide or wider than high."""
    height, width = draw(st.tuples(st.integers(3, 9), st.integers(3, 9)).filter(lambda sides: sides[0] != sides[1]))
    dtype, colour = draw(st.sampled_from([np.uint8, np.float32, np.float64])), draw(st.sampled_from([(), (1,), (3,)]))
    noise = np.random.default_rng(draw(st.integers(0, 2**16))).random((draw(st.integers(1, 3)), height, width, *colour))
    return (noise * (256 if dtype == np.uint8 else 1)).astype(dtype)


def moved(shape, place):
    """An image of which each pixel (y, x) is read at a place of the original."""

    def draw(image):
        drawn = np.zeros(shape(*image.shape))
        for y, x in product(*map(range, drawn.shape)):
            drawn[y, x] = image[place(y, x, *image.shape)]
        return drawn

    return draw


def same(H, W):
    return H, W


def turned(H, W):
    return W, H


def sheared(image):
    H, W = image.shape
    columns = np.arange(-1, W + 1)
    return np.stack([np.interp(np.arange(W) - 0.3 * (y - (H - 1) / 2), columns, [0, *image[y], 0]) for y in range(H)])


def shares(n, m):
    """How much of each of n pixels lies in each of m equal parts, (m, n); each part's shares add up to one."""
    ends, pixels = np.arange(m + 1) * n / m, np.arange(n)
    overlap = np.minimum(ends[1:, None], pixels + 1) - np.maximum(ends[:-1, None], pixels)
    return np.maximum(overlap, 0) * m / n


def nested(image):
    (H, W), drawn = image.shape, image.copy()
    h, w = H // 2, W // 2
    drawn[(H - h) // 2 :, (W - w) // 2 :][:h, :w] = shares(H, h) @ image @ shares(W, w).T
    return drawn


def edges(image):
    """The Sobel gradient's length over four, by its two kernels; the border's pixels are repeated."""
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    framed, drawn = np.pad(image, 1, mode="edge"), np.empty(image.shape)
    for y, x in product(*map(range, image.shape)):
        window = framed[y : y + 3, x : x + 3]
        drawn[y, x] = min(1, np.sqrt((window * kernel).sum() ** 2 + (window * kernel.T).sum() ** 2) / 4)
    return drawn


def thin_edges(image):
    """Canny's detector as its paper has it, on bytes: Sobel, thinned across the edge, 100 kept where it meets 200."""
    pixels = np.rint(image * 255)
    framed, (H, W) = np.pad(pixels, 1, mode="edge"), pixels.shape
    smooth, step = np.array([1, 2, 1]), np.array([-1, 0, 1])
    windows = np.lib.stride_tricks.sliding_window_view(framed, (3, 3))
    gx, gy = windows @ step @ smooth, (windows.swapaxes(2, 3) @ step) @ smooth
    strength = np.pad(np.abs(gx) + np.abs(gy), 1)
    candidate = np.zeros((H, W), dtype=bool)
    for y, x in product(range(H), range(W)):
        slope = abs(gy[y, x]) / max(abs(gx[y, x]), 1e-9)
        diagonal = (1, -1) if gx[y, x] * gy[y, x] < 0 else (1, 1)
        dy, dx = (0, 1) if slope < np.tan(np.pi / 8) else (1, 0) if slope > np.tan(3 * np.pi / 8) else diagonal
        before, here, after = (strength[1 + y + k * dy, 1 + x + k * dx] for k in (-1, 0, 1))
        candidate[y, x] = here > 100 and here > before and (here > after or (here == after and 0 in (dy, dx)))
    drawn = candidate & (strength[1:-1, 1:-1] > 200)
    while True:
        near = np.lib.stride_tricks.sliding_window_view(np.pad(drawn, 1), (3, 3)).any(axis=(2, 3)) & candidate
        if (near == drawn).all():
            return drawn.astype(float)
        drawn = near


# What an augmentation draws of one grey image (H, W) in [0, 1], pixel by pixel.
DRAWN = {
    "flip_lr": moved(same, lambda y, x, H, W: (y, W - 1 - x)),
    "flip_ud": moved(same, lambda y, x, H, W: (H - 1 - y, x)),
    "rotate_cw": moved(turned, lambda y, x, H, W: (H - 1 - x, y)),
    "rotate_ccw": moved(turned, lambda y, x, H, W: (x, W - 1 - y)),
    "shear_x": sheared,
    "mini_image": nested,
    "edge_detect": edges,
    "canny": thin_edges,
}


@pytest.mark.parametrize("name", CATALOGUE)
@given(X=oblong_stacks())
def test_every_pixel_is_where_and_what_it_should_be(name, X):
    scale = 255 if X.dtype == np.uint8 else 1
    drawn = CATALOGUE[name](X)
    assert drawn.dtype == X.dtype
    images, drawn = (stack.reshape(*stack.shape[:3], -1) / scale for stack in (X, drawn))
    for image, found in zip(images, drawn, strict=True):
        expected = np.stack([DRAWN[name](plane) for plane in np.moveaxis(image, -1, 0)], axis=-1)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= (0.5 / 255 if scale == 255 else 0) + 1e-5


def drawn_by(aug, rows):
    return aug(np.array([rows], dtype=np.uint8))[0].tolist()


def test_a_quarter_turn_takes_the_corner_the_way_of_its_name():
    corner = [[9, 0, 0], [0, 0, 0]]
    assert drawn_by(rotate_cw, corner) == [[0, 9], [0, 0], [0, 0]]
    assert drawn_by(rotate_ccw, corner) == [[0, 0], [0, 0], [9, 0]]


def test_shear_pulls_the_top_to_the_left_and_fills_with_black():
    sheared = drawn_by(shear_x, np.full((11, 4), 100))
    assert sheared[0] == [100, 100, 50, 0]
    assert sheared[5] == [100, 100, 100, 100]
    assert sheared[10] == [0, 50, 100, 100]


def test_the_nested_copy_stands_in_the_middle_and_averages():
    X = np.zeros((1, 6, 8))
    X[0, 0, 0] = X[0, 5, 7] = 1
    expected = X[0].copy()
    expected[1, 2] = expected[3, 5] = 0.25
    assert np.allclose(mini_image(X)[0], expected)


@given(a=st.floats(-0.02, 0.02), b=st.floats(-0.02, 0.02))
def test_the_edge_of_a_slope_is_twice_its_length_whichever_way_it_goes(a, b):
    y, x = np.indices((7, 11))
    slope = 0.5 + a * (x - 5) + b * (y - 3)
    assert np.allclose(edge_detect(slope[None])[0, 1:-1, 1:-1], 2 * np.hypot(a, b))


def step(heights, dtype, upright):
    """An edge down the middle of an image, of so many grey levels in each row."""
    X = np.full((1, len(heights), 9), 20.0)
    X[0, :, 5:] += np.array(heights)[:, None]
    X = X if upright else X.swapaxes(1, 2)
    return X.astype(np.uint8) if dtype == np.uint8 else (X / 255).astype(dtype)


# Sobel makes four grey levels of one: 200 is a step of 50, drawn where it is exceeded, and 100 one of 25.
FADING = [60, 52, 44, 36, 30]
FAINT = [([50] * 12, 0), ([51] * 12, 12), (FADING + [26] * 7, 12), (FADING + [25] * 7, 6), ([26] * 12, 0)]


@pytest.mark.parametrize(("heights", "length"), FAINT)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("upright", [True, False])
def test_canny_draws_a_faint_edge_past_200_and_follows_it_down_to_100(heights, length, dtype, upright):
    drawn = canny(step(heights, dtype, upright))[0] > 0
    assert drawn.sum() == length, "a pixel wide"
    edge = drawn.any(axis=1 if upright else 0)
    assert edge.tolist() == [True] * length + [False] * (len(heights) - length)

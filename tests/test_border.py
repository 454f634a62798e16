"""Images between numpy and torch, pixel by pixel, in every layout and dtype."""

import numpy as np
import pytest
import torch
from conftest import image_stacks
from hypothesis import given
from sklearn.decomposition import PCA

from latentaug import VAE, LatentAugmenter
from latentaug.images import ImageFormat
from latentaug.learn.coding import to_images, to_tensor, to_unit_tensor

QUICK = {"latent_dim": 3, "hidden_channels": (2, 3), "max_iter": 2, "device": "cpu", "random_state": 0}


@given(X=image_stacks())
def test_the_border_is_crossed_pixel_by_pixel(X):
    images, cpu = X.astype(np.float32), torch.device("cpu")
    tensor, by_scale = to_tensor(images, cpu), to_unit_tensor(X, ImageFormat(X.shape[1:]), cpu)
    scale = 255 if X.dtype == np.uint8 else 1
    assert np.array_equal(to_images(tensor, X.shape[1:]), images)
    for (n, row, column, *channel), value in np.ndenumerate(images):
        place = n, *(channel or [0]), row, column
        assert tensor[place] == value
        assert by_scale[place] == pytest.approx(value / scale)


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.25, 0.75), (-0.5, 0.5), (-1.0, 1.0), (0.0, 1.5), (-2.0, 6.0), (2.0, 3.0)]
)
def test_floats_lie_in_0_to_1_or_on_the_range_of_their_own(low, high):
    X = np.linspace(low, high, 48).reshape(4, 3, 4)
    model = LatentAugmenter(["flip_lr"], PCA(2), method="staged").fit(X)
    assert model.format_.value_range == ((0.0, 1.0) if low >= 0 and high <= 1 else (low, high))
    assert np.allclose(model.format_.to_output(X), X)
    assert np.allclose(model.format_.to_output(np.array([0, 255], np.uint8)), model.format_.value_range)


@pytest.mark.parametrize("colour", [False, True])
def test_bytes_and_their_floats_encode_and_learn_alike(digits, colour):
    X = (digits[:200] * 255).astype(np.uint8)
    X = np.stack([X, 255 - X], axis=-1) if colour else X
    of_bytes, of_floats = VAE(**QUICK).fit(X), VAE(**QUICK).fit(X / 255)
    for model in (of_bytes, of_floats):
        assert np.allclose(model.transform(X), model.transform(X / 255), atol=1e-5)
        assert np.allclose(model.score_samples(X), model.score_samples(X / 255), rtol=1e-4)
    assert of_bytes.loss_curve_ == pytest.approx(of_floats.loss_curve_, rel=1e-4)
    assert np.allclose(of_bytes.transform(X), of_floats.transform(X), atol=1e-3)

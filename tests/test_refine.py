"""Refined encoding: derivatives of the decoder, damped steps that shrink where they fail, and never a worse image."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_convolutions import PLACES

from latentaug.learn.coding import decode_with_jacobian, refine
from latentaug.learn.networks import Upsampling, build, initialise


def torchs_own(decoder):
    """The same function in torch's own layers."""
    layers = []
    for layer in decoder.layers:
        if isinstance(layer, Upsampling):
            shape = layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding
            own = torch.nn.ConvTranspose2d(*shape, layer.output_padding, dtype=torch.float64)
            own.load_state_dict(layer.state_dict())
            layer = own
        layers.append(layer)
    return torch.nn.Sequential(*layers)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@settings(max_examples=10)
@given(
    shape=st.tuples(*[st.integers(1, 9)] * 2, st.sampled_from([1, 3])),
    channels=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
def test_the_decoder_s_jacobian_is_that_of_torch_s_own_layers(place, shape, channels, seed):
    network = build(shape, 3, channels)
    initialise(network, torch.Generator().manual_seed(seed))
    decoder = network.decoder.double()
    z = torch.from_numpy(np.random.default_rng(seed).standard_normal((2, 3)))
    own = torchs_own(decoder)
    with torch.no_grad():
        x, J = (found.as_subclass(torch.Tensor) for found in decode_with_jacobian(decoder, z.as_subclass(place)))
    rows = [torch.autograd.functional.jacobian(lambda row: own(row[None])[0], row) for row in z]
    assert torch.allclose(x, own(z), atol=1e-12)
    assert torch.allclose(J, torch.stack(rows).movedim(-1, 0), atol=1e-10)


@settings(max_examples=10)
@given(shape=st.tuples(*[st.integers(2, 9)] * 2, st.sampled_from([1, 3])), seed=st.integers(0, 99))
def test_refining_never_makes_an_image_worse(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    network = build(shape, 4, [3])
    initialise(network, generator)
    x = torch.rand(5, shape[2], *shape[:2], generator=generator)
    z = 9 * torch.randn(5, 4, generator=generator)
    errors = []
    for k in range(4):
        with torch.no_grad():
            errors.append((network.decoder(refine(network.decoder, x, z, k)) - x).square().sum((1, 2, 3)))
    assert torch.equal(refine(network.decoder, x, z, 0), z)
    for before, after in pairwise(errors):
        assert (after <= before).all()


class Plain(torch.nn.Sequential):
    """A decoder of a few layers."""

    @property
    def layers(self):
        return self


def plain(weight, *others):
    """A decoder of one dense layer without a constant, and others."""
    dense = torch.nn.Linear(*weight.T.shape, bias=False, dtype=torch.float64)
    dense.weight.data = weight
    return Plain(dense, torch.nn.Unflatten(1, (1, 1, len(weight))), *others)


def normal(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_steps_that_succeed_are_damped_less_and_less():
    """Where the decoder is linear, with one curvature, a step leaves mu / (1 + mu) of the way; mu falls fivefold."""
    decoder, aim, left = plain(torch.linalg.qr(normal(12, 3))[0]), 1e6 * normal(4, 3), 1.0
    for k in range(4):
        found = refine(decoder, decoder(aim).detach(), torch.zeros_like(aim), k)
        assert torch.allclose(found, (1 - left) * aim, rtol=1e-12)
        left *= (mu := 0.01 * 0.2**k) / (1 + mu)


def test_steps_that_fail_are_not_taken_and_damped_tenfold_for_that_image_alone():
    """Far out on a sigmoid the first steps overshoot."""
    decoder = plain(torch.ones(10_000, 1, dtype=torch.float64), torch.nn.Sigmoid())  # many pixels: open for long
    start, aim = torch.tensor([[-5.0], [0.0]], dtype=torch.float64), torch.full((2, 1), -0.5, dtype=torch.float64)
    x = decoder(aim).detach()
    goal, value = x[0, 0, 0, 0].item(), decoder(start[:1])[0, 0, 0, 0].item()
    far, near = torch.cat([refine(decoder, x, start, k) for k in range(9)], dim=1)
    tried = [-5 + (goal - value) / (value * (1 - value)) / (1 + 0.01 * 10**k) for k in range(8)]
    better = [abs(1 / (1 + np.exp(-z)) - goal) < goal - value for z in tried]
    taken = better.index(True)
    assert taken > 1
    assert far[: taken + 2].tolist() == pytest.approx([-5] * (taken + 1) + [tried[taken]])
    alone = torch.cat([refine(decoder, x[1:], start[1:], k) for k in range(9)], dim=1)[0]
    assert len(near.unique()) > 2
    assert torch.allclose(near, alone, atol=1e-9, rtol=0)


def test_refining_ends_at_the_nearest_image_that_the_decoder_can_make():
    """On images that it cannot make, the decoder's derivatives stand at right angles to what is left."""
    decoder = plain(normal(12, 3), torch.nn.Sigmoid())
    x = 0.5 + 0.1 * normal(4, 1, 1, 12)
    z = refine(decoder, x, torch.zeros(4, 3, dtype=torch.float64), 20)
    with torch.no_grad():
        made, J = decode_with_jacobian(decoder, z)
    assert (x - made).norm() > 0.1
    assert torch.einsum("ibchw,bchw->bi", J, x - made).abs().max() < 1e-6

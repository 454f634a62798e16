"""The modules by themselves: what an encoder may say, and what a learned map keeps whatever it learns."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentaug.latent import cyclic_table, regular_representation
from latentaug.learn.geometries import GEOMETRIES, CommutingMap, ConjugateMap, FreeMap, OrthogonalMap
from latentaug.learn.networks import build, initialise

seeds = st.integers(0, 2**16)


def filled(module, seed):
    for p in module.parameters():
        torch.nn.init.normal_(p, generator=torch.Generator().manual_seed(seed))
    return module


@given(seed=seeds, order=st.integers(2, 6))
def test_a_commuting_map_commutes_with_the_group_whatever_it_learns(seed, order):
    """Of cyclic groups, whose elements are not their own inverses."""
    rho = torch.from_numpy(regular_representation(cyclic_table(order), 2 * order)).float()
    L = filled(CommutingMap(FreeMap(2 * order), rho), seed)()
    assert torch.allclose(L @ rho, rho @ L, atol=1e-5)
    assert not torch.allclose(L, torch.eye(2 * order), atol=0.1)


@given(seed=seeds, order=st.integers(2, 6))
def test_a_conjugate_map_keeps_the_order_whatever_it_learns(seed, order):
    step = torch.from_numpy(regular_representation(cyclic_table(order), order + 1)[1]).float()
    L = filled(ConjugateMap(step), seed)()
    powers = [torch.linalg.matrix_power(L, k) for k in range(1, order + 1)]
    assert torch.allclose(powers[-1], torch.eye(order + 1), atol=1e-4)
    assert not any(torch.allclose(power, torch.eye(order + 1), atol=0.1) for power in powers[:-1])


@given(seed=seeds, d=st.integers(1, 6))
def test_an_orthogonal_map_is_a_rotation_whatever_it_learns(seed, d):
    L = filled(OrthogonalMap(d), seed)()
    assert torch.allclose(L.T @ L, torch.eye(d), atol=1e-4)
    assert torch.linalg.det(L).item() == pytest.approx(1, abs=1e-3)


@given(seed=seeds, d=st.integers(1, 4))
def test_a_nonlinear_map_does_what_its_network_has_learned(seed, d):
    rng, learned = np.random.default_rng(seed), []
    pairs = SimpleNamespace(
        seed=seed,
        moments_of=lambda name: (np.eye(d), rng.normal(size=(d, d))),
        train=lambda network, name, settings: learned.append(filled(network, seed)) or network,
    )
    Z = rng.normal(size=(5, d))
    found = GEOMETRIES["nonlinear"].fit(pairs, "turn")(Z)
    assert np.allclose(found, learned[0](torch.from_numpy(Z).float()).detach(), atol=1e-4)


@pytest.mark.parametrize("log_variance", [-15.0, -5.0, 0.0, 5.0])
def test_posteriors_are_as_narrow_and_as_wide_as_the_encoder_says(log_variance):
    network = build("paper", (8, 8), 3, (2, 3))
    initialise(network, torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.encoder.posterior.weight[3:] = 0
        network.encoder.posterior.bias[3:] = log_variance
    mean, found = network.encoder(torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert np.allclose(found.detach(), log_variance)
    assert mean.std() > 0


def test_first_weights_reach_as_far_as_torchs_own():
    network = build("paper", (8, 8), 3, (4, 8))
    initialise(network, torch.Generator().manual_seed(0))
    layers = [layer for layer in network.modules() if hasattr(layer, "weight")]
    assert len(layers) == 6
    for layer in layers:
        end = layer.weight[0].numel() ** -0.5
        assert 0.8 * end < layer.weight.abs().max() <= end
        assert layer.bias.abs().max() <= end

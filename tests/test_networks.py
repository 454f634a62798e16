"""The modules by themselves: what an encoder may say, and what a learned map keeps whatever it learns."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from latentaug import VAE
from latentaug.latent import cyclic_table, regular_representation
from latentaug.learn.coding import decode_with_jacobian
from latentaug.learn.geometries import GEOMETRIES, CommutingMap, ConjugateMap, FreeMap, OrthogonalMap
from latentaug.learn.networks import FAINT, KINDS, build, initialise, start
from latentaug.learn.starting import Pairs, linear_code

seeds = st.integers(0, 2**16)
SHAPES = [(14, 12), (8, 8, 3), (1, 9), (13, 7, 3), (16, 15), (1, 1)]
every_kind = pytest.mark.parametrize("kind", KINDS)


def started(kind, shape, d=3):
    network = build(shape, d, None, kind)
    start(network, torch.Generator().manual_seed(0))
    return network


@every_kind
@pytest.mark.parametrize("shape", SHAPES)
def test_every_kind_gives_images_of_the_shape_that_came_and_derivatives_by_layers(kind, shape):
    network, (height, width, channels) = started(kind, shape), (*shape, 1)[:3]
    x = torch.rand(4, channels, height, width, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        z, log_variance = network.encoder(x)
        images, J = decode_with_jacobian(network.decoder, z)
    assert z.shape == log_variance.shape == (4, 3)
    assert images.shape == x.shape
    assert images.min() >= 0
    assert images.max() <= 1
    rows = [torch.autograd.functional.jacobian(lambda row: network.decoder(row[None])[0], row) for row in z]
    assert torch.allclose(images, network.decoder(z), atol=1e-5)
    assert torch.allclose(J, torch.stack(rows).movedim(-1, 0), atol=1e-5)


@pytest.mark.parametrize("kind", [kind for kind, known in KINDS.items() if known.is_normalised])
@pytest.mark.parametrize("colour", [False, True])
def test_training_starts_at_principal_components(kind, colour, digits):
    """With steps that learn nothing, a model is nearly as good as PCA of the same dimension."""
    X = np.stack([digits[:300], digits[100:400], digits[300:600]], axis=-1) if colour else digits[:300]
    X = 0.1 + 0.8 * X
    vae = VAE(8, network=kind, max_iter=1, learning_rate_init=1e-9, random_state=0, device="cpu").fit(X)
    rows = X.reshape(len(X), -1)
    pca = PCA(8).fit(rows)
    error = np.square(vae.inverse_transform(vae.transform(X)) - X).sum() / len(X)
    least = np.square(pca.inverse_transform(pca.transform(rows)) - rows).sum() / len(X)
    mean = np.square(rows - rows.mean(0)).sum() / len(X)
    assert error < least + 0.1 * (mean - least) + 2 * FAINT**2 * rows.shape[1]  # what its layers say at first
    last = [layer for layer in vae.network_.decoder.layers if hasattr(layer, "gain")][-1]
    with torch.no_grad():
        for layer in (last, vae.network_.encoder.posterior):
            layer.gain.zero_()
    error = np.square(vae.inverse_transform(vae.transform(X)) - X).sum() / len(X)
    assert abs(error - least) < 0.05 * (mean - least)


@given(seed=seeds, order=st.integers(2, 4), d=st.integers(4, 8))
def test_a_linear_start_obeys_the_maps(seed, order, d):
    """Of images that are linear in latents, which the maps carry, it finds latents that do as well."""
    generator = torch.Generator().manual_seed(seed)
    rho = torch.from_numpy(regular_representation(cyclic_table(order), d)).float()
    z, A = torch.randn(300, d, generator=generator), torch.randn(d, 20, generator=generator)
    carry = rho[torch.randint(order, (300,), generator=generator)]
    x, y = z @ A, (z[:, None] @ carry).squeeze(1) @ A
    code = linear_code(Pairs(x, y, carry), d, generator)
    Z_x, Z_y = (images @ code.encode + code.shift for images in (x, y))
    carried = (Z_x[:, None] @ carry).squeeze(1)
    assert (carried - Z_y).square().mean() < 0.05 * Z_y.square().mean()
    lost = (code.mean + carried @ code.decode - y).square().sum()
    assert lost < 0.05 * (y - y.mean(0)).square().sum()


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
    network = build((8, 8), 3, (2, 3))
    initialise(network, torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.encoder.posterior.weight[3:] = 0
        network.encoder.posterior.bias[3:] = log_variance
    mean, found = network.encoder(torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert np.allclose(found.detach(), log_variance)
    assert mean.std() > 0


def test_first_weights_reach_as_far_as_torchs_own():
    network = build((8, 8), 3, (4, 8))
    initialise(network, torch.Generator().manual_seed(0))
    layers = [layer for layer in network.modules() if hasattr(layer, "weight")]
    assert len(layers) == 6
    for layer in layers:
        end = layer.weight[0].numel() ** -0.5
        assert 0.8 * end < layer.weight.abs().max() <= end
        assert layer.bias.abs().max() <= end

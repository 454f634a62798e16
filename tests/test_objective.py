"""The objective, term by term, against numpy: an encoder and a decoder that are given; and every model descends it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentaug import VAE, ConditionalVAE, LatentAugmenter
from latentaug.augs.views import Views
from latentaug.images import ImageFormat
from latentaug.learn.objectives import ImageObjective, Terms

seeds = st.integers(0, 2**16)
weights = st.sampled_from([0.0, 0.25, 1.0, 3.0])

MIX = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 0.5]])  # the decoder: two latent coordinates to three pixels
TURN = np.array([[0.0, 2.0], [-1.0, 0.5]])  # a latent map that is not its transpose


def objective(rows, done, kl_weight=0.0, reconstruction_weight=1.0, kl_warmup=0.0, carry=None):
    """The loss to descend and the one to report, of posteriors and noise that are given."""
    mean, log_variance, noise, x, y = (torch.from_numpy(array) for array in rows)
    seen = []
    network = SimpleNamespace(
        is_variational=True,
        latent_dim=2,
        encoder=lambda images: seen.append(images) or (mean, log_variance),
        decoder=lambda z: z @ torch.from_numpy(MIX).float(),
    )
    L = torch.eye(2) if carry is None else torch.from_numpy(carry).float()
    format_ = ImageFormat((1, 3))
    terms = Terms(reconstruction_weight, kl_weight, kl_warmup, format_, torch.device("cpu"))
    of_images = ImageObjective(network, Views(np.zeros((1, 1, 3)), {}, format_), terms)
    losses = of_images.bound(of_images.encode(x), y, noise, done, lambda z: z @ L)
    assert len(seen) == 1
    assert torch.equal(seen[0], x)
    return tuple(float(loss) for loss in losses)


def draw(seed, n=5):
    rng = np.random.default_rng(seed)
    sides = (2, 2, 2, 3, 3)
    mean, log_variance, noise, x, y = (rng.normal(size=(n, side)).astype(np.float32) for side in sides)
    return mean, log_variance + 1, noise, x, y  # the log-variances do not sum to zero


def reconstruction(rows, carry=None):
    mean, log_variance, noise, _, y = rows
    z = mean + noise * np.sqrt(np.exp(log_variance))
    return np.square(z @ (np.eye(2) if carry is None else carry) @ MIX - y).sum(axis=1).mean()


def divergence(rows):
    mean, log_variance = (torch.from_numpy(array).double() for array in rows[:2])
    normal = torch.distributions.Normal
    terms = torch.distributions.kl_divergence(normal(mean, (log_variance / 2).exp()), normal(0.0, 1.0))
    return float(terms.sum(dim=1).mean())


@given(seed=seeds, carry=st.sampled_from([None, TURN, TURN.T]))
def test_z_is_sampled_with_its_standard_deviation_and_carried_to_the_target(seed, carry):
    rows = draw(seed)
    expected = reconstruction(rows, carry)
    assert objective(rows, done=0.5, carry=carry) == pytest.approx((expected, expected), rel=1e-4)


@given(seed=seeds, kl_weight=weights, reconstruction_weight=weights)
def test_each_term_has_its_weight(seed, kl_weight, reconstruction_weight):
    rows = draw(seed)
    expected = reconstruction_weight * reconstruction(rows) + kl_weight * divergence(rows)
    found = objective(rows, 0.0, kl_weight, reconstruction_weight)
    assert found == pytest.approx((expected, expected), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("kl_warmup", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("done", [0.0, 0.1, 0.2, 0.4, 0.7, 1.0])
@given(seed=seeds)
def test_the_divergence_rises_from_nothing_to_its_weight_and_stays(kl_warmup, done, seed):
    rows = draw(seed)
    share = 1.0 if done >= kl_warmup else done / kl_warmup
    descended, reported = objective(rows, done, kl_weight=2.0, kl_warmup=kl_warmup)
    assert descended == pytest.approx(reconstruction(rows) + share * 2 * divergence(rows), rel=1e-4)
    assert reported == pytest.approx(reconstruction(rows) + 2 * divergence(rows), rel=1e-4)


ONE_BATCH = {"latent_dim": 4, "hidden_channels": (2,), "batch_size": 200, "device": "cpu"}
MODELS = {
    "VAE": lambda vae: vae.set_params(random_state=0),
    "joint": lambda vae: LatentAugmenter(["flip_lr"], vae, random_state=0),
    "staged": lambda vae: LatentAugmenter(["flip_lr"], vae, method="staged", random_state=0),
    "conditional": lambda vae: ConditionalVAE(["flip_lr"], vae, random_state=0),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_first_step_of_training_descends_no_divergence_and_the_next_does(digits, name):
    def latents(**settings):
        model = MODELS[name](VAE(**ONE_BATCH, **settings)).fit(digits[:200])
        return getattr(model, "encode", model.transform)(digits)

    for steps, alike in [(1, True), (2, False)]:
        none, warmed = (latents(max_iter=steps, kl_weight=weight) for weight in (0.0, 1e3))
        assert np.allclose(none, warmed, atol=1e-5) == alike
    assert not np.allclose(latents(max_iter=1, kl_weight=0.0), latents(max_iter=1, kl_weight=1e3, kl_warmup=0.0))

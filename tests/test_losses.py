"""Reconstruction losses: each against numpy, through every decoder, in every objective, and wherever a model goes."""

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit, xlogy
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from torch import nn

from latentaug import VAE, ConditionalVAE, LatentAugmenter, TransferHead, load
from latentaug.augs.views import Views
from latentaug.images import ImageFormat
from latentaug.learn.networks import ViewConditions, build, initialise
from latentaug.learn.objectives import PRECISIONS, RECONSTRUCTION_LOSSES, ImageObjective, Terms, logits_of

# By pixel, in float64: of what is compared and a target, and its derivative; then of an image and a target.
REFERENCES = {
    "squared_error": (lambda x, y: (x - y) ** 2, lambda x, y: 2 * (x - y), lambda x, y: (x - y) ** 2),
    "bce": (
        lambda a, y: np.logaddexp(0, a) - y * a,
        lambda a, y: expit(a) - y,
        lambda x, y: -xlogy(y, x) - xlogy(1 - y, 1 - x),
    ),
    "l1": (lambda x, y: abs(x - y), lambda x, y: np.sign(x - y), lambda x, y: abs(x - y)),
}
every_loss = pytest.mark.parametrize("name", RECONSTRUCTION_LOSSES)
QUICK = {
    "network": "paper",
    "latent_dim": 3,
    "hidden_channels": (2, 3),
    "max_iter": 1,
    "device": "cpu",
    "random_state": 0,
}
SHAPES = st.tuples(*[st.integers(1, 4)] * 4)


def arrays(low, high):
    return lambda shape: hnp.arrays(np.float32, shape, elements=st.floats(low, high, width=32))


pairs = SHAPES.flatmap(lambda shape: st.tuples(arrays(-100, 100)(shape), arrays(0, 1)(shape)))


def sums(by_pixel):
    return by_pixel.reshape(len(by_pixel), -1).sum(axis=1)


def test_every_loss_has_a_reference():
    assert REFERENCES.keys() == RECONSTRUCTION_LOSSES.keys()


@every_loss
@given(pair=pairs)
def test_a_loss_and_its_gradient_are_those_of_float64(name, pair):
    value, derivative, _ = REFERENCES[name]
    output, target = map(torch.from_numpy, pair)
    loss = RECONSTRUCTION_LOSSES[name]
    found = loss(output.requires_grad_(), target)
    found.backward()
    x, y = (array.astype(np.float64) for array in pair)
    np.testing.assert_allclose(loss.by_image(output, target).detach(), sums(value(x, y)), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.detach(), sums(value(x, y)).mean(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(output.grad, derivative(x, y) / len(x), rtol=1e-5, atol=1e-6)


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_loss_of_half_precision_is_summed_in_whole(name, dtype):
    output = torch.full((2, 1, 50, 50), 100.0, dtype=dtype, requires_grad=True)  # 250,000 is no number of float16
    loss = RECONSTRUCTION_LOSSES[name](output, torch.zeros(2, 1, 50, 50))
    loss.backward()
    value, derivative, _ = REFERENCES[name]
    assert loss.item() == pytest.approx(2500 * value(100.0, 0.0), rel=1e-5)
    assert torch.allclose(output.grad.float(), torch.tensor(derivative(100.0, 0.0) / 2).float(), rtol=0.01)


MIX = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 0.5]])  # two latent coordinates to the logits of three pixels


def objective_of(network, name, precision="32", image_shape=(1, 3), weight=1.0):
    format_ = ImageFormat(image_shape)
    terms = Terms(weight, 0.0, 0.0, format_, torch.device("cpu"), precision, name)
    return ImageObjective(network, Views(np.zeros((1, *image_shape)), {}, format_), terms)


@every_loss
@pytest.mark.parametrize("tells_logits", [True, False])
@given(z=arrays(-2, 2)((4, 2)), y=arrays(0, 1)((4, 3)), weight=st.sampled_from([1.0, 3.0]))
def test_the_gradient_by_latents_is_that_of_float64_whether_or_not_a_network_tells_logits(
    name, tells_logits, z, y, weight
):
    mix = torch.from_numpy(MIX).float()
    network = SimpleNamespace(latent_dim=2, decoder=lambda z: torch.sigmoid(z @ mix))
    if tells_logits:
        network.logits = lambda z: z @ mix
    latents = torch.from_numpy(z).requires_grad_()
    error = objective_of(network, name, weight=weight).error(latents, torch.from_numpy(y))
    error.backward()
    a, y = z.astype(np.float64) @ MIX, y.astype(np.float64)
    value, derivative, _ = REFERENCES[name]
    if name == "bce":
        expected, by_logits = value(a, y), derivative(a, y)
    else:
        expected, by_logits = value(expit(a), y), derivative(expit(a), y) * expit(a) * expit(-a)
    assert error.item() == pytest.approx(weight * sums(expected).mean(), rel=1e-3, abs=1e-3)
    if name != "l1" or abs(expit(a) - y).min() > 1e-6:  # where the sign is that of float32, too
        np.testing.assert_allclose(latents.grad, weight * by_logits @ MIX.T / 4, rtol=1e-3, atol=1e-3)


def saturated(logit):
    """A network whose images have one logit everywhere."""
    network = build((6, 7), 2, (2,))
    initialise(network, torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.decoder.layers[-2].weight.zero_()
        network.decoder.layers[-2].bias.fill_(logit)
    return network


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("logit", [-100.0, -10.0, 10.0, 100.0])
def test_cross_entropy_is_as_large_as_the_logits_and_has_a_gradient_where_the_images_are_saturated(precision, logit):
    network = saturated(logit)
    objective = objective_of(network, "bce", precision, (6, 7))
    for target, expected in ((0.0, max(logit, 0.0)), (1.0, max(-logit, 0.0))):
        network.zero_grad()
        error = objective.error(torch.ones(5, 2), torch.full((5, 1, 6, 7), target))
        error.backward()
        assert error.item() == pytest.approx(42 * expected, rel=1e-3, abs=0.01)
        slope = network.decoder.layers[-2].bias.grad.item()
        assert slope == pytest.approx(42 * np.sign(logit) * (expected > 0), rel=0.02, abs=0.01)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("logit", [-100.0, 100.0])
def test_cross_entropy_is_finite_where_a_network_tells_only_images(precision, logit):
    network = saturated(logit)
    images_only = SimpleNamespace(latent_dim=2, decoder=network.decoder.forward)
    for target in (0.0, 0.5, 1.0):
        error = objective_of(images_only, "bce", precision, (6, 7)).error(
            torch.ones(5, 2), torch.full((5, 1, 6, 7), target)
        )
        error.backward()
        wrong = abs(expit(logit) - target)
        assert error.item() == pytest.approx(42 * wrong * -np.log(1e-6), rel=0.02, abs=0.01)
        assert all(p.grad.isfinite().all() for p in network.decoder.parameters())


@given(seed=st.integers(0, 99), channels=st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_images_are_the_sigmoid_of_the_logits_under_every_condition(seed, channels):
    network = build((5, 7, 2), 3, channels)
    initialise(network, torch.Generator().manual_seed(seed))
    conditions = ViewConditions(network, 2)
    for p in (conditions.features, conditions.latents):
        nn.init.normal_(p, generator=torch.Generator().manual_seed(seed))
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(network.decoder(z), torch.sigmoid(network.logits(z)))
    for view in (0, 1):
        which = torch.full((4,), view)
        assert torch.equal(conditions.decoder(z, which), torch.sigmoid(conditions.logits(z, which)))
        assert torch.allclose(conditions.under(view).logits(z), conditions.logits(z, which), atol=1e-5)
        images_only = SimpleNamespace(decoder=conditions.decoder)
        assert torch.allclose(logits_of(images_only, z, which), conditions.logits(z, which), atol=1e-3)


MODELS = {
    "VAE": lambda vae: vae.set_params(random_state=0),
    "joint": lambda vae: LatentAugmenter(["flip_lr"], vae, random_state=0),
    "joint, learned": lambda vae: LatentAugmenter(["shear_x"], vae, geometry="free", random_state=0),
    "staged": lambda vae: LatentAugmenter(["flip_lr"], vae, method="staged", random_state=0),
    "head": lambda vae: TransferHead(
        LatentAugmenter(["flip_lr"], PCA(8), method="staged"), ["flip_ud"], autoencoder=vae, random_state=0
    ),
    "conditional": lambda vae: ConditionalVAE(["flip_lr"], vae, random_state=0),
}
every_model = pytest.mark.parametrize("kind", MODELS)


def trained(model):
    """The VAE inside a fitted model."""
    return getattr(model, "autoencoder_", getattr(model, "autoencoders_", {}).get((), model))


def loss_of(name, images, target):
    return sums(REFERENCES[name][2](images.astype(np.float64), target))


@every_loss
@every_model
def test_every_objective_reports_the_loss_in_its_unit(name, kind, digits):
    """Of a network that draws much the same grey whatever it is given, and stays so."""
    still = VAE(**{**QUICK, "learning_rate_init": 1e-30, "kl_weight": 0.0}, reconstruction_loss=name)
    model = trained(MODELS[kind](still).fit(digits[:300]))
    grey = model.sample(50, random_state=0).mean(axis=0)
    assert model.loss_curve_[0] == pytest.approx(loss_of(name, grey, digits[:300]).mean(), rel=0.06)
    assert model.loss_unit_ == RECONSTRUCTION_LOSSES[name].unit


@pytest.mark.slow
@every_loss
@every_model
def test_every_loss_falls_in_every_objective_and_its_images_stay_images(name, kind, digits):
    quick = {
        "network": "paper",
        "hidden_channels": (4, 8),
        "kl_weight": 0.01,
        "max_iter": 6,
        "batch_size": 8,
        "learning_rate_init": 0.01,
    }
    model = MODELS[kind](VAE(4, **quick, device="cpu", reconstruction_loss=name)).fit(digits[:96])
    curve = np.array(trained(model).loss_curve_)
    floor = loss_of(name, digits, digits).mean()  # of images that are drawn as they are
    assert curve[-1] - floor < 0.8 * (curve[0] - floor)
    images = model.sample(100, random_state=0)
    assert 0 <= images.min() <= images.max() <= 1


@every_loss
def test_scores_are_minus_the_loss_by_image_and_travel(name, digits, tmp_path):
    vae = VAE(**QUICK, kl_weight=0.0, reconstruction_loss=name).fit(digits[:200])
    expected = -loss_of(name, vae.inverse_transform(vae.transform(digits)), digits)
    assert np.allclose(vae.score_samples(digits), expected, rtol=1e-4)
    vae.save(tmp_path / "vae")
    for other in (load(tmp_path / "vae", device="cpu"), pickle.loads(pickle.dumps(vae)), copy.deepcopy(vae)):
        assert (other.reconstruction_loss, other.loss_unit_) == (name, vae.loss_unit_)
        assert np.array_equal(other.score_samples(digits), vae.score_samples(digits))
        assert other.partial_fit(digits[:50]).loss_curve_ == copy.deepcopy(vae).partial_fit(digits[:50]).loss_curve_
    again = clone(vae)
    assert again.reconstruction_loss == name
    assert again.fit(digits[:200]).loss_curve_ == vae.loss_curve_


def test_each_loss_learns_something_else(digits):
    found = [
        VAE(**QUICK, reconstruction_loss=name).fit(digits[:200]).transform(digits[:50])
        for name in RECONSTRUCTION_LOSSES
    ]
    assert not any(np.allclose(a, b) for a, b in zip(found, found[1:] + found[:1], strict=True))


def test_a_search_over_losses_by_a_score_that_they_share(digits):
    augmenter = LatentAugmenter(["flip_lr"], VAE(**QUICK), random_state=0)
    grid = {"autoencoder__reconstruction_loss": list(RECONSTRUCTION_LOSSES)}
    search = GridSearchCV(augmenter, grid, cv=2, error_score="raise").fit(digits[:200])
    best = search.best_estimator_.autoencoder_
    assert search.best_params_ == {"autoencoder__reconstruction_loss": best.reconstruction_loss}
    assert len(set(search.cv_results_["mean_test_score"])) == 3


@pytest.mark.parametrize("wrong", ["mse", "", None, 3, ["bce"]])
def test_an_unknown_loss_is_refused_in_one_line_by_fit_and_by_score(wrong, digits):
    fitted = VAE(**QUICK).fit(digits[:20]).set_params(reconstruction_loss=wrong)
    for verb in (fitted.fit, fitted.partial_fit, fitted.score_samples, LatentAugmenter(["flip_lr"], fitted).fit):
        with pytest.raises((ValueError, TypeError), match=r"^[^\n]*reconstruction_loss[^\n]*$") as error:
            verb(digits[:20])
        assert "squared_error, bce, l1" in str(error.value)

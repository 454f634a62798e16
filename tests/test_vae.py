"""The networks, the training loop, and the estimator VAE."""

import copy
import pickle
import signal

import numpy as np
import pytest
import torch
from conftest import image_stacks
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from latentaug import VAE
from latentaug.learn.geometries import ConjugateMap, OrthogonalMap
from latentaug.learn.networks import build, initialise
from latentaug.learn.objectives import divergence, squared_error
from latentaug.learn.training import OPTIMIZERS, SCHEDULES

QUICK = {
    "latent_dim": 3,
    "network": "paper",
    "hidden_channels": (2, 3),
    "max_iter": 2,
    "device": "cpu",
    "random_state": 0,
}


@pytest.fixture(scope="module")
def fitted(digits):
    return VAE(**QUICK).fit(digits)


@given(
    shape=st.tuples(*[st.integers(1, 17)] * 2, st.sampled_from([1, 2, 3])),
    channels=st.lists(st.integers(1, 3), min_size=1, max_size=4),
)
def test_networks_take_any_image_size_and_channel_count(shape, channels):
    network = build(shape, 2, channels)
    initialise(network, torch.Generator().manual_seed(0))
    x = torch.rand(2, shape[2], *shape[:2])
    mean, log_variance = network.encoder(x)
    assert mean.shape == log_variance.shape == (2, 2)
    decoded = network.decoder(mean)
    assert decoded.shape == x.shape
    assert 0 <= decoded.min() <= decoded.max() <= 1


def test_errors_are_sums_over_an_image_and_means_over_the_batch_and_divergences_are_by_coordinate():
    assert squared_error(torch.ones(5, 1, 3, 2), torch.zeros(5, 1, 3, 2)) == 6
    assert (divergence(torch.zeros(5, 4), torch.zeros(5, 4)) == 0).all()
    normal = torch.distributions.Normal
    mean, std = torch.tensor([[0.3, -1.0], [2.0, 0.0]]), torch.tensor([[0.5, 3.0], [2.0, 1.5]])
    expected = torch.distributions.kl_divergence(normal(mean, std), normal(0.0, 1.0))
    assert torch.allclose(divergence(mean, 2 * std.log()), expected)


@pytest.mark.parametrize("seed", range(3))
def test_constrained_maps_hold_their_constraint_after_steps_of_training(seed):
    torch.manual_seed(seed)
    cycle = torch.eye(5).roll(1, dims=0)
    for module, holds in [
        (OrthogonalMap(5), lambda L: L.T @ L),
        (ConjugateMap(cycle), lambda L: torch.linalg.matrix_power(L, 5)),
    ]:
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        target = torch.randn(5, 5)
        first = squared_error(module(), target).item()
        for _ in range(5):
            loss = squared_error(module(), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert torch.allclose(holds(module()), torch.eye(5), atol=1e-4)
        assert squared_error(module(), target) < first


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (5, 7, 3), (33, 47)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_layout_in_is_layout_out(dtype, shape, order):
    X = np.random.default_rng(0).random((12, *shape))
    X = np.asarray((X * 255).astype(dtype) if dtype == np.uint8 else X.astype(dtype), order=order)
    X.flags.writeable = False
    vae = VAE(**QUICK).fit(X)
    Z = vae.transform(X)
    assert Z.shape == (12, 3)
    assert vae.inverse_transform(Z).shape == X.shape
    assert vae.inverse_transform(Z).dtype == np.float32
    flat = clone(vae).set_params(image_shape=shape).fit(X.reshape(12, -1))
    assert np.allclose(flat.transform(X.reshape(12, -1)), Z, atol=1e-6)
    assert flat.inverse_transform(Z).shape == (12, np.prod(shape))
    assert flat.image_shape_ == vae.image_shape_ == shape


def test_floats_outside_the_unit_range_come_out_on_their_own(digits):
    shifted = digits * 40 - 7
    vae, plain = VAE(**QUICK).fit(shifted), VAE(**QUICK).fit(digits)
    decoded = vae.inverse_transform(vae.transform(shifted))
    assert -7 <= decoded.min() <= decoded.max() <= 33
    assert np.allclose(decoded, plain.inverse_transform(plain.transform(digits)) * 40 - 7, atol=1e-2)


def test_the_same_seed_gives_the_same_bits(digits, fitted, global_generators):
    again = VAE(**QUICK).fit(digits)
    other = VAE(**{**QUICK, "random_state": 1}).fit(digits)
    unseeded = VAE(**{**QUICK, "random_state": None}).fit(digits[:50])
    assert np.array_equal(again.transform(digits), fitted.transform(digits))
    assert again.loss_curve_ == fitted.loss_curve_
    assert not np.array_equal(other.transform(digits), fitted.transform(digits))
    assert unseeded.sample(2).shape == (2, 8, 8)
    assert np.array_equal(fitted.sample(3, random_state=1), fitted.sample(3, random_state=1))


def test_pickled_is_the_same(digits, fitted, global_generators):
    loaded = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(loaded.transform(digits), fitted.transform(digits))
    assert b"torch" not in pickle.dumps(fitted.__getstate__()["network_"])


@given(reconstruction=st.floats(0, 9), kl=st.floats(0, 9))
def test_score_is_minus_the_objective_under_its_weights(digits, fitted, reconstruction, kl):
    vae = copy.copy(fitted).set_params(reconstruction_weight=reconstruction, kl_weight=kl)
    mean, variance = vae.latent_distribution(digits)
    error = ((digits - vae.inverse_transform(mean)) ** 2).sum(axis=(1, 2))
    divergence = 0.5 * (mean**2 + variance - 1 - np.log(variance)).sum(axis=1)
    expected = -(reconstruction * error + kl * divergence)
    assert np.allclose(vae.score_samples(digits), expected, rtol=1e-4, atol=1e-6)
    assert vae.score(digits) == pytest.approx(expected.mean(), rel=1e-4, abs=1e-6)


class Bare(VAE):
    """Decodes latents to themselves."""

    def inverse_transform(self, Z):
        return Z


def test_samples_are_of_the_standard_normal_prior(digits):
    Z = Bare(**QUICK).fit(digits[:50]).sample(20_000, random_state=0)
    assert np.allclose(Z.mean(axis=0), 0, atol=0.03)
    assert np.allclose(np.cov(Z.T), np.eye(3), atol=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("learning_rate", SCHEDULES)
def test_every_optimizer_and_schedule_learns_in_silence(digits, optimizer, learning_rate, capfd):
    settings = {"optimizer": optimizer, "learning_rate": learning_rate, "kl_weight": 0.01, "max_iter": 20}
    vae = VAE(latent_dim=8, **settings, random_state=0, device="cpu").fit(digits)
    mean_image = np.square(digits - digits.mean(axis=0)).sum(axis=(1, 2)).mean()
    assert vae.loss_curve_[-1] < vae.loss_curve_[0]
    assert np.square(digits - vae.inverse_transform(vae.transform(digits))).sum(axis=(1, 2)).mean() < mean_image / 2
    assert capfd.readouterr() == ("", "")


def test_progress_is_shown_when_asked(digits, capfd):
    VAE(**QUICK, verbose=1).fit(digits[:50])
    assert "2/2" in capfd.readouterr().err


@pytest.mark.parametrize("kl_warmup", [0, 0.5, 1])
def test_the_objective_is_reported_under_its_whole_weights(digits, kl_warmup):
    still = {**QUICK, "max_iter": 1, "learning_rate_init": 1e-12, "kl_weight": 1e4}
    vae = VAE(**still, kl_warmup=kl_warmup).fit(digits)
    assert vae.loss_curve_[0] == pytest.approx(-vae.score(digits), rel=0.05)


def test_warm_start_goes_on(digits, fitted):
    vae = VAE(**QUICK, warm_start=True).fit(digits)
    first = vae.loss_curve_[-1]
    assert vae.fit(digits).loss_curve_[0] < first


def test_a_fit_forgets_the_last_one(digits):
    vae = VAE(**QUICK).fit(digits[:50])
    first = weights(vae)
    again = weights(vae.fit(digits[:50]))
    assert all(np.array_equal(weight, again[name]) for name, weight in first.items())


def weights(model):
    return {name: weight.numpy() for name, weight in model.network_.state_dict().items()}


def test_the_first_weights_are_the_seeds_own(digits):
    one, again, other = (
        weights(VAE(**{**QUICK, "random_state": seed}, learning_rate_init=1e-30).fit(X))
        for seed, X in ((0, digits[:20]), (0, digits[20:50]), (1, digits[:20]))
    )
    for name, weight in one.items():
        assert np.array_equal(weight, again[name])
        assert not np.isclose(weight, other[name]).any()
        assert len(np.unique(weight)) == weight.size


@pytest.mark.filterwarnings("ignore:VAE has collapsed")
@pytest.mark.filterwarnings("ignore:The held-out loss was still falling")
def test_the_model_after_an_early_stop_is_that_of_its_best_pass(digits):
    restless = {"learning_rate_init": 0.1, "learning_rate": "constant", "kl_warmup": 0}
    few_passes = {**QUICK, "max_iter": 33}  # steps too few to warm up
    model = VAE(**few_passes, **restless, early_stopping=True, n_iter_no_change=2)
    stopped = clone(model).fit(digits[:200])
    best = int(np.argmin(stopped.validation_curve_))
    short = clone(model).set_params(max_iter=best + 1).fit(digits[:200])
    assert best + 1 < stopped.n_iter_
    assert all(np.array_equal(weight, weights(short)[name]) for name, weight in weights(stopped).items())


def test_early_stopping_that_finds_no_end_warns(digits):
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        VAE(**QUICK, early_stopping=True).fit(digits[:50])


def test_ctrl_c_keeps_the_model(digits, ctrl_c, monkeypatch):
    from latentaug.learn import training

    passes = []

    def interrupted(self, *args):
        passes.append(original(self, *args))
        if len(passes) == 2:
            signal.raise_signal(signal.SIGINT)
        return passes[-1]

    original = training.Training._learn
    monkeypatch.setattr(training.Training, "_learn", interrupted)
    with pytest.warns(ConvergenceWarning, match="after 1 of 9 passes"):
        vae = VAE(**{**QUICK, "max_iter": 9}).fit(digits[:50])
    assert vae.transform(digits[:5]).shape == (5, 3)
    assert vae.n_iter_ == 1


WRONG = {
    "latent_dim": [0, 2.5, "a", True],
    "hidden_channels": [(), 3, (0,), ("a",)],
    "kl_weight": [-1, "a", np.nan],
    "kl_warmup": [-1, "a"],
    "reconstruction_loss": ["mse", None, 3, ["bce"]],
    "optimizer": ["sgdd", None, 3],
    "learning_rate": ["linear"],
    "learning_rate_init": [0, -1],
    "beta_1": [1, -0.1],
    "epsilon": [0, "a"],
    "max_iter": [0, None],
    "batch_size": [0],
    "validation_fraction": [1],
    "image_shape": [(2, 2), "ab", (64, -1), (1, 2, 3, 4)],
    "device": ["gpu", 3.5, "cuda:99"],
    "random_state": ["a"],
    "warm_start": [1, "no"],
    "verbose": [-1, "a", None],
}


@pytest.mark.parametrize("parameter", WRONG)
def test_wrong_parameters_are_refused_in_one_line(parameter):
    X = np.zeros((4, 64))
    for value in WRONG[parameter]:
        with pytest.raises((ValueError, TypeError)) as error:
            VAE(**{**QUICK, parameter: value}).fit(X)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "X", [np.zeros(3), np.zeros((0, 4)), np.zeros((3, 0, 4)), np.full((2, 3, 3), np.nan), np.zeros((2,) * 5),
          np.full((2, 3, 3), 300), np.full((2, 3, 3), -1), np.array([["a"]]), 3, None, np.zeros((2, 3), complex)]
)  # fmt: skip
def test_wrong_images_are_refused(X):
    with pytest.raises((ValueError, TypeError)):
        VAE(**QUICK).fit(X)


def test_images_unlike_those_fitted_are_refused(digits, fitted):
    for wrong in (digits[:, :5], digits[:, :, :, None], digits.reshape(len(digits), -1)[:, :60], digits * np.nan):
        with pytest.raises(ValueError, match=r"fitted on images of shape \(8, 8\)|60 features|NaN"):
            fitted.transform(wrong)
    for wrong in (np.zeros((2, 4)), np.zeros(3), np.full((2, 3), np.inf), np.zeros((0, 3))):
        with pytest.raises(ValueError, match=r"Z|0 sample|1D array"):
            fitted.inverse_transform(wrong)


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "score_samples", "latent_distribution", "sample"])
def test_an_unfitted_vae_says_so(method):
    with pytest.raises(NotFittedError):
        getattr(VAE(), method)(np.zeros((1, 4)))


def test_a_loss_that_diverges_says_why(digits):
    with pytest.raises(ValueError, match="Lower learning_rate_init"):
        VAE(**{**QUICK, "reconstruction_weight": 1e38}).fit(digits[:50])


@settings(max_examples=10)
@given(X=image_stacks(min_side=1))
def test_any_images_are_fitted(X):
    vae = VAE(**{**QUICK, "max_iter": 1}).fit(X)
    assert np.isfinite(vae.inverse_transform(vae.transform(X))).all()

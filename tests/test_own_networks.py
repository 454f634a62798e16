"""Networks of one's own: every route that a model goes, over a table of networks."""

import copy
import pickle
import warnings
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from torch import nn

from latentaug import VAE, ConditionalVAE, LatentAugmenter, LatentResampler, Network, TransferHead, load
from latentaug.learn.coding import decode_with_jacobian, refine
from latentaug.learn.own_networks import make_network
from latentaug.learn.resuming import Checkpoint

D = 4
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        layers = [nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))

    def forward(self, x):
        return torch.relu(x + self.layers(x))


class ResidualEncoder(nn.Module):
    def __init__(self, n_channels, n_pixels, latent_dim, width):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(n_channels, width, 3, padding=1), Block(width), nn.Flatten())
        self.mean, self.log_variance = (nn.Linear(width * n_pixels, latent_dim) for _ in range(2))

    def forward(self, x):
        h = self.body(x)
        return self.mean(h), self.log_variance(h)


class Residual(nn.Module):
    """With batch norms of maps and of rows."""

    def __init__(self, image_shape, latent_dim, width=2):
        super().__init__()
        height, columns, channels = image_shape
        self.encoder = ResidualEncoder(channels, height * columns, latent_dim, width)
        first = [nn.Linear(latent_dim, width * height * columns), nn.BatchNorm1d(width * height * columns)]
        maps = [nn.Unflatten(1, (width, height, columns)), Block(width)]
        self.decoder = nn.Sequential(*first, *maps, nn.Conv2d(width, channels, 3, padding=1), nn.Sigmoid())


class Halves(nn.Module):
    """Mean and log-variance beside each other in a row."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, x):
        return self.layers(x).chunk(2, dim=1)


class Fully(nn.Module):
    """Dense layers with dropout, which draws; pixels in a row."""

    def __init__(self, image_shape, latent_dim, width=16, activation=nn.ReLU):
        super().__init__()
        n = int(np.prod(image_shape))
        first = nn.Flatten(), nn.Linear(n, width), activation(), nn.Dropout(0.2)
        self.encoder = Halves(nn.Sequential(*first, nn.Linear(width, 2 * latent_dim)))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, width), activation(), nn.Linear(width, n), nn.Sigmoid())


class Plain(nn.Module):
    """An autoencoder without variances, whose images may be anything."""

    def __init__(self, image_shape, latent_dim):
        super().__init__()
        height, columns, channels = image_shape
        n = height * columns * channels
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(n, latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, n), nn.Unflatten(1, (channels, height, columns)))


class Tied(nn.Module):
    """One weight, methods in place of modules."""

    def __init__(self, image_shape, latent_dim):
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(latent_dim, int(np.prod(image_shape))))

    def encoder(self, x):
        return (x.flatten(1) - 0.5) @ self.weight.T

    def decoder(self, z):
        return (0.5 + z @ self.weight).clamp(0, 1)


def lazy(image_shape, latent_dim, width=8):
    """Layers that learn how wide they are from what comes."""
    net = nn.Module()
    net.encoder = Halves(nn.Sequential(nn.Flatten(), nn.LazyLinear(width), nn.Tanh(), nn.LazyLinear(2 * latent_dim)))
    net.decoder = nn.Sequential(nn.LazyLinear(width), nn.Tanh(), nn.LazyLinear(int(np.prod(image_shape))))
    return net


def squeezed(image_shape, latent_dim):
    """A network of torchvision as encoder."""
    models = pytest.importorskip("torchvision.models")
    net = Fully(image_shape, latent_dim)
    net.encoder = Halves(models.squeezenet1_1(weights=None, num_classes=2 * latent_dim))
    return net


@cache
def pretrained():
    """A module that is there, left in eval mode as those that are downloaded are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = Residual((8, 8, 1), D)
    return net.eval()


GREY = load_digits().images[:29] / 16
COLOUR = np.random.default_rng(0).random((9, 24, 24, 3))
NETWORKS = {
    "residual": (lambda: Network(Residual, width=3), GREY),
    "dense": (lambda: Network(Fully, width=12), GREY[:, :, :7]),
    "torchvision": (lambda: squeezed, COLOUR),
    "plain": (lambda: Plain, GREY),
    "tied": (lambda: Tied, GREY),
    "lazy": (lambda: Network(lazy), GREY),
    "pretrained": (pretrained, GREY),
}
MODELS = {
    "VAE": lambda vae: vae,
    "joint": lambda vae: LatentAugmenter(["flip_lr"], vae, random_state=0),
    "staged": lambda vae: LatentAugmenter(["flip_lr"], vae, method="staged", random_state=0),
    "head": lambda vae: TransferHead(
        LatentAugmenter(["flip_lr"], vae, random_state=0), ["flip_ud"], undo=False, random_state=0
    ),
    "conditional": lambda vae: ConditionalVAE(["flip_lr"], vae, random_state=0),
}
every_network = pytest.mark.parametrize("name", NETWORKS)
every_model = pytest.mark.parametrize("kind", MODELS)


def own(name, **parameters):
    """A VAE of a network; its last batch has one image."""
    network, X = NETWORKS[name]
    given = {
        "network": network(),
        "kl_weight": 0.01,
        "max_iter": 1,
        "batch_size": len(X) - 1,
        "random_state": 0,
        "device": "cpu",
    }
    return VAE(D, **{**given, **parameters})


@cache
def fitted(name, kind="VAE"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MODELS[kind](own(name)).fit(NETWORKS[name][1])


def vaes_of(model):
    """The fitted VAEs inside a model."""
    parts = [*vars(model).values(), *getattr(model, "autoencoders_", {}).values()]
    found = [part for part in parts if isinstance(part, VAE) and hasattr(part, "network_")]
    return [model] if isinstance(model, VAE) else found


def told(model):
    """All that the networks of a model have learned."""
    return {
        f"{k}.{name}": weight.clone()
        for k, vae in enumerate(vaes_of(model))
        for name, weight in vae.network_.state_dict().items()
    }


def same(one, other):
    return list(one) == list(other) and all(torch.equal(weight, other[name]) for name, weight in one.items())


def images_of(model, X):
    """What a model makes of images."""
    return model.inverse_transform(model.transform(X)) if isinstance(model, VAE) else model["flip_lr"].transform(X)


def answers(model, X):
    if isinstance(model, TransferHead):
        return [model.transform(X)]
    return [images_of(model, X), *([model.score_samples(X)] if isinstance(model, VAE) else [model.encode(X)])]


@every_model
@every_network
def test_a_network_of_one_s_own_learns_in_every_model(name, kind):
    """Also from a last batch of one image; afterwards it is in eval mode, and images are within their range."""
    model, X = fitted(name, kind), NETWORKS[name][1]
    made = answers(model, X)[0]
    assert made.shape == X.shape
    assert made.min() >= 0
    assert made.max() <= 1
    assert vaes_of(model)
    for vae in vaes_of(model):
        assert np.isfinite(vae.loss_curve_).all()
        assert not any(part.training for part in vae.network_.modules())


@pytest.mark.parametrize("kind", ["VAE", "joint", "conditional"])
@every_network
def test_one_seed_gives_one_network_and_no_global_generator_is_touched(name, kind, global_generators):
    again = MODELS[kind](own(name)).fit(NETWORKS[name][1])
    assert same(told(again), told(fitted(name, kind)))


@every_model
@every_network
def test_a_model_with_a_network_of_one_s_own_travels(name, kind, tmp_path):
    model, (network, X) = fitted(name, kind), NETWORKS[name]
    model.save(tmp_path / "model")
    routes = [
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        load(tmp_path / "model", "cpu", network=network()),
    ]
    for travelled in routes:
        for a, b in zip(answers(model, X), answers(travelled, X), strict=True):
            assert a.tobytes() == b.tobytes()
    assert same(told(clone(routes[-1]).fit(X)), told(model)) or kind != "VAE"


@pytest.mark.parametrize("name", ["residual", "dense", "lazy"])
def test_parameters_of_a_network_are_searched(name):
    grid = {"network__width": [2, 5]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search = GridSearchCV(own(name), grid, cv=2).fit(NETWORKS[name][1])
    best = search.best_estimator_
    assert (
        best.network.parameters["width"] == best.get_params()["network__width"] == search.best_params_["network__width"]
    )
    assert own(name).network.parameters.get("width") != 5
    assert "width" in repr(best)
    assert best._repr_html_()


def test_what_is_set_after_a_fit_changes_no_fitted_network(tmp_path):
    X = NETWORKS["residual"][1]
    model = clone(fitted("residual")).fit(X)
    before = model.transform(X)
    model.set_params(network__width=7)
    model.save(tmp_path / "model")
    for other in (copy.deepcopy(model), load(tmp_path / "model", "cpu", network=Residual)):
        assert np.array_equal(other.transform(X), before)
        assert other.network.parameters == {"width": 7}
    model.set_params(network="conv")
    assert np.array_equal(pickle.loads(pickle.dumps(model)).transform(X), before)


@every_network
def test_refining_goes_by_the_derivatives_of_any_decoder_and_never_makes_an_image_worse(name):
    vae, X = fitted(name), NETWORKS[name][1][:3]
    decoder, z = vae.network_.decoder, torch.from_numpy(vae.transform(X))
    with torch.no_grad():
        x, J = decode_with_jacobian(decoder, z)
    rows = [torch.autograd.functional.jacobian(lambda row: decoder(row[None])[0], row) for row in z]
    assert torch.allclose(J, torch.stack(rows).movedim(-1, 0), atol=1e-5)
    with torch.no_grad():
        assert torch.allclose(x, decoder(z), atol=1e-6)
        target = torch.from_numpy(X).float().reshape(len(X), *X.shape[1:3], -1).permute(0, 3, 1, 2)
        error = [(decoder(refine(decoder, target, z, k)) - target).square().sum((1, 2, 3)) for k in (0, 1, 3)]
    assert (error[1] <= error[0]).all()
    assert (error[2] <= error[1]).all()
    assert np.isfinite(clone(vae).set_params(refine_steps=1).fit(X).transform(X)).all()


@every_network
def test_streams_go_on(name):
    """Also where the model travelled between two parts; and a warm start goes on from what was learned."""
    X, stay = NETWORKS[name][1], own(name)
    for _ in range(2):
        stay.partial_fit(X)
    move = pickle.loads(pickle.dumps(own(name).partial_fit(X))).partial_fit(X)
    assert same(told(stay), told(move))
    assert stay.n_iter_ == 2
    again = copy.deepcopy(fitted(name)).set_params(warm_start=True, learning_rate_init=1e-12).fit(X)
    for weight, before in zip(again.network_.parameters(), fitted(name).network_.parameters(), strict=True):
        assert torch.allclose(weight, before, atol=1e-6)


@pytest.mark.parametrize("kind", ["VAE", "joint"])
@every_network
def test_a_training_that_is_broken_off_ends_with_the_same_bits(name, kind, tmp_path, monkeypatch):
    X, write = NETWORKS[name][1], Checkpoint.write
    model = MODELS[kind](own(name, max_iter=2, early_stopping=True, validation_fraction=0.2, checkpoint_dir=tmp_path))
    whole = told(
        clone(model).set_params(**{n: None for n in model.get_params() if n.endswith("checkpoint_dir")}).fit(X)
    )

    def write_and_break(self, *state):
        write(self, *state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "write", write_and_break)
        clone(model).fit(X)
    again = clone(model).fit(X)
    assert same(told(again), whole)
    assert len(list(tmp_path.iterdir())) == 1


@every_network
def test_a_network_keeps_the_weights_that_it_comes_with(name):
    """The weights stay where steps are tiny, and so do its answers where nothing goes by batches."""
    network, X = NETWORKS[name]
    module = make_network(network(), X.shape[1:], D, None, seed=0).module
    vae = own(name, network=module, learning_rate_init=1e-12).fit(X)
    for weight, before in zip(vae.network_.parameters(), module.parameters(), strict=True):
        assert torch.allclose(weight, before, atol=1e-6)
    if not any(isinstance(part, nn.BatchNorm2d) for part in module.modules()):
        x = torch.from_numpy(X).float().reshape(len(X), *X.shape[1:3], -1).permute(0, 3, 1, 2)
        out = module.eval().encoder(x)
        mean = out[0] if isinstance(out, tuple) else out
        assert np.allclose(vae.transform(X), mean.detach(), atol=1e-5)


def test_what_is_frozen_stays_frozen_also_the_statistics_of_batches():
    net = copy.deepcopy(pretrained())
    net.encoder.requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    for kind in ("VAE", "joint", "conditional"):
        model = MODELS[kind](own("residual", network=net)).fit(GREY)
        found = vaes_of(model)[0].network_.module.state_dict()
        for name, weight in found.items():
            assert torch.equal(weight, before[name]) == name.startswith("encoder."), name
    head = TransferHead(LatentAugmenter(["flip_lr"], own("residual", network=net)), ["canny"], random_state=0).fit(GREY)
    assert torch.equal(head.autoencoder_.network_.module.encoder.mean.weight, before["encoder.mean.weight"])
    assert same(net.state_dict(), before)  # the module given is copied


def test_batches_of_one_and_a_held_out_loss_use_the_statistics_so_far():
    seen = []

    class Looking(nn.BatchNorm1d):
        def forward(self, x):
            seen.append((len(x), self.training))
            return super().forward(x)

    net = Residual((8, 8, 1), D)
    net.decoder[1] = Looking(net.decoder[1].num_features)
    own("residual", network=net, early_stopping=True, validation_fraction=0.2, batch_size=11).fit(GREY)
    assert seen == [(2, False), (11, True), (11, True), (1, False), (6, False)]


def test_bce_of_a_network_that_gives_images():
    for kind in ("VAE", "conditional"):
        model = MODELS[kind](own("plain", reconstruction_loss="bce")).fit(GREY)
        assert np.isfinite(vaes_of(model)[0].loss_curve_).all()


class Odd(Plain):
    """A plain autoencoder with one part wrong."""

    def __init__(self, image_shape, latent_dim, encoder=None, decoder=None):
        super().__init__(image_shape, latent_dim)
        self.encoder = encoder or self.encoder
        self.decoder = decoder or self.decoder


def frozen(image_shape, latent_dim):
    return Plain(image_shape, latent_dim).requires_grad_(False)


class Thrice(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :D], x.flatten(1)[:, :D], x


WRONG = {
    "mean": (Network(Odd, encoder=nn.Flatten()), r"encoder's mean must be \(2, 4\), since latent_dim=4. Got \(2, 64\)"),
    "images": (Network(Odd, decoder=nn.Identity()), r"decoder must be \(2, 1, 8, 8\).* Got \(2, 4\)"),
    "layers": (Network(Odd, encoder=nn.Linear(3, 4)), "does not encode and decode two images: "),
    "three": (Network(Odd, encoder=Thrice()), "Got 3 things"),
    "unmade": (Network(Odd, width=3), "cannot be made: .*width"),
    "no module": (lambda shape, d: nn.Identity(), "must give a module with encoder and decoder. Got Identity"),
    "no network": (3, "network must be auto, conv, dense, paper, a module"),
    "no name": ("convolutional", "Unknown network 'convolutional'"),
    "float64": (
        lambda shape, d: Plain(shape, d).double(),
        "must have weights of float32.* Got torch.float64 for encoder.1.weight",
    ),
    "nothing to train": (frozen, "nothing to train"),
    "complex": (lambda shape, d: with_complex(shape, d), "weights of float32.* Got torch.complex64 for odd"),
}


def with_complex(image_shape, latent_dim):
    net = Plain(image_shape, latent_dim)
    net.odd = nn.Parameter(torch.zeros(2, dtype=torch.complex64))
    return net


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_a_network_is_told_in_one_line(what):
    network, match = WRONG[what]
    with pytest.raises((ValueError, TypeError), match=match) as error:
        own("plain", network=network).fit(GREY)
    assert "\n" not in str(error.value)


def test_parameters_that_a_network_has_not_are_refused():
    with pytest.raises(ValueError, match=r"Unknown parameter of the network 'wdth'\. Allowed: width"):
        own("residual").set_params(network__wdth=3)
    with pytest.raises(ValueError, match="Unknown parameter of the network 'latent_dim'"):
        own("residual").set_params(network__latent_dim=3)


LOADED_WRONG = {
    "missing": ("residual", None, "network of one's own, Residual .* Allowed: load\\(path, network=Residual\\)"),
    "other": ("residual", Plain((8, 8, 1), D), "weights do not fit the network"),
    "other maker": ("residual", Plain, "cannot be made"),
    "no network": ("residual", "conv", "must be a Network, a module, or what makes one"),
    "other name": ("residual", {"Fully": Fully, "Residual": Residual}, "Unknown network 'Fully'. Saved with"),
}


@pytest.mark.parametrize("what", LOADED_WRONG)
@pytest.mark.parametrize("kind", ["VAE", "head"])
def test_files_want_the_network_that_they_have_the_weights_of(what, kind, tmp_path):
    name, network, match = LOADED_WRONG[what]
    fitted(name, kind).save(tmp_path / "model")
    with pytest.raises((ValueError, TypeError), match=match) as error:
        load(tmp_path / "model", network=network)
    assert "\n" not in str(error.value)


def test_files_hold_the_plain_parameters_of_a_network_and_ask_for_others(tmp_path):
    vae = own("dense", network=Network(Fully, width=5, activation=nn.Tanh)).fit(GREY)
    vae.save(tmp_path / "model")
    loaded = load(tmp_path / "model", "cpu", network=Network(Fully, activation=nn.Tanh))
    assert loaded.get_params()["network__width"] == 5
    assert np.array_equal(loaded.transform(GREY), vae.transform(GREY))
    with pytest.raises(ValueError, match=r"the file has no activation of the network\. Allowed: network=Network"):
        load(tmp_path / "model", network=Fully)


def test_networks_that_are_not_needed_are_refused(tmp_path):
    VAE(D).save(tmp_path / "model")
    with pytest.raises(ValueError, match=r"holds no network of one's own\. Allowed: network=None"):
        load(tmp_path / "model", network=Plain)


def test_two_networks_of_one_file_are_told_by_their_names(tmp_path):
    flips = fitted("residual", "joint")
    head = TransferHead(flips, ["flip_ud"], autoencoder=own("dense"), random_state=0).fit(GREY)
    head.save(tmp_path / "model")
    loaded = load(tmp_path / "model", "cpu", network={"Residual": Residual, "Fully": Fully})
    assert np.array_equal(loaded.transform(GREY), head.transform(GREY))
    with pytest.raises(ValueError, match=r"network=\{'\w+': ..., '\w+': ...\}"):
        load(tmp_path / "model", network=Residual)


def test_a_resampler_saves_a_network_of_one_s_own(tmp_path):
    resampler = LatentResampler(fitted("plain", "joint"), random_state=0)
    resampler.fit_resample(GREY, np.arange(len(GREY)) % 2)
    resampler.save(tmp_path / "model")
    assert load(tmp_path / "model", "cpu", network=Plain).augmenter.autoencoder.network is Plain

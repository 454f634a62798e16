"""A geometry of one's own is a class in a table, an objective of one's own a class given to `VAE.learn`."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from latentaug import VAE, LatentAugmenter, load
from latentaug.augs import name_augs, shear_x
from latentaug.augs.views import Views
from latentaug.images import ImageFormat
from latentaug.learn.geometries import GEOMETRIES, Geometry
from latentaug.learn.objectives import ImageObjective
from latentaug.learn.training import Objective

QUICK = VAE(4, network="paper", hidden_channels=(4, 8), max_iter=4, kl_weight=0.01, device="cpu", random_state=0)


class Scales(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.scales = nn.Parameter(torch.ones(d))

    def forward(self):
        return torch.diag(self.scales)


class Diagonal(Geometry):
    def fit(self, pairs, name):
        S, M = pairs.moments_of(name)
        return np.diag(M.diagonal() / S.diagonal())

    def module(self, start, name):
        return Scales(start.latent_dim)


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(GEOMETRIES, "diagonal", Diagonal())


def test_a_geometry_is_fitted_and_trained_once_it_is_in_the_table(digits, registered, tmp_path):
    staged = LatentAugmenter(["shear_x"], PCA(6), method="staged", geometry="diagonal").fit(digits)
    Z, Z_aug = (staged.encode(images).astype(np.float64) for images in (digits, shear_x(digits)))
    assert staged.geometries_ == {"shear_x": "diagonal"}
    assert np.allclose(staged.latent_maps_["shear_x"], np.diag((Z * Z_aug).sum(axis=0) / np.square(Z).sum(axis=0)))
    joint = LatentAugmenter(["shear_x"], QUICK, geometry="diagonal", random_state=0).fit(digits)
    L = joint.latent_maps_["shear_x"]
    assert np.array_equal(L, np.diag(L.diagonal()))
    assert not np.allclose(L, np.eye(4), atol=1e-3)
    assert joint.autoencoder_.loss_curve_[-1] < joint.autoencoder_.loss_curve_[0]
    joint.save(tmp_path / "joint")
    assert np.array_equal(load(tmp_path / "joint").transform(digits), joint.transform(digits))


def test_without_its_entry_it_is_unknown(digits):
    with pytest.raises(ValueError, match=r"^Unknown geometry 'diagonal'\. Allowed: auto, group, .*nonlinear"):
        LatentAugmenter(["shear_x"], PCA(6), method="staged", geometry="diagonal").fit(digits)


class Inpainting(ImageObjective):
    """The whole image from one that lacks some rows."""

    def __init__(self, network, views, terms, n_rows):
        super().__init__(network, views, terms)
        self.n_rows = n_rows

    def forward(self, images, which, noise, done):
        x = self.tensor(images)
        lacking = x.clone()
        lacking[:, :, : self.n_rows] = 0
        error = self.error(self.encode(lacking)[0], x)
        return error, error


def views_of(images):
    return Views(images, name_augs(["flip_lr"]), ImageFormat(images.shape[1:]))


def lacking(images, n_rows):
    holes = images.copy()
    holes[:, :n_rows] = 0
    return holes


def error_of(vae, images, n_rows):
    made = vae.inverse_transform(vae.transform(lacking(images, n_rows)))
    return np.square(made - images).sum(axis=(1, 2)).mean()


def test_an_objective_is_trained_by_the_vae_that_it_is_given_to(digits):
    plain, filling = (VAE(**QUICK.get_params()).set_params(max_iter=10) for _ in range(2))
    trained = filling.learn(views_of(digits), Inpainting, 3)
    assert isinstance(trained, Inpainting)
    assert trained.network is filling.network_
    assert len(filling.loss_curve_) == 10
    assert filling.loss_curve_[-1] < 0.7 * filling.loss_curve_[0]
    assert error_of(filling, digits, 3) < error_of(plain.fit(digits), digits, 3)
    filling.learn(views_of(digits), Inpainting, 3, goes_on=True)
    assert filling.n_iter_ == len(filling.loss_curve_) == 11


def test_an_objective_has_checkpoints_of_its_own(digits, tmp_path):
    for objective in (Inpainting, type("Denoising", (Inpainting,), {})):
        VAE(**QUICK.get_params()).set_params(checkpoint_dir=tmp_path).learn(views_of(digits[:100]), objective, 0)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("wrong", "message"), [(3, "objective must be a class"), (None, "objective must be a class")])
def test_what_is_no_objective_is_refused(digits, wrong, message):
    with pytest.raises(TypeError, match=message):
        VAE(**QUICK.get_params()).learn(views_of(digits[:9]), wrong)


@pytest.mark.parametrize(
    ("base", "call", "what"),
    [
        (Geometry, lambda mine: mine.fit(None, "shear_x"), "how it is fitted"),
        (Geometry, lambda mine: mine.module(None, "shear_x"), "what its module is"),
        (Objective, lambda mine: mine.make(np.arange(3)), "what it makes of rows"),
        (Objective, lambda mine: mine(np.arange(3)), "what its loss is"),
    ],
)
def test_what_a_class_of_one_s_own_leaves_out_is_said_under_its_name(base, call, what):
    with pytest.raises(NotImplementedError, match=rf"^Mine says {what}\.$"):
        call(type("Mine", (base,), {})())

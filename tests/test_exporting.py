"""A program out of the library gives what the library gives, or is not written."""

import json
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import nn

from latentaug import VAE, ConditionalVAE, LatentAugmenter, LatentMaps, TransferHead
from latentaug.learn import exporting

pytest.importorskip("torch", minversion=exporting.OLDEST, reason="exports by a later torch")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
QUICK = {"latent_dim": 4, "max_iter": 1, "device": "cpu", "random_state": 0}


class Own(nn.Module):
    """With a batch norm, and pixels in a row."""

    def __init__(self, image_shape, latent_dim):
        super().__init__()
        n = image_shape[0] * image_shape[1] * image_shape[2]
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(n, 8), nn.BatchNorm1d(8), nn.Linear(8, latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, n), nn.Sigmoid())


class Counting(nn.Sequential):
    """Decodes a batch of one size."""

    def forward(self, z):
        return super().forward(z).reshape(len(z), -1)


class Restless(nn.Sequential):
    """Decodes other images at each call."""

    def forward(self, z):
        return super().forward(z + torch.randn_like(z))


def own(decoder):
    """What makes a network with a decoder of a class."""

    def make(image_shape, latent_dim):
        network = Own(image_shape, latent_dim)
        network.decoder = decoder(*network.decoder)
        return network

    return make


def negate(X):
    return 1 - X


@cache
def images(side=8):
    X = load_digits().images[:80].astype(np.float32) / 16
    return np.pad(X, ((0, 0), *[((side - 7) // 2, (side - 8) // 2)] * 2))


@cache
def flips():
    return LatentAugmenter(["flip_lr", "flip_ud"], VAE(network="conv", **QUICK)).fit(images(13))


def staged(*augs, **settings):
    return LatentAugmenter(augs, VAE(**QUICK), method="staged", **settings)


# A model, and the steps that it takes.
MAKERS = {
    "VAE": lambda: (VAE(network="conv", **QUICK).fit(images(13)), ()),
    "VAE of the paper": lambda: (VAE(network="paper", **QUICK).fit(images(13)), ()),
    "joint": lambda: (flips(), ("flip_lr",)),
    "staged": lambda: (staged("flip_lr", "shear_x", geometry="free").fit(images()), ("flip_lr", ("shear_x", -1))),
    "head": lambda: (TransferHead(flips(), ["shear_x", "canny"]).fit(images(13)), ("canny", "shear_x")),
    "head that undoes": lambda: (TransferHead(flips(), ["shear_x", "canny"]).fit(images(13)), (("canny", -1),)),
    "conditional": lambda: (ConditionalVAE(["flip_lr"], VAE(**QUICK)).fit(images()), ("flip_lr",)),
    "own network": lambda: (LatentAugmenter(["flip_lr"], VAE(network=Own, **QUICK)).fit(images()), ("flip_lr",)),
    "strength": lambda: (
        LatentAugmenter(["rotate"], VAE(**QUICK), symmetrize=False).fit(images()),
        (("rotate", 30.0),),
    ),
    "nonlinear": lambda: (
        staged("shear_x", "flip_lr", geometry="nonlinear").fit(images()),
        (("shear_x", 2), "flip_lr"),
    ),
}
MODELS = {name: cache(make) for name, make in MAKERS.items()}
PARTS = [*((name, "whole") for name in MODELS), *(("head", what) for what in ("encode", "decode")), ("VAE", "encode")]
# Images as they may come.
LAYOUTS = {
    "rows": lambda: images().reshape(80, -1),
    "colour": lambda: np.stack([images(), images()[:, ::-1], images() / 2], axis=-1),
    "one channel": lambda: images()[..., None],
    "own range": lambda: 300 * images() - 100,
    "integers": lambda: (255 * images()).astype(np.uint8),
}


def library(model, steps, what, given):
    """What the library makes."""
    transform = model if isinstance(model, VAE) else model.compose(*steps)
    if isinstance(model, VAE):
        Z = model.transform(given) if what != "decode" else given
        return Z if what == "encode" else model.inverse_transform(Z)
    if what == "whole":
        return transform.transform(given)
    source, target = transform.views_
    Z = transform.transform_latent(given if what == "decode" else model.encode(given, source))
    return Z if what == "encode" else model.decode(Z, target)


def floats(model, X):
    """Images as a program takes them."""
    return np.asarray(model.format_.layout(model.format_.to_output(model.format_.layout(X, False))), np.float32)


def run_torch(path, given):
    return torch.export.load(path).module()(torch.from_numpy(given)).detach().numpy()


def run_onnx(path, given):
    session = pytest.importorskip("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    assert entry.shape[0] == "n"
    return session.run(None, {entry.name: given})[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["VAE", "joint", "staged", "head"])
def test_onnxruntime_gives_the_images_of_the_library(tmp_path, name):
    for module in exporting.FORMATS["onnx"].needs:
        pytest.importorskip(module)
    model, steps = MODELS[name]()
    path = str(tmp_path / "model.onnx")
    model.export(path, *steps)
    for n in (1, 64):
        X = images(model.image_shape_[0])[:n]
        assert np.abs(run_onnx(path, X) - library(model, steps, "whole", X)).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(("name", "what"), PARTS)
def test_every_part_of_every_model_gives_what_the_library_gives(tmp_path, name, what):
    model, steps = MODELS[name]()
    path = str(tmp_path / "model.pt2")
    model.export(path, *steps, what=what)
    for n in (1, 64):
        given = images(model.image_shape_[0])[:n]
        if what == "decode":
            given = np.random.default_rng(0).standard_normal((n, 4)).astype(np.float32)
        made, wanted = run_torch(path, given), library(model, steps, what, given)
        assert made.shape == wanted.shape
        assert np.abs(made - wanted).max() < 1e-5 * max(1, np.abs(wanted).max())


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_and_range_are_those_of_the_training_data(tmp_path, layout):
    X = LAYOUTS[layout]()
    shape = (8, 8) if X.ndim == 2 else None
    model = VAE(image_shape=shape, **QUICK).fit(X)
    model.export(tmp_path / "model.pt2")
    given, wanted = floats(model, X[:5]), model.inverse_transform(model.transform(X[:5]))
    made = run_torch(tmp_path / "model.pt2", given)
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).max() < 1e-5 * max(1, np.abs(wanted).max())


def test_a_file_says_what_it_holds(tmp_path):
    flips().export(tmp_path / "model.pt2", "flip_lr", ("flip_ud", -1), what="encode")
    names = ["what", "steps", "aug_names", "image_shape", "layout", "value_range", "latent_dim", "input", "output"]
    read = {f"{name}.json": "" for name in names}
    torch.export.load(tmp_path / "model.pt2", extra_files=read)
    found = [json.loads(read[f"{name}.json"]) for name in names]
    steps = "flip_lr then flip_ud^-1"
    assert found == ["encode", steps, ["flip_lr", "flip_ud"], [13, 13], "NHW", [0, 1], 4, "images", "encoded"]
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    flips().export(tmp_path / "model.onnx", "flip_lr", ("flip_ud", -1), what="encode")
    props = {p.key: json.loads(p.value) for p in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert [props[name] for name in names] == found


def test_without_steps_it_is_what_transform_does(tmp_path):
    flips().export(tmp_path / "model.pt2")
    made = run_torch(tmp_path / "model.pt2", images(13)[:5])
    assert np.abs(made - flips().transform(images(13)[:5])).max() < 1e-5
    assert np.abs(made - flips().reconstruct(images(13)[:5])).max() > 1e-3


@pytest.mark.parametrize(
    ("decoder", "said"),
    [(Counting, "cannot be exported"), (Restless, "other decoded than the library, and was not written")],
)
def test_what_would_be_wrong_is_not_written(tmp_path, decoder, said):
    with pytest.raises(ValueError, match=said):
        VAE(network=own(decoder), **QUICK).fit(images()).export(tmp_path / "model.pt2")
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_is_one_line_and_leaves_no_file(tmp_path):
    flip, vae = flips()["flip_lr"], VAE(**QUICK).fit(images())
    linear = LatentAugmenter(["flip_lr"], PCA(4), method="staged").fit(images())
    Z = np.random.default_rng(0).random((50, 4))
    rows = LatentMaps().fit(Z, views={("mirror",): Z[:, ::-1]})
    refused = [
        (lambda: vae.export(tmp_path / "model.bin"), ValueError, "suffix '.bin'. Allowed: .onnx, .pt2"),
        (lambda: vae.export(tmp_path / "m.pt2", format="tflite"), ValueError, "Unknown format 'tflite'"),
        (lambda: vae.export(tmp_path / "m.pt2", what="half"), ValueError, "Unknown what 'half'"),
        (lambda: vae.export(3), TypeError, "path must be a path"),
        (lambda: flip.export(tmp_path / "nowhere" / "m.pt2"), OSError, "nowhere"),
        (lambda: flips().export(tmp_path / "m.pt2", "turn"), ValueError, "Unknown augmentation 'turn'"),
        (lambda: flips().export(tmp_path / "m.pt2", ("flip_lr", [1, 2])), ValueError, "one strength for all"),
        (lambda: linear.export(tmp_path / "m.pt2"), TypeError, "Only a VAE is exported, to encode.*Got PCA"),
        (lambda: rows["mirror"].export(tmp_path / "m.pt2"), TypeError, "a model of images"),
        (lambda: vae.set_params(refine_steps=2).export(tmp_path / "m.pt2"), ValueError, "refines nothing"),
    ]
    for call, kind, said in refused:
        with pytest.raises(kind, match=said) as raised:
            call()
        assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_an_average_over_what_only_moves_pixels_is_exported_and_no_other(tmp_path):
    model = LatentAugmenter([negate], VAE(**QUICK)).fit(images())
    assert model.orbit_
    with pytest.raises(ValueError, match="average over negate is not exported: it does more than move pixels"):
        model.export(tmp_path / "model.pt2")
    turns = LatentAugmenter(["rotate"], VAE(**QUICK)).fit(images())
    with pytest.raises(ValueError, match=r"average over rotate\^45 is not exported"):
        turns.export(tmp_path / "turns.pt2", ("rotate", 30.0))
    model.set_params(symmetrize=False).fit(images()).export(tmp_path / "model.pt2")
    made = run_torch(tmp_path / "model.pt2", images()[:5])
    assert np.abs(made - model.transform(images()[:5])).max() < 1e-5


@pytest.mark.slow
def test_what_a_format_needs_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"onnx needs onnx: pip install latentaug\[export\]"):
        flips().export(tmp_path / "model.onnx")

"""The paths that CONTRIBUTING.md shows are true: its blocks run in the modules that they name, and do what it says."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from latentaug import VAE, LatentAugmenter
from latentaug.augs.views import Views
from latentaug.images import ImageFormat
from latentaug.learn.geometries import GEOMETRIES

PAGE = Path(__file__).parent.parent / "CONTRIBUTING.md"
TINY = VAE(4, hidden_channels=(4, 8), max_iter=2, random_state=0)

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="needs the repository, not a wheel")


def shown(name):
    """What a block of the page defines under a name, in the module that its first line names."""
    blocks = re.findall(r"```python\n# ([\w.]+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    module, code = next((module, code) for module, code in blocks if re.search(rf"^(def|class) {name}\b", code, re.M))
    names = dict(vars(importlib.import_module(module)))
    code = f"from __future__ import annotations\n{code}"
    exec(compile(code, str(PAGE), "exec", dont_inherit=True), names)
    return names[name]


def test_an_augmentation(digits):
    augmenter = LatentAugmenter([shown("transpose"), "flip_lr"], PCA(16), method="staged").fit(digits[:300])
    assert augmenter.algebra_.orders["transpose"] == 2
    assert len(augmenter.algebra_.elements) == 8
    with pytest.raises(ValueError, match="Images must be"):
        shown("transpose")(np.zeros(3))


def test_a_geometry(digits, monkeypatch):
    monkeypatch.setitem(GEOMETRIES, "diagonal", shown("Diagonal")())
    for settings in ({"autoencoder": PCA(8), "method": "staged"}, {"autoencoder": TINY}):
        fitted = LatentAugmenter(["shear_x"], geometry="diagonal", **settings, random_state=0).fit(digits[:200])
        L = fitted.latent_maps_["shear_x"]
        assert np.array_equal(L, np.diag(L.diagonal()))
        assert not np.allclose(L, np.eye(len(L)), atol=1e-4)


def test_an_objective(digits):
    vae = VAE(**TINY.get_params())
    trained = vae.learn(Views(digits[:200], {}, ImageFormat((8, 8))), shown("Denoising"), 0.3)
    assert trained.network is vae.network_
    assert vae.loss_curve_[-1] < vae.loss_curve_[0]
    assert vae.transform(digits).shape == (len(digits), 4)


def test_a_display(d4):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    display = shown("SpectrumDisplay").from_estimator(d4, "rotate_cw", ax=figure.subplots())
    drawn = display.ax_.lines[0].get_xydata()
    assert np.allclose(np.hypot(*drawn.T), 1)


def test_its_commands_and_files_are_there():
    text = PAGE.read_text()
    for name in re.findall(r"python -m (benchmarks\.\w+)", text):
        assert (PAGE.parent / (name.replace(".", "/") + ".py")).exists()
    for target in re.findall(r"`make (?:\w+=\S+ )?([\w-]+)`", text):
        assert f"\n{target}:" in PAGE.with_name("Makefile").read_text()
    for path in re.findall(r"`((?:tests|benchmarks|augs|learn|displays|constraints)/\w*[\w.]*)`", text):
        assert (PAGE.parent / path).exists() or (PAGE.parent / "latentaug" / path).exists(), path

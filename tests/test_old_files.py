"""Files that version 0.1.0 saved load, and their models answer as they did then."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import InconsistentVersionWarning

import latentaug
from latentaug import load
from latentaug.persistence import VersionWarning

FOLDER = Path(__file__).parent / "files_0_1_0"
EXPECTED = dict(np.load(FOLDER / "expected.npz"))


def load_old(name):
    """A model, and whether it was said to come from another version."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", VersionWarning)
        warnings.simplefilter("ignore", InconsistentVersionWarning)  # of scikit-learn, which wrote a PCA in them
        model = load(FOLDER / f"{name}.latentaug", device="cpu")
    return model, any(warning.category is VersionWarning for warning in caught)


def answer(name, model):
    """What the model of a name makes of the digits that it was saved with."""
    X, y = (load_digits().images[:60] * 15).astype(np.uint8), load_digits().target[:60]
    if name == "resampler":
        return model.fit_resample(X[:20], y[:20])[0][20:24]
    return model.transform((X[:3] / 128 - 1).reshape(3, -1) if name == "vae_flat_floats" else X[:3])


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.latentaug")))
def test_a_file_of_0_1_0_loads_and_answers(name, tmp_path):
    model, warned = load_old(name)
    assert warned == (latentaug.__version__ != "0.1.0")
    model.save(tmp_path / "again")
    for loaded in (model, load(tmp_path / "again", device="cpu")):
        if name in EXPECTED:
            np.testing.assert_allclose(answer(name, loaded), EXPECTED[name], rtol=0, atol=1e-5)
    assert name in EXPECTED or name == "unfitted"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vae_stream", "joint_stream", "staged_stream"])
def test_a_stream_of_0_1_0_goes_on(name):
    model, _ = load_old(name)
    before = answer(name, model)
    assert answer(name, model.partial_fit((load_digits().images[60:120] * 15).astype(np.uint8))).shape == before.shape


def test_what_became_of_a_vae_s_parameters():
    """Version 0.1.0 told nodes apart from devices, named a strategy that had no effect, and had one loss."""
    model, _ = load_old("vae")
    assert not {"strategy", "num_nodes"} & set(vars(model))
    assert model.devices == 1
    assert (model.reconstruction_loss, model.loss_unit_) == ("squared_error", "squared error")
    unfitted, _ = load_old("unfitted")
    assert unfitted.autoencoder.reconstruction_loss == "squared_error"
    assert not hasattr(unfitted.autoencoder, "loss_unit_")


def test_a_composition_of_0_1_0_is_a_word_of_today():
    model, _ = load_old("transform")
    group = model.augmenter
    assert group.sample(2, apply=("rotate_cw", "rotate_cw"), random_state=0).shape == (2, 8, 8)
    X = (load_digits().images[:3] * 15).astype(np.uint8)
    np.testing.assert_array_equal(group.compose(("rotate_cw", -2)).transform(X), model.transform(X))

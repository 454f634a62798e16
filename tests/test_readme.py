"""What README says runs as it stands there, line by line; of fewer letters and passes, so that it takes seconds."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from latentaug import datasets
from latentaug.learn import training

README = Path(__file__).parent.parent / "README.md"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not README.exists(), reason="needs the repository, not a wheel"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def fences(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def few_glyphs(monkeypatch):
    """One of forty characters, and three passes where nobody says how many."""
    for name in ("FEWEST", "MOST"):
        monkeypatch.setattr(training, name, 3)
    pytest.importorskip("matplotlib")
    whole = datasets.load_glyphs()
    few = {"images": whole.images[::40], "characters": whole.characters[::40]}
    few["faces"] = {name: images[::40] for name, images in whole.faces.items()}
    assert {field.name for field in fields(whole)} == set(few)
    monkeypatch.setattr(datasets, "load_glyphs", lambda: type(whole)(**few))


def test_every_line_of_code_runs_in_order_and_prints_what_stands_there(few_glyphs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for number, code in enumerate(fences("python")):
        exec(compile(code, f"README, code {number}", "exec"), names)
    table, _ = fences("text")
    printed = [re.sub(r"\s*[-+.\d%]+", " #", line) for line in capsys.readouterr().out.splitlines()]
    assert printed == [re.sub(r"\s*[-+.\d%]+", " #", line) for line in table.splitlines()]
    assert names["bold"].shape == names["thin"].shape == names["both"].shape == names["X_test"].shape
    assert np.allclose(names["Z_flipped"], names["Z"] @ names["flips"].latent_maps_["flip_lr"])
    assert {"flips.latentaug", "flip.pt2", "card.md"} == {path.name for path in tmp_path.iterdir()}


def test_what_is_said_to_be_installed_and_made_is_there():
    project = (README.parent / "pyproject.toml").read_text()
    makefile = (README.parent / "Makefile").read_text()
    commands = " ".join(fences("console"))
    assert all(f"\n{extra} = [" in project for extra in re.findall(r"latentaug\[(\w+)\]", README.read_text()))
    assert {"demo", "test"} == {name for name in re.findall(r"make (\w+)", commands) if f"\n{name}:" in makefile}

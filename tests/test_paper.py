"""The scripts of the paper's tables and figures run, all of them, and write one page."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from examples.paper import figures, models, recursion, run, settings, sheets
from examples.paper.sheets import table

TINY = settings.Budget(
    "tiny", 200, 60, passes=1, seeds=(0, 1), absolute=(1, 2), as_written=(1, 2, 2), vae={"hidden_channels": (2, 3)}
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study whose models are trained for a moment, and kept where no one looks; four flips for a hundred."""
    patch = pytest.MonkeyPatch()
    patch.setattr(models, "OUTPUT", tmp_path_factory.mktemp("paper"))
    patch.setattr(recursion, "STEPS", (2, 4))
    yield models.Study(TINY)
    patch.undo()


@pytest.mark.slow
@pytest.mark.parametrize("name", run.SHEETS)
def test_every_table_and_figure_is_made(study, name, tmp_path):
    sheet = run.SHEETS[name](study)
    assert sheet.text or sheet.figures
    page = run.write(sheet, name, "tiny", tmp_path)
    assert sheet.title in page
    command = page.rsplit("`", 2)[1].split()
    assert command[:2] == ["python", "-m"]
    assert command[-3:] == [name, "--budget", "tiny"] or command[2:] == [f"examples.paper.{name}", "--budget", "tiny"]
    assert importlib.util.find_spec(command[2])
    for path in (tmp_path / "pictures").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
        assert f"(pictures/{path.name})" in page


def test_what_was_made_is_kept(study):
    calls = []
    first, again = (study.kept("something/else", lambda: calls.append(0) or [3]) for _ in range(2))
    assert first == again == [3]
    assert len(calls) == 1


def test_a_figure_is_made_by_its_command(study, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sheets, "study_of", lambda budget: study)
    monkeypatch.setattr(sheets, "OUTPUT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["figures", "figure12", "--budget", "quick"])
    sheets.main(figures.FIGURES)
    (path,) = (tmp_path / "quick" / "pictures").iterdir()
    assert path.name == "figure12.png"
    assert "Fig. 12: the augmentations" in capsys.readouterr().out


def test_the_page_names_every_picture_and_command():
    page = (Path(run.__file__).parent / "RESULTS.md").read_text()
    commands = re.findall(r"`python -m examples\.paper\.(?:figures )?(\w+) --budget", page)
    assert commands == [*run.SHEETS]
    pictures = {path.name for path in (Path(run.__file__).parent / "pictures").iterdir()}
    assert {*re.findall(r"\(pictures/(.*?)\)", page)} == pictures


def test_the_full_budget_is_the_paper_s():
    full = models.Study(settings.BUDGETS["full"])._vae()
    assert (full.optimizer, full.learning_rate_init, full.epsilon, full.batch_size) == ("adabelief", 1e-4, 1e-16, 64)
    assert full.max_iter == 4 * 100
    assert full.kl_weight == settings.READINGS[settings.READ_AS]
    assert full.latent_dim == 16


def test_a_table_is_markdown():
    assert table(["a", "b"], [["x", 1]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"

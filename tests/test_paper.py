"""The scripts of the paper's tables and figures run, all of them, and write one page."""

import importlib
from pathlib import Path

import pytest

from examples.paper import models, recursion, run, settings
from examples.paper.sheets import table

TINY = settings.Budget("tiny", 200, 60, passes=1, seeds=(0, 1), absolute=(1, 2), vae={"hidden_channels": (2, 3)})


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
    sheet = importlib.import_module(f"examples.paper.{name}").make(study)
    assert sheet.text or sheet.figures
    page = run.write(sheet, name, "tiny", tmp_path)
    assert sheet.title in page
    assert f"examples.paper.{name} --budget tiny" in page
    for path in (tmp_path / "pictures").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
        assert f"(pictures/{path.name})" in page


def test_what_was_made_is_kept(study):
    calls = []
    first, again = (study.kept("something/else", lambda: calls.append(0) or [3]) for _ in range(2))
    assert first == again == [3]
    assert len(calls) == 1


def test_every_figure_named_has_a_script():
    scripts = {path.stem for path in Path(run.__file__).parent.glob("figure*.py")}
    assert scripts == {name for name in run.SHEETS if name.startswith("figure")}


def test_the_full_budget_is_the_paper_s():
    full = models.Study(settings.BUDGETS["full"])._vae()
    assert (full.optimizer, full.learning_rate_init, full.epsilon, full.batch_size) == ("adabelief", 1e-4, 1e-16, 64)
    assert full.max_iter == 4 * 100
    assert full.kl_weight == 5
    assert full.latent_dim == 16


def test_a_table_is_markdown():
    assert table(["a", "b"], [["x", 1]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"

"""The examples are whole, and the quickstart and the benchmarks run, on little data."""

import ast
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from latentaug import datasets

ROOT = Path(__file__).parent.parent

GALLERY = sorted((ROOT / "examples").glob("plot_*.py"))

pytestmark = pytest.mark.skipif(not (ROOT / "examples").exists(), reason="needs the repository, not a wheel")


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_an_example_compiles_and_has_a_title(path):
    title, line, blank, summary, *_ = ast.get_docstring(ast.parse(path.read_text())).split("\n")
    assert line == "=" * len(title)
    assert blank == ""
    assert summary


@pytest.fixture
def few_digits(monkeypatch):
    X, y = datasets.load_digits_sample()
    monkeypatch.setattr(datasets, "load_digits_sample", lambda: (X[:700], y[:700]))


@pytest.mark.slow
def test_quickstart_prints_a_table_and_leaves_a_picture(few_digits, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    script = shutil.copy(ROOT / "examples" / "plot_quickstart.py", tmp_path)
    runpy.run_path(script, run_name="__main__")
    printed = capsys.readouterr().out
    assert "flip_ud then flip_lr" in printed
    assert "undo flip_lr then flip_ud" in printed
    assert (tmp_path / "output" / "quickstart.png").stat().st_size > 10_000


@pytest.mark.slow
def test_fidelity_benchmark_judges_its_claims(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", ["fidelity", "--quick", "--only", "pca"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("benchmarks.fidelity", run_name="__main__")
    assert ended.value.code == 0
    assert "holds  PCA(16), staged: every gap" in capsys.readouterr().out


@pytest.mark.slow
def test_speed_benchmark_prints_its_ratios(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", ["speed", "--quick", "--only", "training", "inference", "stage2"])
    runpy.run_module("benchmarks.speed", run_name="__main__")
    printed = capsys.readouterr().out
    assert "of the rate of a large float32 matrix product" in printed
    assert printed.count(" is faster by |") == 6
    assert "In closed form" in printed


@pytest.mark.slow
def test_every_side_of_a_comparison_runs_alone(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import alone

    alone.write_folder(tmp_path, datasets.load_digits_sample()[0][:700])
    for side in {**alone.FITS, **alone.USES}:
        monkeypatch.setattr(sys, "argv", ["alone", side, str(tmp_path)])
        alone.main()
        assert float(capsys.readouterr().out) > 0


@pytest.mark.slow
def test_memory_benchmark_judges_every_row(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", ["memory", "--images", "2000", "--only", "vae", "transform"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("benchmarks.memory", run_name="__main__")
    printed = capsys.readouterr().out
    assert printed.count("| 2,000 |") == 2
    assert printed.count(" holds |") == 2, printed
    assert ended.value.code == 0


@pytest.mark.slow
def test_scale_benchmark_prints_its_tables(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", ["scale", "--quick", "--only", "linear", "augs", "billion"])
    runpy.run_module("benchmarks.scale", run_name="__main__")
    printed = capsys.readouterr().out
    assert printed.count("of each other; within 10%") == 3
    assert "| flip_lr, flip_ud, rotate_cw, shear_x | 16 |" in printed
    assert "| latents, float32 | 64 |" in printed
    from benchmarks import scale

    scale.train_in_child(tmp_path, 300, max_iter=2, checkpoint_dir=str(tmp_path))
    (told,) = scale.told(tmp_path)
    assert told["n_passes"] == len(told["losses"]) == 2


@pytest.mark.slow
def test_variants_benchmark_prints_every_step(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", ["variants", "--quick"])
    runpy.run_module("benchmarks.variants", run_name="__main__")
    assert capsys.readouterr().out.count("\n| ") == 10


@pytest.mark.slow
def test_quality_benchmark_counts_passes(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", ["quality", "--quick"])
    runpy.run_module("benchmarks.quality", run_name="__main__")
    printed = capsys.readouterr().out
    assert "| staged, free maps | 2 |" in printed
    assert "what the paper's method reaches in 2." in printed


def test_classifier_benchmark_prints_every_condition(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", ["classifier", "--quick"])
    runpy.run_module("benchmarks.classifier", run_name="__main__")
    printed = capsys.readouterr().out
    rows = [line.split("|")[1:-1] for line in printed.splitlines() if line.startswith("| 10 |")]
    assert [(row[1].strip(), len(row)) for row in rows] == [("SVC", 9), ("logistic", 9), ("SVC", 8), ("logistic", 8)]
    assert all("±" in cell for row in rows for cell in row[2:])
    assert "suggest_allowed on 400 digits" in printed


def test_classifier_benchmark_gives_conditions_the_same_digits(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.classifier import AUGS, draw_labelled, in_image_space

    X, y = datasets.load_digits_sample()
    few, more = draw_labelled(y, 10, seed=3), draw_labelled(y, 20, seed=3)
    assert set(few) < set(more)
    assert np.array_equal(np.bincount(y[more]), np.full(10, 20))
    for X_like in (X[few], X[few] / 255):
        applied = [("shear_x", "turn_cw"), ("turn_ccw",)]
        copies = in_image_space(X_like, np.array([4, 2]), applied)
        assert np.array_equal(copies[0], AUGS["turn_cw"](AUGS["shear_x"](X_like[[4]]))[0])
        assert np.array_equal(copies[1], AUGS["turn_ccw"](X_like[[2]])[0])


def test_no_wrong_input_ends_in_anything_but_a_plain_error(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", ["fuzz", "--n", "300"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("benchmarks.fuzz", run_name="__main__")
    assert ended.value.code == 0, capsys.readouterr().out

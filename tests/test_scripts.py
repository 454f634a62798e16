"""The examples are whole, and the quickstart and the benchmarks run, on little data."""

import ast
import re
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


def tables(printed):
    """Tables as they were printed, one after another: rows by their first cell, cells by the column's head."""
    found, before = [], ""
    for line in printed.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ---"):
            continue
        if line.startswith("|") and not before.startswith("|"):
            head, rows = cells, {}
            found.append(rows)
        elif line.startswith("|"):
            assert len(cells) == len(head)
            rows[cells[0]] = dict(zip(head[1:], cells[1:], strict=True))
        before = line
    return found


def number(cell):
    return float(cell.replace(",", ""))


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


SOLVER_HEADS = ("milliseconds", "loss of Eq. 6")


@pytest.mark.slow
def test_speed_benchmark_prints_its_ratios(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", ["speed", "--quick", "--only", "training", "inference", "stage2"])
    runpy.run_module("benchmarks.speed", run_name="__main__")
    printed = capsys.readouterr().out
    assert "of the rate of a large float32 matrix product" in printed
    *comparisons, solvers = tables(printed)
    fits, joint, *_ = comparisons
    assert [list(rows) for rows in (fits, joint)] == [
        ["latentaug", "bare loop", "bare loop, torch's layers"], ["latentaug", "bare loop between ready views"],
    ]  # fmt: skip
    assert [next(iter(rows)) for rows in comparisons[2:]] == ["transform", "transform", "encode", "decode"]
    for rows in comparisons:
        (ours, own), *others = rows.items()
        for row in (row for _, row in others):
            ratio = number(own["images a second"]) / number(row["images a second"])
            assert number(row[f"{ours} is faster by"]) == pytest.approx(ratio, abs=0.01 + 0.001 * ratio)
    milliseconds, losses = ({name: number(row[head]) for name, row in solvers.items()} for head in SOLVER_HEADS)
    assert milliseconds["lstsq"] < milliseconds["adabelief"]
    assert losses["lstsq"] <= losses["adabelief"]
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
    (rows,) = tables(printed)
    assert list(rows) == ["`VAE.fit`", "`transform(X, out=memory map)`"]
    for row in rows.values():
        assert row["images"] == "2,000"
        assert number(row["growth, MB"]) < number(row["bound, MB"]), printed
        assert row[""] == "holds"
    assert ended.value.code == 0


@pytest.mark.slow
def test_scale_benchmark_prints_its_tables(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", ["scale", "--quick", "--only", "linear", "augs", "billion"])
    runpy.run_module("benchmarks.scale", run_name="__main__")
    printed = capsys.readouterr().out
    by_size, by_augs, hours, sizes = tables(printed)
    said = re.findall(r"Seconds an? (.*) are within (.*)% of each other; within 10%: (holds|breaks)\.", printed)
    apart = {what: float(share) / 100 for what, share, _ in said}
    assert list(apart) == [f"image of {name}" for name in by_size] + ["drawn image, but for making the views,"]
    for name, row in by_size.items():
        costs = [number(row[n]) for n in ("500", "1,000", "2,000")]
        assert apart[f"image of {name}"] == pytest.approx(max(costs) / min(costs) - 1, abs=0.01)
    assert {row["views"]: len(names.split(", ")) for names, row in by_augs.items()} == {"2": 1, "4": 2, "8": 3, "16": 4}
    for row in by_augs.values():
        parts = number(row["making the views"]) + number(row["the rest"])
        assert number(row["all"]) == pytest.approx(parts, abs=0.2)
    for row in hours.values():
        assert number(row["hours, 1"]) == pytest.approx(1e9 / number(row["images a second"]) / 3600, abs=0.06)
        assert number(row["hours, 8"]) == pytest.approx(number(row["hours, 1"]) / 8, abs=0.06)
    assert sizes == {"images, one byte a pixel": {"GB": "784"}, "latents, float32": {"GB": "64"}}
    from benchmarks import scale

    scale.train_in_child(tmp_path, 300, max_iter=2, checkpoint_dir=str(tmp_path))
    (told,) = scale.told(tmp_path)
    assert told["n_passes"] == len(told["losses"]) == 2


@pytest.mark.slow
def test_variants_benchmark_prints_every_step(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", ["variants", "--quick"])
    runpy.run_module("benchmarks.variants", run_name="__main__")
    (rows,) = tables(capsys.readouterr().out)
    from benchmarks.variants import variants

    assert list(rows) == list(variants(compiled=False))
    ours = number(rows["latentaug"]["milliseconds"])
    for row in rows.values():
        times = ours / number(row["milliseconds"])
        assert number(row["faster than latentaug's by"]) == pytest.approx(times, rel=0.03, abs=0.01)


@pytest.mark.slow
def test_quality_benchmark_counts_passes(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", ["quality", "--quick"])
    runpy.run_module("benchmarks.quality", run_name="__main__")
    printed = capsys.readouterr().out
    (rows,) = tables(printed)
    assert rows["staged, free maps"]["passes"] == "2"
    reached, goal = (number(rows[name]["total error"]) for name in ("joint", "staged, free maps"))
    says = "reaches in" if reached <= goal else "does not reach in"
    assert f"Joint training {says} {rows['joint']['passes']} passes what the paper's method reaches in 2." in printed


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

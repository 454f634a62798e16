"""The examples are whole, and the quickstart and the benchmarks run, on little data."""

import ast
import contextlib
import io
import runpy
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.base import clone

from latentaug import datasets
from latentaug.augs import OneParameter
from latentaug.latent.flows import Flow
from latentaug.learn.geometries import SOLVERS

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
def benchmarks(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(ROOT)


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


def tables(printed):
    """The cells of every table row that a script printed, heads left out."""
    lines = [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith("|")]
    return [cells for k, cells in enumerate(lines) if "---" not in (*cells, *(lines[k + 1 : k + 2] or [()])[0])]


def number(cell):
    return float(cell.replace(",", ""))


@pytest.mark.slow
def test_speed_benchmark_runs_every_comparison(benchmarks, monkeypatch, capsys):
    from benchmarks import speed

    monkeypatch.setattr(speed, "PASSES", 1)
    setting = speed.Setting(datasets.load_digits_sample()[0][:128], 1, torch.device("cpu"))
    for part in (speed.training, speed.networks, speed.inference, speed.stage2):
        part(setting)
    printed = capsys.readouterr().out
    rows = tables(printed)
    ours = [row[0] for row in rows if len(row) == 2]
    assert ours == ["latentaug", "latentaug", "the default network", "transform", "transform", "encode", "decode"]
    assert all(number(cell) > 0 for row in rows for cell in row[1:])
    errors = {row[0]: number(row[2]) for row in rows if row[0] in SOLVERS}
    assert errors.keys() == SOLVERS.keys()
    assert min(errors, key=errors.get) == "lstsq"


def test_a_rate_is_images_a_second_and_a_ratio_above_one_is_ours_faster(benchmarks, capsys):
    from benchmarks import speed

    speed.report("What", {"ours": [1.0, 2.0, 3.0], "other": [2.0, 8.0, 9.0]}, 600)
    assert tables(capsys.readouterr().out) == [["ours", "300"], ["other", "75", "3.00"]]


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
@pytest.mark.parametrize(("bound", "verdict"), [(600, "holds"), (-1, "breaks")])
def test_memory_benchmark_judges_every_row(bound, verdict, benchmarks, monkeypatch, capsys):
    from benchmarks import memory

    def run_here(command, **_):
        """What a process of its own would do, which takes seconds to start."""
        monkeypatch.setattr(sys, "argv", command[2:])
        with contextlib.redirect_stdout(io.StringIO()) as told:
            returncode = memory.main()
        return SimpleNamespace(returncode=returncode, stdout=told.getvalue())

    monkeypatch.setattr(memory.subprocess, "run", run_here)
    monkeypatch.setattr(memory.AnonymousPeak, "start", lambda self: None)
    monkeypatch.setattr(memory, "BOUND", bound)
    monkeypatch.setattr(memory.views, "CACHE_BYTES", memory.views.CACHE_BYTES)  # what it sets is undone
    rows = list(memory.PARTS) if verdict == "holds" else ["vae"]
    monkeypatch.setattr(sys, "argv", ["memory", "--images", "500", "--only", *rows])
    assert memory.main() == (verdict == "breaks")
    assert [(row[0], row[1], row[-1]) for row in tables(capsys.readouterr().out)] == [
        (memory.PARTS[name][0], "500", verdict) for name in rows
    ]


def test_rows_are_solved_as_numpy_solves_them(benchmarks, tmp_path, capsys):
    from benchmarks import rows

    rows.make_pairs(tmp_path, 600, 8)
    Z, Z_aug = (np.load(tmp_path / f"{name}.npy") for name in ("before", "after"))
    assert np.allclose(rows.solve(Z, Z_aug), np.linalg.lstsq(Z, Z_aug, rcond=None)[0], atol=1e-4)
    rows.measure(tmp_path, mapped=True)
    assert len(capsys.readouterr().out.split()) == 3


@pytest.mark.slow
def test_scale_benchmark_prints_its_tables(benchmarks, monkeypatch, tmp_path, capsys):
    from benchmarks import scale

    few = scale.Setting((64, 128, 500), 250, 3, 1)
    monkeypatch.setattr(scale, "USUAL", clone(scale.SMALL).set_params(max_iter=2))
    monkeypatch.setattr(scale, "QUICK", few)
    monkeypatch.setattr(sys, "argv", ["scale", "--quick", "--only", "linear", "augs", "billion"])
    scale.main()
    rows = {row[0]: row[1:] for row in tables(capsys.readouterr().out)}
    for n, views in zip(range(1, 5), (2, 4, 8, 16), strict=True):
        cells = [number(cell) for cell in rows[", ".join(scale.AUGS[:n])]]
        assert cells[0] == views
        assert cells[1] == pytest.approx(cells[2] + cells[3], abs=0.11)
    for work in ("training, a pass", "encode", "transform"):
        rate, *hours = map(number, rows[work])
        assert hours == pytest.approx([1e9 / rate / n / 3600 for n in scale.GPUS], rel=0.1, abs=0.06)
    assert (rows["images, one byte a pixel"], rows["latents, float32"]) == (["784"], ["16"])
    scale.train_in_child(tmp_path, 300, max_iter=2, checkpoint_dir=str(tmp_path))
    (told,) = scale.told(tmp_path)
    assert told["n_passes"] == len(told["losses"]) == 2


def test_costs_are_judged_by_the_greatest_over_the_least(benchmarks, capsys):
    from benchmarks import scale

    scale.judged("These", [1.0, 1.09])
    scale.judged("Those", [1.2, 1.0])
    these, those = capsys.readouterr().out.split("\n\n")
    assert "9.0%" in these
    assert "holds" in these
    assert "20.0%" in those
    assert "breaks" in those


@pytest.mark.slow
def test_variants_benchmark_prints_every_step(benchmarks, monkeypatch, capsys):
    from benchmarks import variants

    monkeypatch.setattr(sys, "argv", ["variants", "--quick"])
    variants.main()
    rows = tables(capsys.readouterr().out)
    assert [row[0] for row in rows] == list(variants.variants(compiled=False))
    assert rows[0][2] == "1.00"


def test_a_variant_of_a_convolution_is_the_same_function(benchmarks):
    from benchmarks import variants

    network, x = variants.own_network(variants.CPU), torch.rand(3, 1, 28, 28)
    expected = network.encoder(x)[0]
    assert torch.allclose(variants.unshuffled(network).encoder(x)[0], expected, atol=1e-5)
    x, y, kernel = torch.rand(2, 4, 9, 7), torch.rand(2, 3, 5, 4), torch.zeros(3, 4, 5, 5)
    usual = variants.networks._kernel_gradient(x, kernel, y)
    assert torch.allclose(variants.product(x, kernel, y), usual, atol=1e-4)


@pytest.mark.slow
def test_quality_benchmark_counts_the_passes_to_the_goal(benchmarks, monkeypatch, capsys):
    from benchmarks import quality

    errors = {("staged", 2): 20.0, ("joint", 1): 25.0, ("joint", 2): 21.0, ("joint", 3): 19.0}
    monkeypatch.setattr(quality, "measure", lambda method, passes, *_: (1.0, errors[method, passes]))
    monkeypatch.setattr(sys, "argv", ["quality", "--quick"])
    quality.main()
    printed = capsys.readouterr().out
    assert [row[1] for row in tables(printed)] == ["2", "1", "2", "3"]
    assert "Joint training reaches in 3 passes what the paper's method reaches in 2." in printed
    monkeypatch.undo()
    digits = datasets.load_digits_sample()[0]
    _, error = quality.measure("staged", 1, digits[:100], digits[-50:])
    assert 2 < error / 52.9 < 16  # four views, none much better than the mean image after one pass


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


@pytest.mark.parametrize("mean_moves", [False, True])
def test_a_linear_encoder_carries_a_law_to_poses_never_seen(mean_moves, benchmarks):
    from benchmarks import poses

    roll = poses.MOTIONS["shifts"].family
    motion = poses.Motion(OneParameter(roll.function, -4, 4, 8, name="roll"), 1, (), mean_moves)
    noise = np.random.default_rng(0).integers(0, 256, (400, 4, 8)).astype(np.uint8)
    assert np.array_equal(roll(noise, 3), np.roll(noise, 3, axis=2))
    train = poses.Images({t: motion.family(noise, t) for t in motion.seen}, np.zeros(400))
    undo = poses.undoer(poses.by_pairs(train, motion, motion.seen, 32), motion, []).undo
    for t in set(motion.all) - set(motion.seen):
        apart = undo(motion.family(noise, t), t) - noise / 255
        assert np.abs(apart).mean() < 0.02  # the mean taken off is not that of all poses


def test_checkerboards_lie_behind_digits(benchmarks):
    from benchmarks import poses

    X = datasets.load_digits_sample()[0][:20]
    board = poses.chequered(X, seed=3)
    assert np.array_equal(board, poses.chequered(X, seed=3))
    assert (board >= X).all()
    assert all(len(np.unique(after[before == 0])) == 2 for before, after in zip(X, board, strict=True))


@pytest.mark.slow
def test_poses_benchmark_prints_known_and_estimated_poses(benchmarks, monkeypatch, capsys):
    from benchmarks import poses

    monkeypatch.setattr(sys, "argv", ["poses", "--quick", "--only", "turns", "--told", "nothing", "pairs", "pixels"])
    poses.main()
    rows = [row for row in tables(capsys.readouterr().out) if len(row) == 16]
    ways = [f"{way}, pose {told}" for way in ("components, staged", "pixels") for told in ("known", "estimated")]
    assert [row[0] for row in rows] == ["no operator", *ways]
    for row in rows:
        shares, (seen, worst, apart) = list(map(number, row[2:12])), map(number, row[12:15])
        assert np.mean(shares[3:8]) == pytest.approx(seen, abs=0.1)
        assert min(shares[:3] + shares[8:]) == worst
        assert seen - worst == pytest.approx(apart, abs=0.11)


def test_a_frame_is_read_from_its_digit_once(benchmarks):
    from benchmarks import sequences

    X = sequences.padded(datasets.load_digits_sample()[0][:3])
    upright = sequences.shown(X, np.zeros((3, 4)))
    assert upright.shape == (3, 32, 32, 3)
    assert np.array_equal(upright[..., 0], np.rint(X).astype(np.uint8))
    assert not upright[..., 1:].any()
    moved = sequences.shown(X, np.tile([90, 1 / 3, 3, -2], (3, 1)))
    turned = np.roll(np.rot90(upright[..., 0], -1, axes=(1, 2)), (-2, 3), axis=(1, 2))
    assert np.abs(moved[..., 1].astype(int) - turned).max() <= 1
    start, pace = sequences.motions(3, seed=1)
    assert all(map(np.array_equal, (start, pace), sequences.motions(3, seed=1)))
    far = start + 17 * pace
    assert np.abs(sequences.shown(X, far).astype(int) - sequences.shown(X, sequences.wrapped(far))).max() <= 1
    assert (np.abs(start + (sequences.FRAMES - 1) * pace)[:, 2:] <= sequences.REACH).all()


def test_motions_of_four_kinds_at_once_are_read_off_latents(benchmarks):
    from benchmarks import sequences

    rng, identity = np.random.default_rng(0), np.eye(80)
    whole = rng.integers(-4, 5, (2, 40)) * 2 * np.pi / np.array([[360], [1]])
    flows = [Flow(identity, identity, f, np.zeros(80), -1, 1, None) for f in [*whole, *rng.normal(0, 0.4, (2, 40))]]
    pace = sequences.motions(30, seed=2)[1]
    Z = moved = rng.normal(size=(30, 80))
    for flow, t in zip(flows, pace.T, strict=True):
        moved = flow.carry(moved, t)
    assert np.allclose(sequences.paces(flows, Z, moved), pace, atol=1e-6)


@pytest.mark.slow
def test_sequences_benchmark_foretells_eight_steps(benchmarks, monkeypatch, capsys):
    from benchmarks import sequences

    monkeypatch.setattr(sys, "argv", ["sequences", "--quick"])
    sequences.main()
    printed = capsys.readouterr().out
    rows = {row[0]: row[1:] for row in tables(printed)}
    assert {"ours, motion told", "ours, motion estimated"} < rows.keys()
    assert all(len(row) == 8 and all(number(cell) > 0 for cell in row if cell) for row in rows.values())
    assert "Motion estimated, a frame, median error" in printed

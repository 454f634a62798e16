"""Two processes train as one does: the same weights in both, and those of one process up to rounding."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from two_processes import CASES, X, fit, quick

from latentaug.learn import processes as distributed
from latentaug.learn.processes import ALONE, Processes
from latentaug.learn.training import Draws, Objective, _batches

SCRIPT = Path(__file__).with_name("two_processes.py")
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
RTOL = ATOL = 1e-5
PLAIN = ["VAE", "tiny last batch"]


def run(folder, start, devices, cases):
    """What both processes wrote down."""
    pytest.importorskip("lightning_fabric")
    environment = {name: value for name, value in os.environ.items() if name not in ("RANK", "LOCAL_RANK")}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, *start, str(SCRIPT), str(folder), devices, *cases]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return [dict(np.load(folder / f"rank{rank}.npz")) for rank in range(2)]


@pytest.fixture(scope="module")
def by_torchrun(tmp_path_factory):
    return run(tmp_path_factory.mktemp("torchrun"), TORCHRUN, "auto", CASES)


@pytest.fixture(scope="module")
def by_fabric(tmp_path_factory):
    return run(tmp_path_factory.mktemp("fabric"), [], "2", PLAIN)


def of_case(results, case):
    return {name.partition("/")[2]: array for name, array in results.items() if name.startswith(f"{case}/")}


@pytest.mark.parametrize("case", CASES)
def test_both_processes_hold_the_same_bits(case, by_torchrun):
    first, second = (of_case(results, case) for results in by_torchrun)
    assert list(first) == list(second)
    assert first
    for name, array in first.items():
        assert np.array_equal(array, second[name]), name


@pytest.mark.parametrize("case", [case for case in CASES if case != "no seed" and "own" not in case])
def test_two_processes_give_what_one_gives(case, by_torchrun):
    for name, array in fit(case, 1).items():
        np.testing.assert_allclose(of_case(by_torchrun[0], case)[name], array, RTOL, ATOL, err_msg=name)


@pytest.mark.parametrize("case", PLAIN)
def test_a_plain_script_starts_the_processes_once_for_all_its_fits(case, by_torchrun, by_fabric):
    for results in by_fabric:
        for name, array in of_case(by_torchrun[0], case).items():
            assert np.array_equal(of_case(results, case)[name], array), name


def test_what_goes_wrong_goes_wrong_in_every_process_in_one_line(by_torchrun):
    for results in by_torchrun:
        processes, folder, loss = results["errors"]
        assert processes.startswith("devices=3 asks for 3 processes. Allowed where 2 were started")
        assert folder.startswith("checkpoint_dir must be a folder to write in.")
        assert loss.startswith("Training diverged: the loss is nan.")
        assert "\n" not in "".join(results["errors"])


def test_two_processes_go_on_from_a_checkpoint(by_torchrun):
    assert all(results["resumed"] for results in by_torchrun)


def one_of(rank, world_size):
    processes = Processes(ALONE.device)
    processes.rank, processes.world_size = rank, world_size
    return processes


class Numbers(Objective):
    """An objective whose images are numbers that tell their row and what was drawn for it."""

    noise_dim = 2

    def draw(self, rng, n):
        return (rng.integers(9, size=n),)

    def make(self, rows, which):
        return (100 * rows + which,)


@given(
    n_images=st.integers(1, 60), batch_size=st.integers(1, 20), world_size=st.integers(1, 5), block=st.integers(1, 9)
)
def test_the_shares_of_all_processes_are_the_batches_of_one(n_images, batch_size, world_size, block):
    objective = Numbers()
    objective.image_bytes = 2**20 // (block * batch_size)

    def all_batches(rank, world_size):
        draws = Draws.from_seed(0, ALONE.device)
        return list(_batches(objective, np.arange(n_images), batch_size, draws, one_of(rank, world_size)))

    whole = all_batches(0, 1)
    assert [batch.weight for batch in whole] == [1] * len(whole)
    shares = [all_batches(rank, world_size) for rank in range(world_size)]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sum(part.n_images for part in parts) == batch.n_images
        assert np.isclose(sum(part.weight for part in parts), world_size)
        for k, array in enumerate(batch.arrays):
            own = np.concatenate([part.arrays[k][: part.n_images] for part in parts])
            assert np.array_equal(np.sort(own, axis=0), np.sort(array, axis=0))
            assert all(len(part.arrays[k]) >= 1 for part in parts)
        values = [np.mean(part.arrays[0]) * part.weight for part in parts]
        assert np.isclose(np.mean(values), np.mean(batch.arrays[0]))


def test_one_process_needs_no_fabric(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    quick(devices="auto").fit(X)


def test_several_processes_need_fabric(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(ImportError, match=r"^devices=2 needs Lightning Fabric.* pip install latentaug\[distributed\]"):
        quick(devices=2).fit(X)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"devices": 0}, "devices must be an integer of at least 1"),
        ({"devices": "2"}, "devices must be an integer"),
        ({"devices": (1.0, 1)}, "nodes in devices must be an integer"),
        ({"devices": [1, 0]}, "devices a node in devices must be an integer of at least 1"),
        ({"devices": (1, 1, 1)}, "devices must be an integer"),
        ({"devices": 2, "device": "cpu:0"}, "device='cpu:0' is one device. Allowed with devices=2: auto, cpu, cuda"),
    ],
)
def test_wrong_parameters_end_in_one_line(wrong, match):
    with pytest.raises((ValueError, TypeError), match=match):
        quick(**wrong).fit(X)


def test_auto_is_every_gpu_and_one_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    count = distributed._count
    assert count(torch.device("cuda"), "auto") == (1, 4)
    assert count(torch.device("cuda"), (2, 4)) == (2, 4)
    assert count(torch.device("cuda:1"), "auto") == (1, 1)
    assert count(torch.device("cpu"), "auto") == (1, 1)


@pytest.mark.parametrize("devices", ["auto", (3, 2)])
def test_torchrun_says_how_many_there_are(devices, monkeypatch):
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "6", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    assert distributed._count(torch.device("cpu"), devices) == (3, 2)
    assert distributed._count(torch.device("cpu"), 1) == (1, 1)

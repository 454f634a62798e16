"""A training that is broken off goes on from its last checkpoint, and ends with the same bits."""

import copy
import os
import pickle
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from two_processes import CASES, QUICK, X, quick, told

from latentaug import LatentAugmenter, load
from latentaug.learn.resuming import Checkpoint
from latentaug.learn.training import Training

MODELS = {case: CASES[case][0] for case in ("VAE", "adabelief", "joint", "staged", "ConditionalVAE", "TransferHead")}
MODELS["early stopping"] = quick(early_stopping=True, n_iter_no_change=3, tol=9.0)


class Broken(BaseException):
    """What no fit catches."""


def with_checkpoints(model, folder, **parameters):
    """A model that, with every autoencoder in it, leaves checkpoints in a folder."""
    given = {"checkpoint_dir": folder, **parameters}
    names = [name for name in model.get_params() if name.split("__")[-1] in given]
    return clone(model).set_params(**{name: given[name.split("__")[-1]] for name in names})


@cache
def trained_whole(name):
    """What a training is that nothing breaks off."""
    return told(with_checkpoints(MODELS[name], None, max_iter=4).fit(X))


def same(first, second):
    return list(first) == list(second) and all(np.array_equal(array, second[name]) for name, array in first.items())


def break_off(monkeypatch, model, n_writes, before=False):
    """Fit a model and break off after, or just before, the checkpoint of some pass."""
    write, written = Checkpoint.write, []

    def write_or_break(self, *state):
        written.append(self)
        if len(written) <= n_writes - before:
            write(self, *state)
        if len(written) == n_writes:
            raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "write", write_or_break)
        with pytest.raises(Broken):
            model.fit(X)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("n_writes", [1, 2, 4])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:The held-out loss was still falling")
def test_a_training_that_is_broken_off_ends_with_the_same_bits(name, n_writes, before, monkeypatch, tmp_path):
    resumed = with_checkpoints(MODELS[name], tmp_path, max_iter=4)
    break_off(monkeypatch, resumed, n_writes, before)
    assert same(told(resumed.fit(X)), trained_whole(name))


@pytest.mark.filterwarnings("ignore:The held-out loss was still falling")
def test_the_best_weights_so_far_outlive_a_break(monkeypatch, tmp_path):
    held_out = (4.0, 1.0, 3.0, 2.0)
    monkeypatch.setattr(Training, "_evaluate", lambda self: held_out[len(self.log.validation_curve)])
    model = quick(early_stopping=True, n_iter_no_change=9, max_iter=len(held_out))
    resumed = with_checkpoints(model, tmp_path)
    break_off(monkeypatch, resumed, 3)
    assert same(told(resumed.fit(X)), told(model.fit(X)))


KILLED = """
import os, signal, sys
from pathlib import Path
from two_processes import CASES, X, clone
n, fsync = 0, os.fsync
def kill(file):
    global n
    n += 1
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(file)
os.fsync = kill
model = clone(CASES["joint"][0]).set_params(autoencoder__max_iter=5, autoencoder__checkpoint_dir=sys.argv[1])
model.fit(X)
"""


def test_kill_9_while_a_checkpoint_is_written_loses_only_the_pass_that_it_was_of(tmp_path, monkeypatch):
    paths = [str(Path(__file__).parent), *(path for path in sys.path if path)]
    threads = str(torch.get_num_threads())  # the bits are those of as many threads
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": threads}
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], env=environment, timeout=120)
    assert done.returncode == -signal.SIGKILL
    learn, passes = Training._learn, []
    monkeypatch.setattr(Training, "_learn", lambda self: passes.append(1) or learn(self))
    model = clone(CASES["joint"][0]).set_params(autoencoder__max_iter=5)
    resumed = told(with_checkpoints(model, tmp_path).fit(X))
    assert len(passes) == 5 - 2
    assert same(resumed, told(model.fit(X)))


def test_a_finished_training_is_not_done_again(tmp_path, monkeypatch):
    model = with_checkpoints(MODELS["early stopping"], tmp_path, max_iter=9)
    whole = told(clone(model).fit(X))
    monkeypatch.delattr(Training, "_learn")
    assert same(told(model.fit(X)), whole)


def test_on_ctrl_c_the_model_stays_as_it_is_and_the_next_fit_goes_on(tmp_path, ctrl_c, monkeypatch):
    learn, model = Training._learn, with_checkpoints(QUICK, tmp_path, max_iter=4)
    with monkeypatch.context() as patch:
        patch.setattr(
            Training, "_learn", lambda self: os.kill(os.getpid(), signal.SIGINT) if self.n_done > 9 else learn(self)
        )
        with pytest.warns(ConvergenceWarning, match="interrupted after 2 of 4"):
            assert model.fit(X).n_iter_ == 2
    assert same(told(model.fit(X)), told(with_checkpoints(QUICK, None, max_iter=4).fit(X)))


brighter = X.copy()
brighter[-1, -1, -1] += 1
OTHERS = {
    "seed": (quick(random_state=1), X),
    "passes": (quick(max_iter=3), X),
    "batch": (quick(batch_size=32), X),
    "weight": (quick(kl_weight=0.5), X),
    "warmup": (quick(kl_warmup=0.5), X),
    "loss": (quick(reconstruction_loss="bce"), X),
    "another loss": (quick(reconstruction_loss="l1"), X),
    "network": (quick(hidden_channels=(4, 9)), X),
    "latents": (quick(latent_dim=5), X),
    "precision": (quick(precision="bf16-mixed"), X),
    "optimizer": (quick(optimizer="adabelief"), X),
    "early stopping": (quick(early_stopping=True, n_iter_no_change=1, tol=9.0), X),
    "images": (QUICK, X[:-1]),
    "order": (QUICK, X[::-1]),
    "shape": (QUICK, X.reshape(-1, 4, 16)),
    "a pixel": (QUICK, brighter),
    "dtype": (QUICK, X / 255),
    "joint": (LatentAugmenter(["flip_lr"], QUICK, random_state=0), X),
    "another aug": (LatentAugmenter(["flip_ud"], QUICK, random_state=0), X),
    "staged": (LatentAugmenter(["flip_lr"], QUICK, method="staged", random_state=0), X),
}


def test_different_trainings_in_one_folder_do_not_meet(tmp_path):
    with_checkpoints(QUICK, tmp_path).fit(X)
    for n, (other, (model, images)) in enumerate(OTHERS.items(), start=2):
        with_checkpoints(model, tmp_path).fit(images)
        assert len(list(tmp_path.iterdir())) == n, other


def test_the_same_training_told_otherwise_is_the_same(tmp_path):
    with_checkpoints(QUICK, tmp_path).fit(X)
    with_checkpoints(QUICK, str(tmp_path), verbose=1, devices="auto").fit(np.asfortranarray(X))
    assert len(list(tmp_path.iterdir())) == 1


def flip_bits(path, model):
    content = bytearray(path.read_bytes())
    content[-999] ^= 255
    path.write_bytes(content)


def another_name(path, model):
    other = Checkpoint(path.parent, "other")
    other.write({}, {"a": np.eye(2)})
    other.path.replace(path)


DAMAGES = {
    "cut short": lambda path, model: path.write_bytes(path.read_bytes()[:-9]),
    "a bit flipped": lambda path, model: path.write_bytes(
        path.read_bytes()[:-999] + bytes([1]) + path.read_bytes()[-998:]
    ),
    "empty": lambda path, model: path.write_bytes(b""),
    "text": lambda path, model: path.write_text("no checkpoint"),
    "pickle": lambda path, model: path.write_bytes(pickle.dumps(model)),
    "a model": lambda path, model: model.save(path),
    "of another training": another_name,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_named_in_one_line(damage, tmp_path):
    model = with_checkpoints(QUICK, tmp_path).fit(X)
    (path,) = tmp_path.iterdir()
    damage(path, copy.deepcopy(model))
    with pytest.raises(ValueError, match=rf"^The checkpoint {path} cannot be gone on from") as raised:
        model.fit(X)
    assert "\n" not in str(raised.value)
    path.unlink()
    model.fit(X)


@pytest.mark.parametrize("folder", [3, b"folder", "", ["folder"], "/dev/null/folder", "a\0b", "x" * 300])
def test_a_folder_that_cannot_be_written_is_refused_before_training(folder, monkeypatch):
    monkeypatch.delattr(Training, "_learn")
    with pytest.raises((ValueError, TypeError), match=r"^checkpoint_dir must be") as raised:
        quick(checkpoint_dir=folder).fit(X)
    assert "\n" not in str(raised.value)


def test_a_path_is_saved_and_pickled_with_the_model(tmp_path):
    model = with_checkpoints(QUICK, tmp_path / "new" / "folder").fit(X)
    model.save(tmp_path / "model")
    for read in (load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
        assert read.checkpoint_dir == str(tmp_path / "new" / "folder")
        assert same(told(read), told(model))


def test_a_stream_leaves_no_checkpoints(tmp_path):
    with_checkpoints(QUICK, tmp_path).partial_fit(X)
    assert not list(tmp_path.iterdir())

"""What a training goes on from: a checkpoint in a folder, of data only; or where a stream stood."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch

from latentaug._checks import at_home, check_kind, one_line, shown
from latentaug._files import read_archive, write_archive
from latentaug._rows import SLICE_BYTES, release
from latentaug._version import __version__
from latentaug.learn.coding import load_weights, weights_of

__all__ = [
    "STREAM_STEPS", "Checkpoint", "Stream", "check_place", "find_checkpoint", "fingerprint", "memory_of", "recall",
]  # fmt: skip

STREAM_STEPS = 1000  # a stream has no known end: learning rate and divergence are warmed up as in a training so long


def check_place(folder: Any) -> None:
    """Refuse a `checkpoint_dir` that is neither a path nor None."""
    if folder is not None:
        check_kind("checkpoint_dir", folder, (str, os.PathLike), "a path or None")
        if not str(folder):
            raise ValueError("checkpoint_dir must be a path or None. Got ''.")


def _make_folder(folder: str | os.PathLike) -> None:
    """Make a folder where there is none; ValueError where no file can be written in it."""
    with one_line(f"checkpoint_dir must be a folder to write in. Got {shown(folder)}"):
        at_home(folder).mkdir(parents=True, exist_ok=True)
        probe = at_home(folder) / f".{secrets.token_hex(8)}"
        probe.touch()
        probe.unlink()


def fingerprint(values: Any, arrays: Iterable[np.ndarray]) -> str:
    """A name of what a training is made of: the same for the same arrays and JSON values, and for no others."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=lambda number: number.item()).encode())
    for array in arrays:
        digest.update(json.dumps([array.dtype.str, array.shape]).encode())
        array = np.atleast_1d(array)
        for start in range(0, len(array), size := max(1, SLICE_BYTES // max(1, array[:1].nbytes))):
            digest.update(np.ascontiguousarray(array[start : start + size]).data)
            release(array[start : start + size])
    return digest.hexdigest()[:32]


def _fingerprint_of(training: Any) -> str:
    """Of settings, objective, draws, first weights, all data, and a few images as they are made of them."""
    objective, draws = training.objective, training.draws
    few = np.unique(np.linspace(0, objective.n_images - 1, min(objective.n_images, 64)).astype(int))
    drawn = objective.draw(np.random.default_rng(0), len(few))
    values = {
        "settings": asdict(training.settings),
        "n_images": objective.n_images,
        "rows": draws.rows.bit_generator.state,
        "weights": list(weights := weights_of(objective)),
        **objective.identity(),
    }
    arrays = (
        draws.noise.get_state().numpy(),
        *weights.values(),
        *drawn,
        *objective.make(few, *drawn),
        *objective.arrays(),
    )
    return fingerprint(values, arrays)


def _state_of(training: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What another process could go on from: values that JSON holds, and arrays."""
    best, log = training.best, training.log
    values = {
        "n_done": training.n_done,
        "is_over": training.is_over,
        "passes_since": best.passes_since,
        "rows": training.draws.rows.bit_generator.state,
    }
    best_weights = {name: weight.cpu().numpy() for name, weight in best.state.items()}
    arrays = {
        "noise": training.draws.noise.get_state().numpy(),
        "losses": np.array(log.loss_curve),
        "held_out": np.array([best.loss, *log.validation_curve]),
        **_named("module", weights_of(training.objective)),
        **_named("best", best_weights if log.validation_curve else {}),
        **_named("optimizer", memory_of(training.optimizer)),
    }
    return values, arrays


def _go_on(training: Any, values: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Bring a training to where a state was told."""
    best, log = training.best, training.log
    training.n_done, training.is_over = values["n_done"], values["is_over"]
    training.draws.rows.bit_generator.state = values["rows"]
    training.draws.noise.set_state(torch.tensor(arrays["noise"]))
    best.loss, *log.validation_curve = arrays["held_out"].tolist()
    best.passes_since, log.loss_curve = values["passes_since"], arrays["losses"].tolist()
    load_weights(training.objective, _under("module", arrays))
    recall(training.optimizer, _under("optimizer", arrays))
    if log.validation_curve:
        best.state = {name: torch.tensor(weight) for name, weight in _under("best", arrays).items()}


def _named(kind: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{kind}/{name}": array for name, array in arrays.items()}


def _under(kind: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays as they were given to `_named`."""
    return {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{kind}/")}


class Checkpoint:
    """The file that one training goes on from: written whole or not at all.

    Parameters
    ----------
    folder : str or os.PathLike
    name : str
        Its `fingerprint`.
    """

    def __init__(self, folder: str | os.PathLike, name: str) -> None:
        self.name, self.path = name, at_home(folder) / f"{name}.checkpoint"

    def read(self) -> tuple[Any, dict[str, np.ndarray]] | None:
        """What was written last, None where nothing was; ValueError, naming the file, where it is damaged."""
        if not self.path.exists():
            return None
        with one_line(f"The checkpoint {self.path} cannot be gone on from; without it, training starts anew"):
            meta, arrays = read_archive(self.path)
            if meta["objects"][0] != self.name:
                raise ValueError("it is of another training")
            return meta["objects"][1], arrays

    def write(self, values: Any, arrays: Mapping[str, np.ndarray]) -> None:
        """Put values that JSON holds, and arrays, in the place of what was written last."""
        meta = {"versions": {"latentaug": __version__}, "objects": [self.name, values]}
        write_archive(self.path, meta, dict(arrays))

    def write_state(self, training: Any) -> None:
        """Write where a training stands."""
        self.write(*_state_of(training))


def find_checkpoint(training: Any) -> Checkpoint:
    """The file of a `Training`, which goes on from it where it is there."""
    folder = training.around.checkpoint_dir

    def find() -> tuple[Checkpoint, Any]:
        _make_folder(folder)
        checkpoint = Checkpoint(folder, _fingerprint_of(training))
        return checkpoint, checkpoint.read()

    checkpoint, state = training.around.processes.first(find)
    if state is not None:
        _go_on(training, *state)
    return checkpoint


@dataclass(frozen=True, eq=False)
class Stream:
    """What a training on a stream of images goes on from, as numpy arrays that travel.

    Attributes
    ----------
    seed : int
    n_calls : int
        Calls of `partial_fit` so far.
    n_steps : int
        Steps of the optimizer so far.
    memory : dict of str to ndarray
        What the optimizer remembers of them.
    """

    seed: int
    n_calls: int = 0
    n_steps: int = 0
    memory: dict[str, np.ndarray] = field(default_factory=dict)

    def next_seed(self) -> int:
        """Seed of the next call."""
        return int(np.random.SeedSequence([self.seed, self.n_calls]).generate_state(1)[0])

    def after(self, n_steps: int, memory: dict[str, np.ndarray]) -> Stream:
        """The stream after a call that has ended at so many steps, with what the optimizer then remembers."""
        return replace(self, n_calls=self.n_calls + 1, n_steps=n_steps, memory=memory)


def memory_of(optimizer: torch.optim.Optimizer) -> dict[str, np.ndarray]:
    """What an optimizer remembers, as arrays by number of the parameter and name."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        f"{k}.{name}": torch.as_tensor(value).cpu().numpy().copy()
        for k, remembered in state.items()
        for name, value in remembered.items()
    }


def recall(optimizer: torch.optim.Optimizer, memory: dict[str, np.ndarray]) -> None:
    """Give an optimizer a memory, as `memory_of` tells it."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in memory.items():
        k, name = key.split(".")
        whole = value.ndim == 0 and value.dtype.kind in "iu"  # AdaBelief counts its steps in Python
        state.setdefault(int(k), {})[name] = int(value) if whole else torch.tensor(value)
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})

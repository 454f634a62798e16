"""Training on a stream of images: where it stands between two calls, as numpy arrays that travel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

__all__ = ["STREAM_STEPS", "Stream", "memory_of", "recall"]

STREAM_STEPS = 1000  # a stream has no known end: learning rate and divergence are warmed up as in a training so long


@dataclass(frozen=True, eq=False)
class Stream:
    """What a training goes on from.

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

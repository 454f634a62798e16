"""What a training is given and what it leaves behind: settings, optimizers, who looks on, the log."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import nn

from latentaug._validation import check_choice, check_flag, check_number, check_verbosity
from latentaug.checkpoints import check_place
from latentaug.distributed import ALONE, Processes
from latentaug.streams import Stream

__all__ = ["OPTIMIZERS", "SCHEDULES", "TrainingLog", "TrainingSettings", "Watch", "settings_of"]


@dataclass
class TrainingLog:
    """The mean objective of each pass, the held-out one where rows are held out, and where a stream then stands."""

    loss_curve: list[float] = field(default_factory=list)
    validation_curve: list[float] = field(default_factory=list)
    stream: Stream | None = None


class Watch:
    """Who looks on while a network trains, pass by pass; this one only looks."""

    is_awaited = False  # whether another fit, that of a search say, must hear of Ctrl-C

    def begin_pass(self) -> None:
        """A pass begins."""

    def end_pass(self, log: TrainingLog) -> bool:
        """A pass has ended; True to stop here."""
        return False


@dataclass(frozen=True)
class TrainingSettings:
    """The parameters of training, named as in scikit-learn's `MLPRegressor`, see `VAE`; and what surrounds it.

    Two trainings that could end differently on the same data have settings that are written differently.

    Attributes
    ----------
    watch : Watch
    stream : Stream or None
        What a pass over a part of a stream goes on from.
    processes : Processes
    about : str
        The objective, in words.
    """

    optimizer: str = "adam"
    learning_rate: str = "cosine"
    learning_rate_init: float = 4e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float | None = None
    max_iter: int = 20
    batch_size: int = 64
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    tol: float = 1e-4
    verbose: int = field(default=0, repr=False)
    checkpoint_dir: Any = field(default=None, repr=False)
    watch: Watch = field(default_factory=Watch, repr=False)
    stream: Stream | None = field(default=None, repr=False)
    processes: Processes = field(default=ALONE, repr=False)
    about: str = ""


def _adam(parameters: list[nn.Parameter], settings: TrainingSettings) -> torch.optim.Optimizer:
    return torch.optim.Adam(
        parameters,
        lr=settings.learning_rate_init,
        betas=(settings.beta_1, settings.beta_2),
        eps=1e-8 if settings.epsilon is None else settings.epsilon,
        fused=True,
    )


def _adabelief(parameters: list[nn.Parameter], settings: TrainingSettings) -> torch.optim.Optimizer:
    from adabelief_pytorch import AdaBelief

    with contextlib.redirect_stdout(io.StringIO()):  # it announces its defaults
        return AdaBelief(
            parameters,
            lr=settings.learning_rate_init,
            betas=(settings.beta_1, settings.beta_2),
            eps=1e-16 if settings.epsilon is None else settings.epsilon,
            print_change_log=False,
            rectify=False,
        )


OPTIMIZERS = {"adam": _adam, "adabelief": _adabelief}

SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "constant": lambda done: 1.0,
}


BOUNDS: dict[str, dict[str, Any]] = {
    "learning_rate_init": {"low": 0, "above": True},
    "beta_1": {"low": 0, "below": 1},
    "beta_2": {"low": 0, "below": 1},
    "epsilon": {"low": 0, "above": True},
    "max_iter": {"low": 1, "integer": True},
    "batch_size": {"low": 1, "integer": True},
    "validation_fraction": {"low": 0, "below": 1},
    "n_iter_no_change": {"low": 1, "integer": True},
    "tol": {"low": 0},
}

SURROUNDINGS = {"watch", "stream", "processes", "about"}


def settings_of(estimator: Any) -> TrainingSettings:
    """The checked training parameters of an estimator."""
    names = [f.name for f in fields(TrainingSettings) if f.name not in SURROUNDINGS]
    settings = TrainingSettings(**{name: getattr(estimator, name) for name in names})
    check_choice("optimizer", settings.optimizer, OPTIMIZERS)
    check_choice("learning_rate", settings.learning_rate, SCHEDULES)
    check_flag("early_stopping", settings.early_stopping)
    check_verbosity(settings.verbose)
    check_place(settings.checkpoint_dir)
    for parameter, bounds in BOUNDS.items():
        value = getattr(settings, parameter)
        if value is not None or parameter != "epsilon":
            check_number(parameter, value, **bounds)
    return settings

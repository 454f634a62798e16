"""The one training loop of the library."""

from __future__ import annotations

import copy
import logging
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn
from tqdm import tqdm

from latentaug.settings import OPTIMIZERS, SCHEDULES, TrainingLog, TrainingSettings

__all__ = ["Draws", "Lesson", "train"]

logger = logging.getLogger("latentaug")

BLOCK_BYTES = 2**20  # images made at once, for many batches, so that many views cost no more than one


class Lesson(NamedTuple):
    """What is learned, batch by batch. Every array has a row an image.

    Attributes
    ----------
    draw : callable
        From a numpy generator and a number of images to a tuple of arrays: what is drawn for each, such as its view.
    make : callable
        From rows (indices) and what was drawn for them to a tuple of arrays, such as images in the dtype of the data.
    step : callable
        From what was made of a batch, what was drawn, noise (B, noise_dim) and the share of training done to the loss
        to descend and the objective to report, means over the batch.
    image_bytes : int
        What `make` makes of a row.
    noise_dim : int
        Standard normal numbers that a step needs of each image.
    """

    draw: Callable[[np.random.Generator, int], tuple[np.ndarray, ...]]
    make: Callable[..., tuple[np.ndarray, ...]]
    step: Callable[..., tuple[Tensor, Tensor]]
    image_bytes: int
    noise_dim: int = 0


@dataclass
class Draws:
    """The randomness of one training: a numpy generator for rows and views, a torch one for the latents."""

    rows: np.random.Generator
    noise: torch.Generator

    @classmethod
    def from_seed(cls, seed: int, device: torch.device) -> Draws:
        return cls(np.random.default_rng(seed), torch.Generator(device).manual_seed(seed))


def _warmed(schedule: Callable[[float], float], n_steps: int) -> Callable[[int], float]:
    """Learning rate over its initial value after each step, raised over the first hundredth of them."""
    return lambda step: min(1.0, 100 * (step + 1) / n_steps) * schedule(min(step / n_steps, 1.0))


def _hold_out(n_images: int, settings: TrainingSettings, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, and rows held out where training may stop early."""
    if not settings.early_stopping:
        return np.arange(n_images), np.arange(0)
    n_held = max(1, round(settings.validation_fraction * n_images))
    if n_held >= n_images:
        raise ValueError(f"early_stopping holds out {n_held} of {n_images} images, which leaves none to train on.")
    order = draws.rows.permutation(n_images)
    return order[n_held:], order[:n_held]


def _batches(lesson: Lesson, rows: np.ndarray, batch_size: int, draws: Draws) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Size and arrays of every batch, made a block of batches at once: what was made, what was drawn, the noise."""
    size = max(1, BLOCK_BYTES // lesson.image_bytes // batch_size) * batch_size
    for block in np.split(rows, range(size, len(rows), size)):
        drawn = lesson.draw(draws.rows, len(block))
        noise = torch.empty(len(block), lesson.noise_dim, device=draws.noise.device).normal_(generator=draws.noise)
        arrays: tuple[Any, ...] = (*lesson.make(block, *drawn), *drawn, noise)
        for start in range(0, len(block), batch_size):
            batch = tuple(array[start : start + batch_size] for array in arrays)
            yield len(batch[-1]), batch


def _evaluate(lesson: Lesson, rows: np.ndarray, batch_size: int, device: torch.device) -> float:
    """Mean loss of held-out rows, under the same draws every time."""
    total = 0.0
    with torch.no_grad():
        for n, batch in _batches(lesson, rows, batch_size, Draws.from_seed(0, device)):
            total += lesson.step(*batch, 1.0)[1].item() * n
    return total / len(rows)


class _BestWeights:
    """The weights of the pass with the lowest held-out loss, and how long ago that was."""

    def __init__(self, module: nn.Module, settings: TrainingSettings) -> None:
        self.module, self.settings = module, settings
        self.loss, self.state, self.passes_since = math.inf, module.state_dict(), 0

    def see(self, loss: float) -> bool:
        """Take note of a pass; True where training may stop."""
        self.passes_since = 0 if loss < self.loss - self.settings.tol else self.passes_since + 1
        if loss < self.loss:
            self.loss, self.state = loss, copy.deepcopy(self.module.state_dict())
        return self.passes_since >= self.settings.n_iter_no_change

    def restore(self) -> None:
        self.module.load_state_dict(self.state)


class _Engine:
    """One optimizer over one module: what a pass over the data needs."""

    def __init__(self, module: nn.Module, n_steps: int, settings: TrainingSettings) -> None:
        self.parameters, self.n_steps, self.n_done = list(module.parameters()), n_steps, 0
        self.optimizer = OPTIMIZERS[settings.optimizer](self.parameters, settings)
        self.rate = _warmed(SCHEDULES[settings.learning_rate], n_steps)
        self.highest_rate = settings.learning_rate_init

    def descend(self, loss: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1e3)
        for group in self.optimizer.param_groups:
            group["lr"] = self.highest_rate * self.rate(self.n_done)
        self.optimizer.step()
        self.n_done += 1

    def run_pass(self, lesson: Lesson, rows: np.ndarray, batch_size: int, draws: Draws) -> float:
        """Go once over the rows in random order; the mean objective."""
        total = torch.zeros((), dtype=torch.float64, device=draws.noise.device)
        for n, batch in _batches(lesson, draws.rows.permutation(rows), batch_size, draws):
            loss, objective = lesson.step(*batch, self.n_done / self.n_steps)
            self.descend(loss)
            total.add_(objective.detach(), alpha=n)
        return total.item() / len(rows)


def train(
    module: nn.Module, lesson: Lesson, n_images: int, settings: TrainingSettings, draws: Draws, device: torch.device
) -> TrainingLog:
    """Train a module, pass by pass over the images.

    Parameters
    ----------
    module : Module
        Its parameters are trained in place.
    lesson : Lesson
    n_images : int
        A pass goes over all of them once.
    settings : TrainingSettings
    draws : Draws
        The only randomness used.
    device : torch.device

    Returns
    -------
    TrainingLog

    Raises
    ------
    ValueError
        Where the loss is no finite number.

    Warns
    -----
    ConvergenceWarning
        On Ctrl-C after a whole pass, which keeps the model unless a fit around this one must hear of it; and where
        early stopping found no end.
    """
    rows, held_out = _hold_out(n_images, settings, draws)
    n_steps = settings.max_iter * -(-len(rows) // settings.batch_size)
    engine, best, log = (_Engine(module, n_steps, settings), _BestWeights(module, settings), TrainingLog())
    passes = _progress(settings)
    try:
        for _ in passes:
            settings.watch.begin_pass()
            log.loss_curve.append(_finite(engine.run_pass(lesson, rows, settings.batch_size, draws), settings))
            passes.set_postfix(loss=f"{log.loss_curve[-1]:.2f}")
            logger.info("Pass %d of %d: loss %.4g", len(log.loss_curve), settings.max_iter, log.loss_curve[-1])
            if len(held_out):
                log.validation_curve.append(_evaluate(lesson, held_out, settings.batch_size, device))
            stop = settings.watch.end_pass(log)
            if (log.validation_curve and best.see(log.validation_curve[-1])) or stop:
                break
        else:
            _warn_if_unfinished(settings)
    except KeyboardInterrupt:
        if settings.watch.is_awaited or not log.loss_curve:
            raise
        warnings.warn(
            f"Training was interrupted after {len(log.loss_curve)} of {settings.max_iter} passes; "
            "the model is kept as it stands.",
            ConvergenceWarning,
            stacklevel=2,
        )
    finally:
        passes.close()
    if log.validation_curve:
        best.restore()
    return log


def _progress(settings: TrainingSettings) -> tqdm:
    return tqdm(range(settings.max_iter), desc="Training", unit="pass", disable=not settings.verbose)


def _finite(loss: float, settings: TrainingSettings) -> float:
    if not math.isfinite(loss):
        raise ValueError(
            f"Training diverged: the loss is {loss}. Lower learning_rate_init (now {settings.learning_rate_init:g})."
        )
    return loss


def _warn_if_unfinished(settings: TrainingSettings) -> None:
    if settings.early_stopping:
        warnings.warn(
            f"The held-out loss was still falling after max_iter={settings.max_iter} passes.",
            ConvergenceWarning,
            stacklevel=3,
        )

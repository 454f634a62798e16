"""The one training loop of the library."""

from __future__ import annotations

import copy
import logging
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn
from tqdm import tqdm

from latentaug.settings import OPTIMIZERS, SCHEDULES, TrainingLog, TrainingSettings

__all__ = ["Draws", "train"]

logger = logging.getLogger("latentaug")

# From rows, randomness and the share of training done to the loss to descend and the objective to report.
Step = Callable[[np.ndarray, "Draws", float], tuple[Tensor, Tensor]]


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


def _batches(rows: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), batch_size):
        yield rows[start : start + batch_size]


def _evaluate(step: Step, rows: np.ndarray, settings: TrainingSettings, device: torch.device) -> float:
    """Mean loss of held-out rows, under the same draws every time."""
    draws = Draws.from_seed(0, device)
    with torch.no_grad():
        losses = [step(batch, draws, 1.0)[1].item() * len(batch) for batch in _batches(rows, settings.batch_size)]
    return sum(losses) / len(rows)


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
        rate = _warmed(SCHEDULES[settings.learning_rate], n_steps)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, rate)

    def descend(self, loss: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1e3)
        self.optimizer.step()
        self.scheduler.step()
        self.n_done += 1

    def run_pass(self, step: Step, rows: np.ndarray, batch_size: int, draws: Draws) -> float:
        """Go once over the rows in random order; the mean objective."""
        total = 0.0
        for batch in _batches(draws.rows.permutation(rows), batch_size):
            loss, objective = step(batch, draws, self.n_done / self.n_steps)
            self.descend(loss)
            total += objective.item() * len(batch)
        return total / len(rows)


def train(
    module: nn.Module, step: Step, n_images: int, settings: TrainingSettings, draws: Draws, device: torch.device
) -> TrainingLog:
    """Train a module, pass by pass over the images.

    Parameters
    ----------
    module : Module
        Its parameters are trained in place.
    step : callable
        From rows (indices), draws and the share of training done to the mean loss and objective of these images.
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
            log.loss_curve.append(_finite(engine.run_pass(step, rows, settings.batch_size, draws), settings))
            passes.set_postfix(loss=f"{log.loss_curve[-1]:.2f}")
            logger.info("Pass %d of %d: loss %.4g", len(log.loss_curve), settings.max_iter, log.loss_curve[-1])
            if len(held_out):
                log.validation_curve.append(_evaluate(step, held_out, settings, device))
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

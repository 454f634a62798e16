"""The one training loop of the library."""

from __future__ import annotations

import copy
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn
from tqdm import tqdm

from latentaug.border import load_weights, weights_of
from latentaug.checkpoints import Checkpoint, fingerprint, make_folder
from latentaug.lessons import Batch, Draws, Lesson, batches
from latentaug.settings import OPTIMIZERS, SCHEDULES, TrainingLog, TrainingSettings
from latentaug.streams import STREAM_STEPS, Stream, memory_of, recall

__all__ = ["train"]

LONGEST_GRADIENT = 1e3

logger = logging.getLogger("latentaug")


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


def _as_one_vector(parameters: list[nn.Parameter]) -> tuple[nn.Parameter, Tensor]:
    """Weights, and their gradients, as parts of one vector each: the optimizer then takes one step, and not many."""
    weights = nn.Parameter(nn.utils.parameters_to_vector(parameters).detach())
    weights.grad = gradient = torch.zeros_like(weights)
    nn.utils.vector_to_parameters(weights, parameters)
    for p, part in zip(parameters, gradient.split([p.numel() for p in parameters]), strict=True):
        p.grad = part.view_as(p)
    return weights, gradient


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


class _Training:
    """A training as it stands: a module, what its optimizer remembers, the best weights so far, the log."""

    def __init__(self, module: nn.Module, lesson: Lesson, n_images: int, settings: TrainingSettings, draws: Draws):
        self.module, self.lesson, self.settings, self.draws = module, lesson, settings, draws
        self.rows, self.held_out = _hold_out(n_images, settings, draws)
        self.weights, self.gradient = _as_one_vector(list(module.parameters()))
        self.optimizer = OPTIMIZERS[settings.optimizer]([self.weights], settings)
        self.n_steps, self.n_done = settings.max_iter * -(-len(self.rows) // settings.batch_size), 0
        if settings.stream is not None:
            self.n_steps, self.n_done = STREAM_STEPS, settings.stream.n_steps
            recall(self.optimizer, settings.stream.memory)
        self.rate = _warmed(SCHEDULES[settings.learning_rate], self.n_steps)
        self.step = settings.processes.share(module, lesson.step)
        self.best, self.log, self.is_over = _BestWeights(module, settings), TrainingLog(), False

    def run_pass(self) -> None:
        """Go once over the rows in random order, and over those held out."""
        self.log.loss_curve.append(_finite(self._learn(), self.settings))
        if self.settings.processes.rank == 0:
            n_passes, loss = len(self.log.loss_curve), self.log.loss_curve[-1]
            logger.info("Pass %d of %d: loss %.4g", n_passes, self.settings.max_iter, loss)
        if len(self.held_out):
            self.log.validation_curve.append(self._evaluate())
            self.is_over = self.best.see(self.log.validation_curve[-1])
        stop = self.settings.watch.end_pass(self.log)
        self.is_over |= bool(self.settings.processes.sum(np.array(float(bool(stop)))))

    def _batches(self, rows: np.ndarray, draws: Draws) -> Iterator[Batch]:
        return batches(self.lesson, rows, self.settings.batch_size, draws, self.settings.processes)

    def _learn(self) -> float:
        """Descend, batch by batch; the mean objective."""
        total = torch.zeros((), dtype=torch.float64, device=self.draws.noise.device)
        for batch in self._batches(self.draws.rows.permutation(self.rows), self.draws):
            loss, objective = self.step(*batch.arrays, min(1.0, self.n_done / self.n_steps))
            self._descend(loss if batch.weight == 1 else batch.weight * loss)
            total.add_(objective.detach(), alpha=batch.n_images)
        return self._mean(total.item(), self.rows)

    def _descend(self, loss: Tensor) -> None:
        self.gradient.zero_()
        self.settings.processes.backward(loss)
        self.gradient.mul_((LONGEST_GRADIENT / self.gradient.norm()).clamp_(max=1))
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate_init * self.rate(self.n_done)
        self.optimizer.step()
        self.n_done += 1

    def _evaluate(self) -> float:
        """Mean objective of the rows held out, under the same draws every time."""
        total, draws = 0.0, Draws.from_seed(0, self.draws.noise.device)
        with torch.no_grad():
            for batch in self._batches(self.held_out, draws):
                total += self.lesson.step(*batch.arrays, 1.0)[1].item() * batch.n_images
        return self._mean(total, self.held_out)

    def _mean(self, total: float, rows: np.ndarray) -> float:
        """The mean over some rows, from this process's sum."""
        return float(self.settings.processes.sum(np.array(total))) / len(rows)

    def fingerprint(self) -> str:
        """A name of what this training is made of: settings, draws, first weights, a few images as they are made."""
        n_images, draws = len(self.rows) + len(self.held_out), self.draws
        few = np.unique(np.linspace(0, n_images - 1, min(n_images, 64)).astype(int))
        drawn = self.lesson.draw(np.random.default_rng(0), len(few))
        made = self.lesson.make(few, *drawn)
        weights = [part for named in weights_of(self.module).items() for part in named]
        generators = draws.rows.bit_generator.state, draws.noise.get_state().numpy()
        return fingerprint(repr(self.settings), n_images, *generators, *weights, *drawn, *made)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What another process could go on from: values that JSON holds, and arrays."""
        values = {
            "n_done": self.n_done,
            "is_over": self.is_over,
            "passes_since": self.best.passes_since,
            "rows": self.draws.rows.bit_generator.state,
        }
        best = {name: weight.cpu().numpy() for name, weight in self.best.state.items()}
        arrays = {
            "noise": self.draws.noise.get_state().numpy(),
            "losses": np.array(self.log.loss_curve),
            "held_out": np.array([self.best.loss, *self.log.validation_curve]),
            **_named("module", weights_of(self.module)),
            **_named("best", best if self.log.validation_curve else {}),
            **_named("optimizer", memory_of(self.optimizer)),
        }
        return values, arrays

    def go_on_from(self, values: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Stand where a `state` was told."""
        self.n_done, self.is_over = values["n_done"], values["is_over"]
        self.draws.rows.bit_generator.state = values["rows"]
        self.draws.noise.set_state(torch.tensor(arrays["noise"]))
        self.best.loss, *self.log.validation_curve = arrays["held_out"].tolist()
        self.best.passes_since, self.log.loss_curve = values["passes_since"], arrays["losses"].tolist()
        load_weights(self.module, _under("module", arrays))
        recall(self.optimizer, _under("optimizer", arrays))
        if self.log.validation_curve:
            self.best.state = {name: torch.tensor(weight) for name, weight in _under("best", arrays).items()}


def _named(kind: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{kind}/{name}": array for name, array in arrays.items()}


def _under(kind: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays as they were given to `_named`."""
    return {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{kind}/")}


def _checkpoint_of(training: _Training) -> Checkpoint | None:
    """The file of a training, which goes on from it where it is there."""
    folder, processes = training.settings.checkpoint_dir, training.settings.processes
    if folder is None:
        return None

    def find() -> tuple[Checkpoint, Any]:
        make_folder(folder)
        checkpoint = Checkpoint(folder, training.fingerprint())
        return checkpoint, checkpoint.read()

    checkpoint, state = processes.first(find)
    if state is not None:
        training.go_on_from(*state)
    return checkpoint


def train(module: nn.Module, lesson: Lesson, n_images: int, settings: TrainingSettings, draws: Draws) -> TrainingLog:
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

    Returns
    -------
    TrainingLog

    Raises
    ------
    ValueError
        Where the loss is no finite number, and on a `checkpoint_dir` or checkpoint that cannot be used.

    Warns
    -----
    ConvergenceWarning
        On Ctrl-C after a whole pass, which keeps the model unless a fit around this one must hear of it; and where
        early stopping found no end.
    """
    training = _Training(module, lesson, n_images, settings, draws)
    checkpoint, log = _checkpoint_of(training), training.log
    passes = _progress(training)
    try:
        for _ in passes:
            settings.watch.begin_pass()
            training.run_pass()
            passes.set_postfix(loss=f"{log.loss_curve[-1]:.2f}")
            if checkpoint is not None:
                settings.processes.first(lambda: checkpoint.write(*training.state()))
            if training.is_over:
                break
        if not training.is_over:
            _warn_if_unfinished(settings)
    except KeyboardInterrupt:
        if settings.watch.is_awaited or not log.loss_curve or settings.processes.world_size > 1:
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
        training.best.restore()
    if settings.stream is not None:
        log.stream = _stream_after(training, settings.stream)
    return log


def _stream_after(training: _Training, stream: Stream) -> Stream:
    memory = memory_of(training.optimizer)
    return replace(stream, n_calls=stream.n_calls + 1, n_steps=training.n_done, memory=memory)


def _progress(training: _Training) -> tqdm:
    """The passes to come."""
    settings, n_done = training.settings, len(training.log.loss_curve)
    return tqdm(
        range(n_done, n_done if training.is_over else settings.max_iter),
        initial=n_done,
        total=settings.max_iter,
        desc="Training",
        unit="pass",
        disable=not settings.verbose or settings.processes.rank > 0,
    )


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

"""The one training loop of the library: an objective, settings, draws, and what surrounds them."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn
from tqdm.auto import tqdm

from latentaug._checks import check_choice, check_flag, check_number, is_auto
from latentaug._rows import keep_freed_memory
from latentaug.learn.processes import ALONE, Processes
from latentaug.learn.resuming import STREAM_STEPS, Checkpoint, Stream, find_checkpoint, memory_of, recall

__all__ = [
    "FEW", "OPTIMIZERS", "SCHEDULES", "Draws", "Objective", "Surroundings", "TrainingLog", "TrainingSettings", "Watch",
    "passes_over", "settings_of", "train",
]  # fmt: skip

BLOCK_BYTES = 2**20  # images made at once, for many batches, so that many views cost no more than one
LONGEST_GRADIENT = 1e3
BATCH_LAYERS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
ENOUGH, FEWEST, MOST = 60_000, 20, 200  # images shown, and passes
FEW = ENOUGH // FEWEST  # images that are shown more often, and easily learned by heart

logger = logging.getLogger("latentaug")


class Objective(nn.Module):
    """Abstract: what a training descends on. The modules that it trains are its submodules.

    Every array and tensor has a row an image.

    Attributes
    ----------
    n_images : int
        How many a pass goes over.
    image_bytes : int
        What `make` makes of a row.
    noise_dim : int
        Standard normal numbers that `forward` needs of each image.
    """

    n_images: int
    image_bytes: int
    noise_dim = 0

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
        """What is drawn for each of n images, such as its view."""
        return ()

    def settle(self, rows: np.ndarray, *drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        """What was drawn, where it cannot be had of a row something else; the rows are numbers of images."""
        return drawn

    def make(self, rows: np.ndarray, *drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        """What rows (indices) and what was drawn for them make, such as images in the dtype of the data."""
        raise NotImplementedError(f"{type(self).__name__} says what it makes of rows.")

    def forward(self, *batch: Any) -> tuple[Tensor, Tensor]:
        """Loss to descend and objective to report, means over a batch.

        Of what was made, what was drawn, noise (B, noise_dim), and the share of training that is done.
        """
        raise NotImplementedError(f"{type(self).__name__} says what its loss is.")

    def arrays(self) -> Iterator[np.ndarray]:
        """All the data that it is trained on, as it came."""
        return iter(())

    def identity(self) -> dict[str, Any]:
        """What tells this objective from others, beside its weights and images, as JSON holds it."""
        return {"objective": type(self).__name__}


Trained = TypeVar("Trained", bound=Objective)


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
    """The parameters of training, named as in scikit-learn's `MLPRegressor`; see `VAE`."""

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


@dataclass(frozen=True)
class Surroundings:
    """What surrounds a training, and changes nothing of what is learned."""

    processes: Processes = ALONE
    watch: Watch = field(default_factory=Watch)
    stream: Stream | None = None  # what a pass over a part of a stream goes on from
    checkpoint_dir: Any = None
    verbose: int = 0


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


def passes_over(n_images: int) -> int:
    """How many passes train a network on so many images."""
    return min(max(-(-ENOUGH // n_images), FEWEST), MOST)


def settings_of(estimator: Any, n_images: int) -> TrainingSettings:
    """The checked training parameters of an estimator, trained on so many images."""
    settings = TrainingSettings(**{f.name: getattr(estimator, f.name) for f in fields(TrainingSettings)})
    if is_auto(settings.max_iter):
        settings = replace(settings, max_iter=passes_over(n_images))
    check_choice("optimizer", settings.optimizer, OPTIMIZERS)
    if isinstance(settings.learning_rate, float):
        raise ValueError(f"learning_rate is a schedule: {', '.join(SCHEDULES)}. A number is learning_rate_init.")
    check_choice("learning_rate", settings.learning_rate, SCHEDULES)
    check_flag("early_stopping", settings.early_stopping)
    for parameter, bounds in BOUNDS.items():
        value = getattr(settings, parameter)
        if value is not None or parameter != "epsilon":
            check_number(parameter, value, **bounds)
    return settings


@dataclass
class Draws:
    """The randomness of one training: a numpy generator for rows and views, a torch one for the latents."""

    rows: np.random.Generator
    noise: torch.Generator

    @classmethod
    def from_seed(cls, seed: int, device: torch.device) -> Draws:
        return cls(np.random.default_rng(seed), torch.Generator(device).manual_seed(seed))


class _Batch(NamedTuple):
    """The part of a batch that is one process's own: what was made, what was drawn, the noise."""

    n_images: int  # 0 where the batch has too few, and one of another process is made in their place
    weight: float  # of its mean loss, so that the mean over the processes is that over the whole batch
    arrays: tuple[Any, ...]


def _batches(
    objective: Objective, rows: np.ndarray, batch_size: int, draws: Draws, processes: Processes
) -> Iterator[_Batch]:
    """Go once over some rows, images made a block of batches at once.

    Every process draws for every image, so that all draw the same, and makes its own share of each batch.
    """
    size = max(1, BLOCK_BYTES // objective.image_bytes // batch_size) * batch_size
    for block in np.split(rows, range(size, len(rows), size)):
        whole = np.split(np.arange(len(block)), range(batch_size, len(block), batch_size))
        shares = [batch[processes.rank :: processes.world_size] for batch in whole]
        made = [share if len(share) else batch[:1] for share, batch in zip(shares, whole, strict=True)]
        arrays = _arrays(objective, block, np.concatenate(made), draws)
        starts = np.cumsum([0, *map(len, made)])
        for k, share in enumerate(shares):
            weight = len(share) * processes.world_size / len(whole[k])
            yield _Batch(len(share), weight, tuple(array[starts[k] : starts[k + 1]] for array in arrays))


def _arrays(objective: Objective, block: np.ndarray, own: np.ndarray, draws: Draws) -> tuple[Any, ...]:
    """What is made, what is drawn and the noise of a block's own places, drawn for the whole block."""
    drawn = objective.settle(block[own], *(array[own] for array in objective.draw(draws.rows, len(block))))
    noise = torch.empty(len(block), objective.noise_dim, device=draws.noise.device).normal_(generator=draws.noise)
    return (*objective.make(block[own], *drawn), *drawn, noise[torch.from_numpy(own)])


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


class _BatchLayers:
    """The layers of a module that normalise by batches: they need two images, and frozen ones keep what they know."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        layers = [layer for layer in module.modules() if isinstance(layer, BATCH_LAYERS)]
        grads = [[p.requires_grad for p in layer.parameters(recurse=False)] for layer in layers]
        self.frozen = [layer for layer, grad in zip(layers, grads, strict=True) if grad and not any(grad)]
        self.learned = [layer for layer in layers if layer not in self.frozen]

    def learn(self) -> None:
        """Be trained from now on."""
        self.module.train()
        for layer in self.frozen:
            layer.eval()

    def meet(self, n_images: int) -> None:
        """Get ready for a batch of so many images."""
        for layer in self.learned:
            layer.train(n_images > 1)


def _as_one_vector(parameters: list[nn.Parameter]) -> tuple[nn.Parameter, Tensor]:
    """Weights, and their gradients, as parts of one vector each: the optimizer then takes one step, and not many."""
    if not parameters:
        raise ValueError("The network has nothing to train. Allowed: one with weights whose requires_grad is True.")
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


class Training:
    """A training as it stands: an objective, what its optimizer remembers, the best weights so far, the log."""

    def __init__(self, objective: Objective, settings: TrainingSettings, draws: Draws, around: Surroundings) -> None:
        self.objective, self.settings, self.draws, self.around = objective, settings, draws, around
        self.rows, self.held_out = _hold_out(objective.n_images, settings, draws)
        self.layers = _BatchLayers(objective)
        self.weights, self.gradient = _as_one_vector([p for p in objective.parameters() if p.requires_grad])
        self.optimizer = OPTIMIZERS[settings.optimizer]([self.weights], settings)
        self.n_steps, self.n_done = settings.max_iter * -(-len(self.rows) // settings.batch_size), 0
        if around.stream is not None:
            self.n_steps, self.n_done = STREAM_STEPS, around.stream.n_steps
            recall(self.optimizer, around.stream.memory)
        self.rate = _warmed(SCHEDULES[settings.learning_rate], self.n_steps)
        self.shared = around.processes.share(objective)
        self.best, self.log, self.is_over = _BestWeights(objective, settings), TrainingLog(), False

    def run_pass(self) -> None:
        """Go once over the rows in random order, and over those held out."""
        with self._own_generator():
            self.log.loss_curve.append(_finite(self._learn(), self.settings))
        self.around.processes.agree(self.objective)
        if self.around.processes.rank == 0:
            n_passes, loss = len(self.log.loss_curve), self.log.loss_curve[-1]
            logger.info("Pass %d of %d: loss %.4g", n_passes, self.settings.max_iter, loss)
        if len(self.held_out):
            self.log.validation_curve.append(self._evaluate())
            self.is_over = self.best.see(self.log.validation_curve[-1])
        stop = self.around.watch.end_pass(self.log)
        self.is_over |= bool(self.around.processes.sum(np.array(float(bool(stop)))))

    def _batches(self, rows: np.ndarray, draws: Draws) -> Iterator[_Batch]:
        return _batches(self.objective, rows, self.settings.batch_size, draws, self.around.processes)

    @contextlib.contextmanager
    def _own_generator(self) -> Iterator[None]:
        """Layers that draw from torch's global generator, such as dropout, draw by seed, pass and process."""
        device, processes = self.draws.noise.device, self.around.processes
        seed = [self.draws.noise.initial_seed(), self.n_done, processes.rank]
        generators = [torch.default_generator]
        if device.type == "cuda":
            generators.append(torch.cuda.default_generators[device.index or 0])
        states = [generator.get_state() for generator in generators]
        try:
            for generator in generators:
                generator.manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
            yield
        finally:
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)

    def _learn(self) -> float:
        """Descend, batch by batch; the mean objective."""
        total = torch.zeros((), dtype=torch.float64, device=self.draws.noise.device)
        self.layers.learn()
        for batch in self._batches(self.draws.rows.permutation(self.rows), self.draws):
            self.layers.meet(len(batch.arrays[0]))
            loss, reported = self.shared(*batch.arrays, min(1.0, self.n_done / self.n_steps))
            self._descend(loss if batch.weight == 1 else batch.weight * loss)
            total.add_(reported.detach(), alpha=batch.n_images)
        return self._mean(total.item(), self.rows)

    def _descend(self, loss: Tensor) -> None:
        self.gradient.zero_()
        self.around.processes.backward(loss)
        self.gradient.mul_((LONGEST_GRADIENT / self.gradient.norm()).clamp_(max=1))
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate_init * self.rate(self.n_done)
        self.optimizer.step()
        self.n_done += 1

    def _evaluate(self) -> float:
        """Mean objective of the rows held out, under the same draws every time."""
        total, draws = 0.0, Draws.from_seed(0, self.draws.noise.device)
        self.objective.eval()
        with torch.no_grad():
            for batch in self._batches(self.held_out, draws):
                total += self.objective(*batch.arrays, 1.0)[1].item() * batch.n_images
        return self._mean(total, self.held_out)

    def _mean(self, total: float, rows: np.ndarray) -> float:
        """The mean over some rows, from this process's sum."""
        return float(self.around.processes.sum(np.array(total))) / len(rows)


def train(
    objective: Trained, settings: TrainingSettings, draws: Draws, around: Surroundings | None = None
) -> tuple[Trained, TrainingLog]:
    """Train the modules of an objective, pass by pass over its images; it is given back, trained, with the log.

    Parameters
    ----------
    objective : Objective
        Its parameters become parts of one vector, which is trained.
    settings : TrainingSettings
    draws : Draws
        The only randomness used.
    around : Surroundings, optional

    Raises
    ------
    ValueError
        Where the loss is no finite number, and on a `checkpoint_dir` or checkpoint that cannot be used.

    Warns
    -----
    ConvergenceWarning
        Where early stopping found no end, and on Ctrl-C after a whole pass: the model is kept, unless a fit around this
        one must hear of it.
    """
    keep_freed_memory()
    around = Surroundings() if around is None else around
    training = Training(objective, settings, draws, around)
    checkpoint, log = None if around.checkpoint_dir is None else find_checkpoint(training), training.log
    _say_what_was_read(training, checkpoint)
    passes = _progress(training)
    try:
        for _ in passes:
            around.watch.begin_pass()
            training.run_pass()
            passes.set_postfix(loss=f"{log.loss_curve[-1]:.2f}")
            if checkpoint is not None:
                around.processes.first(lambda: checkpoint.write_state(training))
            if training.is_over:
                break
        if settings.early_stopping and not training.is_over:
            unfinished = f"The held-out loss was still falling after max_iter={settings.max_iter} passes."
            warnings.warn(unfinished, ConvergenceWarning, stacklevel=2)
    except KeyboardInterrupt:
        if around.watch.is_awaited or not log.loss_curve or around.processes.world_size > 1:
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
    if around.stream is not None:
        log.stream = around.stream.after(training.n_done, memory_of(training.optimizer))
    return objective, log


def _say_what_was_read(training: Training, checkpoint: Checkpoint | None) -> None:
    """Say that a training goes on from a checkpoint, or was over."""
    n_done, settings, around = len(training.log.loss_curve), training.settings, training.around
    if checkpoint is None or not n_done or around.processes.rank:
        return
    over = training.is_over or n_done >= settings.max_iter
    what = "A finished training was read; nothing is trained" if over else f"Training goes on after {n_done} passes"
    logger.info("%s: %s", what, checkpoint.path)
    if around.verbose:
        tqdm.write(f"{what}: {checkpoint.path}", file=sys.stderr)


def _progress(training: Training) -> tqdm:
    """The passes to come."""
    max_iter, around, n_done = training.settings.max_iter, training.around, len(training.log.loss_curve)
    return tqdm(
        range(n_done, n_done if training.is_over else max_iter),
        initial=n_done,
        total=max_iter,
        desc="Training",
        unit="pass",
        disable=not around.verbose or around.processes.rank > 0,
    )


def _finite(loss: float, settings: TrainingSettings) -> float:
    if not math.isfinite(loss):
        raise ValueError(
            f"Training diverged: the loss is {loss}. Lower learning_rate_init (now {settings.learning_rate_init:g})."
        )
    return loss

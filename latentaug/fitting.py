"""What a fit of a `VAE` is, at once or on a part of a stream: from its parameters to its fitted attributes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from latentaug._callbacks import FitTasks, PassTasks
from latentaug.distributed import draw_shared_seed, join
from latentaug.lessons import Draws
from latentaug.objective import VaeObjective
from latentaug.settings import TrainingLog, TrainingSettings, settings_of
from latentaug.streams import STREAM_STEPS, Stream
from latentaug.views import Views

__all__ = ["fit_network"]


def fit_network(vae: Any, views: Views, stage: Callable[..., TrainingLog], X: Any, y: Any, partial: bool = False):
    """Train the network of a `VAE` on views, by a function of `latentaug.stages`; the estimator, fitted.

    On a part of a stream, `partial`, it goes on from the network that there is.
    """
    vae._check_network()
    settings, processes = settings_of(vae), join(vae)
    seed = draw_shared_seed(vae.random_state, processes)
    if partial:
        settings, seed = _go_on(vae, settings, seed)
    before = getattr(vae, "loss_curve_", []) if partial else []
    vae.format_, vae.image_shape_ = views.format_, views.format_.image_shape
    vae.n_features_in_ = views.format_.n_pixels
    tasks = FitTasks(vae, X, y, max_subtasks=settings.max_iter)
    draws = Draws.from_seed(seed, processes.device)
    network = vae._start_network(draws, processes.device, vae.warm_start or partial)

    watch = PassTasks(tasks, lambda log: _fitted_attributes(copy.deepcopy(network), log, before))
    weights = vae.reconstruction_weight, vae.kl_weight, vae.kl_warmup
    objective = VaeObjective(*weights, vae.format_, processes.device, vae.precision)
    about = repr(replace(objective, device=torch.device(processes.device.type)))
    settings = replace(settings, watch=watch, processes=processes, about=about)
    log = stage(network, views, objective, settings, draws)
    vars(vae).update(_fitted_attributes(network, log, before))
    tasks.end()
    return vae


def _go_on(vae: Any, settings: TrainingSettings, seed: int) -> tuple[TrainingSettings, int]:
    """Settings and seed of a pass over a part of a stream, the first or another."""
    if settings.early_stopping:
        raise ValueError("A stream has no end to stop before. Allowed in partial_fit: early_stopping=False.")
    warm = STREAM_STEPS if hasattr(vae, "network_") else 0
    stream = getattr(vae, "stream_", None) or Stream(seed, n_steps=warm)
    settings = replace(settings, max_iter=1, learning_rate="constant", stream=stream, checkpoint_dir=None)
    return settings, stream.next_seed()


def _fitted_attributes(network: nn.Module, log: TrainingLog, before: list[float]) -> dict[str, Any]:
    """What training leaves on an estimator, after passes that came before."""
    return {
        "network_": network.eval(),
        "device_": next(network.parameters()).device,
        "n_iter_": len(before) + len(log.loss_curve),
        "loss_curve_": [*before, *log.loss_curve],
        "validation_curve_": list(log.validation_curve),
        "stream_": log.stream,
    }

"""The paper in one file, a function a stage, and the joint training that replaces its first two.

Stage 1 trains a VAE on every view (Eq. 5), stage 2 fits the latent maps with the encoder frozen (Eq. 6), stage 3 trains
a new decoder of other views (Eq. 7). Joint training chooses exact maps first and trains the VAE to obey them. The
paper's baseline, a conditional VAE, is told the view instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from latentaug import losses, maps
from latentaug.algebra import Algebra
from latentaug.geometries import (
    GEOMETRIES,
    SOLVERS,
    Pairs,
    represent_group,
)
from latentaug.lessons import Draws, Lesson
from latentaug.moments import Moments
from latentaug.networks import Autoencoder, ViewConditions, ViewMaps
from latentaug.objective import VaeObjective
from latentaug.settings import TrainingLog, TrainingSettings
from latentaug.training import train
from latentaug.views import Composition, Views

__all__ = [
    "CONDITIONINGS", "fit_latent_maps", "train_autoencoder", "train_conditional", "train_head",
    "train_joint",
]  # fmt: skip

SAME_VIEW = 0.2  # share of the draws of joint training that stay in their view


def train_autoencoder(
    network: Autoencoder, views: Views, objective: VaeObjective, settings: TrainingSettings, draws: Draws
) -> TrainingLog:
    """Stage 1: a VAE of every view, Eq. 5. Each draw is an image under a random view."""

    def step(images: np.ndarray, which: np.ndarray, noise: Tensor, done: float) -> tuple[Tensor, Tensor]:
        x = objective.tensor(images)
        return objective(network, x, x, noise, done)

    lesson = Lesson(_draw_views(views), views.mix, step, views.image_bytes, network.latent_dim)
    return train(network, lesson, len(views), settings, draws)


def _draw_views(views: Views) -> Callable[[np.random.Generator, int], tuple[np.ndarray]]:
    """Draw a view for each image."""
    return lambda rng, n: (rng.integers(len(views.compositions), size=n),)


def fit_latent_maps(
    moments: Moments,
    rows: Mapping[Composition, np.ndarray],
    algebra: Algebra,
    geometries: Mapping[str, str],
    solver: str,
    seed: int,
) -> dict[str, maps.LatentMap]:
    """Stage 2: the latent map of each augmentation with the encoder frozen, Eq. 6.

    Parameters
    ----------
    moments : Moments
        Of the latents of the first views that `views_to_fit` names.
    rows : mapping of tuple of str to ndarray of shape (n, d)
        The latents, float32, of those that it names second; row by row the same images.
    algebra : Algebra
    geometries : mapping of str to str
        The constraint on the map of each augmentation, a name in `GEOMETRIES`.
    solver : str
        A name in `SOLVERS`.
    seed : int

    Returns
    -------
    dict of str to ndarray of shape (d, d), or to a nonlinear map
    """
    rho = represent_group(moments, algebra, geometries)
    pairs = Pairs(moments, rows, algebra, rho, SOLVERS[solver], seed)
    return {name: GEOMETRIES[geometry].fit(pairs, name) for name, geometry in geometries.items()}


def train_joint(
    network: Autoencoder,
    views: Views,
    objective: VaeObjective,
    settings: TrainingSettings,
    draws: Draws,
    *,
    latent_maps: ViewMaps,
    n_hubs: int,
) -> TrainingLog:
    """Train encoder, decoder and what is learned of the maps to obey them, by cross-reconstruction.

    Each draw encodes an image under a source view, carries z over by ``inv(L_s) @ L_t``, decodes, and compares with the
    image under the target view; in a fifth of the draws they are the same view.

    Parameters
    ----------
    network : Autoencoder
    views : Views
    objective : VaeObjective
    settings : TrainingSettings
    draws : Draws
    latent_maps : ViewMaps
        Of the same compositions as `views`.
    n_hubs : int
        The first so many views have exact maps; they are one end of every crossing.

    Returns
    -------
    TrainingLog
    """
    latent_maps = latent_maps.to(objective.device)
    crossings = _crossings_of(latent_maps)

    def step(
        x: np.ndarray, y: np.ndarray, source: np.ndarray, target: np.ndarray, noise: Tensor, done: float
    ) -> tuple[Tensor, Tensor]:
        L = crossings(torch.from_numpy(source), torch.from_numpy(target))  # (B, d, d)
        tensors = objective.tensor(x), objective.tensor(y)
        return objective(network, *tensors, noise, done, lambda z: (z.unsqueeze(1) @ L).squeeze(1))

    draw = partial(_draw_crossings, n_views=len(views.compositions), n_hubs=n_hubs)
    lesson = Lesson(draw, views.mix_pairs, step, 2 * views.image_bytes, network.latent_dim)
    modules = nn.ModuleList([network, latent_maps])
    return train(modules, lesson, len(views), settings, draws)


def _crossings_of(latent_maps: ViewMaps) -> Callable[[Tensor, Tensor], Tensor]:
    """From source and target views (B,) to ``inv(L_s) @ L_t`` (B, d, d): a table where no map is learned."""

    def learned(source: Tensor, target: Tensor) -> Tensor:
        L = latent_maps()
        return torch.linalg.inv(L)[source] @ L[target]

    if any(p.requires_grad for p in latent_maps.parameters()):
        return learned
    L = latent_maps()
    table = torch.linalg.inv(L).unsqueeze(1) @ L  # (V, V, d, d)
    return lambda source, target: table[source, target]


def _draw_crossings(rng: np.random.Generator, n: int, n_views: int, n_hubs: int) -> tuple[np.ndarray, np.ndarray]:
    """Source and target view of each draw: some the same view, the others half from a hub and half to one."""
    view, hub = rng.integers(n_views, size=n), rng.integers(n_hubs, size=n)
    same, from_hub = rng.random(n) < SAME_VIEW, rng.random(n) < 0.5
    source = np.where(~same & from_hub, hub, view)
    target = np.where(~same & ~from_hub, hub, view)
    return source, target


def train_head(
    network: Autoencoder,
    views: Views,
    objective: VaeObjective,
    settings: TrainingSettings,
    draws: Draws,
    *,
    latents: np.ndarray,
    carry: Callable[[np.ndarray, np.ndarray], np.ndarray],
    undo: bool,
) -> TrainingLog:
    """Stage 3: a new decoder of other views, from latents that are given and carried to them, Eq. 7.

    To undo, which the paper's heads cannot, an encoder that reads the latents back is trained beside it: it shares no
    weights with the decoder, and each descends on an error of its own.

    Parameters
    ----------
    network : Autoencoder
    views : Views
        The target views.
    objective : VaeObjective
    settings : TrainingSettings
    draws : Draws
    latents : ndarray of shape (n_images, d)
        Latents of the original images, float32.
    carry : callable
        From some of them (B, d) and the number of each one's view (B,) to latents (B, d) carried by the source's maps.
    undo : bool
        Whether to train the encoder.

    Returns
    -------
    TrainingLog
        Of Eq. 7 alone.
    """

    def make(rows: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return *views.mix(rows, which), carry(latents[rows], which)

    def step(
        images: np.ndarray, carried: np.ndarray, which: np.ndarray, noise: Tensor, done: float
    ) -> tuple[Tensor, Tensor]:
        y, z = objective.tensor(images), torch.from_numpy(carried).to(objective.device)
        error = objective.reconstruction_weight * losses.squared_error(objective.decode(network, z), y)
        reading = losses.squared_error(objective.encode(network, y)[0], z) if undo else 0.0
        return error + reading, error

    lesson = Lesson(_draw_views(views), make, step, views.image_bytes)
    return train(network if undo else network.decoder, lesson, len(views), settings, draws)


def train_conditional(
    network: ViewConditions,
    views: Views,
    objective: VaeObjective,
    settings: TrainingSettings,
    draws: Draws,
    draw_views: Callable[..., tuple[np.ndarray, np.ndarray]],
) -> TrainingLog:
    """The baseline, a conditional VAE: encode an image under its own condition, decode it under that of the target."""

    def step(
        x: np.ndarray, y: np.ndarray, source: np.ndarray, target: np.ndarray, noise: Tensor, done: float
    ) -> tuple[Tensor, Tensor]:
        under = _UnderConditions(network, torch.from_numpy(source), torch.from_numpy(target))
        return objective(under, objective.tensor(x), objective.tensor(y), noise, done)

    draw = partial(draw_views, n_views=len(views.compositions))
    lesson = Lesson(draw, views.mix_pairs, step, 2 * views.image_bytes, network.network.latent_dim)
    return train(network, lesson, len(views), settings, draws)


class _UnderConditions(NamedTuple):
    """A conditional autoencoder, told the views of a batch."""

    network: ViewConditions
    source: Tensor
    target: Tensor

    def encoder(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.encode(x, self.source)

    def decoder(self, z: Tensor) -> Tensor:
        return self.network.decode(z, self.target)


def _own_view(rng: np.random.Generator, n: int, n_views: int) -> tuple[np.ndarray, np.ndarray]:
    view = rng.integers(n_views, size=n)
    return view, view


def _any_view(rng: np.random.Generator, n: int, n_views: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.integers(n_views, size=n), rng.integers(n_views, size=n)


CONDITIONINGS = {"traditional": _own_view, "invariant": _any_view}

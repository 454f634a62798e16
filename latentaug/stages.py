"""The paper in one file, a function a stage, and the joint training that replaces its first two.

Stage 1 trains a VAE on every view (Eq. 5), stage 2 fits the latent maps with the encoder frozen (Eq. 6). Joint training
chooses exact maps first and trains the VAE to obey them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor, nn

from latentaug import losses, maps
from latentaug.algebra import Algebra
from latentaug.border import to_tensor
from latentaug.codec import Codec
from latentaug.geometries import GEOMETRIES, Pairs, group_table, make_view_maps
from latentaug.networks import Autoencoder, FreeMap, ViewMaps
from latentaug.training import Draws, TrainingLog, TrainingSettings, train
from latentaug.views import Composition, Views

__all__ = ["METHODS", "SOLVERS", "VaeObjective", "fit_latent_maps", "train_autoencoder", "train_joint"]

SAME_VIEW = 0.2  # share of the draws of joint training that stay in their view


@dataclass(frozen=True)
class VaeObjective:
    """The weights of Eq. 5, that of the divergence rising over a share `kl_warmup` of training; and the device."""

    reconstruction_weight: float
    kl_weight: float
    kl_warmup: float
    device: torch.device

    def __call__(
        self,
        network: Autoencoder,
        x: np.ndarray,
        target: np.ndarray,
        draws: Draws,
        done: float,
        carry: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Encode images, sample z, carry it over to another view, decode, compare with the target.

        Gives the loss to descend, and the objective under its whole weights.
        """
        mean, log_variance = network.encoder(to_tensor(x, self.device))
        noise = torch.empty_like(mean).normal_(generator=draws.noise)
        z = mean + noise * (0.5 * log_variance).exp()
        decoded = network.decoder(z if carry is None else carry(z))
        y = to_tensor(target, self.device)
        error, divergence = losses.vae_terms(decoded, y, mean, log_variance, self.reconstruction_weight, self.kl_weight)
        share = min(1.0, done / self.kl_warmup) if self.kl_warmup else 1.0
        return error + share * divergence, error + divergence


def train_autoencoder(
    network: Autoencoder, views: Views, objective: VaeObjective, settings: TrainingSettings, draws: Draws
) -> TrainingLog:
    """Stage 1: a VAE of every view, Eq. 5. Each draw is an image under a random view."""

    def step(rows: np.ndarray, draws: Draws, done: float) -> tuple[Tensor, Tensor]:
        x = views.mix(rows, draws.rows.integers(len(views.compositions), size=len(rows)))
        return objective(network, x, x, draws, done)

    return train(network, step, len(views), settings, draws, objective.device)


def fit_latent_maps(
    latents: Callable[[Composition], np.ndarray],
    algebra: Algebra,
    geometries: Mapping[str, str],
    solver: str,
    seed: int,
) -> dict[str, np.ndarray]:
    """Stage 2: the latent map of each augmentation with the encoder frozen, Eq. 6.

    Parameters
    ----------
    latents : callable
        From a composition to the latents of that view, (n, d) float64, row by row the same images.
    algebra : Algebra
    geometries : mapping of str to str
        The constraint on the map of each augmentation, a name in `GEOMETRIES`.
    solver : str
        A name in `SOLVERS`.
    seed : int

    Returns
    -------
    dict of str to ndarray of shape (d, d)
    """
    Z = cache(latents)
    table = group_table(algebra, geometries)
    rho = maps.fit_group_maps(np.stack([Z(element) for element in algebra.elements[: len(table)]]), table)
    pairs = Pairs(Z, algebra, rho, partial(SOLVERS[solver], seed=seed))
    return {name: GEOMETRIES[geometry].fit(pairs, name) for name, geometry in geometries.items()}


def train_joint(
    network: Autoencoder,
    latent_maps: ViewMaps,
    views: Views,
    n_hubs: int,
    objective: VaeObjective,
    settings: TrainingSettings,
    draws: Draws,
) -> TrainingLog:
    """Train encoder, decoder and what is learned of the maps to obey them, by cross-reconstruction.

    Each draw encodes an image under a source view, carries z over by ``inv(L_s) @ L_t``, decodes, and compares with the
    image under the target view; in a fifth of the draws they are the same view.

    Parameters
    ----------
    network : Autoencoder
    latent_maps : ViewMaps
        Of the same compositions as `views`.
    views : Views
    n_hubs : int
        The first so many views have exact maps; they are one end of every crossing.
    objective : VaeObjective
    settings : TrainingSettings
    draws : Draws

    Returns
    -------
    TrainingLog
    """
    learned = any(p.requires_grad for p in latent_maps.parameters())
    fixed_crossings = None if learned else latent_maps()

    def step(rows: np.ndarray, draws: Draws, done: float) -> tuple[Tensor, Tensor]:
        source, target = _draw_crossings(draws.rows, len(rows), len(views.compositions), n_hubs)
        x, y = views.mix_pairs(rows, source, target)
        crossings = latent_maps() if fixed_crossings is None else fixed_crossings
        carry = crossings[torch.from_numpy(source), torch.from_numpy(target)]  # (B, d, d)
        return objective(network, x, y, draws, done, lambda z: (z.unsqueeze(1) @ carry).squeeze(1))

    modules = nn.ModuleList([network, latent_maps])
    return train(modules, step, len(views), settings, draws, objective.device)


def _draw_crossings(rng: np.random.Generator, n: int, n_views: int, n_hubs: int) -> tuple[np.ndarray, np.ndarray]:
    """Source and target view of each draw: some the same view, the others half from a hub and half to one."""
    view, hub = rng.integers(n_views, size=n), rng.integers(n_hubs, size=n)
    same, from_hub = rng.random(n) < SAME_VIEW, rng.random(n) < 0.5
    source = np.where(~same & from_hub, hub, view)
    target = np.where(~same & ~from_hub, hub, view)
    return source, target


def fit_staged(
    codec: Codec, views: Views, algebra: Algebra, geometries: Mapping[str, str], solver: str, seed: int
) -> dict[str, np.ndarray]:
    """The paper's method: fit the autoencoder on every view, then the latent maps of each augmentation."""
    codec.fit(views)

    def latents(composition: Composition) -> np.ndarray:
        return np.concatenate([codec.encode(batch) for batch in views.batches(composition)]).astype(np.float64)

    return fit_latent_maps(latents, algebra, geometries, solver, seed)


def fit_joint(
    codec: Codec, views: Views, algebra: Algebra, geometries: Mapping[str, str], solver: str, seed: int
) -> dict[str, np.ndarray]:
    """Joint training: choose exact maps, then fit the VAE, and what is learned of the maps, to obey them."""
    vae, generator = codec.autoencoder, torch.Generator().manual_seed(seed)
    latent_maps = make_view_maps(algebra, geometries, views.compositions, vae.latent_dim, generator)
    vae.fit_views(views, latent_maps, n_hubs=len(group_table(algebra, geometries)))
    matrices = latent_maps.cpu().double().matrices()  # in double, so that the laws hold to its precision
    return {name: L.detach().numpy() for name, L in matrices.items()}


METHODS = {"joint": fit_joint, "staged": fit_staged}


def _solve_lstsq(Z: np.ndarray, Z_aug: np.ndarray, seed: int) -> np.ndarray:
    return maps.fit_free_map(Z, Z_aug)


def _solve_adabelief(Z: np.ndarray, Z_aug: np.ndarray, seed: int) -> np.ndarray:
    """Eq. 6 by gradient, as the paper: AdaBelief at a constant rate of 1e-4, batches of 64, 60 passes."""
    cpu = torch.device("cpu")
    latent_map = FreeMap(Z.shape[1])
    pairs = [torch.from_numpy(np.asarray(rows, dtype=np.float32)) for rows in (Z, Z_aug)]

    def step(rows: np.ndarray, draws: Draws, done: float) -> tuple[Tensor, Tensor]:
        z, z_aug = (tensor[torch.from_numpy(rows)] for tensor in pairs)
        error = losses.squared_error(z @ latent_map(), z_aug)
        return error, error

    settings = TrainingSettings(
        optimizer="adabelief", learning_rate="constant", learning_rate_init=1e-4, max_iter=60, batch_size=64
    )
    train(latent_map, step, len(Z), settings, Draws.from_seed(seed, cpu), cpu)
    return latent_map.weight.detach().double().numpy()


SOLVERS = {"lstsq": _solve_lstsq, "adabelief": _solve_adabelief}

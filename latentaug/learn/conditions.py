"""Conditions and latent maps together: a VAE told the class of an image, and one whose conditions the maps act on."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentaug.augs.views import Views
from latentaug.learn.geometries import ViewMaps
from latentaug.learn.networks import Autoencoder, ViewConditions
from latentaug.learn.objectives import ConditionedReconstruction, CrossReconstruction, Terms

__all__ = ["ClassReconstruction", "EmbeddedConditions", "EmbeddedReconstruction", "shifted"]

UNTOLD = 0.1  # share of the draws that are not told their class


class ClassReconstruction(CrossReconstruction):
    """Joint training of a conditional VAE that is told the class, with the maps of augmentations on top of it.

    A tenth of the draws, and images without a label, are told nothing, which is a condition too.

    Parameters
    ----------
    network, views, terms, latent_maps, n_hubs
        As in `CrossReconstruction`.
    numbers : ndarray of shape (n_images,)
        The number of the class of each image, -1 of one without a label.

    Attributes
    ----------
    network : ViewConditions
        The network given, under no class and under each.
    """

    reconstructs = False  # by encoder and decoder without a condition

    def __init__(
        self, network: Autoencoder, views: Views, terms: Terms, latent_maps: nn.Module, n_hubs: int,
        numbers: np.ndarray,
    ) -> None:  # fmt: skip
        conditions: Any = ViewConditions(network, int(numbers.max()) + 2).to(terms.device)
        super().__init__(conditions, views, terms, latent_maps, n_hubs)
        self.numbers = numbers

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
        """Source and target view of each image, and whether its class is told."""
        return *super().draw(rng, n), (rng.random(n) >= UNTOLD).astype(int)

    def settle(self, rows: np.ndarray, *drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        """Source and target view of each image, and its condition."""
        *views, told = drawn
        return *super().settle(rows, *views), told * (1 + self.numbers[rows])

    def _pairs(self, rows: np.ndarray, *drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        return super()._pairs(rows, *drawn[:2])

    def arrays(self) -> Iterator[np.ndarray]:
        """All images, and their classes."""
        yield from (*super().arrays(), self.numbers)

    def forward(self, x: np.ndarray, y: np.ndarray, *batch: Any) -> tuple[Tensor, Tensor]:
        source, target, condition = map(torch.from_numpy, batch[:3])
        L = self.crossings(source, target)  # (B, d, d)
        posterior, targets = self.encode(self.tensor(x), condition), self.tensor(y)
        carry = partial(self._cross, L=L, strengths=())
        return self.bound(posterior, targets, batch[3], batch[4], carry, [condition])


class EmbeddedConditions(ViewConditions):
    """Conditions made of an embedding of the view: that of the original, (d,), carried by the map of the view.

    The latents stay where they are: it is the embedding alone that augmentations act on.
    """

    def __init__(self, network: Autoencoder, latent_maps: ViewMaps, generator: torch.Generator) -> None:
        nn.Module.__init__(self)
        self.network, self.latent_maps = network, latent_maps
        self.is_variational = network.is_variational
        self.original = nn.Parameter(torch.randn(network.latent_dim, generator=generator))
        self.to_features, self.to_latents = (nn.Parameter(torch.zeros(network.latent_dim, n)) for n in network.shifts)

    def embeddings(self) -> Tensor:
        """Of every view, (V, d)."""
        return self.original @ self.latent_maps()

    @property
    def features(self) -> Tensor:  # type: ignore[override]  # computed, where the other has a weight
        """Shifts of the encoder's last layer, a view each."""
        return self.embeddings() @ self.to_features

    @property
    def latents(self) -> Tensor:  # type: ignore[override]  # so too
        """Shifts of the decoder's first layer, a view each."""
        return self.embeddings() @ self.to_latents

    def weights(self) -> list[np.ndarray]:
        """The embedding of the original (d,), and what makes shifts of one, (d, n) each; float64."""
        found = (self.original, self.to_features, self.to_latents)
        return [weight.detach().cpu().double().numpy() for weight in found]


class EmbeddedReconstruction(ConditionedReconstruction):
    """A conditional VAE of any view to any other, whose conditions are embeddings that latent maps act on.

    Parameters
    ----------
    network, views, terms
        As in `ImageObjective`.
    latent_maps : ViewMaps
        Trained; of the same compositions as `views`.
    seed : int
        Of the embedding of the original.
    """

    def __init__(self, network: Autoencoder, views: Views, terms: Terms, latent_maps: ViewMaps, seed: int) -> None:
        super().__init__(network, views, terms, "invariant")
        conditions = EmbeddedConditions(network, latent_maps, torch.Generator().manual_seed(seed))
        self.network = conditions.to(terms.device)


def shifted(network: Any, features: np.ndarray, latents: np.ndarray) -> Any:
    """A network with shifts of its encoder's last and its decoder's first layer made its own."""
    device = next(network.parameters()).device
    network = copy.deepcopy(network)
    network.fold(*(torch.from_numpy(shift).float().to(device) for shift in (features, latents)))
    return network

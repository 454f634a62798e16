"""What a training goes over: lessons, the randomness they draw on, and the batches that each process makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentaug.distributed import Processes

__all__ = ["Batch", "Draws", "Lesson", "batches"]

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


class Batch(NamedTuple):
    """The part of a batch that is one process's own.

    Attributes
    ----------
    n_images : int
        How many images are its own; 0 where the batch has too few, and one of another is made in their place.
    weight : float
        Of its mean loss, so that the mean over the processes is that over the whole batch.
    arrays : tuple
        What was made, what was drawn, the noise.
    """

    n_images: int
    weight: float
    arrays: tuple[Any, ...]


def batches(lesson: Lesson, rows: np.ndarray, batch_size: int, draws: Draws, processes: Processes) -> Iterator[Batch]:
    """Go once over some rows, images made a block of batches at once.

    Every process draws for every image, so that all draw the same, and makes its own share of each batch.
    """
    size = max(1, BLOCK_BYTES // lesson.image_bytes // batch_size) * batch_size
    for block in np.split(rows, range(size, len(rows), size)):
        whole = np.split(np.arange(len(block)), range(batch_size, len(block), batch_size))
        shares = [batch[processes.rank :: processes.world_size] for batch in whole]
        made = [share if len(share) else batch[:1] for share, batch in zip(shares, whole, strict=True)]
        arrays = _arrays(lesson, block, np.concatenate(made), draws)
        starts = np.cumsum([0, *map(len, made)])
        for k, share in enumerate(shares):
            weight = len(share) * processes.world_size / len(whole[k])
            yield Batch(len(share), weight, tuple(array[starts[k] : starts[k + 1]] for array in arrays))


def _arrays(lesson: Lesson, block: np.ndarray, own: np.ndarray, draws: Draws) -> tuple[Any, ...]:
    """What is made, what is drawn and the noise of a block's own places, drawn for the whole block."""
    drawn = [array[own] for array in lesson.draw(draws.rows, len(block))]
    noise = torch.empty(len(block), lesson.noise_dim, device=draws.noise.device).normal_(generator=draws.noise)
    return (*lesson.make(block[own], *drawn), *drawn, noise[torch.from_numpy(own)])

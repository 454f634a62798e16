"""What transformers with a torch network share: its first weights, and its travel as numpy arrays."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.base import BaseEstimator, TransformerMixin

from latentaug.border import find_device, load_weights, weights_of
from latentaug.networks import initialise
from latentaug.training import Draws

__all__ = ["TorchTransformer"]


class TorchTransformer(TransformerMixin, BaseEstimator):
    """Abstract transformer with a torch module `network_` on `device_`, made by `_build_network`.

    It pickles to numpy arrays, and is put on the device that its parameter `device` finds where it is loaded.
    """

    device: Any
    warm_start: bool
    network_: Any

    def _build_network(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} says what its network is.")

    def _start_network(self, draws: Draws, device: torch.device) -> Any:
        """A new network, with the weights of the last fit on a warm start."""
        network = self._build_network()
        if self.warm_start and hasattr(self, "network_"):
            load_weights(network, weights_of(self.network_))
        else:
            initialise(network, torch.Generator().manual_seed(draws.noise.initial_seed()))
        return network.to(device)

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "network_" in state:  # weights travel as numpy arrays, to any device
            state["network_"] = weights_of(self.network_)
            del state["device_"]
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "network_" in state:
            network = self._build_network()
            load_weights(network, state["network_"])
            self.device_ = find_device(self.device)
            self.network_ = network.eval().to(self.device_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

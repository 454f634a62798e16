"""Weights and gradients as one vector, which the training loop descends on."""

import copy

import pytest
import torch

from latentaug.learn.networks import build, initialise
from latentaug.learn.objectives import squared_error
from latentaug.learn.training import OPTIMIZERS, TrainingSettings, _as_one_vector


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_weights_learn_as_one_vector_what_they_learn_one_by_one(optimizer):
    parts, whole = build((9, 7), 3, (2, 3)), build((9, 7), 3, (2, 3))
    for network in (parts, whole):
        initialise(network, torch.Generator().manual_seed(0))
    first = copy.deepcopy(parts)
    weights, _ = _as_one_vector(list(whole.parameters()))
    x = torch.rand(4, 1, 9, 7, generator=torch.Generator().manual_seed(1))
    for network, learned in ((parts, list(parts.parameters())), (whole, [weights])):
        descent = OPTIMIZERS[optimizer](learned, TrainingSettings())
        for _ in range(3):
            descent.zero_grad(set_to_none=False)
            squared_error(network.decoder(network.encoder(x)[0]), x).backward()
            descent.step()
    parts, whole, first = (torch.cat([p.flatten() for p in n.parameters()]) for n in (parts, whole, first))
    assert torch.allclose(parts, whole, atol=1e-6)
    assert not torch.allclose(parts, first, atol=1e-3)

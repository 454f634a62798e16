"""The one training loop: weights as one vector, gradients of a bounded length."""

import copy

import pytest
import torch

from latentaug.learn.networks import build, initialise
from latentaug.learn.objectives import squared_error
from latentaug.learn.training import (
    LONGEST_GRADIENT,
    OPTIMIZERS,
    Draws,
    Lesson,
    TrainingSettings,
    _as_one_vector,
    _Training,
)


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


@pytest.mark.parametrize("scale", [1e-3, 1e3, 1e9])
def test_a_gradient_that_blows_up_is_shortened(scale):
    module, draws = torch.nn.Linear(4, 3), Draws.from_seed(0, torch.device("cpu"))
    training = _Training(module, Lesson(None, None, None, 1), 10, TrainingSettings(), draws)
    training._descend(scale * module(torch.ones(2, 4)).sum())
    length = scale * (3 * (4 * 2**2 + 2**2)) ** 0.5
    assert training.gradient.norm().item() == pytest.approx(min(length, LONGEST_GRADIENT), rel=1e-4)

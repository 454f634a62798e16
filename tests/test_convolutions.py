"""The convolutions of stride two compute what torch's do, and so do their gradients."""

import pytest
import torch

from latentaug.learn.networks import Downsampling, Upsampling
from latentaug.learn.objectives import PRECISIONS


class Elsewhere(torch.Tensor):
    """A tensor that says it is on no CPU, so that layers compute it as they would on a GPU."""

    is_cpu = property(lambda self: False)


PLACES = {"cpu": torch.Tensor, "elsewhere": Elsewhere}
TOLERANCES = {"32": 1e-5, "bf16-mixed": 0.03}


def outcome(layer, x, kind, place=torch.Tensor):
    """Output of a layer in some precision, and the gradients of the sum of its cubes."""
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=kind == "bf16-mixed"):
        y = layer(x.as_subclass(place)).as_subclass(torch.Tensor).double()
    return [y.detach(), *torch.autograd.grad((y**3).sum(), [x, layer.weight, layer.bias])]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("kind", PRECISIONS)
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (0, 1)])
@pytest.mark.parametrize("channels", [1, 3, 16, 17])
def test_convolutions_are_torchs_own_both_ways_and_in_every_place(padding, channels, kind, place):
    torch.manual_seed(0)
    fine, coarse = torch.randn(3, channels, 9 + padding[0], 13 + padding[1]), torch.randn(3, 8, 5, 7)
    up = {"stride": 2, "padding": 2, "output_padding": padding}
    for x, ours, theirs in [
        (fine, Downsampling(channels, 8), torch.nn.Conv2d(channels, 8, 5, stride=2, padding=2)),
        (coarse, Upsampling(8, channels, padding), torch.nn.ConvTranspose2d(8, channels, 5, **up)),
    ]:
        theirs.load_state_dict(ours.state_dict())
        for got, expected in zip(outcome(ours, x, kind, place), outcome(theirs, x, "32"), strict=True):
            assert torch.allclose(got.double(), expected.double(), atol=TOLERANCES[kind] * expected.abs().max().item())
    coarse = coarse.as_subclass(place)
    assert torch.equal(ours.move(coarse) + ours.bias[:, None, None], ours(coarse))


def test_the_places_differ(monkeypatch):
    """A layer told that it is elsewhere leaves the CPU's own convolutions alone."""
    monkeypatch.delattr("latentaug.learn.networks._Down")
    monkeypatch.delattr("latentaug.learn.networks._Up")
    x = torch.randn(2, 3, 8, 8)
    for layer in (Downsampling(3, 4), Upsampling(3, 4, (1, 1))):
        assert torch.isfinite(layer(x.as_subclass(Elsewhere))).all()
        with pytest.raises(NameError):
            layer(x)

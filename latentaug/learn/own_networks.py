"""Networks of one's own as autoencoders: a module with `encoder` and `decoder`, or what makes one."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from latentaug._checks import check_kind, one_line, shown, unknown_name
from latentaug.learn.networks import CLOSEST, KINDS, Autoencoder, build

__all__ = ["Network", "OwnNetwork", "SavedNetwork", "check_network", "make_network", "networks_by_name"]

ALLOWED = f"auto, {', '.join(KINDS)}, a module with encoder and decoder, or what makes one of (image_shape, latent_dim)"
SURE = -20.0  # log-variance of the posteriors of an encoder that gives none


class Network:
    """What makes a network, with parameters of its own, which a search finds as ``network__width``.

    Parameters
    ----------
    build : callable
        A function, or a class of modules, called as ``build(image_shape, latent_dim, **parameters)``, where
        `image_shape` is ``(H, W, C)``.
    **parameters
        What it takes beside them.

    Examples
    --------
    >>> from torch import nn
    >>> from latentaug import VAE, Network
    >>> class Narrow(nn.Module):
    ...     def __init__(self, image_shape, latent_dim, width=8):
    ...         super().__init__()
    ...         height, columns, channels = image_shape
    ...         pixels = height * columns * channels
    ...         layers = nn.Linear(pixels, width), nn.ReLU(), nn.Linear(width, latent_dim)
    ...         self.encoder = nn.Sequential(nn.Flatten(), *layers)
    ...         self.decoder = nn.Sequential(nn.Linear(latent_dim, width), nn.ReLU(), nn.Linear(width, pixels))
    >>> VAE(4, network=Network(Narrow, width=12)).get_params()["network__width"]
    12
    """

    def __init__(self, build: Callable[..., Any], **parameters: Any) -> None:
        self.build, self.parameters = build, parameters

    def __call__(self, image_shape: Sequence[int], latent_dim: int) -> nn.Module:
        return self.build(image_shape, latent_dim, **self.parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Its parameters, and `build`, by name."""
        return {"build": self.build, **self.parameters}

    def set_params(self, **parameters: Any) -> Network:
        """Set parameters that it has, or that `build` takes."""
        self.build = parameters.pop("build", self.build)
        takes = list(inspect.signature(self.build).parameters.values())
        anything = any(p.kind is p.VAR_KEYWORD for p in takes)
        allowed = {p.name for p in takes[2:] if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)} | {*self.parameters}
        for name in parameters:
            if name not in allowed and (not anything or name in [p.name for p in takes[:2]]):
                raise unknown_name("parameter of the network", name, sorted(allowed) or ["none"])
        self.parameters = {**self.parameters, **parameters}  # a copy keeps those that it had
        return self

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self.parameters.items())
        return f"Network({getattr(self.build, '__name__', self.build)}{given})"


class _Encoder(nn.Module):
    """The encoder of a network of one's own: mean and log-variance (B, d) of images (B, C, H, W)."""

    def __init__(self, network: OwnNetwork) -> None:
        super().__init__()
        self._of = (network,)  # which holds the weights

    def forward(self, x: Tensor, shift: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
        network = self._of[0]
        out: Any = network.module.encoder(x)
        mean, log_variance = out if network.is_variational else (out, torch.full_like(out, SURE))
        shifts = (network.features + shift).chunk(2, dim=-1)
        return mean + shifts[0], (log_variance + shifts[1]).clamp(-20, 10)

    def requires_grad_(self, requires_grad: bool = True) -> _Encoder:
        encoder, decoder = (getattr(self._of[0].module, part) for part in ("encoder", "decoder"))
        if isinstance(encoder, nn.Module):
            shared = {id(p) for p in decoder.parameters()} if isinstance(decoder, nn.Module) else set()
            for p in encoder.parameters():
                if id(p) not in shared:
                    p.requires_grad_(requires_grad)
        return self


class _Decoder(nn.Module):
    """The decoder of a network of one's own: images (B, C, H, W) of latent rows."""

    def __init__(self, network: OwnNetwork) -> None:
        super().__init__()
        self._of = (network,)

    def forward(self, z: Tensor, shift: Tensor | None = None) -> Tensor:
        network = self._of[0]
        z = z + network.latents
        out: Any = network.module.decoder(z if shift is None else z + shift)
        height, width, channels = network.architecture[1]
        in_rows = out.ndim == 2 and out.shape[1] == channels * height * width
        return out.unflatten(1, (channels, height, width)) if in_rows else out


class OwnNetwork(nn.Module):
    """A network of one's own as an autoencoder of images (H, W, C).

    Parameters
    ----------
    module : Module
        With `encoder`, from images (B, C, H, W) in [0, 1] to the mean and the log-variance of their posteriors, (B, d)
        each, or to the mean alone, and `decoder`, from latent rows to images or to their pixels in one row.
    image_shape : tuple of int
    latent_dim : int
    """

    module: Any
    features: Tensor
    latents: Tensor

    def __init__(self, module: nn.Module, image_shape: Sequence[int], latent_dim: int) -> None:
        super().__init__()
        self.module, self.latent_dim, self.is_variational = module, latent_dim, True
        self.architecture: tuple[Any, ...] = "own", tuple(image_shape), latent_dim, ()
        self.shifts, self.poses = (2 * latent_dim, latent_dim), None
        self.encoder, self.decoder = _Encoder(self), _Decoder(self)
        self.register_buffer("features", torch.zeros(2 * latent_dim))  # of a condition
        self.register_buffer("latents", torch.zeros(latent_dim))

    def try_out(self) -> OwnNetwork:
        """Encode and decode two images, so that shapes that disagree are told before training, and lazy layers know."""
        _, (height, width, channels), d, _ = self.architecture
        x = torch.rand(2, channels, height, width)
        was = {part: part.training for part in self.module.modules()}
        self.module.eval()
        with torch.no_grad(), one_line("The network does not encode and decode two images"):
            out: Any = self.module.encoder(x)
            self.is_variational = isinstance(out, (tuple, list))
            parts = out if self.is_variational else (out,)
            if self.is_variational and len(parts) != 2:
                raise ValueError(f"the encoder must give a mean, or mean and log-variance. Got {len(parts)} things")
            for what, part in zip(("mean", "log-variance"), parts, strict=False):
                _check_shape(f"encoder's {what}", part, (2, d), f"latent_dim={d}")
            images = self.decoder(torch.zeros(2, d))
            _check_shape("decoder", images, x.shape, "images (B, C, H, W)")
        for part, training in was.items():
            part.training = training
        return self

    def logits(self, z: Tensor, shift: Tensor | None = None) -> Tensor:
        """Logits of the decoded images of latent rows, a little inside (0, 1)."""
        return torch.logit(self.decoder(z, shift).float(), eps=CLOSEST)

    def fold(self, features: Tensor, latents: Tensor) -> None:
        """Make the shifts of a condition its own."""
        with torch.no_grad():
            self.features.add_(features)
            self.latents.add_(latents)


def _check_shape(what: str, got: Any, wanted: Sequence[int], because: str) -> None:
    if not isinstance(got, Tensor) or tuple(got.shape) != tuple(wanted):
        came = tuple(got.shape) if isinstance(got, Tensor) else shown(got)
        raise ValueError(f"the {what} must be {tuple(wanted)}, since {because}. Got {came}")


def check_network(network: Any, widths: Any) -> None:
    """Refuse a parameter `network` that nothing is made of, and widths beside a network of one's own."""
    if isinstance(network, str):
        if network not in ("auto", *KINDS):
            raise ValueError(f"Unknown network {shown(network)}. Allowed: {ALLOWED}.")
        return
    if not callable(network):
        raise TypeError(f"network must be {ALLOWED}. Got {shown(network)}.")
    if widths is not None:
        raise ValueError("hidden_channels are widths of a network by name. Allowed beside one's own: None.")


def make_network(
    network: Any, image_shape: Sequence[int], latent_dim: int, widths: Sequence[int] | None, seed: int
) -> Autoencoder | OwnNetwork:
    """Make a network of images ``(H, W)`` or ``(H, W, C)``: one by name is not yet filled, one's own is as it comes.

    Parameters
    ----------
    network : str, Module or callable
        A name in `KINDS`, "auto", a module, which is copied, or what makes one of ``(H, W, C)`` and `latent_dim`.
    image_shape : tuple of int
    latent_dim : int
    widths : tuple of int or None
        Of hidden layers of one by name; None: those that it chooses.
    seed : int
        Of torch's global generator while one's own is made; it is put back.

    Raises
    ------
    ValueError, TypeError
        Where no module comes of it, or one that does not encode and decode images of this shape.
    """
    if isinstance(network, str):
        return build(image_shape, latent_dim, widths, network)
    shape = (*image_shape, 1)[:3]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        with one_line("The network cannot be made"):
            module = copy.deepcopy(network) if isinstance(network, nn.Module) else network(shape, latent_dim)
        if not isinstance(module, nn.Module) or not all(hasattr(module, part) for part in ("encoder", "decoder")):
            raise TypeError(f"network must give a module with encoder and decoder. Got {shown(module)}.")
        _check_weights(module)
        return OwnNetwork(module.cpu(), shape, latent_dim).try_out()


def _check_weights(module: nn.Module) -> None:
    """Refuse weights other than float32, which one vector cannot hold, or files."""
    for name, weight in (*module.named_parameters(), *module.named_buffers()):
        if weight.dtype != torch.float32 and (weight.dtype.is_floating_point or weight.requires_grad):
            raise TypeError(
                f"The network must have weights of float32: network.float(). Got {weight.dtype} for {name}."
            )


class SavedNetwork(NamedTuple):
    """What a file knows of a network of one's own beside its weights: how to ask for what made it, and what of.

    Attributes
    ----------
    name, qualname : str
        Of the function or class.
    parameters : dict of str to object, or None
        The plain ones of a `Network`.
    others : tuple of str
        Names of those that are not in the file.
    """

    name: str
    qualname: str
    parameters: dict[str, Any] | None
    others: tuple[str, ...]

    @classmethod
    def of(cls, network: Any) -> SavedNetwork:
        given = network.parameters if isinstance(network, Network) else None
        build = network if given is None else network.build
        maker = build if hasattr(build, "__qualname__") else type(build)
        plain = {name: value for name, value in (given or {}).items() if _is_data(value)}
        others = tuple(name for name in given or {} if name not in plain)
        return cls(maker.__name__, f"{maker.__module__}:{maker.__qualname__}", given and plain, others)

    def found(self, network: Any) -> Any:
        """The network again, by the one given: what makes it is its own, and plain parameters are the file's."""
        if self.parameters is None or isinstance(network, nn.Module):
            return network
        build, given = (network.build, network.parameters) if isinstance(network, Network) else (network, {})
        if lost := [name for name in self.others if name not in given]:
            how = f"network=Network({self.name}, {lost[0]}=...)"
            raise ValueError(f"the file has no {', '.join(lost)} of the network. Allowed: {how}")
        return Network(build, **{**given, **self.parameters})


def _is_data(value: Any) -> bool:
    """Whether a parameter is plain, or made of what is."""
    plain = isinstance(value, (type(None), bool, int, float, str, np.generic))
    return plain or (type(value) in (list, tuple) and all(map(_is_data, value)))


def networks_by_name(network: Any, wanted: Mapping[str, str], path: Any) -> Mapping[str, Any]:
    """The networks given for those that a file wants; ValueError where one is missing or not needed."""
    given: Mapping[str, Any] = network if isinstance(network, Mapping) else {}
    if network is not None and not isinstance(network, Mapping):
        given = dict.fromkeys(wanted if len(wanted) == 1 else ["network"], network)
    for name, one in given.items():
        check_kind(name, one, Callable, "a Network, a module, or what makes one")
    if given and not wanted:
        raise ValueError(f"{path} holds no network of one's own. Allowed: network=None.")
    for name, qualname in wanted.items():
        if name not in given:
            how = f"network={name}" if len(wanted) == 1 else f"network={{{', '.join(f'{w!r}: ...' for w in wanted)}}}"
            raise ValueError(
                f"{path} has the weights of a network of one's own, {name} ({qualname}), but not what makes it. "
                f"Allowed: load(path, {how})."
            )
    for name in (name for name in given if name not in wanted):
        raise unknown_name("network", name, sorted(wanted), "Saved with a network of one's own")
    return given

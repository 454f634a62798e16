"""Trained networks out of the library: programs of plain operations, compared with the library before they are written.

A program takes and gives what the model does, batches of any size: float32 images in the layout and on the range of the
training data, or latent rows. Its weights are folded, so that nothing in it is of latentaug.
"""

from __future__ import annotations

import copy
import importlib.util
import io
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

from latentaug._checks import check_choice, check_path, one_line, unknown_name
from latentaug._files import write_whole
from latentaug._version import __version__
from latentaug.images import ImageFormat
from latentaug.latent.maps import ResidualNetwork
from latentaug.learn.coding import coder_of, plain_torch
from latentaug.learn.networks import Dense, Downsampling, Maps, SoftClip, Upsampling

__all__ = ["PARTS", "Program", "export"]

PARTS = {"whole": (True, True), "encode": (True, False), "decode": (False, True)}
CLOSE, ELSEWHERE = 1e-5, 1e-3  # of the range of what is given out: where the library is on the CPU, and not
ILL = 100.0  # condition number of a latent map from which it is carried in float64
OLDEST = "2.7"  # torch whose exporters are these
BATCHES = 1, 5  # tried before a program is written


Runner = Callable[[np.ndarray], np.ndarray]


class _Maps(nn.Module):
    """Rows as maps, of a batch whose size no program knows."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.shape = layer.shape

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, self.shape).movedim(-1, 1)


class _SoftClip(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        u = (2 * x - 1).clamp(-1e4, 1e4)
        return (u * (u**8 + 1).rsqrt().sqrt().sqrt() + 1) / 2


def _with_weights(plain: Any, layer: Any) -> nn.Module:
    plain.weight, plain.bias = nn.Parameter(layer.effective().detach()), layer.bias
    return plain


# The same layers of torch's own operations, their normalised weights folded.
PLAIN: dict[type[nn.Module], Callable[[Any], nn.Module]] = {
    Dense: lambda layer: _with_weights(nn.Linear(layer.in_features, layer.out_features), layer),
    Downsampling: lambda layer: _with_weights(
        nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding), layer
    ),
    Upsampling: lambda layer: _with_weights(
        nn.ConvTranspose2d(
            layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding, layer.output_padding
        ),
        layer,
    ),
    Maps: _Maps,
    SoftClip: lambda layer: _SoftClip(),
}


def _plain(network: nn.Module) -> Any:
    """A copy of a network on the CPU, its layers those of torch."""
    network = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) in PLAIN:
                setattr(parent, name, PLAIN[type(layer)](layer).requires_grad_(False))
    return network


class _Affine(nn.Module):
    """``Z @ L + b``: in float32, or in float64 where rounding would be magnified."""

    L: Tensor
    b: Tensor

    def __init__(self, L: np.ndarray, b: np.ndarray) -> None:
        super().__init__()
        dtype = torch.float32 if np.linalg.cond(L) < ILL else torch.float64
        for name, numbers in (("L", L), ("b", b)):
            self.register_buffer(name, torch.tensor(numbers, dtype=dtype))

    def forward(self, z: Tensor) -> Tensor:
        return (z.to(self.L.dtype) @ self.L + self.b).float()


class _Move(nn.Module):
    """An element of a group that encoders are averaged over: where pixels come from, and its latents carried back."""

    index: Tensor

    def __init__(self, index: np.ndarray, back: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("index", torch.tensor(index))
        self.back = _Affine(back, np.zeros(len(back)))


class _Residual(nn.Module):
    """``Z @ L + tanh(Z @ W_1 + b_1) @ W_2 + b_2``."""

    def __init__(self, network: ResidualNetwork) -> None:
        super().__init__()
        for name in ("L", "W_1", "b_1", "W_2", "b_2"):
            self.register_buffer(name, torch.tensor(getattr(network, name), dtype=torch.float32))

    def forward(self, z: Tensor) -> Tensor:
        own: Any = self
        return z @ own.L + torch.tanh(z @ own.W_1 + own.b_1) @ own.W_2 + own.b_2


class Program(nn.Module):
    """Images to latent rows, carried over, and to images, or a part of that.

    Parameters
    ----------
    reader, writer : codec or None
        What encodes, and what decodes, as a model does; None where latents are given, or wanted.
    carriers : sequence of (L, b) or ResidualNetwork
        What carries latents over, the first first.
    shape : tuple of int
        Of what stands for an image in a batch: ``(H, W)``, ``(H, W, C)`` or ``(n_features,)``.
    """

    def __init__(self, reader: Any, carriers: Sequence[Any], writer: Any, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.reader, self.writer = reader, writer
        coders = [coder_of(codec.autoencoder) if codec else None for codec in (reader, writer)]
        self.encoding, self.decoding = (_plain(coder.network) if coder else nn.Identity() for coder in coders)
        self.ranges = [coder.format_.value_range if coder else (0.0, 1.0) for coder in coders]
        self.moves = nn.ModuleList(_Move(*move) for move in getattr(reader, "moves", list)())
        self.carrying = nn.Sequential(*(_Affine(*c) if isinstance(c, tuple) else _Residual(c) for c in carriers))
        coder: Any = coders[0] or coders[1]
        self.close = CLOSE if coder.device.type == "cpu" else ELSEWHERE
        height, width, *channels = coder.format_.image_shape
        self.ends = "images" if reader else "latents", "decoded" if writer else "encoded"
        self.maps, self.shape, self.latent_dim = (height, width, *(channels or [1])), shape, coder.latent_dim

    def forward(self, given: Tensor) -> Tensor:
        z = given if self.reader is None else self._encode(given)
        z = self.carrying(z)
        return z if self.writer is None else self._decode(z)

    def _encode(self, images: Tensor) -> Tensor:
        low, high = self.ranges[0]
        network: Any = self.encoding
        moves: Any = self.moves
        rows = (images if (low, high) == (0.0, 1.0) else (images - low) / ((high - low) or 1.0)).flatten(1)

        def look(rows: Tensor) -> Tensor:
            return network.encoder(rows.unflatten(1, self.maps).movedim(-1, 1))[0]

        if not len(moves):
            return look(rows)
        return torch.stack([move.back(look(rows[:, move.index])) for move in moves]).mean(0)

    def _decode(self, z: Tensor) -> Tensor:
        low, high = self.ranges[1]
        network: Any = self.decoding
        images = network.decoder(z).movedim(1, -1).flatten(1)
        images = images if (low, high) == (0.0, 1.0) else low + images * (high - low)
        return images.clamp(low, high).unflatten(1, self.shape)

    def draw(self, n: int) -> np.ndarray:
        """Something to try it on: noise on the range of the training data, or latents from the prior."""
        rng = np.random.default_rng(n)
        if self.reader is None:
            return rng.standard_normal((n, self.latent_dim)).astype(np.float32)
        return rng.uniform(*self.ranges[0], size=(n, *self.shape)).astype(np.float32)

    def expected(self, given: np.ndarray, carry: Runner) -> np.ndarray:
        """What the library makes of that."""
        if self.reader is not None:
            given = self.reader.encode(self.reader.format_.layout(given, flat=False))
        Z = carry(given)
        return Z if self.writer is None else self.writer.decode(Z, flat=self.writer.format_.flat)


def _to_torch(traced: Any, ends: tuple[str, str], told: Mapping[str, str]) -> tuple[bytes, Runner]:
    with io.BytesIO() as file:
        torch.export.save(traced, file, extra_files={f"{name}.json": text for name, text in told.items()})
        content = file.getvalue()
    module = torch.export.load(io.BytesIO(content)).module()
    return content, lambda given: module(torch.from_numpy(given)).numpy()


def _to_onnx(traced: Any, ends: tuple[str, str], told: Mapping[str, str]) -> tuple[bytes, Runner]:
    import onnx
    import onnxruntime

    with redirect_stdout(io.StringIO()):
        written: Any = torch.onnx.export(traced, (), input_names=[ends[0]], output_names=[ends[1]], dynamo=True)
    model = written.model_proto
    _name_batch(model.graph)
    onnx.helper.set_model_props(model, dict(told))
    content = model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return content, lambda given: session.run(None, {ends[0]: given})[0]


def _name_batch(graph: Any) -> None:
    """Call the size of a batch n, where torch has numbered it."""
    numbered = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*graph.input, *graph.output, *graph.value_info):
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param == numbered:
                size.dim_param = "n"


class Format(NamedTuple):
    """How a program is written, and what that needs."""

    make: Callable[[Any, tuple[str, str], Mapping[str, str]], tuple[bytes, Runner]]
    needs: tuple[str, ...] = ()


FORMATS = {"onnx": Format(_to_onnx, ("onnx", "onnxruntime", "onnxscript")), "torch": Format(_to_torch)}
SUFFIXES = {".onnx": "onnx", ".pt2": "torch"}


def export(
    path: Any,
    what: str,
    format: str | None,
    codecs: tuple[Any, Any],
    carriers: Sequence[Any],
    carry: Runner,
    about: Mapping[str, Any],
) -> None:
    """Write a model as a program, whole or not at all, once it gives what the library does.

    Parameters
    ----------
    path : str or os.PathLike
    what : {"whole", "encode", "decode"}
    format : {"onnx", "torch"} or None
        By the suffix of `path` if None.
    codecs : (codec, codec)
        That which encodes, and that which decodes.
    carriers : sequence of (L, b) or ResidualNetwork
        What carries latents over, the first first.
    carry : callable
        The library's own way to do so.
    about : dict of str to data
        Written into the file, beside what is told of the images.

    Raises
    ------
    ValueError
        Where torch or the format cannot take the network, or where the results differ.
    ImportError
        Where what a format needs is not installed.
    """
    check_choice("what", what, PARTS)
    path = check_path(path)
    format = _find_format(path, format)
    pairs = zip(codecs, PARTS[what], ("encode", "decode"), strict=True)
    reader, writer = (_checked(codec, verb) if wanted else None for codec, wanted, verb in pairs)
    if reader is not None and reader.autoencoder.refine_steps:
        steps = reader.autoencoder.refine_steps
        raise ValueError(f"An exported model refines nothing. Allowed: refine_steps=0. Got {steps}.")
    format_: ImageFormat = codecs[0].format_
    program = Program(reader, carriers, writer, (format_.n_pixels,) if format_.flat else format_.image_shape)
    told = {**about, **_told(what, program, format_)}
    with plain_torch(), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content, run = _made(format, program, {name: json.dumps(value) for name, value in told.items()})
        for n in BATCHES:
            _compare(program, run, carry, n)
    write_whole(path, content)


def _check_torch() -> None:
    found = torch.__version__.split("+")[0]
    if tuple(map(int, found.split(".")[:2])) < tuple(map(int, OLDEST.split("."))):
        raise ImportError(f"An export needs torch {OLDEST} or newer. Got {found}.")


def _find_format(path: Path, format: Any) -> str:
    """The name of a format: as given, or by the suffix of a path."""
    if format is not None:
        check_choice("format", format, FORMATS)
    elif path.suffix not in SUFFIXES:
        raise unknown_name("suffix", path.suffix, [*SUFFIXES, "any beside format='onnx' or format='torch'"])
    return format or SUFFIXES[path.suffix]


def _checked(codec: Any, verb: str) -> Any:
    if coder_of(codec.autoencoder) is None:
        kind = type(codec.autoencoder).__name__
        raise TypeError(f"Only a VAE is exported, to {verb} by its network. Got {kind}.")
    return codec


def _told(what: str, program: Program, format_: ImageFormat) -> dict[str, Any]:
    """What a file says of itself."""
    return {
        "latentaug": __version__,
        "what": what,
        "input": program.ends[0],
        "output": program.ends[1],
        "image_shape": list(format_.image_shape),
        "layout": "rows" if format_.flat else "NHWC"[: len(format_.image_shape) + 1],
        "value_range": list(format_.value_range),
        "latent_dim": program.latent_dim,
    }


def _made(format: str, program: Program, told: Mapping[str, str]) -> tuple[bytes, Runner]:
    """The content of a file, and what runs it."""
    _check_torch()
    with one_line("The network cannot be exported"):
        example = torch.from_numpy(program.draw(BATCHES[-1]))
        sizes = {"given": {0: Dim("n", min=1)}}
        traced = torch.export.export(program.eval(), (example,), dynamic_shapes=sizes, strict=False)
    for name in FORMATS[format].needs:
        if importlib.util.find_spec(name) is None:
            raise ImportError(f"{format} needs {name}: pip install latentaug[export].")
    with one_line(f"The network cannot be written as {format}"):
        return FORMATS[format].make(traced, program.ends, told)


def _compare(program: Program, run: Runner, carry: Runner, n: int) -> None:
    """Refuse a program that gives other numbers than the library."""
    given = program.draw(n)
    with one_line(f"The exported model does not run on a batch of {n}"):
        made, wanted = run(given), program.expected(given, carry)
    size = max(1.0, float(np.abs(wanted).max()))
    apart = float(np.abs(made - wanted).max()) / size if made.shape == wanted.shape else np.inf
    if not apart <= program.close:
        raise ValueError(
            f"The exported model gives other {program.ends[1]} than the library, and was not written: {apart:.2g} "
            f"apart on a batch of {n}, of {program.close:g} allowed."
        )

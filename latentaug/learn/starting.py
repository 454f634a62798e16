"""Where a training starts: the linear path of an autoencoder, as good as a linear autoencoder can be.

With nothing to carry that is principal component analysis. Where latents are carried from one view to another by maps,
it is the nearest to it that obeys them, found by subspace iteration. Where latents are a content and a pose, it is
principal component analysis of the originals, one path a pose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor, nn

__all__ = [
    "FromPose", "LinearCode", "Pairs", "ToPose", "is_better_posed", "likeness_by_frequency", "linear_code",
    "posed_code", "principal_axes", "variances_by_frequency", "variances_by_part",
]  # fmt: skip

ITERATIONS = 60
WIDER = 4  # times as many principal components as latent coordinates are looked at
LEAST = 1e-6  # share of the variance that a direction needs
RIDGE = 0.01  # of the mean variance, where poses are read
HELD_OUT = 5  # one image of so many
CLEARLY = 0.95  # of the error of parts, which layers gain more on, is what a pose has to stay below
PAIRED, ROOM = 2000, 2**24  # pairs that a code of parts is made of, of whose maps there is room
MOST_STEPS = 1000  # of non-negative least squares, which takes about as many as there are columns
SURE = 6.0  # by how much a pose speaks for itself, and against the next one


class Poses(nn.Module):
    """How near latent coordinates are to each pose, (B, k) to shares (B, G) that sum to one."""

    def __init__(self, poses: Tensor) -> None:
        super().__init__()
        self.poses = nn.Buffer(poses)

    def forward(self, p: Tensor) -> Tensor:
        likeness = self.poses @ self.poses[0]
        apart = likeness[0] - likeness[1:].max()
        return torch.softmax(p @ self.poses.T * (SURE / apart), 1)


class ToPose(Poses):
    """A pose, and a content as each pose would have it, (B, k + G m), to the content and the pose, (B, m + k)."""

    def forward(self, y: Tensor) -> Tensor:
        n_poses, k = self.poses.shape
        p, contents = y[:, :k], y[:, k:].unflatten(1, (n_poses, -1))
        return torch.cat([(super().forward(p).unsqueeze(1) @ contents).squeeze(1), p], 1)


class FromPose(Poses):
    """A content and a pose, (B, m + k), to the content, and one, in its pose and zero in the others, (B, G (m + 1))."""

    def forward(self, z: Tensor) -> Tensor:
        m = z.shape[1] - self.poses.shape[1]
        shares = super().forward(z[:, m:])
        content = torch.cat([z[:, :m], torch.ones_like(z[:, :1])], 1)
        return (shares.unsqueeze(2) * content.unsqueeze(1)).flatten(1)


class Pairs(NamedTuple):
    """Images x and y (B, pixels) and the maps (B, d, d) that carry the latents of one to those of the other."""

    x: Tensor
    y: Tensor
    carry: Tensor | None = None  # the identity


class LinearCode(NamedTuple):
    """Latents ``x @ encode + shift`` of unit variance, and images ``mean + z @ decode``."""

    encode: Tensor
    shift: Tensor
    decode: Tensor
    mean: Tensor


def linear_code(pairs: Pairs, latent_dim: int, generator: torch.Generator) -> LinearCode:
    """The linear autoencoder of least squared error, nearly, among those that obey the maps."""
    images = torch.cat([pairs.x, pairs.y]) if pairs.carry is not None else pairs.x
    mean = images.mean(0)
    axes, S = principal_axes(images - mean, WIDER * latent_dim if pairs.carry is not None else latent_dim)
    E = torch.randn(S.shape[1], latent_dim, dtype=S.dtype, generator=generator)
    carry = None if pairs.carry is None else (pairs.carry.double(), torch.linalg.inv(pairs.carry.double()))
    for _ in range(2 if carry is None else ITERATIONS):
        Z = _whitened(_agreed(S @ E, carry))
        E = S.T @ Z / len(Z)
    E, B = torch.linalg.lstsq(S, Z).solution, torch.linalg.lstsq(Z, S).solution
    encode = (axes @ E).float()
    return LinearCode(encode, -mean @ encode, (B @ axes.T).float(), mean)


def posed_code(orbit: Sequence[Tensor], poses: Tensor, latent_dim: int) -> LinearCode:
    """The code of content and pose: a pose (k), and the content (d - k) as each pose would have it, in one row.

    Parameters
    ----------
    orbit : sequence of Tensor of shape (n, pixels)
        The same images under each element of a group, themselves the first.
    poses : Tensor of shape (N, k)
        What is read under each.
    latent_dim : int
        d.
    """
    n = latent_dim - poses.shape[1]
    content = torch.zeros(len(orbit[0]), n, dtype=torch.float64)
    _, scores = principal_axes(orbit[0] - orbit[0].mean(0), n)
    content[:, n - scores.shape[1] :] = scores / scores.square().mean(0).sqrt()
    some = torch.cat([x[k :: len(orbit)] for k, x in enumerate(orbit)])
    mean = some.mean(0)
    axes, _ = principal_axes(some - mean, WIDER * latent_dim)
    read = axes @ _reader(torch.stack([(x - mean).double() @ axes for x in orbit]), poses)
    encode, shift, decode = [read], [-mean.double() @ read], list[Tensor]()
    for x in orbit:
        mean = x.mean(0)
        axes, S = principal_axes(x - mean, WIDER * latent_dim)
        E, D = torch.linalg.lstsq(S, content).solution, torch.linalg.pinv(content) @ S
        encode, shift = [*encode, axes @ E], [*shift, -mean.double() @ axes @ E]
        decode += [D @ axes.T, mean.double()[None]]
    nothing = torch.zeros_like(mean)
    return LinearCode(torch.cat(encode, 1).float(), torch.cat(shift).float(), torch.cat(decode).float(), nothing)


def _reader(orbit: Tensor, poses: Tensor) -> Tensor:
    """What reads the poses (N, k) off the scores (N, n, m) of images under each element."""
    X = orbit.flatten(0, 1)
    moments, targets = X.T @ X / len(X), poses.double().repeat_interleave(orbit.shape[1], 0)
    ridge = RIDGE * moments.diagonal().mean() * torch.eye(len(moments), dtype=X.dtype)
    return torch.linalg.solve(moments + ridge, X.T @ targets / len(X))


def variances_by_part(orbit: Tensor, cayley_table: np.ndarray, irreps: Sequence[np.ndarray]) -> list[np.ndarray]:
    """How much images vary in the part of each irreducible representation, falling, a coordinate of each copy.

    The moments of an image and of what an element makes of it, averaged by the character, are those of the part.

    Parameters
    ----------
    orbit : Tensor of shape (N, n, m)
        Principal scores of images under each element of the group; NaN where there is none.
    cayley_table : ndarray of shape (N, N)
    irreps : list of ndarray of shape (N, k, k)
    """
    found = list[np.ndarray]()
    for L, part in zip(irreps, _moments_by_part(orbit, cayley_table, irreps), strict=True):
        k = len(L[0])
        variances = torch.linalg.eigvalsh(part).flip(0).clamp_min(0).numpy()
        found.append(variances[: len(variances) // k * k].reshape(-1, k).mean(1))
    return found


def variances_by_frequency(path: Tensor, is_circle: bool) -> list[np.ndarray]:
    """How much images vary by each frequency of a strength, falling: along a coordinate of each plane, 0 of each one.

    The frequencies are whole around a circle, and half turns along a line, as a cosine transform has them.

    Parameters
    ----------
    path : Tensor of shape (n_strengths, n, m)
        Principal scores of the same images at strengths spread evenly.
    is_circle : bool
    """
    path = path - path.mean((0, 1))
    n, kept = len(path), len(path) // 2
    if is_circle:
        waves = torch.fft.fft(torch.eye(n, dtype=path.dtype))[:kept] / n
    else:
        places = (torch.arange(n, dtype=path.dtype) + 0.5) / n
        waves = (torch.pi * torch.arange(kept)[:, None] * places).cos() / n
        waves = waves.to(torch.complex128)
    moments = [c.mH @ c / len(c) for c in torch.tensordot(waves, path.to(waves.dtype), 1)]
    return [torch.linalg.eigvalsh(M).flip(0).clamp_min(0).numpy() for M in moments]


def likeness_by_frequency(scores: Tensor, turns: np.ndarray, n_frequencies: int) -> np.ndarray:
    """How alike images and what strengths make of them are, as a sum of waves along the strength: the share of each.

    Fitted by non-negative least squares: likeness is a sum of waves with the squares of what turns by each.

    Parameters
    ----------
    scores : Tensor of shape (V, n, m)
        Principal scores of the originals and of their views; NaN where an image has none.
    turns : ndarray of shape (V, n)
        By how much the lowest wave turns from an original to each: radians.
    n_frequencies : int
        Of 0, 1, 2, ... at most; fewer where strengths do not tell so many.
    """
    there = ~scores[:, :, 0].isnan()
    scores = scores - scores[there].mean(0)
    likeness = torch.einsum("nm,vnm->vn", scores[0], scores)[there].numpy()
    phases = turns[there.numpy()]
    told = len(np.unique(np.cos(phases).round(6)))
    waves = np.cos(phases[:, None] * np.arange(max(2, min(n_frequencies, told))))
    return nnls(waves, likeness, maxiter=MOST_STEPS)[0]


def _moments_by_part(orbit: Tensor, cayley_table: np.ndarray, irreps: Sequence[np.ndarray]) -> list[Tensor]:
    """Second moments (m, m) of the part of each representation."""
    known = ~orbit[:, :, 0].isnan()
    X = (orbit - orbit[known].mean(0)).nan_to_num()
    table, elements = cayley_table.tolist(), range(len(orbit))
    moments = []
    for g in elements:
        there = torch.stack([known[h] & known[table[h][g]] for h in elements])
        products = torch.stack([X[h].T @ X[table[h][g]] for h in elements])
        moments.append(products.sum(0) / there.sum().clamp_min(1))
    parts = [torch.tensordot(_character(L), torch.stack(moments), 1) for L in irreps]
    return [(part + part.T) / 2 for part in parts]


def _character(L: np.ndarray) -> Tensor:
    """The weights (N,) of what the elements make of an image, that sum to its part of an irreducible representation."""
    characters = np.trace(L, axis1=1, axis2=2)
    return torch.from_numpy(characters * len(L[0]) / np.mean(characters**2) / len(L))


def is_better_posed(orbit: Tensor, parts: np.ndarray, posed: np.ndarray, poses: Tensor) -> bool:
    """Whether a linear code of content and pose carries images held out better than one of parts, between all views.

    Parameters
    ----------
    orbit : Tensor of shape (N, n, m)
        Principal scores of images under each element of a group, themselves the first; NaN where there is none.
    parts, posed : ndarray of shape (N, d, d)
        Representations of the group, one of parts and one of a content and a pose.
    poses : Tensor of shape (N, k)
        Where a pose stands under each element.
    """
    if orbit.isnan().any():
        return False
    orbit, poses = orbit.float(), poses.float()
    held_out = torch.arange(orbit.shape[1]) % HELD_OUT == 0
    train, test, d = orbit[:, ~held_out], orbit[:, held_out], len(parts[0])
    n, rng = min(PAIRED, ROOM // d**2), np.random.default_rng(0)
    rows, source, target = (rng.integers(size, size=n) for size in (train.shape[1], len(orbit), len(orbit)))
    L = torch.from_numpy(parts).float()
    inverse = torch.linalg.inv(L)
    pairs = Pairs(train[source, rows], train[target, rows], inverse[source] @ L[target])
    by_parts, by_pose = linear_code(pairs, d, torch.Generator().manual_seed(0)), posed_code(list(train), poses, d)
    lost = [
        _lost(test, parts, by_parts, nn.Identity(), nn.Identity()),
        _lost(test, posed, by_pose, ToPose(poses), FromPose(poses)),
    ]
    return lost[1] < CLEARLY * lost[0]


def _lost(orbit: Tensor, rho: np.ndarray, code: LinearCode, read: nn.Module, place: nn.Module) -> float:
    """Squared error of images (N, n, m) encoded, carried from each view to each, and decoded."""
    L, lost = torch.from_numpy(rho).float(), 0.0
    upright = torch.stack([read(x @ code.encode + code.shift) for x in orbit]) @ torch.linalg.inv(L)
    for x, there in zip(orbit, L, strict=True):
        made = place((upright @ there).flatten(0, 1)) @ code.decode + code.mean
        lost += float((made.unflatten(0, orbit.shape[:2]) - x).square().sum())
    return lost


def principal_axes(images: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Directions (pixels, n) of most variance, and the scores of centred images, float64; fewer where there are not."""
    if len(images) > images.shape[1]:
        variances, axes = torch.linalg.eigh((images.T @ images).double())
    else:
        variances, scores = torch.linalg.eigh((images @ images.T).double())
        axes = images.T.double() @ scores / variances.clamp_min(LEAST * variances[-1]).sqrt()
    kept = axes[:, -n:][:, variances[-n:] > LEAST * variances[-1].clamp_min(LEAST)]
    return kept, images.double() @ kept


def _agreed(Z: Tensor, carry: tuple[Tensor, Tensor] | None) -> Tensor:
    """Latents of x and of y, each the mean of its own and of those carried from the other: maps, and their inverses."""
    if carry is None:
        return Z
    Z_x, Z_y = Z.chunk(2)
    there, back = ((part[:, None] @ L).squeeze(1) for part, L in zip((Z_x, Z_y), carry, strict=True))
    return torch.cat([Z_x + back, Z_y + there]) / 2


def _whitened(Z: Tensor) -> Tensor:
    """Latents of unit covariance."""
    variances, axes = torch.linalg.eigh(Z.T @ Z / len(Z))
    floor = LEAST * variances[-1].clamp_min(LEAST)
    return Z @ (axes / variances.clamp_min(floor).sqrt()) @ axes.T

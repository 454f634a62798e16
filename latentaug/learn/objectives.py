"""The paper in one file, an objective a stage, and the joint training that replaces its first two.

Stage 1 trains a VAE on every view (`Reconstruction`, Eq. 5), stage 2 fits latent maps with the encoder frozen
(`MapFitting`, Eq. 6; in closed form where there is one), stage 3 trains a new decoder of other views (`HeadDecoding`,
Eq. 7). Joint training chooses exact maps first and trains the VAE to obey them (`CrossReconstruction`). The paper's
baseline, a conditional VAE, is told the view instead (`ConditionedReconstruction`).

Images are compared by a loss of `RECONSTRUCTION_LOSSES`, summed over the pixels of an image; latents by their squared
error, summed over coordinates. Both are averaged over the batch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentaug.augs.steps import Composition, powers
from latentaug.augs.strengths import RandomStrengths
from latentaug.augs.views import Views
from latentaug.images import ImageFormat, spread
from latentaug.learn.coding import to_unit_tensor
from latentaug.learn.networks import CLOSEST, Autoencoder, ViewConditions, start_beside
from latentaug.learn.starting import Pairs, linear_code, posed_code, principal_axes
from latentaug.learn.training import Objective

__all__ = [
    "CONDITIONINGS", "PRECISIONS", "RECONSTRUCTION_LOSSES", "ConditionedReconstruction", "CrossReconstruction",
    "HeadDecoding", "ImageLoss", "ImageObjective", "MapFitting", "Reconstruction", "Terms", "divergence",
    "lost_by_mean", "principal_scores", "squared_error", "start_path",
]  # fmt: skip

LOOKED_AT = 1024  # images, before training
SAID_BY, COMPONENTS_OF, ROOM = 8192, 1000, 2**25  # views that say what maps are made of, of whose pixels there is room
STARTED_FROM, MOVED = 1000, 8000  # images, by a linear path; latents moved by strengths, each by a map of its own
SAME_VIEW, SAME_MOVED = 0.2, 0.1  # share of joint draws that stay in their view; where a family moves images
ALONE = 0.1  # share of the images that are encoded by themselves, where the others are with their orbit

PRECISIONS = {"32": torch.float32, "bf16-mixed": torch.bfloat16}


def images_of(network: Any, z: Tensor, *condition: Tensor) -> Tensor:
    """Decoded images."""
    return network.decoder(z, *condition)


def logits_of(network: Any, z: Tensor, *condition: Tensor) -> Tensor:
    """Logits of decoded images: the network's own where it has `logits`, else those of its images, a little inside."""
    if hasattr(network, "logits"):
        return network.logits(z, *condition)
    return _logit(network.decoder(z, *condition))


def _logit(images: Tensor) -> Tensor:
    """Logits of pixels, a little inside (0, 1)."""
    return torch.logit(images.float(), eps=CLOSEST)


@dataclass(frozen=True)
class ImageLoss:
    """How far decoded images are from images in [0, 1], in float32, whatever the network computes in.

    Called, it gives the sum over the pixels of an image, averaged over the batch; `by_image` gives that of each.

    Attributes
    ----------
    by_pixel : callable
        A loss of torch, that takes outputs, targets and a `reduction`.
    unit : str
        Of what is summed over pixels.
    meaning : str
        A sentence.
    link : callable
        From images to what is compared with images.
    output : callable
        From a network, latent rows and what else its decoder takes to what is compared with images.
    """

    by_pixel: Callable[..., Tensor]
    unit: str
    meaning: str
    link: Callable[[Tensor], Tensor] = torch.Tensor.float
    output: Callable[..., Tensor] = images_of

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return self.by_pixel(output.float(), target, reduction="sum") / len(output)

    def by_image(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each image, summed over its pixels: (B,)."""
        return self.by_pixel(output.float(), target, reduction="none").flatten(1).sum(1)


squared_error = ImageLoss(
    functional.mse_loss,
    "squared error",
    "Minus the log-likelihood of normal pixels of variance 1/2, up to a constant. At best it is 0.",
)
RECONSTRUCTION_LOSSES = {
    "squared_error": squared_error,
    "bce": ImageLoss(
        functional.binary_cross_entropy_with_logits,
        "binary cross-entropy in nats",
        "Minus the log-likelihood of black and white pixels. At best it is the entropy of grey ones.",
        _logit,
        logits_of,
    ),
    "l1": ImageLoss(
        functional.l1_loss,
        "absolute error",
        "Minus the log-likelihood of Laplace pixels of scale 1, up to a constant. At best it is 0.",
    ),
}


def lost_by_mean(views: Views, reconstruction_loss: str) -> float:
    """What the mean image loses of some images that it stands for, beyond what they lose of themselves."""
    x = to_unit_tensor(views.take(spread(len(views), LOOKED_AT), ()), views.format_, torch.device("cpu"))
    loss = RECONSTRUCTION_LOSSES[reconstruction_loss]
    lost = loss.by_image(loss.link(x.mean(0)).expand_as(x), x) - loss.by_image(loss.link(x), x)
    return float(lost.mean())


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """``KL(N(mean, variance) || N(0, I))`` in nats, by latent coordinate: (B, d)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


@dataclass(frozen=True)
class Terms:
    """What the objectives of images share: the weights of their terms, the images' format, where and how to compute."""

    reconstruction_weight: float
    kl_weight: float
    kl_warmup: float  # share of training over which the weight of the divergence rises
    format_: ImageFormat
    device: torch.device
    precision: str = "32"  # of the arithmetic inside the network
    reconstruction_loss: str = "squared_error"  # a name in `RECONSTRUCTION_LOSSES`
    mixup: float = 0.0  # greatest share of another image in those that stages 1 and 2 at once, or 1, train on


class ImageObjective(Objective):
    """Abstract: an objective on views of images, encoded and decoded by a network.

    Parameters
    ----------
    network : Module
        Trained; with `latent_dim`, `encoder` and `decoder`.
    views : Views
    terms : Terms

    Attributes
    ----------
    reconstructs : bool
        Whether encoder and decoder, one after the other, are trained to give its images back, and are judged by it.
    poses : Tensor of shape (G, k) or None
        What the last latent coordinates are under each element of a group, where the others are a content.
    """

    reconstructs = False

    def __init__(self, network: Any, views: Views, terms: Terms) -> None:
        super().__init__()
        self.network, self.views, self.terms = network, views, terms
        self.loss = RECONSTRUCTION_LOSSES[terms.reconstruction_loss]
        self.n_images, self.image_bytes = len(views), views.image_bytes
        self.mixes = terms.mixup > 0 and self.reconstructs
        self.noise_dim = network.latent_dim + self.mixes
        self.moving = RandomStrengths(views) if views.families else None
        self.poses: Tensor | None = None

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
        """A view for each image, and its strengths where there are families."""
        which = rng.integers(len(self.views.compositions), size=n)
        return (which,) if self.moving is None else (which, self.moving.draw(rng, which))

    def settle(self, rows: np.ndarray, *drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        """Views that the images have partners in, and the strengths of those that have any."""
        n_views = len(drawn) if self.moving is None else len(drawn) // 2
        views = tuple(self.views.settle(rows, which) for which in drawn[:n_views])
        if self.moving is None:
            return views
        return *views, *(self.moving.has[which] * s for which, s in zip(views, drawn[n_views:], strict=True))

    def make(self, rows: np.ndarray, *drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        """Images under the views drawn."""
        return self.views.mix(rows, *drawn) if self.moving is None else (self.moving.mix(rows, *drawn),)

    def tensor(self, images: np.ndarray) -> Tensor:
        """Images of any dtype as a network takes them, float32 in [0, 1]."""
        return to_unit_tensor(images, self.terms.format_, self.terms.device)

    def mixed(self, chance: Tensor, alike: np.ndarray, *images: Tensor) -> list[Tensor]:
        """Images with a share of others drawn alike (B,), by standard normal numbers (B,): mixup (arXiv 1710.09412)."""
        order = np.argsort(alike, kind="stable")
        partner = np.arange(len(order))
        same = alike[order] == alike[np.roll(order, 1)]
        partner[order[same]] = np.roll(order, 1)[same]
        share = self.terms.mixup * torch.special.ndtr(chance)
        return [torch.lerp(x, x[partner], share.view(-1, *[1] * (x.ndim - 1))) for x in images]

    def encode(self, x: Tensor, *condition: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the posteriors of images, computed in the precision."""
        with self._arithmetic():
            mean, log_variance = self.network.encoder(x, *condition)
        return mean.float(), log_variance.float()

    def error(self, z: Tensor, target: Tensor, *condition: Tensor, weights: Tensor | None = None) -> Tensor:
        """The reconstruction loss under its weight, of latent rows, decoded in the precision, and target images.

        Each image has a weight of its own, (B,), where there are `weights`.
        """
        with self._arithmetic():
            output = self.loss.output(self.network, z, *condition)
        if weights is None:
            return self.terms.reconstruction_weight * self.loss(output, target)
        return self.terms.reconstruction_weight * (weights.to(z) @ self.loss.by_image(output, target)) / len(z)

    def _arithmetic(self) -> torch.autocast:
        dtype = PRECISIONS[self.terms.precision]
        return torch.autocast(self.terms.device.type, dtype, enabled=dtype != torch.float32)

    def bound(
        self, posterior: tuple[Tensor, Tensor], target: Tensor, noise: Tensor, done: float,
        carry: Callable[[Tensor], Tensor] | None = None, condition: Sequence[Tensor] = (),
        weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Eqs. 2 and 5: sample z of posteriors, carry, decode, compare with targets; the divergence from the prior.

        Gives the loss to descend, and the objective under its whole weights. With targets other than the encoded images
        the error is that of cross-reconstruction.
        """
        mean, log_variance = posterior
        noise = noise[:, : mean.shape[1]]  # the rest is what an objective drew beside it
        z = mean + noise * (0.5 * log_variance).exp() if self.network.is_variational else mean
        error = self.error(z if carry is None else carry(z), target, *condition, weights=weights)
        if not self.network.is_variational:
            return error, error
        kl = self.terms.kl_weight * (divergence(mean, log_variance).sum() / len(mean))
        share = min(1.0, done / self.terms.kl_warmup) if self.terms.kl_warmup else 1.0
        return error + share * kl, error + kl

    def pairs(self, rng: np.random.Generator, n: int) -> Pairs | None:
        """Images, and images that their latents are carried to, of n rows, from which a linear path may start."""
        return None

    def orbit_pairs(self, rng: np.random.Generator, n: int) -> list[Tensor]:
        """Of n rows the images (n, pixels) under every pose."""
        return []

    def arrays(self) -> Iterator[np.ndarray]:
        """All images, all paired ones, and where those stand that are not beside every image."""
        yield from (*self.views.paired.values(), *self.views.places.values())

    def identity(self) -> dict[str, Any]:
        terms = {name: value for name, value in asdict(self.terms).items() if name != "device"}
        network = re.sub(r" at 0x[0-9a-f]+", "", repr(self.network))
        return {**super().identity(), "terms": terms, "device": self.terms.device.type, "network": network}


class Reconstruction(ImageObjective):
    """Stage 1: a VAE of every view, Eq. 5. Each draw is an image under a random view."""

    reconstructs = True

    def forward(self, images: np.ndarray, *drawn_noise_done: Any) -> tuple[Tensor, Tensor]:
        which, *_, noise, done = drawn_noise_done
        x = self.tensor(images)
        if self.mixes and self.training:
            (x,) = self.mixed(noise[:, -1], np.zeros_like(which), x)
        return self.bound(self.encode(x), x, noise, done)

    def pairs(self, rng: np.random.Generator, n: int) -> Pairs:
        rows = rng.permutation(self.n_images)[:n]
        x = self.tensor(*self.make(rows, *self.settle(rows, *self.draw(rng, len(rows)))))
        return Pairs(x.flatten(1), x.flatten(1))


class CrossReconstruction(ImageObjective):
    """Joint training: encoder, decoder and what is learned of the maps obey them.

    Each draw encodes an image under a source view, carries z over by ``inv(L_s) @ L_t``, decodes, and compares with the
    image under the target view; in a fifth of the draws, a tenth where there are strengths, none where there are
    several or images are encoded at ends of lines, they are the same view.

    Parameters
    ----------
    network, views, terms
        As in `ImageObjective`.
    latent_maps : ViewMaps
        Trained; of the same compositions as `views`.
    n_hubs : int
        The first so many views have exact maps; they are one end of every crossing.
    orbit : mapping of tuple to float, optional
        The elements of a finite group, at ends of lines too, and how much each counts, 1 in the mean. Where there are
        any, images are encoded as the mean over them of the latents of g(x), carried back.
    """

    reconstructs = True

    def __init__(
        self, network: Autoencoder, views: Views, terms: Terms, latent_maps: Any, n_hubs: int,
        orbit: Mapping[Composition, float] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(network, views, terms)
        self.latent_maps, self.n_hubs, self.orbit = latent_maps.to(terms.device), n_hubs, list(orbit or ())
        self._counts = torch.tensor(list((orbit or {}).values())).float().view(-1, 1)
        self.poses = latent_maps.poses(n_hubs)
        self.mixes &= self.moving is None  # others are drawn at other strengths
        self.noise_dim = network.latent_dim + self.mixes + bool(orbit)
        self.image_bytes = (1 + max(1, len(self.orbit))) * views.image_bytes
        learned = any(p.requires_grad for p in latent_maps.parameters())
        self._table = None if learned or self._is_bare else self._all_crossings()
        self._ends = torch.tensor([[dict(powers(c)).get(name, 0.0) for name in views.families] for c in self.orbit])
        with torch.no_grad():
            self._back = torch.linalg.inv(self.latent_maps()[list(map(latent_maps.number, self.orbit))])  # (G, d, d)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
        """Source and target view of each draw: some the same view, the others half from a hub and half to one.

        Where there are families, their strengths too: most go from or to 0 where these do not add up, and to the
        farther of two where images are encoded at ends of lines.
        """
        pick = rng.integers if self.moving is None else partial(self.moving.draw_views, rng)
        view, hub = pick(len(self.views.compositions), size=n), pick(self.n_hubs, size=n)
        stays = self.moving is not None and not (self.moving.are_several or self._ends.any())
        share = SAME_VIEW if self.moving is None else SAME_MOVED * stays
        same, from_hub = rng.random(n) < share, rng.random(n) < 0.5
        source = np.where(~same & from_hub, hub, view)
        target = np.where(~same & ~from_hub, hub, view)
        if self.moving is None:
            return source, target
        s = self.moving.draw(rng, source)
        t = self.moving.draw_far(rng, target, s) if self._ends.any() else self.moving.draw(rng, target)
        begin, end = self.moving.by_originals(rng, s, t, self.latent_maps.flows.astray)
        return source, target, np.where(same[:, None], s, begin), np.where(same[:, None], s, end)

    def make(self, rows: np.ndarray, *drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        """Images under the source views, (B, G, ...) of an orbit of G, and under the target views; strengths of both.

        Strengths are those of families, where there are any.
        """
        x, *others = self._pairs(rows, *drawn)
        if self.orbit:
            x = np.stack([self.views.act(x, element) for element in self.orbit], axis=1)
        return x, *others

    def _pairs(self, rows: np.ndarray, *drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        if self.moving is None:
            return self.views.mix_pairs(rows, *drawn)
        source, target, s, t = drawn
        strengths = self.moving.strengths(rows, source, s), self.moving.strengths(rows, target, t)
        return *self.moving.mix_pairs(rows, *drawn), *strengths

    @property
    def _is_bare(self) -> bool:
        """Whether all there is has strengths: then views have the identity for a map."""
        maps: Any = self.latent_maps
        return self.moving is not None and not maps.names

    def crossings(self, source: Tensor, target: Tensor) -> Tensor | None:
        """``inv(L_s) @ L_t`` (B, d, d) from source and target views (B,): of a table where no map is learned.

        None: the identity, which would take longer than the network where d is large.
        """
        if self._is_bare:
            return None
        if self._table is not None:
            return self._table[source, target]
        L = self.latent_maps()
        return torch.linalg.inv(L)[source] @ L[target]

    def _all_crossings(self) -> Tensor:
        L = self.latent_maps()
        return torch.linalg.inv(L).unsqueeze(1) @ L  # (V, V, d, d)

    def forward(self, x: np.ndarray, y: np.ndarray, *batch: Any) -> tuple[Tensor, Tensor]:
        n = 0 if self.moving is None else 2
        strengths, (source, target, *_, noise, done) = batch[:n], batch[n:]
        weights = None if self.moving is None else torch.from_numpy(self.moving.weights(strengths[1]))
        L = self.crossings(torch.from_numpy(source), torch.from_numpy(target))  # (B, d, d)
        images, targets = self.tensor(x.reshape(-1, *y.shape[1:])), self.tensor(y)
        if self.orbit:
            images = images.unflatten(0, x.shape[:2])
        chances = noise[:, self.network.latent_dim :].unbind(1)
        if self.mixes and self.training:
            alike = source * len(self.views.compositions) + target
            images, targets = self.mixed(chances[0], alike, images, targets)
        posterior = self._encode_orbits(images, chances[-1]) if self.orbit else self.encode(images)
        return self.bound(posterior, targets, noise, done, lambda z: self._cross(z, L, strengths), weights=weights)

    def _encode_orbits(self, x: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
        """Posteriors of images (B, G, C, H, W), whose means are those over an orbit; some are of the image alone.

        So the encoder is worth something by itself, too.
        """
        means, log_variances = self.encode(x.flatten(0, 1))
        if self._ends.any():
            means = self.latent_maps.flows.undo(means, self._ends.to(means).repeat(len(x), 1))
        means = (means.view(*x.shape[:2], 1, -1) @ self._back).squeeze(2)
        alone = (torch.special.ndtr(chance) < ALONE)[:, None]
        return torch.where(alone, means[:, 0], (means * self._counts.to(means)).mean(1)), log_variances[:: x.shape[1]]

    def _cross(self, z: Tensor, L: Tensor | None, strengths: Sequence[np.ndarray]) -> Tensor:
        """Latent rows from source to target views: back to strength 0, across, and on."""
        if not strengths:
            return _each(z, L)
        s, t = (torch.from_numpy(part).float().to(z.device) for part in strengths)
        flows: Any = self.latent_maps.flows
        return flows(_each(flows.undo(z, s), L), t)

    def pairs(self, rng: np.random.Generator, n: int) -> Pairs:
        d = self.network.latent_dim
        rows = rng.permutation(self.n_images)[: n if self.moving is None else min(n, MOVED // d)]
        drawn = self.settle(rows, *self.draw(rng, len(rows)))
        x, y, *strengths = self._pairs(rows, *drawn)
        with torch.no_grad():
            L = self.crossings(*map(torch.from_numpy, drawn[:2]))  # (B, d, d)
            if strengths:  # what becomes of each unit vector
                each = [np.repeat(part, d, axis=0) for part in strengths]
                units = torch.eye(d, device=self.terms.device).repeat(len(rows), 1)
                L = self._cross(units, None if L is None else L.repeat_interleave(d, 0), each).view(len(rows), d, d)
            return Pairs(self.tensor(x).flatten(1), self.tensor(y).flatten(1), L)

    def orbit_pairs(self, rng: np.random.Generator, n: int) -> list[Tensor]:
        rows = rng.permutation(self.n_images)[:n]
        return [self.tensor(self.views.take(rows, c)).flatten(1).cpu() for c in self.views.compositions[: self.n_hubs]]


def _each(z: Tensor, L: Tensor | None) -> Tensor:
    """Latent rows (B, d), each by a map of its own, (B, d, d); as they are where there is none."""
    return z if L is None else (z.unsqueeze(1) @ L).squeeze(1)


class MapFitting(Objective):
    """Stage 2 by gradient: a latent map with the encoder frozen, Eq. 6: ``||L(Z) - Z_aug||^2``.

    Parameters
    ----------
    latent_map : Module
        Trained; from latent rows to latent rows.
    Z, Z_aug : ndarray of shape (n, d)
        Latents of the originals and of their augmented images.
    """

    def __init__(self, latent_map: nn.Module, Z: np.ndarray, Z_aug: np.ndarray) -> None:
        super().__init__()
        self.latent_map = latent_map
        self.Z, self.Z_aug = (np.asarray(rows, dtype=np.float32) for rows in (Z, Z_aug))
        self.n_images, self.image_bytes = len(Z), 2 * self.Z[0].nbytes

    def make(self, rows: np.ndarray, *drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        return self.Z[rows], self.Z_aug[rows]

    def forward(self, z: np.ndarray, z_aug: np.ndarray, noise: Tensor, done: float) -> tuple[Tensor, Tensor]:
        error = squared_error(self.latent_map(torch.from_numpy(z)), torch.from_numpy(z_aug))
        return error, error


class HeadDecoding(ImageObjective):
    """Stage 3: a new decoder of other views, from latents that are given and carried to them, Eq. 7.

    To undo, which the paper's heads cannot, an encoder that reads the latents back is trained beside it: it shares no
    weights with the decoder, and each descends on an error of its own. What is reported is Eq. 7 alone.

    Parameters
    ----------
    network, views, terms
        As in `ImageObjective`; the target views.
    latents : ndarray of shape (n_images, d)
        Latents of the original images, float32.
    carry : callable
        From some of them (B, d) and the number of each one's view (B,) to latents (B, d) carried by the source's maps.
    undo : bool
        Whether to train the encoder.
    poses : Tensor of shape (G, k), default=None
        Those of the latents, where they are contents and poses.
    """

    def __init__(
        self, network: Autoencoder, views: Views, terms: Terms, latents: np.ndarray,
        carry: Callable[[np.ndarray, np.ndarray], np.ndarray], undo: bool, poses: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__(network, views, terms)
        self.poses = poses
        self.latents, self.carry, self.undo, self.noise_dim = latents, carry, undo, 0
        if not undo:
            network.encoder.requires_grad_(False)

    def make(self, rows: np.ndarray, *drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        """Images under the target views, and latents carried to them."""
        return *self.views.mix(rows, *drawn), self.carry(self.latents[rows], *drawn)

    def arrays(self) -> Iterator[np.ndarray]:
        """All images, and all latents."""
        yield from (*super().arrays(), self.latents)

    def forward(
        self, images: np.ndarray, carried: np.ndarray, which: np.ndarray, noise: Tensor, done: float
    ) -> tuple[Tensor, Tensor]:
        y, z = self.tensor(images), torch.from_numpy(carried).to(self.terms.device)
        error = self.error(z, y)
        reading = squared_error(self.encode(y)[0], z) if self.undo else 0.0
        return error + reading, error


def _own_view(rng: np.random.Generator, n: int, n_views: int) -> tuple[np.ndarray, np.ndarray]:
    view = rng.integers(n_views, size=n)
    return view, view


def _any_view(rng: np.random.Generator, n: int, n_views: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.integers(n_views, size=n), rng.integers(n_views, size=n)


CONDITIONINGS = {"traditional": _own_view, "invariant": _any_view}


class ConditionedReconstruction(ImageObjective):
    """The baseline, a conditional VAE: encode an image under its own condition, decode it under that of the target.

    Parameters
    ----------
    network, views, terms
        As in `ImageObjective`.
    conditioning : str
        A name in `CONDITIONINGS`: how source and target views are drawn.

    Attributes
    ----------
    network : ViewConditions
        The network given, under a condition a view.
    """

    def __init__(self, network: Autoencoder, views: Views, terms: Terms, conditioning: str) -> None:
        conditions = ViewConditions(network, len(views.compositions)).to(terms.device)
        super().__init__(conditions, views, terms)
        self.conditioning, self.image_bytes = conditioning, 2 * views.image_bytes

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Source and target view of each image."""
        return CONDITIONINGS[self.conditioning](rng, n, len(self.views.compositions))

    def make(self, rows: np.ndarray, *drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        """Images under the source views, and under the target views."""
        return self.views.mix_pairs(rows, *drawn)

    def forward(
        self, x: np.ndarray, y: np.ndarray, source: np.ndarray, target: np.ndarray, noise: Tensor, done: float
    ) -> tuple[Tensor, Tensor]:
        conditions = torch.from_numpy(source), torch.from_numpy(target)
        posterior = self.encode(self.tensor(x), conditions[0])
        return self.bound(posterior, self.tensor(y), noise, done, condition=conditions[1:])


def principal_scores(views: Views, elements: Sequence[Composition], n_scores: int) -> tuple[np.ndarray, Tensor]:
    """Some rows, and principal scores of these under each element, float64, (N, n, m); NaN where a row has none."""
    rows = spread(len(views), max(1, min(SAID_BY // len(elements), ROOM // views.format_.n_pixels)))
    with_all = (views.rows_with([c]) if views.is_known(c) else rows[:0] for c in elements)
    there = [rows if has is None else np.intersect1d(rows, has) for has in with_all]

    def images(k: int, chosen: np.ndarray) -> Tensor:
        return to_unit_tensor(views.take(chosen, elements[k]), views.format_, torch.device("cpu")).flatten(1)

    step = max(1, len(rows) // COMPONENTS_OF) * len(elements)
    some = torch.cat([images(k, chosen[k::step]) for k, chosen in enumerate(there) if len(chosen) > k])
    axes, _ = principal_axes(some - some.mean(0), n_scores)
    scores = torch.full((len(elements), len(rows), axes.shape[1]), torch.nan, dtype=axes.dtype)
    for k, chosen in ((k, chosen) for k, chosen in enumerate(there) if len(chosen)):
        scores[k, torch.from_numpy(np.searchsorted(rows, chosen))] = images(k, chosen).double() @ axes
    return rows, scores


def start_path(objective: Any, seed: int) -> None:
    """Start the linear path of an objective's network, where it has one, from some of its images."""
    network = objective.network
    network = network.network if isinstance(network, ViewConditions) else network
    if getattr(network.decoder, "beside", None) is None:
        return
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        if objective.poses is not None:
            network.cpu().stand(objective.poses, generator)
            orbit = objective.orbit_pairs(rng, STARTED_FROM)
            if orbit:
                start_beside(network, posed_code(orbit, objective.poses, network.latent_dim))
            network.to(objective.terms.device)
            return
        pairs = objective.pairs(rng, STARTED_FROM)
        if pairs is not None:
            pairs = Pairs(pairs.x.cpu(), pairs.y.cpu(), None if pairs.carry is None else pairs.carry.cpu())
            start_beside(network, linear_code(pairs, network.latent_dim, generator))

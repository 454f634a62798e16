"""What transformers with a torch network share: encoding and decoding, first weights, and travel as numpy arrays."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state, metadata_routing
from sklearn.utils.validation import check_is_fitted

from latentaug._mapped import batches, batches_of
from latentaug._validation import ImageFormat, check_images, check_latents, check_number, draw_seed
from latentaug.border import find_device_or_cpu, load_weights, to_images, to_unit_tensor, weights_of
from latentaug.lessons import Draws
from latentaug.networks import initialise
from latentaug.persistence import PersistentMixin
from latentaug.refine import refine

__all__ = ["TorchTransformer"]


class TorchTransformer(PersistentMixin, TransformerMixin, BaseEstimator):
    """Abstract transformer with a torch module `network_` on `device_`, made by `_build_network`.

    It pickles to numpy arrays, and is put on the device that its parameter `device` finds where it is loaded.
    """

    __metadata_request__inverse_transform = {"Z": metadata_routing.UNUSED}  # noqa: RUF012  (scikit-learn's protocol)

    kl_weight: float
    latent_dim: int
    reconstruction_weight: float
    refine_steps: int
    checkpoint_dir: Any
    device: Any
    device_: torch.device
    format_: ImageFormat
    warm_start: bool
    network_: Any

    def _build_network(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} says what its network is.")

    def transform(self, X):
        """Encode images to the mean of their posteriors, refined by `refine_steps` steps.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `fit`.

        Returns
        -------
        ndarray of shape (n_images, latent_dim)
            Latent rows, as float32.
        """
        check_is_fitted(self)
        return self._encode_checked(check_images(self, X, reset=False))

    def latent_distribution(self, X):
        """Posterior of the latents of images: independent normals.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `fit`.

        Returns
        -------
        mean : ndarray of shape (n_images, latent_dim)
            As float32; refined, as in `transform`.
        variance : ndarray of shape (n_images, latent_dim)
            As float32.
        """
        check_is_fitted(self)
        images = check_images(self, X, reset=False)
        mean, variance = np.empty((2, len(images), self.latent_dim), dtype=np.float32)
        for rows, batch in batches_of(images):
            _, z, log_variance = self._posterior(batch)
            mean[rows], variance[rows] = z.cpu(), log_variance.exp().cpu()
        return mean, variance

    def inverse_transform(self, Z):
        """Decode latent rows.

        Parameters
        ----------
        Z : array-like of shape (n_images, latent_dim)
            Latent rows.

        Returns
        -------
        ndarray of shape (n_images, H, W[, C]) or (n_images, n_features)
            Images in the layout of the training data, as float32; in [0, 1], or on its range.
        """
        check_is_fitted(self)
        Z = check_latents(Z, self.latent_dim)
        images = np.empty((len(Z), *self.format_.image_shape), dtype=np.float32)
        for rows in batches(len(Z), self.format_.n_pixels):
            self._write_checked(Z[rows], images[rows])
        return self.format_.layout(images)

    def sample(self, n_samples=1, random_state=None):
        """Decode draws from the prior N(0, I).

        Parameters
        ----------
        n_samples : int, default=1
            Number of images.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.

        Returns
        -------
        ndarray of shape (n_samples, H, W[, C]) or (n_samples, n_features)
            As `inverse_transform` gives them.
        """
        check_is_fitted(self)
        check_number("n_samples", n_samples, low=1, integer=True)
        rng = check_random_state(draw_seed(random_state))
        return self.inverse_transform(rng.standard_normal((n_samples, self.latent_dim)))

    def score_samples(self, X):
        """How well each image is described: minus the training objective, at the posterior mean.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `fit`.

        Returns
        -------
        ndarray of shape (n_images,)
            ``-(reconstruction_weight * squared error summed over pixels in [0, 1] + kl_weight * KL in nats)``.
        """
        check_is_fitted(self)
        images = check_images(self, X, reset=False)
        scores = np.empty(len(images))
        for rows, batch in batches_of(images):
            scores[rows] = -self._objective(*self._posterior(batch)).cpu()
        return scores

    def score(self, X, y=None):
        """Mean of `score_samples`; higher is better.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `fit`.
        y : None
            Ignored.

        Returns
        -------
        float
            In the units of `score_samples`.
        """
        return float(self.score_samples(X).mean())

    def _posterior(self, images):
        """Posteriors of a batch of checked images: those in [0, 1], and mean, refined, and log-variance, as tensors."""
        check_number("refine_steps", self.refine_steps, low=0, integer=True)
        with torch.no_grad() if self.refine_steps else torch.inference_mode():  # refining takes derivatives
            x = to_unit_tensor(self.format_.layout(images, flat=False), self.format_, self.device_)
            z, log_variance = self.network_.encoder(x)
            if self.refine_steps:
                z = refine(self.network_.decoder, x, z, self.refine_steps)
        return x, z, log_variance

    @torch.no_grad()
    def _objective(self, x, z, log_variance):
        """The training objective of each image, (B,)."""
        error = (self.network_.decoder(z) - x).square().flatten(1).sum(1)
        divergence = 0.5 * (z.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return self.reconstruction_weight * error + self.kl_weight * divergence

    def _encode_checked(self, images):
        """Latent rows of checked images."""
        Z = np.empty((len(images), self.latent_dim), dtype=np.float32)
        for rows, batch in batches_of(images):
            Z[rows] = self._posterior(batch)[1].cpu()
        return Z

    def _decode_checked(self, Z):
        """Images of a batch of finite latent rows, as a tensor (B, C, H, W) on their range."""
        z = torch.from_numpy(Z.astype(np.float32)).to(self.device_)
        images = self.network_.decoder(z)
        low, high = self.format_.value_range
        return images if (low, high) == (0.0, 1.0) else (images * (high - low) + low).clamp_(low, high)

    @torch.inference_mode()
    def _write_checked(self, Z, out):
        """Write the images of a batch of finite latent rows into an array of floats, flat rows or a stack."""
        out[...] = to_images(self._decode_checked(Z), out.shape[1:])

    def _start_network(self, draws: Draws, device: torch.device, warm: bool) -> Any:
        """A new network, with the weights of the last fit on a warm start."""
        network = self._build_network()
        if warm and hasattr(self, "network_"):
            load_weights(network, weights_of(self.network_))
        else:
            initialise(network, torch.Generator().manual_seed(draws.noise.initial_seed()))
        return network.to(device)

    def __getstate__(self):
        state = dict(super().__getstate__())
        state["device"] = str(self.device) if isinstance(self.device, torch.device) else self.device
        folder = self.checkpoint_dir
        state["checkpoint_dir"] = os.fspath(folder) if isinstance(folder, os.PathLike) else folder
        if "network_" in state:  # weights travel as numpy arrays, to any device
            state["network_"] = weights_of(self.network_)
            del state["device_"]
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "network_" in state:
            network = self._build_network()
            load_weights(network, state["network_"])
            self.device_ = find_device_or_cpu(self.device)
            self.network_ = network.eval().to(self.device_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

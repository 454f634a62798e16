"""The estimator VAE: `transform` encodes, `inverse_transform` decodes."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils import check_random_state, metadata_routing
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from latentaug._checks import (
    RandomState,
    check_choice,
    check_flag,
    check_kind,
    check_latents,
    check_number,
    check_verbosity,
    draw_seed,
    is_auto,
    shown,
)
from latentaug._rows import batches
from latentaug.augs.views import Views
from latentaug.images import ImageFormat, check_images
from latentaug.learn import objectives
from latentaug.learn.coding import ImageCoder, find_device_or_cpu, load_weights, plain_torch, weights_of
from latentaug.learn.exporting import export
from latentaug.learn.networks import KINDS, Autoencoder, build, start
from latentaug.learn.objectives import PRECISIONS, RECONSTRUCTION_LOSSES, Reconstruction, Terms, divergence
from latentaug.learn.own_networks import Network, OwnNetwork, check_network, make_network
from latentaug.learn.processes import check_devices, join, shared_seed
from latentaug.learn.resuming import STREAM_STEPS, Stream, check_place
from latentaug.learn.training import FEW, Draws, Surroundings, TrainingLog, TrainingSettings, Watch, settings_of, train
from latentaug.models.base import Fitting, Transformer, all_or_nothing
from latentaug.models.codec import Codec
from latentaug.models.verdict import Verdict, judge, warn_where_bad

__all__ = ["VAE", "check_vae", "has_linear_path"]

ARCHITECTURE = "_architecture"  # of the fitted network, in a state
MADE_BY = "_made_by"  # the parameter `network`, where one's own was fitted: it may have been set since
KL_SHARE = 0.05  # of what the mean image loses, by latent coordinate
MIXUP = 0.5  # of few images


class _Passes(Watch):
    """Passes over the data as tasks of a `fit`, each with the estimator as it would be if training stopped there."""

    def __init__(self, fitting: Fitting, fitted: Any) -> None:
        self.fitting, self.fitted, self.is_awaited = fitting, fitted, fitting.is_awaited

    def begin_pass(self) -> None:
        self._task = self.fitting.pass_task()

    def end_pass(self, log: TrainingLog) -> bool:
        fitted = {"reconstruction_attributes": lambda: self.fitted(log)}
        return self._task.call_on_fit_task_end(estimator=self.fitting.estimator, **fitted, **self.fitting.data)


def check_vae(vae: VAE) -> None:
    """Check the parameters of the network, of its objective, and of what surrounds training."""
    check_flag("warm_start", vae.warm_start)
    check_choice("precision", vae.precision, PRECISIONS)
    check_choice("reconstruction_loss", vae.reconstruction_loss, RECONSTRUCTION_LOSSES)
    check_devices(vae.devices)
    check_verbosity(vae.verbose)
    if vae.checkpoint_dir is not None:
        check_place(vae.checkpoint_dir)
    check_number("latent_dim", vae.latent_dim, low=1, integer=True)
    if not is_auto(vae.kl_weight):
        check_number("kl_weight", vae.kl_weight, low=0)
    check_number("kl_warmup", vae.kl_warmup, low=0)
    if not is_auto(vae.mixup):
        check_number("mixup", vae.mixup, low=0, below=1)
    check_number("refine_steps", vae.refine_steps, low=0, integer=True)
    check_number("reconstruction_weight", vae.reconstruction_weight, low=0)
    check_network(vae.network, vae.hidden_channels)
    if vae.hidden_channels is not None and (
        not isinstance(vae.hidden_channels, (tuple, list)) or not vae.hidden_channels
    ):
        raise TypeError(f"hidden_channels must be a tuple of integers or None. Got {shown(vae.hidden_channels)}.")
    for channels in vae.hidden_channels or ():
        check_number("hidden_channels", channels, low=1, integer=True)


class VAE(ClassNamePrefixFeaturesOutMixin, Transformer):
    """Convolutional variational autoencoder of images.

    Parameters
    ----------
    latent_dim : int, default=16
        Number d of latent coordinates.
    network : {"auto", "conv", "dense", "paper"}, Module or callable, default="auto"
        "conv": convolutions of stride two with normalised weights, as many as leave some seven pixels a side, and a
        linear path beside them. "dense": dense layers in their place. "auto": "dense" where a side has fewer than 12
        pixels, else "conv". "paper": the paper's two convolutions, as they are. A network of your own is a module with
        ``encoder``, from images (B, C, H, W) in [0, 1] to mean and log-variance of the latents, (B, d) each, or to
        latents alone, which leaves no divergence, and ``decoder``, from latents to images; or a function or class that
        makes one of ``(H, W, C)`` and `latent_dim`; or a `Network`, whose parameters can be searched. It is trained
        from the weights that it comes with; those that are frozen stay, also the statistics of frozen batch norms.
    hidden_channels : tuple of int, default=None
        Channels of the encoder's convolutions, or widths of its dense layers; the decoder mirrors them. None: chosen
        by the size of the images. With some, "auto" is "conv".
    kl_weight : float or "auto", default="auto"
        Weight of the divergence of the posterior from N(0, I), in nats per image. "auto": a twentieth of what the mean
        image loses, by latent coordinate, so that faint and small images keep their latents.
    kl_warmup : float, default=1.0
        Share of training over which that weight rises from 0, so that no latent coordinate is given up early.
    mixup : float or "auto", default="auto"
        Greatest share of another image in each one that is trained on, below 1, so that few images are not learned by
        heart (Zhang et al., arXiv 1710.09412); in joint training of two that were drawn under the same views, where no
        augmentation has a strength. "auto": half of the share that they fall short of 3,000 images; 0 in `partial_fit`,
        of the network "paper", and with several processes, each of which mixes its own part of a batch.
    reconstruction_weight : float, default=1.0
        Weight of the reconstruction loss, summed over the pixels of an image in [0, 1].
    reconstruction_loss : {"squared_error", "bce", "l1"}, default="squared_error"
        How decoded images are compared with images, pixel by pixel: the squared error, the binary cross-entropy in
        nats, which is the paper's, or the absolute error. The least that an image of grey values can have of
        the cross-entropy is its own entropy, and not 0.
    optimizer : {"adam", "adabelief"}, default="adam"
        AdaBelief is the paper's.
    learning_rate : {"cosine", "constant"}, default="cosine"
        Schedule: down to 0 over `max_iter` passes, or none. Both warm up over the first hundredth of the steps.
    learning_rate_init : float, default=0.004
        Highest learning rate.
    beta_1, beta_2 : float, default=0.9, 0.99
        Decay of the optimizer's first and second moment.
    epsilon : float, default=None
        Stabiliser of the optimizer; None is its own, 1e-8 for Adam and 1e-16 for AdaBelief.
    max_iter : int or "auto", default="auto"
        Passes over the images; each shows every image once, under a random view where there are several. "auto": as
        many as show 60,000 images, at least 20 and at most 200.
    batch_size : int, default=64
        Images a step, of all processes together.
    image_shape : tuple of int, default=None
        ``(H, W)`` or ``(H, W, C)`` of a flat row; one row of pixels if None. Image stacks tell their own.
    device : str or torch.device, default="auto"
        CUDA where it is usable, else the CPU.
    devices : int, (int, int) or "auto", default=1
        Processes that train together, each with the whole network on a device of its own or a share of the CPU;
        gradients are averaged. A pair is nodes, and devices a node. More than one needs
        ``pip install latentaug[distributed]``: Lightning Fabric starts the script again for each, where ``torchrun``
        has not. "auto": all GPUs, or as many as ``torchrun`` has started.
    precision : {"32", "bf16-mixed"}, default="32"
        Arithmetic of the network in training: float32, or bfloat16 with float32 weights, losses and latent maps.
        Fitted models always encode and decode in float32.
    refine_steps : int, default=0
        Damped Gauss-Newton steps from the encoder's guess towards the latents whose decoded image is nearest, taken
        by everything that encodes. May be set after fit. Each costs about `latent_dim` passes of the decoder.
    early_stopping : bool, default=False
        Hold out some images, stop when their loss no longer falls, and keep the best weights.
    validation_fraction : float, default=0.1
        Share of images held out for early stopping.
    n_iter_no_change : int, default=10
        Passes without improvement by `tol` before stopping early.
    tol : float, default=1e-4
        Least improvement of the held-out loss.
    warm_start : bool, default=False
        Go on from the weights of the last fit.
    checkpoint_dir : str or os.PathLike, default=None
        Folder where each pass of `fit` leaves a file to go on from, should training be interrupted: fitted again with
        the same parameters, an integer `random_state` and the same images, it ends with the same bits. One folder may
        serve any number of fits.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, order and noise. Bits repeat on one machine and device; no global generator is touched.
    verbose : int, default=0
        Whether to show progress.

    Attributes
    ----------
    network_ : torch.nn.Module
        With `encoder` (phi) and `decoder` (theta).
    n_iter_ : int
        Passes made.
    kl_weight_ : float
        The weight of the divergence, chosen or given; 0 of a network without variances.
    loss_curve_ : list of float
        Mean objective of each pass, under its whole weights.
    loss_unit_ : str
        Unit of the reconstruction in it, which is summed over pixels: "squared error", "binary cross-entropy in nats"
        or "absolute error". The divergence is in nats.
    validation_curve_ : list of float
        Held-out objective after each pass, with early stopping.
    stream_ : Stream or None
        Where a training by `partial_fit` stands: seed, steps, what the optimizer remembers.
    verdict_ : Verdict or None
        What `fit` has come to, on some of its images: the share of their variance that is explained, beside that of as
        many principal components, and the latents in use. Prints as a line; a `ConvergenceWarning` says where it is
        bad. None after fewer than 2,000 images shown, after `partial_fit`, and in heads and conditional models.
    image_shape_ : tuple of int
        ``(H, W)`` or ``(H, W, C)``.
    n_features_in_ : int
        Pixels times channels.
    device_ : torch.device
        Where the network is.

    References
    ----------
    Kingma and Welling, "Auto-Encoding Variational Bayes", arXiv 1312.6114; arXiv 2303.03462, Eqs. 2 and 5.

    Examples
    --------
    >>> import numpy as np
    >>> from latentaug import VAE
    >>> X = np.random.default_rng(0).random((32, 8, 8))
    >>> vae = VAE(latent_dim=4, max_iter=1, random_state=0).fit(X)
    >>> vae.transform(X).shape
    (32, 4)
    >>> vae.inverse_transform(vae.transform(X)).shape
    (32, 8, 8)
    """

    __metadata_request__inverse_transform = {"Z": metadata_routing.UNUSED}  # noqa: RUF012  (scikit-learn's protocol)

    network_: Any
    device_: torch.device
    format_: ImageFormat
    image_shape_: tuple[int, ...]
    n_features_in_: int
    n_iter_: int
    loss_curve_: list[float]
    loss_unit_: str
    kl_weight_: float
    validation_curve_: list[float]
    stream_: Stream | None
    verdict_: Verdict | None

    def __init__(
        self,
        latent_dim: int = 16,
        *,
        network: Any = "auto",
        hidden_channels: Sequence[int] | None = None,
        kl_weight: float | str = "auto",
        kl_warmup: float = 1.0,
        mixup: float | str = "auto",
        reconstruction_weight: float = 1.0,
        reconstruction_loss: str = "squared_error",
        optimizer: str = "adam",
        learning_rate: str = "cosine",
        learning_rate_init: float = 4e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        epsilon: float | None = None,
        max_iter: int | str = "auto",
        batch_size: int = 64,
        image_shape: Sequence[int] | None = None,
        device: str | torch.device = "auto",
        devices: int | str | Sequence[int] = 1,
        precision: str = "32",
        refine_steps: int = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.latent_dim = latent_dim
        self.network = network
        self.hidden_channels = hidden_channels
        self.kl_weight = kl_weight
        self.kl_warmup = kl_warmup
        self.mixup = mixup
        self.reconstruction_weight = reconstruction_weight
        self.reconstruction_loss = reconstruction_loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.image_shape = image_shape
        self.device = device
        self.devices = devices
        self.precision = precision
        self.refine_steps = refine_steps
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.checkpoint_dir = checkpoint_dir
        self.random_state = random_state
        self.verbose = verbose

    @all_or_nothing
    def fit(self, X: ArrayLike, y: Any = None) -> VAE:
        """Train on images.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Integers 0..255 or floats in [0, 1]; floats outside are taken on their own range.
        y : None
            Ignored.

        Raises
        ------
        ValueError, TypeError
            On a wrong parameter or array, and where training diverges.
        """
        images = check_images(self, X, reset=True, image_shape=self.image_shape)
        self._learn(Views(images, {}, self.format_), Reconstruction, (), X, y)
        return self

    @all_or_nothing
    def partial_fit(self, X: ArrayLike, y: Any = None) -> VAE:
        """Go once over some images of a stream, from where the last call, or `fit`, left off.

        A stream has no known end: learning rate and divergence are warmed up over the first thousand steps and then
        stay, whatever `learning_rate` and `max_iter` say. Better few large parts in random order than many small ones.
        `n_iter_` and `loss_curve_` go on, with an entry a call.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            As in `fit`. Floats outside [0, 1] are taken on the range of the first part.
        y : None
            Ignored.

        Raises
        ------
        ValueError, TypeError
            As in `fit`, and with `early_stopping`.
        """
        first = not hasattr(self, "network_")
        images = check_images(self, X, reset=first, image_shape=self.image_shape)
        self._learn(Views(images, {}, self.format_), Reconstruction, (), X, y, goes_on=True)
        return self

    @all_or_nothing
    def learn(self, views: Views, objective: Any = Reconstruction, *given: Any, goes_on: bool = False) -> Any:
        """Train by an objective on the views of a data set; what is trained of it is given back.

        Parameters
        ----------
        views : Views
            Compositions of augmentations over images.
        objective : class, default=Reconstruction
            A subclass of `latentaug.learn.objectives.ImageObjective`; made of the network, the views, their `Terms`,
            and what is given.
        *given
            What the objective takes beside them.
        goes_on : bool, default=False
            Whether to go on, as `partial_fit` does.
        """
        check_kind("objective", objective, type, "a class of objectives")
        check_kind("views", views, Views, "a Views")
        check_flag("goes_on", goes_on)
        return self._learn(views, objective, given, views.images, None, goes_on)

    def _learn(
        self, views: Views, objective: Any, given: tuple[Any, ...], X: Any, y: Any, goes_on: bool = False
    ) -> Any:
        check_vae(self)
        settings, processes = settings_of(self, len(views)), join(self.device, self.devices)
        seed, stream = shared_seed(self.random_state, processes), None
        if goes_on:
            settings, stream = self._streamed(settings, seed)
            seed = stream.next_seed()
        before = getattr(self, "loss_curve_", []) if goes_on else []
        self.format_, self.image_shape_ = views.format_, views.format_.image_shape
        self.n_features_in_ = views.format_.n_pixels
        self.loss_unit_ = RECONSTRUCTION_LOSSES[self.reconstruction_loss].unit
        with self._fitting(X, y, max_subtasks=settings.max_iter) as fitting:
            draws = Draws.from_seed(seed, processes.device)
            network = self._start_network(views, draws, self.warm_start or goes_on).to(processes.device)
            passes = _Passes(fitting, lambda log: _fitted_attributes(copy.deepcopy(network), log, before))
            around = Surroundings(processes, passes, stream, None if goes_on else self.checkpoint_dir, self.verbose)
            weights = self.reconstruction_weight, self.kl_weight_, self.kl_warmup
            mixup = self._mixup(len(views), goes_on, processes.world_size)
            terms = Terms(*weights, self.format_, processes.device, self.precision, self.reconstruction_loss, mixup)
            made = objective(network, views, terms, *given)
            if not (goes_on or self.warm_start) or not hasattr(self, "network_"):
                objectives.start_path(made, seed)
            trained, log = train(made, settings, draws, around)
            self.__dict__.update(_fitted_attributes(network, log, before))
            self._remember_maker(network)
            if trained.reconstructs and not goes_on:
                self.verdict_ = self._judge(views)
                if processes.rank == 0:
                    warn_where_bad(self.verdict_, self)
        return trained

    def _remember_maker(self, network: Any) -> None:
        """What made a network of one's own, which the parameter may not be any more."""
        self.__dict__.pop(MADE_BY, None)
        if isinstance(network, OwnNetwork):
            made_by = copy.copy(self.network) if isinstance(self.network, Network) else self.network
            setattr(self, MADE_BY, made_by)

    def _judge(self, views: Views) -> Verdict | None:
        """One look at some of the images trained on, which costs next to nothing: nothing is refined."""
        coder, has_scale = replace(self._coder(), refine_steps=0), self.network_.is_variational and self.kl_weight_ > 0
        return judge(coder, views, len(views) * self.n_iter_, self.loss_curve_, has_scale)

    def _streamed(self, settings: TrainingSettings, seed: int) -> tuple[TrainingSettings, Stream]:
        """Settings of a pass over a part of a stream, the first or another, and what it goes on from."""
        if settings.early_stopping:
            raise ValueError("A stream has no end to stop before. Allowed in partial_fit: early_stopping=False.")
        warm = STREAM_STEPS if hasattr(self, "network_") else 0
        stream = getattr(self, "stream_", None) or Stream(seed, n_steps=warm)
        return replace(settings, max_iter=1, learning_rate="constant"), stream

    def _start_network(self, views: Views, draws: Draws, warm: bool) -> Autoencoder | OwnNetwork:
        """A new network, with the weights of the last fit on a warm start; the weight of the divergence is chosen."""
        seed = draws.noise.initial_seed()
        warm = warm and hasattr(self, "network_")
        network = make_network(self.network, self.image_shape_, self.latent_dim, self.hidden_channels, seed)
        if not network.is_variational:
            self.kl_weight_ = 0.0
        elif not is_auto(self.kl_weight):
            self.kl_weight_ = float(self.kl_weight)
        elif not warm:
            lost = self.reconstruction_weight * objectives.lost_by_mean(views, self.reconstruction_loss)
            self.kl_weight_ = KL_SHARE * lost / self.latent_dim
        if warm:
            if network.architecture != self.network_.architecture:
                raise ValueError(
                    f"warm_start and partial_fit go on from {_say(self.network_)}. Got {_say(network)}; "
                    "a clone starts anew."
                )
            if isinstance(network, Autoencoder) and self.network_.poses is not None:
                network.stand(self.network_.poses, torch.Generator())
            load_weights(network, weights_of(self.network_))
        elif isinstance(network, Autoencoder):
            start(network, torch.Generator().manual_seed(seed))
        return network

    def _mixup(self, n_images: int, goes_on: bool, n_processes: int) -> float:
        """The greatest share of another image in one trained on."""
        if not is_auto(self.mixup):
            return float(self.mixup)
        is_off = goes_on or n_processes > 1 or (isinstance(self.network, str) and self.network == "paper")
        return 0.0 if is_off else MIXUP * max(0.0, 1 - n_images / FEW)

    def _coder(self) -> ImageCoder:
        """The trained network as functions of checked images and latent rows."""
        check_is_fitted(self)
        check_number("refine_steps", self.refine_steps, low=0, integer=True)
        return ImageCoder(self.network_, self.format_, self.device_, self.refine_steps)

    def transform(self, X: ArrayLike) -> np.ndarray:
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
        coder = self._coder()
        return coder.encode(check_images(self, X, reset=False))

    def latent_distribution(self, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
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
        coder, images = self._coder(), check_images(self, X, reset=False)
        mean, variance = np.empty((2, len(images), coder.latent_dim), dtype=np.float32)
        for rows, _, z, log_variance in coder.posteriors(images):
            mean[rows], variance[rows] = z.cpu(), log_variance.exp().cpu()
        return mean, variance

    def inverse_transform(self, Z: ArrayLike) -> np.ndarray:
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
        coder = self._coder()
        Z = check_latents(Z, coder.latent_dim)
        images = np.empty((len(Z), *self.format_.image_shape), dtype=np.float32)
        for rows in batches(len(Z), self.format_.n_pixels):
            coder.write(Z[rows], images[rows])
        return self.format_.layout(images)

    def sample(self, n_samples: int = 1, random_state: RandomState = None) -> np.ndarray:
        """Decode draws from the prior N(0, I), as `inverse_transform` does.

        Parameters
        ----------
        n_samples : int, default=1
            Number of images.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.
        """
        coder = self._coder()
        check_number("n_samples", n_samples, low=1, integer=True)
        rng = check_random_state(draw_seed(random_state))
        return self.inverse_transform(rng.standard_normal((n_samples, coder.latent_dim)))

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """How well each image is described: minus the training objective, at the posterior mean.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `fit`.

        Returns
        -------
        ndarray of shape (n_images,)
            ``-(reconstruction_weight * reconstruction_loss summed over pixels + kl_weight * KL in nats)``: of models
            with one loss and the same weights comparable, of others not.
        """
        check_choice("reconstruction_loss", self.reconstruction_loss, RECONSTRUCTION_LOSSES)
        coder, images = self._coder(), check_images(self, X, reset=False)
        scores = np.empty(len(images))
        for rows, *posterior in coder.posteriors(images):
            scores[rows] = -self._objective(*posterior).cpu()
        return scores

    @torch.no_grad()
    def _objective(self, x: Tensor, z: Tensor, log_variance: Tensor) -> Tensor:
        """The training objective of each image, (B,)."""
        loss = RECONSTRUCTION_LOSSES[self.reconstruction_loss]
        error = loss.by_image(loss.output(self.network_, z), x)
        kl = divergence(z, log_variance).sum(1) if self.network_.is_variational else 0.0
        return self.reconstruction_weight * error + self._kl_weight * kl

    @property
    def _kl_weight(self) -> float:
        """The weight of the divergence: as set since the fit, or as fitted."""
        return self.kl_weight_ if isinstance(self.kl_weight, str) else self.kl_weight

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Mean of `score_samples`, in its units; higher is better.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images, scaled as in `fit`.
        y : None
            Ignored.
        """
        return float(self.score_samples(X).mean())

    def export(self, path: str | os.PathLike[str], *, what: str = "whole", format: str | None = None) -> None:
        """Write the network as a program that needs no latentaug: ONNX, or a program of `torch.export`.

        As `LatentAugmenter.export` does, with no augmentation.

        Parameters
        ----------
        path : str or os.PathLike
            Of the file.
        what : {"whole", "encode", "decode"}, default="whole"
            Images to their reconstructions, to latents, or latents to images.
        format : {"onnx", "torch"}, default=None
            By the suffix of `path`, .onnx or .pt2, if None.
        """
        check_is_fitted(self)
        codec = Codec(self, self.format_)
        export(path, what, format, (codec, codec), (), lambda Z: Z, {})

    @property
    def _n_features_out(self) -> int:
        return self._coder().latent_dim

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state["device"] = str(self.device) if isinstance(self.device, torch.device) else self.device
        folder = self.checkpoint_dir
        state["checkpoint_dir"] = os.fspath(folder) if isinstance(folder, os.PathLike) else folder
        if "network_" in state:  # weights travel as numpy arrays, to any device
            state["network_"] = weights_of(self.network_)
            kind, shape, *sizes = self.network_.architecture  # parameters may have been set since
            poses = [] if self.network_.poses is None else [list(self.network_.poses.shape)]
            state[ARCHITECTURE] = [kind, list(shape), sizes[0], list(sizes[1]), *poses]
            del state["device_"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = _renewed(state)
        architecture = state.pop(ARCHITECTURE, None)
        super().__setstate__(state)
        if "network_" in state:
            with plain_torch():
                network = self._rebuilt(*architecture)
                load_weights(network, state["network_"])
            self.device_ = find_device_or_cpu(self.device)
            self.network_ = network.eval().to(self.device_)

    def _rebuilt(self, kind: str, shape: Any, latent_dim: int, widths: Any, poses: Any = None) -> Any:
        """A network as fitted, its weights to be filled."""
        if kind != "own":
            network = build(shape, latent_dim, widths, kind)
            if poses is not None:
                network.stand(torch.zeros(*poses), torch.Generator())
            return network
        return make_network(getattr(self, MADE_BY, self.network), shape, latent_dim, None, seed=0)


def has_linear_path(autoencoder: Any) -> bool:
    """Whether it makes a network with a linear path beside its layers."""
    network = autoencoder.network if isinstance(autoencoder, VAE) else None
    return isinstance(network, str) and (network not in KINDS or KINDS[network].is_normalised)


def _fitted_attributes(network: nn.Module, log: TrainingLog, before: list[float]) -> dict[str, Any]:
    """What training leaves on an estimator, after passes that came before."""
    return {
        "network_": network.eval(),
        "device_": next(network.parameters()).device,
        "n_iter_": len(before) + len(log.loss_curve),
        "loss_curve_": [*before, *log.loss_curve],
        "validation_curve_": list(log.validation_curve),
        "stream_": log.stream,
        "verdict_": None,
    }


def _say(network: Any) -> str:
    kind, shape, latent_dim, widths = network.architecture
    return f"latent_dim={latent_dim}, network={kind!r}, hidden_channels={widths} on images {shape}"


def _renewed(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state with the parameters of today: 0.1.0 had one loss, one network and strategy, and nodes apart."""
    state = {name: value for name, value in state.items() if name != "strategy"}
    state.setdefault("reconstruction_loss", "squared_error")
    state.setdefault("network", "paper")
    if "network_" in state:
        state.setdefault("verdict_", None)
        state.setdefault("loss_unit_", RECONSTRUCTION_LOSSES["squared_error"].unit)
        state.setdefault("kl_weight_", state["kl_weight"])
        sizes = state.get(ARCHITECTURE) or [state["image_shape_"], state["latent_dim"], state["hidden_channels"]]
        state[ARCHITECTURE] = sizes if len(sizes) >= 4 else ["paper", *sizes]
    num_nodes = state.pop("num_nodes", 1)
    return state if num_nodes == 1 else state | {"devices": (num_nodes, state["devices"])}

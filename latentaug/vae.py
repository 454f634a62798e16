"""The estimator VAE: `transform` encodes, `inverse_transform` decodes."""

from __future__ import annotations

from collections.abc import Callable

from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted

from latentaug._callbacks import CallbackSupportMixin, all_or_nothing
from latentaug._validation import check_choice, check_flag, check_images, check_kind, check_number, shown
from latentaug.distributed import check_processes
from latentaug.fitting import fit_network
from latentaug.networks import Autoencoder, build
from latentaug.objective import PRECISIONS
from latentaug.settings import TrainingLog
from latentaug.stages import train_autoencoder
from latentaug.torch_transformer import TorchTransformer
from latentaug.views import Views

__all__ = ["VAE"]


class VAE(CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TorchTransformer):
    """Convolutional variational autoencoder of images.

    Parameters
    ----------
    latent_dim : int, default=16
        Number d of latent coordinates.
    hidden_channels : tuple of int, default=(16, 32)
        Channels of the encoder's convolutions, each of stride two; the decoder mirrors them.
    kl_weight : float, default=1.0
        Weight of the divergence of the posterior from N(0, I), in nats per image. Small or faint
        images, whose squared error is a few units, want less than 1.
    kl_warmup : float, default=1.0
        Share of training over which that weight rises from 0, so that no latent coordinate is given up early.
    reconstruction_weight : float, default=1.0
        Weight of the squared error, summed over the pixels of an image in [0, 1].
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
    max_iter : int, default=20
        Passes over the images. Where there are several views, each pass shows every image once, under a random view.
    batch_size : int, default=64
        Images a step, of all processes together.
    image_shape : tuple of int, default=None
        ``(H, W)`` or ``(H, W, C)`` of a flat row; one row of pixels if None. Image stacks tell their own.
    device : str or torch.device, default="auto"
        CUDA where it is usable, else the CPU.
    devices : int or "auto", default=1
        Processes that train together, each on a device of its own or a share of the CPU. More than one needs
        ``pip install latentaug[distributed]``: Lightning Fabric starts the script again for each, where ``torchrun``
        has not. "auto": all GPUs, or as many as ``torchrun`` has started.
    num_nodes : int, default=1
        Machines, each with as many devices.
    strategy : {"auto", "ddp"}, default="auto"
        How they train together, by Fabric's name: every process has the whole network, and gradients are averaged.
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
    loss_curve_ : list of float
        Mean objective of each pass, under its whole weights.
    validation_curve_ : list of float
        Held-out objective after each pass, with early stopping.
    stream_ : Stream or None
        Where a training by `partial_fit` stands: seed, steps, what the optimizer remembers.
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

    def __init__(
        self,
        latent_dim=16,
        *,
        hidden_channels=(16, 32),
        kl_weight=1.0,
        kl_warmup=1.0,
        reconstruction_weight=1.0,
        optimizer="adam",
        learning_rate="cosine",
        learning_rate_init=4e-3,
        beta_1=0.9,
        beta_2=0.99,
        epsilon=None,
        max_iter=20,
        batch_size=64,
        image_shape=None,
        device="auto",
        devices=1,
        num_nodes=1,
        strategy="auto",
        precision="32",
        refine_steps=0,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        checkpoint_dir=None,
        random_state=None,
        verbose=0,
    ):
        self.latent_dim = latent_dim
        self.hidden_channels = hidden_channels
        self.kl_weight = kl_weight
        self.kl_warmup = kl_warmup
        self.reconstruction_weight = reconstruction_weight
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
        self.num_nodes = num_nodes
        self.strategy = strategy
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
    def fit(self, X, y=None):
        """Train on images.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Integers 0..255 or floats in [0, 1]; floats outside are taken on their own range.
        y : None
            Ignored.

        Returns
        -------
        VAE
            Itself, fitted.

        Raises
        ------
        ValueError, TypeError
            On a wrong parameter or array, and where training diverges.
        """
        images = check_images(self, X, reset=True, image_shape=self.image_shape)
        return fit_network(self, Views(images, {}, self.format_), train_autoencoder, X, y)

    @all_or_nothing
    def partial_fit(self, X, y=None):
        """Go once over some images of a stream, from where the last call, or `fit`, left off.

        A stream has no known end: learning rate and divergence are warmed up over the first thousand steps and then
        stay, whatever `learning_rate` and `max_iter` say. Better few large parts in random order than many small ones.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            As in `fit`. Floats outside [0, 1] are taken on the range of the first part.
        y : None
            Ignored.

        Returns
        -------
        VAE
            Itself; `n_iter_` and `loss_curve_` go on, with an entry a call.

        Raises
        ------
        ValueError, TypeError
            As in `fit`, and with `early_stopping`.
        """
        first = not hasattr(self, "network_")
        images = check_images(self, X, reset=first, image_shape=self.image_shape)
        return fit_network(self, Views(images, {}, self.format_), train_autoencoder, X, y, partial=True)

    @all_or_nothing
    def fit_views(self, views: Views, stage: Callable[..., TrainingLog] = train_autoencoder, partial: bool = False):
        """Train on every view of a data set.

        Parameters
        ----------
        views : Views
            Compositions of augmentations over images.
        stage : callable, default=train_autoencoder
            What to train: a function of `latentaug.stages`, called with network, views, objective, settings and draws.
        partial : bool, default=False
            Whether to go on, as `partial_fit` does.

        Returns
        -------
        VAE
            Itself, fitted.
        """
        check_kind("views", views, Views, "a Views")
        check_kind("stage", stage, Callable, "a function of latentaug.stages")
        check_flag("partial", partial)
        return fit_network(self, views, stage, views.images, None, partial)

    def _check_network(self):
        """Check the parameters of the network and of its objective."""
        check_flag("warm_start", self.warm_start)
        check_choice("precision", self.precision, PRECISIONS)
        check_processes(self)
        check_number("latent_dim", self.latent_dim, low=1, integer=True)
        check_number("kl_weight", self.kl_weight, low=0)
        check_number("kl_warmup", self.kl_warmup, low=0)
        check_number("refine_steps", self.refine_steps, low=0, integer=True)
        check_number("reconstruction_weight", self.reconstruction_weight, low=0)
        if not isinstance(self.hidden_channels, (tuple, list)) or not self.hidden_channels:
            raise TypeError(f"hidden_channels must be a tuple of integers. Got {shown(self.hidden_channels)}.")
        for channels in self.hidden_channels:
            check_number("hidden_channels", channels, low=1, integer=True)

    def _build_network(self) -> Autoencoder:
        return build(self.image_shape_, self.latent_dim, self.hidden_channels)

    @property
    def _n_features_out(self):
        check_is_fitted(self)
        return self.latent_dim

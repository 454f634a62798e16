"""The estimator TransferHead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted
from torch import nn

from latentaug._checks import RandomState, check_flag, check_verbosity, shown
from latentaug.augs.steps import Composition, repeated
from latentaug.augs.views import Views, views_of
from latentaug.images import check_images
from latentaug.latent import maps
from latentaug.learn.objectives import HeadDecoding
from latentaug.models.augmenter import LatentAugmenter
from latentaug.models.base import all_or_nothing
from latentaug.models.codec import Codec, fitted_model, start_autoencoder
from latentaug.models.latent_model import LatentModel, refuse_families
from latentaug.models.vae import VAE

__all__ = ["TransferHead", "check_pairing"]


def check_pairing(pairing: Any, sources: list[str], targets: list[str]) -> dict[str, str]:
    """Check a bijection from source names to target names, by position if None; in the order of the sources."""
    if len(sources) != len(targets):
        raise ValueError(
            f"augs must be as many as the augmenter's {len(sources)} ({', '.join(sources)}). "
            f"Got {len(targets)}: {', '.join(targets)}."
        )
    if pairing is None:
        return dict(zip(sources, targets, strict=True))
    if not isinstance(pairing, Mapping):
        raise TypeError(f"pairing must be a dict of source name to target name, or None. Got {shown(pairing)}.")
    if not all(isinstance(name, str) for pair in pairing.items() for name in pair) or not (
        set(pairing) == set(sources) and set(pairing.values()) == set(targets)
    ):
        raise ValueError(
            f"pairing must take each of {', '.join(sources)} to its own one of {', '.join(targets)}. "
            f"Got {shown(pairing)}."
        )
    return {source: pairing[source] for source in sources}


def _carry(latent_maps: Mapping[str, maps.LatentMap], data: Views) -> partial[np.ndarray]:
    """From latents and the number of each one's view to latents carried by the maps of that view."""
    return partial(maps.apply_each, [[latent_maps[name] for name in repeated(c)] for c in data.compositions])


class TransferHead(LatentModel):
    """A new decoder on the latent maps of a `LatentAugmenter`, for other augmentations.

    The maps of the augmenter stand for augmentations that it has never seen: ``head(encode(X) @ L)``, where `encode`
    and L are the augmenter's, untouched, and `head` is trained on the images of the new augmentations.

    Parameters
    ----------
    augmenter : LatentAugmenter
        A fitted one is used as it is, by any number of heads; an unfitted one is cloned and fitted first. Cloning a
        head unfits its augmenter, unless that is held in a `FrozenEstimator`.
    augs : list of callable, (str, callable) or str
        The target augmentations, as many as the augmenter's.
    pairing : dict of str to str, default=None
        From each name of the augmenter to a target name; by position if None.
    autoencoder : VAE, default=None
        The settings of the head's network and training; those of the augmenter's `VAE`, or `VAE()`, if None. Its
        `latent_dim` is the augmenter's.
    undo : bool, default=True
        Whether to train, beside the decoder, an encoder that reads augmented images back, which the paper's heads
        have not. Without it training costs less, and there are no inverse verbs.
    apply : str, list of str or None, default=None
        What `transform` applies, the leftmost first; all target augmentations in order if None, none if empty.
    random_state : int, RandomState instance or None, default=None
        Seed of all randomness, of an unfitted augmenter without a seed too. No global generator is touched.
    verbose : int, default=0
        Whether the training of the head shows progress, where `autoencoder` is None.

    Attributes
    ----------
    augmenter_ : LatentAugmenter
        Fitted; not a copy where a fitted one was given.
    autoencoder_ : VAE
        The head: its decoder is the new one, its encoder reads augmented images back if `undo`.
    decoder_ : torch.nn.Module
        The new decoder.
    pairing_ : dict of str to str
        From each name of the augmenter to the target name.
    latent_maps_ : dict of str to ndarray of shape (d, d)
        The augmenter's, under the target names.
    condition_numbers_ : dict of str to float
    algebra_ : Algebra
        The laws of the target augmentations.
    compositions_ : list of tuple of str
        The target views trained on: original, each, and every composition in the order of `augs`.
    latent_boxes_ : dict of tuple of str to ndarray of shape (2, d)
    aug_names_ : list of str
        The target names.
    undo_ : bool
        Whether the head reads augmented images.
    image_shape_ : tuple of int
    n_features_in_ : int

    References
    ----------
    "Towards Composable Distributions of Latent Space Augmentations", arXiv 2303.03462, Eq. 7.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from latentaug import VAE, LatentAugmenter, TransferHead
    >>> X = load_digits().images[:200] / 16
    >>> flips = LatentAugmenter(["flip_lr", "flip_ud"], PCA(8), method="staged").fit(X)
    >>> quick = VAE(hidden_channels=(4, 8), max_iter=1)
    >>> head = TransferHead(flips, ["shear_x", "canny"], autoencoder=quick, random_state=0).fit(X)
    >>> head.pairing_
    {'flip_lr': 'shear_x', 'flip_ud': 'canny'}
    >>> head.compose("shear_x", "canny").transform(X).shape
    (200, 8, 8)
    """

    augmenter_: LatentAugmenter
    pairing_: dict[str, str]
    undo_: bool

    def __init__(
        self,
        augmenter: Any,
        augs: Sequence[Any],
        pairing: Mapping[str, str] | None = None,
        *,
        autoencoder: VAE | None = None,
        undo: bool = True,
        apply: Any = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.augmenter = augmenter
        self.augs = augs
        self.pairing = pairing
        self.autoencoder = autoencoder
        self.undo = undo
        self.apply = apply
        self.random_state = random_state
        self.verbose = verbose

    @all_or_nothing
    def fit(self, X: ArrayLike, y: Any = None) -> TransferHead:
        """Train the head on the original, each target augmentation and their compositions.

        Parameters
        ----------
        X : array-like of shape (n_images, H, W), (n_images, H, W, C) or (n_images, n_features)
            Images of the shape that the augmenter was fitted on.
        y : None
            Ignored.

        Raises
        ------
        ValueError, TypeError
            On a wrong parameter or array, augmentations of another number, or a pairing that is no bijection.
        """
        self._check_parameters()
        with self._fitting(X, y, max_subtasks=2) as fitting:
            seed = fitting.seed
            self.augmenter_ = fitted_model(self.augmenter, X, seed, fitting.of)
            check_images(self.augmenter_, X, reset=False)
            data = self._make_views(X)
            self.pairing_ = check_pairing(self.pairing, self.augmenter_.aug_names_, list(data.augs))
            L = {target: self.augmenter_.latent_maps_[name] for name, target in self.pairing_.items()}
            self._find_laws(data)
            self.autoencoder_, self.undo_ = self._start_head(seed), bool(self.undo)
            with fitting.of(self.autoencoder_):
                given = self._encode(data), _carry(L, data), self.undo_, self._poses()
                self.autoencoder_.learn(data, HeadDecoding, *given)
            self._tell_maps(L, data if self.undo_ else data.of([()]))
        return self

    @property
    def decoder_(self) -> nn.Module:
        """The new decoder, a torch module."""
        check_is_fitted(self)
        return self.autoencoder_.network_.decoder

    @property
    def is_invertible(self) -> bool:
        """Whether augmentations can be undone: by maps that can be, and an encoder of augmented images."""
        return bool(getattr(self, "undo_", self.undo)) and getattr(self, "augmenter_", self.augmenter).is_invertible

    def reads(self, view: Composition) -> bool:
        """Whether the head can encode the images of a view: any if `undo`, the originals if not."""
        return super().reads(view) and (self.undo_ or not view)

    def _check_parameters(self) -> None:
        if not isinstance(getattr(self.augmenter, "estimator", self.augmenter), LatentAugmenter):
            raise TypeError(f"augmenter must be a LatentAugmenter. Got {type(self.augmenter).__name__}.")
        if not isinstance(self.autoencoder, (VAE, type(None))):
            raise TypeError(f"autoencoder must be a VAE or None. Got {type(self.autoencoder).__name__}.")
        check_flag("undo", self.undo)
        check_verbosity(self.verbose)

    def _make_views(self, X: Any) -> Views:
        """Views of the targets, on the value range that the augmenter knows."""
        data = views_of(self, X, self.augmenter_.image_shape_)
        refuse_families(self, [*data.families, *self.augmenter_.algebra_.families])
        self.format_ = replace(self.format_, value_range=self.augmenter_.format_.value_range)
        return Views(data.images, data.augs, self.format_)

    def _start_head(self, seed: int) -> VAE:
        """A VAE with the settings asked for and the latent space of the augmenter."""
        found = self.augmenter_.autoencoder_
        default = clone(found) if isinstance(found, VAE) else VAE()
        head = start_autoencoder(self.autoencoder or default.set_params(random_state=None, verbose=self.verbose), seed)
        return head.set_params(latent_dim=self.augmenter_.latent_dim_)

    def _poses(self) -> Any:
        """The poses of the augmenter's latents, where they are contents and poses."""
        return getattr(getattr(self.augmenter_.autoencoder_, "network_", None), "poses", None)

    def _encode(self, data: Views) -> np.ndarray:
        """Latents (n, d) of the original images, float32."""
        encode = self.encoder_of(()).encode
        return np.concatenate([encode(batch).astype(np.float32) for batch in data.batches(())])

    def encoder_of(self, view: Composition) -> Codec:
        """The codec that encodes the images of a view: the augmenter's for originals, the head's for others."""
        if not self.reads(view):
            raise ValueError(
                "This head reads no augmented images. Allowed: originals, or a head fitted with undo=True."
            )
        return self.decoder_of(view) if view else self.augmenter_.encoder_of(view)

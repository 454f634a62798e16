"""What a model with latent maps is measured beside: no model at all, an autoencoder alone, principal components."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from latentaug._validation import ImageFormat
from latentaug.algebra import Algebra, cyclic_table
from latentaug.augmenter import LatentAugmenter
from latentaug.augs import name_augs
from latentaug.codec import Codec
from latentaug.views import Composition, Views

__all__ = ["AutoencoderAlone", "DoNothing", "fit_pca"]

PCA_IMAGES = 10_000  # Components of more are the same, and the images of all views are held at once.


class DoNothing:
    """The identity in place of a model: every image stays as it is, whatever is asked for.

    Parameters
    ----------
    model : LatentAugmenter, TransferHead, ConditionalVAE or AutoencoderAlone
        Whose augmentations are not done.
    """

    is_invertible = True

    def __init__(self, model: Any) -> None:
        self.augs, self.aug_names_, self.algebra_ = model.augs, model.aug_names_, model.algebra_
        self.format_: ImageFormat = model.format_
        self.latent_maps_: dict[str, np.ndarray] = {}

    def knows(self, composition: Composition) -> bool:
        """Every composition is left undone."""
        return True

    reads = knows

    def carry(self, X: np.ndarray, source: Composition = (), target: Composition = ()) -> np.ndarray:
        """The images themselves, as float32."""
        return self.format_.to_output(X)


class AutoencoderAlone:
    """An autoencoder as a model of no augmentations: it can reconstruct.

    Parameters
    ----------
    autoencoder : transformer with `inverse_transform`
        Fitted.
    format_ : ImageFormat
        Of the images.
    """

    is_invertible = True

    def __init__(self, autoencoder: Any, format_: ImageFormat) -> None:
        self.codec, self.format_ = Codec(autoencoder, format_), format_
        self.augs: list[str] = []
        self.aug_names_: list[str] = []
        self.algebra_ = Algebra({}, {}, {}, [()], cyclic_table(1))
        self.latent_maps_: dict[str, np.ndarray] = {}

    def knows(self, composition: Composition) -> bool:
        """Only the original."""
        return not composition

    reads = knows

    def encode(self, X: np.ndarray, view: Composition = ()) -> np.ndarray:
        """Latent rows (n, d) of a stack of images."""
        return self.codec.encode(X)

    def carry(self, X: np.ndarray, source: Composition = (), target: Composition = ()) -> np.ndarray:
        """Reconstructed images, as float32."""
        return self.codec.decode(self.encode(X), flat=False)


def fit_pca(model: Any, images: np.ndarray, seed: int) -> tuple[str, Any]:
    """The same augmentations on as many principal components: a label, and a fitted model.

    Parameters
    ----------
    model : LatentAugmenter, TransferHead, ConditionalVAE or AutoencoderAlone
        Fitted; gives augmentations and latent dimension.
    images : ndarray of shape (n, H, W) or (n, H, W, C)
        Of these up to 10,000 are taken, evenly.
    seed : int

    Returns
    -------
    label : str
    model : LatentAugmenter or AutoencoderAlone
        Of augmentations known by pairs of images only there is nothing to learn from images alone.
    """
    rows = np.unique(np.linspace(0, len(images) - 1, min(len(images), PCA_IMAGES)).astype(int))
    few = images[rows]
    pca = PCA(min(model.encode(few[:1]).shape[1], model.format_.n_pixels, len(few)), random_state=seed)
    label = f"PCA({pca.n_components})"
    augs = [(name, aug) for name, aug in name_augs(model.augs or model.aug_names_).items() if aug is not None]
    if augs:
        return label, LatentAugmenter(augs, pca, method="staged", random_state=seed).fit(few)
    alone = AutoencoderAlone(pca, model.format_)
    alone.codec.fit(Views(few, {}, model.format_))
    return label, alone

"""Image space: augmentations, pure functions on a batch of images, and those of other libraries."""

from __future__ import annotations

from latentaug.augs.adapters import from_albumentations, from_kornia, from_torchvision
from latentaug.augs.catalogue import (
    CATALOGUE,
    canny,
    edge_detect,
    flip_lr,
    flip_ud,
    mini_image,
    name_augs,
    rotate_ccw,
    rotate_cw,
    shear_x,
)
from latentaug.augs.pairs import PairedViews

__all__ = [
    "CATALOGUE", "PairedViews", "canny", "edge_detect", "flip_lr", "flip_ud", "from_albumentations", "from_kornia",
    "from_torchvision", "mini_image", "name_augs", "rotate_ccw", "rotate_cw", "shear_x",
]  # fmt: skip

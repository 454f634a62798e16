"""Image space: augmentations, pure functions on a batch of images, and those of other libraries."""

from __future__ import annotations

from latentaug.augs.adapters import (
    family_from_kornia,
    family_from_torchvision,
    from_albumentations,
    from_kornia,
    from_torchvision,
)
from latentaug.augs.catalogue import (
    CATALOGUE,
    FAMILIES,
    brightness,
    canny,
    contrast,
    edge_detect,
    flip_lr,
    flip_ud,
    gamma,
    hue,
    mini_image,
    name_augs,
    rotate,
    rotate_ccw,
    rotate_cw,
    scale,
    shear,
    shear_x,
    shear_y,
    shift_x,
    shift_y,
)
from latentaug.augs.families import OneParameter
from latentaug.augs.pairs import PairedViews

__all__ = [
    "CATALOGUE", "FAMILIES", "OneParameter", "PairedViews", "brightness", "canny", "contrast", "edge_detect",
    "family_from_kornia", "family_from_torchvision", "flip_lr", "flip_ud", "from_albumentations", "from_kornia",
    "from_torchvision", "gamma", "hue", "mini_image", "name_augs", "rotate", "rotate_ccw", "rotate_cw", "scale",
    "shear", "shear_x", "shear_y", "shift_x", "shift_y",
]  # fmt: skip

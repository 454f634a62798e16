"""What augmentations, views given as arrays and arrays to write into must keep: shape, dtype and range of images."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite

from latentaug._validation import ImageFormat, as_array, check_kind, shown

__all__ = ["check_aug_output", "check_out", "check_paired", "check_pairing", "check_stack", "run_aug"]


def check_stack(images: Any) -> None:
    """Refuse what is no image stack (n, H, W) or (n, H, W, C): finite numbers, integers in 0..255."""
    check_kind("Images", images, np.ndarray, "a numpy array (n, H, W) or (n, H, W, C)")
    if images.ndim not in (3, 4) or not images.size:
        raise ValueError(f"Images must be an array (n, H, W) or (n, H, W, C). Got one of shape {images.shape}.")
    if images.dtype.kind not in "buif":
        raise TypeError(f"Images must be numbers. Got an array of {images.dtype}.")
    if images.dtype.kind == "f":
        assert_all_finite(images, input_name="Images")
    elif images.dtype.itemsize > 1 and (images.min() < 0 or images.max() > 255):
        raise ValueError(f"Integer images must lie in 0..255. Got {images.min()}..{images.max()}.")


def run_aug(name: str, aug: Callable, images: np.ndarray) -> np.ndarray:
    """What an augmentation gives for a copy of some images; ValueError, by its name, where it fails or cuts."""
    try:
        augmented = aug(images.copy())
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"Augmentation {name!r} failed on images {images.shape} {images.dtype}: {reason}") from error
    fault = _shape_fault(images, augmented)
    if fault is not None:
        raise ValueError(f"Augmentation {name!r} {fault}.")
    return augmented


def check_paired(views: Any, images: np.ndarray, format_: ImageFormat) -> dict[tuple[str, ...], np.ndarray]:
    """Check views given as arrays: as many images as `images`, of the same shape, dtype kind and range."""
    check_kind("views", views, Mapping, "a dict of composition to images")
    paired = {}
    for key, given in views.items():
        composition = (key,) if isinstance(key, str) else key
        if not isinstance(composition, tuple) or not all(isinstance(name, str) for name in composition):
            raise TypeError(f"A key of views must be a tuple of names, such as ('flip_lr',). Got {shown(key)}.")
        array = as_array(f"View {composition!r}", given)
        if array.shape == (len(images), math.prod(format_.image_shape)):
            array = format_.layout(array, flat=False)
        fault = _shape_fault(images, array) or _output_fault(images, array, format_)
        if fault is not None:
            raise ValueError(f"View {composition!r} {fault}.")
        if composition:
            paired[composition] = array
    return paired


def _shape_fault(images: np.ndarray, augmented: Any) -> str | None:
    """What is wrong with the shape of the output of an augmentation, or None."""
    if not isinstance(augmented, np.ndarray):
        return f"returned a {type(augmented).__name__}; allowed: a numpy array"
    if augmented.shape != images.shape:
        return (
            f"changed the shape of the images from {images.shape} to {augmented.shape}; "
            "allowed: an augmentation keeps the shape"
        )
    return None


def _output_fault(images: np.ndarray, augmented: np.ndarray, format_: ImageFormat) -> str | None:
    """What is wrong with the output of an augmentation, or None."""
    if augmented.dtype.kind != images.dtype.kind:
        return (
            f"returned {augmented.dtype} for {images.dtype} images; allowed: the dtype of its "
            "input, since it tells the scale"
        )
    if augmented.dtype.kind == "f" and not np.isfinite(augmented).all():
        return "returned NaN or infinity; allowed: finite pixels"
    low, high = (0.0, 255.0) if images.dtype.kind in "ui" else format_.value_range
    slack = 1e-4 * (high - low)
    if augmented.min() < low - slack or augmented.max() > high + slack:
        return (
            f"left the value range {low:g}..{high:g} with {augmented.min():g}.."
            f"{augmented.max():g}; allowed: pixels stay in the range of the data"
        )
    return None


def check_aug_output(name: str, aug: Callable, images: np.ndarray, format_: ImageFormat) -> None:
    """Try an augmentation twice on a few images and refuse it, by its name, where it breaks the contract.

    Raises
    ------
    ValueError
        Where it fails, changes shape or kind of dtype, is not deterministic, returns NaN, or
        leaves the value range.
    """
    first, second = run_aug(name, aug, images), run_aug(name, aug, images)
    fault = _output_fault(images, first, format_)
    if fault is None and not np.array_equal(first, second):
        fault = "gave two results for the same images; allowed: a deterministic function (fix its random parameters)"
    if fault is not None:
        raise ValueError(f"Augmentation {name!r} {fault}.")


def check_out(out: Any, images: np.ndarray, shape: tuple[int, ...]) -> None:
    """Refuse an array that images of a shape cannot be written into, or one that overlaps those that they are made of.

    Raises
    ------
    TypeError, ValueError
        Before anything is written.
    """
    check_kind("out", out, np.ndarray, "a numpy array")
    wide = out.dtype.itemsize in (4, 8) if out.dtype.kind == "f" else out.dtype.kind in "ui"
    if not wide or out.dtype == np.int8:
        raise TypeError(f"out must be of float32, float64 or an integer dtype that holds 0..255. Got {out.dtype}.")
    if out.shape != shape:
        raise ValueError(f"out must have the shape of X, {shape}. Got {out.shape}.")
    if not out.flags.writeable:
        raise ValueError("out must be an array that can be written to. Got a read-only one.")
    if np.may_share_memory(out, images):
        raise ValueError("out must be another array than X, which is never written to. Got one that overlaps it.")


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

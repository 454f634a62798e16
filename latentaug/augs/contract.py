"""Image space: what augmentations must keep: shape, dtype and range, image by image, the same every time."""

from __future__ import annotations

import pickle
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from latentaug.augs.families import OneParameter
from latentaug.images import ImageFormat

__all__ = ["act", "check_aug", "check_family", "check_pixels", "check_shape", "run_aug"]

TRIES = 24  # of one batch: a function that changes it half of the time passes once in ten million fits
TRIES_OF_MOVERS = 64
# Of torch's generator: the first number it gives is nearly 0, nearly 1, and whatever.
SEEDS = (18881, 10642, *range(TRIES_OF_MOVERS - 2))
_numpy: Any = np.random  # whose global generator is looked at, and never drawn from
DETERMINISTIC = "a deterministic function (fix its random parameters)"


def act(aug: Callable, images: np.ndarray, format_: ImageFormat) -> Any:
    """What an augmentation gives for some images; one that takes floats in [0, 1] only is given those."""
    if images.dtype.kind != "f" or format_.value_range == (0.0, 1.0) or not getattr(aug, "on_unit", False):
        return aug(images)
    low, high = format_.value_range
    augmented = aug(np.clip((images - low) / ((high - low) or 1.0), 0, 1).astype(images.dtype, copy=False))
    scaled = isinstance(augmented, np.ndarray) and augmented.dtype.kind == "f"
    return (augmented * (high - low) + low).astype(augmented.dtype, copy=False) if scaled else augmented


def run_aug(name: str, aug: Callable, images: np.ndarray, format_: ImageFormat) -> np.ndarray:
    """What an augmentation gives for a copy of some images; ValueError, by its name, where it breaks the contract.

    What torch's global generator gives it, which was tried to change nothing, is given back.
    """
    torch = sys.modules.get("torch")
    state = None if torch is None else torch.get_rng_state()
    try:
        return _run(name, aug, images, format_)
    finally:
        if torch is not None:
            torch.set_rng_state(state)


def _run(name: str, aug: Callable, images: np.ndarray, format_: ImageFormat) -> np.ndarray:
    try:
        augmented = act(aug, images.copy(), format_)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"Augmentation {name!r} failed on images {images.shape} {images.dtype}: {reason}") from error
    check_shape(f"Augmentation {name!r}", augmented, images)
    check_pixels(f"Augmentation {name!r}", augmented, images, format_)
    return augmented


def check_aug(name: str, aug: Callable, images: np.ndarray, format_: ImageFormat) -> None:
    """Try an augmentation on a few images; ValueError, by its name, where it draws, or acts on the batch."""

    def run(images: np.ndarray) -> np.ndarray:
        return _run(name, aug, images, format_)

    with _generators_kept():
        first = run(images)  # torch may be imported by it
        before = _generators()
        run(images)
        moved = [owner for owner, state in _generators().items() if state != before.get(owner, state)]
        if set(moved) - {"torch"}:
            owners = " and ".join(moved)
            raise ValueError(f"Augmentation {name!r} moves the global generator of {owners}; allowed: {DETERMINISTIC}.")
        for seed in SEEDS if moved else range(TRIES):
            if moved:
                sys.modules["torch"].default_generator.manual_seed(seed)
            if not np.array_equal(first, run(images)):
                raise ValueError(
                    f"Augmentation {name!r} gave two results for the same images; allowed: {DETERMINISTIC}."
                )
        _check_by_image(name, run, images)


def check_family(name: str, family: OneParameter, images: np.ndarray, format_: ImageFormat) -> None:
    """Try a family at some strengths, as `check_aug`; ValueError where strength 0 changes images."""
    for t in {family.low, 0.3 * family.high, family.high} - {0}:
        check_aug(name, family.at(t), images, format_)
    if not _alike(run_aug(name, family.at(0.0), images, format_), images):
        raise ValueError(f"Augmentation {name!r} changes images at strength 0; allowed: f(X, 0) = X.")
    each = family.low + (family.high - family.low) * np.linspace(0.1, 1, len(images))
    together = run_aug(name, family.at(each), images, format_)
    alone = [run_aug(name, family.at(t), images[k : k + 1], format_) for k, t in enumerate(each)]
    if not _alike(together, np.concatenate(alone)):
        raise ValueError(f"Augmentation {name!r} gives an image beside others, at other strengths, something else.")


def _check_by_image(name: str, run: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> None:
    """Refuse an augmentation that makes something else of an image alone, or of the images in another order."""
    batched = f"Augmentation {name!r} acts on the batch, not image by image"
    try:
        alike = _is_by_image(run, images)
    except ValueError as error:
        raise ValueError(f"{batched}: of one image alone, {error}") from error
    with suppress(ValueError):  # of noise, which is no image, but where what neighbours leave is seen
        alike = alike and _is_by_image(run, _shuffled_pixels(images))
    if not alike:
        raise ValueError(f"{batched}: an image alone, or in another order, becomes something else.")


def _is_by_image(run: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> bool:
    whole, turned = run(images), run(images[::-1])[::-1]
    alone = np.concatenate([run(images[k : k + 1]) for k in range(len(images))])
    return _alike(whole, alone) and _alike(whole, turned)


def _shuffled_pixels(images: np.ndarray) -> np.ndarray:
    """Images of the same pixels in another order, each; eight at least."""
    rows = np.resize(images, (max(8, len(images)), *images.shape[1:])).reshape(max(8, len(images)), -1)
    return np.random.default_rng(0).permuted(rows, axis=1).reshape(-1, *images.shape[1:])


def _alike(A: np.ndarray, B: np.ndarray) -> bool:
    """Equal up to what a batch of another size rounds otherwise."""
    if A.dtype.kind == "f":
        return np.allclose(A, B, rtol=1e-4, atol=1e-5 * float(np.abs(A).max(initial=0)))
    differ = A != B
    few = differ.mean() <= 0.01 and A.max(initial=0) > 15
    return not differ.any() or bool(few and np.abs(A.astype(int) - B.astype(int)).max() <= 1)


def _generators() -> dict[str, Any]:
    """The state of the global generators that there are."""
    states = {"numpy": pickle.dumps(_numpy.get_state(legacy=False)), "random": random.getstate()}
    torch = sys.modules.get("torch")
    return states if torch is None else states | {"torch": torch.get_rng_state().numpy().tobytes()}


@contextmanager
def _generators_kept() -> Iterator[None]:
    """Leave the global generators as they are."""
    known = _numpy.get_state(legacy=False), random.getstate()
    drawn = sys.modules["torch"].get_rng_state() if "torch" in sys.modules else None
    try:
        yield
    finally:
        _numpy.set_state(known[0])
        random.setstate(known[1])
        if drawn is not None:
            sys.modules["torch"].set_rng_state(drawn)


def check_shape(label: str, augmented: Any, images: np.ndarray) -> None:
    """Refuse augmented images that are no array of the shape of the images."""
    if not isinstance(augmented, np.ndarray):
        raise ValueError(f"{label} returned a {type(augmented).__name__}; allowed: a numpy array.")
    if augmented.shape[1:] != images.shape[1:] or (len(augmented) != len(images) and not label.startswith("View")):
        change = f"from {images.shape} to {augmented.shape}; allowed: an augmentation keeps the shape"
        raise ValueError(f"{label} changed the shape of the images {change}.")


def check_pixels(label: str, augmented: np.ndarray, images: np.ndarray, format_: ImageFormat) -> None:
    """Refuse augmented images of another kind of dtype or with pixels outside the range, also that of the images."""
    if augmented.dtype.kind != images.dtype.kind:
        came, allowed = f"{augmented.dtype} for {images.dtype} images", "its input's dtype, which tells the scale"
        raise ValueError(f"{label} returned {came}; allowed: {allowed}.")
    if augmented.dtype.itemsize == 1:
        return
    least, most = augmented.min(), augmented.max()  # NaN where there is one
    low, high = (0.0, 255.0) if images.dtype.kind in "ui" else format_.value_range
    slack = 1e-4 * (high - low)
    if low - slack <= least and most <= high + slack:
        return
    if not (np.isfinite(least) and np.isfinite(most)):
        raise ValueError(f"{label} returned NaN or infinity; allowed: finite pixels.")
    if least < min(low, images.min()) - slack or most > max(high, images.max()) + slack:
        left = f"left the value range {low:g}..{high:g} with {least:g}..{most:g}"
        raise ValueError(f"{label} {left}; allowed: pixels stay in the range of the data.")

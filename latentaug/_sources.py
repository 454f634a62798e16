"""Images that come as no array: datasets and loaders of torch, pictures of Pillow. Neither is imported here."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from latentaug._checks import one_line, shown

__all__ = ["are_pictures", "check_pictures", "gathered"]

MOST_CHANNELS = 4  # of images whose channels may come last
MODES = ("1", "L", "RGB")  # of pictures whose numbers are what one sees
IN_ORDER = "Allowed: its dataset itself, or DataLoader(dataset, batch_size=...)"


def gathered(X: Any, in_order: bool = True, name: str = "X") -> Any:
    """What is a Dataset or DataLoader of torch as one array, channels last; all else as it is.

    Parameters
    ----------
    X : object
        A Dataset holds images, or tuples that begin with one, and a DataLoader batches of them: tensors (C, H, W),
        (H, W) or of a row, arrays, or pictures of Pillow. One channel alone is left out of the shape.
    in_order : bool, default=True
        Whether what is made of the images has to be found again: a loader that shuffles, or leaves images out, is
        then refused.
    name : str, default="X"
        What an error calls it.
    """
    data = sys.modules.get("torch.utils.data")
    if data is None or not isinstance(X, (data.Dataset, data.DataLoader)):
        return X
    label, loads = f"{name}, a {type(X).__name__}", isinstance(X, data.DataLoader)
    if loads and X.batch_sampler is None:
        raise ValueError(f"{label}, has no batch_size, so that one image cannot be told from many. {IN_ORDER}.")
    if loads and in_order and _is_shuffled(X, data):
        raise ValueError(f"{label}, shuffles or leaves out images, so that none is found again. {IN_ORDER}.")
    with _own_generator(), one_line(f"{label}, does not give images"):
        items = X if loads or isinstance(X, data.IterableDataset) else (X[k] for k in range(len(X)))
        stacks = [_stack(item, loads) for item in items]
        if not stacks:
            raise ValueError("it is empty")
        _check_alike(stacks)
        return np.concatenate(stacks)


def _is_shuffled(loader: Any, data: Any) -> bool:
    """Whether a loader may give images in another order than its dataset, or not all of them."""
    if isinstance(loader.dataset, data.IterableDataset):
        return loader.drop_last
    batches = loader.batch_sampler
    plain = type(batches) is data.BatchSampler and type(batches.sampler) is data.SequentialSampler
    return not plain or batches.drop_last


@contextmanager
def _own_generator() -> Iterator[None]:
    """Leave the global generator of torch as it was: a loader draws a seed from it."""
    import torch

    with torch.random.fork_rng(devices=[]):
        yield


def _check_alike(stacks: list[np.ndarray]) -> None:
    kinds = list(dict.fromkeys(f"{stack.shape[1:]} of {stack.dtype}" for stack in stacks))
    if len(kinds) > 1:
        raise ValueError(f"they must have one shape and dtype, and have {', '.join(kinds[:3])}")


def _stack(item: Any, loads: bool) -> np.ndarray:
    """An item of a Dataset, or a batch of a DataLoader, as a stack of images or rows."""
    image = item[0] if isinstance(item, (tuple, list)) and len(item) else item
    if are_pictures([image]):
        check_pictures([image])
    elif not hasattr(image, "shape") or not hasattr(image, "dtype"):
        what = f"a {type(item).__name__}" if isinstance(item, (dict, tuple, list)) else shown(item)
        raise ValueError(f"an item must be an image, or a tuple that begins with one; it is {what}")
    is_tensor = hasattr(image, "detach")
    image = np.asarray(image.detach().cpu() if is_tensor else image)
    stack = image if loads else image[None]
    if not 2 <= stack.ndim <= 4:
        raise ValueError(f"an image has 1 to 3 axes; its shape is {stack.shape[1:]}")
    return _channels_last(stack, is_tensor)


def _channels_last(stack: np.ndarray, is_tensor: bool) -> np.ndarray:
    """Turn (n, C, H, W), which is how torch lays out images, unless the last axis alone can be that of channels."""
    if stack.ndim < 4:
        return stack
    first, last = (stack.shape[axis] <= MOST_CHANNELS for axis in (1, -1))
    if is_tensor and (first or not last):
        stack = np.moveaxis(stack, 1, -1)
    return stack[..., 0] if stack.shape[-1] == 1 else stack


def are_pictures(X: Iterable[Any]) -> bool:
    """Whether there are pictures of Pillow among some things."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and any(isinstance(item, pillow.Image) for item in X)


def check_pictures(X: Sequence[Any]) -> None:
    """Refuse pictures of several sizes or modes, or of a mode whose numbers are not what one sees; nothing is read."""
    kinds = list(dict.fromkeys((getattr(p, "mode", type(p).__name__), getattr(p, "size", None)) for p in X))
    wrong = [mode for mode, _ in kinds if mode not in MODES]
    if len(kinds) > 1:
        told = ", ".join(f"{mode} {size}" for mode, size in kinds[:3])
        cure = "[p.convert('RGB').resize((64, 64)) for p in X]"
        raise ValueError(f"Pictures must have one size and one mode. Got {told}. Make them alike: {cure}.")
    if wrong:
        cure = "p.convert('RGB'), or p.convert('L') for grey"
        raise ValueError(f"Pictures must have a mode of {', '.join(MODES)}. Got {wrong[0]}. Convert each: {cure}.")

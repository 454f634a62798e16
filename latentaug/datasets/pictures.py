"""Pictures in a folder, made one size."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from latentaug.datasets.homes import brief, sentence

__all__ = ["Pictures", "load_folder"]

SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"))
MODES = ("RGB", "L")


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of a folder, in the order of their paths.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, 3) or (n, height, width), dtype uint8
        Colour or grey.
    labels : ndarray of shape (n,), or None
        The sub-folder that each lies in; None where none lies in one.
    paths : list of Path
        Their files.
    """

    images: np.ndarray = field(repr=False)
    labels: np.ndarray | None
    paths: list[Path] = field(repr=False)


def load_folder(
    path: str | os.PathLike[str],
    *,
    size: int | tuple[int, int],
    mode: str = "RGB",
    how: str = "crop",
    background: str = "white",
) -> Pictures:
    """Read all pictures of a folder and of those below it, upright and of one size.

    Files that end as pictures do (png, jpg, webp, tif, bmp, gif, ppm, pgm) are read by Pillow; others, and what is
    hidden, are left alone. Pictures are turned as their camera says (EXIF), what is transparent shows the background,
    and of moving pictures the first frame is taken. Of 16 bits the upper eight are kept.

    Parameters
    ----------
    path : str or path-like
        The folder.
    size : int or tuple of int
        Height and width of the images, or one number for both.
    mode : {"RGB", "L"}, default="RGB"
        Colour, with three channels, or grey, with none.
    how : {"crop", "pad", "stretch"}, default="crop"
        How a picture of another shape comes to `size`: its middle is taken, it gets a border of the background, or it
        is stretched.
    background : str, default="white"
        The colour behind what is transparent and in borders, as Pillow names it.

    Returns
    -------
    pictures : Pictures
        ``images``; ``labels``, names of sub-folders where torchvision's ``ImageFolder`` has numbers; ``paths``.

    Raises
    ------
    OSError
        If there is no such folder.
    ValueError
        If it holds no pictures, or one that cannot be read, which is named; if some lie in sub-folders and some do
        not; if an option is unknown.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from latentaug.datasets import load_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for kind in ("cat", "dog"):
    ...         Path(folder, kind).mkdir()
    ...         Image.new("RGB", (60, 40), "red").save(Path(folder, kind, "1.png"))
    ...     pictures = load_folder(folder, size=32)
    >>> pictures.images.shape, pictures.labels.tolist()
    ((2, 32, 32, 3), ['cat', 'dog'])
    """
    shape = _check_size(size)
    for parameter, value, table in (("mode", mode, MODES), ("how", how, FITS)):
        if not isinstance(value, str) or value not in table:
            raise ValueError(f"Unknown {parameter} {brief(value)}. Allowed: {', '.join(table)}.")
    paint, root = _check_colour(background), _check_folder(path)
    paths = _find(root)
    labels = _labels(root, paths)
    images = np.stack([_read(file, shape, mode, how, paint) for file in paths])
    return Pictures(images, labels, paths)


def _check_size(size: Any) -> tuple[int, int]:
    """Height and width."""
    shape = size if isinstance(size, (tuple, list)) else (size, size)
    whole = all(isinstance(s, (int, np.integer)) and not isinstance(s, bool) and 0 < s < 2**15 for s in shape)
    if len(shape) != 2 or not whole:
        raise ValueError(f"size must be a number of pixels, or (height, width). Got {brief(size)}.")
    return int(shape[0]), int(shape[1])


def _check_colour(name: Any) -> tuple[int, ...]:
    from PIL import ImageColor

    try:
        return ImageColor.getrgb(name)[:3]
    except (ValueError, AttributeError, TypeError):
        raise ValueError(f"background must be a colour, such as 'white' or '#ff0000'. Got {brief(name)}.") from None


def _check_folder(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)) or "\0" in os.fspath(path):
        raise TypeError(f"path must be that of a folder. Got {brief(path)}.")
    root = Path(os.path.expanduser(path))  # noqa: PTH111  (which takes a user who has no home)
    if not os.fspath(path) or not root.is_dir():
        raise FileNotFoundError(f"path must be that of a folder. There is none at {brief(os.fspath(path))}.")
    return root


def _find(root: Path) -> list[Path]:
    """The files that end as pictures do, hidden ones left out, in the order of their paths."""
    found = sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    shown = [p for p in found if not any(part.startswith(".") for part in p.relative_to(root).parts)]
    if not shown:
        raise ValueError(f"{root} holds no pictures. Read are files that end in {', '.join(sorted(SUFFIXES))}.")
    return shown


def _labels(root: Path, paths: list[Path]) -> np.ndarray | None:
    """The first folder below the root on the way to each file; None where there is none on any."""
    first = [parts[0] if len(parts := p.relative_to(root).parts) > 1 else None for p in paths]
    if any(first) and not all(first):
        astray = paths[first.index(None)]
        raise ValueError(f"{root} holds sub-folders of pictures, which are labels, but {astray.name} lies in none.")
    return np.array(first) if all(first) else None


def _read(path: Path, shape: tuple[int, int], mode: str, how: str, paint: tuple[int, ...]) -> np.ndarray:
    """One picture, upright, opaque and of the size."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            seen = _in_eight_bits(picture).convert("RGBA")
    except Exception as error:  # of every decoder its own kinds
        raise ValueError(f"{path} cannot be read as a picture: {sentence(error)} Replace it, or remove it.") from None
    whole = Image.new("RGB", seen.size, paint)
    whole.paste(seen, mask=seen)
    return np.asarray(FITS[how](whole, shape[::-1], paint).convert(mode))


def _in_eight_bits(picture: Any) -> Any:
    """A picture whose pixels are bytes: of 16 bits, the upper eight."""
    from PIL import Image

    if picture.mode == "F":
        raise ValueError("it holds floats, whose scale is not known")
    if not picture.mode.startswith("I"):
        return picture
    pixels = np.asarray(picture)
    if pixels.min() < 0 or pixels.max() >= 2**16:
        raise ValueError("it holds integers of more than 16 bits")
    return Image.fromarray((pixels >> 8).astype(np.uint8))


def _crop(picture: Any, size: tuple[int, int], paint: Any) -> Any:
    from PIL import ImageOps

    return ImageOps.fit(picture, size)


def _pad(picture: Any, size: tuple[int, int], paint: Any) -> Any:
    from PIL import ImageOps

    return ImageOps.pad(picture, size, color=paint)


def _stretch(picture: Any, size: tuple[int, int], paint: Any) -> Any:
    return picture.resize(size)


FITS = {"crop": _crop, "pad": _pad, "stretch": _stretch}

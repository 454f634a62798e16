"""Where data lie on this machine: the folders to look into, and arrays that are made once and kept there."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["brief", "folders", "kept", "sentence"]


def folders(data_home: Any) -> list[Path]:
    """The folders to look into, in order; the last is the cache, where XDG's rules leave out a relative path."""
    if not isinstance(data_home, (str, os.PathLike, type(None))):
        raise TypeError(f"data_home must be a path or None. Got {brief(data_home)}.")
    base = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(base if Path(base).is_absolute() else "~/.cache", "latentaug")
    named = (data_home, os.environ.get("LATENTAUG_DATA"))
    # Unlike `Path.expanduser`, it takes a user who has no home.
    return [Path(os.path.expanduser(folder)) for folder in (*named, cache) if folder]  # noqa: PTH111  (pathlib fails without a home)


def brief(value: Any) -> str:
    """A value in an error: on one line, and not a long one; `shown` of `_checks` brings scikit-learn, which is slow."""
    return " ".join(repr(value).split())[:100]


def sentence(error: Exception) -> str:
    """An error's text on one line, as a sentence."""
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".") + "."


def kept(name: str, data_home: Any, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays under a name that says all that they depend on: read from the first folder that holds them, else made.

    What was made goes into `data_home`, or into the cache where it is None. A file that cannot be read, or a folder
    that cannot be written to, costs time only.
    """
    homes = folders(data_home)
    for path in (home / "drawn" / f"{name}.npz" for home in homes):
        with suppress(OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
            stored = np.load(io.BytesIO(path.read_bytes()))
            return {key: stored[key] for key in stored.files}
    arrays = make()
    with suppress(OSError, ValueError):
        _write((homes[-1] if data_home is None else homes[0]) / "drawn" / f"{name}.npz", arrays)
    return arrays


def _write(path: Path, arrays: dict[str, Any]) -> None:
    """Write a file of arrays, whole or not at all."""
    from latentaug._files import write_whole  # which brings scikit-learn, and that takes a second

    path.parent.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    write_whole(path, packed.getvalue())

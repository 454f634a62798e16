"""Checkpoints of trainings: a file for each in one folder, of data only, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentaug._validation import check_kind, shown
from latentaug._version import __version__
from latentaug.archive import one_line, read_archive, write_archive

__all__ = ["Checkpoint", "check_place", "fingerprint", "make_folder"]


def check_place(folder: Any) -> None:
    """Refuse a `checkpoint_dir` that is neither a path nor None."""
    if folder is not None:
        check_kind("checkpoint_dir", folder, (str, os.PathLike), "a path or None")
        if not str(folder):
            raise ValueError("checkpoint_dir must be a path or None. Got ''.")


def make_folder(folder: str | os.PathLike) -> None:
    """Make a folder where there is none; ValueError where no file can be written in it."""
    with one_line(f"checkpoint_dir must be a folder to write in. Got {shown(folder)}"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        probe = Path(folder) / f".{secrets.token_hex(8)}"
        probe.touch()
        probe.unlink()


def fingerprint(*parts: Any) -> str:
    """A name of what a training is made of: the same for the same arrays and values, and for no others."""
    digest = hashlib.sha256()
    for part in parts:
        told = (part.dtype.str, part.shape) if isinstance(part, np.ndarray) else part
        digest.update(f"{told!r};".encode())
        if isinstance(part, np.ndarray):
            digest.update(part.tobytes())
    return digest.hexdigest()[:32]


class Checkpoint:
    """The file that one training goes on from.

    Parameters
    ----------
    folder : str or os.PathLike
    name : str
        Its `fingerprint`.
    """

    def __init__(self, folder: str | os.PathLike, name: str) -> None:
        self.name, self.path = name, Path(folder) / f"{name}.checkpoint"

    def read(self) -> tuple[Any, dict[str, np.ndarray]] | None:
        """What was written last, None where nothing was; ValueError, naming the file, where it is damaged."""
        if not self.path.exists():
            return None
        with one_line(f"The checkpoint {self.path} cannot be gone on from; without it, training starts anew"):
            meta, arrays = read_archive(self.path)
            if meta["objects"][0] != self.name:
                raise ValueError("it is of another training")
            return meta["objects"][1], arrays

    def write(self, values: Any, arrays: Mapping[str, np.ndarray]) -> None:
        """Put values that JSON holds, and arrays, in the place of what was written last."""
        meta = {"versions": {"latentaug": __version__}, "objects": [self.name, values]}
        write_archive(self.path, meta, dict(arrays))

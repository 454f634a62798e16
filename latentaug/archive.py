"""The file that `save` writes: a zip of `meta.json` and `arrays.safetensors`, which holds data only.

Both members are stored, not compressed, and a file has one spelling: the same content makes the same bytes. So the
reader spells what it read anew and compares, and nothing but what `save` wrote gets through.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["FORMAT", "read_archive", "write_archive"]

FORMAT = 1
META, ARRAYS = "meta.json", "arrays.safetensors"
MAX_META = 2**24  # bytes: parsed JSON takes up to a hundred times as much memory
LOCAL_HEADER = 30


def _zip(members: Mapping[str, bytes]) -> bytes:
    """A zip of stored members, dated 1980 and without permissions."""
    parts, directory, offset = [], b"", 0
    for name, content in members.items():
        n, encoded = len(content), name.encode("ascii")
        # Version, flags, method, time, date, checksum, size as stored and as it is, lengths of name and extra field.
        fields = struct.pack("<5H3I2H", 20, 0, 0, 0, 0x21, zlib.crc32(content), n, n, len(encoded), 0)
        parts += [b"PK\3\4" + fields + encoded, content]
        directory += b"PK\1\2" + struct.pack("<H", 20) + fields + struct.pack("<3H2I", 0, 0, 0, 0, offset) + encoded
        offset += LOCAL_HEADER + len(encoded) + n
    end = struct.pack("<4H2IH", 0, 0, len(members), len(members), len(directory), offset, 0)
    return b"".join([*parts, directory, b"PK\5\6", end])


def _member(data: bytes, start: int, name: str) -> bytes:
    """The member whose local header begins at `start`, or as much of it as there is."""
    size = int.from_bytes(data[start + 22 : start + 26], "little")
    start += LOCAL_HEADER + len(name)
    return data[start : start + size]


def _unzip(data: bytes) -> dict[str, bytes] | None:
    """The two members, or None where the file is not, to the byte, what `_zip` makes of them."""
    meta = _member(data, 0, META)
    arrays = _member(data, LOCAL_HEADER + len(META) + len(meta), ARRAYS)
    members = {META: meta, ARRAYS: arrays}
    return members if len(data) < 2**32 and _zip(members) == data else None


def _read_bytes(path: Path) -> bytes:
    """The content of a file that begins as ours do; of another one, only the beginning is read."""
    start = LOCAL_HEADER + len(META)
    with path.open("rb") as file:
        head = file.read(start)
        if not head.startswith(b"PK\3\4") or not head.endswith(META.encode()):
            raise ValueError(f"{path} was not written by save(): it begins with {head[:8]!r}. joblib reads pickles.")
        return head + file.read()


def _read_meta(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_META:
        raise ValueError(f"{META} may have {MAX_META} bytes; it has {len(content)}")
    meta = json.loads(content)
    if not isinstance(meta, dict) or set(meta) != {"format", "versions", "sha256", "objects"}:
        raise ValueError(f"{META} has other entries than format, versions, sha256, objects")
    return meta


def _read_arrays(content: bytes, digest: Any) -> dict[str, np.ndarray]:
    from safetensors import numpy as safetensors

    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{ARRAYS} is not the one that {META} was written for")
    return safetensors.load(content)


@contextmanager
def one_line(problem: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into one ValueError of one line; warnings made errors stay what they are."""
    try:
        yield
    except Warning:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__
        raise ValueError(f"{problem}: {reason}.") from error


def read_archive(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read and check a file: its `meta.json`, and its arrays by name.

    Raises
    ------
    OSError
        Where the file cannot be opened.
    ValueError
        Where it is not one of ours, was changed or cut short, or has a newer format.
    """
    data = _read_bytes(path)
    number = re.match(rb'\{"format":(\d{1,9}),', _member(data, 0, META))
    if number and int(number[1]) > FORMAT:
        raise ValueError(f"{path} has format {int(number[1])}. Allowed: up to {FORMAT}; a newer latentaug reads it.")
    members = _unzip(data)
    if members is None:
        raise ValueError(f"{path} is damaged: it was changed or cut short since save() wrote it.")
    with one_line(f"{path} is damaged"):
        meta = _read_meta(members[META])
        return meta, _read_arrays(members[ARRAYS], meta["sha256"])


def write_archive(path: Path, meta: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write a file, whole or not at all: what stood there before stays until the new one is complete."""
    from safetensors import numpy as safetensors

    stored = safetensors.save(arrays)
    entries = {"format": FORMAT, **meta, "sha256": hashlib.sha256(stored).hexdigest()}
    members = {META: json.dumps(entries, separators=(",", ":"), allow_nan=False).encode("ascii"), ARRAYS: stored}
    if len(members[META]) > MAX_META or len(stored) > 2**32 - 2 * MAX_META:
        raise ValueError(f"A file holds {MAX_META} bytes beside the arrays, and 4 GB of arrays. Allowed: pickle.")
    _replace(Path(os.path.realpath(path)), _zip(members))


def _replace(path: Path, content: bytes) -> None:
    """Put a new content in the place of a file, in one step."""
    temporary = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

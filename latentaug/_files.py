"""The file that `save` writes: a zip of `meta.json` and `arrays.safetensors`, which holds data only.

Both members are stored, not compressed, and a file has one spelling: the same content makes the same bytes. So the
reader spells what it read anew and compares, and nothing but what `save` wrote gets through.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentaug._checks import one_line

__all__ = [
    "FORMAT", "read_archive", "read_array", "read_scalar", "write_archive", "write_array", "write_scalar", "write_whole",
]  # fmt: skip

FORMAT = 1
META, ARRAYS = "meta.json", "arrays.safetensors"
MAX_META = 2**24  # bytes: parsed JSON takes up to a hundred times as much memory
LOCAL_HEADER = 30
DTYPE = re.compile(r"[<>|][biufcSU][1-9]\d{0,5}")
SAFE = {np.dtype(code).str for code in "?bBhHiIlLqQefd"}  # what safetensors knows, too


def _zip(members: Mapping[str, bytes]) -> bytes:
    """A zip of stored members, dated 1980 and made on no system in particular."""
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, content in members.items():
                entry = zipfile.ZipInfo(name)
                entry.create_system = 3
                archive.writestr(entry, content)
        return buffer.getvalue()


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A stored member; ValueError on one that is not, or not as long as it says."""
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise ValueError(f"{name} is compressed")
    return archive.read(entry)


def _read_bytes(path: Path) -> bytes:
    """The content of a file that begins as ours do; of another one, only the beginning is read."""
    start = LOCAL_HEADER + len(META)
    with path.open("rb") as file:
        head = file.read(start)
        if not head.startswith(b"PK\3\4") or not head.endswith(META.encode()):
            raise ValueError(f"{path} was not written by latentaug: it begins with {head[:8]!r}. joblib reads pickles.")
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
    with one_line(f"{path} is damaged: it was changed or cut short since it was written"):
        archive = zipfile.ZipFile(io.BytesIO(data))
        content = _member(archive, META)
    number = re.match(rb'\{"format":(\d{1,9}),', content)
    if number and int(number[1]) > FORMAT:
        raise ValueError(f"{path} has format {int(number[1])}. Allowed: up to {FORMAT}; a newer latentaug reads it.")
    with one_line(f"{path} is damaged: it was changed or cut short since it was written"):
        members = {META: content, ARRAYS: _member(archive, ARRAYS)}
        if _zip(members) != data:
            raise ValueError("it has other members, or other bytes around them")
        meta = _read_meta(content)
        return meta, _read_arrays(members[ARRAYS], meta["sha256"])


def write_archive(path: Path, meta: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write a file, whole or not at all: what stood there before stays until the new one is complete."""
    from safetensors import numpy as safetensors

    stored = safetensors.save(arrays)
    entries = {"format": FORMAT, **meta, "sha256": hashlib.sha256(stored).hexdigest()}
    members = {META: json.dumps(entries, separators=(",", ":"), allow_nan=False).encode("ascii"), ARRAYS: stored}
    if len(members[META]) > MAX_META or len(stored) > 2**32 - 2 * MAX_META:
        raise ValueError(f"A file holds {MAX_META} bytes beside the arrays, and 4 GB of arrays. Allowed: pickle.")
    write_whole(Path(os.path.realpath(path)), _zip(members))


def write_whole(path: Path, content: bytes) -> None:
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
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise type(error)(error.errno, error.strerror, str(path)) from None
        raise


def _dtype(text: str) -> np.dtype:
    if not DTYPE.fullmatch(text):
        raise TypeError(f"save() holds arrays of numbers and text. Got dtype {text!r}.")
    return np.dtype(text)


def write_scalar(writer: Any, value: np.generic) -> list:
    return [_dtype(value.dtype.str).str, value.tobytes().hex()]


def read_scalar(reader: Any, content: Any) -> Any:
    dtype, data = content
    return np.frombuffer(bytes.fromhex(data), _dtype(dtype))[0]


def write_array(writer: Any, value: np.ndarray) -> dict:
    """Store an array: turned over if in Fortran order, as bytes if safetensors does not know its dtype."""
    turned = value.flags.f_contiguous and not value.flags.c_contiguous
    array = np.asarray(value.T if turned else value, order="C")
    entry = {"shape": list(array.shape), "turned": turned}
    if array.dtype == object:
        return {**entry, "dtype": "object", "items": writer.values(array.ravel().tolist())}
    dtype = _dtype(array.dtype.str).str
    return {**entry, "dtype": dtype, "stored": writer.store(array if dtype in SAFE else array.ravel().view(np.uint8))}


def read_array(reader: Any, content: Any) -> np.ndarray:
    if content["dtype"] == "object":
        array = np.fromiter(reader.values(content["items"]), dtype=object)
    else:
        array = reader.take(content["stored"]).view(_dtype(content["dtype"]))
    array = array.reshape(content["shape"])
    return array.T if content["turned"] else array

"""Files that are wrong by construction: models and MNIST files that were damaged, forged or are something else."""

from __future__ import annotations

import atexit
import gzip
import io
import itertools
import json
import pickle
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.fuzzing.kinds import in_words, pick
from latentaug._files import read_archive, write_archive

NO_PATHS = (3, 1.5, None, [], {}, object(), b"model", ("a",), np.zeros(3), True)
NO_PLACES = ("\0", "a\0b", "~nobody-has-this-name/model", "", "/", "/dev/null/x", "x" * 300, "no-such-folder/model")


def _zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _saved(array: np.ndarray) -> bytes:
    packed = io.BytesIO()
    np.save(packed, array)
    return packed.getvalue()


def _flip_bit(rng: np.random.Generator, content: bytes) -> bytes:
    flipped = bytearray(content)
    flipped[rng.integers(len(flipped))] ^= 1 << int(rng.integers(8))
    return bytes(flipped)


def _insert(rng: np.random.Generator, content: bytes) -> bytes:
    place = int(rng.integers(len(content)))
    return content[:place] + rng.bytes(int(rng.integers(1, 9))) + content[place:]


# From the content of a right file to that of a wrong one.
DAMAGES: dict[str, Callable[[np.random.Generator, bytes], bytes]] = {
    "cut short": lambda rng, content: content[: int(rng.integers(len(content)))],
    "cut at the front": lambda rng, content: content[int(rng.integers(1, len(content))) :],
    "one bit flipped": _flip_bit,
    "bytes put in": _insert,
    "bytes put behind": lambda rng, content: content + rng.bytes(int(rng.integers(1, 99))),
    "twice": lambda rng, content: content * 2,
    "empty": lambda rng, content: b"",
    "zeros": lambda rng, content: bytes(len(content)),
    "noise": lambda rng, content: rng.bytes(int(rng.integers(1, 5000))),
    "noise behind the first bytes": lambda rng, content: content[:60] + rng.bytes(999),
    "text": lambda rng, content: b"no model\n" * 9,
    "JSON": lambda rng, content: b'{"format": 1}',
    "pickle": lambda rng, content: pickle.dumps({"format": 1}),
    "npy": lambda rng, content: _saved(np.eye(3)),
    "gzip": lambda rng, content: gzip.compress(content[:-9]),
    "another zip": lambda rng, content: _zipped(**{"a.txt": b"a"}),
    "a zip that leaves its folder": lambda rng, content: _zipped(**{"../../evil": b"x", "meta.json": b"{}"}),
    "a zip that swells": lambda rng, content: _zipped(
        **{"meta.json": bytes(10**7), "arrays.safetensors": bytes(10**7)}
    ),
}


def _without(name: str):
    return lambda meta, arrays: meta.pop(name)


def _add(kind: Any, content: Any):
    return lambda meta, arrays: meta["objects"].append([kind, content])


# What a forger writes into the meta of a model, with right checksums.
FORGERIES: dict[str, Callable[[dict[str, Any], dict[str, np.ndarray]], Any]] = {
    "no objects": _without("objects"),
    "no versions": _without("versions"),
    "objects that are none": lambda meta, arrays: meta.update(objects=3),
    "an empty table": lambda meta, arrays: meta.update(objects=[]),
    "an object without content": lambda meta, arrays: meta["objects"].append(["list"]),
    "an unknown kind": _add("code", "print()"),
    "another package": _add("estimator", ["os.system", {}]),
    "no public class": _add("estimator", ["sklearn.decomposition.nonsense", {}]),
    "no class": _add("estimator", ["latentaug.load", {}]),
    "a part that comes later": _add("list", [{"ref": 10**6}]),
    "a part that is negative": _add("list", [{"ref": -1}]),
    "an array that is not there": _add("array", {"shape": [1], "turned": False, "dtype": "<f8", "stored": "nonsense"}),
    "no array": _add("array", 3),
    "a record that is none": _add("record", ["Popen", {}]),
    "a record with other fields": _add("record", ["ImageFormat", {"nonsense": 1}]),
    "a list for a model": _add("list", [1]),
    "an estimator without parameters": _add("estimator", 3),
    "more versions": lambda meta, arrays: meta.update(versions=3),
    "no arrays": lambda meta, arrays: arrays.clear(),
}
_numbers = itertools.count()
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


def _new_place() -> Path:
    return FOLDER / f"{next(_numbers)}"


def no_place(rng: np.random.Generator, right: Any) -> tuple[str, Any]:
    """What is no path, or one where nothing can be."""
    value = pick(rng, NO_PATHS + NO_PLACES)
    return in_words(value), value


def no_file(rng: np.random.Generator, right: Any) -> tuple[str, Any]:
    """As `no_place`, where None asks for no file."""
    value = pick(rng, [value for value in NO_PATHS + NO_PLACES if value is not None])
    return in_words(value), value


def no_folder(rng: np.random.Generator, right: Any) -> tuple[str, Any]:
    """What is no path, or one where no folder can be."""
    value = pick(rng, [value for value in NO_PATHS if value is not None] + ["\0", "a\0b", "", "/dev/null/x", "x" * 300])
    return in_words(value), value


def damaged_model(rng: np.random.Generator, right: Path) -> tuple[str, Any]:
    """The path of a file that is no model, or none."""
    way = pick(rng, [*DAMAGES, *FORGERIES, None, None, None])
    if way is None:
        return no_place(rng, right)
    path = _new_place()
    if way in DAMAGES:
        path.write_bytes(DAMAGES[way](rng, right.read_bytes()))
    else:
        meta, arrays = read_archive(right)
        meta = json.loads(json.dumps({name: meta[name] for name in ("versions", "objects")}))
        FORGERIES[way](meta, arrays)
        write_archive(path, meta, arrays)
    return way, path


def damaged_mnist(rng: np.random.Generator, right: Any) -> tuple[str, Any]:
    """A folder of damaged MNIST files, or none."""
    way = pick(rng, [*DAMAGES, None, None])
    if way is None:
        value = pick(rng, [value for value in NO_PATHS + NO_PLACES if value is not None])
        return in_words(value), value
    folder = _new_place()
    folder.mkdir()
    suffix = pick(rng, ["", ".gz"])
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        content = bytes([0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3, 4, 5])
        content = gzip.compress(content) if suffix else content
        (folder / f"{name}-ubyte{suffix}").write_bytes(DAMAGES[way](rng, content))
    return f"{way}{suffix}", folder


def no_path(rng: np.random.Generator, right: Any) -> tuple[str, Any]:
    """What is no path."""
    value = pick(rng, [value for value in NO_PATHS if value is not None])
    return in_words(value), value


def damaged_idx(rng: np.random.Generator, right: Path) -> tuple[str, Any]:
    """The path of a damaged IDX file, or none."""
    way = pick(rng, [name for name in DAMAGES if name != "one bit flipped"] + [None])
    if way is None:
        return no_place(rng, right)
    path = _new_place()
    path.write_bytes(DAMAGES[way](rng, right.read_bytes()))
    return way, path


def damaged_pictures(rng: np.random.Generator, right: Path) -> tuple[str, Any]:
    """A folder with a damaged picture, with none, or no folder."""
    way = pick(rng, ["empty", "noise", "text", "zeros", "JSON", "cut at the front", None, None])
    if way is None:
        value = pick(rng, [value for value in NO_PATHS + NO_PLACES if str(value) != "/"])
        return in_words(value), value
    folder = _new_place()
    folder.mkdir()
    suffix = pick(rng, [".png", ".jpg", ".txt"])
    (folder / f"a{suffix}").write_bytes(DAMAGES[way](rng, (right / "a.png").read_bytes()))
    return f"{way}{suffix}", folder


def right_idx() -> Path:
    """An IDX file of twelve bytes."""
    path = _new_place()
    path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 4, *range(12)]))
    return path


def right_pictures() -> Path:
    """A folder with one picture."""
    folder = _new_place()
    folder.mkdir()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(folder / "a.png")
    return folder

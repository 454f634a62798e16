"""Files of models, saved and loaded without pickle: plain data, arrays, estimators by name, and never code.

A model is a table of nodes. Every object stands in it once, after its parts, and names them by their numbers: so what
is shared stays shared, nothing nests, and nothing holds itself.
"""

from __future__ import annotations

import hashlib
import importlib
import math
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np
import sklearn
from sklearn.base import BaseEstimator

from latentaug._checks import check_choice, check_kind, check_path, one_line, unknown_name
from latentaug._files import read_archive, read_array, read_scalar, write_archive, write_array, write_scalar
from latentaug._version import __version__
from latentaug.augs.catalogue import CATALOGUE, FAMILIES, name_augs
from latentaug.augs.families import OneParameter
from latentaug.learn.own_networks import SavedNetwork, networks_by_name

__all__ = [
    "KINDS", "MissingAug", "Reader", "VersionWarning", "Writer", "load", "packed_state", "save", "unpacked_state",
]  # fmt: skip

PLAIN = (type(None), bool, int, float, str)
SPECIAL = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
RECORDS = {
    "ImageFormat": "images", "Algebra": "latent.algebra", "Moments": "latent.maps", "Stream": "learn.resuming",
    "ResidualNetwork": "latent.maps", "AffineMap": "latent.maps", "PairTable": "models.errors",
    "PairRow": "models.errors", "Flow": "latent.flows", "FamilyLaws": "latent.families",
    "OneParameter": "augs.families", "Verdict": "models.verdict", "Normal": "models.classes",
}  # fmt: skip

MAX_NESTED = 1000  # tuples and records in one
SLACK, SHARING = 2**28, 64  # bytes that the arrays of a model may take: so many, and so many times what is stored
STAMP = "_latentaug_version"
PAIRS = ":pairs"
VERSIONED = {"latentaug": "latentaug", "numpy": "numpy", "scikit-learn": "sklearn", "torch": "torch"}
NETWORKS = {"network", "_made_by"}  # in the state of a VAE; one's own is kept by name
# Beside what a fit has for callbacks, what a resampler gave out last: rows as many as there were images.
TRANSIENT = {
    STAMP, "_skl_callbacks", "_skl_callbacks_to_teardown", "_callback_fit_ctx", "sample_indices_", "applied_"
}  # fmt: skip


def _is_plain(value: Any) -> bool:
    """Whether JSON holds a value as it is."""
    return type(value) in PLAIN and (type(value) is not float or math.isfinite(value))


class MissingAug:
    """The name of an augmentation whose function, once at `qualname` (``module:name``), is not in the file."""

    def __init__(self, name: str, qualname: str) -> None:
        self.__name__ = name
        self.qualname = qualname

    def __call__(self, X: np.ndarray, *strengths: Any) -> np.ndarray:
        raise ValueError(
            f"The function of {self.__name__!r} ({self.qualname}) was not saved with the model. "
            "Attach it by load(path, augs=...)."
        )

    def __repr__(self) -> str:
        return f"MissingAug({self.__name__!r}, {self.qualname!r})"


class Kind(NamedTuple):
    """How objects of one kind are told, written as JSON by a `Writer`, and read back by a `Reader`."""

    holds: Callable[[Any], bool]
    write: Callable[[Writer, Any], Any]
    read: Callable[[Reader, Any], Any]


class Writer:
    """A table of nodes that grows by what is written to it: `objects`, [kind, content], and `arrays`, each once."""

    def __init__(self) -> None:
        self.objects: list[list[Any]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self._names: dict[tuple, str] = {}
        self._numbers: dict[int, int | None] = {}
        self._kept: list[Any] = []  # the id of an object that is gone would be given to another

    def write(self, value: Any) -> Any:
        """A value as JSON: itself where it is plain, else the number of its node; TypeError on what is of no kind."""
        if _is_plain(value):
            return value
        if id(value) not in self._numbers:
            self._kept.append(value)
            self._numbers[id(value)] = None
            self._numbers[id(value)] = self._add(value)
        if self._numbers[id(value)] is None:
            raise TypeError(f"save() holds no {type(value).__name__} that holds itself. Allowed: pickle for it.")
        return {"ref": self._numbers[id(value)]}

    def _add(self, value: Any) -> int:
        kind = next((name for name, kind in KINDS.items() if kind.holds(value)), None)
        if kind is None:
            name = f"{type(value).__module__}.{type(value).__qualname__}"
            allowed = "plain data, arrays, and public estimators of latentaug and scikit-learn"
            raise TypeError(f"save() holds {allowed}. Got {name}. Allowed: pickle, joblib or skops for it.")
        self.objects.append([kind, KINDS[kind].write(self, value)])
        return len(self.objects) - 1

    def values(self, given: Iterable[Any]) -> list:
        return [self.write(value) for value in given]

    def named(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.write(value) for name, value in given.items()}

    def store(self, array: np.ndarray) -> str:
        """Keep an array in C order, of a dtype that safetensors knows; of equal ones, the first. Returns its name."""
        key = (array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).digest())
        name = self._names.setdefault(key, str(len(self._names)))
        self.arrays.setdefault(name, array)
        return name


class Reader:
    """The objects of a table; the device of all is set, and functions and networks are those given, by their names.

    It counts the tuples and records in each, the bytes of all arrays, and what functions can be attached to.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        device: str,
        augs: Mapping[str, Callable],
        networks: Mapping[str, Any] | None = None,
    ) -> None:
        self.device = device
        self.augs = augs
        self.networks = networks or {}
        self.aug_names: set[str] = set()
        self._nested: dict[int, int] = {}
        self._arrays = arrays
        self._room = SLACK + SHARING * sum(array.nbytes for array in arrays.values())
        self._values: list[Any] = []

    def read_all(self, objects: Any) -> Any:
        """Build every object; the last one is the model."""
        for kind, content in objects:
            check_choice("kind of object", kind, KINDS)
            self._values.append(KINDS[kind].read(self, content))
        return self._values[-1]

    def read(self, node: Any) -> Any:
        """The value of a node that `Writer.write` gave."""
        if _is_plain(node):
            return node
        number = node["ref"]
        if type(number) is not int or not 0 <= number < len(self._values):
            raise ValueError(f"object {len(self._values)} is made of {number!r}, which does not stand before it")
        return self._values[number]

    def values(self, nodes: Any) -> list:
        return [self.read(node) for node in nodes]

    def named(self, nodes: Any) -> dict[str, Any]:
        return {name: self.read(node) for name, node in nodes.items()}

    def counted(self, value: Any) -> Any:
        """Refuse a tuple or record of too many others: as a key of a dict, shared ones could take forever to hash."""
        parts = value if type(value) is tuple else vars(value).values()
        nested = 1 + sum(self._nested.get(id(part), 0) for part in parts)
        if nested > MAX_NESTED:
            raise ValueError(f"a {type(value).__name__} holds more than {MAX_NESTED} others")
        self._nested[id(value)] = nested
        return value

    def take(self, name: str) -> np.ndarray:
        """A copy of a stored array, which its owner may write to."""
        array = self._arrays[name]
        self._room -= array.nbytes
        if self._room < 0:
            raise ValueError("its arrays take more memory than the file accounts for")
        return array.copy()


def _is_random_state(value: Any) -> bool:
    return type(value) is np.random.RandomState and value.get_state(legacy=False)["bit_generator"] == "MT19937"


def _read_random_state(reader: Reader, content: Any) -> np.random.RandomState:
    state, random_state = reader.read(content), np.random.RandomState(0)
    if not 0 <= state["state"]["pos"] <= 624 or state["state"]["key"].shape != (624,):  # numpy would read beyond them
        raise ValueError("the state of a RandomState is not one")
    random_state.set_state(state)
    return random_state


def _record_class(name: str) -> Any:
    return getattr(importlib.import_module(f"latentaug.{RECORDS[name]}"), name) if name in RECORDS else None


def _write_record(writer: Writer, value: Any) -> list:
    return [type(value).__name__, writer.named({field.name: getattr(value, field.name) for field in fields(value)})]


def _read_record(reader: Reader, content: Any) -> Any:
    name, nodes = content
    return reader.counted(_record_class(name)(**reader.named(nodes)))


def _by_name(aug: Any, name: str | None = None) -> MissingAug:
    if isinstance(aug, MissingAug):
        return aug
    name = name or getattr(aug, "__name__", None) or type(aug).__name__
    return MissingAug(name.strip("<>"), f"{aug.__module__}:{getattr(aug, '__qualname__', type(aug).__qualname__)}")


CATALOGUED = {_by_name(aug).qualname: aug for aug in CATALOGUE.values()}
MOVING = {f"latentaug.augs:{name}": family.function for name, family in FAMILIES.items()}


def _family_by_name(family: OneParameter) -> OneParameter:
    """A family with only the name of its function."""
    known = (MissingAug(family.__name__, qualname) for qualname, f in MOVING.items() if f is family.function)
    function = None if family.function is None else next(known, None) or _by_name(family.function)
    return replace(family, function=function, name=family.__name__)


def _read_aug(reader: Reader, content: Any) -> Any:
    name, qualname = content
    return CATALOGUED.get(qualname) or MOVING.get(qualname) or MissingAug(name, qualname)


def _write_network(writer: Writer, network: SavedNetwork) -> list:
    parameters = None if network.parameters is None else writer.named(network.parameters)
    return [network.name, network.qualname, parameters, list(network.others)]


def _read_network(reader: Reader, content: Any) -> Any:
    name, qualname, nodes, others = content
    parameters = None if nodes is None else reader.named(nodes)
    return SavedNetwork(name, qualname, parameters, tuple(others)).found(reader.networks[name])


def _without_function(aug: Any) -> Any:
    """An entry of `augs` with only the name of its function."""
    match aug:
        case OneParameter():
            return _family_by_name(aug)
        case (str() as name, OneParameter() as family):
            return type(aug)((name, _family_by_name(family)))
        case (str() as name, function) if callable(function):
            return type(aug)((name, _by_name(function, name)))
    return _by_name(aug) if callable(aug) else aug


def _attach(augs: Any, reader: Reader) -> Any:
    """The parameter `augs` with the functions that the reader was given, under the names that they had."""
    if not isinstance(augs, (list, tuple)):
        return augs
    attached = []
    for (name, function), aug in zip(name_augs(augs).items(), augs, strict=True):
        if function is not None and not isinstance(aug, str):
            reader.aug_names.add(name)
            aug = (name, _with_function(function, reader.augs[name])) if name in reader.augs else aug
        attached.append(aug)
    return type(augs)(attached)


def _with_function(aug: Any, given: Any) -> Any:
    """A function in its place; a family keeps its strengths."""
    if isinstance(aug, OneParameter) and not isinstance(given, OneParameter):
        return replace(aug, function=given)
    return given


def _find_class(name: str) -> Any:
    """The public estimator of latentaug or scikit-learn that a name stands for, or None."""
    package, *module, public = name.split(".")
    if package not in ("latentaug", "sklearn") or any(part not in sklearn.__all__ for part in module):
        return None
    found = getattr(importlib.import_module(".".join([package, *module])), public, None)
    return found if isinstance(found, type) and issubclass(found, BaseEstimator) else None


def _public_name(value: Any) -> str:
    package, *module = type(value).__module__.split(".")
    return ".".join([package, *(module[:1] if package == "sklearn" else []), type(value).__name__])


def _is_estimator(value: Any) -> bool:
    return isinstance(value, BaseEstimator) and _find_class(_public_name(value)) is type(value)


def _write_estimator(writer: Writer, value: Any) -> list:
    state = {name: item for name, item in value.__getstate__().items() if name not in TRANSIENT}
    if isinstance(state.get("augs"), (list, tuple)):
        state["augs"] = type(state["augs"])(map(_without_function, state["augs"]))
    for name in NETWORKS & {name for name, item in state.items() if callable(item)}:
        state[name] = SavedNetwork.of(state[name])
    return [_public_name(value), writer.named(state)]


def _read_estimator(reader: Reader, content: Any) -> Any:
    name, nodes = content
    cls = _find_class(name)
    if cls is None:
        raise ValueError(f"it names {name!r}, which is no public estimator of latentaug or scikit-learn")
    state = reader.named(nodes)
    if name.startswith("latentaug."):
        state |= {STAMP: __version__} | ({"device": reader.device} if "device" in state else {})
        state |= {"augs": _attach(state["augs"], reader)} if "augs" in state else {}
    estimator = cls.__new__(cls)
    estimator.__setstate__(state)
    return estimator


KINDS = {
    "float": Kind(lambda value: type(value) is float, lambda _, value: repr(value), lambda _, text: SPECIAL[text]),
    "list": Kind(lambda value: type(value) is list, Writer.values, Reader.values),
    "tuple": Kind(
        lambda value: type(value) is tuple,
        Writer.values,
        lambda reader, nodes: reader.counted(tuple(reader.values(nodes))),
    ),
    "dict": Kind(
        lambda value: type(value) is dict,
        lambda writer, value: [writer.values(pair) for pair in value.items()],
        lambda reader, pairs: {reader.read(key): reader.read(item) for key, item in pairs},
    ),
    "scalar": Kind(lambda value: isinstance(value, np.generic), write_scalar, read_scalar),
    "array": Kind(lambda value: type(value) in (np.ndarray, np.memmap), write_array, read_array),
    "random_state": Kind(
        _is_random_state, lambda writer, value: writer.write(value.get_state(legacy=False)), _read_random_state
    ),
    "record": Kind(lambda value: type(value) is _record_class(type(value).__name__), _write_record, _read_record),
    "network": Kind(lambda value: type(value) is SavedNetwork, _write_network, _read_network),
    "aug": Kind(lambda value: type(value) is MissingAug, lambda _, aug: [aug.__name__, aug.qualname], _read_aug),
    "estimator": Kind(_is_estimator, _write_estimator, _read_estimator),
}


class VersionWarning(UserWarning):
    """A model comes from another version of latentaug, and may behave differently."""


def _warn_of_version(version: Any) -> None:
    if version != __version__:
        warnings.warn(
            f"The model was saved by latentaug {version}. This is {__version__}, which may answer differently.",
            VersionWarning,
            stacklevel=1,  # one place, so that the parts of one model, nested, warn once
        )


def save(estimator: Any, path: str | os.PathLike) -> None:
    """Write an estimator to a file that `load` reads; see the method `save` of every estimator."""
    writer = Writer()
    writer.write(estimator)
    versions = {name: importlib.import_module(module).__version__ for name, module in VERSIONED.items()}
    write_archive(check_path(path), {"versions": versions, "objects": writer.objects}, writer.arrays)


def packed_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of an estimator with the version; dicts with tuples for keys, which JSON has not, as pairs."""
    packed: dict[str, Any] = {}
    for name, value in state.items():
        odd = type(value) is dict and not all(isinstance(key, str) for key in value)
        packed |= {name + PAIRS: list(value.items())} if odd else {name: value}
    return packed | {STAMP: __version__}


def unpacked_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state as it was before `packed_state`; a warning where another version packed it."""
    _warn_of_version(state.get(STAMP, "before 0.1"))
    unpacked = {name.removesuffix(PAIRS): dict(v) if name.endswith(PAIRS) else v for name, v in state.items()}
    unpacked.pop(STAMP, None)
    return unpacked


def load(
    path: str | os.PathLike,
    device: Any = "auto",
    augs: Mapping[str, Callable] | None = None,
    network: Any = None,
) -> Any:
    """Read an estimator that its `save` wrote; a `VersionWarning` where another version of latentaug did.

    No code in the file is run: it holds none. The model answers with the same bits as the one saved, on the same
    machine and device.

    Parameters
    ----------
    path : str or os.PathLike
    device : str or torch.device, default="auto"
        Where to put the networks, and their parameter `device` from now on; "auto": CUDA where usable, else the CPU.
    augs : dict of str to callable, default=None
        Functions of augmentations, by name, for those that the file knows only the name of. Such a model transforms
        without them, but cannot be refitted or scored.
    network : Network, Module, callable or dict of str to these, default=None
        What makes the network of one's own that the file has the weights of: the function or class, or a `Network`, as
        `VAE` was given it, or a module. The plain parameters of a `Network` are in the file. Several are told by the
        names of their functions or classes.

    Raises
    ------
    OSError
        Where the file cannot be opened.
    ValueError
        Where it was not written by `save`, is damaged or of a newer format, where the device is not usable here, or
        on a name in `augs` that is not in the file; where a network of one's own is missing, is not needed, or its
        weights do not fit.

    Examples
    --------
    >>> import tempfile
    >>> from latentaug import LatentAugmenter, load
    >>> augs = {"negate": lambda X: 255 - X}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     LatentAugmenter(list(augs.items())).save(f"{folder}/negate.latentaug")
    ...     loaded = load(f"{folder}/negate.latentaug", augs=augs)
    >>> loaded.augs == list(augs.items())
    True
    """
    from latentaug.learn.coding import find_device

    path, functions = check_path(path), {} if augs is None else augs
    check_kind("augs", functions, Mapping, "a dict of name to function")
    for name, function in functions.items():
        check_kind(f"augs[{name!r}]", function, Callable, "a function")
    find_device(device)
    meta, arrays = read_archive(path)
    no_model = f"{path} holds no model that latentaug {__version__} can build"
    with one_line(no_model):
        _warn_of_version(meta["versions"]["latentaug"])
        wanted = {str(content[0]): str(content[1]) for kind, content in meta["objects"] if kind == "network"}
    reader = Reader(arrays, str(device), functions, networks_by_name(network, wanted, path))
    with one_line(no_model):
        model = reader.read_all(meta["objects"])
        if not _is_estimator(model) or not _public_name(model).startswith("latentaug."):
            raise TypeError(f"it is a {type(model).__name__}")
    for name in (name for name in functions if name not in reader.aug_names):
        raise unknown_name("augmentation", name, sorted(reader.aug_names) or ["none"], "Saved with a function")
    return model

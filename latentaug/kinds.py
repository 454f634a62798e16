"""The kinds of object that a saved model is made of: plain data, arrays, estimators by name, and never code."""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import sklearn
from sklearn.base import BaseEstimator

from latentaug.augs import CATALOGUE, name_augs

__all__ = ["KINDS", "MissingAug", "is_plain"]

PLAIN = (type(None), bool, int, float, str)
SPECIAL = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
DTYPE = re.compile(r"[<>|][biufcSU][1-9]\d{0,5}")
SAFE = {np.dtype(code).str for code in "?bBhHiIlLqQefd"}  # what safetensors knows, too
RECORDS = {"ImageFormat": "_validation", "Algebra": "algebra", "Moments": "moments", "ResidualNetwork": "maps"}
MAX_NESTED = 1000
TRANSIENT = {"_latentaug_version", "_skl_callbacks", "_skl_callbacks_to_teardown", "_callback_fit_ctx"}


def is_plain(value: Any) -> bool:
    """Whether JSON holds a value as it is."""
    return type(value) in PLAIN and (type(value) is not float or math.isfinite(value))


class MissingAug:
    """The name of an augmentation whose function is not in the file; ValueError where it is called.

    Parameters
    ----------
    name : str
        That of the augmentation.
    qualname : str
        Where it was found: ``module:name``.
    """

    def __init__(self, name: str, qualname: str) -> None:
        self.__name__ = name
        self.qualname = qualname

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Raise ValueError."""
        raise ValueError(
            f"The function of {self.__name__!r} ({self.qualname}) was not saved with the model. "
            "Attach it by load(path, augs=...)."
        )

    def __repr__(self) -> str:
        return f"MissingAug({self.__name__!r}, {self.qualname!r})"


class Kind(NamedTuple):
    """How objects of one kind are told, written as JSON by a `Writer`, and read back by a `Reader`."""

    holds: Callable[[Any], bool]
    write: Callable[[Any, Any], Any]
    read: Callable[[Any, Any], Any]


def _write_values(writer: Any, values: Any) -> list:
    return [writer.write(value) for value in values]


def _read_list(reader: Any, content: Any) -> list:
    return [reader.read(node) for node in content]


def _read_tuple(reader: Any, content: Any) -> tuple:
    return _counted(reader, tuple(_read_list(reader, content)))


def _counted(reader: Any, value: Any) -> Any:
    """Refuse a tuple or record of too many others: as a key of a dict, shared ones could take forever to hash."""
    parts = value if type(value) is tuple else vars(value).values()
    nested = 1 + sum(reader.nested.get(id(part), 0) for part in parts)
    if nested > MAX_NESTED:
        raise ValueError(f"a {type(value).__name__} holds more than {MAX_NESTED} others")
    reader.nested[id(value)] = nested
    return value


def _write_dict(writer: Any, value: dict) -> list:
    return [[writer.write(key), writer.write(item)] for key, item in value.items()]


def _read_dict(reader: Any, content: Any) -> dict:
    return {reader.read(key): reader.read(item) for key, item in content}


def _dtype(text: str) -> np.dtype:
    if not DTYPE.fullmatch(text):
        raise TypeError(f"save() holds arrays of numbers and text. Got dtype {text!r}.")
    return np.dtype(text)


def _write_scalar(writer: Any, value: np.generic) -> list:
    return [_dtype(value.dtype.str).str, value.tobytes().hex()]


def _read_scalar(reader: Any, content: Any) -> Any:
    dtype, data = content
    return np.frombuffer(bytes.fromhex(data), _dtype(dtype))[0]


def _write_array(writer: Any, value: np.ndarray) -> dict:
    """Store an array: turned over if in Fortran order, as bytes if safetensors does not know its dtype."""
    turned = value.flags.f_contiguous and not value.flags.c_contiguous
    array = np.asarray(value.T if turned else value, order="C")
    entry = {"shape": list(array.shape), "turned": turned}
    if array.dtype == object:
        return {**entry, "dtype": "object", "items": _write_values(writer, array.ravel().tolist())}
    dtype = _dtype(array.dtype.str).str
    return {**entry, "dtype": dtype, "stored": writer.store(array if dtype in SAFE else array.ravel().view(np.uint8))}


def _read_array(reader: Any, content: Any) -> np.ndarray:
    if content["dtype"] == "object":
        array = np.fromiter(_read_list(reader, content["items"]), dtype=object)
    else:
        array = reader.take(content["stored"])
        array = array if array.dtype == _dtype(content["dtype"]) else array.view(_dtype(content["dtype"]))
    array = array.reshape(content["shape"])
    return array.T if content["turned"] else array


def _is_random_state(value: Any) -> bool:
    return type(value) is np.random.RandomState and value.get_state(legacy=False)["bit_generator"] == "MT19937"


def _read_random_state(reader: Any, content: Any) -> np.random.RandomState:
    state, random_state = reader.read(content), np.random.RandomState(0)
    if not 0 <= state["state"]["pos"] <= 624 or state["state"]["key"].shape != (624,):  # numpy would read beyond them
        raise ValueError("the state of a RandomState is not one")
    random_state.set_state(state)
    return random_state


def _record_class(name: str) -> Any:
    return getattr(importlib.import_module(f"latentaug.{RECORDS[name]}"), name) if name in RECORDS else None


def _write_record(writer: Any, value: Any) -> list:
    return [type(value).__name__, {field.name: writer.write(getattr(value, field.name)) for field in fields(value)}]


def _read_record(reader: Any, content: Any) -> Any:
    name, state = content
    return _counted(reader, _record_class(name)(**{field: reader.read(node) for field, node in state.items()}))


def _by_name(aug: Any, name: str | None = None) -> MissingAug:
    if isinstance(aug, MissingAug):
        return aug
    name = name or getattr(aug, "__name__", None) or type(aug).__name__
    return MissingAug(name.strip("<>"), f"{aug.__module__}:{getattr(aug, '__qualname__', type(aug).__qualname__)}")


CATALOGUED = {_by_name(aug).qualname: aug for aug in CATALOGUE.values()}


def _read_aug(reader: Any, content: Any) -> Any:
    name, qualname = content
    return CATALOGUED.get(qualname) or MissingAug(name, qualname)


def _without_function(aug: Any) -> Any:
    """An entry of `augs` with only the name of its function."""
    match aug:
        case (str() as name, function) if callable(function):
            return type(aug)((name, _by_name(function, name)))
    return _by_name(aug) if callable(aug) else aug


def _attach(augs: Any, reader: Any) -> Any:
    """The parameter `augs` with the functions that the reader was given, under the names that they had."""
    if not reader.augs or not isinstance(augs, (list, tuple)):
        return augs
    attached = []
    for (name, function), aug in zip(name_augs(augs).items(), augs, strict=True):
        if function is not None and not isinstance(aug, str):
            reader.aug_names.add(name)
            aug = (name, reader.augs[name]) if name in reader.augs else aug
        attached.append(aug)
    return type(augs)(attached)


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


def _write_estimator(writer: Any, value: Any) -> list:
    state = {name: item for name, item in value.__getstate__().items() if name not in TRANSIENT}
    if isinstance(state.get("augs"), (list, tuple)):
        state["augs"] = type(state["augs"])(map(_without_function, state["augs"]))
    return [_public_name(value), {name: writer.write(item) for name, item in state.items()}]


def _read_estimator(reader: Any, content: Any) -> Any:
    name, nodes = content
    cls = _find_class(name)
    if cls is None:
        raise ValueError(f"it names {name!r}, which is no public estimator of latentaug or scikit-learn")
    state = {attribute: reader.read(node) for attribute, node in nodes.items()}
    if name.startswith("latentaug."):
        state |= {"_latentaug_version": reader.version} | ({"device": reader.device} if "device" in state else {})
        state |= {"augs": _attach(state["augs"], reader)} if "augs" in state else {}
    estimator = cls.__new__(cls)
    estimator.__setstate__(state)
    return estimator


KINDS = {
    "float": Kind(lambda value: type(value) is float, lambda _, value: repr(value), lambda _, text: SPECIAL[text]),
    "list": Kind(lambda value: type(value) is list, _write_values, _read_list),
    "tuple": Kind(lambda value: type(value) is tuple, _write_values, _read_tuple),
    "dict": Kind(lambda value: type(value) is dict, _write_dict, _read_dict),
    "scalar": Kind(lambda value: isinstance(value, np.generic), _write_scalar, _read_scalar),
    "array": Kind(lambda value: type(value) in (np.ndarray, np.memmap), _write_array, _read_array),
    "random_state": Kind(
        _is_random_state, lambda writer, value: writer.write(value.get_state(legacy=False)), _read_random_state
    ),
    "record": Kind(lambda value: type(value) is _record_class(type(value).__name__), _write_record, _read_record),
    "aug": Kind(lambda value: type(value) is MissingAug, lambda _, aug: [aug.__name__, aug.qualname], _read_aug),
    "estimator": Kind(_is_estimator, _write_estimator, _read_estimator),
}

"""Models as a table of nodes, and back.

Every object stands in the table once, after its parts, and names them by their numbers: so what is shared stays
shared, nothing nests, and nothing holds itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from latentaug._validation import unknown_name
from latentaug._version import __version__
from latentaug.kinds import KINDS, is_plain

__all__ = ["Reader", "Writer"]

# Bytes that the arrays of a model may take: so many, and so many times what is stored.
SLACK, SHARING = 2**28, 64


class Writer:
    """A table of nodes that grows by what is written to it.

    Attributes
    ----------
    objects : list of [str, content]
        Kind and content of each node.
    arrays : dict of str to ndarray
        Every array once, by a number.
    """

    def __init__(self) -> None:
        self.objects: list[list[Any]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self._names: dict[tuple, str] = {}
        self._numbers: dict[int, int | None] = {}
        self._kept: list[Any] = []  # the id of an object that is gone would be given to another

    def write(self, value: Any) -> Any:
        """A value as JSON: itself where it is plain, else the number of its node.

        Raises
        ------
        TypeError
            On what is of no kind in `KINDS`, and on a list that holds itself.
        """
        if is_plain(value):
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
            raise TypeError(
                "save() holds plain data, arrays, and public estimators of latentaug and scikit-learn. "
                f"Got {name}. Allowed: pickle, joblib or skops for it."
            )
        self.objects.append([kind, KINDS[kind].write(self, value)])
        return len(self.objects) - 1

    def store(self, array: np.ndarray) -> str:
        """Keep an array in C order, of a dtype that safetensors knows; of equal ones, the first. Returns its name."""
        key = (array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).digest())
        name = self._names.setdefault(key, str(len(self._names)))
        self.arrays.setdefault(name, array)
        return name


class Reader:
    """The objects of a table.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As `Writer` names them.
    device : str
        The parameter `device` of every estimator of latentaug that has one.
    augs : mapping of str to callable
        Functions to attach, by the names of their augmentations.

    Attributes
    ----------
    aug_names : set of str
        Augmentations that functions can be attached to.
    nested : dict of int to int
        How many tuples and records each of them is made of, by its id.
    """

    version = __version__  # what the file's own version is, its reader has said

    def __init__(self, arrays: Mapping[str, np.ndarray], device: str, augs: Mapping[str, Callable]) -> None:
        self.device = device
        self.augs = augs
        self.aug_names: set[str] = set()
        self.nested: dict[int, int] = {}
        self._arrays = arrays
        self._room = SLACK + SHARING * sum(array.nbytes for array in arrays.values())
        self._values: list[Any] = []

    def read_all(self, objects: Any) -> Any:
        """Build every object; the last one is the model."""
        for kind, content in objects:
            if kind not in KINDS:
                raise unknown_name("kind of object", kind, KINDS)
            self._values.append(KINDS[kind].read(self, content))
        return self._values[-1]

    def read(self, node: Any) -> Any:
        """The value of a node that `Writer.write` gave."""
        if is_plain(node):
            return node
        number = node["ref"]
        if type(number) is not int or not 0 <= number < len(self._values):
            raise ValueError(f"object {len(self._values)} is made of {number!r}, which does not stand before it")
        return self._values[number]

    def take(self, name: str) -> np.ndarray:
        """A copy of a stored array, which its owner may write to."""
        array = self._arrays[name]
        self._room -= array.nbytes
        if self._room < 0:
            raise ValueError("its arrays take more memory than the file accounts for")
        return array.copy()

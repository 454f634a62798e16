"""A mutation: a small, plausible bug of the package as a replacement of text, and putting it in."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

__all__ = ["Mutation", "mutated"]


class Mutation(NamedTuple):
    """One bug. Its file is not named, so that code may move: the old text stands once in the whole package.

    Attributes
    ----------
    name : str
        What is wrong with it in, in words.
    old, new : str
        The text replaced, and what it is replaced by.
    tests : str
        What should notice, as arguments of pytest.
    also : tuple of (str, str)
        Other texts to replace with it, where one place does not make the bug.
    hangs : bool
        Whether a test that does not end is how it is noticed.
    """

    name: str
    old: str
    new: str
    tests: str
    also: tuple[tuple[str, str], ...] = ()
    hangs: bool = False


def mutated(mutation: Mutation, sources: dict[Path, str]) -> dict[Path, str]:
    """The files of a package that a mutation changes, as they become; ValueError where it is not at home in them."""
    changed: dict[Path, str] = {}
    for old, new in ((mutation.old, mutation.new), *mutation.also):
        times = {path: source.count(old) for path, source in sources.items() if old in source}
        if sum(times.values()) != 1:
            raise ValueError(f"{old!r} stands {sum(times.values())} times in the package. Allowed: once.")
        (path,) = times
        changed[path] = changed.get(path, sources[path]).replace(old, new)
    return changed

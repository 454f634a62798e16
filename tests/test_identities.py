"""Mutations that are made: each public function gives back its first argument, and has tests that should notice."""

import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").exists(), reason="needs the repository, not a wheel")

THINGS = Path("latentaug/things.py")
SOURCE = '''
__all__ = ["Thing", "called", "doubled", "one"]


class Thing:
    def scaled(self, size, by=2):
        """Kept."""
        return size * by

    @property
    def half(self):
        return 0.5

    @classmethod
    def of(cls, *, size):
        return cls()

    @staticmethod
    def plain(size):
        return size * 2

    def _own(self, size):
        return size * 2


def called(function):
    @staticmethod
    def result():
        return function()

    return result


def doubled(*sizes):
    return [size * 2 for size in sizes]


def one():
    return 1


def own(size):
    return size * 2
'''

GIVEN_BACK = {
    "Thing.scaled": lambda names: names["Thing"]().scaled(3) == 3 and names["Thing"].scaled.__doc__ == "Kept.",
    "Thing.half": lambda names: isinstance(names["Thing"]().half, names["Thing"]),
    "Thing.of": lambda names: names["Thing"].of(size=3) == 3,
    "Thing.plain": lambda names: names["Thing"].plain(3) == 3,
    "called": lambda names: names["called"](len) is len,
    "doubled": lambda names: names["doubled"](3, 4) == (3, 4),
    "one": lambda names: names["one"]() is None,
}


@pytest.fixture
def identity(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.mutations import identity

    monkeypatch.setitem(identity.TESTS, "things", "identities")
    return identity


def test_each_public_function_gives_back_its_first_argument_and_no_other_does(identity):
    from benchmarks.mutations.mutation import mutated

    made = {mutation.name.split()[0]: mutation for mutation in identity.identities({THINGS: SOURCE})}
    assert list(made) == [f"things.{name}" for name in GIVEN_BACK]
    for name in GIVEN_BACK:
        exec(mutated(made[f"things.{name}"], {THINGS: SOURCE})[THINGS], names := {})
        assert [other for other, is_given_back in GIVEN_BACK.items() if is_given_back(names)] == [name]


def test_every_public_function_stands_once_and_has_tests_that_should_notice(identity):
    from benchmarks.mutants import Copies, mutated

    sources = Copies(ROOT).sources
    made = identity.identities(sources)
    assert len({mutation.name for mutation in made}) == len(made) >= 300
    for mutation in made:
        assert len(mutated(mutation, sources)) == 1, mutation.name
        assert mutation.new != mutation.old, mutation.name
        files = [part.split("::")[0] for part in shlex.split(mutation.tests) if ".py" in part]
        assert files, mutation.name
        assert all((ROOT / name).is_file() for name in files), mutation.name


def test_no_row_is_of_what_is_no_more(identity, monkeypatch):
    from benchmarks.mutants import Copies

    rows = {*identity.TESTS, *identity.EXEMPT} - {"things"}
    monkeypatch.setattr(identity, "EXEMPT", {})
    there = {mutation.name.split()[0] for mutation in identity.identities(Copies(ROOT).sources)}
    assert [row for row in rows if not any(f"{name}.".startswith(f"{row}.") for name in there)] == []

"""Every mutation has a home in the package, and the tool tells those that are noticed from those that are not."""

import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").exists(), reason="needs the repository, not a wheel")

PACKAGE = "def twice(x):\n    return 2 * x\n\n\ndef half(x):\n    return x / 2\n"
TESTS = "from latentaug import half, twice\n\n\ndef test_twice():\n    assert half(twice(3)) < twice(3) == 6\n"


@pytest.fixture
def mutants(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import mutants

    return mutants


@pytest.fixture
def small(tmp_path):
    """A repository of two functions and two tests."""
    for name, content in (("latentaug/__init__.py", PACKAGE), ("tests/test_small.py", TESTS)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(content)
    return tmp_path


def test_every_mutation_stands_once_in_the_package_and_compiles(mutants):
    sources = mutants.Copies(ROOT).sources
    for mutation in mutants.MUTATIONS:
        changed = mutants.mutated(mutation, sources)
        for path, source in changed.items():
            assert source != sources[path], mutation.name
            compile(source, str(path), "exec")


def test_every_mutation_has_a_name_of_its_own_and_tests_that_are_there(mutants):
    names = [mutation.name for mutation in mutants.MUTATIONS]
    assert len(names) == len(set(names)) >= 130
    for mutation in mutants.MUTATIONS:
        files = [part.split("::")[0] for part in shlex.split(mutation.tests) if ".py" in part]
        assert files, mutation.name
        assert all((ROOT / name).is_file() for name in files), mutation.name


@pytest.mark.parametrize("text", ["no such text", "x"])
def test_a_text_that_does_not_stand_once_is_refused(mutants, small, text):
    mutation = mutants.Mutation("a", text, "y", "tests/test_small.py")
    with pytest.raises(ValueError, match=r"stands \d+ times in the package\. Allowed: once\."):
        mutants.mutated(mutation, mutants.Copies(small).sources)


def test_the_end_of_a_run_says_what_became_of_a_mutation(mutants):
    plain = mutants.Mutation("a", "x", "y", "tests/test_small.py")
    runs = [
        (plain, mutants.Run(1, ["test_twice"]), mutants.NOTICED),
        (plain, mutants.Run(2, ["tests/test_small.py"]), mutants.NOTICED),
        (plain, mutants.Run(2, []), mutants.NOTICED),
        (plain, mutants.Run(0, []), mutants.ALIVE),
        (plain, mutants.Run(5, []), mutants.AMISS),
        (plain, mutants.Run(None, []), mutants.AMISS),
        (plain, mutants.Run(None, [], in_time=False), mutants.ALIVE),
        (plain._replace(hangs=True), mutants.Run(None, [], in_time=False), mutants.NOTICED),
    ]
    for mutation, run, end in runs:
        assert mutants.judge(mutation, run, timeout=9)[0] == end


@pytest.mark.slow
def test_what_is_noticed_is_told_from_what_is_not_and_what_fails_as_it_is_does_not_count(mutants, small, capsys):
    (small / "tests" / "test_wrong.py").write_text("def test_wrong():\n    assert False\n")
    tests = "tests/test_small.py tests/test_wrong.py"
    given = [
        mutants.Mutation("noticed", "2 * x", "3 * x", tests),
        mutants.Mutation("alive", "x / 2", "x / 3", tests),
        mutants.Mutation("noticed where both are", "x / 2", "x / 3", tests, also=(("2 * x", "3 * x"),)),
        mutants.Mutation("of no text", "x / 4", "x / 3", tests),
    ]
    found = list(mutants.outcomes(given, small))
    assert [outcome.end for outcome in found] == ["noticed", "ALIVE", "noticed", "not applied"]
    assert capsys.readouterr().out == "fails as it is, and is left out: tests/test_wrong.py::test_wrong\n"
    assert "| 4 | 2 | 1 | 1 | 50.0% |" in mutants.summary(found)


@pytest.mark.slow
def test_a_run_that_does_not_end_is_killed(mutants, small):
    (small / "tests" / "test_small.py").write_text("while True:\n    pass\n")
    assert mutants.Copies(small).run({}, ["tests"], timeout=1) == mutants.Run(None, [], in_time=False)

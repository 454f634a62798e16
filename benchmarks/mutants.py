"""Do the tests notice? Small, plausible bugs, put one at a time into a copy of the package.

    python -m benchmarks.mutants                    all of them: 45 minutes of a core
    python -m benchmarks.mutants --only shear       those with the word in their name
    python -m benchmarks.mutants --identity         others: each public function gives back its first argument
    python -m benchmarks.mutants --list             what there is

The bugs are a table, `benchmarks/mutations`: a text of the package, another one, and the tests that should notice.
First these tests are run on the copy as it is, for some minutes: what fails there does not count later. A bug is
noticed where one of its tests fails, and alive where none does. Ends with 1 where fewer than 95 % are noticed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.mutations import MUTATIONS
from benchmarks.mutations.identity import identities
from benchmarks.mutations.mutation import Mutation, mutated
from benchmarks.pairing import table

ROOT = Path(__file__).parent.parent
COPIED = ("latentaug", "tests", "docs", "examples", "benchmarks", "setup.cfg", "pyproject.toml", "README.md")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "_build", "auto_examples", "generated", "output")
QUIET = ("-q", "-p", "no:cacheprovider", "--tb=no", "--assert=plain")
# Each run is forked from a process that has imported these, and nothing of latentaug: that is most of its seconds.
HEAVY = ["torch", "scipy.ndimage", "sklearn.decomposition", "sklearn.manifold", "sklearn.neighbors", "cv2", "pytest"]
HEAVY += ["sklearn.pipeline", "sklearn.model_selection", "sklearn.frozen", "safetensors.numpy", "tqdm", "torch._dynamo"]
HEAVY += ["hypothesis.extra.numpy"]
ENOUGH = 0.95
INTERRUPTED = 2  # what pytest ends with on a KeyboardInterrupt that no test awaited

NOTICED, ALIVE, AMISS = "noticed", "ALIVE", "not applied"


class Outcome(NamedTuple):
    """What became of a mutation: the end, seconds, and what tells why."""

    mutation: Mutation
    end: str
    seconds: float
    why: str

    def __str__(self) -> str:
        return f"{self.end:<12}{self.seconds:>6.1f} s  {self.mutation.name}  [{self.why}]"


class Run(NamedTuple):
    """How pytest ended: its exit code, None where it was killed or told nothing, and what failed."""

    code: int | None
    failed: list[str]
    in_time: bool = True


class _Failures:
    """A plugin of pytest that writes down what fails."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def pytest_sessionstart(self) -> None:
        from hypothesis import Phase, settings

        settings.register_profile("unshrunk", settings(), phases=(Phase.explicit, Phase.generate))
        settings.load_profile("unshrunk")  # that an example fails is enough

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.pytest_collectreport(report)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.ids.append(report.nodeid)


def _test(folder: Path, arguments: Sequence[str], told: Any) -> None:
    """Run pytest in a copy of the repository, in a process of its own; sends its exit code and what failed."""
    os.setsid()  # what the tests start ends with them
    os.chdir(folder)
    os.dup2(os.open("output.txt", os.O_CREAT | os.O_WRONLY), 1)
    os.dup2(1, 2)
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = str(folder)
    import pytest

    failures = _Failures()
    code = pytest.main([*QUIET, "--rootdir=.", *arguments], plugins=[failures])
    tested = getattr(sys.modules.get("latentaug"), "__file__", None)
    if tested is not None and not Path(tested).is_relative_to(folder):
        raise RuntimeError(f"{tested} was tested, and not the copy.")
    told.send((int(code), failures.ids))


def run_tests(folder: Path, arguments: Sequence[str], timeout: float | None) -> Run:
    """How pytest ends in a copy of the repository."""
    context = multiprocessing.get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_test, args=(folder, arguments, sender))
    process.start()
    sender.close()
    try:
        in_time = receiver.poll(timeout)
        code, failed = receiver.recv() if in_time else (None, [])
    except EOFError:
        code, failed = None, []
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.kill()
        process.join()
    return Run(code, failed, in_time)


class Copies:
    """Copies of a repository, each in a folder that is removed after use."""

    def __init__(self, root: Path) -> None:
        self.root = root
        package = (root / "latentaug").rglob("*.py")
        self.sources = {path.relative_to(root): path.read_text(encoding="utf-8") for path in package}

    def run(self, changed: dict[Path, str], arguments: Sequence[str], timeout: float | None = None) -> Run:
        """Tests on a copy in which some files are other ones."""
        with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as name:
            folder = Path(name).resolve()
            for part in filter(Path.exists, (self.root / part for part in COPIED)):
                target = folder / part.name
                _ = shutil.copytree(part, target, ignore=LEFT_OUT) if part.is_dir() else shutil.copy2(part, target)
            for path, source in changed.items():
                (folder / path).write_text(source, encoding="utf-8")
            return run_tests(folder, arguments, timeout)


def find_failing(mutations: Iterable[Mutation], copies: Copies) -> list[str]:
    """The tests that fail though nothing is changed."""
    named = dict.fromkeys(part.split("::")[0] for m in mutations for part in shlex.split(m.tests) if ".py" in part)
    return list(dict.fromkeys(copies.run({}, list(named)).failed))


def outcome_of(mutation: Mutation, copies: Copies, failing: Sequence[str], timeout: float) -> Outcome:
    """Put a mutation in, and run its tests up to the first that fails."""
    start = time.perf_counter()
    try:
        changed = mutated(mutation, copies.sources)
    except ValueError as error:
        return Outcome(mutation, AMISS, 0.0, str(error))
    arguments = [*shlex.split(mutation.tests), "-x", *(f"--deselect={name}" for name in failing)]
    end, why = judge(mutation, copies.run(changed, arguments, timeout), timeout)
    return Outcome(mutation, end, time.perf_counter() - start, why)


def judge(mutation: Mutation, run: Run, timeout: float) -> tuple[str, str]:
    """Whether a run has noticed a mutation, and what tells so."""
    if not run.in_time:
        return NOTICED if mutation.hangs else ALIVE, f"killed after {timeout:g} s: {mutation.tests}"
    if run.failed or run.code == INTERRUPTED:
        return NOTICED, (run.failed or ["a test was interrupted"])[0]
    return ALIVE if run.code == 0 else AMISS, f"pytest ended with {run.code}: {mutation.tests}"


def outcomes(
    mutations: Sequence[Mutation], root: Path, *, jobs: int = 1, timeout: float = 120, baseline: bool = True
) -> Iterator[Outcome]:
    """What becomes of each mutation, in order."""
    copies = Copies(root)
    failing = find_failing(mutations, copies) if baseline else []
    for name in failing:
        print(f"fails as it is, and is left out: {name}", flush=True)
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda mutation: outcome_of(mutation, copies, failing, timeout), mutations)


def summary(found: Sequence[Outcome]) -> str:
    """Counts, and those that were not noticed."""
    counts = [sum(outcome.end == end for outcome in found) for end in (NOTICED, ALIVE, AMISS)]
    row = (str(len(found)), *map(str, counts), f"{share_noticed(found):.1%}")
    others = [str(outcome) for outcome in found if outcome.end != NOTICED]
    return "\n".join([table([row], ("mutations", "noticed", "alive", "not applied", "share noticed")), *others])


def share_noticed(found: Sequence[Outcome]) -> float:
    return sum(outcome.end == NOTICED for outcome in found) / len(found) if found else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="a word in the names or the tests of mutations")
    parser.add_argument("--identity", action="store_true", help="put public functions that do nothing in, instead")
    parser.add_argument("--list", action="store_true", help="name them, and run none")
    parser.add_argument("--shuffle", type=int, metavar="SEED", help="in an order drawn by it, for a sample")
    parser.add_argument("--jobs", type=int, default=1, help="at once")
    parser.add_argument("--timeout", type=float, default=120, help="seconds of a run")
    parser.add_argument("--no-baseline", action="store_true", help="do not run the tests on what is unchanged first")
    options = parser.parse_args()
    given = identities(Copies(ROOT).sources) if options.identity else MUTATIONS
    chosen = [m for m in given if options.only in m.name or options.only in m.tests]
    if options.shuffle is not None:
        random.Random(options.shuffle).shuffle(chosen)
    if options.list:
        print(*(f"{m.name}  [{m.tests}]" for m in chosen), f"{len(chosen)} mutations.", sep="\n")
        return 0
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    multiprocessing.get_context("forkserver").set_forkserver_preload(HEAVY)
    found = []
    for outcome in outcomes(chosen, ROOT, jobs=options.jobs, timeout=options.timeout, baseline=not options.no_baseline):
        print(outcome, flush=True)
        found.append(outcome)
    print(summary(found))
    return 0 if share_noticed(found) >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())

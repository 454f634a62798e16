"""Does every wrong input to every public entry point end in one plain error? Ten thousand of them, and more.

    python -m benchmarks.fuzz                       10,000 wrong inputs
    python -m benchmarks.fuzz --only VAE metrics    those of the entry points whose names begin so

An input is wrong by construction, so that accepting it is a fault. It must end in a ValueError, TypeError or
NotFittedError (an OSError too, where a path is given) of one line that latentaug raises itself, or in one that
scikit-learn's validation raises, and never in what torch, numpy, OpenCV, zipfile or json say. Warnings are errors; one
of latentaug's own will do, where what came may be meant.
"""

from __future__ import annotations

import argparse
import inspect
import linecache
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any
from zlib import crc32

import matplotlib as mpl
import numpy as np
from sklearn.exceptions import NotFittedError

import latentaug
from benchmarks.fuzzing.entries import Entry, entry_points
from benchmarks.fuzzing.files import FOLDER
from benchmarks.fuzzing.kinds import in_words

HOME = Path(latentaug.__file__).parent
PLAIN = {ValueError, TypeError, NotFittedError}


def package_of(filename: str) -> str:
    """The package that a file belongs to."""
    if filename.startswith(str(HOME)):
        return "latentaug"
    *_, last = filename.split("site-packages/")
    return last.split("/")[0] if last != filename else Path(filename).stem


def frames_of(error: BaseException) -> list[tuple[str, str]]:
    """Package and line of each frame of a traceback, the deepest last."""
    found, frame = [], error.__traceback__
    while isinstance(frame, TracebackType):
        filename = frame.tb_frame.f_code.co_filename
        found.append((package_of(filename), linecache.getline(filename, frame.tb_lineno).strip()))
        frame = frame.tb_next
    return found


def fault_of(error: BaseException, allowed: tuple[type[Exception], ...]) -> str | None:
    """What is wrong with the end of a wrong call, or None."""
    if isinstance(error, OSError) and OSError in allowed:
        return None
    frames = frames_of(error)
    ours = [number for number, (package, _) in enumerate(frames) if package == "latentaug"]
    below = frames[ours[-1] + 1 :] if ours else frames
    if type(error) is UserWarning and ours and not below:  # what may be meant is warned about, in one line
        return "of more than one line" if "\n" in str(error) else None
    if "sklearn" in (dict(below[:1]) if ours else dict(frames)):
        return None if isinstance(error, allowed) else "of a kind that is not allowed"
    if type(error) not in PLAIN or not isinstance(error, allowed):
        return "of a kind that is not allowed"
    if not ours or below:
        return f"raised in {frames[-1][0]}"
    if not frames[-1][1].startswith("raise"):
        return "raised by no line of latentaug"
    return "of more than one line" if "\n" in str(error) else None


def end_of(call: Callable[[], Any], allowed: tuple[type[Exception], ...]) -> tuple[str, str | None]:
    """How a wrong call ends: in a word, and what is wrong with that."""
    try:
        given = call()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        fault = fault_of(error, allowed)
        return type(error).__name__, fault and f"{type(error).__name__} {fault}: {in_words(str(error))}"
    return "accepted", f"accepted silently, gives {in_words(given)}"


def fault_of_right(entry: Entry) -> str | None:
    """What is wrong where not even a right call succeeds: then wrong ones tell nothing."""
    try:
        if entry.right is not None:
            entry.right()
    except (FileNotFoundError, ImportError):  # of MNIST, and of packages that draw, which need not be here
        return None
    except Exception as error:
        return f"a right call ends in {type(error).__name__}: {in_words(str(error))}"
    return None


def fuzz(name: str, entry: Entry, n: int, seed: int) -> tuple[Counter, list[str]]:
    """Call an entry point with wrong inputs; how the calls end, and the faults."""
    rng = np.random.default_rng([seed, crc32(name.encode())])
    ends: Counter = Counter()
    faults = {"": f"FAULT {name}: {fault}"} if (fault := fault_of_right(entry)) else {}
    for _ in range(n):
        words, call = entry.draw(rng)
        end, fault = end_of(call, entry.allowed)
        ends[end] += 1
        if fault:
            faults[words] = f"FAULT {name}, {words}: {fault}"
        close_figures()
    return ends, list(faults.values())


def close_figures() -> None:
    """Close what was drawn before an error."""
    plt = sys.modules.get("matplotlib.pyplot")
    if plt is not None and plt.get_fignums():
        plt.close("all")


def say_row(name: str, ends: Counter) -> str:
    counts = ", ".join(f"{end} {count:,}" for end, count in sorted(ends.items()))
    return f"| {name:<44} | {ends.total():>6,} | {counts:<60} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__ or "").splitlines()[0])
    parser.add_argument("--n", type=int, default=10_000, help="wrong inputs, at least")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[""], help="beginnings of names of entry points")
    options = parser.parse_args()
    mpl.use("Agg")
    os.environ.pop("LATENTAUG_DATA", None)
    os.environ["XDG_CACHE_HOME"] = str(FOLDER / "cache")  # where no MNIST is
    entries = dict(entry_points())
    share, total, faults = -(-options.n // len(entries)), Counter[str](), []
    print(f"| {'entry point':<44} | {'inputs':>6} | {'how they end':<60} |\n|{'-' * 46}|-------:|{'-' * 62}|")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, entry in entries.items():
            if name.startswith(tuple(options.only)):
                ends, found = fuzz(name, entry, share, options.seed)
                total += ends
                faults += found
                print(say_row(name, ends), flush=True)
    print(say_row("total", total))
    print(*faults, f"{len(faults)} faults.", sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""Two sides of a comparison timed in turn, so that what slows the machine slows both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

__all__ = ["in_turn", "median_ratio", "table"]


def in_turn(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every side in every round, after one round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for k in range(rounds + 1):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            if k:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def median_ratio(slow: list[float], fast: list[float]) -> float:
    """Median over the rounds of how many times faster the second side was."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def table(rows: list[tuple], header: tuple[str, ...]) -> str:
    """A markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)

"""Sides of a comparison timed in turn, so that what slows the machine slows all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["in_turn", "median_ratio", "table", "timed"]


def timed(run: Callable[[], Any]) -> float:
    """Seconds of a call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def in_turn(
    sides: Mapping[str, Callable[[], Any]], rounds: int, seconds_of: Callable[[Callable[[], Any]], float] = timed
) -> dict[str, list[float]]:
    """Seconds of every side in every round, after one round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for k in range(rounds + 1):
        for name, run in sides.items():
            told = seconds_of(run)
            if k:
                seconds[name].append(told)
    return seconds


def median_ratio(slow: list[float], fast: list[float]) -> float:
    """Median over the rounds of how many times faster the second side was."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def table(rows: list[tuple], header: tuple[str, ...]) -> str:
    """A markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)

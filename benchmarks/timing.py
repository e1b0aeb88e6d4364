"""What a benchmark measures, and how it prints it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds for one unit of a task by one engine; ``ours`` marks the one that ratios refer to.

    ``ratio`` is the median of ratios to ours that were taken in turns, where there is one.
    """

    task: str
    engine: str
    seconds: float
    ours: bool = False
    ratio: float | None = None


def median_seconds(work: Callable[[], object], units: int = 1, repeats: int = 7) -> float:
    """The median over repeats of the processor seconds that ``work`` takes for each of its units.

    Processor time, not the clock's: a shared machine changes it less. One call before the first
    repeat pays for imports and compilation.
    """
    work()
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times) / units


def table(title: str, rows: list[Row]) -> str:
    """A Markdown section with the times and their ratios to ours."""
    ours = {row.task: row.seconds for row in rows if row.ours}
    lines = [
        f"## {title}",
        "",
        "| task | engine | µs | a second | ours is faster by |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for row in rows:
        ratio = ""
        if row.ratio is not None:
            ratio = f"{row.ratio:,.0f}"
        elif not row.ours and row.task in ours:
            ratio = f"{row.seconds / ours[row.task]:,.3g}"
        lines.append(
            f"| {row.task} | {row.engine} | {row.seconds * 1e6:,.0f} | {1 / row.seconds:,.0f} | "
            f"{ratio} |"
        )
    return "\n".join(lines)

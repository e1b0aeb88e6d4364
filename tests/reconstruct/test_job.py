"""Jobs side by side, and how their processes end."""

from __future__ import annotations

import subprocess
import sys

HANDING_OVER = """
from recohort.reconstruct import job

def large(number):
    return bytes(60_000_000)

job._draw = large
try:
    with job.workers(2) as run:
        for outcome in run([1, 2, 3, 4]):
            raise KeyboardInterrupt
except KeyboardInterrupt:
    print("interrupted", len(outcome))
"""


def test_an_interrupt_while_results_are_handed_over_ends_everything() -> None:
    """A process killed in the middle of that would leave the first one waiting for ever."""
    done = subprocess.run(
        [sys.executable, "-c", HANDING_OVER], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted 60000000\n", "")

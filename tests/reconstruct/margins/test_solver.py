"""The exact answer of the margins: its limit counts work, so that no clock has a say."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction

import numpy as np
import pytest

from recohort.feasible.variable import Grid, VariableFacts
from recohort.printed import Printed
from recohort.reconstruct.margins import solver as exact
from recohort.reconstruct.margins.margin import (
    MarginDraw,
    MarginEffort,
    MarginRequest,
    MarginSampler,
    draw_margin,
)

CONTRADICTION = {"mean": "24.1", "sd": "13.5", "median": "33", "q1": "31", "q3": "32"}
"""A median above the third quartile: without it everything else prints."""

ENOUGH, TOO_LITTLE = 0.3, 0.1
"""The solver's answer takes 0.21."""


def request(step: Fraction | None = Fraction(1)) -> MarginRequest:
    printed = {name: Printed.parse(text) for name, text in CONTRADICTION.items()}
    return MarginRequest(VariableFacts(Grid(step, Fraction(0), Fraction(60)), 30, 30, **printed))


def drawn(work: float) -> MarginDraw:
    effort = MarginEffort(restarts=1, solver_work=work)
    return draw_margin(request(), np.random.default_rng(7), effort=effort)


def told(found: MarginDraw) -> str:
    return f"{found.values.tolist()} {found.unmet}"


def test_the_limit_counts_work_and_ends_the_solver_where_it_needs_more() -> None:
    assert drawn(ENOUGH).unmet == ("median",)
    short = drawn(TOO_LITTLE)
    assert len(short.unmet) > 0
    assert told(short) == told(drawn(TOO_LITTLE))
    assert told(short) != told(drawn(ENOUGH))


def test_no_clock_is_among_the_solvers_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = []
    solve = exact.cp_model.CpSolver.solve

    def seen(self: object, *of: object) -> object:
        limits.append(self.parameters)  # type: ignore[attr-defined]
        return solve(self, *of)  # type: ignore[arg-type]

    monkeypatch.setattr(exact.cp_model.CpSolver, "solve", seen)
    drawn(ENOUGH)
    assert len(limits) == 2  # all facts, then all but the fewest
    for one in limits:
        assert (one.max_deterministic_time, one.max_time_in_seconds) == (ENOUGH, float("inf"))
        assert (one.num_workers, one.random_seed) == (1, 1)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs signals that pause a process")
def test_a_machine_many_times_slower_gives_the_same_column() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_solver as t\n"
        "t.drawn(t.TOO_LITTLE / 10)\n"  # what is loaded or compiled once
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(t.told(t.drawn(t.ENOUGH)))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, os.path.dirname(__file__)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.stdin.write("\n")
        child.stdin.flush()
        began = time.monotonic()
        for _ in range(30):
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGSTOP)
                time.sleep(0.15)
                child.send_signal(signal.SIGCONT)
            time.sleep(0.03)
        assert child.stdout.read().strip() == told(drawn(ENOUGH))
        assert time.monotonic() - began > 10 * ENOUGH


@pytest.mark.parametrize("step", [Fraction(1), None])
def test_a_column_does_not_depend_on_what_was_drawn_before(step: Fraction | None) -> None:
    """On a fine grid nothing is proven, so that a walk from another seed may yet find a column."""
    effort = MarginEffort(restarts=4, solver_work=TOO_LITTLE)
    sampler = MarginSampler(request(step), effort)
    seeds = (1, 2, 3, 1)
    found = [told(sampler.draw(np.random.default_rng(seed))) for seed in seeds]
    assert found[0] == found[3]
    for seed, one in list(zip(seeds, found, strict=True))[1:3]:
        assert one == told(draw_margin(request(step), np.random.default_rng(seed), effort=effort))

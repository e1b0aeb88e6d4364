"""Ctrl-C, SIGTERM, SIGKILL and a time limit in the middle of a long search."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CARD = """\
format: recohort-card-1
study: orchard
name: Orchard
citation: {authors: A, title: T, journal: J, year: 2020}
summary: Four hundred made-up trees, of which one value cannot be met, which nothing proves.
units:
  trees: {label: Trees, n: 400}
columns:
  row: {kind: group, unit: trees, groups: 8}
  height: {kind: numeric, unit: trees, step: 1, low: 100, high: 900, plausible: {mean: 400, sd: 90}}
  shade: {kind: numeric, unit: trees, step: 1, low: 0, high: 100, plausible: {mean: 40, sd: 15}}
  bears: {kind: binary, unit: trees}
populations:
  all: {unit: trees, label: trees}
models:
  bearing:
    kind: mixed_logistic
    population: all
    outcome: [{column: bears, equals: 1}]
    group: row
    terms:
      height: {column: height, coding: {kind: linear, per: 100}}
      shade: {column: shade, coding: {kind: linear, per: 10}}
quantities:
  bears:
    label: Bears
    population: all
    analysis: {kind: proportion, having: [{column: bears, equals: 1}]}
    values: {count: 120}
  height:
    label: Height
    population: all
    analysis: {kind: model_term, model: bearing, term: height}
    values: {odds_ratio: 1.02}
  shade:
    label: Shade
    population: all
    analysis: {kind: model_term, model: bearing, term: shade}
    values: {odds_ratio: 1.03}
  auc:
    label: AUC
    population: all
    analysis: {kind: auc, model: bearing}
    values: {auc: {printed: 0.97, role: imposed}}
"""


class Search:
    """A search under way in a process group of its own, as a terminal would give it."""

    def __init__(self, folder: Path, *more: str) -> None:
        card = folder / "orchard.yaml"
        card.write_text(CARD, encoding="utf-8")
        self.out = folder / "results"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "recohort.cli", "reconstruct", str(card), "--out",
             str(self.out), "--conditioned", "2", "--attempts", "1000", *more],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.said: list[str] = []

    def wait_for(self, words: str) -> None:
        """Until the search has said so."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if words in line:
                return
        raise AssertionError("".join(self.said))

    def end(self) -> tuple[int, str, str]:
        """Exit status, output, and everything that was said."""
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, "".join(self.said) + err

    def is_gone(self) -> bool:
        """Whether no process of it is left."""
        end = time.monotonic() + 20.0
        while time.monotonic() < end:
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.1)
        return False


@pytest.fixture
def searching(tmp_path: Path) -> Iterator[Callable[..., Search]]:
    going: list[Search] = []

    def start(*more: str) -> Search:
        going.append(Search(tmp_path, *more))
        return going[-1]

    yield start
    for one in going:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.communicate()


def check_kept(search: Search, ended: str) -> None:
    """The best cohort so far is stored and said to be that, and nothing else is left."""
    report = json.loads((search.out / "reconstruction.json").read_text("utf-8"))
    assert report["ended"] == ended
    assert report["stored"]["met"]
    assert {item["status"] for item in report["stored"]["unmet"]} <= {"search_exhausted"}
    assert (search.out / "cohort" / "trees_SIMULATED.csv").read_text("utf-8").count("\n") == 401
    assert sorted(path.name for path in search.out.iterdir()) == [
        "cohort", "conditioned.parquet", "reconstruction.json",
    ]  # fmt: skip


@pytest.mark.parametrize("threads", ["1", "2"])
def test_ctrl_c_keeps_the_best_cohort_so_far(
    threads: str, searching: Callable[..., Search]
) -> None:
    search = searching("--threads", threads)
    search.wait_for("a cohort prints")
    time.sleep(0.5)
    os.killpg(search.process.pid, signal.SIGINT)
    began = time.monotonic()
    status, out, said = search.end()
    assert status == 130, said
    assert time.monotonic() - began < 15.0
    assert "Traceback" not in said
    assert "; not yet height.odds_ratio" in said or "; not yet auc.auc" in said
    assert out.endswith("(interrupted)\n")
    check_kept(search, "interrupted")
    assert search.is_gone()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_time_limit_ends_the_search_with_the_best_cohort_so_far(
    threads: str, searching: Callable[..., Search]
) -> None:
    """The limit falls into the search of the model, attempts of which take longer than that."""
    search = searching("--threads", threads, "--time-limit", "2")
    search.wait_for("looking for a cohort")
    began = time.monotonic()
    status, out, said = search.end()
    assert status == 0, said
    assert time.monotonic() - began < 12.0, "2 seconds, and what a busy machine takes"
    assert out.endswith("(time limit)\n")
    check_kept(search, "time limit")
    assert search.is_gone()


def test_termination_writes_nothing(searching: Callable[..., Search]) -> None:
    search = searching("--threads", "2")
    search.wait_for("a cohort prints")
    search.process.terminate()
    status, out, said = search.end()
    assert (status, out) == (143, "")
    assert said.endswith("recohort: terminated; earlier results are untouched\n")
    assert "Traceback" not in said
    assert list(search.out.iterdir()) == []
    assert search.is_gone()


def test_a_killed_search_leaves_no_process_behind(searching: Callable[..., Search]) -> None:
    search = searching("--threads", "2")
    search.wait_for("a cohort prints")
    search.process.kill()
    search.process.wait()
    assert search.is_gone()
    assert list(search.out.iterdir()) == []

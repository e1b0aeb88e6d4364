"""One cohort to be drawn, as a job that any process can do and none can do differently."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from recohort.card.loader import CardFile, Setting, load_card
from recohort.card.reads import columns_read
from recohort.card.statistic import Role, Statistic
from recohort.card.study import StudyCard
from recohort.reconstruct.draw import Drawn, Effort, draw_cohort
from recohort.reconstruct.measurement import numeric_keys
from recohort.reconstruct.stop import Stop
from recohort.reconstruct.target import Target, targets_of

__all__ = ["Job", "Outcome", "Purpose", "Run", "Shortfall", "workers"]


class Purpose(IntEnum):
    """What a cohort is drawn for: part of its random stream's number."""

    STORED = 0
    CONDITIONED = 1
    LEFT_OUT = 2


@dataclass(frozen=True, slots=True)
class Job:
    """One cohort to be drawn, in as many attempts as it takes.

    ``aims`` are the ids of the values that it must print. The random stream is numbered by the
    study, the purpose, the setting, ``about`` (the value left out, if any), ``index`` and the
    attempt. ``conflicts`` are sets of which the audit proved that one member must give.
    """

    path: str
    setting: Setting
    purpose: Purpose
    index: int
    attempts: int
    seed: int
    aims: frozenset[str]
    conflicts: tuple[frozenset[str], ...] = ()
    about: str = ""
    deadline: float | None = None
    """On the monotonic clock: after it the search ends with what it has."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The best attempt at a job.

    ``fixed`` are values that were missed by the same estimates twice: no draw would change them.
    """

    job: Job
    drawn: Drawn
    attempts: int
    fixed: frozenset[str] = frozenset()
    is_cut: bool = False
    """Whether the search ended early: at its deadline, or by an interrupt."""
    is_interrupted: bool = False


_TIED = (Statistic.MEDIAN, Statistic.Q1, Statistic.Q3, Statistic.P_VALUE)

_LAST_WORD = 10.0
"""Seconds that jobs at hand have, after an interrupt, to end with the best that they have."""

_AGAIN = 0.1
"""Seconds between one telling them and the next."""

Run = Callable[[Sequence[Job]], Iterator[Outcome]]
"""Does jobs, giving their outcomes in the jobs' order."""


@lru_cache(maxsize=4)
def _card_file(path: str) -> CardFile:
    return load_card(Path(path))


@lru_cache(maxsize=64)
def _card(path: str, setting: Setting) -> StudyCard:
    return _card_file(path).card(setting)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") if text else 0


def _rng(job: Job, study: str, attempt: int) -> np.random.Generator:
    # Named, not counted: an assumption more in the card leaves other settings' cohorts as they are.
    setting = _number(", ".join(f"{name}={index}" for name, index in job.setting.choices))
    key = (_number(study), int(job.purpose), setting, _number(job.about), job.index, attempt)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(job.seed, spawn_key=key)))


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What proven conflicts excuse of the values that a cohort was to print and does not."""

    missed: frozenset[str]
    conflicts: tuple[frozenset[str], ...]

    @classmethod
    def of(
        cls, missed: Iterable[str], aims: frozenset[str], conflicts: Iterable[frozenset[str]]
    ) -> Shortfall:
        """Only a conflict all of whose members were aimed at excuses anything."""
        return cls(frozenset(missed), tuple(c for c in conflicts if c <= aims))

    @property
    def is_excused(self) -> bool:
        """Whether every unmet value is a member of a conflict."""
        return all(any(one in conflict for conflict in self.conflicts) for one in self.missed)


def _chancy(card: StudyCard, targets: Iterable[Target]) -> frozenset[str]:
    """Targets that scores of a few levels miss by the same estimate twice by chance alone."""
    numeric = numeric_keys(card).keys()
    return frozenset(
        one.id
        for one in targets
        if one.statistic in _TIED and columns_read(card, one.quantity) & numeric
    )


def _draw(job: Job) -> Outcome:
    """The first attempt that prints every target, else the one that misses fewest."""
    card = _card(job.path, job.setting)
    everything = frozenset(value.id for value in card.values)
    targets = targets_of(card, list(Role), everything - job.aims)
    best: Drawn | None = None
    before: dict[str, float] = {}
    fixed: frozenset[str] = frozenset()
    chancy = _chancy(card, targets)
    stop = Stop(job.deadline)
    with stop.listening():
        for attempt in range(job.attempts):
            rng = _rng(job, card.study, attempt)
            drawn = draw_cohort(card, targets, rng, Effort(), stop)
            if best is None or (len(drawn.unmet), drawn.loss) < (len(best.unmet), best.loss):
                best = drawn
            if stop() or Shortfall.of(drawn.unmet, job.aims, job.conflicts).is_excused:
                break
            missed = {name: drawn.estimates[name] for name in drawn.unmet}
            fixed = frozenset(
                name
                for name, value in missed.items()
                if before.get(name) == value and name not in chancy
            )
            if missed.keys() == fixed:
                break
            before = missed
    assert best is not None
    return Outcome(job, best, attempt + 1, fixed, stop(), stop.interrupted)


def _live_with_the_parent(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent tells when to end
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)  # a killed parent wants no more cohorts, and no one else would end this

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def workers(threads: int) -> Iterator[Run]:
    """Something that does jobs, on so many processes.

    An interrupt lets the jobs at hand end with the best that they have, yields their outcomes, and
    is raised then. Whatever is still running at the end is told to end.
    """
    if threads <= 1:
        yield _one_by_one
        return
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(threads, initializer=_live_with_the_parent, initargs=(os.getpid(),))

    def children() -> set[BaseProcess]:
        return set(multiprocessing.active_children()) - before

    def tell() -> None:
        """Jobs at hand are to end; told time and again, as a process between jobs is deaf."""
        for child in children():
            if child.is_alive() and child.pid is not None:
                with suppress(ProcessLookupError):  # gone since
                    os.kill(child.pid, signal.SIGINT)

    def side_by_side(jobs: Sequence[Job]) -> Iterator[Outcome]:
        # A process begins with the first job; until it is ready, no interrupt may reach it.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            waiting = deque(pool.submit(_draw, job) for job in jobs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
        try:
            while waiting:
                yield waiting[0].result()
                waiting.popleft()
        except (KeyboardInterrupt, GeneratorExit) as ended:
            # After an interrupt the jobs at hand have the last word; else no one wants the rest.
            at_hand = [future for future in waiting if not future.cancel()]
            end = time.monotonic() + _LAST_WORD
            for future in at_hand:
                while not future.done() and time.monotonic() < end:
                    tell()
                    wait((future,), _AGAIN)
                if isinstance(ended, KeyboardInterrupt) and future.done():
                    yield future.result()
            raise

    try:
        yield side_by_side
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        try:
            # A process killed while it hands over a result would leave this one waiting for the
            # rest for ever.
            end = time.monotonic() + _LAST_WORD
            while (left := children()) and time.monotonic() < end:
                tell()
                left.pop().join(_AGAIN)
        finally:
            for child in children():
                child.terminate()


def _one_by_one(jobs: Sequence[Job]) -> Iterator[Outcome]:
    for job in jobs:
        outcome = _draw(job)
        yield outcome
        if outcome.is_interrupted:
            raise KeyboardInterrupt

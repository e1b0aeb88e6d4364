"""One cohort to be drawn, as a job that any process can do and none can do differently."""

from __future__ import annotations

import hashlib
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

import numpy as np

from recohort.card.loader import CardFile, Setting, load_card
from recohort.card.statistic import Role
from recohort.card.study import StudyCard
from recohort.reconstruct.draw import Drawn, Effort, draw_cohort
from recohort.reconstruct.target import targets_of

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


def _draw(job: Job) -> Outcome:
    """The first attempt that prints every target, else the one that misses fewest."""
    card = _card(job.path, job.setting)
    everything = frozenset(value.id for value in card.values)
    targets = targets_of(card, list(Role), everything - job.aims)
    best: Drawn | None = None
    before: dict[str, float] = {}
    fixed: frozenset[str] = frozenset()
    for attempt in range(job.attempts):
        drawn = draw_cohort(
            card, targets, _rng(job, card.study, attempt), Effort(deadline=job.deadline)
        )
        if best is None or (len(drawn.unmet), drawn.loss) < (len(best.unmet), best.loss):
            best = drawn
        if Shortfall.of(drawn.unmet, job.aims, job.conflicts).is_excused:
            break
        missed = {name: drawn.estimates[name] for name in drawn.unmet}
        fixed = frozenset(name for name, value in missed.items() if before.get(name) == value)
        if missed.keys() == fixed or (job.deadline is not None and time.monotonic() > job.deadline):
            break
        before = missed
    assert best is not None
    return Outcome(job, best, attempt + 1, fixed)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def workers(threads: int) -> Iterator[Run]:
    """Something that does jobs, on so many processes; an exception stops those at once."""
    if threads <= 1:
        yield lambda jobs: map(_draw, jobs)
        return
    with ProcessPoolExecutor(threads, initializer=_leave_interrupts_to_the_parent) as pool:
        before = set(multiprocessing.active_children())
        try:
            yield lambda jobs: pool.map(_draw, jobs)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            raise

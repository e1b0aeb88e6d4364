"""Looks for cohorts: one that prints everything it can, and many that print what is imposed.

The stored cohort aims at every reported value. Under each setting of the card's assumptions,
conditioned cohorts aim at the imposed values only; the held-out ones fall where they fall. Every
cohort is drawn afresh from its own stream of random numbers, numbered by study, purpose, setting,
cohort and attempt, so that the same seed gives the same cohorts however the work is shared out.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

import numpy as np

from recohort.card.loader import CardFile, Setting, load_card
from recohort.card.statistic import Role, Statistic
from recohort.card.study import StudyCard
from recohort.cohort import Cohort
from recohort.reconstruct.draw import Drawn, Effort, draw_cohort
from recohort.reconstruct.target import Target, targets_of, unmet

__all__ = ["Conditioned", "Plan", "Reconstruction", "SettingResult", "Stored", "reconstruct"]

Progress = Callable[[str], None]


class Purpose(IntEnum):
    """What a cohort is drawn for: part of its random stream's number."""

    STORED = 0
    CONDITIONED = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to look for. ``time_limit`` is in seconds; without one, only counts decide."""

    seed: int
    conditioned: int = 100
    threads: int = 1
    attempts: int = 6
    time_limit: float | None = None
    hold_out: tuple[str, ...] = ()
    """Reported values to hold out on top of the card's own."""


@dataclass(frozen=True, slots=True)
class Job:
    """One cohort to be drawn, in as many attempts as it takes."""

    path: str
    setting: Setting
    setting_index: int
    purpose: Purpose
    index: int
    attempts: int
    seed: int
    ignore: tuple[str, ...]
    hold_out: tuple[str, ...]
    conflicts: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The best attempt at a job."""

    job: Job
    drawn: Drawn
    attempts: int


@dataclass(frozen=True, slots=True)
class SettingResult:
    """What one setting of the assumptions can print of the imposed values."""

    setting: Setting
    targets: int
    unmet: tuple[str, ...]
    matched: bool


@dataclass(frozen=True, slots=True)
class Conditioned:
    """One conditioned cohort's estimates."""

    cohort: int
    setting: str
    estimates: dict[str, float]


@dataclass(frozen=True, slots=True)
class Stored:
    """The stored cohort: what it prints of all reported values, and under which setting."""

    setting: Setting
    cohort: Cohort
    estimates: dict[str, float]
    unmet: tuple[str, ...]


@dataclass
class Reconstruction:
    """Everything that a search found, and what it cost."""

    stored: Stored
    settings: list[SettingResult]
    conditioned: list[Conditioned]
    requested: int
    cost: Counter[str] = field(default_factory=Counter)
    ended: str = "complete"


@lru_cache(maxsize=4)
def _card_file(path: str) -> CardFile:
    return load_card(Path(path))


@lru_cache(maxsize=64)
def _card(path: str, setting: Setting) -> StudyCard:
    return _card_file(path).card(setting)


def _rng(job: Job, study: str, attempt: int) -> np.random.Generator:
    name = int.from_bytes(hashlib.sha256(study.encode()).digest()[:4], "big")
    key = (name, int(job.purpose), job.setting_index, job.index, attempt)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(job.seed, spawn_key=key)))


def _targets(card: StudyCard, job: Job) -> tuple[Target, ...]:
    roles = [Role.INPUT, Role.IMPOSED]
    left_out = set(job.ignore)
    if job.purpose is Purpose.STORED:
        roles.append(Role.HELD_OUT)
    else:
        left_out |= set(job.hold_out)
    return targets_of(card, roles, frozenset(left_out))


def _draw(job: Job) -> Outcome:
    """The first attempt that prints every target, else the one that misses fewest."""
    card = _card(job.path, job.setting)
    targets = _targets(card, job)
    best: Drawn | None = None
    for attempt in range(job.attempts):
        drawn = draw_cohort(card, targets, _rng(job, card.study, attempt), Effort())
        if best is None or (len(drawn.unmet), drawn.loss) < (len(best.unmet), best.loss):
            best = drawn
        if _explained(set(drawn.unmet), job.conflicts):
            break
    assert best is not None
    return Outcome(job, best, attempt + 1)


class _Clock:
    def __init__(self, limit: float | None) -> None:
        self._end = None if limit is None else time.monotonic() + limit

    def over(self) -> bool:
        return self._end is not None and time.monotonic() > self._end


@contextmanager
def _workers(threads: int) -> Iterator[Callable[[Sequence[Job]], Iterator[Outcome]]]:
    if threads <= 1:
        yield lambda jobs: map(_draw, jobs)
        return
    with ProcessPoolExecutor(threads) as pool:
        try:
            yield lambda jobs: pool.map(_draw, jobs)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def reconstruct(
    card_file: CardFile,
    plan: Plan,
    impossible: Sequence[frozenset[str]] = (),
    progress: Progress = lambda _: None,
) -> Reconstruction:
    """Find the stored cohort and the conditioned ones.

    ``impossible`` holds the audit's proven conflict sets: of each, at least one value must stay
    unmet, which is then no failure of the search. A keyboard interrupt, like the time limit, ends
    the search with what it has.
    """
    clock = _Clock(plan.time_limit)
    cost: Counter[str] = Counter()
    result: Reconstruction | None = None
    with _workers(plan.threads) as run:
        stored = _stored(card_file, plan, impossible, run, clock, cost, progress)
        result = Reconstruction(stored, [], [], plan.conditioned, cost)
        try:
            _condition(card_file, plan, impossible, run, clock, result, progress)
        except KeyboardInterrupt:
            result.ended = "interrupted"
    if clock.over():
        result.ended = "time limit"
    return result


def _job(
    card_file: CardFile,
    plan: Plan,
    purpose: Purpose,
    setting_index: int,
    index: int,
    conflicts: Sequence[frozenset[str]],
    ignore: Sequence[str] = (),
) -> Job:
    return Job(
        path=card_file.path,
        setting=card_file.single_changes[setting_index],
        setting_index=setting_index,
        purpose=purpose,
        index=index,
        attempts=plan.attempts,
        seed=plan.seed,
        ignore=tuple(ignore),
        hold_out=plan.hold_out,
        conflicts=tuple(conflicts),
    )


def _count(outcome: Outcome, cost: Counter[str]) -> None:
    cost["cohorts"] += 1
    cost["attempts"] += outcome.attempts
    cost["refits"] += outcome.drawn.refits
    cost["moves"] += outcome.drawn.moves


def _stored(
    card_file: CardFile,
    plan: Plan,
    impossible: Sequence[frozenset[str]],
    run: Callable[[Sequence[Job]], Iterator[Outcome]],
    clock: _Clock,
    cost: Counter[str],
    progress: Progress,
) -> Stored:
    """The cohort that prints most: all values first, then without those that stand in the way.

    A value that cannot be met pulls the others off their targets, so held-out p-values that the
    best attempt misses are set aside (another test may have given them), else its worst miss, and
    the rest is tried again.
    """
    card = card_file.base
    everything = targets_of(card, list(Role))
    by_id = {one.id: one for one in everything}
    held_out = {value.id for value in card.values if value.role is Role.HELD_OUT}
    best: Stored | None = None
    ignore: set[str] = set()
    for round_ in range(4):
        job = _job(card_file, plan, Purpose.STORED, 0, round_, impossible, sorted(ignore))
        # The first round only shows what stands in the way.
        job = replace(job, attempts=2) if round_ == 0 else job
        outcome = next(iter(run([job])))
        _count(outcome, cost)
        drawn = outcome.drawn
        missed = unmet(everything, drawn.estimates)
        if best is None or len(missed) < len(best.unmet):
            best = Stored(Setting(), drawn.cohort, drawn.estimates, missed)
        progress(
            f"{card.study}: a cohort prints {len(everything) - len(missed)} of "
            f"{len(everything)} reported values"
        )
        still = set(drawn.unmet)
        if _explained(still, impossible) or clock.over():
            break
        doubtful = {id for id in still & held_out if by_id[id].statistic is Statistic.P_VALUE}
        worst = max(sorted(still), key=lambda id: by_id[id].loss(drawn.estimates[id]))
        ignore |= doubtful or {worst}
    assert best is not None
    return best


def _explained(missed: set[str], impossible: Sequence[frozenset[str]]) -> bool:
    """Whether each unmet value is the one member of a proven conflict that must give."""
    return all(any(one in conflict for conflict in impossible) for one in missed)


def _condition(
    card_file: CardFile,
    plan: Plan,
    impossible: Sequence[frozenset[str]],
    run: Callable[[Sequence[Job]], Iterator[Outcome]],
    clock: _Clock,
    result: Reconstruction,
    progress: Progress,
) -> None:
    """Cohorts that print the imposed values, under each setting; the base setting gets most."""
    number = 0
    for setting_index, setting in enumerate(card_file.single_changes):
        if clock.over():
            return
        first = next(
            iter(run([_job(card_file, plan, Purpose.CONDITIONED, setting_index, 0, impossible)]))
        )
        _count(first, result.cost)
        card = card_file.card(setting)
        targets = _targets(card, first.job)
        missed = set(first.drawn.unmet)
        matched = not missed or _explained(missed, impossible)
        result.settings.append(SettingResult(setting, len(targets), tuple(sorted(missed)), matched))
        progress(
            f"{card.study}: {setting.name}: "
            + ("prints all imposed values" if not missed else f"misses {', '.join(sorted(missed))}")
        )
        if not matched or plan.conditioned == 0:
            continue
        wanted = plan.conditioned if setting_index == 0 else max(1, plan.conditioned // 15)
        jobs = [
            _job(
                card_file,
                plan,
                Purpose.CONDITIONED,
                setting_index,
                index,
                (),
                sorted(missed),
            )
            for index in range(1, wanted + 1)
        ]
        for outcome in run(jobs):
            _count(outcome, result.cost)
            if not outcome.drawn.unmet:
                result.conditioned.append(
                    Conditioned(number, setting.name, outcome.drawn.estimates)
                )
                number += 1
            if clock.over():
                return

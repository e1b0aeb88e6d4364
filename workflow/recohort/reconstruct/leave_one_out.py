"""Holds out each reported value in turn, imposes all others, and draws cohorts that judge it.

Only what bears on the value is imposed with it: values whose estimates share no column that may
move are independent given the skeleton, and aiming at them would change nothing but the time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from recohort.card.layout import BinaryColumn
from recohort.card.loader import CardFile, Setting
from recohort.card.statistic import Role
from recohort.card.study import StudyCard, ValueRef
from recohort.compare.dependence import Dependence, touched
from recohort.reconstruct.job import Job, Purpose, workers
from recohort.reconstruct.search import Plan, Progress
from recohort.reconstruct.structure import is_structural, structural_columns

__all__ = ["LeftOut", "bearing_on", "leave_one_out"]


@dataclass
class LeftOut:
    """One value held out: its estimates by setting, the first the stored cohort's own.

    ``tried`` counts the cohorts asked for under each setting; those that missed another value are
    not among the estimates.
    """

    id: str
    estimates: dict[str, list[float]] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    note: str = ""
    """What stands in the way of drawing any cohort, if something does."""


def leave_one_out(
    card_file: CardFile,
    plan: Plan,
    anchor: Setting,
    unmet: frozenset[str],
    skip: frozenset[str] = frozenset(),
    progress: Progress = lambda _: None,
) -> Iterator[LeftOut]:
    """Each value's estimates in cohorts that print all others.

    Args:
        card_file: the study card.
        plan: ``conditioned`` cohorts under ``anchor``, a fifth as many under each alternative
            that the value rests on.
        anchor: the setting that prints most: the stored cohort's.
        unmet: what the stored cohort does not print; it is not imposed on others.
        skip: values that need no cohorts, for others determine them.
        progress: is told which value is being judged.

    Design facts are never held out: no cohort is drawn without its size.
    """
    dependence = Dependence(card_file)
    values = [v for v in card_file.base.values if v.role is not Role.INPUT and v.id not in skip]
    deadline = None if plan.time_limit is None else time.monotonic() + plan.time_limit
    with workers(plan.threads) as run:
        for number, value in enumerate(values, start=1):
            if deadline is not None and time.monotonic() > deadline:
                return
            progress(f"{card_file.base.study}: {number} of {len(values)}: without {value.id}")
            found = LeftOut(value.id)
            jobs = list(_jobs(card_file, plan, anchor, value, unmet, dependence, deadline))
            adrift = _adrift(card_file.card(anchor), value, jobs[0].aims)
            if adrift:
                found.note = f"without it nothing printed gives the number of 1s of {adrift}"
                jobs = []
            for outcome in run(jobs):
                if outcome.is_interrupted:
                    continue  # the interrupt itself follows
                if outcome.is_cut:
                    return  # a value with fewer cohorts than asked for is not judged
                name = outcome.job.setting.name
                found.tried[name] = found.tried.get(name, 0) + 1
                mine = found.estimates.setdefault(name, [])
                if not outcome.drawn.unmet:
                    mine.append(outcome.drawn.estimates[value.id])
            yield found


def _jobs(
    card_file: CardFile,
    plan: Plan,
    anchor: Setting,
    value: ValueRef,
    unmet: frozenset[str],
    dependence: Dependence,
    deadline: float | None,
) -> Iterator[Job]:
    rests_on = dependence.of(value.quantity, value.statistic)
    for setting in _around(card_file, anchor, rests_on):
        aims = bearing_on(card_file.card(setting), value) - unmet - {value.id}
        for index in range(plan.conditioned if setting == anchor else plan.others()):
            yield Job(
                path=card_file.path,
                setting=setting,
                purpose=Purpose.LEFT_OUT,
                index=index,
                attempts=plan.attempts,
                seed=plan.seed,
                aims=aims,
                about=value.id,
                deadline=deadline,
            )


def _adrift(card: StudyCard, value: ValueRef, aims: frozenset[str]) -> str:
    """A column that a count is of and whose 1s nothing else gives; empty where there is none."""
    if not is_structural(card, card.quantities[value.quantity]):
        return ""
    others = {other.quantity for other in card.values if other.id in aims}
    known = [
        touched(card, name).keys for name in others if is_structural(card, card.quantities[name])
    ]
    for key in sorted(touched(card, value.quantity).keys):
        column = card.columns[key]
        if (
            isinstance(column, BinaryColumn)
            and column.ones is None
            and column.prevalence is None
            and not any(key in keys for keys in known)
        ):
            return key
    return ""


def _around(card_file: CardFile, anchor: Setting, names: Sequence[str]) -> Iterator[Setting]:
    """The anchor, then each other choice of one of the named assumptions, one at a time."""
    yield anchor
    for name in names:
        others = [choice for choice in anchor.choices if choice[0] != name]
        for index in range(1 + len(card_file.base.assumptions[name].alternatives)):
            if index != anchor.choice(name):
                yield Setting((*others, (name, index)) if index else tuple(others))


def bearing_on(card: StudyCard, value: ValueRef) -> frozenset[str]:
    """The values that bear on one: the skeleton's, and those linked by columns that may move.

    The skeleton always counts. For a value of it every column links. For any other, columns of the
    skeleton link only where a model has them as predictors: only those change places.
    """
    fixed = structural_columns(card)
    of_skeleton = is_structural(card, card.quantities[value.quantity])
    predictors = {
        t.column.partition("@")[0] for m in card.models.values() for t in m.terms.values()
    }
    keys: dict[str, set[str]] = {}
    found: set[str] = set()
    for name, quantity in card.quantities.items():
        mine = touched(card, name).keys
        if not of_skeleton:
            mine = {k for k in mine if (c := k.partition("@")[0]) not in fixed or c in predictors}
        keys[name] = mine
        if is_structural(card, quantity):
            found.add(name)
    reach, grew = set(keys[value.quantity]), True
    found.add(value.quantity)
    while grew:
        linked = {name for name, mine in keys.items() if mine & reach} - found
        found |= linked
        grew = bool(linked)
        for name in linked:
            reach |= keys[name]
    return frozenset(v.id for v in card.values if v.quantity in found)

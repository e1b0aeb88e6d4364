"""A reported value as a target: how far an estimate is from printing it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from recohort.card.statistic import Role, Statistic
from recohort.card.study import StudyCard
from recohort.printed import Printed

__all__ = ["NOT_ESTIMABLE", "Target", "targets_of", "total_loss", "unmet"]

NOT_ESTIMABLE = 25.0
"""The loss of an estimate that does not exist: worse than any that does."""


@dataclass(frozen=True, slots=True)
class Target:
    """One reported value and the set of estimates that print it, in floating point.

    ``width`` is the distance that counts as one step away: half the printed unit, or, for a bound
    such as <0.001, the bound itself.
    """

    id: str
    quantity: str
    statistic: Statistic
    printed: Printed
    low: float
    high: float
    width: float

    def loss(self, value: float) -> float:
        """0 where the value prints as reported, growing like a logarithm outside."""
        if math.isnan(value):
            return NOT_ESTIMABLE
        outside = max(self.low - value, value - self.high, 0.0)
        if outside == 0.0:
            return 0.0 if self.printed.accepts(value) else 0.01
        return math.log1p(outside / self.width)

    def met(self, value: float) -> bool:
        """Whether the value prints as reported."""
        return self.printed.accepts(value)


def target(identifier: str, quantity: str, statistic: Statistic, printed: Printed) -> Target:
    """The target of one printed number."""
    accepted = printed.accepted
    width = float(printed.unit) / 2 if printed.is_exact else max(abs(float(printed.value)), 1e-9)
    return Target(
        identifier, quantity, statistic, printed, float(accepted.low), float(accepted.high), width
    )


def targets_of(
    card: StudyCard, roles: Iterable[Role], without: frozenset[str] = frozenset()
) -> tuple[Target, ...]:
    """The reported values of some roles as targets, but for those left out."""
    wanted = set(roles)
    return tuple(
        target(value.id, value.quantity, value.statistic, value.number)
        for value in card.values
        if value.role in wanted and value.id not in without
    )


def total_loss(targets: Iterable[Target], values: Mapping[str, float]) -> float:
    """The sum of the targets' losses."""
    return sum(one.loss(values.get(one.id, math.nan)) for one in targets)


def unmet(targets: Iterable[Target], values: Mapping[str, float]) -> tuple[str, ...]:
    """The ids of the targets that the values do not print."""
    return tuple(one.id for one in targets if not one.met(values.get(one.id, math.nan)))

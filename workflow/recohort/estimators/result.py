"""What the estimators return: an interval, an estimate, a test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided confidence interval [low, high] at ``level`` (0.95 for 95%)."""

    low: float
    high: float
    level: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def width(self) -> float:
        """high - low."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its standard error and interval.

    ``se`` and ``interval`` are None where they do not exist, and ``note`` then says why; ``note``
    is empty when there is nothing to be said. The standard error is on the scale that the
    function's docstring names (the log scale for ratios).
    """

    value: float
    se: float | None
    interval: Interval | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class HypothesisTest:
    """A two-sided test: its statistic, p-value, degrees of freedom if any, and a note if any.

    ``p_value`` is None where the test does not exist for the data, and ``note`` says why.
    """

    statistic: float | None
    p_value: float | None
    df: float | None = None
    note: str = ""

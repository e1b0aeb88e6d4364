"""The closed list of statistics that a reported value can be."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Role", "Statistic"]


class Statistic(StrEnum):
    """What kind of number was printed."""

    COUNT = "count"
    PERCENT = "percent"
    MEAN = "mean"
    SD = "sd"
    SE = "se"
    MEDIAN = "median"
    Q1 = "q1"
    Q3 = "q3"
    MIN = "min"
    MAX = "max"
    PERCENT_CHANGE = "percent_change"
    PERCENT_REDUCTION = "percent_reduction_from_baseline"
    DIFFERENCE = "difference"
    ODDS_RATIO = "odds_ratio"
    ADJUSTED_ODDS_RATIO = "adjusted_odds_ratio"
    HAZARD_RATIO = "hazard_ratio"
    AUC = "auc"
    SLOPE = "slope"
    INTERCEPT = "intercept"
    SCORE = "score"
    CI90_LOWER = "ci90_lower"
    CI90_UPPER = "ci90_upper"
    CI95_LOWER = "ci95_lower"
    CI95_UPPER = "ci95_upper"
    CI99_LOWER = "ci99_lower"
    CI99_UPPER = "ci99_upper"
    P_VALUE = "p_value"

    @property
    def level(self) -> float | None:
        """The confidence level of an interval's limit; ``None`` for anything else."""
        if self.value.startswith("ci") and self.value[2:4].isdigit():
            return int(self.value[2:4]) / 100
        return None

    @property
    def is_lower_limit(self) -> bool:
        """Whether this is an interval's lower limit."""
        return self.value.endswith("_lower")

    @property
    def is_upper_limit(self) -> bool:
        """Whether this is an interval's upper limit."""
        return self.value.endswith("_upper")


class Role(StrEnum):
    """What a reported value is used for."""

    INPUT = "input"
    """A design fact: the number of participants, of lesions."""
    IMPOSED = "imposed"
    """The conditioned cohorts are built to print it."""
    HELD_OUT = "held_out"
    """The conditioned cohorts are not built to print it, so it can be judged."""

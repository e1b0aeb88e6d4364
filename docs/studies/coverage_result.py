"""What a study of coverage or size found, and the shares that it is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recohort.estimators.result import Interval

Floats = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Result:
    """Coverage (nominal 0.95) or size (nominal 0.05) of one method in one setting.

    ``unanswered`` counts replicates in which the method says that it does not exist; they count as
    covered (the method makes no claim) and as not rejected.
    """

    kind: str
    family: str
    method: str
    setting: str
    replicates: int
    unanswered: int
    rate: float
    mean_width: float


def covered(
    family: str, method: str, setting: str, truth: float, low: Floats, high: Floats
) -> Result:
    """Coverage from limits, NaN where there are none."""
    known = ~(np.isnan(low) | np.isnan(high))
    bounded = known & np.isfinite(high)
    inside = (low <= truth) & (truth <= high)
    rate = float(np.where(known, inside, True).mean())
    width = float((high[bounded] - low[bounded]).mean()) if bounded.any() else float("nan")
    return Result("coverage", family, method, setting, low.size, int((~known).sum()), rate, width)


def rejected(family: str, method: str, setting: str, p: Floats) -> Result:
    """Size at 5% from p-values, NaN where there is none."""
    known = ~np.isnan(p)
    rate = float(np.where(known, p < 0.05, False).mean())
    missing = int((~known).sum())
    return Result("size", family, method, setting, p.size, missing, rate, float("nan"))


def limits(intervals: list[Interval | None]) -> tuple[Floats, Floats]:
    """Limits as arrays; NaN for None."""
    low = np.array([np.nan if i is None else i.low for i in intervals])
    return low, np.array([np.nan if i is None else i.high for i in intervals])


def values(p_values: list[float | None]) -> Floats:
    """p-values as an array; NaN for None."""
    return np.array([np.nan if p is None else p for p in p_values])

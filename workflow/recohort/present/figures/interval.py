"""Intervals as figures of estimates draw them: which limits were printed, and a spread's middle."""

from __future__ import annotations

import numpy as np

from recohort.card.statistic import Statistic
from recohort.card.study import Quantity
from recohort.cohort import FloatArray

__all__ = ["Triple", "limits_of", "middle_95"]

Triple = tuple[float, float, float]
"""A lower limit, an estimate, an upper limit."""

_LIMITS = (
    (Statistic.CI95_LOWER, Statistic.CI95_UPPER),
    (Statistic.CI90_LOWER, Statistic.CI90_UPPER),
    (Statistic.CI99_LOWER, Statistic.CI99_UPPER),
)


def limits_of(quantity: Quantity) -> tuple[Statistic, Statistic]:
    """The limits that a quantity prints; those of 95% where it prints none."""
    return next((pair for pair in _LIMITS if pair[0] in quantity.values), _LIMITS[0])


def middle_95(estimates: FloatArray | None) -> Triple | None:
    """Quantiles at 2.5%, 50% and 97.5% of the finite ones; ``None`` of fewer than two."""
    if estimates is None or np.isfinite(estimates).sum() < 2:
        return None
    low, middle, high = np.quantile(estimates[np.isfinite(estimates)], (0.025, 0.5, 0.975))
    return float(low), float(middle), float(high)

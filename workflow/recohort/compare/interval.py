"""Where a printed number lies among the estimates of cohorts that match everything else.

The question is whether the number lies outside the middle 95% of the estimates that such cohorts
give, beyond the error of having drawn only so many of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from scipy.special import betaincinv, expit, stdtrit
from scipy.special import logit as log_odds

from recohort.cohort import FloatArray
from recohort.printed import Comparator, Printed

__all__ = ["FEWEST", "Place", "Scale", "Standing", "noticed", "standing", "widened"]

FEWEST = 10
"""With fewer cohorts nothing is called outside."""

_TAIL = 0.025
_SURE = 0.975
_SMALL_SAMPLE = 0.999
_FEW_VALUES = 8


class Scale(StrEnum):
    """The scale on which estimates are roughly normal, and the values that are possible."""

    PLAIN = "plain"
    LOG = "log"
    """Ratios and spreads: above 0."""
    LOGIT = "logit"
    """Areas under a curve and p-values: 0 to 1."""
    PERCENT = "percent"
    """Shares in percent: 0 to 100."""

    @property
    def possible(self) -> tuple[float, float]:
        """The values that a statistic on this scale can take."""
        return {
            Scale.PLAIN: (-math.inf, math.inf),
            Scale.LOG: (0.0, math.inf),
            Scale.LOGIT: (0.0, 1.0),
            Scale.PERCENT: (0.0, 100.0),
        }[self]


class Place(StrEnum):
    """How a printed number's set stands to the middle 95% of the estimates."""

    INSIDE = "inside"
    """It meets the 95% interval."""
    OUTSIDE = "outside"
    """It does not meet that interval even when it is widened for Monte Carlo error."""
    UNCLEAR = "unclear"
    """Between the two, or too few cohorts to tell."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A printed number among the estimates of ``cohorts`` cohorts.

    ``low``, ``median``, ``high`` are the 2.5%, 50% and 97.5% quantiles (type 7) of the estimates;
    ``least`` to ``most`` is that interval widened for Monte Carlo error, beyond which a number
    counts as outside. ``below`` estimates lie below the printed number's set, ``above`` above it,
    the rest in it. ``missing`` cohorts gave no estimate.
    """

    place: Place
    cohorts: int
    missing: int
    low: float
    median: float
    high: float
    least: float
    most: float
    below: int
    above: int

    @property
    def inner(self) -> int:
        """How many estimates print as reported."""
        return self.cohorts - self.below - self.above

    @property
    def is_constant(self) -> bool:
        """Whether every cohort gave the same estimate."""
        return self.cohorts > 0 and self.least == self.most


@lru_cache(maxsize=4096)
def _rank_beyond(n: int) -> int:
    """The largest number of n cohorts at or beyond a point that leaves its tail below 2.5%.

    Clopper and Pearson's upper 97.5% limit of the share is compared with 2.5%; -1 where even none
    of n is not enough (n below 146).
    """
    k = -1
    while k + 1 < n and float(betaincinv(k + 2, n - k - 1, _SURE)) < _TAIL:
        k += 1
    return k


def _transforms(
    scale: Scale,
) -> tuple[Callable[[FloatArray], FloatArray], Callable[[float], float]]:
    match scale:
        case Scale.LOG:
            return np.log, lambda x: math.exp(x) if x < 700 else math.inf
        case Scale.LOGIT:
            return log_odds, lambda x: float(expit(x))
        case Scale.PERCENT:
            return lambda x: np.asarray(log_odds(x / 100.0)), lambda x: 100.0 * float(expit(x))
    return lambda x: x, lambda x: x


def _normal_limits(values: FloatArray, scale: Scale) -> tuple[float, float]:
    """A 99.9% prediction interval for one more estimate, normal on its scale.

    mean ± t(0.9995, n - 1) · s · sqrt(1 + 1/n); on the plain scale where the other does not exist.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        forward, back = _transforms(scale)
        on_scale = forward(values)
    if not np.isfinite(on_scale).all():
        on_scale, back = values, lambda x: x
    n = values.size
    reach = float(stdtrit(n - 1, 0.5 + _SMALL_SAMPLE / 2.0)) * float(on_scale.std(ddof=1))
    reach *= math.sqrt(1.0 + 1.0 / n)
    middle = float(on_scale.mean())
    return back(middle - reach), back(middle + reach)


def widened(values: FloatArray, scale: Scale) -> tuple[float, float]:
    """The interval beyond which a number is outside the middle 95%, whatever the draw's luck.

    From 146 estimates on: order statistics, such that the share of cohorts at or beyond a number
    outside is below 2.5% with 97.5% confidence (Clopper and Pearson 1934). With fewer: the range
    of the estimates and a 99.9% normal prediction interval, whichever reaches further. Where all
    estimates are equal: that number.

    Args:
        values: (n,) finite estimates, n at least 1.
        scale: the scale of the normal prediction interval.
    """
    ordered = np.sort(values)
    if ordered[0] == ordered[-1]:
        return float(ordered[0]), float(ordered[-1])
    rank = _rank_beyond(ordered.size)
    if rank >= 0:
        return float(ordered[rank]), float(ordered[-1 - rank])
    if ordered.size < FEWEST or np.unique(ordered).size < _FEW_VALUES:
        # A handful of numbers says nothing of what lies beyond them.
        return -math.inf, math.inf
    low, high = _normal_limits(values, scale)
    return min(low, float(ordered[0])), max(high, float(ordered[-1]))


def _ends(printed: Printed) -> tuple[float, float]:
    """The printed number's set in floating point, with the slack of ``Printed.accepts``."""
    accepted = printed.accepted
    slack = 1e-9 * float(printed.unit)
    return float(accepted.low) - slack, float(accepted.high) + slack


def standing(values: FloatArray, printed: Printed, scale: Scale = Scale.PLAIN) -> Standing:
    """Where a printed number lies among estimates: in their middle 95%, outside it, or unclear.

    Args:
        values: (n,) one estimate a cohort; NaN where a cohort gives none.
        printed: the printed number.
        scale: the scale on which the estimates are roughly normal.
    """
    seen = values[~np.isnan(values)]
    missing = int(values.size - seen.size)
    nan = math.nan
    if seen.size == 0:
        return Standing(Place.UNCLEAR, 0, missing, nan, nan, nan, nan, nan, 0, 0)
    low, high = _ends(printed)
    below, above = int((seen < low).sum()), int((seen > high).sum())
    finite = seen[np.isfinite(seen)]
    quantiles = np.quantile(np.sort(seen), (0.025, 0.5, 0.975), method="inverted_cdf")
    if finite.size == seen.size:
        quantiles = np.quantile(seen, (0.025, 0.5, 0.975))
        least, most = widened(seen, scale)
    else:  # separation: an infinite ratio has no normal scale
        least, most = -math.inf, math.inf
    boundless = math.isinf(least) and math.isinf(most)
    reaches = low <= float(quantiles[2]) and high >= float(quantiles[0])
    if reaches:
        found = Place.INSIDE
    elif seen.size < FEWEST or boundless or (low <= most and high >= least):
        found = Place.UNCLEAR
    else:
        found = Place.OUTSIDE
    q_low, q_mid, q_high = (float(q) for q in quantiles)
    return Standing(found, int(seen.size), missing, q_low, q_mid, q_high, least, most, below, above)


def noticed(
    printed: Printed, least: float, most: float, scale: Scale
) -> tuple[float | None, float | None]:
    """The nearest printed numbers below and above that would lie outside an interval.

    ``None`` where there is no such possible number. Of a printed bound such as ``<.001`` only a
    number above has a meaning; of ``>0.05`` only one below.
    """
    unit = float(printed.unit)
    bottom, top = scale.possible
    half = unit / 2.0

    def below() -> float | None:
        if not math.isfinite(least):
            return None
        steps = math.floor((least - half) / unit - 1e-9)
        value = steps * unit
        return value if value >= bottom and value + half < least else None

    def above() -> float | None:
        if not math.isfinite(most):
            return None
        steps = math.ceil((most + half) / unit + 1e-9)
        value = steps * unit
        return value if value <= top and value - half > most else None

    under = printed.comparator in (Comparator.LESS, Comparator.AT_MOST)
    over = printed.comparator in (Comparator.GREATER, Comparator.AT_LEAST)
    return None if under else below(), None if over else above()

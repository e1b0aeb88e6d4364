"""Fisher's exact test of a 2×2 table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from recohort.estimators.arguments import whole_numbers
from recohort.estimators.result import HypothesisTest


@dataclass(frozen=True, slots=True)
class FisherExact:
    """The sample odds ratio ad/(bc) (NaN for 0/0) and the two-sided p-value."""

    odds_ratio: float
    test: HypothesisTest


def fisher_exact(table: ArrayLike) -> FisherExact:
    """Two-sided exact test of a table of counts (2, 2).

    The p-value sums the probabilities of all tables with the same margins that are no more likely
    than the observed one (R's ``fisher.test``, with its relative tolerance of 1e-7).

    The odds ratio is ad/(bc); R prints the conditional maximum-likelihood one instead. With an
    empty row or column the p-value is 1. Source: Fisher, J R Stat Soc 1935;98:39.
    """
    counts = whole_numbers(table, "table")
    if counts.shape != (2, 2):
        raise ValueError(f"table: got shape {counts.shape}; takes (2, 2)")
    a, b, c, d = (int(count) for count in counts.ravel())
    row, column, total = a + b, a + c, a + b + c + d
    if total == 0:
        raise ValueError("table: got no observation; takes at least one")
    low, high = max(0, row + column - total), min(row, column)
    x = np.arange(low, high + 1, dtype=np.float64)
    log_weight = -(
        gammaln(x + 1.0)
        + gammaln(row - x + 1.0)
        + gammaln(column - x + 1.0)
        + gammaln(total - row - column + x + 1.0)
    )
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    p = float(weight[weight <= weight[a - low] * (1.0 + 1e-7)].sum())
    crossed, straight = b * c, a * d
    ratio = straight / crossed if crossed else (np.inf if straight else np.nan)
    return FisherExact(float(ratio), HypothesisTest(float(a), min(p, 1.0)))

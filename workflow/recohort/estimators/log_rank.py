"""The log-rank test of two or more survival curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from recohort.estimators.arguments import FloatArray, IntArray, binary_vector, codes, vector
from recohort.estimators.result import HypothesisTest


@dataclass(frozen=True, slots=True)
class LogRank:
    """The test, with observed and expected events a group (k,), groups in sorted order."""

    test: HypothesisTest
    observed: IntArray
    expected: FloatArray


def log_rank(time: ArrayLike, event: ArrayLike, group: ArrayLike) -> LogRank:
    """Chi-square test on k - 1 df that k groups share one hazard (R's ``survdiff``, rho = 0).

    At each event time, d events fall on r at risk hypergeometrically: E = d r_g / r, and the
    variance is that of the (multivariate) hypergeometric distribution.
    Source: Mantel, Cancer Chemother Rep 1966;50:163; Peto and Peto, J R Stat Soc A 1972;135:185.
    Raises ValueError for wrong shapes, negative times, fewer than two groups. Where no event can
    tell the groups apart, the test does not exist and ``note`` says so.
    Does not do: strata, weights, clustered data.
    """
    t = vector(time, "time")
    if (t < 0.0).any():
        raise ValueError(f"time: got {t.min():g}; takes numbers of at least 0")
    happened = binary_vector(event, "event", t.size)
    label, k = codes(group, "group", t.size)
    if k < 2:
        raise ValueError(f"group: got {k} group; takes at least 2")
    moments = np.unique(t[happened])
    at_risk = np.empty((moments.size, k))
    events = np.empty((moments.size, k))
    for g in range(k):
        ordered = np.sort(t[label == g])
        at_risk[:, g] = ordered.size - ordered.searchsorted(moments, "left")
        own = np.sort(t[(label == g) & happened])
        events[:, g] = own.searchsorted(moments, "right") - own.searchsorted(moments, "left")
    r, d = at_risk.sum(axis=1), events.sum(axis=1)
    share = at_risk / r[:, None]
    observed, expected = events.sum(axis=0), (d[:, None] * share).sum(axis=0)
    factor = np.where(r > 1, d * (r - d) / np.maximum(r - 1.0, 1.0), 0.0)
    covariance = np.diag(factor @ share) - (share * factor[:, None]).T @ share
    counts = observed.astype(np.int64)
    informative = np.diag(covariance) > 1e-12
    away = (observed - expected)[informative]
    # One group is implied by the others.
    if informative.sum() < 2:
        note = "no event with two groups at risk: the test does not exist"
        return LogRank(HypothesisTest(None, None, note=note), counts, expected)
    inner = covariance[np.ix_(informative, informative)][:-1, :-1]
    statistic = float(away[:-1] @ np.linalg.pinv(inner, hermitian=True) @ away[:-1])
    df = float(np.linalg.matrix_rank(inner, hermitian=True))
    return LogRank(HypothesisTest(statistic, float(chdtrc(df, statistic)), df), counts, expected)

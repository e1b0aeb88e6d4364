"""Coverage and size of what is estimated from survival times.

Studies of ``estimators_intervals_and_tests.py``, which runs them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from coverage_result import Result, Rng, covered, limits, rejected, values

from recohort.estimators.cox import CoxTies, cox
from recohort.estimators.kaplan_meier import (
    SurvivalInterval,
    kaplan_meier,
    landmark_rate,
    landmark_rate_batch,
    median_follow_up,
    survival_quantile,
)
from recohort.estimators.log_rank import log_rank
from recohort.estimators.result import Interval


def survival(rng: Rng) -> Iterator[Result]:
    """Exponential survival, uniform censoring; survival 0.75 at the landmark."""
    at = float(-np.log(0.75))
    for n in (25, 100):
        event_time = rng.exponential(size=(3000, n))
        censored = rng.uniform(0.2, 2.5, size=(3000, n))
        time, event = np.minimum(event_time, censored), event_time <= censored
        for method in SurvivalInterval:
            many = landmark_rate_batch(time, event, at, method)
            yield covered("landmark rate", method, f"n={n}", 0.75, many.low, many.high)
            low, high = [], []
            for t, e in zip(time[:1000], event[:1000], strict=True):
                median = survival_quantile(kaplan_meier(t, e, method))
                # A limit that is not reached lies beyond the data.
                low.append(np.inf if median.low is None else median.low)
                high.append(np.inf if median.high is None else median.high)
            inside = (np.array(low) <= np.log(2)) & (np.log(2) <= np.array(high))
            open_ = int(np.isinf(high).sum())
            yield Result(
                "coverage", "median survival", method, f"n={n}", 1000, open_, inside.mean(), np.nan
            )


def follow_up(rng: Rng) -> Iterator[Result]:
    """Median follow-up: exponential survival, uniform censoring with a median of 1.35."""
    for n in (25, 100):
        event_time = rng.exponential(size=(1000, n))
        censored = rng.uniform(0.2, 2.5, size=(1000, n))
        time, event = np.minimum(event_time, censored), event_time <= censored
        for method in SurvivalInterval:
            low, high = [], []
            for t, e in zip(time, event, strict=True):
                median = median_follow_up(t, e, method)
                low.append(np.inf if median.low is None else median.low)
                high.append(np.inf if median.high is None else median.high)
            inside = (np.array(low) <= 1.35) & (np.array(high) >= 1.35)
            open_ = int(np.isinf(high).sum())
            yield Result(
                "coverage",
                "median follow-up",
                method,
                f"n={n}",
                1000,
                open_,
                float(inside.mean()),
                np.nan,
            )


def clustered_survival(rng: Rng) -> Iterator[Result]:
    """Survival 0.75 at the landmark; clusters of four share a gamma frailty of variance 0.5."""
    at = 2.0 * (0.75**-0.5 - 1.0)
    for clusters in (15, 60):
        who = np.repeat(np.arange(clusters), 4)
        found: dict[str, list[Interval | None]] = {}
        for _ in range(1500):
            frailty = rng.gamma(2.0, 0.5, size=clusters)[who]
            event_time = rng.exponential(size=who.size) / frailty
            censored = rng.uniform(0.2, 2.5, size=who.size)
            time, event = np.minimum(event_time, censored), event_time <= censored
            for method in SurvivalInterval:
                curve = kaplan_meier(time, event, method, cluster=who)
                rate = landmark_rate(curve, at).estimate
                found.setdefault(f"{method}, clustered", []).append(rate.interval)
            plain = landmark_rate(kaplan_meier(time, event, SurvivalInterval.LOG_LOG), at).estimate
            found.setdefault("log_log, clusters ignored", []).append(plain.interval)
        for name, several in found.items():
            yield covered(
                "landmark rate", name, f"{clusters} clusters of 4", 0.75, *limits(several)
            )


def cox_models(rng: Rng) -> Iterator[Result]:
    """A log hazard ratio of 0.7 a SD: times as they are, and recorded in quarters."""
    for n in (40, 150):
        for name in ("no ties", "many ties"):
            found: dict[str, list[Interval | None]] = {}
            for _ in range(1500):
                x = rng.normal(size=n)
                event_time = rng.exponential(size=n) * np.exp(-0.7 * x)
                censored = rng.uniform(0.2, 3.0, size=n)
                time, event = np.minimum(event_time, censored), event_time <= censored
                if name == "many ties":
                    time = np.ceil(4.0 * time) / 4.0
                for ties in CoxTies:
                    fit = cox(time, event, x[:, None], ties=ties)
                    interval = fit.hazard_ratio(0)[1] if fit.converged else None
                    found.setdefault(ties, []).append(interval)
            for method, several in found.items():
                setting = f"n={n}, {name}"
                yield covered("Cox hazard ratio", method, setting, np.exp(0.7), *limits(several))


def unequal_log_rank(rng: Rng) -> Iterator[Result]:
    """One hazard, groups of unequal size."""
    for small, large in ((10, 50), (10, 190)):
        p = []
        for _ in range(2000):
            n = small + large
            event_time, censored = rng.exponential(size=n), rng.uniform(0.2, 3, size=n)
            time = np.minimum(event_time, censored)
            test = log_rank(time, event_time <= censored, np.arange(n) < small).test
            p.append(test.p_value)
        yield rejected("log-rank", "chi-square", f"{small} + {large}", values(p))

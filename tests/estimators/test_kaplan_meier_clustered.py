"""Kaplan-Meier with errors that cluster, against R's survival."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recohort.estimators.kaplan_meier import (
    SurvivalInterval,
    kaplan_meier,
    landmark_rate,
    median_follow_up,
    survival_quantile,
)

DATA = Path(__file__).parents[1] / "reference" / "lung_inst_km.csv"

# d <- lung[!is.na(lung$inst), ]
# f <- survfit(Surv(time, status == 2) ~ 1, data = d, cluster = inst, conf.type = "log-log")
# s <- summary(f, times = c(180, 365, 730)); rbind(s$surv, s$std.err, s$lower, s$upper)
R_SURVIVAL = {
    180: (0.7204336094505, 0.0320984266662, 0.6518377775701, 0.7778371746930),
    365: (0.4121839213678, 0.0300163188181, 0.3530481796207, 0.4702664737951),
    730: (0.1165248892112, 0.0208935717467, 0.0795442874382, 0.1611465640032),
}


@pytest.mark.parametrize("at", R_SURVIVAL)
def test_clustered_errors_agree_with_r_survfit_on_lung_by_institution(at: int) -> None:
    time, event, cluster = np.loadtxt(DATA, delimiter=",", skiprows=1, unpack=True)
    curve = kaplan_meier(time, event, SurvivalInterval.LOG_LOG, 0.95, cluster)
    found = landmark_rate(curve, at).estimate
    assert found.interval is not None
    got = (found.value, found.se, found.interval.low, found.interval.high)
    assert got == pytest.approx(R_SURVIVAL[at], rel=1e-9)


# R 4.2.2: survfit(..., conf.type = .), summary(f, times = c(180, 730))
R_LIMITS = {
    ("plain", 180): (0.6575218492244, 0.7833453696767),
    ("plain", 730): (0.0755742410793, 0.1574755373432),
    ("log", 180): (0.6601904879226, 0.7861739832985),
    ("log", 730): (0.0819961473581, 0.1655937534041),
}


@pytest.mark.parametrize(("method", "at"), R_LIMITS)
def test_clustered_limits_agree_with_r_survfit(method: str, at: int) -> None:
    time, event, cluster = np.loadtxt(DATA, delimiter=",", skiprows=1, unpack=True)
    curve = kaplan_meier(time, event, SurvivalInterval(method), 0.95, cluster)
    found = landmark_rate(curve, at).estimate.interval
    assert found is not None
    assert (found.low, found.high) == pytest.approx(R_LIMITS[method, at], rel=1e-9)


def test_clustered_medians_agree_with_r_survfit() -> None:
    # R 4.2.2: quantile(f, .5), and of survfit(Surv(time, status == 1) ~ 1, cluster = inst, ...)
    time, event, cluster = np.loadtxt(DATA, delimiter=",", skiprows=1, unpack=True)
    scale = SurvivalInterval.LOG_LOG
    median = survival_quantile(kaplan_meier(time, event, scale, 0.95, cluster))
    follow_up = median_follow_up(time, event, scale, 0.95, cluster)
    assert (median.value, median.low, median.high) == (310, 284, 353)
    assert (follow_up.value, follow_up.low, follow_up.high) == (588, 511, 821)


def influence_oracle(time, event, cluster):
    """√Σ (S without weight on a cluster, by differences)²: the jackknife's limit, by definition."""

    def survival(weight):
        value, curve = 1.0, []
        for moment in np.unique(time):
            at_risk, died = weight[time >= moment].sum(), weight[(time == moment) & event].sum()
            value *= 1 - died / at_risk
            curve.append(value)
        return np.array(curve)

    ones, step = np.ones(time.size), 1e-5
    pulls = []
    for label in np.unique(cluster):
        move = step * (cluster == label)
        pulls.append((survival(ones + move) - survival(ones - move)) / (2 * step))
    return np.sqrt(np.square(pulls).sum(axis=0))


def test_clustered_error_is_the_influence_of_each_cluster_by_differences() -> None:
    """Oracle: derivatives of the weighted curve, Williams (1995)."""
    rng = np.random.default_rng(4)
    time, event = np.ceil(6 * rng.exponential(size=40)), rng.random(40) < 0.6
    cluster = rng.integers(9, size=40)
    ours = kaplan_meier(time, event, cluster=cluster)
    known = ours.survival > 0
    oracle = influence_oracle(time, event, cluster)
    assert ours.standard_error[known] == pytest.approx(oracle[known], abs=1e-8)


def test_clusters_of_one_without_ties_or_censoring_give_greenwoods_error() -> None:
    """Property: without ties and censoring both are √(S(1 - S)/n)."""
    time = np.arange(1.0, 41.0)
    event = np.ones(40)
    alone = kaplan_meier(time, event, SurvivalInterval.LOG_LOG, 0.95, np.arange(40))
    plain = kaplan_meier(time, event, SurvivalInterval.LOG_LOG)
    assert alone.standard_error[:-1] == pytest.approx(plain.standard_error[:-1], rel=1e-9)


def test_duplicated_units_in_one_cluster_add_no_information() -> None:
    """Property: each unit twice, in a cluster of its own, has the errors of each unit once."""
    rng = np.random.default_rng(1)
    time, event = rng.exponential(10.0, 60), (rng.random(60) < 0.7).astype(float)
    once = kaplan_meier(time, event, cluster=np.arange(60))
    twice = kaplan_meier(np.repeat(time, 2), np.repeat(event, 2), cluster=np.repeat(range(60), 2))
    assert twice.standard_error == pytest.approx(once.standard_error, rel=1e-9, nan_ok=True)

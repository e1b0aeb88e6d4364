"""Kaplan-Meier with errors that cluster, against R's survival."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recohort.estimators.kaplan_meier import SurvivalInterval, kaplan_meier, landmark_rate

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

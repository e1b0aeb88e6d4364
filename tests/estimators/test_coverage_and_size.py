"""A small version of docs/studies/estimators_intervals_and_tests.py."""

import numpy as np
import pytest
from scipy.stats import norm

from recohort.estimators.auc import AucScale, auc_paired_delong
from recohort.estimators.auc_batch import auc_delong_batch
from recohort.estimators.cox import cox
from recohort.estimators.diagnostic_accuracy import TwoByTwo, diagnostic_accuracy
from recohort.estimators.kaplan_meier import SurvivalInterval, landmark_rate_batch
from recohort.estimators.linear_mixed import linear_mixed_batch, treatment_design
from recohort.estimators.log_rank import log_rank
from recohort.estimators.mann_whitney import mann_whitney_batch
from recohort.estimators.paired_t import paired_t_batch
from recohort.estimators.proportion import (
    ClusteredProportionInterval,
    clustered_proportion_from_counts,
)
from recohort.estimators.two_sample_t import two_sample_t_batch
from recohort.estimators.wilcoxon_signed_rank import wilcoxon_signed_rank_batch

REPLICATES = 4000
# Four Monte Carlo standard errors of a share of 5% in 4,000.
ERROR = 4 * (0.05 * 0.95 / REPLICATES) ** 0.5


def test_coverage_of_the_logit_auc_interval():
    rng = np.random.default_rng(1)
    y = np.arange(215) < 60
    scores = rng.normal(size=(REPLICATES, 215)) + norm.ppf(0.8) * 2**0.5 * y
    ours = auc_delong_batch(scores, y, scale=AucScale.LOGIT)
    assert np.mean((ours.low <= 0.8) & (ours.high >= 0.8)) == pytest.approx(0.95, abs=ERROR)


def test_coverage_of_the_log_log_landmark_interval():
    rng = np.random.default_rng(2)
    event_time, censored = rng.exponential(size=(2, REPLICATES, 100)) * [[[1]], [[3]]]
    ours = landmark_rate_batch(
        np.minimum(event_time, censored), event_time <= censored, 0.5, SurvivalInterval.LOG_LOG
    )
    truth = np.exp(-0.5)
    assert np.mean((ours.low <= truth) & (truth <= ours.high)) == pytest.approx(0.95, abs=ERROR)


def test_size_of_batched_tests():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, REPLICATES, 30))
    for p in (
        paired_t_batch(a, b).p_value,
        two_sample_t_batch(a[:, :12], 3 * b).p_value,
        wilcoxon_signed_rank_batch(a - b).p_value,
        mann_whitney_batch(a, b).p_value,
    ):
        assert np.mean(p < 0.05) == pytest.approx(0.05, abs=ERROR)


def test_size_of_the_mixed_model_with_few_clusters():
    rng = np.random.default_rng(4)
    who = np.repeat(np.arange(6), 4)
    visit, _ = treatment_design(np.tile(np.arange(4), 6))
    arm = np.column_stack([np.ones(24), np.repeat(np.arange(6) % 2, 4)])
    y = rng.normal(size=(REPLICATES, 24)) + rng.normal(size=(REPLICATES, 6))[:, who]
    for design in (visit, arm):
        p = linear_mixed_batch(y, design, who).p_values[:, 1]
        assert np.mean(p < 0.05) == pytest.approx(0.05, abs=1.5 * ERROR)


def test_coverage_of_clustered_sensitivity():
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 7, size=(1500, 12))
    k = rng.binomial(sizes, rng.beta(0.8, 0.2, size=sizes.shape) * 0.5 + 0.4)
    truth, inside = 0.8, []
    for hits, n in zip(k, sizes, strict=True):
        method = ClusteredProportionInterval.KORN_GRAUBARD
        inside.append(truth in clustered_proportion_from_counts(hits, n, method).estimate.interval)
    assert 0.94 <= np.mean(inside) <= 0.99


def test_coverage_of_likelihood_ratios_by_the_log_method():
    rng = np.random.default_rng(6)
    tp, fp = rng.binomial(60, 0.8, 2000), rng.binomial(90, 0.3, 2000)
    inside = []
    for a, b in zip(tp.tolist(), fp.tolist(), strict=True):
        ours = diagnostic_accuracy(TwoByTwo(a, b, 60 - a, 90 - b))
        inside.append(0.2 / 0.7 in ours.negative_likelihood_ratio.interval)
    assert np.mean(inside) == pytest.approx(0.95, abs=1.5 * ERROR)


def test_coverage_of_the_hazard_ratio_and_size_of_the_log_rank_test():
    rng = np.random.default_rng(7)
    inside, p = [], []
    for _ in range(800):
        x = rng.normal(size=60)
        event_time, censored = rng.exponential(size=60) * np.exp(-0.5 * x), rng.uniform(0.2, 3, 60)
        time, event = np.minimum(event_time, censored), event_time <= censored
        inside.append(np.exp(0.5) in cox(time, event, x[:, None]).hazard_ratio(0)[1])
        p.append(log_rank(time, event, np.arange(60) % 2).test.p_value)
    # Four Monte Carlo standard errors of a share of 5% in 800: 0.031.
    assert np.mean(inside) == pytest.approx(0.95, abs=0.031)
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.031)


def test_size_of_the_paired_delong_test():
    rng = np.random.default_rng(8)
    y = np.arange(80) < 25
    p = []
    for _ in range(1000):
        shared = rng.normal(size=80) + y
        one, two = (shared + rng.normal(size=80) for _ in range(2))
        p.append(auc_paired_delong(one, two, y).test.p_value)
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.028)

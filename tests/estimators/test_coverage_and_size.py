"""A small version of docs/studies/estimators_intervals_and_tests.py."""

import numpy as np
import pytest
from scipy.stats import norm

from recohort.estimators.auc import AucScale
from recohort.estimators.auc_batch import auc_delong_batch
from recohort.estimators.kaplan_meier import SurvivalInterval, landmark_rate_batch
from recohort.estimators.linear_mixed import linear_mixed_batch, treatment_design
from recohort.estimators.mann_whitney import mann_whitney_batch
from recohort.estimators.paired_t import paired_t_batch
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

import numpy as np
import pytest
from scipy import stats

from recohort.estimators.auc import auc
from recohort.estimators.bootstrap import (
    BootstrapInterval,
    bca_interval,
    bootstrap_interval,
    cluster_resample,
    resample_indices,
)
from recohort.estimators.optimism import bootstrap_optimism, cut_point_optimism


def test_intervals_agree_with_scipy_bootstrap():
    rng = np.random.default_rng(2)
    x = rng.exponential(size=40)
    draws = x[resample_indices(40, 4000, rng)].mean(axis=1)
    left_out = (x.sum() - x) / 39
    for name, ours in (
        ("percentile", bootstrap_interval(draws, x.mean())),
        ("basic", bootstrap_interval(draws, x.mean(), BootstrapInterval.BASIC)),
        ("BCa", bca_interval(draws, x.mean(), left_out)),
    ):
        # An interval from other draws: the Monte Carlo error of a limit is about 0.01.
        reference = stats.bootstrap((x,), np.mean, n_resamples=4000, method=name, rng=rng)
        assert ours.low == pytest.approx(reference.confidence_interval.low, abs=0.04)
        assert ours.high == pytest.approx(reference.confidence_interval.high, abs=0.04)


def test_bca_refuses_draws_on_one_side():
    with pytest.raises(ValueError, match="draws on both sides"):
        bca_interval([1.0, 2.0], 0.0, [1.0, 2.0])


def test_cluster_resample_draws_whole_clusters():
    cluster = np.array(["b", "a", "b", "c", "a", "b"])
    for seed in range(20):
        drawn = cluster[cluster_resample(cluster, np.random.default_rng(seed))]
        assert (drawn == "b").sum() % 3 == 0
        assert (drawn == "a").sum() % 2 == 0


def least_squares(x, y):
    design = np.column_stack([np.ones(len(x)), x])
    beta = np.linalg.lstsq(design, y.astype(float), rcond=None)[0]
    return lambda rows: np.column_stack([np.ones(len(rows)), rows]) @ beta


def test_optimism_of_noise_brings_the_auc_back_to_one_half():
    rng = np.random.default_rng(3)
    corrected = []
    for _ in range(10):
        x, y = rng.normal(size=(80, 6)), rng.random(80) < 0.4
        ours = bootstrap_optimism(x, y, least_squares, auc, rng, 40)
        assert ours.optimism > 0
        assert ours.corrected == ours.apparent - ours.optimism
        corrected.append(ours.corrected)
    assert np.mean(corrected) == pytest.approx(0.5, abs=0.05)


def test_cut_point_optimism_is_positive_on_noise_and_repeats():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=60), rng.random(60) < 0.5
    ours = cut_point_optimism(x, y, np.random.default_rng(1))
    assert ours.youden.optimism > 0.02
    assert ours.youden.corrected < ours.youden.apparent
    assert ours == cut_point_optimism(x, y, np.random.default_rng(1))


def test_resamples_that_fail_are_counted():
    y = np.array([1, 0, 0, 0, 0, 0, 0, 0])
    ours = bootstrap_optimism(
        np.arange(8.0)[:, None], y, least_squares, auc, np.random.default_rng(1), 100
    )
    assert ours.failures > 20
    assert ours.resamples + ours.failures == 100

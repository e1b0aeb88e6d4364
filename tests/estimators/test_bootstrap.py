import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recohort.estimators.bootstrap import (
    BootstrapInterval,
    bca_interval,
    bootstrap_interval,
    cluster_resample,
    resample_indices,
)


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


def test_intervals_agree_with_scipy_on_the_same_draws():
    x = np.random.default_rng(3).exponential(size=30)
    drawn = stats.bootstrap((x,), np.mean, n_resamples=3999, rng=np.random.default_rng(4))
    draws, left_out = drawn.bootstrap_distribution, (x.sum() - x) / 29
    for name, ours in (
        ("percentile", bootstrap_interval(draws, x.mean())),
        ("basic", bootstrap_interval(draws, x.mean(), BootstrapInterval.BASIC)),
        ("BCa", bca_interval(draws, x.mean(), left_out)),
    ):
        again = stats.bootstrap(
            (x,), np.mean, n_resamples=0, bootstrap_result=drawn, method=name
        ).confidence_interval
        assert (ours.low, ours.high) == pytest.approx((again.low, again.high), rel=1e-9)


def test_bca_refuses_draws_on_one_side():
    with pytest.raises(ValueError, match="draws on both sides"):
        bca_interval([1.0, 2.0], 0.0, [1.0, 2.0])


def test_cluster_resample_draws_whole_clusters():
    cluster = np.array(["b", "a", "b", "c", "a", "b"])
    for seed in range(20):
        drawn = cluster[cluster_resample(cluster, np.random.default_rng(seed))]
        assert (drawn == "b").sum() % 3 == 0
        assert (drawn == "a").sum() % 2 == 0


def test_percentile_limits_lie_beside_those_of_r_boot_ci():
    # R 4.2.2, boot 1.3: boot.ci, type = c("basic", "perc"), of t0 = 3.1 and these draws. R takes
    # order statistics 25 and 975 of 999, type 7 the points 25.95 and 974.05.
    draws = stats.norm.ppf((np.arange(1, 1000) - 0.5) / 999, 3, 0.5) ** 2 / 3
    assert (draws[24], draws[974]) == pytest.approx((1.35464108209, 5.29097120168))
    percentile = bootstrap_interval(draws, 3.1)
    assert percentile.low == pytest.approx(draws[24] + 0.95 * (draws[25] - draws[24]))
    assert percentile.high == pytest.approx(draws[974] - 0.95 * (draws[974] - draws[973]))
    basic = bootstrap_interval(draws, 3.1, BootstrapInterval.BASIC)
    assert (basic.low, basic.high) == pytest.approx((6.2 - percentile.high, 6.2 - percentile.low))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-50, 50), min_size=5, max_size=60),
    st.floats(0.5, 3),
    st.floats(-5, 5),
    st.sampled_from(list(BootstrapInterval)),
)
def test_intervals_move_with_the_draws(draws, stretch, shift, method):
    """Property: a linear change of the estimates is one of the limits."""
    sample = np.array(draws)
    one = bootstrap_interval(sample, sample[0], method)
    two = bootstrap_interval(stretch * sample + shift, stretch * sample[0] + shift, method)
    assert two.low == pytest.approx(stretch * one.low + shift, abs=1e-9)
    assert two.high == pytest.approx(stretch * one.high + shift, abs=1e-9)
    wider = bootstrap_interval(sample, sample[0], method, 0.99)
    assert wider.low <= one.low + 1e-9
    assert wider.high >= one.high - 1e-9

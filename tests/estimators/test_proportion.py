import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import binomial, findroot, mp, mpf
from scipy.stats import beta

from recohort.estimators.proportion import (
    ClusteredProportionInterval,
    ProportionInterval,
    clustered_proportion,
    clustered_proportion_from_counts,
    proportion,
    proportion_interval,
    proportion_intervals,
)

ALL = list(ProportionInterval)

# Newcombe, Stat Med 1998;17:857, Table I (95%, four decimals; 1/29 by Wald is cut at 0).
NEWCOMBE = {
    ("wald", 81, 263): (0.2522, 0.3638),
    ("wald", 15, 148): (0.0527, 0.1500),
    ("wald", 1, 29): (0.0, 0.1009),
    ("wilson", 81, 263): (0.2553, 0.3662),
    ("wilson", 15, 148): (0.0624, 0.1605),
    ("wilson", 0, 20): (0.0, 0.1611),
    ("wilson", 1, 29): (0.0061, 0.1718),
    ("wilson_continuity", 81, 263): (0.2535, 0.3682),
    ("wilson_continuity", 15, 148): (0.0598, 0.1644),
    ("wilson_continuity", 0, 20): (0.0, 0.2005),
    ("wilson_continuity", 1, 29): (0.0018, 0.1963),
    ("clopper_pearson", 81, 263): (0.2527, 0.3676),
    ("clopper_pearson", 15, 148): (0.0578, 0.1617),
    ("clopper_pearson", 0, 20): (0.0, 0.1684),
    ("clopper_pearson", 1, 29): (0.0009, 0.1776),
    ("mid_p", 81, 263): (0.2544, 0.3658),
    ("mid_p", 15, 148): (0.0601, 0.1581),
    ("mid_p", 0, 20): (0.0, 0.1391),
    ("mid_p", 1, 29): (0.0017, 0.1585),
}


@pytest.mark.parametrize(("method", "k", "n"), NEWCOMBE)
def test_newcombe_1998_table_1(method, k, n):
    ours = proportion_interval(k, n, ProportionInterval(method))
    assert (round(ours.low, 4), round(ours.high, 4)) == NEWCOMBE[method, k, n]


# R 4.2.2, n = 30: prop.test(k, 30, correct = FALSE), prop.test(k, 30), binom.test(k, 30)
R_INTERVALS = [
    ("wilson", 0, 0, 0.113513393173969),
    ("wilson", 3, 0.0345998887473342, 0.256210825791841),
    ("wilson", 15, 0.331541256405338, 0.668458743594662),
    ("wilson", 29, 0.833296090085908, 0.994091409618387),
    ("wilson", 30, 0.886486606826031, 1),
    ("wilson_continuity", 0, 0, 0.141320479682452),
    ("wilson_continuity", 3, 0.026188292276544, 0.276763184448704),
    ("wilson_continuity", 29, 0.809469783652179, 0.998257532947615),
    ("wilson_continuity", 30, 0.858679520317548, 1),
    ("clopper_pearson", 0, 0, 0.115703308222028),
    ("clopper_pearson", 3, 0.0211171370297226, 0.265288450474208),
    ("clopper_pearson", 15, 0.312970285868027, 0.687029714131973),
    ("clopper_pearson", 30, 0.884296691777972, 1),
    # qbeta(c(.025, .975), k + .5, 30 - k + .5)
    ("jeffreys", 15, 0.328021355647842, 0.671978644352158),
    ("jeffreys", 3, 0.0289806190327265, 0.243401608984927),
]


@pytest.mark.parametrize(("method", "k", "low", "high"), R_INTERVALS)
def test_interval_agrees_with_r(method, k, low, high):
    ours = proportion_interval(k, 30, ProportionInterval(method))
    # prop.test computes its limits in an order that loses a few digits.
    assert ours.low == pytest.approx(low, rel=1e-12, abs=1e-14)
    assert ours.high == pytest.approx(high, rel=1e-12)


def test_level_agrees_with_r_binom_test():
    # R 4.2.2: binom.test(7, 20, conf.level = .9)$conf.int
    ours = proportion_interval(7, 20, ProportionInterval.CLOPPER_PEARSON, 0.9)
    assert (ours.low, ours.high) == pytest.approx((0.177310917574449, 0.558034511315489))


@pytest.mark.parametrize(("k", "n"), [(1, 9), (4, 17), (16, 17), (37, 120), (2, 3000)])
def test_exact_and_mid_p_limits_solve_their_equation_in_extended_precision(k, n):
    mp.dps = 30

    def upper_tail(p, weight):
        below = sum(binomial(n, x) * p**x * (1 - p) ** (n - x) for x in range(k))
        return 1 - below - weight * binomial(n, k) * p**k * (1 - p) ** (n - k)

    for method, weight in (("clopper_pearson", 0), ("mid_p", mpf(1) / 2)):
        ours = proportion_interval(k, n, ProportionInterval(method))
        root = findroot(lambda p, w=weight: upper_tail(p, w) - mpf("0.025"), ours.low)
        assert ours.low == pytest.approx(float(root), rel=1e-12)
        above = 1 - weight
        root = findroot(lambda p, w=above: upper_tail(p, w) - mpf("0.975"), ours.high)
        assert ours.high == pytest.approx(float(root), rel=1e-12)


def test_bootstrap_limits_are_those_of_simulated_resamples():
    draws = np.random.default_rng(5).binomial(40, 9 / 40, 200_000) / 40
    ours = proportion_interval(9, 40, ProportionInterval.BOOTSTRAP)
    low, high = np.quantile(draws, [0.025, 0.975])
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 400), st.floats(0, 1), st.sampled_from(ALL), st.floats(0.5, 0.999))
def test_properties_of_every_interval(n, share, method, level):
    k = round(share * n)
    if method is ProportionInterval.LOGIT and k in (0, n):
        assert proportion(k, n, method, level).interval is None
        return
    ours = proportion_interval(k, n, method, level)
    mirrored = proportion_interval(n - k, n, method, level)
    wider = proportion_interval(k, n, method, (1 + level) / 2)
    assert 0 <= ours.low <= ours.high <= 1
    # The arcsine interval is centred away from k/n and may miss it at the ends.
    if method is not ProportionInterval.ARCSINE:
        assert ours.low - 1e-12 <= k / n <= ours.high + 1e-12
    assert wider.low <= ours.low + 1e-12
    assert wider.high >= ours.high - 1e-12
    if method is not ProportionInterval.BOOTSTRAP:
        assert mirrored.low == pytest.approx(1 - ours.high, abs=1e-9)


def test_arrays_give_what_single_calls_give():
    k, n = np.arange(0, 21)[:, None], np.array([20, 25])
    for method in ALL:
        many = proportion_intervals(k, n, method)
        for i, j in ((0, 0), (3, 1), (20, 0), (20, 1)):
            low, high = many.low[i, j], many.high[i, j]
            if np.isnan(low):
                assert method is ProportionInterval.LOGIT
                continue
            one = proportion_interval(int(k[i, 0]), int(n[j]), method)
            assert (low, high) == pytest.approx((one.low, one.high), rel=1e-13)


def test_wald_can_be_left_uncut():
    assert proportion_intervals(1, 29, ProportionInterval.WALD, clip=False).low < 0


Y = [1, 1, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0]
G = [1, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7, 7, 7, 8]


def test_clustered_proportion_agrees_with_r_sandwich():
    # R 4.2.2, sandwich: sqrt(vcovCL(lm(y ~ 1), cluster = g, type = "HC0", cadjust = TRUE))
    ours = clustered_proportion(Y, G)
    assert ours.estimate.value == pytest.approx(10 / 18)
    assert ours.estimate.se == pytest.approx(0.114298777749698, rel=1e-12)
    assert (ours.successes, ours.observations, ours.clusters) == (10, 18, 8)


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [
        # R 4.2.2, survey 4.1: d <- svydesign(id = ~g, weights = ~1, data)
        # confint(svyciprop(~y, d, method = .)) with mean, xlogit and beta
        ("wald_t", 0.285281893761207, 0.825829217349905),
        ("logit", 0.294949603406234, 0.788807435040205),
        ("korn_graubard", 0.28484196965547, 0.80387221105761),
    ],
)
def test_clustered_interval_agrees_with_r_survey(method, low, high):
    ours = clustered_proportion(Y, G, ClusteredProportionInterval(method)).estimate.interval
    assert (ours.low, ours.high) == pytest.approx((low, high), rel=1e-12)


@pytest.mark.parametrize("method", ["wilson", "agresti_coull", "jeffreys"])
def test_effective_size_intervals_are_the_plain_ones_at_that_size(method):
    # Every person twice in a cluster of 20 persons: the effective size is 19 = p(1-p) / variance.
    k = 2 * np.array([1] * 7 + [0] * 13)
    ours = clustered_proportion_from_counts(
        k, np.full(20, 2), ClusteredProportionInterval(f"{method}_effective")
    )
    p, size = 0.35, 19.0
    if method == "jeffreys":
        low, high = (float(beta.ppf(q, p * size + 0.5, 0.65 * size + 0.5)) for q in (0.025, 0.975))
    else:
        z = 1.959963984540054
        centre = (p * size + z * z / 2) / (size + z * z)
        half = z * (centre * (1 - centre) / (size + z * z)) ** 0.5
        if method == "wilson":
            half = z / (size + z * z) * (size * p * (1 - p) + z * z / 4) ** 0.5
        low, high = centre - half, centre + half
    limits = ours.estimate.interval
    assert (limits.low, limits.high) == pytest.approx((low, high), rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.booleans(), min_size=4, max_size=40),
    st.sampled_from(list(ClusteredProportionInterval)),
)
def test_clusters_of_one_give_the_binomial_standard_error(y, method):
    n, p = len(y), np.mean(y)
    ours = clustered_proportion(y, np.arange(n), method)
    assert ours.estimate.se == pytest.approx((p * (1 - p) / (n - 1)) ** 0.5)
    effective = str(method).endswith("_effective") or method == "korn_graubard"
    if 0 < p < 1 or effective:
        assert ours.estimate.interval is not None
        assert 0 <= ours.estimate.interval.low <= p <= ours.estimate.interval.high <= 1
    else:
        assert ours.estimate.interval is None
        assert "robust variance is 0" in ours.estimate.note


def test_doubling_every_observation_keeps_the_clustered_error():
    k, n = np.array([2, 0, 3, 1, 4]), np.array([3, 2, 4, 3, 5])
    one = clustered_proportion_from_counts(k, n).estimate
    two = clustered_proportion_from_counts(2 * k, 2 * n).estimate
    assert two.se == pytest.approx(one.se)

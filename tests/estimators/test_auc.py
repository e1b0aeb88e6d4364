import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from recohort.estimators.auc import (
    AucScale,
    auc,
    auc_bootstrap,
    auc_clustered,
    auc_delong,
    auc_hanley_mcneil,
    auc_paired_delong,
    placements,
)
from recohort.estimators.auc_batch import AucStatus, auc_delong_batch
from recohort.estimators.bootstrap import cluster_resample

REFERENCE = Path(__file__).parents[1] / "reference"
DATA = np.genfromtxt(REFERENCE / "aSAH.csv", delimiter=",", names=True)
PROC = json.loads((REFERENCE / "aSAH_pROC.json").read_text())
MARKERS = ["s100b", "ndka", "wfns"]

# Hanley and McNeil, Radiology 1982;143:29, Table I: 58 normal, 51 abnormal CT scans, five ratings.
RATINGS = np.repeat(np.tile(np.arange(1, 6), 2), [33, 6, 6, 11, 2, 3, 2, 2, 11, 33])
ABNORMAL = np.repeat([0, 1], [58, 51])


def samples(maximum=30):
    """Scores with many ties, and outcomes with both values."""
    return (
        st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=maximum)
        .filter(lambda pairs: 0 < sum(y for _, y in pairs) < len(pairs))
        .map(lambda p: (np.array([float(s) for s, _ in p]), np.array([y for _, y in p])))
    )


def delong_oracle(scores, y):
    """The definition, pair by pair."""
    x, z = scores[y == 1], scores[y == 0]
    wins = (x[:, None] > z) + 0.5 * (x[:, None] == z)
    v10, v01 = wins.mean(axis=1), wins.mean(axis=0)
    return wins.mean(), v10.var(ddof=1) / x.size + v01.var(ddof=1) / z.size


@pytest.mark.parametrize("marker", MARKERS)
def test_asah_agrees_with_proc(marker):
    # R, pROC 1.18.0: ci.auc(roc(outcome, marker, direction = "<")), var(roc(...))
    reference = PROC[marker]
    ours = auc_delong(DATA[marker], DATA["y"]).estimate
    assert ours.value == pytest.approx(reference["auc"], rel=1e-14)
    assert ours.se**2 == pytest.approx(reference["var"], rel=1e-13)
    assert ours.interval.low == pytest.approx(reference["lo"], rel=1e-13)
    assert ours.interval.high == pytest.approx(reference["hi"], rel=1e-13)


def test_level_agrees_with_proc():
    # R, pROC 1.18.0: ci.auc(roc(aSAH$outcome, aSAH$s100b), conf.level = .9)
    ours = auc_delong(DATA["s100b"], DATA["y"], 0.9).estimate.interval
    assert (ours.low, ours.high) == pytest.approx((0.646396589759, 0.816340537613), abs=1e-12)


def test_paired_test_agrees_with_proc():
    # R, pROC 1.18.0: roc.test(s100b, wfns, method = "delong", paired = TRUE)
    ours = auc_paired_delong(DATA["s100b"], DATA["wfns"], DATA["y"])
    assert ours.test.statistic == pytest.approx(PROC["s100b_vs_wfns"]["z"], rel=1e-12)
    assert ours.test.p_value == pytest.approx(PROC["s100b_vs_wfns"]["p"], rel=1e-11)


def test_bootstrap_agrees_with_proc():
    # R, pROC 1.18.0: ci.auc(r, method = "bootstrap", boot.n = 10000); two runs differ by 0.003
    ours = auc_bootstrap(DATA["s100b"], DATA["y"], np.random.default_rng(7), 10_000).estimate
    assert ours.interval.low == pytest.approx(0.623983739837, abs=0.006)
    assert ours.interval.high == pytest.approx(0.826388888889, abs=0.006)
    again = auc_bootstrap(DATA["s100b"], DATA["y"], np.random.default_rng(7), 10_000).estimate
    assert ours == again


def test_hanley_mcneil_1982_ct_example():
    # The paper prints AUC 0.893, and SE 0.032 with Q1 and Q2 from the table; its formula for
    # exponential scores, which is what goes by its name, gives 0.0325.
    ours = auc_hanley_mcneil(RATINGS, ABNORMAL).estimate
    assert round(ours.value, 3) == 0.893
    assert ours.se == pytest.approx(0.0325, abs=5e-5)


@settings(max_examples=100, deadline=None)
@given(samples())
def test_delong_agrees_with_the_definition_pair_by_pair(sample):
    scores, y = sample
    ours = auc_delong(scores, y).estimate
    assert ours.value == pytest.approx(roc_auc_score(y, scores), abs=1e-14)
    if min(y.sum(), (~y).sum()) > 1:
        value, variance = delong_oracle(scores, y)
        assert ours.value == pytest.approx(value, abs=1e-14)
        assert ours.se**2 == pytest.approx(variance, abs=1e-14)
        assert 0 <= ours.interval.low <= ours.value <= ours.interval.high <= 1
    else:
        assert ours.se is None
        assert "does not exist" in ours.note


@settings(max_examples=60, deadline=None)
@given(samples())
def test_turning_scores_or_outcomes_over_mirrors_the_auc(sample):
    scores, y = sample
    ours, turned = auc(scores, y), auc(-scores, y)
    assert ours + turned == pytest.approx(1)
    assert auc(scores, ~y) == pytest.approx(turned)
    assert auc(np.exp(scores), y) == pytest.approx(ours)
    assert placements(scores, y).controls.mean() == pytest.approx(ours)


@settings(max_examples=60, deadline=None)
@given(samples(12), st.sampled_from(list(AucScale)))
def test_batch_agrees_with_single(sample, scale):
    scores, y = sample
    orders = [np.arange(y.size), np.arange(y.size)[::-1]]
    many = auc_delong_batch([scores[o] for o in orders], [y[o] for o in orders], scale=scale)
    shared = auc_delong_batch([scores, scores + 1], y, scale=scale)
    one = auc_delong(scores, y, scale=scale).estimate
    for batch in (many, shared):
        np.testing.assert_allclose(batch.auc, one.value, atol=1e-14)
        if one.se is None:
            assert np.isnan(batch.se).all()
            assert set(batch.status) <= {AucStatus.SINGLE_CASE, AucStatus.SINGLE_CONTROL}
            continue
        np.testing.assert_allclose(batch.se, one.se, atol=1e-8)
        low = np.nan if one.interval is None else one.interval.low
        high = np.nan if one.interval is None else one.interval.high
        np.testing.assert_allclose(batch.low, low, atol=1e-8)
        np.testing.assert_allclose(batch.high, high, atol=1e-8)


def test_batch_marks_cohorts_without_an_answer():
    scores = np.array([[1.0, 2, 3, 4]] * 5)
    y = [[0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1]]
    ours = auc_delong_batch(scores, y)
    assert ours.status.tolist() == [
        AucStatus.ONE_CLASS,
        AucStatus.SINGLE_CASE,
        AucStatus.SINGLE_CONTROL,
        AucStatus.NO_VARIANCE,
        AucStatus.OK,
    ]
    assert np.isnan(ours.auc[0])
    assert ours.auc[1:].tolist() == [1.0, 0.0, 1.0, 0.75]
    assert ours.se[3] == 0


def test_perfect_separation_is_said():
    ours = auc_delong([1, 2, 3, 4], [0, 0, 1, 1]).estimate
    assert (ours.value, ours.se) == (1.0, 0.0)
    assert "variance is 0" in ours.note
    assert auc_delong([1, 2, 3, 4], [0, 0, 1, 1], scale=AucScale.LOGIT).estimate.interval is None


def test_clusters_of_one_agree_with_delong():
    # Obuchowski 1997: with one observation a cluster her variance is DeLong's.
    plain = auc_delong(DATA["ndka"], DATA["y"]).estimate.se
    ours = auc_clustered(DATA["ndka"], DATA["y"], np.arange(DATA.size)).estimate.se
    assert ours == pytest.approx(plain, rel=1e-12)


def test_doubled_observations_in_clusters_keep_the_error():
    scores, y, who = DATA["ndka"], DATA["y"], np.arange(DATA.size)
    one = auc_clustered(scores, y, who).estimate.se
    two = auc_clustered(np.tile(scores, 2), np.tile(y, 2), np.tile(who, 2)).estimate.se
    assert two == pytest.approx(one, rel=1e-12)


def paired_oracle(first, second, y):
    """DeLong 1988, eq. 6-8, pair by pair."""
    parts = []
    for scores in (first, second):
        x, z = scores[y], scores[~y]
        wins = (x[:, None] > z) + 0.5 * (x[:, None] == z)
        parts.append((wins.mean(), wins.mean(axis=1), wins.mean(axis=0)))
    s10 = np.cov(parts[0][1], parts[1][1]) / y.sum()
    s01 = np.cov(parts[0][2], parts[1][2]) / (~y).sum()
    covariance, contrast = s10 + s01, np.array([1.0, -1.0])
    return parts[0][0] - parts[1][0], contrast @ covariance @ contrast, covariance


@settings(max_examples=80, deadline=None)
@given(samples(), st.integers(0, 10_000))
def test_paired_test_agrees_with_the_definition_and_is_antisymmetric(sample, seed):
    scores, y = sample
    if min(y.sum(), (~y).sum()) < 2:
        return
    other = np.round(scores + np.random.default_rng(seed).normal(scale=2, size=y.size))
    ours, turned = auc_paired_delong(scores, other, y), auc_paired_delong(other, scores, y)
    gap, variance, covariance = paired_oracle(scores, other, y)
    assert ours.difference.value == pytest.approx(gap, abs=1e-14)
    if variance < 1e-14:
        assert ours.test.p_value is None or variance > 1e-24
        return
    assert ours.difference.se**2 == pytest.approx(variance, abs=1e-14)
    assert ours.test.statistic == pytest.approx(gap / variance**0.5)
    assert ours.test.p_value == pytest.approx(turned.test.p_value)
    assert turned.test.statistic == pytest.approx(-ours.test.statistic)
    assert ours.difference.interval.low == pytest.approx(-turned.difference.interval.high)
    if covariance[0, 0] > 1e-12 and covariance[1, 1] > 1e-12:
        r = covariance[0, 1] / (covariance[0, 0] * covariance[1, 1]) ** 0.5
        assert ours.correlation == pytest.approx(r, abs=1e-9)


def obuchowski_oracle(scores, y, cluster):
    """Obuchowski 1997, eq. 3-6, cluster by cluster."""
    x, z, in_x, in_z = scores[y], scores[~y], cluster[y], cluster[~y]
    wins = (x[:, None] > z) + 0.5 * (x[:, None] == z)
    area, v10, v01 = wins.mean(), wins.mean(axis=1), wins.mean(axis=0)
    labels = sorted(set(cluster.tolist()))
    i10, i01, i = len(set(in_x.tolist())), len(set(in_z.tolist())), len(labels)
    m, n = x.size, z.size
    s10 = s01 = s11 = 0.0
    for label in labels:
        own_x = sum(v10[in_x == label]) - (in_x == label).sum() * area
        own_z = sum(v01[in_z == label]) - (in_z == label).sum() * area
        s10 += i10 / ((i10 - 1) * m) * own_x**2
        s01 += i01 / ((i01 - 1) * n) * own_z**2
        s11 += i / (i - 1) * own_x * own_z
    return s10 / m + s01 / n + 2 * s11 / (m * n)


@settings(max_examples=60, deadline=None)
@given(samples(), st.integers(0, 10_000))
def test_clustered_variance_agrees_with_obuchowski_1997_written_out(sample, seed):
    scores, y = sample
    cluster = np.random.default_rng(seed).integers(5, size=y.size)
    ours = auc_clustered(scores, y, cluster).estimate
    if np.unique(cluster[y]).size < 2 or np.unique(cluster[~y]).size < 2:
        assert ours.se is None
        return
    variance = obuchowski_oracle(scores, y, cluster)
    assert ours.se**2 == pytest.approx(max(variance, 0), abs=1e-13)


def test_clustered_error_agrees_with_a_bootstrap_of_clusters():
    rng = np.random.default_rng(8)
    cluster = np.repeat(np.arange(60), 3)
    y = rng.random(180) < rng.beta(1, 1, size=60)[cluster]
    scores = rng.normal(size=60)[cluster] + rng.normal(size=180) + y
    draws = []
    for _ in range(1000):
        rows = cluster_resample(cluster, rng)
        draws.append(auc(scores[rows], y[rows]))
    assert auc_clustered(scores, y, cluster).estimate.se == pytest.approx(np.std(draws), rel=0.12)


def test_bootstrap_agrees_with_resampling_row_by_row():
    scores, y = DATA["wfns"], DATA["y"] == 1
    rng = np.random.default_rng(9)
    draws = []
    for _ in range(2000):
        rows = np.concatenate(
            [rng.choice(np.flatnonzero(y), y.sum()), rng.choice(np.flatnonzero(~y), (~y).sum())]
        )
        draws.append(delong_oracle(scores[rows], y[rows])[0])
    ours = auc_bootstrap(scores, y, np.random.default_rng(1), 20_000).estimate
    assert ours.se == pytest.approx(np.std(draws), rel=0.06)
    low, high = np.quantile(draws, [0.025, 0.975])
    assert (ours.interval.low, ours.interval.high) == pytest.approx((low, high), abs=0.2 * ours.se)


@pytest.mark.parametrize("n", [(5, 9), (51, 58)])
def test_hanley_mcneil_variance_by_hand(n):
    # Hanley and McNeil 1982, eq. 1-2 and Q1 = A/(2-A), Q2 = 2A²/(1+A).
    cases, controls = n
    rng = np.random.default_rng(cases)
    y = np.arange(cases + controls) < cases
    ours = auc_hanley_mcneil(rng.normal(size=y.size) + y, y).estimate
    a = ours.value
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    top = a * (1 - a) + (cases - 1) * (q1 - a * a) + (controls - 1) * (q2 - a * a)
    assert ours.se == pytest.approx((top / (cases * controls)) ** 0.5, rel=1e-13)


def test_paired_test_of_a_score_with_itself_does_not_exist():
    ours = auc_paired_delong(DATA["ndka"], 2 * DATA["ndka"], DATA["y"])
    assert ours.difference.value == 0
    assert ours.test.p_value is None
    assert "does not exist" in ours.test.note

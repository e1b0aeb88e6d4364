import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.estimators.bootstrap import cluster_resample
from recohort.estimators.diagnostic_accuracy import (
    DiagnosticAccuracy,
    TwoByTwo,
    bootstrap_diagnostic_accuracy,
    clustered_diagnostic_accuracy,
    diagnostic_accuracy,
    two_by_two,
)
from recohort.estimators.proportion import (
    ClusteredProportionInterval,
    ProportionInterval,
    proportion_interval,
)


def test_altman_and_bland_1994_liver_scan():
    # BMJ 1994;308:1552 and 309:102: 231 and 27 abnormal, 32 and 54 normal; sensitivity 0.90,
    # specificity 0.63, positive and negative predictive value 0.88 and 0.67.
    ours = diagnostic_accuracy(TwoByTwo(231, 32, 27, 54))
    assert round(ours.sensitivity.value, 2) == 0.90
    assert round(ours.specificity.value, 2) == 0.63
    assert round(ours.positive_predictive_value.value, 2) == 0.88
    assert round(ours.negative_predictive_value.value, 2) == 0.67
    assert ours.sensitivity.interval == proportion_interval(231, 258)


def test_likelihood_ratio_by_the_log_method_by_hand():
    ours = diagnostic_accuracy(TwoByTwo(40, 10, 10, 40), ProportionInterval.CLOPPER_PEARSON)
    ratio = ours.positive_likelihood_ratio
    se = math.sqrt(1 / 40 - 1 / 50 + 1 / 10 - 1 / 50)
    assert ratio.value == pytest.approx(4)
    assert ratio.se == pytest.approx(se)
    assert ratio.interval.low == pytest.approx(4 * math.exp(-1.959963984540054 * se))
    assert ours.negative_likelihood_ratio.value == pytest.approx(0.25)


def test_empty_cells_are_said():
    ours = diagnostic_accuracy(TwoByTwo(5, 0, 3, 7))
    assert ours.positive_likelihood_ratio.value == math.inf
    assert ours.positive_likelihood_ratio.interval is None
    assert "count of 0" in ours.positive_likelihood_ratio.note
    assert diagnostic_accuracy(TwoByTwo(0, 2, 0, 3)).sensitivity is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=12, max_size=60),
    st.integers(1, 5),
)
def test_clustered_values_are_the_plain_ones(pairs, size):
    test, truth = np.array(pairs).T
    cluster = np.arange(test.size) // size
    plain = diagnostic_accuracy(two_by_two(test, truth))
    ours = clustered_diagnostic_accuracy(test, truth, cluster)
    for name in ("sensitivity", "specificity", "accuracy", "positive_likelihood_ratio"):
        a, b = getattr(plain, name), getattr(ours, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert a.value == pytest.approx(b.value, nan_ok=True)


def test_clustered_ratio_with_clusters_of_one_nears_the_log_method():
    rng = np.random.default_rng(2)
    truth = rng.random(4000) < 0.4
    test = rng.random(4000) < np.where(truth, 0.8, 0.3)
    plain = diagnostic_accuracy(two_by_two(test, truth)).positive_likelihood_ratio
    ours = clustered_diagnostic_accuracy(
        test, truth, np.arange(4000), ClusteredProportionInterval.WALD
    ).positive_likelihood_ratio
    assert ours.se == pytest.approx(plain.se, rel=1e-3)


ASAH = np.genfromtxt(Path(__file__).parents[1] / "reference/aSAH.csv", delimiter=",", names=True)
TEST, TRUTH = ASAH["s100b"] >= 0.2, ASAH["y"] == 1
CENTRE = np.arange(1, 114) * 7 % 23
NAMES = DiagnosticAccuracy.__dataclass_fields__


def test_likelihood_ratios_agree_with_r_glm_with_a_log_link():
    # R 4.2.2, aSAH: summary(glm((s100b >= .2) ~ y, binomial(log), epsilon = 1e-14)), and for LR-
    # glm((s100b < .2) ~ y, ...)
    ours = diagnostic_accuracy(two_by_two(TEST, TRUTH))
    found = [ours.positive_likelihood_ratio, ours.negative_likelihood_ratio]
    logs = [math.log(each.value) for each in found]
    assert logs == pytest.approx([1.18213326071797, -0.78929875713246], rel=1e-12)
    errors = [each.se for each in found]
    assert errors == pytest.approx([0.267602274091183, 0.213609253511356], rel=1e-8)


def test_clustered_accuracy_agrees_with_r_survey():
    # R 4.2.2, survey 4.1: t <- svytotal(~tp + fp + fn + tn, svydesign(id = ~g, weights = ~1))
    # svycontrast(t, quote(tp / (tp + fn))), svycontrast(t, quote(log(...))) and so on
    reference = {
        "sensitivity": (0.634146341463415, 0.0629594151654028),
        "specificity": (0.805555555555556, 0.0514360472170274),
        "positive_predictive_value": (0.65, 0.0666816981160225),
        "negative_predictive_value": (0.794520547945205, 0.0436798061899281),
        "positive_likelihood_ratio": (math.exp(1.18213326071797), 0.273303856925128),
        "negative_likelihood_ratio": (math.exp(-0.789298757132462), 0.177601655606598),
    }
    ours = clustered_diagnostic_accuracy(TEST, TRUTH, CENTRE)
    contributing = {
        "sensitivity": TRUTH,
        "specificity": ~TRUTH,
        "positive_predictive_value": TEST,
        "negative_predictive_value": ~TEST,
    }
    for name, (value, se) in reference.items():
        found = getattr(ours, name)
        # survey counts clusters without any case as well in its factor m / (m - 1).
        own = np.unique(CENTRE[contributing[name]]).size if name in contributing else 23
        factor = (own / (own - 1) / (23 / 22)) ** 0.5
        assert found.value == pytest.approx(value, rel=1e-12)
        assert found.se == pytest.approx(se * factor, rel=1e-10)


@pytest.mark.parametrize("cluster", [None, CENTRE])
def test_bootstrap_agrees_with_resampling_row_by_row(cluster):
    ours = bootstrap_diagnostic_accuracy(
        TEST, TRUTH, np.random.default_rng(1), cluster, resamples=20_000
    )
    rng = np.random.default_rng(2)
    draws = {name: [] for name in NAMES}
    for _ in range(2000):
        rows = rng.integers(113, size=113) if cluster is None else cluster_resample(cluster, rng)
        again = diagnostic_accuracy(two_by_two(TEST[rows], TRUTH[rows]))
        for name in NAMES:
            draws[name].append(getattr(again, name).value)
    for name in NAMES:
        found = getattr(ours, name)
        log = name.endswith("ratio")
        sample = np.log(draws[name]) if log else np.array(draws[name])
        # The Monte Carlo error of a 2.5% quantile of 2,000 draws is about 0.06 SD.
        assert found.se == pytest.approx(sample.std(), rel=0.06)
        for limit, share in ((found.interval.low, 0.025), (found.interval.high, 0.975)):
            value = math.log(limit) if log else limit
            assert value == pytest.approx(np.quantile(sample, share), abs=0.25 * found.se)
        assert found.value == getattr(diagnostic_accuracy(two_by_two(TEST, TRUTH)), name).value


def test_bootstrap_repeats_and_says_what_does_not_exist():
    rng = np.random.default_rng
    once = bootstrap_diagnostic_accuracy(TEST, TRUTH, rng(5), CENTRE)
    assert once == bootstrap_diagnostic_accuracy(TEST, TRUTH, rng(5), CENTRE)
    rare = bootstrap_diagnostic_accuracy([1, 0, 0, 0, 1], [1, 0, 0, 0, 0], rng(5))
    assert "does not exist in" in rare.sensitivity.note
    perfect = bootstrap_diagnostic_accuracy([1, 1, 0, 0], [1, 1, 0, 0], rng(5))
    assert perfect.positive_likelihood_ratio.value == math.inf
    assert perfect.positive_likelihood_ratio.interval.low == math.inf
    assert perfect.positive_likelihood_ratio.se is None
    assert bootstrap_diagnostic_accuracy([1, 0], [0, 0], rng(5)).sensitivity is None
    assert bootstrap_diagnostic_accuracy([1, 0], [0, 0], rng(5)).positive_likelihood_ratio is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30), st.integers(0, 9)
)
def test_bootstrap_intervals_are_ordered_and_mirror(pairs, seed):
    test, truth = np.array(pairs).T
    ours = bootstrap_diagnostic_accuracy(test, truth, np.random.default_rng(seed), resamples=60)
    plain = diagnostic_accuracy(two_by_two(test, truth))
    for name in NAMES:
        a, b = getattr(ours, name), getattr(plain, name)
        assert (a is None) == (b is None)
        if a is None:
            continue
        assert a.value == pytest.approx(b.value, nan_ok=True)
        if a.interval is not None:
            assert 0 <= a.interval.low <= a.interval.high
            assert name.endswith("ratio") or a.interval.high <= 1

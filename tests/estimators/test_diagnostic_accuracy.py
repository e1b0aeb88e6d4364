import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.estimators.diagnostic_accuracy import (
    TwoByTwo,
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

"""Every refused argument is answered with its name, what it got and what it takes."""

import numpy as np
import pytest

from recohort.estimators import arguments
from recohort.estimators.auc import auc_delong
from recohort.estimators.auc_batch import auc_delong_batch
from recohort.estimators.calibration import calibration
from recohort.estimators.chi_square import chi_square
from recohort.estimators.cox import cox
from recohort.estimators.kaplan_meier import kaplan_meier, landmark_rate
from recohort.estimators.linear_mixed import linear_mixed
from recohort.estimators.log_rank import log_rank
from recohort.estimators.mann_whitney import mann_whitney
from recohort.estimators.paired_t import paired_t
from recohort.estimators.percent_change import percent_change
from recohort.estimators.proportion import clustered_proportion, proportion_interval
from recohort.estimators.summary import quantile, summarise

X = [1.0, 2.0, 3.0, 4.0]
Y = [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (lambda: summarise([]), ["values", "shape (0,)", "at least 1"]),
        (lambda: summarise(["1", "2"]), ["values", "takes finite numbers"]),
        (lambda: summarise([1.0, np.nan]), ["values", "nan", "at 1"]),
        (lambda: summarise([[1.0], [2.0, 3.0]]), ["values"]),
        (lambda: summarise([1 + 2j]), ["values"]),
        (lambda: quantile(X, 1.5), ["probability", "1.5", "[0, 1]"]),
        (lambda: quantile(X, 0.5, "type_10"), ["type_10"]),
        (lambda: proportion_interval(5, 4), ["k", "got 5", "0..n"]),
        (lambda: proportion_interval(-1, 4), ["k", "-1"]),
        (lambda: proportion_interval(1.5, 4), ["k", "1.5", "whole"]),
        (lambda: proportion_interval(0, 0), ["n", "got 0", "at least 1"]),
        (lambda: proportion_interval(1, 4, level=95), ["level", "95", "(0, 1)"]),
        (lambda: proportion_interval(0, 4, "logit"), ["k", "0 of 4", "logit"]),
        (lambda: clustered_proportion(Y, [1, 1, 1, 1]), ["cluster", "1 cluster", "at least 2"]),
        (lambda: clustered_proportion(Y, [1, 2]), ["cluster", "(2,)", "4 labels"]),
        (lambda: clustered_proportion(Y, [1, None, 2, 2]), ["cluster", "missing"]),
        (lambda: auc_delong(X, [0, 1, 2, 1]), ["y", "got 2", "0 and 1"]),
        (lambda: auc_delong(X, [1, 1, 1, 1]), ["y", "4 cases of 4"]),
        (lambda: auc_delong(X, [0, 1]), ["y", "(2,)", "4 values"]),
        (lambda: auc_delong([1.0, np.inf, 2.0, 3.0], Y), ["scores", "inf"]),
        (lambda: auc_delong_batch(X, Y), ["scores", "two dimensions"]),
        (lambda: auc_delong_batch([X], [0, 1]), ["y", "(2,)"]),
        (lambda: calibration([0.1, 1.0, 0.2, 0.3], Y), ["probability", "strictly"]),
        (lambda: chi_square([[1, -1], [2, 3]]), ["table", "-1"]),
        (lambda: chi_square([1, 2]), ["table", "(2,)"]),
        (lambda: cox(X, [0, 0, 0, 0], [[1], [2], [3], [4]]), ["event", "no event"]),
        (lambda: cox(X, Y, [[1], [1], [1], [1]]), ["covariates", "column 0", "constant"]),
        (lambda: kaplan_meier([-1.0, 2.0], [0, 1]), ["time", "-1"]),
        (lambda: landmark_rate(kaplan_meier(X, [0, 1, 0, 0]), 9.0), ["at", "9", "last, 4"]),
        (lambda: linear_mixed(X, np.ones((4, 2)), [1, 1, 2, 2]), ["design", "column 1"]),
        (lambda: linear_mixed(X, np.ones((4, 1)), [1, 2, 3, 4]), ["group", "4 groups"]),
        (lambda: log_rank(X, Y, [1, 1, 1, 1]), ["group", "at least 2"]),
        (lambda: mann_whitney([], X), ["first"]),
        (lambda: paired_t(X, X[:3]), ["second", "(3,)", "(4,)"]),
        (lambda: percent_change([0.0, 1.0], [1.0, 1.0], "mean_of_changes"), ["before", "positive"]),
    ],
)
def test_refused_argument_is_named(call, parts):
    with pytest.raises(ValueError, match=r".") as error:
        call()
    for part in parts:
        assert part in str(error.value)


def test_booleans_and_integers_are_numbers():
    assert arguments.vector(np.array([True, False]), "x").tolist() == [1.0, 0.0]
    assert arguments.whole_number(3.0, "x") == 3


def test_codes_follow_sorted_labels():
    inverse, count = arguments.codes(np.array(["b", "a", "b"], dtype=object), "group", 3)
    assert inverse.tolist() == [1, 0, 1]
    assert count == 2

"""Separation: the linear programme, and its agreement with the fits' own recognition."""

from __future__ import annotations

import numpy as np

from recohort.estimators.fit_flag import FLAGS, FitFlag
from recohort.estimators.logistic import fit_logistic
from recohort.estimators.logistic_batch import fit_logistic_batch
from recohort.estimators.mixed_logistic import fit_mixed_logistic
from recohort.estimators.separation import SeparationKind, find_separation


def test_albert_anderson_1984_kinds() -> None:
    one = np.ones(8)
    x = np.arange(8.0)
    assert find_separation(x > 3, np.column_stack([one, x])).kind is SeparationKind.COMPLETE
    overlapping = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    assert find_separation(overlapping, np.column_stack([one, x])).kind is SeparationKind.NONE
    border = np.array([0.0, 1, 2, 3, 3, 4, 5, 6])
    outcome = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = find_separation(outcome, np.column_stack([one, border]), names=["one", "b"])
    assert found.kind is SeparationKind.QUASI
    assert found.columns == ("one", "b")


def test_direction_never_lowers_the_likelihood() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(60), rng.normal(size=60), rng.random(60) < 0.2])
    y = (rng.random(60) < 0.5).astype(float)
    y[x[:, 2] == 1] = 0.0
    found = find_separation(y, x, names=["one", "a", "rare"])
    assert found.kind is SeparationKind.QUASI
    assert found.columns == ("rare",)
    assert ((2 * y - 1) * (x @ found.direction) >= -1e-9).all()


def test_binomial_rows_with_both_outcomes_do_not_separate() -> None:
    x = np.column_stack([np.ones(4), np.arange(4.0)])
    free = find_separation([0, 1, 2, 5], x, trials=[5, 5, 5, 5])
    assert free.kind is SeparationKind.NONE
    assert find_separation([0, 0, 5, 5], x, trials=[5, 5, 5, 5]).kind is SeparationKind.COMPLETE


def test_fits_recognise_what_the_linear_programme_finds() -> None:
    rng = np.random.default_rng(7)
    kinds = {True: 0, False: 0}
    for _ in range(250):
        n = int(rng.integers(15, 60))
        x = np.column_stack(
            [np.ones(n), rng.normal(size=n), rng.random(n) < 0.15, rng.integers(0, 4, n)]
        ).astype(float)
        if np.linalg.matrix_rank(x) < 4:
            continue
        y = (rng.random(n) < 1 / (1 + np.exp(-3 * x[:, 1] + 2))).astype(float)
        if y.min() == y.max():
            continue
        fit = fit_logistic_batch(y, x)
        separated = find_separation(y, x).kind is not SeparationKind.NONE
        kinds[separated] += 1
        assert FLAGS[fit.codes[0]] is (FitFlag.SEPARATED if separated else FitFlag.OK)
    assert min(kinds.values()) > 40


def test_limit_of_a_separated_fit_is_the_fit_of_the_rows_in_doubt() -> None:
    rng = np.random.default_rng(11)
    n = 300
    mark = (np.arange(n) % 6 == 0).astype(float)
    x = np.column_stack([np.ones(n), rng.normal(size=n), mark])
    group = rng.integers(0, 12, n)
    eta = x @ [-0.5, 0.8, 0.0] + rng.normal(size=12)[group]
    y = np.where(mark == 1.0, 1.0, rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    doubt = mark == 0.0
    fit, rest = fit_logistic(y, x), fit_logistic(y[doubt], x[doubt][:, :2])
    assert fit.flag == "separated"
    assert fit.coef[2] == np.inf
    np.testing.assert_array_equal(fit.coef[:2], rest.coef)
    np.testing.assert_array_equal(fit.se[:2], rest.se)
    assert np.isnan(fit.se[2])
    # The likelihood climbs to that of the limit, and the finite coefficients to the limit's.
    assert fit.loglik == rest.loglik
    far = fit_logistic(y[doubt | mark.astype(bool)], x[:, :2], offset=40.0 * mark)
    np.testing.assert_allclose(fit.coef[:2], far.coef, rtol=1e-8)
    np.testing.assert_allclose(fit.se[:2], far.se, rtol=1e-8)
    mixed = fit_mixed_logistic(y, x, group)
    mixed_rest = fit_mixed_logistic(y[doubt], x[doubt][:, :2], group[doubt])
    assert mixed.flag == "separated"
    np.testing.assert_array_equal(mixed.coef[:2], mixed_rest.coef)
    np.testing.assert_array_equal(mixed.se[:2], mixed_rest.se)
    assert (mixed.sd, mixed.sd_se) == (mixed_rest.sd, mixed_rest.sd_se)


def test_no_limit_where_everything_is_certain() -> None:
    x = np.column_stack([np.ones(8), np.arange(8.0)])
    fit = fit_logistic((np.arange(8) > 3).astype(float), x)
    assert fit.flag == "separated"
    assert np.isinf(fit.coef).all()
    assert np.isnan(fit.se).all()

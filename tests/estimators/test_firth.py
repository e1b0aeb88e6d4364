"""Firth's penalised logistic regression: closed forms and a slow oracle."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from recohort.estimators.firth import firth_logistic
from recohort.estimators.logistic import fit_logistic
from recohort.estimators.logistic_data import logistic_data
from recohort.estimators.logistic_inference import likelihood_ratio_test, profile_interval

Array = NDArray[np.float64]


@pytest.mark.parametrize("table", [(12, 30, 7, 51), (0, 9, 8, 20), (5, 0, 3, 11)])
def test_haldane_anscombe_one_half_in_every_cell(table: tuple[int, int, int, int]) -> None:
    # Firth 1993, section 3.3: in a saturated table Jeffreys' prior adds 1/2 to every cell.
    a, b, c, d = table
    y = np.repeat([1, 0, 1, 0], table)
    exposed = np.repeat([1, 1, 0, 0], table)
    fit = firth_logistic(y, np.column_stack([np.ones(y.size), exposed]))
    assert fit.converged
    odds = (a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5))
    np.testing.assert_allclose(fit.coef, [np.log((c + 0.5) / (d + 0.5)), np.log(odds)], rtol=1e-9)


def penalised(y: Array, x: Array, beta: Array) -> float:
    eta = x @ beta
    p = 1 / (1 + np.exp(-eta))
    information = (x * (p * (1 - p))[:, None]).T @ x
    return float(y @ eta - np.logaddexp(0, eta).sum() + 0.5 * np.linalg.slogdet(information)[1])


def separated(seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    n = 70
    x = np.column_stack([np.ones(n), rng.normal(size=n), rng.random(n) < 0.3])
    y = (rng.random(n) < 0.4).astype(float)
    y[x[:, 2] == 1] = 1.0
    return y, x


@pytest.mark.parametrize("seed", range(5))
def test_maximum_of_the_penalised_likelihood(seed: int) -> None:
    y, x = separated(seed)
    fit = firth_logistic(y, x)
    assert fit.converged
    best = minimize(
        lambda b: -penalised(y, x, b),
        np.zeros(3),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000},
    )
    np.testing.assert_allclose(fit.coef, best.x, atol=1e-5)
    assert fit.penalised_loglik == pytest.approx(penalised(y, x, fit.coef), rel=1e-12)
    assert fit.penalised_loglik >= -best.fun - 1e-10


def test_penalised_profile_against_constrained_maximum() -> None:
    y, x = separated(1)
    fit = firth_logistic(y, x)
    data = logistic_data(y, x, None, None, None, None, None)
    interval = profile_interval(fit, data, 2)
    for end in (interval.low, interval.high):
        held = minimize(
            lambda b, end=end: -penalised(y, x, np.append(b, end)),
            fit.coef[:2],
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000},
        )
        assert 2 * (fit.penalised_loglik + held.fun) == pytest.approx(3.841458820694124, abs=1e-5)
    assert likelihood_ratio_test(fit, data, 2).p_value < 0.001


def test_shrinks_and_swaps_signs() -> None:
    rng = np.random.default_rng(4)
    x = np.column_stack([np.ones(100), rng.normal(size=100)])
    y = (rng.random(100) < 1 / (1 + np.exp(-x[:, 1]))).astype(float)
    firth, plain = firth_logistic(y, x), fit_logistic(y, x)
    assert 0 < firth.coef[1] < plain.coef[1]
    np.testing.assert_allclose(firth_logistic(1 - y, x).coef, -firth.coef, rtol=1e-8)


def test_weights_are_rows() -> None:
    y, x = separated(2)
    weight = np.random.default_rng(0).integers(0, 3, y.size)
    one = firth_logistic(y, x, weights=weight)
    two = firth_logistic(y.repeat(weight), x.repeat(weight, axis=0))
    np.testing.assert_allclose(one.coef, two.coef, rtol=1e-8)


def test_single_outcome_has_a_finite_estimate() -> None:
    fit = firth_logistic(np.zeros(20), np.ones((20, 1)))
    assert fit.coef[0] == pytest.approx(np.log(0.5 / 20.5), rel=1e-9)


def test_collinear_columns_are_refused() -> None:
    y, x = separated(3)
    with pytest.raises(ValueError, match=r"^x: got collinear columns \(b is a multiple of a\)"):
        firth_logistic(y, np.column_stack([x[:, 1], 2 * x[:, 1]]), names=["a", "b"])

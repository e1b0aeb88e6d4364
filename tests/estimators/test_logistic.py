"""Logistic regression against statsmodels, closed forms and its refusals."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recohort.estimators.logistic import fit_logistic

Array = NDArray[np.float64]


def cohort(seed: int, n: int = 120) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x = np.column_stack(
        [np.ones(n), rng.normal(60, 10, n), rng.random(n) < 0.4, rng.normal(size=n)]
    )
    eta = -4.0 + 0.05 * x[:, 1] + 0.7 * x[:, 2] - 0.3 * x[:, 3]
    return (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float), x


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_statsmodels_binary(seed: int) -> None:
    y, x = cohort(seed)
    ours = fit_logistic(y, x)
    theirs = sm.GLM(y, x, family=sm.families.Binomial()).fit(tol=1e-14, maxiter=100)
    np.testing.assert_allclose(ours.coef, theirs.params, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(ours.se, theirs.bse, rtol=1e-7)
    np.testing.assert_allclose(ours.cov, theirs.cov_params(), rtol=1e-6, atol=1e-7)
    assert ours.loglik == pytest.approx(theirs.llf, rel=1e-12)
    assert ours.aic == pytest.approx(theirs.aic, rel=1e-12)


def test_statsmodels_binomial_weights_offset() -> None:
    rng = np.random.default_rng(1)
    _, x = cohort(1, 60)
    trials = rng.integers(1, 12, 60)
    y = rng.binomial(trials, 0.3)
    offset = rng.normal(size=60) * 0.2
    weights = rng.integers(0, 4, 60)
    ours = fit_logistic(y, x, trials=trials, weights=weights, offset=offset)
    theirs = sm.GLM(
        np.column_stack([y, trials - y]),
        x,
        family=sm.families.Binomial(),
        offset=offset,
        freq_weights=weights,
    ).fit(tol=1e-14)
    np.testing.assert_allclose(ours.coef, theirs.params, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(ours.se, theirs.bse, rtol=1e-7)
    assert ours.loglik == pytest.approx(theirs.llf, rel=1e-10)
    assert ours.n == (weights * trials).sum()


def test_two_by_two_table_closed_form() -> None:
    a, b, c, d = 12, 30, 7, 51
    y = np.repeat([1, 0, 1, 0], [a, b, c, d])
    exposed = np.repeat([1, 1, 0, 0], [a, b, c, d])
    fit = fit_logistic(y, np.column_stack([np.ones(y.size), exposed]), names=["one", "exposed"])
    assert fit.coef[1] == pytest.approx(np.log(a * d / (b * c)), rel=1e-12)
    assert fit.se[1] == pytest.approx(np.sqrt(1 / a + 1 / b + 1 / c + 1 / d), rel=1e-7)
    assert fit.names == ("one", "exposed")


def test_separation_ends_in_infinity_with_the_other_coefficients_at_their_limit() -> None:
    y, x = cohort(2)
    marker = y * (np.arange(y.size) % 3 == 0)
    fit = fit_logistic(y, np.column_stack([x, marker]), names=["one", "age", "sex", "z", "m"])
    rest = fit_logistic(y[marker == 0], x[marker == 0])
    assert fit.flag == "separated"
    assert fit.separated == ("m",)
    assert fit.coef[4] == np.inf
    np.testing.assert_allclose(fit.coef[:4], rest.coef, rtol=1e-12)
    np.testing.assert_allclose(fit.se[:4], rest.se, rtol=1e-12)
    assert fit.loglik == pytest.approx(rest.loglik, abs=1e-12)
    assert np.isnan(fit.se[4])


def test_complete_separation_and_single_outcome() -> None:
    x = np.column_stack([np.ones(20), np.arange(20.0)])
    assert fit_logistic(x[:, 1] > 9, x).flag == "separated"
    assert fit_logistic(np.zeros(20), x).flag == "single_outcome"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("y", {"y": np.array(["a"] * 120)}),
        ("y", {"y": np.full(120, 2.0)}),
        ("y", {"y": np.full(120, np.nan)}),
        ("y", {"y": np.empty(0)}),
        ("x", {"x": np.full((120, 2), np.inf)}),
        ("x", {"x": np.ones((120, 2))}),
        ("weights", {"weights": np.full(120, -1.0)}),
        ("offset", {"offset": np.zeros(3)}),
        ("trials", {"trials": np.full(120, -1)}),
    ],
)
def test_refusals_name_the_argument(name: str, change: dict[str, Array]) -> None:
    y, x = cohort(3)
    with pytest.raises(ValueError, match=f"^{name}:"):
        fit_logistic(**{"y": y, "x": x, **change})

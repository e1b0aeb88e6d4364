from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.estimators.linear_mixed import (
    DegreesOfFreedom,
    Likelihood,
    linear_mixed,
    linear_mixed_batch,
    treatment_design,
)

SLEEP = np.genfromtxt(
    Path(__file__).parents[1] / "reference/sleepstudy.csv", delimiter=",", names=True, dtype=None
)
Y, DAYS, SUBJECT = SLEEP["Reaction"], SLEEP["Days"], SLEEP["Subject"]

# R 4.2.2, lmerTest: m <- lmer(Reaction ~ factor(Days) + (1 | Subject), sleepstudy, REML = .)
# coef(summary(m)), VarCorr(m), logLik(m); rows (Intercept) and days 1, 2 and 9.
BY_DAY = {
    "reml": {
        "coefficients": [256.65180555556, 7.84395, 8.71009444444, 94.19941666667],
        "se": [11.4577819704, 10.4753068724, 10.4753068724, 10.4753068724],
        "df": [41.982970017, 153, 153, 153],
        "variances": [1375.465331623, 987.588486641],
        "log_likelihood": -864.746280118,
    },
    "ml": {
        "coefficients": [256.65180555556, 7.84395, 8.71009444444, 94.19941666667],
        "se": [11.1349625603, 10.1801684132, 10.1801684132, 10.1801684132],
        "df": [44.4525571568, 162, 162, 162],
        "variances": [1299.050581667, 932.722460294],
        "log_likelihood": -895.167482985,
    },
}


@pytest.mark.parametrize("likelihood", BY_DAY)
def test_sleepstudy_by_day_agrees_with_lme4_and_lmertest(likelihood):
    design, days = treatment_design(DAYS)
    ours = linear_mixed(Y, design, SUBJECT, Likelihood(likelihood))
    reference, rows = BY_DAY[likelihood], [0, 1, 2, 9]
    assert days == list(range(10))
    np.testing.assert_allclose(ours.coefficients[rows], reference["coefficients"], rtol=1e-11)
    # lme4 stops at a relative error of about 1e-8 in the variances.
    np.testing.assert_allclose(ours.standard_errors[rows], reference["se"], rtol=1e-7)
    np.testing.assert_allclose(ours.df[rows], reference["df"], rtol=1e-6)
    variances = [ours.group_variance, ours.residual_variance]
    np.testing.assert_allclose(variances, reference["variances"], rtol=1e-6)
    assert ours.log_likelihood == pytest.approx(reference["log_likelihood"], abs=1e-8)


def test_unbalanced_sleepstudy_agrees_with_lme4_and_lmertest():
    # R 4.2.2: s <- sleepstudy[-c(3, 17, 30, 31, 32, 90, 120, 150:155), ]
    # lmer(Reaction ~ Days + (1 | Subject), s)
    kept = np.delete(np.arange(180), np.array([3, 17, 30, 31, 32, 90, 120, *range(150, 156)]) - 1)
    design = np.column_stack([np.ones(180), DAYS])[kept]
    ours = linear_mixed(Y[kept], design, SUBJECT[kept])
    np.testing.assert_allclose(ours.coefficients, [252.6020318586, 10.5268033378], rtol=1e-9)
    np.testing.assert_allclose(ours.standard_errors, [9.740775809205, 0.831573230783], rtol=1e-7)
    np.testing.assert_allclose(ours.df, [23.5953721342, 149.1093938321], rtol=1e-6)
    np.testing.assert_allclose(ours.p_values, [7.53620883285e-19, 2.10940929873e-25], rtol=1e-5)
    assert ours.group_variance == pytest.approx(1349.107631918, rel=1e-7)
    assert ours.log_likelihood == pytest.approx(-822.943706351, abs=1e-8)


def test_agrees_with_statsmodels():
    from statsmodels.regression.mixed_linear_model import MixedLM

    rng = np.random.default_rng(4)
    group = rng.integers(12, size=80)
    design = np.column_stack([np.ones(80), rng.normal(size=(80, 2))])
    y = design @ [1, 2, -1] + rng.normal(size=12)[group] + rng.normal(size=80)
    for likelihood in Likelihood:
        fit = MixedLM(y, design, group).fit(reml=likelihood is Likelihood.REML)
        ours = linear_mixed(y, design, group, likelihood, DegreesOfFreedom.NORMAL)
        np.testing.assert_allclose(ours.coefficients, fit.fe_params, rtol=1e-5)
        # statsmodels inverts the joint information of effects and variances, lme4 and we do not.
        np.testing.assert_allclose(ours.standard_errors, fit.bse_fe, rtol=2e-3)
        np.testing.assert_allclose(ours.p_values, fit.pvalues[:3], atol=1e-4)
        assert ours.log_likelihood == pytest.approx(fit.llf, abs=1e-6)


def dense_log_likelihood(y, x, group, group_variance, residual_variance, likelihood):
    """The definition, with the whole covariance matrix."""
    same = group[:, None] == group
    v = residual_variance * np.eye(y.size) + group_variance * same
    inverse = np.linalg.inv(v)
    information = x.T @ inverse @ x
    beta = np.linalg.solve(information, x.T @ inverse @ y)
    r = y - x @ beta
    value = np.linalg.slogdet(v)[1] + r @ inverse @ r
    n = y.size
    if likelihood is Likelihood.REML:
        value += np.linalg.slogdet(information)[1]
        n -= x.shape[1]
    return -0.5 * (value + n * np.log(2 * np.pi))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 2), st.sampled_from(list(Likelihood)))
def test_no_variances_beat_the_fit(seed, spread, likelihood):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 30))
    group = np.append(rng.integers(int(rng.integers(2, 6)), size=n - 3), [0, 0, 1])
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    y = spread * rng.normal(size=6)[group] + rng.normal(size=n)
    ours = linear_mixed(y, x, group, likelihood)
    assert ours.converged
    best = dense_log_likelihood(
        y, x, group, ours.group_variance, ours.residual_variance, likelihood
    )
    assert best == pytest.approx(ours.log_likelihood, abs=1e-7)
    for a in (0.0, 1e-3, 0.9, 1.1, 3.0):
        for b in (0.7, 1.0, 1.4):
            other = dense_log_likelihood(
                y,
                x,
                group,
                a * max(ours.group_variance, 0.1),
                b * ours.residual_variance,
                likelihood,
            )
            assert other <= best + 1e-9


def test_boundary_is_least_squares_and_said():
    group = np.repeat(np.arange(5), 4)
    y = np.tile([1.0, 2.0, 3.0, 5.0], 5)
    ours = linear_mixed(y, np.ones((20, 1)), group)
    assert ours.boundary
    assert "group variance" in ours.note
    assert ours.standard_errors[0] == pytest.approx(y.std(ddof=1) / 20**0.5)
    assert ours.df[0] == 19


def test_no_spread_within_groups_is_said():
    group = np.repeat(np.arange(4), 3)
    ours = linear_mixed(group.astype(float), np.ones((12, 1)), group)
    assert not ours.converged
    assert "residual variance" in ours.note
    assert np.isnan(ours.coefficients).all()


def test_constant_outcome_is_said():
    assert not linear_mixed(np.full(8, 3.0), np.ones((8, 1)), np.arange(8) // 2).converged


def test_batch_agrees_with_single_and_shifts_do_not_matter():
    rng = np.random.default_rng(9)
    group = np.repeat(np.arange(10), 3)
    design, _ = treatment_design(np.tile(["base", "month 1", "month 6"], 10), "base")
    y = rng.normal(size=(20, 30)) + rng.normal(size=(20, 10))[:, group]
    many = linear_mixed_batch(y, design, group)
    for i in (0, 7, 19):
        one = linear_mixed(y[i] + 1e6, design, group)
        np.testing.assert_allclose(many.coefficients[i, 1:], one.coefficients[1:], atol=1e-8)
        np.testing.assert_allclose(many.p_values[i, 1:], one.p_values[1:], rtol=1e-5)


@pytest.mark.parametrize("unit", [1e-120, 1e-3, 1e120])
def test_units_do_not_matter(unit):
    design, _ = treatment_design(DAYS)
    one, two = linear_mixed(Y, design, SUBJECT), linear_mixed(Y * unit, design, SUBJECT)
    np.testing.assert_allclose(two.coefficients, one.coefficients * unit, rtol=1e-9)
    np.testing.assert_allclose(two.df, one.df, rtol=1e-9)
    np.testing.assert_allclose(two.p_values, one.p_values, rtol=1e-8)
    assert two.log_likelihood == pytest.approx(one.log_likelihood - 170 * np.log(unit))

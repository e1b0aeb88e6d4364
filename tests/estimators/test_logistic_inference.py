"""Intervals, tests and predictions of logistic fits against R, statsmodels and plain formulas."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi2, norm, t

from recohort.estimators.logistic import fit_logistic
from recohort.estimators.logistic_data import LogisticData, logistic_data
from recohort.estimators.logistic_inference import (
    likelihood_ratio_test,
    profile_interval,
    sd_profile_interval,
    sd_test,
    sd_wald_interval,
    wald_interval,
    wald_test,
)
from recohort.estimators.logistic_prediction import (
    RandomEffect,
    linear_predictor,
    predicted_probability,
)
from recohort.estimators.mixed_logistic import MixedLogisticFit, fit_mixed_logistic

REFERENCE = Path(__file__).parents[1] / "reference"
NAMES = ["one", "trtdrug", "trtdrugp", "wk2"]
RNODES = 1
# R 4.2.2, lme4 1.1-31: m <- glmer(y ~ trtdrug + trtdrugp + wk2 + (1 | g), d, family = binomial,
# control = glmerControl("bobyqa", optCtrl = list(rhoend = 1e-9), tolPwrss = 1e-13));
# confint(m, method = "profile"); 2 * (logLik(m) - logLik(update(m, . ~ . - wk2)))
LME4_SD = (0.49368787, 2.22648578)
LME4_PROFILE = {
    "one": (2.37302772, 5.20070474),
    "trtdrug": (-2.90214503, -0.05858418),
    "trtdrugp": (-2.30074761, 0.56321814),
    "wk2": (-2.61103819, -0.72476519),
}
LME4_LRT = 14.0623372029
# confint(glm(y ~ trtdrug + trtdrugp + wk2, d, family = binomial)), profiles of MASS
GLM_PROFILE = {
    "one": (2.0131253, 3.78936127),
    "trtdrug": (-1.9820253, -0.28929553),
    "trtdrugp": (-1.5290068, 0.24487922),
    "wk2": (-2.1528859, -0.52819501),
}


def bacteria(groups: bool = True) -> tuple[LogisticData, MixedLogisticFit]:
    with (REFERENCE / "bacteria.csv").open() as file:
        rows = list(csv.DictReader(file))
    y = np.array([float(row["y"]) for row in rows])
    x = np.column_stack(
        [np.ones(y.size), *(np.array([float(row[c]) for row in rows]) for c in NAMES[1:])]
    )
    group = np.array([int(row["g"]) for row in rows])
    data = logistic_data(y, x, group if groups else None, None, None, None, NAMES)
    return data, fit_mixed_logistic(y, x, group, names=NAMES, nodes=RNODES)


def test_profile_of_lme4() -> None:
    data, fit = bacteria()
    for name, (low, high) in LME4_PROFILE.items():
        ours = profile_interval(fit, data, name)
        assert ours.low == pytest.approx(low, abs=2e-3)
        assert ours.high == pytest.approx(high, abs=2e-3)
    ours = sd_profile_interval(fit, data)
    assert ours.low == pytest.approx(LME4_SD[0], abs=2e-3)
    assert ours.high == pytest.approx(LME4_SD[1], abs=2e-3)


def test_profile_of_r_glm() -> None:
    data, _ = bacteria(groups=False)
    fit = fit_logistic(data.success, data.x, names=NAMES)
    for name, (low, high) in GLM_PROFILE.items():
        ours = profile_interval(fit, data, name)
        # R interpolates its profile by a spline.
        assert ours.low == pytest.approx(low, abs=1e-3)
        assert ours.high == pytest.approx(high, abs=1e-3)


def test_likelihood_ratio_of_r_drop1() -> None:
    data, mixed = bacteria()
    found = likelihood_ratio_test(mixed, data, "wk2")
    assert found.statistic == pytest.approx(LME4_LRT, rel=1e-5)
    assert found.p_value == pytest.approx(chi2.sf(LME4_LRT, 1), rel=1e-4)


def test_profile_ends_are_where_the_ratio_test_rejects() -> None:
    data, fit = bacteria()
    interval = profile_interval(fit, data, "wk2", level=0.9)
    for end in (interval.low, interval.high):
        again = fit_mixed_logistic(
            data.success, data.x[:, :3], data.group, offset=end * data.x[:, 3], nodes=RNODES
        )
        assert 2 * (fit.loglik - again.loglik) == pytest.approx(chi2.isf(0.1, 1), abs=1e-6)


def test_wald_by_normal_and_by_t() -> None:
    _, fit = bacteria()
    z = fit.coef[3] / fit.se[3]
    assert wald_test(fit, "wk2").p_value == pytest.approx(2 * norm.sf(abs(z)), rel=1e-12)
    assert wald_test(fit, 3, df=48).p_value == pytest.approx(2 * t.sf(abs(z), 48), rel=1e-9)
    interval = wald_interval(fit, "wk2", df=48, level=0.9)
    assert interval.high - fit.coef[3] == pytest.approx(t.isf(0.05, 48) * fit.se[3], rel=1e-9)
    assert wald_interval(fit, 3).low == pytest.approx(fit.coef[3] - 1.959963984540054 * fit.se[3])


@pytest.mark.parametrize("slope", [-0.3, -0.08, 0.08, 0.2, 0.5])
def test_an_offset_far_from_zero_against_statsmodels(slope: float) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(0)
    age = np.round(rng.normal(60, 10, 300))
    y = (rng.random(300) < 1 / (1 + np.exp(4 - 0.05 * age))).astype(float)
    fit = fit_logistic(y, np.ones((300, 1)), offset=slope * age)
    # Start where the offset is centred: statsmodels' own start overflows.
    glm = sm.GLM(y, np.ones((300, 1)), family=sm.families.Binomial(), offset=slope * age)
    other = glm.fit(start_params=[-slope * 60])
    assert fit.flag == "ok"
    assert fit.coef[0] == pytest.approx(other.params[0], rel=1e-8)
    assert fit.loglik == pytest.approx(other.llf, rel=1e-10)


def test_profile_of_a_predictor_far_from_zero_is_that_of_the_centred_one() -> None:
    rng = np.random.default_rng(1)
    age = np.round(rng.normal(60, 10, 300))
    y = (rng.random(300) < 1 / (1 + np.exp(4 - 0.05 * age))).astype(float)
    limits = []
    for x in (age, age - 60):
        design, names = np.column_stack([np.ones(300), x]), ["one", "age"]
        data = logistic_data(y, design, None, None, None, None, names)
        found = profile_interval(fit_logistic(y, design, names=names), data, "age")
        limits.append((found.low, found.high))
    assert limits[0] == pytest.approx(limits[1], rel=1e-6)


def test_sd_test_is_half_a_chi_square() -> None:
    data, fit = bacteria()
    plain = fit_logistic(data.success, data.x)
    found = sd_test(fit, data)
    assert found.statistic == pytest.approx(2 * (fit.loglik - plain.loglik), rel=1e-9)
    assert found.p_value == pytest.approx(chi2.sf(found.statistic, 1) / 2, rel=1e-9)
    wald = sd_wald_interval(fit)
    assert wald.low * wald.high == pytest.approx(fit.sd**2)


def test_profile_of_a_separated_fit_is_one_sided() -> None:
    data, _ = bacteria(groups=False)
    marker = data.success * (np.arange(data.success.size) % 5 == 0)
    x = np.column_stack([data.x, marker])
    names = [*NAMES, "m"]
    fit = fit_logistic(data.success, x, names=names)
    full = logistic_data(data.success, x, None, None, None, None, names)
    interval = profile_interval(fit, full, "m")
    assert interval.high == np.inf
    again = fit_logistic(data.success, data.x, offset=interval.low * marker)
    assert 2 * (fit.loglik - again.loglik) == pytest.approx(chi2.isf(0.05, 1), abs=1e-4)
    assert likelihood_ratio_test(fit, full, "m").p_value < 0.01
    assert wald_test(fit, "m").p_value is None
    assert wald_interval(fit, "m").high == np.inf
    mixed = fit_mixed_logistic(data.success, x, np.arange(220) // 5)
    with pytest.raises(ValueError, match=r"^fit: got one that ended separated"):
        profile_interval(mixed, full, 4)


def test_boundary_has_a_profile_from_zero() -> None:
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(200), rng.normal(size=200)])
    y = (rng.random(200) < 0.4).astype(float)
    for seed in range(20):
        group = np.random.default_rng(seed).integers(0, 10, 200)
        fit = fit_mixed_logistic(y, x, group)
        if fit.flag == "boundary":
            break
    data = logistic_data(y, x, group, None, None, None, None)
    interval = sd_profile_interval(fit, data)
    assert interval.low == 0.0
    assert 0.0 < interval.high < 3.0
    assert sd_test(fit, data).p_value == 1.0
    with pytest.raises(ValueError, match=r"^fit: got standard deviation 0"):
        sd_wald_interval(fit)


def test_predictions() -> None:
    data, fit = bacteria()
    group = data.group
    assert group is not None
    labels = np.array(fit.labels)[group]
    eta = linear_predictor(fit, data.x)
    np.testing.assert_allclose(eta, data.x @ fit.coef)
    at_mode = linear_predictor(fit, data.x, group=labels, random_effect=RandomEffect.MODE)
    np.testing.assert_allclose(at_mode, eta + fit.modes[group])
    new = linear_predictor(
        fit, data.x[:1], group=[10**6], random_effect=RandomEffect.MODE, offset=[0.5]
    )
    assert new[0] == pytest.approx(eta[0] + 0.5)
    average = predicted_probability(fit, data.x[:3], random_effect=RandomEffect.AVERAGE)
    for value, centre in zip(average, eta[:3], strict=True):
        exact = quad(lambda u, c=centre: norm.pdf(u) / (1 + np.exp(-c - fit.sd * u)), -12, 12)[0]
        assert value == pytest.approx(exact, abs=1e-8)
    np.testing.assert_allclose(predicted_probability(fit, data.x), 1 / (1 + np.exp(-eta)))
    with pytest.raises(ValueError, match=r"^group:"):
        linear_predictor(fit, data.x, random_effect=RandomEffect.MODE)
    with pytest.raises(ValueError, match=r"^x:"):
        linear_predictor(fit, data.x[:, :2])


def test_refusals_name_the_argument() -> None:
    _, fit = bacteria()
    with pytest.raises(ValueError, match=r"^column: got 'w'"):
        wald_interval(fit, "w")
    with pytest.raises(ValueError, match=r"^column: got 4"):
        wald_test(fit, 4)
    with pytest.raises(ValueError, match=r"^level:"):
        wald_interval(fit, 1, level=95)

"""Kaplan-Meier, log-rank and Cox."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test

from recohort.estimators.cox import CoxTies, cox
from recohort.estimators.kaplan_meier import (
    SurvivalInterval,
    kaplan_meier,
    landmark_rate,
    landmark_rate_batch,
    median_follow_up,
    survival_quantile,
)
from recohort.estimators.log_rank import log_rank

# R, survival: na.omit(lung[, c("time", "status", "sex", "age", "inst")]), event e = status - 1
LUNG = np.genfromtxt(Path(__file__).parents[1] / "reference/lung.csv", delimiter=",", names=True)
TIME, EVENT = LUNG["time"], LUNG["e"]

# Freireich et al., Blood 1963;21:699: weeks of remission of acute leukaemia.
DRUG = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
DRUG_EVENT = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
BOTH = np.array(DRUG + PLACEBO)
BOTH_EVENT = np.array(DRUG_EVENT + [1] * 21)
ARM = np.repeat([0, 1], 21)

# R 4.2.2: summary(survfit(Surv(time, e) ~ 1, lung, conf.type = .), times = c(180, 365, 730, 1022))
R_LANDMARKS = {
    180: (159, 0.7204336094505, 0.0299195064648),
    365: (65, 0.4121839213678, 0.0359177855507),
    730: (13, 0.1165248892112, 0.0284851507370),
    1022: (1, 0.0507075342062, 0.0230084488226),
}
R_LIMITS = {
    ("plain", 180): (0.66179245434434, 0.7790747645567),
    ("plain", 365): (0.34178635528402, 0.4825814874515),
    ("plain", 1022): (0.00561180317372, 0.0958032652387),
    ("log", 180): (0.6641156045076, 0.781527466157),
    ("log", 730): (0.0721668575774, 0.188147998423),
    ("log", 1022): (0.0208372970920, 0.123396715703),
    ("log_log", 180): (0.6568547291083, 0.774280352427),
    ("log_log", 365): (0.3414194605685, 0.481455177843),
    ("log_log", 1022): (0.0179912523460, 0.109402674099),
}


def test_kaplan_meier_of_freireich_1963():
    # Kalbfleisch and Prentice, Table 1.1; Collett, Modelling Survival Data, Table 2.2.
    curve = kaplan_meier(DRUG, DRUG_EVENT)
    printed = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
    for week, survival in printed.items():
        assert round(landmark_rate(curve, week).estimate.value, 4) == survival
    assert survival_quantile(curve).value == 23


@pytest.mark.parametrize(("method", "at"), R_LIMITS)
def test_lung_agrees_with_r_survfit(method, at):
    at_risk, survival, se = R_LANDMARKS[at]
    low, high = R_LIMITS[method, at]
    ours = landmark_rate(kaplan_meier(TIME, EVENT, SurvivalInterval(method)), at)
    many = landmark_rate_batch(TIME[None], EVENT[None], at, SurvivalInterval(method))
    assert ours.at_risk == at_risk
    assert ours.estimate.value == pytest.approx(survival, rel=1e-11)
    assert ours.estimate.se == pytest.approx(se, rel=1e-10)
    limits = ours.estimate.interval
    assert (limits.low, limits.high) == pytest.approx((low, high), rel=1e-10)
    assert (many.low[0], many.high[0]) == pytest.approx((low, high), rel=1e-10)


@pytest.mark.parametrize(
    ("method", "low", "high"), [("plain", 284, 363), ("log", 284, 363), ("log_log", 283, 361)]
)
def test_median_agrees_with_r_survfit(method, low, high):
    # R 4.2.2: quantile(survfit(Surv(time, e) ~ 1, lung, conf.type = .), .5)
    ours = survival_quantile(kaplan_meier(TIME, EVENT, SurvivalInterval(method)))
    assert (ours.value, ours.low, ours.high) == (310, low, high)


def test_quartiles_agree_with_r_survfit():
    # R 4.2.2: quantile(survfit(Surv(time, e) ~ 1, lung), c(.25, .75))
    curve = kaplan_meier(TIME, EVENT)
    first, third = survival_quantile(curve, 0.25), survival_quantile(curve, 0.75)
    assert (first.value, first.low, first.high) == (170, 145, 197)
    assert (third.value, third.low, third.high) == (550, 460, 654)


def test_median_follow_up_agrees_with_r_reverse_survfit():
    # R 4.2.2: quantile(survfit(Surv(time, 1 - e) ~ 1, lung), .5)
    ours = median_follow_up(TIME, EVENT)
    assert (ours.value, ours.low, ours.high) == (588, 511, 965)


def test_flat_median_is_the_middle_as_in_r():
    # R 4.2.2: quantile(survfit(Surv(1:4, e) ~ 1, conf.type = "log-log"), .5); NA for no limit
    # e = c(0, 0, 1, 1): 3.5, 3, NA
    ours = survival_quantile(kaplan_meier([1, 2, 3, 4], [0, 0, 1, 1], SurvivalInterval.LOG_LOG))
    assert (ours.value, ours.low, ours.high) == (3.5, 3, None)
    # e = c(1, 1, 0, 0): 3, 1, NA
    ours = survival_quantile(kaplan_meier([1, 2, 3, 4], [1, 1, 0, 0], SurvivalInterval.LOG_LOG))
    assert (ours.value, ours.low, ours.high) == (3, 1, None)


def test_limits_that_do_not_exist_are_not_crossed_as_in_r():
    # R 4.2.2: quantile(survfit(Surv(c(1, 2, 3), c(0, 0, 1)) ~ 1), .5): 3, NA, NA
    ours = survival_quantile(kaplan_meier([1, 2, 3], [0, 0, 1]))
    assert (ours.value, ours.low, ours.high) == (3, None, None)


times = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=2, max_size=25)


@settings(max_examples=40, deadline=None)
@given(times, st.integers(0, 14), st.sampled_from(list(SurvivalInterval)))
def test_curve_agrees_with_lifelines_and_batch_with_curve(pairs, at, method):
    t, event = np.array([p[0] for p in pairs], dtype=float), np.array([p[1] for p in pairs])
    curve = kaplan_meier(t, event, method)
    fitter = KaplanMeierFitter().fit(t, event)
    np.testing.assert_allclose(curve.survival, fitter.predict(curve.time), atol=1e-12)
    assert (np.diff(curve.survival) <= 0).all()
    batch = landmark_rate_batch([t, t[::-1]], [event, event[::-1]], at, method)
    if at > t.max() and curve.survival[-1] > 0:
        assert not batch.reached.any()
        assert np.isnan(batch.survival).all()
        return
    one = landmark_rate(curve, at).estimate
    np.testing.assert_allclose(batch.survival, one.value, atol=1e-12)
    if one.value == 0:
        assert np.isnan(batch.low).all()
        assert "0" in one.note
    else:
        np.testing.assert_allclose(batch.standard_error, one.se, atol=1e-12)
        np.testing.assert_allclose(batch.low, one.interval.low, atol=1e-10)
        np.testing.assert_allclose(batch.high, one.interval.high, atol=1e-10)
        assert one.interval.low - 1e-12 <= one.value <= one.interval.high + 1e-12


def test_log_log_limits_agree_with_lifelines():
    fitter = KaplanMeierFitter().fit(TIME, EVENT)
    curve = kaplan_meier(TIME, EVENT, SurvivalInterval.LOG_LOG)
    limits = fitter.confidence_interval_survival_function_.loc[curve.time].to_numpy()
    np.testing.assert_allclose(np.column_stack([curve.low, curve.high]), limits, atol=1e-12)


def test_log_rank_of_freireich_1963():
    # Collett, Example 2.13; SAS and R print 16.79 on 1 df.
    assert round(log_rank(BOTH, BOTH_EVENT, ARM).test.statistic, 2) == 16.79


def test_log_rank_agrees_with_r_survdiff():
    # R 4.2.2: survdiff(Surv(time, e) ~ sex, lung); survdiff(Surv(time, e) ~ inst, lung)
    ours = log_rank(TIME, EVENT, LUNG["sex"])
    assert ours.test.statistic == pytest.approx(10.2056556937, rel=1e-11)
    np.testing.assert_allclose(ours.expected, [90.7565210289, 73.2434789711], rtol=1e-10)
    many = log_rank(TIME, EVENT, LUNG["inst"]).test
    assert (many.statistic, many.df) == pytest.approx((16.5822635472, 17), rel=1e-10)


@settings(max_examples=30, deadline=None)
@given(times, st.integers(0, 1000))
def test_log_rank_agrees_with_lifelines(pairs, seed):
    t, event = np.array([p[0] for p in pairs], dtype=float), np.array([p[1] for p in pairs])
    group = np.random.default_rng(seed).integers(3, size=t.size)
    if np.unique(group).size < 2:
        return
    ours = log_rank(t, event, group)
    assert ours.expected.sum() == pytest.approx(ours.observed.sum())
    if ours.test.p_value is None or ours.test.df < np.unique(group).size - 1:
        return
    reference = multivariate_logrank_test(t, group, event)
    assert ours.test.statistic == pytest.approx(reference.test_statistic, abs=1e-7)


def test_cox_of_freireich_1963():
    # Kalbfleisch and Prentice (2002), p. 97, and Collett: Efron 1.572 with SE 0.412.
    ours = cox(BOTH, BOTH_EVENT, ARM[:, None])
    assert (round(ours.coefficients[0], 3), round(ours.standard_errors[0], 3)) == (1.572, 0.412)


def test_cox_agrees_with_r_coxph():
    # R 4.2.2: coxph(Surv(time, e) ~ sex + age, lung), and with cluster = inst
    x = np.column_stack([LUNG["sex"], LUNG["age"]])
    plain, robust = cox(TIME, EVENT, x), cox(TIME, EVENT, x, LUNG["inst"])
    for fit in (plain, robust):
        np.testing.assert_allclose(fit.coefficients, [-0.5116682958664, 0.0170334959730], rtol=1e-8)
    np.testing.assert_allclose(
        plain.standard_errors, [0.16767859120165, 0.00923266443657], rtol=1e-6
    )
    np.testing.assert_allclose(
        robust.standard_errors, [0.12823060168525, 0.00732739307379], rtol=1e-6
    )
    assert plain.log_likelihood == pytest.approx(-737.810921265, abs=1e-8)
    ratio, limits = plain.hazard_ratio(0)
    assert ratio == pytest.approx(0.599494609709)
    assert limits.low < ratio < limits.high


def test_breslow_ties_of_freireich_1963():
    # Collett, Modelling Survival Data, and SAS (ties = breslow): 1.509 with SE 0.410.
    ours = cox(BOTH, BOTH_EVENT, ARM[:, None], ties=CoxTies.BRESLOW)
    assert (round(ours.coefficients[0], 3), round(ours.standard_errors[0], 3)) == (1.509, 0.410)


def test_breslow_ties_agree_with_r_coxph():
    # R 4.2.2: coxph(Surv(time, e) ~ sex + age, lung, ties = "breslow"), and with cluster = inst
    x = np.column_stack([LUNG["sex"], LUNG["age"]])
    plain = cox(TIME, EVENT, x, ties=CoxTies.BRESLOW)
    robust = cox(TIME, EVENT, x, LUNG["inst"], CoxTies.BRESLOW)
    for fit in (plain, robust):
        np.testing.assert_allclose(
            fit.coefficients, [-0.51099658705015, 0.0170000450677], rtol=1e-8
        )
    errors, clustered = [0.16768273977471, 0.00923134973606], [0.12795916258759, 0.00730480766431]
    np.testing.assert_allclose(plain.standard_errors, errors, rtol=1e-6)
    np.testing.assert_allclose(robust.standard_errors, clustered, rtol=1e-6)
    assert plain.log_likelihood == pytest.approx(-738.043641521583, abs=1e-8)


def partial_likelihood(b, t, e, x, ties):
    """The definition, event time by event time and event by event."""
    risk, value = np.exp(x @ b), 0.0
    for moment in np.unique(t[e]):
        now = np.flatnonzero(e & (t == moment))
        for k in range(now.size):
            share = k / now.size if ties is CoxTies.EFRON else 0.0
            value += (x[now[k]] @ b) - np.log(risk[t >= moment].sum() - share * risk[now].sum())
    return value


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(list(CoxTies)))
def test_cox_maximises_the_partial_likelihood_written_out(seed, ties):
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(40, 2)), np.ceil(4 * rng.exponential(size=40))
    e = rng.random(40) < 0.7
    ours = cox(t, e, x, ties=ties)
    assert ours.converged
    best = partial_likelihood(ours.coefficients, t, e, x, ties)
    assert best == pytest.approx(ours.log_likelihood, abs=1e-9)
    step = 1e-4
    moves = np.eye(2) * step
    values = [
        [partial_likelihood(ours.coefficients + s * m, t, e, x, ties) for s in (-1, 1)]
        for m in moves
    ]
    for below, above in values:
        assert abs(above - below) / (2 * step) < 1e-4
        assert below < best
        assert above < best


def test_without_ties_efron_and_breslow_are_one():
    rng = np.random.default_rng(6)
    t, e, x = rng.exponential(size=50), rng.random(50) < 0.6, rng.normal(size=(50, 2))
    group = np.arange(50) // 3
    one, two = (cox(t, e, x, group, ties) for ties in CoxTies)
    np.testing.assert_allclose(one.coefficients, two.coefficients, rtol=1e-12)
    np.testing.assert_allclose(one.standard_errors, two.standard_errors, rtol=1e-12)


def test_a_column_that_never_varies_among_those_at_risk_is_said():
    # The second column differs only in a person who has left before the first event.
    ours = cox([1, 2, 3, 4, 5], [0, 1, 1, 0, 1], [[1, 1], [2, 0], [1, 0], [4, 0], [3, 0]])
    assert not ours.converged
    assert "no information on column 1" in ours.note


def test_separated_cox_is_said():
    ours = cox([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 0], [[1], [1], [1], [0], [0], [0]])
    assert not ours.converged
    assert "column 0" in ours.note


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_cox_agrees_with_lifelines_and_its_residuals_with_its_score(seed, tied):
    import pandas as pd

    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 2)) * [1.0, 30.0]
    t = rng.exponential(size=60) * np.exp(-0.5 * x[:, 0])
    t = np.ceil(4 * t) if tied else t
    e = rng.random(60) < 0.7
    ours = cox(t, e, x)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1] / 30, "t": t, "e": e})
    fitter = CoxPHFitter().fit(frame, "t", "e", fit_options={"precision": 1e-10})
    assert ours.converged
    np.testing.assert_allclose(ours.coefficients * [1, 30], fitter.params_, atol=1e-4)
    np.testing.assert_allclose(ours.standard_errors * [1, 30], fitter.standard_errors_, rtol=1e-3)
    assert ours.log_likelihood == pytest.approx(fitter.log_likelihood_, abs=1e-6)
    if not tied:
        alone = cox(t, e, x, np.arange(60))
        robust = CoxPHFitter().fit(frame, "t", "e", robust=True)
        np.testing.assert_allclose(
            alone.standard_errors * [1, 30], robust.standard_errors_, rtol=2e-3
        )


@pytest.mark.parametrize("unit", [1e-250, 1e-3, 1e250])
def test_cox_does_not_depend_on_the_size_of_the_unit(unit):
    x = LUNG["age"][:, None]
    one, two = cox(TIME, EVENT, x), cox(TIME, EVENT, x * unit)
    assert two.coefficients[0] * unit == pytest.approx(one.coefficients[0], rel=1e-9)
    assert two.standard_errors[0] * unit == pytest.approx(one.standard_errors[0], rel=1e-9)


def test_cox_does_not_depend_on_units_or_order():
    x = np.column_stack([LUNG["sex"], LUNG["age"]])
    turned = np.random.default_rng(1).permutation(TIME.size)
    one = cox(TIME, EVENT, x, LUNG["inst"])
    two = cox(TIME[turned] / 365, EVENT[turned], 1000 * x[turned] + 5, LUNG["inst"][turned])
    np.testing.assert_allclose(two.coefficients * 1000, one.coefficients, rtol=1e-9)
    np.testing.assert_allclose(two.standard_errors * 1000, one.standard_errors, rtol=1e-8)

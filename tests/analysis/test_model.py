"""A card's models, fitted to a made-up cohort, against statsmodels, lifelines and themselves."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import statsmodels.formula.api as smf
from lifelines import CoxPHFitter
from scipy import stats

from recohort.analysis.estimate import Analyst
from recohort.analysis.frame import Frame
from recohort.analysis.model import fit_model, fit_without, linear_predictor
from recohort.card.statistic import Statistic as S
from recohort.cohort import Cohort
from recohort.estimators.mixed_logistic import fit_mixed_logistic

if TYPE_CHECKING:
    from conftest import Herd


def test_codings_and_complete_rows_as_statsmodels(herd: Herd) -> None:
    fitted = Analyst(herd.card().base, herd.cohort).fit("coded")
    data = herd.goats[["lame", "age", "horn"]].dropna()
    data = data.assign(old=(data["age"] >= 15) * 1.0, horn=data["horn"] / data["horn"].std())
    peer = smf.logit("lame ~ old + horn", data).fit(disp=0)
    assert fitted.data.outcome.size == len(data)
    assert fitted.coef == pytest.approx({k: peer.params[k] for k in ("old", "horn")}, rel=1e-6)
    assert fitted.se == pytest.approx({k: peer.bse[k] for k in ("old", "horn")}, rel=1e-6)
    assert fitted.intercept == pytest.approx(peer.params["Intercept"], rel=1e-6)
    assert fitted.loglik == pytest.approx(peer.llf, rel=1e-9)
    assert fitted.residual_df == peer.df_resid


def test_per_sd_is_the_sd_of_the_rows_that_the_model_is_fitted_on(herd: Herd) -> None:
    fitted = Analyst(herd.card().base, herd.cohort).fit("coded")
    complete = herd.goats[["lame", "age", "horn"]].dropna()
    assert fitted.data.scale == pytest.approx([1.0, complete["horn"].std()])
    assert complete["horn"].std() != pytest.approx(herd.goats["horn"].std(), rel=1e-6)


def test_the_linear_predictor_of_other_rows_is_coded_like_the_fit(herd: Herd) -> None:
    frame = Frame(herd.card().base, herd.cohort)
    fitted = fit_model(frame, frame.card.models["coded"])
    scores = linear_predictor(frame, fitted, "goats")
    old, horn = (herd.goats["age"] >= 15) * fitted.coef["old"], herd.goats["horn"]
    expected = fitted.intercept + old + fitted.coef["horn"] * horn / fitted.data.scale[1]
    np.testing.assert_allclose(scores, expected)


def test_a_model_of_nested_units_takes_columns_of_the_units_around(herd: Herd) -> None:
    fitted = Analyst(herd.card().base, herd.cohort).fit("heat")
    peer = smf.logit("hot ~ size + age", herd.lumps.dropna(subset=["hot", "size"])).fit(disp=0)
    assert fitted.coef == pytest.approx({k: peer.params[k] for k in ("size", "age")}, rel=1e-6)


def test_a_mixed_model_is_the_estimators_fit_with_the_cards_groups(herd: Herd) -> None:
    analyst = Analyst(herd.card().base, herd.cohort)
    fitted = analyst.fit("by_herd")
    data = herd.goats[["lame", "age", "herd"]].dropna()
    x = np.column_stack([np.ones(len(data)), data["age"] / data["age"].std()])
    peer = fit_mixed_logistic(data["lame"], x, data["herd"].astype(int), nodes=9)
    assert fitted.coef["age"] == pytest.approx(peer.coef[1], rel=1e-6)
    assert fitted.sd == pytest.approx(peer.sd, rel=1e-5)
    assert fitted.residual_df == len(data) - 3
    found = herd.ask(
        "kind: model_term, model: by_herd, term: age, interval: profile, test: likelihood_ratio",
        values="{ci95_lower: 1, ci95_upper: 2}",
    ).values
    null = fit_mixed_logistic(data["lame"], x[:, :1], data["herd"].astype(int), nodes=9)
    fall = 2 * (peer.loglik - null.loglik)
    assert found[S.P_VALUE] == pytest.approx(stats.chi2.sf(fall, 1), rel=1e-4)
    assert found[S.CI95_LOWER] < found[S.ODDS_RATIO] < found[S.CI95_UPPER]
    for limit in (found[S.CI95_LOWER], found[S.CI95_UPPER]):
        held = fit_mixed_logistic(
            data["lame"],
            x[:, :1],
            data["herd"].astype(int),
            offset=math.log(limit) * x[:, 1],
            nodes=9,
        )
        fallen = 2 * (peer.loglik - held.loglik)
        assert fallen == pytest.approx(stats.chi2.ppf(0.95, 1), rel=1e-6)


def test_a_cox_model_as_lifelines(herd: Herd) -> None:
    data = herd.goats[["months", "lame", "age", "brown"]].dropna()
    peer = CoxPHFitter().fit(data, "months", "lame")
    fitted = Analyst(herd.card().base, herd.cohort).fit("survival")
    assert fitted.coef == pytest.approx(dict(peer.params_), rel=1e-4)
    assert fitted.se == pytest.approx(dict(peer.standard_errors_), rel=1e-4)
    assert fitted.loglik == pytest.approx(peer.log_likelihood_, rel=1e-6)
    found = herd.ask("kind: model_term, model: survival, term: age, test: likelihood_ratio").values
    less = CoxPHFitter().fit(data.drop(columns="age"), "months", "lame")
    fall = 2 * (peer.log_likelihood_ - less.log_likelihood_)
    assert found[S.P_VALUE] == pytest.approx(stats.chi2.sf(fall, 1), rel=1e-3)
    assert found[S.HAZARD_RATIO] == pytest.approx(math.exp(peer.params_["age"]), rel=1e-4)


def test_a_grouped_cox_model_has_errors_robust_to_the_group(herd: Herd) -> None:
    data = herd.goats[["months", "lame", "age", "brown", "herd"]].dropna()
    analyst = Analyst(herd.card().base, herd.cohort)
    plain, robust = analyst.fit("survival"), analyst.fit("survival_by_herd")
    peer = CoxPHFitter().fit(data, "months", "lame", cluster_col="herd")
    assert robust.coef == pytest.approx(plain.coef)
    assert robust.se != pytest.approx(plain.se, rel=1e-3)
    # lifelines takes ties by Efron in the fit alone: its robust errors agree roughly.
    assert robust.se == pytest.approx(dict(peer.standard_errors_), rel=0.1)


def test_a_profile_interval_of_a_cox_model_is_not_estimable(herd: Herd) -> None:
    found = herd.ask(
        "kind: model_term, model: survival, term: age, interval: profile",
        values="{ci95_lower: 1, ci95_upper: 2}",
    ).values
    assert math.isnan(found[S.CI95_LOWER])
    assert math.isnan(found[S.CI95_UPPER])


def test_a_model_without_one_term_keeps_the_rows(herd: Herd) -> None:
    frame = Frame(herd.card().base, herd.cohort)
    fitted = fit_model(frame, frame.card.models["lameness"])
    less = fit_without(fitted, "horn")
    data = herd.goats[["lame", "age", "horn", "brown"]].dropna()
    peer = smf.logit("lame ~ I(age / 5) + brown", data).fit(disp=0)
    assert set(less.coef) == {"age", "brown"}
    assert less.loglik == pytest.approx(peer.llf, rel=1e-9)


def _without_outcomes(cohort: Cohort) -> Cohort:
    return replace(cohort, columns={**cohort.columns, "lame": np.zeros(90)})


@pytest.mark.parametrize("model", ["lameness", "by_herd", "survival"])
@pytest.mark.parametrize("test", ["wald", "wald_t", "likelihood_ratio"])
@pytest.mark.parametrize("interval", ["wald", "profile"])
def test_a_model_of_no_events_gives_a_note_and_no_p_value_of_1(
    herd: Herd, model: str, test: str, interval: str
) -> None:
    text = f"kind: model_term, model: {model}, term: age, test: {test}, interval: {interval}"
    card = herd.card(f"{{population: goats, analysis: {{{text}}}}}").base
    found = Analyst(card, _without_outcomes(herd.cohort)).estimates("asked_0")
    assert found.note
    assert math.isnan(found.values[S.ODDS_RATIO])
    assert math.isnan(found.values[S.P_VALUE])

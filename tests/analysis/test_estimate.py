"""Every kind of analysis on one made-up cohort, against pandas, SciPy, statsmodels and others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from lifelines import KaplanMeierFitter
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from recohort.analysis.estimate import Analyst
from recohort.analysis.frame import AnalysisError, Frame
from recohort.card.statistic import Statistic as S

if TYPE_CHECKING:
    from conftest import Herd

BOTH = "{ci95_lower: 1, ci95_upper: 2}"
LAME = "[{column: lame, equals: 1}]"


def close(found: float, expected: float, rel: float = 1e-9) -> None:
    assert found == pytest.approx(expected, rel=rel, abs=1e-12)


def test_sizes_and_parents_are_those_of_pandas(herd: Herd) -> None:
    assert herd.ask("kind: size", "old").values == {S.COUNT: (herd.goats["age"] > 14).sum()}
    hot = herd.lumps[herd.lumps["brown"] == 1]
    assert herd.ask("kind: size", "lumps_of_brown").values[S.COUNT] == len(hot)
    assert herd.ask("kind: parents", "lumps_of_brown").values[S.COUNT] == hot["goat"].nunique()


@pytest.mark.parametrize(
    ("method", "peer"),
    [
        ("wald", "normal"),
        ("wilson", "wilson"),
        ("clopper_pearson", "beta"),
        ("jeffreys", "jeffreys"),
    ],
)
def test_proportion_among_those_with_a_value_as_statsmodels(
    herd: Herd, method: str, peer: str
) -> None:
    found = herd.ask(
        f"kind: proportion, having: {LAME}, interval: {method}",
        values="{count: 1, percent: 2, ci90_lower: 1, ci90_upper: 2, ci99_lower: 3}",
    ).values
    lame = herd.goats["lame"].dropna()
    assert found[S.COUNT] == lame.sum()
    close(found[S.PERCENT], 100 * lame.mean())
    low, high = proportion_confint(lame.sum(), len(lame), 0.10, peer)
    close(found[S.CI90_LOWER], 100 * low, 1e-6)
    close(found[S.CI90_UPPER], 100 * high, 1e-6)
    close(found[S.CI99_LOWER], 100 * proportion_confint(lame.sum(), len(lame), 0.01, peer)[0], 1e-6)
    assert S.CI99_UPPER not in found


def test_a_proportion_of_nobody_is_not_estimable(herd: Herd) -> None:
    found = herd.ask(f"kind: proportion, having: {LAME}", "nobody", BOTH)
    assert found.values[S.COUNT] == 0
    assert math.isnan(found.values[S.PERCENT])
    assert found.note


def test_summary_as_pandas(herd: Herd) -> None:
    found = herd.ask("kind: summary, column: horn").values
    horn = herd.goats["horn"]
    for statistic, expected in {
        S.MEAN: horn.mean(), S.SD: horn.std(), S.SE: horn.sem(), S.MEDIAN: horn.median(),
        S.Q1: horn.quantile(0.25), S.Q3: horn.quantile(0.75), S.MIN: horn.min(),
        S.MAX: horn.max(),
    }.items():  # fmt: skip
        close(found[statistic], expected)


def test_summary_by_other_conventions_as_numpy(herd: Herd) -> None:
    found = herd.ask("kind: summary, column: milk@summer, sd: n, quantiles: type_6").values
    milk = herd.goats["milk@summer"].dropna()
    close(found[S.SD], milk.std(ddof=0))
    close(found[S.Q1], np.quantile(milk, 0.25, method="weibull"))
    close(found[S.Q3], np.quantile(milk, 0.75, method="weibull"))


@pytest.mark.parametrize("by", ["mean", "median"])
def test_location_as_pandas(herd: Herd, by: str) -> None:
    found = herd.ask(f"kind: location, column: gain, by: {by}").values
    gain = herd.goats["gain"]
    middle = getattr(gain, by)()
    close(found[S.PERCENT_CHANGE], middle)
    close(found[S.PERCENT_REDUCTION], -middle)
    close(found[S.DIFFERENCE], middle)
    close(found[S.MEAN], gain.mean())
    close(found[S.MEDIAN], gain.median())


def test_percent_change_among_those_observed_at_both_times(herd: Herd) -> None:
    pairs = herd.goats[["milk@summer", "milk@autumn"]].dropna()
    before, after = pairs["milk@summer"], pairs["milk@autumn"]
    expected = {
        "of_means": after.mean() / before.mean() - 1,
        "of_medians": after.median() / before.median() - 1,
        "mean_of_changes": (after / before - 1).mean(),
        "median_of_changes": (after / before - 1).median(),
        "of_geometric_means": stats.gmean(after) / stats.gmean(before) - 1,
    }
    for of, change in expected.items():
        found = herd.ask(
            f"kind: percent_change, column: milk@autumn, baseline: milk@summer, of: {of}"
        ).values
        close(found[S.PERCENT_CHANGE], 100 * change)
        close(found[S.PERCENT_REDUCTION], -100 * change)


def test_paired_tests_as_scipy(herd: Herd) -> None:
    pairs = herd.goats[["milk@spring", "milk@autumn"]].dropna()
    change = pairs["milk@autumn"] - pairs["milk@spring"]
    both = "column: milk@autumn, baseline: milk@spring"
    t = herd.ask(f"kind: paired_test, {both}").values
    close(t[S.P_VALUE], stats.ttest_1samp(change, 0).pvalue)
    close(t[S.DIFFERENCE], change.mean())
    w = herd.ask(f"kind: paired_test, {both}, test: wilcoxon").values
    rounded = change.round(6)
    peers = [
        stats.wilcoxon(rounded, method="approx", correction=correction).pvalue
        for correction in (True, False)
    ]
    assert min(abs(w[S.P_VALUE] / peer - 1) for peer in peers) < 1e-6
    close(w[S.DIFFERENCE], change.mean())


@pytest.mark.parametrize("test", ["student_t", "welch_t", "mann_whitney", "mann_whitney_exact"])
def test_two_sample_tests_of_a_measurement_as_scipy(herd: Herd, test: str) -> None:
    found = herd.ask(f"kind: two_sample_test, column: gain, group: {LAME}, test: {test}").values
    seen = herd.goats[["gain", "lame"]].dropna()
    one, two = (seen.loc[seen["lame"] == flag, "gain"] for flag in (1, 0))
    if test.endswith("_t"):
        p = stats.ttest_ind(one, two, equal_var=test == "student_t").pvalue
    elif test == "mann_whitney":
        p = stats.mannwhitneyu(one, two, method="asymptotic", use_continuity=True).pvalue
    else:
        # SciPy's exact test knows no ties: with them, a permutation p-value is near.
        p = stats.mannwhitneyu(one, two, method="asymptotic", use_continuity=False).pvalue
    close(found[S.P_VALUE], p, 0.02 if test.endswith("exact") else 1e-9)
    close(found[S.DIFFERENCE], one.mean() - two.mean())


@pytest.mark.parametrize("test", ["chi_square", "chi_square_yates", "fisher"])
def test_two_sample_tests_of_a_fact_as_scipy(herd: Herd, test: str) -> None:
    found = herd.ask(f"kind: two_sample_test, column: brown, group: {LAME}, test: {test}").values
    table = pd.crosstab(herd.goats["lame"], herd.goats["brown"])
    if test == "fisher":
        p = stats.fisher_exact(table).pvalue
    else:
        p = stats.chi2_contingency(table, correction=test.endswith("yates")).pvalue
    close(found[S.P_VALUE], p)


def _peer(herd: Herd) -> tuple[Any, pd.DataFrame]:
    data = herd.goats[["lame", "age", "horn", "brown"]].dropna()
    data = data.assign(age5=data["age"] / 5, horn2=np.log2(data["horn"]))
    return smf.logit("lame ~ age5 + horn2 + brown", data).fit(disp=0, tol=1e-12), data


def test_model_term_wald_as_statsmodels(herd: Herd) -> None:
    peer, data = _peer(herd)
    for term, name in (("age", "age5"), ("horn", "horn2"), ("brown", "brown")):
        asked = f"kind: model_term, model: lameness, term: {term}"
        found = herd.ask(asked, values=BOTH).values
        for ratio in (S.ODDS_RATIO, S.ADJUSTED_ODDS_RATIO, S.HAZARD_RATIO):
            close(found[ratio], math.exp(peer.params[name]), 1e-6)
        close(found[S.P_VALUE], peer.pvalues[name], 1e-6)
        low, high = np.exp(peer.conf_int().loc[name])
        close(found[S.CI95_LOWER], low, 1e-6)
        close(found[S.CI95_UPPER], high, 1e-6)
        t = herd.ask(f"{asked}, test: wald_t").values
        close(t[S.P_VALUE], 2 * stats.t.sf(abs(peer.tvalues[name]), len(data) - 4), 1e-6)


def test_model_term_likelihood_ratio_by_refit(herd: Herd) -> None:
    peer, data = _peer(herd)
    less = smf.logit("lame ~ horn2 + brown", data).fit(disp=0, tol=1e-12)
    asked = "kind: model_term, model: lameness, term: age, test: likelihood_ratio"
    close(herd.ask(asked).values[S.P_VALUE], stats.chi2.sf(2 * (peer.llf - less.llf), 1), 1e-6)


@pytest.mark.parametrize("level", [0.90, 0.95])
def test_profile_limits_lie_where_a_refit_has_fallen_enough(herd: Herd, level: float) -> None:
    peer, data = _peer(herd)
    percent = round(100 * level)
    low, high = S(f"ci{percent}_lower"), S(f"ci{percent}_upper")
    found = herd.ask(
        "kind: model_term, model: lameness, term: brown, interval: profile",
        values=f"{{{low}: 1, {high}: 2}}",
    ).values
    assert found[low] < found[S.ODDS_RATIO] < found[high]
    for limit in (found[low], found[high]):
        offset = math.log(limit) * data["brown"]
        refit = smf.logit("lame ~ age5 + horn2", data, offset=offset).fit(disp=0, tol=1e-12)
        close(2 * (peer.llf - refit.llf), stats.chi2.ppf(level, 1), 1e-4)


def test_an_auc_as_scikit_learn_and_hand_made_delong(herd: Herd) -> None:
    found = herd.ask(f"kind: auc, column: horn, outcome: {LAME}", values=BOTH).values
    seen = herd.goats[["horn", "lame"]].dropna()
    close(found[S.AUC], roc_auc_score(seen["lame"], seen["horn"]))
    cases, controls = (seen.loc[seen["lame"] == flag, "horn"].to_numpy() for flag in (1, 0))
    wins = (cases[:, None] > controls) + 0.5 * (cases[:, None] == controls)
    variance = wins.mean(1).var(ddof=1) / cases.size + wins.mean(0).var(ddof=1) / controls.size
    close(found[S.CI95_LOWER], found[S.AUC] - 1.959963984540054 * math.sqrt(variance))
    turned = herd.ask(
        f"kind: auc, column: horn, outcome: {LAME}, higher_means_outcome: false"
    ).values
    close(turned[S.AUC], 1 - found[S.AUC])


@pytest.mark.parametrize("interval", ["delong", "delong_logit", "hanley_mcneil"])
def test_the_auc_of_a_model_is_that_of_its_fitted_values(herd: Herd, interval: str) -> None:
    peer, data = _peer(herd)
    found = herd.ask(f"kind: auc, model: lameness, interval: {interval}", values=BOTH).values
    close(found[S.AUC], roc_auc_score(data["lame"], peer.fittedvalues))
    assert found[S.CI95_LOWER] < found[S.AUC] < found[S.CI95_UPPER]


def test_an_auc_without_two_outcomes_is_not_estimable(herd: Herd) -> None:
    found = herd.ask("kind: auc, column: horn, outcome: [{column: age, above: 29}]", values=BOTH)
    assert all(math.isnan(value) for value in found.values.values())
    assert "all outcomes are the same" in found.note


def test_an_auc_difference_as_hand_made_delong(herd: Herd) -> None:
    asked = f"kind: auc_difference, column: horn, other: age, outcome: {LAME}"
    found = herd.ask(asked, values=BOTH).values
    seen = herd.goats[["horn", "age", "lame"]].dropna()
    close(
        found[S.DIFFERENCE],
        roc_auc_score(seen["lame"], seen["horn"]) - roc_auc_score(seen["lame"], seen["age"]),
    )
    difference: Any = 0.0
    for sign, name in ((1, "horn"), (-1, "age")):
        cases, controls = (seen.loc[seen["lame"] == flag, name].to_numpy() for flag in (1, 0))
        wins = (cases[:, None] > controls) + 0.5 * (cases[:, None] == controls)
        difference = difference + sign * wins
    variance = (
        difference.mean(1).var(ddof=1) / difference.shape[0]
        + difference.mean(0).var(ddof=1) / difference.shape[1]
    )
    se = math.sqrt(variance)
    close(found[S.P_VALUE], 2 * stats.norm.sf(abs(found[S.DIFFERENCE]) / se))
    close(found[S.CI95_UPPER], found[S.DIFFERENCE] + stats.norm.ppf(0.975) * se)


def test_diagnostic_measures_leave_out_those_without_a_test_or_a_truth(herd: Herd) -> None:
    seen = herd.goats[["horn", "lame"]].dropna()
    test, truth = seen["horn"] > 8, seen["lame"] == 1
    for measure, base, right in (
        ("sensitivity", truth, test),
        ("specificity", ~truth, ~test),
        ("positive_predictive_value", test, truth),
        ("negative_predictive_value", ~test, ~truth),
    ):
        found = herd.ask(
            f"kind: diagnostic, measure: {measure}, test: [{{column: horn, above: 8}}], "
            f"reference: {LAME}, interval: clopper_pearson",
            values=BOTH,
        ).values
        k, n = int((base & right).sum()), int(base.sum())
        assert found[S.COUNT] == k
        close(found[S.PERCENT], 100 * k / n)
        close(found[S.CI95_LOWER], 100 * proportion_confint(k, n, 0.05, "beta")[0], 1e-6)


def test_kaplan_meier_as_lifelines(herd: Herd) -> None:
    seen = herd.goats[["months", "lame"]].dropna()
    curve = KaplanMeierFitter(alpha=0.1).fit(seen["months"], seen["lame"])
    found = herd.ask(
        f"kind: kaplan_meier, time: months, event: {LAME}, at: 6",
        values="{percent: 1, ci90_lower: 1, ci90_upper: 2}",
    ).values
    close(found[S.PERCENT], 100 * curve.predict(6))
    limits = 100 * curve.confidence_interval_.loc[:6].iloc[-1]
    close(found[S.CI90_LOWER], limits.iloc[0], 1e-6)
    close(found[S.CI90_UPPER], limits.iloc[1], 1e-6)
    never = "[{column: age, above: 29}]"
    late = herd.ask(f"kind: kaplan_meier, time: months, event: {never}, at: 100000")
    assert math.isnan(late.values[S.PERCENT])
    assert late.note


def test_reverse_kaplan_meier_as_lifelines(herd: Herd) -> None:
    seen = herd.goats[["months", "lame"]].dropna()
    curve = KaplanMeierFitter().fit(seen["months"], 1 - seen["lame"])
    found = herd.ask(f"kind: reverse_kaplan_meier, time: months, event: {LAME}").values
    assert found[S.MEDIAN] == curve.median_survival_time_


def _mixed_peer(goats: pd.DataFrame) -> Any:
    long = goats.melt(
        value_vars=[c for c in goats if c.startswith("milk@")], var_name="when", ignore_index=False
    ).reset_index(names="goat")
    long = long.dropna(subset="value")
    model = smf.mixedlm("value ~ C(when, Treatment('milk@spring'))", long, groups="goat")
    return model.fit(reml=True, method="lbfgs")


@pytest.mark.parametrize("population", ["goats", "old"])
def test_linear_mixed_as_statsmodels(herd: Herd, population: str) -> None:
    goats = herd.goats if population == "goats" else herd.goats[herd.goats["age"] > 14]
    peer = _mixed_peer(goats)
    name = next(key for key in peer.params.index if "autumn" in key)
    found = herd.ask(
        "kind: linear_mixed, column: milk, baseline: milk@spring, at: milk@autumn",
        population,
        BOTH,
    ).values
    close(found[S.DIFFERENCE], peer.params[name], 1e-4)
    close(found[S.SE], peer.bse[name], 1e-3)
    close(found[S.CI95_LOWER], found[S.DIFFERENCE] - stats.norm.ppf(0.975) * found[S.SE])
    close(found[S.P_VALUE], 2 * stats.norm.sf(abs(found[S.DIFFERENCE]) / found[S.SE]))


def test_linear_mixed_of_two_populations_of_one_cohort_are_two_fits(herd: Herd) -> None:
    asked = "{kind: linear_mixed, column: milk, baseline: milk@spring, at: milk@autumn}"
    card = herd.card(
        f"{{population: goats, analysis: {asked}}}", f"{{population: old, analysis: {asked}}}"
    ).base
    analyst = Analyst(card, herd.cohort)
    first, second = analyst.estimates("asked_0").values, analyst.estimates("asked_1").values
    assert (
        second[S.DIFFERENCE] == Analyst(card, herd.cohort).estimates("asked_1").values[S.DIFFERENCE]
    )
    assert first[S.DIFFERENCE] != second[S.DIFFERENCE]


def test_a_model_is_calibrated_on_its_own_data(herd: Herd) -> None:
    peer, data = _peer(herd)
    found = herd.ask("kind: calibration, model: lameness").values
    close(found[S.SLOPE], 1.0, 1e-6)
    assert abs(found[S.INTERCEPT]) < 1e-6
    close(found[S.SCORE], ((peer.predict(data) - data["lame"]) ** 2).mean(), 1e-6)


def test_calibration_in_other_rows_as_statsmodels(herd: Herd) -> None:
    data = herd.goats[["lame", "brown"]][herd.goats["age"] > 14].dropna()
    peer = smf.logit("lame ~ brown", data).fit(disp=0)
    everyone = herd.goats[["lame", "brown"]].dropna()
    line = peer.params["Intercept"] + peer.params["brown"] * everyone["brown"]
    again = smf.logit("lame ~ line", everyone.assign(line=line)).fit(disp=0)
    found = herd.ask("kind: calibration, model: among_old").values
    close(found[S.SLOPE], again.params["line"], 1e-5)
    close(found[S.SCORE], ((1 / (1 + np.exp(-line)) - everyone["lame"]) ** 2).mean(), 1e-6)


def test_cut_point_optimism_is_that_of_the_best_cut_and_repeats(herd: Herd) -> None:
    asked = f"kind: cutpoint_optimism, column: horn, outcome: {LAME}"
    found = herd.ask(asked).values
    seen = herd.goats[["horn", "lame"]].dropna()
    truth = seen["lame"] == 1
    best = max(
        (seen.loc[truth, "horn"] >= cut).mean() - (seen.loc[~truth, "horn"] >= cut).mean()
        for cut in seen["horn"]
    )
    close(found[S.SCORE], best)
    assert 0 < found[S.DIFFERENCE] < 1
    assert herd.ask(asked).values == found


def test_reported_gives_every_reported_value_and_nothing_else(herd: Herd) -> None:
    card = herd.card(
        "{population: goats, analysis: {kind: summary, column: age}, values: {mean: 1, sd: 2}}",
        "{population: goats, analysis: {kind: summary, column: horn}}",
    ).base
    found = Analyst(card, herd.cohort).reported()
    assert found == {
        "goats.count": 90,
        "asked_0.mean": pytest.approx(herd.goats["age"].mean()),
        "asked_0.sd": pytest.approx(herd.goats["age"].std()),
    }


def test_derived_columns_as_pandas(herd: Herd) -> None:
    frame = Frame(herd.card().base, herd.cohort)
    old, brown = herd.goats["age"] >= 18, herd.goats["brown"] == 1
    np.testing.assert_array_equal(frame.values("old_or_brown", "goats"), old | brown)
    np.testing.assert_array_equal(frame.values("old_and_brown", "goats"), old & brown)


@pytest.mark.parametrize("bound", ["equals", "at_least", "above", "at_most", "below"])
def test_a_missing_value_satisfies_no_condition(herd: Herd, bound: str) -> None:
    middle = float(herd.goats["horn"].dropna().iloc[0])
    asked = f"kind: proportion, having: [{{column: horn, {bound}: {middle}}}]"
    compare = {"equals": "eq", "at_least": "ge", "above": "gt", "at_most": "le", "below": "lt"}
    hits = getattr(herd.goats["horn"], compare[bound])(middle)
    assert herd.ask(asked).values[S.COUNT] == hits.sum()


def test_inner_units_see_the_columns_of_the_units_around_them(herd: Herd) -> None:
    found = herd.ask("kind: summary, column: age", "lumps").values
    close(found[S.MEAN], herd.lumps["age"].mean())
    share = herd.ask("kind: proportion, having: [{column: old_or_brown, equals: 1}]", "lumps")
    hits = (herd.lumps["age"] >= 18) | (herd.lumps["brown"] == 1)
    assert share.values[S.COUNT] == hits.sum()


def test_outer_units_do_not_see_the_columns_of_the_units_inside_them(herd: Herd) -> None:
    frame = Frame(herd.card().base, herd.cohort)
    with pytest.raises(AnalysisError, match=r"size belongs to lumps.*use a population of lumps"):
        frame.values("size", "goats")
    with pytest.raises(AnalysisError, match="lumps is neither a column nor a unit around goats"):
        frame.groups("lumps", "goats")
    np.testing.assert_array_equal(frame.groups("goats", "lumps"), herd.lumps["goat"])

"""Analyses tables as a card asks, with pandas, scipy, statsmodels and lifelines alone.

It shares no code with the search or with the product's own analyses, but for two statistics that
those packages do not give: the mixed logistic model by quadrature (checked elsewhere against R's
lme4) and Kaplan-Meier errors clustered within a unit. ``frames`` holds one table a unit, a column
for each time of a repeated measurement (``pain@before``), and ``<parent>_id`` in nested units.
"""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from lifelines import CoxPHFitter, KaplanMeierFitter
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

Frames = dict[str, pd.DataFrame]
Estimates = dict[str, float]
Json = dict[str, Any]

_NAMES = {"wilson": "wilson", "wald": "normal", "clopper_pearson": "beta"}
_LOWER, _UPPER = "ci95_lower", "ci95_upper"


def read_tables(folder: Path, card: Json) -> Frames:
    """The tables that a reconstruction wrote, one row a unit."""
    frames = {}
    for unit in card["units"]:
        wide = pd.read_csv(folder / f"{unit}_SIMULATED.csv").set_index(f"{unit}_id", drop=False)
        long = folder / f"{unit}_by_time_SIMULATED.csv"
        if long.exists():
            by_time = pd.read_csv(long).pivot(index=f"{unit}_id", columns="time")
            by_time.columns = [f"{measure}@{time}" for measure, time in by_time.columns]
            wide = wide.join(by_time)
        frames[unit] = wide.reset_index(drop=True)
    return frames


def holds(frame: pd.DataFrame, conditions: list[Json], card: Json) -> pd.Series:
    """Which rows satisfy every condition; a missing value satisfies none."""
    result = pd.Series(True, index=frame.index)
    for one in conditions:
        values = column(frame, one["column"], card)
        for word, compare in (
            ("equals", values.eq),
            ("at_least", values.ge),
            ("above", values.gt),
            ("at_most", values.le),
            ("below", values.lt),
        ):
            if word in one:
                result &= compare(float(one[word]))
    return result


def column(frame: pd.DataFrame, key: str, card: Json) -> pd.Series:
    """A column, or the 0 and 1 of one that is computed from others."""
    definition = card["columns"][key.partition("@")[0]]
    if definition["kind"] != "derived":
        return frame[key]
    if "all_of" in definition:
        return holds(frame, definition["all_of"], card).astype(float)
    any_of = (holds(frame, [one], card) for one in definition["any_of"])
    return reduce(lambda a, b: a | b, any_of).astype(float)


def judged(card: Json, frames: Frames, fits: dict[str, Any] | None = None) -> dict[str, float]:
    """The estimate of every printed value, by its id.

    ``fits`` holds coefficients and standard errors of models that were fitted elsewhere.
    """
    fits = {} if fits is None else fits
    found = {}
    for name, quantity in card["quantities"].items():
        if not quantity.get("values"):
            continue
        estimates = estimate(card, frames, quantity, fits)
        found |= {f"{name}.{key}": estimates.get(key, np.nan) for key in quantity["values"]}
    return found


def estimate(card: Json, frames: Frames, quantity: Json, fits: dict[str, Any]) -> Estimates:
    """Every statistic of one quantity."""
    population = card["populations"][quantity["population"]]
    everyone = frames[population["unit"]]
    frame = everyone[holds(everyone, population.get("where", []), card)]
    asked = quantity["analysis"]
    kind = asked["kind"]
    if kind == "size":
        return {"count": float(len(frame))}
    if kind == "parents":
        return {
            "count": float(frame[card["units"][population["unit"]]["within"] + "_id"].nunique())
        }
    if kind == "proportion":
        hits = holds(frame, asked["having"], card)
        return _share(int(hits.sum()), len(frame), asked)
    if kind == "diagnostic":
        return _accuracy(frame, asked, card)
    if kind == "summary":
        return _summary(frame[asked["column"]].dropna())
    if kind == "location":
        middle = float(getattr(frame[asked["column"]].dropna(), asked.get("by", "mean"))())
        return {**dict.fromkeys(("mean", "median", "difference", "percent_change"), middle),
                "percent_reduction_from_baseline": -middle}  # fmt: skip
    if kind == "two_sample_test":
        return _two_sample(frame, asked, card)
    if kind in ("paired_test", "percent_change"):
        return _paired(frame[[asked["baseline"], asked["column"]]].dropna(), asked)
    if kind == "auc_difference":
        return _auc_difference(frame, asked, card)
    if kind == "auc":
        return _auc(card, frames, frame, asked, fits)
    if kind == "model_term":
        return _term(card, frames, asked, fits)
    if kind == "kaplan_meier":
        return _survival(card, population["unit"], frame, asked)
    if kind == "reverse_kaplan_meier":
        lost = 1 - holds(frame, asked["event"], card).astype(int)
        curve = KaplanMeierFitter().fit(frame[asked["time"]], lost)
        return {"median": float(curve.median_survival_time_)}
    raise ValueError(f"kind: got {kind}; no independent analysis of it is written here")


def _share(k: int, n: int, asked: Json) -> Estimates:
    if n == 0:
        return {"count": 0.0}
    low, high = proportion_confint(k, n, method=_NAMES[asked.get("interval", "wilson")])
    return {"count": float(k), "percent": 100 * k / n, _LOWER: 100 * low, _UPPER: 100 * high}


def _accuracy(frame: pd.DataFrame, asked: Json, card: Json) -> Estimates:
    test, disease = holds(frame, asked["test"], card), holds(frame, asked["reference"], card)
    base, right = {
        "sensitivity": (disease, test),
        "specificity": (~disease, ~test),
        "positive_predictive_value": (test, disease),
        "negative_predictive_value": (~test, ~disease),
    }[asked["measure"]]
    return _share(int((base & right).sum()), int(base.sum()), asked)


def _summary(values: pd.Series) -> Estimates:
    return {
        "mean": float(values.mean()),
        "sd": float(values.std()),
        "se": float(values.sem()),
        "median": float(values.median()),
        "q1": float(values.quantile(0.25)),
        "q3": float(values.quantile(0.75)),
        "min": float(values.min()),
        "max": float(values.max()),
    }


def _two_sample(frame: pd.DataFrame, asked: Json, card: Json) -> Estimates:
    values = column(frame, asked["column"], card)
    inside = holds(frame, asked["group"], card)
    first, second = values[inside].dropna(), values[~inside].dropna()
    kind = asked.get("test", "mann_whitney")
    if kind in ("student_t", "welch_t"):
        p = stats.ttest_ind(first, second, equal_var=kind == "student_t").pvalue
    elif kind == "mann_whitney":
        p = stats.mannwhitneyu(first, second, method="asymptotic").pvalue
    else:
        table = pd.crosstab(inside, values)
        if kind == "fisher":
            p = stats.fisher_exact(table).pvalue if table.shape == (2, 2) else 1.0
        else:
            yates = kind == "chi_square_yates"
            p = stats.chi2_contingency(table, correction=yates).pvalue
    return {"p_value": float(p), "difference": float(first.mean() - second.mean())}


def _paired(pairs: pd.DataFrame, asked: Json) -> Estimates:
    before, after = pairs[asked["baseline"]], pairs[asked["column"]]
    if asked["kind"] == "percent_change":
        change = {
            "of_means": lambda: 100 * (after.mean() - before.mean()) / before.mean(),
            "of_medians": lambda: 100 * (after.median() - before.median()) / before.median(),
            "mean_of_changes": lambda: (100 * (after - before) / before).mean(),
            "median_of_changes": lambda: (100 * (after - before) / before).median(),
        }[asked.get("of", "of_means")]()
        return {"percent_change": change, "percent_reduction_from_baseline": -change}
    gap = (after - before).round(9)
    if asked.get("test", "paired_t") == "paired_t":
        return {"p_value": float(stats.ttest_rel(after, before).pvalue), "difference": gap.mean()}
    p = stats.wilcoxon(gap[gap != 0], correction=True, method="approx").pvalue
    return {"p_value": float(p), "difference": float(gap.mean())}


def _coded(frame: pd.DataFrame, term: Json, card: Json) -> pd.Series:
    values = column(frame, term["column"], card)
    coding = term.get("coding", {})
    if coding.get("kind") == "at_least":
        return (values >= float(coding["threshold"])).astype(float)
    if coding.get("kind") == "per_sd":
        return values / values.std()
    if coding.get("kind") == "log":
        return np.log(values) / np.log(float(coding["per"]))
    return values / float(coding.get("per", 1))


def design(card: Json, model: Json, frame: pd.DataFrame) -> pd.DataFrame:
    """A model's coded terms."""
    return pd.DataFrame({name: _coded(frame, t, card) for name, t in model["terms"].items()})


def rows_of(card: Json, frames: Frames, name: str) -> pd.DataFrame:
    """The rows that a model is fitted on."""
    population = card["populations"][card["models"][name]["population"]]
    frame = frames[population["unit"]]
    return frame[holds(frame, population.get("where", []), card)]


def fit(card: Json, frames: Frames, name: str, fits: dict[str, Any]) -> tuple[pd.Series, pd.Series]:
    """Coefficients and standard errors of a model, by term (``const`` is the intercept)."""
    if name in fits:
        return fits[name]
    model, frame = card["models"][name], rows_of(card, frames, name)
    x, y = design(card, model, frame), holds(frame, model["outcome"], card).astype(float)
    if model["kind"] == "cox":
        data = x.assign(time_=frame[model["time"]], event_=y)
        cox = CoxPHFitter().fit(data, "time_", "event_")
        fits[name] = cox.params_, cox.standard_errors_
    elif model["kind"] == "logistic":
        logit = sm.Logit(y, sm.add_constant(x)).fit(disp=0, maxiter=100)
        fits[name] = logit.params, logit.bse
    else:
        from recohort.estimators.mixed_logistic import fit_mixed_logistic

        group = frame[model["group"]].to_numpy()
        found = fit_mixed_logistic(y, sm.add_constant(x).to_numpy(), group, nodes=9)
        index = ["const", *x.columns]
        fits[name] = pd.Series(found.coef, index), pd.Series(found.se, index)
    return fits[name]


def _term(card: Json, frames: Frames, asked: Json, fits: dict[str, Any]) -> Estimates:
    coef, se = fit(card, frames, asked["model"], fits)
    b, s = float(coef[asked["term"]]), float(se[asked["term"]])
    low, high = np.exp(b - 1.959964 * s), np.exp(b + 1.959964 * s)
    test = asked.get("test", "wald")
    if test == "wald_t":
        spare = len(rows_of(card, frames, asked["model"])) - len(coef)
        p = float(2 * stats.t.sf(abs(b / s), spare))
    elif test == "wald":
        p = float(2 * stats.norm.sf(abs(b / s)))
    else:
        raise ValueError(f"test: got {test}; no independent analysis of it is written here")
    ratios = dict.fromkeys(("odds_ratio", "adjusted_odds_ratio", "hazard_ratio"), float(np.exp(b)))
    return {**ratios, _LOWER: float(low), _UPPER: float(high), "p_value": p}


def _auc(
    card: Json, frames: Frames, frame: pd.DataFrame, asked: Json, fits: dict[str, Any]
) -> Estimates:
    if "model" in asked:
        model = card["models"][asked["model"]]
        coef, _ = fit(card, frames, asked["model"], fits)
        x = design(card, model, frame)
        scores = x @ coef[list(x.columns)]
        outcome = model["outcome"]
    else:
        scores, outcome = column(frame, asked["column"], card), asked["outcome"]
    truth = holds(frame, outcome, card)
    if asked.get("higher_means_outcome", "true") in ("false", "no", False):
        scores = -scores
    of_cases, of_controls = _placements(scores, truth)
    area = float(of_cases.mean())
    cases, controls = len(of_cases), len(of_controls)
    if asked.get("interval", "delong") == "hanley_mcneil":
        q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
        variance = (
            area * (1 - area) + (cases - 1) * (q1 - area**2) + (controls - 1) * (q2 - area**2)
        )
        variance /= cases * controls
    else:
        variance = of_cases.var(ddof=1) / cases + of_controls.var(ddof=1) / controls
    half = 1.959964 * float(np.sqrt(variance))
    if asked.get("interval") == "delong_logit":
        middle, half = np.log(area / (1 - area)), half / (area * (1 - area))
        low, high = 1 / (1 + np.exp(half - middle)), 1 / (1 + np.exp(-half - middle))
        return {"auc": area, _LOWER: float(low), _UPPER: float(high)}
    return {"auc": area, _LOWER: max(area - half, 0.0), _UPPER: min(area + half, 1.0)}


def _placements(scores: pd.Series, truth: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Of each case the share of controls below it, of each control that of cases above it."""
    cases, controls = scores[truth].to_numpy(), scores[~truth].to_numpy()
    above = (cases[:, None] > controls) + 0.5 * (cases[:, None] == controls)
    return above.mean(axis=1), above.mean(axis=0)


def _auc_difference(frame: pd.DataFrame, asked: Json, card: Json) -> Estimates:
    """DeLong's test of two columns' areas for one outcome."""
    truth = holds(frame, asked["outcome"], card)
    one, other = (_placements(column(frame, asked[k], card), truth) for k in ("column", "other"))
    gap = float(one[0].mean() - other[0].mean())
    variance = sum(np.var(a - b, ddof=1) / len(a) for a, b in zip(one, other, strict=True))
    se = float(np.sqrt(variance))
    limits = {_LOWER: gap - 1.959964 * se, _UPPER: gap + 1.959964 * se}
    return {"difference": gap, "p_value": float(2 * stats.norm.sf(abs(gap) / se)), **limits}


def _survival(card: Json, unit: str, frame: pd.DataFrame, asked: Json) -> Estimates:
    event, at = holds(frame, asked["event"], card), float(asked["at"])
    if asked.get("clustered"):
        from recohort.estimators.kaplan_meier import SurvivalInterval, kaplan_meier, landmark_rate

        parents = frame[card["units"][unit]["within"] + "_id"].to_numpy()
        curve = kaplan_meier(
            frame[asked["time"]], event.astype(float), SurvivalInterval.LOG_LOG, 0.95, parents
        )
        found = landmark_rate(curve, at).estimate
        if found.interval is None:
            return {"percent": 100 * found.value}
        limits = {_LOWER: 100 * found.interval.low, _UPPER: 100 * found.interval.high}
        return {"percent": 100 * found.value, **limits}
    fitter = KaplanMeierFitter().fit(frame[asked["time"]], event)
    low, high = fitter.confidence_interval_survival_function_.loc[:at].iloc[-1]
    return {"percent": 100 * float(fitter.predict(at)), _LOWER: 100 * low, _UPPER: 100 * high}

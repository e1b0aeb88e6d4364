"""One estimate for each statistic of a quantity, by the analysis that its card names."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import expit, ndtr, ndtri, stdtr

from recohort.analysis.frame import BoolArray, Frame
from recohort.analysis.model import FittedModel, fit_model, linear_predictor
from recohort.analysis.ratio import likelihood_ratio_p, profile_limits, safe_exp
from recohort.card import analyses as asked
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity, StudyCard
from recohort.cohort import Cohort, FloatArray
from recohort.estimators.proportion import ProportionInterval

__all__ = ["Analyst", "Estimates", "auc_scores", "followed_times", "model_scores"]

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Estimates:
    """What an analysis gave: a number for each statistic (NaN: not estimable, see ``note``)."""

    values: dict[Statistic, float]
    note: str = ""


@dataclass
class Analyst:
    """Analyses one cohort as its card asks, fitting each model once."""

    card: StudyCard
    cohort: Cohort
    frame: Frame = field(init=False)
    _fits: dict[str, FittedModel] = field(init=False, default_factory=dict)
    _mixed: dict[tuple[str, str], tuple[dict[str, int], Any]] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        self.frame = Frame(self.card, self.cohort)

    def fit(self, model: str) -> FittedModel:
        """A model of the card, fitted to this cohort."""
        if model not in self._fits:
            self._fits[model] = fit_model(self.frame, self.card.models[model])
        return self._fits[model]

    def estimates(self, name: str) -> Estimates:
        """Every statistic that the analysis of a quantity gives."""
        quantity = self.card.quantities[name]
        unit = self.card.populations[quantity.population].unit
        rows = self.frame.population(quantity.population)
        return _BY_KIND[quantity.analysis.kind](self, quantity, unit, rows)

    def reported(self) -> dict[str, float]:
        """The estimate of every reported value, by its id."""
        found: dict[str, float] = {}
        for name, quantity in self.card.quantities.items():
            if quantity.values:
                values = self.estimates(name).values
                for statistic in quantity.values:
                    found[f"{name}.{statistic}"] = values.get(statistic, NAN)
        return found

    def mixed(self, column: str, population: str) -> tuple[dict[str, int], Any]:
        """A linear mixed model of a repeated measure on all its times, first time as reference."""
        if (column, population) not in self._mixed:
            from recohort.estimators.linear_mixed import DegreesOfFreedom, linear_mixed

            unit, rows = self.card.populations[population].unit, self.frame.population(population)
            definition = self.card.columns[column]
            times = getattr(definition, "times", ())
            y = np.column_stack([self.frame.values(f"{column}@{t}", unit) for t in times])
            y = np.where(rows[:, None], y, np.nan)
            seen = np.isfinite(y)
            who, when = np.nonzero(seen)
            design = np.zeros((who.size, len(times)))
            design[:, 0] = 1.0
            for index in range(1, len(times)):
                design[when == index, index] = 1.0
            fit = linear_mixed(y[seen], design, who, df=DegreesOfFreedom.NORMAL)
            self._mixed[column, population] = ({time: i for i, time in enumerate(times)}, fit)
        return self._mixed[column, population]


def _levels(quantity: Quantity) -> dict[Statistic, float]:
    """The confidence limits that the quantity wants: those printed, else the 95% ones."""
    wanted = {s: s.level for s in quantity.values if s.level is not None}
    if not wanted:
        wanted = {Statistic.CI95_LOWER: 0.95, Statistic.CI95_UPPER: 0.95}
    return {statistic: level for statistic, level in wanted.items() if level is not None}


def _limits(
    quantity: Quantity, interval: Callable[[float], tuple[float, float]], factor: float = 1.0
) -> dict[Statistic, float]:
    by_level = {level: interval(level) for level in set(_levels(quantity).values())}
    return {
        statistic: factor * by_level[level][0 if statistic.is_lower_limit else 1]
        for statistic, level in _levels(quantity).items()
    }


def _size(_: Analyst, __: Quantity, ___: str, rows: BoolArray) -> Estimates:
    return Estimates({Statistic.COUNT: float(rows.sum())})


def _parents(analyst: Analyst, _: Quantity, unit: str, rows: BoolArray) -> Estimates:
    parent = analyst.cohort.tables[unit].parent
    count = NAN if parent is None else float(np.unique(parent[rows]).size)
    return Estimates({Statistic.COUNT: count})


def _share(quantity: Quantity, k: int, n: int, method: ProportionInterval) -> Estimates:
    """A count, its percentage, and the limits of the percentage."""
    if n == 0:
        nothing = {Statistic.COUNT: 0.0, Statistic.PERCENT: NAN}
        return Estimates({**nothing, **dict.fromkeys(_levels(quantity), NAN)}, "no one to count")
    from recohort.estimators.proportion import proportion

    def interval(level: float) -> tuple[float, float]:
        found = proportion(k, n, method, level).interval
        return (NAN, NAN) if found is None else (found.low, found.high)

    return Estimates(
        {
            Statistic.COUNT: float(k),
            Statistic.PERCENT: 100.0 * k / n,
            **_limits(quantity, interval, 100.0),
        }
    )


def _proportion(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    analysis = quantity.analysis
    assert isinstance(analysis, asked.ProportionAnalysis)
    hits = rows & analyst.frame.mask(analysis.having, unit)
    known = rows & analyst.frame.known(analysis.having, unit)
    return _share(quantity, int(hits.sum()), int(known.sum()), analysis.interval)


def _summary(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    from recohort.estimators.summary import quantile, standard_deviation

    analysis = quantity.analysis
    assert isinstance(analysis, asked.SummaryAnalysis)
    values = analyst.frame.values(analysis.column, unit)[rows]
    values = values[~np.isnan(values)]
    if values.size == 0:
        return Estimates(dict.fromkeys(asked.GIVES["summary"], NAN), "no value was observed")
    sd = float(standard_deviation(values, analysis.sd)) if values.size > 1 else NAN
    ordered = np.sort(values)
    return Estimates(
        {
            Statistic.MEAN: float(values.mean()),
            Statistic.SD: sd,
            Statistic.SE: sd / math.sqrt(values.size),
            Statistic.MEDIAN: float(quantile(ordered, 0.5, analysis.quantiles)),
            Statistic.Q1: float(quantile(ordered, 0.25, analysis.quantiles)),
            Statistic.Q3: float(quantile(ordered, 0.75, analysis.quantiles)),
            Statistic.MIN: float(ordered[0]),
            Statistic.MAX: float(ordered[-1]),
        }
    )


def _location(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    analysis = quantity.analysis
    assert isinstance(analysis, asked.LocationAnalysis)
    values = analyst.frame.values(analysis.column, unit)[rows]
    values = values[~np.isnan(values)]
    if values.size == 0:
        return Estimates(dict.fromkeys(asked.GIVES["location"], NAN), "no value was observed")
    middle = float(values.mean() if analysis.by == "mean" else np.median(values))
    return Estimates(
        {
            Statistic.PERCENT_CHANGE: middle,
            Statistic.PERCENT_REDUCTION: -middle,
            Statistic.DIFFERENCE: middle,
            Statistic.MEAN: float(values.mean()),
            Statistic.MEDIAN: float(np.median(values)),
        }
    )


def _pairs(
    analyst: Analyst, after: str, before: str, unit: str, rows: BoolArray
) -> tuple[FloatArray, FloatArray]:
    first = analyst.frame.values(before, unit)[rows]
    second = analyst.frame.values(after, unit)[rows]
    both = ~(np.isnan(first) | np.isnan(second))
    return first[both], second[both]


def _change(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    from recohort.estimators.percent_change import percent_change

    analysis = quantity.analysis
    assert isinstance(analysis, asked.ChangeAnalysis)
    before, after = _pairs(analyst, analysis.column, analysis.baseline, unit, rows)
    try:
        change = float(percent_change(before, after, analysis.of))
    except ValueError as problem:
        return Estimates(dict.fromkeys(asked.GIVES["percent_change"], NAN), str(problem))
    return Estimates({Statistic.PERCENT_CHANGE: change, Statistic.PERCENT_REDUCTION: -change})


def _known_p(p_value: float | None) -> float:
    return NAN if p_value is None else p_value


def _paired(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    analysis = quantity.analysis
    assert isinstance(analysis, asked.PairedAnalysis)
    before, after = _pairs(analyst, analysis.column, analysis.baseline, unit, rows)
    nothing = {Statistic.P_VALUE: NAN, Statistic.DIFFERENCE: NAN}
    try:
        if analysis.test is asked.PairedTestKind.T:
            from recohort.estimators.paired_t import paired_t

            test = paired_t(after, before).test
        else:
            from recohort.estimators.wilcoxon_signed_rank import wilcoxon_signed_rank

            # Equal changes of decimal numbers differ in their last bits; they are still ties.
            test = wilcoxon_signed_rank(np.round(after - before, 9))
    except ValueError as problem:
        return Estimates(nothing, str(problem))
    difference = float((after - before).mean())
    return Estimates(
        {Statistic.P_VALUE: _known_p(test.p_value), Statistic.DIFFERENCE: difference}, test.note
    )


def _two_sample(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    analysis = quantity.analysis
    assert isinstance(analysis, asked.TwoSampleAnalysis)
    values = analyst.frame.values(analysis.column, unit)
    inside = analyst.frame.mask(analysis.group, unit)
    seen = rows & ~np.isnan(values) & analyst.frame.known(analysis.group, unit)
    first, second = values[seen & inside], values[seen & ~inside]
    try:
        p_value, note = _two_sample_p(first, second, analysis.test)
    except ValueError as problem:
        nothing = {Statistic.P_VALUE: NAN, Statistic.DIFFERENCE: NAN}
        return Estimates(nothing, str(problem))
    difference = float(first.mean() - second.mean())
    return Estimates({Statistic.P_VALUE: p_value, Statistic.DIFFERENCE: difference}, note)


def _two_sample_p(
    first: FloatArray, second: FloatArray, kind: asked.TwoSampleTestKind
) -> tuple[float, str]:
    tests = asked.TwoSampleTestKind
    match kind:
        case tests.STUDENT_T | tests.WELCH_T:
            from recohort.estimators.two_sample_t import TwoSampleVariance, two_sample_t

            equal = kind is tests.STUDENT_T
            variance = TwoSampleVariance.STUDENT if equal else TwoSampleVariance.WELCH
            test = two_sample_t(first, second, variance).test
        case tests.MANN_WHITNEY | tests.MANN_WHITNEY_EXACT:
            from recohort.estimators.mann_whitney import MannWhitneyMethod, mann_whitney

            exact = kind is tests.MANN_WHITNEY_EXACT
            test = mann_whitney(
                first,
                second,
                MannWhitneyMethod.EXACT if exact else MannWhitneyMethod.NORMAL_CONTINUITY,
            )
        case tests.CHI_SQUARE | tests.CHI_SQUARE_YATES:
            from recohort.estimators.chi_square import chi_square

            table = _cross(first, second)
            test = chi_square(table, continuity=kind is tests.CHI_SQUARE_YATES).test
        case tests.FISHER:
            from recohort.estimators.fisher_exact import fisher_exact

            test = fisher_exact(_cross(first, second)).test
    return _known_p(test.p_value), test.note


def _cross(first: FloatArray, second: FloatArray) -> FloatArray:
    levels = np.unique(np.concatenate([first, second]))
    return np.array([[(sample == level).sum() for level in levels] for sample in (first, second)])


def _term(analyst: Analyst, quantity: Quantity, _: str, __: BoolArray) -> Estimates:
    analysis = quantity.analysis
    assert isinstance(analysis, asked.TermAnalysis)
    fitted = analyst.fit(analysis.model)
    b, se = fitted.coef[analysis.term], fitted.se[analysis.term]
    ratio = safe_exp(b)
    test = analysis.test
    if test is asked.RatioTest.LIKELIHOOD_RATIO:
        p_value = likelihood_ratio_p(fitted, analysis.term)
    elif test is asked.RatioTest.WALD_T:
        p_value = float(2.0 * stdtr(fitted.residual_df, -abs(b / se))) if se > 0 else NAN
    else:
        p_value = float(2.0 * ndtr(-abs(b / se))) if se > 0 else NAN

    def interval(level: float) -> tuple[float, float]:
        if analysis.interval is asked.RatioInterval.PROFILE:
            return profile_limits(fitted, analysis.term, level)
        z = float(ndtri(0.5 + level / 2.0))
        return safe_exp(b - z * se), safe_exp(b + z * se)

    ratios = (Statistic.ODDS_RATIO, Statistic.ADJUSTED_ODDS_RATIO, Statistic.HAZARD_RATIO)
    return Estimates(
        {
            **dict.fromkeys(ratios, ratio),
            Statistic.P_VALUE: p_value,
            **_limits(quantity, interval),
        },
        fitted.message,
    )


def auc_scores(
    analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray
) -> tuple[FloatArray, FloatArray, str]:
    """The scores, the outcomes and a note, on the rows that an AUC is computed from."""
    analysis = quantity.analysis
    assert isinstance(analysis, asked.AucAnalysis)
    note = ""
    if analysis.model is not None:
        fitted = analyst.fit(analysis.model)
        scores, note = linear_predictor(analyst.frame, fitted, unit), fitted.message
        outcome = analysis.outcome or fitted.model.outcome
    else:
        scores = analyst.frame.values(str(analysis.column), unit)
        outcome = analysis.outcome
    if not analysis.higher_means_outcome:
        scores = -scores
    seen = rows & np.isfinite(scores) & analyst.frame.known(outcome, unit)
    truth = analyst.frame.mask(outcome, unit).astype(np.float64)
    return scores[seen], truth[seen], note


def _auc(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    from recohort.estimators.auc import AucScale, auc_delong, auc_hanley_mcneil

    analysis = quantity.analysis
    assert isinstance(analysis, asked.AucAnalysis)
    scores, truth, note = auc_scores(analyst, quantity, unit, rows)
    nothing = {Statistic.AUC: NAN, **dict.fromkeys(_levels(quantity), NAN)}
    if truth.size == 0 or truth.min() == truth.max():
        return Estimates(nothing, note or "all outcomes are the same: there is no ROC curve")
    compute = (
        auc_hanley_mcneil if analysis.interval is asked.AucInterval.HANLEY_MCNEIL else auc_delong
    )
    logit = analysis.interval is asked.AucInterval.DELONG_LOGIT
    scale = AucScale.LOGIT if logit else AucScale.PLAIN

    def interval(level: float) -> tuple[float, float]:
        found = compute(scores, truth, level, scale).estimate.interval
        return (NAN, NAN) if found is None else (found.low, found.high)

    estimate = compute(scores, truth, 0.95, scale).estimate
    return Estimates(
        {Statistic.AUC: estimate.value, **_limits(quantity, interval)}, note or estimate.note
    )


def _auc_difference(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    from recohort.estimators.auc import auc_paired_delong

    analysis = quantity.analysis
    assert isinstance(analysis, asked.AucDifferenceAnalysis)
    first = analyst.frame.values(analysis.column, unit)
    second = analyst.frame.values(analysis.other, unit)
    seen = rows & ~(np.isnan(first) | np.isnan(second))
    seen &= analyst.frame.known(analysis.outcome, unit)
    truth = analyst.frame.mask(analysis.outcome, unit).astype(np.float64)[seen]
    nothing = dict.fromkeys((Statistic.DIFFERENCE, Statistic.P_VALUE, *_levels(quantity)), NAN)
    if truth.size == 0 or truth.min() == truth.max():
        return Estimates(nothing, "all outcomes are the same: there is no ROC curve")
    paired = auc_paired_delong(first[seen], second[seen], truth)

    def interval(level: float) -> tuple[float, float]:
        found = auc_paired_delong(first[seen], second[seen], truth, level).difference.interval
        return (NAN, NAN) if found is None else (found.low, found.high)

    return Estimates(
        {
            Statistic.DIFFERENCE: paired.difference.value,
            Statistic.P_VALUE: _known_p(paired.test.p_value),
            **_limits(quantity, interval),
        },
        paired.test.note,
    )


def _diagnostic(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    analysis = quantity.analysis
    assert isinstance(analysis, asked.AccuracyAnalysis)
    positive = analyst.frame.mask(analysis.test, unit)
    diseased = analyst.frame.mask(analysis.reference, unit)
    measures = asked.Accuracy
    match analysis.measure:
        case measures.SENSITIVITY:
            base, right = diseased, positive
        case measures.SPECIFICITY:
            base, right = ~diseased, ~positive
        case measures.PPV:
            base, right = positive, diseased
        case measures.NPV:
            base, right = ~positive, ~diseased
    base = base & rows & analyst.frame.known((*analysis.test, *analysis.reference), unit)
    return _share(quantity, int((base & right).sum()), int(base.sum()), analysis.interval)


def followed_times(
    analyst: Analyst, time: str, event: tuple[Any, ...], unit: str, rows: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Times and events of the rows that were followed."""
    values = analyst.frame.values(time, unit)
    seen = rows & ~np.isnan(values) & analyst.frame.known(event, unit)
    return values[seen], analyst.frame.mask(event, unit).astype(np.float64)[seen]


def _kaplan_meier(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    from recohort.estimators.kaplan_meier import kaplan_meier, landmark_rate

    analysis = quantity.analysis
    assert isinstance(analysis, asked.KaplanMeierAnalysis)
    time, event = followed_times(analyst, analysis.time, analysis.event, unit, rows)
    nothing = {Statistic.PERCENT: NAN, **dict.fromkeys(_levels(quantity), NAN)}
    if time.size == 0:
        return Estimates(nothing, "no one was followed")
    parent = analyst.cohort.tables[unit].parent
    cluster = None
    if analysis.clustered and parent is not None:
        seen = rows & analyst.frame.known(analysis.event, unit)
        cluster = parent[seen & ~np.isnan(analyst.frame.values(analysis.time, unit))]

    def rate(level: float) -> Any:
        curve = kaplan_meier(time, event, analysis.interval, level, cluster)
        return landmark_rate(curve, float(analysis.at)).estimate

    def interval(level: float) -> tuple[float, float]:
        found = rate(level).interval
        return (NAN, NAN) if found is None else (found.low, found.high)

    try:
        estimate = rate(0.95)
    except ValueError as problem:
        return Estimates(nothing, str(problem))
    return Estimates(
        {Statistic.PERCENT: 100.0 * estimate.value, **_limits(quantity, interval, 100.0)},
        estimate.note,
    )


def _follow_up(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    from recohort.estimators.kaplan_meier import median_follow_up

    analysis = quantity.analysis
    assert isinstance(analysis, asked.FollowUpAnalysis)
    time, event = followed_times(analyst, analysis.time, analysis.event, unit, rows)
    if time.size == 0:
        return Estimates({Statistic.MEDIAN: NAN}, "no one was followed")
    found = median_follow_up(time, event)
    return Estimates({Statistic.MEDIAN: NAN if found.value is None else found.value}, found.note)


def _linear_mixed(analyst: Analyst, quantity: Quantity, _: str, __: BoolArray) -> Estimates:
    analysis = quantity.analysis
    assert isinstance(analysis, asked.LinearMixedAnalysis)
    kinds = asked.GIVES["linear_mixed"]
    try:
        position, fit = analyst.mixed(analysis.column, quantity.population)
    except ValueError as problem:
        return Estimates(dict.fromkeys(kinds, NAN), str(problem))
    contrast = np.zeros(len(position))
    for key, sign in ((analysis.at, 1.0), (analysis.baseline, -1.0)):
        index = position[key.partition("@")[2]]
        if index:
            contrast[index] = sign
    difference = float(contrast @ fit.coefficients)
    se = float(np.sqrt(contrast @ fit.covariance @ contrast))

    def interval(level: float) -> tuple[float, float]:
        z = float(ndtri(0.5 + level / 2.0))
        return difference - z * se, difference + z * se

    return Estimates(
        {
            Statistic.DIFFERENCE: difference,
            Statistic.SE: se,
            Statistic.P_VALUE: float(2.0 * ndtr(-abs(difference) / se)) if se > 0 else NAN,
            **_limits(quantity, interval),
        },
        fit.note,
    )


def model_scores(
    analyst: Analyst, model: str, unit: str, rows: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """A logistic model's predicted probabilities, and the outcomes, where it predicts."""
    fitted = analyst.fit(model)
    scores = linear_predictor(analyst.frame, fitted, unit)
    seen = rows & np.isfinite(scores) & analyst.frame.known(fitted.model.outcome, unit)
    truth = analyst.frame.mask(fitted.model.outcome, unit).astype(np.float64)[seen]
    return np.asarray(expit(scores[seen])), truth


def _calibration(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    from recohort.estimators.calibration import calibration

    analysis = quantity.analysis
    assert isinstance(analysis, asked.CalibrationAnalysis)
    probability, truth = model_scores(analyst, analysis.model, unit, rows)
    try:
        found = calibration(probability, truth)
    except ValueError as problem:
        return Estimates(dict.fromkeys(asked.GIVES["calibration"], NAN), str(problem))
    return Estimates(
        {
            Statistic.SLOPE: found.slope.value,
            Statistic.INTERCEPT: found.intercept.value,
            Statistic.SCORE: found.brier,
        },
        found.slope.note,
    )


def _optimism(analyst: Analyst, quantity: Quantity, unit: str, rows: BoolArray) -> Estimates:
    from recohort.estimators.optimism import cut_point_optimism

    analysis = quantity.analysis
    assert isinstance(analysis, asked.OptimismAnalysis)
    values = analyst.frame.values(analysis.column, unit)
    seen = rows & ~np.isnan(values) & analyst.frame.known(analysis.outcome, unit)
    truth = analyst.frame.mask(analysis.outcome, unit).astype(np.float64)[seen]
    # The bootstrap's stream belongs to the analysis, so that the same cohort gives the same number.
    rng = np.random.default_rng(0)
    try:
        found = cut_point_optimism(values[seen], truth, rng, resamples=100)
    except ValueError as problem:
        return Estimates(dict.fromkeys(asked.GIVES["cutpoint_optimism"], NAN), str(problem))
    return Estimates(
        {
            Statistic.SCORE: found.youden.apparent,
            Statistic.DIFFERENCE: found.youden.optimism,
        }
    )


_BY_KIND: dict[str, Callable[[Analyst, Quantity, str, BoolArray], Estimates]] = {
    "size": _size,
    "parents": _parents,
    "proportion": _proportion,
    "summary": _summary,
    "location": _location,
    "percent_change": _change,
    "paired_test": _paired,
    "two_sample_test": _two_sample,
    "model_term": _term,
    "auc": _auc,
    "auc_difference": _auc_difference,
    "diagnostic": _diagnostic,
    "kaplan_meier": _kaplan_meier,
    "reverse_kaplan_meier": _follow_up,
    "linear_mixed": _linear_mixed,
    "calibration": _calibration,
    "cutpoint_optimism": _optimism,
}
"""Where a kind of analysis is looked up: a new statistic is an estimator and one line here."""

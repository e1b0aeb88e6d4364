"""The analyses that a card can ask for: each kind names columns and conventions, never code."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from recohort.card.layout import ColumnKey, Condition, Identifier, Number, Part
from recohort.card.statistic import Statistic
from recohort.estimators.cox import CoxTies
from recohort.estimators.kaplan_meier import SurvivalInterval
from recohort.estimators.percent_change import ChangeDefinition
from recohort.estimators.proportion import ProportionInterval
from recohort.estimators.summary import QuantileDefinition, SdDenominator

__all__ = [
    "Analysis",
    "AucInterval",
    "Coding",
    "CodingKind",
    "CoxModel",
    "LogisticModel",
    "Model",
    "PairedTestKind",
    "RatioInterval",
    "RatioTest",
    "Term",
    "TwoSampleTestKind",
]

_INTERVAL = frozenset(s for s in Statistic if s.level is not None)
_PROPORTION = frozenset({Statistic.COUNT, Statistic.PERCENT}) | _INTERVAL


class AucInterval(StrEnum):
    """How the interval of an AUC is computed."""

    DELONG = "delong"
    DELONG_LOGIT = "delong_logit"
    HANLEY_MCNEIL = "hanley_mcneil"


class PairedTestKind(StrEnum):
    """A test of two measurements of the same units."""

    T = "paired_t"
    WILCOXON = "wilcoxon"


class TwoSampleTestKind(StrEnum):
    """A test of two groups of different units."""

    STUDENT_T = "student_t"
    WELCH_T = "welch_t"
    MANN_WHITNEY = "mann_whitney"
    MANN_WHITNEY_EXACT = "mann_whitney_exact"
    CHI_SQUARE = "chi_square"
    CHI_SQUARE_YATES = "chi_square_yates"
    FISHER = "fisher"


class RatioInterval(StrEnum):
    """How the interval of an odds or hazard ratio is computed."""

    WALD = "wald"
    PROFILE = "profile"


class RatioTest(StrEnum):
    """How the p-value of an odds or hazard ratio is computed."""

    WALD = "wald"
    WALD_T = "wald_t"
    """Wald statistic against Student's t, residual degrees of freedom (n minus coefficients)."""
    LIKELIHOOD_RATIO = "likelihood_ratio"


class Location(StrEnum):
    """A middle of a sample."""

    MEAN = "mean"
    MEDIAN = "median"


class Accuracy(StrEnum):
    """A measure of a diagnostic test."""

    SENSITIVITY = "sensitivity"
    SPECIFICITY = "specificity"
    PPV = "positive_predictive_value"
    NPV = "negative_predictive_value"


class SizeAnalysis(Part):
    """The number of units in the population."""

    kind: Literal["size"]


class ParentsAnalysis(Part):
    """The number of different parent units that the population's units lie in."""

    kind: Literal["parents"]


class ProportionAnalysis(Part):
    """Units of the population that satisfy every condition, as a count and a share."""

    kind: Literal["proportion"]
    having: tuple[Condition, ...] = Field(min_length=1)
    interval: ProportionInterval = ProportionInterval.WILSON


class SummaryAnalysis(Part):
    """Mean, SD, median, quartiles and range of one column."""

    kind: Literal["summary"]
    column: ColumnKey
    sd: SdDenominator = SdDenominator.N_MINUS_1
    quantiles: QuantileDefinition = QuantileDefinition.TYPE_7


class LocationAnalysis(Part):
    """The mean or the median of a column that is itself a change, in percent or in its units."""

    kind: Literal["location"]
    column: ColumnKey
    by: Location = Location.MEAN


class ChangeAnalysis(Part):
    """Percent change of a column from a baseline, among the units observed at both."""

    kind: Literal["percent_change"]
    column: ColumnKey
    baseline: ColumnKey
    of: ChangeDefinition = ChangeDefinition.OF_MEANS


class PairedAnalysis(Part):
    """Test of a column against a baseline, among the units observed at both."""

    kind: Literal["paired_test"]
    column: ColumnKey
    baseline: ColumnKey
    test: PairedTestKind = PairedTestKind.T


class TwoSampleAnalysis(Part):
    """Test of a column between the units that satisfy a condition and those that do not."""

    kind: Literal["two_sample_test"]
    column: ColumnKey
    group: tuple[Condition, ...] = Field(min_length=1)
    test: TwoSampleTestKind = TwoSampleTestKind.MANN_WHITNEY


class TermAnalysis(Part):
    """One coefficient of a model, as a ratio with its interval and p-value."""

    kind: Literal["model_term"]
    model: Identifier
    term: Identifier
    interval: RatioInterval = RatioInterval.WALD
    test: RatioTest = RatioTest.WALD


class AucAnalysis(Part):
    """Area under the ROC curve of a model's linear predictor, or of a column, for an outcome."""

    kind: Literal["auc"]
    model: Identifier | None = None
    column: ColumnKey | None = None
    outcome: tuple[Condition, ...] = ()
    interval: AucInterval = AucInterval.DELONG
    higher_means_outcome: bool = True

    @model_validator(mode="after")
    def _one_predictor(self) -> AucAnalysis:
        if (self.model is None) == (self.column is None):
            raise ValueError("either a model or a column")
        if self.column is not None and not self.outcome:
            raise ValueError("an outcome, which the AUC of a column needs")
        return self


class AucDifferenceAnalysis(Part):
    """Paired comparison of two columns' AUCs for one outcome (DeLong)."""

    kind: Literal["auc_difference"]
    column: ColumnKey
    other: ColumnKey
    outcome: tuple[Condition, ...] = Field(min_length=1)


class AccuracyAnalysis(Part):
    """Sensitivity, specificity or a predictive value of a test for a reference condition."""

    kind: Literal["diagnostic"]
    measure: Accuracy
    test: tuple[Condition, ...] = Field(min_length=1)
    reference: tuple[Condition, ...] = Field(min_length=1)
    interval: ProportionInterval = ProportionInterval.WILSON


class KaplanMeierAnalysis(Part):
    """Share free of the event at a time, by Kaplan and Meier; errors may cluster within parents."""

    kind: Literal["kaplan_meier"]
    time: ColumnKey
    event: tuple[Condition, ...] = Field(min_length=1)
    at: Number
    interval: SurvivalInterval = SurvivalInterval.LOG_LOG
    clustered: bool = False


class FollowUpAnalysis(Part):
    """Median follow-up by the reverse Kaplan-Meier method."""

    kind: Literal["reverse_kaplan_meier"]
    time: ColumnKey
    event: tuple[Condition, ...] = Field(min_length=1)


class LinearMixedAnalysis(Part):
    """Difference from a baseline time by a linear mixed model with a random intercept a unit."""

    kind: Literal["linear_mixed"]
    column: Identifier
    baseline: ColumnKey
    at: ColumnKey


class CalibrationAnalysis(Part):
    """Calibration slope, intercept and Brier score of a logistic model's predictions."""

    kind: Literal["calibration"]
    model: Identifier


class OptimismAnalysis(Part):
    """How much a cut-point chosen on the same data overstates its accuracy (Youden, bootstrap)."""

    kind: Literal["cutpoint_optimism"]
    column: ColumnKey
    outcome: tuple[Condition, ...] = Field(min_length=1)


Analysis = Annotated[
    SizeAnalysis
    | ParentsAnalysis
    | ProportionAnalysis
    | SummaryAnalysis
    | LocationAnalysis
    | ChangeAnalysis
    | PairedAnalysis
    | TwoSampleAnalysis
    | TermAnalysis
    | AucAnalysis
    | AucDifferenceAnalysis
    | AccuracyAnalysis
    | KaplanMeierAnalysis
    | FollowUpAnalysis
    | LinearMixedAnalysis
    | CalibrationAnalysis
    | OptimismAnalysis,
    Field(discriminator="kind"),
]

GIVES: dict[str, frozenset[Statistic]] = {
    "size": frozenset({Statistic.COUNT}),
    "parents": frozenset({Statistic.COUNT}),
    "proportion": _PROPORTION,
    "summary": frozenset(
        {
            Statistic.MEAN,
            Statistic.SD,
            Statistic.SE,
            Statistic.MEDIAN,
            Statistic.Q1,
            Statistic.Q3,
            Statistic.MIN,
            Statistic.MAX,
        }
    ),
    "location": frozenset(
        {
            Statistic.PERCENT_CHANGE,
            Statistic.PERCENT_REDUCTION,
            Statistic.MEAN,
            Statistic.MEDIAN,
            Statistic.DIFFERENCE,
        }
    ),
    "percent_change": frozenset({Statistic.PERCENT_CHANGE, Statistic.PERCENT_REDUCTION}),
    "paired_test": frozenset({Statistic.P_VALUE, Statistic.DIFFERENCE}),
    "two_sample_test": frozenset({Statistic.P_VALUE, Statistic.DIFFERENCE}),
    "model_term": frozenset(
        {
            Statistic.ODDS_RATIO,
            Statistic.ADJUSTED_ODDS_RATIO,
            Statistic.HAZARD_RATIO,
            Statistic.P_VALUE,
        }
    )
    | _INTERVAL,
    "auc": frozenset({Statistic.AUC}) | _INTERVAL,
    "auc_difference": frozenset({Statistic.DIFFERENCE, Statistic.P_VALUE}) | _INTERVAL,
    "diagnostic": _PROPORTION,
    "kaplan_meier": frozenset({Statistic.PERCENT}) | _INTERVAL,
    "reverse_kaplan_meier": frozenset({Statistic.MEDIAN}),
    "linear_mixed": frozenset({Statistic.DIFFERENCE, Statistic.SE, Statistic.P_VALUE}) | _INTERVAL,
    "calibration": frozenset({Statistic.SLOPE, Statistic.INTERCEPT, Statistic.SCORE}),
    "cutpoint_optimism": frozenset({Statistic.SCORE, Statistic.DIFFERENCE}),
}
"""Which statistics each kind of analysis can give."""


class CodingKind(StrEnum):
    """How a column enters a model."""

    LINEAR = "linear"
    """Its value, per ``per`` units."""
    LOG = "log"
    """Its logarithm to base ``per`` (per doubling: 2)."""
    AT_LEAST = "at_least"
    """1 at or above ``threshold``, else 0."""
    PER_SD = "per_sd"
    """Its value in SDs of the rows that the model is fitted on."""


class Coding(Part):
    """How a column enters a model, and the number that the coding needs."""

    kind: CodingKind = CodingKind.LINEAR
    per: Annotated[Decimal, Field(gt=0)] = Decimal(1)
    threshold: Number | None = None

    @model_validator(mode="after")
    def _threshold_where_needed(self) -> Coding:
        if (self.kind is CodingKind.AT_LEAST) != (self.threshold is not None):
            raise ValueError("a threshold where the kind is at_least, and none elsewhere")
        if self.kind is CodingKind.LOG and self.per in (0, 1):
            raise ValueError("a base of the logarithm (per) other than 1, such as 2")
        return self


class Term(Part):
    """One predictor of a model."""

    column: ColumnKey
    coding: Coding = Coding()


class LogisticModel(Part):
    """Logistic regression; ``group`` adds a random intercept (maximum likelihood, quadrature)."""

    kind: Literal["logistic", "mixed_logistic"]
    label: str = ""
    population: Identifier
    outcome: tuple[Condition, ...] = Field(min_length=1)
    terms: dict[Identifier, Term] = Field(min_length=1)
    group: Identifier | None = None
    nodes: Annotated[int, Field(ge=1, le=61)] = 9
    """Quadrature nodes; 1 is the Laplace approximation."""

    @model_validator(mode="after")
    def _group_where_mixed(self) -> LogisticModel:
        if (self.kind == "mixed_logistic") != (self.group is not None):
            raise ValueError("a group where the kind is mixed_logistic, and none elsewhere")
        return self


class CoxModel(Part):
    """Cox regression; ``group`` makes its standard errors robust to clustering."""

    kind: Literal["cox"]
    label: str = ""
    population: Identifier
    time: ColumnKey
    outcome: tuple[Condition, ...] = Field(min_length=1)
    terms: dict[Identifier, Term] = Field(min_length=1)
    group: Identifier | None = None
    ties: CoxTies = CoxTies.EFRON
    """What to do with equal times: efron as in R, breslow as SAS, Stata and SPSS do by default."""


Model = Annotated[LogisticModel | CoxModel, Field(discriminator="kind")]

"""A regression as a search problem: predictors that may move, and targets on coefficients and AUCs.

The outcome and the groups stay where they are. Each predictor column is an array over the rows of
one unit; two rows of one stratum may exchange their values, and a column of which nothing was
printed may also take new values. The block says exactly what a changed state would print, by
refitting, for many candidate states in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr, ndtri, stdtr

from recohort.analysis.estimate import Analyst
from recohort.analysis.frame import BoolArray
from recohort.analysis.model import coded
from recohort.card.analyses import (
    AucAnalysis,
    AucInterval,
    CodingKind,
    LogisticModel,
    RatioInterval,
    RatioTest,
    TermAnalysis,
)
from recohort.card.statistic import Statistic
from recohort.card.study import StudyCard
from recohort.cohort import FloatArray, IntArray
from recohort.reconstruct.target import Target

__all__ = [
    "RATIOS",
    "Fit",
    "Measure",
    "ModelBlock",
    "Movable",
    "Regression",
    "block_models",
    "build_block",
]

NOT_ESTIMABLE = 1e8
"""The loss of a coefficient or an AUC that does not exist."""

RATIOS = {Statistic.ODDS_RATIO, Statistic.ADJUSTED_ODDS_RATIO, Statistic.HAZARD_RATIO}


@dataclass(frozen=True, slots=True)
class Measure:
    """How distances from targets are taken: see `losses_of`."""

    softness: float = 0.0
    inset: float = 0.0


@dataclass(frozen=True, slots=True)
class Box:
    """The interval that a transformed estimate must lie in, and two sizes of its misses.

    ``width`` is half a printed unit; ``scale`` is a size at which all kinds of targets count alike.
    """

    low: float
    high: float
    width: float
    scale: float

    def shift(self, values: FloatArray, inset: float) -> FloatArray:
        """How far values must move to lie in the box, ``inset`` of a half unit inside its rim."""
        rim = inset * min(self.width, (self.high - self.low) / 2.0)
        return np.clip(values, self.low + rim, self.high - rim) - values


@dataclass(frozen=True, slots=True)
class TermTarget:
    """A target on one coefficient: ``column`` counts the intercept as 0."""

    target: Target
    column: int
    statistic: Statistic
    test: RatioTest

    @property
    def follows(self) -> bool:
        """Whether the coefficient and its standard error determine the estimate."""
        lrt = self.test is RatioTest.LIKELIHOOD_RATIO
        return not (lrt and self.statistic is Statistic.P_VALUE)


@dataclass(frozen=True, slots=True)
class AucTarget:
    """Targets on one AUC of a model's linear predictor."""

    targets: tuple[Target, ...]
    rows: IntArray
    truth: FloatArray
    method: AucInterval
    sign: float


@dataclass(frozen=True, slots=True)
class Regression:
    """One model of the block; ``rows`` are those that it is fitted on, ``outcome`` is of all rows.

    For each target of a coefficient, ``columns`` says which, ``reach`` how many standard errors
    from it, ``follows`` whether it follows from both, ``sizes`` (4, targets) its box.
    """

    name: str
    model: LogisticModel
    rows: IntArray
    inside: BoolArray
    outcome: FloatArray
    y: FloatArray
    group: IntArray | None
    terms: tuple[TermTarget, ...]
    aucs: tuple[AucTarget, ...]
    boxes: tuple[Box, ...]
    columns: IntArray = field(init=False)
    reach: FloatArray = field(init=False)
    follows: BoolArray = field(init=False)
    sizes: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        levels = [one.statistic.level for one in self.terms]
        signs = [-1.0 if one.statistic.is_lower_limit else 1.0 for one in self.terms]
        reach = [
            0.0 if level is None else sign * float(ndtri(0.5 + level / 2.0))
            for level, sign in zip(levels, signs, strict=True)
        ]
        boxes = [(box.low, box.high, box.width, box.scale) for box in self.boxes]
        object.__setattr__(self, "columns", np.array([t.column for t in self.terms], dtype=int))
        object.__setattr__(self, "reach", np.array(reach))
        object.__setattr__(self, "follows", np.array([t.follows for t in self.terms], dtype=bool))
        object.__setattr__(self, "sizes", np.array(boxes).reshape(-1, 4).T)

    def df(self, coefficients: int) -> int:
        """Residual degrees of freedom of a fit with so many coefficients."""
        return int(self.y.size) - coefficients - (self.group is not None)


@dataclass(frozen=True, slots=True)
class Fit:
    """Fits of one model to C states: (C, p) coefficients and standard errors, SD and status."""

    coef: FloatArray
    se: FloatArray
    sd: FloatArray
    loglik: FloatArray
    usable: BoolArray


@dataclass(frozen=True, slots=True)
class Movable:
    """How one predictor may move: see `ModelBlock`."""

    strata: IntArray
    free: bool
    low: FloatArray
    high: FloatArray
    step: float
    spread: float


@dataclass
class ModelBlock:
    """Models that share predictors, and the state of those predictors.

    ``values`` (keys, n) is the state. ``strata`` (keys, n) holds for each key a code by row; only
    rows with the same non-negative code may exchange values. ``free`` marks keys whose values may
    change, within ``low`` to ``high`` (keys, n) in steps of ``step`` (0: real-valued); ``spread``
    is the usual size of a difference between two values.
    """

    unit: str
    keys: tuple[str, ...]
    values: FloatArray
    strata: IntArray
    free: BoolArray
    low: FloatArray
    high: FloatArray
    step: FloatArray
    spread: FloatArray
    regressions: tuple[Regression, ...]

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.values.shape[1])

    def keys_of(self, regression: Regression) -> tuple[int, ...]:
        """For each term of a model, which key it uses."""
        return tuple(self.keys.index(t.column) for t in regression.model.terms.values())

    def design(self, regression: Regression, values: FloatArray) -> FloatArray:
        """Designs (C, n, p) on all rows for states (C, keys, n)."""
        columns = [np.ones((values.shape[0], values.shape[2]))]
        for term, key in zip(
            regression.model.terms.values(), self.keys_of(regression), strict=True
        ):
            raw = values[:, key, :]
            if term.coding.kind is CodingKind.PER_SD:
                scale = raw[:, regression.rows].std(axis=1, ddof=1)[:, None]
                columns.append(raw / scale)
            else:
                columns.append(coded(raw, term.coding, 1.0))
        return np.stack(columns, axis=2)

    def fit(
        self,
        regression: Regression,
        design: FloatArray,
        start: tuple[FloatArray, float] | None = None,
    ) -> Fit:
        """Fit a model to designs (C, n, p)."""
        from recohort.estimators.logistic_batch import fit_logistic_batch, fit_mixed_logistic_batch

        x = np.ascontiguousarray(design[:, regression.rows, :])
        if regression.group is None:
            plain = fit_logistic_batch(regression.y, x)
            return Fit(
                plain.coef, plain.se, np.zeros(x.shape[0]), plain.loglik, np.asarray(plain.ok)
            )
        mixed = fit_mixed_logistic_batch(
            regression.y, x, regression.group, nodes=regression.model.nodes, start=start
        )
        return Fit(mixed.coef, mixed.se, mixed.sd, mixed.loglik, np.asarray(mixed.ok))

    def losses(
        self,
        values: FloatArray,
        measure: Measure,
        starts: Sequence[tuple[FloatArray, float] | None] | None = None,
    ) -> tuple[FloatArray, list[Fit]]:
        """Exact losses (C,) of states (C, keys, n), and the fits behind them."""
        designs = [self.design(regression, values) for regression in self.regressions]
        fits = [
            self.fit(regression, designs[i], None if starts is None else starts[i])
            for i, regression in enumerate(self.regressions)
        ]
        return self.scores(designs, fits, measure), fits

    def scores(
        self, designs: Sequence[FloatArray], fits: Sequence[Fit], measure: Measure
    ) -> FloatArray:
        """The losses (C,) of states whose designs (C, n, p) have been fitted."""
        total = np.zeros(designs[0].shape[0])
        for regression, design, fit in zip(self.regressions, designs, fits, strict=True):
            part = self._term_losses(regression, design, fit, measure)
            for auc in regression.aucs:
                scores = np.einsum("cnp,cp->cn", design[:, auc.rows, :], fit.coef)
                part += auc_losses(auc, scores, measure)
            bad = NOT_ESTIMABLE * (len(regression.terms) + 3 * len(regression.aucs))
            total += np.where(fit.usable, part, bad)
        return total

    def _term_losses(
        self, regression: Regression, design: FloatArray, fit: Fit, measure: Measure
    ) -> FloatArray:
        total = term_losses(regression, fit.coef, fit.se, regression.df(fit.coef.shape[1]), measure)
        for one in regression.terms:
            if not one.follows:
                keep = [j for j in range(design.shape[2]) if j != one.column]
                without = self.fit(regression, design[:, :, keep])
                root = np.sqrt(np.maximum(2.0 * (fit.loglik - without.loglik), 0.0))
                total += losses_of(one.target, 2.0 * ndtr(-root), measure)
        return total


def _safe_log(values: FloatArray | float) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(np.clip(np.log(np.maximum(values, 0.0)), -1e3, 1e3))


def box_of(target: Target, *, is_ratio: bool = True) -> Box:
    """Where a target's estimate must lie: z for p-values, logarithms for ratios, else as it is."""
    low, high = target.low, target.high
    if target.statistic is Statistic.P_VALUE:
        z_low, z_high = -ndtri(np.clip([high, low], 1e-300, 1.0) / 2.0)
        narrow = target.printed.is_exact
        return Box(float(z_low), float(z_high), (z_high - z_low) / 2 if narrow else 0.05, 0.3)
    if is_ratio:
        width = target.width / max(abs(low), abs(high), 1e-12)
        return Box(float(_safe_log(low)), float(_safe_log(high)), width, 0.3)
    return Box(low, high, target.width, 0.1)


def transformed(target: Target, values: FloatArray, *, is_ratio: bool = True) -> FloatArray:
    """Estimates on the scale of `box_of`."""
    if target.statistic is Statistic.P_VALUE:
        return np.asarray(-ndtri(np.clip(values, 1e-300, 1.0) / 2.0))
    return _safe_log(values) if is_ratio else values


def losses_of(
    target: Target, values: FloatArray, measure: Measure, *, is_ratio: bool = True
) -> FloatArray:
    """Squared distances from a target's box: convex, so that no half-met state traps the search.

    Distances are in half printed units, widened by ``softness``: without that, a number printed to
    many digits hides all the others until it is met. ``inset`` aims that share of a half unit
    inside the box, whose rim is approached ever more slowly otherwise.
    """
    box = box_of(target, is_ratio=is_ratio)
    moved = box.shift(transformed(target, values, is_ratio=is_ratio), measure.inset)
    loss = np.square(moved / (box.width + measure.softness * box.scale))
    return np.where(np.isnan(values), NOT_ESTIMABLE, loss)


def term_values(regression: Regression, coef: FloatArray, se: FloatArray, df: int) -> FloatArray:
    """Estimates (C, targets), transformed; NaN where coefficients do not give them."""
    columns = regression.columns
    b, s = coef[:, columns], se[:, columns]
    found = b + regression.reach * s
    for index, one in enumerate(regression.terms):
        if one.statistic is Statistic.P_VALUE:
            with np.errstate(invalid="ignore", divide="ignore"):
                z = np.minimum(np.abs(b[:, index] / s[:, index]), 37.0)
            if one.test is RatioTest.WALD:
                found[:, index] = z
            elif one.test is RatioTest.WALD_T:
                found[:, index] = transformed(one.target, 2.0 * stdtr(df, -z))
            else:
                found[:, index] = np.nan
    return found


def term_losses(
    regression: Regression, coef: FloatArray, se: FloatArray, df: int, measure: Measure
) -> FloatArray:
    """Losses (C,) of the targets that follow from coefficients and standard errors (C, p)."""
    if not regression.terms:
        return np.zeros(coef.shape[0])
    values = term_values(regression, coef, se, df)
    low, high, width, scale = regression.sizes
    rim = measure.inset * np.minimum(width, (high - low) / 2.0)
    moved = np.clip(values, low + rim, high - rim) - values
    loss = np.square(moved / (width + measure.softness * scale))
    loss = np.where(np.isnan(loss), NOT_ESTIMABLE, loss)
    return np.asarray(loss[:, regression.follows].sum(axis=1))


def auc_losses(auc: AucTarget, scores: FloatArray, measure: Measure) -> FloatArray:
    """Losses (C,) of an AUC's targets for scores (C, rows)."""
    from recohort.estimators.auc import AucScale
    from recohort.estimators.auc_batch import auc_delong_batch

    total = np.zeros(scores.shape[0])
    scores = np.where(np.isfinite(scores), auc.sign * scores, 0.0)
    levels = {one.statistic.level for one in auc.targets if one.statistic.level} or {0.95}
    scale = AucScale.LOGIT if auc.method is AucInterval.DELONG_LOGIT else AucScale.PLAIN
    for level in sorted(levels):
        batch = auc_delong_batch(scores, auc.truth, level, scale)
        low, high = batch.low, batch.high
        if auc.method is AucInterval.HANLEY_MCNEIL:
            low, high = _hanley_mcneil(batch.auc, auc.truth, level)
        for one in auc.targets:
            if one.statistic is Statistic.AUC:
                if level == min(levels):
                    total += losses_of(one, batch.auc, measure, is_ratio=False)
            elif one.statistic.level == level:
                limit = low if one.statistic.is_lower_limit else high
                total += losses_of(one, limit, measure, is_ratio=False)
    return total


def _hanley_mcneil(
    auc: FloatArray, truth: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    from recohort.estimators.auc_variance import AucVarianceModel, auc_variance

    n1 = int(truth.sum())
    variance = auc_variance(auc, n1, truth.size - n1, AucVarianceModel.HANLEY_MCNEIL)
    half = float(ndtri(0.5 + level / 2.0)) * np.sqrt(np.maximum(np.asarray(variance), 0.0))
    return np.maximum(auc - half, 0.0), np.minimum(auc + half, 1.0)


def block_models(card: StudyCard, targets: Sequence[Target]) -> list[list[str]]:
    """Logistic models with targets, grouped so that models of one unit search together."""
    named = {
        str(getattr(card.quantities[t.quantity].analysis, "model", None) or "") for t in targets
    }
    by_unit: dict[str, list[str]] = {}
    for name, model in card.models.items():
        if name in named and isinstance(model, LogisticModel):
            by_unit.setdefault(card.populations[model.population].unit, []).append(name)
    return list(by_unit.values())


def build_block(
    card: StudyCard,
    analyst: Analyst,
    names: Sequence[str],
    targets: Sequence[Target],
    movable: dict[str, Movable],
) -> ModelBlock:
    """The block of some models on a cohort whose predictors all have values."""
    frame = analyst.frame
    models = {name: card.models[name] for name in names}
    unit = card.populations[next(iter(models.values())).population].unit
    keys = tuple(dict.fromkeys(t.column for m in models.values() for t in m.terms.values()))
    by_quantity: dict[str, list[Target]] = {}
    for one in targets:
        by_quantity.setdefault(one.quantity, []).append(one)
    regressions = []
    for name, model in models.items():
        if not isinstance(model, LogisticModel):
            continue
        inside = frame.population(model.population).copy()
        for key in keys:
            if any(t.column == key for t in model.terms.values()):
                inside &= ~np.isnan(frame.values(key, unit))
        rows = np.flatnonzero(inside)
        y = frame.mask(model.outcome, unit).astype(np.float64)
        terms: list[TermTarget] = []
        aucs: list[AucTarget] = []
        position = {term: index + 1 for index, term in enumerate(model.terms)}
        for quantity, wanted in by_quantity.items():
            analysis = card.quantities[quantity].analysis
            if getattr(analysis, "model", None) != name:
                continue
            if isinstance(analysis, TermAnalysis) and analysis.interval is RatioInterval.WALD:
                terms += [
                    TermTarget(one, position[analysis.term], one.statistic, analysis.test)
                    for one in wanted
                ]
            elif isinstance(analysis, AucAnalysis):
                seen = frame.population(card.quantities[quantity].population)
                for key in keys:
                    seen = seen & ~np.isnan(frame.values(key, unit))
                truth = frame.mask(analysis.outcome or model.outcome, unit)
                at = np.flatnonzero(seen)
                sign = 1.0 if analysis.higher_means_outcome else -1.0
                aucs.append(
                    AucTarget(tuple(wanted), at, truth[at].astype(float), analysis.interval, sign)
                )
        group = None
        if model.group is not None:
            labels = frame.groups(model.group, unit)[rows]
            group = np.unique(labels, return_inverse=True)[1].astype(np.int64)
        regressions.append(
            Regression(
                name,
                model,
                rows,
                inside,
                y,
                y[rows],
                group,
                tuple(terms),
                tuple(aucs),
                tuple(box_of(t.target) for t in terms),
            )
        )
    parts = [movable[key] for key in keys]
    return ModelBlock(
        unit=unit,
        keys=keys,
        values=np.stack([frame.values(key, unit) for key in keys]),
        strata=np.stack([part.strata for part in parts]),
        free=np.array([part.free for part in parts]),
        low=np.stack([part.low for part in parts]),
        high=np.stack([part.high for part in parts]),
        step=np.array([part.step for part in parts]),
        spread=np.array([part.spread for part in parts]),
        regressions=tuple(regressions),
    )

"""What a regression is to print: intervals for coefficients, limits, p-values and AUCs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit, logit, ndtri, stdtr

from recohort.analysis.frame import BoolArray
from recohort.card.analyses import AucInterval, LogisticModel, RatioInterval, RatioTest
from recohort.card.statistic import Statistic
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.auc_variance import AucVarianceModel, auc_variance
from recohort.reconstruct.regression.kernel import auc_sums
from recohort.reconstruct.target import Target

__all__ = [
    "RATIOS",
    "AucTarget",
    "Box",
    "Measure",
    "Regression",
    "TermTarget",
    "auc_values",
    "box_of",
    "losses",
    "running",
    "term_values",
]

NOT_ESTIMABLE = 1e8
"""The loss of a coefficient or an AUC that does not exist."""

RATIOS = {Statistic.ODDS_RATIO, Statistic.ADJUSTED_ODDS_RATIO, Statistic.HAZARD_RATIO}


@dataclass(frozen=True, slots=True)
class Measure:
    """How distances from targets are taken: see `losses`."""

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


@dataclass(frozen=True, slots=True)
class TermTarget:
    """A target on one coefficient: ``column`` counts the intercept as 0."""

    target: Target
    column: int
    statistic: Statistic
    test: RatioTest
    interval: RatioInterval

    @property
    def is_ratio(self) -> bool:
        """Whether it is the ratio itself."""
        return self.statistic in RATIOS

    @property
    def is_profiled(self) -> bool:
        """Whether it takes more than a coefficient and its standard error."""
        if self.statistic is Statistic.P_VALUE:
            return self.test is RatioTest.LIKELIHOOD_RATIO
        return self.statistic.level is not None and self.interval is RatioInterval.PROFILE


@dataclass(frozen=True, slots=True)
class AucTarget:
    """Targets on one AUC of a model's linear predictor among ``rows``, cases and controls."""

    targets: tuple[Target, ...]
    rows: IntArray
    truth: BoolArray
    method: AucInterval
    sign: float


@dataclass(frozen=True, slots=True)
class Regression:
    """One model of the block; ``rows`` are those that it is fitted on, ``outcome`` is of all rows.

    For each target of a coefficient, ``columns`` says which, ``reach`` how many standard errors
    from it, and ``side`` on which side of 1 its printed ratio lies (0: neither). ``boxes``
    (4, targets) has those of the coefficients first, then those of the AUCs.
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
    columns: IntArray = field(init=False)
    reach: FloatArray = field(init=False)
    side: FloatArray = field(init=False)
    boxes: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        levels = [one.statistic.level for one in self.terms]
        signs = [-1.0 if one.statistic.is_lower_limit else 1.0 for one in self.terms]
        reach = [
            0.0 if level is None else sign * float(ndtri(0.5 + level / 2.0))
            for level, sign in zip(levels, signs, strict=True)
        ]
        ratios = {t.column: float(t.target.printed.value) for t in self.terms if t.is_ratio}
        side = np.sign([ratios.get(one.column, 1.0) - 1.0 for one in self.terms])
        object.__setattr__(self, "side", side)
        boxes = [box_of(one.target) for one in self.terms]
        boxes += [box_of(one, is_ratio=False) for auc in self.aucs for one in auc.targets]
        sizes = [(box.low, box.high, box.width, box.scale) for box in boxes]
        object.__setattr__(self, "columns", np.array([t.column for t in self.terms], dtype=int))
        object.__setattr__(self, "reach", np.array(reach))
        object.__setattr__(self, "boxes", np.array(sizes).reshape(-1, 4).T)

    def df(self, coefficients: int) -> int:
        """Residual degrees of freedom of a fit with so many coefficients."""
        return int(self.y.size) - coefficients - (self.group is not None)


def safe_log(values: FloatArray | float) -> FloatArray:
    """Logarithms, finite for zeros and infinities."""
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
        return Box(float(safe_log(low)), float(safe_log(high)), width, 0.3)
    return Box(low, high, target.width, 0.1)


def losses(boxes: FloatArray, values: FloatArray, measure: Measure) -> FloatArray:
    """Squared distances (C,) of estimates (C, T) from their boxes (4, T): convex.

    No half-met state traps the search. Distances are in half printed units, widened by
    ``softness``: without that, a number printed to many digits hides all the others until it is
    met. ``inset`` aims that share of a half unit inside the box, whose rim is approached ever more
    slowly otherwise.
    """
    low, high, width, scale = boxes
    rim = measure.inset * np.minimum(width, (high - low) / 2.0)
    moved = np.clip(values, low + rim, high - rim) - values
    # The last bits of a mean decide nothing: the printed number's own arithmetic will.
    moved = np.where(np.abs(moved) < 1e-9 * width, 0.0, moved)
    loss = np.square(moved / (width + measure.softness * scale))
    return np.asarray(np.where(np.isnan(values), NOT_ESTIMABLE, loss).sum(axis=1))


def term_values(
    regression: Regression, coef: FloatArray, se: FloatArray, curve: FloatArray
) -> FloatArray:
    """Estimates (C, targets), transformed as their boxes are.

    ``curve`` (targets,) is how much further than Wald's the profile likelihood's limit or its root
    lies: it hardly changes from one state to the next.
    """
    columns = regression.columns
    b, s = coef[:, columns], se[:, columns]
    found = b + regression.reach * s * curve
    df = regression.df(coef.shape[1])
    for index, one in enumerate(regression.terms):
        if one.statistic is Statistic.P_VALUE:
            with np.errstate(invalid="ignore", divide="ignore"):
                z = np.clip(b[:, index] / s[:, index] * curve[index], -37.0, 37.0)
            if one.test is RatioTest.WALD_T:
                z = np.sign(z) * -ndtri(np.clip(stdtr(df, -np.abs(z)), 1e-300, 0.5))
            # With its sign, a p-value does not hold a coefficient back on the wrong side of 0.
            side = regression.side[index]
            found[:, index] = side * z if side else np.abs(z)
    return found


def auc_statistics(auc: AucTarget, scores: FloatArray) -> FloatArray:
    """`auc_sums` (C, 3) of scores (C, rows)."""
    signed = auc.sign * np.where(np.isfinite(scores), scores, 0.0)
    cases, controls = signed[:, auc.truth], signed[:, ~auc.truth]
    if cases.shape[1] == 0 or controls.shape[1] == 0:
        return np.full((scores.shape[0], 3), np.nan)
    return auc_sums(np.sort(cases, axis=1), np.sort(controls, axis=1))


def running(own: FloatArray, others: FloatArray, upward: float) -> FloatArray:
    """Sums of the placements of the first 0, 1, 2, ... ordered scores."""
    below = np.searchsorted(others, own, side="left") + np.searchsorted(others, own, side="right")
    place = 0.5 * below / others.size
    return np.concatenate([[0.0], np.cumsum(place if upward > 0.0 else 1.0 - place)])


def auc_values(auc: AucTarget, sums: FloatArray) -> FloatArray:
    """Estimates (C, targets) of an AUC and its limits from `auc_sums` (C, 3)."""
    area = np.clip(sums[:, 0], 0.0, 1.0)
    n1 = int(auc.truth.sum())
    n0 = auc.truth.size - n1
    with np.errstate(invalid="ignore", divide="ignore"):
        if auc.method is AucInterval.HANLEY_MCNEIL:
            model = AucVarianceModel.HANLEY_MCNEIL
            variance = np.asarray(auc_variance(np.nan_to_num(area, nan=0.5), n1, n0, model))
        elif min(n1, n0) < 2:
            variance = np.full(area.size, np.nan)
        else:
            variance = (sums[:, 1] - n1 * area**2) / (n1 - 1) / n1
            variance = variance + (sums[:, 2] - n0 * area**2) / (n0 - 1) / n0
        error = np.sqrt(np.maximum(variance, 0.0))
        columns = []
        for one in auc.targets:
            level = one.statistic.level
            if level is None:
                columns.append(area)
                continue
            half = float(ndtri(0.5 + level / 2.0)) * error
            half = -half if one.statistic.is_lower_limit else half
            if auc.method is AucInterval.DELONG_LOGIT:
                columns.append(expit(logit(area) + half / (area * (1.0 - area))))
            else:
                columns.append(np.clip(area + half, 0.0, 1.0))
    return np.stack(columns, axis=1)

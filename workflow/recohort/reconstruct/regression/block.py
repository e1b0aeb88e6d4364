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

from recohort.analysis.estimate import Analyst
from recohort.analysis.frame import BoolArray
from recohort.analysis.model import coded
from recohort.card.analyses import AucAnalysis, CodingKind, LogisticModel, TermAnalysis
from recohort.card.layout import Family
from recohort.card.study import StudyCard
from recohort.cohort import FloatArray, IntArray
from recohort.reconstruct.regression.compare import Comparison
from recohort.reconstruct.regression.fit import Fit, fit_states, profile_curve
from recohort.reconstruct.regression.margin import Margin, room
from recohort.reconstruct.regression.targets import (
    AucTarget,
    Measure,
    Regression,
    TermTarget,
    auc_statistics,
    auc_values,
    losses,
    term_values,
)
from recohort.reconstruct.target import Target

__all__ = ["ModelBlock", "Movable", "State", "block_models", "build_block"]


@dataclass(frozen=True, slots=True)
class Movable:
    """How one predictor may move: see `ModelBlock`."""

    strata: IntArray
    free: bool
    low: FloatArray
    high: FloatArray
    step: float
    spread: float
    margins: tuple[Margin, ...] = ()
    tests: tuple[Comparison, ...] = ()
    shape: tuple[Family, float, float] | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What one state of the predictors prints: fits, curves of profiles, and estimates (T,)."""

    fits: tuple[Fit, ...]
    curves: tuple[FloatArray, ...]
    estimates: FloatArray


@dataclass
class ModelBlock:
    """Models that share predictors, and the state of those predictors.

    ``values`` (keys, n) is the state. ``strata`` (keys, n) holds for each key a code by row; only
    rows with the same non-negative code may exchange values. ``free`` marks keys whose values may
    change, within ``low`` to ``high`` (keys, n) in steps of ``step`` (0: real-valued); ``spread``
    is the usual size of a difference between two values, ``shapes`` the plausible family, mean and
    SD of each key. ``margins`` is what was printed of each
    key alone, ``tests`` the comparisons of it between two groups, where its values may change
    nevertheless.

    ``cuts`` has the cut-points of each key that models see dichotomised and not otherwise, ``None``
    for the rest; ``useful`` the rows that any model or AUC uses; ``boxes`` (4, T) all targets'.
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
    margins: tuple[tuple[Margin, ...], ...]
    tests: tuple[tuple[Comparison, ...], ...]
    shapes: tuple[tuple[Family, float, float] | None, ...]
    cuts: tuple[tuple[float, ...] | None, ...] = field(init=False)
    useful: IntArray = field(init=False)
    boxes: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        terms = [term for r in self.regressions for term in r.model.terms.values()]
        cuts: list[tuple[float, ...] | None] = []
        for key in self.keys:
            codings = [term.coding for term in terms if term.column == key]
            only = all(coding.kind is CodingKind.AT_LEAST for coding in codings)
            cuts.append(tuple(float(c.threshold or 0) for c in codings) if only else None)
        self.cuts = tuple(cuts)
        used = np.zeros(self.n, dtype=np.bool_)
        for regression in self.regressions:
            used |= regression.inside
            for auc in regression.aucs:
                used[auc.rows] = True
        self.useful = np.flatnonzero(used)
        boxes = [r.boxes for r in self.regressions]
        boxes += [one.boxes for key in range(len(self.keys)) for one in self.alone(key)]
        self.boxes = np.concatenate(boxes, axis=1)

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.values.shape[1])

    def alone(self, key: int) -> tuple[Margin | Comparison, ...]:
        """What was printed of one key by itself."""
        return (*self.margins[key], *self.tests[key])

    def keys_of(self, regression: Regression) -> tuple[int, ...]:
        """For each term of a model, which key it uses."""
        return tuple(self.keys.index(t.column) for t in regression.model.terms.values())

    def design(self, regression: Regression, values: FloatArray) -> FloatArray:
        """Designs (C, n, p) on all rows for states (C, keys, n)."""
        terms = regression.model.terms.values()
        found = np.ones((values.shape[0], values.shape[2], 1 + len(terms)))
        for index, (term, key) in enumerate(
            zip(terms, self.keys_of(regression), strict=True), start=1
        ):
            raw = values[:, key, :]
            scale = 1.0
            if term.coding.kind is CodingKind.PER_SD:
                raw = raw / raw[:, regression.rows].std(axis=1, ddof=1)[:, None]
            found[:, :, index] = coded(raw, term.coding, scale)
        return found

    def state(self, values: FloatArray, near: State | None = None) -> State:
        """Everything that a state (keys, n) prints, exactly."""
        fits, curves, parts = [], [], []
        for index, regression in enumerate(self.regressions):
            design = self.design(regression, values[None])
            start = None if near is None else near.fits[index]
            fit = fit_states(regression, design[:, regression.rows], start)
            guess = None if near is None else near.curves[index]
            curve = profile_curve(regression, design[0, regression.rows], fit, guess)
            fits.append(fit)
            curves.append(curve)
            parts.append(_estimates(regression, design, fit, curve))
        parts += self._of_keys(values[None])
        return State(tuple(fits), tuple(curves), np.concatenate(parts, axis=1)[0])

    def estimates(self, values: FloatArray, near: State) -> FloatArray:
        """Estimates (C, T) of states (C, keys, n); profiles curve as in the state ``near`` them."""
        parts = []
        for index, regression in enumerate(self.regressions):
            design = self.design(regression, values)
            fit = fit_states(regression, design[:, regression.rows], near.fits[index])
            parts.append(_estimates(regression, design, fit, near.curves[index]))
        parts += self._of_keys(values)
        return np.concatenate(parts, axis=1)

    def _of_keys(self, values: FloatArray) -> list[FloatArray]:
        return [
            one.values(values[:, key]) for key in range(len(self.keys)) for one in self.alone(key)
        ]

    def room(
        self, key: IntArray, row: IntArray, values: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """How low and how high free values (of keys, in rows) may go."""
        low, high = self.low[key, row], self.high[key, row]
        for index, mine in enumerate(self.margins):
            if mine:
                at = np.flatnonzero(key == index)
                least, most = room(mine, row[at], values[at])
                low[at] = np.maximum(low[at], least)
                high[at] = np.minimum(high[at], most)
        return low, high

    def losses(self, estimates: FloatArray, measure: Measure) -> FloatArray:
        """Distances (C,) of estimates (C, T) from all targets."""
        return losses(self.boxes, estimates, measure)


def _estimates(
    regression: Regression, design: FloatArray, fit: Fit, curve: FloatArray
) -> FloatArray:
    parts = [term_values(regression, fit.coef, fit.se, curve)]
    for auc in regression.aucs:
        scores = np.einsum("cnp,cp->cn", design[:, auc.rows, :], fit.coef)
        parts.append(auc_values(auc, auc_statistics(auc, scores)))
    found = np.concatenate(parts, axis=1)
    found[~fit.usable] = np.nan
    return found


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
        known = frame.known(model.outcome, unit)
        for term in model.terms.values():
            known = known & ~np.isnan(frame.values(term.column, unit))
        inside = frame.population(model.population) & known
        rows = np.flatnonzero(inside)
        y = frame.mask(model.outcome, unit).astype(np.float64)
        terms: list[TermTarget] = []
        aucs: list[AucTarget] = []
        position = {term: index + 1 for index, term in enumerate(model.terms)}
        for quantity, wanted in by_quantity.items():
            analysis = card.quantities[quantity].analysis
            if getattr(analysis, "model", None) != name:
                continue
            if isinstance(analysis, TermAnalysis):
                terms += [
                    TermTarget(
                        one,
                        position[analysis.term],
                        one.statistic,
                        analysis.test,
                        analysis.interval,
                    )
                    for one in wanted
                ]
            elif isinstance(analysis, AucAnalysis):
                outcome = analysis.outcome or model.outcome
                seen = frame.population(card.quantities[quantity].population) & known
                at = np.flatnonzero(seen & frame.known(outcome, unit))
                truth = frame.mask(outcome, unit)[at]
                sign = 1.0 if analysis.higher_means_outcome else -1.0
                aucs.append(AucTarget(tuple(wanted), at, truth, analysis.interval, sign))
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
        margins=tuple(part.margins for part in parts),
        tests=tuple(part.tests for part in parts),
        shapes=tuple(part.shape for part in parts),
    )

"""Foretells what moves of predictor values do to a regression's estimates, without refitting.

Coefficients by one Newton step from the fit at hand, standard errors from the information after
it, AUCs from the placements that the moved rows lose and gain and from the slope along the
coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from recohort.analysis.model import coded
from recohort.card.analyses import CodingKind
from recohort.cohort import FloatArray, IntArray
from recohort.reconstruct.regression.block import ModelBlock, State
from recohort.reconstruct.regression.fit import Fit
from recohort.reconstruct.regression.kernel import auc_effects, auc_slopes, newton_moves
from recohort.reconstruct.regression.moves import Moves
from recohort.reconstruct.regression.targets import (
    AucTarget,
    Regression,
    auc_statistics,
    auc_values,
    running,
    term_values,
)

__all__ = ["Foresight"]

_WINDOW = 0.2
"""Half the window, in SDs of the scores, over which an AUC's steps are smoothed."""


@dataclass(frozen=True, slots=True)
class _Auc:
    """One AUC around a state: ordered scores, running sums of placements, slopes."""

    target: AucTarget
    row: IntArray
    cases: FloatArray
    controls: FloatArray
    case_sums: FloatArray
    control_sums: FloatArray
    now: FloatArray
    by_coef: FloatArray
    by_score: FloatArray


@dataclass(frozen=True, slots=True)
class _Model:
    """One regression around a state."""

    regression: Regression
    fit: Fit
    curve: FloatArray
    design: FloatArray
    scales: FloatArray
    information: FloatArray
    bend: FloatArray
    lean: FloatArray
    shift: FloatArray
    group: IntArray
    y: FloatArray
    ratio: FloatArray
    aucs: tuple[_Auc, ...]


class Foresight:
    """All regressions of a block around one state, from which moves are foretold."""

    def __init__(self, block: ModelBlock, state: State) -> None:
        self.block = block
        self.now = state.estimates
        self._models = [
            _around(block, regression, fit, curve)
            for regression, fit, curve in zip(
                block.regressions, state.fits, state.curves, strict=True
            )
        ]

    def estimates(self, moves: Moves, *, smooth: bool = False) -> FloatArray:
        """Estimates (M, T) after each move alone; NaN where nothing can be foretold.

        ``smooth`` is for moves so small that an AUC, which moves in steps, would not show them.
        """
        parts = [_foretold(self.block, model, moves, smooth) for model in self._models]
        parts += self._alone(moves, smooth)
        found = np.concatenate(parts, axis=1)
        return np.where(np.isfinite(found), found, np.nan)

    def changed_rows(self, index: int, moves: Moves) -> tuple[FloatArray, FloatArray]:
        """A regression's design rows of ``a`` and of ``b``, both (M, p), after each move."""
        return _changed_rows(self.block, self._models[index], moves)

    def _alone(self, moves: Moves, smooth: bool) -> list[FloatArray]:
        """What was printed of each predictor alone, after each move."""
        parts = []
        first = sum(r.boxes.shape[1] for r in self.block.regressions)
        for key in range(len(self.block.keys)):
            at = np.flatnonzero(moves.key == key)
            part = moves.take(at)
            change = (part.a, part.b, part.at_a, part.at_b)
            for one in self.block.alone(key):
                count = one.boxes.shape[1]
                found = np.repeat(self.now[None, first : first + count], moves.key.size, axis=0)
                if at.size:
                    found[at] = one.effects(self.block.values[key], change, smooth=smooth)
                parts.append(found)
                first += count
        return parts


def _around(block: ModelBlock, regression: Regression, fit: Fit, curve: FloatArray) -> _Model:
    design = block.design(regression, block.values[None])[0]
    coef = fit.coef[0]
    if not fit.usable[0]:
        # Nothing to go by: from coefficients of 0 a Newton step still shows the way.
        coef = np.zeros(design.shape[1])
        fit = Fit(coef[None], np.ones((1, coef.size)), fit.sd, fit.loglik, fit.usable)
    x = design[regression.rows]
    p = x.shape[1]
    y = np.zeros(block.n)
    y[regression.rows] = regression.y
    group = np.full(block.n, -1)
    shift = np.zeros(block.n)
    lean = np.zeros((1, p))
    centred = x
    sd = float(fit.sd[0])
    mixed = regression.group is not None and sd > 1e-4
    if mixed and regression.group is not None:
        group[regression.rows] = regression.group
        modes = _modes(x @ coef, regression.y, regression.group, 1.0 / sd**2)
        shift[regression.rows] = modes[regression.group]
    mean = expit(x @ coef + shift[regression.rows])
    weight = mean * (1.0 - mean)
    information = x.T @ (x * weight[:, None])
    if mixed and regression.group is not None:
        groups = int(regression.group.max()) + 1
        sums = np.zeros((groups, p))
        np.add.at(sums, regression.group, x * weight[:, None])
        bulk = np.bincount(regression.group, weights=weight, minlength=groups) + 1.0 / sd**2
        lean = sums / bulk[:, None]
        information -= sums.T @ lean
        centred = x - lean[regression.group]
    turned = weight * (1.0 - 2.0 * mean)
    products = (centred[:, :, None] * centred[:, None, :]).reshape(-1, p * p)
    bend = (products.T @ (centred * turned[:, None])).reshape(p, p, p)
    with np.errstate(invalid="ignore", divide="ignore"):
        try:
            base = np.sqrt(np.diag(np.linalg.inv(information)))
        except np.linalg.LinAlgError:
            base = np.full(p, np.nan)
    scales = np.ones(p)
    for index, (term, key) in enumerate(
        zip(regression.model.terms.values(), block.keys_of(regression), strict=True), start=1
    ):
        if term.coding.kind is CodingKind.PER_SD:
            scales[index] = float(block.values[key, regression.rows].std(ddof=1))
    return _Model(
        regression,
        fit,
        curve,
        design,
        scales,
        information,
        bend,
        lean,
        shift,
        group,
        y,
        fit.se[0] / base,
        tuple(_auc_around(auc, design, fit) for auc in regression.aucs),
    )


def _modes(eta: FloatArray, y: FloatArray, group: IntArray, precision: float) -> FloatArray:
    """The conditional modes of the random intercepts, by Newton's method."""
    groups = int(group.max()) + 1
    modes = np.zeros(groups)
    for _ in range(8):
        mean = expit(eta + modes[group])
        slope = np.bincount(group, weights=y - mean, minlength=groups) - precision * modes
        bend = np.bincount(group, weights=mean * (1.0 - mean), minlength=groups) + precision
        modes += slope / bend
    return modes


def _auc_around(auc: AucTarget, design: FloatArray, fit: Fit) -> _Auc:
    coef, se = fit.coef[0], np.nan_to_num(fit.se[0], nan=0.1)
    x = design[auc.rows]
    p = coef.size
    reach = np.clip(_WINDOW * se, 1e-6, 1.0)
    shifted = coef + np.concatenate([np.zeros((1, p)), np.diag(reach), -np.diag(reach)])
    sums = auc_statistics(auc, shifted @ x.T)
    scores = auc.sign * (x @ coef)
    cases, controls = np.sort(scores[auc.truth]), np.sort(scores[~auc.truth])
    place = np.full(design.shape[0], -1)
    place[auc.rows] = np.arange(auc.rows.size)
    by_score = np.zeros((auc.rows.size, 3))
    case_sums, control_sums = np.zeros(1), np.zeros(1)
    if cases.size and controls.size:
        case_sums = running(cases, controls, 1.0)
        control_sums = running(controls, cases, -1.0)
        window = max(_WINDOW * float(scores.std()), 1e-9)
        by_score = auc.sign * auc_slopes(
            scores, auc.truth.astype(int), window, cases, controls, case_sums, control_sums
        )
    by_coef = (sums[1 : p + 1] - sums[p + 1 :]) / (2.0 * reach[:, None])
    return _Auc(auc, place, cases, controls, case_sums, control_sums, sums[:1], by_coef, by_score)


def _changed_rows(block: ModelBlock, model: _Model, moves: Moves) -> tuple[FloatArray, FloatArray]:
    """The design rows of ``a`` and ``b`` after each move, both (M, p)."""
    new_a, new_b = model.design[moves.a], model.design[moves.b]
    for j, (term, key) in enumerate(
        zip(model.regression.model.terms.values(), block.keys_of(model.regression), strict=True),
        start=1,
    ):
        mine = moves.key == key
        new_a[mine, j] = coded(moves.at_a[mine], term.coding, model.scales[j])
        new_b[mine, j] = coded(moves.at_b[mine], term.coding, model.scales[j])
    return new_a, new_b


def _foretold(block: ModelBlock, model: _Model, moves: Moves, smooth: bool) -> FloatArray:
    regression, coef = model.regression, model.fit.coef[0]
    new_a, new_b = _changed_rows(block, model, moves)
    count, p = new_a.shape
    coefs, ses = np.empty((count, p)), np.empty((count, p))
    newton_moves(
        coef, model.information, model.bend, model.lean, model.design, new_a, new_b, moves.a,
        moves.b, model.y, model.shift, model.group, regression.inside, coefs, ses,
    )  # fmt: skip
    ses *= model.ratio
    per_sd = _rescaled(block, model, moves)
    parts = [term_values(regression, coefs * per_sd, ses * per_sd, model.curve)]
    parts += [
        _auc_foretold(model, one, moves, new_a, new_b, coefs - coef, smooth) for one in model.aucs
    ]
    return np.concatenate(parts, axis=1)


def _rescaled(block: ModelBlock, model: _Model, moves: Moves) -> FloatArray:
    """(M, p): the factor by which the SD that a per-SD coding divides by grows."""
    factor = np.ones((moves.key.size, model.scales.size))
    inside = model.regression.inside
    for j, (term, key) in enumerate(
        zip(model.regression.model.terms.values(), block.keys_of(model.regression), strict=True),
        start=1,
    ):
        if term.coding.kind is not CodingKind.PER_SD:
            continue
        values = block.values[key, model.regression.rows]
        n, centre = values.size, float(values.mean())
        mine = np.flatnonzero(moves.key == key)
        total, square = np.zeros(mine.size), np.zeros(mine.size)
        for rows, new in ((moves.a[mine], moves.at_a[mine]), (moves.b[mine], moves.at_b[mine])):
            counts = (rows >= 0) & inside[rows]
            before, after = block.values[key, rows] - centre, new - centre
            total += np.where(counts, after - before, 0.0)
            square += np.where(counts, after**2 - before**2, 0.0)
        squares = (n - 1) * model.scales[j] ** 2
        after = np.maximum(squares + square - total**2 / n, 1e-12)
        factor[mine, j] = np.sqrt(after / squares)
    return factor


def _auc_foretold(
    model: _Model,
    one: _Auc,
    moves: Moves,
    new_a: FloatArray,
    new_b: FloatArray,
    turned: FloatArray,
    smooth: bool,
) -> FloatArray:
    coef, auc = model.fit.coef[0], one.target
    sums = one.now + turned @ one.by_coef
    rows = np.stack([moves.a, moves.b], axis=1)
    place = np.where(rows >= 0, one.row[rows], -1)
    before = np.nan_to_num(model.design[rows] @ coef)
    after = np.stack([new_a @ coef, new_b @ coef], axis=1)
    if smooth:
        change = np.where(place >= 0, after - before, 0.0)
        sums = sums + np.einsum("ms,msk->mk", change, one.by_score[place])
    elif one.cases.size and one.controls.size:
        kind = np.where(place >= 0, auc.truth[place], -1).astype(int)
        after = np.where(place >= 0, after, before)
        sums = sums + auc_effects(
            auc.sign * before,
            auc.sign * after,
            kind,
            one.cases,
            one.controls,
            one.case_sums,
            one.control_sums,
        )
    return auc_values(auc, sums)

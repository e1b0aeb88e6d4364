"""Moves predictor values between rows until a regression prints as reported.

Each step proposes thousands of exchanges and single changes, foretells what each would do to the
coefficients and standard errors by one Newton step from the current fit (a rank-two change of the
information), refits only the most promising ones, alone and several at once, and takes the best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.special import expit

from recohort.analysis.frame import BoolArray
from recohort.analysis.model import coded
from recohort.card.analyses import CodingKind
from recohort.cohort import FloatArray, IntArray
from recohort.reconstruct.model_block import (
    RATIOS,
    Fit,
    Measure,
    ModelBlock,
    Regression,
    auc_losses,
    term_losses,
    term_values,
)

__all__ = ["SearchEffort", "SearchResult", "associate", "search_models"]

_INSET = 0.35
_NUDGE = 0.02
_CORRECTING = 40


@dataclass(frozen=True, slots=True)
class SearchEffort:
    """How long to look: counts, never seconds, so that a seed gives the same cohort anywhere."""

    steps: int = 240
    patience: int = 12
    proposals: int = 3000
    refits: int = 24
    paired: int = 120
    corrected: int = 12


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The loss reached (0: everything prints), and what it took."""

    loss: float
    steps: int
    refits: int


@dataclass(frozen=True, slots=True)
class Moves:
    """M moves: row ``a`` takes ``at_a``, and row ``b`` (-1: none) takes ``at_b``, in column key."""

    key: IntArray
    a: IntArray
    b: IntArray
    at_a: FloatArray
    at_b: FloatArray


def search_models(
    block: ModelBlock, rng: np.random.Generator, effort: SearchEffort
) -> SearchResult:
    """Improve a block's state in place until its loss is 0 or the effort is spent."""
    strict, fits = block.losses(block.values[None], Measure())
    best, best_values = float(strict[0]), block.values.copy()
    steps = refits = since = 0
    nearest = np.inf
    while best > 0.0 and steps < effort.steps:
        steps += 1
        since += 1
        measure = Measure(_softness(block, fits), _INSET)
        moves = _propose(block, rng, effort.proposals)
        told = _foretell(block, moves, fits, measure)
        order = np.argsort(told.losses, kind="stable")
        pairs = _pairs(block, moves, told, fits, order, effort, measure)
        order = _by_auc(block, moves, fits, told.losses, order, effort, measure)
        sets = _candidate_sets(moves, order[: effort.refits]) + pairs
        states = np.repeat(block.values[None], len(sets), axis=0)
        for index, chosen in enumerate(sets):
            _apply(states[index], moves, chosen)
        finer = _corrected(block, moves, fits, told, order, rng, effort)
        states = np.concatenate([states, finer])
        starts = [(fit.coef[0], float(fit.sd[0])) if fit.usable[0] else None for fit in fits]
        losses, new_fits = block.losses(states, measure, starts)
        refits += states.shape[0]
        pick = int(np.argmin(losses))
        if losses[pick] < losses[0]:
            block.values = states[pick].copy()
            fits = [_one(fit, pick) for fit in new_fits]
            now, roughly = _loss_now(block, fits, Measure()), _loss_now(block, fits, Measure(1.0))
            if roughly < 0.5 * nearest:
                # Still far away and coming nearer: not the time for a kick.
                since, nearest = 0, roughly
            if now < best:
                best, best_values = now, block.values.copy()
        if best > 0.0 and since >= effort.patience:
            # What converges does so within a few steps; what does not has the wrong pattern of
            # coarse values. Exchange some at random and begin again from there.
            kick = _propose(block, rng, max(8, block.n // 12))
            for one in range(kick.key.size):
                _apply(block.values, kick, np.array([one]))
            since, nearest = 0, np.inf
            _, fits = block.losses(block.values[None], Measure())
    block.values = best_values
    return SearchResult(best, steps, refits)


def _loss_now(block: ModelBlock, fits: list[Fit], measure: Measure) -> float:
    designs = [block.design(regression, block.values[None]) for regression in block.regressions]
    return float(block.scores(designs, fits, measure)[0])


def _softness(block: ModelBlock, fits: list[Fit]) -> float:
    """A third of the largest misfit's size: all targets count alike until they are nearly met."""
    return 0.3 * min(1.0, float(np.sqrt(_loss_now(block, fits, Measure(1.0)))))


def associate(block: ModelBlock, rng: np.random.Generator) -> None:
    """Let all rows, also those outside the fit, follow the printed coefficients, in place.

    Rows with and without the outcome exchange all their predictors by Metropolis' rule, so that
    which rows have the outcome is distributed as the first model says, given how many have it. A
    validation cohort then follows the same truth as the development cohort.
    """
    for regression in block.regressions:
        coef = np.zeros(len(regression.model.terms) + 1)
        for one in regression.terms:
            if one.statistic in RATIOS:
                coef[one.column] = np.log(max(float(one.target.printed.value), 1e-6))
        if not coef.any():
            continue
        usable = (block.strata >= 0).all(axis=0)
        for rows in (regression.inside, ~regression.inside):
            yes = np.flatnonzero(rows & usable & (regression.outcome == 1))
            no = np.flatnonzero(rows & usable & (regression.outcome == 0))
            if yes.size == 0 or no.size == 0:
                continue
            score = block.design(regression, block.values[None])[0] @ coef
            count = 20 * (yes.size + no.size)
            first, second = rng.choice(yes, count), rng.choice(no, count)
            chance = np.log(rng.random(count))
            for a, b, luck in zip(first, second, chance, strict=True):
                at_a, at_b = block.values[:, a].copy(), block.values[:, b].copy()
                if (
                    luck < score[b] - score[a]
                    and (block.strata[:, a] == block.strata[:, b]).all()
                    and ((at_b >= block.low[:, a]) & (at_b <= block.high[:, a])).all()
                    and ((at_a >= block.low[:, b]) & (at_a <= block.high[:, b])).all()
                ):
                    block.values[:, a], block.values[:, b] = at_b, at_a
                    score[[a, b]] = score[[b, a]]
        return


def _one(fit: Fit, index: int) -> Fit:
    part = slice(index, index + 1)
    return Fit(fit.coef[part], fit.se[part], fit.sd[part], fit.loglik[part], fit.usable[part])


def _propose(block: ModelBlock, rng: np.random.Generator, count: int) -> Moves:
    """Random exchanges within strata, and new values where a column is free."""
    key = rng.integers(len(block.keys), size=count)
    a = rng.integers(block.n, size=count)
    b = rng.integers(block.n, size=count)
    change = block.free[key] & (rng.random(count) < 0.5)
    old_a, old_b = block.values[key, a], block.values[key, b]
    scale = block.spread[key] * 10.0 ** rng.uniform(-2.5, 0.3, count)
    step = block.step[key]
    moved = old_a + scale * rng.standard_normal(count)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.rint((moved - old_a) / step)
        steps = np.where(steps == 0, np.sign(moved - old_a), steps)
        on_grid = np.rint((old_a + steps * step) / step) * step
    moved = np.where(step > 0, on_grid, moved)
    allowed = (moved >= block.low[key, a]) & (moved <= block.high[key, a])
    fits_a = (old_b >= block.low[key, a]) & (old_b <= block.high[key, a])
    fits_b = (old_a >= block.low[key, b]) & (old_a <= block.high[key, b])
    stratum = block.strata[key, a]
    swap = (
        ~change
        & (stratum >= 0)
        & (stratum == block.strata[key, b])
        & (old_a != old_b)
        & fits_a
        & fits_b
    )
    change &= (stratum >= 0) & allowed & (moved != old_a)
    keep = swap | change
    return Moves(
        key=key[keep],
        a=a[keep],
        b=np.where(change, -1, b)[keep],
        at_a=np.where(change, moved, old_b)[keep],
        at_b=old_a[keep],
    )


def _apply(values: FloatArray, moves: Moves, chosen: IntArray) -> None:
    for m in chosen:
        values[moves.key[m], moves.a[m]] = moves.at_a[m]
        if moves.b[m] >= 0:
            values[moves.key[m], moves.b[m]] = moves.at_b[m]


def _candidate_sets(moves: Moves, order: IntArray) -> list[IntArray]:
    """No move, each good move alone, and the first few that touch different rows together."""
    sets = [order[:0], *(order[i : i + 1] for i in range(order.size))]
    used: set[int] = set()
    apart: list[int] = []
    for m in order:
        rows = {int(moves.a[m]), int(moves.b[m])} - {-1}
        if not rows & used:
            used |= rows
            apart.append(int(m))
    size = 2
    while size <= len(apart):
        sets.append(np.array(apart[:size]))
        size *= 2
    return sets


def _changed_rows(
    block: ModelBlock, regression: Regression, design: FloatArray, moves: Moves
) -> tuple[FloatArray, FloatArray]:
    """The design rows of ``a`` and ``b`` after each move, both (M, p)."""
    new_a, new_b = design[moves.a].copy(), design[moves.b].copy()
    for j, (term, key) in enumerate(
        zip(regression.model.terms.values(), block.keys_of(regression), strict=True), start=1
    ):
        mine = moves.key == key
        scale = 1.0
        if term.coding.kind is CodingKind.PER_SD:
            scale = float(block.values[key, regression.rows].std(ddof=1))
        new_a[mine, j] = coded(moves.at_a[mine], term.coding, scale)
        new_b[mine, j] = coded(moves.at_b[mine], term.coding, scale)
    return new_a, new_b


@dataclass(frozen=True, slots=True)
class Foretold:
    """Losses (M,) in the coefficients' targets, and for each model (M, p) coefficients and errors.

    A model whose coefficients have no targets is ``None``.
    """

    losses: FloatArray
    parts: list[tuple[FloatArray, FloatArray] | None]


def _foretell(block: ModelBlock, moves: Moves, fits: list[Fit], measure: Measure) -> Foretold:
    """What each move would leave, to first order."""
    parts: list[tuple[FloatArray, FloatArray] | None] = []
    for regression, fit in zip(block.regressions, fits, strict=True):
        if regression.terms and fit.usable[0]:
            parts.append(_predict(block, regression, moves, fit))
        else:
            parts.append(None)
    return Foretold(_sum_losses(block, parts, moves.key.size, measure), parts)


def _sum_losses(
    block: ModelBlock,
    parts: list[tuple[FloatArray, FloatArray] | None],
    count: int,
    measure: Measure,
) -> FloatArray:
    total = np.zeros(count)
    for regression, part in zip(block.regressions, parts, strict=True):
        if part is not None:
            lost = term_losses(regression, *part, regression.df(part[0].shape[1]), measure)
            total += np.nan_to_num(lost, nan=1e9, posinf=1e9)
    return total


def _pairs(
    block: ModelBlock,
    moves: Moves,
    told: Foretold,
    fits: list[Fit],
    order: IntArray,
    effort: SearchEffort,
    measure: Measure,
) -> list[IntArray]:
    """The most promising pairs of moves: two coarse steps can add up to a fine one."""
    few = order[: effort.paired]
    first, second = np.triu_indices(few.size, 1)
    i, j = few[first], few[second]
    apart = (moves.a[i] != moves.a[j]) & (moves.a[i] != moves.b[j]) & (moves.b[i] != moves.a[j])
    apart &= (moves.b[i] != moves.b[j]) | (moves.b[i] < 0)
    i, j = i[apart], j[apart]
    sums: list[tuple[FloatArray, FloatArray] | None] = []
    for part, fit in zip(told.parts, fits, strict=True):
        if part is None:
            sums.append(None)
            continue
        coef, se = part
        sums.append((coef[i] + coef[j] - fit.coef[0], se[i] + se[j] - fit.se[0]))
    losses = _sum_losses(block, sums, i.size, measure)
    best = np.argsort(losses, kind="stable")[: effort.refits // 2]
    return [np.array([i[m], j[m]]) for m in best]


def _corrected(
    block: ModelBlock,
    moves: Moves,
    fits: list[Fit],
    told: Foretold,
    order: IntArray,
    rng: np.random.Generator,
    effort: SearchEffort,
) -> FloatArray:
    """States in which a few free values take up what a good move leaves, by least change.

    Gauss and Newton's step: the effects of small changes of randomly chosen values make a linear
    system for the shifts that the targets still need; its solution of least norm is taken, in steps
    of the recording grid.
    """
    smooth = [key for key in range(len(block.keys)) if block.free[key] and _is_smooth(block, key)]
    live = [i for i, part in enumerate(told.parts) if part is not None]
    if not smooth or not live:
        return np.empty((0, *block.values.shape))
    key = np.array(smooth)[rng.integers(len(smooth), size=5 * _CORRECTING)]
    row = rng.integers(block.n, size=key.size)
    key, row = np.unique(np.stack([key, row]), axis=1)
    usable = block.strata[key, row] >= 0
    key, row = key[usable], row[usable]
    old = block.values[key, row]
    none = np.full(row.size, -1)
    nudged = Moves(key, row, none, old + _NUDGE * block.spread[key], old)
    bases = [-1, *(int(order[int(rng.integers(min(order.size, 4 * i)))]) for i in _some(effort))]
    slopes, needs = [], []
    probe = _foretell(block, nudged, fits, Measure())
    for i in live:
        regression, fit = block.regressions[i], fits[i]
        df = regression.df(fit.coef.shape[1])
        now = term_values(regression, fit.coef, fit.se, df)
        coef, se = probe.parts[i] or (fit.coef, fit.se)
        slope = (term_values(regression, coef, se, df) - now) / _NUDGE
        coef, se = told.parts[i] or (fit.coef, fit.se)
        starts = term_values(regression, coef[bases], se[bases], df)
        starts[0] = now[0]
        low, high, width, _ = regression.sizes
        rim = 0.6 * np.minimum(width, (high - low) / 2.0)
        use = regression.follows & np.isfinite(slope).all(axis=0)
        slopes.append((slope / width)[:, use])
        needs.append(((np.clip(starts, low + rim, high - rim) - starts) / width)[:, use])
    jacobian, needed = np.concatenate(slopes, axis=1).T, np.concatenate(needs, axis=1)
    if jacobian.size == 0:
        return np.empty((0, *block.values.shape))
    states = []
    for base, need in zip(bases, needed, strict=True):
        few = rng.permutation(key.size)[:_CORRECTING]
        step = np.linalg.lstsq(jacobian[:, few], need, rcond=1e-6)[0]
        size = float(np.abs(step).max(initial=0.0))
        step *= min(1.0, 1.0 / size) if size > 0 else 1.0
        values = block.values.copy()
        if base >= 0:
            _apply(values, moves, np.array([base]))
        k, r = key[few], row[few]
        grid = block.step[k]
        moved = values[k, r] + step * block.spread[k]
        rounded = np.rint(moved / np.where(grid > 0, grid, 1.0)) * grid
        moved = np.where(grid > 0, np.round(rounded, 9), moved)
        within = (moved >= block.low[k, r]) & (moved <= block.high[k, r])
        values[k[within], r[within]] = moved[within]
        states.append(values)
    return np.array(states)


def _some(effort: SearchEffort) -> range:
    return range(1, effort.corrected)


def _is_smooth(block: ModelBlock, key: int) -> bool:
    """Whether small changes of a key's values act on the models."""
    kinds = {
        term.coding.kind
        for regression in block.regressions
        for term in regression.model.terms.values()
        if term.column == block.keys[key]
    }
    fine = block.step[key] <= 0.2 * block.spread[key]
    return bool(fine) and CodingKind.AT_LEAST not in kinds


def _predict(
    block: ModelBlock, regression: Regression, moves: Moves, fit: Fit
) -> tuple[FloatArray, FloatArray]:
    design = block.design(regression, block.values[None])[0]
    new_a, new_b = _changed_rows(block, regression, design, moves)
    coef = fit.coef[0]
    y = np.zeros(block.n)
    y[regression.rows] = regression.y
    group = np.full(block.n, -1)
    x = design[regression.rows]
    shift = np.zeros(block.n)
    precision = np.inf
    if regression.group is not None and fit.sd[0] > 1e-4:
        group[regression.rows] = regression.group
        precision = 1.0 / float(fit.sd[0]) ** 2
        modes = _modes(x @ coef, regression.y, regression.group, precision)
        shift[regression.rows] = modes[regression.group]
    eta = design @ coef + shift
    mean = expit(eta[regression.rows])
    weight = mean * (1.0 - mean)
    information = x.T @ (x * weight[:, None])
    lean = np.zeros((1, x.shape[1]))
    if np.isfinite(precision) and regression.group is not None:
        groups = int(regression.group.max()) + 1
        sums = np.zeros((groups, x.shape[1]))
        np.add.at(sums, regression.group, x * weight[:, None])
        bulk = np.bincount(regression.group, weights=weight, minlength=groups) + precision
        lean = sums / bulk[:, None]
        information -= sums.T @ lean
    base = np.sqrt(np.diag(np.linalg.inv(information)))
    new_coef, new_se = _newton(
        coef, information, lean, design, new_a, new_b, moves.a, moves.b, y, shift, group,
        regression.inside,
    )  # fmt: skip
    return new_coef, new_se * (fit.se[0] / base)


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


@njit(cache=True)
def _newton(
    coef: FloatArray,
    information: FloatArray,
    lean: FloatArray,
    design: FloatArray,
    new_a: FloatArray,
    new_b: FloatArray,
    a: IntArray,
    b: IntArray,
    y: FloatArray,
    shift: FloatArray,
    group: IntArray,
    inside: BoolArray,
) -> tuple[FloatArray, FloatArray]:
    """One Newton step for each move: coefficients and standard errors, (M, p) each."""
    count, p = new_a.shape
    coefs = np.empty((count, p))
    ses = np.empty((count, p))
    score = np.empty(p)
    matrix = np.empty((p, p))
    for m in range(count):
        score[:] = 0.0
        matrix[:, :] = information
        for side in range(2):
            row = a[m] if side == 0 else b[m]
            if row < 0 or not inside[row]:
                continue
            for after in range(2):
                sign = 1.0 if after == 1 else -1.0
                eta = shift[row]
                for j in range(p):
                    value = design[row, j]
                    if after == 1:
                        value = new_a[m, j] if side == 0 else new_b[m, j]
                    eta += coef[j] * value
                mean = 1.0 / (1.0 + np.exp(-eta))
                residual = sign * (y[row] - mean)
                weight = sign * mean * (1.0 - mean)
                for j in range(p):
                    value = design[row, j]
                    if after == 1:
                        value = new_a[m, j] if side == 0 else new_b[m, j]
                    pull = value
                    if group[row] >= 0:
                        pull = value - lean[group[row], j]
                    score[j] += pull * residual
                    for k in range(j + 1):
                        other = design[row, k]
                        if after == 1:
                            other = new_a[m, k] if side == 0 else new_b[m, k]
                        if group[row] >= 0:
                            other -= lean[group[row], k]
                        matrix[j, k] += weight * pull * other
        # Cholesky factor in the lower triangle, then its inverse.
        sound = True
        for j in range(p):
            total = matrix[j, j]
            for k in range(j):
                total -= matrix[j, k] * matrix[j, k]
            if total <= 1e-12:
                sound = False
                break
            root = np.sqrt(total)
            matrix[j, j] = root
            for i in range(j + 1, p):
                total = matrix[i, j]
                for k in range(j):
                    total -= matrix[i, k] * matrix[j, k]
                matrix[i, j] = total / root
        if not sound:
            coefs[m, :] = np.nan
            ses[m, :] = np.nan
            continue
        for j in range(p):
            matrix[j, j] = 1.0 / matrix[j, j]
            for i in range(j + 1, p):
                total = 0.0
                for k in range(j, i):
                    total -= matrix[i, k] * matrix[k, j]
                matrix[i, j] = total / matrix[i, i]
        for j in range(p):
            step = 0.0
            variance = 0.0
            for k in range(j, p):
                variance += matrix[k, j] * matrix[k, j]
                inner = 0.0
                for i in range(k + 1):
                    inner += matrix[k, i] * score[i]
                step += matrix[k, j] * inner
            coefs[m, j] = coef[j] + step
            ses[m, j] = np.sqrt(variance)
    return coefs, ses


def _by_auc(
    block: ModelBlock,
    moves: Moves,
    fits: list[Fit],
    foretold: FloatArray,
    order: IntArray,
    effort: SearchEffort,
    measure: Measure,
) -> IntArray:
    """The best moves by coefficients, put in order again with their AUCs foretold as well."""
    wanted = [r for r in block.regressions if r.aucs]
    if not wanted:
        return order
    short = order[: 8 * effort.refits]
    total = foretold[short].copy()
    part = Moves(
        moves.key[short], moves.a[short], moves.b[short], moves.at_a[short], moves.at_b[short]
    )
    for regression, fit in zip(block.regressions, fits, strict=True):
        if not regression.aucs or not fit.usable[0]:
            continue
        design = block.design(regression, block.values[None])[0]
        new_a, new_b = _changed_rows(block, regression, design, part)
        coef, _ = _predict(block, regression, part, fit)
        scores = coef @ design.T
        index = np.arange(short.size)
        scores[index, part.a] = np.einsum("mp,mp->m", new_a, coef)
        both = part.b >= 0
        scores[index[both], part.b[both]] = np.einsum("mp,mp->m", new_b[both], coef[both])
        for auc in regression.aucs:
            total += auc_losses(auc, scores[:, auc.rows], measure)
    return short[np.argsort(total, kind="stable")]

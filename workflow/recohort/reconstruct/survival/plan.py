"""How many rows of each kind should leave between one landmark and the next.

A rate and its limits fix, between them, how many events there are before a landmark and how many
rows are at risk at them. Moving rows one by one seldom finds both: one event more must come with
many later losses. Here rows of one kind (a block) are counts by stretch between landmarks, events
and losses are spread evenly within a stretch, and the counts are found by Levenberg and Marquardt's
steps; then events take whole numbers, and the losses follow them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.jit import entry, inner, lean
from recohort.reconstruct.survival.counts import Layout, Targets, landmark_limit

__all__ = ["Blocks", "plan_counts"]

_NODES = np.array([0.046910077, 0.230765345, 0.5, 0.769234655, 0.953089923])
_WEIGHTS = np.array([0.118463443, 0.239314335, 0.284444444, 0.239314335, 0.118463443])
_PULL = 0.02
"""How strongly estimates are drawn to the middle of their sets, beside being drawn into them."""

_HOLD = 0.02
"""How strongly counts are held to where they began, on the scale of their logarithms."""


class Blocks(NamedTuple):
    """Rows of one kind, block by block, and what was printed of them.

    ``member`` and ``event`` (curves, blocks) say which blocks a curve is of, and whose rows have
    its event; ``inside`` and ``dies`` (models, blocks) the same of Cox models, with the number of
    ``terms`` (models) and the predictors ``x`` (models, blocks, most terms). A landmark lies after
    ``ends`` (L) stretches; ``ratio`` (L) is its clustered variance over Greenwood's. ``sizes`` are
    the blocks' numbers of rows.
    """

    layout: Layout
    targets: Targets
    member: BoolArray
    event: BoolArray
    terms: IntArray
    inside: BoolArray
    dies: BoolArray
    x: FloatArray
    ends: IntArray
    ratio: FloatArray
    sizes: FloatArray


@lean
def _hazard(
    inside: BoolArray, dies: BoolArray, x: FloatArray, counts: FloatArray
) -> tuple[float, float]:
    """The coefficient of a Cox model of one term, and its standard error, of evenly spread rows."""
    blocks, stretches = counts.shape
    slope, error = 0.0, 1.0
    for _ in range(4):
        score, information = 0.0, 1e-9
        for k in range(stretches):
            dying = 0.0
            for b in range(blocks):
                if inside[b] and dies[b]:
                    dying += counts[b, k]
                    score += counts[b, k] * x[b]
            if dying == 0.0:
                continue
            for node in range(5):
                all_, first, second = 1e-9, 0.0, 0.0
                for b in range(blocks):
                    if not inside[b]:
                        continue
                    left = (1.0 - _NODES[node]) * counts[b, k]
                    for later in range(k + 1, stretches):
                        left += counts[b, later]
                    weight = left * math.exp(slope * x[b])
                    all_ += weight
                    first += weight * x[b]
                    second += weight * x[b] * x[b]
                mean = first / all_
                score -= _WEIGHTS[node] * dying * mean
                information += _WEIGHTS[node] * dying * (second / all_ - mean * mean)
        slope += min(max(score / information, -1.0), 1.0)
        error = 1.0 / math.sqrt(information)
    return slope, error


@lean
def _landmarks(blocks: Blocks, counts: FloatArray, log: FloatArray, variance: FloatArray) -> None:
    """Log survival and Greenwood sums (L) at the landmarks of curves whose blocks leave so."""
    layout, member, event = blocks.layout, blocks.member, blocks.event
    ends, ratio = blocks.ends, blocks.ratio
    many, stretches = counts.shape
    for c in range(member.shape[0]):
        risk = 0.0
        for b in range(many):
            if member[c, b]:
                for k in range(stretches):
                    risk += counts[b, k]
        log_so_far = 0.0
        variance_so_far = 0.0
        for k in range(stretches):
            for mark in range(layout.start[c], layout.start[c + 1]):
                if ends[mark] == k:
                    log[mark] = log_so_far
                    variance[mark] = variance_so_far * ratio[mark]
            leaving = 0.0
            dying = 0.0
            for b in range(many):
                if member[c, b]:
                    leaving += counts[b, k]
                    if event[c, b]:
                        dying += counts[b, k]
            for node in range(5):
                r = max(risk - _NODES[node] * leaving + 0.5, 1.01)
                log_so_far += _WEIGHTS[node] * dying * math.log1p(-1.0 / r)
                variance_so_far += _WEIGHTS[node] * dying / (r * (r - 1.0))
            risk -= leaving
        for mark in range(layout.start[c], layout.start[c + 1]):
            if ends[mark] >= stretches:
                log[mark] = log_so_far
                variance[mark] = variance_so_far * ratio[mark]


@lean
def _residuals(
    blocks: Blocks, counts: FloatArray, log: FloatArray, variance: FloatArray, found: FloatArray
) -> float:
    """Residuals (T) of curves whose blocks leave as ``counts`` (blocks, stretches) say; their cost.

    ``log`` and ``variance`` (L) are left as the landmarks' log survival and Greenwood sums.
    """
    _landmarks(blocks, counts, log, variance)
    targets = blocks.targets
    most = blocks.x.shape[2]
    cost = 0.0
    model, slope, error = -1, 0.0, 0.0
    for t in range(targets.kind.size):
        found[t] = 0.0
        kind, mark = targets.kind[t], targets.where[t]
        if kind > 8 or (kind > 4 and blocks.terms[mark // most] > 1):
            continue
        if kind > 4 and mark // most != model:
            model = mark // most
            slope, error = _hazard(
                blocks.inside[model], blocks.dies[model], blocks.x[model, :, 0], counts
            )
        value = log[mark] if kind <= 4 else slope
        if kind > 4:
            if kind == 8:
                value = math.erfc(abs(slope / error) / math.sqrt(2.0))
            else:
                away = 0.0 if kind == 5 else -targets.z[t] if kind == 6 else targets.z[t]
                value = math.exp(min(slope + away * error, 50.0))
        elif kind == 0:
            value = 100.0 * math.exp(value)
        elif kind <= 2:
            spread = math.sqrt(variance[mark])
            upper = kind == 2
            value = landmark_limit(min(value, -1e-9), spread, targets.z[t], targets.scale[t], upper)
        low, high, width = targets.low[t], targets.high[t], targets.width[t]
        if value > high:
            found[t] = (value - high) / width
        elif value < low:
            found[t] = (value - low) / width
        if math.isfinite(low) and math.isfinite(high):
            found[t] += _PULL * (value - (low + high) / 2.0) / width
        if t >= targets.late:
            found[t] *= 0.2  # Clusters can still be rearranged.
        cost += found[t] * found[t]
    return cost


@lean
def _counts_of(lines: FloatArray, sizes: FloatArray, free: BoolArray, counts: FloatArray) -> None:
    """Counts of the free blocks: their sizes, shared by the exponentials of ``lines``."""
    for b in range(sizes.size):
        if not free[b]:
            continue
        most = -math.inf
        for k in range(lines.shape[1]):
            most = max(most, lines[b, k])
        total = 0.0
        for k in range(lines.shape[1]):
            total += math.exp(lines[b, k] - most)
        for k in range(lines.shape[1]):
            counts[b, k] = sizes[b] * math.exp(lines[b, k] - most) / total


@inner
def _settle(
    blocks: Blocks,
    free: BoolArray,
    lines: FloatArray,
    home: FloatArray,
    counts: FloatArray,
    steps: int,
) -> float:
    """Levenberg and Marquardt's steps for the free blocks; the cost without what holds them."""
    stretches = lines.shape[1]
    which = np.flatnonzero(free)
    p, many = which.size * stretches, blocks.targets.kind.size
    marks = blocks.layout.place.size
    log, variance = np.zeros(marks), np.zeros(marks)
    now, moved = np.zeros(many), np.zeros(many)
    slope = np.zeros((many, p))
    _counts_of(lines, blocks.sizes, free, counts)
    cost = _residuals(blocks, counts, log, variance, now)
    if p == 0:
        return cost
    held = _HOLD * ((lines - home) ** 2).sum()
    damp = 0.1
    for _ in range(steps):
        if cost < 0.05:
            break
        for index in range(p):
            b, k = which[index // stretches], index % stretches
            lines[b, k] += 1e-4
            _counts_of(lines, blocks.sizes, free, counts)
            _residuals(blocks, counts, log, variance, moved)
            lines[b, k] -= 1e-4
            slope[:, index] = (moved - now) / 1e-4
        square = slope.T @ slope
        pull = slope.T @ now
        for index in range(p):
            b, k = which[index // stretches], index % stretches
            square[index, index] += _HOLD
            pull[index] += _HOLD * (lines[b, k] - home[b, k])
        better = False
        before = lines.copy()
        for _ in range(6):
            damped = square.copy()
            for index in range(p):
                damped[index, index] += damp * (1.0 + square[index, index])
            step = np.linalg.solve(damped, pull)
            for index in range(p):
                b, k = which[index // stretches], index % stretches
                change = min(max(step[index], -2.0), 2.0)
                lines[b, k] = min(max(before[b, k] - change, -12.0), 12.0)
            _counts_of(lines, blocks.sizes, free, counts)
            new = _residuals(blocks, counts, log, variance, moved)
            new_held = _HOLD * ((lines - home) ** 2).sum()
            if new + new_held < cost + held:
                better = new + new_held < 0.999 * (cost + held)
                cost, held = new, new_held
                now[:] = moved
                damp = max(damp * 0.2, 1e-6)
                break
            lines[:] = before
            damp *= 5.0
        _counts_of(lines, blocks.sizes, free, counts)
        if not better:
            break
    return cost


@lean
def _is_among(counts: FloatArray, rigid: BoolArray, marks: IntArray, tables: FloatArray) -> bool:
    """Whether as many of the rigid blocks leave before each mark as in one of the tables."""
    for index in range(tables.shape[0]):
        same = True
        for b in range(rigid.size):
            left, k = 0.0, 0
            for m in range(marks.size):
                while k < marks[m]:
                    left += counts[b, k]
                    k += 1
                same = same and (not rigid[b] or left == tables[index, b, m])
        if same:
            return True
    return False


@entry
def plan_counts(
    blocks: Blocks,
    rigid: BoolArray,
    lines: FloatArray,
    rng: np.random.Generator,
    tries: int,
    temperature: float,
    marks: IntArray,
    vain: FloatArray,
) -> tuple[float, FloatArray]:
    """Counts (blocks, stretches) near those of ``lines``, whole ones of the ``rigid`` blocks.

    The cost is the sum of squared distances from the targets' sets, in their widths. Rows are
    evenly spread within a stretch only nearly, so that the counts of least cost need not be those
    that print: those with as many rows of the rigid blocks in the stretches before each of the
    ``marks`` (M) as one of the tables ``vain`` (tables, blocks, M) has are passed over. The cost is
    infinite where no others were found.
    """
    many, stretches = lines.shape
    sizes = blocks.sizes
    counts = np.zeros((many, stretches))
    home = lines.copy()
    free = np.ones(many, np.bool_)
    _settle(blocks, free, lines, home, counts, 40)
    home[:] = lines
    for b in range(many):
        free[b] = not rigid[b]
        if rigid[b]:
            # Rounded so that their sum stays, up or down by chance.
            above = rng.random()
            total = 0.0
            for k in range(stretches):
                before = math.floor(total + above)
                total += counts[b, k]
                counts[b, k] = math.floor(total + above) - before
    cost = _settle(blocks, free, lines, home, counts, 12)
    best, best_counts = cost, counts.copy()
    if _is_among(counts, rigid, marks, vain):
        best = np.inf
    movable = np.flatnonzero(rigid & (sizes > 0))
    for _ in range(tries):
        if best < 0.1 or movable.size == 0:
            break
        kept, kept_lines = counts.copy(), lines.copy()
        for _ in range(1 + int(rng.random() < 0.4)):
            b = movable[int(rng.random() * movable.size)]
            source, goal = int(rng.random() * stretches), int(rng.random() * stretches)
            if counts[b, source] >= 1.0 and source != goal:
                sent = max(1.0, math.floor(rng.random() ** 3 * 0.05 * sizes[b]))
                sent = min(sent, counts[b, source])
                counts[b, source] -= sent
                counts[b, goal] += sent
        new = _settle(blocks, free, lines, home, counts, 6)
        if new < best and not _is_among(counts, rigid, marks, vain):
            best = new
            best_counts[:] = counts
        if new <= cost - temperature * math.log(1.0 - rng.random()):
            cost = new
        else:
            counts[:] = kept
            lines[:] = kept_lines
    return best, best_counts

"""Moves predictor values between rows until a regression prints as reported.

Each step foretells, from the fit at hand, what thousands of moves would do to every estimate;
chooses sets of moves whose effects add up to what is lacking; corrects these, and the state itself,
by the least change of the free values; refits what came of it in one batch, and takes the best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recohort.reconstruct.regression.block import ModelBlock
from recohort.reconstruct.regression.correct import Candidate, Corrector, pursued
from recohort.reconstruct.regression.foretell import Foresight
from recohort.reconstruct.regression.moves import draw_moves, kick
from recohort.reconstruct.regression.targets import Measure
from recohort.reconstruct.stop import Stop

__all__ = ["SearchEffort", "SearchResult", "search_models"]

_INSET = 0.35

_FIRM = 100.0

_MANNERS = ((1.0, _FIRM), (1.0, 1.0), (1.0, _FIRM), (0.5, 1.0))
"""By which share and how firmly least changes are made, in turn."""


@dataclass(frozen=True, slots=True)
class SearchEffort:
    """How long to look: counts, never seconds, so that a seed gives the same cohort anywhere."""

    steps: int = 100
    patience: int = 6
    proposals: int = 1200
    sets: int = 25
    kept: int = 6
    corrections: int = 8
    composed: int = 6
    caution: float = 0.001


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The loss reached (0: everything prints), and what it took."""

    loss: float
    steps: int
    refits: int


def search_models(
    block: ModelBlock, rng: np.random.Generator, effort: SearchEffort, stop: Stop | None = None
) -> SearchResult:
    """Improve a block's state in place until its loss is 0, the effort spent, or time to stop."""
    stop = stop or Stop()
    state = block.state(block.values)
    best, best_values = _loss(block, state.estimates, Measure()), block.values.copy()
    steps = refits = since = 0
    fast = True
    while best > 0.0 and steps < effort.steps and not stop():
        steps += 1
        roughly = _loss(block, state.estimates, Measure(1.0))
        # Targets that only just go together have no middle: stalled, the aim moves to their rims.
        inset = _INSET * 0.5**since
        measure = Measure(0.3 * min(1.0, float(np.sqrt(roughly))), inset)
        candidates = _candidates(block, Foresight(block, state), rng, effort, measure, fast)
        fast = False
        if candidates:
            values = np.stack([one.values for one in candidates])
            estimates = block.estimates(values, state)
            refits += len(candidates)
            lost = block.losses(estimates, measure)
            now = _loss(block, state.estimates, measure)
            pick = int(np.argmin(lost))
            if lost[pick] < now:
                block.values = values[pick]
                state = block.state(block.values, state)
                fast = bool(lost[pick] < 0.2 * now)
                since = 0 if lost[pick] < 0.7 * now else since + 1
            else:
                since += 1
        else:
            since += 1
        strictly = _loss(block, state.estimates, Measure())
        if strictly < best:
            best, best_values = strictly, block.values.copy()
        if best > 0.0 and since >= effort.patience:
            # What converges does so within a few steps; what does not has the wrong pattern of
            # coarse values. Exchange some at random and begin again from there.
            kick(block, rng)
            state = block.state(block.values)
            since, fast = 0, True
    block.values = best_values
    return SearchResult(best, steps, refits)


def _loss(block: ModelBlock, estimates: np.ndarray, measure: Measure) -> float:
    return float(block.losses(estimates[None], measure)[0])


def _candidates(
    block: ModelBlock,
    foresight: Foresight,
    rng: np.random.Generator,
    effort: SearchEffort,
    measure: Measure,
    fast: bool,
) -> list[Candidate]:
    """States to refit. ``fast``: least changes alone still do, where values are free to change."""
    here = Candidate(block.values, foresight.now)
    corrector = Corrector(block, foresight, measure, rng)
    found: list[Candidate] = []
    if not corrector.is_idle and np.isfinite(foresight.now).all():
        for index in range(effort.corrections):
            entries = int(40 * 2 ** (index % 8))
            found.append(corrector.correct(here, entries, *_MANNERS[index % 4]))
        if fast:
            return found
    moves = draw_moves(block, rng, effort.proposals)
    told = foresight.estimates(moves)
    sound = np.flatnonzero(np.isfinite(told).all(axis=1))
    moves, told = moves.take(sound), told[sound]
    if not moves.key.size:
        return found
    most = 12 if block.n < 400 else 48
    sets = effort.sets if corrector.is_idle else effort.sets // 5
    bases = pursued(
        block,
        foresight.now,
        moves,
        told,
        corrector,
        measure,
        rng,
        sets,
        effort.kept,
        most,
        effort.caution,
    )
    found += bases
    if not corrector.is_idle:
        found += [corrector.correct(base, 1000, 1.0, _FIRM) for base in bases]
    coarse = np.flatnonzero(~corrector.moves_finely[moves.key])
    if coarse.size and np.isfinite(foresight.now).all():
        moves, effects = moves.take(coarse), told[coarse] - foresight.now
        for index in range(effort.composed):
            entries = 1000 if index % 2 else 200
            found.append(corrector.correct(here, entries, 1.0, _FIRM, moves, effects))
    return found

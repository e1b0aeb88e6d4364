"""Random moves of single values of few rows until everything that was printed of them prints.

With some dozens of people, or with scores of a few levels, ties decide what tests and quartiles
print, and nothing foretells them. But every printed statistic can be kept up to date exactly while
values move one by one, a million moves in some seconds: columns that depend on each other then move
together, by Metropolis' rule while it cools, through states that do not print what they printed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.card.reads import columns_read
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, FloatArray, IntArray
from recohort.reconstruct.few_rows.kernel import Room, Stat, State, Terms, anneal, settle
from recohort.reconstruct.few_rows.terms import Aim, Columns, Term, term_of
from recohort.reconstruct.few_rows.wander import Law, bounds, law_of, wander
from recohort.reconstruct.last_moves.candidates import MET, Bench
from recohort.reconstruct.measurement import Measurement
from recohort.reconstruct.stop import Stop
from recohort.reconstruct.target import Target

__all__ = ["walk_few"]

_FEW = 400
"""Rows up to which values move one by one."""

_MET = 1e-9
_BINS = 200
_HOT, _COLD = (1.0, 0.5, 0.5, 1.0, 0.5, 0.5), 0.05
"""At first a miss as large as half a printed unit is taken in about one move of seven."""

_PULL = 0.2
_COARSE = {
    Stat.Z: 1.0,
    Stat.AREA: 0.2,
    Stat.LIMIT: 0.2,
    Stat.LOGIT_LIMIT: 0.2,
    Stat.AREA_Z: 1.0,
    Stat.T_STUDENT: 1.0,
    Stat.T_WELCH: 1.0,
    Stat.T_PAIRED: 1.0,
    Stat.CHANGE: 20.0,
}
"""Of other statistics the column's own spread."""

_HARDER = 2.0
_MIX, _MOST_MIX = 300, 20_000
"""Moves a value after the first state that prints, and the most of them."""

_SPARE = 0.1
"""How far beyond its extremes a column without bounds may go, in parts of its range."""


def walk_few(
    card: StudyCard,
    cohort: Cohort,
    columns: dict[str, FloatArray],
    measurements: Mapping[str, Measurement],
    targets: Sequence[Target],
    held: frozenset[str],
    rng: np.random.Generator,
    moves: int,
    stop: Stop | None = None,
    coupled: bool = True,
) -> int:
    """Make a cohort's columns print, in place, those tied to each other together; counts moves.

    From the first state that prints everything, random moves go on by the columns' own law
    (:mod:`.wander`); without ``coupled``, times are not like each other yet.

    Columns in ``held`` stay, and so do rows of which something was printed that is no term. Columns
    of which not everything comes to print stay as they were.
    """
    of: dict[str, list[Target]] = {}
    for one in targets:
        of.setdefault(one.quantity, []).append(one)
    bench, done = Bench(card, cohort, columns), 0
    for mine in _parts(bench, measurements, of, held):
        problem = _problem(bench, mine, measurements, of, mine.keys() - held)
        if problem is None:
            continue
        for hot in _HOT:
            if problem.state.loss.sum() <= _MET or (stop is not None and stop()):
                break
            done += problem.improve(moves, hot, rng)
            # What is in the way counts for more, so that the rest makes way for it.
            problem.state.weight[problem.state.loss > 0.0] *= _HARDER
        # What cannot all print would heap values up: then the columns stay as they were.
        if problem.state.loss.sum() <= _MET:
            law = law_of(card, problem.keys, measurements, columns, problem.state.at, coupled)
            done += problem.wander(law, rng)
            problem.write(columns)
    return done


def _parts(
    bench: Bench,
    measurements: Mapping[str, Measurement],
    of: Mapping[str, Sequence[Target]],
    held: frozenset[str],
) -> list[dict[str, list[str]]]:
    """Columns that printed quantities tie to each other and of which something does not print.

    Each part holds, by column, the quantities that depend on it; columns that are held hold none
    together.
    """
    reads = {name: columns_read(bench.card, name) & measurements.keys() for name in of}
    parts: list[set[str]] = []
    for keys in reads.values():
        joined = set(keys - held)
        if joined:
            touched = [part for part in parts if part & joined]
            parts = [part for part in parts if not part & joined]
            parts.append(joined.union(*touched))
    found = []
    for part in parts:
        units = {measurements[key].column.unit for key in part}
        names = [name for name in of if reads[name] & part]
        if len(units) > 1 or bench.cohort.tables[min(units)].n > _FEW:
            continue
        if any(_is_open(bench, name, min(reads[name] & part), of[name]) for name in names):
            near = part.union(*(reads[name] for name in names))
            found.append(
                {
                    key: [name for name in names if key in reads[name]]
                    for key in measurements
                    if key in near
                }
            )
    return found


def _is_open(bench: Bench, name: str, key: str, targets: Sequence[Target]) -> bool:
    return bool(bench.losses(name, targets, key, bench.columns[key][None, :])[0] > MET)


class _Problem:
    """The terms of one unit's columns, their state, and where their values may move."""

    def __init__(self, terms: Terms, state: State, room: Room, keys: Sequence[str]) -> None:
        self.terms, self.state, self.room, self.keys = terms, state, room, keys
        self.start = state.at.copy()
        rows = [np.flatnonzero(free) for free in room.free]
        self.free_rows = np.concatenate(rows)
        self.free_first = np.concatenate([[0], np.cumsum([r.size for r in rows])]).astype(np.int64)

    def improve(self, moves: int, hot: float, rng: np.random.Generator) -> int:
        """One cooling down from the best state so far."""
        return anneal(
            self.terms, self.state, self.room, self.free_rows, self.free_first,
            moves, hot, _COLD, rng,
        )  # fmt: skip

    def wander(self, law: Law, rng: np.random.Generator) -> int:
        """Random moves among states that print everything."""
        moves = min(_MIX * self.free_rows.size, _MOST_MIX)
        wander(self.terms, self.state, law, self.free_rows, self.free_first, moves, rng)
        return moves

    def write(self, columns: dict[str, FloatArray]) -> None:
        """Put what has moved into the cohort's columns."""
        for k, key in enumerate(self.keys):
            moved = self.state.at[k] != self.start[k]
            if moved.any():
                step = float(self.terms.step[k])
                decimals = max(0, 1 - math.floor(math.log10(step))) + 2
                values = columns[key].copy()
                values[moved] = np.round(self.state.at[k][moved] * step, decimals)
                columns[key] = values
        self.start = self.state.at.copy()


def _problem(
    bench: Bench,
    part: Mapping[str, Sequence[str]],
    measurements: Mapping[str, Measurement],
    of: Mapping[str, Sequence[Target]],
    walk: frozenset[str] | set[str],
) -> _Problem | None:
    """What is to print of tied columns; ``None`` where what can be counted prints or is stuck."""
    keys = tuple(k for k in part if _is_on_grid(bench.columns[k], measurements[k]))
    unit = next(iter(measurements[key].column.unit for key in part))
    keys = tuple(key for key in keys if measurements[key].column.unit == unit)
    moving = frozenset(keys) & walk
    if not moving:
        return None
    step = {key: float(measurements[key].column.step or 1) for key in keys}
    seen = {key: measurements[key].observed for key in keys}
    columns = Columns(unit, keys, step, seen, moving)
    free = np.array([seen[key] & (key in moving) for key in keys])
    terms: list[Term] = []
    for name in dict.fromkeys(name for key in keys for name in part[key]):
        found = term_of(bench, columns, name, of[name])
        if isinstance(found, Term):
            terms.append(found)
        elif found is not None:
            for k, key in enumerate(keys):
                if name in part[key]:
                    free[k] &= ~found
    if not terms or not free.any():
        return None
    at = np.array([_steps(bench.columns[key], step[key]) for key in keys])
    packed = _packed(keys, step, terms, at)
    shape = len(terms), at.shape[1]
    state = State(
        at=at,
        place=np.zeros(shape, np.int64),
        ordered=np.zeros(shape, np.int64),
        sums=np.zeros((len(terms), 4), np.int64),
        loss=np.zeros(len(terms)),
        weight=np.ones(len(terms)),
    )
    settle(packed, state)
    return _Problem(packed, state, _room(keys, measurements, step, free, at), keys)


def _steps(values: FloatArray, step: float) -> IntArray:
    return np.asarray(np.rint(np.nan_to_num(values) / step), dtype=np.int64)


def _is_on_grid(values: FloatArray, measurement: Measurement) -> bool:
    step = float(measurement.column.step or 0)
    if step <= 0.0:
        return False
    seen = values[measurement.observed]
    return bool(
        np.isfinite(seen).all() and (np.abs(seen / step - np.rint(seen / step)) < 1e-4).all()
    )


def _packed(
    keys: tuple[str, ...], step: Mapping[str, float], terms: Sequence[Term], at: IntArray
) -> Terms:
    """Terms as the arrays that compiled code reads."""
    index = {key: k for k, key in enumerate(keys)}
    member = np.stack([term.member for term in terms]).astype(np.int64)
    rows = [np.flatnonzero(part >= 0) for part in member]
    of = [[t for t, term in enumerate(terms) if key in term.columns] for key in keys]
    aims = [aim for term in terms for aim in term.aims] or [Aim(Stat.MEAN, 0.0, 0.0, 1.0)]
    counts = [term.counts for term in terms if term.counts is not None]
    cells = max((part.size for c in counts for part in c.split), default=0)
    split = np.full((len(terms), 2, cells), np.iinfo(np.int64).max)
    gain = np.zeros((len(counts), at.shape[1], cells + 1, cells + 1, 2), np.int64)
    table, count_of, c, offset = np.zeros((len(counts), 3), np.int64), [], 0, 0
    for t, term in enumerate(terms):
        count_of.append(c)
        if term.counts is None:
            continue
        for side, part in enumerate(term.counts.split):
            split[t, side, : part.size] = part
        mine = term.counts.gain
        gain[c, :, : mine.shape[1], : mine.shape[2]] = mine
        table[c] = offset, term.counts.least, term.counts.distance.shape[1]
        offset += term.counts.distance.size
        c += 1
    return Terms(
        kind=_ints(int(term.kind) for term in terms),
        column=_ints(index[term.columns[0]] for term in terms),
        other=_ints(index[term.columns[1]] if len(term.columns) > 1 else -1 for term in terms),
        member=member,
        rows=np.concatenate(rows),
        first=_starts([part.size for part in rows]),
        of=_ints(t for part in of for t in part),
        of_first=_starts([len(part) for part in of]),
        step=np.array([step[key] for key in keys]),
        lost=_ints(term.lost for term in terms),
        way=np.array([term.way for term in terms]),
        target_first=_starts([len(term.aims) for term in terms]),
        stat=_ints(int(aim.stat) for aim in aims),
        low=np.array([aim.low for aim in aims]),
        high=np.array([aim.high for aim in aims]),
        width=np.array([aim.width for aim in aims]),
        coarse=_coarse(terms, aims, index, step, at),
        at=_ints(aim.at for aim in aims),
        beside=_ints(aim.beside for aim in aims),
        share=np.array([aim.share for aim in aims]),
        df=np.array([aim.df for aim in aims]),
        df_low=np.stack([aim.df_low for aim in aims]),
        df_high=np.stack([aim.df_high for aim in aims]),
        split=split,
        count_of=_ints(count_of),
        gain=gain,
        table=table,
        distance=np.concatenate([c.distance.ravel() for c in counts] or [np.zeros(1)]),
    )


def _coarse(
    terms: Sequence[Term],
    aims: Sequence[Aim],
    index: Mapping[str, int],
    step: Mapping[str, float],
    at: IntArray,
) -> FloatArray:
    """The misses at which targets of different kinds count alike while they are far away."""
    spread = [step[t.columns[0]] * float(at[index[t.columns[0]]].std()) for t in terms]
    mine = [spread[t] for t, term in enumerate(terms) for _ in term.aims] or [1.0]
    return np.array(
        [_PULL * _COARSE.get(aim.stat, wide or 1.0) for aim, wide in zip(aims, mine, strict=True)]
    )


def _ints(values: object) -> IntArray:
    return np.array(list(values), dtype=np.int64)  # type: ignore[call-overload]


def _starts(sizes: Sequence[int]) -> IntArray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _room(
    keys: tuple[str, ...],
    mine: Mapping[str, Measurement],
    step: Mapping[str, float],
    free: BoolArray,
    at: IntArray,
) -> Room:
    """Bounds, likely values and values to go beside, by what the columns look like now."""
    count, n = free.shape
    low, high = np.zeros((count, n), np.int64), np.zeros((count, n), np.int64)
    code, pool = np.zeros((count, n), np.int64), np.zeros((count, n), np.int64)
    codes = [np.unique(mine[key].margins, return_inverse=True)[1].reshape(-1) for key in keys]
    most = max(int(part.max()) + 1 for part in codes)
    likely = np.zeros((count, most, _BINS))
    first = np.zeros((count, most + 1), np.int64)
    bins, far = np.ones((count, 2), np.int64), np.ones(count)
    for k, key in enumerate(keys):
        seen = np.flatnonzero(mine[key].observed)
        values = at[k, seen]
        spare = math.ceil(_SPARE * float(np.ptp(values)))
        low[k], high[k] = bounds(mine[key], step[key], values, spare)
        code[k] = codes[k]
        far[k] = max(1.0, float(values.std()))
        bins[k] = _bins(values, spare)
        order = np.argsort(np.where(mine[key].observed, code[k], most), kind="stable")
        pool[k] = at[k, order]
        inside = np.bincount(code[k, seen], minlength=most)
        first[k] = _starts(inside.tolist())
        likely[k] = _likely(values, code[k, seen], most, *bins[k])
    return Room(free, low, high, far, code, likely, bins, pool, first)


def _bins(values: IntArray, spare: int) -> tuple[int, int]:
    """Where the bins of a column's values start, and how wide they are."""
    start = int(values.min()) - spare
    return start, max(1, math.ceil((int(values.max()) + spare + 1 - start) / _BINS))


def _likely(values: IntArray, code: IntArray, codes: int, start: int, width: int) -> FloatArray:
    """Logarithms of a smooth density by code (codes, B): that of the code's rows and of all."""
    place = (values - start) / width
    used = int(place.max()) + 1
    middle = np.arange(_BINS) + 0.5 / width
    size = np.maximum(np.bincount(code, minlength=codes), 1)
    wide = max(0.4 / width, 0.5 * float(place.std()) * values.size**-0.2)
    kernel = np.exp(-0.5 * ((middle[:, None] - place[None, :]) / wide) ** 2)
    kernel /= np.maximum(kernel.sum(axis=0, keepdims=True), 1e-300)
    overall = kernel.mean(axis=1)
    found = np.zeros((codes, _BINS))
    for c in range(codes):
        own = kernel[:, code == c].sum(axis=1) / size[c]
        found[c] = 0.7 * own + 0.25 * overall + 0.05 / used
    return np.asarray(np.log(found))

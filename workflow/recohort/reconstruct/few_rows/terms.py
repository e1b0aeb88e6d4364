"""Printed quantities as terms over whole grid steps, of the kinds that `kernel.py` keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri, stdtrit

from recohort.analysis.frame import BoolArray
from recohort.card import analyses as asked
from recohort.card.layout import Condition
from recohort.card.reads import columns_read
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.percent_change import ChangeDefinition
from recohort.estimators.summary import SdDenominator, quantile_position
from recohort.reconstruct.few_rows.counts import Counted, counted
from recohort.reconstruct.few_rows.kernel import Kind, Stat
from recohort.reconstruct.last_moves.candidates import Bench
from recohort.reconstruct.structure import atoms
from recohort.reconstruct.target import Target

__all__ = ["FREEDOMS", "Aim", "Columns", "Term", "term_of"]

FREEDOMS = 48
"""Degrees of freedom at which a set is worked out, where these vary."""

_LEAST_P = 1e-300
_NOTHING = np.empty((0, 0))
_MOMENTS = {Statistic.MEAN: Stat.MEAN, Statistic.SD: Stat.SD, Statistic.SE: Stat.SE}
_QUARTILES = {Statistic.Q1: 0.25, Statistic.MEDIAN: 0.5, Statistic.Q3: 0.75}
_REDUCED = (Statistic.PERCENT_REDUCTION,)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one unit on their grids: ``keys`` in order, and those that may ``walk``."""

    unit: str
    keys: tuple[str, ...]
    step: Mapping[str, float]
    seen: Mapping[str, BoolArray]
    walk: frozenset[str]


@dataclass(frozen=True, slots=True)
class Aim:
    """One target of a term: the fields of `few_kernel.Terms`."""

    stat: Stat
    low: float
    high: float
    width: float
    at: int = 0
    beside: int = 0
    share: float = 0.0
    df: tuple[float, float] = (0.0, 1.0)
    df_low: FloatArray = field(default_factory=lambda: np.zeros(FREEDOMS))
    df_high: FloatArray = field(default_factory=lambda: np.zeros(FREEDOMS))


@dataclass(frozen=True, slots=True)
class Term:
    """One printed quantity: ``member`` (n,) as in `few_kernel.Terms`."""

    kind: Kind
    columns: tuple[str, ...]
    member: IntArray
    aims: tuple[Aim, ...] = ()
    lost: int = 0
    way: float = 1.0
    counts: Counted | None = None


def term_of(
    bench: Bench, columns: Columns, name: str, targets: Sequence[Target]
) -> Term | BoolArray | None:
    """A quantity as a term; the rows (n,) that must keep their values, if it cannot be one.

    ``None``: nothing of it depends on the columns that walk, or nothing can meet it.
    """
    reads = columns_read(bench.card, name) & columns.walk
    if not reads:
        return None
    quantity = bench.card.quantities[name]
    population = bench.card.populations[quantity.population]
    every = np.ones(bench.cohort.tables[columns.unit].n, dtype=np.bool_)
    if population.unit != columns.unit or getattr(quantity.analysis, "model", None):
        return every
    found = counted(bench, columns.step, columns.seen, name, targets, frozenset(reads))
    if isinstance(found, Counted):
        return Term(Kind.COUNT, found.keys, found.member, counts=found)
    if found is not None:
        return every if found else None
    if not _is_fixed(bench, columns, population.where):
        return every
    rows = np.asarray(bench.mask(population.where, columns.unit, "", _NOTHING)[0])
    rows = np.broadcast_to(rows, every.shape)
    term = _valued(bench, columns, quantity, targets, rows)
    return rows.copy() if term is None else term


def _is_fixed(bench: Bench, columns: Columns, conditions: Sequence[Condition]) -> bool:
    return not {c.column for c in atoms(bench.card, conditions)} & columns.walk


def _valued(
    bench: Bench, columns: Columns, quantity: Quantity, targets: Sequence[Target], rows: BoolArray
) -> Term | None:
    analysis = quantity.analysis
    pair = [str(getattr(analysis, name, "")) for name in ("column", "baseline", "other")]
    keys = tuple(key for key in pair if key)
    if not keys or any(key not in columns.keys for key in keys):
        return None
    for key in keys:
        rows = rows & columns.seen[key]
    groups: tuple[Condition, ...] = ()
    if isinstance(analysis, asked.TwoSampleAnalysis):
        groups = analysis.group
    elif isinstance(analysis, asked.AucAnalysis | asked.AucDifferenceAnalysis):
        groups = analysis.outcome
    member = np.where(rows, 0, -1)
    if groups:
        if not _is_fixed(bench, columns, groups):
            return None
        known = bench.known(groups, columns.unit, "", _NOTHING)[0]
        first = bench.mask(groups, columns.unit, "", _NOTHING)[0]
        member = np.where(rows & known, np.where(first, 0, 1), -1)
        if min((member == 0).sum(), (member == 1).sum()) < 2:
            return None
    if (member >= 0).sum() < 2:
        return None
    match analysis:
        case asked.SummaryAnalysis() | asked.LocationAnalysis():
            return _summary(analysis, keys, member, targets)
        case asked.PairedAnalysis() if columns.step[keys[0]] == columns.step[keys[1]]:
            return _paired(analysis, keys, member, targets)
        case asked.ChangeAnalysis() if analysis.of is ChangeDefinition.OF_MEANS:
            aims = tuple(_aim(Stat.CHANGE, one, one.statistic in _REDUCED) for one in targets)
            return Term(Kind.CHANGE, keys, member, aims)
        case asked.TwoSampleAnalysis():
            return _two_sample(analysis, keys, member, targets)
        case asked.AucAnalysis() if analysis.interval is not asked.AucInterval.HANLEY_MCNEIL:
            logit = analysis.interval is asked.AucInterval.DELONG_LOGIT
            way = 1.0 if analysis.higher_means_outcome else -1.0
            return _areas(keys, member, targets, Stat.LOGIT_LIMIT if logit else Stat.LIMIT, way)
        case asked.AucDifferenceAnalysis():
            return _areas(keys, member, targets, Stat.DIFFERENCE, 1.0)
    return None


def _aim(stat: Stat, one: Target, reduced: bool = False, **more: float) -> Aim:
    low, high = (-one.high, -one.low) if reduced else (one.low, one.high)
    places = {name: int(value) for name, value in more.items() if name != "share"}
    return Aim(stat, low, high, one.width, share=more.get("share", 0.0), **places)  # type: ignore[arg-type]


def _sized(stat: Stat, one: Target, size_of_p: Callable[[float], float], first: int = 0) -> Aim:
    """The aim of a p-value: its test's statistic, which falls as the p-value rises."""
    low = size_of_p(one.high) if one.high < 1.0 else -np.inf
    high = size_of_p(one.low) if one.low > 0.0 else np.inf
    return Aim(stat, low, high, _width(low, high), at=first)


def _width(low: float, high: float) -> float:
    half = (high - low) / 2.0
    return half if np.isfinite(half) else 0.1 * max(1.0, abs(low if np.isfinite(low) else high))


def _z_of(p: float) -> float:
    return float(-ndtri(max(p, _LEAST_P) / 2.0))


def _t_of(df: float) -> Callable[[float], float]:
    return lambda p: float(-stdtrit(df, max(p, _LEAST_P) / 2.0))


def _summary(
    analysis: asked.SummaryAnalysis | asked.LocationAnalysis,
    keys: tuple[str, ...],
    member: IntArray,
    targets: Sequence[Target],
) -> Term | None:
    n = int((member >= 0).sum())
    lost = 1
    aims = []
    for one in targets:
        statistic = one.statistic
        if isinstance(analysis, asked.LocationAnalysis):
            by_mean = analysis.by is asked.Location.MEAN
            if statistic not in (Statistic.MEAN, Statistic.MEDIAN):
                statistic = Statistic.MEAN if by_mean else Statistic.MEDIAN
            definition = asked.SummaryAnalysis.model_fields["quantiles"].default
        else:
            lost, definition = int(analysis.sd is SdDenominator.N_MINUS_1), analysis.quantiles
        reduced = one.statistic in _REDUCED
        if statistic in _MOMENTS:
            aims.append(_aim(_MOMENTS[statistic], one, reduced))
        elif statistic in _QUARTILES:
            place = quantile_position(n, _QUARTILES[statistic], definition)
            aims.append(
                _aim(
                    Stat.QUANTILE, one, reduced,
                    at=place.lower, beside=place.upper, share=float(place.weight),
                )
            )  # fmt: skip
        elif statistic in (Statistic.MIN, Statistic.MAX):
            at = 0 if statistic is Statistic.MIN else n - 1
            aims.append(_aim(Stat.QUANTILE, one, at=at, beside=at))
        else:
            return None
    return Term(Kind.SUMMARY, keys, member, tuple(aims), lost)


def _paired(
    analysis: asked.PairedAnalysis,
    keys: tuple[str, ...],
    member: IntArray,
    targets: Sequence[Target],
) -> Term | None:
    ranks = analysis.test is asked.PairedTestKind.WILCOXON
    df = float((member >= 0).sum() - 1)
    aims = []
    for one in targets:
        if one.statistic is Statistic.P_VALUE:
            stat, size = (Stat.Z, _z_of) if ranks else (Stat.T_PAIRED, _t_of(df))
            aims.append(_sized(stat, one, size))
        elif one.statistic is Statistic.DIFFERENCE:
            aims.append(_aim(Stat.DIFFERENCE, one))
        else:
            return None
    return Term(Kind.SIGNED_RANKS if ranks else Kind.PAIRED_T, keys, member, tuple(aims))


def _two_sample(
    analysis: asked.TwoSampleAnalysis,
    keys: tuple[str, ...],
    member: IntArray,
    targets: Sequence[Target],
) -> Term | None:
    tests = asked.TwoSampleTestKind
    m, n = int((member == 0).sum()), int((member == 1).sum())
    ranks = analysis.test is tests.MANN_WHITNEY
    if not ranks and analysis.test not in (tests.STUDENT_T, tests.WELCH_T):
        return None
    aims = []
    for one in targets:
        if one.statistic is Statistic.DIFFERENCE and not ranks:
            aims.append(_aim(Stat.DIFFERENCE, one, at=m))
        elif one.statistic is not Statistic.P_VALUE:
            return None
        elif ranks:
            aims.append(_sized(Stat.Z, one, _z_of, m))
        elif analysis.test is tests.STUDENT_T:
            aims.append(_sized(Stat.T_STUDENT, one, _t_of(m + n - 2.0), m))
        else:
            aims.append(_welch(one, m, n))
    return Term(Kind.PLACED if ranks else Kind.T_TEST, keys, member, tuple(aims))


def _welch(one: Target, m: int, n: int) -> Aim:
    ends = (min(m, n) - 1.0, m + n - 2.0)
    df = np.linspace(*ends, FREEDOMS)
    low = np.full(FREEDOMS, -np.inf)
    high = np.full(FREEDOMS, 1e9)
    if one.high < 1.0:
        low = -stdtrit(df, max(one.high, _LEAST_P) / 2.0)
    if one.low > 0.0:
        high = -stdtrit(df, max(one.low, _LEAST_P) / 2.0)
    middle = FREEDOMS // 2
    top = float(high[middle]) if one.low > 0.0 else np.inf
    width = _width(float(low[middle]), top)
    low = np.maximum(low, -1e9)  # so that what lies between two of them is a number
    return Aim(Stat.T_WELCH, float(low[middle]), top, width, m, df=ends, df_low=low, df_high=high)


def _areas(
    keys: tuple[str, ...],
    member: IntArray,
    targets: Sequence[Target],
    limit: Stat,
    way: float,
) -> Term | None:
    m = int((member == 0).sum())
    aims = []
    for one in targets:
        level = one.statistic.level
        if level is not None:
            z = float(ndtri(0.5 + level / 2.0))
            aims.append(_aim(limit, one, at=m, share=-z if one.statistic.is_lower_limit else z))
        elif one.statistic is Statistic.AUC:
            aims.append(_aim(Stat.AREA, one, at=m))
        elif one.statistic is Statistic.DIFFERENCE:
            aims.append(_aim(Stat.DIFFERENCE, one, at=m))
        elif one.statistic is Statistic.P_VALUE:
            aims.append(_sized(Stat.AREA_Z, one, _z_of, m))
        else:
            return None
    return Term(Kind.PLACED, keys, member, tuple(aims), way=way)

"""Draws a cohort's skeleton: units, nesting, groups, and yes-or-no columns with printed counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from recohort.analysis.estimate import Analyst
from recohort.analysis.layout import units_outward_in
from recohort.card.layout import BinaryColumn, Condition, DerivedColumn, GroupColumn
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity, StudyCard
from recohort.cohort import Cohort, FloatArray, IntArray, Table
from recohort.reconstruct.target import Target, total_loss

__all__ = ["StructureError", "draw_structure", "is_structural", "structural_columns"]

_COUNTING = {"size", "parents", "proportion", "diagnostic"}


class StructureError(ValueError):
    """A skeleton that cannot be drawn, in words for the card's writer."""


def structural_columns(card: StudyCard) -> frozenset[str]:
    """Columns that are yes-or-no or groups, or derived from such columns alone."""
    known = {key for key, c in card.columns.items() if isinstance(c, BinaryColumn | GroupColumn)}
    grew = True
    while grew:
        grew = False
        for key, column in card.columns.items():
            if (
                key not in known
                and isinstance(column, DerivedColumn)
                and all(c.column in known for c in (*column.all_of, *column.any_of))
            ):
                known.add(key)
                grew = True
    return frozenset(known)


def conditions_of(card: StudyCard, quantity: Quantity) -> tuple[Condition, ...]:
    """Every condition that a counting analysis tests."""
    analysis = quantity.analysis
    mine: tuple[Condition, ...] = card.populations[quantity.population].where
    for name in ("having", "test", "reference"):
        mine = (*mine, *getattr(analysis, name, ()))
    return mine


def is_structural(card: StudyCard, quantity: Quantity) -> bool:
    """Whether a quantity depends on the skeleton alone."""
    columns = structural_columns(card)
    return quantity.analysis.kind in _COUNTING and all(
        condition.column in columns for condition in conditions_of(card, quantity)
    )


def _nest(parents: int, children: int, most: int | None, rng: np.random.Generator) -> IntArray:
    """A parent for each child: every parent has one where there are enough children."""
    cap = children if most is None else most
    if parents * cap < children:
        raise StructureError(
            f"{children} units cannot lie in {parents} parents with at most {cap} each"
        )
    if children <= parents:
        return np.sort(rng.choice(parents, children, replace=False)).astype(np.int64)
    load = np.ones(parents, dtype=np.int64)
    for _ in range(children - parents):
        room = np.flatnonzero(load < cap)
        load[rng.choice(room)] += 1
    return np.repeat(np.arange(parents), load).astype(np.int64)


def _tables(card: StudyCard, rng: np.random.Generator) -> dict[str, Table]:
    tables: dict[str, Table] = {}
    for name in units_outward_in(card):
        unit = card.units[name]
        parent = None
        if unit.within is not None:
            parent = _nest(tables[unit.within].n, unit.n, unit.max_per_parent, rng)
        tables[name] = Table(unit.n, unit.within, parent)
    return tables


def _group(column: GroupColumn, n: int, rng: np.random.Generator) -> FloatArray:
    """Group numbers with the given sizes, or uneven ones of at least two where there is room."""
    if column.sizes:
        sizes = np.array(column.sizes)
    else:
        least = min(2, n // column.groups)
        share = rng.dirichlet(np.full(column.groups, 3.0))
        sizes = least + rng.multinomial(n - least * column.groups, share)
        sizes[::-1].sort()
    return np.asarray(rng.permutation(np.repeat(np.arange(1, column.groups + 1), sizes)), float)


def _is_yes(condition: Condition, key: str) -> bool:
    return condition.column == key and condition.relation == "=" and condition.threshold == 1


def _printed_ones(
    card: StudyCard,
    key: str,
    column: BinaryColumn,
    targets: Iterable[Target],
    sizes: Mapping[str, int],
) -> int | None:
    """How many 1s the targets print for a column, over all the rows that can have one."""
    for one in targets:
        quantity = card.quantities[one.quantity]
        conditions = conditions_of(card, quantity)
        rest = tuple(c for c in conditions if not _is_yes(c, key))
        if len(rest) != len(conditions) - 1 or set(rest) - set(column.among):
            continue
        if card.populations[quantity.population].unit != column.unit:
            continue
        if one.statistic is Statistic.COUNT and one.printed.is_exact:
            return int(one.printed.value)
        whole = sizes[column.unit]
        if one.statistic is Statistic.PERCENT and not rest:
            fits = [k for k in range(whole + 1) if one.met(100.0 * k / whole)]
            if fits:
                return fits[len(fits) // 2]
    return None


def draw_structure(
    card: StudyCard, targets: tuple[Target, ...], rng: np.random.Generator, effort: int = 4000
) -> Cohort:
    """Draw a skeleton whose counts print as reported, as nearly as ``effort`` moves reach.

    Columns start with the number of 1s that a printed count, percentage, ``ones`` or
    ``prevalence`` gives; then 1s and 0s change places (or turn, where nothing fixes their number)
    while that does not take the counts further from what was printed.

    Raises:
        StructureError: a column of 1s and 0s of which nothing is known.
    """
    tables = _tables(card, rng)
    counting = tuple(t for t in targets if is_structural(card, card.quantities[t.quantity]))
    columns: dict[str, FloatArray] = {}
    unit_of = {key: column.unit for key, column in card.columns.items()}
    sizes = {name: table.n for name, table in tables.items()}
    fixed: set[str] = set()
    cohort = Cohort(tables, columns, unit_of)
    for key in _in_order(card):
        column = card.columns[key]
        n = tables[column.unit].n
        if isinstance(column, GroupColumn):
            columns[key] = _group(column, n, rng)
        elif isinstance(column, BinaryColumn):
            able = np.flatnonzero(Analyst(card, cohort).frame.mask(column.among, column.unit))
            ones = _printed_ones(card, key, column, counting, sizes)
            if ones is None:
                ones = column.ones
            if ones is not None:
                fixed.add(key)
            elif column.prevalence is not None:
                ones = round(float(column.prevalence) * able.size)
            elif any(_uses(card, t, key) for t in counting):
                ones = able.size // 2
            else:
                raise StructureError(
                    f"column {key}: nothing printed gives its number of 1s; "
                    "give it ones or prevalence"
                )
            values = np.zeros(n)
            values[rng.choice(able, min(ones, able.size), replace=False)] = 1.0
            columns[key] = values
    _settle(card, cohort, columns, counting, fixed, rng, effort)
    return cohort


def _uses(card: StudyCard, one: Target, key: str) -> bool:
    """Whether a counting target depends on a column, directly or through derived columns."""
    pending = [c.column for c in conditions_of(card, card.quantities[one.quantity])]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name == key:
            return True
        column = card.columns[name]
        if name not in seen and isinstance(column, DerivedColumn):
            pending.extend(c.column for c in (*column.all_of, *column.any_of))
        seen.add(name)
    return False


def _in_order(card: StudyCard) -> list[str]:
    """Structural columns, each after those that decide which of its rows can have a value."""
    wanted = [k for k, c in card.columns.items() if isinstance(c, BinaryColumn | GroupColumn)]
    structural = structural_columns(card)
    done: list[str] = []
    while wanted:
        ready = [
            key
            for key in wanted
            if all(
                c.column in done
                or c.column not in structural
                or _derived_ready(card, c.column, done)
                for c in card.columns[key].among
            )
        ]
        if not ready:
            raise StructureError(f"columns {', '.join(wanted)} wait for each other in among")
        done.extend(ready)
        wanted = [key for key in wanted if key not in ready]
    return done


def _derived_ready(card: StudyCard, key: str, done: list[str]) -> bool:
    column = card.columns[key]
    return isinstance(column, DerivedColumn) and all(
        c.column in done or _derived_ready(card, c.column, done)
        for c in (*column.all_of, *column.any_of)
    )


def _settle(
    card: StudyCard,
    cohort: Cohort,
    columns: dict[str, FloatArray],
    targets: tuple[Target, ...],
    fixed: set[str],
    rng: np.random.Generator,
    effort: int,
) -> None:
    """Swap and turn 1s and 0s until the counts print, in place."""
    binary = [k for k, c in card.columns.items() if isinstance(c, BinaryColumn)]
    movable = [k for k in binary if any(_uses(card, t, k) for t in targets)]

    def loss() -> float:
        analyst = Analyst(card, cohort)
        found: dict[str, float] = {}
        for name in {t.quantity for t in targets}:
            values = analyst.estimates(name).values
            found.update({f"{name}.{s}": v for s, v in values.items()})
        stray = 0
        for key in binary:
            among = card.columns[key].among
            if among:
                able = analyst.frame.mask(among, card.columns[key].unit)
                stray += int((columns[key][~able] != 0).sum())
        return total_loss(targets, found) + 2.0 * stray

    best = loss()
    for _ in range(effort):
        if best == 0.0 or not movable:
            return
        key = movable[int(rng.integers(len(movable)))]
        values = columns[key]
        if key in fixed:
            ones, zeros = np.flatnonzero(values == 1), np.flatnonzero(values == 0)
            if ones.size == 0 or zeros.size == 0:
                continue
            rows = np.array([rng.choice(ones), rng.choice(zeros)])
        else:
            rows = np.array([rng.integers(values.size)])
        values[rows] = 1.0 - values[rows]
        now = loss()
        if now <= best:
            best = now
        else:
            values[rows] = 1.0 - values[rows]

"""Draws a cohort's skeleton: units, nesting, groups, and yes-or-no columns with printed counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from recohort.analysis.estimate import Analyst
from recohort.analysis.layout import units_outward_in
from recohort.card.layout import BinaryColumn, Condition, DerivedColumn, GroupColumn
from recohort.card.statistic import Role, Statistic
from recohort.card.study import Quantity, StudyCard
from recohort.cohort import Cohort, FloatArray, IntArray, Table
from recohort.reconstruct.last_moves.candidates import MET, Bench
from recohort.reconstruct.last_moves.directed import Changes, directed
from recohort.reconstruct.stop import Stop
from recohort.reconstruct.target import Target, targets_of

__all__ = [
    "StructureError",
    "atoms",
    "conditions_of",
    "draw_structure",
    "is_structural",
    "structural_columns",
]

_FLIPS = 24
"""Changed versions of a column that are measured side by side."""

_FORETOLD = 4
"""Of those, how many are chosen by what they are foretold to do."""

_COUNTING = {"size", "parents", "proportion", "diagnostic"}


class StructureError(ValueError):
    """A skeleton that cannot be drawn: the place in the card, what was found and expected."""

    def __init__(self, place: tuple[str, ...], found: str, expected: str) -> None:
        super().__init__(place, found, expected)
        self.place, self.found, self.expected = place, found, expected

    def __str__(self) -> str:
        return f"{'.'.join(self.place)}: found {self.found}; expected {self.expected}"


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
        asked = getattr(analysis, name, ())
        # A comparison's ``test`` is a kind of test.
        mine = (*mine, *asked) if isinstance(asked, tuple) else mine
    return mine


def atoms(card: StudyCard, conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Conditions with those that define derived columns in their place."""
    found: list[Condition] = []
    for condition in conditions:
        column = card.columns.get(condition.column.partition("@")[0])
        if isinstance(column, DerivedColumn):
            found.extend(atoms(card, (*column.all_of, *column.any_of)))
        else:
            found.append(condition)
    return tuple(dict.fromkeys(found))


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
            ("units",),
            f"{children} units, which cannot lie in {parents} with at most {cap} in each",
            "fewer",
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


def _answer(condition: Condition, key: str) -> int | None:
    """1 or 0 where a condition asks for that value of a column, else ``None``."""
    if condition.column != key or condition.relation != "=":
        return None
    return {0: 0, 1: 1}.get(int(condition.threshold)) if condition.threshold in (0, 1) else None


def _printed_ones(
    card: StudyCard, key: str, column: BinaryColumn, targets: Iterable[Target], able: int
) -> tuple[int | None, bool]:
    """How many 1s the targets print for a column, and whether that is all of its 1s.

    A count among only some of the rows that can have a 1 is a start, no more.
    """
    start: int | None = None
    for one in targets:
        quantity = card.quantities[one.quantity]
        population = card.populations[quantity.population]
        conditions = conditions_of(card, quantity)
        asked = [c for c in conditions if _answer(c, key) is not None]
        if len(asked) != 1 or population.unit != column.unit or quantity.analysis.kind == "parents":
            continue
        rest = {c for c in conditions if c != asked[0]}
        everyone = not rest - set(column.among)
        if one.statistic is Statistic.COUNT and one.printed.is_exact:
            count = int(one.printed.value)
        elif one.statistic is Statistic.PERCENT and everyone and asked[0] not in population.where:
            fits = [k for k in range(able + 1) if one.met(100.0 * k / able)]
            if not fits:
                continue
            count = fits[len(fits) // 2]
        else:
            continue
        if _answer(asked[0], key) == 0:
            if not everyone:
                continue
            count = able - count
        if everyone:
            return count, True
        start = count if start is None else max(start, count)
    return start, False


def draw_structure(
    card: StudyCard,
    targets: tuple[Target, ...],
    rng: np.random.Generator,
    patience: int = 1500,
    stop: Stop | None = None,
) -> Cohort:
    """Draw a skeleton whose counts print as reported, as nearly as the search comes.

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
    fixed: set[str] = set()
    cohort = Cohort(tables, columns, unit_of)
    for key in _in_order(card):
        column = card.columns[key]
        n = tables[column.unit].n
        if isinstance(column, GroupColumn):
            columns[key] = _group(column, n, rng)
        elif isinstance(column, BinaryColumn):
            able = np.flatnonzero(Analyst(card, cohort).frame.mask(column.among, column.unit))
            ones, all_of_them = _printed_ones(card, key, column, counting, able.size)
            if ones is None and column.ones is not None:
                ones, all_of_them = column.ones, True
            if all_of_them:
                fixed.add(key)
            if ones is not None:
                pass
            elif column.prevalence is not None:
                # A guess of a share: cohorts differ as samples of so many do.
                ones = int(rng.binomial(able.size, float(column.prevalence)))
            elif any(
                is_structural(card, card.quantities[t.quantity]) and _uses(card, t, key)
                for t in targets_of(card, list(Role))
            ):
                # Also where the count itself was set aside, since it cannot be met.
                ones = able.size // 2
            else:
                raise StructureError(
                    ("columns", key),
                    "a yes-or-no column of which nothing printed gives the number of 1s",
                    "ones or prevalence",
                )
            values = np.zeros(n)
            values[rng.choice(able, min(max(ones, 0), able.size), replace=False)] = 1.0
            columns[key] = values
    _settle(card, cohort, columns, counting, fixed, rng, patience, stop or Stop())
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
            raise StructureError(
                ("columns", wanted[0], "among"),
                f"columns that wait for each other ({', '.join(wanted)})",
                "conditions on other columns",
            )
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
    patience: int,
    stop: Stop,
) -> None:
    """Swap and turn 1s and 0s until the counts print or ``patience`` steps gain nothing.

    Each step changes one column that an unmet count depends on, in a few dozen ways, and keeps the
    best; counts that stay unmet weigh more and more, so that others make way for them.
    """
    binary = [k for k, c in card.columns.items() if isinstance(c, BinaryColumn)]
    of: dict[str, list[Target]] = {}
    for one in targets:
        of.setdefault(one.quantity, []).append(one)
    touched = {key: [q for q, mine in of.items() if _uses(card, mine[0], key)] for key in binary}
    bench = Bench(card, cohort, columns)
    current = {}
    for key in binary:
        for name in touched[key]:
            current[name] = float(bench.losses(name, of[name], key, columns[key][None, :])[0])
    bound = {
        key: [k for k in binary if key in {c.column for c in atoms(card, card.columns[k].among)}]
        for key in binary
    }
    weight = dict.fromkeys(current, 1.0)
    best, least, since = dict(columns), sum(current.values()), 0
    while since < patience and not stop():
        open_ = [name for name, loss in current.items() if loss > MET]
        if not open_:
            break
        since += 1
        name = open_[int(rng.integers(len(open_)))]
        movable = [key for key in binary if name in touched[key]]
        key = movable[int(rng.integers(len(movable)))]
        unit = card.columns[key].unit
        beside = [k for k in movable if k != key and card.columns[k].unit == unit]
        partner = columns[beside[int(rng.integers(len(beside)))]] if beside else None
        states = _flips(bench, key, key in fixed, partner, rng)
        told = {key: {q: of[q] for q in touched[key]}}
        for index in range(1, _FORETOLD + 1):
            trades = _trades(bench, key, key in fixed, bound[key], rng)
            version = directed(bench, {key: trades}, told, weight, rng)
            if version is not None:
                states[index] = version[key]
        losses = {q: bench.losses(q, of[q], key, states) for q in touched[key]}
        total = np.sum([weight[q] * loss for q, loss in losses.items()], axis=0)
        for other in bound[key]:
            total = total + 1e6 * bench.strays(other, key, states)
        pick = int(np.argmin(total))
        gain = sum(weight[q] * current[q] for q in touched[key]) - float(total[pick])
        if gain <= 1e-9:
            weight[name] *= 1.1
        if gain >= 0.0:
            columns[key] = states[pick].copy()
            current.update({q: float(loss[pick]) for q, loss in losses.items()})
            now = sum(current.values())
            if now < least:
                best, least, since = dict(columns), now, 0
    columns.update(best)


def _trades(
    bench: Bench, key: str, swap_only: bool, bound: Sequence[str], rng: np.random.Generator
) -> Changes:
    """Pairs of a 1 and a 0 that trade places, or single rows that turn, over the whole column.

    ``bound`` are columns whose rows must stay able to hold their 1s.
    """
    values = bench.columns[key]
    state = np.where(bench.able(key), 1.0 - values, values)
    for other in bound:
        state = np.where(bench.stray(other, key, state), values, state)
    of = np.full(values.size, -1, dtype=np.int64)
    rows = np.flatnonzero(state != values)
    if swap_only or rng.random() < 0.5:
        sides = [rng.permutation(rows[values[rows] == side]) for side in (1.0, 0.0)]
        pairs = min(side.size for side in sides)
        for side in sides:
            of[side[:pairs]] = np.arange(pairs)
    else:
        of[rng.permutation(rows)] = np.arange(rows.size)
    return Changes(state, of)


def _flips(
    bench: Bench, key: str, swap_only: bool, partner: FloatArray | None, rng: np.random.Generator
) -> FloatArray:
    """Changed versions of a column of 1s and 0s: exchanges and turns, few rows most often.

    With a ``partner``, a column of 1s and 0s of the same quantity, half of the exchanges take 1s
    from where it is 1 to where it is 0, or back: at random, likeness would grow only slowly.
    """
    values = bench.columns[key]
    able = np.flatnonzero(bench.able(key))
    ones, zeros = able[values[able] == 1], able[values[able] == 0]
    states = np.repeat(values[None, :], _FLIPS, axis=0)
    for state in states[1:]:
        most = max(1, min(ones.size, zeros.size) // 2)
        size = max(1, round(most ** (rng.random() ** 2.5)))
        side = float(rng.random() < 0.5)
        if partner is not None and rng.random() < 0.5:
            taken, given = ones[partner[ones] == side], zeros[partner[zeros] == 1.0 - side]
            size = round(min(taken.size, given.size) ** rng.random())
            if taken.size and given.size:
                state[rng.choice(taken, size, replace=False)] = 0.0
                state[rng.choice(given, size, replace=False)] = 1.0
        elif ones.size and zeros.size and (swap_only or rng.random() < 0.6):
            state[ones[rng.integers(ones.size, size=size)]] = 0.0
            changed = int(values.sum() - state.sum())
            state[rng.choice(zeros, changed, replace=False)] = 1.0
        elif not swap_only and able.size:
            rows = able[rng.integers(able.size, size=size)]
            state[rows] = 1.0 - state[rows[0]]
    return states

"""Moves of measurements until the remaining targets print: changes, tests, survival rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recohort.card.reads import columns_read
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, FloatArray
from recohort.reconstruct.candidates import MET, Bench
from recohort.reconstruct.directed import directed
from recohort.reconstruct.measurement import Measurement
from recohort.reconstruct.moves import Mover
from recohort.reconstruct.percent import is_change_of_means, meet_change
from recohort.reconstruct.stop import Stop
from recohort.reconstruct.target import Target

__all__ = ["alone", "polish"]

_MANY = 32
"""Candidates a step, where they are measured side by side."""

_FEW = 6
"""Candidates a step, where they are analysed one by one."""

_FORETOLD, _FORETOLD_SLOW = 6, 2
"""Versions a step whose changes are chosen by what they are foretold to do."""

_SMALL = 200
"""Rows up to which no blind version is spared: there ties decide, which nothing foretells."""

_PAIRED = 0.3
"""In what share of its steps a percent change of means moves both of its columns."""

_PATIENCE = 250
"""Steps in vain after which a cycle ends."""

_CYCLES = 1
"""Further cycles, each of which begins with softer targets."""

_EASED = 150
"""Steps of a cycle in which targets are softer than they were printed."""

_KICK = 12
"""After so many steps in vain a target counts for more, so that others make way for it."""

_VAIN = 30
"""After so many steps in which none of a quantity's versions comes nearer, it is left as it is."""


def alone(
    card: StudyCard, targets: Sequence[Target], measurements: Mapping[str, Measurement]
) -> tuple[Target, ...]:
    """The targets that one measurement decides, given the skeleton."""
    numbers = {t.quantity: len(columns_read(card, t.quantity) & set(measurements)) for t in targets}
    return tuple(
        t
        for t in targets
        if numbers[t.quantity] == 1 and not hasattr(card.quantities[t.quantity].analysis, "model")
    )


def polish(
    card: StudyCard,
    cohort: Cohort,
    columns: dict[str, FloatArray],
    measurements: Mapping[str, Measurement],
    targets: Sequence[Target],
    held: frozenset[str],
    rng: np.random.Generator,
    steps: int,
    stop: Stop | None = None,
) -> int:
    """Improve a cohort's columns in place; returns the number of candidates measured.

    Each step takes one column of a target that does not print yet, measures a few dozen changed
    versions of it, of all sizes, against every target that depends on it, and keeps the best.
    Columns in ``held`` stay, and targets that depend on none but those are left alone.
    """
    by_quantity: dict[str, list[Target]] = {}
    for one in targets:
        by_quantity.setdefault(one.quantity, []).append(one)
    depends = {name: columns_read(card, name) for name in by_quantity}
    movable = {
        name: sorted(k for k in keys if k in measurements and k not in held)
        for name, keys in depends.items()
    }
    bench = Bench(card, cohort, columns)
    current: dict[str, float] = {}
    slow: set[str] = set()
    for name, mine in by_quantity.items():
        if movable[name]:
            key = movable[name][0]
            current[name] = float(bench.losses(name, mine, key, columns[key][None, :])[0])
            if not bench.is_quick(name, key, columns[key][None, :]):
                slow.add(name)
    names, many = list(current), len(current)
    keys = sorted({key for name in current for key in movable[name]})
    touched = {key: [q for q in current if key in depends[q]] for key in keys}
    movers = {key: Mover(measurements[key]) for key in keys}
    told = {key: {q: by_quantity[q] for q in touched[key]} for key in keys}

    def loss_of(name: str, softness: float) -> float:
        key = movable[name][0]
        state = columns[key][None, :]
        return float(bench.losses(name, by_quantity[name], key, state, softness)[0])

    best, least = dict(columns), sum(current.values())
    weight = dict.fromkeys(current, 1.0)
    idle = dict.fromkeys(current, 0)
    vain = dict.fromkeys(current, 0)
    measured = since = cycle = 0
    softness = 0.0
    for _ in range(steps):
        if stop is not None and stop():
            break
        open_ = [q for q, loss in current.items() if loss > MET and vain[q] < _VAIN]
        if softness == 0.0 and (not open_ or since >= _PATIENCE):
            if not open_ or cycle == _CYCLES:
                break
            cycle, since = cycle + 1, 0
            weight = dict.fromkeys(current, 1.0)
        since += 1
        eased = _eased(cycle, since)
        if eased != softness:
            softness = eased
            current.update({q: loss_of(q, softness) for q in current})
        name = open_[int(rng.integers(len(open_)))] if open_ else names[int(rng.integers(many))]
        if is_change_of_means(card.quantities[name]) and rng.random() < _PAIRED:
            found = meet_change(bench, name, told, movers, weight, rng) or {}
            before = {key: columns[key] for key in found}
            columns.update(found)
            changed = {q: loss_of(q, softness) for key in found for q in touched[key]}
            if sum(weight[q] * (loss - current[q]) for q, loss in changed.items()) < -1e-9:
                current.update(changed)
            else:
                columns.update(before)
        key = movable[name][int(rng.integers(len(movable[name])))]
        is_slow = bool(slow.intersection(touched[key]))
        foretold = []
        for _ in range(_FORETOLD_SLOW if is_slow else _FORETOLD):
            kind = movers[key].kind(rng)
            changes = movers[key].changes(columns[key], kind, rng)
            version = directed(bench, key, changes, told[key], weight, rng)
            movers[key].learn(kind, version is not None)
            if version is not None:
                foretold.append(version)
        count = _FEW if is_slow else _MANY
        if foretold and columns[key].size > _SMALL:
            count //= 3
        partner = _partner(bench, card.columns[key.partition("@")[0]].unit, key, depends[name], rng)
        blind = movers[key].candidates(columns[key], partner, count, rng)
        states = np.concatenate([np.stack(foretold), blind]) if foretold else blind
        measured += states.shape[0]
        losses = {q: bench.losses(q, by_quantity[q], key, states, softness) for q in touched[key]}
        total = np.sum([weight[q] * loss for q, loss in losses.items()], axis=0)
        vain[name] = 0 if losses[name].min() < current[name] - 1e-12 else vain[name] + 1
        pick = int(np.argmin(total))
        gain = sum(weight[q] * current[q] for q in touched[key]) - float(total[pick])
        idle[name] = 0 if gain > 1e-9 else idle[name] + 1
        if idle[name] >= _KICK:
            idle[name] = 0
            weight[name] *= 1.5
        if gain >= 0.0:
            columns[key] = states[pick].copy()
            for q in touched[key]:
                current[q] = float(losses[q][pick])
            now = sum(current.values())
            if softness == 0.0 and now < least - 1e-9:
                best, least, since = dict(columns), now, max(0, min(since, _EASED))
    columns.update(best)
    return measured


def _eased(cycle: int, since: int) -> float:
    """How soft the targets are: not at all at first, then from soft to hard in each cycle."""
    if cycle == 0 or since >= _EASED:
        return 0.0
    return float(0.5 * 0.01 ** (since // 10 * 10 / _EASED))


def _partner(
    bench: Bench, unit: str, key: str, keys: set[str], rng: np.random.Generator
) -> FloatArray | None:
    """What a column's ranks may follow: another column of the same target, or who has a value."""
    others = sorted(k for k in keys if k != key and bench.is_seen_from(k, unit))
    if not others:
        return None
    values = bench.seen_from(others[int(rng.integers(len(others)))], unit)
    missing = np.isnan(values)
    if missing.any() and rng.random() < 0.5:
        return missing.astype(np.float64)
    return values

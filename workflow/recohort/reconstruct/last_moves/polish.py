"""Moves of measurements until the remaining targets print: changes, tests, survival rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recohort.card.reads import columns_read
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, FloatArray
from recohort.reconstruct.last_moves.candidates import MET, Bench
from recohort.reconstruct.last_moves.directed import directed
from recohort.reconstruct.last_moves.moves import Mover
from recohort.reconstruct.last_moves.percent import is_change_of_means, meet_change
from recohort.reconstruct.measurement import Measurement
from recohort.reconstruct.stop import Stop
from recohort.reconstruct.target import Target

__all__ = ["alone", "polish"]

_MANY = 32
"""Candidates a step, where they are measured side by side."""

_FEW = 6
"""Candidates a step, where they are analysed one by one."""

_FORETOLD, _FORETOLD_SLOW = 6, 2
"""Versions a step whose changes are chosen by what they are foretold to do."""

_FORETOLD_TOGETHER = 2
"""Versions of several columns a step: these are measured one by one."""

_TOGETHER = 0.3
"""In what share of its steps a column moves with those that a printed value ties to it."""

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
    search = _Polish(card, cohort, columns, measurements, targets, held, rng)
    search.run(steps, stop)
    return search.measured


class _Polish:
    """The state of the last moves: the columns, and how far each quantity is from printing.

    Quantities are those of which a column may move. ``weight`` says how much each one's loss
    counts, ``idle`` and ``vain`` how many steps it has waited for a gain and for a nearer version.
    """

    def __init__(
        self,
        card: StudyCard,
        cohort: Cohort,
        columns: dict[str, FloatArray],
        measurements: Mapping[str, Measurement],
        targets: Sequence[Target],
        held: frozenset[str],
        rng: np.random.Generator,
    ) -> None:
        self.card, self.columns, self.rng = card, columns, rng
        self.targets: dict[str, list[Target]] = {}
        for one in targets:
            self.targets.setdefault(one.quantity, []).append(one)
        self.depends = {name: columns_read(card, name) for name in self.targets}
        self.movable = {
            name: sorted(k for k in keys if k in measurements and k not in held)
            for name, keys in self.depends.items()
        }
        self.bench = Bench(card, cohort, columns)
        self.softness = 0.0
        self.loss = {name: self.loss_of(name) for name in self.targets if self.movable[name]}
        self.slow = {name for name in self.loss if not self.is_quick(name)}
        keys = sorted({key for name in self.loss for key in self.movable[name]})
        self.touched = {key: [q for q in self.loss if key in self.depends[q]] for key in keys}
        self.tied = {
            key: sorted({k for q in self.touched[key] for k in self.movable[q]}) for key in keys
        }
        self.movers = {key: Mover(measurements[key]) for key in keys}
        self.told = {key: {q: self.targets[q] for q in self.touched[key]} for key in keys}
        self.weight = dict.fromkeys(self.loss, 1.0)
        self.idle = dict.fromkeys(self.loss, 0)
        self.vain = dict.fromkeys(self.loss, 0)
        self.measured = 0

    def loss_of(self, name: str) -> float:
        """How far a quantity is from printing now."""
        key = self.movable[name][0]
        state = self.columns[key][None, :]
        return float(self.bench.losses(name, self.targets[name], key, state, self.softness)[0])

    def is_quick(self, name: str) -> bool:
        """Whether versions of a quantity's column are measured side by side."""
        key = self.movable[name][0]
        return self.bench.is_quick(name, key, self.columns[key][None, :])

    def run(self, steps: int, stop: Stop | None) -> None:
        """Step until everything prints, nothing helps any more or the steps are spent."""
        best, least = dict(self.columns), sum(self.loss.values())
        since = cycle = 0
        for _ in range(steps):
            if stop is not None and stop():
                break
            unmet = [q for q, loss in self.loss.items() if loss > MET and self.vain[q] < _VAIN]
            if self.softness == 0.0 and (not unmet or since >= _PATIENCE):
                if not unmet or cycle == _CYCLES:
                    break
                cycle, since = cycle + 1, 0
                self.weight = dict.fromkeys(self.loss, 1.0)
            since += 1
            self.soften(_eased(cycle, since))
            choices = unmet or list(self.loss)
            name = choices[int(self.rng.integers(len(choices)))]
            if is_change_of_means(self.card.quantities[name]) and self.rng.random() < _PAIRED:
                self.move_both(name)
            key = self.movable[name][int(self.rng.integers(len(self.movable[name])))]
            together = len(self.tied[key]) > 1 and self.rng.random() < _TOGETHER
            if self.step_together(name, key) if together else self.step(name, key):
                now = sum(self.loss.values())
                if self.softness == 0.0 and now < least - 1e-9:
                    best, least, since = dict(self.columns), now, min(since, _EASED)
        self.columns.update(best)

    def soften(self, softness: float) -> None:
        """Measure everything anew where targets become softer or harder."""
        if softness != self.softness:
            self.softness = softness
            self.loss.update({q: self.loss_of(q) for q in self.loss})

    def move_both(self, name: str) -> None:
        """Bring both columns of a percent change to sums that print it, where that helps."""
        found = meet_change(self.bench, name, self.told, self.movers, self.weight, self.rng) or {}
        before = {key: self.columns[key] for key in found}
        self.columns.update(found)
        changed = {q: self.loss_of(q) for key in found for q in self.touched[key]}
        if sum(self.weight[q] * (loss - self.loss[q]) for q, loss in changed.items()) < -1e-9:
            self.loss.update(changed)
        else:
            self.columns.update(before)

    def step_together(self, name: str, key: str) -> bool:
        """Move a column and those tied to it at once, where that helps; whether it did.

        Alone it could go only as far as the values that tie them allow.
        """
        keys, rng = self.tied[key], self.rng
        touched = sorted({q for k in keys for q in self.touched[k]})
        before = {k: self.columns[k] for k in keys}
        now = sum(self.weight[q] * self.loss[q] for q in touched)
        best: tuple[float, dict[str, FloatArray], dict[str, float]] | None = None
        for _ in range(_FORETOLD_TOGETHER):
            kinds = {k: self.movers[k].kind(rng) for k in keys}
            changes = {k: self.movers[k].changes(before[k], kinds[k], rng) for k in keys}
            version = directed(self.bench, changes, self.told, self.weight, rng)
            if version is None:
                continue
            self.measured += 1
            self.columns.update(version)
            losses = {q: self.loss_of(q) for q in touched}
            self.columns.update(before)
            total = sum(self.weight[q] * loss for q, loss in losses.items())
            if best is None or total < best[0]:
                best = total, version, losses
        if best is None or best[0] > now:
            return False
        if best[2][name] < self.loss[name] - 1e-12:
            self.vain[name] = 0
        self.columns.update(best[1])
        self.loss.update(best[2])
        return True

    def versions(self, name: str, key: str) -> FloatArray:
        """Changed versions (C, n) of a column, some by what is foretold of them, others blind."""
        mover, rng, values = self.movers[key], self.rng, self.columns[key]
        is_slow = bool(self.slow.intersection(self.touched[key]))
        foretold = []
        for _ in range(_FORETOLD_SLOW if is_slow else _FORETOLD):
            kind = mover.kind(rng)
            changes = mover.changes(values, kind, rng)
            version = directed(self.bench, {key: changes}, self.told, self.weight, rng)
            mover.learn(kind, version is not None)
            if version is not None:
                foretold.append(version[key])
        count = _FEW if is_slow else _MANY
        if foretold and values.size > _SMALL:
            count //= 3
        unit = self.card.columns[key.partition("@")[0]].unit
        partner = _partner(self.bench, unit, key, self.depends[name], rng)
        blind = mover.candidates(values, partner, count, rng)
        return np.concatenate([np.stack(foretold), blind]) if foretold else blind

    def step(self, name: str, key: str) -> bool:
        """Take the best version of a column unless all are worse; whether one was taken."""
        states = self.versions(name, key)
        self.measured += states.shape[0]
        losses = {
            q: self.bench.losses(q, self.targets[q], key, states, self.softness)
            for q in self.touched[key]
        }
        total = np.sum([self.weight[q] * loss for q, loss in losses.items()], axis=0)
        is_nearer = losses[name].min() < self.loss[name] - 1e-12
        self.vain[name] = 0 if is_nearer else self.vain[name] + 1
        pick = int(np.argmin(total))
        gain = sum(self.weight[q] * self.loss[q] for q in self.touched[key]) - float(total[pick])
        self.idle[name] = 0 if gain > 1e-9 else self.idle[name] + 1
        if self.idle[name] >= _KICK:
            self.idle[name] = 0
            self.weight[name] *= 1.5
        if gain < 0.0:
            return False
        self.columns[key] = states[pick].copy()
        for q in self.touched[key]:
            self.loss[q] = float(losses[q][pick])
        return True


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

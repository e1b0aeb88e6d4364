"""Everything printed of one measurement of a card, handed to the joint check of one variable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from recohort.audit.card_facts import CardFacts, Collected
from recohort.audit.finding import Finding, FindingVerdict, UndeterminedReason
from recohort.audit.one_variable import variable_finding
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity
from recohort.feasible.variable import CountFact, Grid, VariableFacts

__all__ = ["FACTS", "audit_variables"]

FACTS = {
    Statistic.MEAN: "mean",
    Statistic.SD: "sd",
    Statistic.MEDIAN: "median",
    Statistic.Q1: "q1",
    Statistic.Q3: "q3",
    Statistic.MIN: "minimum",
    Statistic.MAX: "maximum",
}
"""Summary statistics, and where `VariableFacts` holds them."""

_LOOSE = {
    "step": "the measurement was recorded in finer steps",
    "low": "the scale reaches further down",
    "high": "the scale reaches further up",
    "followed": "fewer were measured at that time",
}

_REFUTES = {
    "followed": "Some observations are missing",
    "step": "The values were recorded in finer steps",
}
"""How the readings begin that a conflict which stands without a field has ruled out."""


@lru_cache(maxsize=2048)
def _finding(
    id: str, facts: VariableFacts, ids: tuple[tuple[str, str], ...], seconds: float | None
) -> Finding:
    # Settings of the assumptions ask the same question of most variables again.
    return variable_finding(id, facts, dict(ids), seconds=seconds)


def audit_variables(facts: CardFacts, collected: Collected, seconds: float | None) -> None:
    """The joint check of each summary.

    A conflict that needs what an assumption fills (the recording step, the scale's ends, the number
    measured) is tried again without it, and is impossible only if it stands without it.
    """
    for name, quantity in facts.quantities("summary"):
        if quantity.analysis.kind != "summary":
            continue
        key = quantity.analysis.column
        column = facts.numeric(key)
        if column is None or not any(s in quantity.values for s in FACTS):
            continue
        counted = tuple(_counts(facts, quantity, key))
        size = facts.size(quantity)
        strict = VariableFacts(
            grid=column.grid,
            n_low=size.low,
            n_high=size.high,
            **{
                field: quantity.values[statistic].number
                for statistic, field in FACTS.items()
                if statistic in quantity.values
            },
            counts=tuple(fact for fact, _ in counted),
        )
        ids = {"n": size.id} if size.id else {}
        ids |= {f: f"{name}.{s}" for s, f in FACTS.items() if s in quantity.values}
        ids |= {f"count {i}": fact.source for i, (fact, _) in enumerate(counted, 1)}
        collected.findings.append(
            _settled(f"one_variable:{name}", strict, ids, facts, key, seconds)
        )


def _settled(
    id: str,
    strict: VariableFacts,
    ids: dict[str, str],
    facts: CardFacts,
    key: str,
    seconds: float | None,
) -> Finding:
    pairs = tuple(ids.items())
    found = _finding(id, strict, pairs, seconds)
    if found.verdict is not FindingVerdict.IMPOSSIBLE:
        return found
    column = key.partition("@")[0]
    loose = [name for name in _LOOSE if (column, name) in facts.assumed]
    if not loose:
        return found
    relaxed = _finding(id, _relaxed(strict, loose), pairs, seconds)
    if relaxed.verdict is FindingVerdict.IMPOSSIBLE:
        refuted = {_REFUTES[name] for name in loose if name in _REFUTES}
        return replace(
            found,
            evidence={**found.evidence, "stands_without": [_LOOSE[name] for name in loose]},
            reconcile=tuple(r for r in found.reconcile if not r.startswith(tuple(refuted))),
        )
    needed = [
        name
        for name in loose
        if _finding(id, _relaxed(strict, [name]), pairs, seconds).verdict
        is not FindingVerdict.IMPOSSIBLE
    ] or loose
    return replace(
        found,
        verdict=FindingVerdict.UNDETERMINED,
        reason=UndeterminedReason.ASSUMPTION_DEPENDENT,
        certificate=None,
        reconcile=(*(_LOOSE[name] for name in needed), *found.reconcile),
    )


def _relaxed(strict: VariableFacts, loose: list[str]) -> VariableFacts:
    grid = strict.grid
    relaxed = Grid(
        step=None if "step" in loose else grid.step,
        low=None if "low" in loose else grid.low,
        high=None if "high" in loose else grid.high,
        offset=Fraction(0) if "step" in loose else grid.offset,
    )
    if "followed" not in loose:
        return replace(strict, grid=relaxed)
    fewest = max([1, *(fact.at_least for fact in strict.counts)])
    return replace(strict, grid=relaxed, n_low=min(fewest, strict.n_low))


def _counts(facts: CardFacts, summary: Quantity, key: str) -> Iterator[tuple[CountFact, str]]:
    """Printed counts of the same rows at, above or below a value of the same measurement."""
    for name, quantity in facts.quantities("proportion"):
        analysis = quantity.analysis
        if analysis.kind != "proportion" or quantity.population != summary.population:
            continue
        if len(analysis.having) != 1 or analysis.having[0].column != key:
            continue
        condition, size = analysis.having[0], facts.size(quantity)
        if size != facts.size(summary) or size.known is None:
            continue
        count, source = facts.count(quantity), f"{name}.count"
        least = most = count
        percent = quantity.values.get(Statistic.PERCENT)
        if count is None and percent is not None:
            fits = [k for k in range(size.high + 1) if percent.number.accepts(100 * k / size.high)]
            if not fits:
                continue
            least, most, source = fits[0], fits[-1], f"{name}.percent"
        if least is None or most is None or most > size.high:
            continue
        yield CountFact(condition.relation, condition.threshold, least, most, source), source

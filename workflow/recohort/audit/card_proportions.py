"""Counts, percentages and intervals of a card's proportions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from recohort.audit.card_facts import CardFacts, Collected, limits_of
from recohort.audit.counts import Parts, audit_total
from recohort.audit.finding import Check, Finding
from recohort.audit.naming import Determination, finding_id
from recohort.audit.percentages import (
    Estimator,
    audit_denominators,
    audit_percentage,
    possible_pairs,
)
from recohort.audit.proportion_interval import Candidate, check_proportion_interval
from recohort.audit.rounding import Quotient
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity
from recohort.printed import ACCEPTED_RULES, Printed

__all__ = ["audit_proportions", "counts_printed", "sizes_printed"]

_KINDS = ("proportion", "diagnostic")


def counts_printed(facts: CardFacts) -> Iterator[tuple[str, Quantity, int, int]]:
    """Every printed count with its whole: name, quantity, k, n."""
    for name, quantity in facts.quantities(*_KINDS):
        k, n = facts.count(quantity), facts.size(quantity).known
        if k is not None and n is not None and k <= n:
            yield name, quantity, k, n


def sizes_printed(facts: CardFacts) -> dict[int, str]:
    """Every denominator of the paper with what it counts, the units first."""
    found = {unit.n: unit.label.lower() for unit in facts.card.units.values()}
    for population, (n, _) in facts.sizes_printed.items():
        found.setdefault(n, facts.card.populations[population].label)
    return found


def audit_proportions(facts: CardFacts, collected: Collected) -> None:
    """Quotients for the rounding of the paper, and intervals against methods and counts."""
    cells = [
        (name, Candidate(k, n, quantity.label)) for name, quantity, k, n in counts_printed(facts)
    ]
    sizes = sizes_printed(facts)
    for name, quantity in facts.quantities(*_KINDS, "kaplan_meier"):
        collected.findings += _percentage(facts, name, quantity, sizes)
    for name, quantity, k, n in counts_printed(facts):
        size = facts.size(quantity)
        percent = quantity.values.get(Statistic.PERCENT)
        known = (f"{name}.count", *((size.id,) if size.id else ()))
        if percent is not None:
            quotient = Quotient(percent.printed, k, n, 100, (f"{name}.percent", *known))
            collected.quotients.append(quotient)
            if percent.number.accepts(float(quotient.exact)):
                collected.determine(_percent(quotient, known))
        for level, low, high, lower, upper in limits_of(quantity):
            ids = {
                "k": f"{name}.count",
                "n": size.id or f"{name}.count",
                "lower": f"{name}.{lower}",
                "upper": f"{name}.{upper}",
            }
            report = check_proportion_interval(
                k,
                n,
                low,
                high,
                level=level,
                clustered=facts.is_nested(quantity),
                candidates=[cell for other, cell in cells if other != name],
                sizes=sizes,
                ids=ids,
            )
            collected.findings += report.findings
            for determination in report.determined:
                collected.determine(determination)


def _percentage(
    facts: CardFacts, name: str, quantity: Quantity, sizes: dict[int, str]
) -> list[Finding]:
    """A count within its whole, and a percentage against its count and its denominator."""
    size, count = facts.size(quantity), facts.count(quantity)
    reported = quantity.values.get(Statistic.PERCENT)
    stated = quantity.denominator.isdigit() or size.known is not None
    n = size.high if stated else None
    whole = () if size.id is None else (size.id,)
    found: list[Finding] = []
    if count is not None and n is not None and count > n:
        values = (f"{name}.count", *whole)
        found.append(
            audit_total(
                {quantity.label: count},
                n,
                Parts.FREE,
                whole_name=sizes.get(n, "all"),
                id=finding_id(Check.TOTAL, "whole", values),
                values=values,
            )
        )
        return found
    if reported is None or not 0 <= reported.number.value <= 100 or n == 0:
        return found
    estimator = Estimator.PROPORTION
    if (name, "analysis") in facts.assumed:
        estimator = Estimator.UNSTATED
    elif quantity.analysis.kind == "kaplan_meier":
        estimator = Estimator.KAPLAN_MEIER
    percent = f"{name}.percent"
    values = (percent, *((f"{name}.count",) if count is not None else ()), *whole)
    others = {label: other for other, label in sizes.items()}
    if not _left_to_rounding(reported.number, count, n):
        found.append(
            audit_percentage(
                None if count is None else str(count),
                None if n is None else str(n),
                reported.printed,
                estimator=estimator,
                denominators=others,
                max_n=size.high,
                id=finding_id(Check.COUNT_PERCENTAGE, "count", (percent,)),
                values=values,
            )
        )
    if n is None and count is None:
        denominator = audit_denominators(
            reported.printed,
            others,
            estimator=estimator,
            id=finding_id(Check.DENOMINATOR, "any", (percent,)),
            values=(percent,),
        )
        found.append(_with_readings(denominator, reported.number, size.high))
    return found


def _with_readings(finding: Finding, percent: Printed, most: int) -> Finding:
    """A percentage of no known denominator: the largest wholes, up to all units, that print it."""
    if not finding.is_conflict:
        return finding
    pairs = sorted(possible_pairs(percent, most), key=lambda pair: -pair.n)
    shown = ", ".join(f"{pair.count} of {pair.n}" for pair in pairs[:5])
    readings = (f"some units are left out: {shown}",) if shown else ()
    return replace(
        finding, reconcile=(*readings, "it is a Kaplan-Meier estimate", *finding.reconcile)
    )


def _left_to_rounding(percent: Printed, count: int | None, n: int | None) -> bool:
    """Whether only cutting off or rounding up prints the percentage: the whole paper decides."""
    if count is None or not n:
        return False
    quotient = Quotient(percent.text, count, n)
    return bool(quotient.rules) and not quotient.rules & set(ACCEPTED_RULES)


def _percent(quotient: Quotient, known: tuple[str, ...]) -> Determination:
    exact = float(quotient.exact)
    return Determination(
        value=quotient.ids[0],
        by=known,
        sentence=f"{quotient.k}/{quotient.n} = {exact:.4g}%",
        low=exact,
        high=exact,
        convention="rounded to the nearest",
    )

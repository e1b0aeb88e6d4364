"""Counts, percentages and intervals of a card's proportions."""

from __future__ import annotations

from collections.abc import Iterator

from recohort.audit.card_facts import CardFacts, Collected, limits_of
from recohort.audit.naming import Determination
from recohort.audit.proportion_interval import Candidate, check_proportion_interval
from recohort.audit.rounding import Quotient
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity

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

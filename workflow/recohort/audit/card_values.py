"""Each reported value of a card against what its kind allows, and against its neighbours."""

from __future__ import annotations

from recohort.audit.agreement import check_order, check_range, check_significance, check_total
from recohort.audit.card_facts import CardFacts, Collected, limits_of
from recohort.audit.certificate import Certificate, CertificateKind
from recohort.audit.finding import Check, Finding, FindingVerdict
from recohort.audit.naming import Determination, finding_id
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity, RelationKind

__all__ = ["audit_relations", "audit_values"]

_PROPORTIONS = ("proportion", "diagnostic", "kaplan_meier")
_RATIOS = (Statistic.ODDS_RATIO, Statistic.ADJUSTED_ODDS_RATIO, Statistic.HAZARD_RATIO)
_ESTIMATES = (*_RATIOS, Statistic.AUC, Statistic.PERCENT, Statistic.DIFFERENCE)


def audit_values(facts: CardFacts, collected: Collected) -> None:
    """Impossible single values, limits out of order, and counts above their whole."""
    for name, quantity in facts.card.quantities.items():
        if quantity.analysis.kind != "summary":  # one_variable says it better
            for statistic in quantity.values:
                collected.findings += _single(name, quantity, statistic)
        collected.findings += _intervals(name, quantity)
        collected.findings += _count_within(facts, name, quantity)


def _single(name: str, quantity: Quantity, statistic: Statistic) -> tuple[Finding, ...]:
    text, id = quantity.values[statistic].printed, f"{name}.{statistic}"
    kind = quantity.analysis.kind
    if statistic is Statistic.COUNT:
        if quantity.values[statistic].number.value.denominator != 1:
            return _not_whole(text, id)
        return check_range(text, "count", low=0, ids={"count": id})
    if statistic is Statistic.P_VALUE:
        return check_range(text, "p-value", low=0, high=1, ids={"p-value": id})
    if statistic is Statistic.AUC:
        return check_range(text, "AUC", low=0, high=1, ids={"AUC": id})
    if statistic in (Statistic.SD, Statistic.SE):
        label = "standard deviation" if statistic is Statistic.SD else "standard error"
        return check_range(text, label, low=0, ids={label: id})
    if statistic in _RATIOS:
        return check_range(text, "ratio", low=0, ids={"ratio": id})
    limit = statistic.level is not None
    if kind in _PROPORTIONS and (statistic is Statistic.PERCENT or limit):
        label = "limit of a percentage" if limit else "percentage"
        return check_range(text, label, low=0, high=100, ids={label: id})
    if kind == "model_term" and limit:
        return check_range(text, "limit of a ratio", low=0, ids={"limit of a ratio": id})
    return ()


def _not_whole(text: str, id: str) -> tuple[Finding, ...]:
    proof = Certificate(CertificateKind.NOT_WHOLE, {"printed": text})
    return (
        Finding(
            id=finding_id(Check.BAD_VALUE, "whole", (id,)),
            check=Check.BAD_VALUE,
            values=(id,),
            verdict=FindingVerdict.IMPOSSIBLE,
            sentence=f"A count is a whole number, and {text} is printed.",
            reconcile=("the number is a mean or a percentage", "a digit is misprinted"),
            certificate=proof,
        ),
    )


def _intervals(name: str, quantity: Quantity) -> list[Finding]:
    found: list[Finding] = []
    estimate = next((s for s in _ESTIMATES if s in quantity.values), None)
    for level, low, high, lower, upper in limits_of(quantity):
        ids = {
            "lower limit": f"{name}.{lower}",
            "upper limit": f"{name}.{upper}",
            "estimate": f"{name}.{estimate}",
        }
        texts, labels = [low, high], ["lower limit", "upper limit"]
        if estimate is not None:
            texts.insert(1, quantity.values[estimate].printed)
            labels.insert(1, "estimate")
        found += check_order(texts, labels, ids=ids)
        p = quantity.values.get(Statistic.P_VALUE)
        if p is not None and estimate not in _RATIOS:
            found += check_significance(
                low,
                high,
                p.printed,
                level=level,
                ids={
                    "lower": f"{name}.{lower}",
                    "upper": f"{name}.{upper}",
                    "p": f"{name}.p_value",
                },
            )
    return found


def _count_within(facts: CardFacts, name: str, quantity: Quantity) -> tuple[Finding, ...]:
    count, size = facts.count(quantity), facts.size(quantity)
    if count is None or quantity.analysis.kind not in ("proportion", "diagnostic"):
        return ()
    if not quantity.denominator.isdigit() and size.known is None:
        return ()
    ids = [f"{name}.count", size.id or f"{name}.count"]
    return check_total(
        [str(count)], str(size.high), ids[:1], ids[1], relation="at_most", exact=True
    )


def audit_relations(facts: CardFacts, collected: Collected) -> None:
    """The card's relations between counts: sums, unions, subsets, equals, units within units."""
    values = {value.id: value for value in facts.card.values}
    for relation in facts.card.relations:
        texts = {id: values[id].reported.printed for id in (relation.whole, *relation.parts)}
        exact = all(id.endswith(".count") for id in texts)
        if exact and not all(_is_whole(values[id].number.value) for id in texts):
            continue
        whole, parts = texts[relation.whole], [texts[id] for id in relation.parts]
        match relation.kind:
            case RelationKind.SUM:
                found = check_total(
                    parts, whole, relation.parts, relation.whole, relation="equal", exact=exact
                )
                if exact and not found:
                    collected.determine(_sum(relation.whole, relation.parts, parts))
            case RelationKind.UNION:
                found = check_total(
                    parts, whole, relation.parts, relation.whole, relation="at_least", exact=exact
                )
                found += _each_within(parts, whole, relation.parts, relation.whole, exact)
            case RelationKind.SUBSET:
                found = _each_within(parts, whole, relation.parts, relation.whole, exact)
            case RelationKind.EQUAL:
                found = ()
                for part, id in zip(parts, relation.parts, strict=True):
                    found += check_total(
                        [part], whole, [id], relation.whole, relation="equal", exact=exact
                    )
            case RelationKind.HOLDS:
                # Each unit of the whole holds at least one of the parts' units.
                found = ()
                for part, id in zip(parts, relation.parts, strict=True):
                    found += check_total(
                        [part], whole, [id], relation.whole, relation="at_least", exact=exact
                    )
        collected.findings += found


def _is_whole(value: object) -> bool:
    return getattr(value, "denominator", 0) == 1


def _each_within(
    parts: list[str], whole: str, part_ids: tuple[str, ...], whole_id: str, exact: bool
) -> tuple[Finding, ...]:
    found: tuple[Finding, ...] = ()
    for part, id in zip(parts, part_ids, strict=True):
        found += check_total([part], whole, [id], whole_id, relation="at_most", exact=exact)
    return found


def _sum(whole: str, ids: tuple[str, ...], parts: list[str]) -> Determination:
    total = sum(int(part.replace(",", "")) for part in parts)
    return Determination(
        value=whole,
        by=ids,
        sentence=f"{' + '.join(parts)} = {total}",
        low=float(total),
        high=float(total),
        convention="parts that add up to the whole",
    )

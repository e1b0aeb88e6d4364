"""Each reported value of a card against what its kind allows, and against its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from recohort.audit.agreement import check_order, check_range, check_same, check_significance
from recohort.audit.card_facts import CardFacts, Collected, limits_of
from recohort.audit.certificate import Certificate, CertificateKind
from recohort.audit.counts import Parts, audit_total
from recohort.audit.finding import Check, Finding, FindingVerdict
from recohort.audit.naming import Determination, finding_id
from recohort.audit.nesting import Nesting, audit_nesting
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity, Relation, RelationKind, ValueRef

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


def audit_relations(facts: CardFacts, collected: Collected) -> None:
    """The card's relations between counts: sums, unions, subsets, equals, units within units."""
    values = {value.id: value for value in facts.card.values}
    for relation in facts.card.relations:
        ids = (relation.whole, *relation.parts)
        if relation.kind is RelationKind.EQUAL:
            texts = [values[id].reported.printed for id in ids]
            collected.findings += check_same(texts, ids, source=relation.reason.rstrip("."))
            continue
        counts = {id: _count(values[id]) for id in ids}
        known = {id: count for id, count in counts.items() if count is not None}
        if len(known) < len(counts):
            continue
        if relation.kind is RelationKind.HOLDS:
            for part in relation.parts:
                collected.findings += _nested(facts, values[relation.whole], values[part], known)
            continue
        collected.findings += _totals(facts, relation, known)
        if relation.kind is RelationKind.SUM:
            parts = [known[id] for id in relation.parts]
            if sum(parts) == known[relation.whole]:
                collected.determine(_sum(relation.whole, relation.parts, parts))


def _count(value: ValueRef) -> int | None:
    number = value.number
    whole = value.statistic is Statistic.COUNT and number.value.denominator == 1
    return int(number.value) if whole and number.is_exact else None


def _totals(facts: CardFacts, relation: Relation, known: Mapping[str, int]) -> Iterator[Finding]:
    kinds = {RelationKind.SUM: Parts.PARTITION, RelationKind.UNION: Parts.COVER}
    whole_name = _label(facts, relation.whole)
    groups = [relation.parts]
    if relation.kind is RelationKind.SUBSET:  # the parts have nothing to do with each other
        groups = [(part,) for part in relation.parts]
    for parts in groups:
        values = (*parts, relation.whole)
        yield audit_total(
            {_label(facts, part): known[part] for part in parts},
            known[relation.whole],
            kinds.get(relation.kind, Parts.FREE),
            whole_name=whole_name,
            id=finding_id(Check.TOTAL, str(relation.kind), values),
            values=values,
        )


def _label(facts: CardFacts, id: str) -> str:
    label = facts.card.quantities[id.partition(".")[0]].label
    return label[0].lower() + label[1:] if label[1:2].islower() else label


def _nested(
    facts: CardFacts, whole: ValueRef, part: ValueRef, known: Mapping[str, int]
) -> list[Finding]:
    """Units of the part lie in units of the whole; the sizes of both levels join in if printed."""
    card = facts.card
    child = card.populations[card.quantities[part.quantity].population].unit
    parent = card.units[child].within
    ids = {"parents": whole.id, "children": part.id}
    names = {"parents": _label(facts, whole.id), "children": _label(facts, part.id)}
    nesting = Nesting(parents=known[whole.id], children=known[part.id])
    sizes = {unit: facts.unit_size(unit) for unit in (parent, child) if unit is not None}
    full = len(sizes) == 2 and all(size is not None for size in sizes.values())
    if full and parent is not None and whole.id not in {s.id for s in sizes.values() if s}:
        parents, children = sizes[parent], sizes[child]
        assert parents is not None
        assert children is not None
        nesting = Nesting(
            parents=parents.high,
            children=children.high,
            parents_with=known[whole.id],
            children_with=known[part.id],
        )
        ids = {
            "parents": parents.id or "",
            "children": children.id or "",
            "parents_with": whole.id,
            "children_with": part.id,
        }
        names = {
            "parents": card.units[parent].label.lower(),
            "children": card.units[child].label.lower(),
            "parents_with": names["parents"],
            "children_with": names["children"],
        }
    id = finding_id(Check.NESTING, "holds", (whole.id, part.id))
    return audit_nesting(nesting, names=names, ids={k: v for k, v in ids.items() if v}, id=id)


def _sum(whole: str, ids: tuple[str, ...], parts: list[int]) -> Determination:
    return Determination(
        value=whole,
        by=ids,
        sentence=f"{' + '.join(map(str, parts))} = {sum(parts)}",
        low=float(sum(parts)),
        high=float(sum(parts)),
        convention="parts that add up to the whole",
    )

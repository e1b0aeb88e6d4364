"""A study card's audit: every check that applies, on every group of values that it applies to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recohort.audit.card_facts import CardFacts, Collected
from recohort.audit.card_models import audit_aucs, audit_ratios, audit_tests
from recohort.audit.card_proportions import audit_proportions
from recohort.audit.card_values import audit_relations, audit_values
from recohort.audit.card_variables import audit_variables
from recohort.audit.finding import Finding, FindingVerdict, UndeterminedReason
from recohort.audit.naming import Determination
from recohort.audit.rounding import check_rounding, rules_that_fit
from recohort.card.loader import CardFile, load_card
from recohort.card.study import StudyCard
from recohort.printed import ACCEPTED_RULES, RoundingRule

__all__ = ["StudyAudit", "audit_card", "audit_card_file", "audit_path", "to_text"]

_ORDER = {verdict: index for index, verdict in enumerate(FindingVerdict)}


@dataclass(frozen=True, slots=True)
class StudyAudit:
    """A study's findings, worst first, and the values that other values determine."""

    study: str
    card_sha256: str
    findings: tuple[Finding, ...]
    determined: dict[str, Determination]
    rounding_rules: tuple[RoundingRule, ...]
    """The rules that print every percentage whose count is printed."""
    quotients: int
    """How many such percentages there are."""

    @property
    def conflicts(self) -> tuple[Finding, ...]:
        """The findings that say impossible."""
        return tuple(f for f in self.findings if f.verdict is FindingVerdict.IMPOSSIBLE)

    def to_json(self) -> dict[str, Any]:
        """The content of ``audit.json``."""
        return {
            "study": self.study,
            "card_sha256": self.card_sha256,
            "findings": [finding.to_json() for finding in self.findings],
            "determined": {id: d.to_json() for id, d in sorted(self.determined.items())},
            "conventions": {
                "rounding_rules_that_print_every_percentage": [str(r) for r in self.rounding_rules],
                "percentages_with_counts": self.quotients,
            },
        }


def to_text(audit: StudyAudit) -> str:
    """``audit.json`` as text: the same bytes for the same card."""
    return json.dumps(audit.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def audit_card(
    card: StudyCard,
    *,
    card_sha256: str = "",
    assumed: Iterable[tuple[str, str]] = (),
    seconds: float | None = None,
) -> StudyAudit:
    """Audit a card as it stands, without trying other settings of its assumptions.

    ``assumed`` are (column or model, field) pairs that are assumptions: a recording step, the ends
    of a scale, the numbers followed, a model's terms. ``seconds`` limits each variable's search.
    """
    collected = _collect(CardFacts(card, frozenset(assumed)), seconds)
    return _audit(card, card_sha256, collected)


def audit_card_file(
    card_file: CardFile,
    *,
    seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> StudyAudit:
    """Audit a card's file under every setting of its assumptions.

    What is impossible in the base setting and not in another depends on that assumption, and is
    undetermined. ``progress`` is called with the settings done and their number.
    """
    assumed = frozenset(
        (str(place[1]), str(place[2]))
        for places in card_file.uses.values()
        for place in places
        if len(place) >= 3 and place[0] in ("columns", "models", "quantities")
    )
    card = card_file.base
    collected = _collect(CardFacts(card, assumed), seconds)
    base = _audit(card, card_file.sha256, collected)
    if not base.conflicts:
        return base
    settings = card_file.single_changes[1:]
    mended: dict[str, list[str]] = {}
    for done, setting in enumerate(settings):
        if progress is not None:
            progress(done, len(settings))
        other = _collect(CardFacts(card_file.card(setting), assumed), seconds)
        still = {f.id for f in other.findings if f.verdict is FindingVerdict.IMPOSSIBLE}
        still |= {f.id for f in check_rounding(other.quotients)}
        for finding in base.conflicts:
            if finding.id not in still:
                labels = mended.setdefault(finding.id, [])
                labels += [card.assumptions[name].label for name, index in setting.choices if index]
    findings = tuple(_softened(f, mended.get(f.id, [])) for f in base.findings)
    return replace(base, findings=_sorted(findings))


def audit_path(path: Path | str, *, seconds: float | None = None) -> StudyAudit:
    """Audit the study card at ``path``.

    Raises:
        CardError: the card cannot be read.
    """
    return audit_card_file(load_card(path), seconds=seconds)


def _collect(facts: CardFacts, seconds: float | None) -> Collected:
    collected = Collected()
    audit_values(facts, collected)
    audit_relations(facts, collected)
    audit_proportions(facts, collected)
    audit_variables(facts, collected, seconds)
    audit_ratios(facts, collected)
    audit_aucs(facts, collected)
    audit_tests(facts, collected)
    return collected


def _audit(card: StudyCard, sha256: str, collected: Collected) -> StudyAudit:
    findings = _distinct([*collected.findings, *check_rounding(collected.quotients)])
    rules = rules_that_fit(collected.quotients)
    findings = tuple(_by_the_papers_rule(finding, rules) for finding in findings)
    return StudyAudit(
        study=card.study,
        card_sha256=sha256,
        findings=_sorted(findings),
        determined=dict(collected.determined),
        rounding_rules=rules,
        quotients=len(collected.quotients),
    )


def _by_the_papers_rule(finding: Finding, rules: Iterable[RoundingRule]) -> Finding:
    """A set that only the rule of the whole paper explains is no conflict."""
    others = set(rules)
    explained = set(finding.evidence.get("explained_by", ()))
    if finding.verdict is not FindingVerdict.UNDETERMINED or others & set(ACCEPTED_RULES):
        return finding
    if not explained & {str(rule) for rule in others}:
        return finding
    return replace(finding, verdict=FindingVerdict.NOTE, reason=None)


def _distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple({finding.id: finding for finding in findings}.values())


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Worst first; within a verdict in the order in which the checks ran."""
    return tuple(sorted(findings, key=lambda f: _ORDER[f.verdict]))


def _softened(finding: Finding, labels: list[str]) -> Finding:
    """An impossible finding that an assumption's alternative mends."""
    if not labels:
        return finding
    named = ", ".join(dict.fromkeys(label[0].lower() + label[1:] for label in labels))
    return replace(
        finding,
        verdict=FindingVerdict.UNDETERMINED,
        reason=UndeterminedReason.ASSUMPTION_DEPENDENT,
        sentence=f"{finding.sentence} This rests on an assumption ({named}).",
        reconcile=(f"another reading of: {named}", *finding.reconcile),
        certificate=None,
    )

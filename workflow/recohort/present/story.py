"""What was found, in sentences: what the page begins with and the index repeats."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recohort.card.statistic import Role
from recohort.present.results import FindingRow, StudyResults, ValueRow
from recohort.present.tables.contents import spread_text, value_text
from recohort.present.words import (
    UNDETERMINED_TEXT,
    VERDICT_ORDER,
    Verdict,
    count_text,
    listed,
    plain_reason,
    sentence,
    time_text,
)

__all__ = [
    "TOLD",
    "Fact",
    "FoundSet",
    "OpenGroup",
    "OpenValue",
    "Story",
    "evidence_facts",
    "parted_reason",
    "tell",
    "verdict_counts",
]

Fact = tuple[str, str]
"""A piece of evidence: its name and its value, in words."""


@dataclass(frozen=True, slots=True)
class FoundSet:
    """A finding with everything that a reader needs to check it by hand."""

    id: str
    verdict: str
    sentence: str
    values: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    certificate: str
    reconcile: tuple[str, ...]
    changes_conclusion: bool | None


@dataclass(frozen=True, slots=True)
class OpenValue:
    """An undetermined value: why, and the question that would settle it."""

    name: str
    printed: str
    told: str
    question: str


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """Undetermined values with one kind of reason in common."""

    reason: str
    values: tuple[OpenValue, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What was found in one study, the most pressing first."""

    headline: str
    opening: tuple[str, ...]
    impossible: tuple[FoundSet, ...]
    not_reproduced: tuple[tuple[str, str], ...]
    doubtful: tuple[FoundSet, ...]
    open_groups: tuple[OpenGroup, ...]
    notes: tuple[FoundSet, ...]


TOLD = frozenset({"impossible", "undetermined", "note"})
"""The verdicts of findings that the story tells; the others say that values fit."""

_ASKS = " What would settle it: "


def parted_reason(text: str) -> tuple[str, str]:
    """A reason in words, and what would settle it (empty where it asks nothing)."""
    told, _, asked = text.partition(_ASKS)
    return sentence(plain_reason(told)), sentence(asked)


def verdict_counts(results: StudyResults) -> tuple[tuple[Verdict, int], ...]:
    """How many values ended with each verdict, the most pressing first."""
    return tuple((verdict, results.count(verdict)) for verdict in VERDICT_ORDER)


def tell(results: StudyResults) -> Story:
    """The story of one study's results."""
    impossible = [f for f in results.findings if f.verdict == "impossible"]
    doubtful = [f for f in results.findings if f.verdict == "undetermined"]
    notes = [f for f in results.findings if f.verdict == "note"]
    missed = [row for row in results.values if row.verdict is Verdict.NOT_REPRODUCED]
    opening = _opening(results, impossible, missed)
    if impossible:
        headline = _first_sentence(sentence(impossible[0].sentence))
    elif missed:
        headline = _missed(missed[0])[0] + " " + _missed(missed[0])[1]
    else:
        headline = opening[0]
    return Story(
        headline=headline,
        opening=opening,
        impossible=tuple(_found(results, f) for f in impossible),
        not_reproduced=tuple(_missed(row) for row in missed),
        doubtful=tuple(_found(results, f) for f in doubtful),
        open_groups=_open_groups(results),
        notes=tuple(_found(results, f) for f in notes),
    )


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.]) (?=[A-Z])", text, maxsplit=1)[0]


def _opening(
    results: StudyResults, impossible: list[FindingRow], missed: list[ValueRow]
) -> tuple[str, ...]:
    said = []
    total = count_text(len(results.values), "printed number")
    if impossible:
        involved = {value for finding in impossible for value in finding.values}
        sets = count_text(len(impossible), "set")
        said.append(
            f"Of the {total}, {sets} cannot be true together as printed, "
            f"{count_text(len(involved), 'number')} in all. Each is set out below with the "
            "arithmetic and with the ordinary causes that would explain it."
        )
    elif not missed:
        said.append(
            f"Nothing was found against the {total}: no set of them was shown to be impossible, "
            "and none that was kept aside falls outside what matching cohorts give."
        )
    else:
        said.append(f"No set of the {total} was shown to be impossible.")
    if missed:
        said.append(
            f"{count_text(len(missed), 'number')} that the cohorts were not built to print "
            f"{'lies' if len(missed) == 1 else 'lie'} outside what the cohorts that match the "
            "rest give."
        )
    open_count = results.count(Verdict.UNDETERMINED)
    if open_count:
        said.append(
            f"{count_text(open_count, 'number')} cannot be judged from what the paper states; "
            "the questions that would settle them are listed."
        )
    said.append(_fit(results))
    return tuple(said)


def _fit(results: StudyResults) -> str:
    imposed = [row for row in results.values if row.role is not Role.HELD_OUT]
    stored = results.reconstruction.get("stored") or {}
    held_out = {row.id for row in results.values if row.role is Role.HELD_OUT}
    unmet = [item for item in stored.get("unmet") or [] if str(item.get("id")) not in held_out]
    met = sum(str(name) not in held_out for name in stored.get("met") or [])
    if not met and not unmet:
        return f"{count_text(len(imposed), 'number')} were imposed on the reconstructed cohort."
    total = met + len(unmet)
    if not unmet:
        return (
            f"A cohort exists that prints all {total} numbers imposed on it, digit for digit; it "
            "is stored beside this page."
        )
    by_id = {row.id: row for row in results.values}
    names = []
    for item in unmet[:4]:
        row = by_id.get(str(item.get("id")))
        name = str(item.get("id")) if row is None else row.name
        names.append(f"{name} (printed {item.get('printed')}, obtained {item.get('obtained')})")
    more = f" and {len(unmet) - 4} more" if len(unmet) > 4 else ""
    return (
        f"The stored cohort prints {met} of the {total} numbers imposed on it; not "
        f"{listed(names) if not more else ', '.join(names) + more}."
    )


def _missed(row: ValueRow) -> tuple[str, str]:
    where = f" ({row.population})" if row.population else ""
    spread = spread_text(row.conditioned, row.statistic)
    return (
        f"{row.name}{where}: printed {row.printed}.",
        sentence(plain_reason(row.reason))
        or f"Cohorts that match every imposed value give {spread}.",
    )


def _found(results: StudyResults, finding: FindingRow) -> FoundSet:
    by_id = {row.id: row for row in results.values}
    values = tuple(
        (by_id[i].name, by_id[i].printed) if i in by_id else (i, "") for i in finding.values
    )
    return FoundSet(
        id=finding.id,
        verdict=finding.verdict,
        sentence=sentence(finding.sentence),
        values=values,
        facts=evidence_facts(finding.evidence),
        certificate=_certificate(finding.certificate),
        reconcile=tuple(text.strip() for text in finding.reconcile),
        changes_conclusion=finding.changes_conclusion,
    )


def _certificate(certificate: Mapping[str, Any] | None) -> str:
    import json

    if certificate is None:
        return ""
    return json.dumps(certificate, indent=1, ensure_ascii=False, sort_keys=False)


_LONGEST = 400


def evidence_facts(evidence: Mapping[str, Any], prefix: str = "") -> tuple[Fact, ...]:
    """Evidence as names and values; nested evidence keeps the names around it."""
    facts: list[Fact] = []
    for key, value in evidence.items():
        if key == "sample" and isinstance(value, list | tuple):  # value and how often
            value = [f"{item[1]} × {item[0]}" for item in value if len(item) == 2] or value
        name = f"{prefix}{time_text(str(key))}"
        if isinstance(value, Mapping) and value:
            facts.extend(evidence_facts(value, f"{name}: "))
        elif isinstance(value, list | tuple):
            text = "; ".join(_item(item) for item in value) or "none"
            facts.append((name, text if len(text) <= _LONGEST else text[:_LONGEST] + "…"))
        else:
            facts.append((name, _item(value)))
    return tuple(facts)


def _item(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple) and all(isinstance(x, int | float) for x in value):
        return f"({', '.join(_item(x) for x in value)})"
    return value_text(value) if isinstance(value, Mapping | list | tuple) else str(value)


def _open_groups(results: StudyResults) -> tuple[OpenGroup, ...]:
    groups: dict[str, list[OpenValue]] = {}
    assumptions = results.card_file.base.assumptions
    for row in results.values:
        if row.verdict is not Verdict.UNDETERMINED:
            continue
        told, asked = parted_reason(row.reason)
        if not asked:
            questions = [assumptions[n].question for n in row.assumptions if n in assumptions]
            asked = next(filter(None, questions), "")
        code = row.reason.partition(":")[0]
        reason = UNDETERMINED_TEXT.get(code, "Other reasons")
        groups.setdefault(reason, []).append(OpenValue(row.name, row.printed, told, asked))
    return tuple(OpenGroup(reason, tuple(values)) for reason, values in groups.items())

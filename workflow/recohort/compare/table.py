"""The comparison of a study: the stages' files in, one row for each reported value out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recohort.card.loader import CardFile
from recohort.card.statistic import Role
from recohort.card.study import StudyCard
from recohort.cohort import FloatArray
from recohort.compare.conclusion import changes_conclusion, scale_of
from recohort.compare.dependence import Dependence
from recohort.compare.files import csv_text, float_of, number_text
from recohort.compare.guesses import Grounds
from recohort.compare.interval import Standing, standing
from recohort.compare.verdict import Evidence, Judgement, Verdict, judge

__all__ = [
    "COLUMNS",
    "Conditioned",
    "Replicates",
    "compare_study",
    "comparison_text",
]

Conditioned = Mapping[str, Mapping[str, FloatArray]]
"""Setting, then value id, then one estimate a cohort in the cohorts' order."""

Replicates = Mapping[str, FloatArray]
"""Value id, then one estimate a replicate."""

COLUMNS = (
    "study", "id", "quantity", "statistic", "population", "printed", "role", "verdict", "reason",
    "changes_conclusion", "reconstructed", "reconstructed_printed", "conditioned_low",
    "conditioned_median", "conditioned_high", "replicate_low", "replicate_median",
    "replicate_high", "finding", "assumptions",
)  # fmt: skip
"""The columns of ``comparison.csv``."""

_BASE = "base"


def confirmed_values(card: StudyCard, audit: Mapping[str, Any]) -> frozenset[str]:
    """Members of conflict sets that other printed values agree with.

    A value is confirmed where it takes part in arithmetic (a share, a sum) that comes out as
    printed: 10 of 11 printed as 91% speaks for the 10 and the 11, and the doubt falls on the rest
    of the set. Where every member of a set is confirmed, none is excused.
    """
    printed = {value.id: value.number for value in card.values}
    inputs = {value.id for value in card.values if value.role is Role.INPUT}
    agreeing: set[str] = set()
    for name, known in audit.get("determined", {}).items():
        ends = (float(known["low"]), float(known["high"]))
        if name in printed and all(printed[name].accepts(end) for end in ends):
            agreeing |= {name, *known["by"]}
    conflicts = [f["values"] for f in audit.get("findings", []) if f["verdict"] == "impossible"]
    for values in conflicts:
        if set(values) <= agreeing | inputs:
            agreeing -= set(values)
    return frozenset(agreeing)


def compare_study(
    card_file: CardFile,
    audit: Mapping[str, Any],
    reconstruction: Mapping[str, Any],
    analysis: Mapping[str, Any],
    conditioned: Conditioned,
    replicates: Replicates,
) -> list[dict[str, str]]:
    """One row for each reported value, in the card's order, with the columns of ``COLUMNS``.

    Args:
        card_file: the study card.
        audit: the content of ``audit.json``.
        reconstruction: the content of ``reconstruction.json``.
        analysis: the content of ``analysis.json``.
        conditioned: the conditioned cohorts' estimates by setting.
        replicates: the fresh studies' estimates.

    A value that a file does not name is treated as not estimated there; none is dropped.
    """
    card = card_file.base
    naming: dict[str, list[Mapping[str, Any]]] = {}
    for finding in audit.get("findings", []):
        for name in finding["values"]:
            naming.setdefault(name, []).append(finding)
    stored = {item["id"]: item for item in analysis.get("estimates", [])}
    choices = {
        item["name"]: {key: int(index) for key, index in item.get("choices", {}).items()}
        for item in reconstruction.get("settings", [])
    }
    settings = sorted(conditioned, key=lambda name: (name != _BASE, name))
    for setting in settings:
        choices.setdefault(setting, dict(card_file.setting(setting).choices))
    dependence, grounds = Dependence(card_file), Grounds(card_file)
    unmet = (reconstruction.get("stored") or {}).get("unmet", ())
    confirmed = confirmed_values(card, audit)
    rows = []
    for value in card.values:
        quantity = card.quantities[value.quantity]
        kind, number = quantity.analysis.kind, value.number
        scale = scale_of(kind, value.statistic)
        standings: dict[str, Standing] = {
            setting: standing(conditioned[setting][value.id], number, scale)
            for setting in settings
            if value.id in conditioned[setting]
        }
        assumptions = dependence.of(value.quantity, value.statistic)
        item = stored.get(value.id, {})
        estimate = float_of(item.get("estimate"))
        evidence = Evidence(
            value=value,
            scale=scale,
            findings=tuple(naming.get(value.id, ())),
            determined=audit.get("determined", {}).get(value.id),
            stored=estimate,
            note=str(item.get("note") or ""),
            standings=standings,
            choices=choices,
            assumptions=assumptions,
            all_met=not unmet,
            confirmed=value.id in confirmed,
            guesses=grounds.of(value) if value.role is Role.HELD_OUT else (),
        )
        judged = judge(card, evidence)
        base = standings.get(_BASE)
        spread = (base.low, base.median, base.high) if base is not None else (math.nan,) * 3
        fresh = _spread(replicates.get(value.id))
        obtained = spread[1] if not math.isnan(spread[1]) else estimate
        rows.append(
            {
                "study": card.study,
                "id": value.id,
                "quantity": value.quantity,
                "statistic": str(value.statistic),
                "population": card.populations[quantity.population].label,
                "printed": value.reported.printed,
                "role": str(value.role),
                "verdict": str(judged.verdict),
                "reason": judged.reason,
                "changes_conclusion": _conclusion(
                    judged, evidence, changes_conclusion(kind, value.statistic, number, obtained)
                ),
                "reconstructed": number_text(estimate),
                "reconstructed_printed": number.format(estimate),
                **dict(zip(COLUMNS[12:15], map(number_text, spread), strict=True)),
                **dict(zip(COLUMNS[15:18], map(number_text, fresh), strict=True)),
                "finding": " ".join(
                    dict.fromkeys(_one_word(str(f["id"])) for f in naming.get(value.id, ()))
                ),
                "assumptions": " ".join(assumptions),
            }
        )
    return rows


def _conclusion(judged: Judgement, evidence: Evidence, found: str) -> str:
    """The audit's own word on a conflict first, then the comparison's."""
    if judged.verdict is Verdict.IMPOSSIBLE:
        said = [f.get("changes_conclusion") for f in evidence.findings]
        if any(word is not None for word in said):
            return "yes" if any(said) else "no"
    return found


def _one_word(identifier: str) -> str:
    return "_".join(identifier.split())


def _spread(values: FloatArray | None) -> tuple[float, float, float]:
    """The 2.5%, 50% and 97.5% quantiles of what could be estimated; infinite ones allowed."""
    if values is None:
        return (math.nan,) * 3
    seen = np.sort(values[~np.isnan(values)])
    if seen.size == 0:
        return (math.nan,) * 3
    method = "linear" if np.isfinite(seen).all() else "inverted_cdf"
    low, median, high = np.quantile(seen, (0.025, 0.5, 0.975), method=method)  # type: ignore[call-overload]
    return float(low), float(median), float(high)


def comparison_text(rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as the text of ``comparison.csv``: the same bytes for the same rows."""
    return csv_text(COLUMNS, rows)

"""Do a paper's other numbers foretell this one? A value, judged by cohorts that print the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recohort.card.loader import CardFile
from recohort.card.statistic import Role
from recohort.cohort import FloatArray
from recohort.compare.conclusion import scale_of
from recohort.compare.dependence import Dependence
from recohort.compare.files import csv_text, number_text
from recohort.compare.guesses import Grounds
from recohort.compare.interval import standing
from recohort.compare.table import confirmed_values
from recohort.compare.verdict import Evidence, Judgement, Verdict, judge

__all__ = ["COLUMNS", "judge_left_out", "left_out_text"]

COLUMNS = (
    "study", "id", "quantity", "statistic", "population", "printed", "verdict", "reason",
    "setting", "cohorts", "low", "median", "high", "below", "above",
)  # fmt: skip
"""The columns of ``leave_one_out.csv``."""


_NOTHING_ELSE = "missing_input: Nothing else that was printed gives this number or bounds it."


def judge_left_out(
    card_file: CardFile,
    audit: Mapping[str, Any],
    estimates: Mapping[str, Mapping[str, Sequence[float]]],
    notes: Mapping[str, str],
    *,
    all_met: bool,
) -> list[dict[str, str]]:
    """One row for each value left out, in the card's order.

    Args:
        card_file: the study card.
        audit: the content of ``audit.json``.
        estimates: value id, then setting, then one estimate a cohort that prints all others; the
            first setting is the one under which the paper is printed best.
        notes: value id to what stood in the way of drawing any cohort without it.
        all_met: whether all other values could be imposed, or only those that go together.

    The rules are those of a value that the card holds out. Design facts are not judged.
    """
    card = card_file.base
    dependence, confirmed = Dependence(card_file), confirmed_values(card, audit)
    rows = []
    for value in card.values:
        determined = audit.get("determined", {}).get(value.id)
        wanted = value.id in estimates or value.id in notes or determined is not None
        if value.role is Role.INPUT or not wanted:
            continue
        quantity = card.quantities[value.quantity]
        scale = scale_of(quantity.analysis.kind, value.statistic)
        settings = estimates.get(value.id, {})
        standings = {
            name: standing(_array(found), value.number, scale) for name, found in settings.items()
        }
        evidence = Evidence(
            value=value.model_copy(update={"role": Role.HELD_OUT}),
            scale=scale,
            findings=tuple(f for f in audit.get("findings", ()) if value.id in f["values"]),
            determined=determined,
            stored=math.nan,
            note=notes.get(value.id, ""),
            standings=standings,
            choices={name: dict(card_file.setting(name).choices) for name in settings},
            assumptions=dependence.of(value.quantity, value.statistic),
            confirmed=value.id in confirmed,
            all_met=all_met,
            guesses=Grounds(card_file, {value.id}).of(value),
        )
        judged = judge(card, evidence)
        if value.id in notes and judged.verdict is Verdict.UNDETERMINED:
            judged = Judgement(Verdict.UNDETERMINED, _NOTHING_ELSE)
        name = next((name for name, found in settings.items() if len(found)), "")
        best = standings.get(name)
        rows.append(
            {
                "study": card.study,
                "id": value.id,
                "quantity": value.quantity,
                "statistic": str(value.statistic),
                "population": card.populations[quantity.population].label,
                "printed": value.reported.printed,
                "verdict": str(judged.verdict),
                "reason": judged.reason,
                "setting": name,
                "cohorts": str(best.cohorts if best else 0),
                "low": number_text(best.low if best else math.nan),
                "median": number_text(best.median if best else math.nan),
                "high": number_text(best.high if best else math.nan),
                "below": str(best.below if best else 0),
                "above": str(best.above if best else 0),
            }
        )
    return rows


def _array(found: Sequence[float]) -> FloatArray:
    return np.asarray(found, dtype=np.float64)


def left_out_text(rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as the text of ``leave_one_out.csv``: the same bytes for the same rows."""
    return csv_text(COLUMNS, rows)

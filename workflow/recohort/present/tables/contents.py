"""What each table of a study holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recohort.analysis.layout import units_outward_in
from recohort.card.layout import BinaryColumn, DerivedColumn, GroupColumn, NumericColumn
from recohort.card.statistic import Statistic
from recohort.cohort import FloatArray
from recohort.present.results import Spread, StudyResults, ValueRow
from recohort.present.tables.sheet import Sheet
from recohort.present.words import (
    ROLE_TEXT,
    STATISTIC_TEXT,
    VERDICT_ORDER,
    VERDICT_WORDS,
    Verdict,
    listed,
    plain_reason,
    time_text,
)

__all__ = [
    "AssumptionRow",
    "LeftOut",
    "SettingRow",
    "assumption_rows",
    "left_out_rows",
    "number_text",
    "question_rows",
    "setting_rows",
    "sheets",
    "spread_text",
    "value_text",
]


def number_text(number: float) -> str:
    """A number with three significant digits, whole numbers whole; empty where there is none."""
    if math.isnan(number):
        return ""
    if math.isinf(number):
        return "−∞" if number < 0 else "∞"
    if number == round(number) and abs(number) < 1e6:
        return str(int(number))
    if abs(number) >= 1e6 or abs(number) < 1e-3:
        return f"{number:.1e}"
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:#.3g}".rstrip(".")


def spread_text(spread: Spread, statistic: Statistic | None = None) -> str:
    """A range as text: low to high, both with the decimals that the larger end has.

    Unless that would leave the smaller end fewer than two digits; counts have no decimals.
    """
    if not spread.known:
        return ""
    ends = spread.low, spread.high
    low, high = map(number_text, ends)
    large, small = max(map(abs, ends)), min(map(abs, ends))
    is_count, is_whole = statistic is Statistic.COUNT, all(end == round(end) for end in ends)
    decimals = 0 if is_count else max(0, 2 - math.floor(math.log10(large or 1)))
    has_digits = is_count or small == 0 or small * 10**decimals >= 10
    if has_digits and not is_whole and 1e-3 <= large < 1e6:
        low, high = (f"{end:.{decimals}f}" for end in ends)
    return low if low == high else f"{low} to {high}"


def flag_text(flag: bool | None) -> str:
    """Yes, no, or nothing where the question does not arise."""
    return "" if flag is None else "yes" if flag else "no"


def value_text(value: Any) -> str:
    """An assumption's value, whatever its shape, as running text."""
    if isinstance(value, Mapping):
        if "column" in value and len(value) == 2:
            bound = next(key for key in value if key != "column")
            words = {
                "equals": "=", "at_least": "≥", "above": ">", "at_most": "≤", "below": "<",
            }  # fmt: skip
            if bound in words:
                return f"{time_text(str(value['column']))} {words[bound]} {value[bound]}"
        return ", ".join(f"{time_text(str(key))} {value_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(value_text(item) for item in value) or "none"
    return time_text(str(value)) if isinstance(value, str) else str(value)


def comparison_sheet(results: StudyResults) -> Sheet:
    """One row a reported value."""
    return Sheet(
        name="comparison",
        title="Every reported value",
        head=(
            "Section", "Quantity", "Statistic", "Population", "Printed", "Unit", "Role", "Verdict",
            "Obtained", "95% of matching cohorts", "95% of fresh studies", "Changes the conclusion",
            "Reason",
        ),
        rows=tuple(
            (
                row.section, row.label, STATISTIC_TEXT[row.statistic], row.population, row.printed,
                row.unit, ROLE_TEXT[row.role], VERDICT_WORDS[row.verdict].name,
                row.reconstructed_printed, spread_text(row.conditioned, row.statistic),
                spread_text(row.replicate, row.statistic), flag_text(row.changes_conclusion),
                plain_reason(row.reason),
            )
            for row in results.values
        ),
        note="A reconstruction is proof of possibility, never of truth.",
        numeric=frozenset({4, 8, 9, 10}),
    )  # fmt: skip


def named_values(results: StudyResults, ids: tuple[str, ...]) -> str:
    """Values by their names with what was printed of them."""
    by_id = {row.id: row for row in results.values}
    names = [f"{by_id[i].name} {by_id[i].printed}" if i in by_id else i for i in ids]
    return "; ".join(names)


def findings_sheet(results: StudyResults) -> Sheet:
    """One row a finding of the audit."""
    return Sheet(
        name="findings",
        title="What the audit found",
        head=("Verdict", "Finding", "Values", "What would reconcile them"),
        rows=tuple(
            (
                time_text(finding.verdict),
                finding.sentence,
                named_values(results, finding.values),
                " ".join(finding.reconcile),
            )
            for finding in results.findings
        ),
    )


@dataclass(frozen=True, slots=True)
class AssumptionRow:
    """One assumption and what became of each of its alternatives."""

    id: str
    label: str
    value: str
    alternatives: tuple[tuple[str, str], ...]
    reason: str
    source: str
    question: str


def _settings(results: StudyResults) -> list[Mapping[str, Any]]:
    return list(results.reconstruction.get("settings") or [])


def assumption_rows(results: StudyResults) -> tuple[AssumptionRow, ...]:
    """The assumptions in the card's order."""
    changed: dict[tuple[str, int], Mapping[str, Any]] = {}
    for setting in _settings(results):
        moved = [(key, int(i)) for key, i in setting["choices"].items() if int(i)]
        if len(moved) == 1:
            changed[moved[0]] = setting
    rows = []
    for name, assumption in results.card_file.base.assumptions.items():
        alternatives = tuple(
            (value_text(value), _outcome(results, changed.get((name, index))))
            for index, value in enumerate(assumption.alternatives, start=1)
        )
        rows.append(
            AssumptionRow(
                name, assumption.label, value_text(assumption.value), alternatives,
                assumption.reason, assumption.source, assumption.question,
            )
        )  # fmt: skip
    return tuple(rows)


def _outcome(results: StudyResults, setting: Mapping[str, Any] | None) -> str:
    if setting is None:
        return "not run on its own"
    met, targets = int(setting["met"]), int(setting["targets"])
    if met == targets:
        return f"prints all {targets} imposed values too"
    unmet = [str(i) for i in setting.get("unmet") or []]
    missed = named_values(results, tuple(unmet[:4]))
    more = f" and {len(unmet) - 4} more" if len(unmet) > 4 else ""
    return f"prints {met} of {targets} imposed values" + (f"; not {missed}{more}" if missed else "")


def assumptions_sheet(results: StudyResults) -> Sheet:
    """One row an assumption."""
    return Sheet(
        name="assumptions",
        title="What the paper leaves open, and what was assumed",
        head=("Assumption", "Taken as", "Alternatives tried", "Reason", "Source", "Question"),
        rows=tuple(
            (
                row.label, row.value,
                "; ".join(f"{value} ({outcome})" for value, outcome in row.alternatives),
                row.reason, row.source, row.question,
            )
            for row in assumption_rows(results)
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One design choice and whether a cohort under it prints the imposed values."""

    label: str
    met: int
    targets: int
    unmet: str
    status: str
    cohorts: int
    stored: bool
    all_met: int
    """Of all values, how many one cohort prints."""
    all_unmet: str
    proven: str
    """What cannot all be printed under this choice, by proof."""


_STATUS = {
    "matched": "every imposed value is printed",
    "search_exhausted": "no cohort found within the search, which proves nothing",
    "impossible": "excluded by the audit",
    "infeasible": "excluded by the audit",
}


def setting_rows(results: StudyResults) -> tuple[SettingRow, ...]:
    """The settings that were searched, in the order of the search."""
    conditioned = (results.reconstruction.get("conditioned") or {}).get("settings") or {}
    stored = (results.reconstruction.get("stored") or {}).get("setting")
    return tuple(
        SettingRow(
            label=_setting_label(results, setting),
            met=int(setting["met"]),
            targets=int(setting["targets"]),
            unmet=named_values(results, tuple(map(str, setting.get("unmet") or []))),
            status=_STATUS.get(str(setting.get("status")), time_text(str(setting.get("status")))),
            cohorts=int(conditioned.get(setting["name"], 0)),
            stored=setting["name"] == stored,
            all_met=len(results.values) - len(setting.get("unmet_of_all") or []),
            all_unmet=named_values(results, tuple(setting.get("unmet_of_all") or [])),
            proven="; ".join(
                listed([named_values(results, (i,)) for i in conflict])
                for conflict in setting.get("cannot_all_be_met") or []
            ),
        )
        for setting in _settings(results)
    )


def _setting_label(results: StudyResults, setting: Mapping[str, Any]) -> str:
    moved = []
    for name, index in setting["choices"].items():
        assumption = results.card_file.base.assumptions.get(name)
        if assumption is not None and int(index):
            value = value_text(assumption.alternatives[int(index) - 1])
            moved.append(f"{assumption.label}: {value}")
    return "; ".join(moved) or "Every assumption at the card's value"


def settings_sheet(results: StudyResults) -> Sheet:
    """One row a setting."""
    return Sheet(
        name="design_choices",
        title="Design choices that can and cannot print the paper",
        head=(
            "Design choice", "Imposed values printed", "Of", "Not printed", "Outcome",
            "Matching cohorts", "All values printed", "Of", "Not printed of all",
            "Proven: not all of these together",
        ),
        rows=tuple(
            (
                row.label, str(row.met), str(row.targets), row.unmet, row.status,
                str(row.cohorts), str(row.all_met), str(len(results.values)), row.all_unmet,
                row.proven,
            )
            for row in setting_rows(results)
        ),
        numeric=frozenset({1, 2, 5}),
    )  # fmt: skip


def question_rows(results: StudyResults) -> tuple[tuple[str, str], ...]:
    """Each question to the authors, and the values that it would settle."""
    rows = []
    for name, assumption in results.card_file.base.assumptions.items():
        if assumption.question:
            open_values = [row for row in results.values if name in row.assumptions]
            rows.append((assumption.question, _settles(open_values) or assumption.label))
    return tuple(rows)


def _settles(rows: list[ValueRow]) -> str:
    names: list[str] = []
    for row in rows:
        if row.label not in names:
            names.append(row.label)
    if len(names) > 4:
        names = [*names[:3], f"{len(names) - 3} more"]
    return listed(names)


def questions_sheet(results: StudyResults) -> Sheet:
    """One row a question."""
    return Sheet(
        name="questions",
        title="Questions to the authors",
        head=("Question", "What it would settle"),
        rows=question_rows(results),
    )


def baseline_sheet(results: StudyResults) -> Sheet:
    """A description of the reconstructed cohort, column by column."""
    rows: list[tuple[str, ...]] = []
    card, frame = results.card, results.frame
    for unit in units_outward_in(card):
        n = results.cohort.tables[unit].n
        rows.append((card.units[unit].label, "", f"n = {n}", "", ""))
        for name, column in card.columns.items():
            if column.unit != unit:
                continue
            label = column.label or time_text(name)
            if isinstance(column, NumericColumn):
                for time in column.times or (None,):
                    key = name if time is None else f"{name}@{time}"
                    rows.append(
                        _described(
                            label + (f", {time_text(time)}" if time else ""),
                            column.measured_in, frame.values(key, unit),
                        )
                    )  # fmt: skip
            elif isinstance(column, BinaryColumn | DerivedColumn):
                values = frame.values(name, unit)
                seen = values[~np.isnan(values)]
                ones = int(seen.sum())
                share = f"{ones} ({100 * ones / seen.size:.1f}%)" if seen.size else "none observed"
                rows.append((label, "", share, "", str(int(values.size - seen.size))))
            elif isinstance(column, GroupColumn):
                _, sizes = np.unique(frame.values(name, unit), return_counts=True)
                text = f"{sizes.size} groups of {sizes.min()} to {sizes.max()}"
                rows.append((label, "", text, "", "0"))
    return Sheet(
        name="baseline_SIMULATED",
        title="The reconstructed cohort (simulated)",
        head=("", "Unit", "Mean (SD) or count", "Median (quartiles; range)", "Missing"),
        rows=tuple(rows),
        note="No patient stands behind these numbers: the cohort was made to print the paper.",
        numeric=frozenset({4}),
    )


def _described(label: str, unit: str, values: FloatArray) -> tuple[str, ...]:
    seen = values[~np.isnan(values)]
    missing = str(int(values.size - seen.size))
    if seen.size == 0:
        return (label, unit, "none observed", "", missing)
    low, q1, middle, q3, high = (
        number_text(float(q)) for q in np.quantile(seen, (0, 0.25, 0.5, 0.75, 1))
    )
    sd = number_text(float(seen.std(ddof=1))) if seen.size > 1 else "no SD"
    mean = f"{number_text(float(seen.mean()))} ({sd})"
    return (label, unit, mean, f"{middle} ({q1} to {q3}; {low} to {high})", missing)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A value judged by cohorts that print all others, in the words of the pages."""

    name: str
    printed: str
    verdict: Verdict
    spread: str
    cohorts: int
    reason: str


def left_out_rows(results: StudyResults) -> tuple[LeftOut, ...]:
    """The values that were left out one at a time, the most pressing verdict first."""
    by_id = {row.id: row for row in results.values}
    rows = [
        LeftOut(
            by_id[row.id].name, by_id[row.id].printed, row.verdict, spread_text(row.spread),
            row.cohorts, plain_reason(row.reason),
        )
        for row in results.left_out
    ]  # fmt: skip
    return tuple(sorted(rows, key=lambda row: VERDICT_ORDER.index(row.verdict)))


def left_out_sheet(results: StudyResults) -> Sheet:
    """One row a value left out."""
    return Sheet(
        name="leave_one_out",
        title="Each value judged by cohorts that print all the others",
        head=("Value", "Printed", "95% of matching cohorts", "Cohorts", "Verdict", "Reason"),
        rows=tuple(
            (
                row.name, row.printed, row.spread, str(row.cohorts),
                VERDICT_WORDS[row.verdict].name, row.reason,
            )
            for row in left_out_rows(results)
        ),
        numeric=frozenset({1, 2, 3}),
    )  # fmt: skip


def sheets(results: StudyResults) -> tuple[Sheet, ...]:
    """Every table of a study."""
    return (
        comparison_sheet(results),
        *((left_out_sheet(results),) if results.left_out else ()),
        findings_sheet(results),
        assumptions_sheet(results),
        baseline_sheet(results),
        settings_sheet(results),
        questions_sheet(results),
    )

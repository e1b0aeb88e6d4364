"""A study's results: everything that the stages wrote, read back and typed."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet

from recohort.analysis.frame import Frame
from recohort.analysis.layout import table_layouts
from recohort.card.loader import CardFile, Setting
from recohort.card.statistic import Role, Statistic
from recohort.card.study import Quantity, StudyCard
from recohort.cohort import Cohort, FloatArray, read_cohort
from recohort.compare.left_out import COLUMNS as LEFT_OUT_COLUMNS
from recohort.compare.table import COLUMNS
from recohort.present.words import STATISTIC_TEXT, Verdict
from recohort.printed import Printed

__all__ = ["Estimate", "FindingRow", "Spread", "StudyResults", "ValueRow", "read_results"]


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle 95% of many cohorts' estimates, with their median."""

    low: float
    median: float
    high: float

    @property
    def known(self) -> bool:
        """Whether there is such a spread."""
        return math.isfinite(self.low) and math.isfinite(self.high)


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One row of ``comparison.csv`` with the words that the card has for it."""

    id: str
    quantity: str
    statistic: Statistic
    label: str
    section: str
    population: str
    unit: str
    printed: str
    role: Role
    verdict: Verdict
    reason: str
    changes_conclusion: bool | None
    reconstructed: float
    reconstructed_printed: str
    conditioned: Spread
    replicate: Spread
    findings: tuple[str, ...]
    assumptions: tuple[str, ...]
    note: str

    @property
    def number(self) -> Printed:
        """The printed number and the set it stands for."""
        return Printed.parse(self.printed)

    @property
    def name(self) -> str:
        """The quantity and the statistic in words."""
        return f"{self.label}, {STATISTIC_TEXT[self.statistic]}"


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding of ``audit.json``."""

    id: str
    check: str
    values: tuple[str, ...]
    verdict: str
    reason: str
    sentence: str
    evidence: Mapping[str, Any]
    reconcile: tuple[str, ...]
    certificate: Mapping[str, Any] | None
    changes_conclusion: bool | None


@dataclass(frozen=True, slots=True)
class LeftOutRow:
    """One row of ``leave_one_out.csv``: a value judged by cohorts that print all others."""

    id: str
    verdict: Verdict
    reason: str
    cohorts: int
    spread: Spread


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimate of ``analysis.json``."""

    value: float
    note: str


@dataclass(frozen=True)
class StudyResults:
    """Everything that the stages wrote of one study.

    ``conditioned`` and ``replicates`` hold one array a value id, in the order of the files;
    ``conditioned_settings`` names the setting of each conditioned estimate.
    """

    card_file: CardFile
    card: StudyCard
    folder: Path
    values: tuple[ValueRow, ...]
    findings: tuple[FindingRow, ...]
    reconstruction: Mapping[str, Any]
    estimates: Mapping[str, Estimate]
    curves: Mapping[str, Mapping[str, Any]]
    conditioned: Mapping[str, FloatArray]
    replicates: Mapping[str, FloatArray]
    replicate_count: int
    cohort: Cohort
    frame: Frame = field(repr=False)
    left_out: tuple[LeftOutRow, ...] = ()

    def value(self, quantity: str, statistic: Statistic) -> ValueRow | None:
        """The row of one reported value, if it is one."""
        wanted = f"{quantity}.{statistic}"
        return next((row for row in self.values if row.id == wanted), None)

    def estimate(self, quantity: str, statistic: Statistic) -> float:
        """An estimate on the reconstructed cohort; NaN where there is none."""
        found = self.estimates.get(f"{quantity}.{statistic}")
        return math.nan if found is None else found.value

    def count(self, verdict: Verdict) -> int:
        """How many values have a verdict."""
        return sum(row.verdict is verdict for row in self.values)

    def finding(self, wanted: str) -> FindingRow | None:
        """A finding by its id."""
        return next((finding for finding in self.findings if finding.id == wanted), None)


def read_results(card_file: CardFile, folder: Path, left_out: Path | None = None) -> StudyResults:
    """Read everything that the stages wrote into a study's folder, and ``leave_one_out.csv``.

    Raises:
        ValueError: a file is absent, unreadable, or of another study or card.
    """
    reconstruction = _json(folder / "reconstruction.json", card_file)
    audit = _json(folder / "audit.json", card_file)
    analysis = _json(folder / "analysis.json", card_file)
    card = card_file.card(_stored_setting(card_file, reconstruction))
    cohort = read_cohort(table_layouts(card), folder / "cohort")
    replicates = _estimates(folder / "replicates.parquet", "replicate")
    return StudyResults(
        card_file=card_file,
        card=card,
        folder=folder,
        values=read_comparison(folder / "comparison.csv", card),
        findings=tuple(_finding(item) for item in audit["findings"]),
        reconstruction=reconstruction,
        estimates={
            item["id"]: Estimate(_float(item["estimate"]), item.get("note") or "")
            for item in analysis["estimates"]
        },
        curves=analysis.get("curves", {}),
        conditioned=_estimates(folder / "conditioned.parquet", "cohort"),
        replicates=replicates,
        replicate_count=max((array.size for array in replicates.values()), default=0),
        cohort=cohort,
        frame=Frame(card, cohort),
        left_out=() if left_out is None else read_left_out(left_out, card),
    )


def read_left_out(file: Path, card: StudyCard) -> tuple[LeftOutRow, ...]:
    """Read ``leave_one_out.csv``.

    Raises:
        ValueError: with file and line, for an absent file, column or value.
    """
    known = {value.id for value in card.values}
    rows = []
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            if tuple(reader.fieldnames or ()) != LEFT_OUT_COLUMNS:
                raise ValueError(
                    f"{file}:1: found the columns {', '.join(reader.fieldnames or [])}; "
                    f"expected {', '.join(LEFT_OUT_COLUMNS)}"
                )
            for item in reader:
                if item["id"] not in known:
                    raise ValueError(
                        f"{file}:{reader.line_num}: found {item['id']!r}; not in the card"
                    )
                try:
                    rows.append(_left_out(item))
                except ValueError as problem:
                    raise ValueError(f"{file}:{reader.line_num}: {problem}") from None
    except OSError as problem:
        raise ValueError(f"{file}: {problem.strerror}; expected values left out") from None
    return tuple(rows)


def _left_out(item: Mapping[str, str]) -> LeftOutRow:
    spread = Spread(_float(item["low"]), _float(item["median"]), _float(item["high"]))
    return LeftOutRow(
        item["id"], Verdict(item["verdict"]), item["reason"], int(item["cohorts"]), spread
    )


def read_comparison(file: Path, card: StudyCard) -> tuple[ValueRow, ...]:
    """Read ``comparison.csv``.

    Raises:
        ValueError: with file and line, for an absent file, column or value.
    """
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise ValueError(
                    f"{file}:1: found the columns {', '.join(reader.fieldnames or [])}; "
                    f"expected {', '.join(COLUMNS)}"
                )
            rows = [_value(item, card, file, reader.line_num) for item in reader]
    except OSError as problem:
        raise ValueError(f"{file}: {problem.strerror}; expected the comparison") from None
    there, wanted = {row.id for row in rows}, [value.id for value in card.values]
    absent = [name for name in wanted if name not in there]
    if absent or len(rows) != len(wanted):
        raise ValueError(
            f"{file}: found {len(rows)} values; expected the card's {len(wanted)}"
            + (f" (absent: {', '.join(absent[:5])})" if absent else "")
        )
    return tuple(rows)


def _value(item: Mapping[str, str], card: StudyCard, file: Path, line: int) -> ValueRow:
    quantity = card.quantities.get(item["quantity"])
    if quantity is None:
        raise ValueError(f"{file}:{line}: found the quantity {item['quantity']!r}; not in the card")
    try:
        statistic = Statistic(item["statistic"])
        return ValueRow(
            id=item["id"],
            quantity=item["quantity"],
            statistic=statistic,
            label=quantity.label,
            section=quantity.section,
            population=item["population"],
            unit=_unit(quantity, statistic),
            printed=item["printed"],
            role=Role(item["role"]),
            verdict=Verdict(item["verdict"]),
            reason=item["reason"],
            changes_conclusion=_flag(item["changes_conclusion"]),
            reconstructed=_float(item["reconstructed"]),
            reconstructed_printed=item["reconstructed_printed"],
            conditioned=_spread(item, "conditioned"),
            replicate=_spread(item, "replicate"),
            findings=_names(item["finding"]),
            assumptions=_names(item["assumptions"]),
            note=" ".join(filter(None, (quantity.note, quantity.values[statistic].note))),
        )
    except (ValueError, KeyError) as problem:
        raise ValueError(f"{file}:{line}: {item['id']}: {problem}") from None


_WITH_UNIT = frozenset(
    {
        Statistic.MEAN, Statistic.SD, Statistic.SE, Statistic.MEDIAN, Statistic.Q1, Statistic.Q3,
        Statistic.MIN, Statistic.MAX, Statistic.DIFFERENCE,
    }
)  # fmt: skip


def _unit(quantity: Quantity, statistic: Statistic) -> str:
    return quantity.measured_in if statistic in _WITH_UNIT else ""


def _spread(item: Mapping[str, str], name: str) -> Spread:
    return Spread(
        _float(item[f"{name}_low"]), _float(item[f"{name}_median"]), _float(item[f"{name}_high"])
    )


def _float(value: Any) -> float:
    if value is None or value == "":
        return math.nan
    return float(value)


def _flag(text: str) -> bool | None:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
        text.strip().lower()
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _json(file: Path, card_file: CardFile) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ValueError(f"{file}: {problem.strerror}; expected a stage's results") from None
    except ValueError as problem:
        raise ValueError(f"{file}: found no JSON ({problem}); run its stage again") from None
    if not isinstance(content, dict) or content.get("study") != card_file.base.study:
        raise ValueError(f"{file}: found another study's results; expected {card_file.base.study}")
    if content.get("card_sha256") not in (None, card_file.sha256):
        raise ValueError(f"{file}: was made from another version of the card; run its stage again")
    return content


def _finding(item: Mapping[str, Any]) -> FindingRow:
    return FindingRow(
        id=str(item["id"]),
        check=str(item["check"]),
        values=tuple(item["values"]),
        verdict=str(item["verdict"]),
        reason=item.get("reason") or "",
        sentence=str(item["sentence"]),
        evidence=item.get("evidence") or {},
        reconcile=tuple(item.get("reconcile") or ()),
        certificate=item.get("certificate"),
        changes_conclusion=item.get("changes_conclusion"),
    )


def _stored_setting(card_file: CardFile, reconstruction: Mapping[str, Any]) -> Setting:
    stored = (reconstruction.get("stored") or {}).get("setting", "base")
    try:
        return card_file.setting(str(stored))
    except ValueError as problem:
        raise ValueError(f"{card_file.path}: the stored cohort's setting: {problem}") from None


def _estimates(file: Path, index: str) -> dict[str, FloatArray]:
    try:
        table = pyarrow.parquet.read_table(file, columns=[index, "id", "estimate"])
    except OSError as problem:
        raise ValueError(f"{file}: cannot be read ({problem}); run its stage again") from None
    if table.num_rows == 0:  # no cohort printed every imposed value
        return {}
    ids = table.column("id").combine_chunks().dictionary_encode()
    codes = ids.indices.to_numpy(zero_copy_only=False)
    estimates = table.column("estimate").to_numpy().astype(np.float64)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(ids.dictionary)))[:-1]
    parts = np.split(estimates[order], ends)
    return dict(zip(ids.dictionary.to_pylist(), parts, strict=True))

"""Made-up results of any card, consistent with each other, for tests of the pages."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recohort.analysis.frame import Frame
from recohort.analysis.layout import table_layouts
from recohort.analysis.report import analysis_report
from recohort.card.layout import BinaryColumn, DerivedColumn, GroupColumn, NumericColumn
from recohort.card.loader import CardFile, Setting, load_card
from recohort.cohort import Cohort, Table, write_cohort
from recohort.compare.left_out import COLUMNS as LEFT_OUT_COLUMNS
from recohort.compare.table import COLUMNS

VERDICTS = ("imposed", "consistent", "undetermined", "not_reproduced", "reproduced", "impossible")

CARDS = Path(__file__).parent


def made_up_card(study: str) -> CardFile:
    """A card of a made-up study: warm_sheep (every analysis, hostile texts) or lambs (plain)."""
    return load_card(CARDS / f"{study}.yaml")


def made_up_cohort(card_file: CardFile, rng: np.random.Generator) -> Cohort:
    """A cohort of the card's design with arbitrary values."""
    card = card_file.base
    tables: dict[str, Table] = {}
    for layout in table_layouts(card):
        unit = card.units[layout.unit]
        parent = None
        if unit.within is not None:
            parents = card.units[unit.within].n
            extra = rng.integers(0, parents, max(0, unit.n - parents))
            parent = np.sort(np.concatenate([np.arange(parents)[: unit.n], extra]))
        tables[layout.unit] = Table(unit.n, unit.within, parent)
    columns, unit_of = {}, {}
    for name, column in card.columns.items():
        n = card.units[column.unit].n
        if isinstance(column, BinaryColumn):
            share = 0.3 if column.prevalence is None else float(column.prevalence)
            columns[name] = (rng.random(n) < share).astype(float)
        elif isinstance(column, GroupColumn):
            columns[name] = rng.integers(1, column.groups + 1, n).astype(float)
        elif isinstance(column, NumericColumn):
            start = rng.normal(size=n)
            for time in column.times or (None,):
                key = name if time is None else f"{name}@{time}"
                columns[key] = _measured(column, time, start, rng)
                unit_of[key] = column.unit
        unit_of[name] = column.unit
    cohort = Cohort(tables, columns, unit_of)
    frame = Frame(card, cohort)
    derived = {
        name: frame.values(name, column.unit)
        for name, column in card.columns.items()
        if isinstance(column, DerivedColumn)
    }
    return cohort.with_columns(derived)


def _measured(column: NumericColumn, time: str | None, start: Any, rng: Any) -> Any:
    shape = column.plausible_at(time)
    mean, sd = (10.0, 3.0) if shape is None else (float(shape.mean), float(shape.sd))
    z = 0.7 * start + 0.7 * rng.normal(size=start.size)
    values = mean + sd * z
    if shape is not None and shape.family == "lognormal":
        spread = math.log1p((sd / mean) ** 2)
        values = np.exp(math.log(mean) - spread / 2 + math.sqrt(spread) * z)
    values = np.clip(
        values,
        -np.inf if column.low is None else float(column.low),
        np.inf if column.high is None else float(column.high),
    )
    if column.step is not None:
        values = np.round(values / float(column.step)) * float(column.step)
    followed = column.followed.get(time or "")
    if followed is not None:
        values[rng.permutation(values.size)[followed:]] = np.nan
    return values


def write_results(
    card_file: CardFile, folder: Path, *, verdicts: tuple[str, ...] = VERDICTS, seed: int = 5,
    findings: list[dict[str, Any]] | None = None, replicates: int = 40,
) -> Path:  # fmt: skip
    """Everything that the stages before the pages would have written."""
    rng = np.random.default_rng(seed)
    card = card_file.base
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cohort").mkdir(exist_ok=True)
    cohort = made_up_cohort(card_file, rng)
    write_cohort(cohort, table_layouts(card), folder / "cohort")
    analysis = analysis_report(card_file, cohort, Setting())
    by_id = {
        item["id"]: math.nan if item["estimate"] is None else item["estimate"]
        for item in analysis["estimates"]
    }
    head = {"study": card.study, "card_sha256": card_file.sha256}
    _json(folder / "analysis.json", analysis)
    ids = [value.id for value in card.values]
    drawn = {
        name: _scattered(
            float(card.values[i].number.value), by_id.get(name, math.nan), rng, replicates
        )
        for i, name in enumerate(ids)
    }
    _parquet(folder / "replicates.parquet", "replicate", drawn)
    narrow = {name: d.mean() + (d - d.mean()) * 0.4 for name, d in drawn.items()}
    _parquet(folder / "conditioned.parquet", "cohort", narrow, setting="base")
    if findings is None:
        findings = [made_up_finding(ids)] if "impossible" in verdicts else []
    _json(folder / "audit.json", {**head, "findings": findings, "determined": {}})
    _json(folder / "reconstruction.json", _reconstruction(card_file, ids))
    _comparison(card_file, folder, by_id, drawn, narrow, verdicts, findings)
    return folder


def write_left_out(card_file: CardFile, folder: Path) -> Path:
    """Values left out one at a time, one row a verdict, the least pressing first."""
    lines = [",".join(LEFT_OUT_COLUMNS)]
    values = list(card_file.base.values)
    for value, verdict in zip(values, ("reproduced", "consistent", "not_reproduced"), strict=False):
        row = [
            card_file.base.study, value.id, value.quantity, value.statistic, "people",
            value.reported.printed, verdict, "Because <it> is & was.", "base", "60", "1.5", "2.0",
            "2.5", "30", "30",
        ]  # fmt: skip
        lines.append(",".join(row))
    file = folder / "leave_one_out.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def made_up_finding(ids: list[str]) -> dict[str, Any]:
    """An impossible set with every field filled, one of them hostile."""
    return {
        "id": "one_variable-1", "check": "one_variable", "values": ids[1:3],
        "verdict": "impossible", "reason": None,
        "sentence": "a mean of <60.2> & an SD of 9.1 need a range of at least 3 \"units\"",
        "evidence": {"largest_sd": 8.7312345, "n": [60, 60], "rule": {"half_up": "<no>"}},
        "reconcile": ["the SD is a standard error", "n is 58 & not 60"],
        "certificate": {"kind": "sum_of_squares", "text": "</pre><script>"},
        "changes_conclusion": True,
    }  # fmt: skip


def _scattered(printed: float, obtained: float, rng: Any, count: int) -> Any:
    centre = printed if math.isnan(obtained) else (printed + obtained) / 2
    return centre * (1 + 0.15 * rng.normal(size=count))


def _reconstruction(card_file: CardFile, ids: list[str]) -> dict[str, Any]:
    settings = [
        {
            "name": setting.name, "choices": dict(setting.choices), "label": setting.name,
            "met": len(ids) - (index > 0), "targets": len(ids),
            "unmet": ids[-1:] if index else [],
            "status": "search_exhausted" if index else "matched",
            "unmet_of_all": ids[-2:] if index else [],
            "cannot_all_be_met": [ids[-2:]] if index == 1 else [],
        }
        for index, setting in enumerate(card_file.single_changes)
    ]  # fmt: skip
    return {
        "study": card_file.base.study, "card_sha256": card_file.sha256, "seed": 7,
        "simulated": "No patient stands behind these tables.", "settings": settings,
        "stored": {
            "setting": "base", "met": ids[:-1],
            "unmet": [
                {"id": ids[-1], "printed": "1", "obtained": "2", "status": "search_exhausted"}
            ],
        },
        "search": {"seconds": 1.25, "draws": 12},
        "conditioned": {"requested": 100, "obtained": 40, "settings": {"base": 40}},
    }  # fmt: skip


def _comparison(
    card_file: CardFile, folder: Path, by_id: dict[str, float], drawn: dict[str, Any],
    narrow: dict[str, Any], verdicts: tuple[str, ...], findings: list[dict[str, Any]],
) -> None:  # fmt: skip
    card = card_file.base
    reasons = {"undetermined": "missing_input: the number observed <n> is not printed"}
    with (folder / "comparison.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for index, value in enumerate(card.values):
            verdict = verdicts[index % len(verdicts)]
            obtained = by_id.get(value.id, math.nan)
            row = {
                "study": card.study, "id": value.id, "quantity": value.quantity,
                "statistic": str(value.statistic),
                "population": card.populations[card.quantities[value.quantity].population].label,
                "printed": value.reported.printed, "role": str(value.role), "verdict": verdict,
                "reason": reasons.get(verdict, f"It is {verdict} & <that>."),
                "changes_conclusion": "true" if index == 3 else "",
                "reconstructed": "" if math.isnan(obtained) else repr(obtained),
                "reconstructed_printed": value.number.format(obtained),
                "finding": " ".join(f["id"] for f in findings if value.id in f["values"]),
                "assumptions": " ".join(card.assumptions) if verdict == "undetermined" else "",
            }  # fmt: skip
            for name, found in (("conditioned", narrow), ("replicate", drawn)):
                ends = np.quantile(found[value.id], (0.025, 0.5, 0.975))
                for end, number in zip(("low", "median", "high"), ends, strict=True):
                    row[f"{name}_{end}"] = repr(float(number))
            writer.writerow(row)


def _parquet(file: Path, index: str, drawn: dict[str, Any], setting: str | None = None) -> None:
    count = len(next(iter(drawn.values())))
    columns: dict[str, Any] = {index: np.repeat(np.arange(count), len(drawn))}
    if setting is not None:
        columns["setting"] = [setting] * (count * len(drawn))
    columns["id"] = list(drawn) * count
    columns["estimate"] = np.array(list(drawn.values())).T.ravel()
    pq.write_table(pa.table(columns), file)


def _json(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")

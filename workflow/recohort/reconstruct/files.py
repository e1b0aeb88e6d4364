"""Writes what a reconstruction found: tables, a data dictionary, the search's own report."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

from recohort.analysis.layout import table_layouts
from recohort.card.layout import BinaryColumn, DerivedColumn, GroupColumn, NumericColumn
from recohort.card.loader import CardFile, Setting
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, write_cohort
from recohort.reconstruct.search import Reconstruction

__all__ = ["NOTICE", "check_room", "write_reconstruction"]

_DICTIONARY = "data_dictionary.csv"

NOTICE = (
    "No patient stands behind these rows. They were made to print what a paper printed: "
    "proof that such data are possible, not that they are true."
)


def check_room(folder: Path) -> None:
    """Make the results folder, and see before a long search that results can be written there.

    Raises:
        OSError: it cannot be made or written in.
        ValueError: ``cohort`` in it is something that this package did not write.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
    cohort = folder / "cohort"
    is_ours = cohort.is_dir() and ((cohort / _DICTIONARY).exists() or not any(cohort.iterdir()))
    if cohort.exists() and not is_ours:
        raise ValueError(
            f"{cohort}: found something that recohort did not write; "
            "expected nothing, or the cohort of an earlier run"
        )


def describe_setting(card_file: CardFile, setting: Setting) -> str:
    """A setting in words."""
    changed = []
    for name, index in setting.choices:
        if index:
            assumption = card_file.base.assumptions[name]
            value = assumption.alternatives[index - 1]
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            changed.append(f"{assumption.label}: {text}")
    return "; ".join(changed) or "As the card assumes"


def _dictionary(card: StudyCard) -> list[list[str]]:
    rows = []
    for name, column in card.columns.items():
        table, low, high, step, unit = column.unit, "", "", "", ""
        if isinstance(column, NumericColumn):
            if column.times:
                table += "_by_time"
            unit = column.measured_in
            low = "" if column.low is None else str(column.low)
            high = "" if column.high is None else str(column.high)
            step = "" if column.step is None else str(column.step)
            what = "measurement"
            if column.times:
                what += " at " + ", ".join(column.times)
        elif isinstance(column, BinaryColumn):
            what, low, high, step = "1 yes, 0 no", "0", "1", "1"
        elif isinstance(column, DerivedColumn):
            tests = column.all_of or column.any_of
            word = " and " if column.all_of else " or "
            what = "computed: " + word.join(map(str, tests))
        else:
            assert isinstance(column, GroupColumn)
            what, low, high, step = "group number", "1", str(column.groups), "1"
        missing = "empty cell" if isinstance(column, NumericColumn) else "never"
        rows.append([table, name, column.label, column.kind, unit, low, high, step, missing, what])
    return rows


def _derived(card: StudyCard, cohort: Cohort) -> Cohort:
    """The cohort with its computed columns filled in."""
    from recohort.analysis.frame import Frame

    frame = Frame(card, cohort)
    computed = {
        name: frame.values(name, column.unit)
        for name, column in card.columns.items()
        if isinstance(column, DerivedColumn)
    }
    return cohort.with_columns(computed)


def write_tables(card: StudyCard, cohort: Cohort, folder: Path) -> None:
    """Write a cohort into a new folder: its tables, the data dictionary, a word of warning."""
    folder.mkdir(parents=True)
    write_cohort(_derived(card, cohort), table_layouts(card), folder)
    head = ["table", "column", "label", "kind", "unit", "low", "high", "step", "missing"]
    with (folder / _DICTIONARY).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*head, "description"])
        writer.writerows(_dictionary(card))
    (folder / "README.txt").write_text(
        f"{NOTICE}\n\nStudy: {card.name} ({card.citation.journal})\n"
        "One CSV a unit of observation; repeated measurements are in <unit>_by_time, one row\n"
        "a unit and time. data_dictionary.csv says what each column holds.\n",
        encoding="utf-8",
    )


def to_json(card_file: CardFile, found: Reconstruction, seed: int) -> dict[str, Any]:
    """The content of ``reconstruction.json``."""
    card = card_file.base
    printed = {value.id: value for value in card.values}
    missed = set(found.stored.unmet)
    counts: dict[str, int] = {}
    for one in found.conditioned:
        counts[one.setting] = counts.get(one.setting, 0) + 1
    return {
        "study": card.study,
        "card_sha256": card_file.sha256,
        "seed": seed,
        "simulated": NOTICE,
        "ended": found.ended,
        "settings": [
            {
                "name": s.setting.name,
                "choices": dict(s.setting.choices),
                "label": describe_setting(card_file, s.setting),
                "met": s.targets - len(s.unmet),
                "targets": s.targets,
                "unmet": list(s.unmet),
                "status": "matched" if s.matched else "search_exhausted",
                "unmet_of_all": list(s.unmet_of_all),
                "cannot_all_be_met": [sorted(conflict) for conflict in s.conflicts],
            }
            for s in found.settings
        ],
        "stored": {
            "setting": found.stored.setting.name,
            "label": describe_setting(card_file, found.stored.setting),
            "met": [id for id in printed if id not in missed],
            "unmet": [
                {
                    "id": id,
                    "printed": printed[id].reported.printed,
                    "obtained": printed[id].number.format(found.stored.estimates[id]),
                    "status": "search_exhausted",
                }
                for id in printed
                if id in missed
            ],
        },
        "search": dict(sorted(found.cost.items())),
        "conditioned": {
            "requested": found.requested,
            "obtained": len(found.conditioned),
            "settings": counts,
        },
    }


def write_reconstruction(
    card_file: CardFile, found: Reconstruction, seed: int, folder: Path
) -> None:
    """Write the stored cohort, the conditioned cohorts' estimates and the search's report.

    All of them appear together, when all are complete; until then earlier ones stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".reconstruct-", dir=folder))
    try:
        write_tables(card_file.base, found.stored.cohort, made / "cohort")
        _write_conditioned(found, made / "conditioned.parquet")
        text = json.dumps(to_json(card_file, found, seed), indent=1, ensure_ascii=False) + "\n"
        (made / "reconstruction.json").write_text(text, encoding="utf-8")
        _put_in_place(made, ("cohort", "conditioned.parquet", "reconstruction.json"), folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _put_in_place(made: Path, names: tuple[str, ...], folder: Path) -> None:
    """Move new results to their names, with no interrupt in between."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        for name in names:
            if (folder / name).is_dir():
                os.replace(folder / name, made / f"old-{name}")
            os.replace(made / name, folder / name)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _write_conditioned(found: Reconstruction, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        (one.cohort, one.setting, id, estimate)
        for one in found.conditioned
        for id, estimate in one.estimates.items()
    ]
    table = pa.table(
        {
            "cohort": pa.array([r[0] for r in rows], pa.int32()),
            "setting": pa.array([r[1] for r in rows], pa.string()),
            "id": pa.array([r[2] for r in rows], pa.string()),
            "estimate": pa.array([r[3] for r in rows], pa.float64()),
        }
    )
    pq.write_table(table, path)

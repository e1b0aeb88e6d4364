"""The tables of a cohort: one row a unit of observation, in memory and as plain CSV files.

In memory every column is one float array (missing is NaN) under its key; a repeated measurement
has one array for each time, under ``measure@time``. On disk each unit has one CSV, and a unit with
repeated measurements a second, long one: a row for each unit and time.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Cohort",
    "FloatArray",
    "Grid",
    "IntArray",
    "Relation",
    "Table",
    "TableLayout",
    "read_cohort",
    "write_cohort",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Relation(StrEnum):
    """How an observation stands to a threshold, for counts of observations."""

    EQUAL = "="
    AT_MOST = "<="
    BELOW = "<"
    AT_LEAST = ">="
    ABOVE = ">"

    def holds(self, value: float | Fraction, threshold: float | Fraction) -> bool:
        """Whether ``value`` stands in this relation to ``threshold``."""
        match self:
            case Relation.EQUAL:
                return value == threshold
            case Relation.AT_MOST:
                return value <= threshold
            case Relation.BELOW:
                return value < threshold
            case Relation.AT_LEAST:
                return value >= threshold
            case Relation.ABOVE:
                return value > threshold


@dataclass(frozen=True, slots=True)
class Grid:
    """The values that a measurement can be recorded as.

    ``step`` is the distance between neighbouring recordable values (1 for whole years); ``None``
    means real-valued. Recordable values are whole multiples of the step, shifted by ``offset``,
    within ``low`` to ``high`` where those are known.
    """

    step: Fraction | None
    low: Fraction | None = None
    high: Fraction | None = None
    offset: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Table:
    """One unit's rows; ``parent`` gives each row's row in the table that the unit is nested in."""

    n: int
    within: str | None = None
    parent: IntArray | None = None


@dataclass(frozen=True, slots=True)
class Cohort:
    """Tables by unit, values by column key, and the unit that each key belongs to."""

    tables: Mapping[str, Table]
    columns: Mapping[str, FloatArray]
    unit_of: Mapping[str, str]

    def with_columns(self, changed: Mapping[str, FloatArray]) -> Cohort:
        """The same cohort with some columns replaced or added (their units must be known)."""
        return Cohort(self.tables, {**self.columns, **changed}, self.unit_of)


@dataclass(frozen=True, slots=True)
class TableLayout:
    """How one unit's columns are written.

    ``decimals`` gives the digits after the point of each plain column and each measure; ``series``
    the times of each repeated measure.
    """

    unit: str
    within: str | None
    plain: tuple[str, ...]
    series: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    decimals: Mapping[str, int] = field(default_factory=dict)


def _text(value: float, decimals: int) -> str:
    return "" if np.isnan(value) else f"{value:.{decimals}f}"


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}_SIMULATED.csv"


def write_cohort(cohort: Cohort, layouts: tuple[TableLayout, ...], folder: Path) -> None:
    """Write a cohort's tables into an existing folder; missing values are empty cells."""
    for layout in layouts:
        table = cohort.tables[layout.unit]
        head = [f"{layout.unit}_id"]
        keys = [range(1, table.n + 1)]
        if layout.within is not None:
            if table.parent is None:
                raise ValueError(
                    f"cohort: {layout.unit} lies within {layout.within} but has no parent"
                )
            head.append(f"{layout.within}_id")
            keys.append((table.parent + 1).tolist())
        with _file(folder, layout.unit).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow([*head, *layout.plain])
            columns = [
                [_text(value, layout.decimals.get(key, 0)) for value in cohort.columns[key]]
                for key in layout.plain
            ]
            writer.writerows(zip(*keys, *columns, strict=True))
        if layout.series:
            _write_long(cohort, layout, table.n, folder)


def _write_long(cohort: Cohort, layout: TableLayout, n: int, folder: Path) -> None:
    times: list[str] = []
    for of_measure in layout.series.values():
        times.extend(time for time in of_measure if time not in times)
    with _file(folder, f"{layout.unit}_by_time").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([f"{layout.unit}_id", "time", *layout.series])
        missing = np.full(n, np.nan)
        for row in range(n):
            for time in times:
                cells = [
                    _text(
                        cohort.columns.get(f"{measure}@{time}", missing)[row],
                        layout.decimals.get(measure, 0),
                    )
                    for measure in layout.series
                ]
                if any(cells):
                    writer.writerow([row + 1, time, *cells])


def _number(text: str, file: Path, line: int, column: str) -> float:
    if text == "":
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise ValueError(
            f"{file}:{line}: {column}: found {text!r}; expected a number or an empty cell"
        )
    return value


def _read(file: Path, wanted: list[str]) -> dict[str, list[str]]:
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream)
            absent = [name for name in wanted if name not in (rows.fieldnames or [])]
            if absent:
                raise ValueError(
                    f"{file}:1: found the columns {', '.join(rows.fieldnames or [])}; "
                    f"expected also {', '.join(absent)}"
                )
            found: dict[str, list[str]] = {name: [] for name in wanted}
            for line, row in enumerate(rows, start=2):
                for name in wanted:
                    if row[name] is None:
                        raise ValueError(f"{file}:{line}: found too few cells; expected {name}")
                    found[name].append(row[name])
    except FileNotFoundError:
        raise ValueError(f"{file}: found no such file; expected a table of the cohort") from None
    return found


def read_cohort(layouts: tuple[TableLayout, ...], folder: Path) -> Cohort:
    """Read a cohort's tables, simulated or real, back into memory.

    Raises:
        ValueError: with file, line and column, for an absent file or column, or a cell that is no
            number.
    """
    tables: dict[str, Table] = {}
    columns: dict[str, FloatArray] = {}
    unit_of: dict[str, str] = {}
    row_of: dict[str, dict[str, int]] = {}
    for layout in layouts:
        file, key = _file(folder, layout.unit), f"{layout.unit}_id"
        parents = [] if layout.within is None else [f"{layout.within}_id"]
        cells = _read(file, [key, *parents, *layout.plain])
        n = len(cells[key])
        row_of[layout.unit] = {text: row for row, text in enumerate(cells[key])}
        if len(row_of[layout.unit]) != n:
            raise ValueError(f"{file}: found an id in {key} twice; expected each once")
        parent = None
        if layout.within is not None:
            known = row_of[layout.within]
            for line, text in enumerate(cells[parents[0]], start=2):
                if text not in known:
                    raise ValueError(
                        f"{file}:{line}: {parents[0]}: found {text!r}; expected an id of "
                        f"{layout.within}"
                    )
            parent = np.array([known[text] for text in cells[parents[0]]], dtype=np.int64)
        tables[layout.unit] = Table(n, layout.within, parent)
        for name in layout.plain:
            columns[name] = np.array(
                [_number(text, file, i, name) for i, text in enumerate(cells[name], start=2)]
            )
            unit_of[name] = layout.unit
        if layout.series:
            _read_long(layout, folder, row_of[layout.unit], columns, unit_of)
    return Cohort(tables, columns, unit_of)


def _read_long(
    layout: TableLayout,
    folder: Path,
    row_of: dict[str, int],
    columns: dict[str, FloatArray],
    unit_of: dict[str, str],
) -> None:
    file, key = _file(folder, f"{layout.unit}_by_time"), f"{layout.unit}_id"
    cells = _read(file, [key, "time", *layout.series])
    for measure, times in layout.series.items():
        for time in times:
            columns[f"{measure}@{time}"] = np.full(len(row_of), np.nan)
            unit_of[f"{measure}@{time}"] = layout.unit
    read: set[tuple[str, str]] = set()
    known = {time for times in layout.series.values() for time in times}
    for index, (text, time) in enumerate(zip(cells[key], cells["time"], strict=True)):
        if (text, time) in read:
            raise ValueError(
                f"{file}:{index + 2}: found {key} {text!r} at time {time!r} twice; "
                "expected each once"
            )
        read.add((text, time))
        if text not in row_of:
            raise ValueError(
                f"{file}:{index + 2}: {key}: found {text!r}; expected an id of {layout.unit}"
            )
        if time not in known:
            raise ValueError(
                f"{file}:{index + 2}: time: found {time!r}; expected one of "
                f"{', '.join(sorted(known))}"
            )
        for measure, times in layout.series.items():
            if time in times:
                columns[f"{measure}@{time}"][row_of[text]] = _number(
                    cells[measure][index], file, index + 2, measure
                )

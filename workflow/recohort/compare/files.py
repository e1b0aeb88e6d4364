"""Numbers in and out of the stages' files: parquet tables of estimates, CSV text of verdicts."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recohort.cohort import FloatArray

__all__ = ["csv_text", "float_of", "number_text", "read_conditioned", "read_replicates"]


def float_of(value: Any) -> float:
    """A number from a file; NaN where there is none."""
    return math.nan if value is None or value == "" else float(value)


def number_text(value: float) -> str:
    """A number that reads back as the same float; empty where there is none."""
    return "" if math.isnan(value) else repr(float(value))


def csv_text(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    """Rows under a head as text: the same bytes for the same rows."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def read_conditioned(file: Path) -> dict[str, dict[str, FloatArray]]:
    """Read ``conditioned.parquet``: cohort, setting, id, estimate.

    Raises:
        ValueError: the file is absent, unreadable or lacks a column.
    """
    table = _table(file, ["cohort", "setting", "id", "estimate"])
    settings = np.array(table["setting"], dtype=object)
    found: dict[str, dict[str, FloatArray]] = {}
    for setting in sorted(set(settings)):
        rows = np.flatnonzero(settings == setting)
        found[setting] = _by_id(
            [table["id"][i] for i in rows],
            np.array([table["cohort"][i] for i in rows]),
            np.array([float_of(table["estimate"][i]) for i in rows]),
        )
    return found


def read_replicates(file: Path) -> dict[str, FloatArray]:
    """Read ``replicates.parquet``: replicate, id, estimate.

    Raises:
        ValueError: the file is absent, unreadable or lacks a column.
    """
    table = _table(file, ["replicate", "id", "estimate"])
    return _by_id(
        table["id"],
        np.array(table["replicate"], dtype=np.int64),
        np.array([float_of(value) for value in table["estimate"]]),
    )


def _table(file: Path, columns: list[str]) -> dict[str, list[Any]]:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        found: dict[str, list[Any]] = parquet.read_table(file, columns=columns).to_pydict()
    except (OSError, pyarrow.ArrowInvalid) as problem:
        told = str(problem).splitlines()[0]
        raise ValueError(f"{file}: cannot be read ({told}); run its stage again") from None
    absent = [name for name in columns if name not in found]
    if absent:
        raise ValueError(f"{file}: found no column {', '.join(absent)}; run its stage again")
    return found


def _by_id(ids: Sequence[str], index: NDArray[Any], values: FloatArray) -> dict[str, FloatArray]:
    names = np.array(ids, dtype=object)
    order = np.lexsort((index, names.astype(str))) if names.size else np.array([], dtype=np.int64)
    found: dict[str, list[float]] = {}
    for row in order:
        found.setdefault(str(names[row]), []).append(float(values[row]))
    return {name: np.array(estimates) for name, estimates in found.items()}

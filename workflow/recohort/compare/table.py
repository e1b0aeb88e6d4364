"""The comparison of a study: the stages' files in, one row for each reported value out."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recohort.card.loader import CardFile
from recohort.card.statistic import Role
from recohort.card.study import StudyCard
from recohort.compare.conclusion import changes_conclusion, scale_of
from recohort.compare.dependence import Dependence
from recohort.compare.guesses import Grounds
from recohort.compare.interval import Standing, standing
from recohort.compare.verdict import Evidence, Judgement, Verdict, judge

__all__ = [
    "COLUMNS",
    "Conditioned",
    "Replicates",
    "compare_files",
    "compare_study",
    "comparison_text",
    "read_conditioned",
    "read_replicates",
]

FloatArray = NDArray[np.float64]

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
        estimate = _float(item.get("estimate"))
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
                "reconstructed": _number(estimate),
                "reconstructed_printed": number.format(estimate),
                **dict(zip(COLUMNS[12:15], map(_number, spread), strict=True)),
                **dict(zip(COLUMNS[15:18], map(_number, fresh), strict=True)),
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


def _float(value: Any) -> float:
    return math.nan if value is None or value == "" else float(value)


def _number(value: float) -> str:
    """A number that reads back as the same float; empty where there is none."""
    return "" if math.isnan(value) else repr(float(value))


def comparison_text(rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as the text of ``comparison.csv``: the same bytes for the same rows."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
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
            np.array([_float(table["estimate"][i]) for i in rows]),
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
        np.array([_float(value) for value in table["estimate"]]),
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


def compare_files(
    card_file: CardFile,
    audit: Path,
    reconstruction: Path,
    analysis: Path,
    conditioned: Path,
    replicates: Path,
) -> list[dict[str, str]]:
    """The rows of ``comparison.csv`` from the stages' files.

    Raises:
        ValueError: a file is absent, unreadable, or of another study.
    """
    return compare_study(
        card_file,
        _json(audit, card_file),
        _json(reconstruction, card_file),
        _json(analysis, card_file),
        read_conditioned(conditioned),
        read_replicates(replicates),
    )


def _json(file: Path, card_file: CardFile) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ValueError(f"{file}: {problem.strerror}; expected a stage's results") from None
    except ValueError as problem:
        raise ValueError(f"{file}: found no JSON ({problem}); run its stage again") from None
    if not isinstance(content, dict):
        raise ValueError(f"{file}: found {type(content).__name__}; expected an object")
    if content.get("study", card_file.base.study) != card_file.base.study:
        raise ValueError(
            f"{file}: found results of {content['study']!r}; expected {card_file.base.study!r}"
        )
    if content.get("card_sha256") not in (None, "", card_file.sha256):
        raise ValueError(f"{file}: was made from another version of the card; run its stage again")
    return content

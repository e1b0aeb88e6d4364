"""The index over all studies: one page, one table, and what the run was made with."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from recohort.card.loader import CardFile
from recohort.present.page import page_row, render, write_page
from recohort.present.results import StudyResults, read_results
from recohort.present.story import tell, verdict_counts
from recohort.present.version import __version__
from recohort.present.words import VERDICT_ORDER, VERDICT_WORDS, Verdict, count_text

__all__ = ["present_index"]

_PACKAGES = (
    "numpy", "scipy", "numba", "ortools", "pydantic", "pyyaml", "pyarrow", "matplotlib", "jinja2",
    "python-docx", "snakemake",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Card:
    id: str
    href: str
    name: str
    citation: str
    counts: tuple[tuple[Verdict, int], ...]
    headline: str
    total: int


def present_index(
    results: Path, cards: list[CardFile], seed: int, settings: Mapping[str, Any] | None = None
) -> str:
    """Write ``index.html``, ``comparison.csv`` and ``provenance.json``; gives the closing text.

    Raises:
        ValueError: a study's results are absent, unreadable, or of another version of its card.
        OSError: the folder cannot be written.
    """
    studies = [read_results(card, results / card.base.study) for card in cards]
    provenance = _provenance(studies, seed, settings or {})
    _write(results / "comparison.csv", _joined(results, studies))
    _write(
        results / "provenance.json",
        json.dumps(provenance, indent=2, ensure_ascii=False, sort_keys=False) + "\n",
    )
    shown = [_card(study) for study in studies]
    rows = [page_row(study, row) for study in studies for row in study.values]
    counts = [(verdict, sum(row.verdict is verdict for row in rows)) for verdict in VERDICT_ORDER]
    page = render(
        "index.html.j2",
        {
            "studies": shown,
            "rows": rows,
            "counts": counts,
            "provenance": _facts(provenance),
        },
    )
    write_page(results / "index.html", page)
    return _closing(results, shown)


def _card(study: StudyResults) -> _Card:
    card = study.card
    return _Card(
        id=card.study,
        href=f"{quote(card.study)}/report.html",
        name=card.name,
        citation=f"{card.citation.journal} {card.citation.year or ''}".strip(),
        counts=verdict_counts(study),
        headline=tell(study).headline,
        total=len(study.values),
    )


def _closing(results: Path, shown: list[_Card]) -> str:
    wide = max((len(card.id) for card in shown), default=0)
    lines = []
    for card in shown:
        counts = ", ".join(f"{n} {VERDICT_WORDS[v].name}" for v, n in card.counts if n)
        values = count_text(card.total, "value")
        lines.append(f"{card.id:<{wide}}  {values}: {counts or 'nothing to judge'}")
    return "\n".join([*lines, f"Open {results / 'index.html'}"])


def _joined(results: Path, studies: list[StudyResults]) -> str:
    """The studies' comparisons under one head, their rows untouched."""
    parts = []
    for index, study in enumerate(studies):
        text = (results / study.card.study / "comparison.csv").read_text(encoding="utf-8")
        head, _, body = text.partition("\n")
        parts.append(f"{head}\n{body}" if index == 0 else body)
    return "".join(parts)


def _provenance(
    studies: list[StudyResults], seed: int, settings: Mapping[str, Any]
) -> dict[str, Any]:
    packages: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = None
    return {
        "recohort": __version__,
        "git_commit": _commit(),
        "python": platform.python_version(),
        "packages": packages,
        "seed": seed,
        "settings": dict(settings),
        "studies": {
            study.card.study: {
                "card_sha256": study.card_file.sha256,
                "values": len(study.values),
                "conditioned_cohorts": (study.reconstruction.get("conditioned") or {}).get(
                    "obtained", 0
                ),
                "replicates": study.replicate_count,
            }
            for study in studies
        },
    }


def _commit() -> str | None:
    """The commit of the checkout that this code lies in, if it lies in one."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--verify", "HEAD"],
            cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def _facts(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [
        ("recohort", provenance["recohort"]),
        ("Git commit", provenance["git_commit"] or "not in a checkout"),
        ("Python", provenance["python"]),
        ("Seed", str(provenance["seed"])),
    ]
    facts.extend((str(key), str(value)) for key, value in provenance["settings"].items())
    packages = ", ".join(f"{k} {v}" for k, v in provenance["packages"].items() if v)
    facts.append(("Packages", packages))
    for name, study in provenance["studies"].items():
        facts.append((f"Card of {name}", f"SHA-256 {study['card_sha256']}"))
    return facts


def _write(file: Path, text: str) -> None:
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    os.replace(partial, file)

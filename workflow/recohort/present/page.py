"""Renders the pages: one self-contained file each, every text escaped, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from recohort.present.results import StudyResults, ValueRow
from recohort.present.story import TOLD, parted_reason
from recohort.present.tables.contents import number_text, spread_text
from recohort.present.version import __version__
from recohort.present.words import (
    ROLE_TEXT,
    STATISTIC_TEXT,
    VERDICT_ORDER,
    VERDICT_WORDS,
    Verdict,
    sentence,
)

__all__ = ["PageFigure", "PageRow", "page_row", "render", "write_page"]

_GLYPH = {
    Verdict.IMPOSSIBLE: "✕",
    Verdict.NOT_REPRODUCED: "◆",
    Verdict.UNDETERMINED: "○",
    Verdict.CONSISTENT: "●",
    Verdict.REPRODUCED: "▲",
    Verdict.IMPOSED: "□",
}


@dataclass(frozen=True, slots=True)
class PageFigure:
    """A figure as the page shows it."""

    name: str
    title: str
    caption: str
    svg: Markup
    small: bool


@dataclass(frozen=True, slots=True)
class PageRow:
    """A reported value as the pages show it."""

    study: str
    href: str
    label: str
    statistic: str
    context: str
    printed: str
    unit: str
    obtained: str
    conditioned: str
    replicate: str
    role: str
    verdict: Verdict
    reason: str
    changes_conclusion: bool | None
    findings: tuple[tuple[str, str], ...]
    """The anchor on the page (empty where the finding is no conflict) and the sentence."""
    assumptions: tuple[tuple[str, str], ...]
    note: str
    sort_printed: str
    sort_obtained: str
    sort_verdict: int


def page_row(results: StudyResults, row: ValueRow) -> PageRow:
    """A reported value in the words of the pages."""
    study = results.card.study
    found = [results.finding(name) for name in row.findings]
    assumptions = results.card_file.base.assumptions
    context = [row.population] if row.population else []
    told, asked = parted_reason(row.reason)
    reason = " ".join(filter(None, (told, f"What would settle it: {asked}" if asked else "")))
    reason = reason or VERDICT_WORDS[row.verdict].meaning
    return PageRow(
        study=study,
        href=f"{quote(study)}/report.html",
        label=row.label,
        statistic=STATISTIC_TEXT[row.statistic],
        context=" · ".join(context),
        printed=row.printed,
        unit="" if row.unit.lower() in ("percent", "%") else row.unit,
        obtained=row.reconstructed_printed or number_text(row.reconstructed),
        conditioned=spread_text(row.conditioned, row.statistic),
        replicate=spread_text(row.replicate, row.statistic),
        role=ROLE_TEXT[row.role],
        verdict=row.verdict,
        reason=reason,
        changes_conclusion=row.changes_conclusion,
        findings=tuple(
            (f.id if f.verdict in TOLD else "", sentence(f.sentence)) for f in found if f
        ),
        assumptions=tuple(
            (name, assumptions[name].label) for name in row.assumptions if name in assumptions
        ),
        note=sentence(row.note),
        sort_printed=repr(float(row.number.value)),
        sort_obtained="" if math.isnan(row.reconstructed) else repr(row.reconstructed),
        sort_verdict=VERDICT_ORDER.index(row.verdict),
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("recohort.present", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _asset(name: str) -> str:
    return (files("recohort.present") / "templates" / name).read_text(encoding="utf-8")


def render(template: str, context: Mapping[str, Any]) -> str:
    """A page; the only code that its policy lets run is its own script."""
    script = "\n" + _asset("page.js")
    return _environment().get_template(template).render(
        css=Markup(_asset("page.css")),
        js=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        version=__version__,
        verdict_words=VERDICT_WORDS,
        glyph=_GLYPH,
        **context,
    )  # fmt: skip


def write_page(file: Path, text: str) -> None:
    """Write a page whole or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    os.replace(partial, file)


def links_in(folder: Path, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Links to those of the named files that exist, relative to the folder."""
    return tuple((Path(name).name, quote(name)) for name in names if (folder / name).is_file())

"""The present stage of one study: figures, tables, and its page."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from recohort.card.analyses import LogisticModel
from recohort.card.loader import CardFile
from recohort.present.figures.gallery import drawings
from recohort.present.figures.style import figure_style, save
from recohort.present.page import PageFigure, links_in, page_row, render, write_page
from recohort.present.results import StudyResults, read_results
from recohort.present.story import Fact, tell, verdict_counts
from recohort.present.tables.contents import (
    assumption_rows,
    left_out_rows,
    question_rows,
    setting_rows,
    sheets,
    value_text,
)
from recohort.present.tables.sheet import Sheet
from recohort.present.tables.write import write_sheet
from recohort.present.words import time_text

__all__ = ["present_study"]

_SMALL = 420.0
"""Figures narrower than this many points keep their size on a page."""


def present_study(card_file: CardFile, results: Path, left_out: Path | None = None) -> None:
    """Write ``figures/``, ``tables/`` and ``report.html`` into a study's results folder.

    ``left_out`` is the ``leave_one_out.csv`` to show, if there is one.

    Raises:
        ValueError: a stage's file is absent, unreadable, or of another version of the card.
        OSError: the folder cannot be written.
    """
    study = read_results(card_file, results, left_out)
    figures = _figures(study, results / "figures")
    tables = sheets(study)
    (results / "tables").mkdir(exist_ok=True)
    for sheet in tables:
        write_sheet(sheet, results / "tables")
    write_page(results / "report.html", _page(study, figures, tables))


def _figures(study: StudyResults, folder: Path) -> list[PageFigure]:
    folder.mkdir(exist_ok=True)
    made = []
    with figure_style():
        for drawing in drawings(study):
            svg = save(drawing, folder)
            small = drawing.figure.get_figwidth() * 72 < _SMALL
            made.append(
                PageFigure(drawing.name, drawing.title, drawing.caption, Markup(svg), small)
            )
            drawing.figure.clear()
    kept = {f"{figure.name}.{kind}" for figure in made for kind in ("svg", "pdf", "png")}
    for file in folder.iterdir():  # what an earlier run drew and this one does not
        if file.is_file() and file.suffix in (".svg", ".pdf", ".png") and file.name not in kept:
            file.unlink()
    return made


def _page(study: StudyResults, figures: list[PageFigure], tables: tuple[Sheet, ...]) -> str:
    reconstruction = study.reconstruction
    conditioned = reconstruction.get("conditioned") or {}
    baseline = next(sheet for sheet in tables if sheet.name.startswith("baseline"))
    return render(
        "report.html.j2",
        {
            "card": study.card,
            "results": {"values": study.values},
            "story": tell(study),
            "counts": verdict_counts(study),
            "rows": [page_row(study, row) for row in study.values],
            "figures": figures,
            "assumptions": assumption_rows(study),
            "questions": question_rows(study),
            "settings": setting_rows(study),
            "left_out": left_out_rows(study),
            "baseline": baseline,
            "simulated": reconstruction.get("simulated")
            or "No patient stands behind these tables: they were made to print the paper.",
            "conditioned_count": conditioned.get("obtained", 0),
            "replicate_count": study.replicate_count,
            "conventions": _conventions(study),
            "provenance": _provenance(study),
            "downloads": _downloads(study.folder, figures, tables),
        },
    )


_NAMELESS = frozenset({"kind", "having", "test", "reference", "event", "group", "outcome"})


def _conventions(study: StudyResults) -> tuple[Fact, ...]:
    """How each quantity is computed: the kind of analysis and the conventions it names."""
    facts = []
    for quantity in study.card.quantities.values():
        analysis = quantity.analysis
        said = [time_text(analysis.kind)]
        for field in type(analysis).model_fields:
            value = getattr(analysis, field)
            if field in _NAMELESS and not isinstance(value, str):
                continue
            if field == "kind" or value in (None, "", ()):
                continue
            said.append(f"{time_text(field)}: {value_text(str(value).replace('@', ' at '))}")
        facts.append((quantity.label, "; ".join(said)))
    for name, model in study.card.models.items():
        terms = []
        for term in model.terms.values():
            coding = term.coding
            much = coding.threshold if coding.threshold is not None else coding.per
            terms.append(f"{term.column.replace('@', ' at ')} ({time_text(coding.kind)} {much})")
        grouped = f"; group {model.group}" if model.group else ""
        nodes = (
            f"; {model.nodes} quadrature nodes"
            if isinstance(model, LogisticModel) and model.group
            else ""
        )
        columns = ", ".join(time_text(term) for term in terms)
        facts.append(
            (f"Model: {model.label or name}", f"{time_text(model.kind)}; {columns}{grouped}{nodes}")
        )
    return tuple(facts)


def _provenance(study: StudyResults) -> tuple[Fact, ...]:
    reconstruction = study.reconstruction
    conditioned = reconstruction.get("conditioned") or {}
    stored = reconstruction.get("stored") or {}
    facts = [
        ("Study card", study.card.study),
        ("SHA-256 of the card", study.card_file.sha256),
        ("Seed", str(reconstruction.get("seed", "not recorded"))),
        ("Setting of the stored cohort", str(stored.get("label") or stored.get("setting", "base"))),
        (
            "Matching cohorts",
            f"{conditioned.get('obtained', 0)} of {conditioned.get('requested', 0)} asked for",
        ),
        ("Fresh studies", str(study.replicate_count)),
    ]
    search = reconstruction.get("search") or {}
    for key, value in search.items():
        if isinstance(value, str | int | float):
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            facts.append((f"Search: {time_text(str(key))}", text))
    return tuple(facts)


def _downloads(
    folder: Path, figures: list[PageFigure], tables: tuple[Sheet, ...]
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    cohort = folder / "cohort"
    inside = sorted(f"cohort/{file.name}" for file in cohort.iterdir()) if cohort.is_dir() else []
    groups = [
        ("Simulated cohort", links_in(folder, inside)),
        ("Comparison", links_in(folder, ("comparison.csv", "leave_one_out.csv"))),
        (
            "Stages",
            links_in(
                folder,
                ("audit.json", "reconstruction.json", "analysis.json", "conditioned.parquet",
                 "replicates.parquet"),
            ),
        ),
    ]  # fmt: skip
    for sheet in tables:
        names = tuple(f"tables/{sheet.name}.{kind}" for kind in ("csv", "docx", "tex"))
        groups.append((sheet.title, links_in(folder, names)))
    for figure in figures:
        names = tuple(f"figures/{figure.name}.{kind}" for kind in ("svg", "pdf", "png"))
        groups.append((f"Figure: {figure.title}", links_in(folder, names)))
    return tuple((name, links) for name, links in groups if links)

"""Writes a table as CSV, Word and LaTeX, the same bytes each time."""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from datetime import datetime
from pathlib import Path

import docx
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.shared import Mm, Pt

from recohort.present.tables.sheet import Sheet

__all__ = ["csv_text", "docx_bytes", "latex_text", "write_sheet"]

_NUMERIC = re.compile(r"[-+−–]?[\d.,· ]+%?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def write_sheet(sheet: Sheet, folder: Path) -> None:
    """Write ``name.csv``, ``name.docx`` and ``name.tex``."""
    _replace(folder / f"{sheet.name}.csv", csv_text(sheet).encode("utf-8"))
    _replace(folder / f"{sheet.name}.docx", docx_bytes(sheet))
    _replace(folder / f"{sheet.name}.tex", latex_text(sheet).encode("utf-8"))


def _replace(file: Path, data: bytes) -> None:
    partial = file.with_name(f".{file.name}.partial")
    partial.write_bytes(data)
    os.replace(partial, file)


def csv_text(sheet: Sheet) -> str:
    """The table as CSV; text that a spreadsheet would run as a formula gets an apostrophe."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(sheet.head)
    writer.writerows([_inert(cell) for cell in row] for row in sheet.rows)
    return stream.getvalue()


def _inert(cell: str) -> str:
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not _NUMERIC.fullmatch(cell):
        return "'" + cell
    return cell


def docx_bytes(sheet: Sheet) -> bytes:
    """The table as a Word document, its heading row repeated on every page."""
    document = docx.Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    if len(sheet.head) > 4:
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = Mm(297), Mm(210)
    section.left_margin = section.right_margin = Mm(15)
    section.top_margin = section.bottom_margin = Mm(15)
    style = document.styles["Normal"]
    style.font.name, style.font.size = "Arial", Pt(8)
    document.add_heading(_clean(sheet.title), level=1)
    table = document.add_table(rows=1 + len(sheet.rows), cols=len(sheet.head))
    table.style = document.styles["Table Grid"]
    # python-docx finds a cell by walking the table: take each row's cells once.
    for position, row in enumerate(table.rows):
        texts = sheet.head if position == 0 else sheet.rows[position - 1]
        for column, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
            paragraph = cell.paragraphs[0]
            run = paragraph.add_run(_clean(text))
            run.bold = position == 0
            if column in sheet.numeric:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    properties = table.rows[0]._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:tblHeader"))
    if sheet.note:
        document.add_paragraph(_clean(sheet.note))
    core = document.core_properties
    core.author = core.last_modified_by = "recohort"
    core.title, core.comments = _clean(sheet.title)[:250], ""
    core.created = core.modified = datetime(2025, 1, 1)
    core.revision = 1
    stream = io.BytesIO()
    document.save(stream)
    return _dateless(stream.getvalue())


def _clean(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)


def _dateless(data: bytes) -> bytes:
    """The same archive with one fixed time for every member."""
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            member = zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            target.writestr(member, source.read(name))
    return result.getvalue()


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "−": r"$-$",
    "≤": r"$\leq$", "≥": r"$\geq$", "×": r"$\times$", "∞": r"$\infty$", "³": r"$^3$",
    "²": r"$^2$", "–": "--", "—": "---", "…": r"\ldots{}", "’": "'", '"': r"\textquotedbl{}",
}  # fmt: skip


def _latex(text: str) -> str:
    """A cell that LaTeX typesets and never runs."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(_clean(text).split()))


def latex_text(sheet: Sheet) -> str:
    """The table as a ``longtable`` (needs booktabs and longtable, XeLaTeX or LuaLaTeX)."""
    wide = {
        index: max((len(row[index]) for row in sheet.rows), default=0)
        for index in range(len(sheet.head))
    }
    long = [index for index, width in wide.items() if width > 28]
    share = 0.62 / len(long) if long else 0.0
    columns = "".join(
        f"p{{{share:.2f}\\linewidth}}" if index in long else "r" if index in sheet.numeric else "l"
        for index in range(len(sheet.head))
    )
    head = " & ".join(rf"\textbf{{{_latex(cell)}}}" for cell in sheet.head) + r" \\"
    body = [" & ".join(_latex(cell) for cell in row) + r" \\" for row in sheet.rows]
    note = [rf"\par\smallskip {_latex(sheet.note)}"] if sheet.note else []
    lines = [
        "% \\usepackage{booktabs,longtable,textcomp}",
        rf"\begin{{longtable}}{{{columns}}}",
        rf"\caption{{{_latex(sheet.title)}}} \\",
        r"\toprule", head, r"\midrule", r"\endfirsthead",
        r"\toprule", head, r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot",
        *body, r"\end{longtable}", *note,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"

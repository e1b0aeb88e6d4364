"""One look for every figure, and deterministic files: SVG, PDF and PNG of the same drawing.

Text stays text in Matplotlib's own DejaVu Sans, so that a drawing does not depend on the fonts of
the machine. Black becomes ``currentColor`` in the SVG, which then also reads on a dark page.
"""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from recohort.present.words import VERDICT_WORDS, Verdict

__all__ = [
    "FULL",
    "HALF",
    "PRINTED",
    "RECONSTRUCTED",
    "REPLICATED",
    "VERDICT_MARK",
    "Drawing",
    "Mark",
    "beside",
    "figure_style",
    "grid_of",
    "new_figure",
    "row_axes",
    "save",
    "say",
]

HALF, FULL = 89.0, 183.0
"""The widths of one and of two columns of a journal, in mm."""

PRINTED = "#D55E00"
RECONSTRUCTED = "#0072B2"
REPLICATED = "#808080"
INK = "black"


@dataclass(frozen=True, slots=True)
class Mark:
    """A verdict's colour and shape; the shape alone tells verdicts apart in grey."""

    colour: str
    shape: str
    filled: bool


VERDICT_MARK: dict[Verdict, Mark] = {
    Verdict.IMPOSSIBLE: Mark("#D55E00", "X", True),
    Verdict.NOT_REPRODUCED: Mark("#B5489A", "D", True),
    Verdict.UNDETERMINED: Mark("#808080", "o", False),
    Verdict.CONSISTENT: Mark("#008F68", "o", True),
    Verdict.REPRODUCED: Mark("#008F68", "^", True),
    Verdict.IMPOSED: Mark("#0072B2", "s", False),
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with what is said of it; ``rows`` counts the data that it shows."""

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure
    rows: int


_RC: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 6.5,
    "axes.titlesize": 7,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 6.5,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "xtick.minor.size": 1.2,
    "xtick.minor.width": 0.4,
    "lines.linewidth": 0.9,
    "lines.markersize": 3.5,
    "patch.linewidth": 0.5,
    "legend.fontsize": 6,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "text.parse_math": False,
    "path.simplify": True,
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Matplotlib's settings for the figures, put back afterwards."""
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)  # glyphs that the font lacks stay text in the SVG
    import warnings

    with matplotlib.rc_context(_RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        try:
            yield
        finally:
            log.setLevel(level)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, its size in mm, laid out so that nothing overlaps or is cut off."""
    figure = Figure(figsize=(width / 25.4, height / 25.4), layout="constrained")
    FigureCanvasAgg(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(w_pad=0.02, h_pad=0.02, wspace=0.03, hspace=0.04)  # type: ignore[call-arg]
    return figure


def row_axes(
    height: float, *, left: float, right: float, top: float, bottom: float = 10.0
) -> tuple[Figure, Axes]:
    """A full-width figure of rows: the axes between fixed margins, all in mm.

    Margins are fixed because text beside the axes moves with them: a layout that is computed
    chases its own tail.
    """
    figure = Figure(figsize=(FULL / 25.4, height / 25.4))
    FigureCanvasAgg(figure)
    axes = figure.add_axes(
        (
            left / FULL, bottom / height,
            (FULL - left - right) / FULL, (height - top - bottom) / height,
        )
    )  # fmt: skip
    return figure, axes


def beside(axes: Axes, y: float, text: str, shift: float, **how: Any) -> None:
    """Text in a row beside the axes: ``shift`` mm right of its right edge, or left of its left."""
    right = shift >= 0
    axes.annotate(
        text, (1.0 if right else 0.0, y), xycoords=axes.get_yaxis_transform(),
        xytext=(shift / 25.4 * 72, 0), textcoords="offset points", va="center",
        annotation_clip=False, **{"ha": "left" if right else "right", **how},
    )  # fmt: skip


def grid_of(count: int, columns: int) -> tuple[int, int]:
    """Rows and columns for a number of panels."""
    columns = max(1, min(columns, count))
    return -(-count // columns), columns


def say(axes: Axes, x: float, y: float, text: str, **how: Any) -> None:
    """Text placed in fractions of the axes."""
    axes.text(x, y, text, transform=axes.transAxes, **how)


def legend_of(verdicts: list[Verdict]) -> list[Any]:
    """Legend entries of verdicts, by shape and colour."""
    from matplotlib.lines import Line2D

    entries = []
    for verdict in verdicts:
        mark = VERDICT_MARK[verdict]
        entries.append(
            Line2D(
                [], [], linestyle="none", marker=mark.shape, color=mark.colour,
                markerfacecolor=mark.colour if mark.filled else "none",
                markersize=3.6, markeredgewidth=0.8, label=VERDICT_WORDS[verdict].name,
            )
        )  # fmt: skip
    return entries


def save(drawing: Drawing, folder: Path) -> str:
    """Write a drawing as SVG, PDF and PNG; gives the SVG's element, for a page to hold."""
    figure = drawing.figure
    figure.draw_without_rendering()
    if figure.get_layout_engine() is not None:
        figure.set_layout_engine("none")  # lay out once, not once a format
    with matplotlib.rc_context({"svg.hashsalt": drawing.name}):
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = _page_svg(text.getvalue(), drawing)
    _write(folder / f"{drawing.name}.svg", _standalone(svg).encode())
    data = io.BytesIO()
    figure.savefig(
        data, format="pdf",
        metadata={"CreationDate": None, "ModDate": None, "Producer": None, "Creator": "recohort"},
    )  # fmt: skip
    _write(folder / f"{drawing.name}.pdf", data.getvalue())
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=200, facecolor="white", metadata={"Software": None})
    _write(folder / f"{drawing.name}.png", data.getvalue())
    return svg


def _write(file: Path, data: bytes) -> None:
    partial = file.with_name(f".{file.name}.partial")
    partial.write_bytes(data)
    os.replace(partial, file)


def _standalone(svg: str) -> str:
    return '<?xml version="1.0" encoding="utf-8"?>\n' + svg


_OPENING = re.compile(r"<svg\b[^>]*>")
_BLACK = re.compile(r"(?:#000000|(?<=[ :])black)(?=[;\"])")


def _page_svg(text: str, drawing: Drawing) -> str:
    """The ``<svg>`` element: ids of its own, black as the page's ink, a title and a description."""
    body = text[_OPENING.search(text).end() :]  # type: ignore[union-attr]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.S)
    prefix = drawing.name
    body = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', body)
    body = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'\1="#{prefix}-\2"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", body)
    body = _recoloured(body)
    box = re.search(r'viewBox="([^"]+)"', text)
    assert box is not None
    width, height = box[1].split()[2:]
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box[1]}" width="{width}pt" height="{height}pt" role="img" '
        f'aria-labelledby="{prefix}-title {prefix}-description">\n'
        f'<title id="{prefix}-title">{escape(drawing.title)}</title>\n'
        f'<desc id="{prefix}-description">{escape(drawing.alt)}</desc>\n'
        f"<style>#{prefix}-figure_1 *{{stroke-linejoin:round;stroke-linecap:butt}}</style>"
    )
    body = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>\s*", "", body, count=1, flags=re.S)
    return opening + body.strip() + "\n"


def _recoloured(body: str) -> str:
    """Black becomes the page's ink, in strokes, fills and text that names no colour."""
    parts = re.split(r"(<[^>]*>)", body)
    for index in range(1, len(parts), 2):
        tag = parts[index]
        if "style=" in tag:
            tag = _BLACK.sub("currentColor", tag)
        if tag.startswith("<text"):
            tag = tag.replace("'DejaVu Sans'", "'DejaVu Sans',Verdana,Arial,sans-serif")
            if "fill:" not in tag:
                tag = tag.replace('style="', 'style="fill:currentColor;', 1)
        parts[index] = tag
    return "".join(parts)

"""Shares in percent with their intervals: proportions, and the accuracy of diagnostic tests."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.lines import Line2D

from recohort.card.analyses import AccuracyAnalysis, ProportionAnalysis
from recohort.card.statistic import Statistic
from recohort.present.figures.interval import Triple, limits_of, middle_95
from recohort.present.figures.style import (
    PRINTED,
    RECONSTRUCTED,
    REPLICATED,
    Drawing,
    beside,
    row_axes,
)
from recohort.present.results import StudyResults
from recohort.present.words import shorten

__all__ = ["ShareRow", "Shares", "collect_accuracy", "collect_proportions", "draw"]


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One share: lower limit, share, upper limit, each in percent, NaN where there is none."""

    label: str
    printed: Triple
    printed_text: str
    reconstructed: Triple
    replicate: Triple


@dataclass(frozen=True, slots=True)
class Shares:
    """Rows of one figure."""

    name: str
    title: str
    rows: tuple[ShareRow, ...]


def collect_accuracy(results: StudyResults) -> Shares | None:
    """Sensitivity, specificity and predictive values."""
    rows = _rows(results, AccuracyAnalysis)
    return Shares("accuracy", "Diagnostic accuracy", rows) if rows else None


def collect_proportions(results: StudyResults) -> Shares | None:
    """Every proportion that the card asks for."""
    rows = _rows(results, ProportionAnalysis)
    return Shares("proportions", "Proportions", rows) if rows else None


def _rows(results: StudyResults, wanted: type) -> tuple[ShareRow, ...]:
    rows = []
    for name, quantity in results.card.quantities.items():
        if not isinstance(quantity.analysis, wanted):
            continue
        low, high = limits_of(quantity)
        there = {s: quantity.values.get(s) for s in (low, Statistic.PERCENT, high, Statistic.COUNT)}
        percent, count = there[Statistic.PERCENT], there[Statistic.COUNT]
        middle = math.nan if percent is None else float(percent.number.value)
        if percent is None and count is not None and quantity.denominator.isdigit():
            middle = 100 * float(count.number.value) / int(quantity.denominator)
        limits = [
            math.nan if v is None else float(v.number.value) for v in (there[low], there[high])
        ]
        text = "" if percent is None else f"{percent.printed.removesuffix('%')}%"
        if count is not None:
            of = f" of {quantity.denominator}" if quantity.denominator.isdigit() else ""
            text = f"{count.printed}{of}" + (f", {text}" if text else "")
        if there[low] is not None and there[high] is not None:
            text += f" ({there[low].printed} to {there[high].printed})"  # type: ignore[union-attr]
        obtained = tuple(results.estimate(name, s) for s in (low, Statistic.PERCENT, high))
        if math.isnan(obtained[1]) and math.isnan(middle):
            continue
        drawn = results.replicates.get(f"{name}.{Statistic.PERCENT}")
        everyone = not results.card.populations[quantity.population].where
        if drawn is None and quantity.denominator.isdigit() and everyone:
            # The size of any other group differs from study to study.
            counts = results.replicates.get(f"{name}.{Statistic.COUNT}")
            drawn = None if counts is None else 100 * counts / int(quantity.denominator)
        spread = middle_95(drawn) or (math.nan, math.nan, math.nan)
        rows.append(
            ShareRow(quantity.label, (limits[0], middle, limits[1]), text, obtained, spread)  # type: ignore[arg-type]
        )
    return tuple(rows)


def draw(data: Shares) -> Drawing:
    """Two or three lines a share on an axis from 0 to 100."""
    rows = data.rows
    figure, axes = row_axes(7.2 * len(rows) + 19, left=62, right=42, top=8)
    axes.set_xlim(-1, 101)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    drawn = 0
    for y, row in enumerate(rows):
        drawn += 1
        beside(axes, y, shorten(row.label, 50), -2, fontsize=6)
        shown = (
            (row.printed, -0.24, PRINTED, "s"),
            (row.reconstructed, 0.0, RECONSTRUCTED, "o"),
            (row.replicate, 0.24, REPLICATED, "|"),
        )
        for (low, middle, high), shift, colour, shape in shown:
            if not (math.isnan(low) or math.isnan(high)):
                axes.plot((low, high), (y + shift, y + shift), color=colour, linewidth=1.0,
                          solid_capstyle="butt")  # fmt: skip
            if not math.isnan(middle):
                axes.plot(middle, y + shift, marker=shape, color=colour, markersize=3.4,
                          markeredgewidth=1.0)  # fmt: skip
        beside(axes, y - 0.2, row.printed_text, 2, fontsize=5.8)
        beside(axes, y + 0.2, _text(row.reconstructed), 2, fontsize=5.8)
    assert drawn == len(rows), "every share has its row"
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("percent")
    handles = [
        Line2D([], [], color=PRINTED, marker="s", label="printed, with its interval (text above)"),
        Line2D([], [], color=RECONSTRUCTED, marker="o", label="reconstructed cohort (text below)"),
        Line2D([], [], color=REPLICATED, marker="|", label="fresh studies, middle 95%"),
    ]
    figure.legend(handles=handles, loc="upper left", ncols=3)
    return Drawing(
        name=data.name,
        title=data.title,
        caption=(
            f"{data.title}: what was printed, the reconstructed cohort with the interval that the "
            "card's method gives, and fresh studies drawn from the calibrated model."
        ),
        alt=f"{data.title}: "
        + "; ".join(
            f"{row.label}: printed {row.printed_text or 'nothing'}, reconstructed "
            f"{_text(row.reconstructed) or 'not estimable'}"
            for row in rows
        )
        + ".",
        figure=figure,
        rows=drawn,
    )


def _text(triple: Triple) -> str:
    low, middle, high = triple
    if math.isnan(middle):
        return ""
    interval = "" if math.isnan(low) or math.isnan(high) else f" ({low:.1f} to {high:.1f})"
    return f"{middle:.1f}%{interval}"

"""Forest plot of odds and hazard ratios: printed, reconstructed, and over fresh studies."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from recohort.card.analyses import TermAnalysis
from recohort.card.statistic import Statistic
from recohort.present.figures.interval import Triple, limits_of, middle_95
from recohort.present.figures.style import (
    INK,
    PRINTED,
    RECONSTRUCTED,
    REPLICATED,
    Drawing,
    beside,
    row_axes,
)
from recohort.present.results import StudyResults
from recohort.present.words import wrapped

__all__ = ["RatioRow", "Ratios", "collect", "draw"]

_RATIOS = (Statistic.ADJUSTED_ODDS_RATIO, Statistic.ODDS_RATIO, Statistic.HAZARD_RATIO)


@dataclass(frozen=True, slots=True)
class RatioRow:
    """One term of a model."""

    label: str
    printed: Triple | None
    printed_text: str
    reconstructed: Triple
    replicate: Triple | None


@dataclass(frozen=True, slots=True)
class Ratios:
    """All terms, and what their ratios are called."""

    kind: str
    rows: tuple[RatioRow, ...]


def collect(results: StudyResults) -> Ratios | None:
    """One row for each quantity that is a term of a model."""
    rows, kinds = [], set()
    for name, quantity in results.card.quantities.items():
        if not isinstance(quantity.analysis, TermAnalysis):
            continue
        ratio = next((s for s in _RATIOS if s in quantity.values), None)
        if ratio is None:
            ratio = next((s for s in _RATIOS if f"{name}.{s}" in results.estimates), None)
        if ratio is None:
            continue
        low, high = limits_of(quantity)
        obtained = tuple(results.estimate(name, s) for s in (low, ratio, high))
        if not math.isfinite(obtained[1]):
            continue
        kinds.add("hazard ratio" if ratio is Statistic.HAZARD_RATIO else "odds ratio")
        printed, text = None, ""
        if ratio in quantity.values:
            there = [quantity.values.get(s) for s in (low, ratio, high)]
            printed = tuple(math.nan if v is None else float(v.number.value) for v in there)
            text = there[1].printed if there[1] is not None else ""
            if there[0] is not None and there[2] is not None:
                text += f" ({there[0].printed} to {there[2].printed})"
        spread = middle_95(results.replicates.get(f"{name}.{ratio}"))
        rows.append(RatioRow(quantity.label, printed, text, obtained, spread))  # type: ignore[arg-type]
    if not rows:
        return None
    return Ratios(" and ".join(sorted(kinds)), tuple(rows))


def draw(data: Ratios) -> Drawing:
    """Three lines a term on a logarithmic axis, the numbers beside them."""
    rows = data.rows
    figure, axes = row_axes(11 * len(rows) + 19, left=44, right=36, top=8)
    axes.set_xscale("log")
    ends = [
        end
        for row in rows
        for triple in (row.printed, row.reconstructed, row.replicate)
        if triple is not None
        for end in triple
        if math.isfinite(end) and end > 0
    ]
    left = max(min([*ends, 0.5]) / 1.3, 0.005)
    right = min(max([*ends, 2.0]) * 1.3, 500.0)
    axes.set_xlim(left, right)
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.axvline(1, color=INK, linewidth=0.5, linestyle=(0, (3, 2)), zorder=0)
    drawn = 0
    for y, row in enumerate(rows):
        drawn += 1
        beside(axes, y, wrapped(row.label, 32, 3), -2, fontsize=6.2)
        shown = (
            (row.printed, -0.26, PRINTED, "s", row.printed_text or "not printed"),
            (row.reconstructed, 0.0, RECONSTRUCTED, "o", _text(row.reconstructed)),
            (row.replicate, 0.26, REPLICATED, "|", _text(row.replicate)),
        )
        for triple, shift, colour, shape, text in shown:
            beside(axes, y + shift, text, 2, fontsize=6)
            if triple is None:
                continue
            low, middle, high = triple
            if math.isfinite(low) and math.isfinite(high):
                axes.plot(
                    (max(low, left), min(high, right)), (y + shift, y + shift), color=colour,
                    linewidth=1.1, solid_capstyle="butt",
                )  # fmt: skip
            axes.plot(min(max(middle, left), right), y + shift, marker=shape, color=colour,
                      markersize=4, markeredgewidth=1.1)  # fmt: skip
    assert drawn == len(rows), "every term has its row"
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"{data.kind[0].upper()}{data.kind[1:]} (logarithmic axis)")
    handles = [
        Line2D([], [], color=PRINTED, marker="s", label="printed, with its interval"),
        Line2D([], [], color=RECONSTRUCTED, marker="o", label="reconstructed, with its interval"),
        Line2D([], [], color=REPLICATED, marker="|", label="fresh studies, middle 95% and median"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="upper left", ncols=3)
    return Drawing(
        name="ratios",
        title=f"{data.kind[0].upper()}{data.kind[1:]}s",
        caption=(
            f"Each term's {data.kind} as printed, refitted on the reconstructed cohort, and over "
            "fresh studies drawn from the calibrated model."
        ),
        alt=f"Forest plot of {len(rows)} terms: "
        + "; ".join(
            f"{row.label}: printed {row.printed_text or 'nothing'}, reconstructed "
            f"{_text(row.reconstructed)}"
            for row in rows[:12]
        )
        + ".",
        figure=figure,
        rows=drawn,
    )


def _text(triple: Triple | None) -> str:
    if triple is None:
        return ""
    low, middle, high = (_two(x) for x in triple)
    return f"{middle} ({low} to {high})" if low and high else middle


def _two(number: float) -> str:
    if not math.isfinite(number):
        return "" if math.isnan(number) else "∞"
    return f"{number:.2f}" if number < 100 else f"{number:,.0f}"

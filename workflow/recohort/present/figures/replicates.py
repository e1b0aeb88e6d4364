"""How key results would scatter if the study were run again, with the printed value marked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from recohort.card.statistic import Role, Statistic
from recohort.cohort import FloatArray
from recohort.present.figures.style import (
    FULL,
    PRINTED,
    RECONSTRUCTED,
    REPLICATED,
    Drawing,
    grid_of,
    new_figure,
)
from recohort.present.results import StudyResults, ValueRow
from recohort.present.words import STATISTIC_TEXT, Verdict, wrapped

__all__ = ["ReplicatePanel", "collect", "draw"]

_MOST = 16
_RATIOS = frozenset({Statistic.ADJUSTED_ODDS_RATIO, Statistic.ODDS_RATIO, Statistic.HAZARD_RATIO})
_LOGARITHMIC = _RATIOS | {Statistic.P_VALUE}
_FIRST = (
    *sorted(_RATIOS),
    Statistic.AUC,
    Statistic.PERCENT_REDUCTION,
    Statistic.PERCENT_CHANGE,
    Statistic.PERCENT,
    Statistic.P_VALUE,
    Statistic.DIFFERENCE,
    Statistic.MEAN,
    Statistic.MEDIAN,
)


@dataclass(frozen=True, slots=True)
class ReplicatePanel:
    """One result over fresh studies; ``logarithmic`` where the axis is."""

    label: str
    statistic: str
    printed_text: str
    printed: tuple[float, float]
    bound: bool
    sample: FloatArray
    missing: int
    conditioned: tuple[float, float] | None
    logarithmic: bool


def collect(results: StudyResults) -> tuple[ReplicatePanel, ...]:
    """The results that a reader asks about first: those in doubt, then effects and areas."""

    def pressing(row: ValueRow) -> tuple[int, bool, int]:
        doubted = row.verdict in (Verdict.IMPOSSIBLE, Verdict.NOT_REPRODUCED)
        kind = _FIRST.index(row.statistic) if row.statistic in _FIRST else len(_FIRST)
        return (0 if doubted else 1, not row.number.is_exact, kind)

    panels = []
    for row in sorted(results.values, key=pressing):
        if row.role is Role.INPUT or row.statistic not in _FIRST:
            continue
        drawn = results.replicates.get(row.id)
        if drawn is None:
            continue
        seen = drawn[np.isfinite(drawn)]
        if seen.size < 2 or seen.min() == seen.max():
            continue
        reach = row.number.accepted
        spread = row.conditioned
        panels.append(
            ReplicatePanel(
                label=row.label, statistic=STATISTIC_TEXT[row.statistic],
                printed_text=row.printed, printed=(float(reach.low), float(reach.high)),
                bound=not row.number.is_exact, sample=seen, missing=int(drawn.size - seen.size),
                conditioned=(spread.low, spread.high) if spread.known else None,
                logarithmic=row.statistic in _LOGARITHMIC,
            )
        )  # fmt: skip
    return tuple(panels[:_MOST])


def draw(panels: tuple[ReplicatePanel, ...]) -> Drawing | None:
    """A histogram a result."""
    if not panels:
        return None
    rows, columns = grid_of(len(panels), 4)
    figure = new_figure(FULL if columns > 2 else 60 * columns + 3, 40 * rows + 14)
    shown = 0
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, index + 1)
        sample, ends = panel.sample, [e for e in panel.printed if math.isfinite(e)]
        if panel.logarithmic:
            floor = 1e-12 if panel.statistic == STATISTIC_TEXT[Statistic.P_VALUE] else 1e-3
            sample = np.log10(np.clip(sample, floor, 1 / floor))
            ends = [math.log10(max(e, floor)) for e in ends]
        inner = np.quantile(sample, (0.005, 0.995))
        low, high = min(float(inner[0]), *ends), max(float(inner[1]), *ends)
        pad = 0.04 * (high - low) or 0.5
        edges = np.linspace(low - pad, high + pad, 33)
        counts, _ = np.histogram(np.clip(sample, edges[0], edges[-1]), edges)
        shown += int(counts.sum())
        axes.stairs(counts, edges, fill=True, color=REPLICATED, alpha=0.45, linewidth=0)
        for position in ends:
            axes.axvline(position, color=PRINTED, linewidth=1.0 if len(ends) == 1 else 0.7)
        if panel.bound and ends:
            below = math.isinf(panel.printed[0])
            axes.axvspan(
                edges[0] if below else ends[0], ends[0] if below else edges[-1], color=PRINTED,
                alpha=0.08, linewidth=0,
            )  # fmt: skip
        if panel.conditioned is not None:
            limits = panel.conditioned
            if panel.logarithmic:
                limits = tuple(math.log10(max(x, 1e-12)) for x in limits)  # type: ignore[assignment]
            axes.plot(
                np.clip(limits, edges[0], edges[-1]), (0, 0), color=RECONSTRUCTED, linewidth=3,
                solid_capstyle="butt", clip_on=False, zorder=4,
            )  # fmt: skip
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        if panel.logarithmic:
            _log_ticks(axes, edges[0], edges[-1])
        else:
            axes.locator_params(axis="x", nbins=4)
        axes.set_title(
            f"{wrapped(panel.label, 33, 2)}\n{panel.statistic}: {panel.printed_text}",
            fontsize=5.6,
        )
        if panel.missing:
            axes.set_xlabel(f"{panel.missing} not estimable", fontsize=5.4)
    assert shown == sum(panel.sample.size for panel in panels), "every estimate falls in a bin"
    handles = [
        Line2D([], [], color=REPLICATED, alpha=0.45, linewidth=4, label="fresh studies"),
        Line2D([], [], color=PRINTED, linewidth=1, label="printed: ends of what its digits allow"),
        Line2D(
            [], [], color=RECONSTRUCTED, linewidth=3,
            label="95% of matching cohorts",
        ),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper left", ncols=3 if columns > 2 else 1)
    return Drawing(
        name="replicates",
        title="If the study were run again",
        caption=(
            "Results of fresh studies drawn from the calibrated model (grey), the printed value "
            "(orange), and the narrower range of cohorts that match what was imposed (blue bar). "
            "Ratios and P values are on a logarithmic axis; the outermost 1% lies in the end bins."
        ),
        alt="Histograms over fresh studies of "
        + ", ".join(f"{p.label} ({p.statistic}, printed {p.printed_text})" for p in panels) + ".",
        figure=figure,
        rows=len(panels),
    )  # fmt: skip


def _log_ticks(axes: Axes, low: float, high: float) -> None:
    """Ticks at 1, 2, 5 steps where the axis is short, at powers of ten where it is long."""
    steps: tuple[float, ...] = (1, 2, 5)
    if high - low > 1.5:
        steps = (1, 3) if high - low < 2.2 else (1,)
    powers = range(math.floor(low), math.ceil(high) + 1)
    ticks = [step * 10.0**power for power in powers for step in steps]
    ticks = [tick for tick in ticks if low <= math.log10(tick) <= high]
    ticks = ticks[:: max(1, -(-len(ticks) // 5))]
    axes.set_xticks([math.log10(tick) for tick in ticks])
    axes.set_xticklabels([f"{tick:g}" for tick in ticks])

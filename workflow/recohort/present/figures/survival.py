"""Kaplan-Meier curves with the numbers at risk, censored and with the event below (KMunicate)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from recohort.card.analyses import KaplanMeierAnalysis
from recohort.card.statistic import Statistic
from recohort.cohort import FloatArray
from recohort.present.figures.style import (
    PRINTED,
    RECONSTRUCTED,
    Drawing,
    grid_of,
    new_figure,
)
from recohort.present.results import StudyResults
from recohort.present.words import shorten, wrapped

__all__ = ["SurvivalPanel", "collect", "draw"]


@dataclass(frozen=True, slots=True)
class SurvivalPanel:
    """One curve: its steps, and the counts at the times of the table below it.

    ``printed`` holds the points that the paper printed: time and share.
    """

    label: str
    unit: str
    time: FloatArray
    survival: FloatArray
    low: FloatArray
    high: FloatArray
    at_risk: FloatArray
    events: FloatArray
    censored: FloatArray
    printed: tuple[tuple[float, float], ...]

    def counts_at(self, time: float) -> tuple[int, int, int]:
        """At risk just before a time; censored and with the event before it."""
        before = self.time < time
        later = np.flatnonzero(~before)
        at_risk = int(self.at_risk[later[0]]) if later.size else 0
        return at_risk, int(self.censored[before].sum()), int(self.events[before].sum())


def collect(results: StudyResults) -> tuple[SurvivalPanel, ...]:
    """One panel for each different curve of the analysis (landmarks of one curve share it)."""
    panels: dict[tuple[object, ...], SurvivalPanel] = {}
    for name, curve in results.curves.items():
        if curve.get("kind") != "kaplan_meier" or not curve.get("time"):
            continue
        quantity = results.card.quantities[name]
        analysis = quantity.analysis
        points: list[tuple[float, float]] = []
        label, unit = quantity.label, ""
        same: tuple[object, ...] = (name,)
        if isinstance(analysis, KaplanMeierAnalysis):
            same = (quantity.population, analysis.time, analysis.event)
            column = results.card.columns[analysis.time.partition("@")[0]]
            unit = getattr(column, "measured_in", "")
            label = column.label or label
            if Statistic.PERCENT in quantity.values:
                share = float(quantity.values[Statistic.PERCENT].number.value) / 100
                points.append((float(analysis.at), share))
        if same in panels:
            first = panels[same]
            panels[same] = _with_points(first, (*first.printed, *points))
            continue
        panels[same] = _panel(label, unit, curve, tuple(points))
    return tuple(panels.values())


def _with_points(panel: SurvivalPanel, points: tuple[tuple[float, float], ...]) -> SurvivalPanel:
    from dataclasses import replace

    return replace(panel, printed=points)


def _panel(
    label: str, unit: str, curve: object, points: tuple[tuple[float, float], ...]
) -> SurvivalPanel:
    assert isinstance(curve, dict)

    def column(key: str) -> FloatArray | None:
        found = curve.get(key)
        if found is None:
            return None
        return np.array([math.nan if x is None else x for x in found], dtype=np.float64)

    time, survival, at_risk = column("time"), column("survival"), column("at_risk")
    assert time is not None
    assert survival is not None
    assert at_risk is not None
    nothing = np.full(time.size, math.nan)
    low, high = column("low"), column("high")
    events, censored = column("events"), column("censored")
    leaving = -np.diff(np.append(at_risk, 0.0))
    if events is None and censored is not None and censored.size == time.size:
        events = leaving - censored
    if events is None:
        before = np.concatenate([[1.0], survival[:-1]])
        ratio = np.divide(survival, before, out=np.ones_like(before), where=before > 0)
        events = np.rint(at_risk * (1 - ratio))
    if censored is None or censored.size != time.size:
        censored = leaving - events
    return SurvivalPanel(
        label, unit, time, survival, nothing if low is None else low,
        nothing if high is None else high, at_risk, events, np.maximum(censored, 0), points,
    )  # fmt: skip


def draw(panels: tuple[SurvivalPanel, ...]) -> Drawing | None:
    """A curve with its interval, ticks at censored times, and a table of counts."""
    if not panels:
        return None
    rows, columns = grid_of(len(panels), 2)
    figure = new_figure(91 * columns, 78 * rows + 6)
    heights = [3.2, 1.0] * rows
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=heights)
    drawn = steps = 0
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        axes = figure.add_subplot(grid[2 * row, column])
        start = np.concatenate([[0.0], panel.time])
        share = np.concatenate([[1.0], panel.survival])
        low = np.concatenate([[1.0], np.where(np.isnan(panel.low), panel.survival, panel.low)])
        high = np.concatenate([[1.0], np.where(np.isnan(panel.high), panel.survival, panel.high)])
        axes.fill_between(start, low, high, step="post", color=RECONSTRUCTED, alpha=0.18,
                          linewidth=0)  # fmt: skip
        axes.step(start, share, where="post", color=RECONSTRUCTED, linewidth=1.2)
        left = panel.censored > 0
        axes.plot(panel.time[left], panel.survival[left], linestyle="none", marker="|",
                  markersize=4, markeredgewidth=0.7, color=RECONSTRUCTED)  # fmt: skip
        for time, printed in panel.printed:
            axes.plot(time, printed, marker="D", markersize=3.6, color=PRINTED, zorder=4)
        steps += panel.survival.size
        last = float(panel.time[-1])
        axes.set_xlim(0, last * 1.02)
        axes.set_ylim(0, 1.02)
        axes.set_title(wrapped(panel.label, 48, 2))
        axes.set_ylabel("share free of the event" if column == 0 else "")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 3, 6, 10]))
        axes.set_xlabel(shorten(panel.unit, 24) or "time")
        _table(figure.add_subplot(grid[2 * row + 1, column], sharex=axes), panel, axes)
        drawn += 1
    assert drawn == len(panels), "every curve has its panel"
    assert steps == sum(panel.time.size for panel in panels), "every time is a step"
    handles = [
        Line2D([], [], color=RECONSTRUCTED, label="reconstructed cohort, with its 95% interval"),
        Line2D([], [], color=RECONSTRUCTED, marker="|", linestyle="none", label="censored"),
    ]
    if any(panel.printed for panel in panels):
        handles.append(Line2D([], [], color=PRINTED, marker="D", linestyle="none", label="printed"))
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    return Drawing(
        name="survival",
        title="Time to the event",
        caption=(
            "Kaplan-Meier curves of the reconstructed cohort, with the numbers at risk, censored "
            "so far and with the event so far. The times are made to fit what was printed; where "
            "little was printed they follow the assumptions."
        ),
        alt="Kaplan-Meier curves: "
        + "; ".join(
            f"{p.label}, {int(p.at_risk[0])} at risk at the start, {int(p.events.sum())} events"
            for p in panels
        )
        + ".",
        figure=figure,
        rows=drawn,
    )


def _table(below: Axes, panel: SurvivalPanel, axes: Axes) -> None:
    last = float(panel.time[-1])
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= last]
    below.set_ylim(3.4, -0.6)
    below.set_axis_off()
    place = below.get_yaxis_transform()
    for y, name in enumerate(("at risk", "censored", "events")):
        below.annotate(
            name, (0, y), xycoords=place, xytext=(-9, 0), textcoords="offset points", ha="right",
            va="center", fontsize=5.6,
        )  # fmt: skip
    for tick in ticks:
        for y, number in enumerate(panel.counts_at(tick)):
            below.text(tick, y, str(number), ha="center", va="center", fontsize=5.8)

"""The shape of each measurement in the reconstructed cohort, with what was printed of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.lines import Line2D

from recohort.card.analyses import SummaryAnalysis
from recohort.card.layout import Family, NumericColumn, Plausible
from recohort.card.statistic import Statistic
from recohort.cohort import FloatArray
from recohort.present.figures.style import (
    FULL,
    INK,
    PRINTED,
    RECONSTRUCTED,
    Drawing,
    grid_of,
    new_figure,
)
from recohort.present.results import StudyResults
from recohort.present.words import shorten, time_text, wrapped

__all__ = ["Distribution", "collect", "draw"]

_MARKED = {
    Statistic.MEAN: "-",
    Statistic.MEDIAN: (0, (4, 1.5)),
    Statistic.Q1: (0, (1, 1)),
    Statistic.Q3: (0, (1, 1)),
    Statistic.MIN: (0, (1, 2.5)),
    Statistic.MAX: (0, (1, 2.5)),
}
_MOST = 60


@dataclass(frozen=True, slots=True)
class Distribution:
    """One measurement: its values, its recording step, the expected shape, the printed middles."""

    label: str
    unit: str
    sample: FloatArray
    step: float | None
    plausible: Plausible | None
    printed: dict[Statistic, float]


def collect(results: StudyResults) -> tuple[Distribution, ...]:
    """One panel for each measurement, at each of its times."""
    found = []
    for name, column in results.card.columns.items():
        if isinstance(column, NumericColumn):
            for time in column.times or (None,):
                panel = _panel(results, name, column, time)
                if panel.sample.size:
                    found.append(panel)
    return tuple(found[:_MOST])


def _panel(
    results: StudyResults, name: str, column: NumericColumn, time: str | None
) -> Distribution:
    """A measurement at one time, among the units that the paper told its statistics of."""
    card, frame = results.card, results.frame
    key = name if time is None else f"{name}@{time}"
    rows, said = None, {}
    for quantity in card.quantities.values():
        analysis = quantity.analysis
        if not isinstance(analysis, SummaryAnalysis) or analysis.column != key:
            continue
        if card.populations[quantity.population].unit != column.unit:
            continue
        rows = frame.population(quantity.population) if rows is None else rows
        said.update({s: float(v.number.value) for s, v in quantity.values.items() if s in _MARKED})
    values = frame.values(key, column.unit)
    values = values if rows is None else values[rows]
    return Distribution(
        (column.label or name) + (f", {time_text(time)}" if time else ""),
        column.measured_in,
        values[~np.isnan(values)],
        None if column.step is None else float(column.step),
        column.plausible_at(time),
        said,
    )


def _edges(sample: FloatArray, step: float | None) -> FloatArray:
    """Bin edges between recordable values, some twenty bins at most."""
    low, high = float(sample.min()), float(sample.max())
    if step is None or step <= 0:
        return np.linspace(low, high if high > low else low + 1, 19)
    count = max(1, round((high - low) / step) + 1)
    wide = step * max(1, math.ceil(count / 22))
    first = low - step / 2
    bins = math.ceil((high + step / 2 - first) / wide - 1e-9)
    return np.asarray(first + wide * np.arange(bins + 1), dtype=np.float64)


def _density(shape: Plausible, x: FloatArray) -> FloatArray:
    mean, sd = float(shape.mean), float(shape.sd)
    if shape.family is Family.UNIFORM:
        half = sd * math.sqrt(3)
        return np.where(np.abs(x - mean) <= half, 1 / (2 * half), 0.0)
    if shape.family is Family.LOGNORMAL and mean > 0:
        variance = math.log1p((sd / mean) ** 2)
        centre = math.log(mean) - variance / 2
        safe = np.where(x > 0, x, 1.0)
        density = np.exp(-((np.log(safe) - centre) ** 2) / (2 * variance)) / (
            safe * math.sqrt(2 * math.pi * variance)
        )
        return np.where(x > 0, density, 0.0)
    return np.exp(-(((x - mean) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))


def draw(panels: tuple[Distribution, ...]) -> Drawing | None:
    """A histogram a measurement."""
    if not panels:
        return None
    rows, columns = grid_of(len(panels), 4 if len(panels) <= 12 else 6)
    figure = new_figure(
        FULL if columns > 2 else 60 * columns + 3, (38 if columns < 6 else 30) * rows + 14
    )
    shown = 0
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, index + 1)
        edges = _edges(panel.sample, panel.step)
        counts, _ = np.histogram(panel.sample, edges)
        axes.stairs(counts, edges, fill=True, color=RECONSTRUCTED, alpha=0.4, linewidth=0)
        shown += int(counts.sum())
        if panel.plausible is not None:
            x = np.linspace(edges[0], edges[-1], 160)
            area = panel.sample.size * float(np.diff(edges).mean())
            axes.plot(x, _density(panel.plausible, x) * area, color=INK, linewidth=0.6)
        for statistic, dashes in _MARKED.items():
            if statistic in panel.printed:
                axes.axvline(
                    panel.printed[statistic], color=PRINTED, linewidth=0.9,
                    linestyle=dashes,
                )  # fmt: skip
        axes.set_title(
            wrapped(panel.label, 32 if columns < 6 else 22, 2), fontsize=5.8 if columns < 6 else 5.2
        )
        unit = shorten(panel.unit, 20 if columns < 6 else 12)
        axes.set_xlabel(f"{unit}  n = {panel.sample.size}".strip())
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="both", nbins=5 if columns < 6 else 4)
    assert shown == sum(panel.sample.size for panel in panels), "every value falls in a bin"
    handles = [
        Line2D([], [], color=RECONSTRUCTED, alpha=0.4, linewidth=4, label="reconstructed cohort"),
        Line2D([], [], color=INK, linewidth=0.6, label="shape assumed plausible"),
        Line2D([], [], color=PRINTED, linewidth=0.9, label="printed mean"),
        Line2D([], [], color=PRINTED, linewidth=0.9, linestyle=(0, (4, 1.5)), label="median"),
        Line2D([], [], color=PRINTED, linewidth=0.9, linestyle=(0, (1, 1)), label="quartiles"),
        Line2D([], [], color=PRINTED, linewidth=0.9, linestyle=(0, (1, 2.5)), label="range"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=6 if columns > 2 else 2)
    return Drawing(
        name="distributions",
        title="Measurements in the reconstructed cohort",
        caption=(
            "Every measurement of the reconstructed cohort on its recording grid, the shape "
            "assumed where nothing printed decides it, and the printed statistics."
        ),
        alt="Histograms of " + ", ".join(panel.label for panel in panels) + ".",
        figure=figure,
        rows=len(panels),
    )

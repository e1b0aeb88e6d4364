"""Repeated measurements: what was printed at each time, over the reconstructed cohort's spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter

from recohort.card.analyses import SummaryAnalysis
from recohort.card.layout import NumericColumn
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
from recohort.present.words import shorten, time_text

__all__ = ["Trajectory", "collect", "draw"]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One measurement over its times; ``printed`` holds a mapping of statistics for each time."""

    label: str
    unit: str
    times: tuple[str, ...]
    samples: tuple[FloatArray, ...]
    printed: tuple[dict[Statistic, float], ...]


def collect(results: StudyResults) -> tuple[Trajectory, ...]:
    """One panel for each measurement that was taken at several times."""
    found = []
    card, frame = results.card, results.frame
    for key, column in card.columns.items():
        if not isinstance(column, NumericColumn) or len(column.times) < 2:
            continue
        samples, printed = [], []
        for time in column.times:
            rows, said = None, {}
            for quantity in card.quantities.values():
                analysis = quantity.analysis
                if not isinstance(analysis, SummaryAnalysis) or analysis.column != f"{key}@{time}":
                    continue
                if card.populations[quantity.population].unit != column.unit:
                    continue
                rows = frame.population(quantity.population) if rows is None else rows
                said.update({s: float(v.number.value) for s, v in quantity.values.items()})
            values = frame.values(f"{key}@{time}", column.unit)
            values = values if rows is None else values[rows]
            samples.append(values[~np.isnan(values)])
            printed.append(said)
        if any(sample.size for sample in samples):
            found.append(
                Trajectory(
                    column.label or key, column.measured_in, column.times, tuple(samples),
                    tuple(printed),
                )
            )  # fmt: skip
    return tuple(found)


def draw(panels: tuple[Trajectory, ...]) -> Drawing | None:
    """A panel a measurement: quartiles and range of the cohort, printed statistics on top."""
    if not panels:
        return None
    many = max(len(panel.times) for panel in panels)
    rows, columns = grid_of(len(panels), 2 if many > 4 else 3)
    figure = new_figure(FULL, 58 * rows + 12)
    drawn = 0
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, index + 1)
        for x, (sample, said) in enumerate(zip(panel.samples, panel.printed, strict=True)):
            drawn += 1
            if sample.size:
                low, q1, middle, q3, high = np.quantile(sample, (0, 0.25, 0.5, 0.75, 1))
                left = x - 0.13 if said else x
                axes.plot((left, left), (low, high), color=RECONSTRUCTED, linewidth=0.6)
                axes.fill_between(
                    (left - 0.11, left + 0.11), q1, q3, color=RECONSTRUCTED, alpha=0.35, linewidth=0
                )
                axes.plot((left - 0.11, left + 0.11), (middle, middle), color=RECONSTRUCTED)
                axes.plot(left, sample.mean(), marker="o", markersize=2.6, color=RECONSTRUCTED)
            _printed(axes, x + 0.13, said)
        if _is_skewed(panel):
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_title(shorten(panel.label, 46))
        axes.set_ylabel(shorten(panel.unit, 24))
        axes.set_xticks(range(len(panel.times)))
        labels = [
            f"{time_text(time).replace(' ', chr(10), 1)}\nn={sample.size}"
            for time, sample in zip(panel.times, panel.samples, strict=True)
        ]
        axes.set_xticklabels(labels, fontsize=5.4 if len(labels) > 6 else 6)
        axes.set_xlim(-0.5, len(panel.times) - 0.5)
    assert drawn == sum(len(panel.times) for panel in panels), "every time of every measurement"
    handles: list[Artist] = [
        Patch(
            facecolor=RECONSTRUCTED, alpha=0.35, label="reconstructed: quartiles, median"
        ),
        Line2D(
            [], [], color=RECONSTRUCTED, linewidth=0.6, marker="o", markersize=2.6,
            label="reconstructed: range, dot at the mean",
        ),
        Line2D(
            [], [], color=PRINTED, marker="D", linestyle="none",
            label="printed mean (thick line: 1 SD either way)",
        ),
        Line2D(
            [], [], color=PRINTED, marker="_", markersize=6, linestyle="none",
            label="printed median, quartiles",
        ),
        Line2D([], [], color=PRINTED, linewidth=0.6, label="printed range"),
    ]  # fmt: skip
    some = any(said for panel in panels for said in panel.printed)
    figure.legend(handles=handles if some else handles[:2], loc="outside upper left", ncols=3)
    return Drawing(
        name="trajectories",
        title="Measurements over time",
        caption=(
            "Each measurement at each time: the reconstructed cohort (blue, left) beside what was "
            "printed (orange, right). n counts the values in the reconstructed cohort."
        ),
        alt="Reconstructed values and printed statistics over time of "
        + ", ".join(panel.label for panel in panels[:12]) + ".",
        figure=figure,
        rows=drawn,
    )  # fmt: skip


def _is_skewed(panel: Trajectory) -> bool:
    """Whether a logarithmic axis shows more: all values above 0, and spread over decades."""
    filled = [sample for sample in panel.samples if sample.size]
    ends = [
        said[Statistic.MEAN] - said[Statistic.SD]
        for said in panel.printed
        if Statistic.MEAN in said and Statistic.SD in said
    ]
    ends.extend(said[Statistic.MIN] for said in panel.printed if Statistic.MIN in said)
    if min([float(sample.min()) for sample in filled] + ends) <= 0:
        return False
    medians = [float(np.median(sample)) for sample in filled]
    return max(float(sample.max()) for sample in filled) > 20 * min(medians)


def _printed(axes: Axes, x: float, said: dict[Statistic, float]) -> None:
    low, high = said.get(Statistic.MIN), said.get(Statistic.MAX)
    if low is not None and high is not None:
        axes.plot((x, x), (low, high), color=PRINTED, linewidth=0.6)
    mean, sd = said.get(Statistic.MEAN), said.get(Statistic.SD)
    if mean is not None and sd is not None:
        axes.plot((x, x), (mean - sd, mean + sd), color=PRINTED, linewidth=1.8, alpha=0.7,
                  solid_capstyle="butt")  # fmt: skip
    if mean is not None:
        axes.plot(x, mean, marker="D", markersize=2.8, color=PRINTED, markeredgecolor=INK,
                  markeredgewidth=0.3)  # fmt: skip
    for statistic in (Statistic.MEDIAN, Statistic.Q1, Statistic.Q3, Statistic.MIN, Statistic.MAX):
        if statistic in said:
            wide = 7 if statistic is Statistic.MEDIAN else 4
            axes.plot(x, said[statistic], marker="_", markersize=wide, color=PRINTED,
                      markeredgewidth=1.3 if wide == 7 else 0.7)  # fmt: skip

"""Calibration of a model's predictions in the reconstructed cohort."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from recohort.card.statistic import Statistic
from recohort.cohort import FloatArray
from recohort.present.figures.style import (
    INK,
    RECONSTRUCTED,
    Drawing,
    grid_of,
    new_figure,
    say,
)
from recohort.present.results import StudyResults
from recohort.present.words import wrapped

__all__ = ["CalibrationPanel", "collect", "draw"]


@dataclass(frozen=True, slots=True)
class CalibrationPanel:
    """Predicted and observed risks by group, with limits where there are any."""

    label: str
    predicted: FloatArray
    observed: FloatArray
    low: FloatArray | None
    high: FloatArray | None
    size: FloatArray | None
    said: tuple[str, ...]


def collect(results: StudyResults) -> tuple[CalibrationPanel, ...]:
    """One panel for each calibration curve of the analysis."""
    panels = []
    for name, curve in results.curves.items():
        if curve.get("kind") != "calibration" or not curve.get("predicted"):
            continue

        def column(key: str, curve: dict[str, list[float]] = curve) -> FloatArray | None:  # type: ignore[assignment]
            return np.asarray(curve[key], dtype=np.float64) if curve.get(key) else None

        said = [
            f"{word} {results.estimate(name, statistic) + 0.0:.2f}".replace("-0.00", "0.00")
            for statistic, word in (
                (Statistic.SLOPE, "slope"),
                (Statistic.INTERCEPT, "intercept"),
                (Statistic.SCORE, "Brier score"),
            )
            if not math.isnan(results.estimate(name, statistic))
        ]
        predicted, observed = column("predicted"), column("observed")
        assert predicted is not None
        assert observed is not None
        panels.append(
            CalibrationPanel(
                results.card.quantities[name].label, predicted, observed, column("low"),
                column("high"), column("n"), tuple(said),
            )
        )  # fmt: skip
    return tuple(panels)


def draw(panels: tuple[CalibrationPanel, ...]) -> Drawing | None:
    """A square panel a model and population."""
    if not panels:
        return None
    rows, columns = grid_of(len(panels), 3)
    figure = new_figure(61 * columns, 68 * rows)
    drawn = points = 0
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, index + 1)
        top = max(float(np.nanmax(panel.predicted)), float(np.nanmax(panel.observed)), 0.05)
        if panel.high is not None:
            top = max(top, float(np.nanmax(panel.high)))
        top = min(1.0, 1.08 * top)
        axes.plot((0, top), (0, top), color=INK, linewidth=0.4, linestyle=(0, (3, 2)))
        if panel.low is not None and panel.high is not None:
            axes.vlines(panel.predicted, panel.low, panel.high, color=RECONSTRUCTED, linewidth=0.7)
        axes.plot(
            panel.predicted, panel.observed, marker="o", color=RECONSTRUCTED, linewidth=0.6,
            markersize=3.4, clip_on=False,
        )  # fmt: skip
        points += panel.predicted.size
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_box_aspect(1)
        axes.set_title(wrapped(panel.label, 36, 2))
        axes.set_xlabel("predicted risk")
        axes.set_ylabel("observed share" if index % columns == 0 else "")
        say(axes, 0.03, 0.97, "\n".join(panel.said), ha="left", va="top", fontsize=5.6)
        drawn += 1
    assert drawn == len(panels), "every curve has its panel"
    assert points == sum(panel.observed.size for panel in panels), "every group has its point"
    return Drawing(
        name="calibration",
        title="Calibration of the model",
        caption=(
            "Observed share of the outcome against the model's predicted risk in groups of the "
            "reconstructed cohort; the dashed line is perfect agreement."
        ),
        alt="Calibration plots: "
        + "; ".join(f"{p.label}, {', '.join(p.said) or 'no summary'}" for p in panels) + ".",
        figure=figure,
        rows=drawn,
    )  # fmt: skip

"""ROC curves of the reconstructed cohort, with what was printed of the area under each."""

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

__all__ = ["RocPanel", "collect", "draw"]


@dataclass(frozen=True, slots=True)
class RocPanel:
    """One curve and what is said of its area."""

    label: str
    false_positive: FloatArray
    true_positive: FloatArray
    said: tuple[str, ...]


def collect(results: StudyResults) -> tuple[RocPanel, ...]:
    """One panel for each ROC curve of the analysis."""
    panels = []
    for name, curve in results.curves.items():
        if curve.get("kind") != "roc" or not curve.get("fpr"):
            continue
        quantity = results.card.quantities[name]
        said = []
        printed = {s: v.printed for s, v in quantity.values.items()}
        if Statistic.AUC in printed:
            limits = [printed.get(s) for s in (Statistic.CI95_LOWER, Statistic.CI95_UPPER)]
            interval = f" ({limits[0]} to {limits[1]})" if all(limits) else ""
            said.append(f"printed AUC {printed[Statistic.AUC]}{interval}")
        estimates = [
            results.estimate(name, s)
            for s in (Statistic.AUC, Statistic.CI95_LOWER, Statistic.CI95_UPPER)
        ]
        if math.isnan(estimates[0]):
            estimates[0] = float(curve.get("auc", math.nan))
        said.append(f"here AUC {_two(estimates[0])}" + _interval(estimates[1], estimates[2]))
        for spread, of in (
            (results.conditioned, "matching cohorts"),
            (results.replicates, "fresh studies"),
        ):
            drawn = spread.get(f"{name}.{Statistic.AUC}")
            if drawn is not None and np.isfinite(drawn).sum() >= 20:
                low, high = np.quantile(drawn[np.isfinite(drawn)], (0.025, 0.975))
                said.append(f"95% of {of} {_two(low)} to {_two(high)}")
        panels.append(
            RocPanel(quantity.label, np.asarray(curve["fpr"], dtype=np.float64),
                     np.asarray(curve["tpr"], dtype=np.float64), tuple(said))
        )  # fmt: skip
    return tuple(panels)


def _two(number: float) -> str:
    return "not estimable" if math.isnan(number) else f"{number:.2f}"


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) or math.isnan(high) else f" (95% CI {low:.2f} to {high:.2f})"


def draw(panels: tuple[RocPanel, ...]) -> Drawing | None:
    """A square panel a curve."""
    if not panels:
        return None
    rows, columns = grid_of(len(panels), 3)
    figure = new_figure(61 * columns, 68 * rows)
    drawn = 0
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, index + 1)
        axes.plot((0, 1), (0, 1), color=INK, linewidth=0.4, linestyle=(0, (3, 2)))
        axes.plot(panel.false_positive, panel.true_positive, color=RECONSTRUCTED, linewidth=1.2)
        axes.fill_between(
            panel.false_positive, panel.true_positive, color=RECONSTRUCTED, alpha=0.08, linewidth=0
        )
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.01)
        axes.set_box_aspect(1)
        axes.set_title(wrapped(panel.label, 36, 2))
        axes.set_xlabel("1 − specificity")
        axes.set_ylabel("sensitivity" if index % columns == 0 else "")
        say(axes, 0.97, 0.04, "\n".join(panel.said), ha="right", va="bottom", fontsize=5.6)
        drawn += 1
    assert drawn == len(panels), "every curve has its panel"
    return Drawing(
        name="roc",
        title="ROC curves",
        caption=(
            "ROC curve of the reconstructed cohort in each set of patients. A curve of one cohort "
            "that fits is one of many possible: the ranges say how much the area varies."
        ),
        alt="ROC curves: " + "; ".join(f"{p.label}, {', '.join(p.said)}" for p in panels) + ".",
        figure=figure,
        rows=drawn,
    )

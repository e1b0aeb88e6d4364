"""Every reported value: what was printed, reconstructed, and spread over cohorts and studies."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from recohort.card.statistic import Statistic
from recohort.present.figures.style import (
    INK,
    REPLICATED,
    VERDICT_MARK,
    Drawing,
    beside,
    legend_of,
    row_axes,
)
from recohort.present.results import StudyResults, ValueRow
from recohort.present.words import STATISTIC_TEXT, VERDICT_ORDER, Verdict, shorten

__all__ = ["AgreementRow", "collect", "draw"]

_LIMIT = 3.0
_LOGARITHMIC = frozenset(
    {
        Statistic.ODDS_RATIO,
        Statistic.ADJUSTED_ODDS_RATIO,
        Statistic.HAZARD_RATIO,
        Statistic.P_VALUE,
    }
)
_SMALLEST = 1e-12


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """One value on a common scale: 0 is what was printed, 1 half the range of fresh studies.

    Each pair is a low and a high end; NaN where there is none, infinite where it is open.
    """

    label: str
    section: str
    printed: str
    obtained: str
    verdict: Verdict
    printed_set: tuple[float, float]
    reconstructed: float
    conditioned: tuple[float, float]
    replicate: tuple[float, float]


def collect(results: StudyResults) -> tuple[AgreementRow, ...]:
    """One row for each reported value, in the card's order."""
    ratios = {
        name
        for name, quantity in results.card.quantities.items()
        if quantity.analysis.kind == "model_term"
    }
    return tuple(_row(value, value.quantity in ratios) for value in results.values)


def _row(value: ValueRow, of_ratio: bool) -> AgreementRow:
    logarithmic = value.statistic in _LOGARITHMIC or (
        of_ratio and value.statistic.level is not None
    )

    def on_scale(number: float) -> float:
        if math.isnan(number) or math.isinf(number) or not logarithmic:
            return number
        return math.log10(max(number, _SMALLEST))

    number = value.number
    middle = on_scale(float(number.value))
    reach = number.accepted
    low, high = on_scale(float(reach.low)), on_scale(float(reach.high))
    if logarithmic and math.isinf(low):
        low = -math.inf
    spread = next((s for s in (value.replicate, value.conditioned) if s.known), None)
    half = math.nan if spread is None else (on_scale(spread.high) - on_scale(spread.low)) / 2
    if not half > 0:  # constant over studies: the last printed digit is the scale
        half = 2 * (high - low) if math.isfinite(high - low) and high > low else 1.0

    def scaled(number: float) -> float:
        number = on_scale(number)
        return math.nan if math.isnan(number) else (number - middle) / half

    return AgreementRow(
        label=f"{shorten(value.label, 46)}, {STATISTIC_TEXT[value.statistic]}",
        section=value.section or "Reported values",
        printed=value.printed,
        obtained=value.reconstructed_printed,
        verdict=value.verdict,
        printed_set=((low - middle) / half, (high - middle) / half),
        reconstructed=scaled(value.reconstructed),
        conditioned=(scaled(value.conditioned.low), scaled(value.conditioned.high)),
        replicate=(scaled(value.replicate.low), scaled(value.replicate.high)),
    )


def _clipped(pair: tuple[float, float]) -> tuple[float, float] | None:
    if any(math.isnan(end) for end in pair):
        return None
    low, high = (min(max(end, -_LIMIT), _LIMIT) for end in pair)
    return low, high


def draw(rows: tuple[AgreementRow, ...]) -> Drawing | None:
    """The rows from top to bottom, under the headings of their sections."""
    if not rows:
        return None
    pitch = 3.4 if len(rows) <= 45 else 3.0
    lines: list[AgreementRow | str] = []
    for index, row in enumerate(rows):
        if index == 0 or rows[index - 1].section != row.section:
            lines.append(row.section)
        lines.append(row)
    figure, axes = row_axes(pitch * len(lines) + 29, left=72, right=30, top=19)
    axes.set_xlim(-_LIMIT - 0.15, _LIMIT + 0.15)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.axvline(0, color=INK, linewidth=0.4, zorder=0)
    drawn = 0
    for y, line in enumerate(lines):
        if isinstance(line, str):
            beside(axes, y, shorten(line, 60), -1.5, fontweight="bold", fontsize=6)
            continue
        drawn += 1
        beside(axes, y, line.label, -1.5, fontsize=5.6)
        beside(axes, y, line.printed, 14, ha="right", fontsize=5.6)
        beside(axes, y, shorten(line.obtained, 14), 29, ha="right", fontsize=5.6)
        bars = (
            (line.replicate, {"color": REPLICATED, "linewidth": 0.8, "alpha": 0.9}),
            (line.conditioned, {"color": INK, "linewidth": 2.0, "alpha": 0.75}),
        )
        for pair, how in bars:
            ends = _clipped(pair)
            if ends is not None:
                axes.plot(ends, (y, y), solid_capstyle="butt", zorder=2, **how)  # type: ignore[arg-type]
        ends = _clipped(line.printed_set)
        if ends is not None:
            low, high = ends
            grow = max(0.0, 0.05 - (high - low)) / 2
            axes.fill_betweenx(
                (y - 0.36, y + 0.36), low - grow, high + grow, color="#E69F00", alpha=0.45,
                linewidth=0, zorder=1,
            )  # fmt: skip
        if not math.isnan(line.reconstructed):
            mark = VERDICT_MARK[line.verdict]
            x = min(max(line.reconstructed, -_LIMIT), _LIMIT)
            axes.plot(
                x, y, marker=mark.shape, color=mark.colour, markersize=3.4, markeredgewidth=0.8,
                markerfacecolor=mark.colour if mark.filled else "none", zorder=3, clip_on=False,
            )  # fmt: skip
            if abs(line.reconstructed) > _LIMIT:
                axes.annotate(
                    "", (x + math.copysign(0.14, x), y), (x, y), zorder=4,
                    arrowprops={"arrowstyle": "->", "linewidth": 0.6, "color": mark.colour},
                )  # fmt: skip
    assert drawn == len(rows), "every reported value has its row"
    for shift, head in ((14, "printed"), (29, "obtained")):
        beside(axes, -1.2, head, shift, ha="right", fontsize=5.8, fontweight="bold")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(
        "Difference from the printed value, in half-widths of the 95% range of fresh studies"
    )
    present = [verdict for verdict in VERDICT_ORDER if any(row.verdict is verdict for row in rows)]
    shared = [
        Patch(facecolor="#E69F00", alpha=0.45, label="what the printed digits allow"),
        Line2D(
            [], [], color=INK, linewidth=2.0, alpha=0.75,
            label="95% of matching cohorts",
        ),
        Line2D([], [], color=REPLICATED, linewidth=0.8, label="95% of fresh studies"),
    ]  # fmt: skip
    figure.legend(handles=[*shared, *legend_of(present)], loc="upper left", ncols=3)
    outside = sum(abs(row.reconstructed) > _LIMIT for row in rows)
    return Drawing(
        name="agreement",
        title="Every reported value beside what was obtained",
        caption=(
            f"Each of the {len(rows)} printed numbers beside the reconstructed cohort (mark, by "
            "verdict), the middle 95% of the cohorts that match what was imposed (thick line) and "
            "of fresh studies (thin line). Zero is the printed number; ratios and P values are on "
            "a logarithmic scale. A value that is the same in every cohort is scaled by its last "
            "printed digit." + (f" An arrow marks {outside} beyond the axis." if outside else "")
        ),
        alt=(
            f"A row for each of {len(rows)} reported values: the printed number at zero, with the "
            "reconstructed value and two 95% ranges around it. The same numbers are in the table "
            "of all values."
        ),
        figure=figure,
        rows=drawn,
    )

"""What each figure collects from the results, before it is drawn."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from recohort.card.statistic import Statistic
from recohort.present.figures import (
    agreement,
    distributions,
    ratios,
    replicates,
    roc,
    shares,
    survival,
    trajectories,
)
from recohort.present.figures.style import VERDICT_MARK, figure_style
from recohort.present.results import StudyResults
from recohort.present.words import Verdict


def test_agreement_has_a_row_for_each_value_with_the_printed_number_at_zero(
    results: StudyResults,
) -> None:
    rows = agreement.collect(results)
    assert len(rows) == len(results.values)
    for row in rows:
        low, high = row.printed_set
        assert low <= 0 <= high
    weight = next(row for row in rows if row.label.endswith("mean") and "Weight" in row.label)
    value = next(v for v in results.values if v.id == "weight.mean")
    half = (value.replicate.high - value.replicate.low) / 2
    assert weight.reconstructed == pytest.approx((value.reconstructed - 60.2) / half)
    assert weight.replicate[1] - weight.replicate[0] == pytest.approx(2)


def test_agreement_of_a_bound_is_open_below(results: StudyResults) -> None:
    rows = agreement.collect(results)
    bound = next(row for row in rows if row.printed == "<.05")
    assert bound.printed_set[0] == -math.inf
    assert bound.printed_set[1] == pytest.approx(0, abs=1e-12)


def test_ratios_put_printed_and_refitted_side_by_side(results: StudyResults) -> None:
    data = ratios.collect(results)
    assert data is not None
    assert data.kind == "odds ratio"
    assert data.rows[1].printed == (0.12, 0.40, 1.31)
    assert data.rows[1].printed_text == "0.40 (0.12 to 1.31)"
    assert data.rows[1].reconstructed[1] == results.estimate(
        "or_warm", Statistic.ADJUSTED_ODDS_RATIO
    )


def test_roc_says_the_printed_area(results: StudyResults) -> None:
    (panel,) = roc.collect(results)
    assert panel.said[0] == "printed AUC 0.71 (0.55 to 0.87)"
    assert any(text.startswith("95% of matching cohorts") for text in panel.said)


def test_survival_counts_leave_no_one_out(results: StudyResults) -> None:
    (panel,) = survival.collect(results)
    assert panel.printed == ((12.0, 0.755),)
    assert panel.counts_at(0.0) == (60, 0, 0)
    at_risk, censored, events = panel.counts_at(12.0)
    assert at_risk + censored + events == 60
    assert panel.events.sum() + panel.censored.sum() == 60


def test_trajectories_keep_the_missing_out(results: StudyResults) -> None:
    (panel,) = trajectories.collect(results)
    assert panel.times == ("before", "1_month", "6_months")
    assert [sample.size for sample in panel.samples] == [60, 60, 50]
    assert panel.printed[1] == {Statistic.MEDIAN: 3.6, Statistic.MIN: 0.9, Statistic.MAX: 9.5}


def test_distributions_put_every_value_in_a_bin(results: StudyResults) -> None:
    panels = distributions.collect(results)
    assert len(panels) == 2 + 3, "a repeated measurement at each of its three times"
    for panel in panels:
        counts, _ = np.histogram(panel.sample, distributions._edges(panel.sample, panel.step))
        assert counts.sum() == panel.sample.size
    assert distributions._edges(np.array([3.0]), 1.0).tolist() == [2.5, 3.5]


@pytest.mark.parametrize("family", ["normal", "lognormal", "uniform"])
def test_a_plausible_shape_has_area_one_and_its_mean(family: str) -> None:
    from recohort.card.layout import Plausible

    shape = Plausible(family=family, mean="4", sd="2")  # type: ignore[arg-type]
    x = np.linspace(-20, 60, 200_001)
    density = distributions._density(shape, x)
    assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-3)
    assert np.trapezoid(density * x, x) == pytest.approx(4, abs=1e-2)


def test_replicates_put_those_in_doubt_first(results: StudyResults) -> None:
    panels = replicates.collect(results)
    assert 0 < len(panels) <= 16
    doubted = [
        row.label for row in results.values
        if row.verdict in (Verdict.IMPOSSIBLE, Verdict.NOT_REPRODUCED)
    ]  # fmt: skip
    assert panels[0].label in doubted


def test_replicates_that_could_not_be_estimated_are_counted(results: StudyResults) -> None:
    drawn = results.replicates["auc.auc"].copy()
    drawn[:3] = np.nan
    changed = replace(results, replicates={"auc.auc": drawn})
    (panel,) = replicates.collect(changed)
    assert panel.missing == 3
    assert panel.sample.size == drawn.size - 3
    with figure_style():
        drawing = replicates.draw((panel,))
    assert drawing is not None
    assert drawing.rows == 1


def test_shares_take_the_percent_of_a_count_with_its_denominator(results: StudyResults) -> None:
    data = shares.collect_proportions(results)
    assert data is not None
    (row,) = data.rows
    assert row.printed == (18.5, 28.3, 40.8)
    assert row.printed_text == "17 of 60, 28.3% (18.5 to 40.8)"


def test_verdicts_differ_in_shape_or_filling_so_that_grey_tells_them_apart() -> None:
    assert len({(mark.shape, mark.filled) for mark in VERDICT_MARK.values()}) == len(Verdict)

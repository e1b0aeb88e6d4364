"""P-values that a setting's own test cannot give are known before any search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from ward_card import write_card

from recohort.card.loader import Setting
from recohort.reconstruct.blocked import blocked
from recohort.reconstruct.search import Plan, reconstruct

T_TEST = {
    "model: falls, term: dose": "model: falls, term: dose, test: {assume: test}",
    "assumptions:\n": "assumptions:\n  test: {label: Test, value: wald, alternatives: [wald_t], "
    "reason: made up, source: none}\n",
}


def z_by_grid() -> tuple[float, float]:
    """The smallest and largest z of all limits that print, whose middle prints as the ratio."""
    grid = np.linspace(-0.005, 0.005, 201)
    low, high = np.log(np.meshgrid(1.20 + grid, 4.85 + grid))
    middle = (low + high) / 2
    fits = (np.exp(middle) >= 2.405) & (np.exp(middle) <= 2.415)
    z = (middle / ((high - low) / 2) * stats.norm.ppf(0.975))[fits]
    return float(z.min()), float(z.max())


@pytest.mark.parametrize("p", ["0.012", "0.013", "0.014", "0.015", "0.016"])
@pytest.mark.parametrize("test", ["wald", "wald_t"])
def test_p_values_against_a_grid_over_the_rounding_boxes(tmp_path: Path, p: str, test: str) -> None:
    weakest, strongest = z_by_grid()
    # Student's t has 120 rows less two coefficients.
    tail = stats.norm.sf if test == "wald" else stats.t(118).sf
    fits = 2 * tail(strongest) <= float(p) + 0.0005 and 2 * tail(weakest) >= float(p) - 0.0005
    card_file = write_card(
        tmp_path, mixed=False, changes={**T_TEST, "p_value: 0.014": f"p_value: {p}"}
    )
    found = blocked(card_file.card(Setting((("test", int(test == "wald_t")),))))
    assert (found == {}) == fits
    if found:
        assert found["dose.p_value"] == {
            "dose.odds_ratio", "dose.ci95_lower", "dose.ci95_upper", "dose.p_value",
        }  # fmt: skip


def test_the_stored_cohort_is_found_under_the_setting_that_prints_everything(
    tmp_path: Path,
) -> None:
    card_file = write_card(
        tmp_path, mixed=False, changes={**T_TEST, "p_value: 0.014": "p_value: 0.015"}
    )
    found = reconstruct(card_file, Plan(seed=2, conditioned=0))
    assert found.stored.setting.name == "test=1"
    assert found.stored.unmet == ()
    by_name = {one.setting.name: one for one in found.settings}
    assert by_name["base"].unmet_of_all == ("dose.p_value",)
    assert by_name["base"].conflicts
    assert by_name["test=1"].unmet_of_all == ()
    assert by_name["test=1"].conflicts == ()

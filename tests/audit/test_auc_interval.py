"""AUCs with intervals against the numbers of cases and controls."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.audit.auc_interval import auc_splits, check_auc_interval
from recohort.audit.finding import FindingVerdict
from recohort.estimators.auc import auc_delong


def test_hanley_and_mcneil_1982_split_is_found() -> None:
    """Radiology 1982;143:29: A = 0.893, SE 0.0323, 51 abnormal and 58 normal."""
    limits = [f"{0.893 + side * 1.96 * 0.0323:.2f}" for side in (-1, 1)]
    models = {s.model: s for s in auc_splits("0.89", *limits, total=109)}
    cases = models["Hanley-McNeil"].cases
    assert cases is not None
    assert cases[0] <= 51 <= cases[1]
    found = check_auc_interval("0.89", *limits, cases=51, controls=58)[0]
    assert found.verdict is FindingVerdict.POSSIBLE
    assert "Hanley-McNeil" in found.evidence["fits_under"]


def test_asah_delong_interval_passes() -> None:
    """pROC: ci(roc(aSAH$outcome, aSAH$s100b)) is 0.6301 to 0.8326 at 0.7314; 41 and 72."""
    found = check_auc_interval("0.731", "0.630", "0.833", cases=41, controls=72)
    assert found[0].verdict is FindingVerdict.POSSIBLE


def test_van_dantzigs_bound_is_the_only_hard_one() -> None:
    wide = check_auc_interval("0.80", "0.45", "1.00", cases=30, controls=200)[0]
    assert wide.verdict is FindingVerdict.IMPOSSIBLE
    narrow = check_auc_interval("0.80", "0.79", "0.81", cases=30, controls=40)[0]
    assert narrow.verdict is FindingVerdict.UNDETERMINED
    # A total alone proves nothing: one class may be tiny.
    open_split = check_auc_interval("0.80", "0.45", "1.15", total=230)
    assert open_split[0].verdict is not FindingVerdict.IMPOSSIBLE


def test_splits_are_shown_as_sets_a_model() -> None:
    found = check_auc_interval("0.78", "0.66", "0.90", share=0.15)[0]
    assert found.verdict is FindingVerdict.NOTE
    assert len(found.evidence["splits"]) == 4
    assert "15%" in found.sentence


def test_lopsided_limits_are_a_note() -> None:
    assert "logit" in check_auc_interval("0.900", "0.750", "0.964")[0].sentence


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cases=st.integers(3, 60),
    controls=st.integers(3, 60),
    shift=st.floats(0, 3),
)
def test_delong_intervals_of_real_data_are_never_impossible(
    seed: int, cases: int, controls: int, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    scores = np.round(np.r_[rng.normal(shift, 1, cases), rng.normal(0, 1, controls)], 1)
    y = np.r_[np.ones(cases), np.zeros(controls)]
    found = auc_delong(scores, y).estimate
    assert found.interval is not None
    texts = [f"{v:.2f}" for v in (found.value, found.interval.low, found.interval.high)]
    for finding in check_auc_interval(*texts, cases=cases, controls=controls):
        assert finding.verdict is not FindingVerdict.IMPOSSIBLE


def test_van_dantzig_holds_for_the_variance_estimate_with_n_minus_1() -> None:
    # The extreme data: each case lies above all controls or below all of them.
    for above in range(1, 10):
        scores = np.r_[np.full(above, 2.0), np.full(10 - above, 0.0), np.ones(30)]
        found = auc_delong(scores, np.r_[np.ones(10), np.zeros(30)]).estimate
        assert found.se is not None
        bound = math.sqrt(found.value * (1 - found.value) / 9)
        assert found.se == pytest.approx(bound)

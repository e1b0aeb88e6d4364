"""Two dozen made-up samples, half of them full of ties, against R.

``tests/reference/r_samples.R`` holds every R command and wrote the answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recohort.estimators.auc import AucScale, auc_delong, auc_paired_delong
from recohort.estimators.calibration import calibration
from recohort.estimators.chi_square import chi_square
from recohort.estimators.cox import CoxTies, cox
from recohort.estimators.fisher_exact import fisher_exact
from recohort.estimators.kaplan_meier import (
    SurvivalInterval,
    kaplan_meier,
    median_follow_up,
    survival_quantile,
)
from recohort.estimators.linear_mixed import linear_mixed, treatment_design
from recohort.estimators.log_rank import log_rank
from recohort.estimators.mann_whitney import MannWhitneyMethod, mann_whitney
from recohort.estimators.mcnemar import McNemarMethod, mcnemar
from recohort.estimators.paired_t import paired_t
from recohort.estimators.roc import roc_curve, sensitivity_at, youden_cut_point
from recohort.estimators.two_sample_t import TwoSampleVariance, two_sample_t
from recohort.estimators.wilcoxon_signed_rank import (
    SignedRankMethod,
    ZeroDifferences,
    wilcoxon_signed_rank,
)

REFERENCE = Path(__file__).parents[1] / "reference"
SAMPLES = json.loads((REFERENCE / "r_samples.json").read_text())
ANSWERS = json.loads((REFERENCE / "r_samples_answers.json").read_text())
PAIRS = list(zip(SAMPLES, ANSWERS, strict=True))


def close(ours: Any, theirs: list[Any], tolerance: float = 1e-9) -> None:
    """Equal to a relative tolerance, None and R's NA alike."""
    found = np.array([np.nan if value is None else value for value in ours], dtype=float)
    wanted = np.array([np.nan if v in (None, "NA", "NaN") else v for v in theirs], dtype=float)
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=1e-11)


@pytest.mark.parametrize(("sample", "answer"), PAIRS)
def test_survival_agrees_with_r_survival(sample: Any, answer: Any) -> None:
    given = {key: np.array(value) for key, value in sample["survival"].items()}
    t, e, cluster = given["t"], given["e"], given["c"]
    x, r = np.column_stack([given["x1"], given["x2"]]), answer["survival"]
    for scale in SurvivalInterval:
        curve, clustered = (kaplan_meier(t, e, scale, cluster=c) for c in (None, cluster))
        # At 1 and 0 conventions differ, see KaplanMeier.
        known = (curve.survival > 0) & (curve.survival < 1)
        close(curve.low[known], r[scale]["low"])
        close(curve.high[known], r[scale]["high"])
        close(clustered.low[known], r[scale]["clustered_low"])
        close(clustered.high[known], r[scale]["clustered_high"])
    curve = kaplan_meier(t, e, SurvivalInterval.LOG_LOG)
    close(curve.survival, r["survival"])
    close(curve.standard_error[(curve.survival > 0) & (curve.survival < 1)], r["error"])
    for name, ours in (
        ("median", survival_quantile(curve)),
        ("third", survival_quantile(curve, 0.75)),
        ("follow_up", median_follow_up(t, e, SurvivalInterval.LOG_LOG)),
    ):
        close([ours.value, ours.low, ours.high], r[name])
    test = log_rank(t, e, given["x2"])
    close([test.test.statistic, *test.expected], r["log_rank"])
    for ties in CoxTies:
        plain, robust = cox(t, e, x, ties=ties), cox(t, e, x, cluster, ties)
        ours = [*plain.coefficients, *plain.standard_errors, *robust.standard_errors]
        close([*ours, plain.log_likelihood], r[ties], 1e-7)


@pytest.mark.parametrize(("sample", "answer"), PAIRS)
def test_scores_and_tables_agree_with_r(sample: Any, answer: Any) -> None:
    given = {key: np.array(value) for key, value in sample["scores"].items()}
    y, a, b = given["y"], given["a"], given["b"]
    case, control, r = a[y == 1], a[y == 0], answer["scores"]
    one, logit = auc_delong(a, y).estimate, auc_delong(a, y, scale=AucScale.LOGIT).estimate
    close([one.interval.low, one.value, one.interval.high], r["auc"])
    close([logit.interval.low, logit.interval.high], r["auc_logit"])
    paired = auc_paired_delong(a, b, y)
    limits = paired.difference.interval
    close([paired.test.statistic, paired.test.p_value, limits.low, limits.high], r["paired"])
    close([youden_cut_point(a, y).youden], r["youden"])
    close(sensitivity_at(roc_curve(a, y), [0.1, 0.25, 0.5, 0.8, 0.9]), r["sensitivity"])
    fit = calibration(given["p"], y)
    if fit.slope.se is not None:
        line = [fit.slope_intercept, fit.slope]
        ours = [fit.intercept.value, fit.intercept.se]
        close([*ours, *(v.value for v in line), *(v.se for v in line)], r["calibration"], 1e-7)
    test = paired_t(b, a)
    ours = [test.test.p_value, test.difference.interval.low, test.difference.interval.high]
    close(ours, r["paired_t"])
    kinds = (TwoSampleVariance.WELCH, TwoSampleVariance.STUDENT)
    close([two_sample_t(case, control, kind).test.p_value for kind in kinds], r["two_t"])
    signed = SignedRankMethod
    asked = (
        (signed.NORMAL_CONTINUITY, ZeroDifferences.WILCOX),
        (signed.NORMAL, ZeroDifferences.WILCOX),
        (signed.NORMAL, ZeroDifferences.PRATT),
        (signed.EXACT, ZeroDifferences.WILCOX),
    )
    close([wilcoxon_signed_rank(a - b, *how).p_value for how in asked], r["signed_rank"])
    ranks = (MannWhitneyMethod.NORMAL_CONTINUITY, MannWhitneyMethod.NORMAL)
    close([mann_whitney(case, control, how).p_value for how in ranks], r["mann_whitney"])
    table = given["table"].reshape(2, 2).T
    off = int(table[0, 1]), int(table[1, 0])
    tests = [
        chi_square(table, continuity=True).test,
        chi_square(table).test,
        fisher_exact(table).test,
        mcnemar(*off),
        mcnemar(*off, McNemarMethod.CHI_SQUARE),
    ]
    close([test.p_value for test in tests], r["table"])


@pytest.mark.parametrize(("sample", "answer"), PAIRS)
def test_mixed_models_agree_with_r_lme4_and_lmertest(sample: Any, answer: Any) -> None:
    given = {key: np.array(value) for key, value in sample["mixed"].items()}
    visits, _ = treatment_design(given["visit"])
    design = np.column_stack([visits[:, 0], given["x"], visits[:, 1:]])
    for likelihood, r in answer["mixed"].items():
        ours = linear_mixed(given["y"], design, given["g"], likelihood)
        # lme4 stops at about 1e-8 in the variances; degrees of freedom magnify that.
        close(ours.coefficients, r["coefficients"], 1e-5)
        close(ours.standard_errors, r["errors"], 1e-5)
        close(ours.df, r["df"], 1e-4)
        close(ours.p_values, r["p_values"], 1e-4)
        close([ours.log_likelihood], r["log_likelihood"])

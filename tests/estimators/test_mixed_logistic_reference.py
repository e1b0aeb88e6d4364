"""The random-intercept logistic model against lme4 on published data sets.

The JSON files hold lme4 1.1-31's answers (R 4.2.2), fitted tightly:
glmer(y ~ x1 + x2 + (1 | g), family = binomial, nAGQ = 25, control = glmerControl("bobyqa",
optCtrl = list(rhoend = 1e-9), tolPwrss = 1e-13)); se_hessian is from its finite differences.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recohort.estimators.mixed_logistic import MixedLogisticFit, fit_mixed_logistic

REFERENCE = Path(__file__).parents[1] / "reference"
NAMES = ("bacteria", "cbpp", "cbpp_bernoulli", "cgd_center", "contraception", "respiratory")


def load(name: str) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    answer = json.loads((REFERENCE / f"{name}.json").read_text())
    with (REFERENCE / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    return answer, {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}


def fit(name: str, nodes: int) -> tuple[MixedLogisticFit, dict[str, Any]]:
    answer, data = load(name)
    x = np.column_stack([np.ones(data["y"].size), *(data[c] for c in answer["fixed"])])
    trials = data["n"] if name == "cbpp" else None
    result = fit_mixed_logistic(data["y"], x, data["g"], trials=trials, nodes=nodes)
    return result, answer[f"lme4_nAGQ{nodes}"]


@pytest.mark.parametrize("nodes", [1, 9, 25])
@pytest.mark.parametrize("name", NAMES)
def test_lme4(name: str, nodes: int) -> None:
    ours, theirs = fit(name, nodes)
    coef = np.array(list(theirs["beta"].values()))
    error = np.array(list(theirs["se_hessian"].values()))
    assert ours.flag == "ok"
    # Relative to the estimate, or to its standard error where the estimate is smaller: lme4's
    # optimiser stops at a distance measured in standard errors, and with the lower likelihood.
    np.testing.assert_array_less(np.abs(ours.coef - coef), 1e-5 * np.maximum(np.abs(coef), error))
    assert ours.sd == pytest.approx(theirs["sigma"], rel=1e-5)
    np.testing.assert_allclose(ours.se, error, rtol=1e-3)
    np.testing.assert_allclose(ours.modes, theirs["ranef"], atol=2e-5)
    if name != "cbpp" or nodes == 1:
        # lme4 1.1-31 drops a constant for grouped binomial data with more than one node.
        assert ours.loglik == pytest.approx(theirs["logLik"], rel=1e-9)
        assert ours.loglik >= theirs["logLik"] - 1e-9 * abs(theirs["logLik"])


def test_lme4_boundary() -> None:
    for nodes in (1, 9, 25):
        ours, theirs = fit("lung_inst", nodes)
        assert ours.flag == "boundary"
        assert ours.sd == 0.0
        assert np.isnan(ours.sd_se)
        np.testing.assert_allclose(ours.coef, list(theirs["beta"].values()), rtol=1e-5)
        np.testing.assert_allclose(ours.se, list(theirs["se_hessian"].values()), rtol=1e-3)
        assert ours.loglik == pytest.approx(theirs["logLik"], rel=1e-10)
        assert (ours.modes == 0.0).all()


def test_binomial_rows_equal_bernoulli_rows() -> None:
    grouped, _ = fit("cbpp", 9)
    single, _ = fit("cbpp_bernoulli", 9)
    np.testing.assert_allclose(grouped.coef, single.coef, rtol=1e-9)
    np.testing.assert_allclose(grouped.se, single.se, rtol=1e-8)
    assert grouped.sd == pytest.approx(single.sd, rel=1e-9)
    assert grouped.n == single.n == 842

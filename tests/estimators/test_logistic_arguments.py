"""Refused arguments of the logistic models: the name, what it got, and what it takes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from recohort.estimators.firth import firth_logistic
from recohort.estimators.logistic import fit_logistic
from recohort.estimators.logistic_batch import fit_logistic_batch, fit_mixed_logistic_batch
from recohort.estimators.logistic_data import logistic_data
from recohort.estimators.logistic_inference import (
    likelihood_ratio_test,
    profile_interval,
    sd_profile_interval,
    sd_wald_interval,
    wald_interval,
    wald_test,
)
from recohort.estimators.logistic_prediction import linear_predictor, predicted_probability
from recohort.estimators.mixed_logistic import fit_mixed_logistic
from recohort.estimators.quadrature import gauss_hermite
from recohort.estimators.separation import find_separation

N = 40
RNG = np.random.default_rng(0)
X = np.column_stack([np.ones(N), RNG.normal(size=N)])
GROUP = np.arange(N) % 5
Y = (RNG.random(N) < 0.4).astype(float)
FIT = fit_logistic(Y, X, names=["one", "age"])
DATA = logistic_data(Y, X, GROUP, None, None, None, ["one", "age"])


def changed(array: np.ndarray, value: float) -> np.ndarray:
    other = np.array(array, dtype=float)
    other.flat[3] = value
    return other


Fitter = Callable[..., object]
GROUPED: dict[str, Fitter] = {
    "fit_mixed_logistic": fit_mixed_logistic,
    "fit_mixed_logistic_batch": fit_mixed_logistic_batch,
}
PLAIN: dict[str, Fitter] = {
    "fit_logistic": fit_logistic,
    "firth_logistic": firth_logistic,
    "fit_logistic_batch": fit_logistic_batch,
}
ROWS: list[tuple[str, dict[str, object]]] = [
    ("y", {"y": Y[:-1]}),
    ("y", {"y": changed(Y, 2.0)}),
    ("y", {"y": changed(Y, 0.5)}),
    ("y", {"y": changed(Y, np.inf)}),
    ("y", {"y": ["yes"] * N}),
    ("y", {"y": []}),
    ("y", {"y": None}),
    ("y", {"y": np.full(N, 3), "trials": np.full(N, 2)}),
    ("x", {"x": X[:, 0]}),
    ("x", {"x": X[:0]}),
    ("x", {"x": [["a", "b"]] * N}),
    ("x", {"x": X[:, :0]}),
    ("trials", {"trials": np.full(N, 1.5)}),
    ("trials", {"trials": np.full(N, -1)}),
    ("trials", {"trials": np.full(N, np.nan)}),
    ("weights", {"weights": changed(np.ones(N), -1.0)}),
    ("weights", {"weights": changed(np.ones(N), np.nan)}),
    ("weights", {"weights": changed(np.ones(N), np.inf)}),
    ("weights", {"weights": ["heavy"] * N}),
    ("weights", {"weights": np.ones(3)}),
    ("offset", {"offset": changed(np.ones(N), np.inf)}),
    ("offset", {"offset": np.ones(3)}),
    ("offset", {"offset": ["a"] * N}),
]
GROUPS: list[tuple[str, dict[str, object]]] = [
    ("group", {"group": GROUP[:-1]}),
    ("group", {"group": changed(GROUP, np.nan)}),
    ("group", {"group": []}),
    ("nodes", {"nodes": 0}),
    ("nodes", {"nodes": 101}),
    ("nodes", {"nodes": 2.5}),
    ("nodes", {"nodes": "nine"}),
    ("start", {"start": ([0.0], 1.0)}),
    ("start", {"start": (["a", "b"], 1.0)}),
]


def refused(call: Callable[[], object], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: got [\s\S]*; takes ") as error:
        call()
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("model", [*PLAIN, *GROUPED])
def test_refused_rows(model: str) -> None:
    for name, change in ROWS:
        arguments: dict[str, object] = {"y": Y, "x": X, **change}
        if model in GROUPED:
            arguments["group"] = GROUP
        refused(lambda a=arguments: {**PLAIN, **GROUPED}[model](**a), name)


@pytest.mark.parametrize("model", GROUPED)
def test_refused_groups_nodes_and_starts(model: str) -> None:
    for name, change in GROUPS:
        arguments: dict[str, object] = {"y": Y, "x": X, "group": GROUP, **change}
        refused(lambda a=arguments: GROUPED[model](**a), name)


def test_missing_values_are_refused_alone_and_flagged_in_batches() -> None:
    for name, change in [("y", {"y": changed(Y, np.nan)}), ("x", {"x": changed(X, np.nan)})]:
        arguments: dict[str, object] = {"y": Y, "x": X, **change}
        for fit in (fit_logistic, firth_logistic, find_separation):
            refused(lambda a=arguments, f=fit: f(**a), name)  # type: ignore[operator]
        refused(lambda a=arguments: fit_mixed_logistic(group=GROUP, **a), name)
        assert fit_logistic_batch(**arguments).flags[0] == "invalid"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: wald_interval(FIT, "weight"), "column"),
        (lambda: wald_interval(FIT, 2), "column"),
        (lambda: wald_interval(FIT, 1, level=95), "level"),
        (lambda: wald_test(FIT, 1, df=0), "df"),
        (lambda: likelihood_ratio_test(FIT, DATA, -1), "column"),
        (lambda: profile_interval(FIT, DATA, 1, level=0.0), "level"),
        (lambda: sd_profile_interval(fit_mixed_logistic(Y * 0.0, X, GROUP), DATA), "fit"),
        (lambda: sd_wald_interval(fit_mixed_logistic(Y * 0.0, X, GROUP)), "fit"),
        (lambda: linear_predictor(FIT, X[:, :1]), "x"),
        (lambda: linear_predictor(FIT, X, offset=[1.0]), "offset"),
        (lambda: predicted_probability(FIT, changed(X, np.nan)), "x"),
        (lambda: find_separation(Y, X, trials=np.full(N, 0.5)), "trials"),
        (lambda: gauss_hermite(0), "nodes"),
    ],
)
def test_refused_by_inference_prediction_and_quadrature(
    call: Callable[[], object], name: str
) -> None:
    refused(call, name)

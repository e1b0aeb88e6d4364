"""Every public function refuses every wrong value of every argument, by the argument's name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from recohort import estimators

X = [1.0, 2.5, 0.5, 4.0, 3.0, 2.0, 5.0, 0.25]
Y = [0, 1, 0, 1, 1, 0, 1, 0]
T = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
P = [0.2, 0.7, 0.3, 0.8, 0.4, 0.5, 0.9, 0.6]
GROUP = [1, 1, 2, 2, 3, 3, 4, 4]
DESIGN = [[1.0, value] for value in T]
NAN, INF = float("nan"), float("inf")

# Wrong values of an argument of each kind. Names say what is wrong.
TEXT = ["a", "b", "c", "d", "e", "f", "g", "h"]
NUMBERS = {
    "text": TEXT,
    "NaN": [NAN, *X[1:]],
    "infinite": [-INF, *X[1:]],
    "complex": [1j, *X[1:]],
    "ragged": [[1.0], [2.0, 3.0]],
    "none": [None, *X[1:]],
}
VECTOR = {**NUMBERS, "a number": 3.0, "a table": [X], "empty": []}
KINDS: dict[str, dict[str, Any]] = {
    "vector": VECTOR,
    "paired": {**VECTOR, "short": X[:-1]},
    "times": {**VECTOR, "short": X[:-1], "negative": [-1.0, *T[1:]]},
    "first times": {**VECTOR, "negative": [-1.0, *T[1:]]},
    "probabilities": {**VECTOR, "beyond 1": [1.5, *P[1:]], "negative": [-0.5, *P[1:]]},
    "outcome": {
        **VECTOR,
        "short": Y[:-1],
        "2": [2, *Y[1:]],
        "-1": [-1, *Y[1:]],
        "0.5": [0.5, *Y[1:]],
    },
    "both outcomes": {
        **VECTOR,
        "short": Y[:-1],
        "2": [2, *Y[1:]],
        "only 0": [0] * 8,
        "only 1": [1] * 8,
    },
    "outcome alone": {**VECTOR, "2": [2, *Y[1:]]},
    "labels": {
        "short": GROUP[:-1],
        "a table": [GROUP],
        "empty": [],
        "NaN": [NAN, *GROUP[1:]],
        "none": [None, *GROUP[1:]],
        "one": 3,
    },
    "rows": {**NUMBERS, "a number": 3.0, "a vector": X, "empty rows": [[], []]},
    "outcome rows": {"text": TEXT, "short": Y[:-1], "2": [2, *Y[1:]], "NaN": [NAN, *Y[1:]]},
    "table": {
        **NUMBERS,
        "a number": 3.0,
        "a vector": X,
        "short": DESIGN[:-1],
        "no column": [[]] * 8,
    },
    "counts": {
        "text": "a",
        "NaN": NAN,
        "infinite": INF,
        "negative": -1,
        "half": 2.5,
    },
    "count": {"text": "a", "NaN": NAN, "negative": -1, "half": 2.5, "many": [1, 2]},
    "table of counts": {
        "text": [["a", "b"], ["c", "d"]],
        "NaN": [[NAN, 1], [2, 3]],
        "negative": [[-1, 1], [2, 3]],
        "half": [[0.5, 1], [2, 3]],
        "a vector": [1, 2, 3, 4],
        "empty": [[]],
    },
    "number": {"text": "a", "NaN": NAN, "infinite": INF, "many": [1.0, 2.0]},
    "positive": {"text": "a", "NaN": NAN, "infinite": INF, "0": 0.0, "-1": -1.0},
    "not negative": {"text": "a", "NaN": NAN, "infinite": INF, "-1": -1.0},
    "correlation": {"text": "a", "NaN": NAN, "2": 2.0, "-2": -2.0},
    "share": {"text": "a", "NaN": NAN, "2": 2.0, "-1": -1.0},
    "shares": {"text": ["a"], "NaN": [NAN], "2": [2.0], "-1": [-1.0]},
    "level": {"text": "a", "NaN": NAN, "0": 0.0, "1": 1.0, "95": 95, "negative": -0.5},
    "resamples": {"text": "a", "NaN": NAN, "0": 0, "half": 10.5, "negative": -10},
    "method": {"unknown": "no_such_method", "none": None, "number": 3},
    "any axis": {**NUMBERS, "a number": 3.0, "empty": []},
    "paired any axis": {**NUMBERS, "a number": 3.0, "empty": [], "short": X[:-1]},
}


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def curve() -> Any:
    module = importlib.import_module("recohort.estimators.kaplan_meier")
    return module.kaplan_meier(T, Y)


def roc() -> Any:
    return importlib.import_module("recohort.estimators.roc").roc_curve(X, Y)


def two_by_two() -> Any:
    return importlib.import_module("recohort.estimators.diagnostic_accuracy").TwoByTwo(5, 2, 3, 6)


def least_squares(x: Any, y: Any) -> Any:
    beta = np.linalg.lstsq(np.asarray(x), np.asarray(y, dtype=float), rcond=None)[0]
    return lambda rows: rows @ beta


def area(scores: Any, y: Any) -> float:
    return float(importlib.import_module("recohort.estimators.auc").auc(scores, y))


# Of every function, its arguments: a right value and the kind of its wrong ones ("" for none).
# A kind may be followed by ": names" where the message may name another argument instead.
Spec = dict[str, tuple[Any, str]]
LEVEL: Spec = {"level": (0.95, "level")}
AUC: Spec = {"scores": (X, "vector"), "y": (Y, "both outcomes")}
SCALE: Spec = {**LEVEL, "scale": ("plain", "method")}
RNG: Spec = {"rng": (rng, "")}
CLUSTER: Spec = {"cluster": (GROUP, "labels")}
SAMPLES: Spec = {"resamples": (20, "resamples")}
METHOD: Spec = {"method": ("normal", "method")}
SURVIVAL: Spec = {"time": (T, "first times"), "event": (Y, "outcome")}
CURVE: Spec = {"method": ("log", "method"), **LEVEL}
FUNCTIONS: dict[str, Spec] = {
    "auc.placements": AUC,
    "auc.auc": AUC,
    "auc.auc_interval": {"value": (0.8, "share"), "se": (0.1, "not negative"), **SCALE},
    "auc.auc_delong": {**AUC, **SCALE},
    "auc.auc_hanley_mcneil": {**AUC, **SCALE},
    "auc.auc_clustered": {**AUC, **CLUSTER, **SCALE},
    "auc.auc_bootstrap": {**AUC, **RNG, **SAMPLES, **LEVEL},
    "auc.auc_paired_delong": {
        "first": (X, "vector: first, scores"),
        "second": (T, "paired"),
        "y": (Y, "both outcomes"),
        **LEVEL,
    },
    "auc_batch.auc_delong_batch": {
        "scores": ([X, T], "rows"),
        "y": (Y, "outcome rows"),
        **SCALE,
    },
    "auc_variance.auc_variance": {
        "auc": (0.8, "share"),
        "cases": (10, "positive"),
        "controls": (20, "positive"),
        "model": ("hanley_mcneil", "method"),
        "sd_ratio": (1.0, "positive"),
    },
    "bootstrap.bootstrap_interval": {
        "draws": (X, "vector"),
        "observed": (2.0, "number"),
        "method": ("basic", "method"),
        **LEVEL,
    },
    "bootstrap.bca_interval": {
        "draws": (X, "vector"),
        "observed": (2.0, "number"),
        "jackknife": (X, "vector"),
        **LEVEL,
    },
    "bootstrap.resample_indices": {
        "size": (5, "resamples"),
        "resamples": (5, "resamples"),
        **RNG,
    },
    "bootstrap.cluster_resample": {
        "cluster": (GROUP, ""),
        **RNG,
    },
    "calibration.brier_score": {"probability": (P, "probabilities"), "y": (Y, "outcome")},
    "calibration.logarithmic_score": {"probability": (P, "probabilities"), "y": (Y, "outcome")},
    "calibration.calibration": {
        "probability": (P, "probabilities"),
        "y": (Y, "outcome"),
        **LEVEL,
    },
    "calibration.calibration_from_logits": {
        "logits": (X, "vector"),
        "y": (Y, "outcome"),
        **LEVEL,
    },
    "calibration.calibration_curve": {
        "probability": (P, "probabilities"),
        "y": (Y, "outcome"),
        "groups": (4, "resamples"),
        **LEVEL,
    },
    "chi_square.chi_square": {"table": ([[5, 3], [2, 6]], "table of counts")},
    "cox.cox": {
        "time": (T, "first times"),
        "event": (Y, "outcome"),
        "covariates": ([[value, value**2] for value in X], "table"),
        **CLUSTER,
        "ties": ("efron", "method"),
    },
    "diagnostic_accuracy.two_by_two": {
        "predicted": (Y, "outcome alone"),
        "truth": (Y, "outcome"),
    },
    "diagnostic_accuracy.diagnostic_accuracy": {
        "table": (two_by_two, ""),
        "method": ("wald", "method"),
        **LEVEL,
    },
    "diagnostic_accuracy.clustered_diagnostic_accuracy": {
        "predicted": (Y, "outcome alone"),
        "truth": (Y, "outcome"),
        **CLUSTER,
        "method": ("wald", "method"),
        **LEVEL,
    },
    "diagnostic_accuracy.bootstrap_diagnostic_accuracy": {
        "predicted": (Y, "outcome alone"),
        "truth": (Y, "outcome"),
        **RNG,
        **CLUSTER,
        **SAMPLES,
        **LEVEL,
    },
    "fisher_exact.fisher_exact": {"table": ([[5, 3], [2, 6]], "table of counts")},
    "kaplan_meier.kaplan_meier": {**SURVIVAL, **CURVE, **CLUSTER},
    "kaplan_meier.landmark_rate": {"curve": (curve, ""), "at": (2.0, "not negative")},
    "kaplan_meier.survival_quantile": {"curve": (curve, ""), "probability": (0.5, "level")},
    "kaplan_meier.median_follow_up": {**SURVIVAL, **CURVE, **CLUSTER},
    "kaplan_meier.landmark_rate_batch": {
        "time": ([T, T], "rows"),
        "event": ([Y, Y], "outcome rows"),
        "at": (2.0, "not negative"),
        **CURVE,
    },
    "linear_mixed.treatment_design": {
        "categories": (GROUP, ""),
        "reference": (1, ""),
    },
    "linear_mixed.linear_mixed": {
        "y": (X, "vector"),
        "design": (DESIGN, "table"),
        "group": (GROUP, "labels"),
        "likelihood": ("ml", "method"),
        "df": ("residual", "method"),
    },
    "linear_mixed.linear_mixed_batch": {
        "y": ([X, T], "rows"),
        "design": (DESIGN, "table"),
        "group": (GROUP, "labels"),
        "likelihood": ("ml", "method"),
        "df": ("residual", "method"),
    },
    "log_rank.log_rank": {**SURVIVAL, "group": (GROUP, "labels")},
    "mann_whitney.mann_whitney": {"first": (X, "vector"), "second": (T, "vector"), **METHOD},
    "mann_whitney.mann_whitney_batch": {
        "first": ([X, X], "rows"),
        "second": ([T, T], "rows"),
        **METHOD,
    },
    "mcnemar.mcnemar": {
        "b": (3, "count"),
        "c": (5, "count"),
        "method": ("exact", "method"),
    },
    "optimism.bootstrap_optimism": {
        "x": (DESIGN, "table: x, y"),
        "y": (Y, "outcome"),
        "fit": (least_squares, ""),
        "metric": (area, ""),
        **RNG,
        **SAMPLES,
        **CLUSTER,
    },
    "optimism.cut_point_optimism": {**AUC, **RNG, **SAMPLES, **CLUSTER},
    "paired_t.paired_t": {"first": (X, "vector"), "second": (T, "paired"), **LEVEL},
    "paired_t.paired_t_from_summary": {
        "mean_difference": (1.0, "number"),
        "sd_difference": (2.0, "not negative"),
        "n": (9, "count"),
        **LEVEL,
    },
    "paired_t.sd_of_differences": {
        "sd_first": (1.0, "not negative"),
        "sd_second": (2.0, "not negative"),
        "correlation": (0.5, "correlation"),
    },
    "paired_t.paired_t_batch": {"first": ([X, X], "rows"), "second": ([T, T], "rows")},
    "percent_change.percent_change": {
        "before": (X, "any axis: before, after"),
        "after": (T, "paired any axis"),
        "definition": ("of_means", "method"),
    },
    "proportion.proportion_interval": {
        "k": (3, "count"),
        "n": (9, "count: n, k"),
        "method": ("wald", "method"),
        **LEVEL,
    },
    "proportion.proportion": {
        "k": (3, "count"),
        "n": (9, "count: n, k"),
        "method": ("wald", "method"),
        **LEVEL,
    },
    "proportion.proportion_intervals": {
        "k": (3, "counts"),
        "n": (9, "counts"),
        "method": ("wald", "method"),
        **LEVEL,
        "clip": (True, ""),
    },
    "proportion.clustered_proportion": {
        "outcome": (Y, "outcome alone"),
        **CLUSTER,
        "method": ("wald", "method"),
        **LEVEL,
    },
    "proportion.clustered_proportion_from_counts": {
        "k": ([1, 2], "counts"),
        "n": ([3, 4], "counts"),
        "method": ("wald", "method"),
        **LEVEL,
    },
    "quadrature.gauss_hermite": {"nodes": (5, "resamples")},
    "roc.roc_curve": AUC,
    "roc.sensitivity_at": {"curve": (roc, ""), "specificity": ([0.5], "shares")},
    "roc.roc_band": {
        **AUC,
        **RNG,
        "method": ("pointwise_bootstrap", "method"),
        "specificity": ([0.5], "shares"),
        **LEVEL,
        **SAMPLES,
    },
    "roc.cut_point": {**AUC, "cut": (2.0, "number")},
    "roc.youden_cut_point": AUC,
    "summary.quantile_position": {
        "n": (9, "resamples"),
        "probability": (0.5, "share"),
        "definition": ("type_6", "method"),
    },
    "summary.quantile": {
        "values": (X, "any axis"),
        "probability": (0.5, "share"),
        "definition": ("type_6", "method"),
    },
    "summary.mean": {"values": (X, "any axis")},
    "summary.standard_deviation": {"values": (X, "any axis"), "denominator": ("n", "method")},
    "summary.summarise": {
        "values": (X, "vector"),
        "quantile_definition": ("type_6", "method"),
        "sd_denominator": ("n", "method"),
    },
    "two_sample_t.two_sample_t": {
        "first": (X, "vector"),
        "second": (T, "vector"),
        "variance": ("welch", "method"),
        **LEVEL,
    },
    "two_sample_t.two_sample_t_from_summary": {
        "first": (None, ""),
        "second": (None, ""),
        "variance": ("welch", "method"),
        **LEVEL,
    },
    "two_sample_t.two_sample_t_batch": {
        "first": ([X, X], "rows"),
        "second": ([T, T], "rows"),
        "variance": ("welch", "method"),
    },
    "wilcoxon_signed_rank.wilcoxon_signed_rank": {
        "differences": (X, "vector"),
        **METHOD,
        "zeros": ("pratt", "method"),
    },
    "wilcoxon_signed_rank.wilcoxon_signed_rank_batch": {
        "differences": ([X, T], "rows"),
        **METHOD,
        "zeros": ("pratt", "method"),
    },
}

# Rooms with sweeps of their own, and what holds no statistic.
ELSEWHERE = ("logistic", "mixed_logistic", "firth", "separation", "simd", "laplace", "fit_flag")
TOOLS = ("arguments", "jit", "ranks", "result")
# What works on results of functions that have checked their arguments.
UNCHECKED = ("kaplan_meier.survival_limits",)


def public() -> dict[str, FunctionType]:
    found = {}
    for info in pkgutil.iter_modules(estimators.__path__):
        if info.name.startswith(ELSEWHERE) or info.name in TOOLS:
            continue
        module = importlib.import_module(f"recohort.estimators.{info.name}")
        for name, value in vars(module).items():
            own = isinstance(value, FunctionType) and value.__module__ == module.__name__
            full = f"{info.name}.{name}"
            if own and not name.startswith("_") and full not in UNCHECKED:
                found[full] = value
    return found


PUBLIC = public()


def arguments(name: str) -> dict[str, Any]:
    group = importlib.import_module("recohort.estimators.two_sample_t").GroupSummary(9, 2.0, 1.5)
    given = {}
    for key, (value, _) in FUNCTIONS[name].items():
        if name.endswith("t_from_summary") and value is None:
            value = group
        if value in (rng, curve, roc, two_by_two):
            value = value()
        given[key] = value
    return given


def cases() -> list[Any]:
    listed = []
    for name, spec in FUNCTIONS.items():
        for argument, (_, kind) in spec.items():
            wrong, _, named = kind.partition(": ")
            for why, value in KINDS[wrong].items() if wrong else ():
                allowed = named.split(", ") if named else [argument]
                listed.append(
                    pytest.param(name, argument, value, allowed, id=f"{name}-{argument}-{why}")
                )
    return listed


def test_the_sweep_covers_every_public_function_and_argument() -> None:
    assert set(FUNCTIONS) == set(PUBLIC)
    for name, function in PUBLIC.items():
        # A flag has no wrong value.
        expected = set(inspect.signature(function).parameters) - {"continuity"}
        assert set(FUNCTIONS[name]) == expected, name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_arguments_are_taken(name: str) -> None:
    PUBLIC[name](**arguments(name))


@pytest.mark.parametrize(("name", "argument", "value", "allowed"), cases())
def test_wrong_argument_is_refused_by_name(
    name: str, argument: str, value: Any, allowed: list[str]
) -> None:
    with pytest.raises(ValueError, match=r": got .*; .*takes ") as error:
        PUBLIC[name](**{**arguments(name), argument: value})
    told = str(error.value).partition(":")[0]
    assert any(each in told.replace(",", " ").replace(".", " ").split() for each in allowed), told

"""The random-intercept logistic model: invariances, flags, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recohort.estimators.logistic import fit_logistic
from recohort.estimators.mixed_logistic import fit_mixed_logistic

Array = NDArray[np.float64]
SEEDS = st.integers(0, 10**6)
FEW = settings(max_examples=25, deadline=None, derandomize=True)


def cohort(seed: int, sd: float = 0.9) -> tuple[Array, Array, NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    n, groups = int(rng.integers(80, 160)), int(rng.integers(5, 15))
    x = np.column_stack([np.ones(n), rng.normal(size=n), rng.random(n) < 0.4]).astype(float)
    group = rng.integers(0, groups, n)
    eta = x @ [-0.5, 0.6, 0.5] + (rng.normal(size=groups) * sd)[group]
    return (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float), x, group


def near(a: object, b: object, rtol: float = 1e-7) -> None:
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=1e-8)


@FEW
@given(SEEDS)
def test_row_order_and_labels_do_not_matter(seed: int) -> None:
    y, x, group = cohort(seed)
    one = fit_mixed_logistic(y, x, group)
    order = np.random.default_rng(seed).permutation(y.size)
    names = np.array([f"centre {(7 * g) % 101}" for g in group])
    two = fit_mixed_logistic(y[order], x[order], names[order])
    assert one.flag == two.flag
    near(one.coef, two.coef)
    near(one.se, two.se)
    near(one.sd, two.sd)
    near(one.loglik, two.loglik)


@FEW
@given(SEEDS, st.floats(0.01, 100.0))
def test_column_scale(seed: int, factor: float) -> None:
    y, x, group = cohort(seed)
    one = fit_mixed_logistic(y, x, group)
    two = fit_mixed_logistic(y, x * [1.0, factor, 1.0], group)
    assert one.flag == two.flag
    near(one.coef / [1.0, factor, 1.0], two.coef)
    near(one.loglik, two.loglik)


@FEW
@given(SEEDS)
def test_weight_two_is_the_row_twice(seed: int) -> None:
    y, x, group = cohort(seed)
    weight = np.random.default_rng(seed).integers(0, 4, y.size)
    if np.unique(group[weight > 0]).size < 2:
        return
    one = fit_mixed_logistic(y, x, group, weights=weight)
    two = fit_mixed_logistic(y.repeat(weight), x.repeat(weight, axis=0), group.repeat(weight))
    assert one.flag == two.flag
    near(one.coef, two.coef)
    near(one.se, two.se)
    near(one.loglik, two.loglik)
    assert one.n == two.n == weight.sum()


@FEW
@given(SEEDS)
def test_swapped_outcome_swaps_signs(seed: int) -> None:
    y, x, group = cohort(seed)
    one, two = fit_mixed_logistic(y, x, group), fit_mixed_logistic(1.0 - y, x, group)
    near(one.coef, -two.coef)
    near(one.sd, two.sd)
    near(one.modes, -two.modes)


@FEW
@given(SEEDS)
def test_offset_shifts_the_coefficient(seed: int) -> None:
    y, x, group = cohort(seed)
    one = fit_mixed_logistic(y, x, group)
    two = fit_mixed_logistic(y, x, group, offset=0.3 * x[:, 1])
    near(one.coef - [0.0, 0.3, 0.0], two.coef)


@FEW
@given(SEEDS, st.sampled_from([1, 9]))
def test_start_does_not_matter(seed: int, nodes: int) -> None:
    y, x, group = cohort(seed)
    one = fit_mixed_logistic(y, x, group, nodes=nodes)
    two = fit_mixed_logistic(y, x, group, nodes=nodes, start=([0.3, 0.0, -0.2], 1.5))
    assert one.flag == two.flag
    near(one.coef, two.coef)
    near(one.sd, two.sd)


def test_boundary_is_ordinary_logistic_regression() -> None:
    found = 0
    for seed in range(40):
        y, x, group = cohort(seed, sd=0.0)
        mixed = fit_mixed_logistic(y, x, group)
        if mixed.flag == "boundary":
            found += 1
            plain = fit_logistic(y, x)
            near(mixed.coef, plain.coef, 1e-10)
            near(mixed.se, plain.se, 1e-10)
            near(mixed.loglik, plain.loglik, 1e-12)
            assert mixed.sd == 0.0
            assert "0" in mixed.message
    assert found > 10


def test_separation_names_its_column() -> None:
    y, x, group = cohort(3)
    marker = y * (np.arange(y.size) % 4 == 0)
    fit = fit_mixed_logistic(y, np.column_stack([x, marker]), group, names=["one", "a", "b", "m"])
    assert fit.flag == "separated"
    assert not fit.converged
    assert fit.separated == ("m",)
    assert "m" in fit.message
    assert "firth_logistic" in fit.message
    assert fit.coef[3] == np.inf


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_one_outcome_only_is_flagged(outcome: float) -> None:
    y, x, group = cohort(4)
    fit = fit_mixed_logistic(np.full_like(y, outcome), x, group)
    assert fit.flag == "single_outcome"
    assert np.isnan(fit.coef).all()


def test_outcome_constant_in_groups_is_flagged() -> None:
    group = np.repeat(np.arange(10), 20)
    y = (group % 2).astype(float)
    fit = fit_mixed_logistic(y, np.ones((200, 1)), group)
    assert fit.flag == "sd_unbounded"
    assert fit.sd == np.inf


def test_groups_of_size_one_among_others() -> None:
    y, x, group = cohort(5)
    group[:20] = 100 + np.arange(20)
    assert fit_mixed_logistic(y, x, group).converged


def bad(**changes: object) -> None:
    y, x, group = cohort(6)
    arguments = {"y": y, "x": x, "group": group, **changes}
    fit_mixed_logistic(**arguments)  # type: ignore[arg-type]


def test_refusals_name_the_argument() -> None:
    y, x, group = cohort(6)
    hole = x.copy()
    hole[3, 1] = np.nan
    endless = x.copy()
    endless[3, 1] = np.inf
    cases: list[tuple[str, dict[str, object]]] = [
        ("y", {"y": y[:-1]}),
        ("y", {"y": y + 0.5}),
        ("y", {"y": y * np.nan}),
        ("y", {"y": ["yes"] * y.size}),
        ("y", {"y": y * 3, "trials": np.full(y.size, 2)}),
        ("x", {"x": hole}),
        ("x", {"x": endless}),
        ("x", {"x": x[:, 1]}),
        ("x", {"x": x[:0]}),
        ("x", {"x": np.column_stack([x, x[:, 1] + x[:, 2]])}),
        ("x", {"x": np.column_stack([x, 3.0 * x[:, 0]])}),
        ("x", {"x": np.column_stack([x, 0.0 * x[:, 0]])}),
        ("group", {"group": group[:-1]}),
        ("group", {"group": np.zeros(y.size)}),
        ("group", {"group": np.arange(y.size)}),
        ("group", {"group": np.where(group == 0, np.nan, group)}),
        ("weights", {"weights": -np.ones(y.size)}),
        ("weights", {"weights": np.zeros(y.size)}),
        ("offset", {"offset": np.full(y.size, np.inf)}),
        ("trials", {"trials": np.full(y.size, 1.5)}),
        ("nodes", {"nodes": 0}),
        ("nodes", {"nodes": 101}),
        ("names", {"names": ["a"]}),
        ("start", {"start": ([0.0], 1.0)}),
    ]
    for name, change in cases:
        with pytest.raises(ValueError, match=f"^{name}:"):
            bad(**change)


def test_collinear_columns_are_named() -> None:
    y, x, group = cohort(7)
    with pytest.raises(ValueError, match="c is a linear combination of a, b"):
        fit_mixed_logistic(
            y,
            np.column_stack([x, x[:, 1] - 2 * x[:, 2]]),
            group,
            names=["one", "a", "b", "c"],
        )


def test_extreme_values_end_in_a_flag_or_a_finite_fit() -> None:
    y, x, group = cohort(8)
    for scale in (1e-6, 1e3, 1e6):
        fit = fit_mixed_logistic(y, x * [1.0, scale, 1.0], group)
        assert fit.converged
        assert np.isfinite(fit.se).all()

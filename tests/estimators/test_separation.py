"""Separation: the linear programme, and its agreement with the fits' own recognition."""

from __future__ import annotations

import numpy as np

from recohort.estimators.fit_flag import FLAGS, FitFlag
from recohort.estimators.logistic_batch import fit_logistic_batch
from recohort.estimators.separation import SeparationKind, find_separation


def test_albert_anderson_1984_kinds() -> None:
    one = np.ones(8)
    x = np.arange(8.0)
    assert find_separation(x > 3, np.column_stack([one, x])).kind is SeparationKind.COMPLETE
    overlapping = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    assert find_separation(overlapping, np.column_stack([one, x])).kind is SeparationKind.NONE
    border = np.array([0.0, 1, 2, 3, 3, 4, 5, 6])
    outcome = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = find_separation(outcome, np.column_stack([one, border]), names=["one", "b"])
    assert found.kind is SeparationKind.QUASI
    assert found.columns == ("one", "b")


def test_direction_never_lowers_the_likelihood() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(60), rng.normal(size=60), rng.random(60) < 0.2])
    y = (rng.random(60) < 0.5).astype(float)
    y[x[:, 2] == 1] = 0.0
    found = find_separation(y, x, names=["one", "a", "rare"])
    assert found.kind is SeparationKind.QUASI
    assert found.columns == ("rare",)
    assert ((2 * y - 1) * (x @ found.direction) >= -1e-9).all()


def test_binomial_rows_with_both_outcomes_do_not_separate() -> None:
    x = np.column_stack([np.ones(4), np.arange(4.0)])
    free = find_separation([0, 1, 2, 5], x, trials=[5, 5, 5, 5])
    assert free.kind is SeparationKind.NONE
    assert find_separation([0, 0, 5, 5], x, trials=[5, 5, 5, 5]).kind is SeparationKind.COMPLETE


def test_fits_recognise_what_the_linear_programme_finds() -> None:
    rng = np.random.default_rng(7)
    kinds = {True: 0, False: 0}
    for _ in range(250):
        n = int(rng.integers(15, 60))
        x = np.column_stack(
            [np.ones(n), rng.normal(size=n), rng.random(n) < 0.15, rng.integers(0, 4, n)]
        ).astype(float)
        if np.linalg.matrix_rank(x) < 4:
            continue
        y = (rng.random(n) < 1 / (1 + np.exp(-3 * x[:, 1] + 2))).astype(float)
        if y.min() == y.max():
            continue
        fit = fit_logistic_batch(y, x)
        separated = find_separation(y, x).kind is not SeparationKind.NONE
        kinds[separated] += 1
        assert FLAGS[fit.codes[0]] is (FitFlag.SEPARATED if separated else FitFlag.OK)
    assert min(kinds.values()) > 40

"""Least changes, and whole numbers of steps that come as near as they can."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from recohort.reconstruct.regression.choice_kernel import compose
from recohort.reconstruct.regression.correct import least_change


def _outside(at: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    return float(np.square(at - np.clip(at, low, high)).sum())


@pytest.mark.parametrize("seed", range(6))
def test_the_least_change_is_the_smallest_by_a_general_optimiser(seed: int) -> None:
    """Oracle: L-BFGS on the change itself; targets that nearly coincide among them."""
    rng = np.random.default_rng(seed)
    slopes = rng.normal(0, 1, (12, 7))
    slopes[:, 6] = slopes[:, 5] + 0.01 * rng.normal(0, 1, 12)
    at, low = rng.normal(0, 3, 7), -0.5 * rng.random(7)
    high, slack = low + rng.random(7), np.full(7, 0.01)

    def cost(x: np.ndarray) -> float:
        value = at + slopes.T @ x
        return float(x @ x + np.square(value - np.clip(value, low, high)) @ (1 / slack))

    forces = least_change(slopes.T @ slopes, at, low, high, slack)
    slow = minimize(cost, np.zeros(12), method="BFGS", options={"gtol": 1e-9, "maxiter": 5000})
    assert cost(slopes @ forces) <= slow.fun * (1 + 1e-6) + 1e-9


def test_what_prints_already_is_not_changed() -> None:
    at = np.array([0.2, -0.1])
    found = least_change(np.eye(2), at, at - 1.0, at + 1.0, np.ones(2))
    assert (found == 0.0).all()


@pytest.mark.parametrize("seed", range(4))
def test_steps_keep_their_ranges_and_rows_and_come_near_the_best_of_all(seed: int) -> None:
    """Oracle: every combination of a few steps."""
    rng = np.random.default_rng(seed)
    count, targets = 9, 3
    effects = rng.normal(0, 1, (count, targets))
    least, most = np.full(count, -1), np.ones(count, dtype=np.int64)
    least[6:] = 0
    slots = np.full((count, 2), -1)
    slots[5], slots[6], slots[7] = (0, 1), (1, 2), (2, 3)
    start = rng.normal(0, 2, targets)
    low, high = np.full(targets, -0.2), np.full(targets, 0.2)

    def stands(counts: np.ndarray) -> bool:
        taken = [s for i in np.flatnonzero(counts) for s in slots[i] if s >= 0]
        return len(taken) == len(set(taken))

    best = min(
        _outside(start + np.array(counts) @ effects, low, high)
        for counts in itertools.product(
            *(range(a, b + 1) for a, b in zip(least, most, strict=True))
        )
        if stands(np.array(counts))
    )
    reached = []
    for _ in range(8):
        counts = rng.integers(least, most + 1)
        pairs = rng.integers(count, size=(4000, 4))
        pairs[:, 2:] = np.where(pairs[:, 2:] % 2 == 0, 1, -1)
        left = compose(
            effects, np.zeros(count), np.zeros(count), least, most, slots,
            np.zeros(4, dtype=np.bool_), counts, start, low, high,
            np.concatenate([rng.permutation(count) for _ in range(10)]), pairs,
        )  # fmt: skip
        assert ((counts >= least) & (counts <= most)).all()
        assert stands(counts)
        assert left == pytest.approx(_outside(start + counts @ effects, low, high), abs=1e-9)
        reached.append(left)
    assert min(reached) <= best + 0.1

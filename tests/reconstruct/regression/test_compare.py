"""Tests of a predictor between two groups: their deviates, and what a move does to them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from recohort.card.analyses import TwoSampleTestKind
from recohort.card.statistic import Statistic
from recohort.printed import Printed
from recohort.reconstruct.regression.compare import Comparison
from recohort.reconstruct.target import target

KINDS = list(TwoSampleTestKind)[:3]


def _comparison(kind: TwoSampleTestKind, n: int) -> Comparison:
    one = target("test.p_value", "test", Statistic.P_VALUE, Printed.parse("0.040"))
    rows = np.random.default_rng(5).permutation(n)
    return Comparison(rows[: n // 3], rows[n // 3 : n - 5], kind, one)


def _p(kind: TwoSampleTestKind, x: np.ndarray, y: np.ndarray) -> float:
    if kind is TwoSampleTestKind.MANN_WHITNEY:
        return float(stats.mannwhitneyu(x, y, method="asymptotic").pvalue)
    equal = kind is TwoSampleTestKind.STUDENT_T
    return float(stats.ttest_ind(x, y, equal_var=equal).pvalue)


@pytest.mark.parametrize("kind", KINDS)
def test_deviates_are_those_of_scipys_p_values(kind: TwoSampleTestKind) -> None:
    """Oracle: scipy.stats, one state at a time."""
    test = _comparison(kind, 60)
    states = np.rint(np.random.default_rng(1).normal(50, 9, (20, 60)))
    found = test.values(states)[:, 0]
    wanted = [_p(kind, state[test.first], state[test.second]) for state in states]
    assert np.allclose(2 * stats.norm.sf(found), wanted, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_foretold_deviates_agree_with_recomputed_ones(kind: TwoSampleTestKind) -> None:
    """Exact for t tests, in or out of the groups; for ranks exact but for new ties."""
    rng = np.random.default_rng(2)
    n, count = 90, 300
    test = _comparison(kind, n)
    values = np.round(rng.normal(50, 9, n), 2)
    a = rng.integers(n, size=count)
    b = np.where(rng.random(count) < 0.5, (a + 1 + rng.integers(n - 1, size=count)) % n, -1)
    moves = (a, b, np.round(rng.normal(52, 9, count), 2), np.round(rng.normal(48, 9, count), 2))
    states = np.repeat(values[None], count, axis=0)
    states[np.arange(count), a] = moves[2]
    two = b >= 0
    states[np.flatnonzero(two), b[two]] = moves[3][two]
    told = test.effects(values, moves, smooth=False)[:, 0]
    exact = test.values(states)[:, 0]
    if kind is TwoSampleTestKind.MANN_WHITNEY:
        # Two rows of different groups that move past each other count once too often.
        assert np.abs(told - exact).max() < 0.02
        assert np.allclose(told[~two], exact[~two], atol=1e-3)
    else:
        assert np.allclose(told, exact, rtol=1e-9)


def test_small_changes_move_a_rank_test_smoothly() -> None:
    rng = np.random.default_rng(3)
    test = _comparison(TwoSampleTestKind.MANN_WHITNEY, 400)
    values = rng.normal(0, 1, 400)
    values[test.first] += 0.3
    none = np.full(test.first.size, -1)
    here = values[test.first]
    moves = (test.first, none, here + 0.02, here)
    now = float(test.values(values[None])[0, 0])
    told = test.effects(values, moves, smooth=True)[:, 0] - now
    # A value that has none of the others within reach goes nowhere.
    assert (told >= 0.0).all()
    shifted = values.copy()
    shifted[test.first] += 0.02
    assert told.sum() == pytest.approx(float(test.values(shifted[None])[0, 0]) - now, rel=0.1)


def test_a_p_value_below_a_bound_is_a_deviate_beyond_it() -> None:
    one = target("test.p_value", "test", Statistic.P_VALUE, Printed.parse("<0.001"))
    test = Comparison(np.arange(5), np.arange(5, 10), TwoSampleTestKind.WELCH_T, one)
    low, high = test.boxes[:2, 0]
    assert low == pytest.approx(stats.norm.isf(0.0005))
    assert high > 30


@pytest.mark.parametrize("kind", KINDS)
def test_a_side_gives_the_deviate_its_sign(kind: TwoSampleTestKind) -> None:
    values = np.round(np.random.default_rng(7).normal(50, 9, (40, 60)), 1)
    plain = _comparison(kind, 60)
    sided = Comparison(plain.first, plain.second, kind, plain.target, side=1.0)
    found, signed = plain.values(values)[:, 0], sided.values(values)[:, 0]
    assert np.allclose(np.abs(signed), found)
    gap = values[:, plain.first].mean(axis=1) - values[:, plain.second].mean(axis=1)
    assert np.corrcoef(signed, gap)[0, 1] > 0.9

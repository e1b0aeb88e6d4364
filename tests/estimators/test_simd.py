"""Eight lanes at a time: accuracy of exp and log, order of horizontal sums."""

from __future__ import annotations

import numpy as np
from numba import njit

from recohort.estimators.simd import (
    exp8,
    largest8,
    load8,
    log8,
    product8,
    products8,
    store8,
    sum8,
    sums8,
)


@njit
def _exp_log(x, exp, log):  # type: ignore[no-untyped-def]
    for i in range(0, x.size, 8):
        value = exp8(load8(x, i))
        store8(exp, i, value)
        store8(log, i, log8(value))
    first = load8(x, 0)
    return sum8(first), product8(first), largest8(first)


def test_exp_log_and_reductions() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-345, 345, 40_000), rng.uniform(-1, 1, 40_000)])
    exp, log = np.empty_like(x), np.empty_like(x)
    total, product, largest = _exp_log(x, exp, log)
    np.testing.assert_allclose(exp, np.exp(x), rtol=3e-16)
    np.testing.assert_allclose(log, np.log(exp), rtol=5e-16, atol=2e-16)
    assert np.isclose(total, x[:8].sum(), rtol=1e-14)
    assert np.isclose(product, x[:8].prod(), rtol=1e-14)
    assert largest == x[:8].max()


def test_exp_saturates_so_that_products_stay_finite() -> None:
    x = np.array([-1e9, -346.0, -345.0, 345.0, 346.0, 1e9, 0.0, 1.0])
    exp, log = np.empty_like(x), np.empty_like(x)
    _exp_log(x, exp, log)
    assert np.isfinite(exp[5] * exp[5])
    assert exp[0] == exp[2] > 0.0
    assert exp[3] == exp[5]


@njit
def _eight(x, total, product):  # type: ignore[no-untyped-def]
    store8(total, 0, sums8(x, 0))
    store8(product, 0, products8(x, 0))


def test_eight_sums_at_once_do_not_depend_on_their_neighbours() -> None:
    x = np.random.default_rng(1).normal(size=(8, 8))
    total, product = np.empty(8), np.empty(8)
    _eight(x.ravel(), total, product)
    np.testing.assert_allclose(total, x.sum(axis=1), rtol=1e-13)
    np.testing.assert_allclose(product, x.prod(axis=1), rtol=1e-13)
    other, spare = np.empty(8), np.empty(8)
    _eight(np.tile(x[3], 8), other, spare)
    assert (other == total[3]).all()
    assert (spare == product[3]).all()

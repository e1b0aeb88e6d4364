"""Batches of logistic fits: the same bits as single fits, flags, shapes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from recohort.estimators.fit_flag import FLAGS, FitFlag
from recohort.estimators.logistic import fit_logistic
from recohort.estimators.logistic_batch import fit_logistic_batch, fit_mixed_logistic_batch
from recohort.estimators.mixed_logistic import fit_mixed_logistic

Array = NDArray[np.float64]


def cohorts(count: int, seed: int = 0) -> tuple[Array, Array, NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    n = 90
    x = np.ones((count, n, 3))
    x[..., 1] = rng.normal(size=(count, n))
    x[..., 2] = rng.random((count, n)) < 0.3
    group = rng.integers(0, 9, (count, n))
    effect = rng.normal(size=(count, 9)) * 0.8
    eta = x @ [-1.0, 0.5, 0.6] + np.take_along_axis(effect, group, 1)
    return (rng.random((count, n)) < 1 / (1 + np.exp(-eta))).astype(float), x, group


@pytest.mark.parametrize("nodes", [1, 2, 9, 16])
def test_bits_do_not_depend_on_the_batch(nodes: int) -> None:
    y, x, group = cohorts(60)
    whole = fit_mixed_logistic_batch(y, x, group, nodes=nodes)
    parts = [
        fit_mixed_logistic_batch(y[i:j], x[i:j], group[i:j], nodes=nodes)
        for i, j in [(0, 1), (1, 8), (8, 9), (9, 60)]
    ]
    for name in ("coef", "se", "sd", "sd_se", "loglik", "codes", "iterations"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(getattr(whole, name), joined)
    for c in (0, 17, 59):
        single = fit_mixed_logistic(y[c], x[c], group[c], nodes=nodes)
        np.testing.assert_array_equal(single.coef, whole.coef[c])
        assert single.sd == whole.sd[c]
        assert single.loglik == whole.loglik[c]


def test_shared_arrays_equal_repeated_ones() -> None:
    y, x, group = cohorts(20)
    shared = fit_mixed_logistic_batch(y, x[0], group[0])
    repeated = fit_mixed_logistic_batch(
        y, np.repeat(x[:1], 20, axis=0), np.repeat(group[:1], 20, axis=0)
    )
    np.testing.assert_array_equal(shared.coef, repeated.coef)
    one = fit_mixed_logistic_batch(y[0], x, group[0])
    assert one.coef.shape == (20, 3)


def test_warm_start_gives_the_same_answer_sooner() -> None:
    y, x, group = cohorts(40)
    cold = fit_mixed_logistic_batch(y, x, group)
    warm = fit_mixed_logistic_batch(y, x, group, start=(cold.coef, cold.sd))
    np.testing.assert_allclose(warm.coef, cold.coef, rtol=1e-8, atol=1e-9)
    np.testing.assert_array_equal(warm.codes, cold.codes)
    assert warm.iterations.sum() < 0.6 * cold.iterations.sum()


def test_flags_instead_of_errors() -> None:
    y, x, group = cohorts(8)
    y[0] = 0.0
    x[1, :, 2] = x[1, :, 1]
    x[2, :, 2] = y[2]
    group[3] = 4
    group[4] = np.arange(90)
    y[5, 0] = np.nan
    x[6, 3, 1] = np.inf
    group[7] = np.arange(90) % 2
    y[7] = group[7]
    x[7, :, 1:] = np.random.default_rng(0).normal(size=(90, 2))
    fits = fit_mixed_logistic_batch(y, x, group)
    assert list(fits.flags) == [
        FitFlag.SINGLE_OUTCOME,
        FitFlag.COLLINEAR,
        FitFlag.SEPARATED,
        FitFlag.UNIDENTIFIED,
        FitFlag.UNIDENTIFIED,
        FitFlag.INVALID,
        FitFlag.INVALID,
        FitFlag.SD_UNBOUNDED,
    ]
    assert not fits.ok.any()
    assert np.isnan(fits.se).all()
    # x[2]'s third column is the outcome itself; its intercept diverges with it.
    assert fits.coef[2, 2] == np.inf


def test_logistic_batch_equals_single_fits() -> None:
    y, x, _ = cohorts(50)
    fits = fit_logistic_batch(y, x)
    for c in range(50):
        single = fit_logistic(y[c], x[c])
        np.testing.assert_array_equal(single.coef, fits.coef[c])
        np.testing.assert_array_equal(single.se, fits.se[c])
        assert single.flag == FLAGS[fits.codes[c]]


def test_read_only_and_integer_input() -> None:
    y, x, group = cohorts(4)
    y.flags.writeable = x.flags.writeable = group.flags.writeable = False
    one = fit_mixed_logistic_batch(y, x, group)
    two = fit_mixed_logistic_batch(y.astype(np.int8), x, group.astype(np.uint8))
    np.testing.assert_array_equal(one.coef, two.coef)


def test_one_machine_code_version_serves_all() -> None:
    from recohort.estimators.mixed_logistic_batch_kernel import fit_mixed_batch

    y, x, group = cohorts(3)
    fit_logistic_batch(y, x)
    fit_mixed_logistic_batch(y[0], x, group[0], nodes=1)
    fit_mixed_logistic(y[0], x[0], group[0], weights=np.full(90, 2))
    assert len(fit_mixed_batch.signatures) == 1  # type: ignore[attr-defined]


def test_refusals_name_the_argument() -> None:
    y, x, group = cohorts(3)
    for name, arguments in [
        ("y", (y + 0.5, x, group)),
        ("y", (y[:, :-1], x, group)),
        ("y", (y[:2], x, group)),
        ("x", (y, x[0, 0], group)),
        ("group", (y, x, group - 1)),
        ("group", (y, x, group + 0.5)),
        ("group", (y, x, group[:, 1:])),
    ]:
        with pytest.raises(ValueError, match=f"^{name}:"):
            fit_mixed_logistic_batch(*arguments)
    with pytest.raises(ValueError, match=r"^start:"):
        fit_mixed_logistic_batch(y, x, group, start=(np.zeros(2), 0.1))
    with pytest.raises(ValueError, match=r"^nodes:"):
        fit_mixed_logistic_batch(y, x, group, nodes=0)


@pytest.mark.parametrize("shared", [True, False])
def test_trials_weights_and_offset_to_the_bits_of_single_fits(shared: bool) -> None:
    _, x, group = cohorts(12, seed=3)
    rng = np.random.default_rng(4)
    size = (90,) if shared else (12, 90)
    trials = rng.integers(0, 5, size)
    weights = rng.choice([0.0, 0.5, 1.0, 2.0], size)
    offset = rng.normal(size=size) * 0.3
    y = rng.binomial(np.broadcast_to(trials, (12, 90)), 0.3)
    mixed = fit_mixed_logistic_batch(y, x, group, trials=trials, weights=weights, offset=offset)
    plain = fit_logistic_batch(y, x, trials=trials, weights=weights, offset=offset)
    assert mixed.ok.sum() > 6
    for c in range(12):
        own = {
            "trials": trials if shared else trials[c],
            "weights": weights if shared else weights[c],
            "offset": offset if shared else offset[c],
        }
        one = fit_mixed_logistic(y[c], x[c], group[c], **own)
        np.testing.assert_array_equal(one.coef, mixed.coef[c])
        np.testing.assert_array_equal(one.se, mixed.se[c])
        assert (one.sd, one.loglik) == (mixed.sd[c], mixed.loglik[c])
        single = fit_logistic(y[c], x[c], **own)
        np.testing.assert_array_equal(single.coef, plain.coef[c])
        assert single.loglik == plain.loglik[c]


def test_weight_two_is_the_row_twice_in_a_batch() -> None:
    y, x, group = cohorts(6, seed=5)
    one = fit_mixed_logistic_batch(y, x, group, weights=np.full(90, 2.0))
    two = fit_mixed_logistic_batch(
        np.tile(y, (1, 2)), np.tile(x, (1, 2, 1)), np.tile(group, (1, 2))
    )
    np.testing.assert_allclose(one.coef, two.coef, rtol=1e-8)
    np.testing.assert_allclose(one.loglik, two.loglik, rtol=1e-10)


def test_refused_trials_weights_and_offsets() -> None:
    y, x, group = cohorts(3)
    for name, value in [
        ("trials", np.full(90, 1.5)),
        ("trials", np.full(90, -1)),
        ("trials", np.ones(89)),
        ("weights", -np.ones(90)),
        ("weights", ["heavy"] * 90),
        ("weights", np.ones((2, 90))),
        ("offset", np.full(90, np.nan)),
        ("offset", np.ones((3, 89))),
    ]:
        with pytest.raises(ValueError, match=f"^{name}:"):
            fit_mixed_logistic_batch(y, x, group, **{name: value})
        with pytest.raises(ValueError, match=f"^{name}:"):
            fit_logistic_batch(y, x, **{name: value})
    with pytest.raises(ValueError, match=r"^y: got .*; takes whole numbers from 0 to trials"):
        fit_logistic_batch(y + 2, x, trials=np.full(90, 2))

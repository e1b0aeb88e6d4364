"""The random-intercept logistic model against slow, plain oracles.

In 40 digits: nodes are roots of the Hermite polynomial found there, modes come from a generic
solver, and derivatives are differences. In double precision: the trapezoid rule.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from recohort.estimators.mixed_logistic import fit_mixed_logistic

Array = NDArray[np.float64]


def trapezoid_loglik(
    y: Array, x: Array, group: NDArray[np.int64], beta: Array, sd: float, points: int = 4001
) -> float:
    """The log-likelihood by the trapezoid rule on u in [-12, 12], which converges geometrically."""
    u = np.linspace(-12.0, 12.0, points)
    density = np.exp(-0.5 * u**2) / np.sqrt(2.0 * np.pi) * (u[1] - u[0])
    total = 0.0
    for g in np.unique(group):
        rows = group == g
        eta = (x[rows] @ beta)[:, None] + sd * u
        log_rows = y[rows][:, None] * eta - np.logaddexp(0.0, eta)
        h = log_rows.sum(axis=0)
        top = h.max()
        total += top + np.log(np.exp(h - top) @ density)
    return float(total)


def quadrature_loglik(
    y: Array, x: Array, group: NDArray[np.int64], beta: Array, sd: float, nodes: int
) -> float:
    """The log-likelihood by the same adaptive rule as the product's, in 40 digits.

    Nodes are the roots of the Hermite polynomial found here, modes come from a generic solver.
    """
    with mpmath.workdps(40):
        roots = mpmath.polyroots(_hermite(nodes)[::-1], maxsteps=500, extraprec=400, asc=True)
        weights = [
            2 ** (nodes - 1)
            * mpmath.factorial(nodes)
            * mpmath.sqrt(mpmath.pi)
            / (nodes**2 * mpmath.hermite(nodes - 1, r) ** 2)
            for r in roots
        ]
        sigma = mpmath.mpf(sd)
        total = mpmath.mpf(0)
        for g in np.unique(group):
            rows = np.flatnonzero(group == g)
            fixed = [
                mpmath.fsum(
                    mpmath.mpf(float(x[i, j])) * mpmath.mpf(float(beta[j]))
                    for j in range(x.shape[1])
                )
                for i in rows
            ]
            outcome = [int(y[i]) for i in rows]

            def h(u, fixed=fixed, outcome=outcome):
                value = -u * u / 2
                for f, o in zip(fixed, outcome, strict=True):
                    eta = f + sigma * u
                    value += o * eta - mpmath.log1p(mpmath.exp(eta))
                return value

            def slope(u, fixed=fixed, outcome=outcome):
                value = -u
                for f, o in zip(fixed, outcome, strict=True):
                    value += sigma * (o - 1 / (1 + mpmath.exp(-f - sigma * u)))
                return value

            mode = mpmath.findroot(slope, 0)
            curvature = mpmath.mpf(1)
            for f in fixed:
                p = 1 / (1 + mpmath.exp(-f - sigma * mode))
                curvature += sigma**2 * p * (1 - p)
            scale = 1 / mpmath.sqrt(curvature)
            total += mpmath.log(
                scale
                / mpmath.sqrt(mpmath.pi)
                * mpmath.fsum(
                    w * mpmath.exp(r * r + h(mode + mpmath.sqrt(2) * scale * r))
                    for r, w in zip(roots, weights, strict=True)
                )
            )
        return total


def _hermite(n: int) -> list[int]:
    """Coefficients of the physicists' Hermite polynomial, the highest power first."""
    previous, current = [1], [2, 0]
    if n == 0:
        return previous
    for k in range(1, n):
        following = [2 * c for c in current] + [0]
        lower = [0, 0] + [2 * k * c for c in previous]
        previous, current = current, [a - b for a, b in zip(following, lower, strict=True)]
    return current


def oracle_fit(
    y: Array, x: Array, group: NDArray[np.int64], nodes: int, beta: Array, sd: float
) -> tuple[Array, float, Array]:
    """Newton's method in 40 digits on differences of `quadrature_loglik`, from a near start."""
    theta = [mpmath.mpf(float(b)) for b in beta] + [mpmath.mpf(sd)]
    q = len(theta)
    with mpmath.workdps(40):
        step = mpmath.mpf("1e-10")

        def value(t: list[mpmath.mpf]) -> mpmath.mpf:
            return quadrature_loglik(y, x, group, t[:-1], t[-1], nodes)

        centre = value(theta)
        up, down = [], []
        for j in range(q):
            moved = list(theta)
            moved[j] += step
            up.append(value(moved))
            moved[j] -= 2 * step
            down.append(value(moved))
        gradient = mpmath.matrix([(up[j] - down[j]) / (2 * step) for j in range(q)])
        hessian = mpmath.matrix(q, q)
        for j in range(q):
            hessian[j, j] = (up[j] - 2 * centre + down[j]) / step**2
            for k in range(j):
                moved = list(theta)
                moved[j] += step
                moved[k] += step
                both = value(moved)
                hessian[j, k] = (both - up[j] - up[k] + centre) / step**2
                hessian[k, j] = hessian[j, k]
        delta = mpmath.lu_solve(-hessian, gradient)
        result = [theta[j] + delta[j] for j in range(q)]
        inverse = mpmath.inverse(-hessian)
        error = [mpmath.sqrt(inverse[j, j]) for j in range(q)]
    return (
        np.array([float(r) for r in result[:-1]]),
        float(result[-1]),
        np.array([float(e) for e in error]),
    )


def simulated(
    seed: int, n: int = 120, groups: int = 12, predictors: int = 3, sd: float = 0.7
) -> tuple[Array, Array, NDArray[np.int64]]:
    """A made-up cohort: y, x with its column of ones, group."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, predictors))])
    if predictors > 1:
        x[:, 2] = rng.random(n) < 0.4
    group = rng.integers(0, groups, n)
    effect = rng.normal(size=groups) * sd
    eta = x @ np.concatenate([[-1.0], rng.normal(size=predictors) * 0.5]) + effect[group]
    y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(np.float64)
    return y, x, group


@pytest.mark.parametrize(
    ("nodes", "seed", "sd"), [(1, 2, 1.5), (3, 4, 1.0), (9, 5, 0.8), (9, 6, 2.5), (25, 8, 1.5)]
)
def test_maximum_against_40_digits(nodes: int, seed: int, sd: float) -> None:
    y, x, group = simulated(seed, 48, 6, 2, sd)
    fit = fit_mixed_logistic(y, x, group, nodes=nodes)
    assert fit.flag in ("ok", "inexact")
    assert fit.converged
    coef, spread, error = oracle_fit(y, x, group, nodes, fit.coef, fit.sd)
    np.testing.assert_allclose(fit.coef, coef, rtol=1e-8, atol=1e-9)
    assert fit.sd == pytest.approx(spread, rel=1e-8)
    # Louis' identity is exact for exact integrals; the switch to differences bounds what is left.
    np.testing.assert_allclose(np.append(fit.se, fit.sd_se), error, rtol=2e-4)
    loglik = quadrature_loglik(y, x, group, fit.coef, fit.sd, nodes)
    assert fit.loglik == pytest.approx(float(loglik), rel=1e-12)


@pytest.mark.parametrize("seed", range(11, 16))
def test_many_nodes_against_trapezoid_rule(seed: int) -> None:
    y, x, group = simulated(seed, sd=1.5)
    fit = fit_mixed_logistic(y, x, group, nodes=60)
    assert fit.flag == "ok"
    best = trapezoid_loglik(y, x, group, fit.coef, fit.sd)
    assert fit.loglik == pytest.approx(best, rel=2e-9)
    theta = np.append(fit.coef, fit.sd)
    error = np.append(fit.se, fit.sd_se)
    for j in range(theta.size):
        values = []
        for sign in (-1.0, 1.0):
            moved = theta.copy()
            moved[j] += sign * 1e-3 * error[j]
            values.append(trapezoid_loglik(y, x, group, moved[:-1], moved[-1]))
        # The gradient in standard errors: the shift to the exact maximum.
        assert abs(values[1] - values[0]) / 2e-3 < 1e-6


def test_nine_nodes_close_to_exact_maximum() -> None:
    y, x, group = simulated(21, sd=1.0)
    nine = fit_mixed_logistic(y, x, group, nodes=9)
    sixty = fit_mixed_logistic(y, x, group, nodes=60)
    np.testing.assert_allclose(nine.coef, sixty.coef, atol=1e-3 * sixty.se.min())

"""Small cohorts, hard ones among them: is every mixed logistic fit right, or flagged?

    python docs/studies/mixed_logistic_cohorts.py [--cohorts 10000] [--seed 1]

Each cohort is drawn from its own seed, fitted with 9 nodes, and judged by means that the fit does
not use: the likelihood written in plain NumPy with modes by bisection, its derivatives by
differences, the profile over a grid of standard deviations, and the linear programme that decides
separation. Writes mixed_logistic_cohorts.csv beside this file, one row a kind of result.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recohort.estimators.fit_flag import FLAGS, FitFlag
from recohort.estimators.logistic_batch import fit_mixed_logistic_batch
from recohort.estimators.logistic_data import logistic_data
from recohort.estimators.logistic_run import Problem, solve
from recohort.estimators.quadrature import gauss_hermite
from recohort.estimators.separation import SeparationKind, separation_of

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
GRID = np.array([0.02, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.4, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 29.0])
NODES = 9
# A standard deviation of so many logits is no estimate: a group is all or nothing.
FAR = 13.0


def draw(seed: int, index: int) -> tuple[Array, Array, Labels]:
    """One cohort: n 40 to 400, 2 to 40 groups of unequal size, 1 to 4 predictors."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
    n = int(rng.integers(40, 401))
    groups = int(rng.integers(2, 41))
    group = rng.choice(groups, n, p=rng.dirichlet(np.full(groups, 2.0)))
    columns = [np.ones(n)]
    for _ in range(int(rng.integers(1, 5))):
        kind = rng.integers(3)
        if kind == 0:
            columns.append(rng.normal(size=n))
        elif kind == 1:
            columns.append((rng.random(n) < rng.uniform(0.03, 0.5)).astype(float))
        else:
            columns.append(np.round(rng.normal(60.0, 12.0, n)))
    x = np.column_stack(columns)
    centred = x[:, 1:] - x[:, 1:].mean(axis=0)
    spread = centred.std(axis=0)
    spread[spread == 0.0] = 1.0
    slope = rng.normal(size=len(columns) - 1) * rng.choice([0.3, 1.0, 3.0])
    sd = rng.choice([0.0, 0.3, 0.8, 2.0, 5.0], p=[0.3, 0.2, 0.25, 0.15, 0.1])
    eta = rng.uniform(-4.0, 0.5) + centred / spread @ slope + sd * rng.normal(size=groups)[group]
    return (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float), x, group


def plain_loglik(y: Array, x: Array, group: Labels, theta: Array, nodes: int) -> float:
    """The same quadrature in plain NumPy, modes by bisection."""
    z, log_weight = gauss_hermite(nodes)
    sigma = theta[-1]
    eta = x @ theta[:-1]
    count = int(group.max()) + 1
    present = np.bincount(group, minlength=count) > 0

    def slope(u: Array) -> Array:
        p = 1.0 / (1.0 + np.exp(-np.clip(eta + sigma * u[group], -700, 700)))
        return sigma * np.bincount(group, y - p, count) - u

    reach = abs(sigma) * np.bincount(group, minlength=count) + 1e-3
    low, high = -reach, reach
    for _ in range(48):
        middle = 0.5 * (low + high)
        rising = slope(middle) > 0.0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    mode = 0.5 * (low + high)
    p = 1.0 / (1.0 + np.exp(-np.clip(eta + sigma * mode[group], -700, 700)))
    scale = 1.0 / np.sqrt(1.0 + sigma**2 * np.bincount(group, p * (1.0 - p), count))
    node = mode[:, None] + scale[:, None] * z
    at = eta[:, None] + sigma * node[group]
    rows = y[:, None] * at - np.logaddexp(0.0, at)
    h = log_weight - 0.5 * node**2
    np.add.at(h, group, rows)
    top = h.max(axis=1)
    value = np.log(scale) + top + np.log(np.exp(h - top[:, None]).sum(axis=1))
    return float(value[present].sum())


def profile(y: Array, x: Array, group: Labels, grid: Array) -> Array:
    """The log-likelihood at each standard deviation, the coefficients at their best."""
    z, log_weight = gauss_hermite(NODES)
    one = np.ones((1, 1))
    found = solve(
        Problem(
            y=y[None],
            trials=one,
            weights=one,
            offset=0.0 * one,
            x=x[None],
            group=group[None],
            groups_max=int(group.max()) + 1,
            nodes=z,
            log_weight=log_weight,
            start=np.full((1, x.shape[1] + 1), np.nan),
            fixed_sd=grid,
        ),
        0,
        grid.size,
    )
    return np.where(
        np.isin(found.codes, [c for c, f in enumerate(FLAGS) if f.converged]), found.loglik, np.nan
    )


def judge(y: Array, x: Array, group: Labels) -> tuple[str, str, float]:
    """The fit's flag, what is wrong with it (empty if nothing), and its error of quadrature.

    The error is the largest shift of a coefficient, in standard errors, to the fit by 61 nodes.
    """
    fit = fit_mixed_logistic_batch(y, x, group, nodes=NODES)
    flag = FLAGS[int(fit.codes[0])]
    theta = np.append(fit.coef[0], fit.sd[0])
    error = np.append(fit.se[0], fit.sd_se[0])
    if flag is FitFlag.SINGLE_OUTCOME:
        return flag, "" if y.min() == y.max() else "two outcomes", np.nan
    if flag is FitFlag.UNIDENTIFIED:
        return flag, "" if np.unique(group).size == 1 else "identified", np.nan
    if flag is FitFlag.COLLINEAR:
        rank = np.linalg.matrix_rank(x / np.abs(x).max(axis=0).clip(1e-300))
        return flag, "" if rank < x.shape[1] else "full rank", np.nan
    separated = (
        separation_of(logistic_data(y, x, None, None, None, None, None)).kind
        is not SeparationKind.NONE
    )
    if flag is FitFlag.SEPARATED:
        return flag, "" if separated else "not separated", np.nan
    if separated:
        return flag, "separated", np.nan
    if flag is FitFlag.NOT_CONVERGED:
        return flag, "", np.nan
    scan = profile(y, x, group, GRID)
    if flag is FitFlag.SD_UNBOUNDED:
        # The profile's highest point lies far out, or is the farthest that could be fitted.
        seen = np.flatnonzero(np.isfinite(scan))
        top = seen[np.argmax(scan[seen])] if seen.size else 0
        rising = seen.size > 0 and (GRID[top] >= FAR or top == seen[-1])
        return flag if rising else f"{flag}, not confirmed", "", np.nan
    if not np.isfinite(theta).all() or not np.isfinite(fit.se).all():
        return flag, "not finite", np.nan
    loglik = float(fit.loglik[0])
    if abs(plain_loglik(y, x, group, theta, NODES) - loglik) > 1e-9 * (1.0 + abs(loglik)):
        return flag, "log-likelihood", np.nan
    if flag is not FitFlag.INEXACT and np.nanmax(scan) > loglik + 1e-7:
        return flag, "higher likelihood elsewhere", np.nan
    free = theta.size - 1 if flag is FitFlag.BOUNDARY else theta.size
    rng = np.random.default_rng(0)
    for _ in range(2):
        direction = np.zeros(theta.size)
        direction[:free] = rng.normal(size=free) * error[:free]
        values = [
            plain_loglik(y, x, group, theta + step * direction, NODES)
            for step in (-2e-4, -1e-4, 1e-4, 2e-4)
        ]
        # Five-point difference in standard errors: the distance to the maximum.
        if abs(8.0 * (values[2] - values[1]) - (values[3] - values[0])) / 12e-4 > 1e-6:
            return flag, "gradient", np.nan
        if values[1] + values[2] > 2.0 * loglik:
            return flag, "not a maximum", np.nan
    # More nodes show the error of nine; at the boundary, and flagged for it, there is none to find.
    if flag is FitFlag.BOUNDARY:
        return flag, "", 0.0
    many = fit_mixed_logistic_batch(y, x, group, nodes=61)
    if not many.ok[0]:
        return flag, "", np.inf
    return flag, "", float(np.max(np.abs(many.coef[0] - fit.coef[0]) / many.se[0]))


def study(cohorts: int, seed: int) -> tuple[dict[tuple[str, str], int], dict[str, list[float]]]:
    """Counts by flag and problem, and errors of quadrature by flag."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    errors: dict[str, list[float]] = defaultdict(list)
    for index in range(cohorts):
        flag, problem, error = judge(*draw(seed, index))
        counts[flag, problem] += 1
        if not np.isnan(error):
            errors[flag].append(error)
        if problem:
            print(f"cohort {index}: {flag}, {problem}")
    return counts, errors


def main() -> None:
    """Run the study and write its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    counts, errors = study(options.cohorts, options.seed)
    path = Path(__file__).with_suffix(".csv")
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(
            ["flag", "problem", "cohorts", "median_shift_se", "p99_shift_se", "max_shift_se"]
        )
        for (flag, problem), count in sorted(counts.items()):
            shifts = errors.get(flag, []) if not problem else []
            spread = (
                [
                    f"{v:.1e}"
                    for v in (
                        np.median(shifts),
                        np.quantile(shifts, 0.99, method="higher"),
                        max(shifts),
                    )
                ]
                if shifts
                else ["", "", ""]
            )
            table.writerow([flag, problem, count, *spread])
    print(path.read_text())


if __name__ == "__main__":
    main()

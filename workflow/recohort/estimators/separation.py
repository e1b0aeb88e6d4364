"""Separation: whether logistic regression has a finite maximum-likelihood estimate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from recohort.estimators.arguments import FloatArray
from recohort.estimators.logistic_data import LogisticData, logistic_data


class SeparationKind(StrEnum):
    """No separation, quasi-complete (some rows on the border), or complete."""

    NONE = "none"
    QUASI = "quasi"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Separation:
    """``direction`` (p,) in which the likelihood never falls, 0 if there is none.

    ``columns`` names those that take part in it.
    """

    kind: SeparationKind
    columns: tuple[str, ...]
    direction: FloatArray


def separation_of(data: LogisticData) -> Separation:
    """`find_separation` of checked data."""
    from scipy.optimize import linprog

    scale = np.abs(data.x).max(axis=0)
    scale[scale == 0.0] = 1.0
    x = data.x / scale
    success = data.success == data.trials
    failure = data.success == 0.0
    sign = np.where(success, 1.0, -1.0)[:, None]
    pure = success | failure
    toward = sign[pure] * x[pure]
    mixed = x[~pure]
    p = x.shape[1]
    nothing = Separation(SeparationKind.NONE, (), np.zeros(p))
    if not pure.any():
        return nothing
    found = linprog(
        -toward.sum(axis=0),
        A_ub=np.vstack([-toward, toward]),
        b_ub=np.concatenate([np.zeros(len(toward)), np.ones(len(toward))]),
        A_eq=mixed if len(mixed) else None,
        b_eq=np.zeros(len(mixed)) if len(mixed) else None,
        bounds=(None, None),
        method="highs",
    )
    if found.x is None or -found.fun < 1e-6:
        return nothing
    moved = toward @ found.x
    complete = bool(pure.all() and (moved > 1e-6).all())
    direction = found.x / np.abs(found.x).max()
    direction[np.abs(direction) < 1e-7] = 0.0
    return Separation(
        SeparationKind.COMPLETE if complete else SeparationKind.QUASI,
        tuple(name for name, d in zip(data.names, direction, strict=True) if d != 0.0),
        direction / scale,
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """What is left of a separated cohort when its coefficients have gone to infinity.

    ``data`` has the rows that the direction leaves where they are, and ``columns`` of the design
    that are independent on them; ``finite`` are those of them whose coefficients stay finite.
    """

    data: LogisticData
    columns: tuple[int, ...]
    finite: tuple[int, ...]


def limit_of(data: LogisticData) -> Limit | None:
    """The limit of a separated cohort; None if it is not separated or no coefficient is finite.

    Far out along the direction the rows that move are certain of their outcome, whatever the other
    coefficients and the random intercepts: their factor of the likelihood is 1. What remains is the
    likelihood of the other rows. A coefficient is finite there if its column is no combination of
    the others on those rows.
    """
    found = separation_of(data)
    if found.kind is SeparationKind.NONE:
        return None
    moved = np.abs(data.x @ found.direction)
    kept = moved <= 1e-6 * moved.max()
    if not kept.any():
        return None
    scale = np.abs(data.x).max(axis=0)
    x = data.x[kept] / np.where(scale > 0.0, scale, 1.0)
    rank = int(np.linalg.matrix_rank(x, tol=1e-8 * np.sqrt(x.size)))
    free = np.linalg.svd(x)[2][rank:]
    finite = tuple(int(j) for j in np.flatnonzero((np.abs(free) < 1e-7).all(axis=0)))
    if not finite:
        return None
    columns = list(finite)
    for j in range(x.shape[1]):
        if j not in columns and np.linalg.matrix_rank(x[:, [*columns, j]]) > len(columns):
            columns.append(j)
    chosen = tuple(sorted(columns))
    group, labels = data.group, data.labels
    if group is not None:
        present, group = np.unique(group[kept], return_inverse=True)
        group = group.astype(np.int64)
        labels = tuple(data.labels[code] for code in present)
    rest = LogisticData(
        data.success[kept],
        data.trials[kept],
        data.weights[kept],
        data.offset[kept],
        np.ascontiguousarray(data.x[np.ix_(kept, chosen)]),
        tuple(data.names[j] for j in chosen),
        group,
        labels,
    )
    return Limit(rest, chosen, finite)


def in_limit(
    limit: Limit, coef: FloatArray, size: int, rest_coef: FloatArray, rest_cov: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Coefficients and covariance (size, size) with the limit's finite part put in.

    ``rest_coef`` and ``rest_cov`` belong to the fit of ``limit.data``. What ``coef`` has infinite
    stays so; what is neither is NaN.
    """
    both: FloatArray = np.where(np.isinf(coef), coef, np.nan)
    cov: FloatArray = np.full((size, size), np.nan)
    place = [limit.columns.index(j) for j in limit.finite]
    both[list(limit.finite)] = rest_coef[place]
    cov[np.ix_(limit.finite, limit.finite)] = rest_cov[np.ix_(place, place)]
    return both, cov


def find_separation(
    y: ArrayLike,
    x: ArrayLike,
    *,
    trials: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> Separation:
    """Whether some combination of columns separates the outcomes.

    y (n,): 0/1, or successes of ``trials`` (n,). x (n, p): the design. A direction d separates if
    x_i' d >= 0 wherever all trials succeed, <= 0 wherever all fail, 0 elsewhere, and not 0 in all
    rows; the linear programme that looks for it is exact up to the solver's tolerance (1e-7 of
    each column's largest value). A random intercept changes nothing: the mixed model's likelihood
    rises along the same directions.

    Raises ValueError as `fit_logistic`. It does not say whether an estimate is large, only whether
    it is infinite; collinear columns may take any part in the direction.

    Source: Albert and Anderson 1984, Biometrika 71:1-10; Konis 2007, DPhil thesis, Oxford, chapter
    4 (the linear programme).
    """
    return separation_of(logistic_data(y, x, None, trials, None, None, names))

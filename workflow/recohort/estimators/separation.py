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

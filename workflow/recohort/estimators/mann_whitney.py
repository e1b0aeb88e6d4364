"""The Mann-Whitney U (Wilcoxon rank-sum) test: exact (ties included) and normal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from recohort.estimators.arguments import FloatArray, choice, rows, vector
from recohort.estimators.ranks import midranks
from recohort.estimators.result import HypothesisTest


class MannWhitneyMethod(StrEnum):
    """exact: the permutation distribution; normal: its approximation, corrected or not."""

    EXACT = "exact"
    NORMAL = "normal"
    NORMAL_CONTINUITY = "normal_continuity"


@dataclass(frozen=True, slots=True)
class MannWhitneyBatch:
    """One entry a cohort (C,): U and the two-sided p-value, NaN where all values are equal."""

    statistic: FloatArray
    p_value: FloatArray


# Whole numbers kept by the exact method's table; more would take minutes.
_EXACT_LIMIT = 50_000_000


def mann_whitney(
    first: ArrayLike,
    second: ArrayLike,
    method: MannWhitneyMethod = MannWhitneyMethod.NORMAL_CONTINUITY,
) -> HypothesisTest:
    """Two-sided test of ``first`` (m,) against ``second`` (n,); the statistic is U of ``first``.

    U counts pairs with first > second, equal ones as ½ (R's W). The normal methods use the
    tie-corrected variance mn/12 · [(N+1) - Σ(t³-t)/(N(N-1))] and a correction of ½. The exact
    method enumerates all splits of the observed midranks, so that it is exact with ties too (R's
    ``wilcox.test`` is not); its p-value is twice the smaller tail, at most 1. R's coin and SPSS add
    up all splits as far from the mean, which is another number where ties make the law lopsided.

    Sources: Mann and Whitney, Ann Math Stat 1947;18:50; Lehmann, Nonparametrics (1975), 1.4.
    Raises ValueError for NaN, an empty group, or an exact test too large to enumerate; where all
    values are equal the test does not exist and ``note`` says so.
    """
    x, y = vector(first, "first"), vector(second, "second")
    kind = choice(MannWhitneyMethod, method, "method")
    m, n = x.size, y.size
    rank, ties = midranks(np.concatenate([x, y]))
    u = float(rank[:m].sum()) - m * (m + 1) / 2.0
    if (rank == rank[0]).all():
        return HypothesisTest(u, None, note="every value is equal: the test does not exist")
    if kind is MannWhitneyMethod.EXACT:
        return HypothesisTest(u, _exact_p(rank, m))
    p = _normal_p(np.asarray(u), m, n, ties, kind)
    return HypothesisTest(u, float(p))


def _normal_p(
    u: FloatArray, m: int, n: int, ties: FloatArray, kind: MannWhitneyMethod
) -> FloatArray:
    total = m + n
    variance = m * n / 12.0 * ((total + 1.0) - ties / (total * (total - 1.0)))
    step = 0.5 if kind is MannWhitneyMethod.NORMAL_CONTINUITY else 0.0
    away = np.maximum(np.abs(u - m * n / 2.0) - step, 0.0)
    usable = variance > 1e-9 * m * n
    z = np.where(usable, away / np.sqrt(np.where(usable, variance, 1.0)), np.nan)
    return np.asarray(2.0 * ndtr(-z))


def _exact_p(rank: FloatArray, m: int) -> float:
    """Twice the smaller tail of the rank sum of m of the ranks, all choices equally likely."""
    twice = np.rint(2.0 * rank).astype(np.int64)
    # The smaller group needs the smaller table.
    chosen = twice[:m] if 2 * m <= rank.size else twice[m:]
    k = chosen.size
    top = int(np.sort(twice)[-k:].sum())
    if (k + 1) * (top + 1) > _EXACT_LIMIT:
        raise ValueError(
            f"first, second: got {m} and {rank.size - m} values; the exact test takes smaller "
            "groups (use method normal_continuity)"
        )
    # share[j, s]: probability, as values are dealt one by one, that j are chosen with rank sum s.
    share = np.zeros((k + 1, top + 1))
    share[0, 0] = 1.0
    left = rank.size
    for value in twice:
        # Reservoir: with `left` still to deal and k - j wanted, the next is chosen with (k-j)/left.
        need = (k - np.arange(k + 1, dtype=np.float64))[:, None]
        taken = share * (need / left)
        share *= 1.0 - need / left
        share[1:, value:] += taken[:-1, : top + 1 - value]
        left -= 1
    at = int(chosen.sum())
    law = share[k]
    return float(min(2.0 * min(law[: at + 1].sum(), law[at:].sum()), 1.0))


def mann_whitney_batch(
    first: ArrayLike,
    second: ArrayLike,
    method: MannWhitneyMethod = MannWhitneyMethod.NORMAL_CONTINUITY,
) -> MannWhitneyBatch:
    """The normal methods for every row of ``first`` (C, m) and ``second`` (C, n)."""
    x, y = rows(first, "first"), rows(second, "second")
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"second: got {y.shape[0]} rows; takes {x.shape[0]}, as first")
    kind = choice(MannWhitneyMethod, method, "method")
    if kind is MannWhitneyMethod.EXACT:
        raise ValueError(f"method: got {kind}; a batch takes normal or normal_continuity")
    m, n = x.shape[1], y.shape[1]
    rank, ties = midranks(np.concatenate([x, y], axis=1))
    u = rank[:, :m].sum(axis=1) - m * (m + 1) / 2.0
    return MannWhitneyBatch(u, _normal_p(u, m, n, ties, kind))

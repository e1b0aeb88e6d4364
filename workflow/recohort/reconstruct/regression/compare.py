"""Two-group tests of a predictor alone, so that its values may change and the test still print.

A t test follows from the groups' sums and squares, Mann and Whitney's from the placements that a
moved row loses and gains. p-values are taken as normal deviates, as those of coefficients are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtr

from recohort.card.analyses import TwoSampleTestKind
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.mann_whitney import mann_whitney_batch
from recohort.estimators.ranks import midranks
from recohort.estimators.two_sample_t import TwoSampleVariance, two_sample_t_batch
from recohort.reconstruct.regression.kernel import auc_effects, auc_slopes
from recohort.reconstruct.regression.targets import box_of, running
from recohort.reconstruct.target import Target

__all__ = ["FORETOLD", "Comparison"]

FORETOLD = frozenset(
    {TwoSampleTestKind.STUDENT_T, TwoSampleTestKind.WELCH_T, TwoSampleTestKind.MANN_WHITNEY}
)
"""Tests whose change with a move is foretold here."""

_WINDOW = 0.2
"""Half the window, in SDs of the values, over which placements are smoothed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A p-value of one predictor between the rows ``first`` and ``second``.

    ``side`` is 1 where the first are known to have the larger values, -1 the smaller, 0 neither: a
    deviate with its sign does not hold the search back on the wrong side.
    """

    first: IntArray
    second: IntArray
    kind: TwoSampleTestKind
    target: Target
    side: float = 0.0

    @property
    def boxes(self) -> FloatArray:
        """(4, 1): where its normal deviate must lie."""
        box = box_of(self.target)
        return np.array([[box.low], [box.high], [box.width], [box.scale]])

    def values(self, values: FloatArray) -> FloatArray:
        """Normal deviates (C, 1) of states of the predictor (C, n)."""
        x, y = values[:, self.first], values[:, self.second]
        if self.kind is TwoSampleTestKind.MANN_WHITNEY:
            ranked = mann_whitney_batch(x, y)
            p, lean = ranked.p_value, ranked.statistic - x.shape[1] * y.shape[1] / 2.0
        else:
            test = two_sample_t_batch(x, y, self._variance)
            p, lean = test.p_value, test.t
        return self._sided(_deviate(np.asarray(p)), np.asarray(lean))[:, None]

    def effects(
        self,
        values: FloatArray,
        moves: tuple[IntArray, IntArray, FloatArray, FloatArray],
        *,
        smooth: bool,
    ) -> FloatArray:
        """Normal deviates (M, 1) after each move (a, b, at_a, at_b) of a predictor (n,).

        Ties count as they are now. ``smooth`` is for changes too small to pass another value.
        """
        if self.kind is TwoSampleTestKind.MANN_WHITNEY:
            return self._ranked(values, moves, smooth)[:, None]
        a, b, at_a, at_b = moves
        sums = []
        for group in (self.first, self.second):
            mine = np.zeros(values.size, dtype=np.bool_)
            mine[group] = True
            part = values[group]
            centre = float(part.mean())
            total = np.zeros(a.size)
            square = np.full(a.size, float(np.square(part - centre).sum()))
            for rows, new in ((a, at_a), (b, at_b)):
                inside = (rows >= 0) & mine[rows]
                before, after = values[rows] - centre, new - centre
                total += np.where(inside, after - before, 0.0)
                square += np.where(inside, after**2 - before**2, 0.0)
            left = np.maximum(square - total**2 / group.size, 0.0)
            sums.append((centre + total / group.size, left, group.size))
        (mean1, left1, n1), (mean2, left2, n2) = sums
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.kind is TwoSampleTestKind.STUDENT_T:
                df = np.full(a.size, n1 + n2 - 2.0)
                squared = (left1 + left2) / df * (1.0 / n1 + 1.0 / n2)
            else:
                u, v = left1 / (n1 - 1) / n1, left2 / (n2 - 1) / n2
                squared = u + v
                df = squared**2 / (u**2 / (n1 - 1) + v**2 / (n2 - 1))
            t = (mean1 - mean2) / np.sqrt(squared)
            return self._sided(_deviate(2.0 * stdtr(df, -np.abs(t))), t)[:, None]

    def _sided(self, deviate: FloatArray, lean: FloatArray) -> FloatArray:
        return self.side * np.sign(lean) * deviate if self.side else deviate

    @property
    def _variance(self) -> TwoSampleVariance:
        equal = self.kind is TwoSampleTestKind.STUDENT_T
        return TwoSampleVariance.STUDENT if equal else TwoSampleVariance.WELCH

    def _ranked(
        self,
        values: FloatArray,
        moves: tuple[IntArray, IntArray, FloatArray, FloatArray],
        smooth: bool,
    ) -> FloatArray:
        m, n = self.first.size, self.second.size
        cases, controls = np.sort(values[self.first]), np.sort(values[self.second])
        case_sums, control_sums = running(cases, controls, 1.0), running(controls, cases, -1.0)
        kind = np.full(values.size + 1, -1)
        kind[self.first], kind[self.second] = 1, 0
        a, b, at_a, at_b = moves
        kinds = np.stack([kind[a], kind[b]], axis=1)
        before = np.stack([values[a], values[b]], axis=1)
        after = np.where(kinds >= 0, np.stack([at_a, at_b], axis=1), before)
        if smooth:
            flat, own = before.reshape(-1), kinds.reshape(-1)
            window = max(_WINDOW * float(np.concatenate([cases, controls]).std()), 1e-9)
            slopes = auc_slopes(flat, own, window, cases, controls, case_sums, control_sums)[:, 0]
            slope = np.where(own >= 0, slopes, 0.0).reshape(kinds.shape)
            change = (slope * (after - before)).sum(axis=1)
        else:
            change = auc_effects(before, after, kinds, cases, controls, case_sums, control_sums)[
                :, 0
            ]
        rank, ties = midranks(np.concatenate([cases, controls]))
        total = m + n
        u = float(rank[:m].sum()) - m * (m + 1) / 2.0 + m * n * change
        variance = m * n / 12.0 * ((total + 1.0) - float(ties) / (total * (total - 1.0)))
        if variance <= 0.0:
            return np.full(a.size, np.nan)
        away = np.maximum(np.abs(u - m * n / 2.0) - 0.5, 0.0)
        return self._sided(np.minimum(away / np.sqrt(variance), 37.0), u - m * n / 2.0)


def _deviate(p: FloatArray) -> FloatArray:
    """Normal deviates of two-sided p-values."""
    return np.asarray(-ndtri(np.clip(p, 1e-299, 1.0) / 2.0))

"""Pearson's chi-square test of independence, with or without Yates's correction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from recohort.estimators.arguments import FloatArray, whole_numbers
from recohort.estimators.result import HypothesisTest


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """The test, with the expected counts (r, c) after empty rows and columns are dropped."""

    test: HypothesisTest
    expected: FloatArray


def chi_square(table: ArrayLike, *, continuity: bool = False) -> ChiSquare:
    """Test of independence in a table of counts (r, c): Σ (O - E)²/E on (r-1)(c-1) df.

    ``continuity`` moves each |O - E| of a 2×2 table towards 0 by ½, but never past it (R's
    ``chisq.test``); it is refused for larger tables. Empty rows and columns are dropped; with fewer
    than two left either way the test does not exist. ``note`` tells of expected counts below 5.
    Sources: Pearson, Philos Mag 1900;50:157; Yates, Suppl J R Stat Soc 1934;1:217.
    """
    counts = whole_numbers(table, "table")
    if counts.ndim != 2 or counts.size == 0:
        raise ValueError(f"table: got shape {counts.shape}; takes two dimensions of counts")
    observed = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0].astype(np.float64)
    if continuity and counts.shape != (2, 2):
        raise ValueError(f"continuity: got a table of shape {counts.shape}; takes (2, 2)")
    if min(observed.shape) < 2:
        note = "fewer than two rows or columns hold a count: the test does not exist"
        return ChiSquare(HypothesisTest(None, None, note=note), observed)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / observed.sum()
    away = np.abs(observed - expected)
    if continuity:
        away = away - min(0.5, float(away.min()))
    statistic = float((away**2 / expected).sum())
    df = (observed.shape[0] - 1.0) * (observed.shape[1] - 1.0)
    small = int((expected < 5.0).sum())
    note = f"{small} of {expected.size} expected counts are below 5" if small else ""
    return ChiSquare(HypothesisTest(statistic, float(chdtrc(df, statistic)), df, note), expected)

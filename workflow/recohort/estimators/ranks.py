"""Midranks: ranks from 1, equal values sharing the mean of their ranks."""

from __future__ import annotations

import numpy as np

from recohort.estimators.arguments import FloatArray


def midranks(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Midranks along the last axis of ``values`` (..., n), and Σ(t³ - t) over ties, (...).

    All rows are ranked together without a loop.
    """
    n = values.shape[-1]
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    place = np.broadcast_to(np.arange(n), values.shape)
    starts = np.ones(values.shape, dtype=bool)
    starts[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    ends = np.ones(values.shape, dtype=bool)
    ends[..., :-1] = starts[..., 1:]
    first = np.maximum.accumulate(np.where(starts, place, 0), axis=-1)
    last = np.minimum.accumulate(np.where(ends, place, n)[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2.0 + 1.0, axis=-1)
    size = (last - first + 1).astype(np.float64)
    # Each of the t members of a tie carries (t² - 1).
    return ranks, np.asarray((size * size - 1.0).sum(axis=-1))

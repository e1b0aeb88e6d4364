"""The linear mixed model with a random intercept, for one outcome or thousands on one design.

    y = X β + b[group] + e,  b ~ N(0, τ²),  e ~ N(0, σ²)

Given θ = τ²/σ², everything else has a closed form in sums over groups, so that the fit is a search
in one dimension. All outcomes of a batch are searched together.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from recohort.estimators.arguments import (
    BoolArray,
    FloatArray,
    IntArray,
    choice,
    codes,
    confidence_level,
    numeric_array,
    rows,
    vector,
)
from recohort.estimators.result import Interval


class Likelihood(StrEnum):
    """reml: restricted maximum likelihood (lme4's default); ml: maximum likelihood."""

    REML = "reml"
    ML = "ml"


class DegreesOfFreedom(StrEnum):
    """What the fixed effects' statistics are compared with.

    satterthwaite: a t distribution each (lmerTest, SAS); residual: t with n - p;
    normal: the standard normal (Stata's ``mixed``, statsmodels).
    """

    SATTERTHWAITE = "satterthwaite"
    RESIDUAL = "residual"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class LinearMixed:
    """A fit; vectors have one entry a column of the design (p,).

    ``boundary``: the group variance is estimated as 0, and the fit is ordinary least squares
    (under reml). ``converged`` is False, and ``note`` says why, where no maximum exists.
    """

    coefficients: FloatArray
    standard_errors: FloatArray
    statistics: FloatArray
    df: FloatArray
    p_values: FloatArray
    covariance: FloatArray
    group_variance: float
    residual_variance: float
    log_likelihood: float
    observations: int
    groups: int
    boundary: bool
    converged: bool
    note: str

    def interval(self, column: int, level: float = 0.95) -> Interval:
        """The interval of one coefficient, with the degrees of freedom of the fit."""
        tail = 0.5 + confidence_level(level) / 2.0
        df = float(self.df[column])
        quantile = float(ndtri(tail) if np.isinf(df) else stdtrit(df, tail))
        half = quantile * float(self.standard_errors[column])
        middle = float(self.coefficients[column])
        return Interval(middle - half, middle + half, float(level))


@dataclass(frozen=True, slots=True)
class LinearMixedBatch:
    """Fits of C outcomes on one design: coefficients and the like are (C, p), variances (C,).

    ``boundary`` and ``converged`` as in :class:`LinearMixed`; values of a fit that did not converge
    are NaN.
    """

    coefficients: FloatArray
    standard_errors: FloatArray
    statistics: FloatArray
    df: FloatArray
    p_values: FloatArray
    covariance: FloatArray
    group_variance: FloatArray
    residual_variance: FloatArray
    log_likelihood: FloatArray
    boundary: BoolArray
    converged: BoolArray


@dataclass(frozen=True, slots=True)
class _Design:
    """The design in an orthonormal basis, and its sums over groups."""

    basis: FloatArray
    triangle: FloatArray
    group: IntArray
    sizes: FloatArray
    sums: FloatArray
    pairs: FloatArray


@dataclass(frozen=True, slots=True)
class _Profile:
    """Deviance (C,) at one θ each, its first two derivatives in θ, and what a fit is made of."""

    deviance: FloatArray
    slope: FloatArray
    curvature: FloatArray
    residual: FloatArray
    residual_slope: FloatArray
    residual_curvature: FloatArray
    shift: FloatArray
    inverse: FloatArray
    information_slope: FloatArray
    determinant_curvature: FloatArray


# Ratios τ²/σ² at which the deviance is first looked at; a maximum outside means none inside.
_GRID = np.concatenate([[0.0], np.logspace(-4.0, 8.0, 37)])


def treatment_design(
    categories: ArrayLike, reference: object | None = None
) -> tuple[FloatArray, list[Any]]:
    """An intercept and one 0/1 column for each category but the reference.

    ``categories`` (n,) may be text or numbers; the reference is the first in sorted order unless
    named. Returns the design (n, k) and the k categories, reference first.
    """
    array: NDArray[Any] = np.asarray(categories)
    inverse, count = codes(array, "categories", array.size)
    names = [item.item() if isinstance(item, np.generic) else item for item in np.unique(array)]
    first = 0
    if reference is not None:
        if reference not in names:
            raise ValueError(f"reference: got {reference!r}; takes one of {names}")
        first = names.index(reference)
    order = [first, *[i for i in range(count) if i != first]]
    design = np.ones((array.size, count))
    for column, i in enumerate(order[1:], start=1):
        design[:, column] = inverse == i
    return design, [names[i] for i in order]


def linear_mixed(
    y: ArrayLike,
    design: ArrayLike,
    group: ArrayLike,
    likelihood: Likelihood = Likelihood.REML,
    df: DegreesOfFreedom = DegreesOfFreedom.SATTERTHWAITE,
) -> LinearMixed:
    """Random-intercept model of ``y`` (n,) on ``design`` (n, p) in ``group`` (n,).

    The design holds its own intercept (:func:`treatment_design` makes one for categories).
    Maximises the (restricted) likelihood of Bates et al. (J Stat Softw 2015;67:1, eq. 33-42), whose
    θ² is τ²/σ² here; ``log_likelihood`` is that of lme4's ``logLik``. Satterthwaite's degrees of
    freedom as in lmerTest (Kuznetsova et al., J Stat Softw 2017;82:13), from the exact observed
    information of (σ², τ²); at the boundary they are n - p.
    Raises ValueError for NaN, shapes that differ, fewer than two groups, every group of size one,
    linearly dependent columns, or no more observations than columns.
    Does not do: random slopes, crossed effects, serial correlation, weights.
    """
    outcome = vector(y, "y")
    many = linear_mixed_batch(outcome[None, :], design, group, likelihood, df)
    converged, boundary = bool(many.converged[0]), bool(many.boundary[0])
    note = ""
    if not converged:
        note = "no maximum: the residual variance is estimated as 0 (no spread within groups)"
    elif boundary:
        note = "boundary: the group variance is estimated as 0"
    return LinearMixed(
        coefficients=many.coefficients[0],
        standard_errors=many.standard_errors[0],
        statistics=many.statistics[0],
        df=many.df[0],
        p_values=many.p_values[0],
        covariance=many.covariance[0],
        group_variance=float(many.group_variance[0]),
        residual_variance=float(many.residual_variance[0]),
        log_likelihood=float(many.log_likelihood[0]),
        observations=outcome.size,
        groups=int(np.unique(np.asarray(group)).size),
        boundary=boundary,
        converged=converged,
        note=note,
    )


def linear_mixed_batch(
    y: ArrayLike,
    design: ArrayLike,
    group: ArrayLike,
    likelihood: Likelihood = Likelihood.REML,
    df: DegreesOfFreedom = DegreesOfFreedom.SATTERTHWAITE,
) -> LinearMixedBatch:
    """:func:`linear_mixed` for every row of ``y`` (C, n), all on one ``design`` and ``group``."""
    outcomes = rows(y, "y")
    prepared = _design(design, group, outcomes.shape[1])
    kind, df_kind = choice(Likelihood, likelihood, "likelihood"), choice(DegreesOfFreedom, df, "df")
    block = _rows_at_once(prepared)
    parts = [
        _fit(prepared, outcomes[start : start + block], kind, df_kind)
        for start in range(0, outcomes.shape[0], block)
    ]
    if len(parts) == 1:
        return parts[0]
    return LinearMixedBatch(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(LinearMixedBatch)
        )
    )


def _rows_at_once(d: _Design) -> int:
    """Outcomes a pass: matrix products small enough for the cache and for one thread.

    Above about 260,000 multiplications OpenBLAS starts threads, which for such small products cost
    more than they give, and far more on a machine that is busy.
    """
    return max(1, 200_000 // d.pairs.size)


def _fit(
    prepared: _Design, outcomes: FloatArray, kind: Likelihood, df_kind: DegreesOfFreedom
) -> LinearMixedBatch:
    # In units of the largest value, so that squares neither overflow nor vanish.
    unit = np.abs(outcomes).max(axis=1)
    unit[unit == 0.0] = 1.0
    scaled = outcomes / unit[:, None]
    # The least-squares fit is taken out first, so that sums of squares lose no digits.
    start = scaled @ prepared.basis
    remainder = scaled - start @ prepared.basis.T
    order = np.argsort(prepared.group, kind="stable")
    edges = np.concatenate([[0], np.cumsum(prepared.sizes[:-1]).astype(np.int64)])
    totals = np.add.reduceat(remainder[:, order], edges, axis=1)
    squares = (remainder * remainder).sum(axis=1)
    # A remainder that is only the rounding of the outcome is no remainder.
    empty = squares <= 1e-24 * (scaled * scaled).sum(axis=1) * scaled.shape[1]
    squares = np.where(empty, 1.0, squares)
    theta, converged = _search(prepared, totals, squares, kind)
    converged &= ~empty
    fits = _results(prepared, totals, squares, start, theta, converged, kind, df_kind)
    freedom = scaled.shape[1] - (prepared.basis.shape[1] if kind is Likelihood.REML else 0)
    return replace(
        fits,
        coefficients=fits.coefficients * unit[:, None],
        standard_errors=fits.standard_errors * unit[:, None],
        covariance=fits.covariance * (unit**2)[:, None, None],
        group_variance=fits.group_variance * unit**2,
        residual_variance=fits.residual_variance * unit**2,
        log_likelihood=fits.log_likelihood - freedom * np.log(unit),
    )


def _design(design: ArrayLike, group: ArrayLike, n: int) -> _Design:
    x = numeric_array(design, "design")
    if x.ndim != 2 or x.shape[0] != n or x.shape[1] == 0:
        raise ValueError(f"design: got shape {x.shape}; takes ({n}, p), a row a value of y")
    label, count = codes(group, "group", n)
    sizes = np.bincount(label, minlength=count).astype(np.float64)
    if count < 2 or count == n:
        raise ValueError(
            f"group: got {count} group{'' if count == 1 else 's'} for {n} values; "
            "takes at least two groups, and one of them with two values or more"
        )
    if n <= x.shape[1]:
        raise ValueError(f"design: got {x.shape[1]} columns for {n} values; takes fewer columns")
    norms = np.sqrt((x * x).sum(axis=0))
    if (norms == 0.0).any():
        raise ValueError(f"design: column {int(np.argmin(norms))} is 0 throughout")
    basis, triangle = np.linalg.qr(x)
    weak = np.abs(np.diag(triangle)) < 1e-9 * norms
    if weak.any():
        raise ValueError(
            f"design: column {int(np.argmax(weak))} depends linearly on those before it; "
            "takes independent columns"
        )
    sums = np.zeros((count, x.shape[1]))
    np.add.at(sums, label, basis)
    pairs = (sums[:, :, None] * sums[:, None, :]).reshape(count, -1)
    return _Design(basis, triangle, label, sizes, sums, pairs)


def _profile(
    d: _Design, totals: FloatArray, squares: FloatArray, theta: FloatArray, kind: Likelihood
) -> _Profile:
    """The profiled deviance at ``theta`` (C,) of outcomes with group sums ``totals`` (C, G)."""
    n, p = d.basis.shape
    inflation = 1.0 + theta[:, None] * d.sizes
    w, w1 = theta[:, None] / inflation, 1.0 / inflation**2
    w2 = -2.0 * d.sizes * w1 / inflation
    information = np.eye(p) - (w @ d.pairs).reshape(-1, p, p)
    slope_x = -(w1 @ d.pairs).reshape(-1, p, p)
    curve_x = -(w2 @ d.pairs).reshape(-1, p, p)
    inverse: FloatArray = np.linalg.inv(information).astype(np.float64)
    shift = np.einsum("cij,cj->ci", inverse, -((w * totals) @ d.sums))
    # Group sums of the residuals at this θ; every derivative of the sum of squares is in these.
    left = totals - shift @ d.sums.T
    # y'V⁻¹y at the minimum, by the orthogonality of the residual and the design.
    residual = squares - (w * totals * left).sum(axis=1)
    residual_slope = -(w1 * left * left).sum(axis=1)
    pull = (w1 * left) @ d.sums
    residual_curvature = -(w2 * left * left).sum(axis=1) - 2.0 * np.einsum(
        "ci,cij,cj->c", pull, inverse, pull
    )
    log_size = np.log(inflation).sum(axis=1)
    size_slope = (d.sizes / inflation).sum(axis=1)
    size_curve = -((d.sizes / inflation) ** 2).sum(axis=1)
    freedom = float(n)
    if kind is Likelihood.REML:
        freedom -= p
        turned = inverse @ slope_x
        log_size = log_size + np.linalg.slogdet(information)[1]
        size_slope = size_slope + np.trace(turned, axis1=1, axis2=2)
        size_curve = size_curve + np.einsum("cij,cji->c", inverse, curve_x)
        size_curve = size_curve - np.einsum("cij,cji->c", turned, turned)
    safe = np.maximum(residual, 1e-300)
    ratio = residual_slope / safe
    return _Profile(
        deviance=log_size + freedom * np.log(safe),
        slope=size_slope + freedom * ratio,
        curvature=size_curve + freedom * (residual_curvature / safe - ratio**2),
        residual=safe,
        residual_slope=residual_slope,
        residual_curvature=residual_curvature,
        shift=shift,
        inverse=inverse,
        information_slope=slope_x,
        determinant_curvature=size_curve,
    )


def _deviance(
    d: _Design, totals: FloatArray, squares: FloatArray, theta: FloatArray, kind: Likelihood
) -> FloatArray:
    """The deviance of :func:`_profile` alone, for the first look."""
    n, p = d.basis.shape
    inflation = 1.0 + theta[:, None] * d.sizes
    w = theta[:, None] / inflation
    weighted = w * totals
    information = np.eye(p) - (w @ d.pairs).reshape(-1, p, p)
    pull = weighted @ d.sums
    shift = np.linalg.solve(information, -pull[:, :, None])[:, :, 0]
    residual = squares - (weighted * totals).sum(axis=1) + (shift * pull).sum(axis=1)
    log_size = np.log(inflation).sum(axis=1)
    freedom = float(n)
    if kind is Likelihood.REML:
        freedom -= p
        log_size = log_size + np.linalg.slogdet(information)[1]
    return np.asarray(log_size + freedom * np.log(np.maximum(residual, 1e-300)))


def _search(
    d: _Design, totals: FloatArray, squares: FloatArray, kind: Likelihood
) -> tuple[FloatArray, BoolArray]:
    """θ with the smallest deviance for each outcome, and whether there is one."""
    cohorts = totals.shape[0]
    deviance = np.empty((_GRID.size, cohorts))
    # Few outcomes: many ratios in one pass, as each pass has a fixed cost.
    together = max(1, _rows_at_once(d) // cohorts)
    for start in range(0, _GRID.size, together):
        ratios = _GRID[start : start + together]
        passed = _deviance(
            d,
            np.tile(totals, (ratios.size, 1)),
            np.tile(squares, ratios.size),
            np.repeat(ratios, cohorts),
            kind,
        )
        deviance[start : start + together] = passed.reshape(ratios.size, cohorts)
    best = deviance.argmin(axis=0)
    converged = best < _GRID.size - 1
    low = _GRID[np.maximum(best - 1, 0)].copy()
    high = _GRID[np.minimum(best + 1, _GRID.size - 1)].copy()
    theta = _GRID[best].copy()
    at_zero = best == 0
    open_ = converged.copy()
    if at_zero.any():
        slope = _profile(d, totals[at_zero], squares[at_zero], theta[at_zero], kind).slope
        open_[np.flatnonzero(at_zero)[slope >= 0.0]] = False
        theta[open_ & at_zero] = 0.5 * high[open_ & at_zero]
    for _ in range(100):
        left = np.flatnonzero(open_)
        if left.size == 0:
            break
        now = _profile(d, totals[left], squares[left], theta[left], kind)
        falling = now.slope < 0.0
        low[left] = np.where(falling, theta[left], low[left])
        high[left] = np.where(falling, high[left], theta[left])
        step = np.where(
            now.curvature > 0.0,
            -now.slope / np.where(now.curvature > 0, now.curvature, 1.0),
            np.inf,
        )
        goal = theta[left] + step
        # Newton's step where it stays inside the bracket, and halving where it does not.
        inside = (goal > low[left]) & (goal < high[left])
        goal = np.where(inside, goal, 0.5 * (low[left] + high[left]))
        moved = np.abs(goal - theta[left])
        theta[left] = goal
        open_[left] = moved > 1e-12 * goal + 1e-300
    return theta, converged


def _results(
    d: _Design,
    totals: FloatArray,
    squares: FloatArray,
    start: FloatArray,
    theta: FloatArray,
    converged: BoolArray,
    kind: Likelihood,
    df_kind: DegreesOfFreedom,
) -> LinearMixedBatch:
    n, p = d.basis.shape
    at = _profile(d, totals, squares, theta, kind)
    freedom = float(n - p if kind is Likelihood.REML else n)
    sigma2 = at.residual / freedom
    back: FloatArray = np.linalg.inv(d.triangle).astype(np.float64)
    coefficients = (start + at.shift) @ back.T
    covariance = sigma2[:, None, None] * (back @ at.inverse @ back.T)
    se = np.sqrt(np.einsum("cii->ci", covariance))
    log_likelihood = -0.5 * (at.deviance + freedom * (1.0 + np.log(2.0 * np.pi / freedom)))
    if kind is Likelihood.REML:
        log_likelihood = log_likelihood - np.log(np.abs(np.diag(d.triangle))).sum()
    statistics = coefficients / se
    if df_kind is DegreesOfFreedom.NORMAL:
        df = np.full(se.shape, np.inf)
        p_values = 2.0 * ndtr(-np.abs(statistics))
    else:
        df = np.full(se.shape, float(n - p))
        if df_kind is DegreesOfFreedom.SATTERTHWAITE:
            df = _satterthwaite(at, sigma2, theta, se, back, freedom)
        p_values = 2.0 * stdtr(df, -np.abs(statistics))

    def known(values: FloatArray) -> FloatArray:
        mask = converged.reshape((-1,) + (1,) * (values.ndim - 1))
        return np.where(mask, values, np.nan)

    return LinearMixedBatch(
        coefficients=known(coefficients),
        standard_errors=known(se),
        statistics=known(statistics),
        df=known(df),
        p_values=known(np.asarray(p_values)),
        covariance=known(covariance),
        group_variance=known(theta * sigma2),
        residual_variance=known(sigma2),
        log_likelihood=known(log_likelihood),
        boundary=(theta == 0.0) & converged,
        converged=converged,
    )


def _satterthwaite(
    at: _Profile,
    sigma2: FloatArray,
    theta: FloatArray,
    se: FloatArray,
    back: FloatArray,
    freedom: float,
) -> FloatArray:
    """2 v² / var(v) for the variance v of each coefficient, by the delta method in (log σ², θ)."""
    # Observed information of (log σ², θ) times two: the deviance's second derivatives.
    cross = at.residual_slope / sigma2
    corner = at.determinant_curvature + at.residual_curvature / sigma2
    determinant = freedom * corner - cross**2
    moved = at.inverse @ at.information_slope @ at.inverse
    v = se**2
    v_theta = -sigma2[:, None] * np.einsum("ij,cjk,ik->ci", back, moved, back)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = v**2 * corner[:, None] + 2.0 * v * v_theta * cross[:, None] + v_theta**2 * freedom
        df = v**2 * determinant[:, None] / spread
    # At the boundary v does not vary with τ to first order, which leaves the variance of log σ².
    return np.where((theta == 0.0)[:, None], freedom, df)

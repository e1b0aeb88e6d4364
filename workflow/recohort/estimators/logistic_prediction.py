"""Linear predictors and probabilities of fitted logistic models."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from recohort.estimators.arguments import FloatArray, numeric_array, vector
from recohort.estimators.logistic import LogisticFit
from recohort.estimators.mixed_logistic import MixedLogisticFit
from recohort.estimators.quadrature import gauss_hermite


class RandomEffect(StrEnum):
    """What a prediction does with the random intercept.

    NONE sets it to 0 (the typical group), MODE to the group's conditional mode (0 in a group that
    the fit has not seen), AVERAGE integrates it out (the average over groups).
    """

    NONE = "none"
    MODE = "mode"
    AVERAGE = "average"


def linear_predictor(
    fit: LogisticFit | MixedLogisticFit,
    x: ArrayLike,
    *,
    group: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    random_effect: RandomEffect = RandomEffect.NONE,
) -> FloatArray:
    """offset + x' coef, plus the group's mode with ``RandomEffect.MODE``; (n,), in logits.

    x (n, p): the design as it was fitted. group (n,): labels, needed with MODE. Raises ValueError
    on shapes that do not fit, on AVERAGE (an average of probabilities has no linear predictor), and
    on a fit without finite coefficients.
    """
    matrix = numeric_array(x, "x")
    if matrix.ndim != 2 or matrix.shape[1] != fit.coef.size:
        raise ValueError(f"x: got shape {matrix.shape}; takes (rows, {fit.coef.size})")
    if not np.isfinite(fit.coef).all():
        raise ValueError(
            f"fit: got coefficients that are not finite ({fit.flag}); takes a finite fit"
        )
    eta = matrix @ fit.coef
    if offset is not None:
        shift = vector(offset, "offset")
        if shift.shape != eta.shape:
            raise ValueError(f"offset: got {shift.size} values; takes {eta.size}")
        eta = eta + shift
    if random_effect is RandomEffect.NONE or isinstance(fit, LogisticFit):
        return eta
    if random_effect is RandomEffect.AVERAGE:
        raise ValueError("random_effect: got average; takes none or mode")
    labels = np.asarray([] if group is None else group)
    if labels.shape != eta.shape:
        raise ValueError(f"group: got an array of shape {labels.shape}; takes {eta.size} labels")
    mode = dict(zip(fit.labels, fit.modes, strict=True))
    effect: FloatArray = np.array([mode.get(label, 0.0) for label in labels.tolist()])
    return eta + effect


def predicted_probability(
    fit: LogisticFit | MixedLogisticFit,
    x: ArrayLike,
    *,
    group: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    random_effect: RandomEffect = RandomEffect.NONE,
) -> FloatArray:
    """The probability of an event, (n,); see `linear_predictor` for the arguments.

    AVERAGE is the integral of expit(eta + sd u) over u ~ N(0, 1) by 40 Gauss-Hermite nodes.
    """
    if random_effect is RandomEffect.AVERAGE and isinstance(fit, MixedLogisticFit):
        eta = linear_predictor(fit, x, offset=offset)
        z, log_weight = gauss_hermite(40)
        weight = np.exp(log_weight - 0.5 * z**2)
        average: FloatArray = _expit(eta[:, None] + fit.sd * z) @ weight
        return average
    plain = RandomEffect.NONE if random_effect is RandomEffect.AVERAGE else random_effect
    return _expit(linear_predictor(fit, x, group=group, offset=offset, random_effect=plain))


def _expit(eta: FloatArray) -> FloatArray:
    odds = np.exp(-np.abs(eta))
    probability: FloatArray = np.where(eta >= 0, 1.0, odds) / (1.0 + odds)
    return probability

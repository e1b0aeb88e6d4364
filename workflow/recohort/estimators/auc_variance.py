"""The variance of an AUC as a function of the AUC and the two group sizes alone.

For the audit of a printed interval: which variance models, at which splits of cases and
non-cases, give it, and whether any data at all can.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, owens_t

from recohort.estimators.arguments import FloatArray, choice, number, numeric_array


class AucVarianceModel(StrEnum):
    """What is assumed of the scores; formulas in :func:`auc_variance`."""

    HANLEY_MCNEIL = "hanley_mcneil"
    BINORMAL_EQUAL = "binormal_equal"
    BINORMAL_UNEQUAL = "binormal_unequal"
    OBUCHOWSKI = "obuchowski"
    VAN_DANTZIG = "van_dantzig"
    DELONG_BOUND = "delong_bound"


def auc_variance(
    auc: ArrayLike,
    cases: ArrayLike,
    controls: ArrayLike,
    model: AucVarianceModel = AucVarianceModel.HANLEY_MCNEIL,
    sd_ratio: float = 1.0,
) -> FloatArray:
    """The sampling variance of an AUC A with n1 ``cases`` and n0 ``controls``, under ``model``.

    Arrays broadcast. With Q1 the probability that two cases both score above one control, and Q2
    that one case scores above two controls (no ties),

        var = [A(1-A) + (n1-1)(Q1 - A²) + (n0-1)(Q2 - A²)] / (n1 n0)

    - hanley_mcneil: Q1 = A/(2-A), Q2 = 2A²/(1+A) (negative exponential scores)
    - binormal_equal: normal scores with one SD
    - binormal_unequal: normal scores, SD of cases / SD of controls = ``sd_ratio``
    - obuchowski: [0.0099 e^(-a²/2) (5a² + 8 + (a² + 8) n1/n0)] / n1, a = √2 Φ⁻¹(A), the usual
      sample-size approximation
    - van_dantzig: A(1-A) / min(n1, n0), the largest variance that any scores allow
    - delong_bound: A(1-A) / (min(n1, n0) - 1), the largest DeLong estimate that any data with an
      empirical AUC of A allow, ties or not: van Dantzig's bound for the empirical distribution,
      whose variances DeLong divides by n1 - 1 and n0 - 1 (infinite where either is 1)

    Sources: Hanley and McNeil, Radiology 1982;143:29; Obuchowski, Acad Radiol 1994;1:22; van
    Dantzig, Indag Math 1951;13:1; bivariate normal probabilities by Owen's T function.
    Raises ValueError for an AUC outside [0, 1], sizes below 1, or a ratio that is not positive.
    Does not do: ties; the AUC is that of the population, not its estimate.
    """
    a = numeric_array(auc, "auc", "numbers in [0, 1]")
    n1 = numeric_array(cases, "cases", "numbers of at least 1")
    n0 = numeric_array(controls, "controls", "numbers of at least 1")
    ratio = number(sd_ratio, "sd_ratio", 0.0, open_low=True)
    if ((a < 0) | (a > 1)).any():
        raise ValueError(f"auc: got {a[(a < 0) | (a > 1)].ravel()[0]:g}; takes numbers in [0, 1]")
    for sizes, name in ((n1, "cases"), (n0, "controls")):
        if (sizes < 1).any():
            raise ValueError(f"{name}: got {sizes.min():g}; takes numbers of at least 1")
    kind = choice(AucVarianceModel, model, "model")
    if kind is AucVarianceModel.VAN_DANTZIG:
        return np.asarray(a * (1.0 - a) / np.minimum(n1, n0))
    if kind is AucVarianceModel.DELONG_BOUND:
        fewest = np.minimum(n1, n0) - 1.0
        bound = np.divide(
            a * (1.0 - a),
            fewest,
            out=np.full(np.broadcast(a, fewest).shape, np.inf),
            where=fewest > 0.0,
        )
        return np.asarray(bound)
    if kind is AucVarianceModel.OBUCHOWSKI:
        # e^(-a²/2) a² tends to 0 at A = 0 and A = 1.
        squared = np.minimum(2.0 * ndtri(a) ** 2, 1400.0)
        spread = 5.0 * squared + 8.0 + (squared + 8.0) * n1 / n0
        return np.asarray(0.0099 * np.exp(-squared / 2.0) * spread / n1)
    if kind is AucVarianceModel.HANLEY_MCNEIL:
        q1, q2 = a / (2.0 - a), 2.0 * a * a / (1.0 + a)
    else:
        share = 0.5 if kind is AucVarianceModel.BINORMAL_EQUAL else 1.0 / (1.0 + ratio**2)
        q1, q2 = _both_below(a, share), _both_below(a, 1.0 - share)
    total = a * (1.0 - a) + (n1 - 1.0) * (q1 - a * a) + (n0 - 1.0) * (q2 - a * a)
    return np.asarray(np.maximum(total, 0.0) / (n1 * n0))


def _both_below(a: FloatArray, correlation: float) -> FloatArray:
    """P(Z1 < h and Z2 < h) for standard normals with ``correlation``, where Φ(h) = a."""
    h = ndtri(np.clip(a, 1e-300, 1.0))
    slope = np.sqrt((1.0 - correlation) / (1.0 + correlation))
    return np.where((a == 0.0) | (a == 1.0), a, a - 2.0 * owens_t(h, slope))

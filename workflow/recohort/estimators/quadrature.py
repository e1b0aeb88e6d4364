"""Gauss-Hermite rules for the standard normal random effect."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from recohort.estimators.arguments import FloatArray, whole_number

MAX_NODES = 100


@lru_cache(maxsize=64)
def _rule(nodes: int) -> tuple[FloatArray, FloatArray]:
    roots, weights = np.polynomial.hermite.hermgauss(nodes)
    z = np.sqrt(2.0) * roots
    log_weight = np.log(weights) + roots**2 - 0.5 * np.log(np.pi)
    # Exact symmetry, so that the likelihood is exactly even in the standard deviation.
    z = 0.5 * (z - z[::-1])
    log_weight = 0.5 * (log_weight + log_weight[::-1])
    z.flags.writeable = False
    log_weight.flags.writeable = False
    return z, log_weight


def gauss_hermite(nodes: int) -> tuple[FloatArray, FloatArray]:
    """Nodes z and log-weights a, each (nodes,), of an adaptive rule for a standard normal effect.

    integral of exp(h(u)) phi(u) du, h(u) - u^2/2 having its mode at m with curvature 1/s^2, is
    s * sum_k exp(a_k + h(m + s z_k) - (m + s z_k)^2 / 2): the factor exp(z^2/2) that moving the
    rule to the mode calls for, and the normal density's constant, are part of a_k. One node gives
    Laplace's approximation.

    Raises ValueError unless nodes is a whole number from 1 to 100 (beyond, weights underflow).

    Source: Pinheiro and Bates 1995, J Comput Graph Stat 4:12-35, equation 2.4.
    """
    count = whole_number(nodes, "nodes", 1)
    if count > MAX_NODES:
        raise ValueError(f"nodes: got {count}; takes a whole number from 1 to {MAX_NODES}")
    return _rule(count)

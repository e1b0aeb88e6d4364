"""McNemar's test of two paired proportions."""

from __future__ import annotations

from enum import StrEnum

from scipy.special import bdtr, chdtrc

from recohort.estimators.arguments import choice, whole_number
from recohort.estimators.result import HypothesisTest


class McNemarMethod(StrEnum):
    """Which test of b against c.

    - exact: binomial; mid_p: binomial with half the probability of the observed count
    - chi_square: (b-c)²/(b+c)
    - chi_square_continuity: (|b-c| - 1)²/(b+c), as R's ``mcnemar.test`` does by default
    """

    EXACT = "exact"
    MID_P = "mid_p"
    CHI_SQUARE = "chi_square"
    CHI_SQUARE_CONTINUITY = "chi_square_continuity"


def mcnemar(
    b: int, c: int, method: McNemarMethod = McNemarMethod.CHI_SQUARE_CONTINUITY
) -> HypothesisTest:
    """Two-sided test from the two discordant counts: ``b`` (yes, then no) and ``c`` (no, then yes).

    The statistic is chi-square with 1 df, or min(b, c) for the exact and mid-p tests. Without a
    discordant pair the test does not exist and ``note`` says so.
    Sources: McNemar, Psychometrika 1947;12:153; Edwards 1948;13:185 (correction); Fagerland et al.,
    BMC Med Res Methodol 2013;13:91 (mid-p).
    """
    one, two = whole_number(b, "b"), whole_number(c, "c")
    kind = choice(McNemarMethod, method, "method")
    total, low = one + two, min(one, two)
    if total == 0:
        return HypothesisTest(None, None, note="no discordant pair: the test does not exist")
    if kind in (McNemarMethod.EXACT, McNemarMethod.MID_P):
        tail = float(bdtr(low, total, 0.5))
        if kind is McNemarMethod.EXACT:
            return HypothesisTest(float(low), min(2.0 * tail, 1.0))
        below = float(bdtr(low - 1, total, 0.5)) if low > 0 else 0.0
        # At b = c the exact p-value is 1, and half of the shared middle is taken off once.
        p = 1.0 - (tail - below) / 2.0 if one == two else tail + below
        return HypothesisTest(float(low), p)
    # R: the correction is never larger than the difference itself.
    step = min(1, abs(one - two)) if kind is McNemarMethod.CHI_SQUARE_CONTINUITY else 0
    statistic = (abs(one - two) - step) ** 2 / total
    return HypothesisTest(statistic, float(chdtrc(1.0, statistic)), 1.0)

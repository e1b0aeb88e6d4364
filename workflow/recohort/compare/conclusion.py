"""Whether what was obtained would change what a paper concludes from a number."""

from __future__ import annotations

import math
from fractions import Fraction

from recohort.card.statistic import Statistic
from recohort.compare.interval import Scale
from recohort.printed import Comparator, Printed

__all__ = ["changes_conclusion", "null_value", "scale_of"]

_RATIOS = {Statistic.ODDS_RATIO, Statistic.ADJUSTED_ODDS_RATIO, Statistic.HAZARD_RATIO}
_CHANGES = {Statistic.DIFFERENCE, Statistic.PERCENT_CHANGE, Statistic.PERCENT_REDUCTION}
_SHARES = {"proportion", "diagnostic", "kaplan_meier"}
_LEVEL = Fraction(1, 20)


def scale_of(kind: str, statistic: Statistic) -> Scale:
    """The scale on which estimates of a statistic, by a kind of analysis, are roughly normal."""
    if statistic in _RATIOS or statistic in (Statistic.SD, Statistic.SE):
        return Scale.LOG
    if statistic in (Statistic.P_VALUE, Statistic.AUC):
        return Scale.LOGIT
    if statistic is Statistic.PERCENT:
        return Scale.PERCENT
    if statistic.level is not None:
        if kind == "model_term":
            return Scale.LOG
        if kind == "auc":
            return Scale.LOGIT
        if kind in _SHARES:
            return Scale.PERCENT
    return Scale.PLAIN


def null_value(kind: str, statistic: Statistic) -> float | None:
    """The value that means no effect, where there is one."""
    if statistic in _RATIOS:
        return 1.0
    if statistic is Statistic.AUC:
        return 0.5
    if statistic in _CHANGES:
        return 0.0
    if statistic.level is not None:
        return {
            "model_term": 1.0,
            "auc": 0.5,
            "auc_difference": 0.0,
            "linear_mixed": 0.0,
        }.get(kind)
    return None


def _threshold(printed: Printed) -> Fraction | None:
    """The point that divides p-values into two conclusions, as the paper drew it.

    0.05, unless the paper printed a bound from which one cannot tell the side of 0.05: then the
    bound itself.
    """
    below = printed.comparator in (Comparator.LESS, Comparator.AT_MOST)
    above = printed.comparator in (Comparator.GREATER, Comparator.AT_LEAST)
    if (below and printed.value > _LEVEL) or (above and printed.value < _LEVEL):
        return printed.value
    return _LEVEL


def changes_conclusion(kind: str, statistic: Statistic, printed: Printed, obtained: float) -> str:
    """``yes`` where the obtained number is on the other side of significance or of no effect.

    Empty where the statistic carries no such conclusion or nothing was obtained. A printed number
    whose own rounding spans the dividing point changes nothing.
    """
    if math.isnan(obtained):
        return ""
    if statistic is Statistic.P_VALUE:
        dividing: float | Fraction | None = _threshold(printed)
    else:
        dividing = null_value(kind, statistic)
    if dividing is None:
        return ""
    accepted = printed.accepted
    if accepted.high <= dividing:
        return "yes" if obtained >= dividing and obtained not in accepted else "no"
    if accepted.low >= dividing:
        return "yes" if obtained < dividing else "no"
    return "no"

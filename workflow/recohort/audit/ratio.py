"""Odds, risk and hazard ratios: estimate, interval and p-value as sets.

The p-value is judged over the whole rounding box of estimate and limits, never at the printed
point. Nothing here is called impossible on the strength of one test's arithmetic: a p-value may
come from a likelihood-ratio test and an interval from a profile likelihood, whose distance from
Wald is unknown without the data. Those are named as open. Hard bounds are in ``two_by_two`` and
``standard_error``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

from recohort.audit.finding import Check, Finding, FindingVerdict, UndeterminedReason
from recohort.audit.naming import Determination, finding_id, named
from recohort.audit.ratio_box import Reach, ratio_reach
from recohort.printed import Printed, RealSet, RoundingRule

__all__ = ["PRange", "RatioReport", "check_ratio", "p_range", "wald_p"]

_NORMAL = NormalDist()
_OTHER_LEVELS = (0.90, 0.99, 0.80, 0.999)
# A p-value whose z lies this near to Wald's is what another test of the same data would give.
_NEAR_Z = 0.25
# Profile and bootstrap limits are seldom more lopsided than this (ratio of the log distances).
_USUAL_LOPSIDEDNESS = 1.5


@dataclass(frozen=True, slots=True)
class PRange:
    """The p-values that a test can give over a rounding box."""

    low: float
    high: float

    def meets(self, printed: RealSet, share: float = 1.0) -> bool:
        """Whether some p in the range, times ``share``, lies in the printed set."""
        low, high = self.low * share * (1 - 1e-9), self.high * share * (1 + 1e-9)
        return low <= printed.high and high >= printed.low


@dataclass(frozen=True, slots=True)
class RatioReport:
    """What :func:`check_ratio` found, and which values the others determine."""

    findings: tuple[Finding, ...]
    determined: tuple[Determination, ...]
    wald: PRange | None
    """The range of p under Wald; None where no Wald interval prints the limits."""
    conventions: tuple[str, ...]
    """Other conventions under which everything printed fits."""


def p_range(reach: Reach, level: float, df: int | None = None, *, z_limits: bool = False) -> PRange:
    """The range of the two-sided p under Wald (``df`` None), or t with ``df`` degrees of freedom.

    ``z_limits``: the limits are Wald's and only the test takes t (a common mixture).
    """
    critical = _critical(level, None if z_limits else df)
    weakest, strongest = reach.statistic(critical)
    return PRange(_two_sided(strongest, df), _two_sided(weakest, df))


def wald_p(estimate: str, lower: str, upper: str, level: float = 0.95) -> PRange | None:
    """The range of Wald's p over the rounding box of a printed ratio and its limits.

    None where no ratio and standard error print all three under Wald.
    """
    reach = ratio_reach(Printed.parse(estimate), Printed.parse(lower), Printed.parse(upper))
    return None if reach is None else p_range(reach, level)


@lru_cache(maxsize=4096)
def _critical(level: float, df: int | None) -> float:
    if df is None:
        return _NORMAL.inv_cdf(0.5 + level / 2)
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2))


def _two_sided(statistic: float, df: int | None) -> float:
    if df is None:
        return math.erfc(statistic / math.sqrt(2))
    from scipy.special import stdtr

    return float(2 * stdtr(df, -statistic))


def check_ratio(
    estimate: str,
    lower: str,
    upper: str,
    p: str | None = None,
    *,
    level: float = 0.95,
    null: float = 1.0,
    ids: Mapping[str, str] | None = None,
) -> RatioReport:
    """A ratio with its limits and p-value: do they fit, and under which conventions?

    Raises ValueError where a text is no number or a ratio is not above 0.
    """
    if null != 1.0:
        raise ValueError(f"null: got {null:g}; takes 1, the ratio of no difference")
    texts = {"estimate": estimate, "lower": lower, "upper": upper}
    parsed = {name: Printed.parse(text) for name, text in texts.items()}
    p_printed = None if p is None else Printed.parse(p)
    reach = ratio_reach(*_triple(parsed))
    if reach is None:
        return RatioReport((_asymmetric(texts, parsed, ids),), (), None, ())
    wald = p_range(reach, level)
    if p_printed is None or p is None:
        return RatioReport((), (), wald, ())
    target = p_printed.accepted
    values = named(ids, "estimate", "lower", "upper", "p")
    determined = _determined_p(wald, p_printed, values)
    if wald.meets(target):
        finding = Finding(
            id=finding_id(Check.RATIO, "p", values),
            check=Check.RATIO,
            values=values,
            verdict=FindingVerdict.POSSIBLE,
            sentence=(
                f"The ratio {estimate} with {_percent(level)} limits {lower} and {upper} fits "
                f"p {_equals(p)}: Wald's test gives {_range(wald)} over all unrounded values."
            ),
            evidence={"wald_p": [wald.low, wald.high], "level": level},
            changes_conclusion=False,
        )
        return RatioReport((finding,), determined, wald, ())
    others = tuple(_other_conventions(parsed, p_printed, level))
    finding = _misfit(texts, p, wald, p_printed, level, others, values)
    return RatioReport((finding,), (), wald, others)


def _triple(parsed: Mapping[str, Printed]) -> tuple[Printed, Printed, Printed]:
    return parsed["estimate"], parsed["lower"], parsed["upper"]


def _determined_p(wald: PRange, p: Printed, values: tuple[str, ...]) -> tuple[Determination, ...]:
    """p, where every unrounded triple gives the printed digits."""
    if wald.low in p.widest and wald.high in p.accepted and wald.low in p.accepted:
        return (
            Determination(
                value=values[-1],
                by=values[:-1],
                sentence=f"The ratio and its limits give p {_range(wald)} by Wald's test.",
                low=wald.low,
                high=wald.high,
                convention="Wald test, limits symmetric on the log scale",
            ),
        )
    return ()


def _other_conventions(parsed: Mapping[str, Printed], p: Printed, level: float) -> list[str]:
    """Computable conventions that print everything as it was printed, the most usual first."""
    target, found = p.accepted, []
    reach = ratio_reach(*_triple(parsed))
    if reach is None:
        return []
    for z_limits in (True, False):
        fits = [
            df
            for df in (*range(1, 61), *range(70, 501, 10))
            if p_range(reach, level, df, z_limits=z_limits).meets(target)
        ]
        if fits:
            upto = f"{fits[0]}" if fits[0] == fits[-1] else f"{fits[0]} to {fits[-1]}"
            what = "the p-value is from" if z_limits else "limits and p-value are from"
            found.append(f"{what} a t distribution with {upto} degrees of freedom")
    for rule in (RoundingRule.TRUNCATION, RoundingRule.CEILING):
        name = "cut off" if rule is RoundingRule.TRUNCATION else "rounded up"
        if p_range(reach, level).meets(p.under(rule)):
            found.append(f"the p-value was {name} instead of rounded")
        all_by_rule = ratio_reach(*_triple(parsed), rule)
        if all_by_rule is not None and p_range(all_by_rule, level).meets(p.under(rule)):
            found.append(f"all numbers were {name} instead of rounded")
    if p_range(reach, level).meets(target, 0.5):
        found.append("the p-value is one-sided")
    found += [
        f"the limits are those of a {_percent(other)} interval"
        for other in _OTHER_LEVELS
        if other != level and p_range(reach, other).meets(target)
    ]
    return found


def _misfit(
    texts: Mapping[str, str],
    p_text: str,
    wald: PRange,
    p: Printed,
    level: float,
    others: tuple[str, ...],
    values: tuple[str, ...],
) -> Finding:
    alpha = 1 - level
    target = p.accepted
    wald_says = wald.high < alpha or (None if wald.low < alpha else False)
    printed_says = target.high <= alpha or (None if target.low < alpha else False)
    flips = None not in (wald_says, printed_says) and bool(wald_says) != bool(printed_says)
    near = _distance_in_z(wald, target) <= _NEAR_Z and not flips
    reconcile = (
        "the p-value comes from another test than the interval, such as a likelihood-ratio test "
        "(open: it needs the data)",
        *others,
        "the interval is a profile-likelihood or a bootstrap interval",
        "the p-value belongs to another row, or one digit of it is misprinted: "
        f"Wald's test gives {_range(wald)}",
    )
    evidence = {
        "wald_p": [wald.low, wald.high],
        "printed_p": [_finite(target.low), _finite(target.high)],
        "level": level,
        "fits_under": list(others),
        "open": ["likelihood-ratio test", "profile-likelihood interval", "bootstrap interval"],
    }
    sentence = (
        f"The ratio {texts['estimate']} with {_percent(level)} limits {texts['lower']} and "
        f"{texts['upper']} gives p {_range(wald)} by Wald's test over all unrounded values, "
        f"not the printed p {_equals(p_text)}"
    )
    if near:
        return Finding(
            id=finding_id(Check.RATIO, "p", values),
            check=Check.RATIO,
            values=values,
            verdict=FindingVerdict.NOTE,
            sentence=sentence + "; another test of the same data commonly differs by so little.",
            evidence=evidence,
            reconcile=reconcile,
            changes_conclusion=False,
        )
    return Finding(
        id=finding_id(Check.RATIO, "p", values),
        check=Check.RATIO,
        values=values,
        verdict=FindingVerdict.UNDETERMINED,
        reason=UndeterminedReason.CONVENTION_UNKNOWN,
        sentence=sentence
        + (": one of them says significant and the other does not." if flips else "."),
        evidence=evidence,
        reconcile=reconcile,
        changes_conclusion=bool(flips),
    )


def _asymmetric(
    texts: Mapping[str, str], parsed: Mapping[str, Printed], ids: Mapping[str, str] | None
) -> Finding:
    """No Wald interval prints the limits: they are not symmetric about the ratio's logarithm."""
    others = [
        f"all three numbers were {'cut off' if rule is RoundingRule.TRUNCATION else 'rounded up'} "
        "instead of rounded"
        for rule in (RoundingRule.TRUNCATION, RoundingRule.CEILING)
        if ratio_reach(*_triple(parsed), rule) is not None
    ]
    if ratio_reach(*_triple(parsed), log_scale=False) is not None:
        others.append("the limits are symmetric about the ratio itself, not its logarithm")
    low, middle, high = (float(parsed[name].value) for name in ("lower", "estimate", "upper"))
    positive = 0 < low < middle < high
    lopsided = math.log(high / middle) / math.log(middle / low) if positive else math.inf
    usual = 1 / _USUAL_LOPSIDEDNESS <= lopsided <= _USUAL_LOPSIDEDNESS
    repairs = _repairs(parsed)
    values = named(ids, "estimate", "lower", "upper")
    sentence = (
        f"The limits {texts['lower']} and {texts['upper']} are not at equal distances from "
        f"{texts['estimate']} on the log scale for any unrounded values, as Wald's are"
    )
    benign = (
        *others,
        "the limits are profile-likelihood, exact or bootstrap limits, which need not be symmetric",
        *repairs,
    )
    evidence = {
        "upper_distance_over_lower": lopsided if positive else None,
        "fits_under": others,
        "open": ["profile-likelihood interval", "exact interval", "bootstrap interval"],
    }
    identity = finding_id(Check.RATIO, "symmetry", values)
    if usual or others:
        return Finding(
            id=identity,
            check=Check.RATIO,
            values=values,
            verdict=FindingVerdict.NOTE,
            sentence=sentence + "; other kinds of interval need not be.",
            evidence=evidence,
            reconcile=benign,
        )
    return Finding(
        id=identity,
        check=Check.RATIO,
        values=values,
        verdict=FindingVerdict.UNDETERMINED,
        reason=UndeterminedReason.CONVENTION_UNKNOWN,
        sentence=sentence + f", and one distance is {max(lopsided, 1 / lopsided):.3g} times the "
        "other."
        if positive
        else sentence + ".",
        evidence=evidence,
        reconcile=benign,
    )


def _repairs(parsed: Mapping[str, Printed]) -> list[str]:
    """What each number alone would have to be for the other two to stand."""
    estimate, lower, upper = (float(parsed[name].value) for name in ("estimate", "lower", "upper"))
    if min(estimate, lower, upper) <= 0:
        return []
    wanted = {
        "estimate": math.sqrt(lower * upper),
        "lower": estimate**2 / upper,
        "upper": estimate**2 / lower,
    }
    label = {"estimate": "the ratio", "lower": "the lower limit", "upper": "the upper limit"}
    return [
        f"{label[name]} is {parsed[name].format(value)} rather than {parsed[name].text}"
        for name, value in wanted.items()
    ]


def _distance_in_z(wald: PRange, target: RealSet) -> float:
    def z(p: float) -> float:
        return -_NORMAL.inv_cdf(min(max(p, 1e-300), 1.0) / 2)

    wald_low, wald_high = z(wald.high), z(wald.low)
    low, high = z(max(float(target.high), 0.0)), z(max(float(target.low), 0.0))
    return max(wald_low - high, low - wald_high, 0.0)


def _finite(value: float | object) -> float:
    number = float(value)  # type: ignore[arg-type]
    return max(min(number, 1.0), 0.0)


def _percent(level: float) -> str:
    return f"{100 * level:g}%"


def _equals(text: str) -> str:
    return text if text[:1] in "<>≤≥=" else f"= {text}"


def _range(p: PRange) -> str:
    low, high = _short(p.low), _short(p.high)
    return f"= {low}" if low == high else f"from {low} to {high}"


def _short(p: float) -> str:
    if p < 1e-4:
        return f"{p:.0e}".replace("e-0", "e-") if p > 0 else "0"
    return f"{p:.3g}"

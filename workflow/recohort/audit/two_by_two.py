"""Whether some table of counts prints a crude ratio, and the hard floor under an adjusted one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from statistics import NormalDist

from recohort.audit.certificate import Certificate, CertificateKind, check
from recohort.audit.finding import Check, Finding, FindingVerdict, UndeterminedReason
from recohort.audit.naming import finding_id, named
from recohort.audit.ratio_box import ratio_reach
from recohort.printed import Printed, RoundingRule

__all__ = ["check_crude_ratio", "check_events_per_variable", "check_standard_error"]

_MEASURES = ("odds", "risk")
_FEW_EVENTS = 10


def check_crude_ratio(
    estimate: str,
    n1: int,
    n0: int,
    events: int,
    *,
    measure: str = "odds",
    ids: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Does a 2×2 table with ``n1`` exposed, ``n0`` unexposed and ``events`` print the ratio?

    An odds ratio is tried as the sample ratio, with ½ added to each cell, and as the conditional
    maximum-likelihood ratio. Adjusted ratios need no table: do not ask this of them.

    Raises ValueError for margins that are no margins, or an unknown measure.
    """
    if measure not in _MEASURES:
        raise ValueError(f"measure: got {measure!r}; takes 'odds' or 'risk'")
    if min(n1, n0) < 1 or not 0 <= events <= n1 + n0:
        raise ValueError(
            f"n1, n0, events: got {n1}, {n0}, {events}; takes sizes of at least 1 and events "
            "between 0 and their sum"
        )
    printed = Printed.parse(estimate)
    tables = _tables(printed, n1, n0, events, measure)
    values = named(ids, "estimate", "n1", "n0", "events")
    identity = finding_id(Check.TWO_BY_TWO, measure, values)
    evidence = {"n1": n1, "n0": n0, "events": events, "measure": measure, "tables": tables[:20]}
    if tables:
        a = tables[0]
        return (
            Finding(
                id=identity,
                check=Check.TWO_BY_TWO,
                values=values,
                verdict=FindingVerdict.POSSIBLE,
                sentence=(
                    f"{a} of {n1} against {events - a} of {n0} give a {measure} ratio that prints "
                    f"as {estimate}."
                ),
                evidence=evidence,
            ),
        )
    proof = Certificate(
        CertificateKind.NO_TABLE,
        {"printed": estimate, "measure": measure, "n1": n1, "n0": n0, "events": events},
    )
    proven = check(proof)
    sentence = f"No split of {events} events over groups of {n1} and {n0} gives a crude {measure} "
    reconcile = (
        "the ratio is adjusted for other variables, or its model has other participants",
        "some participants are missing from one of the groups",
        "the ratio is that of the other group as reference (its inverse)",
        "a digit of the ratio or of a margin is misprinted",
    )
    return (
        Finding(
            id=identity,
            check=Check.TWO_BY_TWO,
            values=values,
            verdict=FindingVerdict.IMPOSSIBLE if proven else FindingVerdict.UNDETERMINED,
            reason=None if proven else UndeterminedReason.CONVENTION_UNKNOWN,
            sentence=sentence + f"ratio that prints as {estimate}.",
            evidence=evidence,
            reconcile=reconcile,
            certificate=proof if proven else None,
        ),
    )


def _tables(printed: Printed, n1: int, n0: int, events: int, measure: str) -> list[int]:
    """Numbers of events among the exposed whose (half-corrected) ratio is printed."""
    box, found = printed.accepted, []
    for a in range(max(0, events - n0), min(n1, events) + 1):
        b, c, d = n1 - a, events - a, n0 - events + a
        if measure == "risk":
            pairs = [(a * n0, c * n1)]
        else:
            pairs = [(a * d, b * c), ((2 * a + 1) * (2 * d + 1), (2 * b + 1) * (2 * c + 1))]
        if any(below and Fraction(above, below) in box for above, below in pairs):
            found.append(a)
    return found


def check_standard_error(
    estimate: str,
    lower: str,
    upper: str,
    n: int,
    events: int,
    *,
    level: float = 0.95,
    ids: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """The floor under the standard error of a yes-or-no predictor's odds ratio.

    In an ordinary logistic model with an intercept, whatever else it holds, the squared standard
    error of a binary predictor is at least 1/a + 1/b + 1/c + 1/d of its table with the outcome
    (adjusting cannot shrink it), and that is at least 4/events + 4/non-events. Not for continuous
    predictors, penalised or random-effects models. Silent where the floor holds.
    """
    texts = Printed.parse(estimate), Printed.parse(lower), Printed.parse(upper)
    rules = (None, RoundingRule.TRUNCATION, RoundingRule.CEILING)
    widest = max((r.h[1] for rule in rules if (r := ratio_reach(*texts, rule))), default=None)
    if widest is None or not 0 < events < n:
        return ()
    z = NormalDist().inv_cdf(0.5 + level / 2)
    floor = math.sqrt(4 / events + 4 / (n - events))
    se = widest / z
    if se >= floor:
        return ()
    values = named(ids, "lower", "upper", "n", "events")
    return (
        Finding(
            id=finding_id(Check.ADJUSTED_SE, "floor", values),
            check=Check.ADJUSTED_SE,
            values=values,
            verdict=FindingVerdict.UNDETERMINED,
            reason=UndeterminedReason.ASSUMPTION_DEPENDENT,
            sentence=(
                f"The limits {lower} and {upper} give a standard error of at most {se:.3g} on the "
                f"log scale; {events} events among {n} allow no yes-or-no predictor one below "
                f"{floor:.3g}, however many others the model adjusts for."
            ),
            evidence={"largest_se": se, "smallest_se_possible": floor, "n": n, "events": events},
            reconcile=(
                "the predictor is continuous, and the ratio is per unit",
                "the model has several records a participant, or more participants than stated",
                f"the limits are those of an interval at a lower level than {100 * level:g}%",
            ),
        ),
    )


def check_events_per_variable(
    events: int, coefficients: int, *, ids: Mapping[str, str] | None = None
) -> tuple[Finding, ...]:
    """A note where a model has fewer than 10 events (or non-events, if fewer) a coefficient."""
    if coefficients < 1 or events / coefficients >= _FEW_EVENTS:
        return ()
    values = named(ids, "events")
    return (
        Finding(
            id=finding_id(Check.EVENTS_PER_VARIABLE, str(coefficients), values),
            check=Check.EVENTS_PER_VARIABLE,
            values=values,
            verdict=FindingVerdict.NOTE,
            sentence=(
                f"{events} events for {coefficients} predictors, {events / coefficients:.2g} each: "
                "ratios of such models tend to lie too far from 1 and scatter widely."
            ),
            evidence={"events": events, "coefficients": coefficients},
        ),
    )

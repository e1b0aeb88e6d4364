"""Numbers that must agree across places, and numbers that no data can give at all.

The same quantity printed twice; limits around their estimate; significance claimed against
significance computed; percentages above 100, negative SDs, a minimum above a maximum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from recohort.audit.certificate import Certificate, CertificateKind, check
from recohort.audit.finding import Check, Finding, FindingVerdict, UndeterminedReason
from recohort.audit.naming import finding_id, named
from recohort.printed import Printed

__all__ = [
    "check_order",
    "check_range",
    "check_same",
    "check_significance",
]

_NO_SMALLER = "a digit or a sign is misprinted"


def check_order(
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    ids: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Numbers that must not decrease: lower limit, estimate, upper limit; minimum, Q1, median, …

    A finding for each neighbouring pair (or further pair, where the neighbours are in order) that
    no rounding puts in order.
    """
    found = []
    for (low_label, low), (high_label, high) in combinations(
        list(zip(labels, texts, strict=True)), 2
    ):
        proof = Certificate(
            CertificateKind.ORDER, {"smaller": {"printed": low}, "larger": {"printed": high}}
        )
        if not check(proof):
            continue
        values = named(ids, low_label, high_label)
        found.append(
            Finding(
                id=finding_id(Check.BAD_VALUE, "order", values),
                check=Check.BAD_VALUE,
                values=values,
                verdict=FindingVerdict.IMPOSSIBLE,
                sentence=f"The {_words(low_label)} {low} lies above the {_words(high_label)} "
                f"{high}.",
                evidence={low_label: low, high_label: high},
                reconcile=(
                    "the two numbers are swapped, or one belongs to another row",
                    _NO_SMALLER,
                ),
                certificate=proof,
            )
        )
    return tuple(found)


def check_range(
    text: str,
    label: str,
    *,
    low: int | None = None,
    high: int | None = None,
    ids: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """One number against the range that its kind allows: a percentage within 0 to 100."""
    found = []
    for bound, smaller, larger, how in (
        (low, {"exact": str(low)}, {"printed": text}, "below"),
        (high, {"printed": text}, {"exact": str(high)}, "above"),
    ):
        if bound is None:
            continue
        proof = Certificate(CertificateKind.ORDER, {"smaller": smaller, "larger": larger})
        if check(proof):
            values = named(ids, label)
            found.append(
                Finding(
                    id=finding_id(Check.BAD_VALUE, how, values),
                    check=Check.BAD_VALUE,
                    values=values,
                    verdict=FindingVerdict.IMPOSSIBLE,
                    sentence=f"A {_words(label)} cannot be {how} {bound}, and {text} is printed.",
                    evidence={"bound": bound},
                    reconcile=(_NO_SMALLER, "the number is of another kind than the card says"),
                    certificate=proof,
                )
            )
    return tuple(found)


def check_same(
    texts: Sequence[str],
    ids: Sequence[str],
    *,
    source: str = "",
) -> tuple[Finding, ...]:
    """One quantity printed in several places, perhaps to different numbers of digits."""
    found = []
    for (first, a), (second, b) in combinations(list(zip(ids, texts, strict=True)), 2):
        proof = _disagree(a, b)
        if proof is None:
            continue
        found.append(
            Finding(
                id=finding_id(Check.AGREEMENT, "same", (first, second)),
                check=Check.AGREEMENT,
                values=(first, second),
                verdict=FindingVerdict.IMPOSSIBLE,
                sentence=f"The same quantity is printed as {a} in one place and as {b} in another"
                + (f" ({source})." if source else "."),
                evidence={},
                reconcile=(
                    "the two are of different participants, times or definitions",
                    "one of them is misprinted",
                ),
                certificate=proof,
            )
        )
    return tuple(found)


def _disagree(a: str, b: str) -> Certificate | None:
    for smaller, larger in ((a, b), (b, a)):
        proof = Certificate(
            CertificateKind.ORDER, {"smaller": {"printed": smaller}, "larger": {"printed": larger}}
        )
        if check(proof):
            return proof
    return None


def check_significance(
    lower: str,
    upper: str,
    p: str,
    null: str = "0",
    *,
    level: float = 0.95,
    ids: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Does the interval exclude the null value exactly where p is below 1 - level?

    They come apart only near the border, where interval and test use different methods. Ratios
    have the sharper :func:`recohort.audit.ratio.check_ratio`. Silent where they agree or either
    lies on the border by its rounding.
    """
    low, high, centre = (Printed.parse(text) for text in (lower, upper, null))
    excludes = low.accepted.low > centre.value or high.accepted.high < centre.value
    includes = low.accepted.high < centre.value < high.accepted.low
    p_set, alpha = Printed.parse(p).accepted, 1 - level
    significant, not_significant = float(p_set.high) <= alpha, float(p_set.low) >= alpha
    if not ((excludes and not_significant) or (includes and significant)):
        return ()
    values = named(ids, "lower", "upper", "p")
    says = "excludes" if excludes else "contains"
    return (
        Finding(
            id=finding_id(Check.AGREEMENT, "significance", values),
            check=Check.AGREEMENT,
            values=values,
            verdict=FindingVerdict.UNDETERMINED,
            reason=UndeterminedReason.CONVENTION_UNKNOWN,
            sentence=(
                f"The {100 * level:g}% interval {lower} to {upper} {says} {null}, and p is "
                f"{p}: one says significant and the other does not."
            ),
            evidence={"null": null, "level": level},
            reconcile=(
                "interval and p-value come from different methods",
                "the p-value is adjusted for several comparisons, or one-sided",
                "a digit is misprinted",
            ),
            changes_conclusion=True,
        ),
    )


def _words(label: str) -> str:
    return label.replace("_", " ")

"""Comparisons of two groups and changes over time, against n, means, SDs, medians and U.

A p-value is impossible only where the test is stated and no unrounded values, one- or two-sided,
Student's or Welch's, give it. Where the test is not stated, it is undetermined.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from recohort.audit.certificate import Certificate, CertificateKind, check
from recohort.audit.finding import Check, Finding, FindingVerdict, UndeterminedReason
from recohort.audit.naming import finding_id, named
from recohort.printed import Printed

__all__ = [
    "check_mean_change",
    "check_paired",
    "check_rank_test",
    "check_survival",
    "check_two_means",
    "check_u_statistic",
]


def check_two_means(
    n1: int,
    mean1: str,
    sd1: str,
    n2: int,
    mean2: str,
    sd2: str,
    p: str,
    *,
    test_is_t: bool = False,
    ids: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """A p-value of two independent groups against their means and SDs under t tests.

    ``test_is_t``: the paper says that it used a t test. Silent where the p-value fits.
    """
    proof = Certificate(
        CertificateKind.TWO_SAMPLE_T,
        {"n1": n1, "mean1": mean1, "sd1": sd1, "n2": n2, "mean2": mean2, "sd2": sd2, "p": p},
    )
    if not check(proof):
        return ()
    values = named(ids, "mean1", "sd1", "n1", "mean2", "sd2", "n2", "p")
    return (
        Finding(
            id=finding_id(Check.TWO_SAMPLE, "t", values),
            check=Check.TWO_SAMPLE,
            values=values,
            verdict=FindingVerdict.IMPOSSIBLE if test_is_t else FindingVerdict.UNDETERMINED,
            reason=None if test_is_t else UndeterminedReason.CONVENTION_UNKNOWN,
            sentence=(
                "These values cannot all hold under a t test (Student's or Welch's, one- or "
                f"two-sided): {mean1} (SD {sd1}, n {n1}) against {mean2} (SD {sd2}, n {n2}) does "
                f"not give p {_equals(p)}, however the numbers were rounded."
            ),
            evidence=_p_evidence(n1, mean1, sd1, n2, mean2, sd2),
            reconcile=(
                "the p-value is from another test (Mann-Whitney, adjusted, or of logarithms)",
                "the numbers after ± are standard errors, not SDs",
                "some participants are missing from a group",
                "a digit is misprinted",
            ),
            certificate=proof if test_is_t else None,
        ),
    )


def _p_evidence(n1: int, mean1: str, sd1: str, n2: int, mean2: str, sd2: str) -> dict[str, object]:
    """Student's and Welch's p at the printed points, to show how far off the p-value is."""
    from scipy.special import stdtr

    m1, s1, m2, s2 = (float(Printed.parse(text).value) for text in (mean1, sd1, mean2, sd2))
    a, b = s1**2 / n1, s2**2 / n2
    pooled = ((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / (n1 + n2 - 2) * (1 / n1 + 1 / n2)
    if min(a, b, pooled) <= 0:
        return {}
    df = (a + b) ** 2 / (a**2 / (n1 - 1) + b**2 / (n2 - 1))
    gap = abs(m1 - m2)
    return {
        "student_p_at_printed": float(2 * stdtr(n1 + n2 - 2, -gap / pooled**0.5)),
        "welch_p_at_printed": float(2 * stdtr(df, -gap / (a + b) ** 0.5)),
    }


def check_paired(
    n: int,
    mean1: str,
    sd1: str,
    mean2: str,
    sd2: str,
    p: str,
    *,
    n_low: int | None = None,
    test_is_t: bool = False,
    ids: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """A paired p-value against means and SDs before and after, over all correlations.

    ``n_low`` is the smallest number of pairs, where some of the ``n`` may be missing at one time.
    Silent where some correlation gives the p-value.
    """
    proof = Certificate(
        CertificateKind.PAIRED_T,
        {
            "n_low": n if n_low is None else n_low,
            "n_high": n,
            "mean1": mean1,
            "sd1": sd1,
            "mean2": mean2,
            "sd2": sd2,
            "p": p,
        },
    )
    if not check(proof):
        return ()
    # With pairs missing, the means of the pairs are not the printed means: nothing is proved.
    proven = test_is_t and n_low in (None, n)
    values = named(ids, "mean1", "sd1", "mean2", "sd2", "n", "p")
    return (
        Finding(
            id=finding_id(Check.PAIRED, "t", values),
            check=Check.PAIRED,
            values=values,
            verdict=FindingVerdict.IMPOSSIBLE if proven else FindingVerdict.UNDETERMINED,
            reason=None if proven else UndeterminedReason.CONVENTION_UNKNOWN,
            sentence=(
                f"A change from {mean1} (SD {sd1}) to {mean2} (SD {sd2}) in {n} pairs does not "
                f"give p {_equals(p)} by a paired t test, whatever the correlation of the two."
            ),
            evidence={"n": n, "n_low": n if n_low is None else n_low},
            reconcile=(
                "the p-value is from another test (signed ranks, or of several times at once)",
                "fewer participants were measured at both times",
                "the numbers after ± are standard errors, not SDs",
                "a digit is misprinted",
            ),
            certificate=proof if proven else None,
        ),
    )


def check_rank_test(
    n1: int, n2: int | None, p: str, *, ids: Mapping[str, str] | None = None
) -> tuple[Finding, ...]:
    """A rank test's p-value against complete separation: the smallest that the numbers allow.

    ``n2`` None: a signed-rank test of ``n1`` pairs. Silent where the p-value can be reached.
    """
    design = "paired" if n2 is None else "two_sample"
    data: dict[str, object] = {"design": design, "n1": n1, "p": p}
    if n2 is not None:
        data["n2"] = n2
    proof = Certificate(CertificateKind.RANK_P, data)
    if not check(proof):
        return ()
    values = named(ids, *(("n1", "p") if n2 is None else ("n1", "n2", "p")))
    groups = f"{n1} pairs" if n2 is None else f"groups of {n1} and {n2}"
    return (
        Finding(
            id=finding_id(Check.RANK_TEST, design, values),
            check=Check.RANK_TEST,
            values=values,
            verdict=FindingVerdict.IMPOSSIBLE,
            sentence=(
                f"These values cannot all hold under a rank test: {groups}, however far apart, do "
                f"not give p {_equals(p)}."
            ),
            evidence={"n1": n1, "n2": n2},
            reconcile=(
                "the p-value is from a t test",
                "more participants, or several observations of each, were compared",
            ),
            certificate=proof,
        ),
    )


def check_u_statistic(
    n1: int, n2: int, u: str, *, ids: Mapping[str, str] | None = None
) -> tuple[Finding, ...]:
    """A Mann-Whitney U against n1·n2, the number of pairs. Silent where it lies within."""
    proof = Certificate(
        CertificateKind.ORDER, {"smaller": {"printed": u}, "larger": {"exact": str(n1 * n2)}}
    )
    if not check(proof):
        return ()
    values = named(ids, "u", "n1", "n2")
    return (
        Finding(
            id=finding_id(Check.RANK_TEST, "u", values),
            check=Check.RANK_TEST,
            values=values,
            verdict=FindingVerdict.IMPOSSIBLE,
            sentence=(
                f"U counts pairs of the two groups, of which there are {n1} × {n2} = {n1 * n2}: "
                f"it cannot be {u}."
            ),
            evidence={"largest": n1 * n2},
            reconcile=(
                "the number is the rank sum W, not U",
                "more participants were compared than stated",
            ),
            certificate=proof,
        ),
    )


def check_mean_change(
    before: str,
    after: str,
    change: str,
    *,
    same_participants: bool,
    ids: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """A mean change against the means before and after: exact if the participants are the same.

    The change may be printed as after - before or before - after. Medians have no such rule.
    """
    parts = [Printed.parse(text) for text in (before, after, change)]
    data = [
        {
            "parts": [{"printed": start}, {"printed": change}],
            "whole": {"printed": end},
            "relation": "equal",
        }
        for start, end in ((before, after), (after, before))
    ]
    proofs = [Certificate(CertificateKind.SUM, item) for item in data]
    if not all(check(proof) for proof in proofs):
        return ()
    # The sign of the printed change says which of the two sums it should obey; show the nearer.
    gap = parts[1].value - parts[0].value
    nearer = 0 if abs(parts[2].value - gap) <= abs(parts[2].value + gap) else 1
    values = named(ids, "before", "after", "change")
    return (
        Finding(
            id=finding_id(Check.CHANGE, "mean", values),
            check=Check.CHANGE,
            values=values,
            verdict=(
                FindingVerdict.IMPOSSIBLE if same_participants else FindingVerdict.UNDETERMINED
            ),
            reason=None if same_participants else UndeterminedReason.ASSUMPTION_DEPENDENT,
            sentence=(
                f"A mean of {before} before and {after} after differ by {float(abs(gap)):g}, which "
                f"no rounding prints as a mean change of {change} in the same participants."
            ),
            evidence={"difference_of_means": float(gap)},
            reconcile=(
                "the means are of all participants measured at that time, the change only of those "
                "measured at both",
                "the change is a median, or adjusted",
                "a digit is misprinted",
            ),
            certificate=proofs[nearer] if same_participants else None,
        ),
    )


def check_survival(
    n: int,
    events: int,
    percent: str,
    *,
    ids: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """A survival percentage at a time against the number of events by then.

    With d of n having had the event, no Kaplan-Meier estimate exceeds (n - d)/n: censoring before
    an event only lowers it. Silent where the printed percentage does not exceed that.

    Raises ValueError for events outside 0..n.
    """
    if n < 1 or not 0 <= events <= n:
        raise ValueError(f"n, events: got {n}, {events}; takes events within a size of at least 1")
    ceiling = Fraction(100 * (n - events), n)
    proof = Certificate(
        CertificateKind.ORDER, {"smaller": {"printed": percent}, "larger": {"exact": str(ceiling)}}
    )
    if not check(proof):
        return ()
    values = named(ids, "percent", "events", "n")
    return (
        Finding(
            id=finding_id(Check.SURVIVAL, "ceiling", values),
            check=Check.SURVIVAL,
            values=values,
            verdict=FindingVerdict.IMPOSSIBLE,
            sentence=(
                f"With {events} of {n} having had the event by then, no Kaplan-Meier estimate "
                f"exceeds {float(ceiling):.4g}%, and {percent}% is printed."
            ),
            evidence={"largest": float(ceiling)},
            reconcile=(
                "some of the events came after the time of the estimate",
                "the percentage is of other participants, or of another event",
            ),
            certificate=proof,
        ),
    )


def _equals(text: str) -> str:
    return text if text[:1] in "<>≤≥=" else f"= {text}"

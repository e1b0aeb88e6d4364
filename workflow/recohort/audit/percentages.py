"""A percentage of a count: does k of n print it, which k could, which denominators could?

All arithmetic is exact. A tie, such as 12.5 printed with no decimals, fits both neighbours:
software that computes in binary lets it fall to either side. Only a plain proportion can be
impossible: a percentage may be a Kaplan-Meier estimate or a model's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from recohort.audit.certificate import Certificate, CertificateKind
from recohort.audit.finding import Check, Finding, FindingVerdict, UndeterminedReason
from recohort.printed import Printed, RealSet, RoundingRule

__all__ = [
    "Estimator",
    "Pair",
    "audit_denominators",
    "audit_percentage",
    "possible_counts",
    "possible_pairs",
    "printing_rules",
]

_NEAREST: Final = (RoundingRule.HALF_UP, RoundingRule.HALF_EVEN)
_MOST_LISTED: Final = 20


class Estimator(StrEnum):
    """What a printed percentage estimates by."""

    PROPORTION = "proportion"
    """A count over a number of observations."""
    KAPLAN_MEIER = "kaplan_meier"
    """A survival estimate, which censoring moves away from any count over n."""
    OTHER = "other"
    """A model's or a weighted estimate."""
    UNSTATED = "unstated"
    """The paper does not say."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A count and a number of observations that print a percentage."""

    count: int
    n: int


def _set(percent: Printed, rule: RoundingRule | None) -> RealSet:
    """The percentages that print as the text; None: rounded to the nearest, ties either way."""
    if rule is not None:
        return percent.under(rule)
    found = percent.accepted
    return RealSet(found.low, found.high) if percent.is_exact else found


def printing_rules(count: int, n: int, percent: Printed) -> tuple[RoundingRule, ...]:
    """The rounding rules under which 100 * count / n prints as the text.

    Raises:
        ValueError: n is not positive.
    """
    if n < 1:
        raise ValueError(f"n: got {n}; takes at least 1")
    value = Fraction(100 * count, n)
    return tuple(rule for rule in RoundingRule if value in percent.under(rule))


def _prints(count: int, n: int, percent: Printed) -> bool:
    return Fraction(100 * count, n) in _set(percent, None)


def possible_counts(n: int, percent: Printed, rule: RoundingRule | None = None) -> tuple[int, ...]:
    """All counts from 0 to n that print the percentage, under one rule or to the nearest (None).

    Raises:
        ValueError: n is not positive.
    """
    if n < 1:
        raise ValueError(f"n: got {n}; takes at least 1")
    found = _set(percent, rule)
    first = 0 if isinstance(found.low, float) else max(math.floor(found.low * n / 100), 0)
    last = n if isinstance(found.high, float) else min(math.ceil(found.high * n / 100), n)
    return tuple(k for k in range(first, last + 1) if Fraction(100 * k, n) in found)


def possible_pairs(
    percent: Printed, max_n: int, *, min_n: int = 1, rule: RoundingRule | None = None
) -> tuple[Pair, ...]:
    """All counts and denominators, up to ``max_n`` observations, that print the percentage.

    Raises:
        ValueError: the range of n is empty or does not start at 1 or above.
    """
    if not 1 <= min_n <= max_n:
        raise ValueError(f"max_n: got {min_n} to {max_n}; takes 1 <= min_n <= max_n")
    return tuple(
        Pair(k, n) for n in range(min_n, max_n + 1) for k in possible_counts(n, percent, rule)
    )


def _whole(text: str, name: str) -> int:
    printed = Printed.parse(text)
    if not printed.is_exact or printed.value.denominator != 1:
        raise ValueError(f"{name}: got {text!r}; takes a whole number")
    return int(printed.value)


def audit_percentage(
    count: str | None,
    n: str | None,
    percent: str,
    *,
    estimator: Estimator | str = Estimator.PROPORTION,
    denominators: Mapping[str, int] | None = None,
    max_n: int = 1000,
    id: str = "percentage",
    values: Sequence[str] = (),
) -> Finding:
    """Whether a count, its denominator and its percentage, as printed, go together.

    ``count`` or ``n`` may be None where it was not printed: then all that print the percentage are
    listed (n up to ``max_n``). ``denominators`` names other numbers of observations of the paper,
    tried where the stated one fails. ``values`` are the reported values' ids.

    Verdicts: ``possible`` where rounding to the nearest prints it; ``undetermined`` where only
    truncation or ceiling does (one paper has one rule, which another check judges) or where the
    percentage may not be a plain proportion; else ``impossible``.

    Raises:
        ValueError: a text is no number, or a count or n no whole number.
    """
    kind = Estimator(estimator)
    printed = Printed.parse(percent)
    k = None if count is None else _whole(count, "count")
    size = None if n is None else _whole(n, "n")
    ask = _Asked(id, tuple(values), printed, k, size, kind, dict(denominators or {}), max_n)
    bad = ask.bad_value()
    if bad is not None:
        return bad
    if size is None:
        return ask.without_n()
    return ask.without_count(size) if k is None else ask.complete(k, size)


@dataclass(frozen=True)
class _Asked:
    id: str
    values: tuple[str, ...]
    percent: Printed
    count: int | None
    n: int | None
    estimator: Estimator
    denominators: dict[str, int]
    max_n: int

    def finding(
        self,
        verdict: FindingVerdict,
        sentence: str,
        *,
        check: Check = Check.COUNT_PERCENTAGE,
        reason: UndeterminedReason | None = None,
        evidence: Mapping[str, Any] | None = None,
        reconcile: Sequence[str] = (),
        certificate: Certificate | None = None,
    ) -> Finding:
        return Finding(
            id=self.id,
            check=check,
            values=self.values,
            verdict=verdict,
            sentence=sentence,
            reason=reason,
            evidence=dict(evidence or {}),
            reconcile=tuple(reconcile),
            certificate=certificate,
        )

    def conflict(
        self,
        sentence: str,
        certificate: Certificate,
        *,
        explained: Sequence[RoundingRule] = (),
        evidence: Mapping[str, Any] | None = None,
        reconcile: Sequence[str] = (),
    ) -> Finding:
        """Impossible for a plain proportion that no single rounding rule explains."""
        shown = {**(evidence or {}), "explained_by": [str(rule) for rule in explained]}
        if self.estimator is not Estimator.PROPORTION:
            verdict, reason = FindingVerdict.UNDETERMINED, UndeterminedReason.ASSUMPTION_DEPENDENT
            if self.estimator in (Estimator.KAPLAN_MEIER, Estimator.OTHER):
                return self.finding(
                    FindingVerdict.NOTE,
                    f"{sentence} It need not: it is no plain proportion ({self.estimator}).",
                    evidence=shown,
                )
            return self.finding(
                verdict,
                f"{sentence} It may be an estimate of another kind, such as Kaplan-Meier.",
                reason=reason,
                evidence=shown,
                reconcile=("The percentage is no plain proportion.", *reconcile),
            )
        if explained:
            named = " or ".join(explained)
            return self.finding(
                FindingVerdict.UNDETERMINED,
                f"{sentence} {named.capitalize()} would print it.",
                reason=UndeterminedReason.CONVENTION_UNKNOWN,
                evidence=shown,
                reconcile=(f"The paper rounds by {named}.", *reconcile),
            )
        return self.finding(
            FindingVerdict.IMPOSSIBLE,
            sentence,
            evidence=shown,
            reconcile=reconcile,
            certificate=certificate,
        )

    def bad_value(self) -> Finding | None:
        """Values that no count, denominator or proportion can have."""
        text = self.percent.text
        if self.count is not None and self.count < 0:
            return self._order({"exact": "0"}, {"exact": str(self.count)}, "A count is negative.")
        if self.n is not None and self.n < 1:
            said = f"{text} is given as a percentage of {self.n} observations."
            return self._order({"exact": "1"}, {"exact": str(self.n)}, said)
        if self.count is not None and self.n is not None and self.count > self.n:
            said = f"{self.count} of {self.n} counts more than all."
            return self._order({"exact": str(self.count)}, {"exact": str(self.n)}, said)
        if self.estimator is Estimator.OTHER:
            return None
        box = self.percent.accepted
        if box.low > 100:
            said = f"A percentage of {text} exceeds 100."
            return self._order({"printed": text}, {"exact": "100"}, said)
        if box.high < 0:
            said = f"A percentage of {text} is negative."
            return self._order({"exact": "0"}, {"printed": text}, said)
        return None

    def _order(self, smaller: dict[str, str], larger: dict[str, str], sentence: str) -> Finding:
        certificate = Certificate(CertificateKind.ORDER, {"smaller": smaller, "larger": larger})
        return self.finding(
            FindingVerdict.IMPOSSIBLE, sentence, check=Check.BAD_VALUE, certificate=certificate
        )

    def complete(self, count: int, n: int) -> Finding:
        """Count, denominator and percentage."""
        exact = Fraction(100 * count, n)
        shown = _decimal(exact, self.percent.decimals + 2)
        rules = printing_rules(count, n, self.percent)
        evidence: dict[str, Any] = {"exact": shown, "rules": [str(rule) for rule in rules]}
        if _prints(count, n, self.percent):
            said = f"{count}/{n} = {shown}% prints as {self.percent.text}."
            return self.finding(FindingVerdict.POSSIBLE, said, evidence=evidence)
        certificate = Certificate(
            CertificateKind.COUNT_PERCENT,
            {"k": count, "n": n, "scale": 100, "printed": self.percent.text},
        )
        others = [name for name, m in self.denominators.items() if m != n and m >= max(count, 1)]
        fitting = [name for name in others if _prints(count, self.denominators[name], self.percent)]
        sizes = [m for m in range(max(count, 1), 2 * n + 1) if _prints(count, m, self.percent)]
        counts = possible_counts(n, self.percent)
        evidence |= {
            "fitting_denominators": {name: self.denominators[name] for name in fitting},
            "fitting_n": sizes[:_MOST_LISTED],
            "fitting_counts": list(counts[:_MOST_LISTED]),
        }
        right = self.percent.format(float(exact))
        reconcile = [f"The denominator is {name} ({self.denominators[name]})." for name in fitting]
        if sizes:
            nearest = min(sizes, key=lambda m: abs(m - n))
            reconcile.append(
                f"n = {nearest}, as where {abs(n - nearest)} observations are missing."
                if nearest < n
                else f"n = {nearest} instead of {n}."
            )
        reconcile.append(f"{right} instead of {self.percent.text}.")
        if counts:
            nearest_count = min(counts, key=lambda k: abs(k - count))
            reconcile.append(f"{nearest_count} instead of {count}.")
        return self.conflict(
            f"{count}/{n} = {shown}% does not print as {self.percent.text}.",
            certificate,
            explained=rules,
            evidence=evidence,
            reconcile=reconcile,
        )

    def without_count(self, n: int) -> Finding:
        """Denominator and percentage."""
        counts = possible_counts(n, self.percent)
        text = self.percent.text
        if counts:
            listed = _listed([str(k) for k in counts])
            return self.finding(
                FindingVerdict.POSSIBLE,
                f"{text}% of {n} is a count of {listed}.",
                evidence={"counts": list(counts[:200])},
            )
        others = {
            rule: possible_counts(n, self.percent, rule)
            for rule in RoundingRule
            if rule not in _NEAREST
        }
        below = math.floor(self.percent.value * n / 100)
        near = [
            f"{k}/{n} = {_decimal(Fraction(100 * k, n), self.percent.decimals + 2)}%"
            for k in (below, below + 1)
            if 0 <= k <= n
        ]
        fitting = [
            name
            for name, m in self.denominators.items()
            if m >= 1 and possible_counts(m, self.percent)
        ]
        certificate = Certificate(
            CertificateKind.NO_COUNT, {"n_low": n, "n_high": n, "scale": 100, "printed": text}
        )
        return self.conflict(
            f"No count of {n} prints as {text}%: the nearest are {' and '.join(near)}.",
            certificate,
            explained=[rule for rule, found in others.items() if found],
            evidence={"fitting_denominators": {name: self.denominators[name] for name in fitting}},
            reconcile=[f"The denominator is {k} ({self.denominators[k]})." for k in fitting],
        )

    def without_n(self) -> Finding:
        """A percentage, with or without its count, whose denominator was not printed."""
        first = 1 if self.count is None else max(self.count, 1)
        if self.count is None:
            pairs = possible_pairs(self.percent, self.max_n)
        else:
            pairs = tuple(
                Pair(self.count, n)
                for n in range(first, max(self.max_n, first) + 1)
                if _prints(self.count, n, self.percent)
            )
        evidence = {
            "pairs": [[p.count, p.n] for p in pairs[:200]],
            "max_n": self.max_n,
            "denominators": {
                k: m for k, m in self.denominators.items() if any(p.n == m for p in pairs)
            },
        }
        what = (
            f"{self.percent.text}%"
            if self.count is None
            else (f"{self.count} as {self.percent.text}%")
        )
        if pairs:
            listed = _listed([f"{p.count}/{p.n}" for p in pairs])
            return self.finding(
                FindingVerdict.POSSIBLE, f"{what} can be {listed}.", evidence=evidence
            )
        return self.finding(
            FindingVerdict.UNDETERMINED,
            f"{what} fits no denominator up to {self.max_n}.",
            reason=UndeterminedReason.MISSING_INPUT,
            evidence=evidence,
        )


def audit_denominators(
    percent: str,
    denominators: Mapping[str, int],
    *,
    count: str | None = None,
    estimator: Estimator | str = Estimator.PROPORTION,
    id: str = "denominator",
    values: Sequence[str] = (),
) -> Finding:
    """Which of a paper's numbers of observations can give a percentage, and which cannot.

    A note where some can (its evidence lists the counts for each), ``undetermined`` where none can:
    the percentage may have a denominator of its own.

    Raises:
        ValueError: a text is no number, the count no whole number, or a denominator below 1.
    """
    printed = Printed.parse(percent)
    k = None if count is None else _whole(count, "count")
    kind = Estimator(estimator)
    fits: dict[str, list[int]] = {}
    fails: dict[str, int] = {}
    for name, n in denominators.items():
        if n < 1:
            raise ValueError(f"denominators: got {n} for {name!r}; takes numbers of at least 1")
        counts = possible_counts(n, printed)
        if k is not None:
            counts = tuple(c for c in counts if c == k)
        if counts:
            fits[name] = list(counts[:_MOST_LISTED])
        else:
            fails[name] = n
    evidence = {"fits": fits, "fails": fails, "estimator": str(kind)}
    what = f"{printed.text}%" if k is None else f"{k} as {printed.text}%"
    if fits:
        can = _listed([f"{name} ({denominators[name]})" for name in fits])
        cannot = _listed([f"{name} ({n})" for name, n in fails.items()]) if fails else "none"
        return Finding(
            id=id,
            check=Check.DENOMINATOR,
            values=tuple(values),
            verdict=FindingVerdict.NOTE,
            sentence=f"{what} can be a share of {can}; it cannot be one of: {cannot}.",
            evidence=evidence,
        )
    return Finding(
        id=id,
        check=Check.DENOMINATOR,
        values=tuple(values),
        verdict=FindingVerdict.UNDETERMINED,
        sentence=f"{what} is a share of none of the paper's denominators.",
        reason=UndeterminedReason.MISSING_INPUT
        if kind is Estimator.PROPORTION
        else UndeterminedReason.ASSUMPTION_DEPENDENT,
        evidence=evidence,
        reconcile=("The percentage has a denominator that is not printed.",),
    )


def _decimal(value: Fraction, digits: int) -> str:
    """Cut, not rounded, so that the shown digits are digits of the exact value."""
    digits = max(digits, 0)
    scaled = math.floor(value * 10**digits)
    shown = f"{scaled / 10**digits:.{digits}f}"
    return shown if Fraction(scaled, 10**digits) == value else f"{shown}…"


def _listed(parts: Sequence[str]) -> str:
    if len(parts) > _MOST_LISTED:
        parts = [*parts[:_MOST_LISTED], f"… ({len(parts)} in all)"]
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} or {parts[-1]}"

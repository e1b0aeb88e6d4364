"""One rounding rule for the whole paper, and the values that break it.

Half-up and half-even are accepted. A value that only cutting off (or rounding up) prints is no
error where the whole paper cuts off: that is then said. Where other values of the same paper
exclude it, no single rule prints them all: the finding names the value and one that excludes the
rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from recohort.audit.certificate import Certificate, CertificateKind
from recohort.audit.finding import Check, Finding, FindingVerdict
from recohort.audit.naming import finding_id
from recohort.printed import ACCEPTED_RULES, Printed, RoundingRule

__all__ = ["Quotient", "check_rounding", "rules_that_fit"]

_OTHER_RULES = (RoundingRule.TRUNCATION, RoundingRule.CEILING)
_DOING = {
    RoundingRule.TRUNCATION: "cut off rather than rounded",
    RoundingRule.CEILING: "rounded up rather than to the nearest",
}


@dataclass(frozen=True, slots=True)
class Quotient:
    """A printed number that is exactly ``scale`` × k / n, with the ids that say so."""

    printed: str
    k: int
    n: int
    scale: int = 100
    ids: tuple[str, ...] = ()
    """The id of the printed number first, then those of the count and of n."""

    @property
    def exact(self) -> Fraction:
        """The unrounded number."""
        return Fraction(self.scale * self.k, self.n)

    def printed_by(self, rule: RoundingRule) -> bool:
        """Whether the rule prints the number as it was printed."""
        return rule in self.rules

    @property
    def rules(self) -> frozenset[RoundingRule]:
        """All rules that print the number as it was printed."""
        return _rules(self.printed, self.exact)

    def __str__(self) -> str:
        return f"{self.printed} = {self.k}/{self.n}"


@lru_cache(maxsize=4096)
def _rules(text: str, exact: Fraction) -> frozenset[RoundingRule]:
    printed = Printed.parse(text)
    return frozenset(rule for rule in RoundingRule if exact in printed.under(rule))


def rules_that_fit(quotients: Sequence[Quotient]) -> tuple[RoundingRule, ...]:
    """Rounding rules that print every one of the quotients that some rule prints."""
    usable = [q.rules for q in quotients if q.rules]
    return tuple(rule for rule in RoundingRule if all(rule in rules for rules in usable))


def check_rounding(quotients: Sequence[Quotient]) -> tuple[Finding, ...]:
    """Does one rounding rule print all quotients? Those that no rule prints are left out.

    Silent where half-up and half-even account for everything.
    """
    usable = [q for q in quotients if Printed.parse(q.printed).is_exact and q.n > 0 and q.rules]
    odd = [q for q in usable if not q.rules & set(ACCEPTED_RULES)]
    if not odd:
        return ()
    for rule in _OTHER_RULES:
        if all(q.printed_by(rule) for q in usable):
            return (_whole_paper(rule, odd, usable),)
    return tuple(finding for q in odd if (finding := _breaks(q, usable)) is not None)


def _whole_paper(
    rule: RoundingRule, odd: Sequence[Quotient], usable: Sequence[Quotient]
) -> Finding:
    values = tuple(dict.fromkeys(q.ids[0] if q.ids else str(q) for q in odd))
    shown = ", ".join(f"{q.printed} for {_decimal(q)} ({q.k}/{q.n})" for q in odd[:4])
    return Finding(
        id=finding_id(Check.ROUNDING, str(rule), values),
        check=Check.ROUNDING,
        values=values,
        verdict=FindingVerdict.NOTE,
        sentence=f"The paper's numbers are {_DOING[rule]}: {shown}.",
        evidence={"rule": str(rule), "values": len(usable), "only_by_this_rule": len(odd)},
    )


def _breaks(odd: Quotient, usable: Sequence[Quotient]) -> Finding | None:
    """No rule prints ``odd`` together with one or two other values of the paper."""
    witnesses: list[Quotient] = []
    for rule in sorted(odd.rules):
        against = [q for q in usable if not q.printed_by(rule)]
        if not against:
            return None
        # The plainest witness: a value that the rounding moved furthest.
        witness = max(against, key=lambda q: (len(q.rules & set(ACCEPTED_RULES)), -q.n))
        if witness not in witnesses:
            witnesses.append(witness)
    items = [odd, *witnesses]
    proof = Certificate(
        CertificateKind.ROUNDING,
        {"items": [{"k": q.k, "n": q.n, "scale": q.scale, "printed": q.printed} for q in items]},
    )
    rule = min(odd.rules)
    if RoundingRule.TRUNCATION in odd.rules:
        rule = RoundingRule.TRUNCATION
    nearest = Printed.parse(odd.printed).format(float(odd.exact))
    values = tuple(dict.fromkeys(i for q in items for i in (q.ids or (str(q),))))
    other = witnesses[0]
    return Finding(
        id=finding_id(Check.ROUNDING, "mixed", values[:1]),
        check=Check.ROUNDING,
        values=values,
        verdict=FindingVerdict.IMPOSSIBLE,
        sentence=(
            f"These values cannot all hold under any one rounding rule: {odd.printed} is "
            f"{odd.k}/{odd.n} = {_decimal(odd)} {_DOING[rule]} (it rounds to {nearest}), while "
            f"{other.printed} is {other.k}/{other.n} = {_decimal(other)} rounded to the nearest."
        ),
        evidence={
            "rules_that_print_it": sorted(map(str, odd.rules)),
            "exact": str(odd.exact),
            "rounds_to": nearest,
        },
        reconcile=(
            f"{odd.printed} was {_DOING[rule]}; it should read {nearest}",
            f"the count is not {odd.k} or the whole is not {odd.n}",
        ),
        certificate=proof,
    )


def _decimal(quotient: Quotient) -> str:
    decimals = max(Printed.parse(quotient.printed).decimals, 0) + 2
    return f"{float(quotient.exact):.{decimals}f}"

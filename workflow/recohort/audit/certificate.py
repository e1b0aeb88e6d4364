"""Certificates: the arithmetic behind a finding of ``impossible``, and its checker.

A certificate holds printed strings and whole numbers, nothing computed by the check that issued
it. :func:`check` works the contradiction out again from those strings, on its own: it uses no
solver and nothing of the checks, of ``feasible`` or of ``printed``. Each kind of certificate is one
short function in a ``certificate_*`` module beside this one.

A new kind: one member of :class:`CertificateKind`, one function, one line in ``_CHECKERS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from typing import Any, Final

__all__ = ["Certificate", "CertificateKind", "check"]


class CertificateKind(StrEnum):
    """What contradiction a certificate shows; each member's data is described at its checker."""

    # certificate_counts.py
    ORDER = "order"
    """A number that must not exceed another does, however both were rounded."""
    SUM = "sum"
    """Parts that must add up to a whole cannot, however all were rounded."""
    COUNT_PERCENT = "count_percent"
    """k of n does not print the percentage under an accepted rounding rule."""
    NO_COUNT = "no_count"
    """No whole number of n prints the percentage, for any n in the stated range."""
    NOT_WHOLE = "not_whole"
    """A count with a fraction."""
    ROUNDING = "rounding"
    """No single rounding rule prints all of several quotients of counts."""

    # certificate_intervals.py
    BINOMIAL_TAIL = "binomial_tail"
    """A limit leaves far more probability beyond the count than its level allows."""
    NO_TABLE = "no_table"
    """No 2×2 table with the given margins prints the ratio."""
    AUC_BOUND = "auc_bound"
    """An AUC's interval is wider than any distribution of scores allows."""
    WALD_RATIO = "wald_ratio"
    """No ratio and standard error under Wald print estimate, limits and p-value."""

    # certificate_tests.py
    TWO_SAMPLE_T = "two_sample_t"
    """Neither Student's nor Welch's t gives the p-value for any unrounded means and SDs."""
    PAIRED_T = "paired_t"
    """No correlation between the two measurements gives the p-value under a paired t test."""
    RANK_P = "rank_p"
    """The p-value is smaller than that of complete separation of the two groups."""

    # certificate_variable.py
    ONE_VARIABLE = "one_variable"
    """No sample has the printed n, mean, SD, quantiles, extremes and counts of one variable."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A kind and its data: JSON-able, numbers that were printed kept as printed text."""

    kind: CertificateKind
    data: Mapping[str, Any] = field(hash=False)

    def to_json(self) -> dict[str, Any]:
        """A plain mapping for ``audit.json``."""
        return {"kind": str(self.kind), "data": dict(self.data)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Certificate:
        """The inverse of :meth:`to_json`."""
        return cls(CertificateKind(value["kind"]), dict(value["data"]))


_CHECKERS: Final[dict[CertificateKind, tuple[str, str]]] = {
    CertificateKind.ORDER: ("certificate_counts", "order"),
    CertificateKind.SUM: ("certificate_counts", "total"),
    CertificateKind.COUNT_PERCENT: ("certificate_counts", "count_percent"),
    CertificateKind.NO_COUNT: ("certificate_counts", "no_count"),
    CertificateKind.NOT_WHOLE: ("certificate_counts", "not_whole"),
    CertificateKind.ROUNDING: ("certificate_counts", "rounding"),
    CertificateKind.BINOMIAL_TAIL: ("certificate_intervals", "binomial_tail"),
    CertificateKind.NO_TABLE: ("certificate_intervals", "no_table"),
    CertificateKind.AUC_BOUND: ("certificate_intervals", "auc_bound"),
    CertificateKind.WALD_RATIO: ("certificate_intervals", "wald_ratio"),
    CertificateKind.TWO_SAMPLE_T: ("certificate_tests", "two_sample_t"),
    CertificateKind.PAIRED_T: ("certificate_tests", "paired_t"),
    CertificateKind.RANK_P: ("certificate_tests", "rank_p"),
    CertificateKind.ONE_VARIABLE: ("certificate_variable", "one_variable"),
}
"""Kind -> module and function. Loaded when needed: most papers need none."""


def check(certificate: Certificate) -> bool:
    """Whether the certificate's data do contradict each other, worked out afresh.

    Anything malformed (a missing field, text that is no number, a range the wrong way round) is
    answered with False: a certificate that cannot be read proves nothing.
    """
    try:
        module, name = _CHECKERS[CertificateKind(certificate.kind)]
        function: Callable[[Mapping[str, Any]], bool] = getattr(
            import_module(f"recohort.audit.{module}"), name
        )
        return bool(function(certificate.data))
    except (KeyError, ValueError, TypeError, ArithmeticError, AttributeError):
        return False

"""A finding: what the audit says of a set of reported values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from recohort.audit.certificate import Certificate, check

__all__ = ["Check", "Finding", "FindingVerdict", "UndeterminedReason"]


class Check(StrEnum):
    """The family of arithmetic that a finding comes from."""

    BAD_VALUE = "bad_value"
    COUNT_PERCENTAGE = "count_percentage"
    DENOMINATOR = "denominator"
    TOTAL = "total"
    NESTING = "nesting"
    ONE_VARIABLE = "one_variable"
    RATIO = "ratio"
    TWO_BY_TWO = "two_by_two"
    EVENTS_PER_VARIABLE = "events_per_variable"
    ADJUSTED_SE = "adjusted_se"
    PROPORTION_INTERVAL = "proportion_interval"
    AUC_INTERVAL = "auc_interval"
    TWO_SAMPLE = "two_sample"
    RANK_TEST = "rank_test"
    PAIRED = "paired"
    CHANGE = "change"
    SURVIVAL = "survival"
    ROUNDING = "rounding"
    AGREEMENT = "agreement"


class FindingVerdict(StrEnum):
    """How far the arithmetic goes."""

    IMPOSSIBLE = "impossible"
    """No data of the stated design give all the values, under any accepted convention."""
    UNDETERMINED = "undetermined"
    """The values do not fit under the conventions tried, but something unstated could mend it."""
    NOTE = "note"
    """Not a conflict: something that a reader should know, such as the convention used."""
    POSSIBLE = "possible"
    """The values fit together; the evidence says how."""


class UndeterminedReason(StrEnum):
    """Why the arithmetic cannot decide."""

    MISSING_INPUT = "missing_input"
    ASSUMPTION_DEPENDENT = "assumption_dependent"
    CONVENTION_UNKNOWN = "convention_unknown"
    SEARCH_EXHAUSTED = "search_exhausted"
    MONTE_CARLO_ERROR = "monte_carlo_error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says of one set of reported values.

    ``values`` are ids of reported values: the minimal conflicting set where there is a conflict.
    ``sentence`` is one plain sentence; ``reconcile`` lists the single changes or readings that
    would mend a conflict, the most benign first; ``evidence`` is JSON-able; ``changes_conclusion``
    says whether the sign or the significance flips (None: does not apply).

    Raises ValueError where the verdict is impossible without a certificate that checks, where it is
    undetermined without a reason, or where either is given to another verdict.
    """

    id: str
    check: Check
    values: tuple[str, ...]
    verdict: FindingVerdict
    sentence: str
    reason: UndeterminedReason | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict, hash=False)
    reconcile: tuple[str, ...] = ()
    certificate: Certificate | None = None
    changes_conclusion: bool | None = None

    def __post_init__(self) -> None:
        impossible = self.verdict is FindingVerdict.IMPOSSIBLE
        if impossible and (self.certificate is None or not check(self.certificate)):
            raise ValueError(
                f"certificate: got {self.certificate!r}; an impossible finding takes a certificate "
                "that its checker confirms"
            )
        if not impossible and self.certificate is not None:
            raise ValueError(f"certificate: got one for the verdict {self.verdict}; takes None")
        if (self.verdict is FindingVerdict.UNDETERMINED) != (self.reason is not None):
            raise ValueError(
                f"reason: got {self.reason!r} for the verdict {self.verdict}; an undetermined "
                "finding takes a reason, no other does"
            )

    @property
    def is_conflict(self) -> bool:
        """Whether the finding says that values do not, or do not visibly, fit together."""
        return self.verdict in (FindingVerdict.IMPOSSIBLE, FindingVerdict.UNDETERMINED)

    def to_json(self) -> dict[str, Any]:
        """A plain mapping with a fixed order of keys, for ``audit.json``."""
        return {
            "id": self.id,
            "check": str(self.check),
            "values": list(self.values),
            "verdict": str(self.verdict),
            "reason": None if self.reason is None else str(self.reason),
            "sentence": self.sentence,
            "evidence": dict(self.evidence),
            "reconcile": list(self.reconcile),
            "certificate": None if self.certificate is None else self.certificate.to_json(),
            "changes_conclusion": self.changes_conclusion,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Finding:
        """The inverse of :meth:`to_json`; an impossible finding's certificate is checked again."""
        return cls(
            id=value["id"],
            check=Check(value["check"]),
            values=tuple(value["values"]),
            verdict=FindingVerdict(value["verdict"]),
            sentence=value["sentence"],
            reason=None if value["reason"] is None else UndeterminedReason(value["reason"]),
            evidence=dict(value["evidence"]),
            reconcile=tuple(value["reconcile"]),
            certificate=(
                None
                if value["certificate"] is None
                else Certificate.from_json(value["certificate"])
            ),
            changes_conclusion=value["changes_conclusion"],
        )

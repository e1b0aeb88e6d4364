"""Findings: what may be said only with proof."""

from __future__ import annotations

import json

import pytest

from recohort.audit.certificate import Certificate, CertificateKind
from recohort.audit.finding import Check, Finding, FindingVerdict, UndeterminedReason

PROOF = Certificate(
    CertificateKind.COUNT_PERCENT, {"k": 9, "n": 60, "scale": 100, "printed": "17.0"}
)


def finding(**changed: object) -> Finding:
    fields: dict[str, object] = {
        "id": "a",
        "check": Check.COUNT_PERCENTAGE,
        "values": ("x.percent", "x.count"),
        "verdict": FindingVerdict.IMPOSSIBLE,
        "sentence": "9 of 60 is 15.0%.",
        "certificate": PROOF,
    }
    return Finding(**(fields | changed))  # type: ignore[arg-type]


def test_impossible_takes_a_certificate_that_checks() -> None:
    assert finding().is_conflict
    with pytest.raises(ValueError, match="certificate"):
        finding(certificate=None)
    false = Certificate(
        CertificateKind.COUNT_PERCENT, {"k": 9, "n": 60, "scale": 100, "printed": "15.0"}
    )
    with pytest.raises(ValueError, match="certificate"):
        finding(certificate=false)


def test_other_verdicts_take_none() -> None:
    with pytest.raises(ValueError, match="certificate"):
        finding(verdict=FindingVerdict.NOTE)


def test_undetermined_takes_a_reason_and_no_other_does() -> None:
    with pytest.raises(ValueError, match="reason"):
        finding(verdict=FindingVerdict.UNDETERMINED, certificate=None)
    with pytest.raises(ValueError, match="reason"):
        finding(reason=UndeterminedReason.MISSING_INPUT)
    made = finding(
        verdict=FindingVerdict.UNDETERMINED,
        certificate=None,
        reason=UndeterminedReason.CONVENTION_UNKNOWN,
    )
    assert made.reason is UndeterminedReason.CONVENTION_UNKNOWN


def test_json_there_and_back() -> None:
    one = finding(evidence={"exact": "15"}, reconcile=("15.0 instead of 17.0",))
    text = json.dumps(one.to_json())
    assert Finding.from_json(json.loads(text)) == one
    assert json.dumps(Finding.from_json(json.loads(text)).to_json()) == text


def test_json_with_a_tampered_certificate_is_refused() -> None:
    stored = finding().to_json()
    stored["certificate"]["data"]["k"] = 10.2
    stored["certificate"]["data"]["printed"] = "16.7"
    with pytest.raises(ValueError, match="certificate"):
        Finding.from_json(stored)

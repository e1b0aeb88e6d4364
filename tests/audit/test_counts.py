"""Totals, covers and overlaps against enumeration of memberships."""

from __future__ import annotations

import itertools

import pytest

from recohort.audit.certificate import check
from recohort.audit.counts import Parts, audit_overlap, audit_total
from recohort.audit.finding import Finding, FindingVerdict


def assert_impossible(finding: Finding) -> None:
    assert finding.verdict is FindingVerdict.IMPOSSIBLE
    assert finding.certificate is not None
    assert check(finding.certificate)


@pytest.mark.parametrize("relation", list(Parts))
@pytest.mark.parametrize("parts", list(itertools.product(range(4), repeat=2)))
@pytest.mark.parametrize("whole", range(5))
def test_totals_against_all_memberships(
    relation: Parts, parts: tuple[int, int], whole: int
) -> None:
    allowed = {
        Parts.PARTITION: {(1, 0), (0, 1)},
        Parts.COVER: {(1, 0), (0, 1), (1, 1)},
        Parts.EXCLUSIVE: {(1, 0), (0, 1), (0, 0)},
        Parts.FREE: {(1, 0), (0, 1), (0, 0), (1, 1)},
    }[relation]
    exists = any(
        (sum(m[0] for m in members), sum(m[1] for m in members)) == parts
        for members in itertools.combinations_with_replacement(sorted(allowed), whole)
    )
    finding = audit_total({"a": parts[0], "b": parts[1]}, whole, relation)
    if exists:
        assert finding.verdict is not FindingVerdict.IMPOSSIBLE
    else:
        assert_impossible(finding)


def test_criteria_that_overlap_force_members_with_several() -> None:
    finding = audit_total({"scan": 5, "biopsy": 1, "size": 7}, 11, Parts.COVER)
    assert finding.verdict is FindingVerdict.NOTE
    assert finding.evidence["overlap_at_least"] == 1
    assert finding.evidence["overlap_at_most"] == 2
    two = audit_total({"scan": 9, "size": 9}, 11, Parts.COVER)
    assert two.evidence["overlap_at_least"] == 7


@pytest.mark.parametrize("n", range(5))
def test_overlaps_against_all_memberships(n: int) -> None:
    for a, b, shared in itertools.product(range(n + 1), range(n + 1), range(-1, n + 1)):
        exists = max(0, a + b - n) <= shared <= min(a, b)
        finding = audit_overlap({"a": a, "b": b}, n, {("a", "b"): shared})
        if exists:
            assert finding.verdict is FindingVerdict.POSSIBLE
        else:
            assert_impossible(finding)


def test_forced_overlap_and_union() -> None:
    assert audit_overlap({"a": 8, "b": 7}, 10).evidence["forced"] == {"a and b": 5}
    pairs = {("a", "b"): 0, ("a", "c"): 0, ("b", "c"): 0}
    assert_impossible(audit_overlap({"a": 4, "b": 4, "c": 4}, 10, pairs))
    assert_impossible(audit_overlap({"a": 12}, 10))


def test_refusals_name_the_argument() -> None:
    with pytest.raises(ValueError, match="parts: got none"):
        audit_total({}, 3)
    with pytest.raises(ValueError, match="whole: got"):
        audit_total({"a": 1}, 1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="both: got the pair"):
        audit_overlap({"a": 1, "b": 1}, 3, {("a", "x"): 0})

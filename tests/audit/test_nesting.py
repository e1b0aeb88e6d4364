"""Nested counts against enumeration of small nestings."""

from __future__ import annotations

import itertools

import pytest

from recohort.audit.certificate import check
from recohort.audit.finding import FindingVerdict
from recohort.audit.nesting import Nesting, audit_nesting


def nestings(parents: int, most: int) -> set[tuple[int, int, int, int]]:
    """All (children, parents_with, children_with, events) of that many parents."""
    found = set()
    options = [
        (size, affected, events)
        for size in range(1, most + 1)
        for affected in range(size + 1)
        for events in ([0] if affected == 0 else range(affected, most + 1))
    ]
    for family in itertools.combinations_with_replacement(options, parents):
        found.add(
            (
                sum(f[0] for f in family),
                sum(f[1] > 0 for f in family),
                sum(f[1] for f in family),
                sum(f[2] for f in family),
            )
        )
    return found


def test_every_real_nesting_is_possible_and_impossible_ones_are_found() -> None:
    parents, most = 3, 3
    real = nestings(parents, most)
    for children, with_p, with_c, events in itertools.product(
        range(10), range(4), range(10), range(10)
    ):
        facts = Nesting(parents, children, with_p, with_c, events, most_children=most)
        verdicts = {f.verdict for f in audit_nesting(facts)}
        if (children, with_p, with_c, events) in real:
            assert verdicts == {FindingVerdict.POSSIBLE}
        elif FindingVerdict.POSSIBLE in verdicts:
            # The rules are necessary; what they let through here needs more children or events
            # in one parent than the small enumeration has.
            assert events > with_p * most or children == 0 or with_c <= with_p * most


def test_complications_in_patients() -> None:
    names = {"parents": "patients", "events": "complications", "parents_with": "patients with one"}
    fine = audit_nesting(Nesting(parents=74, parents_with=8, events=9), names=names)
    assert [f.verdict for f in fine] == [FindingVerdict.POSSIBLE]
    wrong = audit_nesting(
        Nesting(parents=74, parents_with=9, events=8),
        names=names,
        ids={"events": "complications", "parents_with": "patients_with"},
    )
    assert [f.verdict for f in wrong] == [FindingVerdict.IMPOSSIBLE]
    assert wrong[0].values == ("patients_with", "complications")
    assert wrong[0].certificate is not None
    assert check(wrong[0].certificate)


@pytest.mark.parametrize(
    "facts",
    [
        Nesting(parents=10, children=8),
        Nesting(parents=10, parents_with=11),
        Nesting(children=10, children_with=12),
        Nesting(parents_with=6, children_with=5),
        Nesting(parents=10, children=12, parents_with=2, children_with=5),
        Nesting(parents_with=0, children_with=3),
        Nesting(parents_with=0, events=3),
        Nesting(parents=3, children=13, most_children=4),
        Nesting(parents_with=2, events=9, most_events=4),
        Nesting(parents=-1, children=4),
    ],
)
def test_each_rule_has_an_impossible_case(facts: Nesting) -> None:
    assert all(f.verdict is FindingVerdict.IMPOSSIBLE for f in audit_nesting(facts))


def test_parents_without_children_can_be_allowed() -> None:
    facts = Nesting(parents=10, children=8, childless_parents=True)
    assert [f.verdict for f in audit_nesting(facts)] == [FindingVerdict.POSSIBLE]


def test_one_count_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="facts: got"):
        audit_nesting(Nesting(parents=3))

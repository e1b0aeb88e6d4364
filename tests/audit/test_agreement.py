"""Numbers out of range, out of order, or at odds with themselves."""

from __future__ import annotations

import pytest

from recohort.audit.agreement import check_order, check_range, check_same, check_significance
from recohort.audit.finding import FindingVerdict

IMPOSSIBLE = FindingVerdict.IMPOSSIBLE


@pytest.mark.parametrize(
    ("text", "low", "high", "bad"),
    [
        ("103.2", 0, 100, True),
        ("100", 0, 100, False),
        ("100.0", 0, 100, False),
        ("-0.3", 0, None, True),
        ("0", 0, 1, False),
        ("1.04", 0, 1, True),
        ("<0.001", 0, 1, False),
    ],
)
def test_range(text: str, low: int, high: int | None, bad: bool) -> None:
    found = check_range(text, "number", low=low, high=high)
    assert [f.verdict for f in found] == ([IMPOSSIBLE] if bad else [])


def test_order_of_limits_and_estimate() -> None:
    labels = ("lower limit", "estimate", "upper limit")
    assert check_order(("1.1", "1.1", "1.3"), labels) == ()
    (found,) = check_order(("1.2", "1.1", "1.3"), labels)
    assert found.sentence == "The lower limit 1.2 lies above the estimate 1.1."
    # 1.14 rounded up is 1.2: other digits may hide the order.
    assert check_order(("1.2", "1.14", "1.3"), labels) == ()
    assert len(check_order(("3", "2", "1"), labels)) == 3


def test_one_quantity_in_two_places() -> None:
    assert check_same(["50.7", "51"], ["abstract", "table"]) == ()
    (found,) = check_same(["50.2", "51.4"], ["abstract", "table"])
    assert found.verdict is IMPOSSIBLE
    assert found.values == ("abstract", "table")


def test_significance_of_interval_and_p() -> None:
    assert check_significance("0.2", "1.4", "0.01") == ()
    assert check_significance("0.0", "1.4", "0.06") == ()  # the limit may lie on either side
    (found,) = check_significance("-0.5", "1.4", "0.01")
    assert found.verdict is FindingVerdict.UNDETERMINED
    assert found.changes_conclusion is True

"""Of a conflict set, the doubt falls on what no other printed value agrees with."""

from __future__ import annotations

from typing import Any

from recohort.card.study import StudyCard
from recohort.compare.table import confirmed_values

CARD = StudyCard.model_validate(
    {
        "format": "recohort-card-1",
        "study": "toy",
        "name": "Toy",
        "citation": {"authors": "A", "title": "T", "journal": "J", "year": "2001"},
        "summary": "Made up.",
        "units": {"people": {"label": "People", "n": "11"}},
        "columns": {"ill": {"kind": "binary", "unit": "people"}},
        "populations": {"all": {"unit": "people", "label": "people"}},
        "quantities": {
            "people": {
                "label": "People",
                "population": "all",
                "analysis": {"kind": "size"},
                "values": {"count": "11"},
            },
            "ill": {
                "label": "Ill",
                "population": "all",
                "analysis": {"kind": "proportion", "having": [{"column": "ill", "equals": "1"}]},
                "values": {"count": "10", "percent": "91", "ci95_lower": "82", "ci95_upper": "97"},
            },
        },
    }
)
SET = ["people.count", "ill.count", "ill.ci95_lower", "ill.ci95_upper"]


def audit(low: float, values: list[str]) -> dict[str, Any]:
    share = {"by": ["ill.count", "people.count"], "low": low, "high": low}
    return {
        "determined": {"ill.percent": share},
        "findings": [{"verdict": "impossible", "values": values}],
    }


def test_a_count_whose_percentage_agrees_is_confirmed() -> None:
    confirmed = confirmed_values(CARD, audit(90.909, SET))
    assert confirmed == {"ill.percent", "ill.count", "people.count"}


def test_a_percentage_that_disagrees_confirms_nothing() -> None:
    assert confirmed_values(CARD, audit(81.8, SET)) == frozenset()


def test_where_every_member_is_confirmed_none_is_excused() -> None:
    confirmed = confirmed_values(CARD, audit(90.909, ["people.count", "ill.count"]))
    assert confirmed == {"ill.percent"}

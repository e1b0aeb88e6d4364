"""How to write a card: the guide's example loads, and its reference is complete."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import pytest

from recohort.card import analyses, layout, study
from recohort.card.analyses import GIVES
from recohort.card.loader import load_card
from recohort.card.statistic import Role, Statistic

README = (Path(__file__).parents[2] / "config" / "README.md").read_text(encoding="utf-8")
PARTS = [
    item
    for module in (analyses, layout, study)
    for item in vars(module).values()
    if isinstance(item, type)
    and issubclass(item, layout.Part)
    and item.__module__ == module.__name__
    and not item.__name__.startswith("_")
    and item is not study.ValueRef
]
ENUMS: set[type[Enum]] = {
    enum
    for part in PARTS
    for field in part.model_fields.values()
    for enum in (field.annotation, *get_args(field.annotation))
    if isinstance(enum, type) and issubclass(enum, Enum)
}


def test_the_example_is_a_valid_card(tmp_path: Path) -> None:
    example = next(
        block
        for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
        if "format: recohort-card-1" in block
    )
    path = tmp_path / "example.yaml"
    path.write_text(example, encoding="utf-8")
    card = load_card(path).base
    assert next(v for v in card.values if v.id == "age.sd").reported.printed == "9.80"


def test_every_analysis_is_in_the_reference_with_its_fields() -> None:
    for part in get_args(get_args(analyses.Analysis)[0]):
        kind = get_args(part.model_fields["kind"].annotation)[0]
        row = next(line for line in README.splitlines() if line.startswith(f"| `{kind}` |"))
        assert kind in GIVES
        for field in part.model_fields:
            assert field == "kind" or f"`{field}`" in row, (kind, field)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_field_is_in_the_reference(part: Any) -> None:
    for field in part.model_fields:
        assert re.search(rf"`[^`]*\b{field}\b[^`]*`", README), field


def test_every_choice_is_in_the_reference() -> None:
    assert Role in ENUMS
    for enum in ENUMS | {Role, Statistic}:
        for member in enum:
            assert re.search(rf"`[^`\n]*(?<!\w){re.escape(member.value)}(?!\w)[^`\n]*`", README), (
                member
            )

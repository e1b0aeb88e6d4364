"""The committed JSON Schema: generated, valid, and in agreement with the loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from recohort.card.schema import json_schema, json_schema_text

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "config" / "study-card.schema.json"
CARDS = sorted((ROOT / "config" / "studies").glob("*.yaml"))
MINIMAL = Path(__file__).parent / "minimal.yaml"


@pytest.fixture(scope="module")
def validator() -> Any:
    return Draft202012Validator(json_schema())


def test_the_committed_schema_is_the_generated_one() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == json_schema_text(), (
        "run: python -c 'from recohort.card.schema import json_schema_text as t; "
        'print(t(), end="")\' > config/study-card.schema.json'
    )


def test_the_schema_is_valid_and_names_its_dialect() -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("path", [*CARDS, MINIMAL], ids=lambda path: path.stem)
def test_a_card_as_an_editor_reads_it_is_valid(path: Path, validator: Any) -> None:
    problems = validator.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert [f"{'.'.join(map(str, p.absolute_path))}: {p.message}" for p in problems] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("step: 1,", "stp: 1,"),
        ("kind: numeric", "kind: numerc"),
        ("n: 40", "n: 0"),
        ("mean: 61.2", "meen: 61.2"),
        ("denominator: 40", "denominator: forty"),
        ("reason: r, ", ""),
        ("format: recohort-card-1", "format: other"),
        ("{assume: pain_correlation}", "{assume: pain_correlation, other: 1}"),
    ],
)
def test_mistakes_are_invalid_in_an_editor_too(old: str, new: str, validator: Any) -> None:
    text = MINIMAL.read_text(encoding="utf-8")
    assert old in text
    assert not validator.is_valid(yaml.safe_load(text.replace(old, new, 1)))


def test_every_field_explains_itself_or_is_plain() -> None:
    definitions = json_schema()["$defs"]
    assert all(definitions[name].get("description") for name in definitions)

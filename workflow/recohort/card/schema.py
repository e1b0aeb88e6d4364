"""The JSON Schema of a study card, for editors that complete and check a card as it is written."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from recohort.card.study import StudyCard

__all__ = ["field_names", "json_schema", "json_schema_text"]

_ASSUMED = {
    "type": "object",
    "description": "Taken from the assumption of this id.",
    "properties": {"assume": {"type": "string"}},
    "required": ["assume"],
    "additionalProperties": False,
}
_NEVER_ASSUMED = {"StudyCard", "Citation", "Assumption", "Reported", "Relation"}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a card as written: any field may name an assumption instead."""
    schema = StudyCard.model_json_schema(mode="validation")
    definitions = schema.get("$defs", {})
    for name, definition in definitions.items():
        if name in _NEVER_ASSUMED:
            continue
        for field, described in definition.get("properties", {}).items():
            if "const" not in described:
                definition["properties"][field] = {
                    "anyOf": [described, {"$ref": "#/$defs/Assumed"}]
                }
    definitions["Assumed"] = _ASSUMED
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def json_schema_text() -> str:
    """The schema as the text that is committed."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


@cache
def field_names() -> frozenset[str]:
    """Every field's name that a card can hold."""
    schema = StudyCard.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for part in parts for name in part.get("properties", {}))

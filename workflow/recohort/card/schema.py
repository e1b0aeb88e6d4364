"""The JSON Schema of a study card, for editors that complete and check a card as it is written."""

from __future__ import annotations

import json
from typing import Any

from recohort.card.study import StudyCard

__all__ = ["json_schema", "json_schema_text"]

_ASSUMED = {
    "type": "object",
    "description": "Taken from the assumption of this id.",
    "properties": {"assume": {"type": "string"}},
    "required": ["assume"],
    "additionalProperties": False,
}
_REFERENCE = {"$ref": "#/$defs/Assumed"}
_WRITTEN_OUT = {"Citation", "Assumption", "Reported", "Relation"}
"""Parts whose fields no assumption fills in."""
_TEXT = {"type": ["string", "number", "boolean"]}
"""An editor sees 0.80 as a number where recohort reads text, and 215 may be written as "215"."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a card as written: most fields may name an assumption instead.

    It is looser than the loader: it knows nothing of names that must exist, of conditions that
    exclude each other, or of what may stand under each alternative.
    """
    schema = StudyCard.model_json_schema(mode="validation")
    definitions: dict[str, Any] = schema.pop("$defs", {})
    for name, definition in definitions.items():
        _loosened(definition)
        if name not in _WRITTEN_OUT:
            _assumable(definition)
    _loosened(schema)
    for field, described in schema["properties"].items():
        if field not in ("assumptions", "quantities", "units"):
            _assumable_inside(described)
    _printed_alone(definitions["Quantity"])
    definitions["Assumed"] = dict(_ASSUMED)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Study card",
        "$defs": definitions,
    }


def json_schema_text() -> str:
    """The schema as the text that is committed."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _loosened(node: Any) -> None:
    """Let text be written as an editor sees it: 0.80 and yes are text to recohort."""
    if isinstance(node, list):
        for item in node:
            _loosened(item)
    if not isinstance(node, dict):
        return
    for key, item in node.items():
        if key not in ("required", "enum", "const", "default", "discriminator"):
            _loosened(item)
    pattern = str(node.get("pattern", ""))
    if node.get("type") == "string" and not {"enum", "const"} & set(node):
        if not pattern:
            node.update(_TEXT)
        elif "d+" in pattern:
            node["type"] = ["string", "number"]
    if node.get("type") == "integer":
        node["type"] = ["integer", "string"]


def _assumable(definition: dict[str, Any]) -> None:
    """Let each field of a part, and each piece of a field's list or mapping, be an assumption."""
    for field, described in definition.get("properties", {}).items():
        if "const" in described or field == "kind":
            continue
        _assumable_inside(described)
        kept = {key: described.pop(key) for key in ("description", "default") if key in described}
        definition["properties"][field] = {"anyOf": [described, _REFERENCE], **kept}


def _assumable_inside(described: dict[str, Any]) -> None:
    for key in ("items", "additionalProperties"):
        if isinstance(described.get(key), dict):
            described[key] = {"anyOf": [described[key], _REFERENCE]}
    for option in (*described.get("anyOf", ()), *described.get("oneOf", ())):
        _assumable_inside(option)
    for inner in described.get("patternProperties", {}):
        described["patternProperties"][inner] = {
            "anyOf": [described["patternProperties"][inner], _REFERENCE]
        }


def _printed_alone(quantity: dict[str, Any]) -> None:
    """Let a reported value be the printed number alone."""
    node = quantity["properties"]["values"]["anyOf"][0]
    node["additionalProperties"] = {"anyOf": [{"$ref": "#/$defs/Reported"}, dict(_TEXT)]}

"""Pydantic's errors in plain words: where, what was found, what may stand there.

The words are derived from the model's own annotations, so that a new field needs none here.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from recohort.card.document import Place
from recohort.card.layout import COLUMN_KEY, IDENTIFIER, TIME_NAME
from recohort.card.study import DENOMINATOR
from recohort.card.wording import choices, did_you_mean, shown

__all__ = ["explained"]

_NAMES = {
    IDENTIFIER: "a name of lower-case letters, digits and underscores that starts with a letter",
    COLUMN_KEY: "a column, such as age, or one of its times, such as pain@1_month",
    TIME_NAME: "a time's name of lower-case letters, digits and underscores, such as 1_month",
    DENOMINATOR: "a whole number, not_reported, or none",
}
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_SPOKEN = {"value_error", "assertion_error"}


def explained(
    error: ErrorDetails, tree: Mapping[str, Any], root: type[BaseModel]
) -> tuple[Place, str, str]:
    """One of pydantic's errors as the place in the document, what was found and what is expected.

    ``tree`` is what was validated against ``root``.
    """
    loc = tuple(error["loc"])
    kind = error["type"]
    place = _place_in(tree, loc)
    if kind == "missing":
        return place, "nothing", f"the field '{loc[-1]}'"
    if kind == "union_tag_not_found":
        return place, "nothing", f"the field 'kind': one of {_tags(_at(root, loc))}"
    if kind == "union_tag_invalid":
        found = str(error.get("ctx", {}).get("tag", ""))
        tags = choices(_tag_names(_at(root, loc)), found)
        return (*place, "kind"), shown(found), f"one of {tags}"
    if kind == "extra_forbidden":
        name = str(loc[-1])
        fields = _field_names(_at(root, loc[:-1]))
        near = did_you_mean(name, fields)
        expected = "one of " + ", ".join(fields) if fields else "a field that belongs here"
        return place, f"the unknown field '{name}'", f"{expected}; {near}" if near else expected
    if kind in _SPOKEN:
        return place, shown(error["input"]), error["msg"].partition(", ")[2]
    if kind in ("too_short", "too_long"):
        least = error.get("ctx", {}).get("min_length", 1)
        return place, shown(error["input"]), f"at least {least} {'item' if least == 1 else 'items'}"
    return place, shown(error["input"]), _words(_at(root, loc), error["input"])


def _place_in(tree: Any, loc: Iterable[int | str]) -> Place:
    """Pydantic's location without the union tags that are not in the document."""
    place: list[str | int] = []
    node: Any = tree
    for step in loc:
        here = isinstance(node, dict) and step in node
        there = isinstance(node, list) and isinstance(step, int) and step < len(node)
        if not (here or there):
            continue
        node = node[step]
        place.append(step)
    return tuple(place)


def _bare(annotation: Any) -> tuple[Any, list[Any]]:
    """A type without ``Annotated`` and ``| None``, and the constraints found on the way."""
    constraints: list[Any] = []
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *found = get_args(annotation)
            for item in found:
                constraints.extend(item.metadata if isinstance(item, FieldInfo) else [item])
        elif _is_union(annotation) and type(None) in get_args(annotation):
            members = [member for member in get_args(annotation) if member is not type(None)]
            annotation = members[0] if len(members) == 1 else Union[tuple(members)]  # noqa: UP007
        else:
            return annotation, constraints


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _at(annotation: Any, loc: tuple[int | str, ...]) -> Any:
    """The annotation at a location, or ``None`` where the location leaves the model."""
    for index, step in enumerate(loc):
        if loc[index + 1 : index + 2] == ("[key]",):
            return get_args(_bare(annotation)[0])[0]
        annotation = _step(annotation, step)
        if annotation is None:
            return None
    return annotation


def _step(annotation: Any, step: int | str) -> Any:
    bare, _ = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        field = bare.model_fields.get(str(step))
        if field is None:
            return None
        constraints = tuple(field.metadata)
        return Annotated[(field.annotation, *constraints)] if constraints else field.annotation
    if get_origin(bare) is dict:
        return get_args(bare)[1]
    if get_origin(bare) is tuple:
        return get_args(bare)[0]
    if _is_union(bare):
        return next((m for m in get_args(bare) if str(step) in _member_tags(m)), None)
    return None


def _member_tags(member: Any) -> list[str]:
    bare, constraints = _bare(member)
    tagged = [item.tag for item in constraints if isinstance(item, Tag)]
    if tagged:
        return tagged
    if isinstance(bare, type) and issubclass(bare, BaseModel) and "kind" in bare.model_fields:
        return [str(value) for value in get_args(bare.model_fields["kind"].annotation)]
    return []


def _tag_names(annotation: Any) -> list[str]:
    bare, _ = _bare(annotation)
    return [tag for member in get_args(bare) for tag in _member_tags(member)]


def _tags(annotation: Any) -> str:
    return ", ".join(_tag_names(annotation))


def _field_names(annotation: Any) -> list[str]:
    bare, _ = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return list(bare.model_fields)
    return []


def _words(annotation: Any, found: Any) -> str:
    """What may stand where a type is asked for."""
    bare, constraints = _bare(annotation)
    pattern = next((p for c in constraints if (p := getattr(c, "pattern", None))), None)
    if pattern is not None:
        return _NAMES.get(str(pattern), f"text of the form {pattern}")
    if bare is bool:
        return "true or false"
    if bare is int:
        return "a whole number" + _bounds(constraints)
    if bare is Decimal:
        return "a number" + _bounds(constraints)
    if get_origin(bare) is Literal:
        return _one_of([str(value) for value in get_args(bare)], found)
    if isinstance(bare, type) and issubclass(bare, Enum):
        return _one_of([str(member.value) for member in bare], found)
    if get_origin(bare) is tuple:
        return "a list"
    if get_origin(bare) is dict or _is_union(bare):
        return "a mapping of fields"
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        needed = [name for name, field in bare.model_fields.items() if field.is_required()]
        return "a mapping with " + (", ".join(needed) if needed else "fields")
    return "text"


def _one_of(names: list[str], found: Any) -> str:
    return f"'{names[0]}'" if len(names) == 1 else f"one of {choices(names, str(found))}"


def _bounds(constraints: list[Any]) -> str:
    """``of at least 1 and below 5`` from a number's constraints."""
    phrases = []
    for attribute, phrase in _BOUNDS.items():
        found = [b for c in constraints if (b := getattr(c, attribute, None)) is not None]
        phrases += [f"{phrase} {bound}" for bound in found]
    if not phrases:
        return ""
    start = " of " if phrases[0].startswith("at") else " "
    return start + " and ".join(phrases)

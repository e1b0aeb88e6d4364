"""A YAML document whose scalars stay text, with the line and column of every part of it.

YAML's own types destroy evidence: 0.80 becomes 0.8, 12:30 becomes 750, no becomes False.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from recohort.card.error import CardError

__all__ = ["Document", "Place", "read_document"]

Place = tuple[str | int, ...]
"""Where something is in a document: keys and positions from the top."""

_LARGEST = 2_000_000
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Document:
    """The tree of a document and where each part of it starts."""

    file: str
    tree: dict[str, Any]
    marks: dict[Place, tuple[int, int]] = field(repr=False)

    def error(self, place: Place, found: str, expected: str) -> CardError:
        """An error at a place, or at the nearest part that encloses it."""
        inner = place
        while inner and inner not in self.marks:
            inner = inner[:-1]
        line, column = self.marks.get(inner, (1, 1))
        return CardError(self.file, line, column, ".".join(map(str, place)), found, expected)

    def at(self, place: Place) -> Any:
        """The part of the tree at a place."""
        node: Any = self.tree
        for step in place:
            node = node[step]
        return node

    def has(self, place: Place) -> bool:
        """Whether there is a part at a place."""
        return place in self.marks


def read_document(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        CardError: the file cannot be read, is no YAML, holds a key twice, an anchor or a tag, or
            is no mapping.
    """
    file = str(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CardError(file, 0, 0, "", "no such file", "a study card (a YAML file)") from None
    except OSError as problem:
        raise CardError(
            file, 0, 0, "", problem.strerror or "an unreadable file", "a readable study card"
        ) from None
    if len(data) > _LARGEST:
        raise CardError(file, 0, 0, "", f"{len(data)} bytes", f"at most {_LARGEST} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n") + 1
        raise CardError(file, line, 1, "", "bytes that are no UTF-8", "UTF-8 text") from None
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            # Here, not after composing: the parser takes quadratic time over deep nesting.
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                at: Any = event.start_mark
                raise CardError(
                    file, at.line + 1, at.column + 1, "", f"more than {_DEEPEST} levels", "fewer"
                )
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                mark: Any = event.start_mark
                raise CardError(
                    file, mark.line + 1, mark.column + 1, "", "a YAML anchor or alias",
                    "the value written out",
                )  # fmt: skip
            tag = getattr(event, "tag", None)
            if tag is not None:
                mark = event.start_mark
                raise CardError(
                    file, mark.line + 1, mark.column + 1, "", f"the YAML tag '{tag}'",
                    "plain text, as all values of a card are",
                )  # fmt: skip
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as problem:
        where = problem.problem_mark or problem.context_mark
        line, column = (where.line + 1, where.column + 1) if where else (0, 0)
        raise CardError(
            file, line, column, "", f"unreadable text ({problem.problem or problem.context})",
            "well-formed YAML",
        ) from None  # fmt: skip
    except yaml.reader.ReaderError as problem:
        before = text[: problem.position]
        raise CardError(
            file, before.count("\n") + 1, len(before) - before.rfind("\n"), "",
            f"the character U+{ord(text[problem.position]):04X}", "text without control characters",
        ) from None  # fmt: skip
    except yaml.YAMLError as problem:
        raise CardError(file, 0, 0, "", str(problem).partition("\n")[0], "YAML") from None
    except RecursionError:
        raise CardError(file, 0, 0, "", "a too deeply nested text", "well-formed YAML") from None
    if not isinstance(node, yaml.MappingNode):
        raise CardError(file, 1, 1, "", "no mapping", "a mapping of fields, such as study: …")
    marks: dict[Place, tuple[int, int]] = {}
    tree = _build(file, node, (), marks)
    return Document(file, tree, marks)


def _build(file: str, node: yaml.Node, place: Place, marks: dict[Place, tuple[int, int]]) -> Any:
    start: Any = node.start_mark
    marks.setdefault(place, (start.line + 1, start.column + 1))
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_build(file, item, (*place, index), marks) for index, item in enumerate(node.value)]
    result: dict[str, Any] = {}
    for key, value in _pairs(node):
        name, mark = key.value, start if key.start_mark is None else key.start_mark
        line, column = mark.line + 1, mark.column + 1
        if not isinstance(key, yaml.ScalarNode):
            raise CardError(file, line, column, "", "a key that is no text", "a field's name")
        if name in result:
            raise CardError(
                file, line, column, ".".join(map(str, (*place, name))), "the key twice", "once"
            )
        marks[(*place, name)] = (line, column)
        result[name] = _build(file, value, (*place, name), marks)
    return result


def _pairs(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    yield from node.value

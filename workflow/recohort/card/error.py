"""One clear error for a card that cannot be read: file, line, field, found, expected."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CardError"]


@dataclass(frozen=True, slots=True)
class _Where:
    file: str
    line: int
    column: int
    field: str


class CardError(ValueError):
    """A card that cannot be read."""

    def __init__(
        self, file: str, line: int, column: int, field: str, found: str, expected: str
    ) -> None:
        self.where = _Where(file, line, column, field)
        self.found = found
        self.expected = expected
        place = f"{file}:{line}:{column}" if line else file
        named = f" {field}:" if field else ""
        super().__init__(f"{place}:{named} found {found}; expected {expected}")

"""A table of text cells with a title and a note: what every format is written from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Sheet"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A rectangular table of text; ``numeric`` names the columns that align to the right."""

    name: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    numeric: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows, start=1):
            if len(row) != len(self.head):
                raise ValueError(
                    f"rows: row {number} of {self.name} has {len(row)} cells; "
                    f"takes {len(self.head)}"
                )

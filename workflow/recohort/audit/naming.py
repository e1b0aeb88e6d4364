"""How checks name the values that they speak of.

A check takes printed strings under its own argument names (``estimate``, ``lower``). ``ids`` maps
those to the ids of reported values in a card; without it the argument names stand in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recohort.audit.finding import Check

__all__ = ["Determination", "finding_id", "named"]


@dataclass(frozen=True, slots=True)
class Determination:
    """A reported value that other reported values determine to its printed digits.

    ``by`` are their ids, ``low`` to ``high`` is the range that they leave for it, before rounding,
    and ``convention`` names what was assumed.
    """

    value: str
    by: tuple[str, ...]
    sentence: str
    low: float
    high: float
    convention: str

    def to_json(self) -> dict[str, Any]:
        """A plain mapping for ``audit.json``."""
        return {
            "by": list(self.by),
            "sentence": self.sentence,
            "low": self.low,
            "high": self.high,
            "convention": self.convention,
        }


def named(ids: Mapping[str, str] | None, *arguments: str) -> tuple[str, ...]:
    """The ids of several arguments, without repeats, in order."""
    return tuple(dict.fromkeys((ids or {}).get(name, name) for name in arguments))


def finding_id(check: Check, topic: str, values: tuple[str, ...]) -> str:
    """A stable id: the check, what it looked at, and the values."""
    return f"{check}.{topic}:{'+'.join(values)}"

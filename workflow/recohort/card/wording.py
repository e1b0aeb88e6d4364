"""Words for what was found in a card and what may stand there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

__all__ = ["choices", "did_you_mean", "shown"]

_MOST = 8


def did_you_mean(found: str, names: Iterable[str]) -> str:
    """``did you mean 'step'?`` where a name is close to what was found, else nothing."""
    close = get_close_matches(found, sorted(names), n=1)
    return f"did you mean '{close[0]}'?" if close else ""


def choices(names: Iterable[str], found: str) -> str:
    """The names that may stand in a place, shortened, and the one that was probably meant."""
    there = list(names)
    listed = ", ".join(there[:_MOST]) or "none"
    left = len(there) - _MOST
    if left > 0:
        listed += f" and {left} more"
    near = did_you_mean(found, there)
    return f"{listed}; {near}" if near else listed


def shown(found: Any) -> str:
    """A short form of a part of a card."""
    if isinstance(found, dict):
        keys = [str(key) for key in found]
        return "a mapping with " + (", ".join(keys[:4]) or "nothing in it") + (
            ", …" if len(keys) > 4 else ""
        )  # fmt: skip
    if isinstance(found, list | tuple):
        return "a list of 1 item" if len(found) == 1 else f"a list of {len(found)} items"
    if found in ("", None):
        return "nothing"
    text = str(found)
    return f"'{text if len(text) <= 80 else text[:77] + '…'}'"

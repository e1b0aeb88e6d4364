"""Reads what an earlier stage wrote and writes what this one found, whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["InputError", "read_json", "write_text"]


class InputError(ValueError):
    """An input that a stage cannot use, in one sentence."""


def write_text(path: Path, text: str) -> None:
    """Write a file under a temporary name, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8", newline="")
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def read_json(path: Path, card_sha256: str) -> dict[str, Any]:
    """A stage's JSON file, which must come from the same card."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as problem:
        raise InputError(
            f"{path}:{problem.lineno}: found no JSON ({problem.msg}); expected the file of a stage"
        ) from None
    if not isinstance(content, dict):
        raise InputError(f"{path}:1: found no object; expected the file of a stage")
    found = content.get("card_sha256")
    if found != card_sha256:
        raise InputError(
            f"{path}: card_sha256: found {str(found)[:12]}…, expected {card_sha256[:12]}…: it was "
            "made from another version of the card; run that stage again"
        )
    return content

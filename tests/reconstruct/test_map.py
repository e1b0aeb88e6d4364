"""The map of files in docs/reconstruct.md: every file of the room is on it, and imports go down."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "workflow" / "recohort" / "reconstruct"


def rows() -> list[list[str]]:
    """The files that each row of the map names."""
    text = (ROOT / "docs" / "reconstruct.md").read_text(encoding="utf-8")
    part = text.partition("## Where it stands in the code")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return [re.findall(r"`(\w+)\.py`", cell) for cell in cells]


def imported(name: str) -> set[str]:
    """The room's own files that one of them imports."""
    tree = ast.parse((ROOM / f"{name}.py").read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules = [node.module or "" for node in nodes]
    return {m.rpartition(".")[2] for m in modules if m.startswith("recohort.reconstruct.")}


def test_every_file_is_on_the_map_once() -> None:
    named = [name for row in rows() for name in row]
    assert sorted(named) == sorted(path.stem for path in ROOM.glob("*.py") if path.stem[0] != "_")


def test_a_file_imports_from_its_own_row_and_further_down() -> None:
    place = {name: number for number, row in enumerate(rows()) for name in row}
    upward = [(a, b) for a in place for b in imported(a) if place.get(b, len(place)) < place[a]]
    assert not upward

"""The map of files in docs/reconstruct.md: every file of the room is on it, and imports go down."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "workflow" / "recohort" / "reconstruct"


def rows() -> list[list[str]]:
    """The modules that each row of the map names: `files`, `regression.search`."""
    text = (ROOT / "docs" / "reconstruct.md").read_text(encoding="utf-8")
    part = text.partition("## Where it stands in the code")[2].partition("\n## ")[0]
    found, folder = [], ""
    for line in part.splitlines():
        if line.startswith("| **"):
            inside = re.search(r"in `(\w+)/`", line)
            folder = f"{inside[1]}." if inside else ""
        elif line.startswith("| `"):
            found.append([folder + name for name in re.findall(r"`(\w+)\.py`", line.split("|")[1])])
    return found


def modules() -> list[str]:
    files = [path.relative_to(ROOM).with_suffix("") for path in ROOM.rglob("*.py")]
    return [".".join(file.parts) for file in files if file.name != "__init__"]


def imported(name: str) -> set[str]:
    """The room's own modules that one of them imports."""
    tree = ast.parse(ROOM.joinpath(*name.split(".")).with_suffix(".py").read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    inside = "recohort.reconstruct."
    return {
        module.removeprefix(inside)
        for module in (node.module or "" for node in nodes)
        if module.startswith(inside)
    }


def test_every_file_is_on_the_map_once() -> None:
    assert sorted(name for row in rows() for name in row) == sorted(modules())


def test_a_file_imports_from_its_own_row_and_further_down() -> None:
    place = {name: number for number, row in enumerate(rows()) for name in row}
    upward = [(a, b) for a in place for b in imported(a) if place.get(b, len(place)) < place[a]]
    assert not upward

"""The import contract: a module imports from floors below its own room's, and from its own room.

No modules import each other in a circle either, in one room or several. What a module names is
read from its source, so an import inside a function or for the type checker counts as well.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "workflow" / "recohort"

FLOORS = (
    {"printed", "cohort", "estimators"},
    {"card", "feasible"},
    {"audit", "analysis", "compare"},
    {"reconstruct", "replicate"},
    {"present"},
    {"cli"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS, start=1) for room in rooms}

HEAVY = {
    "docx",
    "jinja2",
    "lifelines",
    "llvmlite",
    "matplotlib",
    "numba",
    "pandas",
    "pyarrow",
    "sklearn",
    "snakemake",
    "statsmodels",
}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or room_of(path))


def room_of(path: Path) -> str:
    """The room of a module; empty for the package's own `__init__`."""
    name = path.relative_to(PACKAGE).with_suffix("").parts[0]
    return "" if name == "__init__" else name


def name_of(path: Path) -> str:
    """The name under which a module is imported."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(("recohort", *parts)).removesuffix(".__init__")


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything a module imports, at its top or later."""
    package = ("recohort", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *([node.module] if node.module else [])))
            yield from ((node.lineno, f"{stem}.{alias.name}") for alias in node.names)


def breaches(path: Path) -> list[str]:
    room = room_of(path)
    found = []
    for line, name in imported(path):
        parts = name.split(".")
        where = f"{path.relative_to(PACKAGE)}:{line} imports {name}"
        if parts[0] == "snakemake":
            found.append(f"{where}: the library holds no Snakemake")
        if parts[0] != "recohort" or len(parts) == 1 or parts[1] == room:
            continue
        if parts[1] not in FLOOR:
            if not parts[1].startswith("_"):
                found.append(f"{where}: that room is on no floor")
        elif FLOOR[parts[1]] >= FLOOR[room]:
            found.append(f"{where}: floor {FLOOR[room]} imports only from floors below")
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_floors_below(path: Path) -> None:
    assert room_of(path) in FLOOR, "a new room needs a floor"
    assert not breaches(path), "\n".join(breaches(path))


def test_the_contract_notices_a_breach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / "card").mkdir()
    module = tmp_path / "card" / "loader.py"
    module.write_text(
        "import numpy\n"
        "from recohort import printed\n"
        "from .study import StudyCard\n"
        "from ..feasible import search\n"
        "def late():\n"
        "    import recohort.audit.finding\n"
        "    import snakemake\n"
    )
    told = "\n".join(breaches(module))
    assert [line.split(" ")[0] for line in told.splitlines()] == [
        "card/loader.py:4",
        "card/loader.py:6",
        "card/loader.py:7",
    ]


def circle() -> list[str]:
    """Modules each of which imports the next, the last the first again; empty if there are none."""
    files = {name_of(path): path for path in PACKAGE.rglob("*.py")}
    graph: dict[str, set[str]] = {name: set() for name in files}
    for name, path in files.items():
        for _, found in imported(path):
            module = found if found in files else found.rpartition(".")[0]
            if module in files:
                graph[name].add(module)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert not circle()


def test_a_circle_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "loader.py").write_text("from recohort.card import study\n")
    (tmp_path / "card" / "error.py").write_text("from .loader import Card\n")
    (tmp_path / "card" / "study.py").write_text(
        "def late():\n    from recohort.card.error import CardError\n"
    )
    assert set(circle()) == {"recohort.card.loader", "recohort.card.study", "recohort.card.error"}


@pytest.mark.parametrize("module", ["recohort", "recohort.cli", "recohort.card", "recohort.audit"])
def test_the_audit_imports_no_heavy_library(module: str) -> None:
    """A card is audited within two seconds: what costs a second to import waits for its use."""
    every = [module]
    if module in {"recohort.card", "recohort.audit"}:
        folder = PACKAGE / module.split(".")[1]
        every += [f"{module}.{path.stem}" for path in folder.glob("*.py") if path.stem[0] != "_"]
    code = (
        f"import importlib, sys\nfor name in {every!r}: importlib.import_module(name)\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []

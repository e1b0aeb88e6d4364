"""Puts a study's tables and text into a page, between two comments that name them."""

from __future__ import annotations

import csv
import re
from pathlib import Path

DOCS = Path(__file__).parents[1]


def put(page: str, name: str, text: str) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- end of name -->``."""
    body = f"<!-- {name} -->\n{text}\n<!-- end of {name} -->"
    path = DOCS / page
    pattern = rf"<!-- {name} -->.*?<!-- end of {name} -->"
    replaced, found = re.subn(pattern, lambda _: body, path.read_text(), flags=re.DOTALL)
    if found != 1:
        raise ValueError(f"{path}: found {found} places for {name}; takes one")
    path.write_text(replaced)


def put_table(page: str, name: str, lead: str, table: Path) -> None:
    """Put a line and a CSV as a table between the comments of a name."""
    with table.open(newline="") as file:
        rows = list(csv.reader(file))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "| --- |" + " ---: |" * (len(rows[0]) - 1))
    put(page, name, f"{lead}\n\n" + "\n".join(lines))

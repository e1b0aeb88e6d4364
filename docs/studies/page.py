"""Puts a study's table into a page, between two comments that name it."""

from __future__ import annotations

import csv
import re
from pathlib import Path

DOCS = Path(__file__).parents[1]


def put_table(page: str, name: str, lead: str, table: Path) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- end of name -->``."""
    with table.open(newline="") as file:
        rows = list(csv.reader(file))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "| --- |" + " ---: |" * (len(rows[0]) - 1))
    body = f"<!-- {name} -->\n{lead}\n\n" + "\n".join(lines) + f"\n<!-- end of {name} -->"
    path = DOCS / page
    pattern = rf"<!-- {name} -->.*?<!-- end of {name} -->"
    text, found = re.subn(pattern, lambda _: body, path.read_text(), flags=re.DOTALL)
    if found != 1:
        raise ValueError(f"{path}: found {found} places for {name}; takes one")
    path.write_text(text)

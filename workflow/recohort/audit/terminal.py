"""The audit as a table for a terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from recohort.audit.finding import Finding, FindingVerdict

__all__ = ["render_terminal"]

_MARK = {
    FindingVerdict.IMPOSSIBLE: "impossible",
    FindingVerdict.UNDETERMINED: "undetermined",
    FindingVerdict.NOTE: "note",
    FindingVerdict.POSSIBLE: "possible",
}
_SHOWN_VALUES = 6
_SHOWN_READINGS = 5


def render_terminal(findings: Sequence[Finding], width: int = 100, *, every: bool = False) -> str:
    """Findings as a table of verdict, values and sentence, then how many of each verdict.

    Sets that fit together are counted and, with ``every``, listed. Below each conflict stand the
    readings that would mend it, the most benign first. Plain text, no escape sequences.
    """
    width = max(width, 60)
    left = max(len(mark) for mark in _MARK.values()) + 2
    right = width - left
    lines: list[str] = []
    for finding in findings:
        if finding.verdict is FindingVerdict.POSSIBLE and not every:
            continue
        lines += _block(finding, left, right)
        lines.append("")
    counts = Counter(finding.verdict for finding in findings)
    total = ", ".join(f"{counts[v]} {_MARK[v]}" for v in FindingVerdict if counts[v])
    lines.append(f"{len(findings)} checks of values that bear on each other: {total or 'none'}")
    if counts[FindingVerdict.IMPOSSIBLE]:
        lines += textwrap.wrap(
            "Impossible: no data of the stated design print all of these values, whatever the "
            "accepted rounding and convention. Why is not for arithmetic to say.",
            width,
        )
    return "\n".join(lines) + "\n"


def _block(finding: Finding, left: int, right: int) -> list[str]:
    mark = _MARK[finding.verdict].ljust(left)
    body = textwrap.wrap(finding.sentence, right)
    if finding.changes_conclusion:
        body += textwrap.wrap("This changes whether the result is significant.", right)
    names = list(finding.values)
    more = len(names) - _SHOWN_VALUES
    shown = ", ".join(names[:_SHOWN_VALUES]) + (f" and {more} more" if more > 0 else "")
    body += textwrap.wrap(f"[{shown}]", right)
    if finding.verdict is not FindingVerdict.POSSIBLE:
        for reading in finding.reconcile[:_SHOWN_READINGS]:
            body += textwrap.wrap(
                reading, right, initial_indent="  perhaps: ", subsequent_indent="           "
            )
    return [(mark if i == 0 else " " * left) + line for i, line in enumerate(body)]

"""The words of the pages: verdicts, roles, statistics, reasons, each in plain text."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from recohort.card.statistic import Role, Statistic
from recohort.compare.verdict import Verdict

__all__ = [
    "ROLE_TEXT",
    "STATISTIC_TEXT",
    "UNDETERMINED_TEXT",
    "VERDICT_ORDER",
    "VERDICT_WORDS",
    "Verdict",
    "VerdictWords",
    "count_text",
    "listed",
    "plain_reason",
    "sentence",
    "shorten",
    "time_text",
    "wrapped",
]


VERDICT_ORDER: tuple[Verdict, ...] = (
    Verdict.IMPOSSIBLE,
    Verdict.NOT_REPRODUCED,
    Verdict.UNDETERMINED,
    Verdict.CONSISTENT,
    Verdict.REPRODUCED,
    Verdict.IMPOSED,
)
"""The verdicts, the most pressing first."""


@dataclass(frozen=True, slots=True)
class VerdictWords:
    """A verdict's name and what it means."""

    name: str
    meaning: str


VERDICT_WORDS: dict[Verdict, VerdictWords] = {
    Verdict.IMPOSSIBLE: VerdictWords(
        "impossible",
        "No data of the stated design give all values of the named set, under any accepted "
        "rounding rule and convention.",
    ),
    Verdict.NOT_REPRODUCED: VerdictWords(
        "not reproduced",
        "Kept aside, and outside the 95% interval of the cohorts that match every imposed value, "
        "under every assumption tried.",
    ),
    Verdict.UNDETERMINED: VerdictWords(
        "undetermined",
        "What the paper states does not decide it; the reason says what is missing.",
    ),
    Verdict.CONSISTENT: VerdictWords(
        "consistent",
        "Kept aside, and inside the 95% interval of the cohorts that match every imposed value.",
    ),
    Verdict.REPRODUCED: VerdictWords(
        "reproduced",
        "Not imposed; other reported values determine it to its printed digits.",
    ),
    Verdict.IMPOSED: VerdictWords(
        "imposed",
        "The stored cohort was built to print it, and does. Evidence that it can be true together "
        "with the rest, no more.",
    ),
}

ROLE_TEXT: dict[Role, str] = {
    Role.INPUT: "input",
    Role.IMPOSED: "imposed",
    Role.HELD_OUT: "held out",
}

UNDETERMINED_TEXT: dict[str, str] = {
    "missing_input": "Something that it depends on is not reported",
    "assumption_dependent": "It depends on an assumption",
    "convention_unknown": "The method behind it is not stated",
    "search_exhausted": "No cohort was found within the search (no proof that there is none)",
    "monte_carlo_error": "Too few cohorts to tell",
}

STATISTIC_TEXT: dict[Statistic, str] = {
    Statistic.COUNT: "count",
    Statistic.PERCENT: "%",
    Statistic.MEAN: "mean",
    Statistic.SD: "SD",
    Statistic.SE: "SE",
    Statistic.MEDIAN: "median",
    Statistic.Q1: "lower quartile",
    Statistic.Q3: "upper quartile",
    Statistic.MIN: "minimum",
    Statistic.MAX: "maximum",
    Statistic.PERCENT_CHANGE: "% change",
    Statistic.PERCENT_REDUCTION: "% reduction from baseline",
    Statistic.DIFFERENCE: "difference",
    Statistic.ODDS_RATIO: "odds ratio",
    Statistic.ADJUSTED_ODDS_RATIO: "adjusted odds ratio",
    Statistic.HAZARD_RATIO: "hazard ratio",
    Statistic.AUC: "AUC",
    Statistic.SLOPE: "slope",
    Statistic.INTERCEPT: "intercept",
    Statistic.SCORE: "score",
    Statistic.CI90_LOWER: "90% CI, lower limit",
    Statistic.CI90_UPPER: "90% CI, upper limit",
    Statistic.CI95_LOWER: "95% CI, lower limit",
    Statistic.CI95_UPPER: "95% CI, upper limit",
    Statistic.CI99_LOWER: "99% CI, lower limit",
    Statistic.CI99_UPPER: "99% CI, upper limit",
    Statistic.P_VALUE: "P value",
}

_CODE = re.compile(r"^(?P<code>[a-z]+_[a-z_]+)(?:\s*[:;,.]\s*|\s*$)")


def plain_reason(text: str) -> str:
    """A reason as a sentence: a leading code such as ``missing_input:`` is put in words."""
    match = _CODE.match(text)
    if match is None or match["code"] not in UNDETERMINED_TEXT:
        return text
    rest = text[match.end() :].strip()
    words = UNDETERMINED_TEXT[match["code"]]
    if match["code"] == "search_exhausted" and rest:
        return rest  # which says so itself
    if not rest:
        return f"{words}."
    first = rest[0] if rest[1:2].isupper() or rest[1:2].isdigit() else rest[0].lower()
    return f"{words}: {first}{rest[1:]}"


def shorten(text: str, most: int) -> str:
    """A text of at most ``most`` characters; a cut is shown by an ellipsis."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip(" ,;:-") + "…"


def wrapped(text: str, width: int, lines: int) -> str:
    """A text broken into at most ``lines`` lines of some ``width`` characters."""
    broken = textwrap.wrap(" ".join(text.split()), width) or [""]
    if len(broken) > lines:
        rest = " ".join(broken[lines - 1 :])
        broken = [*broken[: lines - 1], shorten(rest, width)]
    return "\n".join(broken)


def sentence(text: str) -> str:
    """A text that starts with a capital and ends with a full stop."""
    text = text.strip()
    if not text:
        return ""
    if text[1:2].isalpha() or text[:2] == "a ":  # n, p and the like stay small
        text = text[0].upper() + text[1:]
    return text if text[-1] in ".?!…" else text + "."


def listed(items: list[str], joint: str = "and") -> str:
    """Items as running text: a, b and c."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {joint} {items[-1]}"


def count_text(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: 1 value, 2 values."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def time_text(name: str) -> str:
    """A time's name as a label: ``1_month`` gives ``1 month``."""
    return name.replace("_", " ")

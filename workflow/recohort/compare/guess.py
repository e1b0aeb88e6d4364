"""A guess that a held-out number may rest on: its kind, in words, and what would replace it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from recohort.card.document import Place
from recohort.card.statistic import Statistic
from recohort.card.study import StudyCard

__all__ = [
    "ROUNDED",
    "SEVERAL_COUNTS",
    "SIDE_OF_ONE",
    "Guess",
    "GuessKind",
    "by_two",
    "label_of",
    "likeness",
]


class GuessKind(StrEnum):
    """What kind of thing was guessed."""

    SHAPE = "shape"
    """How a measurement is distributed."""
    LIKENESS = "likeness"
    """How alike the values of one unit are."""
    NUMBER = "number"
    """How many units have something."""
    DIFFERENCE = "difference"
    """That groups are alike, or which of two is the higher."""
    ROUNDING = "rounding"
    """Where, within their rounding, the printed numbers lie that fix it."""


@dataclass(frozen=True, slots=True)
class Guess:
    """One guess: in words, what would replace it, and where on the card it stands.

    ``places`` is empty where a card has no place for it.
    """

    kind: GuessKind
    told: str
    question: str
    places: tuple[Place, ...] = ()


ROUNDED = Guess(
    GuessKind.ROUNDING,
    "where within their rounding the numbers lie that fix it",
    "What are the numbers that fix it, to one more digit?",
)
SIDE_OF_ONE = Guess(
    GuessKind.DIFFERENCE, "on which side of 1 the ratio lies", "Is the ratio above 1 or below?"
)


SEVERAL_COUNTS = Guess(
    GuessKind.NUMBER,
    "which of the counts that print the same percentage it is",
    "How many are they, as a count?",
)
_SIDE_OF_NONE = Guess(
    GuessKind.DIFFERENCE, "which of the two is the higher", "Which of the two is the higher?"
)


def by_two(beside: set[Statistic]) -> list[Guess]:
    """What two of a difference, its SE, its limits and its p leave open of the others.

    A two-sided p beside the SE or one limit may leave two differences, one on either side of 0.
    """
    p_and_one = Statistic.P_VALUE in beside and len(beside) == 2
    one_sided = p_and_one and Statistic.DIFFERENCE not in beside
    return [ROUNDED, _SIDE_OF_NONE] if one_sided else [ROUNDED]


def label_of(card: StudyCard, key: str) -> str:
    """A column in words."""
    name, _, time = key.partition("@")
    column = card.columns.get(name)
    label = (column.label if column is not None else "") or name.replace("_", " ")
    label = label if label[:2].isupper() else label[:1].lower() + label[1:]
    return f"{label} ({time.replace('_', ' ')})" if time else label


def likeness(card: StudyCard, first: str, second: str) -> Guess:
    """How alike the values of one unit are in two columns, or at two times."""
    name = first.partition("@")[0]
    both = f"{label_of(card, second)} and {label_of(card, first)}"
    places: tuple[Place, ...] = ()
    if name == second.partition("@")[0]:
        places = (("columns", name, "correlation"),)
    return Guess(
        GuessKind.LIKENESS, f"the assumed correlation of {both}",
        f"What is the correlation of {both}, or the SD of the change?", places,
    )  # fmt: skip

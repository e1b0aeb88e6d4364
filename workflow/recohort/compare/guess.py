"""A guess that a held-out number may rest on: its kind, in words, and what would replace it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from recohort.card.document import Place
from recohort.card.statistic import Statistic

__all__ = [
    "ROUNDED",
    "SEVERAL_COUNTS",
    "SIDE_OF_ONE",
    "Guess",
    "GuessKind",
    "by_two",
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

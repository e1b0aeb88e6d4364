"""What is known of one variable: its recording grid and the statistics printed of a sample."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction

from recohort.cohort import Grid, Relation
from recohort.printed import Printed

__all__ = ["CountFact", "Grid", "Relation", "VariableFacts"]


@dataclass(frozen=True, slots=True)
class CountFact:
    """Between ``at_least`` and ``at_most`` observations stand in ``relation`` to ``threshold``."""

    relation: Relation
    threshold: Fraction
    at_least: int
    at_most: int
    source: str = ""
    """The reported value's id that this count comes from, for messages."""


@dataclass(frozen=True, slots=True)
class VariableFacts:
    """Statistics printed of one sample of one variable; ``None`` where nothing was printed.

    ``n_low`` to ``n_high`` is the range that the number of observations can have (equal when it is
    known). ``minimum``, ``maximum`` are data values that are attained; mean, SD and quantiles are
    rounded statistics.
    """

    grid: Grid
    n_low: int
    n_high: int
    mean: Printed | None = None
    sd: Printed | None = None
    median: Printed | None = None
    q1: Printed | None = None
    q3: Printed | None = None
    minimum: Printed | None = None
    maximum: Printed | None = None
    counts: tuple[CountFact, ...] = ()

    @property
    def printed(self) -> dict[str, Printed]:
        """The printed statistics by name."""
        named = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: value for name, value in named if isinstance(value, Printed)}

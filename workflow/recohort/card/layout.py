"""How a study's data were laid out: units, columns, conditions on rows, populations."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from recohort.cohort import Grid, Relation

__all__ = [
    "COLUMN_KEY",
    "IDENTIFIER",
    "TIME_NAME",
    "BinaryColumn",
    "Column",
    "ColumnKey",
    "Condition",
    "DerivedColumn",
    "Family",
    "GroupColumn",
    "Identifier",
    "Limit",
    "NumericColumn",
    "Part",
    "Plausible",
    "Population",
    "Unit",
]

IDENTIFIER = r"^[a-z][a-z0-9_]{0,59}$"
TIME_NAME = r"^[a-z0-9][a-z0-9_]{0,39}$"
COLUMN_KEY = r"^[a-z][a-z0-9_]{0,59}(@[a-z0-9][a-z0-9_]{0,39})?$"

Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
"""A name in a card: lower-case letters, digits and underscores, a letter first."""

TimeName = Annotated[str, StringConstraints(pattern=TIME_NAME)]
"""A time at which a measurement is repeated: ``before``, ``1_month``."""

ColumnKey = Annotated[str, StringConstraints(pattern=COLUMN_KEY)]
"""A column, or one time of a repeated measurement: ``age``, ``pain@1_month``."""

Number = Annotated[Decimal, Field(allow_inf_nan=False)]


class Part(BaseModel):
    """A piece of a card: no unknown fields, no changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Condition(Part):
    """One comparison of a column with a number; a missing value never satisfies it."""

    column: ColumnKey
    equals: Number | None = None
    at_least: Number | None = None
    above: Number | None = None
    at_most: Number | None = None
    below: Number | None = None

    @model_validator(mode="after")
    def _one_comparison(self) -> Condition:
        if sum(bound is not None for bound in self._bounds.values()) != 1:
            raise ValueError("exactly one of equals, at_least, above, at_most, below")
        return self

    @property
    def _bounds(self) -> dict[Relation, Decimal | None]:
        return {
            Relation.EQUAL: self.equals,
            Relation.AT_LEAST: self.at_least,
            Relation.ABOVE: self.above,
            Relation.AT_MOST: self.at_most,
            Relation.BELOW: self.below,
        }

    @property
    def relation(self) -> Relation:
        """How the column must stand to the threshold."""
        return next(relation for relation, bound in self._bounds.items() if bound is not None)

    @property
    def threshold(self) -> Fraction:
        """The number that the column is compared with."""
        return Fraction(next(bound for bound in self._bounds.values() if bound is not None))

    @property
    def opposite(self) -> Condition | None:
        """What every row with a value satisfies that does not satisfy this one, if one condition.

        ``equals`` 1 and 0 are taken for a yes-or-no column's.
        """
        match self.relation:
            case Relation.EQUAL:
                if self.equals not in (0, 1):
                    return None
                return Condition(column=self.column, equals=1 - self.equals)
            case Relation.AT_LEAST:
                return Condition(column=self.column, below=self.at_least)
            case Relation.BELOW:
                return Condition(column=self.column, at_least=self.below)
            case Relation.AT_MOST:
                return Condition(column=self.column, above=self.at_most)
            case Relation.ABOVE:
                return Condition(column=self.column, at_most=self.above)

    def __str__(self) -> str:
        return f"{self.column} {self.relation} {float(self.threshold):g}"


class Unit(Part):
    """A unit of observation: participants, lesions; ``within`` names the unit it is nested in."""

    label: str
    n: Annotated[int, Field(ge=1, le=1_000_000)]
    within: Identifier | None = None
    max_per_parent: Annotated[int, Field(ge=1)] | None = None


class Family(StrEnum):
    """The shape that a measurement is expected to have where nothing printed decides it."""

    NORMAL = "normal"
    LOGNORMAL = "lognormal"
    UNIFORM = "uniform"


class Plausible(Part):
    """What a measurement would look like: a shape with a mean and an SD.

    Printed statistics always win over these; they fill what the paper leaves open.
    """

    family: Family = Family.NORMAL
    mean: Number
    sd: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]


def _shape_or_times(given: Any) -> str:
    """Whether a shape is given, or a mapping of times to shapes."""
    if isinstance(given, dict):
        return "shape" if not given or set(given) & set(Plausible.model_fields) else "times"
    return "shape"


PlausibleShape = Annotated[
    Annotated[Plausible, Tag("shape")] | Annotated[dict[TimeName, Plausible], Tag("times")],
    Discriminator(_shape_or_times),
]


class Limit(Part):
    """Bounds on a measurement in the rows that satisfy every condition of ``when``."""

    when: tuple[Condition, ...]
    times: tuple[TimeName, ...] = ()
    low: Number | None = None
    high: Number | None = None


class _ColumnPart(Part):
    unit: Identifier
    label: str = ""
    among: tuple[Condition, ...] = ()
    """Rows that can have a value: elsewhere a measurement is missing and a binary column is 0."""


class NumericColumn(_ColumnPart):
    """A measurement on its recording grid, once a unit or at several times."""

    kind: Literal["numeric"]
    step: Annotated[Decimal, Field(gt=0)] | None = None
    low: Number | None = None
    high: Number | None = None
    measured_in: str = ""
    plausible: PlausibleShape | None = None
    """One shape, or one a time."""
    times: tuple[TimeName, ...] = ()
    followed: dict[TimeName, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """Numbers observed at a time; a time that is not named is observed in every eligible row.

    Rows leave in one order a unit: of two columns or two times, the rows observed in the smaller
    number are among those observed in the larger.
    """
    correlation: Annotated[Decimal, Field(gt=-1, lt=1)] | None = None
    """Between neighbouring times of one unit."""
    limits: tuple[Limit, ...] = ()

    @property
    def grid(self) -> Grid:
        """The values that this measurement can be recorded as."""
        return Grid(
            step=None if self.step is None else Fraction(self.step),
            low=None if self.low is None else Fraction(self.low),
            high=None if self.high is None else Fraction(self.high),
        )

    def plausible_at(self, time: str | None) -> Plausible | None:
        """The expected shape at one time."""
        if isinstance(self.plausible, dict):
            return self.plausible.get(time or "")
        return self.plausible


class BinaryColumn(_ColumnPart):
    """A yes-or-no fact of a unit, 1 or 0. ``ones`` gives the number of 1s where no value does."""

    kind: Literal["binary"]
    ones: Annotated[int, Field(ge=0)] | None = None
    prevalence: Annotated[Decimal, Field(ge=0, le=1)] | None = None
    """The expected share of 1s where neither a printed value nor ``ones`` fixes it."""


class DerivedColumn(_ColumnPart):
    """A yes-or-no fact computed from other columns: all of, or any of, several conditions."""

    kind: Literal["derived"]
    all_of: tuple[Condition, ...] = ()
    any_of: tuple[Condition, ...] = ()

    @model_validator(mode="after")
    def _one_rule(self) -> DerivedColumn:
        if bool(self.all_of) == bool(self.any_of):
            raise ValueError("either all_of or any_of, a list of conditions")
        return self


class GroupColumn(_ColumnPart):
    """The group, such as a centre, that a unit belongs to: a whole number from 1 up."""

    kind: Literal["group"]
    groups: Annotated[int, Field(ge=1, le=10_000)] = 1
    """How many groups; the number of ``sizes`` where those are given alone."""
    sizes: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Numbers in each group; uneven sizes are drawn where none are given."""

    @model_validator(mode="before")
    @classmethod
    def _groups_from_sizes(cls, given: Any) -> Any:
        if isinstance(given, dict) and "groups" not in given:
            sizes = given.get("sizes")
            if not sizes:
                raise ValueError("groups (how many), sizes (of each), or both")
            return {**given, "groups": len(sizes) if isinstance(sizes, list | tuple) else 1}
        return given


Column = Annotated[
    NumericColumn | BinaryColumn | DerivedColumn | GroupColumn, Field(discriminator="kind")
]


class Population(Part):
    """Rows of one unit that satisfy every condition; what a paper calls them in ``label``."""

    unit: Identifier
    label: str
    where: tuple[Condition, ...] = ()

"""The study card's model: what a paper printed, how its data lay, and what a reader must assume."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from recohort.card.analyses import Analysis, Model
from recohort.card.layout import Column, Identifier, Part, Population, Unit
from recohort.card.statistic import Role, Statistic
from recohort.printed import Printed

__all__ = [
    "DENOMINATOR",
    "Assumption",
    "Citation",
    "Quantity",
    "Relation",
    "Reported",
    "StudyCard",
    "ValueRef",
]


DENOMINATOR = r"^(\d+|not_reported|none)$"


Said = Annotated[str, Field(min_length=1)]
"""Text that may not be left empty."""


class Citation(Part):
    """Where the study was published."""

    authors: str
    title: str
    journal: str
    year: int | None = None
    """``None`` where the source of the card does not give it."""
    volume: str = ""
    pages: str = ""
    doi: str = ""


class Assumption(Part):
    """Something that the paper does not say and the simulation needs.

    ``value`` stands wherever the card says ``{assume: id}``; ``alternatives`` are tried too.
    """

    label: Said
    value: Any
    alternatives: tuple[Any, ...] = ()
    reason: Said
    source: Said
    question: str = ""
    """What to ask the authors, so that the assumption becomes a fact."""


class Reported(Part):
    """One printed number, as the text that was printed."""

    printed: str
    role: Role | None = None
    note: str = ""

    @field_validator("printed")
    @classmethod
    def _is_a_number(cls, text: str) -> str:
        try:
            Printed.parse(text)
        except ValueError:
            raise ValueError("a number as it was printed, such as 0.80 or <.001") from None
        return text

    @property
    def number(self) -> Printed:
        """The printed number and the set it stands for."""
        return Printed.parse(self.printed)


def _bare_text(value: Any) -> Any:
    return {"printed": value} if isinstance(value, str) else value


class Quantity(Part):
    """One thing measured or estimated, the analysis that gives it, and what was printed of it."""

    label: str
    section: str = ""
    population: Identifier
    denominator: Annotated[str, Field(pattern=DENOMINATOR)] = "none"
    """The denominator as printed: a number, not_reported, or none where there is none to report."""
    measured_in: str = ""
    analysis: Analysis
    values: dict[Statistic, Annotated[Reported, BeforeValidator(_bare_text)]] = Field(
        default_factory=dict
    )
    role: Role | None = None
    note: str = ""


class RelationKind(StrEnum):
    """How reported counts must stand to each other."""

    SUM = "sum"
    """The parts add up to the whole."""
    UNION = "union"
    """Every unit of the whole is in at least one part, and each part lies in the whole."""
    SUBSET = "subset"
    """Each part lies in the whole."""
    EQUAL = "equal"
    """All are the same number, printed in several places."""
    HOLDS = "holds"
    """Each unit counted in a part lies in a unit counted in the whole, each of which holds one."""


class Relation(Part):
    """A relation between reported values, each named by its id (``quantity.statistic``)."""

    kind: RelationKind
    whole: str
    parts: tuple[str, ...] = Field(min_length=1)
    reason: str = ""


class ValueRef(Part):
    """One reported value with everything needed to find it."""

    id: str
    quantity: Identifier
    statistic: Statistic
    reported: Reported
    role: Role

    @property
    def number(self) -> Printed:
        """The printed number and the set it stands for."""
        return self.reported.number


_DEFAULT_HELD_OUT = {"auc", "auc_difference", "paired_test", "two_sample_test", "calibration"}


class StudyCard(Part):
    """One study."""

    format: Literal["recohort-card-1"]
    study: Identifier
    name: str
    """A short name for headings."""
    citation: Citation
    summary: str
    """What was studied, in the card writer's own words."""
    units: dict[Identifier, Unit] = Field(min_length=1)
    columns: dict[Identifier, Column]
    populations: dict[Identifier, Population] = Field(min_length=1)
    models: dict[Identifier, Model] = Field(default_factory=dict)
    quantities: dict[Identifier, Quantity] = Field(min_length=1)
    relations: tuple[Relation, ...] = ()
    assumptions: dict[Identifier, Assumption] = Field(default_factory=dict)

    def role_of(self, quantity: Identifier, statistic: Statistic) -> Role:
        """The role of a reported value: the card's word, else the default for its kind.

        By default a population's size is an input. Tests, p-values, intervals of proportions and
        AUCs are held out, and so is a percentage whose count is printed beside it: other values
        foretell them. Everything else is imposed.
        """
        item = self.quantities[quantity]
        said = item.values[statistic].role or item.role
        if said is not None:
            return said
        kind = item.analysis.kind
        if kind == "size":
            return Role.INPUT
        if kind in _DEFAULT_HELD_OUT or statistic is Statistic.P_VALUE:
            return Role.HELD_OUT
        if statistic is Statistic.PERCENT and Statistic.COUNT in item.values:
            return Role.HELD_OUT
        if statistic.level is not None and kind != "model_term":
            return Role.HELD_OUT
        return Role.IMPOSED

    @property
    def values(self) -> tuple[ValueRef, ...]:
        """Every reported value, in the card's order."""
        return tuple(
            ValueRef(
                id=f"{name}.{statistic}",
                quantity=name,
                statistic=statistic,
                reported=reported,
                role=self.role_of(name, statistic),
            )
            for name, quantity in self.quantities.items()
            for statistic, reported in quantity.values.items()
        )

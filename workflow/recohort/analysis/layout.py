"""The tables that a card's cohort is written in."""

from __future__ import annotations

from decimal import Decimal

from recohort.card.layout import NumericColumn
from recohort.card.study import StudyCard
from recohort.cohort import TableLayout

__all__ = ["DEFAULT_DECIMALS", "table_layouts"]

DEFAULT_DECIMALS = 4
"""Decimals written for a measurement without a recording grid."""


def _decimals(step: Decimal | None) -> int:
    if step is None:
        return DEFAULT_DECIMALS
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def table_layouts(card: StudyCard) -> tuple[TableLayout, ...]:
    """One layout a unit, outer units first."""
    layouts = []
    for name in units_outward_in(card):
        mine = {key: column for key, column in card.columns.items() if column.unit == name}
        numeric = {key: c for key, c in mine.items() if isinstance(c, NumericColumn)}
        layouts.append(
            TableLayout(
                unit=name,
                within=card.units[name].within,
                plain=tuple(key for key in mine if key not in numeric or not numeric[key].times),
                series={key: c.times for key, c in numeric.items() if c.times},
                decimals={key: _decimals(c.step) for key, c in numeric.items()},
            )
        )
    return tuple(layouts)


def units_outward_in(card: StudyCard) -> list[str]:
    """The card's units, each after the unit that it is nested in."""
    done: list[str] = []
    while len(done) < len(card.units):
        for name, unit in card.units.items():
            if name not in done and (unit.within is None or unit.within in done):
                done.append(name)
    return done

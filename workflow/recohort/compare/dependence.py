"""Which assumptions of a card a reported value rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from recohort.card.document import Place
from recohort.card.layout import Condition, DerivedColumn, NumericColumn
from recohort.card.loader import CardFile
from recohort.card.reads import columns_read
from recohort.card.statistic import Statistic
from recohort.card.study import StudyCard

__all__ = ["Dependence", "Touched", "touched"]

_SPREAD = {Statistic.SD, Statistic.SE}
_QUANTILES = {Statistic.MEDIAN, Statistic.Q1, Statistic.Q3}


@dataclass
class Touched:
    """The parts of a card that one estimate is computed from; ``keys`` are columns at a time."""

    keys: set[str] = field(default_factory=set)
    populations: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    units: set[str] = field(default_factory=set)

    def times_of(self, column: str) -> set[str]:
        """The times at which a column is used."""
        return {key.partition("@")[2] for key in self.keys if key.partition("@")[0] == column}


def touched(card: StudyCard, quantity: str) -> Touched:
    """Everything that the estimate of a quantity is computed from, on the card."""
    item = card.quantities[quantity]
    found = Touched()
    _add_population(card, item.population, found)
    for key in columns_read(card, quantity):
        _add_key(card, key, found)
    model_name = getattr(item.analysis, "model", None)
    if isinstance(model_name, str) and model_name in card.models:
        model = card.models[model_name]
        found.models.add(model_name)
        _add_population(card, model.population, found)
        if model.group in card.units:
            found.units.add(str(model.group))
    return found


def _add_population(card: StudyCard, name: str, found: Touched) -> None:
    found.populations.add(name)
    population = card.populations[name]
    unit: str | None = population.unit
    while unit is not None:
        found.units.add(unit)
        unit = card.units[unit].within


def _add_conditions(card: StudyCard, conditions: Iterable[Condition], found: Touched) -> None:
    for condition in conditions:
        _add_key(card, condition.column, found)


def _add_key(card: StudyCard, key: str, found: Touched) -> None:
    if key in found.keys:
        return
    name, _, time = key.partition("@")
    column = card.columns.get(name)
    if column is None:
        return
    if not time and isinstance(column, NumericColumn) and column.times:
        # The measure as a whole, as a mixed model takes it: its times are added one by one.
        return
    found.keys.add(key)
    _add_conditions(card, column.among, found)
    if isinstance(column, DerivedColumn):
        _add_conditions(card, (*column.all_of, *column.any_of), found)
    if isinstance(column, NumericColumn):
        for limit in column.limits:
            if not limit.times or time in limit.times:
                _add_conditions(card, limit.when, found)


class Dependence:
    """Which assumptions the values of one card rest on; prepared once a card.

    An assumption counts where it stands in a part of the card that the value's estimate is computed
    from: its own analysis, its population, its units, the columns at the times that it uses, the
    columns that decide those columns' rows and bounds, and the model with all of its terms. An
    interval's method counts for limits alone, a test's for p-values, a divisor for SDs. The parts
    are those under the card's own setting and under each single change of it, so that an assumption
    that stands for a whole analysis counts with all that its alternatives name.
    """

    def __init__(self, card_file: CardFile) -> None:
        self.card_file = card_file
        self._cards = [card_file.card(setting) for setting in card_file.single_changes]
        self._parts: dict[str, Touched] = {}

    def of(self, quantity: str, statistic: Statistic) -> tuple[str, ...]:
        """The names of the assumptions that a reported value rests on, in the card's order."""
        if quantity not in self._parts:
            self._parts[quantity] = _joined(touched(card, quantity) for card in self._cards)
        base, parts = self.card_file.base, self._parts[quantity]
        uses = self.card_file.uses
        return tuple(
            name
            for name, assumption in base.assumptions.items()
            if any(
                _matters(
                    base, parts, quantity, statistic, place,
                    (assumption.value, *assumption.alternatives),
                )
                for place in uses.get(name, ())
            )
        )  # fmt: skip


def _joined(several: Iterable[Touched]) -> Touched:
    found = Touched()
    for one in several:
        found.keys |= one.keys
        found.populations |= one.populations
        found.models |= one.models
        found.units |= one.units
    return found


def _matters(
    card: StudyCard,
    parts: Touched,
    quantity: str,
    statistic: Statistic,
    place: Place,
    values: Sequence[object],
) -> bool:
    if len(place) < 2:
        return False
    room, name, rest = place[0], str(place[1]), place[2:]
    if room == "quantities":
        return name == quantity and _in_quantity(card, quantity, statistic, rest)
    if room == "columns":
        return _in_column(card, parts, name, rest, values)
    if room == "populations":
        return name in parts.populations
    if room == "models":
        return name in parts.models and rest[:1] != ("label",)
    if room == "units":
        return name in parts.units
    return False


def _in_quantity(card: StudyCard, quantity: str, statistic: Statistic, rest: Place) -> bool:
    if not rest or rest[0] in ("label", "section", "note", "measured_in"):
        return False
    if rest[0] == "values":
        return len(rest) < 2 or rest[1] == statistic
    if rest[0] != "analysis" or len(rest) < 2:
        return True
    kind = card.quantities[quantity].analysis.kind
    match rest[1]:
        case "interval":
            return statistic.level is not None
        case "test" if kind in ("model_term", "paired_test", "two_sample_test"):
            return statistic is Statistic.P_VALUE
        case "sd":
            return statistic in _SPREAD
        case "quantiles":
            return statistic in _QUANTILES
    return True


def _in_column(
    card: StudyCard, parts: Touched, name: str, rest: Place, values: Sequence[object]
) -> bool:
    used = {key for key in parts.keys if key.partition("@")[0] == name}
    column = card.columns.get(name)
    if not used or column is None:
        return False
    if not rest:
        return True
    times = parts.times_of(name)
    known = set(column.times) if isinstance(column, NumericColumn) else set()
    match rest[0]:
        case "label" | "measured_in":
            return False
        case "plausible" | "followed" if len(rest) > 1:
            return str(rest[1]) in times or str(rest[1]) not in known
        case "plausible" | "followed":
            named = [set(v) for v in values if isinstance(v, dict)]
            whole = [keys for keys in named if keys <= known]
            return not whole or len(whole) < len(values) or any(keys & times for keys in whole)
        case "correlation":
            return len(times) > 1
        case "limits" if len(rest) > 1 and isinstance(column, NumericColumn):
            return _in_limit(column, times, rest, values)
    return True


def _in_limit(
    column: NumericColumn, times: set[str], rest: Place, values: Sequence[object]
) -> bool:
    index = rest[1]
    if not isinstance(index, int) or index >= len(column.limits):
        return True
    meant = set(column.limits[index].times)
    if len(rest) == 3 and rest[2] == "times":
        for value in values:
            if isinstance(value, list | tuple):
                meant |= {str(item) for item in value}
    return not meant or bool(meant & times)

"""Whether a search can begin: printed counts that leave it nothing to build are told before it.

Values that only contradict each other are no reason to refuse: the search meets all but the fewest.
But a count is what a cohort is built on. More events than participants, or a group that a printed
count says nobody is in and of which something else is printed, leave no cohort to build.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recohort.card.analyses import LogisticModel
from recohort.card.document import Place
from recohort.card.layout import BinaryColumn, Condition
from recohort.card.loader import CardFile
from recohort.card.references import Trouble
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity, StudyCard

__all__ = ["check_ready"]


def check_ready(card_file: CardFile) -> None:
    """Refuse a card whose printed counts leave no cohort to build.

    Raises:
        CardError: with the file, line, field, what was found and what was expected.
    """
    trouble = next(_troubles(card_file.base), None)
    if trouble is not None:
        raise card_file.document.error(*trouble)


def _troubles(card: StudyCard) -> Iterator[Trouble]:
    for name, quantity in card.quantities.items():
        yield from _whole_and_within(card, name, quantity)
    for name, quantity in card.quantities.items():
        yield from _has_members(card, name, quantity)
        yield from _has_both_kinds(card, name, quantity)


def _whole_and_within(card: StudyCard, name: str, quantity: Quantity) -> Iterator[Trouble]:
    reported = quantity.values.get(Statistic.COUNT)
    if reported is None or not reported.number.is_exact:
        return
    place: Place = ("quantities", name, "values", Statistic.COUNT.value)
    unit = card.units[card.populations[quantity.population].unit]
    most, of = unit.n, unit.label
    if quantity.analysis.kind == "parents" and unit.within is not None:
        most, of = card.units[unit.within].n, card.units[unit.within].label
    value = reported.number.value
    if value != int(value) or value < 0:
        yield place, reported.printed, "a whole number, as a count is"
    elif value > most:
        yield place, reported.printed, f"at most {most}, the number of {of.lower()}"


def _counted(card: StudyCard, population: str, conditions: Sequence[Condition]) -> int | None:
    """The printed number of a population's members that satisfy conditions; all if there are none.

    The population may be any that has the same members by the same conditions.
    """
    wanted = card.populations[population]
    asked = {*wanted.where, *conditions}
    for quantity in card.quantities.values():
        mine = card.populations[quantity.population]
        reported = quantity.values.get(Statistic.COUNT)
        if reported is None or not reported.number.is_exact or mine.unit != wanted.unit:
            continue
        having = getattr(quantity.analysis, "having", ())
        if quantity.analysis.kind in ("size", "proportion") and {*mine.where, *having} == asked:
            return int(reported.number.value)
    if not asked:
        return card.units[wanted.unit].n
    if len(asked) == 1:
        (only,) = asked
        column = card.columns[only.column.partition("@")[0]]
        if isinstance(column, BinaryColumn) and column.ones is not None and only.equals == 1:
            return column.ones
    return None


def _has_members(card: StudyCard, name: str, quantity: Quantity) -> Iterator[Trouble]:
    told = {s: v for s, v in quantity.values.items() if v.number.value != 0}
    if quantity.analysis.kind in ("size", "parents") or not told:
        return
    population = quantity.population
    if _counted(card, population, ()) == 0:
        yield (
            ("quantities", name, "population"),
            f"'{population}', which a printed count says nobody is in",
            f"a population with members, of which {next(iter(told))} can be told",
        )


def _has_both_kinds(card: StudyCard, name: str, quantity: Quantity) -> Iterator[Trouble]:
    """Regressions and AUCs need rows with and without the outcome, and predictors that vary."""
    analysis = quantity.analysis
    model = card.models.get(str(getattr(analysis, "model", None)))
    parted: list[tuple[Place, str, tuple[Condition, ...]]] = []
    if analysis.kind in ("auc", "auc_difference", "cutpoint_optimism"):
        outcome = getattr(analysis, "outcome", ()) or (model.outcome if model else ())
        parted.append((("quantities", name, "analysis"), quantity.population, outcome))
    if model is not None:
        here: Place = ("models", str(getattr(analysis, "model", "")))
        if isinstance(model, LogisticModel):
            parted.append(((*here, "outcome"), model.population, model.outcome))
        for key, term in model.terms.items():
            if isinstance(card.columns.get(term.column), BinaryColumn):
                has = (Condition.model_validate({"column": term.column, "equals": 1}),)
                parted.append(((*here, "terms", key, "column"), model.population, has))
    if not quantity.values:
        return
    for place, population, conditions in parted:
        everyone = _counted(card, population, ())
        found = _counted(card, population, conditions)
        if found == 0 or (found is not None and found == everyone):
            what = " and ".join(map(str, conditions))
            yield (
                place,
                f"{found} of {everyone if everyone is not None else 'the'} "
                f"{card.populations[population].label} with {what}, by the printed counts",
                f"some with and some without it, or {next(iter(quantity.values))} of "
                f"{name} cannot be computed",
            )

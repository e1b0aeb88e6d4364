"""Which printed p-values of ratios no data can give under the test that a setting names.

Under Wald's interval and Wald's test, or Student's t with known degrees of freedom, a ratio and its
limits leave a range of p-values. Where the printed p lies outside, this setting cannot print all
four, however long one looks; another test may.
"""

from __future__ import annotations

import numpy as np

from recohort.analysis.frame import Frame
from recohort.audit.ratio import p_range
from recohort.audit.ratio_box import ratio_reach
from recohort.card.analyses import RatioInterval, RatioTest, TermAnalysis
from recohort.card.layout import NumericColumn
from recohort.card.statistic import Role, Statistic
from recohort.card.study import Quantity, StudyCard
from recohort.reconstruct.structure import StructureError, draw_structure, structural_columns
from recohort.reconstruct.target import targets_of

__all__ = ["blocked"]

_RATIOS = (Statistic.ODDS_RATIO, Statistic.ADJUSTED_ODDS_RATIO, Statistic.HAZARD_RATIO)


def blocked(card: StudyCard) -> dict[str, frozenset[str]]:
    """Each p-value that this setting cannot print: it, with the ratio and limits it goes with."""
    found = {}
    for name, quantity in card.quantities.items():
        analysis = quantity.analysis
        if not isinstance(analysis, TermAnalysis) or analysis.interval is not RatioInterval.WALD:
            continue
        df: int | None = None
        if analysis.test is RatioTest.WALD_T:
            df = _degrees_of_freedom(card, analysis)
            if df is None:
                continue
        elif analysis.test is not RatioTest.WALD:
            continue
        if _is_blocked(quantity, df):
            values = frozenset(f"{name}.{statistic}" for statistic in quantity.values)
            found[f"{name}.{Statistic.P_VALUE}"] = values
    return found


def _is_blocked(quantity: Quantity, df: int | None) -> bool:
    values = quantity.values
    ratio = next((s for s in _RATIOS if s in values), None)
    p = values.get(Statistic.P_VALUE)
    lower = next((s for s in values if s.is_lower_limit), None)
    if ratio is None or p is None or lower is None or lower.level is None:
        return False
    upper = next((s for s in values if s.is_upper_limit and s.level == lower.level), None)
    if upper is None:
        return False
    estimate, low, high = (values[s].number for s in (ratio, lower, upper))
    if not all(number.is_exact and number.accepted.high > 0 for number in (estimate, low, high)):
        return False
    reach = ratio_reach(estimate, low, high)
    if reach is None:
        return False
    return not p_range(reach, lower.level, df, z_limits=True).meets(p.number.accepted)


def _degrees_of_freedom(card: StudyCard, analysis: TermAnalysis) -> int | None:
    """The model's residual degrees of freedom, where its rows do not depend on measurements."""
    model = card.models[analysis.model]
    structural = structural_columns(card)
    conditions = (*card.populations[model.population].where, *getattr(model, "outcome", ()))
    if any(condition.column not in structural for condition in conditions):
        return None
    for term in model.terms.values():
        name, _, time = term.column.partition("@")
        column = card.columns[name]
        if isinstance(column, NumericColumn) and (column.among or time in column.followed):
            return None
    try:
        skeleton = draw_structure(card, targets_of(card, list(Role)), np.random.default_rng(0))
    except StructureError:
        return None
    rows = int(Frame(card, skeleton).population(model.population).sum())
    return rows - len(model.terms) - 1 - (model.group is not None)

"""Ratios, AUCs and tests of a card against everything else that it prints."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

from recohort.audit.auc_interval import check_auc_interval
from recohort.audit.card_facts import CardFacts, Collected, Size, limits_of
from recohort.audit.comparison import check_paired, check_rank_test, check_two_means
from recohort.audit.finding import Finding
from recohort.audit.ratio import check_ratio
from recohort.audit.two_by_two import (
    check_crude_ratio,
    check_events_per_variable,
    check_standard_error,
)
from recohort.card.analyses import (
    AucAnalysis,
    CodingKind,
    LogisticModel,
    PairedAnalysis,
    PairedTestKind,
    TermAnalysis,
    TwoSampleAnalysis,
    TwoSampleTestKind,
)
from recohort.card.layout import BinaryColumn, Condition
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity
from recohort.feasible.variable import Relation

__all__ = ["audit_aucs", "audit_ratios", "audit_tests"]

_RATIOS = (Statistic.ODDS_RATIO, Statistic.ADJUSTED_ODDS_RATIO, Statistic.HAZARD_RATIO)


def audit_ratios(facts: CardFacts, collected: Collected) -> None:
    """Ratio, limits and p of each model term; events for each model's predictors."""
    models_seen: set[str] = set()
    for name, quantity in facts.quantities("model_term"):
        assert isinstance(quantity.analysis, TermAnalysis)
        models_seen.add(quantity.analysis.model)
        statistic = next((s for s in _RATIOS if s in quantity.values), None)
        if statistic is None or not _positive(quantity, statistic):
            continue
        p = quantity.values.get(Statistic.P_VALUE)
        for level, low, high, lower, upper in limits_of(quantity):
            if not (_positive(quantity, lower) and _positive(quantity, upper)):
                continue
            report = check_ratio(
                quantity.values[statistic].printed,
                low,
                high,
                None if p is None else p.printed,
                level=level,
                ids={
                    "estimate": f"{name}.{statistic}",
                    "lower": f"{name}.{lower}",
                    "upper": f"{name}.{upper}",
                    "p": f"{name}.p_value",
                },
            )
            collected.findings += report.findings
            for determination in report.determined:
                collected.determine(determination)
            collected.findings += _against_counts(facts, name, quantity, statistic, lower, upper)
    for model in sorted(models_seen):
        collected.findings += _events_per_variable(facts, model)


def _against_counts(
    facts: CardFacts,
    name: str,
    quantity: Quantity,
    statistic: Statistic,
    lower: Statistic,
    upper: Statistic,
) -> tuple[Finding, ...]:
    """An odds ratio of a yes-or-no column against the numbers of events and of exposed."""
    assert isinstance(quantity.analysis, TermAnalysis)
    key = quantity.analysis.model
    model = facts.card.models[key]
    if not isinstance(model, LogisticModel) or model.kind != "logistic":
        return ()
    if any(owner == key for owner, _ in facts.assumed):
        return ()  # which rows or terms the model has is not known
    term = model.terms[quantity.analysis.term]
    binary = isinstance(facts.card.columns.get(term.column), BinaryColumn)
    events = events_printed(facts, model.population, model.outcome)
    n = facts.size(quantity).known
    if not binary or term.coding.kind is not CodingKind.LINEAR or events is None or n is None:
        return ()
    if not 0 < events[0] < n:
        return ()
    low, high = quantity.values[lower].printed, quantity.values[upper].printed
    estimate = quantity.values[statistic].printed
    ids = {
        "estimate": f"{name}.{statistic}",
        "lower": f"{name}.{lower}",
        "upper": f"{name}.{upper}",
        "events": events[1],
    }
    size = facts.size(quantity).id
    if size is not None:
        ids["n"] = size
    level = lower.level or 0.95
    found = check_standard_error(estimate, low, high, n, events[0], level=level, ids=ids)
    exposed = events_printed(
        facts, model.population, (Condition(column=term.column, equals=Decimal(1)),)
    )
    if len(model.terms) == 1 and exposed is not None and 0 < exposed[0] < n:
        ids |= {"n1": exposed[1], "n0": exposed[1]}
        found += check_crude_ratio(estimate, exposed[0], n - exposed[0], events[0], ids=ids)
    return found


def _positive(quantity: Quantity, statistic: Statistic) -> bool:
    number = quantity.values[statistic].number
    return number.is_exact and number.accepted.high > 0


def _events_per_variable(facts: CardFacts, name: str) -> tuple[Finding, ...]:
    model = facts.card.models[name]
    events = events_printed(facts, model.population, model.outcome)
    if (
        events is None
        or events[0] < 0
        or (name, "terms") in facts.assumed
        or (name, "population") in facts.assumed
    ):
        return ()
    size, id = events
    return check_events_per_variable(size, len(model.terms), ids={"events": id})


def events_printed(
    facts: CardFacts, population: str, outcome: tuple[Condition, ...]
) -> tuple[int, str] | None:
    """The printed number of a population's units with an outcome (or without, subtracted)."""
    units = facts.card.populations[population]
    for name, quantity in facts.quantities("proportion"):
        analysis = quantity.analysis
        if analysis.kind != "proportion" or len(analysis.having) != 1 or len(outcome) != 1:
            continue
        counted = facts.card.populations[quantity.population]
        if counted.unit != units.unit or counted.where != units.where:
            continue
        count, id = facts.count(quantity), f"{name}.count"
        size = facts.size(quantity).known
        percent = quantity.values.get(Statistic.PERCENT)
        if count is None and percent is not None and size is not None:
            fits = [k for k in range(size + 1) if percent.number.accepts(100 * k / size)]
            if len(fits) == 1:
                count, id = fits[0], f"{name}.percent"
        if count is None:
            continue
        if analysis.having == outcome:
            return count, id
        if size is not None and _opposite(analysis.having[0], outcome[0]):
            return size - count, id
    return None


def _opposite(first: Condition, second: Condition) -> bool:
    """Whether a yes-or-no column is 0 in one condition and 1 in the other."""
    return (
        first.column == second.column
        and first.relation is Relation.EQUAL
        and second.relation is Relation.EQUAL
        and {first.threshold, second.threshold} == {0, 1}
    )


@lru_cache(maxsize=512)
def _auc_findings(
    auc: str,
    lower: str,
    upper: str,
    cases: int | None,
    controls: int | None,
    total: int | None,
    share: float | None,
    level: float,
    ids: tuple[tuple[str, str], ...],
) -> tuple[Finding, ...]:
    # The search over splits takes tens of milliseconds and is asked again for each setting.
    return check_auc_interval(
        auc, lower, upper,
        cases=cases, controls=controls, total=total, share=share, level=level, ids=dict(ids),
    )  # fmt: skip


def _share_of_cases(
    facts: CardFacts, population: str, outcome: tuple[Condition, ...]
) -> float | None:
    """The printed share of cases among all of the population's units: a guide to its parts."""
    unit = facts.card.populations[population].unit
    for name, other in facts.card.populations.items():
        if other.unit == unit and not other.where:
            events = events_printed(facts, name, outcome)
            if events is not None and 0 < events[0] < facts.card.units[unit].n:
                return events[0] / facts.card.units[unit].n
    return None


def audit_aucs(facts: CardFacts, collected: Collected) -> None:
    """Each AUC's interval against the numbers of its two classes, where they are printed."""
    for name, quantity in facts.quantities("auc"):
        analysis = quantity.analysis
        if not isinstance(analysis, AucAnalysis) or Statistic.AUC not in quantity.values:
            continue
        size = facts.size(quantity)
        outcome = analysis.outcome
        if analysis.model is not None:
            outcome = facts.card.models[analysis.model].outcome
        events = events_printed(facts, quantity.population, outcome)
        total, share = size.known, _share_of_cases(facts, quantity.population, outcome)
        cases = controls = None
        ids = {"auc": f"{name}.auc"}
        both = events is not None and total is not None and 0 < events[0] < total
        if quantity.denominator != "not_reported" and both and events and total:
            cases, controls = events[0], total - events[0]
            ids |= {"cases": events[1], "controls": size.id or events[1]}
        for level, low, high, lower, upper in limits_of(quantity):
            pairs = {**ids, "lower": f"{name}.{lower}", "upper": f"{name}.{upper}"}
            if size.id is not None:
                pairs["total"] = size.id
            collected.findings += _auc_findings(
                quantity.values[Statistic.AUC].printed, low, high,
                cases, controls, total, share, level, tuple(sorted(pairs.items())),
            )  # fmt: skip


def audit_tests(facts: CardFacts, collected: Collected) -> None:
    """p-values of pairs and of two groups against n, means and SDs."""
    for name, quantity in facts.quantities("paired_test"):
        if isinstance(quantity.analysis, PairedAnalysis) and _has_p(quantity):
            collected.findings += _paired(facts, name, quantity, quantity.analysis)
    for name, quantity in facts.quantities("two_sample_test"):
        if isinstance(quantity.analysis, TwoSampleAnalysis) and _has_p(quantity):
            collected.findings += _two_sample(facts, name, quantity, quantity.analysis)


def _has_p(quantity: Quantity) -> bool:
    return Statistic.P_VALUE in quantity.values


def _moments(
    facts: CardFacts, column: str, populations: Iterable[str]
) -> tuple[str, Quantity] | None:
    """The summary with printed mean and SD of a column in one of some populations."""
    wanted = set(populations)
    for name, quantity in facts.quantities("summary"):
        analysis = quantity.analysis
        if analysis.kind == "summary" and analysis.column == column:
            has = Statistic.MEAN in quantity.values and Statistic.SD in quantity.values
            if has and quantity.population in wanted:
                return name, quantity
    return None


def _paired(
    facts: CardFacts, name: str, quantity: Quantity, analysis: PairedAnalysis
) -> tuple[Finding, ...]:
    p, size = quantity.values[Statistic.P_VALUE].printed, facts.size(quantity)
    if size.high < 2:
        return ()
    ids = {"p": f"{name}.p_value", "n": size.id or f"{name}.p_value"}
    found: tuple[Finding, ...] = ()
    if analysis.test is PairedTestKind.WILCOXON and quantity.denominator.isdigit():
        found += check_rank_test(size.high, None, p, ids={**ids, "n1": ids["n"]})
    before = _moments(facts, analysis.baseline, [quantity.population])
    after = _moments(facts, analysis.column, [quantity.population])
    if before is None or after is None or analysis.test is not PairedTestKind.T:
        return found
    missing = facts.followed_is_assumed(analysis.column) or size.known is None
    ids |= {
        "mean1": f"{before[0]}.mean",
        "sd1": f"{before[0]}.sd",
        "mean2": f"{after[0]}.mean",
        "sd2": f"{after[0]}.sd",
    }
    return found + check_paired(
        size.high,
        before[1].values[Statistic.MEAN].printed,
        before[1].values[Statistic.SD].printed,
        after[1].values[Statistic.MEAN].printed,
        after[1].values[Statistic.SD].printed,
        p,
        n_low=2 if missing else None,
        test_is_t=True,
        ids=ids,
    )


def _two_sample(
    facts: CardFacts, name: str, quantity: Quantity, analysis: TwoSampleAnalysis
) -> tuple[Finding, ...]:
    groups = _groups(facts, quantity, analysis)
    if groups is None:
        return ()
    p = quantity.values[Statistic.P_VALUE].printed
    sizes = [group[1] for group in groups]
    n1, n2 = sizes[0].known, sizes[1].known
    if n1 is None or n2 is None:
        return ()
    own = f"{name}.p_value"
    ids = {"p": own, "n1": sizes[0].id or own, "n2": sizes[1].id or own}
    ranks = (TwoSampleTestKind.MANN_WHITNEY, TwoSampleTestKind.MANN_WHITNEY_EXACT)
    t_tests = (TwoSampleTestKind.STUDENT_T, TwoSampleTestKind.WELCH_T)
    if analysis.test in ranks:
        return check_rank_test(n1, n2, p, ids=ids)
    summaries = [_moments(facts, analysis.column, group[0]) for group in groups]
    first, second = summaries
    if first is None or second is None or analysis.test not in t_tests or min(n1, n2) < 2:
        return ()
    ids |= {
        "mean1": f"{first[0]}.mean",
        "sd1": f"{first[0]}.sd",
        "mean2": f"{second[0]}.mean",
        "sd2": f"{second[0]}.sd",
    }
    return check_two_means(
        n1,
        first[1].values[Statistic.MEAN].printed,
        first[1].values[Statistic.SD].printed,
        n2,
        second[1].values[Statistic.MEAN].printed,
        second[1].values[Statistic.SD].printed,
        p,
        test_is_t=True,
        ids=ids,
    )


def _groups(
    facts: CardFacts, quantity: Quantity, analysis: TwoSampleAnalysis
) -> tuple[tuple[list[str], Size], tuple[list[str], Size]] | None:
    """The populations of those who satisfy the condition and of the others, with their sizes."""
    whole = facts.card.populations[quantity.population]
    inside: list[str] = []
    outside: list[str] = []
    for name, population in facts.card.populations.items():
        if population.unit != whole.unit:
            continue
        if population.where == (*whole.where, *analysis.group):
            inside.append(name)
        elif len(analysis.group) == 1 and len(population.where) == len(whole.where) + 1:
            same = population.where[:-1] == whole.where
            if same and _opposite(population.where[-1], analysis.group[0]):
                outside.append(name)
    sizes = []
    for names in (inside, outside):
        printed = next((facts.sizes_printed[n] for n in names if n in facts.sizes_printed), None)
        if printed is None:
            return None
        sizes.append(Size(printed[0], printed[0], printed[1]))
    return (inside, sizes[0]), (outside, sizes[1])

"""One sentence, with its arithmetic, on why some facts of one variable cannot hold together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

from recohort.feasible.bounds import Interval, SdBound, interval, sd_bounds
from recohort.feasible.boxes import Number
from recohort.feasible.problem import Problem
from recohort.feasible.variable import CountFact, VariableFacts
from recohort.printed import Printed

__all__ = ["conflict_sentence", "fact_texts"]

_LABEL: Final = {
    "mean": "mean",
    "sd": "SD",
    "median": "median",
    "q1": "lower quartile",
    "q3": "upper quartile",
    "minimum": "minimum",
    "maximum": "maximum",
}
_RELATION: Final = {"=": "equal to", "<=": "at most", "<": "below", ">=": "at least", ">": "above"}


def fact_texts(facts: VariableFacts, names: Sequence[str]) -> str:
    """The named statistics and all counts, as a list in words."""
    parts = [f"{_LABEL[name]} {getattr(facts, name).text}" for name in names if name in _LABEL]
    parts += [_count_text(fact) for fact in facts.counts]
    return _joined(parts)


def _joined(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _count_text(fact: CountFact) -> str:
    many = str(fact.at_least)
    if fact.at_least != fact.at_most:
        many = f"{fact.at_least} to {fact.at_most}"
    noun = "value" if many == "1" else "values"
    return f"{many} {noun} {_RELATION[fact.relation]} {_number(fact.threshold)}"


def _number(value: Number, digits: int | None = None) -> str:
    if digits is None:
        return f"{float(value):.10g}"
    return f"{float(value):.{max(digits, 0)}f}"


def _scale(facts: VariableFacts) -> str:
    grid = facts.grid
    if grid.step is None:
        return "values"
    kind = (
        "whole numbers"
        if grid.step == 1 and grid.offset.denominator == 1
        else (f"values in steps of {_number(grid.step)}")
    )
    if grid.low is not None and grid.high is not None:
        return f"{kind} from {_number(grid.low)} to {_number(grid.high)}"
    if grid.low is not None:
        return f"{kind} of at least {_number(grid.low)}"
    if grid.high is not None:
        return f"{kind} of at most {_number(grid.high)}"
    return kind


def _size(facts: VariableFacts) -> str:
    if facts.n_low == facts.n_high:
        return str(facts.n_low)
    return f"{facts.n_low} to {facts.n_high}"


def conflict_sentence(facts: VariableFacts, names: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The sentence and the numbers behind it, for a minimal conflict that ``facts`` holds."""
    for attempt in (_plainly, _about_sd, _about_mean, _about_ranks, _about_granularity):
        found = attempt(facts, names)
        if found is not None:
            return found
    listed = fact_texts(facts, names)
    return f"No {_size(facts)} {_scale(facts)} have {listed}.", {}


def _plainly(facts: VariableFacts, names: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    """Conflicts that need no arithmetic."""
    if facts.n_high < 1:
        return f"With n = 0 there is no {fact_texts(facts, names)}.", {}
    sd = facts.sd
    if sd is not None and sd.accepted.high < 0:
        return f"An SD of {sd.text} is negative, which no SD can be.", {}
    if sd is not None and facts.n_high == 1 and tuple(facts.printed) == ("sd",):
        return f"One observation has no spread, so its SD cannot be {sd.text}.", {}
    for fact in facts.counts:
        if fact.at_least > facts.n_high:
            return (
                f"{_count_text(fact)} are more than all {_size(facts)}.",
                {},
            )
    if not facts.counts and set(facts.printed) == {"minimum", "maximum"}:
        low, high = facts.printed["minimum"].text, facts.printed["maximum"].text
        return f"A minimum of {low} lies above a maximum of {high}.", {}
    step = facts.grid.step
    for name in ("minimum", "maximum"):
        if step is not None and set(facts.printed) == {name} and not facts.counts:
            text = facts.printed[name].text
            return f"A {name} of {text} is not among {_scale(facts)}.", {}
    return None


def _given(facts: VariableFacts, names: Sequence[str], without: str) -> str:
    parts = [f"n = {_size(facts)}"] if "n" in names else []
    for name in names:
        if name not in _LABEL or name == without:
            continue
        printed: Printed = getattr(facts, name)
        shown = f"{'an' if name in ('sd', 'q3') else 'a'} {_LABEL[name]} of {printed.text}"
        if name in ("mean", "sd") and printed.is_exact:
            box = printed.accepted
            shown += (
                f" ({_number(max(box.low, 0) if name == 'sd' else box.low)} to {_number(box.high)})"
            )
        parts.append(shown)
    parts += [_count_text(fact) for fact in facts.counts]
    return _joined(parts)


def _about_sd(facts: VariableFacts, names: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    sd = facts.sd
    if sd is None or not sd.is_exact:
        return None
    problem = Problem.from_facts(facts)
    digits = sd.decimals + 1
    for smallest in (True, False):
        found = sd_bounds(problem, smallest=smallest)
        if not found:
            continue
        box = sd.accepted
        beyond = all(
            b.variance > Fraction(box.high) ** 2
            if smallest
            else b.variance < max(Fraction(box.low), Fraction(0)) ** 2
            for b in found.values()
        )
        if not beyond:
            continue
        side = "at least" if smallest else "at most"
        shown = " or ".join(
            f"{_towards(b, digits, smallest)} (divisor {'n - 1' if lost else 'n'})"
            for lost, b in sorted(found.items())
        )
        extreme = found[min(found)] if smallest else found[max(found)]
        values = _sample_text(extreme)
        sentence = (
            f"Among {_scale(facts)}, {_given(facts, names, 'sd')} make the SD {side} {shown}; "
            f"{sd.text} is printed. The {'least' if smallest else 'most'} spread sample is "
            f"{values}: sum {_number(extreme.total)}, squares {_number(extreme.squares)}, "
            f"SD = √(({_number(extreme.squares)} - {_number(extreme.total)}²/{extreme.n})"
            f"/{extreme.n - extreme.lost})."
        )
        evidence = {
            "statistic": "sd",
            "side": side,
            "bounds": {"n-1" if lost else "n": b.sd for lost, b in sorted(found.items())},
            "sample": [[_number(v), c] for v, c in extreme.sample[:50]],
            "sum": str(extreme.total),
            "squares": str(extreme.squares),
        }
        return sentence, evidence
    return None


def _towards(bound: SdBound, digits: int, smallest: bool) -> str:
    """A bound rounded outwards, so that the sentence stays true."""
    unit = Fraction(1, 10) ** max(digits, 0)
    steps = math.isqrt(math.floor(bound.variance / unit**2))
    if not smallest and steps**2 * unit**2 < bound.variance:
        steps += 1
    return _number(steps * unit, digits)


def _sample_text(bound: SdBound) -> str:
    parts = [f"{c} × {_number(v)}" for v, c in bound.sample]
    if len(parts) > 6:
        parts = [*parts[:3], "…", *parts[-2:]]
    return ", ".join(parts)


def _about_mean(facts: VariableFacts, names: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    mean = facts.mean
    if mean is None or not mean.is_exact:
        return None
    problem = Problem.from_facts(facts)
    found = interval(problem, "mean")
    box = mean.accepted
    if found is not None and (found.high < box.low or found.low > box.high):
        sentence = (
            f"Among {_scale(facts)}, {_given(facts, names, 'mean') or 'the scale'} put the mean "
            f"{_between(found, mean.decimals + 1)}; {mean.text} is printed."
        )
        return sentence, {
            "statistic": "mean",
            "low": _number(found.low),
            "high": _number(found.high),
        }
    step, n = facts.grid.step, facts.n_low
    if step is None or n != facts.n_high or n < 1:
        return None
    units = (mean.value - facts.grid.offset) * n / step
    below, above = math.floor(units), math.ceil(units)
    if below == above:
        return None
    near = [(k, facts.grid.offset + step * Fraction(k, n)) for k in (below, above)]
    if any(v in box for _, v in near):
        return None
    total = [_number(n * facts.grid.offset + step * k) for k, _ in near]
    digits = mean.decimals + 2
    sentence = (
        f"No sum of {n} {_scale(facts)} gives a mean of {mean.text}: "
        f"{total[0]}/{n} = {_number(near[0][1], digits)} and "
        f"{total[1]}/{n} = {_number(near[1][1], digits)} are the nearest."
    )
    return sentence, {"statistic": "mean", "nearest": [str(v) for _, v in near]}


def _between(found: Interval, digits: int | None = None) -> str:
    low = _number(found.low) if digits is None else _outward(found.low, digits, up=False)
    high = _number(found.high) if digits is None else _outward(found.high, digits, up=True)
    if math.isinf(found.low):
        return f"at {high} at most"
    if math.isinf(found.high):
        return f"at {low} at least"
    return f"at {low}" if low == high else f"between {low} and {high}"


def _outward(value: Number, digits: int, *, up: bool) -> str:
    if isinstance(value, float):
        return _number(value)
    unit = Fraction(1, 10) ** max(digits, 0)
    steps = math.ceil(value / unit) if up else math.floor(value / unit)
    return _number(steps * unit, digits)


def _about_ranks(facts: VariableFacts, names: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    problem = Problem.from_facts(facts)
    for name in ("median", "q1", "q3", "maximum", "minimum"):
        printed = facts.printed.get(name)
        if printed is None or name not in names:
            continue
        found = interval(problem, name)
        box = problem.sets[name]
        if found is None or not (found.high < box.low or found.low > box.high):
            continue
        sentence = (
            f"Among {_scale(facts)}, {_given(facts, names, name)} put the {_LABEL[name]} "
            f"{_between(found)}; {printed.text} is printed."
        )
        return sentence, {"statistic": name, "low": _number(found.low), "high": _number(found.high)}
    return None


def _about_granularity(
    facts: VariableFacts, names: Sequence[str]
) -> tuple[str, dict[str, Any]] | None:
    """No sum and sum of squares of values on the scale print mean and SD."""
    if facts.sd is None or facts.mean is None or facts.grid.step is None:
        return None
    if facts.n_low != facts.n_high:
        return None
    problem = Problem.from_facts(facts)
    rows = []
    for lost, reading in problem.conventions(facts.n_low):
        case = problem.case(facts.n_low, lost, reading)
        if case is None or not case.tighten():
            continue
        runs = case.bounds.runs()
        low, high = max(case.s_low, runs.sum_low), min(case.s_high, runs.sum_high)
        if math.isinf(low) or math.isinf(high) or high - low > 20 or math.isinf(case.d_high):
            return None
        for total in range(int(low), int(high) + 1):
            least = Fraction(case.d_low + total * total) / case.n
            most = Fraction(case.d_high + total * total) / case.n
            row = (lost, total, least, most)
            if row not in rows:
                rows.append(row)
    if not rows:
        return None
    parts = [
        f"{total} ({'even' if total % 2 == 0 else 'odd'}; divisor {'n - 1' if lost else 'n'}: "
        f"squares {float(least):.2f} to {float(most):.2f})"
        for lost, total, least, most in rows
    ]
    sentence = (
        f"No {_size(facts)} {_scale(facts)} have {fact_texts(facts, names)}: the sum of squares "
        "must be a whole number, odd or even like the sum and within what the scale allows, and no "
        f"sum has one that prints this SD. Sums in steps of the scale: {'; '.join(parts[:6])}"
        f"{'; …' if len(parts) > 6 else ''}."
    )
    evidence = {
        "statistic": "sd",
        "sums": [
            {"denominator": "n-1" if lost else "n", "sum": t, "low": str(a), "high": str(b)}
            for lost, t, a, b in rows[:50]
        ],
    }
    return sentence, evidence

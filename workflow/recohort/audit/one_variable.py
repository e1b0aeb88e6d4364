"""Can all printed statistics of one variable hold together? If not: which clash, and what mends it.

A conflict is reduced to a minimal set by leaving facts out one at a time (what remains in conflict
without a fact does not need it). Repairs are the nearest values of the same printed digits that
make everything else possible. ``impossible`` needs all of: no sample under the accepted rounding
rules, none under truncation throughout or ceiling throughout, none under either SD denominator or
any quantile definition, and a certificate that its checker confirms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from recohort.audit.certificate import Certificate, CertificateKind, check
from recohort.audit.finding import Check, Finding, FindingVerdict, UndeterminedReason
from recohort.audit.variable_sentence import conflict_sentence, fact_texts
from recohort.feasible.effort import Effort
from recohort.feasible.problem import Problem
from recohort.feasible.search import Answer, Decision, decide
from recohort.feasible.variable import CountFact, Grid, Relation, VariableFacts
from recohort.printed import Printed, RealSet, RoundingRule

__all__ = ["Repair", "VariableAudit", "audit_facts", "audit_variable", "variable_finding"]

_EXTRA_NODES: Final = 2_500
_OTHER_RULES: Final = (RoundingRule.TRUNCATION, RoundingRule.CEILING)
_STATISTICS: Final = ("q1", "q3", "median", "maximum", "minimum", "sd", "mean")


@dataclass(frozen=True, slots=True)
class Repair:
    """Printing ``to`` instead of ``printed`` for one fact would make all facts possible."""

    fact: str
    printed: str
    to: str


@dataclass(frozen=True, slots=True)
class VariableAudit:
    """What the arithmetic says of one variable.

    ``conflict`` names a minimal set of facts that clash ("n", "mean", "sd", ..., "count 1" for the
    first count), empty where none do. ``explained_by`` lists single rounding rules, other than the
    accepted ones, under which all facts are possible. ``witness`` is a sample as (value, count)
    pairs and ``witness_convention`` how its SD and quantiles were read. ``bounds`` holds numbers
    behind the sentence.
    """

    verdict: FindingVerdict
    sentence: str
    reason: UndeterminedReason | None = None
    conflict: tuple[str, ...] = ()
    explained_by: tuple[RoundingRule, ...] = ()
    repairs: tuple[Repair, ...] = ()
    witness: tuple[tuple[Fraction, int], ...] | None = None
    witness_convention: Mapping[str, Any] = field(default_factory=dict, hash=False)
    certificate: Certificate | None = None
    bounds: Mapping[str, Any] = field(default_factory=dict, hash=False)


def audit_variable(
    *,
    n: str | tuple[str, str],
    mean: str | None = None,
    sd: str | None = None,
    median: str | None = None,
    q1: str | None = None,
    q3: str | None = None,
    minimum: str | None = None,
    maximum: str | None = None,
    step: str | None = "1",
    low: str | None = None,
    high: str | None = None,
    offset: str = "0",
    counts: Iterable[tuple[str, str, str | tuple[str, str]]] = (),
    seconds: float | None = None,
    stop: Callable[[], bool] | None = None,
    thorough: bool = False,
) -> VariableAudit:
    """Audit the printed statistics of one variable, given as printed text.

    Args:
        n: the number of observations, or its smallest and largest possible value.
        mean, sd, median, q1, q3: rounded statistics.
        minimum, maximum: values that occur in the data; exact on a scale with steps.
        step: the distance between recordable values ("1": whole numbers, "0.5": halves), or None
            for real values.
        low, high: the ends of the scale, where it has any.
        offset: a recordable value other than a multiple of the step.
        counts: (relation, threshold, count) with relation one of = <= < >= >, such as
            ("=", "0", "34"); the count may be a pair (fewest, most).
        seconds: a limit of wall-clock time; what is open then is undetermined.
        stop: asked now and then; returning true ends the search likewise.
        thorough: allow about a minute, where otherwise a second or two decide what stays open.

    Raises:
        ValueError: some text is no number, n or a count is no whole number or negative, the step is
            not positive, or the scale's low end lies above its high end.
    """
    first, last = (n, n) if isinstance(n, str) else n
    facts = VariableFacts(
        grid=_grid(step, low, high, offset),
        n_low=_whole(first, "n"),
        n_high=_whole(last, "n"),
        mean=_parsed(mean, "mean"),
        sd=_parsed(sd, "sd"),
        median=_parsed(median, "median"),
        q1=_parsed(q1, "q1"),
        q3=_parsed(q3, "q3"),
        minimum=_parsed(minimum, "minimum"),
        maximum=_parsed(maximum, "maximum"),
        counts=tuple(_count(*entry) for entry in counts),
    )
    if facts.n_low > facts.n_high:
        raise ValueError(f"n: got {first} to {last}; takes the smaller number first")
    return audit_facts(facts, seconds=seconds, stop=stop, thorough=thorough)


def _parsed(text: str | None, name: str) -> Printed | None:
    if text is None:
        return None
    try:
        return Printed.parse(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _exact(text: str, name: str) -> Fraction:
    printed = _parsed(text, name)
    if printed is None or not printed.is_exact:
        raise ValueError(f"{name}: got {text!r}; takes a number without a comparator")
    return printed.value


def _whole(text: str, name: str) -> int:
    value = _exact(text, name)
    if value.denominator != 1 or value < 0:
        raise ValueError(f"{name}: got {text!r}; takes a whole number of at least 0")
    return int(value)


def _grid(step: str | None, low: str | None, high: str | None, offset: str) -> Grid:
    size = None if step is None else _exact(step, "step")
    if size is not None and size <= 0:
        raise ValueError(f"step: got {step!r}; takes a positive number, or None for real values")
    ends = [None if v is None else _exact(v, k) for k, v in (("low", low), ("high", high))]
    if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
        raise ValueError(f"low: got {low!r}, above high {high!r}; takes the lower end of the scale")
    return Grid(size, ends[0], ends[1], _exact(offset, "offset"))


def _count(relation: str, threshold: str, count: str | tuple[str, str]) -> CountFact:
    known = {"≤": "<=", "≥": ">="}
    try:
        kind = Relation(known.get(relation, relation))
    except ValueError:
        raise ValueError(f"counts: got relation {relation!r}; takes = <= < >= >") from None
    least, most = (count, count) if isinstance(count, str) else count
    return CountFact(
        kind, _exact(threshold, "counts"), _whole(least, "counts"), _whole(most, "counts")
    )


def audit_facts(
    facts: VariableFacts,
    *,
    seconds: float | None = None,
    stop: Callable[[], bool] | None = None,
    thorough: bool = False,
) -> VariableAudit:
    """Audit one variable; see :func:`audit_variable`, which takes text."""
    effort = Effort(seconds=seconds, stop=stop)
    if thorough:
        effort = Effort(nodes=100_000, solver=30.0, seconds=seconds, stop=stop)
    asked = _Question(facts, effort, facts.q1 is not None or facts.q3 is not None)
    decision = asked.decide(None)
    if decision.answer is Answer.FEASIBLE:
        return _possible(facts, decision)
    if decision.answer is Answer.UNKNOWN:
        return _open(decision)
    others = {rule: asked.decide(rule) for rule in _OTHER_RULES}
    explained = tuple(r for r, d in others.items() if d.answer is Answer.FEASIBLE)
    unsure = any(d.answer is Answer.UNKNOWN for d in others.values())
    rules: tuple[RoundingRule | None, ...] = (None,)
    if not explained and not unsure:
        rules = (None, *_OTHER_RULES)
    small = asked.minimal(rules)
    names = small.names
    sentence, bounds = conflict_sentence(small.facts, names)
    repairs = asked.repairs(names)
    if not bounds and repairs:
        sentence = f"{sentence} Nearest possible: {_repairs_text(repairs)}."
    result = VariableAudit(
        verdict=FindingVerdict.IMPOSSIBLE,
        sentence=sentence,
        conflict=names,
        explained_by=explained,
        repairs=repairs,
        bounds=bounds,
    )
    if explained:
        named = " or ".join(explained)
        return replace(
            result,
            verdict=FindingVerdict.UNDETERMINED,
            reason=UndeterminedReason.CONVENTION_UNKNOWN,
            sentence=f"{sentence} They are possible if every value was printed by {named}.",
        )
    certificate = None if unsure else small.certificate(rules)
    if certificate is None:
        return replace(
            result,
            verdict=FindingVerdict.UNDETERMINED,
            reason=UndeterminedReason.SEARCH_EXHAUSTED,
            sentence=f"{sentence} The proof could not be re-checked within the allowed effort.",
        )
    return replace(result, certificate=certificate)


def _repairs_text(repairs: Sequence[Repair]) -> str:
    named: dict[str, list[str]] = {}
    for repair in repairs:
        named.setdefault(repair.fact, []).append(repair.to)
    return "; ".join(f"{fact} {' or '.join(values)}" for fact, values in named.items())


def _possible(facts: VariableFacts, decision: Decision) -> VariableAudit:
    convention: dict[str, Any] = {"n": decision.n}
    if decision.lost is not None:
        convention["sd_denominator"] = "n-1" if decision.lost else "n"
    if decision.reading is not None:
        convention["quantiles"] = list(decision.reading.names)
    listed = fact_texts(facts, tuple(facts.printed))
    return VariableAudit(
        verdict=FindingVerdict.POSSIBLE,
        sentence=f"A sample of {decision.n} values exists with {listed or 'these values'}.",
        witness=decision.witness,
        witness_convention=convention,
    )


def _open(decision: Decision) -> VariableAudit:
    return VariableAudit(
        verdict=FindingVerdict.UNDETERMINED,
        sentence=f"Whether these values can hold together is open: {decision.reason}.",
        reason=UndeterminedReason.SEARCH_EXHAUSTED,
    )


@dataclass
class _Question:
    """The facts, and what was decided of them under each rounding rule."""

    facts: VariableFacts
    effort: Effort
    typed_median: bool
    """Whether medians of the quartiles' own definition count, also once quartiles are left out."""
    pool: list[int] = field(default_factory=lambda: [_EXTRA_NODES])
    """What is left for leaving facts out and for repairs, together."""

    def problem(self, facts: VariableFacts, rule: RoundingRule | None = None) -> Problem:
        """The feasibility question, with the conventions that all facts together leave open."""
        return Problem.from_facts(facts, rule, typed_median=self.typed_median)

    def decide(self, rule: RoundingRule | None) -> Decision:
        """Whether all facts can hold under one rule (None: the accepted ones)."""
        return decide(self.problem(self.facts, rule), self.effort)

    def minimal(self, rules: Sequence[RoundingRule | None]) -> _Numbered:
        """Leave out each fact that the conflict does not need."""
        facts = self.facts
        kept = list(range(len(facts.counts)))
        for name in (*_STATISTICS[:3], "counts", *_STATISTICS[3:]):
            if name == "counts":
                for index in tuple(kept):
                    fewer = [i for i in kept if i != index]
                    trial = replace(facts, counts=tuple(self.facts.counts[i] for i in fewer))
                    if self._conflict(trial, rules):
                        facts, kept = trial, fewer
            elif getattr(facts, name) is not None:
                trial = _left_out(facts, name)
                if self._conflict(trial, rules):
                    facts = trial
        return _Numbered(facts, self.effort, self.typed_median, self.pool, tuple(kept))

    def _conflict(self, facts: VariableFacts, rules: Sequence[RoundingRule | None]) -> bool:
        if not facts.printed and not facts.counts:
            return False
        small = Effort(
            nodes=min(self.effort.nodes, 1_000),
            stop=lambda: self.effort.over,
            use_solver=False,
            pool=self.pool,
        )
        return all(
            decide(self.problem(facts, rule), small).answer is Answer.INFEASIBLE for rule in rules
        )

    def repairs(self, conflict: Sequence[str]) -> tuple[Repair, ...]:
        """The nearest single changes of a conflict's members that make all facts possible."""
        found: list[Repair] = []
        for name in conflict:
            if name != "n" and self._conflict(self._without(name), (None,)):
                continue  # the rest clashes even without it
            for up in (False, True):
                repair = self._repair(name, up)
                if repair is not None:
                    found.append(repair)
        return tuple(found)

    def _without(self, name: str) -> VariableFacts:
        if not name.startswith("count"):
            return _left_out(self.facts, name)
        index = int(name.split()[1]) - 1
        rest = tuple(c for i, c in enumerate(self.facts.counts) if i != index)
        return replace(self.facts, counts=rest)

    def _repair(self, name: str, up: bool) -> Repair | None:
        start, unit, furthest = self._scale(name)
        low, high = 1, 4

        def works(first: int, last: int) -> bool:
            ends = sorted(
                (start + unit * (first if up else -first), start + unit * (last if up else -last))
            )
            problem = self._changed(name, ends[0], ends[1])
            if problem is None:
                return False
            allowed = Effort(
                nodes=200, stop=lambda: self.effort.over, use_solver=False, pool=self.pool
            )
            return decide(problem, allowed).answer is Answer.FEASIBLE

        while not works(low, high):
            if high >= furthest:
                return None
            low, high = high + 1, high * 4
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if works(low, middle) else (middle + 1, high)
        if not works(low, low):  # an undecided step may have led past the nearest
            return None
        value = start + unit * (low if up else -low)
        printed = self._text(name)
        decimals = 0 if name.startswith(("n", "count")) else _decimals(self.facts, name)
        return Repair(name, printed, f"{float(value):.{decimals}f}")

    def _text(self, name: str) -> str:
        if name == "n":
            return str(self.facts.n_low)
        if name.startswith("count"):
            return str(self.facts.counts[int(name.split()[1]) - 1].at_least)
        return str(getattr(self.facts, name).text)

    def _scale(self, name: str) -> tuple[Fraction, Fraction, int]:
        """The printed value, the distance to the next one, and how many to try."""
        if name == "n":
            return Fraction(self.facts.n_low), Fraction(1), 64
        if name.startswith("count"):
            return Fraction(self.facts.counts[int(name.split()[1]) - 1].at_least), Fraction(1), 1024
        printed: Printed = getattr(self.facts, name)
        unit = printed.unit
        if name in ("minimum", "maximum") and self.facts.grid.step is not None:
            units = (printed.value - self.facts.grid.offset) / self.facts.grid.step
            unit = max(unit, self.facts.grid.step) if units.denominator == 1 else unit
        return printed.value, unit, 4096

    def _changed(self, name: str, low: Fraction, high: Fraction) -> Problem | None:
        """The question with one fact anywhere between two printed values."""
        if name == "n":
            if high < 1:
                return None
            # A count and the rest keep their meaning when n changes.
            facts = replace(self.facts, n_low=max(int(low), 1), n_high=int(high))
            return self.problem(facts)
        if name.startswith("count"):
            index = int(name.split()[1]) - 1
            if high < 0:
                return None
            counts = list(self.facts.counts)
            counts[index] = replace(counts[index], at_least=max(int(low), 0), at_most=int(high))
            return self.problem(replace(self.facts, counts=tuple(counts)))
        problem = self.problem(self.facts)
        old = problem.sets[name]
        printed: Printed = getattr(self.facts, name)
        if math.isinf(old.low) or math.isinf(old.high) or (name == "sd" and high < 0):
            return None
        new = RealSet(old.low - printed.value + low, old.high - printed.value + high)
        return replace(problem, sets={**problem.sets, name: new})


@dataclass
class _Numbered(_Question):
    """Facts left over from more, whose counts keep their first numbers."""

    kept: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The facts by name: n first, then statistics, then counts."""
        statistics = [name for name in reversed(_STATISTICS) if getattr(self.facts, name)]
        counted = [f"count {i + 1}" for i in self.kept]
        return (*(("n",) if _needs_n(self.facts) else ()), *statistics, *counted)

    def certificate(self, rules: Sequence[RoundingRule | None]) -> Certificate | None:
        """The proof as data that its checker confirms, or None."""
        proofs = {}
        for rule in rules:
            decision = self.decide(rule)
            if decision.answer is not Answer.INFEASIBLE:
                return None
            proofs["accepted" if rule is None else str(rule)] = list(decision.proofs)
        found = Certificate(
            CertificateKind.ONE_VARIABLE,
            {"facts": _plain(self.facts, self.typed_median), "proofs": proofs},
        )
        return found if check(found) else None


def _left_out(facts: VariableFacts, name: str) -> VariableFacts:
    nothing: dict[str, Any] = {name: None}
    return replace(facts, **nothing)


def _decimals(facts: VariableFacts, name: str) -> int:
    printed: Printed = getattr(facts, name)
    return max(printed.decimals, 0)


def _needs_n(facts: VariableFacts) -> bool:
    """Whether a conflict of these facts can depend on n: two bare positions clash at any n."""
    names = set(facts.printed)
    if facts.counts or "sd" in names or not names:
        return names != {"sd"} or facts.n_low < 2 or _sd_possible(facts)
    if facts.n_high < 1:
        return True
    found = Problem.from_facts(facts).sets
    order = [k for k in ("minimum", "q1", "median", "q3", "maximum") if k in found]
    if any(found[a].low > found[b].high for a, b in pairwise(order)):
        return False
    if "mean" in found:
        ends = facts.grid.low, facts.grid.high
        lows = [found["minimum"].low] if "minimum" in found else []
        highs = [found["maximum"].high] if "maximum" in found else []
        lows += [ends[0]] if ends[0] is not None else []
        highs += [ends[1]] if ends[1] is not None else []
        outside = any(found["mean"].high < v for v in lows) or any(
            found["mean"].low > v for v in highs
        )
        return not outside
    return not names <= {"minimum", "maximum"}


def _sd_possible(facts: VariableFacts) -> bool:
    return facts.sd is None or facts.sd.accepted.high >= 0


def _plain(facts: VariableFacts, typed_median: bool) -> dict[str, Any]:
    """The facts as a certificate states them: printed text and whole numbers."""
    grid = facts.grid
    return {
        "n": [facts.n_low, facts.n_high],
        "step": None if grid.step is None else str(grid.step),
        "offset": str(grid.offset),
        "low": None if grid.low is None else str(grid.low),
        "high": None if grid.high is None else str(grid.high),
        "printed": {name: printed.text for name, printed in facts.printed.items()},
        "counts": [
            [str(c.relation), str(c.threshold), c.at_least, c.at_most] for c in facts.counts
        ],
        "typed_median": typed_median,
    }


def variable_finding(
    id: str, facts: VariableFacts, ids: Mapping[str, str], *, seconds: float | None = None
) -> Finding:
    """The audit of one variable as a finding.

    ``ids`` maps fact names ("n", "mean", ..., "count 1") to ids of reported values; facts without
    an id are design assumptions and are named in the sentence only.
    """
    audit = audit_facts(facts, seconds=seconds)
    involved = audit.conflict or tuple(ids)
    evidence: dict[str, Any] = dict(audit.bounds)
    if audit.explained_by:
        evidence["explained_by"] = [str(rule) for rule in audit.explained_by]
    if audit.witness is not None:
        evidence["witness"] = [[str(v), c] for v, c in audit.witness[:200]]
        evidence["convention"] = dict(audit.witness_convention)
    return Finding(
        id=id,
        check=Check.ONE_VARIABLE,
        values=tuple(dict.fromkeys(ids[name] for name in involved if name in ids)),
        verdict=audit.verdict,
        sentence=audit.sentence,
        reason=audit.reason,
        evidence=evidence,
        reconcile=_reconcile(facts, audit),
        certificate=audit.certificate,
    )


def _reconcile(facts: VariableFacts, audit: VariableAudit) -> tuple[str, ...]:
    """What would mend a conflict, the harmless readings first."""
    if not audit.conflict:
        return ()
    lines = [f"All values were printed by {rule}." for rule in audit.explained_by]
    if "n" in audit.conflict:
        lines.append("Some observations are missing for this variable, so that n is smaller.")
    if facts.grid.step is not None:
        lines.append("The values were recorded in finer steps than assumed.")
    lines += [_in_words(facts, repair) for repair in audit.repairs]
    return tuple(lines)


_NAMES: Final = {
    "n": "n = {to} instead of {printed}.",
    "sd": "An SD of {to} instead of {printed}.",
    "q1": "A lower quartile of {to} instead of {printed}.",
    "q3": "An upper quartile of {to} instead of {printed}.",
}


def _in_words(facts: VariableFacts, repair: Repair) -> str:
    """A repair as a sentence: "A mean of 2.3 instead of 2.4."."""
    if repair.fact.startswith("count "):
        count = facts.counts[int(repair.fact.split()[1]) - 1]
        threshold = f"{float(count.threshold):g}"
        where = _RELATIONS[count.relation].format(threshold)
        return f"{repair.to} values {where} instead of {repair.printed}."
    return _NAMES.get(repair.fact, "A {fact} of {to} instead of {printed}.").format(
        fact=repair.fact, to=repair.to, printed=repair.printed
    )


_RELATIONS: Final = {
    Relation.EQUAL: "equal to {}",
    Relation.AT_MOST: "at most {}",
    Relation.BELOW: "below {}",
    Relation.AT_LEAST: "at least {}",
    Relation.ABOVE: "above {}",
}

"""One verdict for each reported value, and the plain sentence that says why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from recohort.card.statistic import Role
from recohort.card.study import StudyCard, ValueRef
from recohort.compare.guess import Guess, GuessKind
from recohort.compare.interval import Place, Scale, Standing, noticed
from recohort.printed import Printed

__all__ = ["Evidence", "Judgement", "Verdict", "judge"]


_CLEARED = 0.5
"""How many widths of all settings' intervals beyond them a number must lie to clear a guess."""


class Verdict(StrEnum):
    """What a reported value ends with."""

    IMPOSSIBLE = "impossible"
    NOT_REPRODUCED = "not_reproduced"
    UNDETERMINED = "undetermined"
    IMPOSED = "imposed"
    CONSISTENT = "consistent"
    REPRODUCED = "reproduced"


class Undetermined(StrEnum):
    """Why a value is undetermined."""

    MISSING_INPUT = "missing_input"
    ASSUMPTION_DEPENDENT = "assumption_dependent"
    CONVENTION_UNKNOWN = "convention_unknown"
    SEARCH_EXHAUSTED = "search_exhausted"
    MONTE_CARLO_ERROR = "monte_carlo_error"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one reported value.

    ``findings`` are the audit's findings that name it; ``determined`` what the audit says of other
    values determining it; ``stored`` the stored cohort's estimate and ``note`` what the analysis
    said of it; ``standings`` where the printed number lies under each setting, the base first;
    ``choices`` each setting's assumptions and their alternatives (0 left out).
    """

    value: ValueRef
    scale: Scale
    findings: tuple[Mapping[str, Any], ...]
    determined: Mapping[str, Any] | None
    stored: float
    note: str
    standings: Mapping[str, Standing]
    choices: Mapping[str, Mapping[str, int]]
    assumptions: tuple[str, ...]
    confirmed: bool = False
    """Whether other printed values, outside every proven conflict, agree with this one."""
    all_met: bool = True
    """Whether the cohorts print every imposed value, or only those that were found to go
    together."""
    guesses: tuple[tuple[Guess, tuple[str, ...]], ...] = ()
    """What a held-out value rests on that nothing printed fixes, each with the assumptions that
    state it on the card."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and its reason, one plain sentence or two."""

    verdict: Verdict
    reason: str


def judge(card: StudyCard, evidence: Evidence) -> Judgement:
    """The verdict on one reported value: the first rule that applies.

    1. Held out and determined by other values to its printed digits: reproduced.
    2. In a proven conflict, no design fact, and not confirmed by other values: impossible.
    3. A design fact or imposed: imposed where the stored cohort prints it, else undetermined.
    4. Held out: what the conditioned cohorts say, but where the audit could not decide and they do
       not put the number well inside, undetermined with the audit's reason.
    """
    value = evidence.value
    conflicts = [f for f in evidence.findings if f["verdict"] == "impossible"]
    doubts = [f for f in evidence.findings if f["verdict"] == "undetermined"]
    if value.role is Role.HELD_OUT and evidence.determined is not None:
        known = evidence.determined
        if all(value.number.accepts(float(known[end])) for end in ("low", "high")):
            return Judgement(Verdict.REPRODUCED, _determined_reason(known, conflicts))
    if conflicts and value.role is not Role.INPUT and not evidence.confirmed:
        return Judgement(Verdict.IMPOSSIBLE, _sentence(conflicts[0]))
    if value.role is not Role.HELD_OUT:
        return _judge_imposed(card, evidence, doubts)
    judged = _judge_held_out(card, evidence)
    if doubts and not _well_inside(evidence, judged):
        return _doubted(card, evidence, doubts[0])
    return judged


def _sentence(finding: Mapping[str, Any]) -> str:
    text = str(finding["sentence"]).strip()
    return text if text.endswith(".") else f"{text}."


def _determined_reason(known: Mapping[str, Any], conflicts: Sequence[Mapping[str, Any]]) -> str:
    reason = f"{str(known['sentence']).rstrip('.')} ({known['convention']})."
    if conflicts:
        reason += f" Another value of finding {conflicts[0]['id']} is in doubt, not this one."
    return reason


def _judge_imposed(
    card: StudyCard, evidence: Evidence, doubts: Sequence[Mapping[str, Any]]
) -> Judgement:
    value = evidence.value
    if value.number.accepts(evidence.stored):
        if value.role is Role.INPUT:
            return Judgement(
                Verdict.IMPOSED, "A fact of the design, taken as printed; the cohort prints it."
            )
        return Judgement(
            Verdict.IMPOSED,
            "The stored cohort was built to print this and does: proof that it is possible "
            "together with the other imposed values, not that it is true.",
        )
    if doubts:
        return _doubted(card, evidence, doubts[0])
    if math.isnan(evidence.stored):
        return _undetermined(
            Undetermined.MISSING_INPUT,
            f"The stored cohort gives no estimate{_because(evidence.note)}.",
            "What is the number computed from?",
        )
    got = value.number.format(evidence.stored)
    return _undetermined(
        Undetermined.SEARCH_EXHAUSTED,
        f"No cohort was found that prints this with the other imposed values; the closest one "
        f"prints {got}. That is no proof that there is none.",
        _question(card, evidence.assumptions) or "Can this number be checked against the data?",
    )


def _undetermined(why: Undetermined, told: str, question: str) -> Judgement:
    ask = f" What would settle it: {question}" if question else ""
    return Judgement(Verdict.UNDETERMINED, f"{why}: {told}{ask}")


def _because(note: str) -> str:
    return f" ({note.rstrip('.')})" if note else ""


def _question(card: StudyCard, names: Sequence[str]) -> str:
    for name in names:
        if name in card.assumptions and card.assumptions[name].question:
            return card.assumptions[name].question
    return ""


_ASKED = {
    Undetermined.CONVENTION_UNKNOWN: "By which method was this number computed, on how many units?",
    Undetermined.MISSING_INPUT: "From which numbers was this computed, on how many units?",
}


def _doubted(card: StudyCard, evidence: Evidence, doubt: Mapping[str, Any]) -> Judgement:
    """The audit's own doubt, in its words, with what would settle it."""
    why = Undetermined(str(doubt["reason"]))
    told = str(doubt["sentence"]).lower()
    named = [name for name, item in card.assumptions.items() if item.label.lower() in told]
    question = _ASKED.get(why) or _question(card, named) or _question(card, evidence.assumptions)
    if not question:
        question = "On how many units, and by which method, was this number computed?"
    return _undetermined(why, _sentence(doubt), question)


def _well_inside(evidence: Evidence, judged: Judgement) -> bool:
    """Consistent, and inside the plain interval, not only its margin, under each setting."""
    if judged.verdict is not Verdict.CONSISTENT:
        return False
    accepted = evidence.value.number.accepted
    return all(
        float(accepted.high) >= s.low and float(accepted.low) <= s.high
        for s in evidence.standings.values()
        if s.cohorts
    )


def _judge_held_out(card: StudyCard, evidence: Evidence) -> Judgement:
    standings = evidence.standings
    if not any(s.cohorts + s.missing for s in standings.values()):
        return _undetermined(
            Undetermined.SEARCH_EXHAUSTED,
            "No cohort was found that prints every imposed value, so there is nothing to judge "
            "this number against. That is no proof that there is none.",
            _question(card, evidence.assumptions),
        )
    tried = {name: s for name, s in standings.items() if s.cohorts}
    if not tried:
        return _undetermined(
            Undetermined.MISSING_INPUT,
            f"The cohorts that print every imposed value give no estimate"
            f"{_because(evidence.note)}.",
            _question(card, evidence.assumptions) or "From which data was this computed?",
        )
    clear = {name: s for name, s in tried.items() if s.place is not Place.UNCLEAR}
    outside = [name for name, s in clear.items() if s.place is Place.OUTSIDE]
    inside = [name for name, s in clear.items() if s.place is Place.INSIDE]
    if inside and outside:
        return _mixed(card, evidence, inside, outside)
    first = next(iter(tried))
    if first not in clear or (outside and len(clear) < len(tried)):
        shown = first if first not in clear else next(n for n in tried if n not in clear)
        return _undetermined(
            Undetermined.MONTE_CARLO_ERROR,
            f"{_among(tried[shown], evidence)}; with so few cohorts one cannot tell whether the "
            "printed number lies outside the middle 95%.",
            "more conditioned cohorts.",
        )
    if inside:
        return Judgement(Verdict.CONSISTENT, _consistent_reason(evidence, clear, tried))
    between = _between(evidence, clear)
    if between:
        return _in_the_gap(card, evidence, clear, between)
    loose = _untried(evidence, clear)
    if loose:
        return _guessed(card, evidence, clear, loose)
    return Judgement(Verdict.NOT_REPRODUCED, _not_reproduced_reason(card, evidence, clear))


def _untried(evidence: Evidence, clear: Mapping[str, Standing]) -> list[Guess]:
    """The guesses that a number outside may be outside for.

    A guess is cleared where another was tried and the number lies far beyond what all settings
    span: half of that again allows for correlations up to 0 and 1 where 0.2 to 0.8 were tried, and
    for shapes that are odder than the alternatives. That groups are alike has no alternatives.
    Rounding needs no other choice, but as much room: cohorts keep to the middle of what it allows,
    since its corners are rare. A sum of four rounded numbers has them 0.4 widths beyond 95%.
    """
    printed, several = evidence.value.number, list(clear.values())
    changed = {name for s in clear for name, index in evidence.choices.get(s, {}).items() if index}
    apart = _apart(printed, several)
    return [
        guess
        for guess, names in evidence.guesses
        if guess.kind is GuessKind.DIFFERENCE
        or (guess.kind is not GuessKind.ROUNDING and not changed.intersection(names))
        or apart <= _CLEARED
    ]


def _apart(printed: Printed, standings: Sequence[Standing]) -> float:
    """How far a number lies beyond all intervals together, in widths of these.

    An interval narrower than a printed unit counts as one.
    """
    low, high = min(s.least for s in standings), max(s.most for s in standings)
    apart = max(low - float(printed.accepted.high), float(printed.accepted.low) - high)
    return apart / max(high - low, float(printed.unit))


def _between(evidence: Evidence, clear: Mapping[str, Standing]) -> list[str]:
    """Guesses on a scale between whose tried values the number may well lie inside.

    Outside below under one value and above under another: some value between would put it inside.
    """
    accepted = evidence.value.number.accepted
    scaled = {name for _, names in evidence.guesses for name in names}
    sides: dict[bool, list[str]] = {}
    for setting, s in clear.items():
        changed = [name for name, index in evidence.choices.get(setting, {}).items() if index]
        if set(changed) <= scaled:
            sides.setdefault(float(accepted.low) > s.most, []).extend(changed)
    return list(dict.fromkeys(sides[True] + sides[False])) if len(sides) == 2 else []


def _in_the_gap(
    card: StudyCard, evidence: Evidence, clear: Mapping[str, Standing], names: Sequence[str]
) -> Judgement:
    labels = [_small(card.assumptions[n].label) if n in card.assumptions else n for n in names]
    first = next(iter(clear.values()))
    return _undetermined(
        Undetermined.ASSUMPTION_DEPENDENT,
        f"{_among(first, evidence)}. The printed number lies below the cohorts' middle 95% under "
        f"one choice of: {', '.join(labels)}, and above it under another, so that a choice between "
        "them would put it inside.",
        _question(card, names) or _question(card, evidence.assumptions),
    )


def _guessed(
    card: StudyCard, evidence: Evidence, clear: Mapping[str, Standing], loose: Sequence[Guess]
) -> Judgement:
    told = " and ".join(dict.fromkeys(guess.told for guess in loose))
    first = next(iter(clear.values()))
    names = [name for guess, said in evidence.guesses if guess in loose for name in said]
    return _undetermined(
        Undetermined.ASSUMPTION_DEPENDENT,
        f"{_among(first, evidence)}. The printed number lies outside, but it rests on {told}, "
        "which no imposed number fixes: either may be wrong.",
        _question(card, names) or loose[0].question,
    )


def _text(value: float, printed: Printed) -> str:
    """An estimate with one digit more than was printed."""
    if math.isinf(value):
        return "-∞" if value < 0 else "∞"
    text = f"{value:.{max(printed.decimals, 0) + 1}f}"
    if 0.0 < value < 1e-4 and printed.unit < 1:
        return "less than 0.0001"
    if value and printed.value and abs(value) < float(printed.unit) / 2:
        return f"{value:.2g}"
    return text


def _interval(s: Standing, printed: Printed) -> str:
    if s.is_constant:
        return f"always {_text(s.median, printed)}"
    return f"95% interval {_text(s.low, printed)} to {_text(s.high, printed)}"


def _rank(s: Standing, printed: Printed) -> str:
    if not printed.is_exact:
        return f"{s.inner} of {s.cohorts} satisfy {printed.text}"
    if s.is_constant and s.inner:
        return f"all {s.cohorts} print {printed.text}"
    parts = [f"{s.below} of {s.cohorts} estimates lie below {printed.text}"]
    parts.append(f"{s.above} above")
    return ", ".join(parts)


def _among(s: Standing, evidence: Evidence) -> str:
    printed = evidence.value.number
    cohorts = "1 cohort prints" if s.cohorts == 1 else f"{s.cohorts} cohorts print"
    missing = f" ({s.missing} more give no estimate)" if s.missing else ""
    which = "every imposed value" if evidence.all_met else "every imposed value that could be met"
    return f"{cohorts} {which}{missing}: {_interval(s, printed)}; {_rank(s, printed)}"


def _settings(count: int) -> str:
    return "" if count == 1 else f" under each of {count} settings of the assumptions"


def _consistent_reason(
    evidence: Evidence, clear: Mapping[str, Standing], tried: Mapping[str, Standing]
) -> str:
    printed = evidence.value.number
    first = next(iter(clear.values()))
    text = f"{_among(first, evidence)}. The printed number lies inside{_settings(len(clear))}"
    if len(tried) > len(clear):
        text += f"; {len(tried) - len(clear)} more gave too few cohorts to tell"
    return f"{text}. {_noticed(printed, first, evidence.scale)}"


def _noticed(printed: Printed, s: Standing, scale: Scale) -> str:
    """The smallest error, on each side, with which the number would not be called consistent.

    That needs it to be outside under the card's own setting, whatever the others say.
    """
    below, above = noticed(printed, s.least, s.most, scale)
    digits = max(printed.decimals, 0)
    value = float(printed.value)
    if not printed.is_exact:
        if below is None and above is None:
            return "No possible number would have been noticed as wrong."
        ends = [
            f"{word} {end:.{digits}f}"
            for word, end in (("at most", below), ("at least", above))
            if end is not None
        ]
        return f"A number of {' or of '.join(ends)} would have been noticed."
    if below is None and above is None:
        return "No error of any possible size would have been noticed."
    parts = []
    if below is not None:
        parts.append(f"{value - below:.{digits}f} downwards (to {below:.{digits}f})")
    if above is not None:
        parts.append(f"{above - value:.{digits}f} upwards (to {above:.{digits}f})")
    text = f"The smallest error that would have been noticed is {' or '.join(parts)}"
    if below is None:
        text += "; downwards, none would"
    if above is None:
        text += "; upwards, none would"
    return f"{text}."


def _gap(s: Standing, printed: Printed) -> float:
    """How far a printed number lies outside an interval, in widths of the interval."""
    accepted = printed.accepted
    apart = max(s.least - float(accepted.high), float(accepted.low) - s.most, 0.0)
    return apart / max(s.most - s.least, float(printed.unit))


def _not_reproduced_reason(
    card: StudyCard, evidence: Evidence, clear: Mapping[str, Standing]
) -> str:
    printed = evidence.value.number
    closest = min(clear, key=lambda name: _gap(clear[name], printed))
    s = clear[closest]
    text = f"{_among(s, evidence)}. The printed number lies outside, beyond Monte Carlo error"
    if len(clear) > 1:
        text += f",{_settings(len(clear))}; the closest is {_called(card, evidence, closest)}"
    return f"{text}."


def _called(card: StudyCard, evidence: Evidence, setting: str) -> str:
    """A setting in words."""
    changed = [name for name, index in evidence.choices.get(setting, {}).items() if index]
    if not changed:
        return "the card's own setting"
    labels = [card.assumptions[n].label if n in card.assumptions else n for n in changed]
    return f"another choice of: {', '.join(_small(label) for label in labels)}"


def _small(label: str) -> str:
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _mixed(
    card: StudyCard, evidence: Evidence, inside: Sequence[str], outside: Sequence[str]
) -> Judgement:
    first = next(iter(evidence.standings))
    odd = outside if first in inside or first not in outside else inside
    changed = list(
        dict.fromkeys(
            name for setting in odd for name, index in evidence.choices.get(setting, {}).items()
            if index
        )
    )  # fmt: skip
    labels = [card.assumptions[n].label if n in card.assumptions else n for n in changed]
    named = ", ".join(_small(label) for label in labels) or "the settings"
    standing = evidence.standings[inside[0]]
    other = evidence.standings[outside[0]]
    printed = evidence.value.number
    return _undetermined(
        Undetermined.ASSUMPTION_DEPENDENT,
        f"Inside under {len(inside)} and outside under {len(outside)} settings; it depends on: "
        f"{named} ({_interval(standing, printed)} against {_interval(other, printed)}).",
        _question(card, changed) or _question(card, evidence.assumptions),
    )

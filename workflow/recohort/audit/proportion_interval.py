"""Which method, level and count print the interval of a proportion.

Eleven methods at the usual levels are tried at the stated counts. Where none fits, the other
counts of the paper are: an interval in the wrong row is the usual benign cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from recohort.audit.certificate import Certificate, CertificateKind, check
from recohort.audit.finding import Check, Finding, FindingVerdict, UndeterminedReason
from recohort.audit.naming import Determination, finding_id, named
from recohort.estimators.proportion import ProportionInterval, proportion_intervals
from recohort.printed import Printed, RealSet, RoundingRule

__all__ = [
    "Candidate",
    "ProportionReport",
    "check_proportion_interval",
    "methods_that_print",
]

_LEVELS = (0.95, 0.90, 0.99, 0.80)
# The usual methods come first, so that they are named first.
_METHODS = (
    ProportionInterval.WALD,
    ProportionInterval.WILSON,
    ProportionInterval.CLOPPER_PEARSON,
    ProportionInterval.AGRESTI_COULL,
    ProportionInterval.JEFFREYS,
    ProportionInterval.LOGIT,
    ProportionInterval.WILSON_CONTINUITY,
    ProportionInterval.MID_P,
    ProportionInterval.WALD_CONTINUITY,
    ProportionInterval.ARCSINE,
    ProportionInterval.BOOTSTRAP,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another count of the same paper, ``k`` of ``n``, with what it counts."""

    k: int
    n: int
    label: str


@dataclass(frozen=True, slots=True)
class ProportionReport:
    """What :func:`check_proportion_interval` found, and the limits that the counts determine."""

    findings: tuple[Finding, ...]
    determined: tuple[Determination, ...]
    fits: tuple[tuple[ProportionInterval, float], ...]
    """Methods and levels that print both limits at the stated counts."""


@lru_cache(maxsize=65536)
def _limits(k: int, n: int, method: ProportionInterval, level: float) -> tuple[float, float]:
    many = proportion_intervals(k, n, method, level)
    return float(many.low), float(many.high)


def methods_that_print(
    k: int,
    n: int,
    lower: str,
    upper: str,
    *,
    scale: int = 100,
    levels: Sequence[float] = _LEVELS,
    rule: RoundingRule | None = None,
) -> tuple[tuple[ProportionInterval, float], ...]:
    """Every method and level whose limits for k of n, times ``scale``, print as the texts.

    ``rule`` None takes the accepted rounding rules.
    """
    low, high = Printed.parse(lower), Printed.parse(upper)
    return tuple(
        (method, level)
        for level in levels
        for method in _METHODS
        if _prints(low, scale * _limits(k, n, method, level)[0], rule)
        and _prints(high, scale * _limits(k, n, method, level)[1], rule)
    )


def _prints(printed: Printed, value: float, rule: RoundingRule | None) -> bool:
    if rule is None:
        return printed.accepts(value)
    return value in printed.under(rule)


def check_proportion_interval(
    k: int,
    n: int,
    lower: str,
    upper: str,
    *,
    level: float = 0.95,
    scale: int = 100,
    clustered: bool = False,
    candidates: Iterable[Candidate] = (),
    sizes: Mapping[int, str] | None = None,
    ids: Mapping[str, str] | None = None,
) -> ProportionReport:
    """The interval ``lower`` to ``upper`` (times ``scale``) of ``k`` in ``n``.

    ``candidates`` are other counts of the paper, ``sizes`` other denominators with what they count
    (all their counts are tried); both serve only to explain an interval that does not fit.
    ``clustered``: the n are nested in fewer units, so that a wider interval may be right.

    Raises ValueError for k outside 0..n or n below 1.
    """
    if n < 1 or not 0 <= k <= n:
        raise ValueError(f"k, n: got {k} of {n}; takes a count within a size of at least 1")
    levels = tuple(dict.fromkeys((level, *_LEVELS)))
    fits = methods_that_print(k, n, lower, upper, scale=scale, levels=levels)
    stated = [method for method, at in fits if at == level]
    values = named(ids, "k", "n", "lower", "upper")
    evidence = {
        "k": k,
        "n": n,
        "level": level,
        "fits": [[str(method), at] for method, at in fits],
    }
    if stated:
        finding = Finding(
            id=finding_id(Check.PROPORTION_INTERVAL, "method", values),
            check=Check.PROPORTION_INTERVAL,
            values=values,
            verdict=FindingVerdict.POSSIBLE,
            sentence=(
                f"The limits {lower} and {upper} are those of {k} of {n} by the "
                f"{_methods(stated)} at {100 * level:g}%."
            ),
            evidence=evidence,
        )
        return ProportionReport((finding,), _determined(k, n, stated[0], level, scale, ids), fits)
    finding = _misfit(
        k, n, lower, upper, level, scale, clustered, fits, tuple(candidates), sizes or {}, ids,
        evidence,
    )  # fmt: skip
    return ProportionReport((finding,), (), fits)


def _determined(
    k: int,
    n: int,
    method: ProportionInterval,
    level: float,
    scale: int,
    ids: Mapping[str, str] | None,
) -> tuple[Determination, ...]:
    by = named(ids, "k", "n")
    return tuple(
        Determination(
            value=named(ids, side)[0],
            by=by,
            sentence=f"{k} of {n} gives {scale * limit:.4g} by the {_method(method)} interval.",
            low=scale * limit,
            high=scale * limit,
            convention=f"{method} interval at {100 * level:g}%",
        )
        for side, limit in zip(("lower", "upper"), _limits(k, n, method, level), strict=True)
    )


def _misfit(
    k: int,
    n: int,
    lower: str,
    upper: str,
    level: float,
    scale: int,
    clustered: bool,
    fits: Sequence[tuple[ProportionInterval, float]],
    candidates: Sequence[Candidate],
    sizes: Mapping[int, str],
    ids: Mapping[str, str] | None,
    evidence: dict[str, object],
) -> Finding:
    attained = {
        side: [_limits(k, n, method, level)[index] * scale for method in _METHODS]
        for index, side in enumerate(("lower", "upper"))
    }
    ranges = {side: (float(np.nanmin(x)), float(np.nanmax(x))) for side, x in attained.items()}
    reconcile = [
        f"the interval is the {_method(method)} interval at {100 * at:g}%" for method, at in fits
    ]
    reconcile += [
        f"the limits were {'cut off' if rule is RoundingRule.TRUNCATION else 'rounded up'} instead "
        f"of rounded ({_method(method)} interval)"
        for rule in (RoundingRule.TRUNCATION, RoundingRule.CEILING)
        for method, _ in methods_that_print(
            k, n, lower, upper, scale=scale, levels=(level,), rule=rule
        )[:1]
    ]
    explained = bool(reconcile)
    reconcile += _other_counts(k, n, lower, upper, level, scale, candidates, sizes)
    if clustered:
        reconcile.append("the interval allows for several observations of one participant")
    reconcile += [
        "the interval is adjusted, weighted, or by a method that is not tried here",
        f"a limit is misprinted: at {k} of {n} the methods give {_span(ranges['lower'])} and "
        f"{_span(ranges['upper'])}",
    ]
    evidence |= {
        "lower_by_methods": list(ranges["lower"]),
        "upper_by_methods": list(ranges["upper"]),
    }
    proof = None if explained else _proof(k, n, lower, upper, level, scale)
    sentence = (
        f"No usual method gives {lower} to {upper} as the {100 * level:g}% interval of {k} of {n}: "
        f"they give {_span(ranges['lower'])} for the lower and {_span(ranges['upper'])} for the "
        "upper limit"
    )
    values = named(ids, "k", "n", "lower", "upper")
    return Finding(
        id=finding_id(Check.PROPORTION_INTERVAL, "method", values),
        check=Check.PROPORTION_INTERVAL,
        values=values,
        verdict=FindingVerdict.UNDETERMINED if proof is None else FindingVerdict.IMPOSSIBLE,
        reason=UndeterminedReason.CONVENTION_UNKNOWN if proof is None else None,
        sentence=sentence
        + (
            "."
            if proof is None
            else f"; {n} independent observations give none so narrow or so one-sided."
        ),
        evidence=evidence,
        reconcile=tuple(reconcile),
        certificate=proof,
    )


def _proof(k: int, n: int, lower: str, upper: str, level: float, scale: int) -> Certificate | None:
    """A certificate that the limits leave too much probability beyond the count, if they do."""
    proof = Certificate(
        CertificateKind.BINOMIAL_TAIL,
        {
            "k": k,
            "n": n,
            "scale": scale,
            "lower": lower,
            "upper": upper,
            "level": str(level),
        },
    )
    return proof if check(proof) else None


def _other_counts(
    k: int,
    n: int,
    lower: str,
    upper: str,
    level: float,
    scale: int,
    candidates: Sequence[Candidate],
    sizes: Mapping[int, str],
) -> list[str]:
    """Counts of the paper that do print the interval, the nearest explanation first."""
    low, high = Printed.parse(lower), Printed.parse(upper)
    named_counts = [Candidate(n - k, n, "the complement"), *candidates]
    named_counts += [Candidate(c.n - c.k, c.n, f"the complement of {c.label}") for c in candidates]
    found, seen = [], {(k, n)}
    for candidate in named_counts:
        key = (candidate.k, candidate.n)
        if key in seen or candidate.n < 1 or not 0 <= candidate.k <= candidate.n:
            continue
        seen.add(key)
        methods = methods_that_print(*key, lower, upper, scale=scale, levels=(level,))
        if methods:
            found.append(
                f"the interval is that of {candidate.label}, {candidate.k} of {candidate.n} "
                f"({_methods([m for m, _ in methods])})"
            )
    near = [
        _near(candidate, low, high, level, scale)
        for candidate in named_counts
        if (candidate.k, candidate.n) != (k, n) and 0 < candidate.n >= candidate.k >= 0
    ]
    found += dict.fromkeys(text for text in near if text and not found)
    for size, label in {**sizes, n: "the stated number"}.items():
        if size < 1:
            continue
        for method, other in _counts_of(size, low.accepted, high.accepted, level, scale):
            if (other, size) not in seen:
                seen.add((other, size))
                found.append(
                    f"the interval is that of {other} of {size} ({label}; {_method(method)})"
                )
    return found[:8]


def _near(
    candidate: Candidate, low: Printed, high: Printed, level: float, scale: int
) -> str | None:
    """A candidate whose limits, by a method, print as they did by some rounding rule each."""
    for method in _METHODS[:5]:
        limits = [scale * limit for limit in _limits(candidate.k, candidate.n, method, level)]
        if all(
            printed.widest.distance(limit) == 0.0
            for printed, limit in zip((low, high), limits, strict=True)
        ):
            return (
                f"the interval is that of {candidate.label}, {candidate.k} of {candidate.n}, not "
                f"rounded to the nearest: {_method(method)} gives {limits[0]:.4g} to "
                f"{limits[1]:.4g}"
            )
    return None


def _counts_of(
    size: int, low: RealSet, high: RealSet, level: float, scale: int
) -> list[tuple[ProportionInterval, int]]:
    """All counts of ``size`` whose interval prints, by the first method that does."""
    counts = np.arange(size + 1)
    found: dict[int, ProportionInterval] = {}
    slack = 1e-9
    for method in _METHODS[:5]:
        many = proportion_intervals(counts, size, method, level)
        fits = (
            (many.low * scale >= float(low.low) - slack)
            & (many.low * scale <= float(low.high) + slack)
            & (many.high * scale >= float(high.low) - slack)
            & (many.high * scale <= float(high.high) + slack)
        )
        for count in counts[fits]:
            found.setdefault(int(count), method)
    return [(method, count) for count, method in found.items()]


_NAMES = {
    ProportionInterval.WALD: "Wald",
    ProportionInterval.WALD_CONTINUITY: "continuity-corrected Wald",
    ProportionInterval.WILSON: "Wilson",
    ProportionInterval.WILSON_CONTINUITY: "continuity-corrected Wilson",
    ProportionInterval.AGRESTI_COULL: "Agresti-Coull",
    ProportionInterval.CLOPPER_PEARSON: "exact (Clopper-Pearson)",
    ProportionInterval.MID_P: "mid-p",
    ProportionInterval.JEFFREYS: "Jeffreys",
    ProportionInterval.ARCSINE: "arcsine",
    ProportionInterval.LOGIT: "logit",
    ProportionInterval.BOOTSTRAP: "bootstrap percentile",
}


def _method(method: ProportionInterval) -> str:
    return _NAMES[method]


def _methods(methods: Sequence[ProportionInterval]) -> str:
    names = [_method(method) for method in methods]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1] + " method"


def _span(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.3g} to {ends[1]:.3g}"

"""Which method, level and count print the interval of a proportion.

Eleven methods at the usual levels are tried at the stated counts. Where none fits, the other
counts of the paper are: an interval in the wrong row is the usual benign cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from recohort.audit.certificate import Certificate, CertificateKind, check
from recohort.audit.finding import Check, Finding, FindingVerdict, UndeterminedReason
from recohort.audit.naming import Determination, finding_id, named
from recohort.estimators.proportion import ProportionInterval, proportion_intervals
from recohort.printed import Printed, RoundingRule

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
    """Methods that print both limits at the stated counts and level; where none does, at others."""


@lru_cache(maxsize=65536)
def _limits(k: int, n: int, method: ProportionInterval, level: float) -> tuple[float, float]:
    many = proportion_intervals(k, n, method, level)
    return float(many.low), float(many.high)


@lru_cache(maxsize=4096)
def _ends(text: str, rule: RoundingRule | None) -> tuple[float, float]:
    """The set behind a printed limit as floats, a hair wider; rule None: the accepted rules."""
    printed = Printed.parse(text)
    values = printed.accepted if rule is None else printed.under(rule)
    hair = 1e-9 * float(printed.unit)
    return float(values.low) - hair, float(values.high) + hair


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
    low, high = _ends(lower, rule), _ends(upper, rule)
    found = []
    for level in levels:
        for method in _METHODS:
            limits = _limits(k, n, method, level)
            if low[0] <= scale * limits[0] <= low[1] and high[0] <= scale * limits[1] <= high[1]:
                found.append((method, level))
    return tuple(found)


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
    fits = methods_that_print(k, n, lower, upper, scale=scale, levels=(level,))
    stated = [method for method, _ in fits]
    if not fits:
        others = tuple(other for other in _LEVELS if other != level)
        fits = methods_that_print(k, n, lower, upper, scale=scale, levels=others)
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
    unrounded = [
        f"the limits were {'cut off' if rule is RoundingRule.TRUNCATION else 'rounded up'} instead "
        f"of rounded ({_method(method)} interval)"
        for rule in (RoundingRule.TRUNCATION, RoundingRule.CEILING)
        for method, _ in methods_that_print(
            k, n, lower, upper, scale=scale, levels=(level,), rule=rule
        )[:1]
    ]
    reconcile += unrounded
    explained = bool(reconcile)
    if not explained and not clustered:
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
    # Units that are alike less often than by chance narrow a clustered interval: no proof there.
    proof = None if explained or clustered else _proof(k, n, lower, upper, level, scale)
    sentence = (
        f"No usual method gives {lower} to {upper} as the {100 * level:g}% interval of {k} of {n}: "
        f"they give {_span(ranges['lower'])} for the lower and {_span(ranges['upper'])} for the "
        "upper limit"
    )
    values = named(ids, "k", "n", "lower", "upper")
    verdict = FindingVerdict.UNDETERMINED
    if proof is not None:
        verdict = FindingVerdict.IMPOSSIBLE
        sentence += f"; {n} independent observations give none so narrow or so one-sided"
    elif unrounded:
        verdict = FindingVerdict.NOTE
        sentence += f"; perhaps {unrounded[0]}"
    elif clustered:
        verdict = FindingVerdict.NOTE
        sentence += "; it may allow for several observations of one participant"
    return Finding(
        id=finding_id(Check.PROPORTION_INTERVAL, "method", values),
        check=Check.PROPORTION_INTERVAL,
        values=values,
        verdict=verdict,
        reason=(
            UndeterminedReason.CONVENTION_UNKNOWN
            if verdict is FindingVerdict.UNDETERMINED
            else None
        ),
        sentence=f"{sentence}.",
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
    cells: dict[tuple[int, int], str] = {}
    for cell in (Candidate(n - k, n, "the complement"), *candidates):
        cells.setdefault((cell.k, cell.n), cell.label)
    for cell in candidates:
        cells.setdefault((cell.n - cell.k, cell.n), f"the complement of {cell.label}")
    cells.pop((k, n), None)
    known = [
        (count, size, label)
        for (count, size), label in cells.items()
        if 0 <= count <= size and size > 0
    ]
    found = _matching(known, lower, upper, level, scale, _METHODS, _as_printed)
    if not found:
        found = _matching(known, lower, upper, level, scale, _METHODS[:5], _by_any_rule)
    for size, label in {**sizes, n: "the stated number"}.items():
        if size < 1:
            continue
        every = [
            (count, size, f"{count} of {size} ({label})")
            for count in range(size + 1)
            if (count, size) not in cells and (count, size) != (k, n)
        ]
        found += _matching(every, lower, upper, level, scale, _METHODS[:5], _as_printed)
    return found[:8]


_Reader = Callable[[str], tuple[float, float]]


def _as_printed(text: str) -> tuple[float, float]:
    return _ends(text, None)


def _by_any_rule(text: str) -> tuple[float, float]:
    ends = [_ends(text, rule) for rule in RoundingRule]
    return min(low for low, _ in ends), max(high for _, high in ends)


def _matching(
    cells: Sequence[tuple[int, int, str]],
    lower: str,
    upper: str,
    level: float,
    scale: int,
    methods: Sequence[ProportionInterval],
    read: _Reader,
) -> list[str]:
    """Which cells print both limits, each by the first method that does."""
    if not cells:
        return []
    low, high = read(lower), read(upper)
    counts = np.array([count for count, _, _ in cells])
    sizes = np.array([size for _, size, _ in cells])
    first: dict[int, tuple[ProportionInterval, float, float]] = {}
    for method in methods:
        many = proportion_intervals(counts, sizes, method, level)
        below, above = scale * many.low, scale * many.high
        fits = (low[0] <= below) & (below <= low[1]) & (high[0] <= above) & (above <= high[1])
        for index in np.flatnonzero(fits):
            first.setdefault(int(index), (method, float(below[index]), float(above[index])))
    said = []
    for place in sorted(first):
        method, below_at, above_at = first[place]
        count, size, label = cells[place]
        what = label if label.startswith(f"{count} of") else f"{label}, {count} of {size}"
        text = f"the interval is that of {what}: {_method(method)}"
        if read is _by_any_rule:
            text += f" gives {below_at:.4g} to {above_at:.4g}, not rounded to the nearest"
        said.append(text)
    return said


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

"""Counts that must add up, may overlap, or share a whole: totals, subgroups, forced overlaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import Any

from recohort.audit.certificate import Certificate, CertificateKind
from recohort.audit.finding import Check, Finding, FindingVerdict

__all__ = ["Parts", "audit_overlap", "audit_total"]


class Parts(StrEnum):
    """How the parts of a whole relate to one another."""

    PARTITION = "partition"
    """Every member of the whole belongs to exactly one part."""
    COVER = "cover"
    """Every member belongs to at least one part; parts may overlap (criteria of an outcome)."""
    EXCLUSIVE = "exclusive"
    """No member belongs to two parts; some may belong to none."""
    FREE = "free"
    """Parts may overlap, and some members may belong to none."""


def _count(value: int, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name}: got {value!r}; takes a whole number")
    return value


def _exact(value: int) -> dict[str, str]:
    return {"exact": str(value)}


def _order(smaller: int, larger: int) -> Certificate:
    return Certificate(
        CertificateKind.ORDER, {"smaller": _exact(smaller), "larger": _exact(larger)}
    )


def _sum(parts: Sequence[int], whole: int, relation: str) -> Certificate:
    return Certificate(
        CertificateKind.SUM,
        {"parts": [_exact(p) for p in parts], "whole": _exact(whole), "relation": relation},
    )


def audit_total(
    parts: Mapping[str, int],
    whole: int,
    relation: Parts | str = Parts.PARTITION,
    *,
    whole_name: str = "the whole",
    id: str = "total",
    values: Sequence[str] = (),
) -> Finding:
    """Whether the counts of parts (by name) agree with the count of the whole.

    A partition must add up exactly, a cover must reach the whole, exclusive parts must not exceed
    it. Where a cover adds up to more, the surplus says how many members must be in several parts.

    Raises:
        ValueError: no parts, or a count that is no whole number.
    """
    kind = Parts(relation)
    if not parts:
        raise ValueError("parts: got none; takes at least one count")
    for name, part in parts.items():
        _count(part, f"parts[{name!r}]")
    _count(whole, "whole")
    total = sum(parts.values())
    added = " + ".join(str(part) for part in parts.values())
    evidence: dict[str, Any] = {"parts": dict(parts), "whole": whole, "sum": total}
    evidence["relation"] = str(kind)

    def impossible(sentence: str, certificate: Certificate, check: Check, *mend: str) -> Finding:
        return Finding(
            id=id,
            check=check,
            values=tuple(values),
            verdict=FindingVerdict.IMPOSSIBLE,
            sentence=sentence,
            evidence=evidence,
            reconcile=mend,
            certificate=certificate,
        )

    for name, part in {**parts, whole_name: whole}.items():
        if part < 0:
            said = f"A count of {part} ({name}) is negative."
            return impossible(said, _order(0, part), Check.BAD_VALUE)
    for name, part in parts.items():
        if part > whole:
            said = f"{name} ({part}) is more than {whole_name} ({whole})."
            return impossible(said, _order(part, whole), Check.TOTAL)
    surplus = total - whole
    if kind is Parts.PARTITION and surplus:
        side = "more" if surplus > 0 else "fewer"
        mend = "Some belong to several parts." if surplus > 0 else "Some belong to no listed part."
        return impossible(
            f"{added} = {total}, {abs(surplus)} {side} than {whole_name} ({whole}).",
            _sum(list(parts.values()), whole, "equal"),
            Check.TOTAL,
            mend,
            f"{whole_name} counts {total}.",
        )
    if kind is Parts.EXCLUSIVE and surplus > 0:
        return impossible(
            f"{added} = {total}, {surplus} more than {whole_name} ({whole}), though none can be in "
            "two parts.",
            _sum(list(parts.values()), whole, "at_most"),
            Check.TOTAL,
            "Some belong to several parts.",
        )
    if kind is Parts.COVER and surplus < 0:
        return impossible(
            f"{added} = {total} leaves {-surplus} of {whole_name} ({whole}) in no part.",
            _sum(list(parts.values()), whole, "at_least"),
            Check.TOTAL,
            "Some belong to no listed part.",
        )
    if kind in (Parts.COVER, Parts.FREE) and surplus > 0 and len(parts) > 1:
        # Each member is in at most all parts, so it takes up at most len(parts) - 1 of the surplus.
        least = -(-surplus // (len(parts) - 1))
        evidence["overlap_at_least"] = least
        if kind is Parts.COVER:
            evidence["overlap_at_most"] = min(surplus, whole)
        counted = "once more" if surplus == 1 else f"{surplus} times more"
        said = (
            f"{added} = {total} counts {whole_name} ({whole}) {counted} than it has members: at "
            f"least {least} belong to several parts."
        )
        return Finding(
            id=id,
            check=Check.TOTAL,
            values=tuple(values),
            verdict=FindingVerdict.NOTE,
            sentence=said,
            evidence=evidence,
        )
    return Finding(
        id=id,
        check=Check.TOTAL,
        values=tuple(values),
        verdict=FindingVerdict.POSSIBLE,
        sentence=f"{added} = {total} goes with {whole_name} ({whole}).",
        evidence=evidence,
    )


def audit_overlap(
    groups: Mapping[str, int],
    n: int,
    both: Mapping[tuple[str, str], int] | None = None,
    *,
    id: str = "overlap",
    values: Sequence[str] = (),
) -> Finding:
    """Whether stated overlaps of groups among n members can be, by inclusion and exclusion.

    ``both`` gives, for pairs of group names, how many belong to both: at least a + b - n, at most
    the smaller group, and the union of all groups (a sum bounded by Bonferroni) at most n.

    Raises:
        ValueError: a pair names an unknown group, or a count is no whole number.
    """
    both = both or {}
    for name, size in {**groups, "n": n}.items():
        _count(size, name)
    forced = {f"{a} and {b}": max(groups[a] + groups[b] - n, 0) for a, b in combinations(groups, 2)}
    evidence: dict[str, Any] = {"groups": dict(groups), "n": n, "forced": forced}

    def impossible(sentence: str, certificate: Certificate) -> Finding:
        return Finding(
            id=id,
            check=Check.TOTAL,
            values=tuple(values),
            verdict=FindingVerdict.IMPOSSIBLE,
            sentence=sentence,
            evidence=evidence,
            certificate=certificate,
        )

    for name, size in groups.items():
        if size > n:
            return impossible(f"{name} ({size}) is more than all ({n}).", _order(size, n))
        if size < 0:
            return impossible(f"{name} ({size}) is negative.", _order(0, size))
    for (a, b), shared in both.items():
        if a not in groups or b not in groups or a == b:
            raise ValueError(f"both: got the pair {a!r}, {b!r}; takes two of {sorted(groups)}")
        _count(shared, f"both[{a!r}, {b!r}]")
        for name in (a, b):
            if shared > groups[name]:
                said = f"{shared} are both {a} and {b}, but only {groups[name]} are {name}."
                return impossible(said, _order(shared, groups[name]))
        if shared < 0 or shared < groups[a] + groups[b] - n:
            least = max(groups[a] + groups[b] - n, 0)
            said = (
                f"{groups[a]} {a} and {groups[b]} {b} among {n} share at least {least}, "
                f"not {shared}."
            )
            if shared < 0:
                return impossible(said, _order(0, shared))
            return impossible(said, _sum([groups[a], groups[b], -shared], n, "at_most"))
    known = sum(both.values())
    # Bonferroni: the union is at least the groups less all pairwise overlaps, if all are known.
    if len(both) == len(forced) and sum(groups.values()) - known > n:
        union = sum(groups.values()) - known
        said = f"The groups less their overlaps make {union}, more than all ({n})."
        each = [*groups.values(), *(-shared for shared in both.values())]
        return impossible(said, _sum(each, n, "at_most"))
    shared_pairs = {pair: least for pair, least in forced.items() if least}
    said = "; ".join(f"at least {least} are both {pair}" for pair, least in shared_pairs.items())
    return Finding(
        id=id,
        check=Check.TOTAL,
        values=tuple(values),
        verdict=FindingVerdict.NOTE if shared_pairs and not both else FindingVerdict.POSSIBLE,
        sentence=f"Among {n}, {said}." if said else f"The groups fit among {n}.",
        evidence=evidence,
    )

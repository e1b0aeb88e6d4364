"""Units within units: lesions in patients, events in lesions, and what their counts force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recohort.audit.certificate import Certificate, CertificateKind
from recohort.audit.finding import Check, Finding, FindingVerdict

__all__ = ["Nesting", "audit_nesting"]


@dataclass(frozen=True, slots=True)
class Nesting:
    """Counts of two levels; None where not printed.

    ``children`` units lie within ``parents`` units, at least one in each unless
    ``childless_parents``; ``children_with`` and ``parents_with`` of them have an event, and there
    are ``events`` in all. A parent has an event when one of its children does. Events may be
    recorded on parents only: then there are no children. ``most_children`` is the largest number of
    children that a parent has, ``most_events`` the largest number of events of a parent.
    """

    parents: int | None = None
    children: int | None = None
    parents_with: int | None = None
    children_with: int | None = None
    events: int | None = None
    most_children: int | None = None
    most_events: int | None = None
    childless_parents: bool = False


def _rules(facts: Nesting) -> list[tuple[str, int, int, tuple[str, ...], str]]:
    """Name, what must be at most what, the counts involved, and the reason in words."""
    p, c, pw, cw = facts.parents, facts.children, facts.parents_with, facts.children_with
    e, most_c, most_e = facts.events, facts.most_children, facts.most_events
    rows: list[tuple[str, int, int, tuple[str, ...], str]] = []

    def at_most(
        name: str, small: int | None, large: int | None, names: tuple[str, ...], why: str
    ) -> None:
        if small is not None and large is not None:
            rows.append((name, small, large, names, why))

    for name in ("parents", "children", "parents_with", "children_with", "events"):
        at_most(f"{name}_negative", 0, getattr(facts, name), (name,), "a count is at least 0")
    at_most("affected_parents", pw, p, ("parents_with", "parents"), "they are some of the parents")
    at_most("affected_children", cw, c, ("children_with", "children"), "they are some of all units")
    at_most(
        "events",
        cw if cw is not None else pw,
        e,
        ("children_with" if cw is not None else "parents_with", "events"),
        "every affected unit has an event",
    )
    if cw is not None:
        at_most(
            "events_parents", pw, e, ("parents_with", "events"), "every affected one has an event"
        )
    at_most(
        "parents_of_affected",
        pw,
        cw,
        ("parents_with", "children_with"),
        "every affected parent holds an affected unit",
    )
    if cw is not None and cw > 0:
        at_most(
            "some_parent", 1, pw, ("children_with", "parents_with"), "an affected unit lies in one"
        )
    if e is not None and e > 0:
        holder = "parents_with" if pw is not None else "children_with"
        at_most(
            "some_holder",
            1,
            pw if pw is not None else cw,
            ("events", holder),
            "an event happens in some unit",
        )
    if not facts.childless_parents:
        at_most(
            "each_parent", p, c, ("parents", "children"), "every parent holds at least one unit"
        )
        if p is not None and pw is not None and cw is not None:
            at_most(
                "unaffected_parents",
                cw + p - pw,
                c,
                ("children_with", "parents", "parents_with", "children"),
                "every parent without an event holds a unit without one",
            )
    if most_c is not None:
        at_most(
            "crowding",
            c,
            None if p is None else p * most_c,
            ("children", "parents"),
            f"no parent holds more than {most_c} units",
        )
        at_most(
            "affected_crowding",
            cw,
            None if pw is None else pw * most_c,
            ("children_with", "parents_with"),
            f"no parent holds more than {most_c} units",
        )
    if most_e is not None:
        at_most(
            "repeats",
            e,
            None if pw is None else pw * most_e,
            ("events", "parents_with"),
            f"no parent has more than {most_e} events",
        )
    return rows


def audit_nesting(
    facts: Nesting,
    *,
    names: Mapping[str, str] | None = None,
    ids: Mapping[str, str] | None = None,
    id: str = "nesting",
) -> list[Finding]:
    """The inequalities that nesting forces: one finding for each broken one, else one ``possible``.

    ``names`` says what the counts count (``{"parents": "patients", "children": "metastases"}``),
    ``ids`` gives the reported values' ids by field name.

    Raises:
        ValueError: fewer than two counts are known.
    """
    words = {
        "parents": "parents",
        "children": "units",
        "parents_with": "affected parents",
        "children_with": "affected units",
        "events": "events",
        **(names or {}),
    }
    known = [name for name in words if getattr(facts, name, None) is not None]
    if len(known) < 2:
        raise ValueError(f"facts: got {known}; takes at least two counts")
    found: list[Finding] = []
    for rule, small, large, fields, why in _rules(facts):
        if small <= large:
            continue
        listed = " and ".join(f"{getattr(facts, f)} {words[f]}" for f in fields)
        found.append(
            Finding(
                id=f"{id}.{rule}",
                check=Check.BAD_VALUE if rule.endswith("_negative") else Check.NESTING,
                values=tuple((ids or {})[f] for f in fields if f in (ids or {})),
                verdict=FindingVerdict.IMPOSSIBLE,
                sentence=(
                    f"{listed} do not go together: {why}, so {small} would be at most {large}."
                ),
                evidence={f: getattr(facts, f) for f in fields},
                certificate=Certificate(
                    CertificateKind.ORDER,
                    {"smaller": {"exact": str(small)}, "larger": {"exact": str(large)}},
                ),
            )
        )
    if found:
        return found
    listed = ", ".join(f"{getattr(facts, name)} {words[name]}" for name in known)
    return [
        Finding(
            id=id,
            check=Check.NESTING,
            values=tuple((ids or {})[f] for f in known if f in (ids or {})),
            verdict=FindingVerdict.POSSIBLE,
            sentence=f"{listed[0].upper()}{listed[1:]} can be nested.",
            evidence={name: getattr(facts, name) for name in known},
        )
    ]

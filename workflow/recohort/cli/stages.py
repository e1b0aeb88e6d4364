"""What each subcommand does: read, call the library, write. Heavy imports wait for their stage."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from recohort.cli.files import InputError, read_json, write_text

if TYPE_CHECKING:
    from recohort.card.loader import CardFile, Setting

__all__ = [
    "analyse",
    "audit",
    "check",
    "compare",
    "compile_kernels",
    "index",
    "leave_one_out",
    "present",
    "reconstruct",
    "replicate",
    "schema",
]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _stored_setting(card_file: CardFile, path: Path) -> Setting:
    """The setting of the stored cohort, from the reconstruction's report."""
    stored = read_json(path, card_file.sha256).get("stored")
    wanted = stored.get("setting") if isinstance(stored, dict) else None
    try:
        return card_file.setting(str(wanted))
    except ValueError as problem:
        raise InputError(f"{path}: stored.setting: {problem}; run reconstruct again") from None


def check(options: argparse.Namespace) -> int:
    """Read a card, and see that there is a cohort to build."""
    from recohort.card.loader import load_card
    from recohort.reconstruct.ready import check_ready

    card_file = load_card(options.card)
    check_ready(card_file)
    card = card_file.base
    print(f"{options.card}: ok ({len(card.values)} reported values)")
    return 0


def schema(_: argparse.Namespace) -> int:
    """Print a card's JSON Schema."""
    from recohort.card.schema import json_schema_text

    print(json_schema_text(), end="")
    return 0


def compile_kernels(_: argparse.Namespace) -> int:
    """Compile the kernels ahead of their first use."""
    from recohort.cli.compiling import compile_kernels as compile_now

    compile_now()
    return 0


def audit(options: argparse.Namespace) -> int:
    """Audit a card."""
    from recohort.audit.study import audit_card_file, to_text
    from recohort.audit.terminal import render_terminal
    from recohort.card.loader import load_card
    from recohort.cli.status import CONFLICTS

    card_file = load_card(options.card)

    def progress(done: int, of: int) -> None:
        if sys.stderr.isatty():
            _say(f"auditing under setting {done + 1} of {of}")

    found = audit_card_file(card_file, seconds=options.time_limit, progress=progress)
    if options.json is not None:
        write_text(options.json, to_text(found))
    if not options.quiet:
        width = min(shutil.get_terminal_size((100, 24)).columns, 120)
        print(render_terminal(found.findings, width, every=options.all))
    return CONFLICTS if options.fail_on_conflict and found.conflicts else 0


def reconstruct(options: argparse.Namespace) -> int:
    """Build the stored cohort and the conditioned ones."""
    from recohort.audit.study import audit_card_file
    from recohort.card.loader import load_card
    from recohort.cli.status import CONFLICTS, INTERRUPTED
    from recohort.reconstruct.files import check_room, write_reconstruction
    from recohort.reconstruct.ready import check_ready
    from recohort.reconstruct.search import Plan
    from recohort.reconstruct.search import reconstruct as search
    from recohort.reconstruct.structure import StructureError

    card_file = load_card(options.card)
    ids = {value.id for value in card_file.base.values}
    for held in options.hold_out:
        if held not in ids:
            raise InputError(f"--hold-out: found {held!r}; expected the id of a reported value")
    check_ready(card_file)
    check_room(options.out)
    if options.audit is None:
        findings = audit_card_file(card_file).to_json()["findings"]
    else:
        findings = read_json(options.audit, card_file.sha256).get("findings")
    try:
        conflicts = [
            (tuple(f["values"]), f["sentence"]) for f in findings if f["verdict"] == "impossible"
        ]
    except (KeyError, TypeError):
        raise InputError(f"{options.audit}: found no list of findings; run audit again") from None
    for values, sentence in conflicts:
        _say(_conflict(card_file, values, sentence))
    if conflicts and options.fail_on_conflict:
        return CONFLICTS
    if conflicts:
        _say(f"{card_file.base.study}: the search meets all but the fewest of these values")
    plan = Plan(
        seed=options.seed,
        conditioned=options.conditioned,
        threads=options.threads,
        attempts=options.attempts,
        time_limit=options.time_limit,
        hold_out=tuple(options.hold_out),
    )
    try:
        found = search(card_file, plan, [frozenset(values) for values, _ in conflicts], _say)
    except StructureError as problem:
        raise card_file.document.error(problem.place, problem.found, problem.expected) from None
    write_reconstruction(card_file, found, options.seed, options.out)
    total, missed = len(ids), len(found.stored.unmet)
    print(
        f"{card_file.base.study}: the stored cohort prints {total - missed} of {total} values; "
        f"{len(found.conditioned)} conditioned cohorts ({found.ended})"
    )
    return INTERRUPTED if found.ended == "interrupted" else 0


def _conflict(card_file: CardFile, values: tuple[str, ...], sentence: str) -> str:
    """Where a proven conflict stands in the card, and the proof in a sentence."""
    first, others = values[0], values[1:]
    quantity, _, statistic = first.partition(".")
    reported = next(value.reported for value in card_file.base.values if value.id == first)
    beside = f" beside {' and '.join(others)}" if others else ""
    told = card_file.document.error(
        ("quantities", quantity, "values", statistic),
        reported.printed,
        f"a number that can be true{beside}: {sentence}",
    )
    return f"recohort: conflict: {told}"


def leave_one_out(options: argparse.Namespace) -> int:
    """Judge each value by cohorts that print all the others."""
    from recohort.card.loader import load_card
    from recohort.card.statistic import Role
    from recohort.cli.status import INTERRUPTED
    from recohort.compare.left_out import judge_left_out, left_out_text
    from recohort.reconstruct.leave_one_out import LeftOut
    from recohort.reconstruct.leave_one_out import leave_one_out as search
    from recohort.reconstruct.search import Plan

    card_file = load_card(options.card)
    values = {value.id: value for value in card_file.base.values if value.role is not Role.INPUT}
    for name in options.only:
        if name not in values:
            raise InputError(
                f"--only: found {name!r}; expected the id of a value that can be judged"
            )
    audited = read_json(options.audit, card_file.sha256)
    built = read_json(options.reconstruction, card_file.sha256)
    anchor = _stored_setting(card_file, options.reconstruction)
    unmet = frozenset(item["id"] for item in built["stored"]["unmet"])
    skip = frozenset(audited["determined"])
    if options.only:
        skip |= values.keys() - set(options.only)
    plan = Plan(
        seed=options.seed,
        conditioned=options.cohorts,
        threads=options.threads,
        attempts=options.attempts,
        time_limit=options.time_limit,
    )
    found: list[LeftOut] = []
    ended = 0
    try:
        for one in search(card_file, plan, anchor, unmet, skip, _say):
            found.append(one)  # noqa: PERF402 - an interrupt keeps what is there
    except KeyboardInterrupt:
        if not found:
            raise
        ended = INTERRUPTED
    rows = judge_left_out(
        card_file,
        audited,
        {one.id: one.estimates for one in found if not one.note},
        {one.id: one.note for one in found if one.note},
        all_met=not unmet,
    )
    write_text(options.out, left_out_text(rows))
    counts = Counter(row["verdict"] for row in rows)
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    print(f"{card_file.base.study}: {len(rows)} of {len(values)} values judged: {told}")
    return ended


def analyse(options: argparse.Namespace) -> int:
    """Analyse a cohort, reconstructed or real."""
    from recohort.analysis.layout import table_layouts
    from recohort.analysis.report import analysis_report
    from recohort.card.loader import Setting, load_card
    from recohort.cohort import read_cohort

    card_file = load_card(options.card)
    setting = Setting()
    if options.reconstruction is not None:
        setting = _stored_setting(card_file, options.reconstruction)
    cohort = read_cohort(table_layouts(card_file.base), options.cohort)
    report = analysis_report(card_file, cohort, setting)
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(options.json, text)
    print(f"{card_file.base.study}: {len(report['estimates'])} estimates")
    return 0


def replicate(options: argparse.Namespace) -> int:
    """Draw fresh studies from the calibrated model and analyse them."""
    from recohort.analysis.layout import table_layouts
    from recohort.card.loader import load_card
    from recohort.cohort import read_cohort
    from recohort.replicate.batch import replicate_study, write_replicates

    card_file = load_card(options.card)
    card = card_file.card(_stored_setting(card_file, options.reconstruction))
    cohort = read_cohort(table_layouts(card), options.cohort)

    def progress(done: int, of: int) -> None:
        _say(f"{card.study}: {done} of {of} replicates")

    found = replicate_study(
        card, cohort, options.replicates, options.seed, options.threads, progress
    )
    write_replicates(found, options.out)
    print(f"{card.study}: {options.replicates} replicates")
    return 0


def compare(options: argparse.Namespace) -> int:
    """Give each reported value its verdict."""
    from recohort.card.loader import load_card
    from recohort.compare.files import read_conditioned, read_replicates
    from recohort.compare.table import compare_study, comparison_text

    card_file = load_card(options.card)
    sha = card_file.sha256
    rows = compare_study(
        card_file,
        read_json(options.audit, sha),
        read_json(options.reconstruction, sha),
        read_json(options.analysis, sha),
        read_conditioned(options.conditioned),
        read_replicates(options.replicates),
    )
    write_text(options.out, comparison_text(rows))
    print(f"{card_file.base.study}: {len(rows)} reported values compared")
    return 0


def present(options: argparse.Namespace) -> int:
    """Draw a study's figures, tables and page."""
    from recohort.card.loader import load_card
    from recohort.present.study import present_study

    present_study(load_card(options.card), options.results, options.leave_one_out)
    print(f"{options.results / 'report.html'}")
    return 0


def index(options: argparse.Namespace) -> int:
    """Join the studies into one page and one table."""
    from recohort.card.loader import load_card
    from recohort.present.index import present_index

    cards = [load_card(Path(options.cards) / f"{name}.yaml") for name in options.studies]
    print(present_index(options.results, cards, options.seed))
    return 0

"""Reads the command line, runs one stage, and turns every foreseeable failure into one message."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from recohort.cli.status import BAD_INPUT, CONFLICTS, INTERRUPTED, TERMINATED

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit status."""
    # One thread for linear algebra: idle threads slow small problems, and sums in another order
    # would change last digits from machine to machine. Set before anything imports NumPy.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    options = _parser().parse_args(arguments)
    stage: Callable[[argparse.Namespace], int] = options.stage
    try:
        with _heeding_termination():
            return stage(options)
    except _Terminated:
        print("recohort: terminated; earlier results are untouched", file=sys.stderr)
        return TERMINATED
    except KeyboardInterrupt:
        print("recohort: interrupted; earlier results are untouched", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ValueError as problem:
        print(f"recohort: error: {problem}", file=sys.stderr)
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        print(f"recohort: error: {where}{problem.strerror or problem}", file=sys.stderr)
    return BAD_INPUT


class _Terminated(BaseException):
    """SIGTERM came; whatever is under way cleans up after itself on its way out."""


@contextmanager
def _heeding_termination() -> Iterator[None]:
    def heard(_: int, __: FrameType | None) -> None:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return
    before = signal.signal(signal.SIGTERM, heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"found {text!r}; expected a whole number of at least {least}"
            )
        return int(text)

    return read


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"found {text!r}; expected seconds above 0")
    return value


def _parser() -> argparse.ArgumentParser:
    from recohort.cli import stages

    parser = argparse.ArgumentParser(
        prog="recohort",
        description="Audit, reconstruct, replicate and compare what a clinical paper printed.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, stage: Callable[[argparse.Namespace], int], text: str, card: bool = True
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(stage=stage)
        if card:
            sub.add_argument("card", type=Path, help="a study card (YAML)")
        return sub

    command("check", stages.check, "Check that a study card can be read.")
    command("schema", stages.schema, "Print the JSON Schema of a study card.", card=False)

    text = "Compile the numerical kernels now, so that no study waits for it; once a machine."
    command("compile", stages.compile_kernels, text, card=False)

    audit = command("audit", stages.audit, "Prove which printed numbers cannot be true together.")
    audit.add_argument("--json", type=Path, metavar="FILE", help="write the findings as JSON")
    audit.add_argument("--all", action="store_true", help="list what fits together, too")
    audit.add_argument("--quiet", action="store_true", help="no table on the terminal")
    audit.add_argument(
        "--fail-on-conflict",
        action="store_true",
        help=f"exit with status {CONFLICTS} when values cannot all be true",
    )
    audit.add_argument(
        "--time-limit", type=_seconds, metavar="SECONDS", help="for each variable's exact search"
    )

    build = command("reconstruct", stages.reconstruct, "Build cohorts that print the paper.")
    build.add_argument("--audit", type=Path, metavar="FILE", help="audit.json; else audits first")
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="results folder")
    build.add_argument("--seed", type=_whole(0), default=1)
    build.add_argument(
        "--conditioned", type=_whole(0), default=100, help="cohorts that judge held-out values"
    )
    build.add_argument("--threads", type=_whole(1), default=1)
    build.add_argument("--attempts", type=_whole(1), default=10, help="tries for each cohort")
    build.add_argument(
        "--time-limit", type=_seconds, metavar="SECONDS", help="for the search; keeps the best"
    )
    build.add_argument(
        "--fail-on-conflict",
        action="store_true",
        help=f"exit with status {CONFLICTS} before the search when values cannot all be true",
    )
    build.add_argument(
        "--hold-out", action="append", default=[], metavar="ID", help="also hold this value out"
    )

    left = command(
        "leave-one-out", stages.leave_one_out, "Judge each number by cohorts that print the others."
    )
    left.add_argument("--audit", type=Path, required=True, metavar="FILE")
    left.add_argument("--reconstruction", type=Path, required=True, metavar="FILE")
    left.add_argument("--out", type=Path, required=True, metavar="FILE", help="leave_one_out.csv")
    left.add_argument("--seed", type=_whole(0), default=1)
    left.add_argument("--cohorts", type=_whole(1), default=150, help="for each value")
    left.add_argument("--threads", type=_whole(1), default=1)
    left.add_argument("--attempts", type=_whole(1), default=10, help="tries for each cohort")
    left.add_argument("--time-limit", type=_seconds, metavar="SECONDS")
    left.add_argument(
        "--only", action="append", default=[], metavar="ID", help="judge this value (repeatable)"
    )

    analyse = command("analyse", stages.analyse, "Re-run the paper's analyses on a cohort.")
    analyse.add_argument("--cohort", type=Path, required=True, metavar="DIR")
    analyse.add_argument("--reconstruction", type=Path, metavar="FILE")
    analyse.add_argument("--json", type=Path, required=True, metavar="FILE")

    replicate = command("replicate", stages.replicate, "Run the study again, many times.")
    replicate.add_argument("--reconstruction", type=Path, required=True, metavar="FILE")
    replicate.add_argument("--cohort", type=Path, required=True, metavar="DIR")
    replicate.add_argument("--replicates", type=_whole(1), default=1000)
    replicate.add_argument("--seed", type=_whole(0), default=1)
    replicate.add_argument("--threads", type=_whole(1), default=1)
    replicate.add_argument("--out", type=Path, required=True, metavar="FILE")

    compare = command("compare", stages.compare, "Set reported beside obtained, with a verdict.")
    for name in ("audit", "reconstruction", "analysis", "conditioned", "replicates"):
        compare.add_argument(f"--{name}", type=Path, required=True, metavar="FILE")
    compare.add_argument("--out", type=Path, required=True, metavar="FILE")

    present = command("present", stages.present, "Draw the figures, tables and page of a study.")
    present.add_argument("--results", type=Path, required=True, metavar="DIR")
    present.add_argument("--leave-one-out", type=Path, metavar="FILE", help="show it, too")

    index = command("index", stages.index, "Join all studies: one page, one table.", card=False)
    index.add_argument("--results", type=Path, required=True, metavar="DIR")
    index.add_argument("--studies", nargs="+", required=True, metavar="STUDY")
    index.add_argument("--cards", type=Path, default=Path("config/studies"), metavar="DIR")
    index.add_argument("--seed", type=_whole(0), default=1)
    return parser

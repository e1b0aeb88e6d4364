# What all rules share: the checked configuration, the paths, and the shape of a command line.
import fcntl
import hashlib
import logging
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from snakemake.logging import logger


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration, after its check: what `config/config.yaml` and `--config` gave."""

    studies: list[str]
    replicates: int
    conditioned: int
    leave_one_out: int
    seed: int
    cards: str
    results: str


def stop(message):
    """End the run with one message, as the stages themselves do on bad input."""
    print(f"recohort: error: {message}", file=sys.stderr)
    sys.exit(2)


def one_of(names, wrong):
    """What to say of a name that is not there: the one closest to it, and all there are."""
    near = get_close_matches(wrong, names, n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"{guess}there is {', '.join(sorted(names)) or 'nothing'}"


def whole_number(given, key, least):
    value = given[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        stop(f"configuration: {key} is {value!r}, not a whole number from {least} up")
    return value


def folder(given, key):
    value = given[key]
    if not isinstance(value, str) or not value.strip() or re.search(r"[{}\s]", value):
        stop(f"configuration: {key} is {value!r}, not the name of a folder without spaces")
    return value.rstrip("/")


def study_names(given, cards):
    names = given["studies"]
    if isinstance(names, str):
        names = names.split()
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        stop(f"configuration: studies is {names!r}, not a list of study names")
    there = [path.stem for path in sorted(Path(cards).glob("*.yaml"))]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            stop(f"configuration: {name!r} is no study name: letters, digits, _ and - only")
        if name not in there:
            stop(f"no study card {cards}/{name}.yaml; {one_of(there, name)}")
        if names.count(name) > 1:
            stop(f"configuration: studies names {name!r} more than once")
    return names


def settings(given):
    """Check the configuration and give it a type; end the run with one message if it is wrong."""
    known = Settings.__dataclass_fields__
    for key in given:
        if key not in known:
            stop(f"configuration: unknown key {key!r}; {one_of(list(known), str(key))}")
    for key in known:
        if key not in given:
            stop(f"configuration: {key} is missing in config/config.yaml")
    cards = folder(given, "cards")
    return Settings(
        studies=study_names(given, cards),
        replicates=whole_number(given, "replicates", 1),
        conditioned=whole_number(given, "conditioned", 1),
        leave_one_out=whole_number(given, "leave_one_out", 0),
        seed=whole_number(given, "seed", 0),
        cards=cards,
        results=folder(given, "results"),
    )


def claim(results):
    """Make the results folder and hold it for this run alone.

    The kernel drops the claim when the process ends, however it ends, so a killed run leaves
    nothing behind to unlock; Snakemake's own lock, which would, is off in the profiles.
    """
    try:
        Path(results).mkdir(parents=True, exist_ok=True)
        handle = open(Path(results, ".lock"), "w")
    except OSError as error:
        stop(f"cannot write in the results folder {results!r}: {error.strerror}")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stop(f"another run is writing in the results folder {results!r}; wait for it or end it")
    except OSError:
        pass  # a file system without locks: two runs at once are then the user's own care
    return handle


SHOWN = set()


def worth_showing(record):
    """Whether the terminal shows a message of Snakemake's.

    The stages say what they do and what went wrong, so what Snakemake only informs of, and its
    dump of the command line of a failed stage, stay in its own log.
    """
    message = record.getMessage()
    if message.startswith("Nothing to be done"):
        record.msg = (
            f"Nothing to do: {RESULTS}/ is up to date; the page to open is {RESULTS}/index.html"
        )
        return True
    if "No space left on device" in message:
        record.msg = f"recohort: error: no space left on the disk of {Path.cwd()}"
    once = record.levelno >= logging.WARNING and record.msg not in SHOWN
    SHOWN.add(record.msg)
    noise = ("CalledProcessError", "At least one job did not", "Ignore corrupted or currently")
    return once and not any(text in message for text in noise)


# The default profile is quiet; who asks for Snakemake's own account of a run gets it whole.
if (
    workflow.is_main_process
    and not workflow.output_settings.dryrun
    and workflow.output_settings.quiet
):
    for handler in logger.handlers:
        if type(handler).__name__ == "ColorizingTextHandler":
            handler.addFilter(worth_showing)

SETTINGS = settings(config)
RESULTS = SETTINGS.results
STUDY = f"{RESULTS}/{{study}}"
LOG = f"{RESULTS}/{{study}}/logs"
CARD = f"{SETTINGS.cards}/{{study}}.yaml"
LOCK = os.path.relpath(Path(workflow.basedir, "requirements.lock"))
PACKAGE = Path(workflow.basedir, "workflow", "recohort")

if workflow.is_main_process and not workflow.output_settings.dryrun:
    RESULTS_CLAIM = claim(RESULTS)


wildcard_constraints:
    study="|".join(SETTINGS.studies),


# The rooms of the package, floor by floor; a stage can be changed only by its own room and the
# floors below, which the tests' import contract holds.
FLOORS = [
    ["printed", "cohort", "estimators"],
    ["card", "feasible"],
    ["audit", "analysis", "compare"],
    ["reconstruct", "replicate"],
    ["present"],
    ["cli"],
]


def code(room):
    """A fingerprint of the code that a stage runs: changed code makes its results stale."""
    floor = next(i for i, rooms in enumerate(FLOORS) if room in rooms)
    rooms = [room, "cli", *(name for below in FLOORS[:floor] for name in below)]
    digest = hashlib.sha256()
    for name in sorted(set(rooms)):
        found = [*PACKAGE.glob(f"{name}.py"), *PACKAGE.glob(f"{name}/**/*")]
        for path in sorted(found):
            if path.is_file() and path.suffix not in {".pyc", ".nbc", ".nbi"}:
                digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
                digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


# Jobs find the `recohort` that belongs to the Python that runs Snakemake, activated or not.
# Numerical libraries keep to one thread: with more, sums differ in their last bits.
# SOURCE_DATE_EPOCH keeps the hour of the run out of figures; a fixed one keeps their bytes.
shell.prefix(
    "set -euo pipefail; "
    f"export PATH='{Path(sys.executable).parent}':\"$PATH\" "
    "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 "
    "SOURCE_DATE_EPOCH=1735689600 PYTHONUTF8=1; "
)


def stage(command, name):
    """The shell text of a stage: say that it starts, run it, and on failure show its message.

    The stage's own progress and messages go to its log; the terminal gets a line a stage.
    """
    what = name if name == "index" else f"{name}  {{wildcards.study}}"
    return (
        f'echo "$(date +%H:%M:%S)  {what}" >&2; '
        f"{command} 2> {{log}} || "
        "{{ status=$?; grep -a . {log} | tail -n 1 >&2; "
        f"echo '  in the stage {what}; all it said: {{log}}' >&2; exit $status; }}}}"
    )


onstart:
    # A card with an error is told before anything is run or overwritten.
    checks = [
        subprocess.Popen(
            [
                Path(sys.executable).with_name("recohort"),
                "check",
                f"{SETTINGS.cards}/{study}.yaml",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for study in SETTINGS.studies
    ]
    messages = [check.communicate()[1].strip() for check in checks if check.wait() != 0]
    if messages:
        print("\n".join(messages), file=sys.stderr)
        sys.exit(2)


onerror:
    print(
        "recohort: the run stopped; finished stages are kept, and the same command goes on "
        "from there.",
        file=sys.stderr,
    )

"""The whole pipeline on two small made-up studies, as a user starts it, and what can go wrong.

Every run here is Snakemake's own command line in a folder laid out like a clone of the project.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

STUDIES = ("headache_pilot", "knee_series")

CARDS = {
    "headache_pilot": """\
format: recohort-card-1
study: headache_pilot
name: Headache pilot
citation: {authors: A. Author, title: A made-up pilot, journal: None, year: 2020}
summary: Forty made-up patients with a pain score before and after.
units:
  patients: {label: patients, n: 40}
columns:
  age: {kind: numeric, unit: patients, step: 1, low: 18, high: 95, measured_in: years}
  female: {kind: binary, unit: patients}
  pain:
    kind: numeric
    unit: patients
    step: 1
    low: 0
    high: 10
    times: [before, after]
    correlation: {assume: pain_correlation}
populations:
  everyone: {unit: patients, label: all patients}
quantities:
  patients:
    label: Patients
    population: everyone
    analysis: {kind: size}
    values: {count: 40}
  age:
    label: Age
    population: everyone
    denominator: 40
    analysis: {kind: summary, column: age}
    values: {mean: 51.2, sd: 9.8}
  female:
    label: Women
    population: everyone
    denominator: 40
    analysis: {kind: proportion, having: [{column: female, equals: 1}]}
    values: {count: 27, percent: 67.5}
  pain_before:
    label: Pain before
    population: everyone
    analysis: {kind: summary, column: pain@before}
    values: {mean: 6.5, sd: 1.6}
  pain_after:
    label: Pain after
    population: everyone
    analysis: {kind: summary, column: pain@after}
    values: {mean: 3.0, sd: 2.1}
  pain_test:
    label: Pain after against before
    population: everyone
    analysis: {kind: paired_test, column: pain@after, baseline: pain@before}
    values: {p_value: <0.001}
assumptions:
  pain_correlation:
    label: Correlation of the two scores
    value: 0.5
    alternatives: [0.2, 0.8]
    reason: The made-up paper does not say.
    source: Made up.
""",
    "knee_series": """\
format: recohort-card-1
study: knee_series
name: Knee series
citation: {authors: B. Author, title: A made-up series, journal: None, year: 2021}
summary: Sixty made-up patients, some of whom failed.
units:
  patients: {label: patients, n: 60}
columns:
  failed: {kind: binary, unit: patients}
  smoker: {kind: binary, unit: patients}
populations:
  everyone: {unit: patients, label: all patients}
models:
  failure:
    kind: logistic
    population: everyone
    outcome: [{column: failed, equals: 1}]
    terms:
      smoker: {column: smoker}
quantities:
  patients:
    label: Patients
    population: everyone
    analysis: {kind: size}
    values: {count: 60}
  failed:
    label: Failure
    population: everyone
    denominator: 60
    analysis: {kind: proportion, having: [{column: failed, equals: 1}]}
    values: {count: 15, percent: 25.0}
  smokers:
    label: Smokers
    population: everyone
    denominator: 60
    analysis: {kind: proportion, having: [{column: smoker, equals: 1}]}
    values: {count: 20, percent: 33.3}
  smoking_odds:
    label: Smoking
    population: everyone
    analysis: {kind: model_term, model: failure, term: smoker}
    values: {odds_ratio: 7.00, ci95_lower: 1.94, ci95_upper: 25.25, p_value: 0.003}
""",
}
VALUES = {"headache_pilot": 10, "knee_series": 9}

CONFIG = f"""\
studies: [{", ".join(STUDIES)}]
replicates: 6
conditioned: 4
leave_one_out: 0
seed: 11
cards: cards
results: results
"""


def lay_out(folder: Path) -> Path:
    """A folder like a clone: the workflow as it is, a configuration and cards of its own."""
    (folder / "cards").mkdir(parents=True)
    (folder / "config").mkdir()
    (folder / "config" / "config.yaml").write_text(CONFIG)
    for study, card in CARDS.items():
        (folder / "cards" / f"{study}.yaml").write_text(card)
    for name in ("Snakefile", "requirements.lock", "environment.yml"):
        shutil.copy2(ROOT / name, folder / name)
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "workflow", folder / "workflow", ignore=unwanted)
    return folder


def command(cores: int = 2, *more: str) -> list[str]:
    profile = ("--workflow-profile", "workflow/profiles/default")
    return [sys.executable, "-m", "snakemake", *profile, "--cores", str(cores), *more]


def run(
    folder: Path,
    *more: str,
    cores: int = 2,
    before: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(cores, *more),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=before,
    )


def start(folder: Path, *more: str, cores: int = 2) -> subprocess.Popen[str]:
    """A run in a process group of its own, as a terminal would give it."""
    return subprocess.Popen(
        command(cores, *more),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(path: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)


def digests(results: Path, *kinds: str) -> dict[str, str]:
    """A checksum of every result of these kinds of file (of all kinds if none is named).

    Of the provenance without the commit, which is the checkout's, not the run's.
    """
    found = {}
    for path in sorted(results.rglob("*")):
        hidden = path.parent.name == "logs" or path.name.startswith(".")
        if not path.is_file() or hidden or (kinds and path.suffix not in kinds):
            continue
        content = path.read_bytes()
        if path.name == "provenance.json":
            content = repr({**json.loads(content), "git_commit": None}).encode()
        found[path.relative_to(results).as_posix()] = hashlib.sha256(content).hexdigest()
    return found


def assert_one_message(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """The run failed with one `recohort: error:` that holds these parts, and no traceback."""
    assert done.returncode != 0, done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("recohort: error: ")]
    assert len(told) == 1, done.stderr
    for part in parts:
        assert part in told[0], told[0]
    for noise in ("Traceback", "RuleException", "CalledProcessError"):
        assert noise not in done.stderr, done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the pipeline ran from start to end on one core."""
    folder = lay_out(tmp_path_factory.mktemp("one_core"))
    done = run(folder, cores=1)
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout + done.stderr)
    return folder


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A finished folder to spoil."""
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    return folder


def test_every_stage_writes_its_files(finished: Path) -> None:
    results = finished / "results"
    for study, count in VALUES.items():
        at = results / study
        for name in ("audit.json", "reconstruction.json", "analysis.json"):
            assert json.loads((at / name).read_text(encoding="utf-8"))
        for name in ("conditioned.parquet", "replicates.parquet", "report.html"):
            assert (at / name).stat().st_size > 0
        assert (at / "cohort" / "patients_SIMULATED.csv").exists()
        assert list((at / "figures").glob("*.svg"))
        assert list((at / "tables").iterdir())
        with open(at / "comparison.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == count
        assert all(row["verdict"] and row["reason"] for row in rows)
    with open(results / "comparison.csv", encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == sum(VALUES.values())
    assert (results / "index.html").exists()
    assert json.loads((results / "provenance.json").read_text(encoding="utf-8"))


def test_a_run_says_in_a_line_each_where_it_is_and_ends_with_the_page(finished: Path) -> None:
    lines = (finished / "said.txt").read_text().splitlines()
    for study in STUDIES:
        for stage in ("audit", "reconstruct", "analyse", "replicate", "compare", "present"):
            assert sum(f"  {stage}  " in line and study in line for line in lines) == 1
        assert any(line.startswith(study) for line in lines), "a line a study at the end"
    assert any("results/index.html" in line for line in lines)
    assert len(lines) < 40, "no wall of text"


def test_a_second_run_does_nothing_and_says_so(finished: Path) -> None:
    before = digests(finished / "results")
    times = {path: path.stat().st_mtime_ns for path in (finished / "results").rglob("*.*")}
    done = run(finished)
    assert done.returncode == 0, done.stderr
    assert "Nothing to do" in done.stderr
    assert "results/index.html" in done.stderr
    assert digests(finished / "results") == before
    changed = [p for p, was in times.items() if p.name != ".lock" and p.stat().st_mtime_ns != was]
    assert changed == []


def test_killed_and_resumed_on_two_cores_gives_the_bytes_of_one_core(
    finished: Path, tmp_path: Path
) -> None:
    folder = lay_out(tmp_path / "two_cores")
    going = start(folder)
    wait_for(folder / "results" / STUDIES[0] / "audit.json")
    os.killpg(going.pid, signal.SIGKILL)
    going.communicate()
    assert not (folder / "results" / "index.html").exists()
    done = run(folder)
    assert done.returncode == 0, done.stderr
    kinds = (".csv", ".json", ".svg")
    assert digests(folder / "results", *kinds) == digests(finished / "results", *kinds)


def test_another_number_of_replicates_leaves_the_reconstruction(copy: Path) -> None:
    done = run(copy, "--dry-run", "--quiet", "rules", "--config", "replicates=7")
    rows = [line.split() for line in done.stdout.splitlines() + done.stderr.splitlines()]
    jobs = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
    assert {name: jobs.get(name, 0) for name in ("audit", "reconstruct", "replicate")} == {
        "audit": 0,
        "reconstruct": 0,
        "replicate": 2,
    }


def test_each_number_is_judged_by_the_others_where_that_is_asked_for(copy: Path) -> None:
    study = STUDIES[0]
    kept = digests(copy / "results" / study, ".csv", ".json")
    done = run(copy, "--config", "leave_one_out=4", f"studies={study}")
    assert done.returncode == 0, done.stderr
    assert f"leave_one_out  {study}" in done.stderr
    assert f"reconstruct  {study}" not in done.stderr
    with open(copy / "results" / study / "leave_one_out.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == VALUES[study] - 1, "all but the number of patients"
    assert all(row["verdict"] and row["reason"] for row in rows)
    page = (copy / "results" / study / "report.html").read_text(encoding="utf-8")
    assert 'id="left-out"' in page
    assert kept.items() <= digests(copy / "results" / study, ".csv", ".json").items()


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ("leave_one_out=-1", ["leave_one_out is -1", "a whole number from 0 up"]),
        ("replicate=5", ["unknown key 'replicate'", "did you mean 'replicates'"]),
        ("replicates=many", ["replicates is 'many'", "a whole number from 1 up"]),
        ("seed=-1", ["seed is -1"]),
        ("studies=knee_serie", ["cards/knee_serie.yaml", "did you mean 'knee_series'"]),
        ("studies=../secret", ["no study name"]),
        ("cards=nowhere", ["nowhere/headache_pilot.yaml", "there is nothing"]),
        ("results=config/config.yaml", ["config/config.yaml", "results folder"]),
        ("results=/proc/recohort", ["/proc/recohort", "results folder"]),
    ],
)
def test_a_wrong_setting_is_told_in_one_message(
    finished: Path, setting: str, parts: list[str]
) -> None:
    before = digests(finished / "results")
    assert_one_message(run(finished, "--config", setting), *parts)
    assert digests(finished / "results") == before


def test_a_typo_in_a_card_is_told_before_anything_is_overwritten(copy: Path) -> None:
    card = copy / "cards" / "knee_series.yaml"
    card.write_text(card.read_text().replace("column: failed, equals", "column: faild, equals"))
    line = 1 + card.read_text().splitlines().index("    outcome: [{column: faild, equals: 1}]")
    before = digests(copy / "results")
    assert_one_message(run(copy), f"cards/knee_series.yaml:{line}:", "faild")
    assert digests(copy / "results") == before


def test_more_events_than_participants_are_told_before_anything_is_overwritten(copy: Path) -> None:
    card = copy / "cards" / "knee_series.yaml"
    card.write_text(card.read_text().replace("values: {count: 15, ", "values: {count: 75, "))
    line = 1 + card.read_text().splitlines().index("    values: {count: 75, percent: 25.0}")
    before = digests(copy / "results")
    assert_one_message(run(copy), f"cards/knee_series.yaml:{line}:", "found 75", "at most 60")
    assert digests(copy / "results") == before


def test_a_full_disk_ends_the_run_with_one_message_and_earlier_results_whole(copy: Path) -> None:
    """A limit on the size of a file stands for the full disk: both fail a write half way."""
    results = copy / "results"
    before = digests(results)
    page = results / STUDIES[0] / "report.html"
    page.unlink()

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (32768, 32768))

    done = run(copy, cores=1, before=no_room)
    assert_one_message(done)
    assert "results/headache_pilot/logs/present.log" in done.stderr
    assert not page.exists(), "a half-written page is not left behind"
    kept = digests(results)
    assert kept.items() <= before.items()
    assert all(name in kept for name in before if "/report" not in name and STUDIES[1] in name)
    assert run(copy).returncode == 0
    assert digests(results, ".csv", ".json", ".svg") == {
        name: digest
        for name, digest in before.items()
        if Path(name).suffix in {".csv", ".json", ".svg"}
    }


def test_ctrl_c_ends_the_run_soon_and_the_next_run_goes_on(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "interrupted")
    going = start(folder, "--config", "replicates=200000", f"studies={STUDIES[1]}")
    results = folder / "results" / STUDIES[1]
    wait_for(results / "logs" / "replicate.log")
    time.sleep(1.0)
    os.killpg(going.pid, signal.SIGINT)
    began = time.monotonic()
    _, said = going.communicate(timeout=60)
    assert going.returncode != 0
    assert time.monotonic() - began < 20
    assert "Traceback" not in said, said
    assert not (results / "replicates.parquet").exists()
    kept = digests(results)
    assert {"audit.json", "reconstruction.json"} <= set(kept)
    done = run(folder, "--config", f"studies={STUDIES[1]}", cores=1)
    assert done.returncode == 0, done.stderr
    assert f"audit  {STUDIES[1]}" not in done.stderr
    assert kept.items() <= digests(results).items()


def test_two_runs_at_once_in_one_results_folder_are_refused(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "twice")
    going = start(folder, cores=1)
    try:
        wait_for(folder / "results" / STUDIES[0] / "logs")
        assert_one_message(run(folder), "another run is writing")
    finally:
        os.killpg(going.pid, signal.SIGKILL)
        going.communicate()

"""The command line: one message for what is wrong, and earlier files left as they were."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recohort.analysis.layout import table_layouts
from recohort.card.loader import load_card
from recohort.cli import files, stages
from recohort.cli.files import InputError, read_json, write_text
from recohort.cli.main import main
from recohort.cohort import Cohort, Table, write_cohort

ROOT = Path(__file__).parents[2]

CARD = """\
format: recohort-card-1
study: shop
name: Shop
citation: {authors: A, title: T, journal: J, year: 2020}
summary: A made-up shop.
units:
  visitors: {label: Visitors, n: 20}
columns:
  age: {kind: numeric, unit: visitors, step: 1, low: 18, high: 95}
  bought: {kind: binary, unit: visitors}
populations:
  everyone: {unit: visitors, label: visitors, where: {assume: who}}
quantities:
  bought:
    label: Bought something
    population: everyone
    denominator: 20
    analysis: {kind: proportion, having: [{column: bought, equals: 1}]}
    values: {count: 7, percent: 35}
  age: {label: Age, population: everyone, analysis: {kind: summary, column: age}}
assumptions:
  who: {label: Who counts, value: [], alternatives: [[{column: age, above: 30}]], reason: R,
    source: S}
"""


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(CARD, encoding="utf-8")
    return path


@pytest.fixture
def cohort(tmp_path: Path, card: Path) -> Path:
    folder = tmp_path / "cohort"
    folder.mkdir()
    columns = {"age": np.arange(21.0, 41.0), "bought": np.repeat([1.0, 0.0], [7, 13])}
    made = Cohort({"visitors": Table(20)}, columns, dict.fromkeys(columns, "visitors"))
    write_cohort(made, table_layouts(load_card(card).base), folder)
    return folder


def sha256(card: Path) -> str:
    return hashlib.sha256(card.read_bytes()).hexdigest()


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must fail with one message and change no file; returns the message."""

    def run(*arguments: object) -> str:
        before = snapshot(tmp_path)
        assert main([str(argument) for argument in arguments]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("recohort: error: ")
        assert said.err.count("\n") == 1
        assert "Traceback" not in said.err
        assert snapshot(tmp_path) == before
        return said.err.removeprefix("recohort: error: ").rstrip("\n")

    return run


def commands(folder: Path) -> dict[str, list[object]]:
    """Each subcommand that reads a card, with its other arguments."""
    some, out = folder / "some.json", folder / "out.json"
    return {
        "check": [],
        "audit": ["--json", out],
        "reconstruct": ["--out", folder / "results"],
        "analyse": ["--cohort", folder / "cohort", "--json", out],
        "replicate": ["--reconstruction", some, "--cohort", folder / "cohort", "--out", out],
        "compare": [
            *("--audit", some, "--reconstruction", some, "--analysis", some),
            *("--conditioned", some, "--replicates", some, "--out", out),
        ],
        "present": ["--results", folder / "results"],
    }


COMMANDS = list(commands(Path()))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_card_that_cannot_be_read_is_one_message(
    command: str, tmp_path: Path, card: Path, refused: Callable[..., str]
) -> None:
    rest = commands(tmp_path)[command]
    (tmp_path / "out.json").write_text("an earlier result")
    card.write_text(CARD.replace("n: 20", "n: none"), encoding="utf-8")
    message = refused(command, card, *rest)
    assert message.startswith(f"{card}:7:")
    assert "units.visitors.n: found 'none'; expected a whole number" in message
    absent = tmp_path / "absent.yaml"
    assert str(absent) in refused(command, absent, *rest)


@pytest.mark.parametrize("command", ["analyse", "replicate", "compare", "present"])
def test_inputs_that_are_absent_are_one_message(
    command: str, tmp_path: Path, card: Path, refused: Callable[..., str]
) -> None:
    message = refused(command, card, *commands(tmp_path)[command])
    assert str(tmp_path) in message


def test_index_without_a_card_is_one_message(tmp_path: Path, refused: Callable[..., str]) -> None:
    message = refused(
        "index", "--results", tmp_path, "--studies", "nowhere", "--cards", tmp_path / "cards"
    )
    assert str(tmp_path / "cards" / "nowhere.yaml") in message


def stale(command: str, folder: Path, card: Path, file: Path) -> list[object]:
    cohort, out = folder / "cohort", folder / "out.json"
    return {
        "reconstruct": ["reconstruct", card, "--audit", file, "--out", folder / "results"],
        "analyse": ["analyse", card, "--cohort", cohort, "--reconstruction", file, "--json", out],
        "replicate": ["replicate", card, *commands(folder)["replicate"]],
        "compare": ["compare", card, *commands(folder)["compare"]],
    }[command]


@pytest.mark.usefixtures("cohort")
@pytest.mark.parametrize("command", ["reconstruct", "analyse", "replicate", "compare"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"card_sha256": "0123456789abcdef"}', "made from another version of the card"),
        ("{}", "made from another version of the card"),
        ("[]", "found no object; expected the file of a stage"),
        ("{", "found no JSON"),
    ],
)
def test_a_file_of_another_card_or_of_none_is_refused(
    command: str, content: str, message: str, tmp_path: Path, card: Path,
    refused: Callable[..., str],
) -> None:  # fmt: skip
    file = tmp_path / "some.json"
    file.write_text(content, encoding="utf-8")
    (tmp_path / "out.json").write_text("an earlier result")
    said = refused(*stale(command, tmp_path, card, file))
    assert said.startswith(str(file))
    assert message in said


@pytest.mark.usefixtures("cohort")
@pytest.mark.parametrize("command", ["reconstruct", "analyse", "replicate"])
@pytest.mark.parametrize("stored", [None, {}, {"setting": "who=7"}])
def test_a_stages_file_without_what_is_needed_is_refused(
    command: str, stored: object, tmp_path: Path, card: Path,
    refused: Callable[..., str],
) -> None:  # fmt: skip
    file = written(tmp_path / "some.json", {"card_sha256": sha256(card), "stored": stored})
    said = refused(*stale(command, tmp_path, card, file))
    assert said.startswith(str(file))
    assert said.endswith("again")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--replicates", "0"], "argument --replicates: found '0'; expected a whole number"),
        (["--replicates", "1e3"], "argument --replicates: found '1e3'; expected a whole number"),
        (["--seed", "-1"], "argument --seed"),
        (["--threads", "²"], "argument --threads: found '²'; expected a whole number"),
    ],
)
def test_numbers_that_are_none_are_refused(
    arguments: list[str], message: str, tmp_path: Path, card: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    given = ["replicate", card, *commands(tmp_path)["replicate"], *arguments]
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in given])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan", "soon"])
def test_time_limits_that_are_none_are_refused(
    seconds: str, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["audit", str(card), f"--time-limit={seconds}"])
    assert caught.value.code == 2
    assert f"found '{seconds}'; expected seconds above 0" in capsys.readouterr().err


def test_check_says_ok(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(card)]) == 0
    assert capsys.readouterr().out == f"{card}: ok (2 reported values)\n"


def test_schema_prints_the_committed_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    committed = ROOT / "config" / "study-card.schema.json"
    assert capsys.readouterr().out == committed.read_text(encoding="utf-8")


@pytest.mark.parametrize(("percent", "status"), [("35", 0), ("36", 3)])
def test_audit_fails_on_conflict_where_asked(
    percent: str, status: int, tmp_path: Path, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card.write_text(CARD.replace("percent: 35", f"percent: {percent}"), encoding="utf-8")
    out = tmp_path / "deep" / "audit.json"
    quiet = ["audit", str(card), "--quiet", "--json", str(out)]
    assert main(quiet) == 0
    assert capsys.readouterr().out == ""
    assert main([*quiet, "--fail-on-conflict"]) == status
    found = json.loads(out.read_text("utf-8"))
    assert found["card_sha256"] == sha256(card)
    verdicts = [finding["verdict"] for finding in found["findings"]]
    assert ("impossible" in verdicts) == (status == 3)
    assert read_json(out, sha256(card)) == found
    assert main(["audit", str(card), "--all"]) == 0
    assert "bought" in capsys.readouterr().out.lower()


def test_an_unknown_value_to_hold_out_is_one_message(
    tmp_path: Path, card: Path, refused: Callable[..., str]
) -> None:
    out = tmp_path / "results"
    message = refused("reconstruct", card, "--out", out, "--hold-out", "bought.mean")
    assert message == "--hold-out: found 'bought.mean'; expected the id of a reported value"


@pytest.mark.parametrize(("setting", "rows"), [("base", 20), ("who=1", 10)])
def test_analyse_takes_the_setting_of_the_stored_cohort(
    setting: str, rows: int, tmp_path: Path, card: Path, cohort: Path
) -> None:
    content = {"card_sha256": sha256(card), "stored": {"setting": setting}}
    file, out = written(tmp_path / "some.json", content), tmp_path / "out.json"
    given = ["analyse", card, "--cohort", cohort, "--reconstruction", file, "--json", out]
    assert main([str(argument) for argument in given]) == 0
    found = json.loads(out.read_text("utf-8"))
    assert found["setting"] == setting
    estimates = {row["id"]: row["estimate"] for row in found["estimates"]}
    assert estimates["age.mean"] == np.mean(np.arange(41 - rows, 41))


def test_a_cohort_with_a_bad_cell_leaves_the_earlier_analysis(
    tmp_path: Path, card: Path, cohort: Path, refused: Callable[..., str]
) -> None:
    (tmp_path / "out.json").write_text("an earlier result")
    table = cohort / "visitors_SIMULATED.csv"
    table.write_text(table.read_text("utf-8").replace("\n2,22,", "\n2,old,"), encoding="utf-8")
    message = refused("analyse", card, "--cohort", cohort, "--json", tmp_path / "out.json")
    assert message == f"{table}:3: age: found 'old'; expected a number or an empty cell"


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    file = tmp_path / "new" / "result.json"
    write_text(file, "é\n")
    assert file.read_bytes() == "é\n".encode()
    write_text(file, "later\n")
    assert [path.name for path in file.parent.iterdir()] == ["result.json"]
    assert file.read_text("utf-8") == "later\n"


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_writing_that_fails_leaves_the_earlier_file_and_no_other(
    failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "result.json"
    file.write_text("earlier")

    def fails(*_: object) -> None:
        raise failure

    monkeypatch.setattr(files.os, "replace", fails)
    with pytest.raises(type(failure)):
        write_text(file, "later")
    with pytest.raises(UnicodeEncodeError):
        write_text(file, "half \ud800")
    assert snapshot(tmp_path) == {file: b"earlier"}


def test_a_full_disk_is_one_message(
    tmp_path: Path, card: Path, cohort: Path, refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "out.json")

    monkeypatch.setattr(files.os, "replace", full)
    message = refused("analyse", card, "--cohort", cohort, "--json", tmp_path / "out.json")
    assert message == "out.json: No space left on device"


def test_an_interruption_is_status_130(
    card: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "check", interrupted)
    assert main(["check", str(card)]) == 130
    assert capsys.readouterr().err == "recohort: interrupted; earlier results are untouched\n"


def test_a_stages_file_says_where_it_is_no_json(tmp_path: Path) -> None:
    file = tmp_path / "some.json"
    file.write_text("{\n  oops", encoding="utf-8")
    with pytest.raises(InputError, match=r"some\.json:2: found no JSON"):
        read_json(file, "")

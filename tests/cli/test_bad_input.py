"""What no cohort can be built from: one message before the search, earlier results left whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from recohort.cli.main import main
from recohort.reconstruct import search
from recohort.reconstruct.search import Reconstruction

CARD = """\
format: recohort-card-1
study: bakery
name: Bakery
citation: {authors: A, title: T, journal: J, year: 2020}
summary: Sixty made-up loaves.
units:
  loaves: {label: Loaves, n: 60}
  slices: {label: Slices, n: 90, within: loaves, max_per_parent: 4}
columns:
  weight: {kind: numeric, unit: loaves, step: 1, low: 18, high: 95, plausible: {mean: 60, sd: 12}}
  salt: {kind: numeric, unit: loaves, step: 0.1, low: 0, high: 30, plausible: {mean: 8, sd: 3}}
  seeded: {kind: binary, unit: loaves}
  burnt: {kind: binary, unit: loaves}
  days: {kind: numeric, unit: loaves, step: 0.1, low: 0, high: 60, plausible: {mean: 20, sd: 9}}
populations:
  all: {unit: loaves, label: loaves}
  burnt: {unit: loaves, label: burnt loaves, where: [{column: burnt, equals: 1}]}
models:
  burning:
    kind: logistic
    population: all
    outcome: [{column: burnt, equals: 1}]
    terms:
      salt: {column: salt, coding: {kind: linear, per: 5}}
      seeded: {column: seeded}
quantities:
  burnt:
    label: Burnt
    population: all
    denominator: 60
    analysis: {kind: proportion, having: [{column: burnt, equals: 1}]}
    values: {count: 15, percent: 25.0}
  seeded:
    label: Seeded
    population: all
    analysis: {kind: proportion, having: [{column: seeded, equals: 1}]}
    values: {count: 20}
  seeded_burnt:
    label: Seeded of the burnt
    population: burnt
    denominator: 15
    analysis: {kind: proportion, having: [{column: seeded, equals: 1}]}
    values: {count: 7}
  weight:
    label: Weight
    population: all
    analysis: {kind: summary, column: weight}
    values: {mean: 61.2, sd: 9.8, median: 61, q1: 55, q3: 68, min: 40, max: 81}
  salt:
    label: Salt
    population: all
    analysis: {kind: model_term, model: burning, term: salt}
    values: {odds_ratio: 1.50}
  auc:
    label: AUC
    population: all
    analysis: {kind: auc, column: weight, outcome: [{column: burnt, equals: 1}]}
    values: {auc: 0.58}
  keeping:
    label: Not burnt by day 12
    population: all
    analysis: {kind: kaplan_meier, time: days, event: [{column: burnt, equals: 1}], at: 12}
    values: {percent: 88}
"""


def write(folder: Path, *changes: tuple[str, str]) -> tuple[Path, str]:
    """The card with pieces of text changed."""
    text = CARD
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "bakery.yaml"
    path.write_text(text, encoding="utf-8")
    return path, text


def line_of(text: str, piece: str) -> int:
    """The number of the line that a piece of the card stands in."""
    return text[: text.index(piece)].count("\n") + 1


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that starts is a failed test."""

    def starts(*_: object) -> Reconstruction:
        raise AssertionError("the search has started")

    monkeypatch.setattr(search, "reconstruct", starts)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with earlier results."""
    out = tmp_path / "results"
    (out / "cohort").mkdir(parents=True)
    for name in ("reconstruction.json", "conditioned.parquet", "cohort/data_dictionary.csv"):
        (out / name).write_text("an earlier result")
    return out


@pytest.fixture
def refused(
    no_search: None,  # noqa: ARG001 - asked for, so that it is in place
    results: Path,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., str]:
    """Reconstructs, which must fail before the search with one message and change no file."""

    def run(card: Path, *more: object) -> str:
        before = snapshot(results.parent)
        assert main(["reconstruct", str(card), "--out", str(results), *map(str, more)]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("recohort: error: ")
        assert said.err.count("\n") == 1
        assert snapshot(results.parent) == before
        return said.err.removeprefix("recohort: error: ").rstrip("\n")

    return run


WRONG = {
    "a model naming a missing variable": (
        ("salt: {column: salt, coding", "salt: {column: salz, coding"),
        "models.burning.terms.salt.column: found 'salz'; expected a column of this card",
    ),
    "a term that the model has not": (
        ("model: burning, term: salt", "model: burning, term: sugar"),
        "quantities.salt.analysis.term: found 'sugar'; expected a term",
    ),
    "a group that no row can be in, by a range": (
        ("all: {unit: loaves, label: loaves}",
         "all: {unit: loaves, label: loaves, where: [{column: weight, above: 99}]}"),
        "populations.all.where.0: found 'weight > 99', which no row can be; expected conditions "
        "that leave a member (weight is recorded from 18 to 95 in steps of 1)",
    ),
    "a group that no row can be in, by the steps": (
        ("all: {unit: loaves, label: loaves}",
         "all: {unit: loaves, label: loaves, where: [{column: weight, equals: 40.5}]}"),
        "populations.all.where.0: found 'weight = 40.5', which no row can be",
    ),
    "a group of those with and without": (
        ("where: [{column: burnt, equals: 1}]",
         "where: [{column: burnt, equals: 1}, {column: burnt, equals: 0}]"),
        "populations.burnt.where.1: found 'burnt = 1 and burnt = 0', which no row can be",
    ),
    "a group with no members, by a printed count": (
        ("values: {count: 15, percent: 25.0}", "values: {count: 0}"),
        "quantities.seeded_burnt.population: found 'burnt', which a printed count says nobody is "
        "in; expected a population with members",
    ),
    "more events than participants": (
        ("values: {count: 15, percent: 25.0}", "values: {count: 75}"),
        "quantities.burnt.values.count: found 75; expected at most 60, the number of loaves",
    ),
    "more 1s than participants": (
        ("seeded: {kind: binary, unit: loaves}", "seeded: {kind: binary, unit: loaves, ones: 61}"),
        "columns.seeded.ones: found 61; expected at most the 60 units",
    ),
    "half an event": (
        ("values: {count: 20}", "values: {count: 20.5}"),
        "quantities.seeded.values.count: found 20.5; expected a whole number",
    ),
    "a predictor with one value": (
        ("step: 0.1, low: 0, high: 30", "step: 0.1, low: 8, high: 8"),
        "models.burning.terms.salt.column: found 'salt', which can have one value only",
    ),
    "a predictor that all have, by the printed counts": (
        ("values: {count: 20}", "values: {count: 60}"),
        "models.burning.terms.seeded.column: found 60 of 60 loaves with seeded = 1, by the printed "
        "counts; expected some with and some without it",
    ),
    "a cut-point that none reaches": (
        ("coding: {kind: linear, per: 5}", "coding: {kind: at_least, threshold: 40}"),
        "models.burning.terms.salt.coding.threshold: found 40; expected a threshold that some rows "
        "reach and others do not (salt is recorded from 0 to 30 in steps of 0.1)",
    ),
    "a model without events": (
        ("outcome: [{column: burnt, equals: 1}]\n    terms",
         "outcome: [{column: burnt, equals: 2}]\n    terms"),
        "models.burning.outcome.0: found 'burnt = 2', which no row can be",
    ),
    "an AUC with no cases": (
        ("outcome: [{column: burnt, equals: 1}]}", "outcome: [{column: weight, below: 18}]}"),
        "quantities.auc.analysis.outcome.0: found 'weight < 18', which no row can be",
    ),
    "an AUC with nothing but cases": (
        ("outcome: [{column: burnt, equals: 1}]}", "outcome: [{column: weight, at_least: 18}]}"),
        "quantities.auc.analysis.outcome.0: found 'weight >= 18', which every row is",
    ),
    "a survival rate beyond the follow-up": (
        ("at: 12}", "at: 61}"),
        "quantities.keeping.analysis.at: found 61, when nobody is followed any more; expected at "
        "most 60, the highest days",
    ),
    "more nested units than fit": (
        ("slices: {label: Slices, n: 90", "slices: {label: Slices, n: 290"),
        "units.slices.n: found 290 within 60 loaves, at most 4 in each; expected at most 240",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_card_that_leaves_no_cohort_to_build_is_one_message(
    case: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    change, message = WRONG[case]
    card, text = write(tmp_path, change)
    said = refused(card)
    assert message in said
    line, _, field = said.removeprefix(f"{card}:").split(":")[:3]
    key = [part for part in field.strip().split(".") if not part.isdigit()][-1]
    assert f"{key}:" in text.splitlines()[int(line) - 1]


CONFLICTS = {
    "a percentage of another count": (
        ("percent: 25.0", "percent: 27.0"), "burnt.count", "15/60 = 25.000% does not print as 27.0",
    ),
    "an SD beyond what the range allows": (
        ("sd: 9.8", "sd: 29.8"), "weight.sd", "make the SD at most",
    ),
    "an SD beyond half the range, stretched": (
        ("sd: 9.8, median: 61, q1: 55, q3: 68,", "sd: 21.0,"), "weight.sd", "21.0 is printed",
    ),
    "quartiles out of order": (("q1: 55, q3: 68", "q1: 68, q3: 55"), "weight.q3", ""),
    "more of a part than of the whole": (
        ("values: {count: 7}", "values: {count: 17}"), "seeded_burnt.count", "is more than",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFLICTS)
def test_a_proven_conflict_is_told_with_its_place_and_proof_before_the_search(
    case: str, tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Published papers have such conflicts: the search runs, and is told of them."""
    change, member, proof = CONFLICTS[case]
    card, text = write(tmp_path, change)
    handed: list[frozenset[str]] = []

    def starts(_: object, __: object, impossible: list[frozenset[str]], *___: object) -> None:
        handed.extend(impossible)
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "reconstruct", starts)
    before = snapshot(tmp_path)
    assert main(["reconstruct", str(card), "--out", str(results)]) == 130
    lines = capsys.readouterr().err.splitlines()
    told = [line for line in lines if line.startswith("recohort: conflict: ")]
    assert any(member in conflict for conflict in handed)
    assert len(told) == len(handed)
    places = [line.removeprefix(f"recohort: conflict: {card}:") for line in told]
    assert any(place.startswith(f"{line_of(text, change[1])}:") for place in places)
    assert any("found" in line and "expected a number that can be true" in line for line in told)
    assert proof in " ".join(told)
    assert lines[len(told)] == "bakery: the search meets all but the fewest of these values"
    assert snapshot(tmp_path) == before


@pytest.mark.usefixtures("no_search")
def test_a_proven_conflict_ends_the_run_where_asked(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card, _ = write(tmp_path, ("percent: 25.0", "percent: 27.0"))
    before = snapshot(tmp_path)
    given = ["reconstruct", str(card), "--out", str(results), "--fail-on-conflict"]
    assert main(given) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("recohort: conflict: ")
    assert said.err.count("\n") == 1
    assert snapshot(tmp_path) == before


def test_what_can_be_set_aside_is_set_aside_and_never_called_impossible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card, _ = write(
        tmp_path,
        ("percent: 25.0", "percent: 27.0"),
        ("    values: {auc: 0.58}\n", "    values: {}\n"),
        ("    values: {odds_ratio: 1.50}\n", "    values: {}\n"),
    )
    out = tmp_path / "results"
    given = ["reconstruct", str(card), "--out", str(out), "--conditioned", "1"]
    assert main(given) == 0
    assert "prints 11 of 12 values" in capsys.readouterr().out
    text = (out / "reconstruction.json").read_text("utf-8")
    stored = json.loads(text)["stored"]
    assert [(item["id"], item["status"]) for item in stored["unmet"]] == [
        ("burnt.percent", "search_exhausted")
    ]
    assert "impossible" not in text


def test_an_audit_that_is_not_there_is_one_message(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    card, _ = write(tmp_path)
    assert str(tmp_path / "absent.json") in refused(card, "--audit", tmp_path / "absent.json")


def test_the_audit_of_another_card_is_one_message(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    card, _ = write(tmp_path)
    other = tmp_path / "audit.json"
    assert main(["audit", str(card), "--quiet", "--json", str(other)]) == 0
    write(tmp_path, ("sd: 9.8", "sd: 9.9"))
    assert "made from another version of the card" in refused(card, "--audit", other)


@pytest.mark.parametrize("findings", [None, [{}], [3], [{"verdict": "impossible"}]])
def test_an_audit_without_findings_is_one_message(
    findings: object, tmp_path: Path, refused: Callable[..., str]
) -> None:
    card, _ = write(tmp_path)
    sha = hashlib.sha256(card.read_bytes()).hexdigest()
    audit = tmp_path / "audit.json"
    audit.write_text(json.dumps({"card_sha256": sha, "findings": findings}))
    assert refused(card, "--audit", audit) == f"{audit}: found no list of findings; run audit again"


@pytest.mark.usefixtures("no_search")
@pytest.mark.parametrize("where", ["/proc/recohort", "/dev/null/results"])
def test_a_folder_that_cannot_be_written_is_told_before_the_search(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card, _ = write(tmp_path)
    assert main(["reconstruct", str(card), "--out", where]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"recohort: error: {where}")
    assert said.count("\n") == 1


def test_a_folder_of_someone_elses_data_is_left_alone(
    tmp_path: Path, results: Path, refused: Callable[..., str]
) -> None:
    card, _ = write(tmp_path)
    (results / "cohort" / "data_dictionary.csv").rename(results / "cohort" / "patients.csv")
    assert f"{results / 'cohort'}: found something that recohort did not write" in refused(card)


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
def test_a_time_limit_that_is_none_is_refused(
    seconds: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card, _ = write(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["reconstruct", str(card), "--out", str(tmp_path), f"--time-limit={seconds}"])
    assert caught.value.code == 2
    assert f"found '{seconds}'; expected seconds above 0" in capsys.readouterr().err


def test_a_column_of_which_nothing_is_known_is_told_with_its_place(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card, text = write(
        tmp_path,
        ("  days: {", "  sliced: {kind: binary, unit: loaves}\n  days: {"),
    )
    before = snapshot(results)
    assert main(["reconstruct", str(card), "--out", str(results)]) == 2
    said = capsys.readouterr().err
    assert f"{card}:{line_of(text, '  sliced: {kind')}:" in said
    assert "columns.sliced: found a yes-or-no column of which nothing printed gives" in said
    assert "expected ones or prevalence" in said
    assert snapshot(results) == before

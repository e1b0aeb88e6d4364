"""False alarms and power of the verdicts, end to end: a small run of docs/studies."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from recohort.card.loader import load_card
from recohort.card.statistic import Role
from recohort.reconstruct.search import Plan, reconstruct

STUDIES = Path(__file__).parents[2] / "docs" / "studies"
PAPERS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(STUDIES))
        import verdict_calibration

        made = tmp_path_factory.mktemp("papers")
        verdict_calibration.draw(made, PAPERS, ["groups_by_mean", "counts_rest", "mean_alone"], 7)
    return made


def test_every_scene_is_a_card_that_holds_out_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(STUDIES))
    import verdict_papers
    import verdict_report

    for name, scene in verdict_papers.SCENES.items():
        for off in (False, True):
            paper = scene(np.random.default_rng([5, off]), off)
            place = tmp_path / f"{name}_{off}" / "paper.yaml"
            place.parent.mkdir()
            place.write_text(json.dumps(paper.card()), encoding="utf-8")
            values = load_card(place).base.values
            held_out = {value.id for value in values if value.role is Role.HELD_OUT}
            assert held_out == paper.kinds.keys() == paper.mistakes.keys()
            assert held_out, name
            for kind in paper.kinds.values():
                assert verdict_report.family(kind) in verdict_report.FAMILIES


def test_the_study_draws_the_cohorts_that_a_reconstruction_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(STUDIES))
    import verdict_calibration as study
    import verdict_papers

    monkeypatch.setattr(study, "COHORTS", 5)
    paper = verdict_papers.SCENES["paired_tried"](np.random.default_rng(3), False)
    place = tmp_path / "paper.yaml"
    place.write_text(json.dumps(paper.card()), encoding="utf-8")
    found = study.conditioned(place, 7)
    right = reconstruct(load_card(place), Plan(seed=7, conditioned=5)).conditioned
    assert {one.setting for one in right} == found.keys()
    for setting, by_name in found.items():
        for name, values in by_name.items():
            assert values == [one.estimates[name] for one in right if one.setting == setting]


def test_limits_of_shares_count_papers() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(STUDIES))
        from verdict_calibration import Tally

        # R: binom.test(1, 40)$conf.int and binom.test(0, 100)$conf.int
        one = Tally({str(k): ["a", "a"] if k else ["b", "b"] for k in range(40)})
        assert one.limits("b") == pytest.approx((0.0006327449, 0.1315858), abs=1e-6)
        none = Tally({str(k): ["a"] for k in range(100)})
        assert none.limits("b") == pytest.approx((0.0, 0.0362167), abs=1e-6)


def outcomes(folder: Path, error: str = "") -> dict[tuple[str, str], Counter[str]]:
    """What the held-out values of each kind and truth end with, wrong by an error or correct."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(STUDIES))
        import verdict_calibration as study

        found: dict[tuple[str, str], Counter[str]] = {}
        for file in sorted(folder.glob("*.json")):
            content = json.loads(file.read_text())
            bench = study.Bench(content)
            wrong = {
                name: made[error] for name, made in content["mistakes"].items() if error in made
            }
            judged = bench.verdicts(study.COHORTS, wrong)
            for name in wrong if error else bench.kinds:
                key = bench.kinds[name], file.stem.split(".")[1]
                found.setdefault(key, Counter())[judged[name]] += 1
    return found


def test_correct_numbers_are_seldom_called_not_reproduced(folder: Path) -> None:
    found = outcomes(folder)
    judged = sum(sum(c.values()) for c in found.values())
    alarms = sum(c["not_reproduced"] for c in found.values())
    assert judged > 60
    assert alarms <= max(1, 0.05 * judged)
    # Where the card's guesses are right, nearly all are consistent.
    right = Counter()
    for (_, truth), counts in found.items():
        if truth == "described":
            right += counts
    assert right["consistent"] >= 0.85 * sum(right.values())


def test_a_wrong_guess_of_the_card_never_makes_a_number_not_reproduced(folder: Path) -> None:
    for (kind, _), counts in outcomes(folder).items():
        if not re.match(r"p, (student|welch)|percent", kind):
            assert counts["not_reproduced"] == 0, kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("digit_lost", "p, student t, means and SDs printed"),
        ("one_sided", "p, welch t, means and SDs printed"),
        ("one_case_more", "percent, total and other arm's count printed"),
    ],
)
def test_errors_in_what_printed_numbers_fix_are_not_reproduced(
    folder: Path, error: str, kind: str
) -> None:
    found = outcomes(folder, error)
    counts = sum((found.get((kind, truth), Counter()) for truth in ("described", "misdescribed")),
                 Counter())  # fmt: skip
    assert sum(counts.values()) >= PAPERS
    assert counts["not_reproduced"] >= 0.75 * sum(counts.values())


def test_errors_in_what_rests_on_a_guess_are_undetermined_never_consistent(folder: Path) -> None:
    found = outcomes(folder, "wrong_denominator")
    shares = [c for (kind, _), c in found.items() if kind.startswith("share beyond")]
    counts = sum(shares, Counter())
    assert counts["not_reproduced"] == 0
    assert counts["rests_on_guess"] >= 0.75 * sum(counts.values())


def test_no_number_that_is_said_to_be_noticed_is_called_consistent(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(STUDIES))
        import verdict_calibration as study

        moved = 0
        for file in sorted(folder.glob("*.json")):
            bench = study.Bench(json.loads(file.read_text()))
            wrong = {name: text for name, (_, _, text) in bench.smallest_errors().items() if text}
            judged = bench.verdicts(study.COHORTS, wrong)
            assert all(judged[name] != "consistent" for name in wrong)
            moved += len(wrong)
        assert moved > 60

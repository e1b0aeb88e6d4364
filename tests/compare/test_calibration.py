"""False alarms and power of the verdicts, end to end: a small run of docs/studies."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

STUDIES = Path(__file__).parents[2] / "docs" / "studies"
PAPERS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(STUDIES))
        import verdict_calibration

        made = tmp_path_factory.mktemp("papers")
        verdict_calibration.draw(made, PAPERS, ["groups_by_mean", "counts_rest", "mean_alone"], 0)
    return made


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

"""Each rule of the verdicts with a hand-made example."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from study_on_paper import card_file, estimates, finding, spread

from recohort.compare.guess import Guess, GuessKind
from recohort.compare.interval import Scale, standing
from recohort.compare.table import compare_study
from recohort.compare.verdict import Evidence, judge

NOTHING = {"findings": [], "determined": {}}
TWO_SETTINGS = {
    "settings": [
        {"name": "base", "choices": {}},
        {"name": "test=1", "choices": {"test": 1}},
        {"name": "fitted_rows=1", "choices": {"fitted_rows": 1}},
    ]
}


def rows(tmp_path: Path, audit=None, analysis=None, conditioned=None, reconstruction=None):
    found = compare_study(
        card_file(tmp_path),
        {**NOTHING, **(audit or {})},
        reconstruction or TWO_SETTINGS,
        analysis or estimates(),
        {"base": spread()} if conditioned is None else conditioned,
        spread(50, 2),
    )
    return {row["id"]: row for row in found}


def determined(low: float, high: float) -> dict[str, object]:
    return {
        "by": ["crash.count", "flyers.count"],
        "sentence": "30/120 = 25%",
        "low": low,
        "high": high,
        "convention": "rounded to the nearest",
    }


def test_determined_by_others_is_reproduced_with_its_arithmetic(tmp_path: Path) -> None:
    row = rows(tmp_path, {"determined": {"crash.percent": determined(25, 25)}})["crash.percent"]
    assert row["verdict"] == "reproduced"
    assert row["reason"] == "30/120 = 25% (rounded to the nearest)."


def test_determined_with_a_doubt_that_lies_elsewhere_names_the_finding(tmp_path: Path) -> None:
    conflict = finding("impossible", "crash.percent", "torn.count")
    audit = {"determined": {"crash.percent": determined(25, 25)}, "findings": [conflict]}
    found = rows(tmp_path, audit)
    assert found["crash.percent"]["verdict"] == "reproduced"
    assert conflict["id"] in found["crash.percent"]["reason"]
    assert found["crash.percent"]["finding"] == conflict["id"]
    assert found["torn.count"]["verdict"] == "impossible"


def test_determined_to_other_digits_is_not_reproduced_by_that_rule(tmp_path: Path) -> None:
    row = rows(tmp_path, {"determined": {"crash.percent": determined(25, 26)}})["crash.percent"]
    assert row["verdict"] == "consistent"


def test_an_imposed_value_is_not_reproduced_by_others(tmp_path: Path) -> None:
    row = rows(tmp_path, {"determined": {"crash.count": determined(30, 30)}})["crash.count"]
    assert row["verdict"] == "imposed"


def test_a_proven_conflict_is_impossible_for_all_but_design_facts(tmp_path: Path) -> None:
    conflict = finding("impossible", "flyers.count", "age.sd", "auc.auc", changes_conclusion=True)
    found = rows(tmp_path, {"findings": [conflict]})
    assert found["flyers.count"]["verdict"] == "imposed"
    assert found["age.sd"]["verdict"] == found["auc.auc"]["verdict"] == "impossible"
    assert found["age.sd"]["reason"] == "These do not fit."
    assert found["age.sd"]["changes_conclusion"] == "yes"


def test_imposed_and_printed_is_imposed(tmp_path: Path) -> None:
    row = rows(tmp_path)["age.mean"]
    assert (row["verdict"], row["reconstructed"], row["reconstructed_printed"]) == (
        "imposed", "40.12", "40.1",
    )  # fmt: skip
    assert "not that it is true" in row["reason"]


def test_imposed_and_not_printed_is_search_exhausted_never_impossible(tmp_path: Path) -> None:
    row = rows(tmp_path, analysis=estimates(age__mean=41.3))["age.mean"]
    assert row["verdict"] == "undetermined"
    assert row["reason"].startswith("search_exhausted: ")
    assert "41.3" in row["reason"]
    assert "no proof" in row["reason"]


def test_imposed_and_not_printed_takes_the_audits_reason_where_it_has_one(tmp_path: Path) -> None:
    doubt = finding("undetermined", "age.mean", reason="missing_input", sentence="No n is given.")
    row = rows(tmp_path, {"findings": [doubt]}, estimates(age__mean=41.3))["age.mean"]
    assert row["reason"].startswith("missing_input: No n is given.")


def test_imposed_without_an_estimate_is_missing_input(tmp_path: Path) -> None:
    row = rows(tmp_path, analysis=estimates(age__mean=float("nan")))["age.mean"]
    assert row["reason"].startswith("missing_input: ")
    assert (row["reconstructed"], row["reconstructed_printed"]) == ("", "not estimable")


def test_held_out_inside_is_consistent_with_interval_rank_and_smallest_error(
    tmp_path: Path,
) -> None:
    row = rows(tmp_path)["auc.auc"]
    assert row["verdict"] == "consistent"
    for part in ("200 cohorts", "95% interval 0.77", "estimates lie below 0.80", "downwards (to"):
        assert part in row["reason"]
    assert float(row["conditioned_low"]) < 0.80 < float(row["conditioned_high"])
    assert float(row["replicate_low"]) < float(row["replicate_median"])


def test_held_out_outside_everywhere_is_not_reproduced_and_names_the_closest(
    tmp_path: Path,
) -> None:
    far, near = spread(), spread(seed=3)
    far["crash.percent"] = far["crash.percent"] - 10
    near["crash.percent"] = near["crash.percent"] - 5
    row = rows(tmp_path, conditioned={"base": far, "fitted_rows=1": near})["crash.percent"]
    assert row["verdict"] == "not_reproduced"
    assert "200 of 200 estimates lie below 25.0" in row["reason"]
    assert "the closest is another choice of: rows that the model was fitted on" in row["reason"]


def test_inside_here_and_outside_there_depends_on_an_assumption(tmp_path: Path) -> None:
    other = spread(seed=3)
    other["auc.auc"] = other["auc.auc"] - 0.2
    row = rows(tmp_path, conditioned={"base": spread(), "fitted_rows=1": other})["auc.auc"]
    assert row["verdict"] == "undetermined"
    assert row["reason"].startswith("assumption_dependent: ")
    assert "rows that the model was fitted on" in row["reason"]
    assert row["reason"].endswith("What would settle it: On whom was the model fitted?")


def test_too_few_cohorts_to_tell_is_monte_carlo_error(tmp_path: Path) -> None:
    few = {key: values[:5] - 0.2 for key, values in spread().items()}
    row = rows(tmp_path, conditioned={"base": few})["auc.auc"]
    assert row["reason"].startswith("monte_carlo_error: ")


def test_not_reproduced_waits_for_a_setting_with_too_few_cohorts(tmp_path: Path) -> None:
    far = spread()
    far["auc.auc"] = far["auc.auc"] - 0.3
    few = {key: values[:5] for key, values in far.items()}
    row = rows(tmp_path, conditioned={"base": far, "test=1": few})["auc.auc"]
    assert row["reason"].startswith("monte_carlo_error: ")


def test_no_cohort_is_search_exhausted(tmp_path: Path) -> None:
    found = rows(tmp_path, conditioned={})
    assert found["auc.auc"]["reason"].startswith("search_exhausted: ")
    assert found["auc.auc"]["conditioned_low"] == ""
    assert found["age.mean"]["verdict"] == "imposed"


def test_no_estimate_in_any_cohort_is_missing_input(tmp_path: Path) -> None:
    nothing = {key: np.full(30, np.nan) for key in spread()}
    row = rows(tmp_path, conditioned={"base": nothing})["auc.auc"]
    assert row["reason"].startswith("missing_input: ")


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "consistent"), (-0.3, "undetermined")])
def test_the_audits_doubt_stands_unless_the_cohorts_put_the_number_well_inside(
    tmp_path: Path, shift: float, verdict: str
) -> None:
    doubt = finding("undetermined", "auc.ci95_lower", reason="convention_unknown")
    moved = spread()
    moved["auc.ci95_lower"] = moved["auc.ci95_lower"] + shift
    row = rows(tmp_path, {"findings": [doubt]}, conditioned={"base": moved})["auc.ci95_lower"]
    assert row["verdict"] == verdict
    if shift:
        assert row["reason"].startswith("convention_unknown: These do not fit.")
        assert "What would settle it: By which method" in row["reason"]


def test_a_p_value_printed_as_a_bound_is_membership_in_its_set(tmp_path: Path) -> None:
    row = rows(tmp_path)["calm.p_value"]
    assert row["verdict"] == "consistent"
    assert "200 of 200 satisfy <.05" in row["reason"]
    beyond = spread()
    beyond["calm.p_value"] = beyond["calm.p_value"] + 0.5
    row = rows(tmp_path, conditioned={"base": beyond})["calm.p_value"]
    assert (row["verdict"], row["changes_conclusion"]) == ("undetermined", "yes")
    assert "0 of 200 satisfy <.05" in row["reason"]


def test_outside_but_for_a_guess_is_assumption_dependent_and_names_the_guess(
    tmp_path: Path,
) -> None:
    beyond = spread()
    beyond["calm.p_value"] = beyond["calm.p_value"] + 0.5
    row = rows(tmp_path, conditioned={"base": beyond})["calm.p_value"]
    assert row["reason"].startswith("assumption_dependent: 200 cohorts")
    assert "rests on the assumed correlation of wind (before) and wind (after)" in row["reason"]
    assert "which no imposed number fixes" in row["reason"]


LIKENESS = Guess(GuessKind.LIKENESS, "the assumed correlation", "How alike?")
ROUNDED = Guess(GuessKind.ROUNDING, "where within their rounding they lie", "What, exactly?")
SHAPE = Guess(GuessKind.SHAPE, "the assumed shape", "What shape?")


@pytest.mark.parametrize(
    ("guesses", "away", "verdict", "word"),
    [
        ((), (0.3, 0.2), "not_reproduced", "closest"),
        # One figure was varied, and the number is outside whatever it is, and well beyond.
        (((LIKENESS, ("likeness",)),), (0.3, 0.2), "not_reproduced", "closest"),
        # A figure beyond those tried might still reach it.
        (((LIKENESS, ("likeness",)),), (0.09, 0.06), "undetermined", "the assumed correlation"),
        # Its values leave a gap in which the number lies.
        (((LIKENESS, ("likeness",)),), (0.3, -0.3), "undetermined", "a choice between them"),
        # What differs is no figure on a scale: there is nothing between two tests.
        ((), (0.3, -0.3), "not_reproduced", "closest"),
        # A shape has more sides than the alternatives show: near them says nothing, far does.
        (((SHAPE, ("likeness",)),), (0.09, 0.06), "undetermined", "rests on the assumed shape"),
        (((SHAPE, ("likeness",)),), (0.3, 0.2), "not_reproduced", "closest"),
        (((SHAPE, ()),), (0.3, 0.2), "undetermined", "rests on the assumed shape"),
        # Rounding needs no other choice, but as much room.
        (((ROUNDED, ()),), (0.09, 0.06), "undetermined", "within their rounding"),
        (((ROUNDED, ()),), (0.3, 0.2), "not_reproduced", "closest"),
        (((LIKENESS, ()),), (0.3, 0.2), "undetermined", "rests on the assumed correlation"),
    ],
)
def test_a_guess_is_cleared_by_trying_other_figures_alone(
    tmp_path: Path,
    guesses: tuple[tuple[Guess, tuple[str, ...]], ...],
    away: tuple[float, float],
    verdict: str,
    word: str,
) -> None:
    card = card_file(tmp_path).base
    value = next(v for v in card.values if v.id == "auc.auc")
    rng = np.random.default_rng(4)
    standings = {
        name: standing(0.8 + shift + 0.01 * rng.standard_normal(200), value.number)
        for name, shift in zip(("base", "likeness=1"), away, strict=True)
    }
    evidence = Evidence(
        value=value, scale=Scale.LOGIT, findings=(), determined=None, stored=0.8, note="",
        standings=standings, choices={"base": {}, "likeness=1": {"likeness": 1}},
        assumptions=(), guesses=guesses,
    )  # fmt: skip
    judged = judge(card, evidence)
    assert judged.verdict == verdict
    assert word in judged.reason


def test_no_reason_speaks_of_anyones_honesty(tmp_path: Path) -> None:
    far = {key: values * 0.5 for key, values in spread().items()}
    for found in (rows(tmp_path), rows(tmp_path, conditioned={"base": far})):
        for row in found.values():
            said = row["reason"].lower()
            assert not any(w in said for w in ("fraud", "fabricat", "honest", "suspicious", "fake"))

"""What a held-out number rests on besides what was printed and imposed."""

from __future__ import annotations

from pathlib import Path

import pytest
from study_on_paper import card_file

from recohort.card.loader import CardFile, load_card
from recohort.compare.guesses import Grounds

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def bakers() -> CardFile:
    return load_card(HERE / "bakers.yaml")


@pytest.fixture(scope="module")
def sailors() -> CardFile:
    return load_card(HERE / "sailors.yaml")


@pytest.fixture(scope="module")
def rowers() -> CardFile:
    return load_card(HERE / "rowers.yaml")


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        ("burnt.percent", ""),  # its count is printed
        ("burnt_day.percent", ""),  # the whole less the other part
        ("scarred_night.count", "difference"),  # how many in all is printed, not where
        ("left.percent", "number"),
        ("flat_bakers.count", "number"),
        ("old.percent", "shape"),
        ("age.mean", "rounding"),  # of two parts
        ("age.sd", "rounding"),
        ("age_day.median", "shape"),
        ("age_t.p_value", "rounding"),
        ("age_ranks.p_value", "shape"),
        ("age_burnt.p_value", "difference"),
        ("burnt_fisher.p_value", ""),
        ("sleep_t.p_value", "likeness"),
        ("sleep_t.difference", "rounding"),
        ("sleep_change.percent_change", "rounding"),
        ("free.percent", "shape"),
        ("ratio_age.p_value", "rounding"),
        ("ratio_slim.odds_ratio", "difference shape"),  # one other number leaves its error open
        ("auc.auc", "difference shape"),
        ("auc_night.auc", "shape"),
        ("auc_age.auc", "shape"),
        ("auc_limit.ci95_lower", "shape"),  # one area has several errors by DeLong's method
        ("auc_hanley.ci95_lower", "rounding"),
        ("auc_limits.ci95_upper", "rounding"),
        ("free_limit.ci95_upper", "rounding"),
        ("free_rate.ci95_lower", "shape"),
        ("ratio_bound.odds_ratio", "difference shape"),  # p < 0.001 fixes nothing
    ],
)
def test_what_a_number_rests_on(bakers: CardFile, value: str, kinds: str) -> None:
    ref = next(v for v in bakers.base.values if v.id == value)
    found = Grounds(bakers).of(ref)
    assert " ".join(sorted({str(guess.kind) for guess, _ in found})) == kinds


def test_a_guess_names_the_assumptions_that_state_it(bakers: CardFile) -> None:
    by_id = {v.id: v for v in bakers.base.values}
    grounds = Grounds(bakers)
    assert [names for _, names in grounds.of(by_id["sleep_t.p_value"])] == [("likeness",)]
    assert [names for _, names in grounds.of(by_id["age_day.median"])] == [("ages",)]
    (guess, names), = grounds.of(by_id["age_burnt.p_value"])  # fmt: skip
    assert names == ()
    assert guess.told == "how age differs by burnt, of which nothing is printed"
    assert guess.question == "What is age in each group?"


def test_what_is_held_out_can_be_said_from_outside(bakers: CardFile) -> None:
    mean = next(v for v in bakers.base.values if v.id == "age_night.mean")
    # The whole's mean and the other part's fix it but for rounding; without the whole's and the
    # test, it rests on a shape.
    (guess, _), = Grounds(bakers, {"age_night.mean"}).of(mean)  # fmt: skip
    assert guess.kind == "rounding"
    without = {"age_night.mean", "age.mean", "age_t.p_value"}
    (guess, _), = Grounds(bakers, without).of(mean)  # fmt: skip
    assert guess.kind == "shape"


CROSSED = ("burnt_night.count", "burnt_day.percent")


@pytest.mark.parametrize(
    ("value", "without", "kinds"),
    [
        # By the t-test, the SDs and the other mean; its p does not say which is higher.
        ("age_night.mean", {"age.mean"}, "rounding difference"),
        ("age_night.mean", {"age.mean", "age_t.p_value"}, "shape"),
        ("age_day.mean", {"age.mean", "age_day.sd", "age.sd"}, "shape"),
        # A limit and a two-sided p: the ratio may lie on either side of 1.
        ("ratio_age.ci95_upper", {"ratio_age.odds_ratio"}, "rounding difference"),
        ("ratio_age.ci95_upper", {"ratio_age.p_value"}, "rounding"),
        ("sleep_summer.mean", set(), "rounding"),  # the change and the mean before
        ("spared.percent", {"right_of_cool.percent", *CROSSED}, ""),  # totals, sensitivity
        ("right_of_cool.percent", {"spared.percent", *CROSSED}, ""),
        ("spared.percent", {"right_of_cool.percent", "found.percent", *CROSSED}, "difference"),
        ("sleep_ranks.p_value", set(), "rounding shape shape"),  # the t-test's p gives the likeness
        ("sleep_ranks.p_value", {"sleep_t_exact.p_value"}, "likeness shape shape"),
        ("sleep_summer.mean", {"sleep_change.percent_change", "sleep_t.difference"}, "shape"),
    ],
)
def test_comparisons_fix_what_they_compare(
    bakers: CardFile, value: str, without: set[str], kinds: str
) -> None:
    ref = next(v for v in bakers.base.values if v.id == value)
    found = Grounds(bakers, {value, *without}).of(ref)
    assert " ".join(str(guess.kind) for guess, _ in found) == kinds


def test_a_part_of_what_can_have_a_value_is_found_by_what_it_implies(tmp_path: Path) -> None:
    card = card_file(tmp_path)
    value = next(v for v in card.base.values if v.id == "risky.percent")
    (guess, names), = Grounds(card).of(value)  # fmt: skip
    assert (str(guess.kind), names) == ("number", ("novices",))


LEFT_OPEN = [
    ("sick_deck.count", ""),  # only 18 of 90 are 20%
    ("sick_deck.ci95_lower", ""),
    ("sick_hold.count", "number"),  # 61 to 63 of 310 are 20%
    ("sick_hold.ci95_lower", "number"),
    ("sick.count", "number"),
    ("sick_test.p_value", "number"),
    ("sail.difference", "rounding"),
    # The printed mean ashore is also of those whose grip at home nobody knows.
    ("return.difference", "difference"),
    ("return_change.percent_change", "difference"),
    ("return_mixed.difference", "difference"),
    ("return.p_value", "difference likeness"),
    ("after.percent_change", "rounding"),  # the same people
    ("home_deck.mean", "shape"),  # of whom how many were followed is not said
]


@pytest.mark.parametrize(("value", "kinds"), LEFT_OPEN)
def test_what_percentages_and_people_not_followed_leave_open(
    sailors: CardFile, value: str, kinds: str
) -> None:
    ref = next(v for v in sailors.base.values if v.id == value)
    mixed = {v.id for v in sailors.base.values if v.quantity == "return_mixed"}
    found = Grounds(sailors, mixed.union(name for name, _ in LEFT_OPEN)).of(ref)
    assert " ".join(sorted(str(guess.kind) for guess, _ in found)) == kinds


@pytest.mark.parametrize(
    ("value", "without", "kinds"),
    [
        ("return_mixed.p_value", {"se", "ci95_upper", "p_value"}, "rounding"),
        ("return_mixed.se", {"difference", "se", "p_value"}, "rounding"),
        # A limit and a two-sided p: the difference may lie on either side of 0.
        ("return_mixed.difference", {"difference", "se", "ci95_upper"}, "difference rounding"),
        ("return_mixed.se", {"se", "ci95_lower", "ci95_upper", "p_value"}, "difference likeness"),
        ("areas.difference", {"difference", "p_value"}, "rounding"),  # of two printed areas
        ("areas.p_value", {"p_value"}, "likeness shape"),
        # An area is the ranks' sum but for a constant; of the values themselves it says less.
        ("grip_ranks.p_value", {"p_value"}, "rounding"),
        ("grip_t.p_value", {"p_value"}, "difference"),
    ],
)
def test_what_follows_from_two_numbers_or_an_area(
    sailors: CardFile, value: str, without: set[str], kinds: str
) -> None:
    ref = next(v for v in sailors.base.values if v.id == value)
    held_out = {f"{ref.quantity}.{statistic}" for statistic in without}
    found = Grounds(sailors, held_out).of(ref)
    assert " ".join(sorted({str(guess.kind) for guess, _ in found})) == kinds


@pytest.mark.parametrize(
    ("held_out", "kinds"),
    [
        # Nobody counted who rows in the bow: neither weights nor sizes of the parts are known.
        (("pull.mean",), "shape"),
        (("test.p_value",), "number rounding"),
        (("test.difference",), "rounding"),
        (("bow.se",), "number rounding"),
        (("blisters.percent",), "number"),
        (("ranks.p_value",), "number rounding"),
        (("area.ci95_lower",), "number rounding"),
        (("wald.odds_ratio", "wald.ci90_upper"), "difference rounding"),
        (("wald.odds_ratio",), "rounding"),
        # Two limits by likelihood do not give the ratio, nor it and one the other.
        (("profile.odds_ratio",), "rounding shape"),
        (("profile.ci95_upper",), "rounding shape"),
    ],
)
def test_parts_that_nobody_counted_and_what_likelihoods_leave_open(
    rowers: CardFile, held_out: tuple[str, ...], kinds: str
) -> None:
    ref = next(v for v in rowers.base.values if v.id == held_out[0])
    found = Grounds(rowers, set(held_out)).of(ref)
    assert " ".join(sorted({str(guess.kind) for guess, _ in found})) == kinds

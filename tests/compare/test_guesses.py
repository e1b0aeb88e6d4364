"""What a held-out number rests on besides what was printed and imposed."""

from __future__ import annotations

from pathlib import Path

import pytest
from study_on_paper import card_file

from recohort.card.loader import CardFile, load_card
from recohort.compare.guesses import Grounds

CARD = """\
format: recohort-card-1
study: bakers
name: Bakers
citation: {authors: A, title: T, journal: J, year: 2020}
summary: A made-up study.
units:
  bakers: {label: Bakers, n: 60}
  loaves: {label: Loaves, n: 90, within: bakers}
columns:
  night: {kind: binary, unit: bakers}
  burnt: {kind: binary, unit: bakers}
  scarred: {kind: binary, unit: bakers, among: [{column: burnt, equals: 1}]}
  left_handed: {kind: binary, unit: bakers, prevalence: 0.1}
  flat: {kind: binary, unit: loaves}
  sleep:
    kind: numeric
    unit: bakers
    step: 1
    low: 0
    high: 12
    times: [winter, summer]
    correlation: {assume: likeness}
    plausible: {mean: 7, sd: 2}
  age: {kind: numeric, unit: bakers, step: 1, low: 18, high: 80, plausible: {assume: ages}}
  days: {kind: numeric, unit: bakers, step: 1, low: 1, high: 99, plausible: {mean: 30, sd: 9}}
populations:
  all: {unit: bakers, label: all}
  night: {unit: bakers, label: night, where: [{column: night, equals: 1}]}
  day: {unit: bakers, label: day, where: [{column: night, equals: 0}]}
  burnt: {unit: bakers, label: burnt, where: [{column: burnt, equals: 1}]}
  flat: {unit: loaves, label: flat loaves, where: [{column: flat, equals: 1}]}
models:
  burns:
    kind: logistic
    population: all
    outcome: [{column: burnt, equals: 1}]
    terms: {age: {column: age}, night: {column: night}}
  slim:
    kind: logistic
    population: day
    outcome: [{column: burnt, equals: 1}]
    terms: {age: {column: age}}
quantities:
  n: {label: n, population: all, analysis: {kind: size}, values: {count: 60}}
  nights: {label: n, population: night, analysis: {kind: size}, values: {count: 25}}
  burnt:
    label: b
    population: all
    analysis: {kind: proportion, having: [{column: burnt, equals: 1}]}
    values: {count: 20, percent: 33.3}
  burnt_night:
    label: b
    population: night
    analysis: {kind: proportion, having: [{column: burnt, equals: 1}]}
    values: {count: 12}
  burnt_day:
    label: b
    population: day
    analysis: {kind: proportion, having: [{column: burnt, equals: 1}]}
    values: {percent: {printed: 22.9, role: held_out}}
  scarred:
    label: s
    population: burnt
    analysis: {kind: proportion, having: [{column: scarred, equals: 1}]}
    values: {count: 5}
  scarred_night:
    label: s
    population: night
    analysis: {kind: proportion, having: [{column: scarred, equals: 1}]}
    values: {count: {printed: 4, role: held_out}}
  left:
    label: l
    population: all
    analysis: {kind: proportion, having: [{column: left_handed, equals: 1}]}
    values: {percent: {printed: 10, role: held_out}}
  flat:
    label: f
    population: flat
    analysis: {kind: size}
    values: {count: 9}
  flat_bakers:
    label: f
    population: flat
    analysis: {kind: parents}
    values: {count: {printed: 8, role: held_out}}
  old:
    label: o
    population: all
    analysis: {kind: proportion, having: [{column: age, at_least: 50}]}
    values: {percent: {printed: 30.0, role: held_out}}
  age_night:
    label: a
    population: night
    analysis: {kind: summary, column: age}
    values: {mean: 40.1, sd: 9.0}
  age_day:
    label: a
    population: day
    analysis: {kind: summary, column: age}
    values: {mean: 44.1, sd: 8.0, median: {printed: 43, role: held_out}}
  age:
    label: a
    population: all
    analysis: {kind: summary, column: age}
    values: {mean: {printed: 42.4, role: held_out}, sd: {printed: 8.7, role: held_out}}
  age_t:
    label: a
    population: all
    analysis:
      {kind: two_sample_test, column: age,
       group: [{column: night, equals: 1}], test: welch_t}
    values: {p_value: 0.08}
  age_ranks:
    label: a
    population: all
    analysis: {kind: two_sample_test, column: age, group: [{column: night, equals: 1}]}
    values: {p_value: 0.08}
  age_burnt:
    label: a
    population: all
    analysis:
      {kind: two_sample_test, column: age,
       group: [{column: burnt, equals: 1}], test: student_t}
    values: {p_value: 0.4}
  burnt_fisher:
    label: b
    population: all
    analysis:
      {kind: two_sample_test, column: burnt,
       group: [{column: night, equals: 1}], test: fisher}
    values: {p_value: 0.04}
  sleep_winter:
    label: s
    population: all
    analysis: {kind: summary, column: sleep@winter}
    values: {mean: 7.1, sd: 1.9}
  sleep_summer:
    label: s
    population: all
    analysis: {kind: summary, column: sleep@summer}
    values: {mean: 6.1, sd: 1.8}
  sleep_t:
    label: s
    population: all
    analysis: {kind: paired_test, column: sleep@summer, baseline: sleep@winter}
    values: {p_value: <0.01, difference: -1.0}
  sleep_change:
    label: s
    population: all
    analysis: {kind: percent_change, column: sleep@summer, baseline: sleep@winter}
    values: {percent_change: {printed: -14, role: held_out}}
  free:
    label: f
    population: all
    analysis: {kind: kaplan_meier, time: days, event: [{column: burnt, equals: 1}], at: 30}
    values: {percent: {printed: 70, role: held_out}}
  ratio_age:
    label: r
    population: all
    analysis: {kind: model_term, model: burns, term: age}
    values: {odds_ratio: 1.04, ci95_lower: 1.00, ci95_upper: 1.08, p_value: 0.05}
  ratio_night:
    label: r
    population: all
    analysis: {kind: model_term, model: burns, term: night}
    values: {odds_ratio: 2.0, ci95_lower: 1.0, ci95_upper: 4.0}
  ratio_slim:
    label: r
    population: day
    analysis: {kind: model_term, model: slim, term: age}
    values: {odds_ratio: {printed: 1.02, role: held_out}, p_value: 0.4}
  auc: {label: a, population: all, analysis: {kind: auc, model: burns}, values: {auc: 0.7}}
  auc_night: {label: a, population: night, analysis: {kind: auc, model: slim}, values: {auc: 0.7}}
  auc_age:
    label: a
    population: all
    analysis: {kind: auc, column: age, outcome: [{column: night, equals: 1}]}
    values: {auc: 0.6}
  sleep_ranks:
    label: s
    population: all
    analysis:
      {kind: paired_test, column: sleep@summer, baseline: sleep@winter, test: wilcoxon}
    values: {p_value: 0.3}
  sleep_t_exact:
    label: s
    population: all
    analysis: {kind: paired_test, column: sleep@summer, baseline: sleep@winter}
    values: {p_value: 0.004}
  found:
    label: f
    population: all
    analysis:
      kind: diagnostic
      measure: sensitivity
      test: [{column: burnt, equals: 1}]
      reference: [{column: night, equals: 1}]
    values: {percent: {printed: 48.0, role: imposed}}
  spared:
    label: f
    population: all
    analysis:
      kind: diagnostic
      measure: specificity
      test: [{column: burnt, equals: 1}]
      reference: [{column: night, equals: 1}]
    values: {percent: {printed: 77.1, role: held_out}}
  right_of_cool:
    label: f
    population: all
    analysis:
      kind: diagnostic
      measure: negative_predictive_value
      test: [{column: burnt, equals: 1}]
      reference: [{column: night, equals: 1}]
    values: {percent: {printed: 67.5, role: held_out}}
  auc_hanley:
    label: a
    population: all
    analysis:
      {kind: auc, column: days, outcome: [{column: night, equals: 1}], interval: hanley_mcneil}
    values: {auc: {printed: 0.6, role: imposed}, ci95_lower: 0.5}
  auc_limits:
    label: a
    population: all
    analysis: {kind: auc, column: days, outcome: [{column: night, equals: 1}]}
    values:
      auc: {printed: 0.6, role: imposed}
      ci95_lower: {printed: 0.5, role: imposed}
      ci95_upper: 0.7
  free_limit:
    label: f
    population: all
    analysis: {kind: kaplan_meier, time: days, event: [{column: burnt, equals: 1}], at: 9}
    values:
      percent: {printed: 60, role: imposed}
      ci95_lower: {printed: 50, role: imposed}
      ci95_upper: 69
  free_rate:
    label: f
    population: all
    analysis: {kind: kaplan_meier, time: days, event: [{column: burnt, equals: 1}], at: 8}
    values: {percent: {printed: 60, role: imposed}, ci95_lower: 50}
  ratio_bound:
    label: r
    population: all
    analysis: {kind: model_term, model: burns, term: age}
    values:
      ci95_upper: {printed: 1.40, role: imposed}
      p_value: {printed: "<0.001", role: imposed}
      odds_ratio: 1.20
  auc_limit:
    label: a
    population: all
    analysis: {kind: auc, column: days, outcome: [{column: night, equals: 1}]}
    values: {auc: {printed: 0.6, role: imposed}, ci95_lower: 0.5}
assumptions:
  likeness: {label: L, value: 0.5, alternatives: [0.2], reason: R, source: S}
  ages: {label: A, value: {mean: 42, sd: 9}, reason: R, source: S}
"""


@pytest.fixture
def bakers(tmp_path: Path) -> CardFile:
    path = tmp_path / "bakers.yaml"
    path.write_text(CARD, encoding="utf-8")
    return load_card(path)


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


SAILORS = """\
format: recohort-card-1
study: sailors
name: Sailors
citation: {authors: A, title: T, journal: J, year: 2020}
summary: A made-up study.
units:
  sailors: {label: Sailors, n: 400}
columns:
  deck: {kind: binary, unit: sailors}
  sick: {kind: binary, unit: sailors}
  grip:
    kind: numeric
    unit: sailors
    step: 1
    low: 10
    high: 90
    times: [ashore, afloat, home, later]
    followed: {home: 300, later: 300}
    correlation: 0.5
    plausible: {mean: 50, sd: 9}
populations:
  all: {unit: sailors, label: all}
  deck: {unit: sailors, label: deck, where: [{column: deck, equals: 1}]}
  hold: {unit: sailors, label: hold, where: [{column: deck, equals: 0}]}
quantities:
  n: {label: n, population: all, analysis: {kind: size}, values: {count: 400}}
  decks: {label: n, population: deck, analysis: {kind: size}, values: {count: 90}}
  sick_deck:
    label: s
    population: deck
    analysis: {kind: proportion, having: [{column: sick, equals: 1}]}
    values: {percent: 20, count: 18, ci95_lower: 13.1}
  sick_hold:
    label: s
    population: hold
    analysis: {kind: proportion, having: [{column: sick, equals: 1}]}
    values: {percent: 20, count: 62, ci95_lower: 16.0}
  sick:
    label: s
    population: all
    analysis: {kind: proportion, having: [{column: sick, equals: 1}]}
    values: {count: 80}
  sick_test:
    label: s
    population: all
    analysis:
      {kind: two_sample_test, column: sick, group: [{column: deck, equals: 1}], test: fisher}
    values: {p_value: 1}
  ashore:
    label: g
    population: all
    analysis: {kind: summary, column: grip@ashore}
    values: {mean: 50, sd: 9}
  afloat:
    label: g
    population: all
    analysis: {kind: summary, column: grip@afloat}
    values: {mean: 48, sd: 9}
  home:
    label: g
    population: all
    analysis: {kind: summary, column: grip@home}
    values: {mean: 49, sd: 9}
  later:
    label: g
    population: all
    analysis: {kind: summary, column: grip@later}
    values: {mean: 47}
  sail:
    label: g
    population: all
    analysis: {kind: paired_test, column: grip@afloat, baseline: grip@ashore}
    values: {difference: -2}
  return:
    label: g
    population: all
    analysis: {kind: paired_test, column: grip@home, baseline: grip@ashore}
    values: {difference: -1, p_value: 0.1}
  after:
    label: g
    population: all
    analysis: {kind: percent_change, column: grip@later, baseline: grip@home}
    values: {percent_change: -4}
  return_change:
    label: g
    population: all
    analysis: {kind: percent_change, column: grip@home, baseline: grip@ashore}
    values: {percent_change: -2}
  return_mixed:
    label: g
    population: all
    analysis: {kind: linear_mixed, column: grip, baseline: grip@ashore, at: grip@home}
    values: {difference: -1, se: 0.6, ci95_lower: -2.2, ci95_upper: 0.2, p_value: 0.1}
  grip_area:
    label: g
    population: all
    analysis: {kind: auc, column: grip@ashore, outcome: [{column: deck, equals: 1}]}
    values: {auc: 0.61}
  afloat_area:
    label: g
    population: all
    analysis: {kind: auc, column: grip@afloat, outcome: [{column: deck, equals: 1}]}
    values: {auc: 0.66}
  areas:
    label: g
    population: all
    analysis:
      {kind: auc_difference, column: grip@afloat, other: grip@ashore,
       outcome: [{column: deck, equals: 1}]}
    values: {difference: 0.05, p_value: 0.3}
  grip_ranks:
    label: g
    population: all
    analysis: {kind: two_sample_test, column: grip@ashore, group: [{column: deck, equals: 1}]}
    values: {p_value: 0.001}
  grip_t:
    label: g
    population: all
    analysis:
      {kind: two_sample_test, column: grip@ashore, group: [{column: deck, equals: 1}],
       test: student_t}
    values: {p_value: 0.001}
  home_deck:
    label: g
    population: deck
    analysis: {kind: summary, column: grip@home}
    values: {mean: 49}
  home_hold:
    label: g
    population: hold
    analysis: {kind: summary, column: grip@home}
    values: {mean: 49}
"""


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
    tmp_path: Path, value: str, kinds: str
) -> None:
    path = tmp_path / "sailors.yaml"
    path.write_text(SAILORS, encoding="utf-8")
    card = load_card(path)
    ref = next(v for v in card.base.values if v.id == value)
    mixed = {v.id for v in card.base.values if v.quantity == "return_mixed"}
    found = Grounds(card, mixed.union(name for name, _ in LEFT_OPEN)).of(ref)
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
    tmp_path: Path, value: str, without: set[str], kinds: str
) -> None:
    path = tmp_path / "sailors.yaml"
    path.write_text(SAILORS, encoding="utf-8")
    card = load_card(path)
    ref = next(v for v in card.base.values if v.id == value)
    held_out = {f"{ref.quantity}.{statistic}" for statistic in without}
    found = Grounds(card, held_out).of(ref)
    assert " ".join(sorted({str(guess.kind) for guess, _ in found})) == kinds


UNCOUNTED = """\
format: recohort-card-1
study: rowers
name: Rowers
citation: {authors: A, title: T, journal: J, year: 2020}
summary: A made-up study.
units:
  rowers: {label: Rowers, n: 80}
columns:
  bow: {kind: binary, unit: rowers, prevalence: 0.5}
  blister: {kind: binary, unit: rowers, prevalence: 0.2}
  pull: {kind: numeric, unit: rowers, step: 1, low: 0, high: 99, plausible: {mean: 50, sd: 9}}
populations:
  all: {unit: rowers, label: all}
  bow: {unit: rowers, label: bow, where: [{column: bow, equals: 1}]}
  stern: {unit: rowers, label: stern, where: [{column: bow, equals: 0}]}
models:
  blisters:
    kind: logistic
    population: all
    outcome: [{column: blister, equals: 1}]
    terms: {pull: {column: pull}}
quantities:
  n: {label: n, population: all, analysis: {kind: size}, values: {count: 80}}
  bow:
    label: p
    population: bow
    analysis: {kind: summary, column: pull}
    values: {mean: 52, sd: 8, se: 1.3}
  stern:
    label: p
    population: stern
    analysis: {kind: summary, column: pull}
    values: {mean: 47, sd: 9}
  pull: {label: p, population: all, analysis: {kind: summary, column: pull}, values: {mean: 50}}
  test:
    label: p
    population: all
    analysis:
      {kind: two_sample_test, column: pull, group: [{column: bow, equals: 1}], test: student_t}
    values: {p_value: 0.01, difference: 5}
  blisters:
    label: b
    population: bow
    analysis: {kind: proportion, having: [{column: blister, equals: 1}]}
    values: {count: 9, percent: 22.5}
  area:
    label: a
    population: all
    analysis:
      {kind: auc, column: pull, outcome: [{column: bow, equals: 1}], interval: hanley_mcneil}
    values: {auc: 0.64, ci95_lower: 0.52}
  ranks:
    label: p
    population: all
    analysis: {kind: two_sample_test, column: pull, group: [{column: bow, equals: 1}]}
    values: {p_value: 0.02}
  wald:
    label: b
    population: all
    analysis: {kind: model_term, model: blisters, term: pull}
    values: {odds_ratio: 1.04, ci90_lower: 1.01, ci90_upper: 1.07, p_value: 0.04}
  profile:
    label: b
    population: all
    analysis: {kind: model_term, model: blisters, term: pull, interval: profile}
    values: {odds_ratio: 1.04, ci95_lower: 1.00, ci95_upper: 1.08}
"""


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
    tmp_path: Path, held_out: tuple[str, ...], kinds: str
) -> None:
    path = tmp_path / "rowers.yaml"
    path.write_text(UNCOUNTED, encoding="utf-8")
    card = load_card(path)
    ref = next(v for v in card.base.values if v.id == held_out[0])
    found = Grounds(card, set(held_out)).of(ref)
    assert " ".join(sorted({str(guess.kind) for guess, _ in found})) == kinds

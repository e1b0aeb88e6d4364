"""Fresh studies scatter as fresh studies should, and break none of their card's rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from recohort.analysis.estimate import Analyst
from recohort.card.loader import load_card
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, Table
from recohort.replicate.batch import replicate_seed, replicate_study, write_replicates
from recohort.replicate.generator import Generator
from recohort.replicate.outcome import outcome_models

CARD = """\
format: recohort-card-1
study: rivers
name: Rivers
citation: {authors: A, title: T, journal: J, year: 2020}
summary: A made-up study.
units:
  rivers: {label: Rivers, n: 300}
  fish: {label: Fish, n: 600, within: rivers}
columns:
  region: {kind: group, unit: rivers, groups: 6}
  flood: {kind: binary, unit: rivers}
  dammed: {kind: binary, unit: rivers}
  gate: {kind: binary, unit: rivers, among: [{column: dammed, equals: 1}]}
  rain: {kind: numeric, unit: rivers, step: 1, low: 0, high: 200}
  level:
    kind: numeric
    unit: rivers
    step: 0.1
    low: 0
    times: [spring, summer]
    limits:
      - {when: [{column: flood, equals: 1}], times: [summer], low: 8}
      - {when: [{column: flood, equals: 0}], times: [summer], high: 7.9}
  damage: {kind: numeric, unit: rivers, step: 1, low: 1, among: [{column: flood, equals: 1}]}
  length: {kind: numeric, unit: fish, low: 1}
  marked: {kind: binary, unit: fish}
populations:
  all: {unit: rivers, label: rivers}
  fish: {unit: fish, label: fish}
  undammed: {unit: rivers, label: undammed, where: [{column: dammed, equals: 0}]}
models:
  flood:
    kind: mixed_logistic
    population: undammed
    outcome: [{column: flood, equals: 1}]
    group: region
    terms: {rain: {column: rain, coding: {kind: linear, per: 20}}}
  rare:
    kind: logistic
    population: all
    outcome: [{column: flood, equals: 1}, {column: dammed, equals: 1}]
    terms: {rain: {column: rain}}
quantities:
  rivers: {label: R, population: all, analysis: {kind: size}, values: {count: "300"}}
  flood:
    label: F
    population: all
    analysis: {kind: proportion, having: [{column: flood, equals: 1}]}
    values: {count: "90"}
  rain:
    label: R
    population: all
    analysis: {kind: summary, column: rain}
    values: {mean: "60.0", sd: "20.0", median: "60"}
  odds:
    label: O
    population: undammed
    analysis: {kind: model_term, model: flood, term: rain}
    values: {odds_ratio: "2.0", p_value: ".01"}
  length:
    label: L
    population: fish
    analysis: {kind: summary, column: length}
    values: {mean: "30"}
  calm:
    label: C
    population: all
    analysis: {kind: paired_test, column: level@summer, baseline: level@spring}
    values: {p_value: "<.05"}
"""


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> StudyCard:
    path = tmp_path_factory.mktemp("card") / "rivers.yaml"
    path.write_text(CARD, encoding="utf-8")
    return load_card(path).base


def make_cohort(seed: int = 4, slope: float = 0.7) -> Cohort:
    rng = np.random.default_rng(seed)
    n = 300
    region = rng.integers(1, 7, n).astype(float)
    rain = np.clip(np.round(rng.normal(60, 20, n)), 0, 200)
    dammed = (rng.random(n) < 0.4).astype(float)
    gate = dammed * (rng.random(n) < 0.5)
    effect = rng.normal(0, 0.5, 7)[region.astype(int)]
    score = -1.0 + slope * (rain - 60) / 20 + effect - 0.8 * dammed
    flood = (rng.random(n) < 1 / (1 + np.exp(-score))).astype(float)
    spring = np.round(rng.normal(5, 1, n), 1)
    summer = np.where(flood == 1, 8 + np.abs(spring - 5), np.minimum(spring + 0.5, 7.9))
    summer = np.round(np.where(rng.random(n) < 0.1, np.nan, summer), 1)
    damage = np.where(flood == 1, rng.integers(1, 50, n), np.nan)
    parent = np.sort(rng.integers(0, n, 600))
    columns = {
        "region": region, "flood": flood, "dammed": dammed, "gate": gate, "rain": rain,
        "level@spring": spring, "level@summer": summer, "damage": damage,
        "length": rng.normal(30, 3, 600) + 2 * rng.normal(0, 1, n)[parent],
        "marked": (rng.random(600) < 0.3).astype(float),
    }  # fmt: skip
    units = {key: "fish" if key in ("length", "marked") else "rivers" for key in columns}
    tables = {"rivers": Table(n), "fish": Table(600, "rivers", parent)}
    return Cohort(tables, columns, units)


def draws(card: StudyCard, cohort: Cohort, count: int) -> list[Cohort]:
    generator = Generator(card, cohort)
    return [
        generator.draw(np.random.default_rng(replicate_seed("rivers", 1, i))) for i in range(count)
    ]


def test_every_rule_of_the_card_holds_in_every_fresh_study(card: StudyCard) -> None:
    for fresh in draws(card, make_cohort(), 30):
        column = fresh.columns
        assert fresh.tables["rivers"].n == 300
        fish = fresh.tables["fish"]
        assert fish.parent is not None
        assert fish.n == fish.parent.size == column["length"].size
        assert fish.parent.max() < 300
        flood, dammed = column["flood"], column["dammed"]
        assert set(np.unique(flood)) == {0.0, 1.0}
        assert (column["gate"][dammed == 0] == 0).all()
        summer = column["level@summer"]
        assert np.nanmin(summer[flood == 1]) >= 8
        assert np.nanmax(summer[flood == 0]) <= 7.9
        np.testing.assert_array_equal(np.isnan(column["damage"]), flood == 0)
        for key, step in (("rain", 1), ("level@spring", 0.1), ("level@summer", 0.1)):
            values = column[key][~np.isnan(column[key])] / step
            np.testing.assert_allclose(values, np.round(values), atol=1e-9)
        assert column["rain"].min() >= 0


def test_units_come_along_whole(card: StudyCard) -> None:
    """A river's fish and its visits stay together: their dependence survives."""
    cohort = make_cohort()
    inner = [
        np.corrcoef(f.columns["level@spring"][keep], f.columns["level@summer"][keep])[0, 1]
        for f in draws(card, cohort, 40)
        for keep in [(f.columns["flood"] == 0) & ~np.isnan(f.columns["level@summer"])]
    ]
    old = cohort.columns
    keep = (old["flood"] == 0) & ~np.isnan(old["level@summer"])
    truth = np.corrcoef(old["level@spring"][keep], old["level@summer"][keep])[0, 1]
    assert np.mean(inner) == pytest.approx(truth, abs=0.15)
    assert np.mean(inner) > 0.75


def test_a_mean_scatters_by_its_standard_error(card: StudyCard) -> None:
    cohort = make_cohort()
    rain = cohort.columns["rain"]
    fresh = [f.columns["rain"] for f in draws(card, cohort, 400)]
    means = np.array([x.mean() for x in fresh])
    assert means.mean() == pytest.approx(rain.mean(), abs=0.3)
    assert means.std() == pytest.approx(rain.std(ddof=1) / np.sqrt(300), rel=0.12)
    spread = np.mean([x.std(ddof=1) for x in fresh])
    assert spread == pytest.approx(rain.std(ddof=1), rel=0.015)


def test_clustered_means_scatter_by_clusters(card: StudyCard) -> None:
    """Fish of one river resemble each other: the mean's error is that of rivers."""
    cohort = make_cohort()
    length, parent = cohort.columns["length"], cohort.tables["fish"].parent
    assert parent is not None
    residual = np.bincount(parent, length - length.mean(), minlength=300)
    robust = np.sqrt((residual**2).sum()) / 600
    means = [f.columns["length"].mean() for f in draws(card, cohort, 400)]
    assert np.std(means) == pytest.approx(robust, rel=0.12)
    assert np.std(means) > 1.1 * length.std() / np.sqrt(600)


def test_outcomes_follow_the_fitted_model(card: StudyCard) -> None:
    cohort = make_cohort()
    truth = Analyst(card, cohort).fit("flood").coef["rain"]
    found = [Analyst(card, f) for f in draws(card, cohort, 150)]
    slopes = np.array([a.fit("flood").coef["rain"] for a in found])
    errors = np.array([a.fit("flood").se["rain"] for a in found])
    # Maximum likelihood at some 50 events is a little too steep; three errors of the mean besides.
    assert slopes.mean() == pytest.approx(truth, abs=0.1)
    assert slopes.std() == pytest.approx(errors.mean(), rel=0.25)


def test_events_keep_their_number_inside_and_outside_the_models_rows(card: StudyCard) -> None:
    cohort = make_cohort()
    fresh = draws(card, cohort, 300)
    for dammed in (0.0, 1.0):
        rows = cohort.columns["dammed"] == dammed
        share = cohort.columns["flood"][rows].mean()
        shares = [f.columns["flood"][f.columns["dammed"] == dammed].mean() for f in fresh]
        assert np.mean(shares) == pytest.approx(share, abs=0.03)


def test_only_a_single_yes_or_no_outcome_is_drawn_anew(card: StudyCard) -> None:
    assert Generator(card, make_cohort()).redrawn == ("flood",)


def test_a_model_without_a_maximum_draws_nothing(card: StudyCard) -> None:
    cohort = make_cohort()
    flood = (cohort.columns["rain"] > 60).astype(float)
    separated = cohort.with_columns({"flood": flood})
    assert outcome_models(card, Analyst(card, separated)) == ()


def test_what_cannot_be_estimated_is_kept_as_nan(card: StudyCard) -> None:
    cohort = make_cohort()
    none = cohort.with_columns({"level@summer": np.full(300, np.nan)})
    found = replicate_study(card, none, 3, seed=1)
    assert [np.isnan(row["calm.p_value"]) for row in found] == [True] * 3
    assert all(len(row) == len(card.values) for row in found)


def test_the_same_bytes_for_one_process_and_two(card: StudyCard, tmp_path: Path) -> None:
    cohort, told = make_cohort(), []
    one = replicate_study(card, cohort, 60, seed=7)
    two = replicate_study(
        card, cohort, 60, seed=7, threads=2, progress=lambda done, all_: told.append((done, all_))
    )
    write_replicates(one, tmp_path / "one.parquet")
    write_replicates(two, tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert told[-1] == (60, 60)
    table = pq.read_table(tmp_path / "one.parquet")
    assert table.schema.names == ["replicate", "id", "estimate"]
    assert [str(kind) for kind in table.schema.types] == ["int32", "string", "double"]
    keys = list(zip(*(table.column(c).to_pylist() for c in ("replicate", "id")), strict=True))
    assert keys == sorted(keys)
    assert len(keys) == 60 * len(card.values)


def test_a_replicate_depends_on_the_study_the_seed_and_its_number_alone(card: StudyCard) -> None:
    cohort = make_cohort()
    few, more = (replicate_study(card, cohort, count, seed=7) for count in (5, 40))
    assert few == more[:5]
    assert few != replicate_study(card, cohort, 5, seed=8)
    renamed = card.model_copy(update={"study": "lakes"})
    assert few != replicate_study(renamed, cohort, 5, seed=7)


@pytest.mark.parametrize("bad", [{"count": -1}, {"seed": -1}, {"threads": 0}])
def test_bad_numbers_are_named(card: StudyCard, bad: dict[str, int]) -> None:
    good = {"count": 1, "seed": 1, "threads": 1}
    with pytest.raises(ValueError, match=f"{next(iter(bad))}: got"):
        replicate_study(card, make_cohort(), **{**good, **bad})


def test_a_unit_without_units_inside_it_may_be_drawn(card: StudyCard) -> None:
    cohort = make_cohort()
    parent = np.zeros(600, dtype=np.int64)
    tables = {**cohort.tables, "fish": replace(cohort.tables["fish"], parent=parent)}
    for fresh in draws(card, Cohort(tables, cohort.columns, cohort.unit_of), 5):
        assert fresh.tables["fish"].n % 600 == 0

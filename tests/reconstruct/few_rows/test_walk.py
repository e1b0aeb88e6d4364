"""Values of few rows that move one by one: kept sums against the estimators, and papers matched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recohort.analysis.estimate import Analyst
from recohort.card.loader import load_card
from recohort.card.statistic import Role, Statistic
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, FloatArray, Table
from recohort.reconstruct.few_rows import walk as few_walk
from recohort.reconstruct.few_rows.kernel import anneal, settle
from recohort.reconstruct.last_moves.candidates import Bench
from recohort.reconstruct.measurement import Measurement, describe
from recohort.reconstruct.target import Target, targets_of, unmet

N = 48
ILL = [{"column": "ill", "equals": "1"}]
QUANTITIES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "summary": (
        {"kind": "summary", "column": "iron"},
        ("mean", "sd", "median", "q1", "q3", "min", "max"),
    ),
    "in_ill": ({"kind": "summary", "column": "score@late"}, ("median", "q1", "q3")),
    "student": (
        {"kind": "two_sample_test", "column": "iron", "group": ILL, "test": "student_t"},
        ("p_value", "difference"),
    ),
    "welch": (
        {"kind": "two_sample_test", "column": "iron", "group": ILL, "test": "welch_t"},
        ("p_value",),
    ),
    "ranks": (
        {"kind": "two_sample_test", "column": "score@late", "group": ILL, "test": "mann_whitney"},
        ("p_value",),
    ),
    "paired": (
        {"kind": "paired_test", "column": "score@late", "baseline": "score@early"},
        ("p_value", "difference"),
    ),
    "signed": (
        {
            "kind": "paired_test",
            "column": "score@late",
            "baseline": "score@early",
            "test": "wilcoxon",
        },
        ("p_value",),
    ),
    "of_means": (
        {"kind": "percent_change", "column": "score@late", "baseline": "score@early"},
        ("percent_reduction_from_baseline",),
    ),
    "auc": (
        {"kind": "auc", "column": "iron", "outcome": ILL},
        ("auc", "ci95_lower", "ci95_upper"),
    ),
    "auc_logit": (
        {
            "kind": "auc",
            "column": "zinc",
            "outcome": ILL,
            "interval": "delong_logit",
            "higher_means_outcome": "no",
        },
        ("auc", "ci95_lower", "ci95_upper"),
    ),
    "auc_gap": (
        {"kind": "auc_difference", "column": "zinc", "other": "iron", "outcome": ILL},
        ("difference", "p_value"),
    ),
    "either": (
        {"kind": "proportion", "having": [{"column": "either", "equals": "1"}]},
        ("count", "percent", "ci95_lower"),
    ),
    "predicts": (
        {
            "kind": "diagnostic",
            "measure": "positive_predictive_value",
            "test": [{"column": "iron", "at_least": "5.5"}],
            "reference": ILL,
        },
        ("count", "percent"),
    ),
    "by_table": (
        {"kind": "two_sample_test", "column": "either", "group": ILL, "test": "chi_square_yates"},
        ("p_value",),
    ),
}
KEYS = ("iron", "zinc", "score@early", "score@late")


def drawn(rng: np.random.Generator) -> dict[str, FloatArray]:
    """A made-up cohort's columns: two markers, a score of five levels at two times."""
    ill = rng.permutation((np.arange(N) < 20).astype(float))
    common = rng.normal(0, 1, N)
    late = np.round(2.2 + 0.7 * common + rng.normal(0, 0.8, N) - 0.5 * ill)
    return {
        "ill": ill,
        "iron": np.round(np.clip(5 + common + 0.8 * ill + rng.normal(0, 1, N), 0, 12), 1),
        "zinc": np.round(np.clip(5 - 0.6 * ill + rng.normal(0, 1, N), 0, 12), 1),
        "score@early": np.clip(np.round(2.6 + 0.7 * common + rng.normal(0, 0.8, N)), 0, 4),
        "score@late": np.clip(late, 0, 4),
    }


def cohort_of(columns: dict[str, FloatArray]) -> Cohort:
    units = {key.partition("@")[0]: "people" for key in columns}
    return Cohort({"people": Table(N, None, None)}, columns, units)


def printed(statistic: str, value: float) -> str:
    if statistic == "count":
        return f"{value:.0f}"
    places = {"auc": 3, "p_value": 3, "difference": 3, "ci95_lower": 2, "ci95_upper": 2}
    return f"{value:.{places.get(statistic, 1)}f}"


def card_of(folder: Path, columns: dict[str, FloatArray], names: tuple[str, ...]) -> StudyCard:
    """A card that prints what the columns say."""
    text = {s: "0" for _, wanted in QUANTITIES.values() for s in wanted}
    study: StudyCard | None = None
    for _ in range(2):
        quantities: dict[str, Any] = {}
        for name in names:
            asked, wanted = QUANTITIES[name]
            values = {s: text[s] for s in wanted}
            if study is not None:
                found = Analyst(study, cohort_of(columns)).estimates(name).values
                values = {s: printed(s, found[Statistic(s)]) for s in wanted}
            population = "ill" if name == "in_ill" else "everyone"
            quantities[name] = {
                "label": name, "population": population, "analysis": asked, "values": values,
            }  # fmt: skip
        either = [{"column": "iron", "at_least": "6.5"}, {"column": "zinc", "below": "3.5"}]
        number = {"kind": "numeric", "unit": "people", "step": "0.1", "low": "0", "high": "12"}
        card = {
            "format": "recohort-card-1",
            "study": "iron",
            "name": "Iron",
            "citation": {"authors": "", "title": "", "journal": "", "year": 2000},
            "summary": "Made up.",
            "units": {"people": {"label": "People", "n": N}},
            "columns": {
                "iron": number,
                "zinc": number,
                "score": {
                    "kind": "numeric", "unit": "people", "step": "1", "low": "0", "high": "4",
                    "times": ["early", "late"],
                },
                "ill": {"kind": "binary", "unit": "people", "ones": "20"},
                "either": {"kind": "derived", "unit": "people", "any_of": either},
            },
            "populations": {
                "everyone": {"unit": "people", "label": "everyone"},
                "ill": {"unit": "people", "label": "ill", "where": ILL},
            },
            "quantities": quantities,
        }  # fmt: skip
        path = folder / "iron.yaml"
        path.write_text(json.dumps(card), encoding="utf-8")
        study = load_card(path).base
    assert study is not None
    return study


def measured(card: StudyCard, columns: dict[str, FloatArray]) -> dict[str, Measurement]:
    frame = Bench(card, cohort_of(columns), columns)._frame
    return {key: describe(frame, key, targets_of(card, list(Role)), np.zeros(N)) for key in KEYS}


def by_quantity(card: StudyCard) -> dict[str, list[Target]]:
    found: dict[str, list[Target]] = {}
    for one in targets_of(card, list(Role)):
        found.setdefault(one.quantity, []).append(one)
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_many_moves_a_term_prints_where_the_estimators_say_so(
    tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    truth = drawn(rng)
    card = card_of(tmp_path, truth, tuple(QUANTITIES))
    columns = {**drawn(rng), "ill": truth["ill"]}
    bench = Bench(card, cohort_of(columns), columns)
    of, measurements = by_quantity(card), measured(card, columns)
    part = {key: list(QUANTITIES) for key in KEYS}
    problem = few_walk._problem(bench, part, measurements, of, frozenset(KEYS))
    assert problem is not None
    assert problem.terms.kind.size == len(QUANTITIES), "no quantity is left out"
    assert problem.room.free.all()
    prints, gap = 0, list(QUANTITIES).index("auc_gap")
    for moves in (30, 300, 3000, 3000, 3000, 3000):
        problem.improve(moves, 1.0, rng)
        problem.write(columns)
        analyst = Analyst(card, cohort_of(columns))
        kept, sums = problem.state.loss.copy(), problem.state.sums.copy()
        settle(problem.terms, problem.state)
        sums[gap, 3] = problem.state.sums[gap, 3]  # ties, which no difference of areas needs
        assert np.array_equal(sums, problem.state.sums), "sums kept up to date are the true ones"
        assert kept == pytest.approx(problem.state.loss)
        for t, name in enumerate(QUANTITIES):
            values = analyst.estimates(name).values
            met = all(one.met(values[one.statistic]) for one in of[name])
            prints += met
            told = [(one.id, one.printed.text, values[one.statistic]) for one in of[name]]
            assert (problem.state.loss[t] == 0.0) == met, told
    assert prints > 10, "some print and some do not"


def test_moves_that_are_refused_leave_every_sum_as_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    columns = drawn(rng)
    card = card_of(tmp_path, columns, tuple(QUANTITIES))
    other = {**drawn(rng), "ill": columns["ill"]}
    problem = few_walk._problem(
        Bench(card, cohort_of(other), other), {key: list(QUANTITIES) for key in KEYS},
        measured(card, other), by_quantity(card), frozenset(KEYS),
    )  # fmt: skip
    assert problem is not None
    before = problem.state.at.copy(), problem.state.sums.copy(), problem.state.place.copy()
    cold = 1e-12
    anneal(
        problem.terms, problem.state, problem.room, problem.free_rows, problem.free_first,
        1, cold, cold, rng,
    )  # fmt: skip
    settled = problem.state.sums.copy()
    settle(problem.terms, problem.state)
    assert np.array_equal(settled, problem.state.sums)
    assert (problem.state.at != before[0]).sum() <= 2


@pytest.mark.parametrize(
    "names",
    [
        ("summary", "auc", "welch", "either", "predicts", "by_table"),
        ("in_ill", "ranks", "signed", "of_means"),
        ("auc", "auc_logit", "auc_gap"),
    ],
)
def test_columns_that_print_something_else_come_to_print_the_paper(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    rng = np.random.default_rng(11)
    truth = drawn(rng)
    card = card_of(tmp_path, truth, names)
    targets = targets_of(card, list(Role))
    for _ in range(6):
        columns = {**drawn(rng), "ill": truth["ill"]}
        cohort = cohort_of(columns)
        few_walk.walk_few(
            card, cohort, columns, measured(card, columns), targets, frozenset(), rng, 100_000
        )
        if not unmet(targets, Analyst(card, cohort).reported()):
            break
    else:
        pytest.fail("no walk comes to print the paper")
    for key, high in zip(KEYS, (12, 12, 4, 4), strict=True):
        assert columns[key].min() >= 0
        assert columns[key].max() <= high


def test_columns_that_are_held_stay_and_rows_of_what_is_no_term_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    truth = drawn(rng)
    card = card_of(tmp_path, truth, ("summary", "auc", "in_ill", "signed"))
    columns = {**drawn(rng), "ill": truth["ill"]}
    before = {key: values.copy() for key, values in columns.items()}
    few_walk.walk_few(
        card, cohort_of(columns), columns, measured(card, columns), targets_of(card, list(Role)),
        frozenset({"iron", "score@early"}), rng, 50_000,
    )  # fmt: skip
    assert np.array_equal(columns["iron"], before["iron"])
    assert np.array_equal(columns["score@early"], before["score@early"])
    assert not np.array_equal(columns["score@late"], before["score@late"])
    assert np.array_equal(columns["zinc"], before["zinc"]), "nothing is printed of it"

"""Times that print survival statistics: against slow oracles, and against lifelines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lifelines import KaplanMeierFitter

from recohort.analysis.estimate import Analyst
from recohort.analysis.frame import Frame
from recohort.card.loader import load_card
from recohort.card.statistic import Role
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, FloatArray, Table
from recohort.estimators.cox import cox
from recohort.estimators.kaplan_meier import SurvivalInterval, kaplan_meier, landmark_rate
from recohort.reconstruct.draw import Effort, draw_cohort
from recohort.reconstruct.measurement import describe
from recohort.reconstruct.survival.line import line_up, places_of
from recohort.reconstruct.survival.order import arrange
from recohort.reconstruct.survival.problem import Problem, pose
from recohort.reconstruct.survival.search import SurvivalEffort, _Search
from recohort.reconstruct.survival.walk import rearrange, walk
from recohort.reconstruct.target import Target, targets_of

EVENT = [{"column": "relapse", "equals": "1"}]


def a_card(
    folder: Path, n: int, quantities: dict[str, Any], owners: int | None = None
) -> StudyCard:
    """Days until relapse in two arms, recorded in weeks; within owners where these are counted."""
    units: dict[str, Any] = {"horses": {"label": "Horses", "n": n}}
    if owners is not None:
        units = {
            "owners": {"label": "Owners", "n": owners},
            "horses": {"label": "Horses", "n": n, "within": "owners"},
        }
    arms = {f"arm_{v}": [{"column": "arm", "equals": f"{v}"}] for v in (1, 0)}
    card = {
        "format": "recohort-card-1", "study": "horses", "name": "Horses", "summary": "Made up.",
        "citation": {"authors": "", "title": "", "journal": "", "year": 2001}, "units": units,
        "columns": {
            "weeks": {"kind": "numeric", "unit": "horses", "step": "1", "low": "1", "high": "260"},
            "relapse": {"kind": "binary", "unit": "horses", "ones": n // 3},
            "arm": {"kind": "binary", "unit": "horses", "ones": n // 2},
        },
        "populations": {
            "all": {"unit": "horses", "label": "all"},
            **{k: {"unit": "horses", "label": k, "where": w} for k, w in arms.items()},
        },
        "models": {
            "hazard": {"kind": "cox", "population": "all", "outcome": EVENT, "time": "weeks",
                       "terms": {"arm": {"column": "arm"}}}
        },
        "quantities": {
            name: {"label": name, **quantity} for name, quantity in quantities.items()
        },
    }  # fmt: skip
    path = folder / "horses.yaml"
    path.write_text(json.dumps(card), encoding="utf-8")
    return load_card(path).base


def rate(population: str, at: str, values: dict[str, str], **more: str) -> dict[str, Any]:
    analysis = {"kind": "kaplan_meier", "time": "weeks", "event": EVENT, "at": at, **more}
    return {"population": population, "analysis": analysis, "values": values}


def posed(
    card: StudyCard, rng: np.random.Generator
) -> tuple[Problem, Frame, tuple[Target, ...], FloatArray]:
    targets = targets_of(card, list(Role))
    n = card.units["horses"].n
    parent = None
    tables = {"horses": Table(n)}
    if "owners" in card.units:
        parent = np.sort(rng.integers(card.units["owners"].n, size=n))
        tables = {
            "owners": Table(card.units["owners"].n),
            "horses": Table(n, "owners", parent),
        }
    columns = {
        "weeks": rng.integers(1, 261, n).astype(float),
        "relapse": rng.permutation(np.arange(n) < n // 3).astype(float),
        "arm": rng.permutation(np.arange(n) < n // 2).astype(float),
    }
    cohort = Cohort(tables, columns, dict.fromkeys(columns, "horses"))
    frame = Frame(card, cohort)
    measurement = describe(frame, "weeks", targets, rng.random(n))
    problem = pose(frame, measurement, columns["weeks"], targets, ())
    assert problem is not None
    return problem, frame, targets, columns["weeks"]


PRINTED = {"percent": "70", "ci95_lower": "60", "ci95_upper": "78"}
HAZARD = {
    "population": "all",
    "analysis": {"kind": "model_term", "model": "hazard", "term": "arm"},
    "values": {"hazard_ratio": "1.40", "ci95_lower": "0.80", "ci95_upper": "2.10"},
}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sums_after_many_moves_are_those_of_the_whole_curve_and_of_a_cox_fit(
    tmp_path: Path, seed: int
) -> None:
    quantities = {
        f"{p}_{at}": rate(p, at, PRINTED) for p in ("all", "arm_1") for at in ("52", "104")
    }
    card = a_card(tmp_path, 90, {**quantities, "hazard": HAZARD})
    rng = np.random.default_rng(seed)
    problem, frame, _, _ = posed(card, rng)
    walk(
        problem.layout, problem.state, problem.cox, problem.targets, problem.room, rng,
        2000, 50.0, 20, False, True, False,
    )  # fmt: skip
    times, relapse = problem.times(), frame.cohort.columns["relapse"]
    arm = frame.cohort.columns["arm"]
    owner = np.repeat(np.arange(2), np.diff(problem.layout.start))
    members = [problem.layout.member[c][problem.layout.atom] for c in range(2)]
    for mark, c in enumerate(owner):
        curve = kaplan_meier(times[members[c]], relapse[members[c]])
        at = float(problem.layout.values[problem.layout.place[mark]])
        found = landmark_rate(curve, at).estimate
        assert np.exp(problem.state.log_survival[mark]) == pytest.approx(found.value, abs=1e-12)
        error = np.sqrt(problem.state.greenwood[mark]) * found.value
        assert error == pytest.approx(found.se, abs=1e-12)
    fit = cox(times, relapse, arm[:, None])
    assert problem.cox.found[0, 0, 0] == pytest.approx(fit.coefficients[0], abs=1e-6)
    assert problem.cox.found[0, 1, 0] == pytest.approx(fit.standard_errors[0], abs=1e-5)


def test_clusters_that_exchange_times_keep_the_curve_and_give_the_estimators_error(
    tmp_path: Path,
) -> None:
    card = a_card(tmp_path, 80, {"r": rate("all", "104", PRINTED, clustered="true")}, owners=50)
    rng = np.random.default_rng(4)
    problem, frame, _, _ = posed(card, rng)
    before = problem.times().copy()
    rearrange(problem.layout, problem.state, problem.targets, problem.room, rng, 3000, 5.0, False)
    times, relapse = problem.times(), frame.cohort.columns["relapse"]
    assert not np.array_equal(before, times)
    for event in (0.0, 1.0):
        assert np.array_equal(np.sort(before[relapse == event]), np.sort(times[relapse == event]))
    parent = frame.cohort.tables["horses"].parent
    curve = kaplan_meier(times, relapse, SurvivalInterval.LOG_LOG, 0.95, parent)
    found = landmark_rate(curve, 104.0).estimate
    variance = problem.state.greenwood[0] * problem.state.ratio[0]
    assert np.sqrt(variance) * found.value == pytest.approx(found.se, rel=1e-9)


def test_rows_in_line_give_the_estimators_curves_errors_and_cox_fit(tmp_path: Path) -> None:
    """Also once rows have exchanged their clusters, which keeps the clusters' sizes."""
    quantities = {
        **{f"all_{at}": rate("all", at, PRINTED, clustered="true") for at in ("52", "104")},
        "arm": rate("arm_1", "104", PRINTED),
        "hazard": HAZARD,
    }
    card = a_card(tmp_path, 80, quantities, owners=50)
    rng = np.random.default_rng(9)
    problem, frame, _, _ = posed(card, rng)
    layout, before = problem.layout, problem.layout.cluster.copy()
    mate = np.zeros(80, dtype=np.int64)
    line = line_up(layout, problem.cox, problem.targets, problem.state.at, mate, rng)
    assert line is not None
    _, moves = arrange(line, layout, problem.cox, problem.targets, rng, 4000, 5.0, 5.0)
    assert moves == 4000
    at = places_of(line, problem.room.pool, rng)
    assert np.unique(at).size == 80
    assert np.array_equal(np.argsort(at), line.seq[line.seq >= 0])
    assert not np.array_equal(before, layout.cluster)
    assert np.array_equal(np.bincount(before), np.bincount(layout.cluster))
    times, relapse = layout.values[at], frame.cohort.columns["relapse"]
    arm = frame.cohort.columns["arm"]
    for c, mark in ((0, 0), (0, 1), (1, 2)):
        inside = layout.member[c][layout.atom]
        groups = layout.cluster[inside] if layout.clustered[c] else None
        scale = SurvivalInterval.LOG_LOG
        curve = kaplan_meier(times[inside], relapse[inside], scale, 0.95, groups)
        found = landmark_rate(curve, float(layout.values[layout.place[mark]])).estimate
        assert np.exp(line.log[mark]) == pytest.approx(found.value, abs=1e-9)
        error = np.sqrt(line.spread[mark]) * found.value
        assert error == pytest.approx(found.se, rel=1e-6)
    arrange(line, layout, problem.cox, problem.targets, rng, 1, 1e-9, 1e-9)
    fit = cox(times, relapse, arm[:, None])
    assert problem.cox.found[0, 0, 0] == pytest.approx(fit.coefficients[0], abs=2e-3)
    assert problem.cox.found[0, 1, 0] == pytest.approx(fit.standard_errors[0], rel=2e-3)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> StudyCard:
    """Rates of 1,500, overall and by arm, printed by lifelines."""
    rng = np.random.default_rng(5)
    n = 1500
    arm = rng.permutation(np.arange(n) < n // 2)
    fails, leaves = rng.exponential(300 + 150 * arm), rng.uniform(30, 260, n)
    order = np.argsort(fails - leaves)
    relapse = np.zeros(n, dtype=bool)
    relapse[order[: n // 3]] = True
    weeks = np.clip(np.ceil(np.where(relapse, np.minimum(fails, leaves), leaves)), 1, 260)
    quantities: dict[str, Any] = {}
    for name, rows in (("all", arm | ~arm), ("arm_1", arm), ("arm_0", ~arm)):
        fitter = KaplanMeierFitter().fit(weeks[rows], relapse[rows])
        count = {"having": EVENT, "kind": "proportion"}
        values = {"count": f"{int(rows.sum())}"}
        quantities[f"size_{name}"] = {
            "population": name,
            "analysis": {"kind": "size"},
            "values": values,
        }
        values = {"count": f"{int(relapse[rows].sum())}"}
        quantities[f"n_{name}"] = {"population": name, "analysis": count, "values": values}
        for at in ("52", "104", "156"):
            low, high = fitter.confidence_interval_survival_function_.loc[: float(at)].iloc[-1]
            middle = float(fitter.predict(float(at)))
            printed = zip(("percent", "ci95_lower", "ci95_upper"), (middle, low, high), strict=True)
            quantities[f"{name}_{at}"] = rate(name, at, {k: f"{100 * v:.1f}" for k, v in printed})
    return a_card(tmp_path_factory.mktemp("paper"), n, quantities)


def test_rates_of_1500_in_two_arms_are_printed_in_full_as_lifelines_reads_them(
    paper: StudyCard,
) -> None:
    targets = targets_of(paper, list(Role))
    drawn = draw_cohort(paper, targets, np.random.default_rng(6), Effort())
    assert drawn.unmet == ()
    columns = drawn.cohort.columns
    again = draw_cohort(paper, targets, np.random.default_rng(6), Effort()).cohort.columns
    other = draw_cohort(paper, targets, np.random.default_rng(7), Effort()).cohort.columns
    assert np.array_equal(columns["weeks"], again["weeks"])
    assert not np.array_equal(columns["weeks"], other["weeks"])
    # No week in which everyone leaves.
    assert np.bincount(columns["weeks"].astype(int)).max() <= 60
    for one in targets:
        quantity = paper.quantities[one.quantity]
        if quantity.analysis.kind != "kaplan_meier":
            continue
        rows = np.ones(1500, dtype=bool)
        if quantity.population != "all":
            rows = columns["arm"] == float(quantity.population[-1])
        fitter = KaplanMeierFitter().fit(columns["weeks"][rows], columns["relapse"][rows])
        at = float(quantity.analysis.at)
        low, high = fitter.confidence_interval_survival_function_.loc[:at].iloc[-1]
        found = {"percent": fitter.predict(at), "ci95_lower": low, "ci95_upper": high}
        assert one.printed.accepts(100 * float(found[one.statistic]), slack=1e-6), one.id


FOLLOW_UP = {
    "population": "all",
    "analysis": {"kind": "reverse_kaplan_meier", "time": "weeks", "event": EVENT},
    "values": {"median": "80"},
}


@pytest.mark.parametrize("more", [{}, {"follow_up": FOLLOW_UP}], ids=["rates", "median between"])
def test_each_round_plans_other_counts_of_events_before_the_rates(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    rates = {
        f"{arm}_{at}": rate(arm, at, dict(zip(PRINTED, values, strict=True)))
        for arm, at, values in (
            ("arm_1", "52", ("90.0", "84.2", "93.8")), ("arm_1", "104", ("79.4", "71.9", "85.1")),
            ("arm_0", "52", ("87.9", "81.5", "92.2")), ("arm_0", "104", ("73.1", "65.0", "79.6")),
        )
    }  # fmt: skip
    card = a_card(tmp_path, 300, {**rates, **more})
    problem, _, _, _ = posed(card, np.random.default_rng(3))
    nobody = np.zeros(0, dtype=np.int64)
    search = _Search(problem, nobody, np.random.default_rng(4), SurvivalEffort(), None)
    room, seen = problem.room, set()
    kinds = room.block[room.rigid]
    for _ in range(5):
        assert search.plan()
        weeks = problem.times()[room.rigid]
        # After the last rate, and where in a stretch between rates, no count tells anything.
        seen.add(tuple(np.sort(10 * kinds + np.searchsorted([52, 104], weeks)).tolist()))
    assert len(seen) == 5


def test_a_rate_above_its_upper_limit_is_never_printed(tmp_path: Path) -> None:
    printed = {"percent": "70.0", "ci95_lower": "62.0", "ci95_upper": "69.0"}
    card = a_card(tmp_path, 120, {"r": rate("all", "52", printed)})
    targets = targets_of(card, list(Role))
    drawn = draw_cohort(card, targets, np.random.default_rng(8), Effort(polish=50))
    assert drawn.unmet
    assert Analyst(card, drawn.cohort).reported()["r.percent"] < 100.0


def test_among_states_that_print_times_come_up_as_often_as_their_law_has_them(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(8)
    problem, *_ = posed(a_card(tmp_path, 24, {"free": rate("all", "100", PRINTED)}), rng)
    everything = np.full_like(problem.targets.low, np.inf)
    targets = problem.targets._replace(low=-everything, high=everything)
    weeks = problem.layout.values
    share = np.exp(-weeks / 60.0)
    share /= share.sum()
    room = problem.room._replace(likely=np.tile(np.log(share), (problem.room.cell.shape[0], 1)))
    found = []
    for _ in range(300):
        walk(
            problem.layout, problem.state, problem.cox, targets, room, rng,
            600, 0.0, 1, False, True, True,
        )  # fmt: skip
        found.append(problem.times())
    mean = float(share @ weeks)
    sd = float(np.sqrt(share @ (weeks - mean) ** 2))
    assert np.mean(found) == pytest.approx(mean, abs=0.05 * sd)
    assert np.std(found) == pytest.approx(sd, rel=0.05)

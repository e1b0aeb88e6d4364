from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.estimators.auc import auc
from recohort.estimators.bootstrap import cluster_resample
from recohort.estimators.calibration import brier_score, calibration_from_logits
from recohort.estimators.logistic import fit_logistic
from recohort.estimators.optimism import bootstrap_optimism, cut_point_optimism

REFERENCE = Path(__file__).parents[1] / "reference"
ASAH = np.genfromtxt(REFERENCE / "aSAH.csv", delimiter=",", names=True)
MARKERS = np.column_stack([ASAH["s100b"], ASAH["ndka"], ASAH["wfns"]])
OUTCOME = ASAH["y"] == 1
# R: set.seed(7); t(sapply(1:25, function(i) sample(113, replace = TRUE))) - 1
RESAMPLES = np.loadtxt(REFERENCE / "aSAH_resamples.csv", delimiter=",", dtype=np.int64)


class Replay:
    """A generator that gives the resamples of another program, one a call."""

    def __init__(self, draws):
        self.draws = list(draws)

    def integers(self, high, size):
        drawn = self.draws.pop(0)
        assert (high, drawn.size) == (size, size)
        return drawn


def logistic(x, y):
    coef = fit_logistic(y, np.column_stack([np.ones(len(x)), x])).coef
    return lambda rows: coef[0] + rows @ coef[1:]


def slope(logits, y):
    return calibration_from_logits(logits, y).slope.value


def brier(logits, y):
    return brier_score(1 / (1 + np.exp(-logits)), y)


def least_squares(x, y):
    design = np.column_stack([np.ones(len(x)), x])
    beta = np.linalg.lstsq(design, y.astype(float), rcond=None)[0]
    return lambda rows: np.column_stack([np.ones(len(rows)), rows]) @ beta


@pytest.mark.parametrize(
    ("metric", "apparent", "optimism", "corrected"),
    [
        # R 4.2.2, rms 6.5: f <- lrm(y ~ s100b + ndka + wfns, aSAH, x = TRUE, y = TRUE, eps = 1e-13,
        # maxit = 100); set.seed(7); validate(f, B = 25); rows Dxy (which is 2 AUC - 1), Slope, B
        (auc, (1 + 0.720867208672087) / 2, 0.032118747964706 / 2, (1 + 0.688748460707380) / 2),
        (slope, 1.0, 0.094800301842499, 0.905199698157501),
        (brier, 0.154046953444683, -0.020139409645231, 0.174186363089914),
    ],
)
def test_optimism_agrees_with_r_rms_validate(metric, apparent, optimism, corrected):
    ours = bootstrap_optimism(MARKERS, OUTCOME, logistic, metric, Replay(RESAMPLES), 25)
    assert ours.failures == 0
    assert ours.apparent == pytest.approx(apparent, rel=1e-7)
    assert ours.optimism == pytest.approx(optimism, rel=1e-6)
    assert ours.corrected == pytest.approx(corrected, rel=1e-6)


def pairs_won(scores, y):
    wins = [(a > b) + 0.5 * (a == b) for a in scores[y] for b in scores[~y]]
    return sum(wins) / len(wins)


@pytest.mark.parametrize("clustered", [False, True])
def test_optimism_agrees_with_harrell_1996_written_out(clustered):
    rng = np.random.default_rng(11)
    x, cluster = rng.normal(size=(70, 4)), np.repeat(np.arange(35), 2)
    y = rng.random(70) < 1 / (1 + np.exp(-x[:, 0]))
    ours = bootstrap_optimism(
        x, y, least_squares, auc, np.random.default_rng(3), 30, cluster if clustered else None
    )
    again = np.random.default_rng(3)
    gaps = []
    for _ in range(30):
        rows = cluster_resample(cluster, again) if clustered else again.integers(70, size=70)
        design = np.column_stack([np.ones(rows.size), x[rows]])
        beta = np.linalg.solve(design.T @ design, design.T @ y[rows])
        own = pairs_won(beta[0] + x[rows] @ beta[1:], y[rows])
        gaps.append(own - pairs_won(beta[0] + x @ beta[1:], y))
    assert ours.optimism == pytest.approx(np.mean(gaps), abs=1e-12)
    assert ours.monte_carlo_error == pytest.approx(np.std(gaps, ddof=1) / 30**0.5)
    assert ours.corrected == pytest.approx(ours.apparent - np.mean(gaps))


def test_cut_point_optimism_agrees_with_choosing_again_written_out():
    scores, rng = np.round(ASAH["ndka"]), np.random.default_rng(12)
    ours = cut_point_optimism(scores, OUTCOME, np.random.default_rng(12), 40)

    def rates(cut, rows):
        positive, case = scores[rows] >= cut, OUTCOME[rows]
        return (positive & case).sum() / case.sum(), (~positive & ~case).sum() / (~case).sum()

    everyone, gaps = np.arange(113), []
    for _ in range(40):
        rows = rng.integers(113, size=113)
        found = [(round(sum(rates(c, rows)), 12), c) for c in np.unique(scores[rows])]
        cut = max(found)[1]
        own, back = rates(cut, rows), rates(cut, everyone)
        gaps.append([own[0] - back[0], own[1] - back[1]])
    means = np.mean(gaps, axis=0)
    assert (ours.sensitivity.optimism, ours.specificity.optimism) == pytest.approx(tuple(means))
    assert ours.youden.optimism == pytest.approx(means.sum())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 5), st.floats(-3, 3))
def test_optimism_of_ranks_ignores_the_scale_of_the_score(seed, stretch, shift):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, 2)), rng.random(40) < 0.5

    def scaled(rows, outcome):
        predict = least_squares(rows, outcome)
        return lambda more: shift + stretch * predict(more)

    one = bootstrap_optimism(x, y, least_squares, auc, np.random.default_rng(1), 10)
    two = bootstrap_optimism(x, y, scaled, auc, np.random.default_rng(1), 10)
    assert two.corrected == pytest.approx(one.corrected)
    assert one == bootstrap_optimism(x, y, least_squares, auc, np.random.default_rng(1), 10)


def test_a_model_that_learns_nothing_has_no_optimism():
    # The score is the first column whatever the data: resamples differ from it by chance alone.
    ours = bootstrap_optimism(
        MARKERS, OUTCOME, lambda _x, _y: lambda rows: rows[:, 0], auc, np.random.default_rng(2), 800
    )
    assert abs(ours.optimism) < 4 * ours.monte_carlo_error


def test_optimism_of_noise_brings_the_auc_back_to_one_half():
    rng = np.random.default_rng(3)
    corrected = []
    for _ in range(10):
        x, y = rng.normal(size=(80, 6)), rng.random(80) < 0.4
        ours = bootstrap_optimism(x, y, least_squares, auc, rng, 40)
        assert ours.optimism > 0
        assert ours.corrected == ours.apparent - ours.optimism
        corrected.append(ours.corrected)
    assert np.mean(corrected) == pytest.approx(0.5, abs=0.05)


def test_cut_point_optimism_is_positive_on_noise_and_repeats():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=60), rng.random(60) < 0.5
    ours = cut_point_optimism(x, y, np.random.default_rng(1))
    assert ours.youden.optimism > 0.02
    assert ours.youden.corrected < ours.youden.apparent
    assert ours == cut_point_optimism(x, y, np.random.default_rng(1))


def test_resamples_that_fail_are_counted():
    y = np.array([1, 0, 0, 0, 0, 0, 0, 0])
    ours = bootstrap_optimism(
        np.arange(8.0)[:, None], y, least_squares, auc, np.random.default_rng(1), 100
    )
    assert ours.failures > 20
    assert ours.resamples + ours.failures == 100

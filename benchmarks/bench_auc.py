"""AUC with DeLong's interval: n = 215, about 15% cases, scores continuous or tied

Simulated cohorts, the same for all engines; tied scores have one decimal. One thread each.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata
from sklearn.metrics import roc_auc_score
from timing import Row, median_seconds, table

from recohort.estimators.auc import auc_delong
from recohort.estimators.auc_batch import auc_delong_batch

Scores = NDArray[np.float64]
Outcomes = NDArray[np.bool_]
Engine = Callable[[Scores, Outcomes], tuple[float, float, float]]
SIZE = 215

_PROC = """
suppressMessages(library(pROC))
s <- as.matrix(read.csv("scores.csv", header = FALSE))
y <- as.matrix(read.csv("y.csv", header = FALSE))
one <- function(i) ci.auc(y[i, ], s[i, ], levels = c(0, 1), direction = "<", quiet = TRUE)
invisible(one(1))
t <- system.time(r <- sapply(seq_len(nrow(s)), one))["elapsed"]
cat(nrow(s) / t, "\\n")
write.table(t(r), "intervals.csv", row.names = FALSE, col.names = FALSE, sep = ",")
"""


def naive(score: Scores, y: Outcomes) -> tuple[float, float, float]:
    """DeLong by SciPy's ranks (Sun and Xu, IEEE Signal Process Lett 2014;21:1389)."""
    x, z = score[y], score[~y]
    m, n = x.size, z.size
    ranks = rankdata(np.concatenate([x, z]))
    v10 = (ranks[:m] - rankdata(x)) / n
    v01 = 1.0 - (ranks[m:] - rankdata(z)) / m
    auc = float(v10.mean())
    half = float(norm.ppf(0.975)) * float(np.sqrt(v10.var(ddof=1) / m + v01.var(ddof=1) / n))
    return max(auc - half, 0.0), auc, min(auc + half, 1.0)


def five_lines(score: Scores, y: Outcomes) -> tuple[float, float, float]:
    """DeLong by NumPy's searchsorted."""
    x, z = np.sort(score[y]), np.sort(score[~y])
    v10 = (z.searchsorted(x, "left") + z.searchsorted(x, "right")) / (2.0 * z.size)
    v01 = 1.0 - (x.searchsorted(z, "left") + x.searchsorted(z, "right")) / (2.0 * x.size)
    half = 1.959963984540054 * (v10.var(ddof=1) / x.size + v01.var(ddof=1) / z.size) ** 0.5
    auc = v10.mean()
    return max(auc - half, 0.0), auc, min(auc + half, 1.0)


def single(score: Scores, y: Outcomes) -> tuple[float, float, float]:
    """Ours, one cohort a call, with every argument checked."""
    ours = auc_delong(score, y).estimate
    assert ours.interval is not None
    return ours.interval.low, ours.value, ours.interval.high


def sklearn_auc(score: Scores, y: Outcomes) -> tuple[float, float, float]:
    """scikit-learn: the AUC alone, it has no interval."""
    return np.nan, float(roc_auc_score(y, score)), np.nan


def _cohorts(count: int, decimals: int | None) -> tuple[Scores, Outcomes]:
    rng = np.random.default_rng(20)
    y = rng.random((count, SIZE)) < 0.15
    scores = rng.normal(size=(count, SIZE)) + y
    return (scores if decimals is None else np.round(scores, decimals)), y


def _proc(scores: Scores, y: Outcomes) -> tuple[float, Scores] | None:
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        np.savetxt(Path(folder, "scores.csv"), scores, delimiter=",", fmt="%.17g")
        np.savetxt(Path(folder, "y.csv"), y, delimiter=",", fmt="%d")
        done = subprocess.run(
            ["Rscript", "-e", _PROC], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            return None
        intervals = np.loadtxt(Path(folder, "intervals.csv"), delimiter=",")
    return float(done.stdout.split()[-1]), intervals


def _loop(engine: Engine, scores: Scores, y: Outcomes) -> Scores:
    return np.array([engine(score, truth) for score, truth in zip(scores, y, strict=True)])


def _agree(answer: Scores, reference: Scores, engine: str) -> None:
    """A rate of wrong answers is no rate."""
    gap = float(np.nanmax(np.abs(answer - reference)))
    if gap > 1e-12:
        raise AssertionError(f"{engine} differs from recohort by {gap:.1e}")


def _rows(task: str, scores: Scores, y: Outcomes) -> list[Row]:
    ours = auc_delong_batch(scores, y)
    answer = np.column_stack([ours.low, ours.auc, ours.high])
    rows = [
        Row(
            task,
            "recohort, batch",
            median_seconds(partial(auc_delong_batch, scores, y), len(y)),
            True,
        ),
        Row(
            task,
            "recohort, batch, one outcome for all",
            median_seconds(partial(auc_delong_batch, scores, y[0]), len(y)),
        ),
    ]
    for name, engine, count in (
        ("recohort, one call a cohort", single, 1000),
        ("NumPy searchsorted", five_lines, 1000),
        ("SciPy rankdata", naive, 500),
        ("scikit-learn, AUC only", sklearn_auc, 200),
    ):
        part = partial(_loop, engine, scores[:count], y[:count])
        _agree(part(), answer[:count], name)
        rows.append(Row(task, name, median_seconds(part, count)))
    reference = _proc(scores[:300], y[:300])
    if reference is not None:
        speed, intervals = reference
        _agree(intervals, answer[:300], "pROC")
        rows.append(Row(task, "pROC", 1.0 / speed))
    return rows


def run() -> list[Row]:
    """Rates of one run on the same cohorts; engines that disagree stop it."""
    return [
        *_rows("continuous", *_cohorts(20_000, None)),
        *_rows("tied", *_cohorts(20_000, 1)),
    ]


def main() -> None:
    """Print the table."""
    print(table(__doc__ or "", run()))


if __name__ == "__main__":
    main()

"""AUC with DeLong's interval: cohorts a second, against what a user would take instead.

All engines see the same simulated cohorts (n = 215, about 15% cases), continuous and tied (one
decimal), one thread each. ``python benchmarks/bench_auc.py`` prints the table alone.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata
from sklearn.metrics import roc_auc_score

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


class Row(TypedDict):
    """One line of the table; ``ratio`` is ours (a batch) over this engine."""

    data: str
    engine: str
    per_second: float
    ratio: float
    largest_difference: float


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


def _timed(call: Callable[[], object], repeats: int = 3) -> float:
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


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


def _rows(data: str, scores: Scores, y: Outcomes) -> list[Row]:
    # The first call loads or compiles the machine code; it is not what is measured here.
    auc_delong_batch(scores[:2], y[:2])
    ours = auc_delong_batch(scores, y)
    answer = np.column_stack([ours.low, ours.auc, ours.high])
    batch = len(y) / _timed(partial(auc_delong_batch, scores, y))
    shared = len(y) / _timed(partial(auc_delong_batch, scores, y[0]))
    measured = [
        ("recohort, batch", batch, 0.0),
        ("recohort, batch, one outcome", shared, float("nan")),
    ]
    for name, engine, count in (
        ("recohort, single", single, 1000),
        ("NumPy searchsorted", five_lines, 1000),
        ("SciPy rankdata", naive, 500),
        ("scikit-learn, AUC only", sklearn_auc, 200),
    ):
        part = partial(_loop, engine, scores[:count], y[:count])
        gap = float(np.nanmax(np.abs(part() - answer[:count])))
        measured.append((name, count / _timed(part), gap))
    reference = _proc(scores[:300], y[:300])
    if reference is not None:
        speed, intervals = reference
        measured.append(("pROC", speed, float(np.abs(intervals - answer[:300]).max())))
    return [
        Row(data=data, engine=e, per_second=r, ratio=batch / r, largest_difference=gap)
        for e, r, gap in measured
    ]


def run() -> list[Row]:
    """The table: rates and ratios of one run on the same cohorts."""
    return [
        row
        for data, decimals in (("continuous", None), ("tied", 1))
        for row in _rows(data, *_cohorts(20_000, decimals))
    ]


def main() -> None:
    """Print the table."""
    print(f"{'data':<11}{'engine':<30}{'per second':>12}{'ours over it':>14}{'difference':>12}")
    for row in run():
        print(
            f"{row['data']:<11}{row['engine']:<30}{row['per_second']:>12,.0f}"
            f"{row['ratio']:>14.3g}{row['largest_difference']:>12.1e}"
        )


if __name__ == "__main__":
    main()

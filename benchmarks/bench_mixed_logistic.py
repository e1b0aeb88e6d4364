"""Random-intercept logistic regression: 215 rows, 15 groups, 4 coefficients"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from timing import Row, median_seconds, table

from recohort.estimators.logistic_batch import fit_mixed_logistic_batch
from recohort.estimators.mixed_logistic import fit_mixed_logistic

Array = NDArray[np.float64]
TASK = "fit, nodes: {}"
# Cohorts of ours that are timed before every fit of theirs.
TURN = 500

# Answers every line "engine nodes cohort" with the processor seconds of that fit.
R_SCRIPT = r"""
d <- read.csv(commandArgs(TRUE)[1])
quiet <- function(x) suppressWarnings(suppressMessages(x))
has <- function(p) quiet(requireNamespace(p, quietly = TRUE))
cat(c("lme4", "glmmTMB")[c(has("lme4"), has("glmmTMB"))], "\n"); flush(stdout())
f <- y ~ x1 + x2 + x3 + (1 | g)
fits <- list(
  "lme4-default" = function(e, k) lme4::glmer(f, e, family = binomial, nAGQ = k),
  "lme4-bobyqa" = function(e, k) lme4::glmer(
    f, e, family = binomial, nAGQ = k, control = lme4::glmerControl("bobyqa")),
  "glmmTMB-default" = function(e, k) glmmTMB::glmmTMB(f, e, family = binomial))
input <- file("stdin", "r")
while (length(line <- readLines(input, 1)) > 0) {
  part <- strsplit(line, " ")[[1]]
  e <- d[d$c == as.integer(part[3]), ]
  cat(sum(system.time(quiet(fits[[part[1]]](e, as.integer(part[2]))))[1:2]), "\n")
  flush(stdout())
}
"""
ENGINES = (
    ("lme4-default", 1),
    ("lme4-bobyqa", 1),
    ("lme4-default", 9),
    ("lme4-bobyqa", 9),
    ("glmmTMB-default", 1),
)


def cohorts(
    count: int, rows: int = 215, groups: int = 15, seed: int = 0
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Made-up cohorts with unequal groups and about a fifth of events."""
    rng = np.random.default_rng(seed)
    x = np.ones((count, rows, 4))
    x[..., 1] = rng.normal(size=(count, rows))
    x[..., 2] = rng.random((count, rows)) < 0.4
    x[..., 3] = rng.normal(size=(count, rows))
    group = np.array(
        [rng.choice(groups, rows, p=rng.dirichlet(np.full(groups, 3.0))) for _ in range(count)]
    )
    effect = 0.5 * rng.normal(size=(count, groups))
    eta = x @ [-2.0, 0.5, 0.6, 0.3] + np.take_along_axis(effect, group, 1)
    return (rng.random((count, rows)) < 1 / (1 + np.exp(-eta))).astype(float), x, group


def say(text: str) -> None:
    """A word beside the table, which goes to standard output."""
    print(text, file=sys.stderr)


def run_r(y: Array, x: Array, group: NDArray[np.int64], count: int) -> list[Row]:
    """lme4 and glmmTMB on the first cohorts, in turns with ours.

    What else the machine does then hits both alike: before every fit of theirs, ours are timed at
    the same nodes, and the median of these ratios is reported.
    """
    if shutil.which("Rscript") is None:
        say("lme4 and glmmTMB are left out: there is no Rscript.")
        return []
    with tempfile.TemporaryDirectory() as folder:
        data, script = Path(folder) / "data.csv", Path(folder) / "bench.R"
        script.write_text(R_SCRIPT)
        lines = ["c,y,x1,x2,x3,g"]
        for c in range(count):
            for i in range(y.shape[1]):
                values = ",".join(repr(float(v)) for v in x[c, i, 1:])
                lines.append(f"{c + 1},{y[c, i]:g},{values},{group[c, i]}")
        data.write_text("\n".join(lines))
        rows = []
        with subprocess.Popen(
            ["Rscript", str(script), str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            present = process.stdout.readline().split()
            for engine, nodes in ENGINES:
                package = engine.split("-")[0]
                if package not in present:
                    say(f"{package} is left out: R has no such package.")
                    continue
                theirs, ratios = [], []
                for c in range(1, count + 1):
                    own = median_seconds(
                        lambda k=nodes: fit_mixed_logistic_batch(
                            y[:TURN], x[:TURN], group[:TURN], nodes=k
                        ),
                        TURN,
                        3,
                    )
                    process.stdin.write(f"{engine} {nodes} {c}\n")
                    process.stdin.flush()
                    theirs.append(float(process.stdout.readline()))
                    ratios.append(theirs[-1] / own)
                # The first fit of a package loads it.
                seconds, ratio = median(theirs[1:]), median(ratios[1:])
                name = engine.replace("-", " ")
                rows.append(Row(TASK.format(nodes), name, seconds, ratio=ratio))
            process.stdin.close()
    return rows


def run_gpboost(y: Array, x: Array, group: NDArray[np.int64], count: int) -> list[Row]:
    """GPBoost (Laplace only), where it can be imported."""
    if importlib.util.find_spec("gpboost") is None:
        say("GPBoost is left out: it is not installed.")
        return []
    import gpboost

    def work() -> None:
        for c in range(count):
            model = gpboost.GPModel(group_data=group[c], likelihood="bernoulli_logit")
            model.fit(y=y[c], X=x[c])

    return [Row(TASK.format(1), "GPBoost", median_seconds(work, count, 3))]


def run_statsmodels(y: Array, x: Array, group: NDArray[np.int64], count: int) -> list[Row]:
    """The nearest model of statsmodels: a posterior mode, not maximum likelihood."""
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    def work() -> None:
        for c in range(count):
            member = (group[c][:, None] == np.unique(group[c])).astype(float)
            ident = np.zeros(member.shape[1], int)
            BinomialBayesMixedGLM(y[c], x[c], member, ident).fit_vb()

    begin = time.process_time()
    work()
    seconds = (time.process_time() - begin) / count
    return [Row(TASK.format(9), "statsmodels variational Bayes (another estimate)", seconds)]


def run() -> list[Row]:
    """Ours first, then the others on the same cohorts; last, how cost grows."""
    count = 2000
    y, x, group = cohorts(count)
    rows = []
    for nodes in (9, 1, 16, 25):
        seconds = median_seconds(
            lambda k=nodes: fit_mixed_logistic_batch(y, x, group, nodes=k), count
        )
        rows.append(Row(TASK.format(nodes), "recohort, batch", seconds, ours=True))
    fits = fit_mixed_logistic_batch(y, x, group)
    good = fits.ok
    coef = np.where(good[:, None], fits.coef, 0.0)
    sd = np.where(good, fits.sd, 0.0)
    seconds = median_seconds(lambda: fit_mixed_logistic_batch(y, x, group, start=(coef, sd)), count)
    rows.append(Row("fit, nodes: 9, from the solution", "recohort, batch", seconds, ours=True))
    swapped = y.copy()
    for c in range(count):
        one, zero = np.flatnonzero(y[c] == 1)[0], np.flatnonzero(y[c] == 0)[0]
        swapped[c, one], swapped[c, zero] = 0.0, 1.0
    for engine, start in (("recohort, batch, cold", None), ("recohort, batch", (coef, sd))):
        seconds = median_seconds(
            lambda s=start: fit_mixed_logistic_batch(swapped, x, group, start=s), count
        )
        rows.append(Row("refit after one swap, 9 nodes", engine, seconds, start is not None))
    seconds = median_seconds(
        lambda: [fit_mixed_logistic(y[c], x[c], group[c]) for c in range(50)], 50
    )
    rows.append(Row(TASK.format(9), "recohort, one call a fit", seconds))
    rows += run_r(y, x, group, 16)
    rows += run_gpboost(y, x, group, 20)
    rows += run_statsmodels(y, x, group, 3)
    for label, size, groups, batch in (
        ("430 rows, 15 groups", 430, 15, 500),
        ("860 rows, 15 groups", 860, 15, 250),
        ("3440 rows, 15 groups", 3440, 15, 100),
        ("860 rows, 30 groups", 860, 30, 250),
        ("860 rows, 60 groups", 860, 60, 250),
    ):
        data = cohorts(batch, size, groups)
        seconds = median_seconds(lambda d=data: fit_mixed_logistic_batch(*d), batch, 3)
        rows.append(Row(f"fit, nodes: 9, {label}", "recohort, batch", seconds, ours=True))
    for batch in (1, 10, 100, 1000):
        seconds = median_seconds(
            lambda b=batch: fit_mixed_logistic_batch(y[:b], x[:b], group[:b]), batch
        )
        rows.append(Row(f"fit, nodes: 9, batch of {batch}", "recohort, batch", seconds, ours=True))
    return rows


def main() -> None:
    """Print the table."""
    print(table(__doc__ or "", run()))


if __name__ == "__main__":
    main()

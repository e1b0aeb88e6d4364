"""Logistic regression: 215 rows, 4 coefficients"""

from __future__ import annotations

import numpy as np
from bench_mixed_logistic import cohorts
from timing import Row, median_seconds, table

from recohort.estimators.firth import firth_logistic
from recohort.estimators.logistic import fit_logistic
from recohort.estimators.logistic_batch import fit_logistic_batch


def run() -> list[Row]:
    """Ours in a batch and one by one, and statsmodels on the same cohorts."""
    import statsmodels.api as sm

    count = 2000
    y, x, _ = cohorts(count)
    one = 40

    def glm() -> None:
        for c in range(one):
            sm.GLM(y[c], x[c], family=sm.families.Binomial()).fit()

    def logit() -> None:
        for c in range(one):
            sm.Logit(y[c], x[c]).fit(disp=0)

    task = "fit"
    rows = [
        Row(task, "recohort, batch", median_seconds(lambda: fit_logistic_batch(y, x), count), True),
        Row(
            task,
            "recohort, one call a fit",
            median_seconds(lambda: [fit_logistic(y[c], x[c]) for c in range(one)], one),
        ),
        Row(task, "statsmodels GLM", median_seconds(glm, one)),
        Row(task, "statsmodels Logit", median_seconds(logit, one)),
        Row(
            "Firth fit",
            "recohort",
            median_seconds(lambda: [firth_logistic(y[c], x[c]) for c in range(one)], one),
            True,
        ),
    ]
    theirs = np.array(
        [sm.GLM(y[c], x[c], family=sm.families.Binomial()).fit().params for c in range(one)]
    )
    np.testing.assert_allclose(fit_logistic_batch(y[:one], x[:one]).coef, theirs, atol=1e-6)
    return rows


def main() -> None:
    """Print the table."""
    print(table(__doc__ or "", run()))


if __name__ == "__main__":
    main()

"""How often does the comparison call a correct number outside, and which errors does it notice?

    python docs/studies/verdict_interval.py        (about a minute; writes verdict_interval.csv)

The held-out estimate of the study is one more draw of the distribution that its conditioned cohorts
come from, as it is where the assumptions are right; it is rounded as a paper would, and moved by an
error of so many standard deviations of that distribution. Ten kinds of distribution, from normal to
skewed, bounded, discrete and heavy-tailed, and five numbers of cohorts.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from recohort.compare.interval import Place, Scale, standing
from recohort.printed import Printed, round_text

RUNS = 2000
COHORTS = (20, 50, 100, 200, 1000)
SHIFTS = (0.0, 2.0, 3.0, 4.0, 5.0, 6.0)

Draw = Callable[[np.random.Generator, int], np.ndarray]


def _p_value(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.asarray(2 * norm.sf(np.abs(2.0 + rng.standard_normal(n))))


KINDS: dict[str, tuple[Scale, int, Draw]] = {
    "mean, normal": (Scale.PLAIN, 1, lambda g, n: 50 + 2 * g.standard_normal(n)),
    "difference, t with 4 df": (Scale.PLAIN, 2, lambda g, n: g.standard_t(4, n)),
    "SD of 60": (Scale.LOG, 1, lambda g, n: 10 * np.sqrt(g.chisquare(59, n) / 59)),
    "odds ratio": (Scale.LOG, 2, lambda g, n: np.exp(0.7 + 0.4 * g.standard_normal(n))),
    "AUC": (Scale.LOGIT, 2, lambda g, n: expit(1.2 + 0.25 * g.standard_normal(n))),
    "AUC near 1": (Scale.LOGIT, 2, lambda g, n: expit(3.0 + 0.6 * g.standard_normal(n))),
    "p-value": (Scale.LOGIT, 3, _p_value),
    "percent of 60": (Scale.PERCENT, 1, lambda g, n: 100 * g.binomial(60, 0.8, n) / 60),
    "percent of 15": (Scale.PERCENT, 0, lambda g, n: 100 * g.binomial(15, 0.8, n) / 15),
    "skewed mean": (Scale.PLAIN, 1, lambda g, n: g.gamma(2.0, 5.0, n)),
}
"""Scale, printed decimals and the distribution of the estimates."""


def main() -> None:
    rows = []
    for number, (kind, (scale, decimals, draw)) in enumerate(KINDS.items()):
        sd = float(draw(np.random.default_rng(99), 100_000).std())
        for cohorts in COHORTS:
            for shift in SHIFTS:
                # Upwards and downwards in turn; a share or an area stays possible.
                rng = np.random.default_rng([number, cohorts, int(10 * shift)])
                counts = dict.fromkeys(Place, 0)
                low, high = scale.possible
                runs = 0
                for run in range(RUNS if cohorts < 1000 else RUNS // 2):
                    values = draw(rng, cohorts + 1)
                    value = values[0] + shift * sd * (1 if run % 2 else -1)
                    if not low <= value <= high:
                        continue
                    runs += 1
                    printed = Printed.parse(round_text(float(value), decimals))
                    counts[standing(values[1:], printed, scale).place] += 1
                if runs >= 200:
                    rows.append(
                        [kind, cohorts, shift, runs]
                        + [f"{counts[place] / runs:.4f}" for place in Place]
                    )
    target = Path(__file__).with_name("verdict_interval.csv")
    with target.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["kind", "cohorts", "error_in_sd", "runs", *Place])
        writer.writerows(rows)


if __name__ == "__main__":
    main()

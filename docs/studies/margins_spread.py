"""How evenly drawn columns spread over all columns that print the same statistics.

Small cases, where every column can be listed. The weight aimed at is that of independent values
from the target distribution, given that they print the facts: for a column with h_v values at v,
n! times the product of p_v ** h_v / h_v!. Run: python docs/studies/margins_spread.py
"""

from __future__ import annotations

import itertools
import math
import time
from fractions import Fraction

import numpy as np
from scipy import stats

from recohort.estimators.summary import summarise
from recohort.feasible.variable import CountFact, Grid, Relation, VariableFacts
from recohort.printed import Printed
from recohort.reconstruct.margins.margin import MarginRequest, MarginSampler

DRAWS = 4000
CASES: dict[str, tuple[int, int, dict[str, str], tuple[CountFact, ...]]] = {
    "0-4, n 8, mean and SD": (8, 4, {"mean": "1.9", "sd": "1.36"}, ()),
    "0-6, n 10, mean (1) and SD (1)": (10, 6, {"mean": "2.6", "sd": "1.7"}, ()),
    "0-6, n 10, mean, SD, median, maximum": (
        10,
        6,
        {"mean": "2.60", "sd": "1.71", "median": "2.5", "maximum": "6"},
        (),
    ),
    "0-5, n 12, zeros": (
        12,
        5,
        {"mean": "1.25", "sd": "1.7"},
        (CountFact(Relation.EQUAL, Fraction(0), 6, 6),),
    ),
    "0-8, n 9, whole mean and SD": (9, 8, {"mean": "4", "sd": "2"}, ()),
    "0-3, n 40, mean and SD": (40, 3, {"mean": "1.4", "sd": "1.0"}, ()),
    "0-2, n 100, median, quartiles": (
        100,
        2,
        {"mean": "1.0", "median": "1", "q1": "1", "q3": "1.25"},
        (),
    ),
    "0-5, n 12, quartiles": (12, 5, {"mean": "2.3", "median": "2", "q1": "1.75", "q3": "3"}, ()),
}


def study(n: int, top: int, printed: dict[str, str], counts: tuple[CountFact, ...]) -> list[float]:
    """States, states seen, share of weight seen, chi-square per degree, total variation distance
    with that of exact sampling, milliseconds a draw."""
    facts = VariableFacts(
        Grid(Fraction(1), Fraction(0), Fraction(top)),
        n,
        n,
        counts=counts,
        **{k: Printed.parse(v) for k, v in printed.items()},
    )
    sampler = MarginSampler(MarginRequest(facts))
    bins, mass = sampler._walk.target[0]
    first = sampler._walk.scale.centre + int(bins.first[0])
    weight: dict[tuple[int, ...], float] = {}
    names = {"q1": "lower_quartile", "q3": "upper_quartile"}
    for column in itertools.combinations_with_replacement(range(top + 1), n):
        got = summarise(column)
        fits = all(p.accepts(getattr(got, names.get(k, k))) for k, p in facts.printed.items())
        fits = fits and all(
            c.at_least <= sum(c.relation.holds(v, c.threshold) for v in column) <= c.at_most
            for c in counts
        )
        if fits:
            logs = math.lgamma(n + 1)
            for v in set(column):
                h = column.count(v)
                place = v - first
                p = mass[place] if 0 <= place < mass.size else 0.0
                logs += h * math.log(p) - math.lgamma(h + 1) if p > 0 else -math.inf
            weight[column] = math.exp(logs)
    total = sum(weight.values())
    share = np.array([w / total for w in weight.values()])
    rng = np.random.default_rng(20)
    start = time.perf_counter()
    seen: dict[tuple[int, ...], int] = dict.fromkeys(weight, 0)
    for _ in range(DRAWS):
        seen[tuple(sampler.draw(rng).values.astype(int).tolist())] += 1
    cost = (time.perf_counter() - start) / DRAWS * 1000
    got_share = np.array(list(seen.values())) / DRAWS
    often = share * DRAWS >= 5
    expected = np.append(share[often], max(share[~often].sum(), 1e-12)) * DRAWS
    observed = np.append(got_share[often], got_share[~often].sum()) * DRAWS
    chi = float(((observed - expected) ** 2 / expected)[expected >= 1].sum())
    degrees = max(int((expected >= 1).sum()) - 1, 1)
    exact = rng.multinomial(DRAWS, share) / DRAWS
    return [
        len(weight),
        float((got_share > 0).sum()),
        float(share[got_share > 0].sum()),
        chi / degrees,
        float(stats.chi2.sf(chi, degrees)),
        float(np.abs(got_share - share).sum() / 2),
        float(np.abs(exact - share).sum() / 2),
        cost,
    ]


def main() -> None:
    """Print the table."""
    print(
        "| case | columns | seen | weight seen | chi²/df | p | TV distance "
        "| TV, exact sampling | ms a draw |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, case in CASES.items():
        r = study(*case)
        print(
            f"| {name} | {r[0]:.0f} | {r[1]:.0f} | {r[2]:.4f} | {r[3]:.2f} | {r[4]:.3f} "
            f"| {r[5]:.3f} | {r[6]:.3f} | {r[7]:.2f} |"
        )


if __name__ == "__main__":
    main()

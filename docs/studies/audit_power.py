"""Of correct papers with one digit changed, how many does the audit notice, by kind of number?

    python docs/studies/audit_power.py --papers 900 --seed 2

The papers are those of ``audit_false_alarms.py`` (rounded half-up or half-even). In each, one digit
of one printed number is replaced by another. A change is noticed when a finding that was not there
before names the changed value: as impossible, or at least as undetermined.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from page import put_table
from simulated_paper import Paper, simulated_paper

from recohort.audit.finding import Finding, FindingVerdict
from recohort.audit.study import audit_card
from recohort.printed import ACCEPTED_RULES

HERE = Path(__file__).parent
TABLE = HERE / "audit_power.csv"
KINDS = {
    "size": "number of units",
    "proportion.count": "count of a proportion",
    "proportion.percent": "percentage with its count",
    "proportion.limit": "limit of a proportion",
    "diagnostic.count": "count of a diagnostic test",
    "diagnostic.percent": "percentage of a diagnostic test",
    "diagnostic.limit": "limit of a diagnostic test",
    "parents.count": "number of units that hold others",
    "summary.mean": "mean",
    "summary.sd": "SD",
    "summary.median": "median",
    "summary.quartile": "quartile",
    "summary.range": "minimum or maximum",
    "model_term.ratio": "odds ratio",
    "model_term.limit": "limit of an odds ratio",
    "model_term.p_value": "p-value of an odds ratio",
    "auc.auc": "AUC",
    "auc.limit": "limit of an AUC",
    "two_sample_test.p_value": "p-value of two groups",
    "paired_test.p_value": "p-value of pairs",
}


def kind_of(analysis: str, statistic: str) -> str:
    """The row of the table that a value belongs to."""
    if analysis == "size":
        return "size"
    if statistic.startswith("ci"):
        return f"{analysis}.limit"
    named = {"q1": "quartile", "q3": "quartile", "min": "range", "max": "range"}
    named |= {"adjusted_odds_ratio": "ratio"}
    return f"{analysis}.{named.get(statistic, statistic)}"


def one_digit_changed(text: str, rng: np.random.Generator) -> str | None:
    """The text with one digit replaced by another, keeping a number of the same form."""
    places = [i for i, character in enumerate(text) if character.isdigit()]
    place = int(rng.choice(places))
    digits = [d for d in "0123456789" if d != text[place]]
    if place == places[0] and text[place] != "0" and len(text) > place + 1:
        digits = [d for d in digits if d != "0"]  # no leading zero that was not there
    changed = text[:place] + str(rng.choice(digits)) + text[place + 1 :]
    return None if float(changed.lstrip("<")) == float(text.lstrip("<")) else changed


def noticed(before: tuple[Finding, ...], after: tuple[Finding, ...], value: str) -> str:
    """The worst verdict of the new findings that name the changed value."""
    old = {(finding.id, finding.verdict) for finding in before}
    new = {f.verdict for f in after if (f.id, f.verdict) not in old and value in f.values}
    # A changed n or count may break a set that is reduced to other members: that counts too.
    new |= {f.verdict for f in after if (f.id, f.verdict) not in old and f.is_conflict}
    for verdict in (FindingVerdict.IMPOSSIBLE, FindingVerdict.UNDETERMINED, FindingVerdict.NOTE):
        if verdict in new:
            return str(verdict)
    return "nothing"


def trial(paper: Paper, wanted: Counter[str], rng: np.random.Generator) -> tuple[str, str] | None:
    """Change one value, of the kind tried least so far in this run, and audit again."""
    values = [
        (kind_of(quantity["analysis"]["kind"], statistic), f"{name}.{statistic}", text)
        for name, quantity in paper.quantities.items()
        for statistic, text in quantity["values"].items()
    ]
    least = min(wanted[kind] for kind, _, _ in values)
    choices = [value for value in values if wanted[value[0]] == least]
    kind, id, text = choices[rng.integers(len(choices))]
    changed = one_digit_changed(text, rng)
    wanted[kind] += 1
    if changed is None:
        return None
    before = audit_card(paper.card(), seconds=1.0).findings
    after = audit_card(paper.card(**{id: changed}), seconds=1.0).findings
    return kind, noticed(before, after, id)


def write_table(counts: Counter[tuple[str, str]]) -> None:
    """The share noticed, a row a kind of number."""
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["number changed", "papers", "impossible", "undetermined", "note"])
        for kind, label in KINDS.items():
            row = [counts[kind, v] for v in ("impossible", "undetermined", "note", "nothing")]
            if sum(row):
                writer.writerow([label, sum(row), *(f"{n / sum(row):.2f}" for n in row[:3])])


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--papers", type=int, default=900)
    parser.add_argument("--seed", type=int, default=2)
    given = parser.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    wanted: Counter[str] = Counter()
    started = time.monotonic()
    for index in range(given.papers):
        rng = np.random.default_rng(np.random.SeedSequence((given.seed, index)))
        paper = simulated_paper(rng)
        if paper.printer.rule not in ACCEPTED_RULES:
            continue
        result = trial(paper, wanted, rng)
        if result is not None:
            counts[result] += 1
        if index % 50 == 49:
            spent = time.monotonic() - started
            print(f"\r{index + 1} of {given.papers}, {spent:.0f} s", end="", file=sys.stderr)
            write_table(counts)  # what there is, if the run is stopped
    print(file=sys.stderr)
    write_table(counts)
    lead = f"{sum(counts.values()):,} papers, one digit changed in each (seed {given.seed}):"
    put_table("audit.md", "power", lead + " the share noticed, by the worst verdict.", TABLE)
    print(json.dumps({"papers": given.papers, "seed": given.seed, "trials": sum(counts.values())}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

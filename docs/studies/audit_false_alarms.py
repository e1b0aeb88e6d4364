"""How often does the audit call a correct paper impossible? It must not, in 20,000 papers.

    python docs/studies/audit_false_alarms.py --papers 20000 --seed 1

Each paper's random numbers come from (seed, index), so a run can be split: ``--first 5000 --papers
5000`` is the second quarter, and each part writes its own line of counts. ``--table`` adds the
parts up into docs/studies/audit_false_alarms.csv.
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
from simulated_paper import simulated_paper

from recohort.audit.finding import FindingVerdict
from recohort.audit.study import audit_card

HERE = Path(__file__).parent
TABLE = HERE / "audit_false_alarms.csv"


def run(first: int, papers: int, seed: int, seconds: float, parts: Path) -> int:
    """Audit papers ``first`` to ``first + papers``; write the counts; return the false alarms."""
    counts: Counter[tuple[str, str]] = Counter()
    sizes: Counter[str] = Counter()
    flagged, values, started = [], 0, time.monotonic()
    for index in range(first, first + papers):
        paper = simulated_paper(np.random.default_rng(np.random.SeedSequence((seed, index))))
        audit = audit_card(paper.card(), seconds=seconds)
        values += sum(len(q["values"]) for q in paper.quantities.values())
        sizes[str(paper.printer.rule)] += 1
        for finding in audit.findings:
            counts[str(finding.check), str(finding.verdict)] += 1
            if finding.verdict is FindingVerdict.IMPOSSIBLE:
                flagged.append({"paper": index, **finding.to_json()})
        done = index - first + 1
        if done % 100 == 0 or done == papers:
            spent = time.monotonic() - started
            print(
                f"\r{done} of {papers} papers, {len(flagged)} flagged, {spent:.0f} s, "
                f"{spent / done * (papers - done):.0f} s left   ",
                end="", file=sys.stderr, flush=True,
            )  # fmt: skip
    print(file=sys.stderr)
    parts.mkdir(parents=True, exist_ok=True)
    result = {
        "seed": seed,
        "first": first,
        "papers": papers,
        "values": values,
        "rules": dict(sorted(sizes.items())),
        "counts": [[*key, count] for key, count in sorted(counts.items())],
        "flagged": flagged,
    }
    (parts / f"{seed}-{first:06d}.json").write_text(json.dumps(result, indent=1) + "\n")
    for item in flagged[:20]:
        print(f"paper {item['paper']}: {item['sentence']}")
    return len(flagged)


def tabulate(parts: Path) -> None:
    """Add up the parts."""
    results = [json.loads(path.read_text()) for path in sorted(parts.glob("*.json"))]
    counts: Counter[tuple[str, str]] = Counter()
    for result in results:
        for check, verdict, count in result["counts"]:
            counts[check, verdict] += count
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["check", *(str(v) for v in FindingVerdict)])
        for check in sorted({check for check, _ in counts}):
            writer.writerow([check, *(counts[check, str(v)] for v in FindingVerdict)])
        writer.writerow(["all", *(sum(n for (_, w), n in counts.items() if w == v)
                                  for v in map(str, FindingVerdict))])  # fmt: skip
    papers = sum(result["papers"] for result in results)
    values = sum(result["values"] for result in results)
    flagged = len({item["paper"] for result in results for item in result["flagged"]})
    lead = (
        f"{papers:,} papers with {values:,} printed values (seed {results[0]['seed']}): {flagged} "
        f"called impossible. Findings by check and verdict:"
    )
    put_table("audit.md", "false alarms", lead, TABLE)
    print(lead)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--papers", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0, help="limit of each search")
    parser.add_argument("--parts", type=Path, default=Path("results/studies/audit_false_alarms"))
    parser.add_argument("--table", action="store_true", help="only add the parts up")
    given = parser.parse_args()
    if given.table:
        tabulate(given.parts)
        return 0
    flagged = run(given.first, given.papers, given.seed, given.seconds, given.parts)
    tabulate(given.parts)
    return 1 if flagged else 0


if __name__ == "__main__":
    sys.exit(main())

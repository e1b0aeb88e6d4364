"""How often are correct papers, never seen before, matched in full, and corrupted ones ever?

    python docs/studies/unseen_papers.py --papers 20 --low 30 --high 300

draws that many papers of each family (:mod:`unseen_families`), writes each as a study card, has it
reconstructed through the public door, and reads the printed numbers off the written tables by
:mod:`unseen_judge`. Then one digit is changed so that no data can print the paper, and the search
is run again. Finished papers are kept in the table, so that a run can be stopped and resumed.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

# As on the command line, before NumPy is imported: idle threads would count as CPU seconds.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import unseen_more  # noqa: F401  (adds its families)
from scipy import stats
from unseen_families import FAMILIES, draw_paper
from unseen_judge import judged, read_tables
from unseen_paper import Paper

from recohort.audit.finding import FindingVerdict
from recohort.audit.study import audit_card
from recohort.card.loader import load_card
from recohort.printed import Printed
from recohort.reconstruct.files import write_reconstruction
from recohort.reconstruct.search import Plan, reconstruct

TABLE = Path(__file__).with_suffix(".csv")
HEAD = (
    "seed", "family", "index", "n", "values", "matched", "judged", "unmet", "seconds",
    "corruption", "corrupted_matched", "proven",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Corruption:
    """One printed number with a digit changed, and why no data can print the paper now."""

    kind: str
    id: str
    text: str


def _one_digit_changed(text: str) -> list[str]:
    """Every text that differs from this one in a single digit."""
    found = []
    for place, digit in enumerate(text):
        if digit.isdigit():
            found += [text[:place] + d + text[place + 1 :] for d in "0123456789" if d != digit]
    return found


def _box(text: str) -> tuple[float, float]:
    accepted = Printed.parse(text).accepted
    return float(accepted.low), float(accepted.high)


def corruptions(paper: Paper) -> list[Corruption]:
    """Changes of one digit that leave no data at all that print the paper."""
    found: list[Corruption] = []
    for name, quantity in paper.card["quantities"].items():
        values, kind = quantity["values"], quantity["analysis"]["kind"]
        sizes = {"everyone": paper.n, "lesions": len(paper.frames.get("lesions", ()))}
        n = sizes.get(quantity["population"])
        size = paper.card["quantities"].get(quantity["population"])
        if n is None and size is not None and size["analysis"]["kind"] == "size":
            n = int(size["values"]["count"])
        for statistic, text in values.items():
            for changed in _one_digit_changed(text):
                why = _why_impossible(values, kind, statistic, changed, n)
                if why:
                    found.append(Corruption(why, f"{name}.{statistic}", changed))
        if kind == "two_sample_test":
            found += _tests(paper, name)
    return found


def _why_impossible(
    values: dict[str, str], kind: str, statistic: str, changed: str, n: int | None
) -> str:
    low, high = _box(changed)
    if kind == "proportion" and statistic == "percent" and n:
        exact = 100 * int(values["count"]) / n
        return "percentage against count" if not low - 1e-9 <= exact <= high + 1e-9 else ""
    if kind == "summary" and "min" in values:
        least, most = float(values["min"]), float(values["max"])
        if statistic in ("mean", "median") and (high < least or low > most):
            return "middle outside the range"
        if statistic == "sd" and n and low > (most - least) / 2 * math.sqrt(n / (n - 1)):
            return "SD against the range"
    if kind == "summary" and statistic == "median" and "q1" in values and (
        high < float(values["q1"]) or low > float(values["q3"])
    ):  # fmt: skip
        return "median outside the quartiles"
    if kind == "model_term" and statistic.startswith("ci95"):
        other = "ci95_upper" if statistic == "ci95_lower" else "ci95_lower"
        ratio = next(t for s, t in values.items() if s.endswith("ratio"))
        (a, b), (c, d) = _box(values[other]), _box(ratio)
        # A Wald interval is symmetric on the log scale.
        if low > 0 and (math.sqrt(high * b) < c or math.sqrt(low * a) > d):
            return "limits not about the ratio"
    if kind == "auc" and statistic == "auc" and low <= 1 and (
        high < float(values["ci95_lower"]) or low > float(values["ci95_upper"])
    ):  # fmt: skip
        return "AUC outside its interval"
    if kind in ("kaplan_meier", "diagnostic") and statistic == "percent" and (
        high < float(values["ci95_lower"]) - 0.1 or low > float(values["ci95_upper"]) + 0.1
    ):  # fmt: skip
        return "rate outside its interval"
    return ""


def _tests(paper: Paper, name: str) -> list[Corruption]:
    """P-values of a t test that no means and SDs within the printed rounding give."""
    quantity = paper.card["quantities"][name]
    asked, text = quantity["analysis"], quantity["values"]["p_value"]
    if asked["test"] not in ("student_t", "welch_t") or not text[0].isdigit():
        return []
    group, key = asked["group"][0]["column"], asked["column"].replace("@", "_")
    arms = [paper.card["quantities"].get(f"{key}_in_{group}_{v}") for v in (1, 0)]
    if any(arm is None or "sd" not in arm["values"] for arm in arms):
        return []
    sizes = [int(paper.card["quantities"][f"{group}_{v}"]["values"]["count"]) for v in (1, 0)]
    (a, b), (c, d) = (_box(arm["values"]["mean"]) for arm in arms if arm)
    (e, f), (g, h) = (_box(arm["values"]["sd"]) for arm in arms if arm)
    nearest = max(a - d, c - b, 0.0)
    furthest = max(b - c, d - a)
    equal = asked["test"] == "student_t"
    ends = [
        float(stats.ttest_ind_from_stats(gap, s, sizes[0], 0.0, t, sizes[1], equal).pvalue)
        for gap, s, t in ((furthest, e, g), (nearest, f, h))
    ]
    # Welch's degrees of freedom move too: keep well away from the ends.
    low, high = 0.8 * ends[0], 1.25 * ends[1]
    return [
        Corruption("p-value against means and SDs", f"{name}.p_value", changed)
        for changed in _one_digit_changed(text)
        if 0 < float(changed) <= 1 and not low <= float(changed) <= high
    ]


def corruption(paper: Paper, rng: np.random.Generator) -> Corruption:
    """One of the possible corruptions: a kind at random, then a digit at random."""
    found = corruptions(paper)
    kinds = sorted({one.kind for one in found})
    kind = kinds[rng.integers(len(kinds))]
    mine = [one for one in found if one.kind == kind]
    return mine[rng.integers(len(mine))]


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one card: unmet values by the search, and by the judge on its tables.

    ``proven`` are the values of which the audit proved that they cannot all be true.
    """

    unmet: tuple[str, ...]
    misjudged: tuple[str, ...]
    seconds: float
    proven: frozenset[str]


def attempt(paper: Paper, seed: int, attempts: int, **changed: str) -> Trial:
    """Reconstruct a paper in a folder of its own; CPU seconds until the search first matched."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"{paper.family}.yaml"
        path.write_text(paper.written(**changed), encoding="utf-8")
        card_file = load_card(path)
        values = card_file.base.values
        began, first = time.process_time(), 0.0

        def progress(text: str) -> None:
            nonlocal first
            if not first and f"prints {len(values)} of {len(values)}" in text:
                first = time.process_time() - began

        plan = Plan(seed, 0, attempts=attempts, time_limit=10.0 * attempts)
        proven: list[frozenset[str]] = []
        if changed:
            # As on the command line: what the audit proves is not looked for again.
            findings = audit_card(card_file.base, seconds=1.0).findings
            proven = [
                frozenset(f.values) for f in findings if f.verdict is FindingVerdict.IMPOSSIBLE
            ]
        found = reconstruct(card_file, plan, proven, progress)
        spent = first or time.process_time() - began
        write_reconstruction(card_file, found, seed, Path(name) / "out")
        tables = read_tables(Path(name) / "out" / "cohort", paper.card)
        estimates = judged(paper.card, tables)
    wrong = tuple(v.id for v in values if not v.number.accepts(estimates[v.id], slack=1e-6))
    return Trial(found.stored.unmet, wrong, spent, frozenset().union(*proven))


def one_paper(
    seed: int, family: str, index: int, low: int, high: int, corrupt: bool
) -> dict[str, object]:
    """A row of the table."""
    paper = draw_paper(seed, family, index, low, high)
    right = attempt(paper, seed, 10)
    row: dict[str, object] = {
        "seed": seed, "family": family, "index": index, "n": paper.n,
        "values": sum(len(s) for s in paper.wanted.values()),
        "matched": int(not right.unmet), "judged": int(not right.misjudged),
        "unmet": " ".join(right.unmet), "seconds": f"{right.seconds:.1f}",
        "corruption": "", "corrupted_matched": "", "proven": "",
    }  # fmt: skip
    if not right.unmet and right.misjudged:
        print(f"{family} {index}: the judge misses {right.misjudged}", file=sys.stderr)
    if corrupt:
        number = list(FAMILIES).index(family)
        rng = np.random.default_rng(np.random.SeedSequence((seed, number, index, 999)))
        change = corruption(paper, rng)
        wrong = attempt(paper, seed, 1, **{change.id: change.text})
        row["corruption"] = f"{change.kind}: {change.id} {change.text}"
        row["corrupted_matched"] = int(not wrong.unmet)
        row["proven"] = int(change.id in wrong.proven)
    return row


def summary(table: Path) -> str:
    """The table by family, as a page shows it."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [
        "| family | n | papers | matched in full | CPU seconds, median (largest) | corrupted | "
        "of these matched | proven by the audit |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for family in (*FAMILIES, "all"):
        mine = [row for row in rows if family in (row["family"], "all")]
        if not mine:
            continue
        sizes = [int(row["n"]) for row in mine]
        seconds = sorted(float(row["seconds"]) for row in mine)
        good = sum(row["matched"] == "1" and row["judged"] == "1" for row in mine)
        wrong = [row["corrupted_matched"] for row in mine if row["corruption"]]
        lines.append(
            f"| {family} | {min(sizes)}-{max(sizes)} | {len(mine)} | {good} | "
            f"{seconds[len(seconds) // 2]:.1f} ({seconds[-1]:.1f}) | {len(wrong)} | "
            f"{sum(one == '1' for one in wrong)} | {sum(row['proven'] == '1' for row in mine)} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--papers", type=int, default=20, help="of each family")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--low", type=int, default=30)
    parser.add_argument("--high", type=int, default=5000)
    parser.add_argument("--families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--no-corruption", action="store_true")
    parser.add_argument("--summary", action="store_true", help="print the table by family")
    given = parser.parse_args()
    if given.summary:
        print(summary(given.table))
        return 0
    done = set()
    if given.table.exists():
        with given.table.open(newline="") as file:
            done = {(r["seed"], r["family"], r["index"]) for r in csv.DictReader(file)}
    else:
        given.table.write_text(",".join(HEAD) + "\n")
    for index in range(given.first, given.first + given.papers):
        for family in given.families:
            if (str(given.seed), family, str(index)) in done:
                continue
            try:
                row = one_paper(
                    given.seed, family, index, given.low, given.high, not given.no_corruption
                )
            except Exception:
                print(f"{family} {index}:", file=sys.stderr)
                traceback.print_exc()
                continue
            with given.table.open("a", newline="") as file:
                csv.DictWriter(file, HEAD, lineterminator="\n").writerow(row)
            print(*(row[key] for key in HEAD[1:]), file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Tables and a figure of the verdicts' false alarms and power, from the calibration's CSVs.

    python docs/studies/verdict_report.py        (seconds; prints Markdown, writes the figure)

A row of a table is a family of kinds: what statistic it is, and what it rests on besides imposed
numbers. The kinds one by one are in the CSVs.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
COHORTS = "150"
Row = dict[str, str]

FAMILIES = {
    "counts and percentages": ("percent,", "percent of", "people affected", "share"),
    "sensitivity, specificity, predictive values": ("sensitivity", "specificity", "predictive"),
    "means, SDs, differences": ("mean", "SD", "difference"),
    "medians, quartiles, extremes": ("median,", "quartile", "extreme"),
    "p-values": ("p,",),
    "percent changes": ("percent change",),
    "areas under curves": ("AUC",),
    "odds and hazard ratios": ("odds", "hazard"),
    "survival": ("survival", "median follow-up"),
}
RESTS_ON = {
    "nothing": "nothing: follows",
    "rounding": "rounding",
    "tried": "a guess, others tried",
    "guess": "a guess",
}
SHIFTS = ("2 SD", "3 SD", "5 SD")


def family(kind: str) -> str:
    """The family that a kind belongs to."""
    if kind.startswith("p, ") and "its other numbers" in kind:
        return "odds and hazard ratios"
    for name in ("percent changes", "survival", *FAMILIES):
        if kind.startswith(FAMILIES[name]):
            return name
    raise ValueError(f"kind: got {kind!r}; takes one of a family")


def read(name: str) -> list[Row]:
    """A table of this folder."""
    with (HERE / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def pooled(rows: Iterable[Row], *columns: str) -> float:
    """A share over several kinds, by values."""
    several = list(rows)
    values = sum(int(r["values"]) for r in several)
    return sum(int(r["values"]) * float(r[c]) for r in several for c in columns) / max(values, 1)


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.1f}".removesuffix(".0") + "%"


def alarms_table(rows: list[Row]) -> list[str]:
    """Correct values by family: outside, called wrong, and the worst kind with its limit."""
    lines = [
        "| values | rest on | kinds | papers a kind | described: outside, `not_reproduced` "
        "| misdescribed: outside, `not_reproduced` | worst kind, its upper limit |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[family(row["kind"]), row["rests_on"]].append(row)
    for name in FAMILIES:
        for ground, told in RESTS_ON.items():
            group = groups.get((name, ground))
            if not group:
                continue
            cells = []
            for truth in ("described", "misdescribed"):
                of = [r for r in group if r["truth"] == truth]
                alarm = pooled(of, "not_reproduced")
                outside = pooled(of, "not_reproduced", "rests_on_guess")
                cells.append(f"{percent(outside)}, {percent(alarm)}")
            papers = [int(r["papers"]) for r in group]
            span = (
                f"{min(papers)}" if min(papers) == max(papers) else f"{min(papers)}-{max(papers)}"
            )
            worst = max(group, key=lambda r: (float(r["not_reproduced"]), int(r["papers"])))
            highest = max(float(r["not_reproduced_upper"]) for r in group)
            lines.append(
                f"| {name} | {told} | {len({r['kind'] for r in group})} | {span} | {cells[0]} "
                f"| {cells[1]} | {percent(float(worst['not_reproduced']))}, {percent(highest)} |"
            )
    return lines


def power_table(rows: list[Row], power: list[Row]) -> list[str]:
    """Wrong values by family: noticed and called wrong, and the smallest error noticed."""
    lines = [
        "| values | rest on | smallest error noticed | " + " | ".join(SHIFTS) + " | mistakes |",
        "| --- | --- | ---: | " + " | ".join(["---:"] * len(SHIFTS)) + " | ---: |",
    ]
    described = [r for r in rows if r["truth"] == "described"]
    ground_of = {r["kind"]: r["rests_on"] for r in described}
    wrong: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in power:
        if row["truth"] == "described" and row["kind"] in ground_of:
            error = row["error"] if row["error"].endswith("SD") else "mistakes"
            error = "mistakes" if row["error"] == "SE as SD" else error
            wrong[family(row["kind"]), ground_of[row["kind"]], error].append(row)
    for name in FAMILIES:
        for ground, told in RESTS_ON.items():
            group = [r for r in described if family(r["kind"]) == name and r["rests_on"] == ground]
            if not group:
                continue
            sds = sorted(
                float(r["smallest_error_in_sd"]) for r in group if r["smallest_error_in_sd"]
            )
            smallest = "" if not sds else f"{sds[0]:.1f} SD"
            if sds and f"{sds[-1]:.1f}" != f"{sds[0]:.1f}":
                smallest = f"{sds[0]:.1f}-{sds[-1]:.1f} SD"
            cells = []
            for error in (*SHIFTS, "mistakes"):
                found = wrong.get((name, ground, error), [])
                if sum(int(r["values"]) for r in found) < 10:
                    cells.append("")
                    continue
                unnoticed = pooled(found, "consistent")
                called = pooled(found, "not_reproduced")
                cells.append(f"{100 * (1 - unnoticed):.0f} / {100 * called:.0f}")
            lines.append(f"| {name} | {told} | {smallest} | " + " | ".join(cells) + " |")
    return lines


def figure(rows: list[Row]) -> None:
    """Draw how often correct numbers lie outside, and how many of them are called wrong."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "recohort"
    kinds = sorted({row["kind"] for row in rows}, reverse=True)
    axes: Any
    drawn, axes = plt.subplots(1, 2, sharey=True, figsize=(9.0, 0.17 * len(kinds) + 1.2))
    for axis, truth in zip(axes, ("described", "misdescribed"), strict=True):
        for row in rows:
            if row["truth"] != truth:
                continue
            at, alarm = kinds.index(row["kind"]), 100 * float(row["not_reproduced"])
            outside = alarm + 100 * float(row["rests_on_guess"])
            axis.plot(
                [0, 100 * float(row["not_reproduced_upper"])], [at, at], color="#92c5de", lw=2
            )
            axis.scatter(outside, at, s=14, facecolors="white", edgecolors="#b2182b", zorder=2)
            axis.scatter(alarm, at, s=14, color="#2166ac", zorder=3)
        axis.axvline(5, color="#888888", lw=0.8, ls=":")
        axis.set_title(f"Truth as the card {'says' if truth == 'described' else 'does not say'}")
        axis.set_xlabel("Correct numbers (%)")
        axis.set_ylim(-1, len(kinds))
    axes[0].set_yticks(range(len(kinds)), kinds, fontsize=6)
    axes[0].scatter([], [], s=14, facecolors="white", edgecolors="#b2182b", label="outside")
    axes[0].scatter([], [], s=14, color="#2166ac", label="called not_reproduced")
    axes[0].plot([], [], color="#92c5de", lw=2, label="up to its upper 97.5% limit")
    axes[0].legend(frameon=False, fontsize=7, loc="lower right")
    drawn.tight_layout()
    drawn.savefig(HERE / "verdict_calibration.svg", metadata={"Date": None})


def main() -> None:
    """Print the tables and write the figure."""
    rows = [row for row in read("verdict_calibration.csv") if row["cohorts"] == COHORTS]
    print("\n".join(alarms_table(rows)), end="\n\n")
    print("\n".join(power_table(rows, read("verdict_power.csv"))), end="\n\n")
    for truth in ("described", "misdescribed"):
        of = [r for r in rows if r["truth"] == truth]
        values = sum(int(r["values"]) for r in of)
        print(
            f"{truth}: {values} values; outside "
            f"{percent(pooled(of, 'not_reproduced', 'rests_on_guess'))}, not_reproduced "
            f"{percent(pooled(of, 'not_reproduced'))}, consistent "
            f"{percent(pooled(of, 'consistent'))}"
        )
    figure(rows)


if __name__ == "__main__":
    main()

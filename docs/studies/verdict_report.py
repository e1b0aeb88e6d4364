"""Tables and a figure of the verdicts' false alarms and power, from the calibration's CSVs.

    python docs/studies/verdict_report.py        (seconds; into ../verdicts.md, and the figure)

What can be called ``not_reproduced`` is shown kind by kind. What rests on a guess that was not
tried cannot, by the rule on guesses, and is shown by family: what statistic it is. So are errors.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from page import put

HERE = Path(__file__).parent
COHORTS = "150"
NOTICED = "smallest noticed"
"""The error that moves a number to the nearest one said to be noticed."""
BOTH = "both"
"""Papers of either truth together."""
Row = dict[str, str]

FAMILIES = {
    "counts and percentages": (
        "count,",
        "percent,",
        "percent of",
        "percent limit",
        "people affected",
        "share",
    ),
    "sensitivity, specificity, predictive values": ("sensitivity", "specificity", "predictive"),
    "means, SDs, differences": ("mean", "SD", "SE", "difference"),
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
SHIFTS = ("2 SD", "3 SD", "5 SD", "10 SD")
FEWEST = 20
"""Kinds with fewer papers are named below the table."""
STATED = ("1 SD", *SHIFTS, NOTICED)
"""Errors that are no mistakes that papers make."""


def family(kind: str) -> str:
    """The family that a kind belongs to."""
    if kind.startswith(("p, odds ratio", "p, hazard ratio")):
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


def limits(row: Row) -> str:
    """A false-alarm rate with its limits."""
    rate, low, high = (
        percent(float(row[f"not_reproduced{end}"])) for end in ("", "_lower", "_upper")
    )
    return f"{rate} ({low} to {high})"


def outside(rows: Iterable[Row]) -> str:
    """The share of correct numbers that lie outside, whatever they are then called."""
    return percent(pooled(rows, "not_reproduced", "rests_on_guess"))


def of_truth(rows: Iterable[Row], truth: str) -> list[Row]:
    """The rows of one truth."""
    return [row for row in rows if row["truth"] == truth]


def noticed(found: list[Row]) -> str:
    """Per cent noticed and called wrong; empty for fewer than ten values."""
    if sum(int(row["values"]) for row in found) < 10:
        return ""
    return (
        f"{100 * (1 - pooled(found, 'consistent')):.0f} / "
        f"{100 * pooled(found, 'not_reproduced'):.0f}"
    )


def wrong_values(power: list[Row], kind: str, error: str) -> list[Row]:
    """What values of a kind ended with in described data, for one error or all ``mistakes``."""
    mine = [r for r in power if r["truth"] == "described" and r["kind"] == kind]
    if error == "mistakes":
        return [r for r in mine if r["error"] not in STATED]
    return [r for r in mine if r["error"] == error]


def kinds_table(rows: list[Row], power: list[Row]) -> list[str]:
    """False alarms kind by kind, where there can be any, and errors noticed and called wrong."""
    few: list[str] = []
    lines = [
        "| kind of value | rests on | papers | outside: described, misdescribed "
        "| called `not_reproduced` (95% limits) | 5 SD off | mistakes |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in FAMILIES:
        for ground, told in RESTS_ON.items():
            if ground == "guess":
                continue
            mine = [r for r in rows if family(r["kind"]) == name and r["rests_on"] == ground]
            for row in of_truth(mine, BOTH):
                if int(row["papers"]) < FEWEST:
                    few.append(
                        f"{row['kind']} ({row['papers']}, {percent(float(row['not_reproduced']))})"
                    )
                    continue
                of = [r for r in mine if r["kind"] == row["kind"]]
                apart = [outside(of_truth(of, t)) for t in ("described", "misdescribed")]
                cells = [noticed(wrong_values(power, row["kind"], e)) for e in ("5 SD", "mistakes")]
                lines.append(
                    f"| {row['kind']} | {told} | {row['papers']} | {', '.join(apart)} "
                    f"| {limits(row)} | {' | '.join(cells)} |"
                )
    if few:
        lines += [
            "",
            f"Fewer than {FEWEST} papers (how many, called `not_reproduced`): {'; '.join(few)}.",
        ]
    return lines


def least_noticed(rows: list[Row], power: list[Row]) -> str:
    """How often errors of 5 SDs are noticed in the kinds that rest on a guess."""
    kinds = [r["kind"] for r in of_truth(rows, BOTH) if r["rests_on"] == "guess"]
    found = {kind: wrong_values(power, kind, "5 SD") for kind in kinds}
    shares = sorted(
        (1 - pooled(several, "consistent"), kind)
        for kind, several in found.items()
        if sum(int(r["values"]) for r in several) >= 10
    )
    below = [f"{kind} ({percent(share)})" for share, kind in shares if share < 0.9]
    least = min(share for share, _ in shares)
    return (
        f"Of {len(kinds)} kinds that rest on a guess, {len(shares)} had ten values or more moved "
        f"by 5 SDs in described data. None is called `not_reproduced`; each kind notices "
        f"{percent(least)} of them or more{': ' * bool(below)}{'; '.join(below)}."
    )


def families_table(families: list[Row], rows: list[Row]) -> list[str]:
    """False alarms by family, and how often what rests on a guess lies outside."""
    lines = [
        "| values | papers | correct values | called `not_reproduced` (95% limits) "
        "| kinds on a guess | papers each | outside: described, misdescribed |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in (*FAMILIES, "all"):
        (row,) = (
            r for r in of_truth(families, BOTH) if (r["family"], r["rests_on"]) == (name, "any")
        )
        mine = [r for r in rows if r["rests_on"] == "guess" and name in ("all", family(r["kind"]))]
        papers = [int(r["papers"]) for r in of_truth(mine, BOTH)]
        span = "-".join(str(n) for n in sorted({min(papers), max(papers)})) if papers else ""
        apart = [outside(of_truth(mine, t)) for t in ("described", "misdescribed")]
        lines.append(
            f"| {name} | {row['papers']} | {row['values']} | {limits(row)} | {len(papers) or ''} "
            f"| {span} | {', '.join(apart) if papers else ''} |"
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
            error = row["error"] if row["error"] in STATED else "mistakes"
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
            cells = [noticed(wrong.get((name, ground, e), [])) for e in (*SHIFTS, "mistakes")]
            lines.append(f"| {name} | {told} | {smallest} | " + " | ".join(cells) + " |")
    return lines


def figure(rows: list[Row]) -> None:
    """Draw how often correct numbers lie outside, and how many of them are called wrong."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "recohort"
    order = {ground: at for at, ground in enumerate(RESTS_ON)}
    ground_of = {row["kind"]: row["rests_on"] for row in of_truth(rows, BOTH)}
    kinds = sorted(ground_of, key=lambda kind: (order[ground_of[kind]], kind), reverse=True)
    axes: Any
    drawn, axes = plt.subplots(
        1, 2, sharey=True, figsize=(9.5, 0.155 * len(kinds) + 1.2),
        gridspec_kw={"width_ratios": (1, 1)},
    )  # fmt: skip
    for row in rows:
        at = kinds.index(row["kind"])
        shares = [100 * float(row[f"not_reproduced{end}"]) for end in ("", "_lower", "_upper")]
        if row["truth"] == BOTH and row["rests_on"] == "guess":
            continue
        if row["truth"] == BOTH:
            axes[0].plot(shares[1:], [at, at], color="#92c5de", lw=2)
            axes[0].scatter(shares[0], at, s=12, color="#2166ac", zorder=3)
        else:
            color = "#b2182b" if row["truth"] == "misdescribed" else "#4d4d4d"
            away = shares[0] + 100 * float(row["rests_on_guess"])
            axes[1].scatter(away, at, s=12, facecolors="white", edgecolors=color, zorder=2)
    changes = [
        at + 0.5 for at in range(len(kinds) - 1)
        if ground_of[kinds[at]] != ground_of[kinds[at + 1]]
    ]  # fmt: skip
    for axis in axes:
        axis.axvline(5, color="#888888", lw=0.8, ls=":")
        axis.set_ylim(-1, len(kinds))
        axis.set_xlabel("Correct numbers (%)")
        for change in changes:
            axis.axhline(change, color="#cccccc", lw=0.8)
    for ground, told in RESTS_ON.items():
        last = max((at for at, kind in enumerate(kinds) if ground_of[kind] == ground), default=None)
        if last is not None:
            axes[1].text(
                0.985, last, f"rests on {told}", ha="right", va="center", fontsize=6,
                color="#666666", transform=axes[1].get_yaxis_transform(),
            )  # fmt: skip
        if last is not None and ground == "guess":
            axes[0].axhspan(-1, last + 0.5, color="#f4f4f4")
            axes[0].text(
                0.5, last / 2, "cannot be called not_reproduced,\nby the rule on guesses",
                ha="center", va="center", fontsize=8, color="#666666",
                transform=axes[0].get_yaxis_transform(),
            )  # fmt: skip
    axes[0].text(
        5.3, len(kinds) - 1.2, "nominal: 5%", fontsize=6, color="#666666", va="center",
    )  # fmt: skip
    axes[0].set_yticks(range(len(kinds)), kinds, fontsize=6)
    axes[0].tick_params(axis="y", length=0)
    axes[1].tick_params(axis="y", length=0)
    axes[0].set_title("Called not_reproduced, with 95% limits", fontsize=9)
    axes[1].set_title("Outside the cohorts' interval", fontsize=9)
    for truth, color in (("described", "#4d4d4d"), ("misdescribed", "#b2182b")):
        axes[1].scatter([], [], s=12, facecolors="white", edgecolors=color, label=f"{truth} data")
    axes[1].legend(frameon=False, fontsize=7, loc="lower right")
    drawn.tight_layout()
    drawn.savefig(HERE / "verdict_calibration.svg", metadata={"Date": None})


def summary(rows: list[Row], power: list[Row]) -> str:
    """All kinds together, and the errors that are said to be noticed."""
    parts = []
    for truth in ("described", "misdescribed"):
        of = of_truth(rows, truth)
        values = sum(int(r["values"]) for r in of)
        parts.append(
            f"Of {values:,} correct values in {truth} data, "
            f"{percent(pooled(of, 'consistent'))} are `consistent`, {outside(of)} lie outside, and "
            f"{percent(pooled(of, 'not_reproduced'))} are called `not_reproduced`."
        )
    moved = [row for row in power if row["error"] == NOTICED]
    values = sum(int(r["values"]) for r in moved)
    parts.append(
        f"Of {values:,} values moved by the smallest error that is said to be noticed, "
        f"{percent(pooled(moved, 'consistent'))} are called `consistent`."
    )
    return "\n".join(parts)


def main() -> None:
    """Put the tables into the page and write the figure."""
    rows = [row for row in read("verdict_calibration.csv") if row["cohorts"] == COHORTS]
    power, families = read("verdict_power.csv"), read("verdict_families.csv")
    put("verdicts.md", "false alarms by family", "\n".join(families_table(families, rows)))
    put("verdicts.md", "false alarms by kind", "\n".join(kinds_table(rows, power)))
    put("verdicts.md", "power", "\n".join(power_table(rows, power)))
    put("verdicts.md", "all values", summary(rows, power))
    put("verdicts.md", "least noticed", least_noticed(rows, power))
    figure(rows)


if __name__ == "__main__":
    main()

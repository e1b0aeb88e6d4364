"""False alarms and power of the verdicts, end to end, on papers whose truth is known.

    python docs/studies/verdict_calibration.py draw --folder F --papers 100    (hours; resumable)
    python docs/studies/verdict_calibration.py judge --folder F                (minutes)

``draw`` makes papers (``verdict_papers.py``), and for each the conditioned cohorts that print its
imposed values, by the door that ``recohort reconstruct`` uses; their estimates are kept in the
folder. ``judge`` gives each held-out value its verdict by the door that ``recohort compare`` uses:
as printed (a ``not_reproduced`` is then a false alarm), moved by 1 to 5 SDs of its conditioned
spread, and with mistakes that papers make. It writes ``verdict_calibration.csv`` (false alarms),
``verdict_power.csv`` and their figure.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import math
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from verdict_papers import SCENES, text_of

from recohort.card.document import Document
from recohort.card.loader import CardFile, load_card
from recohort.compare.table import compare_study
from recohort.reconstruct.search import Plan, reconstruct

ARMS = ("described", "misdescribed")
COHORTS = 150
FEWER = 60
SHIFTS = (1.0, 2.0, 3.0, 5.0)
HERE = Path(__file__).parent


def _search_card(card: dict[str, Any]) -> dict[str, Any]:
    """The same card with held-out numbers that any cohort prints.

    Conditioned cohorts do not look at held-out numbers; the stored cohort, which is of no use
    here, need not strive for them.
    """
    easy = copy.deepcopy(card)
    for item in easy["quantities"].values():
        if item["analysis"]["kind"] in ("summary", "proportion", "diagnostic"):
            continue
        for reported in item["values"].values():
            if reported["role"] == "held_out":
                reported["printed"] = "<100000"
    return easy


def draw(folder: Path, papers: int, scenes: list[str], start: int) -> None:
    """Make papers and their conditioned cohorts; what is there is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, papers):
        for scene in scenes:
            for arm in ARMS:
                target = folder / f"{scene}.{arm}.{number}.json"
                if not target.exists():
                    _draw_one(target, scene, arm, number)


def _draw_one(target: Path, scene: str, arm: str, number: int) -> None:
    key = [2026, list(SCENES).index(scene), ARMS.index(arm), number]
    paper = SCENES[scene](np.random.default_rng(key), arm == "misdescribed")
    card = paper.card()
    # A path of its own: cards are kept by path.
    place = target.parent / "work" / target.stem / "paper.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(_search_card(card)), encoding="utf-8")
    began = time.process_time()
    found = reconstruct(load_card(place), Plan(seed=number, conditioned=COHORTS))
    estimates: dict[str, dict[str, list[float]]] = {}
    for one in found.conditioned:
        into = estimates.setdefault(one.setting, {})
        for name, value in one.estimates.items():
            into.setdefault(name, []).append(value)
    content = {
        "card": card,
        "kinds": paper.kinds,
        "mistakes": paper.mistakes,
        "estimates": estimates,
        "seconds": time.process_time() - began,
        "settings": [(s.setting.name, s.unmet) for s in found.settings],
    }
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.rename(target)


def _as_text(node: Any) -> Any:
    """A card's content as it is read from a file: every value is text."""
    if isinstance(node, dict):
        return {key: _as_text(value) for key, value in node.items()}
    return [_as_text(value) for value in node] if isinstance(node, list) else str(node)


class Bench:
    """One paper, ready to be judged again and again."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self.kinds: dict[str, str] = content["kinds"]

    def verdicts(self, cohorts: int, changed: dict[str, str]) -> dict[str, str]:
        """What each held-out value ends with, some printed otherwise."""
        card = copy.deepcopy(self.content["card"])
        for name, text in changed.items():
            quantity, statistic = name.split(".")
            card["quantities"][quantity]["values"][statistic]["printed"] = text
        card_file = CardFile(Document("paper.yaml", _as_text(card), {}), "")
        conditioned = {
            setting: {
                name: np.array(values[: cohorts if setting == "base" else None], float)
                for name, values in estimates.items()
            }
            for setting, estimates in self.content["estimates"].items()
        }
        rows = compare_study(card_file, {}, {}, {}, conditioned, {})
        return {
            row["id"]: _outcome(row["verdict"], row["reason"])
            for row in rows
            if row["id"] in self.kinds
        }


def _outcome(verdict: str, reason: str) -> str:
    """A verdict, or an undetermined one's reason; outside, but for a guess, apart."""
    if verdict != "undetermined":
        return verdict
    if "which no imposed number fixes" in reason or "a choice between them" in reason:
        return "rests_on_guess"
    return reason.split(":")[0]


def _moved(text: str, estimates: np.ndarray, shift: float, up: bool) -> str | None:
    """A printed number moved by so many SDs of the conditioned spread; None where it cannot be."""
    seen = estimates[np.isfinite(estimates)]
    if text.startswith("<") or seen.size < 10:
        return None
    sd = float(seen.std())
    decimals = len(text.partition(".")[2])
    value = float(text) + shift * sd * (1 if up else -1)
    if sd == 0.0 or text_of(value, decimals) == text:
        return None
    return text_of(value, decimals)


def _possible(name: str, text: str) -> bool:
    """Whether a number of this kind could be printed at all."""
    value = float(text.lstrip("<"))
    quantity, statistic = name.split(".")
    if statistic == "p_value":
        return 0.0 < value <= 1.0
    if quantity == "auc":
        return 0.0 <= value <= 1.0
    if statistic in ("percent",) or quantity in ("sensitivity", "free"):
        return 0.0 <= value <= 100.0
    return value >= 0.0 or statistic == "percent_change"


def judge(folder: Path, out: Path) -> None:
    """Judge every paper drawn, and write the tables."""
    alarms: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    power: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    short: dict[str, list[int]] = defaultdict(list)
    for file in sorted(folder.glob("*.json")):
        scene, arm, number = file.stem.split(".")
        content = json.loads(file.read_text())
        base = content["estimates"].get("base", {})
        drawn = len(next(iter(base.values()))) if base else 0
        short[f"{scene} {arm}"].append(drawn)
        bench = Bench(content)
        for cohorts in (FEWER, COHORTS):
            for name, found in bench.verdicts(cohorts, {}).items():
                alarms[bench.kinds[name], arm, cohorts].append(found)
        changes: dict[str, dict[str, str]] = defaultdict(dict)
        for name in bench.kinds:
            quantity, statistic = name.split(".")
            text = content["card"]["quantities"][quantity]["values"][statistic]["printed"]
            for shift in SHIFTS:
                moved = _moved(
                    text, np.array(base.get(name, []), float), shift, int(number) % 2 > 0
                )
                if moved is not None and _possible(name, moved):
                    changes[f"{shift:g} SD"][name] = moved
            for mistake, wrong in content["mistakes"][name].items():
                if _possible(name, wrong):
                    changes[mistake.replace("_", " ")][name] = wrong
        for error, changed in changes.items():
            judged = bench.verdicts(COHORTS, changed)
            for name in changed:
                power[bench.kinds[name], arm, error].append(judged[name])
    _write(alarms, power, out)
    for name, counts in sorted(short.items()):
        few = sum(c < COHORTS for c in counts)
        print(f"{name}: {len(counts)} papers, {few} with fewer cohorts", file=sys.stderr)


OUTCOMES = (
    "consistent", "not_reproduced", "rests_on_guess", "assumption_dependent", "monte_carlo_error",
    "search_exhausted", "missing_input",
)  # fmt: skip


def _write(alarms: dict[Any, list[str]], power: dict[Any, list[str]], out: Path) -> None:
    for name, head, found in (
        ("verdict_calibration.csv", ["kind", "truth", "cohorts"], alarms),
        ("verdict_power.csv", ["kind", "truth", "error"], power),
    ):
        with (out / name).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow([*head, "values", *OUTCOMES, "monte_carlo_se"])
            for key, seen in sorted(found.items(), key=lambda item: tuple(map(str, item[0]))):
                shares = [seen.count(one) / len(seen) for one in OUTCOMES]
                alarm = shares[1]
                se = math.sqrt(max(alarm * (1 - alarm), 0.25 / len(seen)) / len(seen))
                writer.writerow([*key, len(seen), *(f"{s:.4f}" for s in shares), f"{se:.4f}"])


def figure(out: Path) -> None:
    """Draw how often correct numbers lie outside, and how many of them are called wrong."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "recohort"
    with (out / "verdict_calibration.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["cohorts"] == str(COHORTS)]
    kinds = sorted({row["kind"] for row in rows}, reverse=True)
    axes: Any
    drawn, axes = plt.subplots(1, 2, sharey=True, figsize=(9.0, 0.19 * len(kinds) + 1.2))
    for axis, truth in zip(axes, ARMS, strict=True):
        for row in rows:
            if row["truth"] != truth:
                continue
            at, alarm = kinds.index(row["kind"]), 100 * float(row["not_reproduced"])
            outside = alarm + 100 * float(row["rests_on_guess"])
            axis.plot([alarm, outside], [at, at], color="#bbbbbb", lw=1, zorder=1)
            axis.scatter(outside, at, s=16, facecolors="white", edgecolors="#b2182b", zorder=2)
            axis.scatter(alarm, at, s=16, color="#2166ac", zorder=3)
        axis.axvline(5, color="#888888", lw=0.8, ls=":")
        axis.set_title(f"Truth as the card {'says' if truth == 'described' else 'does not say'}")
        axis.set_xlabel("Correct numbers (%)")
    axes[0].set_yticks(range(len(kinds)), kinds, fontsize=7)
    axes[0].scatter([], [], s=16, facecolors="white", edgecolors="#b2182b", label="outside")
    axes[0].scatter([], [], s=16, color="#2166ac", label="called not_reproduced")
    axes[0].legend(frameon=False, fontsize=7, loc="lower right")
    drawn.tight_layout()
    drawn.savefig(out / "verdict_calibration.svg", metadata={"Date": None})


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", choices=("draw", "judge", "figure"))
    parser.add_argument("--folder", type=Path, default=Path("papers"))
    parser.add_argument("--papers", type=int, default=100)
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--scenes", nargs="*", default=list(SCENES))
    options = parser.parse_args()
    if options.stage == "draw":
        draw(options.folder, options.papers, options.scenes, options.start)
    else:
        if options.stage == "judge":
            judge(options.folder, options.out)
        figure(options.out)


if __name__ == "__main__":
    main()

"""False alarms and power of the verdicts, end to end, on papers whose truth is known.

    python docs/studies/verdict_calibration.py draw --folder F     (two hours; resumable)
    python docs/studies/verdict_calibration.py judge --folder F    (some minutes)

``draw`` makes papers (``verdict_papers.py``), and for each the conditioned cohorts that print its
imposed values, as ``recohort reconstruct`` draws them; their estimates are kept in the folder.
``judge`` gives each held-out value its verdict by the door that ``recohort compare`` uses: as
printed (a ``not_reproduced`` is then a false alarm), moved by 1 to 10 SDs of its conditioned
spread, moved by the smallest error that is said to be noticed, and with mistakes that papers make.
It writes ``verdict_calibration.csv`` (false alarms, kind by kind), ``verdict_families.csv`` (the
same, kinds taken together) and ``verdict_power.csv``; ``verdict_report.py`` makes tables and a
figure of these.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import math
import shutil
import sys
import time
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import betaincinv
from verdict_paper import text_of
from verdict_papers import SCENES
from verdict_report import BOTH, NOTICED, family

from recohort.card.document import Document
from recohort.card.loader import CardFile, load_card
from recohort.card.statistic import Role
from recohort.compare.conclusion import scale_of
from recohort.compare.guess import GuessKind
from recohort.compare.guesses import Grounds
from recohort.compare.interval import noticed, standing
from recohort.compare.table import compare_study
from recohort.reconstruct.job import Job, Purpose, workers
from recohort.reconstruct.search import Plan

TRUTHS = ("described", "misdescribed")
SERIES = 2027
"""Part of every paper's random stream; another number gives other papers."""
FRESH = 1014
"""The rules were chosen with papers of earlier numbers; those from this number on judge them."""
PAPERS = 100
COHORTS = 150
FEWER = 60
HOPELESS = 8
"""After so many cohorts none of which prints the paper, no more are tried."""
SHIFTS = (1.0, 2.0, 3.0, 5.0, 10.0)
HERE = Path(__file__).parent


def draw(folder: Path, papers: int, scenes: list[str], start: int) -> None:
    """Make papers and their conditioned cohorts; what is there is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + papers):
        for scene in scenes:
            for truth in TRUTHS:
                target = folder / f"{scene}.{truth}.{number}.json"
                if not target.exists():
                    _draw_one(target, scene, truth, number)


def _draw_one(target: Path, scene: str, truth: str, number: int) -> None:
    key = [SERIES, zlib.crc32(scene.encode()), TRUTHS.index(truth), number]
    paper = SCENES[scene](np.random.default_rng(key), truth == "misdescribed")
    card = paper.card()
    # A path of its own: cards are kept by path.
    place = target.parent / "work" / target.stem / "paper.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(card), encoding="utf-8")
    began = time.process_time()
    estimates = conditioned(place, number)
    content = {
        "card": card,
        "kinds": paper.kinds,
        "mistakes": paper.mistakes,
        "estimates": estimates,
        "seconds": time.process_time() - began,
    }
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.rename(target)
    shutil.rmtree(place.parent)


def conditioned(place: Path, seed: int) -> dict[str, dict[str, list[float]]]:
    """The estimates of a card's conditioned cohorts, by setting, as ``reconstruct`` draws them.

    The stored cohort, which strives for the held-out numbers too, is not looked for.
    """
    card_file = load_card(place)
    plan = Plan(seed=seed, conditioned=COHORTS)
    aims = frozenset(v.id for v in card_file.base.values if v.role is not Role.HELD_OUT)
    estimates: dict[str, dict[str, list[float]]] = {}
    first, *others = card_file.single_changes
    jobs = [
        Job(card_file.path, setting, Purpose.CONDITIONED, index, plan.attempts, seed, aims)
        for setting, wanted in ((first, COHORTS), *((other, plan.others()) for other in others))
        for index in range(1, wanted + 1)
    ]
    with workers(1) as run:
        for outcome in run(jobs):
            into = estimates.setdefault(outcome.job.setting.name, {})
            if not outcome.drawn.unmet:
                for name, value in outcome.drawn.estimates.items():
                    into.setdefault(name, []).append(value)
            elif not into and outcome.job.index == HOPELESS:
                break
    return estimates


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

    def _card_file(self, card: dict[str, Any]) -> CardFile:
        return CardFile(Document("paper.yaml", _as_text(card), {}), "")

    def _conditioned(self, cohorts: int) -> dict[str, dict[str, np.ndarray]]:
        return {
            setting: {
                name: np.array(values[: cohorts if setting == "base" else None], float)
                for name, values in estimates.items()
            }
            for setting, estimates in self.content["estimates"].items()
        }

    def verdicts(self, cohorts: int, changed: dict[str, str]) -> dict[str, str]:
        """What each held-out value ends with, some printed otherwise."""
        card = copy.deepcopy(self.content["card"])
        for name, text in changed.items():
            quantity, statistic = name.split(".")
            card["quantities"][quantity]["values"][statistic]["printed"] = text
        rows = compare_study(self._card_file(card), {}, {}, {}, self._conditioned(cohorts), {})
        return {
            row["id"]: _outcome(row["verdict"], row["reason"])
            for row in rows
            if row["id"] in self.kinds
        }

    def rests_on(self) -> dict[str, str]:
        """What each held-out value rests on besides imposed ones."""
        card_file = self._card_file(self.content["card"])
        grounds = Grounds(card_file)
        found = {}
        for value in card_file.base.values:
            if value.id in self.kinds:
                several = grounds.of(value)
                guesses = [one for one in several if one[0].kind is not GuessKind.ROUNDING]
                tried = all(names for _, names in guesses)
                found[value.id] = ("tried" if tried else "guess") if guesses else (
                    "rounding" if several else "nothing"
                )  # fmt: skip
        return found

    def smallest_errors(self) -> dict[str, tuple[float, float, str]]:
        """For each value the smallest error that would be noticed, that in SDs, and its number.

        Infinity and no number where none would be.
        """
        card_file = self._card_file(self.content["card"])
        found = {}
        base = self._conditioned(COHORTS).get("base", {})
        for value in card_file.base.values:
            estimates = base.get(value.id, np.empty(0))
            seen = estimates[np.isfinite(estimates)]
            if value.id not in self.kinds or seen.size == 0 or not value.number.is_exact:
                continue
            scale = scale_of(
                card_file.base.quantities[value.quantity].analysis.kind, value.statistic
            )
            s = standing(estimates, value.number, scale)
            ends = [e for e in noticed(value.number, s.least, s.most, scale) if e is not None]
            printed = float(value.number.value)
            nearest = min(ends, key=lambda e: abs(printed - e), default=math.inf)
            error, sd = abs(printed - nearest), float(seen.std())
            text = text_of(nearest, value.number.decimals) if ends else ""
            found[value.id] = error, error / sd if sd > 1e-9 else math.nan, text
        return found


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


def _possible(name: str, text: str, kind: str) -> bool:
    """Whether a number of this kind could be printed at all."""
    value = float(text.lstrip("<"))
    statistic = name.split(".")[1]
    if statistic == "p_value":
        return 0.0 < value <= 1.0
    if kind.startswith("AUC"):
        return 0.0 <= value <= 1.0
    if statistic == "percent" or kind.startswith(("sens", "spec", "predictive", "survival")):
        return 0.0 <= value <= 100.0
    signed = ("percent_change", "percent_reduction_from_baseline", "difference")
    return value >= 0.0 or statistic in signed or kind.startswith("difference")


@dataclass
class Tally:
    """What the values of one kind ended with, by paper, and how small an error is noticed."""

    outcomes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    errors: list[tuple[float, float]] = field(default_factory=list)

    def shares(self) -> list[float]:
        """The share of each outcome among all values."""
        seen = [one for outcomes in self.outcomes.values() for one in outcomes]
        return [seen.count(one) / len(seen) for one in OUTCOMES]

    @property
    def values(self) -> int:
        """How many values there were."""
        return sum(map(len, self.outcomes.values()))

    def limits(self, *wanted: str) -> tuple[float, float]:
        """Clopper and Pearson's 95% limits of a share of outcomes, papers being the trials.

        A paper's values go together; its part of the successes is their share.
        """
        n = len(self.outcomes)
        k = sum(sum(o in wanted for o in seen) / len(seen) for seen in self.outcomes.values())
        low = float(betaincinv(k, n - k + 1, 0.025)) if k > 0 else 0.0
        return low, 1.0 if k >= n else float(betaincinv(k + 1, n - k, 0.975))


OUTCOMES = (
    "consistent", "not_reproduced", "rests_on_guess", "assumption_dependent", "monte_carlo_error",
    "search_exhausted", "missing_input",
)  # fmt: skip


def judge(folder: Path, out: Path, start: int) -> None:
    """Judge every paper drawn from number ``start`` on, and write the tables.

    Each paper's verdicts are kept in ``judged``; delete that folder after a change of the rules.
    """
    alarms: dict[tuple[str, str, str, int], Tally] = defaultdict(Tally)
    families: dict[tuple[str, str, str], Tally] = defaultdict(Tally)
    power: dict[tuple[str, str, str], Tally] = defaultdict(Tally)
    short: dict[str, list[int]] = defaultdict(list)
    for file in sorted(folder.glob("*.json")):
        scene, truth, number = file.stem.split(".")
        if int(number) < start:
            continue
        judged = _judged(file, folder / "judged" / file.name)
        short[f"{scene} {truth}"].append(judged["cohorts"])
        for one in judged["values"]:
            kind, ground = one["kind"], one["rests_on"]
            for of in (truth, BOTH):
                for cohorts in (FEWER, COHORTS):
                    tally = alarms[kind, ground, of, cohorts]
                    tally.outcomes[file.stem].append(one["correct"][str(cohorts)])
                if one["smallest"] and one["correct"][str(COHORTS)] == "consistent":
                    tally.errors.append((one["smallest"][0], one["smallest"][1]))
                several = (family(kind), ground), (family(kind), "any"), ("all", "any")
                for name, rests_on in several:
                    taken = families[name, rests_on, of].outcomes[file.stem]
                    taken.append(one["correct"][str(COHORTS)])
            for error, found in one["wrong"].items():
                power[kind, truth, error].outcomes[file.stem].append(found)
    _write_alarms(alarms, families, out)
    _write_power(power, out)
    for name, counts in sorted(short.items()):
        few = sum(c < COHORTS for c in counts)
        print(f"{name}: {len(counts)} papers, {few} with fewer cohorts", file=sys.stderr)


def _judged(file: Path, kept: Path) -> dict[str, Any]:
    """The verdicts on one paper's values, correct and wrong."""
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    content = json.loads(file.read_text())
    bench = Bench(content)
    base = content["estimates"].get("base", {})
    rests_on, smallest = bench.rests_on(), bench.smallest_errors()
    correct = {str(c): bench.verdicts(c, {}) for c in (FEWER, COHORTS)}
    errors = _errors(content, base, int(file.stem.split(".")[2]) % 2 > 0)
    for name, (_, _, text) in smallest.items():
        if text:
            errors[name][NOTICED] = text
    wrong: dict[str, dict[str, str]] = {name: {} for name in bench.kinds}
    # A held-out number bears on its own verdict alone, so all are changed at once.
    for turn in range(max(map(len, errors.values()), default=0)):
        changed = {name: list(es.items())[turn] for name, es in errors.items() if len(es) > turn}
        outcomes = bench.verdicts(COHORTS, {name: text for name, (_, text) in changed.items()})
        for name, (error, _) in changed.items():
            wrong[name][error] = outcomes[name]
    judged = {
        "cohorts": len(next(iter(base.values()), ())),
        "values": [
            {
                "kind": kind,
                "rests_on": rests_on[name],
                "smallest": smallest.get(name),
                "correct": {cohorts: found[name] for cohorts, found in correct.items()},
                "wrong": wrong[name],
            }
            for name, kind in bench.kinds.items()
        ],
    }
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(judged), encoding="utf-8")
    return judged


def _errors(content: dict[str, Any], base: dict[str, Any], up: bool) -> dict[str, dict[str, str]]:
    """What could be printed instead of each value, by error."""
    changes: dict[str, dict[str, str]] = {}
    for name, kind in content["kinds"].items():
        quantity, statistic = name.split(".")
        text = content["card"]["quantities"][quantity]["values"][statistic]["printed"]
        estimates = np.array(base.get(name, []), float)
        found = {f"{shift:g} SD": _moved(text, estimates, shift, up) for shift in SHIFTS}
        found |= {k.replace("_", " "): wrong for k, wrong in content["mistakes"][name].items()}
        changes[name] = {
            error: other
            for error, other in found.items()
            if other is not None and _possible(name, other, kind)
        }
    return changes


def _median(numbers: list[float]) -> str:
    known = [n for n in numbers if not math.isnan(n)]
    found = float(np.median(known)) if known else math.nan
    return f"{found:.4g}" if math.isfinite(found) else ""


def _found(tally: Tally) -> list[str]:
    """How many papers and values, the shares of outcomes, and limits of what matters."""
    low, high = tally.limits("not_reproduced")
    _, outside = tally.limits("not_reproduced", "rests_on_guess")
    shares = (*tally.shares(), low, high, outside)
    return [str(len(tally.outcomes)), str(tally.values), *(f"{s:.4f}" for s in shares)]


FOUND = (
    "papers", "values", *OUTCOMES, "not_reproduced_lower", "not_reproduced_upper", "outside_upper",
)  # fmt: skip


def _write_alarms(
    alarms: dict[tuple[str, str, str, int], Tally],
    families: dict[tuple[str, str, str], Tally],
    out: Path,
) -> None:
    """What correct values ended with: kind by kind, and kinds of a family together."""
    with (out / "verdict_calibration.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([
            "kind", "rests_on", "truth", "cohorts", *FOUND, "smallest_error",
            "smallest_error_in_sd", "no_error_noticed",
        ])  # fmt: skip
        for key, tally in sorted(alarms.items()):
            errors = tally.errors
            none = sum(math.isinf(error) for error, _ in errors) / len(errors) if errors else 0.0
            writer.writerow([
                *key, *_found(tally), _median([error for error, _ in errors]),
                _median([sds for _, sds in errors]), f"{none:.4f}" if errors else "",
            ])  # fmt: skip
    with (out / "verdict_families.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["family", "rests_on", "truth", *FOUND])
        for name, tally in sorted(families.items()):
            writer.writerow([*name, *_found(tally)])


def _write_power(power: dict[tuple[str, str, str], Tally], out: Path) -> None:
    """What wrong values ended with, by error."""
    with (out / "verdict_power.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["kind", "truth", "error", "papers", "values", *OUTCOMES])
        for key, tally in sorted(power.items()):
            shares = (f"{s:.4f}" for s in tally.shares())
            writer.writerow([*key, len(tally.outcomes), tally.values, *shares])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", choices=("draw", "judge"))
    parser.add_argument("--folder", type=Path, default=Path("papers"))
    parser.add_argument("--papers", type=int, default=PAPERS)
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--start", type=int, default=FRESH)
    parser.add_argument("--scenes", nargs="*", default=list(SCENES))
    options = parser.parse_args()
    if options.stage == "draw":
        draw(options.folder, options.papers, options.scenes, options.start)
    else:
        judge(options.folder, options.out, options.start)


if __name__ == "__main__":
    main()

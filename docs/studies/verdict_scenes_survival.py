"""Scenes of follow-up times: survival rates, their limits and the median follow-up held out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from verdict_paper import Floats, Paper, add_glands, drawn_size, equals, swapped, text_of
from verdict_scenes_scores import Scene

from recohort.estimators.kaplan_meier import SurvivalInterval, kaplan_meier, landmark_rate
from recohort.estimators.kaplan_meier import median_follow_up as follow_up

AT = 24
SHAPE = {"family": "lognormal", "mean": 30, "sd": 20}
IMPOSED: dict[str, tuple[tuple[str, ...], str]] = {
    "nothing": ((), "events and median time printed"),
    "rate": (("percent",), "rate printed"),
    "rate_and_limit": (("percent", "ci95_lower"), "rate and other limit printed"),
    "limits": (("ci95_lower", "ci95_upper"), "both limits printed"),
}
"""What of a survival rate is printed besides the events and the median time, and how it is told."""


def survival(imposed: str, clustered: bool = False) -> Scene:
    """Events and the median time printed, and what ``imposed`` names; the rest held out.

    ``clustered``: two or three glands a person, whose fates go together in misdescribed papers, and
    limits that allow for it.
    """

    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = int(rng.integers(25, 61)) if clustered else drawn_size(rng)
        if imposed != "nothing":
            n = min(n, 150)
        parent = np.repeat(np.arange(n), rng.integers(1, 4, n)) if clustered else np.arange(n)
        time, event = _times(rng, parent, n, off)
        curve = kaplan_meier(
            time, event.astype(float), SurvivalInterval.LOG_LOG, 0.95,
            parent if clustered else None,
        )  # fmt: skip
        found = landmark_rate(curve, AT).estimate
        if not 0.05 < found.value < 0.95 or found.interval is None:
            return make(rng, off)
        rate, low, high = found.value, found.interval.low, found.interval.high
        unit = "glands" if clustered else "people"
        paper = Paper({}, n)
        where = "all"
        if clustered:
            where = "glands"
            add_glands(paper, parent.size)
        paper.columns["t"] = {"kind": "numeric", "unit": unit, "step": 1, "low": 1, "high": 120,
                              "plausible": SHAPE}  # fmt: skip
        paper.columns["ill"] = {"kind": "binary", "unit": unit}
        having = {"kind": "proportion", "having": [equals("ill", 1)]}
        paper.print("ill", where, having, count=str(int(event.sum())))
        summary = {"kind": "summary", "column": "t"}
        paper.print("t", where, summary, median=text_of(float(np.median(time))))
        _hold(paper, where, (rate, low, high), time, event, imposed, clustered)
        return paper

    return make


def _times(
    rng: np.random.Generator, parent: NDArray[np.int64], n: int, off: bool
) -> tuple[Floats, NDArray[np.bool_]]:
    """Follow-up and events, as the card says or as such studies go."""
    size = parent.size
    if off:
        frailty = np.exp(0.8 * rng.normal(size=n))[parent] if size > n else np.ones(size)
        fails, leaves = rng.exponential(60, size) / frailty, rng.uniform(6, 60, size)
        time, event = np.minimum(fails, leaves), fails <= leaves
    else:
        spread = math.sqrt(math.log1p((20 / 30) ** 2))
        time = np.exp(math.log(30) - spread**2 / 2 + spread * rng.normal(size=size))
        event = rng.permutation(np.arange(size) < round(0.4 * size))
    return np.clip(np.rint(time), 1, 120), event


def _hold(
    paper: Paper,
    where: str,
    found: tuple[float, float, float],
    time: Floats,
    event: NDArray[np.bool_],
    imposed: str,
    clustered: bool,
) -> None:
    rate, low, high = found
    analysis: dict[str, Any] = {
        "kind": "kaplan_meier", "time": "t", "event": [equals("ill", 1)], "at": AT,
        "interval": "log_log", "clustered": clustered,
    }  # fmt: skip
    given, told = IMPOSED[imposed]
    note = f"{', by clusters' if clustered else ''}, {told}"
    crude = 1 - float((event & (time <= AT)).mean())
    wrong = {"crude_share": text_of(100 * crude), "digits_swapped": swapped(text_of(100 * rate))}
    paper.hold(
        f"survival rate{note}", "free", where, analysis, "percent", text_of(100 * rate), **wrong
    )
    for name, limit in (("ci95_lower", low), ("ci95_upper", high)):
        paper.hold(
            f"survival limit{note}", "free", where, analysis, name, text_of(100 * limit),
            one_SE_interval=text_of(100 * (rate + (limit - rate) / 1.96)),
            interval_of_90=text_of(100 * (rate + (limit - rate) * 1.645 / 1.96)),
        )  # fmt: skip
    for name in given:
        paper.impose(f"free.{name}")
    months = float(follow_up(time, event.astype(float)).value or math.nan)
    if imposed in ("nothing", "rate") and not math.isnan(months):
        paper.hold(
            f"median follow-up{note}", "follow", where,
            {"kind": "reverse_kaplan_meier", "time": "t", "event": [equals("ill", 1)]}, "median",
            text_of(months, 0), digits_swapped=swapped(text_of(months, 0)),
        )  # fmt: skip

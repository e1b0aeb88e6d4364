"""Scenes of a score at several times: changes, mixed models, and people who are not followed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats
from verdict_paper import (
    Floats,
    Paper,
    drawn_size,
    on_grid,
    p_text,
    score,
    standard,
    swapped,
    text_of,
)
from verdict_scenes_scores import Scene

from recohort.estimators.linear_mixed import DegreesOfFreedom, linear_mixed

TIMES = ("before", "after", "late")
Z = 1.959964


def _scores(rng: np.random.Generator, n: int, off: bool, times: int) -> list[Floats]:
    """Scores whose neighbouring times correlate by 0.5, or by any 0.1 to 0.85."""
    r = rng.uniform(0.1, 0.85) if off else 0.5
    latent = standard(rng, n, off)
    found = [on_grid(60 + 13 * latent, 5)]
    for _ in range(times - 1):
        latent = r * latent + math.sqrt(1 - r * r) * standard(rng, n, off)
        found.append(on_grid(60 - rng.uniform(0, 12) + 15 * latent, 5))
    return found


def _leave(rng: np.random.Generator, x: Floats, off: bool) -> Floats:
    """Which are followed: three of five to nine of ten; in misdescribed papers the high ones."""
    tendency = rng.normal(size=x.size) + (off * (x - x.mean()) / x.std())
    followed = round(x.size * rng.uniform(0.6, 0.9))
    return np.argsort(np.argsort(-tendency)) < followed


def _column(times: tuple[str, ...]) -> dict[str, Any]:
    column = score(correlation=0.5, times=list(times))
    column["low"] = 5
    later = {name: {"mean": 54, "sd": 15} for name in times[1:]}
    column["plausible"] = {"before": {"mean": 60, "sd": 13}, **later}
    return column


def _print(paper: Paper, name: str, values: Floats, *statistics: str) -> None:
    found = {
        "mean": text_of(values.mean()), "sd": text_of(values.std(ddof=1)),
        "median": text_of(float(np.median(values))),
    }  # fmt: skip
    analysis = {"kind": "summary", "column": f"x@{name}"}
    paper.print(f"x_{name}", "all", analysis, **{s: found[s] for s in statistics})


def changed(rng: np.random.Generator, off: bool) -> Paper:
    """A mean held out beside another time's and the change; changes of other middles as well."""
    before, after = _scores(rng, drawn_size(rng), off, 2)
    paper = Paper({"x": _column(TIMES[:2])}, before.size)
    _print(paper, "before", before, "mean", "sd", "median")
    _print(paper, "after", after, "sd", "median")
    pair = {"kind": "percent_change", "column": "x@after", "baseline": "x@before"}
    change = 100 * (after.mean() - before.mean()) / before.mean()
    paper.print("change", "all", {**pair, "of": "of_means"}, percent_change=text_of(change))
    mean = text_of(after.mean())
    paper.hold(
        "mean, other time's and the change printed", "x_after", "all",
        {"kind": "summary", "column": "x@after"}, "mean", mean, digits_swapped=swapped(mean),
        of_the_other_time=text_of(before.mean()),
    )  # fmt: skip
    medians = [float(np.median(values)) for values in (before, after)]
    logs = [float(np.log(values).mean()) for values in (before, after)]
    found = {
        "medians": 100 * (medians[0] - medians[1]) / medians[0],
        "geometric_means": 100 * (1 - math.exp(logs[1] - logs[0])),
    }
    for of, value in found.items():
        paper.hold(
            f"percent change, of {of.replace('_', ' ')}, means and medians printed", f"of_{of}",
            "all", {**pair, "of": f"of_{of}"}, "percent_reduction_from_baseline", text_of(value),
            digits_swapped=swapped(text_of(value)),
        )  # fmt: skip
    return paper


def unfollowed(rng: np.random.Generator, off: bool) -> Paper:
    """Means and SDs before and after, some not followed; changes of those who were, held out.

    In misdescribed papers those with high scores are followed rather than others.
    """
    before, after = _scores(rng, drawn_size(rng), off, 2)
    stayed = _leave(rng, before, off)
    paper = Paper({"x": _column(TIMES[:2])}, before.size)
    paper.columns["x"]["followed"] = {"after": int(stayed.sum())}
    _print(paper, "before", before, "mean", "sd")
    _print(paper, "after", after[stayed], "mean", "sd")
    first, second = before[stayed], after[stayed]
    note = ", some not followed"
    pair = {"column": "x@after", "baseline": "x@before"}
    test = {"kind": "paired_test", **pair, "test": "paired_t"}
    difference, crude = text_of(second.mean() - first.mean()), after[stayed].mean() - before.mean()
    paper.hold(
        f"difference, paired{note}", "change", "all", test, "difference", difference,
        digits_swapped=swapped(difference), of_all=text_of(crude),
    )  # fmt: skip
    p = float(stats.ttest_rel(second, first).pvalue)
    paper.hold(
        f"p, paired t{note}", "change", "all", test, "p_value", p_text(p), one_sided=p_text(p / 2),
    )  # fmt: skip
    share = text_of(100 * (second.mean() - first.mean()) / first.mean())
    paper.hold(
        f"percent change, of means{note}", "share", "all",
        {"kind": "percent_change", **pair, "of": "of_means"}, "percent_change", share,
        digits_swapped=swapped(share), of_all=text_of(100 * crude / before.mean()),
    )  # fmt: skip
    return paper


def mixed(missing: bool = False, known: bool = False) -> Scene:
    """A linear mixed model of three times: its difference, SE, limits and p held out.

    Means and SDs at each time are printed; ``missing``: of those who were followed, and in
    misdescribed papers these are rather the high ones; ``known``: difference and SE printed too.
    """

    def make(rng: np.random.Generator, off: bool) -> Paper:
        several = _scores(rng, int(rng.integers(30, 121)), off, 3)
        n = several[0].size
        seen = np.ones((n, 3), dtype=bool)
        paper = Paper({"x": _column(TIMES)}, n)
        if missing:
            stayed = _leave(rng, several[0], off)
            seen[:, 1:] = stayed[:, None]
            paper.columns["x"]["followed"] = dict.fromkeys(TIMES[1:], int(stayed.sum()))
        for at, name in enumerate(TIMES):
            _print(paper, name, several[at][seen[:, at]], "mean", "sd")
        who, when = np.nonzero(seen)
        design = np.column_stack([np.ones(who.size), when == 1, when == 2]).astype(float)
        values = np.column_stack(several)[seen]
        fit = linear_mixed(values, design, who, df=DegreesOfFreedom.NORMAL)
        b, se = float(fit.coefficients[2]), float(np.sqrt(fit.covariance[2, 2]))
        p = float(2 * stats.norm.sf(abs(b / se)))
        note = ", mixed model" + (", some not followed" if missing else "")
        note += ", difference and SE printed" if known else ""
        analysis = {"kind": "linear_mixed", "column": "x", "baseline": "x@before", "at": "x@late"}
        text = text_of(b)
        paper.hold(
            f"difference{note}", "gain", "all", analysis, "difference", text,
            digits_swapped=swapped(text), turned=text_of(-b),
        )  # fmt: skip
        sd = float(several[2].std(ddof=1))
        paper.hold(
            f"SE of a difference{note}", "gain", "all", analysis, "se", text_of(se, 2),
            SD_as_SE=text_of(sd, 2), unpaired=text_of(sd * math.sqrt(2 / n), 2),
        )  # fmt: skip
        for name, sign in (("ci95_lower", -1), ("ci95_upper", 1)):
            limit = text_of(b + sign * Z * se)
            paper.hold(
                f"difference limit{note}", "gain", "all", analysis, name, limit,
                one_SE_interval=text_of(b + sign * se),
                interval_of_90=text_of(b + sign * 1.645 * se),
            )  # fmt: skip
        paper.hold(
            f"p{note}", "gain", "all", analysis, "p_value", p_text(p), one_sided=p_text(p / 2),
            digit_lost=p_text(p / 10),
        )  # fmt: skip
        if known:
            paper.impose("gain.difference")
            paper.impose("gain.se")
        return paper

    return make

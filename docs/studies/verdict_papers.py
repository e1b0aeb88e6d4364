"""Small made-up papers whose truth is known, for the study of the verdicts.

A scene says what a paper prints, which of it is imposed and which held out. Each scene comes with
two truths: ``described``, where the data come from what the card assumes, and ``misdescribed``,
where the card's author guessed wrong as happens in reality: data more skewed, means and SDs off by
a good part of an SD, another correlation, groups that differ though nothing printed says so, people
whose glands are alike.
"""

from __future__ import annotations

from functools import partial

from verdict_scenes_counts import counts, glands, two_by_two
from verdict_scenes_follows import accuracy, parts, shares, tested_sd
from verdict_scenes_models import centres, hazard, ratio
from verdict_scenes_repeated import changed, mixed, unfollowed
from verdict_scenes_scores import (
    Scene,
    area,
    groups_by_mean,
    groups_by_median,
    margin,
    paired,
    tested_mean,
    unspoken,
)
from verdict_scenes_survival import survival

SCENES: dict[str, Scene] = {
    "groups_by_mean": groups_by_mean,
    "groups_by_mean_tried": partial(groups_by_mean, tried=True),
    "groups_by_median": groups_by_median,
    "unspoken": unspoken,
    **{name: margin(name) for name in ("mean", "mean_alone", "sd", "sd_alone", "median")},
    **{f"counts_{known}": counts(known) for known in ("both", "rest", "total", "none", "tried")},
    "two_by_two": two_by_two(sensitivity=True),
    "two_by_two_alone": two_by_two(sensitivity=False),
    "glands": glands,
    "shares": shares,
    "shares_large": partial(shares, large=True),
    "accuracy": accuracy,
    "parts": parts(whole=False),
    "whole": parts(whole=True),
    "tested_sd": tested_sd,
    "changed": changed,
    "unfollowed": unfollowed,
    "mixed": mixed(),
    "mixed_missing": mixed(missing=True),
    "mixed_known": mixed(known=True),
    "paired": paired(),
    "paired_tried": paired(tried=True),
    "paired_tested": paired(tested=True),
    "tested_mean": tested_mean,
    "area": area("area"),
    "area_limit": area("limit"),
    "area_limits": area("limits"),
    "area_hanley": area("hanley"),
    "survival": survival("nothing"),
    "survival_rate": survival("rate"),
    "survival_limit": survival("rate_and_limit"),
    "survival_limits": survival("limits"),
    "survival_glands": survival("rate", clustered=True),
    "ratio_value": ratio("value"),
    "ratio_limit": ratio("limit"),
    "ratio_lower": ratio("lower"),
    "ratio_upper": ratio("upper"),
    "ratio_p": ratio("p"),
    "ratio_auc": ratio("auc"),
    "ratio_auc_margin": ratio("auc", margin=True),
    "centres_value": centres("value"),
    "centres_limit": centres("limit"),
    "centres_p": centres("p"),
    "centres_auc": centres("auc"),
    "hazard_value": hazard("value"),
    "hazard_lower": hazard("lower"),
    "hazard_upper": hazard("upper"),
    "hazard_glands_value": hazard("value", clustered=True),
    "hazard_glands_upper": hazard("upper", clustered=True),
}
"""What is printed and what is held out, by name."""

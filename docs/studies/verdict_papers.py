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
from verdict_scenes_models import centres, hazard, ratio
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
    "paired": paired(),
    "paired_tried": paired(tried=True),
    "paired_tested": paired(tested=True),
    "tested_mean": tested_mean,
    "area": area(limits=False),
    "area_limit": area(limits=True),
    "survival": survival("nothing"),
    "survival_rate": survival("rate"),
    "survival_limit": survival("rate_and_limit"),
    "survival_limits": survival("limits"),
    "survival_glands": survival("rate", clustered=True),
    "ratio": ratio("odds_ratio"),
    "ratio_limit": ratio("ci95_upper"),
    "ratio_p": ratio("p_value"),
    "ratio_auc": ratio("auc"),
    "ratio_auc_margin": ratio("auc", margin=True),
    "centres": centres("odds_ratio"),
    "centres_limit": centres("ci95_upper"),
    "centres_p": centres("p_value"),
    "centres_auc": centres("auc"),
    "hazard": hazard("hazard_ratio"),
    "hazard_limit": hazard("ci95_upper"),
    "hazard_p": hazard("p_value"),
}
"""What is printed and what is held out, by name."""

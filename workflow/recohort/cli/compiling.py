"""Compiles the numerical kernels ahead of their first use, by three small made-up studies."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.resources import as_file, files

import numpy as np

from recohort.card.loader import load_card
from recohort.card.statistic import Role
from recohort.reconstruct.draw import Effort, draw_cohort
from recohort.reconstruct.regression.search import SearchEffort
from recohort.reconstruct.survival.search import SurvivalEffort
from recohort.reconstruct.target import targets_of
from recohort.replicate.batch import replicate_study

__all__ = ["compile_kernels"]

_STUDIES = "mixed", "plain", "survival"
_LITTLE = Effort(
    models=SearchEffort(steps=8),
    survival=SurvivalEffort(cycles=2, moves=2000, plans=20, orders=2, turns=2000),
    few=2000,
    polish=60,
)
"""Enough to call every kernel once: what is found is thrown away."""


def compile_kernels() -> None:
    """Call every kernel, so that the compiled code is on disk when a study needs it."""
    with ProcessPoolExecutor(2) as pool:  # more would only compile more twice
        list(pool.map(_run_through, _STUDIES))


def _run_through(name: str) -> None:
    with as_file(files("recohort.cli") / "kernels" / f"{name}.yaml") as path:
        card = load_card(path).base
    drawn = draw_cohort(card, targets_of(card, list(Role)), np.random.default_rng(1), _LITTLE)
    replicate_study(card, drawn.cohort, 3, seed=1)
    print(f"recohort: compiled what studies like {name}.yaml need", file=sys.stderr)

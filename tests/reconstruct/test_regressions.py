"""Made-up papers of regressions, printed in full by pandas, scipy and statsmodels.

Univariable and multivariable models of the same predictors beside the tests of each by outcome;
models of yes-or-no predictors alone; a mixed model with centres.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

STUDIES = Path(__file__).parents[2] / "docs" / "studies"


@pytest.fixture(scope="module")
def study() -> ModuleType:
    sys.path.insert(0, str(STUDIES))
    try:
        import unseen_papers
    finally:
        sys.path.remove(str(STUDIES))
    return unseen_papers


@pytest.mark.parametrize(
    ("family", "seed", "low"),
    [("cohort", 1, 80), ("cohort", 22, 80), ("cohort", 27, 80), ("centres", 24, 200)],
)
def test_a_paper_with_regressions_is_printed_in_full_by_other_programs(
    study: ModuleType, family: str, seed: int, low: int
) -> None:
    paper = study.draw_paper(seed, family, 0, low, 5000)
    trial = study.attempt(paper, seed, 6)
    assert trial.unmet == ()
    assert trial.misjudged == ()

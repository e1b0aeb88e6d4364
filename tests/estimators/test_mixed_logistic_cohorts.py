"""Small, hard cohorts: every mixed logistic fit is right by plain means, or flagged.

The first 300 of the 10,000 of docs/studies/mixed_logistic_cohorts.py.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

STUDY = Path(__file__).parents[2] / "docs" / "studies" / "mixed_logistic_cohorts.py"


def test_no_silent_failure_in_300_simulated_cohorts() -> None:
    spec = importlib.util.spec_from_file_location("mixed_logistic_cohorts", STUDY)
    assert spec is not None
    assert spec.loader is not None
    study = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(study)
    counts, errors = study.study(300, 1)
    assert {problem for _, problem in counts} == {""}
    assert max(errors["ok"]) < 0.03
    assert sum(n for (flag, _), n in counts.items() if flag == "not_converged") < 10
    assert {flag for flag, _ in counts} >= {"ok", "boundary", "separated", "inexact"}

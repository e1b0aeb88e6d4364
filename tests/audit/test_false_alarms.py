"""A small run of the studies in docs/studies: correct papers, and one digit changed."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from recohort.audit.finding import FindingVerdict
from recohort.audit.study import audit_card

STUDIES = Path(__file__).parents[2] / "docs" / "studies"


@pytest.fixture(scope="module")
def papers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulated_paper", STUDIES / "simulated_paper.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["simulated_paper"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_no_correct_paper_is_impossible(papers: ModuleType) -> None:
    seen: Counter[str] = Counter()
    for index in range(60):
        rng = np.random.default_rng(np.random.SeedSequence((9, index)))
        audit = audit_card(papers.simulated_paper(rng).card(), seconds=1.0)
        assert not audit.conflicts, [f.sentence for f in audit.conflicts]
        seen.update(f.verdict for f in audit.findings)
    assert seen[FindingVerdict.POSSIBLE] > 1000


def test_a_changed_percentage_is_always_noticed(papers: ModuleType) -> None:
    for index in range(12):
        rng = np.random.default_rng(np.random.SeedSequence((10, index)))
        paper = papers.simulated_paper(rng)
        printed = paper.quantities["group_1"]["values"]["percent"]
        shifted = f"{(float(printed) + 7) % 100:.{len(printed.partition('.')[2])}f}"
        audit = audit_card(paper.card(**{"group_1.percent": shifted}), seconds=1.0)
        assert any("group_1.percent" in f.values for f in audit.conflicts)

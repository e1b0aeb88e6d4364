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
from recohort.card.loader import load_card
from recohort.card.study import StudyCard

STUDIES = Path(__file__).parents[2] / "docs" / "studies"
PUBLIC = Path(__file__).parents[1] / "reference" / "public_data"


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


def test_papers_that_public_data_would_print_by_r_are_possible() -> None:
    cards = sorted(PUBLIC.glob("*.yaml"))
    assert len(cards) >= 6
    for path in cards:
        audit = audit_card(load_card(path).base, seconds=1.0)
        assert not audit.conflicts, (path.stem, [f.sentence for f in audit.conflicts])


@pytest.mark.parametrize(("measure", "base"), [
    ("sensitivity", "diseased"), ("specificity", "healthy"),
    ("positive_predictive_value", "positive"), ("negative_predictive_value", "negative"),
])  # fmt: skip
@pytest.mark.parametrize("counted", [True, False])
def test_an_accuracy_is_a_share_of_those_it_is_about(
    measure: str, base: str, counted: bool
) -> None:
    # 30 of 40 diseased and 12 of 60 healthy test positive.
    right = {"diseased": (30, 40), "healthy": (48, 60), "positive": (30, 42), "negative": (48, 58)}
    k, n = right[base]
    sizes = {100, *(m for _, m in right.values())} - {n}
    wrong = {str(round(100 * k / size)) for size in sizes if size >= k}
    possible = accuracy_card(measure, k, f"{100 * k / n:.0f}", counted)
    assert not audit_card(possible).conflicts
    for percent in sorted(wrong - {f"{100 * k / n:.0f}"}):
        found = audit_card(accuracy_card(measure, k, percent, counted)).conflicts
        # Of an unknown number no percentage of this count is out of the question.
        assert bool(found) == counted


def accuracy_card(measure: str, count: int, percent: str, counted: bool) -> StudyCard:
    """100 people, 40 diseased, 42 positive; told of everyone, the numbers printed or not."""
    disease = [{"column": "disease", "equals": "1"}]
    positive = [{"column": "positive", "equals": "1"}]
    quantities: dict[str, object] = {
        "people": {"analysis": {"kind": "size"}, "values": {"count": "100"}},
        "accuracy": {
            "analysis": {
                "kind": "diagnostic", "measure": measure, "test": positive, "reference": disease,
            },
            "values": {"count": str(count), "percent": percent},
        },
    }  # fmt: skip
    if counted:
        for name, having, n in (("ill", disease, "40"), ("marked", positive, "42")):
            analysis = {"kind": "proportion", "having": having}
            quantities[name] = {"analysis": analysis, "values": {"count": n}}
    for name, quantity in quantities.items():
        assert isinstance(quantity, dict)
        quantity |= {"label": name, "population": "everyone"}
    return StudyCard.model_validate({
        "format": "recohort-card-1", "study": "made_up", "name": "Made up",
        "citation": {"authors": "A", "title": "T", "journal": "J", "year": "2020"},
        "summary": "Made up.",
        "units": {"people": {"label": "People", "n": "100"}},
        "columns": {
            "disease": {"kind": "binary", "unit": "people"},
            "positive": {"kind": "binary", "unit": "people"},
        },
        "populations": {"everyone": {"unit": "people", "label": "everyone"}},
        "quantities": quantities,
    })  # fmt: skip

"""A card's audit: made-up cards with one flaw each, and the five study cards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recohort.audit.certificate import check
from recohort.audit.finding import Check, Finding, FindingVerdict
from recohort.audit.study import StudyAudit, audit_card, audit_path, to_text
from recohort.audit.terminal import render_terminal
from recohort.card.study import StudyCard

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "config" / "studies").glob("*.yaml"))
IMPOSSIBLE, UNDETERMINED = FindingVerdict.IMPOSSIBLE, FindingVerdict.UNDETERMINED


BRACED = {"kind": "proportion", "having": [{"column": "brace", "equals": 1}]}


def made_up(**values: dict[str, str]) -> StudyCard:
    """A small correct paper on a knee brace, with some quantities' values replaced."""
    yes = [{"column": "better", "equals": 1}]
    quantities: dict[str, dict[str, Any]] = {
        "people": {"analysis": {"kind": "size"}, "values": {"count": "40"}},
        "better": {
            "analysis": {"kind": "proportion", "having": yes},
            "values": {"count": "22", "percent": "55.0", "ci95_lower": "40", "ci95_upper": "69"},
        },
        "worse": {
            "analysis": {"kind": "proportion", "having": [{"column": "better", "equals": 0}]},
            "values": {"count": "18", "percent": "45"},
        },
        "score": {
            "analysis": {"kind": "summary", "column": "score"},
            "values": {"mean": "4.2", "sd": "2.1", "median": "4", "min": "0", "max": "9"},
        },
        "score_change": {
            "analysis": {
                "kind": "paired_test", "column": "pain@late", "baseline": "pain@early",
                "test": "paired_t",
            },
            "values": {"p_value": "0.02"},
        },
        "brace": {
            "analysis": {"kind": "model_term", "model": "model", "term": "brace"},
            "values": {
                "odds_ratio": "2.27", "ci95_lower": "0.64", "ci95_upper": "8.11",
                "p_value": "0.21",
            },
        },
        "auc": {
            "analysis": {"kind": "auc", "column": "score", "outcome": yes},
            "values": {"auc": "0.75", "ci95_lower": "0.60", "ci95_upper": "0.90"},
        },
    }  # fmt: skip
    for name, replaced in values.items():
        quantities.setdefault(name, {"analysis": BRACED, "values": {}})
        quantities[name]["values"] = quantities[name]["values"] | replaced
    return StudyCard.model_validate(
        {
            "format": "recohort-card-1",
            "study": "made_up",
            "name": "Knee brace",
            "citation": {"authors": "", "title": "", "journal": ""},
            "summary": "",
            "units": {"people": {"label": "People", "n": 40}},
            "columns": {
                "better": {"kind": "binary", "unit": "people"},
                "brace": {"kind": "binary", "unit": "people"},
                "score": {"kind": "numeric", "unit": "people", "step": "1", "low": "0",
                          "high": "10"},
                "pain": {"kind": "numeric", "unit": "people", "times": ["early", "late"]},
            },
            "populations": {"people": {"unit": "people", "label": "people"}},
            "models": {
                "model": {
                    "kind": "logistic", "population": "people", "outcome": yes,
                    "terms": {"brace": {"column": "brace"}},
                }
            },
            "quantities": {
                name: {"label": name, "population": "people", **body}
                for name, body in quantities.items()
            },
            "relations": [
                {"kind": "sum", "whole": "people.count", "parts": ["better.count", "worse.count"]}
            ],
        }
    )  # fmt: skip


def conflicts(audit: StudyAudit) -> list[Finding]:
    return [finding for finding in audit.findings if finding.is_conflict]


def test_a_correct_paper_has_no_conflict() -> None:
    audit = audit_card(made_up())
    assert conflicts(audit) == []
    assert {f.check for f in audit.findings} >= {
        Check.COUNT_PERCENTAGE, Check.TOTAL, Check.ONE_VARIABLE, Check.RATIO, Check.AUC_INTERVAL,
        Check.PROPORTION_INTERVAL,
    }  # fmt: skip
    assert {"people.count", "better.percent", "better.ci95_lower"} <= set(audit.determined)


@pytest.mark.parametrize(
    ("quantity", "statistic", "text", "family"),
    [
        ("better", "percent", "103.2", Check.BAD_VALUE),
        ("better", "percent", "57.0", Check.COUNT_PERCENTAGE),
        ("better", "count", "23", Check.TOTAL),
        ("better", "count", "22.5", Check.BAD_VALUE),
        ("better", "count", "44", Check.TOTAL),
        ("better", "ci95_lower", "70", Check.BAD_VALUE),
        ("better", "ci95_lower", "54", Check.PROPORTION_INTERVAL),
        ("worse", "percent", "45.4", Check.COUNT_PERCENTAGE),
        ("score", "sd", "-2.1", Check.ONE_VARIABLE),
        ("score", "sd", "5.9", Check.ONE_VARIABLE),
        ("score", "min", "12", Check.ONE_VARIABLE),
        ("score", "mean", "4.212", Check.ONE_VARIABLE),
        ("score_change", "p_value", "1.3", Check.BAD_VALUE),
        ("brace", "ci95_lower", "2.50", Check.BAD_VALUE),
        ("brace", "ci95_upper", "-4.00", Check.BAD_VALUE),
        ("auc", "auc", "1.02", Check.BAD_VALUE),
        ("auc", "ci95_upper", "0.55", Check.BAD_VALUE),
    ],
)
def test_one_flaw_is_impossible_and_its_certificate_checks(
    quantity: str, statistic: str, text: str, family: Check
) -> None:
    audit = audit_card(made_up(**{quantity: {statistic: text}}))
    found = [f for f in audit.conflicts if f.check is family]
    assert found, [f.sentence for f in audit.findings]
    value = f"{quantity}.{statistic}"
    assert any(value in f.values for f in found), [f.values for f in found]
    for finding in audit.conflicts:
        assert finding.certificate is not None
        assert check(finding.certificate)
    assert value not in audit.determined


@pytest.mark.parametrize(
    ("quantity", "statistic", "text"),
    [("brace", "p_value", "0.6"), ("brace", "ci95_upper", "31.0")],
)
def test_one_flaw_is_at_least_undetermined(quantity: str, statistic: str, text: str) -> None:
    audit = audit_card(made_up(**{quantity: {statistic: text}}))
    assert [f.check for f in conflicts(audit)] == [Check.RATIO]


def test_a_crude_odds_ratio_takes_a_table() -> None:
    # 22 of 40 are better; of 20 with a brace, 13 of them make it (13·11)/(7·9) = 2.27.
    card = made_up(braced={"count": "20"})
    found = [f for f in audit_card(card).findings if f.check is Check.TWO_BY_TWO]
    assert [f.verdict for f in found] == [FindingVerdict.POSSIBLE]
    card = made_up(braced={"count": "20"}, brace={"odds_ratio": "2.00"})
    found = [f for f in audit_card(card).findings if f.check is Check.TWO_BY_TWO]
    assert [f.verdict for f in found] == [IMPOSSIBLE]


def test_a_standard_error_below_the_floor_is_undetermined() -> None:
    narrow = {"odds_ratio": "2.00", "ci95_lower": "1.60", "ci95_upper": "2.50"}
    card = made_up(brace=narrow | {"p_value": "<0.001"})
    found = [f for f in audit_card(card).findings if f.check is Check.ADJUSTED_SE]
    assert [f.verdict for f in found] == [UNDETERMINED]


def test_a_paper_that_cuts_off_throughout_has_no_conflict() -> None:
    # 23/40 = 57.5 and 17/40 = 42.5 are cut off; so is a mean of 167/40 = 4.175.
    card = made_up(
        people={"count": "40"},
        better={"count": "23", "percent": "57", "ci95_lower": "42", "ci95_upper": "71"},
        worse={"count": "17", "percent": "42"},
        score={"mean": "4.17"},
    )
    audit = audit_card(card)
    found = {f.check: f.verdict for f in audit.findings}
    assert found[Check.ROUNDING] is FindingVerdict.NOTE
    assert conflicts(audit) == [], [f.sentence for f in conflicts(audit)]


def test_json_is_the_same_twice_and_reads_back() -> None:
    card = made_up(better={"percent": "57.0"})
    text = to_text(audit_card(card))
    assert text == to_text(audit_card(card))
    stored = json.loads(text)
    assert set(stored) == {"study", "card_sha256", "findings", "determined", "conventions"}
    back = [Finding.from_json(item) for item in stored["findings"]]
    assert back == list(audit_card(card).findings)


def test_terminal_table() -> None:
    audit = audit_card(made_up(better={"percent": "57.0"}))
    table = render_terminal(audit.findings, 80)
    assert "impossible" in table
    assert all(len(line) <= 80 for line in table.splitlines())
    assert not any(line.startswith("possible") for line in table.splitlines())
    assert len(render_terminal(audit.findings, 80, every=True)) > len(table)


@pytest.fixture(scope="module")
def audits() -> dict[str, StudyAudit]:
    return {path.stem: audit_path(path) for path in STUDIES}


def test_cryoablation_one_rounding_and_one_variable(audits: dict[str, StudyAudit]) -> None:
    found = conflicts(audits["cazzato2022_cryo"])
    assert [f.check for f in found] == [Check.ONE_VARIABLE, Check.ROUNDING]
    assert {f.verdict for f in found} == {IMPOSSIBLE}
    pain, rounding = found
    assert "8.5 is 9/105" in rounding.sentence
    assert "cut off" in rounding.reconcile[0]
    # With 34 zeros and a maximum of 9, the SD is at least 2.57.
    assert "2.57" in pain.sentence
    assert {"nprs_last_follow_up.sd", "pain_free_last_follow_up.count"} <= set(pain.values)


def test_perfusion_imaging_three_intervals(audits: dict[str, StudyAudit]) -> None:
    audit = audits["ajnr2023_dce"]
    found = conflicts(audit)
    assert all(f.check is Check.PROPORTION_INTERVAL for f in found)
    assert {f.values[0] for f in found} == {
        "plasma_volume_sensitivity.count", "size_sensitivity.count", "size_specificity.count",
    }  # fmt: skip
    by_row = {f.values[0].partition(".")[0]: f for f in found}
    assert "45 of 49" in by_row["plasma_volume_sensitivity"].reconcile[0]
    assert "the complement, 20 of 38" in by_row["size_specificity"].reconcile[0]
    overlap = [f for f in audit.findings if f.check is Check.TOTAL and "13" in f.sentence]
    assert [f.verdict for f in overlap] == [FindingVerdict.NOTE]


def test_hyperparathyroidism_has_no_conflict(audits: dict[str, StudyAudit]) -> None:
    assert conflicts(audits["liu2025_shpt"]) == []
    assert conflicts(audits["recurrent_shpt"]) == []
    notes = [f for f in audits["liu2025_shpt"].findings if f.verdict is FindingVerdict.NOTE]
    assert any("3.78" in f.sentence and "not the printed p = .03" in f.sentence for f in notes)


def test_microwave_ablation_a_percentage_of_no_printed_number(
    audits: dict[str, StudyAudit],
) -> None:
    (found,) = conflicts(audits["ajnr2022_mwa"])
    assert found.values == ("local_control_6_months.percent",)
    assert found.verdict is UNDETERMINED
    assert any("128 of 135" in reading for reading in found.reconcile)


def test_every_certificate_of_the_studies_checks(audits: dict[str, StudyAudit]) -> None:
    for audit in audits.values():
        for finding in audit.findings:
            if finding.certificate is not None:
                assert check(finding.certificate)


def test_an_assumption_that_mends_a_conflict_makes_it_undetermined(tmp_path: Path) -> None:
    text = (ROOT / "config" / "studies" / "cazzato2022_cryo.yaml").read_text()
    value = "value: [{column: nprs@last_follow_up, equals: 0}]"
    other = "alternatives: [[{column: nprs@last_follow_up, at_most: 1}]]"
    assert value in text
    path = tmp_path / "cazzato2022_cryo.yaml"
    path.write_text(text.replace(value, f"{value}\n    {other}"))
    found = [f for f in audit_path(path).findings if f.check is Check.ONE_VARIABLE]
    (pain,) = [f for f in found if f.is_conflict]
    assert pain.verdict is UNDETERMINED
    assert "what counts as free of pain" in pain.sentence


def test_the_audit_imports_nothing_heavy() -> None:
    code = (
        "import sys, recohort.audit.study as s\n"
        f"s.audit_path({str(STUDIES[0])!r})\n"
        "heavy = {'pandas', 'statsmodels', 'lifelines', 'numba', 'matplotlib', 'scipy.stats'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

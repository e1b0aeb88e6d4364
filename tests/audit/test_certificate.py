"""The certificate checker: right ones pass, every tampered or malformed one fails."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import recohort.audit.certificate as certificate
from recohort.audit.certificate import Certificate, CertificateKind, check
from recohort.printed import RoundingRule, round_text

K = CertificateKind

# Kind, data that contradict each other, and changes that each undo the contradiction.
CASES: list[tuple[CertificateKind, dict[str, Any], list[dict[str, Any]]]] = [
    (
        K.ORDER,
        {"smaller": {"printed": "1.2"}, "larger": {"printed": "1.1"}},
        [{"larger": {"printed": "1.2"}}, {"larger": {"printed": "1.19"}}, {"smaller": {}}],
    ),
    (
        K.ORDER,
        {"smaller": {"printed": "100.4"}, "larger": {"exact": "100"}},
        [{"smaller": {"printed": "100.0"}}, {"larger": {"exact": "101"}}],
    ),
    (
        K.SUM,
        {
            "parts": [{"exact": "38"}, {"exact": "12"}],
            "whole": {"exact": "49"},
            "relation": "equal",
        },
        [{"parts": [{"exact": "38"}, {"exact": "11"}]}, {"relation": "at_least"}, {"relation": ""}],
    ),
    (
        K.COUNT_PERCENT,
        {"k": 12, "n": 41, "scale": 100, "printed": "27.3"},
        [{"k": 3, "n": 11}, {"printed": "29.3"}, {"printed": "29.2"}, {"n": 0}],
    ),
    (
        K.NO_COUNT,
        {"n_low": 20, "n_high": 20, "scale": 100, "printed": "13"},
        [{"n_low": 15, "n_high": 15}, {"n_low": 15}, {"n_high": 23}, {"printed": "15"}],
    ),
    (K.NOT_WHOLE, {"printed": "12.5"}, [{"printed": "12"}, {"printed": "12.0"}]),
    (
        K.ROUNDING,
        {
            "items": [
                {"k": 2, "n": 3, "scale": 100, "printed": "66"},
                {"k": 5, "n": 6, "scale": 100, "printed": "83"},
                {"k": 2, "n": 7, "scale": 100, "printed": "29"},
            ]
        },
        [{"items": [{"k": 2, "n": 3, "scale": 100, "printed": "66"}]}, {"items": []}],
    ),
    (
        K.BINOMIAL_TAIL,
        {"k": 8, "n": 10, "scale": 100, "lower": "72", "upper": "86", "level": "0.95"},
        [{"lower": "49", "upper": "94"}, {"k": 800, "n": 1000}, {"level": "0.5"}, {"k": 10}],
    ),
    (
        K.NO_TABLE,
        {"printed": "9.1", "measure": "odds", "n1": 12, "n0": 13, "events": 4},
        [{"printed": "4.0"}, {"printed": "14.3"}, {"printed": "1.1"}],
    ),
    (
        K.AUC_BOUND,
        {"auc": "0.80", "lower": "0.45", "upper": "1.00", "smaller": 30, "level": "0.95"},
        [{"smaller": 5}, {"lower": "0.66", "upper": "0.94"}],
    ),
    (
        K.WALD_RATIO,
        {"estimate": "2.00", "lower": "1.50", "upper": "2.67", "p": "0.40", "level": "0.95"},
        [{"p": "<0.001"}, {"lower": "0.42", "upper": "9.60"}, {"p": None}],
    ),
    (
        K.TWO_SAMPLE_T,
        {
            "n1": 20, "mean1": "5.1", "sd1": "1.0", "n2": 22, "mean2": "5.2", "sd2": "1.1",
            "p": "0.001",
        },
        [{"p": "0.8"}, {"mean1": "3.9"}, {"n1": 1}],
    ),
    (
        K.PAIRED_T,
        {
            "n_low": 12, "n_high": 12, "mean1": "5.0", "sd1": "0.50", "mean2": "9.0",
            "sd2": "2.5", "p": "0.4",
        },
        [{"p": "0.001"}, {"mean2": "5.2"}, {"n_low": 2}],
    ),
    (
        K.RANK_P,
        {"design": "two_sample", "n1": 3, "n2": 3, "p": "<0.001"},
        [{"n1": 30, "n2": 30}, {"p": "<0.1"}],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "data", "undone"), CASES)
def test_a_contradiction_checks_and_each_tampering_fails(
    kind: CertificateKind, data: dict[str, Any], undone: list[dict[str, Any]]
) -> None:
    assert check(Certificate(kind, data))
    for change in undone:
        assert not check(Certificate(kind, data | change)), change


@pytest.mark.parametrize(("kind", "data", "_undone"), CASES)
def test_a_missing_field_or_text_that_is_no_number_proves_nothing(
    kind: CertificateKind, data: dict[str, Any], _undone: object
) -> None:
    for name in data:
        if name == "p" and kind is K.WALD_RATIO:
            continue  # optional: without it the question is symmetry alone
        assert not check(Certificate(kind, {k: v for k, v in data.items() if k != name}))
        assert not check(Certificate(kind, data | {name: "not a number"}))


def test_every_kind_has_a_checker() -> None:
    assert set(certificate._CHECKERS) == set(CertificateKind)


def test_checkers_share_nothing_with_the_checks() -> None:
    room = Path(certificate.__file__).parent
    for path in room.glob("certificate*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("recohort"):
                module = node.module or ""
                # The definitions of quantiles are data, not a check.
                allowed = ("recohort.audit.certificate", "recohort.estimators.summary")
                assert module.startswith(allowed), (path.name, module)


@given(
    value=st.fractions(min_value=0, max_value=100, max_denominator=500),
    decimals=st.integers(0, 3),
    rule=st.sampled_from(RoundingRule),
)
def test_a_percentage_printed_by_any_rule_never_checks(
    value: Any, decimals: int, rule: RoundingRule
) -> None:
    n = value.denominator * 2
    k = int(value * n / 100) if value <= 100 else 0
    exact = 100 * k / n
    printed = round_text(exact, decimals, rule)
    data = {"k": k, "n": n, "scale": 100, "printed": printed}
    assert not check(Certificate(K.COUNT_PERCENT, data))
    whole = {"n_low": n, "n_high": n, "scale": 100, "printed": printed}
    assert not check(Certificate(K.NO_COUNT, whole))


@example(b=-3.0, se=1.0, decimals=1, rule=RoundingRule.CEILING)
@given(
    b=st.floats(-9, 3),
    se=st.floats(0.05, 4),
    decimals=st.integers(1, 3),
    rule=st.sampled_from(RoundingRule),
)
def test_a_wald_ratio_printed_by_any_rule_never_checks(
    b: float, se: float, decimals: int, rule: RoundingRule
) -> None:
    texts = [round_text(math.exp(b + side * 1.959963984540054 * se), decimals, rule)
             for side in (0, -1, 1)]  # fmt: skip
    p = round_text(math.erfc(abs(b) / se / math.sqrt(2)), 3, rule)
    data = dict(zip(("estimate", "lower", "upper"), texts, strict=True))
    assert not check(Certificate(K.WALD_RATIO, data | {"p": p, "level": "0.95"}))

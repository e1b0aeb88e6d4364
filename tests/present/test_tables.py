"""The tables in their three formats."""

from __future__ import annotations

import csv
import io

import docx
import pytest

from recohort.card.statistic import Statistic
from recohort.present.results import Spread, StudyResults
from recohort.present.tables.contents import number_text, sheets, spread_text, value_text
from recohort.present.tables.sheet import Sheet
from recohort.present.tables.write import csv_text, docx_bytes, latex_text

HOSTILE = Sheet(
    name="hostile",
    title="A & B <i>",
    head=("what", "50% of_it"),
    rows=(
        ("=HYPERLINK(\"http://x\")", "-57.3"),
        ("\\input{/etc/passwd} $x^2$ {~}", "+88.2"),
        ("a,\"b\"\nc\x00", "−1"),
    ),
    numeric=frozenset({1}),
)  # fmt: skip


def test_csv_holds_every_cell_and_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(csv_text(HOSTILE))))
    assert rows[1] == ['\'=HYPERLINK("http://x")', "-57.3"]
    assert rows[2][1] == "+88.2"
    assert rows[3][0] == 'a,"b"\nc\x00'


def test_latex_typesets_hostile_text_and_never_runs_it() -> None:
    text = latex_text(HOSTILE)
    assert (
        r"\textbackslash{}input\{/etc/passwd\} \$x\textasciicircum{}2\$ \{\textasciitilde{}\}"
        in text
    )
    assert r"50\% of\_it" in text
    assert r"\endhead" in text


def test_word_repeats_the_head_and_has_no_date_of_its_own() -> None:
    data = docx_bytes(HOSTILE)
    assert data == docx_bytes(HOSTILE)
    document = docx.Document(io.BytesIO(data))
    (table,) = document.tables
    assert [cell.text for cell in table.rows[0].cells] == ["what", "50% of_it"]
    assert "tblHeader" in table.rows[0]._tr.xml
    assert len(table.rows) == 4


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1 of t has 1 cells; takes 2"):
        Sheet("t", "T", ("a", "b"), (("only",),))


def test_each_table_of_a_study_has_its_rows(results: StudyResults) -> None:
    found = {sheet.name: sheet for sheet in sheets(results)}
    assert len(found["comparison"].rows) == len(results.values)
    assert len(found["findings"].rows) == len(results.findings)
    assert len(found["assumptions"].rows) == len(results.card.assumptions)
    assert len(found["design_choices"].rows) == 2
    assert "prints 29 of 30" in found["assumptions"].rows[0][2]
    assert len(found["questions"].rows) == 1
    described = [row for row in found["baseline_SIMULATED"].rows if row[0].startswith("Wool")]
    assert [row[0] for row in described] == ["Wool, before", "Wool, 1 month", "Wool, 6 months"]
    assert described[2][4] == "10", "those not followed are missing"


@pytest.mark.parametrize(
    ("number", "text"),
    [(float("nan"), ""), (3.0, "3"), (0.123456, "0.123"), (12345.6, "12346"), (-0.5, "-0.500"),
     (2.5e-7, "2.5e-07"), (float("inf"), "∞")],
)  # fmt: skip
def test_number_text(number: float, text: str) -> None:
    assert number_text(number) == text


@pytest.mark.parametrize(
    ("low", "high", "statistic", "text"),
    [(26.0, 37.975, Statistic.COUNT, "26 to 38"), (50.0, 67.025, Statistic.MEDIAN, "50.0 to 67.0"),
     (37.42, 173.1, Statistic.MEAN, "37 to 173"), (0.0412, 12.34, Statistic.ODDS_RATIO,
     "0.0412 to 12.3"), (2.9e-7, 0.00119, Statistic.P_VALUE, "2.9e-07 to 0.00119"),
     (-75.51, -41.12, Statistic.MEAN, "-75.5 to -41.1"), (3.0, 3.0, Statistic.COUNT, "3"),
     (1.2, 9.6, Statistic.COUNT, "1 to 10"), (0.0, 0.4567, Statistic.MEAN, "0.000 to 0.457")],
)  # fmt: skip
def test_spread_text(low: float, high: float, statistic: Statistic, text: str) -> None:
    assert spread_text(Spread(low, (low + high) / 2, high), statistic) == text


def test_value_text_of_conditions_and_mappings() -> None:
    assert value_text([{"column": "size_change", "at_least": "0"}]) == "size change ≥ 0"
    assert value_text({"6_months": "150"}) == "6 months 150"
    assert value_text([]) == "none"

"""Cohorts as files: what is written is read back, and what cannot be read is said in one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recohort.cohort import (
    Cohort,
    Relation,
    Table,
    TableLayout,
    read_cohort,
    write_cohort,
)

NAN = float("nan")

LAYOUTS = (
    TableLayout(
        "farms",
        None,
        ("acres",),
        {"rain": ("may", "june"), "frost": ("june", "july")},
        {"acres": 2, "rain": 1},
    ),
    TableLayout("hens", "farms", ("eggs",)),
    TableLayout("chicks", "hens", ("weight",), decimals={"weight": 3}),
)


def made_up() -> Cohort:
    columns = {
        "acres": np.array([1.25, NAN, 30.0]),
        "rain@may": np.array([0.5, NAN, 2.5]),
        "rain@june": np.array([NAN, NAN, 4.0]),
        "frost@june": np.array([1.0, NAN, 0.0]),
        "frost@july": np.array([NAN, NAN, 3.0]),
        "eggs": np.array([4.0, 0.0, NAN, 7.0]),
        "weight": np.array([0.125, -1.5]),
    }
    unit_of = dict.fromkeys(columns, "farms") | {"eggs": "hens", "weight": "chicks"}
    tables = {
        "farms": Table(3),
        "hens": Table(4, "farms", np.array([2, 0, 2, 1])),
        "chicks": Table(2, "hens", np.array([3, 3])),
    }
    return Cohort(tables, columns, unit_of)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    cohort = made_up()
    write_cohort(cohort, LAYOUTS, tmp_path)
    found = read_cohort(LAYOUTS, tmp_path)
    assert set(found.columns) == set(cohort.columns)
    for key, values in cohort.columns.items():
        np.testing.assert_array_equal(found.columns[key], values, err_msg=key)
    assert found.unit_of == cohort.unit_of
    for unit, table in cohort.tables.items():
        assert (found.tables[unit].n, found.tables[unit].within) == (table.n, table.within)
        if table.parent is None:
            assert found.tables[unit].parent is None
        else:
            np.testing.assert_array_equal(found.tables[unit].parent, table.parent)


def test_the_files_are_plain_tables(tmp_path: Path) -> None:
    write_cohort(made_up(), LAYOUTS, tmp_path)
    written = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert written == {
        "farms_SIMULATED.csv": "farms_id,acres\n1,1.25\n2,\n3,30.00\n",
        "farms_by_time_SIMULATED.csv": (
            "farms_id,time,rain,frost\n1,may,0.5,\n1,june,,1\n3,may,2.5,\n3,june,4.0,0\n3,july,,3\n"
        ),
        "hens_SIMULATED.csv": "hens_id,farms_id,eggs\n1,3,4\n2,1,0\n3,3,\n4,2,7\n",
        "chicks_SIMULATED.csv": "chicks_id,hens_id,weight\n1,4,0.125\n2,4,-1.500\n",
    }


def test_ids_may_be_any_text_and_columns_in_any_order(tmp_path: Path) -> None:
    write_cohort(made_up(), LAYOUTS, tmp_path)
    (tmp_path / "hens_SIMULATED.csv").write_text(
        "colour,eggs,farms_id,hens_id\nred,1,2,Ada\nblue,,3,Bea\n", encoding="utf-8"
    )
    (tmp_path / "chicks_SIMULATED.csv").write_text(
        "chicks_id,hens_id,weight\nx,Bea,0.5\n", encoding="utf-8"
    )
    found = read_cohort(LAYOUTS, tmp_path)
    assert found.tables["hens"].parent is not None
    np.testing.assert_array_equal(found.tables["hens"].parent, [1, 2])
    np.testing.assert_array_equal(found.tables["chicks"].parent, [1])
    np.testing.assert_array_equal(found.columns["eggs"], [1.0, NAN])


@given(st.lists(st.one_of(st.none(), st.integers(-(10**9), 10**9)), min_size=1, max_size=20))
def test_any_recorded_number_survives(
    tmp_path_factory: pytest.TempPathFactory, cells: list[int | None]
) -> None:
    folder = tmp_path_factory.mktemp("cohort")
    values = np.array([NAN if cell is None else cell / 1000 for cell in cells])
    layout = (TableLayout("hens", None, ("eggs",), decimals={"eggs": 3}),)
    write_cohort(Cohort({"hens": Table(values.size)}, {"eggs": values}, {}), layout, folder)
    np.testing.assert_array_equal(read_cohort(layout, folder).columns["eggs"], values)


def test_a_nested_table_without_parents_is_refused(tmp_path: Path) -> None:
    cohort = made_up()
    orphans = Cohort({**cohort.tables, "hens": Table(4, "farms")}, cohort.columns, cohort.unit_of)
    with pytest.raises(ValueError, match="cohort: hens lies within farms but has no parent"):
        write_cohort(orphans, LAYOUTS, tmp_path)


def replaced(old: str, new: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("hens", Path.unlink, ": found no such file; expected a table of the cohort"),
        ("farms_by_time", Path.unlink, ": found no such file; expected a table of the cohort"),
        ("hens", replaced("eggs", "egg"),
         ":1: found the columns hens_id, farms_id, egg; expected also eggs"),
        ("hens", replaced("farms_id", "farm"),
         ":1: found the columns hens_id, farm, eggs; expected also farms_id"),
        ("farms", lambda file: file.write_text(""), ":1: found the columns ; expected also"),
        ("farms", replaced("30.00", "many"),
         ":4: acres: found 'many'; expected a number or an empty cell"),
        ("farms", replaced("30.00", "inf"),
         ":4: acres: found 'inf'; expected a number or an empty cell"),
        ("farms", replaced("30.00", "nan"),
         ":4: acres: found 'nan'; expected a number or an empty cell"),
        ("farms_by_time", replaced("4.0", "4,0 mm"),
         ":5: frost: found '0 mm'; expected a number or an empty cell"),
        ("farms", replaced("3,30.00", "3"), ":4: found too few cells; expected acres"),
        ("hens", replaced("4,2,7", "4,9,7"), ":5: farms_id: found '9'; expected an id of farms"),
        ("farms_by_time", replaced("1,june", "7,june"),
         ":3: farms_id: found '7'; expected an id of farms"),
        ("hens", replaced("4,2,7", "3,2,7"), ": found an id in hens_id twice; expected each once"),
        ("farms_by_time", replaced("3,july", "3,june"),
         ":6: found farms_id '3' at time 'june' twice; expected each once"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_with_file_and_place(
    tmp_path: Path, file: str, change: Callable[[Path], object], message: str
) -> None:
    write_cohort(made_up(), LAYOUTS, tmp_path)
    path = tmp_path / f"{file}_SIMULATED.csv"
    change(path)
    with pytest.raises(ValueError, match=re.escape(f"{path}{message}")) as caught:
        read_cohort(LAYOUTS, tmp_path)
    assert "\n" not in str(caught.value)


def test_relations_compare_exactly() -> None:
    third = Fraction(1, 3)
    held = {r: [r.holds(v, third) for v in (0, third, 1)] for r in Relation}
    assert held == {
        Relation.EQUAL: [False, True, False],
        Relation.AT_MOST: [True, True, False],
        Relation.BELOW: [True, False, False],
        Relation.AT_LEAST: [False, True, True],
        Relation.ABOVE: [False, False, True],
    }


def test_columns_are_replaced_in_a_copy() -> None:
    cohort = made_up()
    changed = cohort.with_columns({"eggs": np.zeros(4)})
    assert changed.columns["eggs"].sum() == 0
    assert np.nansum(cohort.columns["eggs"]) == 11

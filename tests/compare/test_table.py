"""The comparison as a table: every value once, the same bytes, files read back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from study_on_paper import DEFAULT, card_file, estimates, spread

from recohort.card.loader import CardFile, load_card
from recohort.compare.files import read_conditioned, read_replicates
from recohort.compare.table import COLUMNS, compare_study, comparison_text

CARDS = sorted((Path(__file__).parents[2] / "config" / "studies").glob("*.yaml"))


def test_the_columns_are_the_contracts() -> None:
    assert ",".join(COLUMNS) == (
        "study,id,quantity,statistic,population,printed,role,verdict,reason,changes_conclusion,"
        "reconstructed,reconstructed_printed,conditioned_low,conditioned_median,conditioned_high,"
        "replicate_low,replicate_median,replicate_high,finding,assumptions"
    )


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_every_value_of_the_five_cards_gets_one_row_even_from_empty_files(path: Path) -> None:
    file = load_card(path)
    rows = compare_study(file, {}, {}, {}, {}, {})
    assert [row["id"] for row in rows] == [value.id for value in file.base.values]
    assert all(tuple(row) == COLUMNS for row in rows)
    assert all(row["verdict"] == "undetermined" and row["reason"] for row in rows)
    text = comparison_text(rows)
    assert [row["printed"] for row in csv.DictReader(io.StringIO(text))] == [
        value.reported.printed for value in file.base.values
    ]


def write_files(folder: Path, shuffle: int | None = None) -> list[Path]:
    for name, content in (
        ("audit", {"study": "kites", "findings": [], "determined": {}}),
        ("reconstruction", {"study": "kites", "settings": [{"name": "base", "choices": {}}]}),
        ("analysis", estimates()),
    ):
        (folder / f"{name}.json").write_text(json.dumps(content))
    rows = [(i, k, x) for k, values in spread(40).items() for i, x in enumerate(values)]
    if shuffle is not None:
        order = np.random.default_rng(shuffle).permutation(len(rows))
        rows = [rows[i] for i in order]
    common = {"id": [r[1] for r in rows], "estimate": [r[2] for r in rows]}
    index = [r[0] for r in rows]
    cohorts = {"cohort": index, "setting": ["base"] * len(rows), **common}
    pq.write_table(pa.table(cohorts), folder / "conditioned.parquet")
    pq.write_table(pa.table({"replicate": index, **common}), folder / "replicates.parquet")
    names = ("audit.json", "reconstruction.json", "analysis.json")
    return [folder / name for name in (*names, "conditioned.parquet", "replicates.parquet")]


def compared(file: CardFile, paths: list[Path]) -> list[dict[str, str]]:
    content = [json.loads(path.read_text()) for path in paths[:3]]
    return compare_study(file, *content, read_conditioned(paths[3]), read_replicates(paths[4]))


def test_the_same_files_give_the_same_bytes_in_any_order_of_rows(tmp_path: Path) -> None:
    file = card_file(tmp_path)
    first = comparison_text(compared(file, write_files(tmp_path)))
    second = comparison_text(compared(file, write_files(tmp_path, shuffle=5)))
    assert first == second
    assert first.count("\n") == 1 + len(DEFAULT)


def test_parquet_files_are_read_back_by_setting_and_id(tmp_path: Path) -> None:
    write_files(tmp_path)
    conditioned = read_conditioned(tmp_path / "conditioned.parquet")
    assert list(conditioned) == ["base"]
    np.testing.assert_array_equal(conditioned["base"]["age.sd"], spread(40)["age.sd"])
    replicates = read_replicates(tmp_path / "replicates.parquet")
    np.testing.assert_array_equal(replicates["auc.auc"], spread(40)["auc.auc"])


def test_an_absent_or_broken_parquet_file_is_one_clear_message(tmp_path: Path) -> None:
    file = write_files(tmp_path)[4]
    file.write_bytes(b"no parquet")
    with pytest.raises(ValueError, match=r"replicates\.parquet: cannot be read"):
        read_replicates(file)
    file.unlink()
    with pytest.raises(ValueError, match=r"replicates\.parquet: cannot be read"):
        read_replicates(file)

"""Papers that public data sets would have printed by R, matched in full; read off the tables by
pandas, scipy, statsmodels and lifelines (docs/studies/unseen_judge.py), not by this product."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from recohort.card.loader import load_card
from recohort.reconstruct.files import write_reconstruction
from recohort.reconstruct.search import Plan, reconstruct

ROOT = Path(__file__).parents[2]
PUBLIC = ROOT / "tests" / "reference" / "public_data"


@pytest.mark.parametrize("study", ["asah", "cbpp", "lung", "pbc"])
def test_a_paper_of_public_data_printed_by_r_is_matched(
    study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "studies"))
    from unseen_judge import judged, read_tables

    card_file = load_card(PUBLIC / f"{study}.yaml")
    found = reconstruct(card_file, Plan(seed=1, conditioned=0))
    assert found.stored.unmet == ()
    write_reconstruction(card_file, found, 1, tmp_path)
    card = yaml.load((PUBLIC / f"{study}.yaml").read_text(), yaml.BaseLoader)
    estimates = judged(card, read_tables(tmp_path / "cohort", card))
    values = card_file.base.values
    wrong = {v.id for v in values if not v.number.accepts(estimates[v.id], slack=1e-6)}
    assert wrong == set()

"""Any text that goes into a card comes out of it unchanged."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.card.document import read_document
from recohort.card.loader import load_card

MINIMAL = (Path(__file__).parent / "minimal.yaml").read_text(encoding="utf-8")
readable = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc", "Cn", "Co"], exclude_characters="\u2028\u2029\ufeff"
    ),
    min_size=1,
    max_size=30,
)
printed = st.builds(
    lambda sign, mark, whole, places: f"{sign}{mark}{whole}{places}",
    st.sampled_from(["", "<", ">", "≤"]),
    st.sampled_from(["", "-", "+", "\u2212"]),
    st.integers(0, 10**6).map(str),
    st.text("0123456789", max_size=6).map(lambda digits: f".{digits}" if digits else ""),
)
trees = st.recursive(
    readable,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(readable, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(readable, trees, min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_document_of_text_comes_back_as_it_was(tree: dict[str, object]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "document.yaml"
        path.write_text(
            yaml.safe_dump(tree, allow_unicode=True, default_style='"'), encoding="utf-8"
        )
        # safe_dump tags nothing that is text, and aliases nothing as strings are not shared.
        assert read_document(path).tree == tree


@given(printed, readable, st.sampled_from(["input", "imposed", "held_out"]))
@settings(max_examples=60, deadline=None)
def test_a_printed_value_comes_back_as_it_was(number: str, note: str, role: str) -> None:
    tree = yaml.load(MINIMAL, yaml.BaseLoader)
    tree["quantities"]["age"]["values"]["mean"] = {"printed": number, "note": note, "role": role}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "minimal.yaml"
        path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
        card = load_card(path).base
    value = next(v for v in card.values if v.id == "age.mean")
    assert (value.reported.printed, value.reported.note, value.role) == (number, note, role)


def test_every_part_of_a_document_has_a_line_of_its_own() -> None:
    document = read_document(Path(__file__).parent / "minimal.yaml")
    lines = MINIMAL.splitlines()
    for place, (line, column) in document.marks.items():
        if place and isinstance(place[-1], str):
            assert lines[line - 1][column - 1 :].startswith(place[-1])

"""The loader: text stays text, and each mistake in a card gives one clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from recohort.card.error import CardError
from recohort.card.loader import Setting, load_card

MINIMAL = (Path(__file__).parent / "minimal.yaml").read_text(encoding="utf-8")


def written(folder: Path, text: str, name: str = "minimal.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def changed(old: str, new: str) -> str:
    assert old in MINIMAL, old
    return MINIMAL.replace(old, new, 1)


def error_of(folder: Path, text: str) -> CardError:
    with pytest.raises(CardError) as caught:
        load_card(written(folder, text))
    return caught.value


def test_a_card_without_mistakes_loads(tmp_path: Path) -> None:
    card = load_card(written(tmp_path, MINIMAL)).base
    assert [value.id for value in card.values][:3] == ["patients.count", "age.mean", "age.sd"]
    assert card.columns["centre"].groups == 2  # type: ignore[union-attr]


def test_printed_text_is_untouched(tmp_path: Path) -> None:
    values = {value.id: value for value in load_card(written(tmp_path, MINIMAL)).base.values}
    assert values["age.sd"].reported.printed == "9.80"
    assert values["old.odds_ratio"].reported.printed == "1.50"


@pytest.mark.parametrize("text", ["no", "0.80", "012", "12:30", "1e3", "2020-01-01", "~", "null"])
def test_yaml_types_leave_text_alone(tmp_path: Path, text: str) -> None:
    card = load_card(written(tmp_path, changed("note: no", f"note: {text}"))).base
    assert card.quantities["pain_after"].values["mean"].note == text  # type: ignore[index]


@pytest.mark.parametrize("text", ["<.001", "+88.2", "-57.3", "≤0.05", "1,234", ".03", "100", "\u22121.5"])  # fmt: skip # noqa: E501
def test_every_form_of_a_printed_number_is_kept(tmp_path: Path, text: str) -> None:
    card = load_card(written(tmp_path, changed("count: 5}", f'percent: "{text}"}}'))).base
    value = next(v for v in card.values if v.id == "swelling.percent")
    assert value.reported.printed == text


# (what is written, instead of what, line, field, found, expected)
MISTAKES = {
    "number too small": (
        "n: 40", "n: 0", 7, "units.patients.n",
        "'0'", "a whole number of at least 1 and at most 1000000",
    ),
    "no number": (
        "n: 40", "n: forty", 7, "units.patients.n",
        "'forty'", "a whole number of at least 1 and at most 1000000",
    ),
    "no whole number": (
        "n: 40", "n: 4.5", 7, "units.patients.n",
        "'4.5'", "a whole number of at least 1 and at most 1000000",
    ),
    "a list for a number": (
        "n: 40", "n: [40]", 7, "units.patients.n",
        "a list of 1 item", "a whole number of at least 1 and at most 1000000",
    ),
    "step not above zero": (
        "step: 1", "step: 0", 10, "columns.age.step", "'0'", "a number above 0",
    ),
    "not finite": ("step: 1", "step: inf", 10, "columns.age.step", "'inf'", "a number above 0"),
    "unknown field": (
        "step: 1", "stp: 1", 10, "columns.age.stp", "the unknown field 'stp'",
        "one of unit, label, among, kind, step, low, high, measured_in, plausible, times, "
        "followed, correlation, limits; did you mean 'step'?",
    ),
    "unknown kind": (
        "kind: numeric", "kind: numerc", 10, "columns.age.kind", "'numerc'",
        "one of numeric, binary, derived, group; did you mean 'numeric'?",
    ),
    "no kind": (
        "kind: numeric, ", "", 10, "columns.age", "nothing",
        "the field 'kind': one of numeric, binary, derived, group",
    ),
    "missing field": ("authors: A, ", "", 4, "citation", "nothing", "the field 'authors'"),
    "missing at the top": ("name: Minimal\n", "", 1, "", "nothing", "the field 'name'"),
    "wrong format": (
        "recohort-card-1", "recohort-card-9", 1, "format",
        "'recohort-card-9'", "'recohort-card-1'",
    ),
    "unknown statistic": (
        "mean: 61.2", "meen: 61.2", 23, "quantities.age.values.meen", "'meen'",
        "one of count, percent, mean, sd, se, median, q1, q3 and 19 more; did you mean 'mean'?",
    ),
    "a statistic that the analysis does not give": (
        "mean: 61.2", "auc: 61.2", 23, "quantities.age.values.auc",
        "'auc' of an analysis of kind summary", "one of mean, sd, se, median, q1, q3, min, max",
    ),
    "no printed number": (
        "mean: 61.2", "mean: sixty", 23, "quantities.age.values.mean",
        "'sixty'", "a number as it was printed, such as 0.80 or <.001",
    ),
    "unknown column": (
        "column: age}", "column: agee}", 23, "quantities.age.analysis.column", "'agee'",
        "a column of this card (there are: age, pain@before, pain@after, died, swelling, bad, "
        "centre; did you mean 'age'?)",
    ),
    "unknown time": (
        "summary, column: pain@after", "summary, column: pain@afer", 26,
        "quantities.pain_after.analysis.column", "'pain@afer'",
        "a column of this card (one of its times: pain@before, pain@after; "
        "did you mean 'pain@after'?)",
    ),
    "a time forgotten": (
        "summary, column: pain@after", "summary, column: pain", 26,
        "quantities.pain_after.analysis.column", "'pain'",
        "a column of this card (one of its times: pain@before, pain@after)",
    ),
    "a nested unit's column": (
        "kind: summary, column: age", "kind: summary, column: swelling", 23,
        "quantities.age.analysis.column", "'swelling' of unit knees", "a column of patients",
    ),
    "unknown unit": (
        "died: {kind: binary, unit: patients}", "died: {kind: binary, unit: patient}", 12,
        "columns.died.unit", "'patient'",
        "a unit of this card (there are: patients, knees; did you mean 'patients'?)",
    ),
    "unknown population": (
        "label: Age, population: everyone", "label: Age, population: everybody", 23,
        "quantities.age.population", "'everybody'",
        "a population of this card (there are: everyone, knees; did you mean 'everyone'?)",
    ),
    "unknown term": (
        "term: age", "term: sex", 27, "quantities.old.analysis.term",
        "'sex'", "a term of this card (there are: age)",
    ),
    "unknown value in a relation": (
        "parts: [died.count]", "parts: [died.cont]", 29, "relations.0.parts.0", "'died.cont'",
        "a reported value of this card (there are: patients.count, age.mean, age.sd, died.count, "
        "died.percent, swelling.count, pain_after.mean, pain_after.sd and 1 more; "
        "did you mean 'died.count'?)",
    ),
    "two comparisons": (
        "{column: died, equals: 1}, {", "{column: died, equals: 1, below: 2}, {", 14,
        "columns.bad.any_of.0", "a mapping with column, equals, below",
        "exactly one of equals, at_least, above, at_most, below",
    ),
    "no conditions": (
        "having: [{column: died, equals: 1}]", "having: []", 24,
        "quantities.died.analysis.having", "a list of 0 items", "at least 1 item",
    ),
    "text for a list": (
        "having: [{column: died, equals: 1}]", "having: died", 24,
        "quantities.died.analysis.having", "'died'", "a list",
    ),
    "text for a mapping": (
        "values: {count: 40}", "values: 40", 22, "quantities.patients.values", "'40'",
        "a mapping of fields",
    ),
    "a bad name": (
        "  age: {kind: numeric", "  Age: {kind: numeric", 10, "columns.Age", "'Age'",
        "a name of lower-case letters, digits and underscores that starts with a letter",
    ),
    "a bad denominator": (
        "denominator: 40", "denominator: forty", 23, "quantities.age.denominator",
        "'forty'", "a whole number, not_reported, or none",
    ),
    "low above high": (
        "low: 18, high: 95", "low: 96, high: 95", 10, "columns.age.low",
        "96 above high 95", "low at most high",
    ),
    "sizes that do not add up": (
        "sizes: [25, 15]", "sizes: [25, 16]", 15, "columns.centre.sizes",
        "2 sizes that add to 41", "2 sizes that add to 40",
    ),
    "a group without size": (
        "sizes: [25, 15]", "label: Centre", 15, "columns.centre",
        "a mapping with kind, unit, label", "groups (how many), sizes (of each), or both",
    ),
    "more followed than there are": (
        "followed: {after: 36}", "followed: {after: 41}", 11, "columns.pain.followed.after",
        "41 of 40", "at most the number of units",
    ),
    "half a shape": (
        "followed: {after: 36}", "plausible: {before: {mean: 3}}", 11,
        "columns.pain.plausible.before", "nothing", "the field 'sd'",
    ),
    "a circle": (
        "{column: died, equals: 1}, {", "{column: bad, equals: 1}, {", 14,
        "columns.bad", "a column that depends on itself", "other columns",
    ),
    "units in a circle": (
        "n: 40}", "n: 40, within: knees}", 7, "units.patients.within",
        "units nested in each other in a circle", "a unit further out",
    ),
    "unknown assumption": (
        "assume: pain_correlation", "assume: pain_corelation", 11,
        "columns.pain.correlation.assume", "'pain_corelation'",
        "the id of an assumption with a value (there are: pain_correlation; "
        "did you mean 'pain_correlation'?)",
    ),
    "a bad value of an assumption": (
        "value: 0.5", "value: 1.5", 31, "assumptions.pain_correlation.value",
        "'1.5'", "a number above -1 and below 1",
    ),
    "a bad alternative": (
        "[0.2, 0.8]", "[0.2, 1.8]", 31, "assumptions.pain_correlation.alternatives.1",
        "'1.8'", "a number above -1 and below 1",
    ),
    "an assumption without a reason": (
        "reason: r, ", "", 31, "assumptions.pain_correlation", "nothing", "the field 'reason'",
    ),
    "an assumption with an empty reason": (
        "reason: r", 'reason: ""', 31, "assumptions.pain_correlation.reason", "nothing", "text",
    ),
    "an assumption that nothing uses": (
        "correlation: {assume: pain_correlation}", "correlation: 0.5", 31,
        "assumptions.pain_correlation", "an assumption that nothing uses",
        "{assume: pain_correlation} somewhere in the card",
    ),
    "an assumption within an assumption": (
        "value: 0.5", "value: {assume: pain_correlation}", 31,
        "assumptions.pain_correlation.value", "an assumption within an assumption",
        "its value written out",
    ),
    "another study's name": (
        "study: minimal", "study: other", 2, "study", "'other'", "'minimal', the name of the file",
    ),
    "a key twice": ("name: Minimal", "name: A\nname: B", 4, "name", "the key twice", "once"),
    "an anchor": (
        "name: Minimal", "name: &a Minimal", 3, "",
        "a YAML anchor or alias", "the value written out",
    ),
    "a tag": (
        "name: Minimal", "name: !!python/object/apply:os.system [ls]", 3, "",
        "the YAML tag 'tag:yaml.org,2002:python/object/apply:os.system'",
        "plain text, as all values of a card are",
    ),
    "a control character": (
        "name: Minimal", "name: Mini\x07mal", 3, "",
        "the character U+0007", "text without control characters",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gives_one_clear_error(tmp_path: Path, mistake: str) -> None:
    old, new, line, field, found, expected = MISTAKES[mistake]
    error = error_of(tmp_path, changed(old, new))
    assert (error.where.line, error.where.field) == (line, field)
    assert (error.found, error.expected) == (found, expected)
    assert error.where.file.endswith("minimal.yaml")
    assert "\n" not in str(error)


def test_text_that_is_no_yaml_names_its_line(tmp_path: Path) -> None:
    error = error_of(tmp_path, changed("name: Minimal", "name: {a: b"))
    assert error.where.line == 4
    assert error.expected == "well-formed YAML"


@pytest.mark.parametrize("text", ["", "text", "- a\n- b\n"])
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    assert error_of(tmp_path, text).found == "no mapping"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"found no such file; expected a study card"):
        load_card(tmp_path / "nothing.yaml")


def test_a_folder_is_no_card(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="expected a readable study card"):
        load_card(tmp_path)


def test_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "minimal.yaml"
    path.write_bytes(b"format: recohort-card-1\nname: \xff\n")
    with pytest.raises(CardError, match=r"minimal.yaml:2:1: found bytes that are no UTF-8"):
        load_card(path)


def test_a_yaml_bomb_is_refused_at_once(tmp_path: Path) -> None:
    levels = [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, 20)]
    error = error_of(tmp_path, "x0: &x0 lol\n" + "\n".join(levels))
    assert error.found == "a YAML anchor or alias"


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    for depth in (60, 20_000):
        error = error_of(tmp_path, "a: " + "[" * depth + "]" * depth)
        assert "levels" in error.found or "nested" in error.found


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    assert "bytes" in error_of(tmp_path, "#" * 2_000_001).found


def test_settings_change_one_assumption_at_a_time(tmp_path: Path) -> None:
    card_file = load_card(written(tmp_path, MINIMAL))
    assert [setting.name for setting in card_file.single_changes] == [
        "base",
        "pain_correlation=1",
        "pain_correlation=2",
    ]
    found = [
        str(card_file.card(setting).columns["pain"].correlation)  # type: ignore[union-attr]
        for setting in card_file.single_changes
    ]
    assert found == ["0.5", "0.2", "0.8"]
    assert card_file.uses == {"pain_correlation": (("columns", "pain", "correlation"),)}


def test_an_alternative_that_is_not_there(tmp_path: Path) -> None:
    card_file = load_card(written(tmp_path, MINIMAL))
    with pytest.raises(CardError, match=r"found alternative 3; expected one of 2"):
        card_file.card(Setting((("pain_correlation", 3),)))

"""The page of a study and its files."""

from __future__ import annotations

import hashlib
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from fake_results import made_up_card, write_left_out, write_results

from recohort.card.loader import CardFile
from recohort.present.results import StudyResults, read_results
from recohort.present.study import present_study

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """The elements of a page, their attributes, and whether every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.broken: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.broken.append(tag)


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_every_reported_value_has_its_row(text: str, results: StudyResults) -> None:
    body = text[text.index('id="values"') :]
    assert len(re.findall(r'<tr data-verdict="', body)) == len(results.values) == 30


def test_every_tag_is_closed_in_order(page: Page) -> None:
    assert page.broken == []
    assert page.open == []


def test_ids_are_unique_and_links_lead_somewhere(page: Page, folder: Path) -> None:
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for tag, attrs in page.elements:
        href = attrs.get("href")
        if tag != "a" or href is None or href.startswith("https://doi.org/"):
            continue
        if href.startswith("#"):
            assert href[1:] in ids
        elif href != "../index.html":
            assert (folder / href).is_file(), href


def test_nothing_is_fetched(page: Page, text: str) -> None:
    assert not any(tag in ("link", "img", "iframe", "object") for tag, _ in page.elements)
    assert not any("src" in attrs for _, attrs in page.elements)
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []


def test_texts_of_the_card_and_of_findings_are_escaped(page: Page, text: str) -> None:
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs), (
        "no handler in an attribute"
    )


def test_only_the_pages_own_script_may_run(text: str) -> None:
    import base64

    script = re.search(r"<script>(.*?)</script>", text, re.S)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert len(script[1]) < 4000


def test_headings_do_not_skip_a_level(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_landmarks_and_states_for_assistive_technology(page: Page) -> None:
    tags = [tag for tag, _ in page.elements]
    assert tags.count("main") == 1
    assert tags.count("nav") == 1
    assert any(attrs.get("role") == "status" for _, attrs in page.elements)
    assert any(attrs.get("aria-sort") == "none" for tag, attrs in page.elements if tag == "th")
    for tag, attrs in page.elements:
        if tag == "svg":
            assert attrs["role"] == "img"
            assert attrs["aria-labelledby"]


def test_begins_with_what_was_found(text: str) -> None:
    order = [
        "What was found", "cannot be true together", "Numbers that cannot all be true",
        "Any one of these would explain it", "The arithmetic, to check by hand",
        "Numbers that matching cohorts do not give", "What stays undetermined",
        "proof of possibility, never of truth", 'id="values"', 'id="figures"', 'id="assumptions"',
        'id="questions"', 'id="design"', 'id="methods"', 'id="provenance"', 'id="downloads"',
    ]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_a_study_without_findings_says_so(plain_folder: Path) -> None:
    text = (plain_folder / "report.html").read_text(encoding="utf-8")
    assert "Nothing was found against the 3 printed numbers" in text
    assert "Numbers that cannot all be true" not in text
    assert "Nothing was assumed." in text
    assert {path.stem for path in (plain_folder / "figures").glob("*.svg")} == {
        "agreement", "proportions", "replicates",
    }  # fmt: skip


def test_no_word_about_anyones_honesty(text: str) -> None:
    for word in ("fraud", "fabricat", "suspicious", "misconduct", "dishonest", "trustworth"):
        assert word not in text.lower()


def test_is_small(folder: Path) -> None:
    assert (folder / "report.html").stat().st_size < 1_500_000


def test_each_figure_is_written_three_ways_and_is_well_formed(folder: Path) -> None:
    figures = folder / "figures"
    names = {path.stem for path in figures.glob("*.svg")}
    assert names == {
        "agreement", "ratios", "roc", "calibration", "accuracy", "trajectories", "survival",
        "proportions", "replicates", "distributions",
    }  # fmt: skip
    for name in names:
        ET.parse(figures / f"{name}.svg")
        assert (figures / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (figures / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        svg = (figures / f"{name}.svg").read_text(encoding="utf-8")
        assert "<text" in svg, "text stays text"
        assert "currentColor" in svg
        assert "#000000" not in svg


def test_the_same_results_give_the_same_bytes(card: CardFile, folder: Path, tmp_path: Path) -> None:
    again = write_results(card, tmp_path / "warm_sheep")
    present_study(card, again)
    for path in sorted(again.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (folder / path.relative_to(again)).read_bytes(), path.name


def test_what_an_earlier_run_drew_is_removed(plain_folder: Path) -> None:
    card = made_up_card("lambs")
    (plain_folder / "figures" / "survival.svg").write_text("old")
    present_study(card, plain_folder)
    assert not (plain_folder / "figures" / "survival.svg").exists()
    assert not list(plain_folder.rglob("*.partial"))


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("audit.json", None, "No such file"),
        ("audit.json", "{", "found no JSON"),
        ("audit.json", json.dumps({"study": "other"}), "another study"),
        ("analysis.json", json.dumps({"study": "lambs", "card_sha256": "0"}), "another version"),
        ("comparison.csv", "study,id\n", "found the columns study, id"),
        ("replicates.parquet", None, "cannot be read"),
    ],
)
def test_a_stages_file_that_is_absent_or_wrong_is_named(
    tmp_path: Path, file: str, content: str | None, said: str
) -> None:
    card = made_up_card("lambs")
    folder = write_results(card, tmp_path / "lambs")
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
    with pytest.raises(ValueError, match=f"{file}.*{said}"):
        read_results(card, folder)


def test_a_comparison_that_lacks_a_value_is_refused(tmp_path: Path) -> None:
    card = made_up_card("lambs")
    folder = write_results(card, tmp_path / "lambs")
    lines = (folder / "comparison.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "comparison.csv").write_text("".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"found 2 values; expected the card's 3 .*black.percent"):
        read_results(card, folder)


def test_values_left_out_one_at_a_time_get_a_section_the_most_pressing_first(
    tmp_path: Path,
) -> None:
    card = made_up_card("warm_sheep")
    folder = write_results(card, tmp_path / "warm_sheep", verdicts=("imposed",))
    present_study(card, folder)
    assert 'id="left-out"' not in (folder / "report.html").read_text(encoding="utf-8")
    present_study(card, folder, write_left_out(card, folder))
    text = (folder / "report.html").read_text(encoding="utf-8")
    section = text[text.index('id="left-out"') : text.index('id="figures"')]
    assert Page(text).broken == []
    assert "Because &lt;it&gt; is &amp; was." in section
    assert re.findall(r'class="v v-(\w+)"', section) == [
        "not_reproduced",
        "consistent",
        "reproduced",
    ]
    assert 'href="leave_one_out.csv"' in text
    table = (folder / "tables" / "leave_one_out.csv").read_text(encoding="utf-8")
    assert "1.50 to 2.50" in table


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("below,above", "below", "leave_one_out.csv:1: found the columns"),
        (",consistent,", ",fine,", "'fine' is not a valid Verdict"),
        ("lambs,", "lambs,x", "leave_one_out.csv:2: found 'x"),
    ],
)
def test_a_wrong_file_of_values_left_out_is_one_error(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    card = made_up_card("lambs")
    folder = write_results(card, tmp_path / "lambs", verdicts=("imposed",))
    file = write_left_out(card, folder)
    file.write_text(file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(message)):
        read_results(card, folder, file)


def test_design_choices_say_what_is_proven_and_what_of_all_is_printed(text: str) -> None:
    section = text[text.index('id="design"') : text.index('id="cohort"')]
    assert "Proven: not all of" in section
    assert "28 of 30" in section
    assert "30 of 30" in section

"""The words of the pages."""

from __future__ import annotations

import pytest

from recohort.card.statistic import Statistic
from recohort.present.story import evidence_facts
from recohort.present.words import (
    STATISTIC_TEXT,
    VERDICT_WORDS,
    Verdict,
    listed,
    plain_reason,
    sentence,
    shorten,
    wrapped,
)


def test_every_statistic_and_verdict_has_its_words() -> None:
    assert set(STATISTIC_TEXT) == set(Statistic)
    assert set(VERDICT_WORDS) == set(Verdict)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("missing_input", "Something that it depends on is not reported."),
        ("missing_input: The n is unknown.",
         "Something that it depends on is not reported: the n is unknown."),
        ("Plain: text.", "Plain: text."),
        ("under_score is no code", "under_score is no code"),
    ],
)  # fmt: skip
def test_plain_reason(code: str, words: str) -> None:
    assert plain_reason(code) == words


def test_sentences_and_lists() -> None:
    assert sentence("a fall was seen") == "A fall was seen."
    assert sentence("the SD is large") == "The SD is large."
    assert sentence("n is 58") == "n is 58."
    assert sentence("") == ""
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a"]) == "a"


def test_long_texts_are_cut_with_an_ellipsis() -> None:
    assert shorten("one two three", 8) == "one two…"
    assert wrapped("one two three four five", 9, 2) == "one two\nthree fo…"


def test_nested_evidence_keeps_its_names() -> None:
    facts = evidence_facts({"range": [1, 2.5], "by_rule": {"half_up": True, "n": None}})
    assert facts == (("range", "1; 2.5"), ("by rule: half up", "yes"), ("by rule: n", "none"))

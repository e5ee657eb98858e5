"""policy_dsl/values/pattern.py: RE2 over the whole value or inside it, and the text operations that say the same."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.values import pattern
from policy_dsl.values.pattern import PatternError

CORPUS = {"test_corpus": "pattern"}


def test_corpus(case: Any) -> None:
    assert pattern.compile(case.written).fullmatch(case.value) is case.want


@pytest.mark.parametrize(
    ("text", "kind", "literals"),
    [
        ("abc", "literal", ("abc",)),
        ("", "literal", ("",)),
        ("^abc$", "literal", ("abc",)),
        (r"a\.b\-c", "literal", ("a.b-c",)),
        (r"a\\b", "literal", ("a\\b",)),
        ("abc.*", "prefix", ("abc",)),
        (r"^/srv/\(a\).*$", "prefix", ("/srv/(a)",)),
        (".*", "prefix", ("",)),
        (".*abc", "suffix", ("abc",)),
        ("a|b|c", "alternation", ("a", "b", "c")),
        ("(a|b)", "alternation", ("a", "b")),
        ("(?:a|b)", "alternation", ("a", "b")),
        ("a|", "alternation", ("a", "")),
        (r"a\|b|c", "alternation", ("a|b", "c")),
        ("^a|b$", "re2", ()),
        ("a.*b", "re2", ()),
        ("a.*?", "re2", ()),
        ("a.+", "re2", ()),
        ("ab*", "re2", ()),
        ("ab?", "re2", ()),
        ("ab{2}", "re2", ()),
        ("[a]", "re2", ()),
        ("(a)", "re2", ()),
        ("(a|b)|c", "re2", ()),
        ("(?i)abc", "re2", ()),
        (r"\d", "re2", ()),
        (r"\x41", "re2", ()),
        (r"\Qa.b\E", "re2", ()),
        ("a\n.*", "re2", ()),
        ("a.", "re2", ()),
    ],
)
def test_kind(text: str, kind: str, literals: tuple[str, ...]) -> None:
    compiled = pattern.compile(text)
    assert (compiled.kind, compiled.literals) == (kind, literals)


PIECES = st.sampled_from(
    ["a", "b", ".", "*", ".*", "|", "(", ")", "(?:", "^", "$", r"\.", r"\|", r"\\", "\n", "\u00e9", "{", "-"]
)


@given(st.lists(PIECES, max_size=8).map("".join), st.text("ab.|\\\n\u00e9\r", max_size=6))
def test_text_operations_say_what_re2_says(text: str, value: str) -> None:
    try:
        compiled = pattern.compile(text)
    except PatternError:
        return
    options = re2.Options()
    options.log_errors = False
    assert compiled.fullmatch(value) is (re2.compile(text, options).fullmatch(value) is not None)


@given(st.text(st.characters(codec=None), max_size=20), st.text(st.characters(codec=None), max_size=20))
def test_total(text: str, value: str) -> None:
    position, matched = 0, False
    try:
        matched = pattern.compile(text).fullmatch(value)
    except PatternError as error:
        position = error.position
    assert matched in (True, False)
    assert 0 <= position <= len(text)


@pytest.mark.parametrize("text", ["a.*", ".*a", "[^b]*", "(?s).*", "."])
@pytest.mark.parametrize("value", ["\ud800", "a\udfff", "\udc00a"])
def test_a_lone_surrogate_matches_nothing(text: str, value: str) -> None:
    assert pattern.compile(text).fullmatch(value) is False


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("a(?=b)", 1, "a group of a kind that is not available"),
        ("a(?!b)", 1, "a group of a kind that is not available"),
        ("(?<=a)b", 0, "a group of a kind that is not available"),
        (r"(a)\1", 3, "an escape that has no meaning here"),
        (r"a\Z", 1, "an escape that has no meaning here"),
        ("a{1001}", 1, "a repetition over 1,000 times"),
        ("ab**", 2, "a repetition is repeated"),
        ("*a", 0, "nothing to repeat"),
        ("(a", 0, "a `(` is not closed"),
        ("a)", 0, "a `)` closes nothing"),
        ("x[a", 1, "a `[` is not closed"),
        ("x[b-a]", 2, "a range of characters runs backwards or has no end"),
        ("a\\", 1, "the pattern ends in a backslash"),
        (r"a\\\C", 3, "`\\C` matches half a character"),
        ("a\ud800", 1, "half of a surrogate pair"),
        (r"(\p{L}{100}){10}", 0, "the pattern is too large"),
        ("(?P<>a)", 0, "a group with a bad name"),
    ],
)
def test_refused(text: str, position: int, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PatternError) as caught:
        pattern.compile(text)
    assert caught.value.message == message
    assert caught.value.position == position
    assert capfd.readouterr() == ("", "")


def test_hostile_values_take_linear_time() -> None:
    assert pattern.compile("(a+)+b").fullmatch("a" * 1_000_000) is False
    assert pattern.compile(r"(.*a){12}").fullmatch("a" * 200_000 + "!") is False
    assert pattern.compile(r"\s+").fullmatch(" " * 1_000_000 + "x") is False


@pytest.mark.parametrize(
    ("text", "value", "want"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("[0-9]{4}", "card 4711!", True),
        ("a.c", "xx a\nc", False),
        ("secret", "\ud800secret", True),  # half a surrogate hides nothing
        (r"a\.b", "xa.by", True),
        ("", "", True),
    ],
)
def test_search(text: str, value: str, want: bool) -> None:
    assert pattern.compile(text).search(value) is want


@given(st.lists(PIECES, max_size=6).map("".join), st.text("ab.|\\\n\u00e9\ud800", max_size=8))
def test_search_and_spans_agree(text: str, value: str) -> None:
    try:
        compiled = pattern.compile(text)
    except PatternError:
        return
    spans = compiled.spans(value)
    assert spans is not None
    assert compiled.search(value) or not spans
    assert all(0 <= start < end <= len(value) for start, end in spans)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))


def test_spans_are_counted_in_characters() -> None:
    assert pattern.compile("[0-9]+").spans("\u00e912\U0001f600345\ud8006") == [(1, 3), (4, 7), (8, 9)]
    assert pattern.compile("x*").spans("axxb") == [(1, 3)]
    assert pattern.compile("^a").spans("aaa") == [(0, 1)]


def test_too_many_spans_are_none() -> None:
    assert len(pattern.compile("a").spans("a" * pattern.MAX_SPANS) or ()) == pattern.MAX_SPANS
    assert pattern.compile("a").spans("a" * (pattern.MAX_SPANS + 1)) is None
    assert pattern.compile("a.*b|a").spans("a" * 65_536) is None

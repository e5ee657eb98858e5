"""policy_dsl/importers/python_pattern.py: the same texts as in Python, or a refusal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.importers import python_pattern
from policy_dsl.importers.python_pattern import NoCounterpart
from policy_dsl.values import pattern as patterns

SAME = [
    ("a.*b", "a.*b"),
    ("a$", r"a\n?$"),
    (r"\d{2}", r"[\p{Nd}]{2}"),
    (r"(?a)\d{,2}", r"\d{0,2}"),
    (r"\Ax\Z", r"\Ax\z"),
    (r"[\]\w-]", r"[\]\p{L}\p{N}_-]"),
    (r"{a}", r"\{a\}"),
    ("(?P<n>a)|b", "(?P<n>a)|b"),
    ("(?#said)a", "a"),
    (r"\x41\u0042", r"\x{41}\x{42}"),
    ("(?i)id", r"(?i)[i\x{130}\x{131}]d"),
    ("a*?", "a*?"),
]


@pytest.mark.parametrize(("written", "said"), SAME)
def test_what_means_the_same_stays_and_the_rest_is_written_out(written: str, said: str) -> None:
    assert python_pattern.search(written) == said


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("(?=a)", "look-around has no linear time"),
        ("(?<!a)b", "look-around has no linear time"),
        (r"(a)\1", "back-references have no linear time"),
        ("(?P<n>a)(?P=n)", "back-references have no linear time"),
        ("a++", "possessive repetition is not available"),
        ("(?>a)", "atomic groups are not available"),
        (r"\bx", r"`\b` counts letters of every script there, and ASCII letters here"),
        (r"a$\n", "something stands after `$`"),
        ("(a$)*", "`$` is repeated"),
        ("(?x) a", "a pattern with the flag `x` is not read"),
        ("[[:alpha:]]", "`[:` inside a class names a class here"),
        ("a{1001}", "a repetition over 1,000 times"),
        ("(", "it is no pattern in Python either: missing ), unterminated subpattern at position 0"),
    ],
)
@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
def test_what_has_no_counterpart_is_refused(written: str, why: str) -> None:
    with pytest.raises(NoCounterpart) as refused:
        python_pattern.search(written)
    assert str(refused.value) == why


def test_a_pattern_for_the_whole_text_is_anchored_and_ascii() -> None:
    assert python_pattern.whole(r"^\d+$") == r"^\d+$"
    assert python_pattern.prefix("ab|c") == "(?:ab|c)(?s:.*)"


PIECES = ["a", "b", "i", ".", "^", "$", "|", "(", ")", "(?:", "(?i)", "(?i:", "(?-i:", "(?a)", "(?m)", "(?s)"]
PIECES += ["*", "+", "?", "*?", "{,2}", "{2}", "{1,}", "{", "}", "[a-c]", "[^a]", r"[\d-]", "[]a]", "[i-k]", "[^i]"]
PIECES += ["\n", "İ", r"\.", r"\d", r"\w+", r"\s", r"\W", r"\n", r"\Z", r"\A", r"\x41", r"\u0130"]
TEXTS = [
    "",
    "a",
    "ab",
    "abc",
    "aa",
    "a\n",
    "\n",
    "a\n\n",
    "ab\nab",
    "Ab\n",
    "A",
    "I",
    "i",
    "İ",
    "ı",
    "k",
    "1",
    "\u0661",
]
TEXTS += ["a b", "bé", "a.b", "{", "}", "-", "]", "\x0b", "\x1c", "\xa0", "_"]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join))
def test_the_translation_holds_for_the_same_texts(written: str) -> None:
    try:
        compiled = re.compile(written)
        found = patterns.compile(python_pattern.search(written))
        begun = patterns.compile(python_pattern.prefix(written))
    except (re.error, NoCounterpart):
        return
    for text in TEXTS:
        assert found.search(text) == (compiled.search(text) is not None), (found.text, text)
        assert begun.fullmatch(text) == (compiled.match(text) is not None), (begun.text, text)

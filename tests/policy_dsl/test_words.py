"""The tables of words agree with the grammar: what names nothing, and what other languages call our words."""

from __future__ import annotations

import pytest

from policy_dsl import ParseError, parse
from policy_dsl.words import NOT_NAMES, OTHER_WORDS, PRESENCE, SIGN_HELP, SIGNS


@pytest.mark.parametrize("word", sorted(NOT_NAMES - {"mail", "https"}))
def test_a_word_that_names_nothing_is_reached_by_a_dot(word: str) -> None:
    parse(f"language 1\nallow f({word}) when .{word} == 1 and a.{word} == 2")
    with pytest.raises(ParseError):
        parse(f"language 1\nallow f() when {word}.x == 1 and b == {word}.x")
    for text in (f"forbid f as {word}", f"set {word} = {{ 1 }}", f"forbid f when each of xs as {word} (a)"):
        with pytest.raises(ParseError) as caught:
            parse(f"language 1\n{text}")
        assert caught.value.code == "reserved-name"


def test_what_stands_instead_of_a_foreign_word_is_of_the_language() -> None:
    assert not set(OTHER_WORDS) & {"allow", "ask", "forbid", "when", "unless", "in", "matches", "text"}
    assert set(SIGN_HELP) <= set(SIGNS)
    assert all(sign in SIGN_HELP for sign, ours in SIGNS.items() if not ours)
    assert set(PRESENCE.values()) == {"has", "missing", "absent"}

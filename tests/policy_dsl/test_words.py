"""The tables of words agree with the grammar: what names nothing, and what other languages call our words."""

from __future__ import annotations

import pytest

from policy_dsl import ParseError, parse
from policy_dsl.parse import grammar
from policy_dsl.words import LIMIT_PLACEHOLDERS, NOT_NAMES, OTHER_WORDS, PLACEHOLDERS, PRESENCE, SIGN_HELP, SIGNS


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


def test_a_foreign_word_is_looked_for_where_a_real_one_can_stand() -> None:
    kinds = {terminal.name for terminal in grammar().terminals}
    assert {kind for others in OTHER_WORDS.values() for other in others for kind in other.fits} <= kinds


def test_a_message_may_name_what_is_known_where_it_is_said() -> None:
    for name in LIMIT_PLACEHOLDERS:
        parse(f'language 1\nlimit f to 1 released per session message "{{{name}}}"')
    for name in PLACEHOLDERS:
        parse(f'language 1\nforbid f message "{{{name}}}"\nrequire approval for f prompt "{{{name}}} {{anything}}"')
    assert {"remaining"} == LIMIT_PLACEHOLDERS - PLACEHOLDERS

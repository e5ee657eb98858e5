"""What can come next, in a reader's words and never in the parser's."""

from __future__ import annotations

import re

import pytest

from policy_dsl.expected import MANY, expected
from policy_dsl.parse import grammar


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("language 1", "the next rule or statement"),
        ("language 1 allow", "a tool or `{`"),
        ("language 1 allow f(", "an argument name, `...` or `)`"),
        ("language 1 forbid f when", "a condition"),
        ("language 1 forbid f when a ==", "a value"),
        ("language 1 forbid f when a matches", "a pattern `/.../`"),
        ("language 1 forbid f when a starts", "`with`"),
        ("language 1 forbid f as", "a name"),
        ("language 1 set s =", "a set, as `{ ... }`, `low .. high`, `mail at` or a name"),
        ("language 1 forbid f message", "text in double quotes"),
        ('language 1 test "t" { call f() =>', "`allow`, `ask` or `forbid`"),
        ('language 1 test "t" { call f(a:', "a JSON value"),
        ("language 1 shadow", "a rule"),
        ("language 1 forbid f when after", "an event such as `released` or `refused`"),
        ("language 1 counter n =", "`count`, `sum(...)`, `max(...)` or `distinct(...)`"),
        ("language 1 limit f to 5 released per user each", "`hour`, `day`, `week`, `month` or `year`"),
        ("language 1 limit f to 5 released per user within 7", "a unit such as `minutes` or `days`"),
        ("language 1 forbid f when time between", "a time of day such as `22:00`"),
        ("language 1 forbid f when time on {", "a day such as `monday`"),
        ("language 1 for", "a party such as `agent` or `user`"),
        ("language 1 rewrite f remove x,", "a change as `set x = ...`, `remove x` or `redact x matching ...`"),
    ],
)
def test_what_can_come(text: str, said: str) -> None:
    parser = grammar().parse_interactive(text)
    parser.exhaust_lexer()
    assert expected(parser.accepts()) == said


def test_no_state_of_the_parser_speaks_its_own_language(policy_text: str) -> None:
    parser = grammar().parse_interactive(policy_text)
    for _ in parser.iter_parse():
        said = expected(parser.accepts())
        assert said
        assert not re.search(r"[A-Z]{2,}(?!ON value)|_|\$", said.replace("JSON", "")), said
        assert said.count(", ") <= MANY + 8

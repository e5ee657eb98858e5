"""Where the parser stopped: which statement it was in, and which words only look as if they began one."""

from __future__ import annotations

import pytest

from policy_dsl.parse import grammar
from policy_dsl.stumble import Stumble


def _stopped(text: str) -> Stumble:
    """The parser, stopped at the end of a text that could go on."""
    parser = grammar().parse_interactive(f"language 1\n{text}")
    tokens = tuple(parser.iter_parse())
    return Stumble(f"language 1\n{text}", "p.lw", len(text) + 11, tokens, frozenset(parser.accepts()))


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("forbid f allow g(a) when", "allow"),
        ("shadow forbid f when", "forbid"),
        ("require approval for f when", "require"),
        ('for agent "a" { forbid f when', "forbid"),
        ("forbid f when counter n > 1 and", "forbid"),
        ("forbid f counter n = count of", "counter"),
        ("forbid f when x derived from label secret and", "forbid"),
        ("forbid f label results of f as", "label"),
        ("forbid f redact results of f matching", "redact"),
        ("rewrite f remove b, redact a matching", "rewrite"),
        ("forbid intent payment when", "forbid"),
        ("forbid f intent payment 1 from", "intent"),
    ],
)
def test_the_statement_it_stopped_in(text: str, begins: str) -> None:
    assert str(_stopped(text).rule[0]) == begins


def test_what_is_still_open() -> None:
    stopped = _stopped('for agent "a" { forbid f when after released g(x in { 1,')
    assert [str(bracket) for bracket in stopped.open] == ["{", "(", "{"]
    assert stopped.before() == "COMMA"
    assert stopped.before(100) == ""
    assert stopped.takes("NUMBER", "RPAR")
    assert stopped.found == ""

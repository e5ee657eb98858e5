"""The grammar is LALR(1) without conflicts or colliding terminals, and a word ends where it ends."""

from __future__ import annotations

from importlib.resources import files

import pytest
from lark import Lark

from policy_dsl import And, Argument, Compare, ParseError, Rule, parse

GRAMMAR = files("policy_dsl").joinpath("grammar.lark").read_text(encoding="utf-8")


def test_it_builds_strictly() -> None:
    """strict=True refuses shift/reduce conflicts, and terminals that match one text at one place (with interegular)."""
    Lark(GRAMMAR, parser="lalr", strict=True, propagate_positions=True, maybe_placeholders=True)


def test_strict_would_see_a_conflict() -> None:
    with pytest.raises(Exception, match="conflict"):
        Lark(
            GRAMMAR + '\n_clause: _clause "!" _clause\n'.replace("_clause:", "%extend _clause:"),
            parser="lalr",
            strict=True,
        )


def test_strict_would_see_colliding_terminals() -> None:
    with pytest.raises(Exception, match=r"(?i)collision"):
        Lark(
            GRAMMAR.replace("NAME: /", "OTHER: /[a-f]+/\nNAME: /") + "\n%extend _key: OTHER\n",
            parser="lalr",
            strict=True,
        )


@pytest.mark.parametrize(
    "word", ["andx", "or_", "not1", "in-side", "matchesx", "whenever", "hasx", "each_", "lengthy", "truex"]
)
def test_a_word_that_begins_like_a_keyword_is_a_name(word: str) -> None:
    (rule,) = parse(f"language 1\nallow {word}({word}) as {word} when {word} == 1 and x == {word}").statements
    assert isinstance(rule, Rule)
    assert isinstance(rule.when, And)
    assert rule.name == word
    assert [test.left for test in rule.when.items if isinstance(test, Compare)] == [Argument((word,)), Argument(("x",))]


def test_a_keyword_ends_at_a_sign() -> None:
    (rule,) = parse('language 1 allow"f"(a)when(a==1)unless(has b)message"m"').statements
    assert isinstance(rule, Rule)
    assert rule.message == "m"


@pytest.mark.parametrize(
    "text",
    [
        "language1",
        "language 1 allowf()",
        "language 1 forbidx when x == 1",
        "language 1 allow f() whena == 1 unless b == 2",
    ],
)
def test_keywords_do_not_run_into_names(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)

"""server/highlight.py: one list of words for every highlighter, and it is the grammar's."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from pygments import lex
from pygments.token import Comment, Keyword, Name, String, Token

from policy_dsl import keywords
from server.highlight import ROLES, PolicyLexer, textmate

ROOT = Path(__file__).resolve().parents[2]
GRAMMAR = ROOT / "editors" / "vscode" / "syntaxes" / "leastward.tmLanguage.json"
WORDS = {word for phrase in keywords() for word in phrase.split()}


def test_every_word_of_the_grammar_has_one_role_and_no_other_word_has() -> None:
    listed = [word for words in ROLES.values() for word in words]
    assert sorted(listed) == sorted(WORDS)


def test_the_grammar_of_the_extension_is_printed_from_here() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "server.highlight"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert GRAMMAR.read_text(encoding="utf-8") == printed, f"stale: python -m server.highlight > {GRAMMAR.name}"
    assert json.loads(printed) == textmate()


def test_textmate_knows_every_word() -> None:
    patterns = [re.compile(one["match"]) for one in textmate()["repository"]["words"]["patterns"]]
    assert {word for word in WORDS if any(pattern.fullmatch(word) for pattern in patterns)} == WORDS
    assert not any(pattern.search("allowance for-each x.when") for pattern in patterns)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.lw")), ids=lambda path: path.stem)
def test_no_policy_has_a_character_that_the_lexer_does_not_know(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tokens = list(lex(text, PolicyLexer()))
    assert [value for kind, value in tokens if kind is Token.Error] == []
    assert "".join(value for _, value in tokens).strip() == text.strip()


def test_names_are_no_keywords_where_only_names_can_stand() -> None:
    text = 'allow list(text, user?, in(when)) as x when .text == "a" and body matches /a "b/  # when\n'
    kinds = {}
    for kind, value in lex(text, PolicyLexer()):
        kinds.setdefault(value, kind)
    assert kinds["list"] is Name.Function
    assert {kinds[name] for name in ("text", "user", "in")} == {Name.Variable}
    assert kinds["as"] is Keyword
    assert kinds["# when"] is Comment.Single
    assert kinds['/a "b/'] is String.Regex
    assert [value for kind, value in lex(text, PolicyLexer()) if kind is Name.Attribute] == ["text"]
    assert [value for kind, value in lex(text, PolicyLexer()) if kind is Keyword] == ["allow", "as", "when"]


def test_pygments_finds_the_lexer_by_its_name() -> None:
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'leastward = "server.highlight:PolicyLexer"' in declared
    found = [point for point in entry_points(group="pygments.lexers") if point.name == "leastward"]
    if not found:
        pytest.skip("the installed metadata is older than the entry point")
    assert found[0].load() is PolicyLexer

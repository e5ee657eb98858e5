"""server/lsp/hover.py, target.py, definitions.py and places.py: what a word is, and where that was said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy_dsl import Span
from server.lsp.definitions import Definitions
from server.lsp.hover import hover
from server.lsp.places import name_span, place_at, statement_words
from server.lsp.target import target_at

CASES = yaml.safe_load((Path(__file__).parent / "hover.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["note"] for case in CASES])
def test_what_is_told_of_a_word(case: dict[str, Any], point: Callable[..., Any]) -> None:
    text = f'language 1\nuse tools "bank.tools.json"\n{case["text"]}'
    at = point(text.replace(case["caret_in"], f"\u2038{case['caret_in']}", 1) if "caret_in" in case else text)
    told = hover(at.bundle, at.path, at.offset)
    if case.get("nothing"):
        assert told is None
        return
    assert told is not None
    assert told.start <= at.offset <= told.end
    for words in case.get("says", ()):
        assert words in told.markdown
    target = target_at(at.bundle, at.path, place_at(at.text, at.bundle.files.get(at.path), at.offset))
    if "goes_to" in case:
        assert target is not None
        assert target.definition is not None
        there = target.definition.span
        assert [there.line, at.text[there.start : there.end]] == case["goes_to"]
    if "file" in case:
        assert target is not None
        assert target.file == at.path.parent / case["file"]


def test_a_name_of_another_file_is_found_there(point: Callable[..., Any]) -> None:
    other = 'language 1\n\nset payees = { "a", "b" }\n'
    at = point('language 1\nimport "other.lw"\nforbid pay when to in pay\u2038ees\n', {"other.lw": other})
    target = target_at(at.bundle, at.path, place_at(at.text, at.bundle.files[at.path], at.offset))
    assert target is not None
    assert target.definition is not None
    assert (target.definition.path.name, target.definition.span.line) == ("other.lw", 3)


def test_an_import_is_a_file(point: Callable[..., Any]) -> None:
    at = point('language 1\nimport "oth\u2038er.lw"\n', {"other.lw": "language 1\n"})
    target = target_at(at.bundle, at.path, place_at(at.text, at.bundle.files[at.path], at.offset))
    assert target is not None
    assert target.file == at.path.parent / "other.lw"


def test_the_first_of_two_definitions_counts(point: Callable[..., Any]) -> None:
    at = point("language 1\nset a = { 1 }\nset a = { 2 }\n")
    names = Definitions(at.bundle.files)
    found = names.find("a", "set")
    assert found is not None
    assert found.span.line == 2
    assert names.names("set", "group") == ["a"]
    assert names.find("a", "group") is None


def test_words_of_a_statement_have_their_places_in_the_text() -> None:
    text = "language 1\n\n# a comment\nallow pay(to)\n\nforbid pay\n"
    words = statement_words(text, text.index("pay"))
    assert [text[word.start : word.end] for word in words] == ["allow", "pay", "(", "to", ")"]
    whole = Span(text.index("forbid"), len(text) - 1, 6, 1)
    assert name_span(text, whole, "pay").column == 8
    assert name_span(text, whole, "gone") == whole

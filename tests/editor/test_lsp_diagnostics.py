"""server/lsp/diagnostics.py and outline.py: faults at exactly their places, and the list of statements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from server.lsp.diagnostics import diagnose
from server.lsp.outline import Symbol, outline
from server.lsp.workspace import Workspace


def _marks(at: Any) -> list[tuple[str, str, str]]:
    found = diagnose(at.bundle)[at.path]
    return [(one.severity, one.code, at.text[one.start : one.end]) for one in found]


def test_faults_of_a_text(point: Callable[..., Any]) -> None:
    at = point("language 1\n\nallow pay\n\nforbid pay when to = 3\n")
    assert _marks(at) == [("error", "no-signature", "pay"), ("error", "wrong-sign", "=")]
    assert diagnose(at.bundle)[at.path][0].message.splitlines()[1].startswith("help: write `pay(...)`")


def test_a_name_that_nothing_defines(point: Callable[..., Any]) -> None:
    at = point("language 1\n\nforbid pay when to in payees\n")
    assert [(severity, text) for severity, _, text in _marks(at)] == [("error", "payees")]


def test_a_broken_text_is_not_blamed_for_names_it_may_define(point: Callable[..., Any]) -> None:
    at = point("language 1\n\nset payees = \n\nforbid pay when to in payees\n")
    assert len(_marks(at)) == 1


def test_findings_with_their_pages(point: Callable[..., Any]) -> None:
    at = point('language 1\n\nuse tools "bank.tools.json"\n\nallow pay(to, amuont) when to == "a"\n')
    found = [one for one in diagnose(at.bundle)[at.path] if one.code == "unknown-argument"]
    assert [at.text[one.start : one.end] for one in found] == ["amuont"]
    assert found[0].severity == "error"
    page = found[0].docs
    assert page is not None
    assert Path(unquote(urlparse(page).path)).read_text(encoding="utf-8").startswith("# ")


def test_a_tool_list_that_cannot_be_read_is_told_at_its_line(point: Callable[..., Any]) -> None:
    at = point('language 1\n\nuse tools "gone.json"\n')
    assert _marks(at) == [("error", "tool-list", 'use tools "gone.json"')]


def test_every_file_of_the_policy_has_its_list(tmp_path: Path) -> None:
    (tmp_path / "leastward.yaml").write_text('policies: ["*.lw"]\n')
    (tmp_path / "a.lw").write_text("language 1\nset s = { 1 }\n")
    (tmp_path / "b.lw").write_text("language 1\nallow f(x) when x in s\nallow g\n")
    found = diagnose(Workspace().bundle(tmp_path / "a.lw"))
    assert {path.name: [one.code for one in told] for path, told in found.items()} == {
        "a.lw": [],
        "b.lw": ["no-signature"],
    }


def _lines(symbols: list[Symbol], text: str, depth: int = 0) -> list[str]:
    found = []
    for one in symbols:
        shown = text[one.name_span.start : one.name_span.end].partition("\n")[0]
        found.append(f"{'  ' * depth}{one.kind} {one.name} | {one.detail} | {shown}")
        found += _lines(list(one.children), text, depth + 1)
    return found


def test_the_outline_shows_every_statement() -> None:
    text = (
        'language 1\n\nuse tools "t.json"\n\nset s = { 1 }\n\ngroup g = { a, b }\n\nallow g(...) as ok when x in s\n\n'
        'forbid { a, b/c }\n\nfor agent "x" {\n  ask a() as look\n}\n\notherwise forbid\n\n'
        'test "t" {\n  user "hi"\n  call a() => ask by look\n}\n'
    )
    from policy_dsl import parse

    assert _lines(outline(parse(text)), text) == [
        'file t.json | tools | use tools "t.json"',
        "set s | set | s",
        "group g | group | g",
        "rule ok | allow | ok",
        "rule forbid { a, b/c } |  | forbid { a, b/c }",
        'block for agent "x" |  | for agent "x" {',
        "  rule look | ask | look",
        "rule otherwise | forbid | otherwise forbid",
        'test t |  | test "t" {',
        "  call a | ask | call a() => ask by look",
    ]


def test_the_outline_knows_the_words_of_sessions() -> None:
    from policy_dsl import parse

    text = (
        "language 1\n\nlevels public < secret\n\ndefine small(x) = x < 5\n\n"
        "counter spent = sum(amount) of released pay per session\n\n"
        "label results of read_file as secret\n\nlimit pay to 5 released per session as few\n\n"
        "clearance of pay is { public }\n\nrewrite pay remove cc as no-cc\n\nhide delete_*\n\n"
        'intent payment 1 from pay { amount = amount }\n\nimport "b.lw"\n'
    )
    assert [line.partition(" | ")[0] for line in _lines(outline(parse(text)), text)] == [
        "label public < secret", "macro small", "counter spent", "label secret", "rule few", "rule clearance of pay",
        "rule no-cc", "rule hide delete_*", "intent payment", "file b.lw",
    ]  # fmt: skip

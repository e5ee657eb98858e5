"""policy_dsl/driver.py: the same trees and the same faults as lark's own driver, on every text there is."""

from __future__ import annotations

import contextlib
import gc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from lark import Token, Tree, UnexpectedCharacters, UnexpectedToken

from policy_dsl import ParseError, parse
from policy_dsl.driver import Driver, Lines, Stuck
from policy_dsl.parse import LARGE, driver, grammar

ROOT = Path(__file__).parents[2]
POLICIES = sorted([*(ROOT / "examples").rglob("*.lw"), *(ROOT / "tests").rglob("*.lw")])
TEXTS = [path.read_bytes().decode("utf-8", "replace") for path in POLICIES]
WRONG = [
    case["text"]
    for path in sorted((Path(__file__).parent / "errors").glob("*.yaml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
    if "text" in case
]


def _by_lark(text: str) -> Tree[Token] | tuple[int, list[Any], frozenset[str]]:
    """The tree, or where lark's driver stopped, behind which tokens, and what it would have taken."""
    parser: Any = grammar().parse_interactive(text)
    tokens: list[Token] = []
    try:
        for token in parser.iter_parse():
            tokens.append(token)  # noqa: PERF402 - those before a fault are wanted
        tree: Tree[Token] = parser.feed_eof(tokens[-1] if tokens else None)
    except UnexpectedToken as error:
        end = error.token.type == "$END"
        at = len(text) if end else error.token.start_pos or 0
        kept = tokens if end or not tokens or tokens[-1].start_pos != at else tokens[:-1]
        return at, [_shown(token) for token in kept], frozenset(parser.accepts())
    except UnexpectedCharacters as error:
        return error.pos_in_stream or 0, [_shown(token) for token in tokens], frozenset(parser.accepts())
    return tree


def _by_driver(text: str) -> Tree[Token] | tuple[int, list[Any], frozenset[str]]:
    try:
        return driver().read(text, lambda token, index: None).tree
    except Stuck as stuck:
        return stuck.at, [_shown(token) for token in stuck.tokens], stuck.accepts


def _shown(node: Any) -> Any:
    """All of a tree that the language looks at; a node without tokens has no place."""
    if isinstance(node, Token):
        return (node.type, str(node), node.start_pos, node.end_pos, node.line, node.column)
    if isinstance(node, Tree):
        meta = node.meta
        place = None if meta.empty else (meta.start_pos, meta.end_pos, meta.line, meta.column)
        return (str(node.data), place, [_shown(child) for child in node.children])
    return node


def _same(text: str) -> None:
    lark, ours = _by_lark(text), _by_driver(text)
    assert (_shown(ours) if isinstance(ours, Tree) else ours) == (_shown(lark) if isinstance(lark, Tree) else lark)


@pytest.mark.parametrize("text", TEXTS, ids=[str(path.relative_to(ROOT)) for path in POLICIES])
def test_every_policy_has_the_same_tree(text: str) -> None:
    _same(text)


def test_every_wrong_policy_stops_at_the_same_place() -> None:
    assert len(WRONG) > 80
    for text in WRONG:
        _same(text)


@given(st.data())
def test_a_text_that_was_cut_and_pasted_is_read_alike(data: st.DataObject) -> None:
    text, other = (data.draw(st.sampled_from([*TEXTS, *WRONG])) for _ in range(2))
    start, end = sorted(data.draw(st.integers(0, len(text))) for _ in range(2))
    piece = data.draw(st.integers(0, len(other)))
    _same(text[:start] + other[piece : piece + 40] + text[end:][:2_000])


@given(st.text(alphabet='allow fbidxn()[]{}.,:=<>*/-?"#\n\t0123 |\u00e9', max_size=40))
def test_any_characters_are_read_alike(typed: str) -> None:
    _same(f"language 1\n{typed}")


def test_the_beginning_of_a_text_and_what_may_follow() -> None:
    text = "language 1\nallow pay"
    far = driver().beginning(text)
    assert (far.at, [str(token) for token in far.tokens]) == (len(text), ["language", "1", "allow", "pay"])
    assert far.accepts == {"LPAR", "SLASH"}
    assert driver().beginning("language 1\nforbid pay when judge").at == 27  # a word that is kept fits nowhere
    assert "$END" in driver().beginning("language 1\n").accepts


def test_who_reads_sees_the_header_and_what_is_kept_for_later() -> None:
    seen: list[tuple[str, int]] = []
    driver().read("language 1\nallow pay() when judge and x", lambda token, index: seen.append((str(token), index)))
    assert seen == [("language", 0), ("1", 1), ("judge", 7)]


def test_lines_are_counted_by_line_feeds_alone() -> None:
    lines = Lines("a\r\nb\rc\n\nd")
    assert [lines.place(offset) for offset in range(9)] == [
        (1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (2, 4), (3, 1), (4, 1),
    ]  # fmt: skip
    assert Lines("").place(0) == (1, 1)


def test_a_row_of_spaces_is_passed_over_once() -> None:
    """Were the spaces tried in every way, thirty would take minutes and these would never end."""
    for tail in ("", "$", "# no end", "allow"):
        text = f"language 1{' ' * 20_000}#{' #' * 20_000}\n{tail}"
        assert isinstance(_by_driver(text), Tree) == (tail in ("", "# no end"))


def test_the_collector_is_left_as_it_was() -> None:
    large = "language 1\n" + "#" * LARGE + "\nforbid x\n"
    for wrong in ("", "allow"):
        for enabled in (True, False):
            gc.enable() if enabled else gc.disable()
            try:
                with contextlib.suppress(ParseError):
                    parse(large + wrong)
                assert gc.isenabled() == enabled
            finally:
                gc.enable()


def test_a_driver_is_its_grammars_own() -> None:
    other = Driver(grammar())
    text = TEXTS[0]
    assert _shown(other.read(text, lambda token, index: None).tree) == _shown(_by_driver(text))

"""How a fault is shown: the place, the line, carets under exactly the span, and nothing that moves a terminal."""

from __future__ import annotations

import pytest

from policy_dsl import NOWHERE, BundleError, CatalogueError, ParseError, PolicyError, Span, parse, quoted, render
from policy_dsl.errors import QUOTED, WINDOW


def test_one_tree() -> None:
    assert all(issubclass(error, PolicyError) for error in (ParseError, BundleError, CatalogueError))


def test_a_fault_is_shown_in_its_line() -> None:
    source = "language 1\nallow f(a) when a = 1\n"
    shown = render("`=` does not compare", path="p.lw", source=source, span=Span(29, 30, 2, 19), help="write `==`")
    assert shown == (
        "p.lw:2:19: `=` does not compare\n  2 | allow f(a) when a = 1\n    |                   ^\n  help: write `==`"
    )


@pytest.mark.parametrize(
    ("source", "span", "line", "carets"),
    [
        ("abc def", Span(4, 7, 1, 5), "abc def", "    ^^^"),
        ("abc def", Span(7, 7, 1, 8), "abc def", "       ^"),
        ("a\tb", Span(2, 3, 1, 3), "a    b", "     ^"),
        ("日本 x", Span(3, 4, 1, 4), "日本 x", "     ^"),
        ("日本 x", Span(0, 2, 1, 1), "日本 x", "^^^^"),
        ("e\u0301x", Span(2, 3, 1, 3), "e\u0301x", " ^"),
        ("a {\nb\n}", Span(2, 7, 1, 3), "a {", "  ^"),
        ("a\r\nb c\r\n", Span(5, 6, 2, 3), "b c", "  ^"),
        ('"\x1b[31m" y', Span(8, 9, 1, 9), '"\\u001b[31m" y', "             ^"),
        ('"\u202e" y', Span(4, 5, 1, 5), '"\\u202e" y', "         ^"),
    ],
)
def test_carets_stand_under_the_span(source: str, span: Span, line: str, carets: str) -> None:
    rows = render("m", path="p", source=source, span=span).split("\n")
    assert rows[1:] == [f"  {span.line} | {line}", f"    | {carets}"]


def test_a_long_line_is_cut_around_the_fault() -> None:
    source = "x" * 5_000 + "HERE" + "y" * 5_000
    rows = render("m", path="p", source=source, span=Span(5_000, 5_004, 1, 5_001)).split("\n")
    assert len(rows[1]) <= WINDOW + 10
    assert rows[1][rows[2].index("^") : rows[2].rindex("^") + 1] == "HERE"


def test_a_fault_of_a_whole_file_has_no_line() -> None:
    assert render("cannot be read", path="p.lw", source="", span=NOWHERE) == "p.lw: cannot be read"


def test_the_writers_text_is_quoted_harmlessly() -> None:
    assert quoted("a\nb\u202ec\x1b") == "`a\\u000ab\\u202ec\\u001b`"
    assert quoted("\U000e0041") == "`\\U000e0041`"
    assert len(quoted("x" * 1_000)) == QUOTED + 2


def test_an_error_prints_as_it_renders() -> None:
    with pytest.raises(ParseError) as caught:
        parse("language 1\nallow", "p.lw")
    assert str(caught.value) == caught.value.render()
    assert caught.value.render().startswith("p.lw:2:6: ")

"""server/lsp/positions.py: lines and columns as the protocol counts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.lsp.positions import Lines

TEXTS = st.text(alphabet=st.sampled_from("a \u00e9\u4e2d\U0001f600\n\r"), max_size=30)


@given(TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_every_offset_has_a_place_and_comes_back(text: str, encoding: str) -> None:
    lines = Lines(text, encoding)
    for offset in range(len(text) + 1):
        back = lines.offset(lines.position(offset))
        # Only between CR and LF no place of the protocol stands.
        assert back == offset or text[back : offset + 1] == "\r\n"


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 7), ("utf-16", 3), ("utf-32", 2)])
def test_columns_are_counted_in_the_agreed_unit(encoding: str, column: int) -> None:
    text = "x\n\u4e2d\U0001f600a"
    assert Lines(text, encoding).position(4) == (1, column)


def test_a_place_outside_the_text_is_moved_inside() -> None:
    lines = Lines("ab\ncd")
    assert [lines.offset(place) for place in ((-1, 0), (0, 99), (1, -5), (9, 0))] == [0, 2, 3, 5]
    assert lines.position(-3) == (0, 0)
    assert lines.position(99) == lines.end == (1, 2)


def test_all_three_ends_of_a_line_count() -> None:
    lines = Lines("a\r\nb\rc\nd")
    assert [lines.position(offset) for offset in (3, 5, 7)] == [(1, 0), (2, 0), (3, 0)]

"""server/bodies.py: a body is read whole or refused whole, and what was sent is never repeated."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.bodies import choice_of, number_of, read_members, text_of
from server.edge import EdgeError

REQUIRED, OPTIONAL = frozenset({"decision"}), frozenset({"because"})

REFUSED = [
    b"",
    b"[]",
    b"null",
    b'"decision"',
    b"{}",
    b'{"because": "x"}',
    b'{"decision": "d", "decision": "e"}',
    b'{"decision": "d", "SECRET": 1}',
    b'{"decision": NaN}',
    b'{"decision": "\\ud800"}',
    b'{"decision": "d"} {}',
    b"\xff",
    b"{",
]


@pytest.mark.parametrize("body", REFUSED)
def test_what_is_not_in_order_is_refused(body: bytes) -> None:
    with pytest.raises(EdgeError) as caught:
        read_members(body, "bad", REQUIRED, OPTIONAL)
    assert (caught.value.status, caught.value.code) == (400, "bad")
    assert "SECRET" not in caught.value.message


def test_what_is_in_order_is_read() -> None:
    assert read_members(b'{"decision": "d", "because": "b"}', "bad", REQUIRED, OPTIONAL) == {
        "decision": "d", "because": "b"
    }  # fmt: skip
    assert read_members(b"", "bad", frozenset(), OPTIONAL) == {}


@pytest.mark.parametrize("value", [None, 1, True, [], {}, "x" * 11])
def test_text_is_text_of_bounded_length(value: object) -> None:
    with pytest.raises(EdgeError, match="`because` is text of at most 10 characters"):
        text_of({"because": value}, "because", "bad", default="", most=10)
    assert text_of({}, "because", "bad", default="none") == "none"
    with pytest.raises(EdgeError):
        text_of({}, "because", "bad")


@pytest.mark.parametrize("value", [None, "Allow", "ask", 1, True, ["allow"]])
def test_a_choice_is_one_of_the_choices(value: object) -> None:
    with pytest.raises(EdgeError, match="`should` is `allow` or `forbid`"):
        choice_of({"should": value}, "should", "bad", ("allow", "forbid"), None)
    assert choice_of({}, "should", "bad", ("allow", "forbid"), "forbid") == "forbid"


@pytest.mark.parametrize("value", [None, "1", True, 1.0, -1, 2**53])
def test_a_number_is_whole(value: object) -> None:
    with pytest.raises(EdgeError, match="`n` is a whole number"):
        number_of({"n": value}, "n", "bad")
    assert (number_of({"n": 7}, "n", "bad"), number_of({}, "n", "bad", default=3)) == (7, 3)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(body: bytes) -> None:
    members: dict[str, object] = {}
    with contextlib.suppress(EdgeError):
        members = read_members(body, "bad", frozenset(), OPTIONAL)
    assert members.keys() <= OPTIONAL

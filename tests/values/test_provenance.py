"""values/provenance.py: what an answer is made of, and what may be said to come from it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.values import provenance
from policy_dsl.values.provenance import holds, parts, stands_in


@pytest.mark.parametrize(
    ("result", "made_of"),
    [
        ("paid 98.70", ["paid 98.70"]),
        (
            {"to": "ann", "sum": Decimal("98.70"), "ok": True, "none": None},
            ["ann", "none", "ok", "sum", "to", Decimal("98.70")],
        ),
        ('{"a": ["b"]}', ['{"a": ["b"]}', "a", "b"]),
        ('"quoted"', ['"quoted"', "quoted"]),
        ('{"a": 1, "a": 2}', ['{"a": 1, "a": 2}']),
        (7, [7]),
        (None, []),
        (True, []),
    ],
)
def test_parts(result: Any, made_of: list[Any]) -> None:
    assert sorted(parts(result), key=str) == sorted(made_of, key=str)


@pytest.mark.parametrize(
    ("value", "answer", "stands", "held"),
    [
        ("evil.example", "see evil.example.", True, False),
        ("evil.example", "see notevil.example", False, False),
        ("https://evil.example/x", "evil.example", False, True),
        ("Dear Ann, IBAN 7788 now", {"text": "IBAN 7788"}, False, True),
        ("Dear Ann, IBAN 778 now", {"text": "IBAN 7788"}, False, False),
        ("hi ann!", "ann", False, False),
        ("IBAN", {"IBAN 7788": 1}, True, False),
        (Decimal("98.7"), '{"sum": 98.70}', True, False),
        ("98.70", {"sum": Decimal("98.70")}, True, False),
        (1200, "costs $1,200", True, False),
        (12, "costs $1,200", False, False),
        ("ann", "ann", False, False),
        ("\u200bevil.example", "evil.example", False, True),
        ("EVIL.example", "evil.EXAMPLE", True, True),
    ],
)  # fmt: skip
def test_what_comes_from_an_answer(value: Any, answer: Any, stands: bool, held: bool) -> None:
    assert (stands_in(value, parts(answer)), holds(value, parts(answer))) == (stands, held)


def test_the_beginning_of_a_long_part_is_enough() -> None:
    words = [f"word{number}" for number in range(40)]
    assert holds(" ".join(words[: provenance.WORDS_HELD]), [" ".join(words)])
    assert not holds(" ".join(words[: provenance.WORDS_HELD - 1]), [" ".join(words)])


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_piece_never_stands_for_the_whole(value: str, answer: str) -> None:
    if stands_in(value, [answer]):
        assert provenance.text.normalised(value) in provenance.text.normalised(answer)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_has_parts(result: Any) -> None:
    for part in parts(result):
        assert isinstance(provenance.spelled(part), str)

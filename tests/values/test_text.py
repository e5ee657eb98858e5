"""policy_dsl/values/text.py: folding, and what a user said."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.values import text

CORPUS = {"test_said_text": "said_text", "test_said_number": "said_number"}

ANY = st.text(st.characters(codec=None))


def test_said_text(case: Any) -> None:
    assert text.said_by_user(case.value, tuple(case.written)) is case.want


def test_said_number(case: Any) -> None:
    assert text.said_by_user(case.value, tuple(case.written)) is case.want


@given(ANY, st.lists(ANY).map(tuple))
def test_said_is_total(value: str, words: tuple[str, ...]) -> None:
    text.said_by_user(value, words)
    text.said_by_user(Decimal("1.5"), words)


@given(st.text("abcdefgh", min_size=4), st.text(' ,;()<>"\n'), st.text(' ,;()<>"\n'))
def test_a_word_between_delimiters_was_said(value: str, before: str, after: str) -> None:
    assert text.said_by_user(value, (before + value + after,))


@given(
    st.from_regex(r"[a-z]{4,12}", fullmatch=True),
    st.sampled_from(["", ".", "-", "@", "/", "\\", "_", "+", "..", ".-"]),
)
def test_part_of_a_name_was_not_said(value: str, joint: str) -> None:
    assert not text.said_by_user(value, (f"q{joint}{value}",))
    assert not text.said_by_user(value, (f"{value}{joint}q",))


@given(st.integers(-(10**20), 10**20))
def test_an_integer_alone_was_said(value: int) -> None:
    assert text.said_by_user(value, (f"pay {value}.",))
    assert value < 0 or text.said_by_user(value, (f"pay {value:,}!",))
    assert not text.said_by_user(value, (f"pay x{value}",))


@pytest.mark.parametrize("times", [200_000, pytest.param(2_000_000, marks=pytest.mark.long)])
def test_long_words(times: int) -> None:
    assert not text.said_by_user("a" * 4_096, ("a" * times,))
    assert not text.said_by_user("a" * 4_097, ("a" * 4_097,))
    assert not text.said_by_user("a.b." * 1_000, ("a.b." * (times // 10),))
    assert not text.said_by_user(5, ("1" * times,))
    assert not text.said_by_user(5, ("1,111" * (times // 5),))


@pytest.mark.parametrize(
    ("one", "other", "ignoring", "nfkc", "equal"),
    [
        ("A", "a", True, False, True),
        ("A", "a", False, False, False),
        ("stra\u00dfe", "STRASSE", True, False, True),
        ("\u212a", "k", True, False, True),
        ("\uff41", "a", False, True, True),
        ("\uff41", "a", True, False, False),
        ("\uff21", "a", True, True, True),
        ("e\u0301", "\u00e9", False, True, True),
        ("e\u0301", "\u00e9", True, False, False),
        ("\ufb01", "fi", False, True, True),
        ("\u0430", "a", True, True, False),
        ("a\u200b", "a", True, True, False),
        ("\u03c2", "\u03c3", True, False, True),
    ],
)
def test_fold(one: str, other: str, ignoring: bool, nfkc: bool, equal: bool) -> None:
    assert (text.fold(one, ignoring, nfkc) == text.fold(other, ignoring, nfkc)) is equal


@given(ANY, st.booleans())
def test_folding_is_settled(value: str, nfkc: bool) -> None:
    folded = text.fold(value, True, nfkc)
    assert text.fold(folded, True, nfkc) == folded
    assert text.fold(value, False, False) == value


@given(st.text(max_size=30))
def test_nfkc_is_the_standard_one(value: str) -> None:
    assert text.nfkc(value) == unicodedata.normalize("NFKC", value)


def test_nfkc_of_many_marks() -> None:
    marks = "\u0315\u0300" * 100_000
    normalised = text.nfkc("a" + marks)
    assert normalised.startswith("\u00e0\u0300")
    assert normalised.count("\u0315") == 100_000

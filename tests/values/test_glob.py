"""policy_dsl/values/glob.py: texts with gaps, against the definition, and on hostile values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.values import glob, text


def matches(pattern: str, value: str) -> bool:
    """The places of `value` that each beginning of the glob can reach."""
    reached = {0}
    for step in pattern:
        if step == "*":
            reached = set(range(min(reached, default=len(value) + 1), len(value) + 1))
        else:
            reached = {place + 1 for place in reached if place < len(value) and step in ("?", value[place])}
    return len(value) in reached


@given(st.text("ab*?", max_size=7), st.text("ab", max_size=9))
def test_a_glob_is_what_its_steps_can_reach(written: str, value: str) -> None:
    assert glob.compile(written)(value) is matches(written, value)


@given(st.text("a.\\[](){}^$|+\n\x00\u00e9*?", max_size=6), st.text("a.\\[](){}^$|+\n\x00\u00e9", max_size=8))
def test_nothing_else_is_special(written: str, value: str) -> None:
    assert glob.compile(written)(value) is matches(written, value)


@pytest.mark.parametrize(
    ("written", "value", "want"),
    [
        ("*.txt", "a/b\n.txt", True),
        ("*.txt", "a.TXT", False),
        ("", "", True),
        ("", "a", False),
        ("a**b", "ab", True),
        ("??", "\U0001f600\u00e9", True),
        ("[a]*", "a", False),
    ],
)
def test_cases(written: str, value: str, want: bool) -> None:
    assert glob.compile(written)(value) is want


def test_options_fold_what_is_written_and_no_gap_comes_of_it() -> None:
    assert glob.compile("A*C", ignore_case=True)(text.fold("aXc", True, False))
    assert not glob.compile("A*C")("axc")
    assert glob.compile("\uff21?", nfkc=True)(text.fold("\uff21x", False, True))
    wide_star = glob.compile("\uff0a", nfkc=True)  # NFKC makes a star of it
    assert wide_star("*")
    assert not wide_star("anything")


@given(st.text(st.characters(codec=None), max_size=8), st.text(st.characters(codec=None), max_size=8))
def test_total(written: str, value: str) -> None:
    assert glob.compile(written)(value) in (True, False)


def test_hostile_values_take_linear_time() -> None:
    assert not glob.compile("*a*a*a*a*a*a*a*b?")("a" * 200_000)

"""policy_dsl/analysis/patterns.py: what z3 is told of a pattern is what RE2 does with it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl.analysis import patterns
from policy_dsl.analysis.solver import is_sayable, read_text, text_term, z3
from policy_dsl.values import glob, pattern

TEXTS = st.text(st.sampled_from("abcAB019_-. \n\t\\{}[]^$\u00e9\uffff\U0002efff"), max_size=6)
PIECES = st.sampled_from(
    ["a", "b", ".", "\\d", "\\w", "\\S", "[a-c]", "[^a]", "[^\\n]", "[\\w-]", "[]a]", "(a|b)", "(?:ab)", "\\.", "\\x41",
     "\\x{e9}", "\u00e9", "-", "}"]
)  # fmt: skip
REPEATS = st.sampled_from(["", "", "*", "+", "?", "*?", "{2}", "{1,2}", "{2,}", "{0,0}"])
WRITTEN = st.lists(st.tuples(PIECES, REPEATS).map("".join), max_size=4).map("".join)


def accepts(expression: object, text: str) -> bool:
    return bool(z3.is_true(z3.simplify(z3.InRe(text_term(text), expression))))


@given(WRITTEN, TEXTS, st.booleans())
@settings(max_examples=600)
def test_z3_accepts_what_re2_does(written: str, text: str, search: bool) -> None:
    compiled = pattern.compile(written)
    expression = patterns.expression(written, search)
    assert expression is not None
    assert accepts(expression, text) is (compiled.search(text) if search else compiled.fullmatch(text))


@pytest.mark.parametrize(
    "written",
    [
        "(?i)a",
        "a\\b",
        "\\pL",
        "[[:alpha:]]",
        "a^b",
        "^a|b$",
        "(?P<n>a)",
        "\\Aa",
        "a{1,900}",
        "[a-\U000e0041]",
        "\\Qa\\E",
    ],
)
def test_what_has_another_meaning_in_z3_is_not_read(written: str) -> None:
    assert patterns.expression(written) is None


@given(st.text("a*?.\\", max_size=5), st.text("ab.\\\n", max_size=5))
def test_globs(written: str, text: str) -> None:
    expression = patterns.glob(written)
    assert expression is not None
    assert accepts(expression, text) is glob.compile(written)(text)


@given(st.text(max_size=8))
def test_a_text_comes_back_from_a_model_as_it_went_in(text: str) -> None:
    if not is_sayable(text):
        return
    held = z3.String("held")
    solver = z3.Solver()
    solver.add(held == text_term(text))
    assert solver.check() == z3.sat
    assert read_text(solver.model()[held]) == text
    assert solver.model().eval(z3.Length(held)).as_long() == len(text)

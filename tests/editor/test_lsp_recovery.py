"""server/lsp/recovery.py: what can be read of a text with faults, at its own places."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl import ParseError, parse
from server.lsp.recovery import read, statement_at

POLICIES = sorted((Path(__file__).parents[2] / "examples" / "agentdojo").glob("*.lw"))
GOOD = 'language 1\n\nset payees = { "a" }\n\nallow pay(to) when to in payees\n'


def test_every_wrong_statement_is_told_and_the_others_stay() -> None:
    text = "language 1\n\nset a = { 1 }\n\nallow pay\n\nforbid x when = 3\n\nallow q(...)\n"
    reading = read(text, "a.lw")
    assert [(fault.code, text[fault.span.start : fault.span.end]) for fault in reading.faults] == [
        ("no-signature", "pay"),
        ("expected", "="),
    ]
    assert reading.file is not None
    assert [text[s.span.start : s.span.end] for s in reading.file.statements] == ["set a = { 1 }", "allow q(...)"]
    assert reading.file.source == text


def test_the_statement_that_is_not_finished_is_left_out_not_the_next() -> None:
    text = "language 1\n\nforbid x when\n\nallow q(...)\n"
    reading = read(text, "a.lw")
    assert len(reading.faults) == 1
    assert reading.file is not None
    assert [text[s.span.start : s.span.end] for s in reading.file.statements] == ["allow q(...)"]


@pytest.mark.parametrize("text", ["", "allow x", "language 2\nallow x()\n", "\u202elanguage 1\n"])
def test_without_a_header_nothing_is_read(text: str) -> None:
    reading = read(text, "a.lw")
    assert reading.file is None
    assert len(reading.faults) == 1


def test_too_many_faults_are_not_all_told() -> None:
    reading = read("language 1\n" + "allow x\n" * 50, "a.lw")
    assert reading.file is None
    assert len(reading.faults) == 1


@given(st.data())
def test_a_text_that_is_cut_off_keeps_what_stands_before(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(POLICIES)).read_text(encoding="utf-8")
    text = whole[: data.draw(st.integers(0, len(whole)))]
    reading = read(text, "a.lw")
    error = _fault(text)
    if error is None:
        assert (parse(text, "a.lw"), ()) == (reading.file, reading.faults)
        return
    assert (reading.faults[0].message, reading.faults[0].span) == (error.message, error.span)
    if reading.file is not None and reading.file.statements:
        assert all(statement in parse(whole).statements for statement in reading.file.statements[:-1])


def _fault(text: str) -> ParseError | None:
    try:
        parse(text, "a.lw")
    except ParseError as error:
        return error
    return None


@given(st.text(alphabet='{}()" \n#abc=1.', max_size=60))
def test_whatever_is_typed_is_read(typed: str) -> None:
    reading = read(GOOD + typed, "a.lw")
    assert reading.faults or reading.file is not None


def test_a_statement_reaches_to_the_next_at_the_first_column() -> None:
    start, end = statement_at(GOOD, GOOD.index("payees"))
    assert GOOD[start:end] == 'set payees = { "a" }\n\n'
    assert statement_at("", 0) == (0, 0)

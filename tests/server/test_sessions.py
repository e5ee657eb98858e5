"""server/sessions.py: which state belongs to a run, and when it is forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail import Principal, Remembered
from policy_dsl.state import NOTHING_WANTED, StateError
from server import sessions
from server.sessions import IDLE_SECONDS, REFUSALS_RETOLD, SessionBook
from server.wire import PastRefusal

ADA, BOB = Principal("acme", "ada"), Principal("acme", "bob")


TEXT_OF_ADA = b'{"tenant":"acme","agent":"ada","user":null,"roles":[],"via":[]}'


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_run_has_one_state() -> None:
    book = SessionBook(Clock())
    state = book.of("run-1", ADA)
    state.session.user_said(["hello"])
    state.refused = 3
    assert book.of("run-1", ADA) is state
    assert book.of("run-2", ADA) is not state
    assert state.session.principal is ADA
    assert state.session.run_id == "run-1"
    assert len(book) == 2


def test_another_principal_never_gets_the_state_of_a_run() -> None:
    book = SessionBook(Clock())
    book.of("run-1", ADA).session.user_said(["pay bob"])
    assert book.of("run-1", BOB).session.facts.user_words == ()
    assert book.of("run-1", ADA).session.facts.user_words == ()


def test_what_the_user_said_is_told_to_others_and_put_back() -> None:
    book, plan = SessionBook(Clock(), shared=True), NOTHING_WANTED
    state = book.of("run-1", ADA)
    state.session.user_said(["pay bob", "and eve"])
    rows = book.words(state)
    other, restarted = SessionBook(Clock(), shared=True), SessionBook(Clock())
    assert other.follow(rows * 2, plan)
    restarted.restore(rows, plan)
    for one in (other, restarted):
        assert one.of("run-1", ADA).session.facts.user_words == ("pay bob", "and eve")
    other.of("run-1", ADA).session.user_said(["no"])
    other.put_back(rows, plan)
    assert other.of("run-1", ADA).session.facts.user_words == ("pay bob", "and eve", "no")


def test_words_that_cannot_be_read_stop_a_restart() -> None:
    with pytest.raises(StateError, match="what the user said cannot be read"):
        SessionBook(Clock()).restore([Remembered("words", "run-1", TEXT_OF_ADA, b"[1]")], NOTHING_WANTED)


def test_a_state_lives_while_it_is_used() -> None:
    clock = Clock()
    book = SessionBook(clock)
    state = book.of("run-1", ADA)
    for _ in range(3):
        clock.now += IDLE_SECONDS
        assert book.of("run-1", ADA) is state
    clock.now += IDLE_SECONDS + 1
    assert book.of("run-1", ADA) is not state


def test_idle_states_leave_when_others_come() -> None:
    clock = Clock()
    book = SessionBook(clock)
    for number in range(5):
        book.of(f"run-{number}", ADA)
    clock.now += IDLE_SECONDS + 1
    book.of("run-new", ADA)
    assert len(book) == 1


@given(st.lists(st.integers(0, 6), max_size=40))
def test_at_the_bound_the_least_recently_used_leave(asked: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "MOST_SESSIONS", 3)
        book, recent = SessionBook(Clock()), list[int]()
        held: dict[int, object] = {}
        for number in asked:
            state = book.of(f"run-{number}", ADA)
            assert (held.get(number) is state) == (number in recent)
            held[number] = state
            recent = [*(other for other in recent if other != number), number][-3:]
            assert len(book) == len(recent)


def test_refusals_are_counted_beyond_those_that_are_retold() -> None:
    state = SessionBook(Clock()).of("run-1", ADA)
    for number in range(REFUSALS_RETOLD + 10):
        state.past.append(PastRefusal(f"call_{number}", "pay", "{}", "no", (), "text"))
        state.refused += 1
    assert next(past.call_id for past in state.past) == "call_10"
    assert (len(state.past), state.refused) == (REFUSALS_RETOLD, REFUSALS_RETOLD + 10)

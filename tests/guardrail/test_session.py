"""guardrail/session.py: a Session only grows, whatever it is told, and what it is told outlives it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail import Decision, Guard, Principal, Session, ToolCall
from guardrail.session import USER_WORDS_KEPT
from policy_dsl import EMPTY_CATALOGUE, compile_policy, parse, policy_set
from policy_dsl.state import NOTHING_WANTED, StateError, StatePlan

WHO = Principal("acme", "bot", "ada", frozenset({"finance"}))
long = st.integers(1, 40).map(lambda thousands: "x" * thousands * 1000)
words = st.one_of(st.sampled_from(["", "pay ann", "pay bob"]), st.text(max_size=5), long)


@given(st.lists(st.lists(words, max_size=4), max_size=12))
def test_nothing_that_was_said_is_ever_taken_away(batches: list[list[str]]) -> None:
    session = Session(WHO, "run-1")
    for batch in batches:
        before = session.facts
        session.user_said(batch)
        after = session.facts
        assert after.user_words[: len(before.user_words)] == before.user_words
        assert set(after.user_words[len(before.user_words) :]) <= set(batch)
        assert len(set(after.user_words)) == len(after.user_words)
        assert sum(map(len, after.user_words)) <= USER_WORDS_KEPT


@given(st.lists(st.text(max_size=20), max_size=30))
def test_short_words_are_all_kept_in_order_and_once(said: list[str]) -> None:
    session = Session(WHO)
    session.user_said(said)
    session.user_said(reversed(said))
    assert session.facts.user_words == tuple(dict.fromkeys(said))


def test_the_facts_are_those_of_the_principal() -> None:
    facts = Session(WHO).facts
    assert (facts.tenant, facts.agent, facts.user, facts.roles, facts.key) == (
        "acme", "bot", "ada", frozenset({"finance"}), WHO.key
    )  # fmt: skip
    assert facts.user_words == ()


def test_the_facts_are_the_same_until_something_is_learnt() -> None:
    session = Session(WHO)
    session.user_said(["pay ann"])
    facts = session.facts
    session.user_said(["pay ann"])
    session.user_said([])
    assert session.facts is facts


def test_words_beyond_the_bound_are_not_cut_but_left_out() -> None:
    session = Session(WHO)
    session.user_said(["a" * (USER_WORDS_KEPT - 1), "bb"])
    session.user_said(["c"])
    assert session.facts.user_words == ("a" * (USER_WORDS_KEPT - 1), "c")


# --- what is remembered ---------------------------------------------------------------------------------------------

REMEMBERING = """language 1
allow pay(amount) as pays
limit pay to 2 released per session as twice
allow mail(to) as mails when to from results of read and not session has untrusted
trust results of read
"""
POLICY = policy_set([parse(REMEMBERING, "policy.lw")])
GUARD = Guard(compile_policy(POLICY, EMPTY_CATALOGUE))
PAY, MAIL = ToolCall("pay", {"amount": 1}, "p"), ToolCall("mail", {"to": "ann@x.example"}, "m")
ALLOW = Decision("allow", None, "rule", None, (), "")


def decided(session: Session, call: ToolCall) -> str | None:
    decision = GUARD.decide(call, session)
    session.decided(call, decision)
    return decision.rule


def read(session: Session, observed: bool = True, result: str = "write to ann@x.example") -> None:
    session.decided(ToolCall("read", {}, "r"), ALLOW)
    session.answered("r", result, observed=observed)


def test_calls_and_answers_are_remembered() -> None:
    session = Session(WHO, plan=StatePlan(POLICY))
    assert [decided(session, PAY) for _ in range(3)] == ["pays", "pays", "twice"]
    assert decided(session, MAIL) is None
    read(session)
    assert decided(session, MAIL) == "mails"
    read(session, observed=False)
    assert decided(session, MAIL) is None
    assert session.endorse("ada", "looked at it") is not None
    assert decided(session, MAIL) == "mails"


def test_a_call_that_a_person_approved_counts_when_it_is_released() -> None:
    session = Session(WHO, plan=StatePlan(POLICY))
    session.decided(PAY, Decision("ask", None, "rule", None, (), ""))
    session.released(PAY)
    assert [decided(session, PAY) for _ in range(2)] == ["pays", "twice"]


def test_a_policy_that_asks_for_nothing_is_told_nothing() -> None:
    session = Session(WHO, plan=NOTHING_WANTED)
    session.decided(PAY, ALLOW)
    session.answered("p", "done", observed=True)
    assert session.state is None
    session.adopt(StatePlan(POLICY))
    refused = GUARD.decide(PAY, session)
    assert (refused.rule, refused.reason) == ("twice", "rule-error")
    assert session.facts.history.labels == {("untrusted", None)}


def test_a_policy_that_comes_back_does_not_count_what_it_missed_as_nothing() -> None:
    session = Session(WHO, plan=StatePlan(POLICY))
    decided(session, PAY)
    session.adopt(NOTHING_WANTED)
    decided(session, PAY)
    session.adopt(StatePlan(POLICY))
    assert decided(session, PAY) == "twice"


def test_time_goes_on_and_never_back() -> None:
    session = Session(WHO)
    facts = session.facts
    session.tick(7)
    session.tick(5)
    assert session.facts is facts
    assert facts.now == 7
    session.user_said(["x"])
    assert session.facts.now == 7


@pytest.mark.parametrize("plan_first", [True, False])
def test_a_session_survives_a_restart(plan_first: bool) -> None:
    session = Session(WHO, "run", StatePlan(POLICY))
    session.tick(9)
    session.user_said(["pay ann"])
    decided(session, PAY)
    read(session)
    session.ended = True
    again = Session(WHO, "run", StatePlan(POLICY) if plan_first else None)
    again.restore(session.export())
    again.adopt(StatePlan(POLICY))
    assert again.export() == session.export()
    assert (again.ended, again.facts.now, again.facts.user_words) == (True, 9, ("pay ann",))
    again.ended = False
    assert [decided(again, MAIL), decided(again, PAY), decided(again, PAY)] == ["mails", "pays", "twice"]


def test_events_between_a_restart_and_a_policy_are_not_lost() -> None:
    session = Session(WHO, plan=StatePlan(POLICY))
    again = Session(WHO)
    again.restore(session.export())
    again.decided(PAY, ALLOW)
    again.adopt(StatePlan(POLICY))
    assert decided(again, PAY) == "twice"


def test_a_journal_begins_when_it_is_asked_for() -> None:
    assert Session(WHO).journal() is None
    session = Session(WHO, plan=StatePlan(POLICY))
    journal = session.journal()
    decided(session, PAY)
    assert journal is session.journal()
    assert journal is not None
    assert [delta[0] for delta in journal.since(0)] == ["seen", "call", "seen", "post"]


@pytest.mark.parametrize("text", [b"", b"{}", b'{"v":1}', b"\xff"])
def test_what_is_no_session_is_refused(text: bytes) -> None:
    with pytest.raises(StateError):
        Session(WHO).restore(text)


def test_a_long_session_costs_memory_up_to_a_bound_and_decides_rightly() -> None:
    policy = policy_set([parse(FLOW, "flow.lw")])
    guard, session = Guard(compile_policy(policy, EMPTY_CATALOGUE)), Session(WHO, plan=StatePlan(policy))
    sizes = []
    for number in range(10_000):
        call = ToolCall("read", {"path": f"/{'internal' if number == 5_000 else 'public'}/{number}"}, f"c{number}")
        session.decided(call, guard.decide(call, session))
        session.answered(call.call_id, f"answer {number}", observed=True)
        assert guard.decide(OUT, session).releases is (number < 5_000)
        if number in (4_000, 9_999):
            sizes.append(len(session.export()))
    assert sizes[1] < sizes[0] + 500


FLOW = """language 1
allow read(path) as reads
allow mail(to) as mails
forbid mail as leak when after released read(path under "/internal") and not (to ends with "@house.example")
"""
OUT = ToolCall("mail", {"to": "eve@evil.example"})

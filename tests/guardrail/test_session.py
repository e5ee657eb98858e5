"""guardrail/session.py: a Session only grows, whatever it is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from guardrail import Principal, Session
from guardrail.session import USER_WORDS_KEPT

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

"""state/state.py: what is kept event by event is what the reference history finds by walking all events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl import Argument, Literal, ToolPattern
from policy_dsl.ast import Calendar, Compare, Holds, Label, LabelResults, ResultValue, Source, TrustResults
from policy_dsl.facts import Facts
from policy_dsl.state import UNTRUSTED, Journal, Shared, State, StateError, StatePlan, read_deltas, write_deltas

MEASURES = ("count", "sum", "max", "distinct", "last", "previous")
KINDS = ("requested", "refused", "released", "succeeded", "failed")
values = st.sampled_from([0, 1, 2, 5, True, "1", "a", None, -3, [1]])
arguments = st.fixed_dictionaries({}, optional={"amount": values, "to": values})
steps = st.tuples(
    st.sampled_from(["release", "refuse", "succeed", "fail", "claim", "unseen"]),
    st.sampled_from(["pay", "read"]),
    arguments,
    st.sampled_from([0, 0, 1, 2, 4, 5_000]),
)
scripts = st.lists(steps, max_size=25)


@st.composite
def feeds(draw: st.DrawFn, value: str | None, keyed: bool) -> dict[str, Any]:
    return {
        "kind": draw(st.sampled_from(KINDS)),
        "tools": draw(st.sampled_from(["pay", "pay read", "read"])),
        "at_least": draw(st.sampled_from([None, 2])),
        "value": value,
        "keys": ("to",) if keyed else (),
    }


@st.composite
def trackers(draw: st.DrawFn, tools: Any) -> Any:
    measure, keyed = draw(st.sampled_from(MEASURES)), draw(st.booleans())
    value = "amount" if measure in ("sum", "max", "distinct") else None
    fed = draw(st.lists(feeds(value, keyed), min_size=1, max_size=2))
    resets = draw(st.lists(feeds(None, keyed and draw(st.booleans())), max_size=1))
    windows = [None, tools.sliding(3), tools.sliding(10)]
    calendars = [] if measure == "previous" else [Calendar("day", "Europe/Berlin"), Calendar("hour", "UTC")]
    return tools.tracker(
        measure,
        *(tools.feed(**one) for one in fed),
        resets=tuple(tools.feed(**one) for one in resets),
        owner="session" if measure == "previous" else draw(st.sampled_from(["session", "agent"])),
        window=draw(st.sampled_from(windows + calendars)),
    )


def act(play: Any, script: list[Any], tools: Any) -> None:
    """Calls are answered in the order of their release."""
    for what, tool, given_arguments, seconds in script:
        play.now += seconds * tools.second
        if what in ("release", "unseen"):
            play.release(tool, what == "release", **given_arguments)
        elif what == "refuse":
            play.refuse(tool, **given_arguments)
        elif play.calls:
            play.answer(min(play.calls), ok=what == "succeed", observed=what != "claim")


def compare(play: Any, state: State, tools: Any) -> None:
    """Both histories answer alike; where a reset is in doubt the State may be in doubt about more."""
    (tracker,) = play.policy.trackers
    reference = play.reference
    for key in (1, True, "1", "a", 2, None, [1]) if tracker.feeds[0].keys else (...,):
        keys = () if key is ... else (key,)
        for later in (0, 1, 5, 20_000):
            now = play.now + later * tools.second
            if tracker.measure in ("last", "previous"):
                got, wanted = state.seen(0, keys, now), reference.seen(0, keys, now)
            else:
                got, wanted = state.tally(0, keys, now), reference.tally(0, keys, now)
            in_doubt = isinstance(got, str) and tracker.resets and wanted is not False and wanted != 0
            assert (type(got) is bool, got) == (type(wanted) is bool, wanted) or in_doubt, (keys, later)


@given(data=st.data(), script=scripts)
def test_what_is_kept_is_what_walking_all_events_finds(tools: Any, data: st.DataObject, script: list[Any]) -> None:
    play = tools.play(tools.policy(data.draw(trackers(tools))))
    act(play, script, tools)
    compare(play, play.state, tools)


@given(data=st.data(), script=scripts)
def test_a_restart_after_every_event_changes_nothing(tools: Any, data: st.DataObject, script: list[Any]) -> None:
    def restart(play: Any) -> State:
        play.shared = Shared.restore(play.shared.export())
        again = State(play.plan, play.facts, play.shared)
        again.restore(play.state.export())
        assert again.export() == play.state.export()
        return again

    play = tools.play(tools.policy(data.draw(trackers(tools))), restart=restart)
    act(play, script, tools)
    compare(play, play.state, tools)


@given(data=st.data(), script=scripts)
def test_the_journal_makes_the_state_again(tools: Any, data: st.DataObject, script: list[Any]) -> None:
    play = tools.play(tools.policy(data.draw(trackers(tools))))
    play.state.journal = Journal()
    act(play, script, tools)
    again = State(play.plan, play.facts)
    for delta in read_deltas(write_deltas(play.state.journal.since(0))):
        again.apply(delta)
    assert again.export() == play.state.export()
    compare(play, again, tools)


# --- labels and sources ---------------------------------------------------------------------------------------------

PAY, READ, ANY = (ToolPattern(None, tool) for tool in ("pay", "read", "*"))
SOURCES = (
    Source(tools=(READ,)),
    Source(untrusted=True),
    Source(label=Label("secret")),
    Source(label=Label("internal", "hr")),
)
LABELS = (
    LabelResults((READ,), Compare("==", Argument(("to",)), Literal("a")), Label("secret", "hr")),
    LabelResults((PAY,), None, Label("internal"), Holds("contains", ResultValue(), Literal("salary"))),
)
texts = st.sampled_from(
    ["ann@x.example", "salary 1,200.50 of Ann", '{"to": "IBAN 77", "sum": 98.70}', "x", "evil.example"]
)
results = st.one_of(
    texts, st.dictionaries(st.sampled_from(["to", "ann@x.example"]), st.one_of(texts, st.integers(0, 9999)))
)
asked = st.sampled_from(
    [
        "ann@x.example",
        "nn@x.example",
        "IBAN 77",
        "98.70",
        "evil.example",
        "https://evil.example/x",
        "1,200.50",
        "secret",
    ]
)


@given(
    answers=st.lists(st.tuples(st.sampled_from(["pay", "read"]), arguments, results, st.booleans()), max_size=6),
    trust=st.lists(st.builds(TrustResults, st.sampled_from([(PAY,), (READ,), (ANY,)]), st.booleans()), max_size=2),
    value=st.one_of(asked, st.sampled_from([98, 1200, True, [1]]), texts),
)
def test_where_values_come_from(tools: Any, answers: list[Any], trust: list[TrustResults], value: Any) -> None:
    parts = {"sources": SOURCES, "labels": LABELS, "trust": tuple(trust), "levels": ("public", "internal", "secret")}
    play = tools.play(tools.policy(**parts))
    for tool, given_arguments, result, observed in answers:
        play.answer(play.release(tool, **given_arguments), result, observed=observed)
    again = State(play.plan, play.facts)
    again.restore(play.state.export())
    assert play.state.labels == again.labels == play.reference.labels
    for source in range(len(SOURCES)):
        for ask in ("in_results", "derived"):
            wanted = getattr(play.reference, ask)(value, source)
            assert getattr(play.state, ask)(value, source) == getattr(again, ask)(value, source) == wanted


def test_acts_of_people_are_events(tools: Any) -> None:
    play = tools.play(tools.policy(labels=LABELS, sources=SOURCES))
    play.state.journal = Journal()
    play.answer(play.release("read", to="a"), "ann@x.example")
    assert play.state.labels == {UNTRUSTED, ("secret", "hr")}
    assert play.state.endorse("ada", "read it", 7) == ("endorse", "ada", "read it", 7)
    assert play.state.declassify(("secret", "hr"), "ada", "public now", 8)[0] == "declassify"
    assert play.state.labels == frozenset()
    assert play.state.derived("ann@x.example", 1) is True
    assert [delta[0] for delta in play.state.journal.since(0)][-2:] == ["endorse", "declassify"]
    play.answer(play.release("pay"), "x")
    assert play.state.labels == {UNTRUSTED}


# --- what a client may claim ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["succeeded", "failed"])
@pytest.mark.parametrize("quiet", [False, True])
def test_no_claim_and_no_silence_settles_whether_a_call_failed(tools: Any, kind: str, quiet: bool) -> None:
    play = tools.play(tools.policy(tools.tracker("last", tools.feed(kind))))
    number = play.release("pay", observable=False)
    assert play.state.seen(0, (), play.now) == "claimed"
    if not quiet:
        play.answer(number, ok=True, observed=False)
    assert play.state.seen(0, (), play.now) == "claimed"


def test_a_claimed_failure_gives_nothing_back_and_an_observed_one_does_once(tools: Any) -> None:
    play = tools.play(tools.policy(tools.tracker("sum", tools.feed("released", value="amount"))))
    one, other = play.release("pay", amount=5), play.release("pay", amount=7)
    play.answer(one, ok=False, observed=False)
    assert play.state.tally(0, (), play.now) == 12
    for _ in range(2):
        play.state.answered(f"c{other}", None, None, None, "no", play.now, ok=False, observed=True)
    assert play.state.tally(0, (), play.now) == 5


def test_a_reset_without_its_key_clears_nothing(tools: Any) -> None:
    feeds = tools.feed("released", keys=("to",)), tools.feed("released", "read", keys=("to",))
    play = tools.play(tools.policy(tools.tracker("count", feeds[0], resets=(feeds[1],))))
    play.release("pay", to="a")
    play.release("read")
    assert play.state.tally(0, ("a",), play.now) == "wrong-type"


def test_without_a_clock_what_has_a_window_has_no_answer(tools: Any) -> None:
    made = [tools.tracker("count", tools.feed("released"), window=window) for window in (None, tools.sliding(5))]
    state = State(StatePlan(tools.policy(*made)), Facts())
    state.released("c", None, "pay", {}, 0)
    assert (state.tally(0, (), 0), state.tally(1, (), 0)) == (1, "missing")


def test_an_owner_that_is_not_known_owns_nothing(tools: Any) -> None:
    state = State(
        StatePlan(tools.policy(tools.tracker("count", tools.feed("released"), owner="user"))), Facts(agent="a")
    )
    state.released("c", None, "pay", {}, 1)
    assert state.tally(0, (), 1) == "missing"


# --- policies that change -------------------------------------------------------------------------------------------


def test_what_both_policies_ask_for_goes_on(tools: Any) -> None:
    old, new = tools.tracker("count", tools.feed("released")), tools.tracker("count", tools.feed("released", "read"))
    play = tools.play(tools.policy(old))
    play.release("pay")
    play.state.adopt(StatePlan(tools.policy(new, old)), play.now)
    assert play.state.tally(1, (), play.now) == 1
    assert play.state.tally(0, (), play.now) == 0
    play.state.adopt(StatePlan(tools.policy(new)), play.now)
    play.release("pay")
    play.state.adopt(StatePlan(tools.policy(old)), play.now)
    assert play.state.tally(0, (), play.now) == "forgotten"


def test_a_new_question_about_what_was_not_counted_is_forgotten_and_not_denied(tools: Any) -> None:
    play = tools.play(tools.policy(tools.tracker("count", tools.feed("refused"))))
    play.release("pay")
    asked = tools.tracker("last", tools.feed("released")), tools.tracker("last", tools.feed("released", "read"))
    play.state.adopt(StatePlan(tools.policy(*asked)), play.now)
    assert [play.state.seen(place, (), play.now) for place in (0, 1)] == ["forgotten", False]
    play.release("pay")
    assert play.state.seen(0, (), play.now) is True


def test_after_a_policy_without_memory_nothing_is_taken_for_granted(tools: Any) -> None:
    play = tools.play(tools.policy())
    play.state.unwatched()
    play.state.adopt(StatePlan(tools.policy(tools.tracker("last", tools.feed("released")), labels=LABELS)), play.now)
    assert play.state.seen(0, (), play.now) == "forgotten"
    assert play.state.labels == {UNTRUSTED, ("secret", "hr"), ("internal", None)}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b'{"v":2}',
        b"[1]",
        b'{"v":1',
        b'{"v":1}',
        b'{"v":1,"labels":7,"shared":[7],"deltas":[7]}',
        b'{"v":1,"x":{"n":"y"}}',
    ],
)
def test_what_is_no_state_is_refused(tools: Any, text: bytes) -> None:
    for read in (State(StatePlan(tools.policy()), Facts()).restore, Shared.restore, read_deltas):
        with pytest.raises(StateError):
            read(text)  # type: ignore[operator]  # each takes the text

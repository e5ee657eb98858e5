"""state/cells.py, ledger.py, shared.py, calls.py and answers.py: past their bounds they count too much, or say so."""

from __future__ import annotations

import sys
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl import ToolPattern
from policy_dsl.ast import Source
from policy_dsl.facts import Facts
from policy_dsl.state import Shared, State, StatePlan, answers, calls, cells, journal, ledger, shared
from policy_dsl.state.cells import EVER, Peak, Sliding, Total, Variety
from policy_dsl.state.journal import Journal
from policy_dsl.state.ledger import Ledger
from policy_dsl.values.clock import clock


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`small(module, name, value)`: a bound low enough to be reached."""

    def lower(module: ModuleType, name: str, value: int) -> None:
        monkeypatch.setattr(module, name, value)

    return lower


events = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4), st.booleans()), max_size=60)


@pytest.mark.parametrize("cell", [Sliding, Peak, Variety])
@given(script=events, window=st.integers(1, 30))
def test_merged_events_are_counted_too_long_and_never_too_little(cell: type[Any], script: Any, window: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ENTRIES_KEPT", "REPEATS_KEPT"):
            patch.setattr(cells, name, 4)
        made, log, now = cell(), [], 0
        for value, later, given_back in script:
            now += later
            if given_back and log:
                made.give_back(*log.pop(len(log) // 2))
            else:
                made.post(value, now, now - window)
                log.append((value, now))
            for at in (now, now + 3):
                inside = [value for value, when in log if when >= at - window]
                exact = {Sliding: sum(inside), Peak: max(inside, default=0), Variety: len(set(inside))}[cell]
                assert made.answer(at - window) >= exact
                if len(script) <= 4:
                    assert made.answer(at - window) == exact


def test_a_sum_that_cannot_be_held_is_forgotten_and_not_wrong() -> None:
    made = Ledger("sum", None, None)
    made.post((), Decimal("1e900"), 1)
    made.post((), Decimal("1e-900"), 2)
    assert made.answer((), 3) == "forgotten"


def test_memory_of_a_window_does_not_grow_with_its_events() -> None:
    made = Ledger("sum", 1_000_000, None)
    for at in range(0, 50_000_000, 500):
        made.post((), 1, at)
    assert made.answer((), 50_000_000) >= 1_999
    assert sys.getsizeof(made.cell(())._times) < 40_000  # type: ignore[union-attr]  # the one cell


@pytest.mark.parametrize("measure", ["count", "last", "distinct"])
def test_past_its_keys_a_ledger_says_that_it_forgot(measure: str, small: Any) -> None:
    small(ledger, "KEYS_KEPT", 3)
    made = Ledger(measure, 100, None)
    for at, key in enumerate("abcd", 1):
        made.post((key,), 1, at)
    assert [made.answer((key,), 5) for key in "abc"] == [measure == "last" or 1] * 3
    assert made.answer(("d",), 5) == made.answer(("never",), 5) == "forgotten"
    assert made.answer(("never",), 200) == (False if measure == "last" else 0)
    made.post(("e",), 1, 200)
    assert made.answer(("e",), 200) == (measure == "last" or 1)


def test_past_its_values_a_variety_says_that_it_forgot(small: Any) -> None:
    small(cells, "VALUES_KEPT", 2)
    made = Ledger("distinct", None, None)
    for at, value in enumerate("abab", 1):
        made.post((), value, at)
    assert made.answer((), 9) == 2
    made.post((), "c", 9)
    assert made.answer((), 9) == "forgotten"


def test_a_calendar_period_begins_anew_also_where_the_clock_goes_back() -> None:
    made = Ledger("count", None, ("day", clock("Europe/Berlin")))
    midnight = 1_774_738_800_000_000  # 2026-03-29T00:00+01:00
    made.post((), 1, midnight - 1)
    assert (made.answer((), midnight - 1), made.answer((), midnight)) == (1, 0)
    made.post((), 1, midnight)
    made.post((), 1, midnight - 1)
    assert made.answer((), midnight) == 2
    assert made.answer((), midnight + 23 * 3_600_000_000 - 1) == 2  # the day has 23 hours
    assert made.answer((), midnight + 23 * 3_600_000_000) == 0


def test_owners_past_the_bound_are_forgotten_unless_an_old_one_is_spent(tools: Any, small: Any) -> None:
    small(shared, "LEDGERS_KEPT", 2)
    plan = StatePlan(
        tools.policy(tools.tracker("count", tools.feed("released"), owner="agent", window=tools.sliding(1)))
    )
    both = Shared()
    states = [State(plan, Facts(agent=name), both) for name in "abc"]
    for state, now in zip(states, (1, 2, 3), strict=True):
        state.released("c", None, "pay", {}, now)
    assert [state.tally(0, (), 3) for state in states] == [1, 1, "forgotten"]
    states[2].released("c", None, "pay", {}, 5_000_000)
    assert states[2].tally(0, (), 5_000_000) == 1


def test_an_agent_of_another_tenant_is_another(tools: Any) -> None:
    plan = StatePlan(tools.policy(tools.tracker("count", tools.feed("released"), owner="agent")))
    both = Shared()
    State(plan, Facts("acme", "bot"), both).released("c", None, "pay", {}, 1)
    counts = [State(plan, Facts(tenant, "bot"), both).tally(0, (), 2) for tenant in ("acme", "other", None)]
    assert counts == [1, 0, 0]


def test_calls_past_the_bound_keep_what_they_reserved(tools: Any, small: Any) -> None:
    small(calls, "CALLS_KEPT", 2)
    play = tools.play(tools.policy(tools.tracker("count", tools.feed("released"))))
    numbers = [play.release("pay") for _ in range(3)]
    for number in numbers:
        play.answer(number, ok=False)
    assert play.state.tally(0, (), play.now) == 1


@pytest.mark.parametrize(
    ("call_id", "tool", "reserved"),
    [("b", None, {"a"}), ("", "pay", {"b"}), ("z", "pay", {"a", "b"}), ("", "other", {"a", "b"})],
)
def test_an_answer_finds_its_call(tools: Any, call_id: str, tool: str | None, reserved: set[str]) -> None:
    policy = tools.policy(tools.tracker("distinct", tools.feed("released", value="to")))
    state = State(StatePlan(policy), Facts())
    for name in "ab":
        state.released(name, None, "pay", {"to": name}, 1)
    state.answered(call_id, None, tool, None, "x", 2, ok=False, observed=True)
    assert state.tally(0, (), 2) == len(reserved)


def test_answers_past_the_bound_are_forgotten_and_not_denied(tools: Any, small: Any) -> None:
    small(answers, "CHARACTERS_KEPT", 40)
    play = tools.play(tools.policy(sources=(Source(tools=(ToolPattern(None, "read"),)),)))
    for text in ("first answer of all", "a second one that finds no room"):
        play.answer(play.release("read"), text)
    assert play.state.in_results("first answer", 0) is True
    assert play.state.in_results("second one", 0) == play.state.derived("nothing like it", 0) == "forgotten"


def test_places_past_the_bound_are_not_searched_for_ever(tools: Any) -> None:
    play = tools.play(tools.policy(sources=(Source(untrusted=True),)))
    for number in range(200):
        play.answer(play.release("read"), f"{number} invoice .paid .invoice")
    assert play.state.in_results("invoice", 0) is True
    assert play.state.in_results("invoice paid", 0) == "forgotten"
    assert play.state.in_results("invoice lost", 0) is False


def test_a_journal_that_nobody_reads_is_cut_and_says_so(small: Any) -> None:
    small(journal, "DELTAS_KEPT", 2)
    kept = Journal()
    for number in range(3):
        kept.add(("label", str(number), None))
    assert (kept.is_cut, kept.since(0), kept.mark()) == (True, (("label", "0", None), ("label", "1", None)), 2)
    kept.forget(1)
    assert (kept.is_cut, kept.since(1)) == (True, (("label", "1", None),))
    kept.forget(2)
    kept.add(("label", "4", None))
    assert (kept.is_cut, kept.since(2), kept.since(0)) == (False, (("label", "4", None),), (("label", "4", None),))


def test_a_total_that_was_given_back_is_nothing() -> None:
    made = Total()
    made.post(5, 1, EVER)
    made.give_back(5, 1)
    assert (made.answer(EVER), made.earliest(EVER)) == (0, None)


def test_an_hour_of_each_zone_has_its_own_period() -> None:
    made = Ledger("count", None, ("hour", clock("Asia/Kathmandu")))
    full = 1_774_746_000_000_000 + 15 * 60_000_000  # the zone is 5:45 ahead
    made.post((), 1, full - 1)
    assert (made.answer((), full - 1), made.answer((), full)) == (1, 0)

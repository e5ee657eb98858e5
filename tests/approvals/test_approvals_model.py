"""The queue against a model of it that is a page long: any story of asks, answers and pauses comes out alike."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail import ToolCall
from server.approvals import Approvals, Bounds
from server.edge import EdgeError
from server.exchange import Caller
from server.store import Store

BOUNDS = Bounds(pending_seconds=100, valid_seconds=50, denied_seconds=30, asks_an_hour=6, pending_at_once=3)
VALID = {"send_money": 600, "refund": 50}
USES = {"send_money": 1, "refund": 2}
HOUR = 3_600

WHO = st.sampled_from(["bot", "other-bot"])
CALLS = st.tuples(st.just("call"), WHO, st.sampled_from(sorted(USES)), st.integers(1, 4))
ANSWERS = st.tuples(st.just("answer"), st.integers(0, 5), st.booleans())
PAUSES = st.tuples(st.just("wait"), st.sampled_from([1, 29, 50, 99, 600, HOUR]))
STORIES = st.lists(st.one_of(CALLS, CALLS, ANSWERS, PAUSES), max_size=25)


@dataclass
class Asked:
    who: str
    call: tuple[str, int]
    at: int
    ends: int
    state: str = "pending"
    answered: int = 0
    used: int = 0

    def stands(self, now: int) -> str:
        return "expired" if self.state in ("pending", "approved") and self.ends <= now else self.state


class Model:
    def __init__(self) -> None:
        self.now = 0
        self.asked: list[Asked] = []

    def call(self, who: str, tool: str, amount: int) -> str:
        mine = [one for one in self.asked if one.who == who]
        same = [one for one in mine if one.call == (tool, amount)]
        for one in same:
            if one.stands(self.now) == "approved":
                one.used += 1
                one.state = "used" if one.used == USES[tool] else "approved"
                return "released"
        if same and same[-1].stands(self.now) == "pending":
            return "needs-approval"
        if same and same[-1].state == "denied" and self.now - same[-1].answered < BOUNDS.denied_seconds:
            return "approval-denied"
        recent = sum(self.now - one.at < HOUR for one in mine)
        pending = sum(one.stands(self.now) == "pending" for one in mine)
        if recent >= BOUNDS.asks_an_hour or pending >= BOUNDS.pending_at_once:
            return "approval-budget"
        self.asked.append(Asked(who, (tool, amount), self.now, self.now + BOUNDS.pending_seconds))
        return "needs-approval"

    def answer(self, at: int, approve: bool) -> str:
        one = self.asked[at]
        state = one.stands(self.now)
        if state != "pending":
            return "approval-expired" if state == "expired" else "already-decided"
        one.state, one.answered = "approved" if approve else "denied", self.now
        one.ends = self.now + VALID[one.call[0]]
        return one.state


async def _told(gate: Any, people: dict[str, Caller], story: list[tuple[Any, ...]]) -> list[tuple[str, str]]:
    model, known = Model(), list[str]()
    told: list[tuple[str, str]] = []
    for step in story:
        match step:
            case ("call", who, tool, amount):
                caller = people[who]
                came = await gate.call(caller, gate.run_of(caller), ToolCall(tool, {"amount": amount}, "call_1"))
                if came.approval is not None and came.approval.id not in known:
                    known.append(came.approval.id)
                told.append((came.said, model.call(who, tool, amount)))
            case ("answer", at, approve):
                if at < len(known):
                    try:
                        said = (await gate.approvals.decide(known[at], people["ada"], approve, "")).state
                    except EdgeError as error:
                        said = error.code
                    told.append((said, model.answer(at, approve)))
            case ("wait", seconds):
                gate.clock.go(seconds)
                model.now += seconds
        gate.clock.go(0.001)  # ids sort by milliseconds; the model's seconds are whole ones
    return told


def _compare(story: list[tuple[Any, ...]], make_gate: Any, people: dict[str, Caller], clock: Any) -> None:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "gate.db", clock=clock) as store:
        gate = make_gate()
        gate.store, gate.approvals = store, Approvals(store, clock, BOUNDS)
        for at, (got, wanted) in enumerate(asyncio.run(_told(gate, people, story))):
            assert got == wanted, f"step {at} of {story}"
        assert store.verify().problems == ()


@pytest.fixture
def compare(make_gate: Any, people: dict[str, Caller], clock: Any) -> Any:
    return lambda story: _compare(story, make_gate, people, clock)


def test_any_story_comes_out_as_the_model_says(compare: Any) -> None:
    @settings(max_examples=12)
    @given(STORIES)
    def story(steps: list[tuple[Any, ...]]) -> None:
        compare(steps)

    story()


@pytest.mark.long
def test_many_stories_come_out_as_the_model_says(compare: Any) -> None:
    @settings(max_examples=300)
    @given(STORIES)
    def story(steps: list[tuple[Any, ...]]) -> None:
        compare(steps)

    story()


def test_the_model_releases_no_more_than_was_approved() -> None:
    """A yes is good for two refunds here, a no for none, however often the call comes."""
    for approve, times in itertools.product((True, False), (1, 2, 3)):
        model = Model()
        assert model.call("bot", "refund", 1) == "needs-approval"
        model.answer(0, approve)
        said = [model.call("bot", "refund", 1) for _ in range(times)]
        assert said.count("released") == (min(times, 2) if approve else 0)

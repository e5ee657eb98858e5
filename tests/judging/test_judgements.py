"""server/judgements.py: the calls of one answer are put to the judge side by side, and decided as if one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from guardrail import Guard, Judge, Judgement, Principal, Question
from policy_dsl import compile_policy, parse, policy_set
from server.exchange import Caller, Scope
from server.judgements import Judgements
from server.judging import Judges
from server.judging.members import Said
from server.recorded import RecordedDecisions, Ruling
from server.recording import Conduct
from server.sessions import SessionBook
from server.store import Store
from server.wire import HeldCall

POLICY = """language 1
allow post(text) as posts subject to judge
allow look(text)
limit post to 3 released per session as few
"""
SECONDS = 15.0
"""After which a test that would wait for ever fails."""


class Together:
    """Answers when `number` calls are before it at the same time, and never where they come one after the other."""

    def __init__(self, number: int) -> None:
        self._all = asyncio.Barrier(number)
        self.asked: list[str] = []
        self.now = self.most = 0

    async def judge(self, question: Question) -> Judgement:
        self.asked.append(str(question.arguments["text"]))
        self.now += 1
        self.most = max(self.most, self.now)
        await self._all.wait()
        self.now -= 1
        return Judgement(about=question.about, effect="allow", judges=("together",))


Rules = Callable[[Sequence[HeldCall]], Any]


@pytest.fixture
def deciding(tmp_path: Path) -> Callable[..., Any]:
    @asynccontextmanager
    async def opened(judge: Judge, **more: Any) -> AsyncIterator[Callable[..., Any]]:
        guard = Guard(compile_policy(policy_set([parse(POLICY, "p.lw")])))
        caller = Caller(Principal("t", "a"), frozenset({Scope.CALL}), "a")
        book = SessionBook()
        with Store.open(tmp_path / "gate.db") as store:
            run = store.default_run(caller.principal)
            decisions = RecordedDecisions(
                store, lambda: datetime.now(UTC), Conduct(), changes_of=book.changes, judge=judge, **more
            )

            async def ruled(*texts: str, tool: str = "post") -> Ruling:
                state = book.of(run.id, caller.principal, guard.plan)
                exchange = decisions.open(caller, run.id, state, guard, "test")
                calls = [HeldCall(0, at, f"c{at}", tool, {"text": text}, "tool", None) for at, text in enumerate(texts)]
                async with asyncio.timeout(SECONDS):
                    return await decisions.ruled(exchange, calls)

            yield ruled

    return opened


def test_the_calls_of_one_answer_are_before_it_together(deciding: Callable[..., Any]) -> None:
    async def run() -> None:
        judge = Together(3)
        async with deciding(judge) as ruled:
            ruling = await ruled("a", "b", "c")
        assert ruling.refusals == {}
        assert sorted(judge.asked) == ["a", "b", "c"], "each once"

    asyncio.run(run())


def test_no_more_at_a_time_than_it_may_have(deciding: Callable[..., Any]) -> None:
    async def run() -> None:
        judge = Together(2)
        async with deciding(judge, judged_at_once=2) as ruled:
            await ruled("a", "b", "c", "d")
        assert (judge.most, len(judge.asked)) == (2, 4)

    asyncio.run(run())


def test_nobody_is_asked_about_what_no_rule_puts_before_it(deciding: Callable[..., Any]) -> None:
    async def run() -> None:
        judge = Together(1)
        async with deciding(judge) as ruled:
            await ruled("a", "b", tool="look")
        assert judge.asked == []

    asyncio.run(run())


def test_an_answer_that_does_not_come_is_the_most_cautious_of_its_call_alone(deciding: Callable[..., Any]) -> None:
    """Also one that comes in another form: neither holds up, nor decides, what is said of the others."""

    class Slow:
        name, most, seconds = "slow", "forbid", 0.2

        async def ask(self, question: Question) -> Any:
            if question.arguments["text"] == "silence":
                await asyncio.Event().wait()
            return {"effect": "allow"} if question.arguments["text"] == "nonsense" else Said("allow")

    async def run() -> Ruling:
        async with deciding(Judges([Slow()])) as ruled:
            ruling: Ruling = await ruled("hello", "silence", "nonsense")
            return ruling

    ruling = asyncio.run(run())
    assert {call.arguments["text"]: one.code for call, one in ruling.refusals.items() if call.arguments} == {
        "silence": "judge",
        "nonsense": "judge",
    }


def test_each_call_counts_for_those_after_it(deciding: Callable[..., Any]) -> None:
    """They are asked about together and decided one by one: the fourth meets the limit."""

    class Yes:
        async def judge(self, question: Question) -> Judgement:
            return Judgement(about=question.about, effect="allow")

    async def run() -> Ruling:
        async with deciding(Yes()) as ruled:
            ruling: Ruling = await ruled("a", "b", "c", "d")
            return ruling

    ((call, refusal),) = asyncio.run(run()).refusals.items()
    assert (call.call_id, refusal.code) == ("c3", "limit")


def test_an_answer_is_good_for_its_own_question() -> None:
    """One that differs in a label, in the user's words or in what memory has is put anew."""

    class Counts:
        def __init__(self) -> None:
            self.asked: list[Question] = []

        async def judge(self, question: Question) -> Judgement:
            self.asked.append(question)
            return Judgement(about=question.about, effect="allow")

    def of(**more: Any) -> Question:
        return Question("digest", "post", None, {"text": "a"}, **more)

    async def run() -> list[Question]:
        judge = Counts()
        judgements = Judgements(judge)
        await judgements.ahead([of(), of(), of(labels=("suspicious",))])
        for question in (of(), of(labels=("suspicious",)), of(user_words=("go",)), of(precedents={"rules": []})):
            assert (await judgements.of(question)).about == "digest"
        return judge.asked

    assert len(asyncio.run(run())) == 4

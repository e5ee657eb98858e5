"""What the judge says of the calls of one answer: all are put to him side by side, before the first is decided.

A model may take seconds over a call, and an answer may hold a hundred of them. Each call is asked about as if it were
the first of its answer. Where an earlier one changed what there is to ask (a label, a rewrite), or opened a call that
nothing granted before, the question is another one, and is put when it comes up: so what is decided is the same as if
each had been asked about in its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from guardrail import Decision, Guard, Judge, Judgement, Question, Session, ToolCall

if TYPE_CHECKING:
    from .recorded import Listening

AT_ONCE: Final = 8
"""Calls of one answer that are put to the judge at a time. The others are not waiting for him yet: what he has of time
for a call begins with it."""


@lru_cache(maxsize=4)
def has_judged_rules(guard: Guard) -> bool:
    """Whether there is anything that a judge could be asked under this policy."""
    return any(rule.subject is not None for rule in guard.program.policy.rules.values())


def question_of(
    guard: Guard, asked: ToolCall, session: Session, decision: Decision, listening: Listening | None
) -> Question:
    """What the judge is asked about a call, with what memory has of cases like it."""
    question = guard.question(asked, session, decision)
    if listening is None:
        return question
    like = replace(asked, arguments=question.arguments)
    return replace(question, precedents=listening.precedents(like, session))


class Judgements:
    """His answers by question, for one answer of a model."""

    def __init__(self, judge: Judge, at_once: int = AT_ONCE) -> None:
        self._judge = judge
        self._at_once = at_once
        self._known: dict[str, list[tuple[Question, Judgement]]] = {}

    async def ahead(self, questions: Iterable[Question]) -> None:
        """Ask them all, `at_once` at a time. Raises what a judge raises that does not keep his promise."""
        room, different = asyncio.Semaphore(self._at_once), list[Question]()
        for question in questions:
            if question not in different:
                different.append(question)

        async def asked(question: Question) -> None:
            async with room:
                await self.of(question)

        await asyncio.gather(*(asked(question) for question in different))

    async def of(self, question: Question) -> Judgement:
        """His answer to this very question, asked for now where it is not known."""
        known = self._known.setdefault(question.about, [])
        for other, judgement in known:
            if other == question:
                return judgement
        judgement = await self._judge.judge(question)
        known.append((question, judgement))
        return judgement

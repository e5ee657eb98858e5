"""All members as one Judge: the strictest answer counts, and what goes wrong is the most cautious one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Literal

from guardrail import Judgement, Objection, Question, stricter

from .members import Effect, Member, Nonsense, Said

LOG: Final = logging.getLogger("leastward.judge")

Failure = Literal["timeout", "nonsense", "error", "none"]

MOST_OBJECTIONS: Final = 32
"""Of all members together; guardrail takes no more."""


class Judges:
    """guardrail's port Judge. Members that only compute are asked first, in order; one forbid of theirs spares the
    others, who cost time and money and could make nothing stricter of it."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._quick = tuple(one for one in members if one.seconds is None)
        self._slow = tuple(one for one in members if one.seconds is not None)
        self.names = tuple(one.name for one in members)

    async def judge(self, question: Question) -> Judgement:
        """What all members say of the call. Never raises but when the asker itself is cancelled."""
        if not self.names:
            return Judgement(about=question.about, effect="forbid", failed="none")
        answers = [(member, *await _asked(member, question)) for member in self._quick]
        if self._slow and not any(said.effect == "forbid" for _, said, _ in answers):
            slow = await asyncio.gather(*(_asked(member, question) for member in self._slow))
            answers += [(member, *answer) for member, answer in zip(self._slow, slow, strict=True)]
        effect: Effect = "allow"
        for _, said, _ in answers:
            effect = stricter(effect, said.effect)
        return Judgement(
            about=question.about,
            effect=effect,
            failed=next((failure for _, _, failure in answers if failure is not None), None),
            judges=tuple(member.name for member, _, _ in answers),
            objections=tuple(one for _, said, _ in answers for one in said.objections)[:MOST_OBJECTIONS],
        )


async def _asked(member: Member, question: Question) -> tuple[Said, Failure | None]:
    try:
        async with asyncio.timeout(member.seconds):
            said = await member.ask(question)
        if type(said) is not Said or said.effect not in ("allow", "ask", "forbid"):
            raise Nonsense("an answer that is none")
        if said.effect == "allow" and said.objections:
            raise Nonsense("objections, and no effect")
    except TimeoutError:
        return _cautious(member, "timeout")
    except Nonsense as error:
        LOG.warning("judge `%s`: %s", member.name, error)
        return _cautious(member, "nonsense")
    except Exception as error:  # whatever breaks in a judge is his most cautious answer
        LOG.warning("judge `%s` failed: %s", member.name, type(error).__name__)
        return _cautious(member, "error")
    return said, None


def _cautious(member: Member, failure: Failure) -> tuple[Said, Failure]:
    return Said(member.most, (Objection(f"no-answer-{failure}", member.name),)), failure

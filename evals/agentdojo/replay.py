"""Replay: every call of a run through `guard.decide`, in order, in the session that the user's own prompt opens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from guardrail import ANYONE, Decision, Guard, Session, ToolCall
from policy_dsl import PolicySet, compile_policy, load
from policy_dsl.state import StatePlan
from server.propose import draft, propose_entities

from .recordings import RecordedCall, Recording

SUITES = ("banking", "slack", "travel", "workspace")

POLICIES = Path(__file__).resolve().parents[2] / "examples" / "agentdojo"

Refusal = Literal["forbid", "ask"]


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of the calls of one run, in order, and the seconds that deciding them took."""

    decisions: tuple[Decision, ...]
    seconds: float

    def refused_among(self, positions: Iterable[int]) -> Refusal | None:
        """How a call at one of these positions was refused: `forbid` where any was forbidden, else `ask`, else None."""
        effects = {self.decisions[position].effect for position in positions}
        return "forbid" if "forbid" in effects else "ask" if "ask" in effects else None

    @property
    def refused(self) -> Refusal | None:
        return self.refused_among(range(len(self.decisions)))


class Arena:
    """One suite's policy, compiled against the tools that it uses.

    With `proposing`, every session first drafts its own policy from the user's request (`--propose entities`).
    """

    def __init__(self, suite: str, policies: Path = POLICIES, *, proposing: bool = False) -> None:
        self.suite = suite
        self.policy = load([policies / f"{suite}.lw"])
        self.proposing = proposing
        self._guards: dict[str, tuple[Guard, StatePlan]] = {}

    def replay(self, recording: Recording) -> Replay:
        """Decide the calls of a run, each knowing what the calls before it were answered in the recording."""
        return self._decide(recording.prompt, recording.calls, told=True)

    def decide(self, prompt: str, calls: Iterable[tuple[str, dict[str, Any]]]) -> Replay:
        """Decide `calls` in one new session in which the user said `prompt`, and nothing else is known of the user.

        What is allowed counts as released for the calls after it; there are no answers, because truths have none.
        """
        return self._decide(prompt, [RecordedCall(tool, arguments, "") for tool, arguments in calls], told=False)

    def _decide(self, prompt: str, calls: Sequence[RecordedCall], *, told: bool) -> Replay:
        guard, plan = self._guard(prompt)
        session = Session(ANYONE, plan=plan)
        session.user_said((prompt,))
        decisions = []
        seconds = 0.0
        for number, call in enumerate(calls):
            asked = ToolCall(call.tool, call.arguments, f"call_{number}")
            started = perf_counter()
            decision = guard.decide(asked, session)
            seconds += perf_counter() - started
            session.decided(asked, decision)
            if told and decision.releases:
                status: Literal["ok", "error"] = "error" if call.failed else "ok"
                session.answered(asked.call_id, call.output, observed=True, status=status, tool=call.tool)
            decisions.append(decision)
        return Replay(tuple(decisions), seconds)

    def _guard(self, prompt: str) -> tuple[Guard, StatePlan]:
        key = prompt if self.proposing else ""
        if key not in self._guards:
            policy = self._session_policy(prompt)
            self._guards[key] = Guard(compile_policy(policy)), StatePlan(policy)
        return self._guards[key]

    def _session_policy(self, prompt: str) -> PolicySet:
        if not self.proposing:
            return self.policy
        drafted = draft(prompt, self.policy, self.policy.catalogue, propose_entities)
        if drafted.status != "loads":
            raise ValueError(f"the draft is {drafted.status}: {drafted.problems}")
        return drafted.over(self.policy)

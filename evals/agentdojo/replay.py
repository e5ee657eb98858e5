"""Replay: every call of a run through `guard.decide`, in order, in the session that the user's own prompt opens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from guardrail import ANYONE, Decision, Guard, Session, ToolCall
from policy_dsl import compile_policy, load

from .recordings import Recording

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
    """One suite's policy, compiled against the tools that it uses."""

    def __init__(self, suite: str, policies: Path = POLICIES) -> None:
        self.suite = suite
        self.guard = Guard(compile_policy(load([policies / f"{suite}.lw"])))

    def replay(self, recording: Recording) -> Replay:
        return self.decide(recording.prompt, [(call.tool, call.arguments) for call in recording.calls])

    def decide(self, prompt: str, calls: Iterable[tuple[str, dict[str, Any]]]) -> Replay:
        """Decide `calls` in one new session in which the user said `prompt`, and nothing else is known of the user."""
        session = Session(ANYONE)
        session.user_said((prompt,))
        asked = [ToolCall(tool, arguments, f"call_{number}") for number, (tool, arguments) in enumerate(calls)]
        started = perf_counter()
        decisions = tuple(self.guard.decide(call, session) for call in asked)
        return Replay(decisions, perf_counter() - started)

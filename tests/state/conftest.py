"""What the tests of state/ share: policies made by hand, and the events of a session told to a State and to the
reference history alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from policy_dsl import EMPTY_CATALOGUE, PolicySet, ToolPattern
from policy_dsl.ast import Argument, Compare, Duration, EventKind, Feed, Literal, Sliding, Tracker
from policy_dsl.facts import Facts
from policy_dsl.reference.history import Event, Recollection
from policy_dsl.reference.operands import Answer
from policy_dsl.state import Shared, State, StatePlan

SECOND = 1_000_000


def policy(*trackers: Tracker, **parts: Any) -> PolicySet:
    return PolicySet((), {}, {}, {}, (), "sha256:test", EMPTY_CATALOGUE, trackers=trackers, **parts)


def feed(
    kind: str, tools: str = "pay", at_least: int | None = None, value: str | None = None, keys: tuple[str, ...] = ()
) -> Feed:
    """Events of `tools`, perhaps only those whose `amount` is at least a number."""
    return Feed(
        EventKind(kind),
        tuple(ToolPattern(None, tool) for tool in tools.split()),
        None if at_least is None else Compare(">=", Argument(("amount",)), Literal(at_least)),
        None if value is None else Argument((value,)),
        tuple(Argument((key,)) for key in keys),
    )


def tracker(
    measure: Any, *feeds: Feed, resets: tuple[Feed, ...] = (), owner: Any = "session", window: Any = None
) -> Any:
    made = Tracker("", measure, feeds, resets, owner, window)
    return Tracker(repr(made), measure, feeds, resets, owner, window)


def sliding(seconds: int) -> Sliding:
    return Sliding(Duration(seconds, "second"))


@dataclass
class Play:
    """One session, told to a State and kept as the events that the reference history walks."""

    policy: PolicySet
    facts: Facts = field(default_factory=lambda: Facts(tenant="acme", agent="bot"))
    now: int = 1_774_745_000 * SECOND  # half an hour before the clocks of Berlin go on, in March 2026
    shared: Shared = field(default_factory=Shared)
    state: State = field(init=False)
    restart: Callable[[Play], State] | None = None

    def __post_init__(self) -> None:
        self.plan = StatePlan(self.policy)
        self.state = State(self.plan, self.facts, self.shared)
        self.events: list[Event] = []
        self.calls: dict[int, tuple[str, Mapping[str, Any]]] = {}
        self._number = 0

    def release(self, tool: str, observable: bool = True, **arguments: Any) -> int:
        self._number += 1
        number = self._number
        self._log("requested", tool, arguments, number)
        self._log("released", tool, arguments, number)
        self.state.requested(None, tool, arguments, self.now)
        self.state.released(f"c{number}", None, tool, arguments, self.now, observable=observable)
        if not observable:
            for kind in ("succeeded", "failed"):
                self._log(kind, tool, arguments, number, observed=False)
        self.calls[number] = tool, arguments
        self._again()
        return number

    def refuse(self, tool: str, **arguments: Any) -> None:
        self._number += 1
        self._log("requested", tool, arguments, self._number)
        self._log("refused", tool, arguments, self._number)
        self.state.requested(None, tool, arguments, self.now)
        self.state.refused(None, tool, arguments, self.now)
        self._again()

    def answer(self, number: int, result: Any = "done", ok: bool = True, observed: bool = True) -> None:
        tool, arguments = self.calls.pop(number)
        self.state.answered(f"c{number}", None, None, None, result, self.now, ok=ok, observed=observed)
        kinds = ("succeeded", "failed") if not observed else ("succeeded" if ok else "failed",)
        for kind in kinds:
            self._log(kind, tool, arguments, number, result, observed)
        self._again()

    def _log(self, kind: str, tool: str, arguments: Any, call: int, result: Any = None, observed: bool = True) -> None:
        answer = None if result is None else Answer(result)
        self.events.append(
            Event(EventKind(kind), None, tool, arguments, self.now, self.facts, "s", call, answer, observed)
        )

    def _again(self) -> None:
        if self.restart is not None:
            self.state = self.restart(self)

    @property
    def reference(self) -> Recollection:
        return Recollection(self.policy, self.events, self.facts, "s")


class Tools:
    """The functions of this file for tests, which cannot import it."""

    policy = staticmethod(policy)
    feed = staticmethod(feed)
    tracker = staticmethod(tracker)
    sliding = staticmethod(sliding)
    play = Play
    second = SECOND


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    return Tools

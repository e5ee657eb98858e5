"""A StatePlan: what a policy wants remembered, compiled, and found by the tool that an event is about.

One event of a tool is looked up once: the Moves that it makes are the trackers it may feed, each with its tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ..ast import (
    Calendar,
    EventKind,
    Feed,
    LabelResults,
    Owner,
    PolicySet,
    Scope,
    SessionExceeds,
    SessionHas,
    Sliding,
    Source,
    ToolPattern,
    Tracker,
)
from ..catalogue import EMPTY_CATALOGUE
from ..check.nodes import nodes
from ..compile import Test, Value, compile_condition, compile_operand
from ..compile.binding import fits
from ..facts import Facts
from ..values.clock import Clock, clock
from .answers import Kind
from .ledger import Ledger

LabelPair = tuple[str, str | None]

UNTRUSTED: Final[LabelPair] = ("untrusted", None)

TOOLS_KEPT: Final = 1_024
"""Tools that a plan remembers the Moves of; agents are offered a few hundred at most."""

_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class FeedPlan:
    """A Feed, compiled. `keys` is None for a reset of all keys."""

    kind: EventKind
    tools: tuple[ToolPattern, ...]
    condition: Test | None
    value: Value | None
    keys: tuple[Value, ...] | None

    def takes(self, event: str, server: str | None, tool: str) -> bool:
        """Whether an event of this kind and tool may be one of these."""
        return self.kind == event and fits(self.tools, server, tool)


@dataclass(frozen=True, slots=True, eq=False)
class TrackerPlan:
    """A Tracker, compiled. Its ledgers go by `id`, a digest of all that the tracker is."""

    id: str
    measure: str
    owner: Owner
    scope: Scope
    duration: int | None
    calendar: tuple[str, Clock] | None
    feeds: tuple[FeedPlan, ...]
    resets: tuple[FeedPlan, ...]

    @property
    def nothing(self) -> bool | int:
        """The answer where nothing has happened."""
        return False if self.measure in ("last", "previous") else 0

    @property
    def has_window(self) -> bool:
        return self.duration is not None or self.calendar is not None

    @property
    def steps(self) -> tuple[tuple[FeedPlan, ...], tuple[FeedPlan, ...]]:
        return self.feeds, self.resets

    def ledger(self) -> Ledger:
        return Ledger(self.measure, self.duration, self.calendar)


class Move(NamedTuple):
    """A tracker that an event of some tool may feed or reset."""

    tracker: TrackerPlan
    feeds: tuple[FeedPlan, ...]
    resets: tuple[FeedPlan, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Labelling:
    """A LabelResults, compiled."""

    statement: LabelResults
    pair: LabelPair
    arguments: Test | None
    when: Test | None

    def labels(self, arguments: Mapping[str, Any] | None, facts: Facts, result: Any) -> bool:
        """An error labels; so does a call that nobody knows the arguments of."""
        for test in (self.arguments, self.when):
            if test is not None and (False if arguments is None else test(arguments, facts, result) is False):
                return False
        return True


@dataclass(slots=True, eq=False)
class StatePlan:
    """What one policy wants remembered. Immutable but for what it remembers of tools; sessions share it."""

    policy: PolicySet
    trackers: tuple[TrackerPlan, ...] = field(init=False)
    by_id: Mapping[str, TrackerPlan] = field(init=False)
    place_of: Mapping[str, int] = field(init=False)
    sources: tuple[Source, ...] = field(init=False)
    watches: frozenset[EventKind] = field(init=False)
    keeps_calls: bool = field(init=False)
    reads_answers: bool = field(init=False)
    reads_arguments: bool = field(init=False)
    _above: Mapping[str, frozenset[str]] = field(init=False)
    _labelling: tuple[_Labelling, ...] = field(init=False)
    _moves: dict[tuple[EventKind, str | None, str], tuple[Move, ...]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        policy = self.policy
        self.trackers = tuple(_tracker(tracker, policy) for tracker in policy.trackers)
        self.by_id = {tracker.id: tracker for tracker in self.trackers}
        self.place_of = {tracker.id: place for place, tracker in enumerate(self.trackers)}
        self.sources = policy.sources
        steps = [step for tracker in self.trackers for step in (*tracker.feeds, *tracker.resets)]
        self.watches = frozenset(step.kind for step in steps)
        answered = bool(self.watches & {EventKind.SUCCEEDED, EventKind.FAILED})
        gives_back = any(
            step.kind is EventKind.RELEASED and tracker.measure not in ("last", "previous")
            for tracker in self.trackers
            for step in tracker.feeds
        )
        self.reads_answers = answered or bool(policy.sources or policy.labels or policy.trust) or _asks_labels(policy)
        self.keeps_calls = gives_back or self.reads_answers  # an answer may name its call and not its tool
        # Of calls that were answered; a plan that asks nothing of them keeps no arguments.
        self.reads_arguments = bool(policy.labels) or any(
            step.condition or step.value or step.keys
            for step in steps
            if step.kind in (EventKind.SUCCEEDED, EventKind.FAILED)
        )
        self._labelling = tuple(
            _Labelling(
                one,
                (one.label.name, one.label.compartment),
                None if one.arguments is None else compile_condition(one.arguments, policy),
                None if one.when is None else compile_condition(one.when, policy),
            )
            for one in policy.labels
        )
        self._above = {name: frozenset(policy.levels[place:]) for place, name in enumerate(policy.levels)}

    @property
    def is_idle(self) -> bool:
        """Whether the policy asks for nothing that happened before: then nothing need be fed."""
        return not (self.watches or self.reads_answers)

    def moves(self, kind: EventKind, server: str | None, tool: str) -> tuple[Move, ...]:
        """The trackers that an event of this kind and tool may change, resets and feeds that fit in their order."""
        name = (kind, server, tool)
        found = self._moves.get(name)
        if found is None:
            found = tuple(
                Move(tracker, feeds, resets)
                for tracker in self.trackers
                for feeds, resets in [
                    [tuple(step for step in steps if step.takes(kind, server, tool)) for steps in tracker.steps]
                ]
                if feeds or resets or (tracker.measure == "previous" and any(f.kind is kind for f in tracker.feeds))
            )
            if len(self._moves) >= TOOLS_KEPT:
                self._moves.clear()
            self._moves[name] = found
        return found

    def labels(
        self,
        server: str | None,
        tool: str,
        arguments: Mapping[str, Any] | None,
        facts: Facts,
        result: Any,
        observed: bool,
    ) -> frozenset[LabelPair]:
        """The labels that an answer carries."""
        found = {
            one.pair
            for one in self._labelling
            if fits(one.statement.tools, server, tool) and one.labels(arguments, facts, result)
        }
        if not self.trusts(server, tool, observed):
            found.add(UNTRUSTED)
        return frozenset(found)

    def trusts(self, server: str | None, tool: str, observed: bool) -> bool:
        return any((observed or one.claimed) and fits(one.tools, server, tool) for one in self.policy.trust)

    def believes(self, server: str | None, tool: str) -> bool:
        """Whether answers of this tool that are only claimed may be used to grant."""
        return any(one.claimed and fits(one.tools, server, tool) for one in self.policy.trust)

    def labels_that_fit(self, tools: Iterable[tuple[str | None, str]], known: StatePlan) -> frozenset[LabelPair]:
        """The labels that answers of these tools may carry by statements that `known` does not have."""
        before = {one.statement for one in known._labelling}
        fresh = [one for one in self._labelling if one.statement not in before]
        return frozenset(one.pair for one in fresh for server, tool in tools if fits(one.statement.tools, server, tool))

    @property
    def all_labels(self) -> frozenset[LabelPair]:
        return frozenset(one.pair for one in self._labelling)

    def is_of(self, kind: Kind, source: Source) -> bool:
        """Whether answers of a kind are among those that a source means."""
        if source.untrusted:
            return UNTRUSTED in kind.labels
        if source.label is not None:
            names = self._above.get(source.label.name, frozenset((source.label.name,)))
            compartment = source.label.compartment
            return any(name in names and compartment in (None, of) for name, of in kind.labels)
        return fits(source.tools, kind.server, kind.tool)


def _tracker(tracker: Tracker, policy: PolicySet) -> TrackerPlan:
    window = tracker.window
    return TrackerPlan(
        tracker.id,
        tracker.measure,
        tracker.owner,
        tracker.scope,
        window.duration.seconds * _MICROSECONDS if isinstance(window, Sliding) else None,
        (window.unit, clock(window.zone)) if isinstance(window, Calendar) else None,
        tuple(_feed(feed, policy, reset=False) for feed in tracker.feeds),
        tuple(_feed(feed, policy, reset=True) for feed in tracker.resets),
    )


def _feed(feed: Feed, policy: PolicySet, *, reset: bool) -> FeedPlan:
    return FeedPlan(
        feed.kind,
        feed.tools,
        None if feed.condition is None else compile_condition(feed.condition, policy),
        None if feed.value is None else compile_operand(feed.value),
        None if reset and not feed.keys else tuple(map(compile_operand, feed.keys)),
    )


def _asks_labels(policy: PolicySet) -> bool:
    rules = [*policy.rules.values(), *policy.learnable.values(), *policy.rewrites.values()]
    return any(isinstance(node, SessionHas | SessionExceeds) for rule in rules for node in nodes(rule))


NOTHING_WANTED: Final = StatePlan(PolicySet((), {}, {}, {}, (), "", EMPTY_CATALOGUE))
"""The plan of no policy at all."""

"""What a session has to remember so that conditions can be answered: each question becomes a tracker or a source.

Equal questions are one tracker. Its id is a digest of the question, without names and places, so that what was counted
outlives a new version of the policy that does not touch it.

A Happened's `past == call.x` is a key: the feeds say where an event is kept, Seen where to look. What resets it is kept
in the same way, or resets every key: a reset that compares with other values of this call than the event does is
refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from ..ast import (
    Calendar,
    Condition,
    CounterDefinition,
    CounterValue,
    DerivedFrom,
    Event,
    EventKind,
    Feed,
    FromResults,
    FromSource,
    Happened,
    IntentName,
    Label,
    Limit,
    Not,
    Operand,
    PolicyFile,
    Seen,
    Sliding,
    Source,
    Tally,
    ToolPattern,
    Tracker,
    Window,
)
from .events import Key, asks_session, conjuncts, joined, refuse_session, split
from .faults import fault
from .intents import Fields, Maps
from .names import Names
from .times import refuse_unknown_zone
from .tree import digest, with_parts
from .writing import Writing


class Memory:
    """`trackers` and `sources` are in order of first use; what asks for one refers to it by its place."""

    def __init__(self, writing: Writing, names: Names, maps: Maps) -> None:
        self._writing = writing
        self._names = names
        self._maps = maps
        self._trackers: dict[str, tuple[int, Tracker]] = {}
        self._sources: dict[Source, int] = {}
        self._counters: dict[str, int] = {}

    @property
    def trackers(self) -> tuple[Tracker, ...]:
        return tuple(tracker for _, tracker in self._trackers.values())

    @property
    def sources(self) -> tuple[Source, ...]:
        return tuple(self._sources)

    # --- conditions -------------------------------------------------------------------------------------------------

    def asked(self, file: PolicyFile, node: Any) -> Any:
        """A written-out condition, or anything else that holds operands, asking the memory by place."""
        match node:
            case Happened():
                return self._seen(file, node)
            case CounterValue():
                keys = tuple(self.asked(file, key) for key in node.keys)
                return Tally(self._counters[node.counter], keys, node.span)
            case FromResults(operand=operand, tools=tools):
                place = self._source(Source(tools=_in_order(cast("tuple[ToolPattern, ...]", tools))))
                return FromSource(self.asked(file, operand), place, False, node.span)
            case DerivedFrom(operand=operand, source=source):
                return FromSource(self.asked(file, operand), self._source(_derived(source)), True, node.span)
            case _:
                return with_parts(node, lambda part: self.asked(file, part))

    def _seen(self, file: PolicyFile, node: Happened) -> Condition:
        alone, keys = split(file, node.event.condition)
        feeds = self._feeds(file, replace(node.event, condition=alone), None, tuple(key.past for key in keys))
        resets: tuple[Feed, ...] = ()
        if node.until is not None:
            rest, other = split(file, node.until.condition)
            resets = self._feeds(
                file, replace(node.until, condition=rest), None, _same_keys(file, node.until, keys, other)
            )
        tracker = self._tracker(
            Tracker(
                id="",
                measure="previous" if node.mode == "just after" else "last",
                feeds=feeds,
                resets=resets,
                owner="session",
                window=None if node.within is None else Sliding(node.within),
            )
        )
        seen = Seen(tracker, tuple(key.present for key in keys), node.span)
        return Not(seen, node.span) if node.mode == "before" else seen

    # --- counters ---------------------------------------------------------------------------------------------------

    def count(self, file: PolicyFile, counter: CounterDefinition) -> None:
        """Makes the tracker of a counter."""
        self._refuse_session(file, counter.value, counter.keys)
        self._refuse_zone(file, counter.window)
        event = self._writing.event(file, counter.event)
        since = None if counter.since is None else self._writing.event(file, counter.since)
        self._counters[counter.name] = self._tracker(
            Tracker(
                id="",
                measure=counter.measure,
                feeds=self._feeds(file, event, counter.value, counter.keys),
                resets=() if since is None else self._feeds(file, since, None, ()),
                owner=counter.owner,
                window=counter.window,
                scope=counter.scope,
            )
        )

    def limit(self, file: PolicyFile, limit: Limit) -> int:
        """The tracker of a limit. Of its `when`, what one call can answer says which calls count."""
        self._refuse_zone(file, limit.window)
        self._refuse_session(file, limit.value, limit.keys)
        when = None if limit.when is None else self._writing.condition(file, limit.when).condition
        told = [] if when is None else [part for part in conjuncts(when) if not asks_session(part)]
        condition = self._writing.of_call(file, joined(told))
        targets = self._names.targets(file, limit.tools)
        return self._tracker(
            Tracker(
                id="",
                measure="count" if limit.value is None else "sum",
                feeds=self._feeds(file, Event(limit.kind, targets, condition), limit.value, limit.keys),
                resets=(),
                owner=limit.owner,
                window=limit.window,
                scope=limit.scope,
            )
        )

    # --- parts of a tracker -----------------------------------------------------------------------------------------

    def _feeds(
        self, file: PolicyFile, event: Event, value: Operand | None, keys: tuple[Operand, ...]
    ) -> tuple[Feed, ...]:
        """One for the tools that are named, one for each tool of an intent."""
        found = []
        patterns = tuple(tool for tool in event.tools if isinstance(tool, ToolPattern))
        if patterns:
            found.append(_feed(event.kind, patterns, event.condition, value, keys))
        for intent in event.tools:
            if isinstance(intent, IntentName):
                for mapped in self._maps.of(file, intent):
                    fields = Fields(file, mapped)
                    condition = None if event.condition is None else fields.applied(event.condition)
                    spelled = None if value is None else fields.operand(value)
                    by = tuple(fields.operand(key) for key in keys)
                    found.append(_feed(event.kind, (mapped.node.tool,), condition, spelled, by))
        return tuple(found)

    def _tracker(self, tracker: Tracker) -> int:
        content = tuple(getattr(tracker, name) for name in _CONTENT)
        identity = digest(*content)
        if identity not in self._trackers:
            self._trackers[identity] = (len(self._trackers), replace(tracker, id=identity))
        return self._trackers[identity][0]

    def _source(self, source: Source) -> int:
        return self._sources.setdefault(source, len(self._sources))

    @staticmethod
    def _refuse_session(file: PolicyFile, value: Operand | None, keys: tuple[Operand, ...]) -> None:
        for operand in (*keys, *(() if value is None else (value,))):
            refuse_session(file, operand)

    @staticmethod
    def _refuse_zone(file: PolicyFile, window: Window | None) -> None:
        if isinstance(window, Calendar):
            refuse_unknown_zone(file, window.span, window.zone)


_CONTENT = ("measure", "feeds", "resets", "owner", "window", "scope")


def _feed(
    kind: EventKind,
    tools: Iterable[ToolPattern],
    condition: Condition | None,
    value: Operand | None,
    keys: tuple[Operand, ...],
) -> Feed:
    return Feed(kind, _in_order(tools), condition, value, keys)


def _in_order(tools: Iterable[ToolPattern]) -> tuple[ToolPattern, ...]:
    """Each once, whatever the order written."""
    return tuple(sorted(dict.fromkeys(tools), key=lambda tool: (tool.server or "", tool.tool)))


def _derived(source: Any) -> Source:
    if source == "untrusted":
        return Source(untrusted=True)
    return Source(label=replace(source)) if isinstance(source, Label) else Source(tools=_in_order(source))


def _same_keys(file: PolicyFile, until: Event, keys: tuple[Key, ...], other: tuple[Key, ...]) -> tuple[Operand, ...]:
    """The keys of what resets, in the order of the event's."""
    if not other:
        return ()
    past = {key.present: key.past for key in other}
    if past.keys() != {key.present for key in keys}:
        raise fault(
            file,
            until.span,
            "what resets compares with other values of this call than the event does",
            "until-keys",
            "compare with the same ones in both, or with none behind `until`",
        )
    return tuple(past[key.present] for key in keys)

"""Which of Progent's rules are asked, in which order, and when: its engine's state as guards on immutable rules.

What the engine does (`_check_tool_call`, commit 9befb41), and what follows from it here:

- a tool's rules are sorted by priority, lower first, forbid before allow at a tie, as written among equals;
- the first that matches decides; where none does, the fallback of the last one in that order does;
- a drafted allow (priority 100, fallback message) that does not match ends the search: what follows is never reached;
- an update replaces the rules of the tools it names. It fires when a call is released, by the last rule with an update
  that was looked at, whether that one matched or not.

A `Listing` is the list of rules of one tool (or of several with equal lists) in one state. The states are told apart by
what has been released in the session. That is exact as long as the rules that fire an update are not themselves
replaced by another one; where they are, the import is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from ..ast import Condition, Event, EventKind, Happened, ToolPattern
from ..errors import quoted
from .progent_reading import GENERATED, Fallback, Policies, ProgentRule
from .refusal import ImportRefused
from .typed import TRUE, all_of, any_of, denied

Said = Callable[[ProgentRule], Condition]
"""What a rule asks of the arguments of a call, as a total condition."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Rules in the order in which they are asked; `fallback` and `message` are for what none of them matches.

    `since`: what must have happened for the list to be the tool's (all of it); `until`: what must not have (none of
    it).
    """

    tools: tuple[str, ...]
    rules: tuple[ProgentRule, ...]
    unreached: tuple[ProgentRule, ...] = ()
    fallback: Fallback = "message"
    message: str | None = None
    since: tuple[Condition, ...] = ()
    until: tuple[Condition, ...] = ()


def listings(policies: Policies, said: Said) -> list[Listing]:
    """Every list of rules with the state it stands in. Raises ImportRefused for updates that cannot be told apart."""
    initial = {tool: _listing(tool, rules) for tool, rules in policies.items()}
    updates = [update for listing in initial.values() for update in _updates(listing, said)]
    _refuse_tangled(updates)
    found = [
        replace(listing, until=tuple(update.fired() for update in updates if tool in update.replaces))
        for tool, listing in initial.items()
    ]
    for update in updates:
        for tool, rules in update.replaces.items():
            if rules:
                others = [other for other in updates if other is not update and tool in other.replaces]
                found.append(replace(_listing(tool, rules), since=update.latest(others)))
    return _grouped([one for one in found if one.rules])


@dataclass(frozen=True, slots=True, eq=False)
class _Update:
    """One update, and the released calls that fire it."""

    replaces: Mapping[str, tuple[ProgentRule, ...]]
    event: Event
    rule: ProgentRule

    def fired(self) -> Condition:
        return Happened("after", self.event)

    def latest(self, others: list[_Update]) -> tuple[Condition, ...]:
        """It was fired, and none of the others since."""
        if not others:
            return (self.fired(),)
        return tuple(Happened("after", self.event, until=other.event) for other in others)


def _listing(tool: str, rules: tuple[ProgentRule, ...]) -> Listing:
    ordered = sorted(rules, key=lambda rule: (rule.priority, rule.allows))
    ends = (index for index, rule in enumerate(ordered) if _ends_search(rule))
    reached = next(ends, len(ordered) - 1) + 1
    last = ordered[reached - 1] if ordered else None
    return Listing(
        tools=(tool,),
        rules=tuple(ordered[:reached]),
        unreached=tuple(ordered[reached:]),
        fallback="message" if last is None else last.fallback,
        message=last.message if last is not None and last.allows else None,
    )


def _ends_search(rule: ProgentRule) -> bool:
    return rule.allows and rule.priority == GENERATED and rule.fallback == "message"


# --- updates --------------------------------------------------------------------------------------------------------


def _updates(listing: Listing, said: Said) -> Iterator[_Update]:
    """The updates of one list. One stays in force until the next rule with an update, matching or not."""
    rules = listing.rules
    bearing = [index for index, rule in enumerate(rules) if rule.update is not None]
    for index, end in pairwise([*bearing, len(rules)]):
        rule = rules[index]
        assert rule.update is not None  # `bearing` says so
        _refuse_nested(rule)
        fires = [said(one) for one in rules[index:end] if _releases(one)]
        if end == len(rules) and listing.fallback == "ask":
            fires.append(TRUE)
        before = [denied(said(one)) for one in rules[:index] if _releases(one)]
        condition = all_of([any_of(fires), *before])
        tool = ToolPattern(None, listing.tools[0])
        event = Event(EventKind.RELEASED, (tool,), None if condition == TRUE else condition)
        yield _Update(rule.update, event, rule)


def _releases(rule: ProgentRule) -> bool:
    """Whether a call that the rule decides may be released: allowed, or approved by a person."""
    return rule.allows or rule.fallback == "ask"


def _refuse_nested(rule: ProgentRule) -> None:
    for rules in (rule.update or {}).values():
        for inner in rules:
            if inner.update is not None:
                raise ImportRefused(
                    "an update inside an update cannot be said",
                    path=inner.document,
                    place=inner.at,
                    help="write the rules of the last state by hand, guarded by `after released ...`",
                )


def _refuse_tangled(updates: list[_Update]) -> None:
    """An update whose own rule another update replaces fires or not depending on the order: no guard tells which."""
    for update in updates:
        trigger = update.event.tools[0]
        assert isinstance(trigger, ToolPattern)  # see _updates
        for other in updates:
            if trigger.tool in other.replaces and (other is not update or _shared(update, updates)):
                raise ImportRefused(
                    f"whether this update fires depends on another one, which replaces the rules of "
                    f"{quoted(trigger.tool)}",
                    path=update.rule.document,
                    place=update.rule.at,
                    help="write the states by hand, guarded by `after released ... until released ...`",
                )


def _shared(update: _Update, updates: list[_Update]) -> bool:
    return any(other is not update and update.replaces.keys() & other.replaces.keys() for other in updates)


# --- equal lists ----------------------------------------------------------------------------------------------------


def _grouped(found: list[Listing]) -> list[Listing]:
    """Tools whose lists say the same in the same state, together, where the first of them stands."""
    groups: dict[object, Listing] = {}
    for listing in found:
        says = tuple(rule.says for rule in (*listing.rules, *listing.unreached))
        key = (says, len(listing.rules), listing.since, listing.until)
        group = groups.setdefault(key, listing)
        if group is not listing:
            groups[key] = replace(group, tools=(*group.tools, *listing.tools))
    return list(groups.values())

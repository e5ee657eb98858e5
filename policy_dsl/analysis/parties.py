"""Two policies made comparable: their rules with names resolved, numbered alike, and told apart by what they say.

`True` and 1 are equal values in Python, so rules are compared by their spelling as a tree (`key`), never by `==`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Final, cast
from typing import Literal as OneOf

from ..ast import (
    LAYERS,
    And,
    Condition,
    Constant,
    Effect,
    FromSource,
    Label,
    Literal,
    Not,
    PolicySet,
    Rule,
    Scalar,
    Seen,
    SessionExceeds,
    SessionHas,
    SetLiteral,
    SetName,
    Source,
    Span,
    Tally,
    ToolPattern,
    Tracker,
)
from .rails import Side
from .world import UNTRUSTED, LabelName

GRANTS: Final = (Effect.ALLOW, Effect.ASK)

Mode = OneOf["true", "untrue", "holds", "spared"]
"""What is demanded of a rule: that it is true or is not, that it holds (true or an error) or does not."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One rule of one policy. `key` is equal for rules that hold for the same calls, `frame` for those with one scope
    and one signature; `conjuncts` must all be true for the condition to be.

    What a condition about labels means hangs on more than its words, so its policy's order and granting of labels are
    part of its keys.
    """

    id: str
    rule: Rule
    condition: Condition
    condition_key: str
    key: str
    frame: str
    conjuncts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Layer:
    """The rules of one layer that fit a tool. `closed`: it must grant itself; else it only restricts where no grant
    binds (and the topmost layer is always closed)."""

    grants: tuple[Entry, ...]
    blockers: tuple[Entry, ...]
    closed: bool

    @property
    def written(self) -> tuple[Entry, ...]:
        """The grants that, where they bind, make it a layer that must grant: those that a person wrote."""
        return tuple(one for one in self.grants if one.rule.is_written)


@dataclass(frozen=True, slots=True)
class Party:
    """One policy, readied. `entries` are its rules without shadow rules."""

    policy: PolicySet
    entries: tuple[Entry, ...]
    side: Side
    layers: tuple[str, ...]

    def fitting(self, server: str | None, tool: str) -> tuple[Entry, ...]:
        return tuple(one for one in self.entries if _fits(one.rule, server, tool))

    def in_layers(self, entries: Sequence[Entry]) -> tuple[Layer, ...]:
        """The layers, topmost first, with those of `entries` that are theirs."""
        found = []
        for index, name in enumerate(self.layers):
            mine = [one for one in entries if one.rule.layer == name]
            found.append(
                Layer(
                    tuple(one for one in mine if one.rule.effect in GRANTS),
                    tuple(one for one in mine if one.rule.effect is not Effect.ALLOW),
                    index == 0 or name in self.policy.otherwise,
                )
            )
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Meeting:
    """Both policies. `apart` tells that results are labelled or trusted differently, so that the same session may
    carry other labels under each."""

    old: Party
    new: Party
    trackers: tuple[Tracker, ...]
    sources: tuple[Source, ...]
    labels: tuple[LabelName, ...]
    texts: tuple[str, ...]
    apart: bool


def meet(old: PolicySet, new: PolicySet) -> Meeting:
    trackers: dict[str, int] = {}
    sources: dict[str, int] = {}
    kept: tuple[list[Tracker], list[Source]] = ([], [])
    parties = []
    for policy in (old, new):
        numbers = (
            [_number(trackers, kept[0], one.id, one) for one in policy.trackers],
            [_number(sources, kept[1], repr(one), one) for one in policy.sources],
        )
        entries = tuple(_entry(id, rule, policy, *numbers) for id, rule in policy.rules.items() if not rule.shadow)
        parties.append(Party(policy, entries, Side(policy.levels), _layers(policy)))
    conditions = [entry.condition for party in parties for entry in party.entries]
    return Meeting(
        parties[0],
        parties[1],
        tuple(kept[0]),
        tuple(kept[1]),
        _labels(conditions, (*old.levels, *new.levels)),
        tuple(dict.fromkeys(_texts(conditions))),
        _regime(old) != _regime(new),
    )


def _number(known: dict[str, int], kept: list[Any], id: str, one: Any) -> int:
    if id not in known:
        known[id] = len(kept)
        kept.append(one)
    return known[id]


def _regime(policy: PolicySet) -> str:
    """What decides which labels a session carries and what its values come from."""
    return repr((policy.labels, policy.trust, policy.redactions))


def _layers(policy: PolicySet) -> tuple[str, ...]:
    """The topmost that says anything first, then the others: what is learned makes no layer one that has to grant."""
    enforced = [rule for rule in policy.rules.values() if not rule.shadow]
    written = {rule.layer for rule in enforced if rule.is_written} | set(policy.otherwise)
    spoken = written | {rule.layer for rule in enforced}
    topmost = next((name for name in LAYERS if name in written), LAYERS[0])
    return topmost, *(name for name in LAYERS if name in spoken and name != topmost)


def _entry(id: str, rule: Rule, policy: PolicySet, trackers: list[int], sources: list[int]) -> Entry:
    parts: list[Condition] = []
    if rule.when is not None:
        parts.append(rule.when)
    if rule.unless is not None:
        parts.append(Not(rule.unless))
    whole = parts[0] if len(parts) == 1 else And(tuple(parts)) if parts else Constant(True)
    condition = cast(Condition, _renumbered(whole, policy, trackers, sources))
    asks = any(isinstance(node, SessionHas | SessionExceeds | FromSource) for node in _nodes(condition))
    around = repr((policy.levels, _regime(policy))) if asks else ""
    condition_key = repr(condition)
    frame = repr((rule.signature, rule.scope))
    conjuncts = frozenset(around + repr(one) for one in _conjuncts(condition))
    return Entry(id, rule, condition, condition_key, f"{frame}{condition_key}{around}", frame, conjuncts)


def _conjuncts(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, And):
        for item in condition.items:
            yield from _conjuncts(item)
    elif repr(condition) != repr(Constant(True)):
        yield condition


def _renumbered(node: Any, policy: PolicySet, trackers: list[int], sources: list[int]) -> Any:
    """The tree with sets in place of their names, and trackers and sources by their common numbers."""
    if isinstance(node, tuple):
        return tuple(_renumbered(item, policy, trackers, sources) for item in node)
    if isinstance(node, SetName):
        return _renumbered(policy.sets[node.name], policy, trackers, sources)
    if isinstance(node, SetLiteral | Span | type) or not is_dataclass(node):
        return node
    inner: dict[str, Any] = {
        part.name: _renumbered(getattr(node, part.name), policy, trackers, sources)
        for part in fields(node)
        if part.name != "span"
    }
    if isinstance(node, Seen | Tally):
        inner["tracker"] = trackers[node.tracker]
    elif isinstance(node, FromSource):
        inner["source"] = sources[node.source]
    return replace(cast(Any, node), **inner)


def _nodes(root: Any) -> Iterator[Any]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple | list):
            waiting.extend(node)
        elif is_dataclass(node) and not isinstance(node, Span):
            yield node
            waiting.extend(getattr(node, part.name) for part in fields(node))


def _labels(conditions: Sequence[Condition], levels: tuple[str, ...]) -> tuple[LabelName, ...]:
    """Enough labels to tell all conditions about labels apart: every name and compartment, and one of each beside."""
    found = [node for node in _nodes(conditions) if isinstance(node, Label)]
    names = dict.fromkeys([*(label.name for label in found), *levels, "another-label"])
    names.pop(UNTRUSTED[0], None)
    compartments = dict.fromkeys([None, *(label.compartment for label in found), "another"])
    return (UNTRUSTED, *((name, within) for name in names for within in compartments))


def _texts(conditions: Sequence[Condition]) -> Iterator[str]:
    for node in _nodes(conditions):
        values: Sequence[Scalar] = ()
        if isinstance(node, SetLiteral):
            values = node.items
        elif isinstance(node, Literal):
            values = (node.value,)
        yield from (value for value in values if isinstance(value, str))


def _fits(rule: Rule, server: str | None, tool: str) -> bool:
    patterns = cast("tuple[ToolPattern, ...]", rule.tools)
    return any(one.server in (None, server) and glob_fits(one.tool, tool) for one in patterns)


def glob_fits(written: str, name: str) -> bool:
    """`*` is any run of characters but `/` (reference/applies.py says the same of tool names)."""
    head, *rest = written.split("*")
    if not rest:
        return written == name
    *middle, tail = rest
    if "/" in name or len(name) < len(head) + len(tail) or not name.startswith(head) or not name.endswith(tail):
        return False
    at, end = len(head), len(name) - len(tail)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True

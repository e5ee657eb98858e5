"""A model of the solver as a call and a session, put to both engines under both policies.

What is reported is never what the solver said but what the reference evaluator and the compiled Program answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any, Final

from ..ast import Json, JsonType, PolicySet
from ..compile import Program
from ..facts import Facts, HistoryFault
from ..outcome import Outcome
from ..reference import decide as reference_decide
from ..strict_json import encode
from ..types import Anything, ListOf, Object, Type, Union, Values, inside, kinds
from ..values.clock import clock
from ..values.number import MAX_DIGITS
from .parties import Meeting
from .solver import read_text, z3
from .terms import NOTHING_THERE
from .tree import OTHER, Node
from .world import Asked, World

MAX_LENGTH: Final = 1_000
"""Elements of a list that a counterexample may have; a person should be able to read it."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONDAY: Final = datetime(2026, 1, 5, tzinfo=UTC)
"""Where looking for a moment begins when no rule has a date in it."""

Key = tuple[str, int, bytes]
Numbers = tuple[tuple[int, ...], tuple[int, ...]]


class Unreal(Exception):
    """The model is of no call that can be made; the message says why."""


@dataclass(slots=True)
class Script:
    """What the session answers, by the common numbers of trackers and sources."""

    labels: frozenset[tuple[str, str | None]] = frozenset()
    asked: dict[Key, bool | HistoryFault] = field(default_factory=dict)
    counted: dict[Key, int | Decimal | HistoryFault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scripted:
    """A History that answers by a script; `trackers` and `sources` turn one policy's numbers into the common ones."""

    script: Script
    trackers: tuple[int, ...]
    sources: tuple[int, ...]

    @property
    def labels(self) -> frozenset[tuple[str, str | None]]:
        return self.script.labels

    def seen(self, tracker: int, keys: tuple[Any, ...], now: int) -> bool | HistoryFault:
        return self.script.asked.get(("seen", self.trackers[tracker], _spelled(keys)), False)

    def tally(self, tracker: int, keys: tuple[Any, ...], now: int) -> int | Decimal | HistoryFault:
        return self.script.counted.get(("counter", self.trackers[tracker], _spelled(keys)), 0)

    def in_results(self, value: Any, source: int) -> bool | HistoryFault:
        return self.script.asked.get(("source", self.sources[source], _spelled((value,))), False)

    def derived(self, value: Any, source: int) -> bool | HistoryFault:
        return self.script.asked.get(("derived", self.sources[source], _spelled((value,))), False)


def _spelled(values: Sequence[Any]) -> bytes:
    return encode(list(values))


@dataclass(frozen=True, slots=True)
class Case:
    """One call with its facts. `scripts` are our session and theirs: one and the same but where a question is split."""

    arguments: dict[str, Json]
    facts: Facts
    scripts: tuple[Script, Script]
    assuming: tuple[str, ...]

    def facts_for(self, numbers: Numbers, place: int) -> Facts:
        return replace(self.facts, history=Scripted(self.scripts[place], *numbers))


@dataclass(slots=True)
class Engine:
    """One policy in both engines. `numbers` turns its trackers and sources into the common ones."""

    policy: PolicySet
    program: Program
    numbers: Numbers

    def slowly(self, server: str | None, tool: str, case: Case, place: int) -> Outcome:
        """What the reference evaluator says; `place` is 0 for ours, 1 for theirs."""
        facts = case.facts_for(self.numbers, place)
        return reference_decide(self.policy, self.policy.catalogue, tool, case.arguments, facts, server)

    def quickly(self, server: str | None, tool: str, case: Case, place: int) -> Outcome:
        """What the Program says."""
        return self.program.decide(tool, case.arguments, case.facts_for(self.numbers, place), server)


# --- values ---------------------------------------------------------------------------------------------------------


class Reader:
    """Concrete values of nodes under one model."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._known: dict[str, Any] = {}

    def true(self, formula: Any) -> bool:
        if isinstance(formula, bool):
            return formula
        return bool(z3.is_true(self.model.eval(formula, model_completion=True)))

    def integer(self, term: Any) -> int:
        return int(self.model.eval(term, model_completion=True).as_long())

    def __call__(self, node: Node) -> Any:
        """NOTHING_THERE where the node is not there. Raises Unreal."""
        if node.name not in self._known:
            self._known[node.name] = self._value(node) if self.true(node.there) else NOTHING_THERE
        return self._known[node.name]

    def text(self, node: Node) -> str | None:
        value = self(node)
        return value if isinstance(value, str) else None

    def _value(self, node: Node) -> Json:
        kind = next(kind for kind, formula in node.kinds.items() if self.true(formula))
        match kind:
            case JsonType.TEXT:
                found = read_text(self.model.eval(node.text, model_completion=True))
                if any("\ud800" <= one <= "\udfff" for one in found):
                    raise Unreal("half of a surrogate pair")
                return found
            case JsonType.NUMBER:
                return self._number(self.model.eval(node.number, model_completion=True))
            case JsonType.BOOLEAN:
                return self.true(node.flag)
            case JsonType.OBJECT:
                return self._object(node)
            case JsonType.LIST:
                return self._list(node)
        return None

    @staticmethod
    def _number(value: Any) -> int | Decimal:
        if not z3.is_rational_value(value):
            raise Unreal("a number that is no fraction")
        above, below = value.numerator_as_long(), value.denominator_as_long()
        if below == 1:
            return int(above)
        with localcontext() as context:
            context.prec = MAX_DIGITS
            context.clear_flags()
            found = Decimal(above) / Decimal(below)
            try:
                if found * below != above:
                    raise Unreal("a number that no decimal spells")
            except InvalidOperation:
                raise Unreal("a number that no decimal spells") from None
        return found

    def _object(self, node: Node) -> dict[str, Json]:
        members = {name: self(member) for name, member in node.members.items()}
        found = {name: value for name, value in members.items() if value is not NOTHING_THERE}
        size = self.integer(node.size) if node.is_measured else len(found)
        if size > MAX_LENGTH:
            raise Unreal("an object that is too large to show")
        fresh = (f"{OTHER}_{number}" for number in range(size) if f"{OTHER}_{number}" not in node.members)
        while len(found) < size:
            found[next(fresh)] = None
        return found

    def _list(self, node: Node) -> list[Json]:
        size = self.integer(node.size) if node.is_measured else 0
        if size > MAX_LENGTH:
            raise Unreal("a list that is too long to show")
        placed = {at: self(one) for at, one in node.at.items() if at < size}
        others = [value for value in map(self, node.witnesses) if value is not NOTHING_THERE]
        spare = [*placed.values(), *others]
        if not spare:
            inner = inside(node.declared, 0)
            spare = [{} if self.true(z3.Bool(f"{node.name} holds an object")) else _any_value(inner)]
        return [placed[at] if at in placed else others.pop(0) if others else spare[0] for at in range(size)]


def _any_value(declared: Type) -> Json:
    """Some value of a type."""
    match declared:
        case Union(options) if options:
            return _any_value(options[0])
        case Values(values):
            return values[0] if values else None
        case Object(members):
            return {name: _any_value(member.type) for name, member in members.items() if member.required}
        case ListOf():
            return []
        case Anything():
            return None
    return _DEFAULTS.get(next(iter(kinds(declared)), JsonType.NULL))


_DEFAULTS: Final[Mapping[JsonType, Json]] = {JsonType.TEXT: "", JsonType.NUMBER: 0, JsonType.BOOLEAN: False}


# --- facts ----------------------------------------------------------------------------------------------------------


def case_of(world: World, read: Reader, meeting: Meeting) -> Case:
    """The call and the session of a model. Raises Unreal."""
    arguments = read(world.arguments)
    labels = [(tag, name) for (tag, name), flag in world.labels.items() if read.true(flag)]
    apart = any(tag for tag, _ in world.labels)
    scripts = (
        Script(frozenset(name for tag, name in labels if not tag)),
        Script(frozenset(name for tag, name in labels if bool(tag) is apart)),
    )
    words: list[str] = []
    assuming: list[str] = [f"session has {_label(label)}" for label in sorted(scripts[0].labels, key=str)]
    for asked in world.asked.values():
        values = [term.read(read) for term in asked.values]
        if any(value is NOTHING_THERE for value in values):
            continue
        answer = True if read.true(asked.true) else False if read.true(asked.false) else "forgotten"
        what, number, tag = asked.about
        if what == "said":
            if answer is True:
                words.append(str(values[0]))
            continue
        for script in scripts if not tag else scripts[1:]:
            _put(script.asked, (what, number, _spelled(values)), answer)
        assuming.append(_told(asked, values, answer))
    for counted in world.counted.values():
        values = [term.read(read) for term in counted.values]
        if any(value is NOTHING_THERE for value in values):
            continue
        standing = read(counted.node)
        if standing is NOTHING_THERE:
            standing = "forgotten"
        for script in scripts:
            _put(script.counted, ("counter", counted.about[1], _spelled(values)), standing)
        by = f" for {', '.join(map(repr, values))}" if values else ""
        assuming.append(f"counter {_tracker(meeting, counted.about[1])}{by} stands at {standing}")
    facts = _facts(world, read, words)
    return Case(arguments, facts, scripts, (*_principal(facts), *(f"user {word!r}" for word in words), *assuming))


def _put(script: dict[Key, Any], key: Key, answer: object) -> None:
    if script.setdefault(key, answer) != answer:
        raise Unreal("two answers to one question")


def _facts(world: World, read: Reader, words: list[str]) -> Facts:
    parts: dict[str, str | None] = {}
    claims: dict[str, Any] = {}
    for name, node in world.facts.items():
        value = read(node)
        if name.startswith("principal "):
            parts[name.removeprefix("principal ")] = None if value is NOTHING_THERE else value
        elif value is not NOTHING_THERE:
            claims[world.claim_names[name]] = value
    held = {
        kind: [name for (of, name), flag in world.flags.items() if of == kind and read.true(flag)] for kind in _MANY
    }
    now = _moment(world, read)
    roles, via = frozenset(held["role"]), tuple(held["via"])
    key = repr((sorted(parts.items(), key=str), sorted(roles), via))
    return Facts(parts.get("tenant"), parts.get("agent"), parts.get("user"), roles, key, tuple(words), via, claims, now)


_MANY: Final = ("role", "via")


def _moment(world: World, read: Reader) -> int:
    """A moment that the clocks and the validities show as the model has them. Raises Unreal."""
    if not (world.walls or world.spans) or not read.true(world.clock):
        return 0
    chosen = read.integer(world.now)
    wanted = {zone: (read.integer(wall.weekday), read.integer(wall.minute)) for zone, wall in world.walls.items()}
    inside_of = {span: _is_within(chosen, span) for span in world.spans}
    for moment in _moments(chosen, wanted):
        if moment <= 0 or any(_is_within(moment, span) is not inside_of[span] for span in world.spans):
            continue
        if all((wall := clock(zone).wall(moment)) is not None and wall[:2] == at for zone, at in wanted.items()):
            return moment
    raise Unreal("a time that was not found on the clocks")


def _is_within(moment: int, span: tuple[int | None, int | None]) -> bool:
    start, end = span
    return (start is None or start <= moment) and (end is None or moment < end)


def _moments(chosen: int, wanted: Mapping[str, tuple[int, int]]) -> Iterator[int]:
    """The chosen moment, then each hour and half hour of the weeks around it that could show what the clocks do."""
    yield chosen
    minutes = {minute % 60 for _, minute in wanted.values()}
    around = _EPOCH + timedelta(microseconds=chosen)
    for base in (around, _MONDAY):
        start = base.replace(minute=0, second=0, microsecond=0)
        for hour in range(-24 * 8, 24 * 400):
            for minute in minutes:
                for offset in (0, 15, 30, 45):
                    at = start + timedelta(hours=hour, minutes=(minute + offset) % 60)
                    yield (at - _EPOCH) // timedelta(microseconds=1)


# --- words ----------------------------------------------------------------------------------------------------------


def _principal(facts: Facts) -> Iterator[str]:
    for kind, name in (("tenant", facts.tenant), ("agent", facts.agent), ("user", facts.user)):
        if name is not None:
            yield f"{kind} {name!r}"
    yield from (f"role {role!r}" for role in sorted(facts.roles))
    yield from (f"via {name!r}" for name in facts.via)
    yield from (f"claim {name!r} = {value!r}" for name, value in facts.claims.items())
    if facts.now:
        yield f"at {(_EPOCH + timedelta(microseconds=facts.now)).isoformat()}"


def _label(label: tuple[str, str | None]) -> str:
    return label[0] if label[1] is None else f"{label[0]}({label[1]})"


def _told(asked: Asked, values: Sequence[Any], answer: bool | str) -> str:
    kind, number, _ = asked.about
    about = ", ".join(repr(value) for value in values)
    said = {True: "yes", False: "no"}.get(answer, "not known") if isinstance(answer, bool) else "not known"
    return f"{kind} {number}({about}): {said}"


def _tracker(meeting: Meeting, place: int) -> str:
    return meeting.trackers[place].id[:12]

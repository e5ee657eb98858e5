"""What the rewrites of a policy make of a call: all that match are computed on it as it came, then applied at once.

A *write* is what one change does at one path: a value, a removal, or the spans of a text that a redaction replaces. Two
writes contradict each other where one path lies inside the other or both are the same, unless both remove, both write
equal values, or the spans of two redactions stand apart. What changes nothing (a removal of what is absent, a redaction
without a match) is no write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..ast import And, Argument, Constant, Not, PolicySet, RedactArgument, RemoveArgument, Rewrite, SetArgument
from ..facts import NOBODY, Facts
from ..outcome import Outcome, Reason, Rewriting, RuleError
from ..values import pattern
from . import runtime
from .binding import Patterns, binds
from .faults import Judge, judge
from .sets import Sets
from .spots import Call, Fault, Read, Spot, mistyped, read

Path = tuple[str | int, ...]
Span = tuple[int, int, str]
"""Where a redaction begins and ends, and what it puts there."""


class Put(NamedTuple):
    """A value at a path."""

    rule: str
    path: Path
    value: Any


class Removal(NamedTuple):
    """Nothing at a path any more."""

    rule: str
    path: Path


class Redaction(NamedTuple):
    """Parts of the text at a path."""

    rule: str
    path: Path
    spans: tuple[Span, ...]


Write = Put | Removal | Redaction
_Plan = Callable[[Call], "list[Write] | Fault"]


class Rewrites:
    """The rewrites of a policy that are no shadow rules; each is compiled when a call it is about first comes."""

    def __init__(self, policy: PolicySet, sets: Sets, otherwise: str | None) -> None:
        enforced = {id: rewrite for id, rewrite in policy.rewrites.items() if not rewrite.shadow}
        self._patterns = Patterns(enforced)
        self._any = bool(enforced)
        self._sets = sets
        self._otherwise = otherwise
        self._compiled: dict[str, tuple[Judge, tuple[_Plan, ...]]] = {}

    def rewrite(
        self, tool: str, arguments: Mapping[str, Any], facts: Facts = NOBODY, server: str | None = None
    ) -> Rewriting | None:
        """What the rewrites make of a call; None where none matches, or what matches writes nothing."""
        if not self._any:
            return None
        call = Call(arguments, facts, {})
        writes: list[Write] = []
        faults: list[RuleError] = []
        for id, rewrite in self._patterns.fitting(server, tool):
            if binds(rewrite.scope, facts):
                found = self._writes(id, rewrite, call)
                if isinstance(found, Fault):
                    faults.append(RuleError(id, found.code, found.place))
                else:
                    writes += found
        rules = tuple(dict.fromkeys(write.rule for write in writes))
        if faults:
            refusal = Outcome("forbid", faults[0].rule, Reason.RULE_ERROR, self._otherwise, tuple(faults))
            return Rewriting(rules, None, refusal)
        if not writes:
            return None
        contradicting = min(_contradictions(writes), default=None)
        if contradicting is not None:
            refusal = Outcome("forbid", contradicting, Reason.REWRITE_CONFLICT, self._otherwise)
            return Rewriting(rules, None, refusal)
        return Rewriting(rules, _applied(arguments, writes), None)

    def _writes(self, id: str, rewrite: Rewrite, call: Call) -> list[Write] | Fault:
        if id not in self._compiled:
            parts = (rewrite.when or Constant(True), Not(rewrite.unless or Constant(False)))
            plans = tuple(_plan(id, change) for change in rewrite.changes)
            self._compiled[id] = judge(And(parts), self._sets), plans
        matches, plans = self._compiled[id]
        matched = matches(call.arguments, call.facts)
        if isinstance(matched, Fault):
            return matched
        writes: list[Write] = []
        for plan in plans if matched else ():
            planned = plan(call)
            if isinstance(planned, Fault):
                return planned
            writes += planned
        return writes


# --- what a change writes -------------------------------------------------------------------------------------------


def _plan(id: str, change: SetArgument | RemoveArgument | RedactArgument) -> _Plan:
    match change:
        case SetArgument(path, operand):
            return _put(id, path, read(operand))
        case RemoveArgument(path):
            return _removal(id, path, read(Argument(path)))
        case RedactArgument():
            return _redaction(id, change)


def _found(spot: Spot | Fault) -> Spot | Fault | None:
    """None where there is nothing to change; a step into a text or a number stays an error."""
    return None if isinstance(spot, Fault) and spot.code in ("missing", "null") else spot


def _removal(id: str, path: Path, there: Read) -> _Plan:
    def plan(call: Call) -> list[Write] | Fault:
        spot = _found(there(call))
        if isinstance(spot, Fault):
            return spot
        return [] if spot is None else [Removal(id, path)]

    return plan


def _put(id: str, path: Path, reading: Read) -> _Plan:
    parent = read(Argument(path[:-1])) if len(path) > 1 else None
    last = path[-1]

    def plan(call: Call) -> list[Write] | Fault:
        value = reading(call)
        if isinstance(value, Fault):
            return value
        if not runtime.is_json(value.value):
            return Fault("wrong-type", value.place)
        around = Spot(call.arguments, "") if parent is None else parent(call)
        if isinstance(around, Fault):
            return around
        if parent is not None and type(around.value) is not (dict if isinstance(last, str) else list):
            return mistyped(around)
        if isinstance(last, int) and not 0 <= last < len(around.value):
            return Fault("missing", f"{around.place}[{last}]")
        return [Put(id, path, value.value)]

    return plan


def _redaction(id: str, change: RedactArgument) -> _Plan:
    there, path = read(Argument(change.path)), change.path
    spans_of, by = pattern.compile(change.pattern).spans, change.replacement

    def redacted(spot: Spot, at: Path) -> Iterator[Write | Fault]:
        if type(spot.value) is str:
            spans = spans_of(spot.value)
            if spans is None:
                yield Fault("out-of-range", spot.place)
            elif spans:
                yield Redaction(id, at, tuple((start, end, by) for start, end in spans))
        elif type(spot.value) is list and at == path:
            for index, item in enumerate(spot.value):
                yield from redacted(Spot(item, f"{spot.place}[{index}]"), (*at, index))
        elif spot.value is not None:
            yield mistyped(spot)

    def plan(call: Call) -> list[Write] | Fault:
        spot = _found(there(call))
        if isinstance(spot, Fault):
            return spot
        if spot is None:
            return []
        writes: list[Write] = []
        for found in redacted(spot, path):
            if isinstance(found, Fault):
                return found
            writes.append(found)
        return writes

    return plan


# --- all of them together -------------------------------------------------------------------------------------------


def _contradictions(writes: Iterable[Write]) -> Iterator[str]:
    """The rules that contradict another one; the smallest of them for certain."""
    by_path: dict[Path, list[Write]] = {}
    for write in writes:
        by_path.setdefault(write.path, []).append(write)
    for path, here in by_path.items():
        above = [other for length in range(1, len(path)) for other in by_path.get(path[:length], ())]
        for one in here:
            for other in above:
                if not (isinstance(one, Removal) and isinstance(other, Removal)):
                    yield from (one.rule, other.rule)
        redactions = [write for write in here if isinstance(write, Redaction)]
        if len(redactions) == len(here):
            yield from _overlapping(redactions)
        else:
            # Being alike is transitive, so what the first is alike to all the others of its kind are.
            yield from (here[0].rule for other in here[1:] if not _alike(here[0], other))


def _overlapping(redactions: Iterable[Redaction]) -> Iterator[str]:
    """The rules with a span that overlaps another one, found in one pass by what reaches furthest so far."""
    rules: dict[Span, str] = {}
    for redaction in redactions:
        for span in redaction.spans:
            rules[span] = min(redaction.rule, rules.get(span, redaction.rule))
    reaching: Span | None = None
    for span in sorted(rules):
        if reaching is not None and span[0] < reaching[1]:
            yield from (rules[reaching], rules[span])
        if reaching is None or span[1] > reaching[1]:
            reaching = span


def _alike(one: Write, other: Write) -> bool:
    if isinstance(one, Put) and isinstance(other, Put):
        return runtime.equal(one.value, other.value, False, False) is True
    return isinstance(one, Removal) and isinstance(other, Removal)


def _applied(arguments: Mapping[str, Any], writes: list[Write]) -> dict[str, Any]:
    """A copy with all writes, which stand at the paths of the call as it came: so removals go last, from the end."""
    copy: dict[str, Any] = {name: _copied(value) for name, value in arguments.items()}
    spans: dict[Path, set[Span]] = {}
    for write in reversed(writes):  # of equal values, that of the smallest id stands
        if isinstance(write, Put):
            _parent(copy, write.path)[write.path[-1]] = _copied(write.value)
        elif isinstance(write, Redaction):
            spans.setdefault(write.path, set()).update(write.spans)
    for path, replaced in spans.items():
        parent = _parent(copy, path)
        parent[path[-1]] = _redacted(parent[path[-1]], sorted(replaced))
    removed = {write.path for write in writes if isinstance(write, Removal)}
    for path in sorted(removed, key=lambda path: [(isinstance(step, int), step) for step in path], reverse=True):
        del _parent(copy, path)[path[-1]]
    return copy


def _parent(tree: Any, path: Path) -> Any:
    for step in path[:-1]:
        tree = tree[step]
    return tree


def _redacted(text: str, spans: list[Span]) -> str:
    parts, done = [], 0
    for start, end, by in spans:
        parts += [text[done:start], by]
        done = end
    return "".join((*parts, text[done:]))


def _copied(value: Any) -> Any:
    if type(value) is dict:
        return {name: _copied(member) for name, member in value.items()}
    return [_copied(item) for item in value] if type(value) is list else value

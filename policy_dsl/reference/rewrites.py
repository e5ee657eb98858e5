"""What the rewrites of a policy make of a call, spelled out: every pair of writes is compared, each applied alone.

A write is a path and what is to stand there: a value, GONE, or a text of which some spans are replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

from ..ast import (
    EXACT,
    Argument,
    Change,
    Json,
    PolicySet,
    RedactArgument,
    RemoveArgument,
    Rewrite,
    SetArgument,
)
from ..facts import Facts
from ..outcome import Outcome, Reason, Rewriting, RuleError
from ..values import pattern
from .applies import fits
from .conditions import Evaluator
from .found import Found, is_json, same, wrong
from .kleene import Fault, both, negated
from .levels import topmost

Path = tuple[str | int, ...]


class Gone:
    """What stands at a path that is removed."""


GONE = Gone()


@dataclass(frozen=True, slots=True)
class Spans:
    """Parts [start, end) of a text and what replaces each."""

    spans: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class Write:
    rule: str
    path: Path
    what: Json | Gone | Spans


def rewrite(
    policy: PolicySet, tool: str, arguments: Mapping[str, Json], facts: Facts, server: str | None = None
) -> Rewriting | None:
    """None where no rewrite matches, or those that match write nothing. Shadow rewrites take no part."""
    evaluator = Evaluator(arguments, facts, sets=policy.sets, levels=policy.levels)
    writes: list[Write] = []
    errors: list[RuleError] = []
    for id, one in sorted(policy.rewrites.items()):
        if not one.shadow and fits(one, tool, server, facts):
            found = _writes(evaluator, id, one)
            if isinstance(found, Fault):
                errors.append(RuleError(id, found.code, found.place))
            else:
                writes += found
    rules = tuple(sorted({write.rule for write in writes}))
    contradicting = sorted(
        min(one.rule, other.rule)
        for place, one in enumerate(writes)
        for other in writes[place + 1 :]
        if _contradict(one, other)
    )
    if errors:
        refusal = Outcome("forbid", errors[0].rule, Reason.RULE_ERROR, _otherwise(policy), tuple(errors))
        return Rewriting(rules, None, refusal)
    if contradicting:
        refusal = Outcome("forbid", contradicting[0], Reason.REWRITE_CONFLICT, _otherwise(policy))
        return Rewriting(rules, None, refusal)
    return Rewriting(rules, _applied(arguments, writes), None) if writes else None


def _otherwise(policy: PolicySet) -> str | None:
    enforced = {id: rule for id, rule in policy.rules.items() if not rule.shadow}
    return policy.otherwise.get(topmost(enforced, policy.otherwise))


# --- what is written ------------------------------------------------------------------------------------------------


def _writes(evaluator: Evaluator, id: str, one: Rewrite) -> list[Write] | Fault:
    when = True if one.when is None else evaluator.truth(one.when)
    unless = False if one.unless is None else evaluator.truth(one.unless)
    matches = both((when, negated(unless)))
    if isinstance(matches, Fault):
        return matches
    writes: list[Write] = []
    for change in one.changes if matches else ():
        found = _changed(evaluator, id, change)
        if isinstance(found, Fault):
            return found
        writes += found
    return writes


def _changed(evaluator: Evaluator, id: str, change: Change) -> list[Write] | Fault:
    if isinstance(change, SetArgument):
        return _set(evaluator, id, change)
    found = evaluator.value(Argument(change.path))
    if isinstance(found, Fault):
        return [] if found.code in ("missing", "null") else found
    if isinstance(change, RemoveArgument):
        return [Write(id, change.path, GONE)]
    return _redacted(id, change, found)


def _set(evaluator: Evaluator, id: str, change: SetArgument) -> list[Write] | Fault:
    value = evaluator.value(change.value)
    if isinstance(value, Fault):
        return value
    if not is_json(value.value):
        return Fault("wrong-type", value.place)
    there = evaluator.value(Argument(change.path))
    if isinstance(there, Fault):
        *above, last = change.path
        around = evaluator.value(Argument(tuple(above))) if above else Found(None)
        may_create = there.code == "missing" and not isinstance(around, Fault) and isinstance(last, str)
        if not may_create:
            return there
    return [Write(id, change.path, value.value)]


def _redacted(id: str, change: RedactArgument, found: Found) -> list[Write] | Fault:
    texts = [(change.path, found)]
    if isinstance(found.value, list):
        texts = [
            ((*change.path, index), Found(item, f"{found.place}[{index}]")) for index, item in enumerate(found.value)
        ]
    writes = []
    for path, one in texts:
        if one.value is None:
            continue
        if not isinstance(one.value, str):
            return wrong(one)
        spans = pattern.compile(change.pattern).spans(one.value)
        if spans is None:
            return Fault("out-of-range", one.place)
        if spans:
            writes.append(Write(id, path, Spans(tuple((*span, change.replacement) for span in spans))))
    return writes


# --- all of them together -------------------------------------------------------------------------------------------


def _contradict(one: Write, other: Write) -> bool:
    shorter = min(len(one.path), len(other.path))
    if one.path[:shorter] != other.path[:shorter]:
        return False
    if isinstance(one.what, Gone) and isinstance(other.what, Gone):
        return False
    if len(one.path) != len(other.path) or isinstance(one.what, Gone) or isinstance(other.what, Gone):
        return True
    if isinstance(one.what, Spans) and isinstance(other.what, Spans):
        return any(
            mine != yours and mine[0] < yours[1] and yours[0] < mine[1]
            for mine in one.what.spans
            for yours in other.what.spans
        )
    if isinstance(one.what, Spans) or isinstance(other.what, Spans):
        return True
    return not same(one.what, other.what, EXACT)


def _applied(arguments: Mapping[str, Json], writes: list[Write]) -> dict[str, Json]:
    tree = deepcopy(dict(arguments))
    for write in reversed(writes):  # of equal values, that of the smallest id stands
        if not isinstance(write.what, Gone | Spans):
            _around(tree, write.path)[write.path[-1]] = deepcopy(write.what)
    for path in {write.path for write in writes if isinstance(write.what, Spans)}:
        listed = {span for w in writes if w.path == path for span in cast(Spans, w.what).spans}
        around = _around(tree, path)
        for start, end, by in sorted(listed, reverse=True):
            text = around[path[-1]]
            around[path[-1]] = text[:start] + by + text[end:]
    gone = {write.path for write in writes if isinstance(write.what, Gone)}
    # From the end of each list, and inner ones first, so that the paths of the call as it came stay right.
    for path in sorted(gone, key=lambda path: [(str(type(step)), step) for step in path], reverse=True):
        around = _around(tree, path)
        del around[path[-1]]
    return tree


def _around(tree: Any, path: Path) -> Any:
    for step in path[:-1]:
        tree = tree[step]
    return tree

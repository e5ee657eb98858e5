"""Limits, clearances and the guards of counters, as the forbids they stand for.

What cannot be counted must not pass, or a counter could be stepped around: a guard forbids a call whose value or keys
are not there or of the wrong type, or would make a sum smaller. In strong Kleene `c and not c` is an error exactly
where c is one, and otherwise false; an error in a forbid forbids.
"""

from __future__ import annotations

from ..ast import (
    ABOVE_ALL,
    And,
    Arithmetic,
    Clearance,
    Compare,
    Condition,
    CounterDefinition,
    Effect,
    IsType,
    JsonType,
    Limit,
    Literal,
    Measure,
    Not,
    Operand,
    Or,
    ResultValue,
    Rule,
    SessionExceeds,
    Span,
    Tally,
)
from .tree import inside


def of_limit(limit: Limit, tracker: int, layer: str) -> Rule:
    """Forbids what would pass the bound, and what could not be counted."""
    span = limit.span
    tally = Tally(tracker, limit.keys, span)
    step: Operand = Literal(1, span) if limit.value is None else limit.value
    passed: Condition = Compare(">", Arithmetic("+", tally, step, span), limit.bound, span=span)
    measure: Measure = "count" if limit.value is None else "sum"
    # A key that is none is a fault of the tally itself.
    tests = [passed, *_uncountable(measure, limit.value, (), span)]
    when = _any(tests, span)
    if limit.when is not None:
        when = Or((And((limit.when, when), span), _erring(limit.when, span)), span)
    return Rule(
        effect=Effect.FORBID,
        tools=limit.tools,
        signature=None,
        when=when,
        unless=None,
        name=limit.name,
        priority=ABOVE_ALL,
        message=limit.message,
        scope=limit.scope,
        shadow=limit.shadow,
        layer=layer,
        origin="limit",
        span=span,
    )


def limit_of(rule: Rule) -> tuple[Tally, Operand] | None:
    """What a limit has counted so far, and its bound: a message's `{remaining}` is their difference.
    None for a rule of any other origin."""
    if rule.origin != "limit" or rule.when is None:
        return None
    for part in inside(rule.when):
        # What the limit's own `when` compares stands at its own place, inside the limit.
        if isinstance(part, Compare) and part.span == rule.span and isinstance(part.left, Arithmetic):
            tally = part.left.left
            if isinstance(tally, Tally):
                return tally, part.right
    return None


def of_clearance(clearance: Clearance, layer: str) -> Rule:
    """Forbids where the session carries a label that is not covered."""
    return Rule(
        effect=Effect.FORBID,
        tools=clearance.tools,
        signature=None,
        when=SessionExceeds(clearance.labels, clearance.span),
        unless=None,
        name=clearance.name,
        priority=ABOVE_ALL,
        message=clearance.message,
        scope=clearance.scope,
        layer=layer,
        origin="clearance",
        span=clearance.span,
    )


def of_counter(counter: CounterDefinition, layer: str) -> Rule | None:
    """Forbids what the counter could not count; None where it can count every call.

    What an answer decides is known too late to forbid the call, so a counter of answers has no guard: the state engine
    then keeps the counter's fault.
    """
    span = counter.span
    asked = (counter.value, *counter.keys, counter.event.condition)
    if any(isinstance(part, ResultValue) for operand in asked for part in inside(operand)):
        return None
    tests = _uncountable(counter.measure, counter.value, counter.keys, span)
    condition = counter.event.condition
    if condition is not None:
        binding: list[Condition] = [And((condition, _any(tests, span)), span)] if tests else []
        tests = [*binding, _erring(condition, span)]
    if not tests:
        return None
    return Rule(
        effect=Effect.FORBID,
        tools=counter.event.tools,
        signature=None,
        when=_any(tests, span),
        unless=None,
        priority=ABOVE_ALL,
        scope=counter.scope,
        layer=layer,
        origin="counter",
        span=span,
    )


def _uncountable(measure: Measure, value: Operand | None, keys: tuple[Operand, ...], span: Span) -> list[Condition]:
    """Tests of which one is true or an error where the call cannot be counted."""
    tests: list[Condition] = []
    if value is not None:
        below = Compare("<", value, Literal(0, span), span=span)
        match measure:
            case "sum":
                tests.append(below)
            case "max":
                tests.append(_erring(below, span))
            case _:
                tests.append(_no_scalar(value, span))
    return [*tests, *(_no_scalar(key, span) for key in keys)]


def _no_scalar(operand: Operand, span: Span) -> Condition:
    return Or(tuple(IsType(operand, kind, span) for kind in (JsonType.LIST, JsonType.OBJECT)), span)


def _erring(condition: Condition, span: Span) -> Condition:
    return And((condition, Not(condition, span)), span)


def _any(tests: list[Condition], span: Span) -> Condition:
    return tests[0] if len(tests) == 1 else Or(tuple(tests), span)

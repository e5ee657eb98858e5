"""What an event's condition may ask, and which of its parts compare an earlier call with the one being decided."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ..ast import (
    EXACT,
    And,
    Argument,
    CallValue,
    Compare,
    Condition,
    CounterValue,
    DerivedFrom,
    Element,
    FromResults,
    FromSource,
    FromUser,
    Happened,
    Operand,
    PolicyFile,
    ResultValue,
    Seen,
    SessionExceeds,
    SessionHas,
    Tally,
)
from .faults import fault
from .tree import inside, with_parts

_OF_SESSION: Final = (
    Happened,
    Seen,
    CounterValue,
    Tally,
    FromUser,
    FromResults,
    FromSource,
    DerivedFrom,
    SessionHas,
    SessionExceeds,
)


def asks_session(condition: Condition) -> bool:
    """Whether the condition asks what else happened in the session, which one call and its answer cannot tell."""
    return any(isinstance(part, _OF_SESSION) for part in inside(condition))


def refuse_session(file: PolicyFile, condition: Condition | Operand) -> None:
    """Raises BundleError where what is said of one call asks about the session around it."""
    for part in inside(condition):
        if isinstance(part, _OF_SESSION):
            raise fault(
                file,
                getattr(part, "span", condition.span),
                "this test is of one call and its answer, not of the session around it",
                "event-condition",
                "test the session beside it, joined by `and`",
            )


class Key(NamedTuple):
    """`past == call.x`: the earlier call's value, and this call's."""

    past: Operand
    present: Operand


def split(file: PolicyFile, condition: Condition | None) -> tuple[Condition | None, tuple[Key, ...]]:
    """The part of an event's condition that the earlier call alone decides, and the keys."""
    if condition is None:
        return None, ()
    alone: list[Condition] = []
    keys: list[Key] = []
    for part in conjuncts(condition):
        if not _asks_call(part):
            alone.append(part)
            continue
        key = _key(part)
        if key is None:
            raise fault(
                file,
                part.span,
                "an argument of the call being decided stands only in `x == call.y`",
                "call-here",
                "one of the parts that `and` joins, as in `released f(path == call.path and size > 5)`",
            )
        keys.append(key)
    return joined(alone), tuple(keys)


def conjuncts(condition: Condition) -> list[Condition]:
    """The parts that `and` joins, at whatever depth."""
    if not isinstance(condition, And):
        return [condition]
    return [part for item in condition.items for part in conjuncts(item)]


def joined(items: list[Condition]) -> Condition | None:
    if not items:
        return None
    return items[0] if len(items) == 1 else And(tuple(items), items[0].span)


def _asks_call(node: Any) -> bool:
    return any(isinstance(part, CallValue) for part in inside(node))


def _key(part: Condition) -> Key | None:
    if not isinstance(part, Compare) or part.op != "==" or part.text != EXACT:
        return None
    past, present = (part.right, part.left) if _asks_call(part.left) else (part.left, part.right)
    mixed = any(isinstance(inner, Argument | Element | ResultValue) for inner in inside(present))
    if mixed or _asks_call(past):
        return None
    return Key(past, _decided(present))


def _decided(node: Any) -> Any:
    """With what an event calls `call.x` as the deciding call itself calls it."""
    return Argument(node.path, node.span) if isinstance(node, CallValue) else with_parts(node, _decided)

"""What a test looked at: each value of the call, of who makes it and of the session that stands in a condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Final

from policy_dsl import (
    ABSENT,
    Argument,
    Claim,
    Condition,
    DerivedFrom,
    Element,
    Facts,
    FromResults,
    FromSource,
    FromUser,
    HasRole,
    Operand,
    PrincipalPart,
    SessionExceeds,
    SessionHas,
    Span,
    Tally,
    TimeBetween,
    TimeWithin,
    compile_operand,
    spelling,
)

SHOWN: Final = 80
"""Characters of one value that are printed; as JSON it is whole."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`what` was looked at, in the words of the policy. Where nothing stands, `there` is false and `value` None."""

    what: str
    value: Any
    there: bool = True

    def __str__(self) -> str:
        if not self.there:
            return f"{self.what} is not there"
        text = spelling.json_value(self.value)
        return f"{self.what} = {text if len(text) <= SHOWN else text[: SHOWN - 1] + '…'}"


def readings(condition: Condition, arguments: Mapping[str, Any], facts: Facts) -> tuple[Reading, ...]:
    """What a test without parts of its own looks at, in the order written."""
    return tuple({reading.what: reading for reading in _of(condition, arguments, facts)}.values())


def value_of(operand: Operand, arguments: Mapping[str, Any], facts: Facts) -> Any:
    """The operand's value for a call; ABSENT where it is an error."""
    return compile_operand(operand)(arguments, facts)


def _of(node: Any, arguments: Mapping[str, Any], facts: Facts) -> Iterator[Reading]:
    match node:
        case Argument() | Claim() | PrincipalPart() | Tally():
            value = value_of(node, arguments, facts)
            yield Reading(spelling.operand(node, ()), value if value is not ABSENT else None, value is not ABSENT)
            return
        case Element() | Span():
            return
    if isinstance(node, tuple):
        for item in node:
            yield from _of(item, arguments, facts)
    elif is_dataclass(node) and not isinstance(node, type):
        parts = (node.operand,) if isinstance(node, FromSource | FromResults | DerivedFrom) else _fields(node)
        for part in parts:
            yield from _of(part, arguments, facts)
    yield from _around(node, facts)


def _around(node: Any, facts: Facts) -> Iterator[Reading]:
    """What a test looks at besides its operands."""
    match node:
        case SessionHas() | SessionExceeds():
            labels = sorted(_label(*label) for label in facts.history.labels)
            yield Reading("the labels of the session", labels)
        case HasRole():
            yield Reading("the roles of the principal", sorted(facts.roles))
        case TimeBetween() | TimeWithin():
            yield Reading("the time", _moment(facts.now) if facts.now else None, facts.now != 0)
        case FromUser():
            yield Reading("what the user said", list(facts.user_words))


def _fields(node: Any) -> tuple[Any, ...]:
    return tuple(getattr(node, field.name) for field in fields(node) if field.name != "span")


def _label(name: str, compartment: str | None) -> str:
    return name if compartment is None else f"{name}({compartment})"


def _moment(now: int) -> str:
    return datetime.fromtimestamp(now / 1_000_000, UTC).isoformat().replace("+00:00", "Z")

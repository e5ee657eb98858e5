"""What a map's operands come to for one call. A value that cannot be computed is left out, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from ..ast import Argument, Arithmetic, IntentMap, Json, LengthOf, ListLiteral, Literal, NumberOf, Operand
from ..values import number

OPERANDS: Final = (Literal, ListLiteral, Argument, Arithmetic, NumberOf, LengthOf)
"""What a field may be computed with: the call alone decides its intent, not who acts or what happened before."""


_LONG: Final = 2**63


class _NoValue(Exception):
    """The call does not carry what the operand reads, or not in the type it needs."""


def fields_of(intent: IntentMap, arguments: Mapping[str, Json]) -> dict[str, Json]:
    """The fields that the call carries, in the order of the map; null counts as not carried."""
    found: dict[str, Json] = {}
    for name, operand in intent.fields:
        try:
            value = _value(operand, arguments)
        except _NoValue:
            continue
        if value is not None:
            # No encoder of ours takes longer integers; as a Decimal all digits are kept.
            found[name] = Decimal(value) if type(value) is int and abs(value) >= _LONG else value
    return found


def _value(operand: Operand, arguments: Mapping[str, Json]) -> Json:
    match operand:
        case Literal(value=value):
            return value
        case ListLiteral(items=items):
            return [item.value for item in items]
        case Argument(path=path):
            return _walked(dict(arguments), path)
        case NumberOf(operand=inner):
            return _spelled(_value(inner, arguments))
        case LengthOf(operand=inner):
            whole = _value(inner, arguments)
            if not isinstance(whole, str | list | dict):
                raise _NoValue
            return len(whole)
        case Arithmetic(op=sign, left=left, right=right):
            return _computed(sign, _value(left, arguments), _value(right, arguments))
    raise AssertionError(f"a map holds no {type(operand).__name__}")


def _walked(value: Json, path: tuple[str | int, ...]) -> Json:
    for step in path:
        match value:
            case dict() if isinstance(step, str) and step in value:
                value = value[step]
            case list() if isinstance(step, int) and step < len(value):
                value = value[step]
            case _:
                raise _NoValue
    return value


def _spelled(value: Json) -> Json:
    found = number.read(value) if isinstance(value, str) else None
    if found is None:
        raise _NoValue
    return found


def _computed(sign: str, left: Json, right: Json) -> Json:
    if not number.is_number(left) or not number.is_number(right):
        raise _NoValue
    exactly = {"+": number.add, "-": number.sub, "*": number.mul}[sign]
    try:
        return exactly(left, right)
    except number.InexactError:
        raise _NoValue from None

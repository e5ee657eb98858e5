"""Conditions sorted by the JSON type of the value they look at, and how such a table is said in one sentence.

JSON Schema ignores a keyword for a value of another type; here a test of another type is an error. So a schema is read
to a Table, which says for each type what must hold of a value of that type, and only then written down with the tests
of type that keep errors away.

A condition is *total* where it is true or false for every value. A grant need not be total: an error grants as little
as a false, and the text is shorter. Everything that is denied, forbidden or asked must be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..ast import (
    EXACT,
    And,
    Argument,
    Compare,
    Condition,
    Constant,
    Element,
    IfThen,
    IsType,
    JsonType,
    ListLiteral,
    Literal,
    Matches,
    Member,
    MultipleOf,
    Not,
    Operand,
    Or,
    Presence,
    Quantified,
    RangeSet,
    Scalar,
    SetLiteral,
)

TRUE = Constant(True)
FALSE = Constant(False)

KINDS = (JsonType.NULL, JsonType.TEXT, JsonType.NUMBER, JsonType.BOOLEAN, JsonType.LIST, JsonType.OBJECT)
"""Every JSON value is of exactly one; `null` first, because `missing` takes it over."""

Table = Mapping[JsonType, Condition]
"""By type: what must hold of a value of that type, total for such values."""

ANYTHING: Table = dict.fromkeys(KINDS, TRUE)
NOTHING: Table = dict.fromkeys(KINDS, FALSE)


def only(kind: JsonType, condition: Condition) -> Table:
    """The keyword of one type: it says nothing about values of the others."""
    return {**ANYTHING, kind: condition}


def pointwise(join: Callable[[list[Condition]], Condition], tables: Iterable[Table]) -> Table:
    """The tables joined type by type."""
    listed = list(tables)
    return {kind: join([table[kind] for table in listed]) for kind in KINDS}


# --- connectives, simplified ----------------------------------------------------------------------------------------


def all_of(conditions: Iterable[Condition]) -> Condition:
    return _joined(conditions, And, neutral=TRUE, final=FALSE)


def any_of(conditions: Iterable[Condition]) -> Condition:
    return _joined(conditions, Or, neutral=FALSE, final=TRUE)


def one_of(conditions: list[Condition]) -> Condition:
    """Exactly one of them."""
    possible = [condition for condition in conditions if condition != FALSE]
    return any_of(
        all_of([one, *(none_of([other]) for at, other in enumerate(possible) if at != index)])
        for index, one in enumerate(possible)
    )


def none_of(conditions: list[Condition]) -> Condition:
    return all_of(denied(condition) for condition in conditions)


_OPPOSITES = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def denied(condition: Condition) -> Condition:
    """The negation; an error of the one is an error of the other."""
    match condition:
        case Constant(value):
            return Constant(not value)
        case Not(item):
            return item
        case Compare(op, left, right, text):
            return Compare(_OPPOSITES[op], left, right, text)  # type: ignore[arg-type]  # the table's values are signs
        case Presence("has", operand):
            return Presence("missing", operand)
        case Presence("missing", operand):
            return Presence("has", operand)
        case And(items):
            return any_of(denied(item) for item in items)
        case Or(items):
            return all_of(denied(item) for item in items)
    return Not(condition)


def _joined(
    conditions: Iterable[Condition], build: type[And] | type[Or], *, neutral: Condition, final: Condition
) -> Condition:
    items: dict[Condition, None] = {}
    for condition in conditions:
        for item in condition.items if isinstance(condition, build) else (condition,):
            if item == final:
                return final
            if item != neutral:
                items[item] = None
    found = tuple(items)
    if not found:
        return neutral
    return found[0] if len(found) == 1 else build(found)


# --- tables as sentences --------------------------------------------------------------------------------------------


def said(table: Table, operand: Operand, *, total: bool) -> Condition:
    """The table as one condition on a value that is there."""
    free = [kind for kind in KINDS if table[kind] == TRUE]
    barred = [kind for kind in KINDS if table[kind] == FALSE]
    tested = [kind for kind in KINDS if kind not in free and kind not in barred]
    if len(free) == len(KINDS):
        return TRUE
    if len(free) > len(KINDS) // 2:
        return all_of(
            [
                *(Not(IsType(operand, kind)) for kind in barred),
                *(any_of([Not(IsType(operand, kind)), table[kind]]) for kind in tested),
            ]
        )
    parts: list[Condition] = []
    for kind in KINDS:
        if kind in free:
            parts.append(IsType(operand, kind))
        elif kind in tested:
            parts.append(_of_kind(table[kind], operand, kind, total=total))
    return any_of(_merged(parts, operand))


def unless_absent(condition: Condition, operand: Argument | Element) -> Condition:
    """What holds of a value that need not be there: nothing is asked where it is absent."""
    if condition == TRUE:
        return TRUE
    items = condition.items if isinstance(condition, Or) else (condition,)
    null = IsType(operand, JsonType.NULL)
    if null in items:
        return any_of([Presence("missing", operand), *(item for item in items if item != null)])
    return any_of([Presence("absent", operand), condition])


def unless_missing(condition: Condition, operand: Argument | Element) -> Condition:
    """As `unless_absent`, where null is as good as absent."""
    if condition == TRUE:
        return TRUE
    items = condition.items if isinstance(condition, Or) else (condition,)
    null = IsType(operand, JsonType.NULL)
    return any_of([Presence("missing", operand), *(item for item in items if item != null)])


def of_absent(condition: Condition) -> bool | None:
    """What a condition on one argument comes to where the argument is absent; None is an error."""
    match condition:
        case Constant(value):
            return value
        case Presence(kind=kind):
            return kind != "has"
        case Not(item):
            found = of_absent(item)
            return None if found is None else not found
        case And(items):
            return _kleene([of_absent(item) for item in items], decides=False)
        case Or(items):
            return _kleene([of_absent(item) for item in items], decides=True)
        case IfThen(test, then, otherwise) if otherwise is not None:
            return of_absent(And((Or((Not(test), then)), Or((test, otherwise)))))
    return None


def _kleene(found: list[bool | None], *, decides: bool) -> bool | None:
    if decides in found:
        return decides
    return None if None in found else not decides


def listed(operand: Operand, values: list[Scalar]) -> Condition:
    """One of these values, which are of one type and not null."""
    if len(values) == 1:
        return Compare("==", operand, Literal(values[0]))
    return Member(operand, SetLiteral(tuple(values)))


def holds_objects(table: Table) -> bool:
    """Whether a value that the table lets through may be an object, or a list with an object somewhere inside."""
    return table[JsonType.OBJECT] != FALSE or (table[JsonType.LIST] != FALSE and not _of_scalars(table[JsonType.LIST]))


def _of_scalars(condition: Condition) -> bool:
    """Whether a list for which it is true holds neither objects nor lists."""
    match condition:
        case And(items):
            return any(_of_scalars(item) for item in items)
        case Or(items):
            return all(_of_scalars(item) for item in items)
        case Compare("==", right=ListLiteral()):
            return True
        case Quantified(kind="each", name=name, body=body):
            return any(_implies(body, Element(name), kind) for kind in (JsonType.TEXT, JsonType.NUMBER))
    return False


def _of_kind(condition: Condition, operand: Operand, kind: JsonType, *, total: bool) -> Condition:
    guard = IsType(operand, kind)
    if _is_guarded(condition, operand, kind) or (not total and _implies(condition, operand, kind)):
        return condition
    return all_of([guard, condition])


def _is_guarded(condition: Condition, operand: Operand, kind: JsonType) -> bool:
    """Whether it is false, not an error, for a value of another type."""
    match condition:
        case IsType():
            return condition.operand == operand and _is_of(condition.type, kind)
        case And(items):
            return any(_is_guarded(item, operand, kind) for item in items)
        case Or(items):
            return all(_is_guarded(item, operand, kind) for item in items)
    return False


def _implies(condition: Condition, operand: Operand, kind: JsonType) -> bool:
    """Whether it is never true for a value of another type: there it is false or an error."""
    match condition:
        case And(items):
            return any(_implies(item, operand, kind) for item in items)
        case Or(items):
            return all(_implies(item, operand, kind) for item in items)
        case IsType():
            return condition.operand == operand and _is_of(condition.type, kind)
        case Compare("==", left, right) if left == operand:
            return _kind_of_literal(right) is kind
        case Compare(op, left, Literal()) if op != "!=":
            return left == operand and kind is JsonType.NUMBER
        case Member(left, SetLiteral(items)):
            return left == operand and all(kind_of(item) is kind for item in items)
        case Member(left, RangeSet()) | MultipleOf(left):
            return left == operand and kind is JsonType.NUMBER
        case Matches(left):
            return left == operand and kind is JsonType.TEXT
        case Quantified(source=source):
            return source == operand and kind is JsonType.LIST
    return False


def _is_of(tested: JsonType, kind: JsonType) -> bool:
    return tested is kind or (tested is JsonType.INTEGER and kind is JsonType.NUMBER)


def kind_of(value: object) -> JsonType:
    """The type of a JSON value; never integer."""
    if value is None:
        return JsonType.NULL
    for kind, types in _PYTHON.items():
        if isinstance(value, types):
            return kind
    return JsonType.NUMBER


_PYTHON: dict[JsonType, type] = {
    JsonType.BOOLEAN: bool,
    JsonType.TEXT: str,
    JsonType.LIST: list,
    JsonType.OBJECT: dict,
}


def _kind_of_literal(operand: Operand) -> JsonType | None:
    if isinstance(operand, ListLiteral):
        return JsonType.LIST
    return kind_of(operand.value) if isinstance(operand, Literal) else None


def _merged(parts: list[Condition], operand: Operand) -> list[Condition]:
    """Values of several types that nothing else is asked of, as one set. `x == 1` alone stays what it is."""
    values = [value for part in parts for value in _values(part, operand)]
    lone = [part for part in parts if not _values(part, operand)]
    if len(parts) - len(lone) < 2:
        return parts
    return [*lone, listed(operand, values)]


def _values(part: Condition, operand: Operand) -> tuple[Scalar, ...]:
    match part:
        case Member(left, SetLiteral(items), text) if left == operand and text == EXACT:
            return items
        case Compare("==", left, Literal(value), text) if left == operand and text == EXACT and value is not None:
            return (value,)
    return ()

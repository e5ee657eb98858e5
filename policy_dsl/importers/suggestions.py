"""What the values that an argument had in recorded calls suggest as its condition.

A suggestion holds for every value seen and for few others: the values themselves while they are few, else a shape that
all of them share (addresses at some domains, URLs of some hosts, paths under a root, a class of characters), else a
bound on the length. Nothing here knows whether what was seen was good: a person reads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from posixpath import commonpath
from typing import Final, cast

from ..ast import (
    Argument,
    Compare,
    Condition,
    Element,
    Json,
    JsonType,
    LengthOf,
    ListLiteral,
    Literal,
    MailSet,
    Matches,
    Member,
    Quantified,
    RangeSet,
    SetLiteral,
    Under,
    WebSet,
)
from ..values import mail, path, web
from .typed import TRUE, any_of, kind_of, listed

FEW: Final = 8
"""Values, domains or hosts that are listed one by one."""

PROSE: Final = 60
"""Characters from which on a text is written for somebody to read, not to name something."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`about` is what the condition was made from, for the comment above the rule."""

    condition: Condition
    about: str


NONE: Final = Suggestion(TRUE, "any value")


def suggested(operand: Argument | Element, values: Sequence[Json]) -> Suggestion:
    """A condition that holds for all `values`, none of which is null; NONE where they have nothing in common."""
    kinds = {kind_of(value) for value in values}
    if len(kinds) != 1:
        return NONE
    match kinds.pop():
        case JsonType.TEXT:
            return _text(operand, cast("list[str]", list(values)))
        case JsonType.NUMBER:
            return _number(operand, cast("list[int | Decimal]", list(values)))
        case JsonType.BOOLEAN:
            return _boolean(operand, cast("list[bool]", list(values)))
        case JsonType.LIST:
            return _list(operand, cast("list[list[Json]]", list(values)))
    return NONE


def _text(operand: Argument | Element, values: list[str]) -> Suggestion:
    distinct = list(dict.fromkeys(values))
    if any(len(value) > PROSE or len(value.split()) > 3 for value in distinct):
        return _length(operand, distinct)
    if len(distinct) <= FEW:
        return Suggestion(listed(operand, [*distinct]), _counted(len(distinct), "value"))
    for shape in (_mail, _web, _path, _class):
        found = shape(operand, distinct)
        if found is not None:
            return found
    return _length(operand, distinct)


def _mail(operand: Argument | Element, values: list[str]) -> Suggestion | None:
    domains = _all(mail.address_domain(value) for value in values)
    if domains is None:
        return None
    return Suggestion(
        Member(operand, MailSet(SetLiteral(tuple(domains)), subdomains=False)),
        f"{len(values)} addresses at these domains",
    )


def _web(operand: Argument | Element, values: list[str]) -> Suggestion | None:
    hosts = _all(web.https_host(value) for value in values)
    if hosts is None:
        return None
    return Suggestion(
        Member(operand, WebSet(SetLiteral(tuple(hosts)), subdomains=False)), f"{len(values)} URLs of these hosts"
    )


def _all(found: object) -> list[str] | None:
    names = list(dict.fromkeys(cast("list[str | None]", found)))
    return None if None in names or len(names) > FEW else cast("list[str]", names)


def _path(operand: Argument | Element, values: list[str]) -> Suggestion | None:
    if not all(value.startswith("/") for value in values):
        return None
    root = commonpath(values)
    if root == "/" or not all(path.is_under(value, root) for value in values):
        return None
    return Suggestion(Under(operand, SetLiteral((root,))), f"{len(values)} paths under one root")


def _class(operand: Argument | Element, values: list[str]) -> Suggestion | None:
    low, high = min(map(len, values)), max(map(len, values))
    for characters in _CLASSES:
        if low and all(re.fullmatch(f"{characters}+", value) for value in values):
            bounds = str(low) if low == high else f"{low},{high}"
            return Suggestion(Matches(operand, f"{characters}{{{bounds}}}"), f"{len(values)} values of this form")
    return None


def _length(operand: Argument | Element, values: list[str]) -> Suggestion:
    longest = max(map(len, values))
    bound = next(bound for bound in _BOUNDS if bound >= longest) if longest <= _BOUNDS[-1] else longest
    return Suggestion(
        Compare("<=", LengthOf(operand), Literal(bound)), f"{_counted(len(values), 'text')}, any other passes"
    )


def _number(operand: Argument | Element, values: list[int | Decimal]) -> Suggestion:
    low, high = min(values), max(values)
    if low == high:
        return Suggestion(Compare("==", operand, Literal(low)), "1 value")
    return Suggestion(Member(operand, RangeSet(low, high)), f"{_counted(len(set(values)), 'value')}, least to greatest")


def _boolean(operand: Argument | Element, values: list[bool]) -> Suggestion:
    if len(set(values)) == 2:
        return NONE
    return Suggestion(Compare("==", operand, Literal(values[0])), "1 value")


def _list(operand: Argument | Element, values: list[list[Json]]) -> Suggestion:
    elements = [element for value in values for element in value]
    inner = suggested(Element("it"), elements) if elements and isinstance(operand, Argument) else NONE
    if inner.condition == TRUE or any(isinstance(element, list | dict) or element is None for element in elements):
        return NONE
    each: Condition = Quantified("each", operand, "it", inner.condition)
    if any(not value for value in values):
        each = any_of([Compare("==", operand, ListLiteral(())), each])
    return Suggestion(each, f"each of {inner.about}")


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


_CLASSES: Final = ("[0-9]", "[A-Z0-9]", "[a-z0-9]", "[A-Za-z0-9]", "[A-Za-z0-9_.-]", "[A-Za-z0-9_.:/-]")
"""Narrow ones first."""

_BOUNDS: Final = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000)

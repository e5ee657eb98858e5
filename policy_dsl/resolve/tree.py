"""Any node of the tree, whatever its kind: its parts, changing them, moving it, and its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from ..ast import Span

Node = TypeVar("Node")


def parts(kind: type) -> tuple[str, ...]:
    """The fields of a kind of node, but for where it stands; none for what is no node."""
    found = _PARTS.get(kind)
    if found is None:
        found = ()
        if is_dataclass(kind) and kind is not Span:
            found = tuple(part.name for part in fields(kind) if part.name != "span")
        _PARTS[kind] = found
    return found


def with_parts(node: Node, change: Callable[[Any], Any]) -> Node:
    """The node with `change` applied to each node directly inside it; the node itself where that changes nothing."""
    changed = {}
    for name in parts(type(node)):
        old = getattr(node, name)
        new = _applied(old, change)
        if new is not old:
            changed[name] = new
    return replace(node, **changed) if changed else node  # type: ignore[type-var]  # what has parts is a dataclass


def _applied(value: Any, change: Callable[[Any], Any]) -> Any:
    if type(value) is tuple:
        new = tuple(_applied(item, change) for item in value)
        return value if all(one is other for one, other in zip(value, new, strict=True)) else new
    return change(value) if parts(type(value)) else value


def inside(root: object) -> Iterator[Any]:
    """The node and every node inside it."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if type(node) is tuple:
            waiting.extend(node)
        elif names := parts(type(node)):
            yield node
            waiting.extend(getattr(node, name) for name in names)


def depth(root: object) -> int:
    """How many nodes stand inside each other."""
    deepest, waiting = 0, [(root, 0)]
    while waiting:
        node, above = waiting.pop()
        if type(node) is tuple:
            waiting.extend((item, above) for item in node)
        elif names := parts(type(node)):
            deepest = max(deepest, above + 1)
            waiting.extend((getattr(node, name), above + 1) for name in names)
    return deepest


def moved(node: Any, span: Span) -> Any:
    """The same node, all of it at one place: that of the name that stood for it."""
    if type(node) is tuple:
        return tuple(moved(item, span) for item in node)
    names = parts(type(node))
    if not names:
        return node
    inner = {name: moved(getattr(node, name), span) for name in names}
    return replace(node, **inner, span=span) if hasattr(node, "span") else replace(node, **inner)


def digest(*values: object) -> str:
    """`sha256:` over what the nodes say: equal exactly where they are equal, whatever run or machine asks."""
    text = json.dumps(_plain(values), ensure_ascii=False, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _plain(value: object) -> object:
    if type(value) is tuple:
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal) or type(value) is int:
        # One spelling of each number: 1.50 is 1.5, and 1 is no `true`.
        sign, digits, power = Decimal(value).as_tuple()
        written = "".join(map(str, digits)).lstrip("0")
        short = written.rstrip("0")
        return ["number", sign if short else 0, short, int(power) + len(written) - len(short) if short else 0]
    if is_dataclass(value) and not isinstance(value, type):
        compared = [part.name for part in fields(value) if part.compare]
        return [type(value).__name__, *(_plain(getattr(value, name)) for name in compared)]
    return value


_PARTS: dict[type, tuple[str, ...]] = {}
